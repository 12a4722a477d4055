//! Listening tests without knowing which is which: blind A/B and ABX, and what the answers prove. Pure; randomness comes in.

use serde::{Deserialize, Serialize};

use crate::error::AudioError;

/// What kind of rendition a side plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rendition {
    /// The exact bytes the musician exported.
    Original,
    /// The small lossy rendition.
    Preview,
}

/// A button of the test, hiding a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The first version.
    A,
    /// The second version.
    B,
}

/// An ABX test: in every trial X is A or B, and the listener says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abx {
    hidden: Vec<Side>,
    answers: Vec<Side>,
}

/// What an ABX test came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbxResult {
    /// Trials answered.
    pub trials: u32,
    /// Right answers.
    pub correct: u32,
    /// Chance of at least so many right answers by guessing (one-sided binomial).
    pub p_value: f64,
}

/// Most trials of one test.
pub const MAX_TRIALS: u32 = 1_000;

impl Abx {
    /// A test of `trials` trials; `random` gives uniformly random bits.
    /// # Errors
    /// `Unsupported` when an original would be compared with a preview: the codec would be heard, not the mix. `Limit` for too
    /// many trials.
    pub fn start(a: Rendition, b: Rendition, trials: u32, mut random: impl FnMut() -> u64) -> Result<Self, AudioError> {
        check_fair(a, b)?;
        if trials > MAX_TRIALS {
            return Err(AudioError::Limit { what: "the number of trials", found: trials.into(), limit: MAX_TRIALS.into() });
        }
        Ok(Abx { hidden: (0..trials).map(|_| toss(&mut random)).collect(), answers: Vec::new() })
    }

    /// What X is in the present trial, for the player only; `None` when all trials are done.
    pub fn hidden(&self) -> Option<Side> {
        self.hidden.get(self.answers.len()).copied()
    }

    /// Takes the listener's answer and goes on to the next trial; returns whether another one follows.
    pub fn answer(&mut self, side: Side) -> bool {
        if self.answers.len() < self.hidden.len() {
            self.answers.push(side);
        }
        self.answers.len() < self.hidden.len()
    }

    /// The result so far. Shown only after the last trial, or the test is none.
    pub fn result(&self) -> AbxResult {
        let trials = self.answers.len() as u32;
        let correct = self.answers.iter().zip(&self.hidden).filter(|(answer, hidden)| answer == hidden).count() as u32;
        AbxResult { trials, correct, p_value: guessing_chance(trials, correct) }
    }
}

/// A blind comparison: two buttons, 1 and 2, whose versions are revealed at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    first: Side,
}

impl Blind {
    /// Hides A and B behind two buttons.
    /// # Errors
    /// `Unsupported` when an original would be compared with a preview.
    pub fn start(a: Rendition, b: Rendition, mut random: impl FnMut() -> u64) -> Result<Self, AudioError> {
        check_fair(a, b)?;
        Ok(Blind { first: toss(&mut random) })
    }

    /// The versions behind the first and the second button.
    pub fn sides(&self) -> (Side, Side) {
        match self.first {
            Side::A => (Side::A, Side::B),
            Side::B => (Side::B, Side::A),
        }
    }
}

fn check_fair(a: Rendition, b: Rendition) -> Result<(), AudioError> {
    if a == b { Ok(()) } else { Err(AudioError::Unsupported { format: "comparing an original with a preview".to_owned() }) }
}

fn toss(random: &mut impl FnMut() -> u64) -> Side {
    // The top bit is the best one of weak generators.
    if random() >> 63 == 0 { Side::A } else { Side::B }
}

/// Chance of at least `correct` right answers out of `trials` by guessing.
pub fn guessing_chance(trials: u32, correct: u32) -> f64 {
    if correct == 0 {
        return 1.0;
    }
    // Sums of logarithms, so that a thousand trials neither overflow nor vanish.
    let log_factorial: Vec<f64> = std::iter::once(0.0)
        .chain((1..=trials).scan(0.0, |sum, n| {
            *sum += f64::from(n).ln();
            Some(*sum)
        }))
        .collect();
    let log_chance = |k: u32| {
        log_factorial[trials as usize]
            - log_factorial[k as usize]
            - log_factorial[(trials - k) as usize]
            - f64::from(trials) * std::f64::consts::LN_2
    };
    (correct..=trials).map(|k| log_chance(k).exp()).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chance_of_guessing_is_the_binomial_one() {
        for (trials, correct, expected) in [(0, 0, 1.0), (10, 10, 1.0 / 1024.0), (10, 9, 11.0 / 1024.0), (16, 12, 0.038_406), (1, 1, 0.5)] {
            assert!((guessing_chance(trials, correct) - expected).abs() < 1e-6, "{correct} of {trials}");
        }
        assert!(guessing_chance(1_000, 500) > 0.5 && guessing_chance(1_000, 600) < 1e-9);
    }

    #[test]
    fn a_listener_who_hears_it_is_told_apart_from_one_who_guesses() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let mut test = Abx::start(Rendition::Original, Rendition::Original, 16, &mut random).expect("it is fair");
        let seen: Vec<Side> = test.hidden.clone();
        assert!(seen.contains(&Side::A) && seen.contains(&Side::B));
        while let Some(side) = test.hidden() {
            test.answer(side);
        }
        assert_eq!(test.result(), AbxResult { trials: 16, correct: 16, p_value: guessing_chance(16, 16) });
        assert!(!test.answer(Side::A), "there is no seventeenth trial");
        assert_eq!(test.result().trials, 16);
    }

    #[test]
    fn an_original_is_never_compared_with_a_preview() {
        assert!(matches!(Abx::start(Rendition::Original, Rendition::Preview, 8, || 0), Err(AudioError::Unsupported { .. })));
        assert!(matches!(Blind::start(Rendition::Preview, Rendition::Original, || 0), Err(AudioError::Unsupported { .. })));
        let blind = Blind::start(Rendition::Preview, Rendition::Preview, || u64::MAX).expect("it is fair");
        assert_eq!(blind.sides(), (Side::B, Side::A));
    }
}
