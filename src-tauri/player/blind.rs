//! A blind test over the two slots: which lane a button plays, and when the listener may know. Pure; randomness comes in.

use collabtrack_audio::error::AudioError;
use collabtrack_audio::listening::{Abx, Blind, Rendition, Side};
use collabtrack_library::view::{BlindButton, BlindKind, BlindResult, BlindView, Slot};

/// A test under way.
pub(super) enum BlindTest {
    /// X and Y hide the slots.
    Compare { sides: Blind, heard: BlindButton, revealed: bool },
    /// X is A or B, trial after trial.
    Abx { test: Abx, trials: u32, answered: u32, heard: BlindButton },
}

fn slot(side: Side) -> Slot {
    match side {
        Side::A => Slot::A,
        Side::B => Slot::B,
    }
}

impl BlindTest {
    /// Starts a test between what the slots play.
    /// # Errors
    /// `Unsupported` between an original and a preview, `Limit` for too many trials.
    pub(super) fn start(
        kind: BlindKind,
        trials: u32,
        renditions: [Rendition; 2],
        mut random: impl FnMut() -> u64,
    ) -> Result<Self, AudioError> {
        let [a, b] = renditions;
        Ok(match kind {
            BlindKind::Compare => BlindTest::Compare { sides: Blind::start(a, b, &mut random)?, heard: BlindButton::X, revealed: false },
            BlindKind::Abx => {
                let trials = trials.max(1);
                BlindTest::Abx { test: Abx::start(a, b, trials, &mut random)?, trials, answered: 0, heard: BlindButton::A }
            }
        })
    }

    /// Chooses a button; the slot to be heard then, `None` for a button this test does not have.
    pub(super) fn hear(&mut self, button: BlindButton) -> Option<Slot> {
        let found = self.slot_of(button)?;
        match self {
            BlindTest::Compare { heard, .. } | BlindTest::Abx { heard, .. } => *heard = button,
        }
        Some(found)
    }

    fn slot_of(&self, button: BlindButton) -> Option<Slot> {
        match (self, button) {
            (BlindTest::Compare { sides, .. }, BlindButton::X) => Some(slot(sides.sides().0)),
            (BlindTest::Compare { sides, .. }, BlindButton::Y) => Some(slot(sides.sides().1)),
            (BlindTest::Abx { .. }, BlindButton::A) => Some(Slot::A),
            (BlindTest::Abx { .. }, BlindButton::B) => Some(Slot::B),
            (BlindTest::Abx { test, .. }, BlindButton::X) => test.hidden().map(slot),
            _ => None,
        }
    }

    /// The button the flip key goes on to.
    pub(super) fn next(&self) -> BlindButton {
        match self {
            BlindTest::Compare { heard: BlindButton::X, .. } => BlindButton::Y,
            BlindTest::Compare { .. } => BlindButton::X,
            BlindTest::Abx { heard: BlindButton::A, .. } => BlindButton::B,
            BlindTest::Abx { heard: BlindButton::B, .. } => BlindButton::X,
            BlindTest::Abx { .. } => BlindButton::A,
        }
    }

    /// Takes the answer of an ABX trial; the next trial starts with A again, whatever X was.
    pub(super) fn answer(&mut self, is: Slot) -> Option<Slot> {
        let BlindTest::Abx { test, answered, heard, trials } = self else { return None };
        if *answered < *trials {
            test.answer(if is == Slot::A { Side::A } else { Side::B });
            *answered += 1;
        }
        *heard = BlindButton::A;
        Some(Slot::A)
    }

    /// Shows which version X and Y were. An ABX test shows its result by itself after the last trial.
    pub(super) fn reveal(&mut self) {
        if let BlindTest::Compare { revealed, .. } = self {
            *revealed = true;
        }
    }

    /// Whether the listener may know.
    pub(super) fn is_open(&self) -> bool {
        match self {
            BlindTest::Compare { revealed, .. } => *revealed,
            BlindTest::Abx { trials, answered, .. } => answered >= trials,
        }
    }

    /// What the window shows; `numbers` are the versions in the slots.
    pub(super) fn view(&self, numbers: [i64; 2]) -> BlindView {
        let number = |button| self.slot_of(button).map(|slot| numbers[usize::from(slot == Slot::B)]);
        match self {
            BlindTest::Compare { heard, .. } => BlindView {
                kind: BlindKind::Compare,
                heard: *heard,
                trial: 1,
                trials: 1,
                result: self.is_open().then(|| BlindResult {
                    x: number(BlindButton::X),
                    y: number(BlindButton::Y),
                    trials: 0,
                    correct: 0,
                    p_value: 1.0,
                }),
            },
            BlindTest::Abx { test, trials, answered, heard } => {
                let result = test.result();
                BlindView {
                    kind: BlindKind::Abx,
                    heard: *heard,
                    trial: (answered + 1).min(*trials),
                    trials: *trials,
                    result: self.is_open().then_some(BlindResult {
                        x: None,
                        y: None,
                        trials: result.trials,
                        correct: result.correct,
                        p_value: result.p_value,
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINALS: [Rendition; 2] = [Rendition::Original, Rendition::Original];

    #[test]
    fn a_comparison_hides_which_is_which_until_it_is_revealed() {
        for (random, x) in [(0, Slot::A), (u64::MAX, Slot::B)] {
            let mut test = BlindTest::start(BlindKind::Compare, 1, ORIGINALS, || random).expect("it is fair");
            assert_eq!(test.hear(BlindButton::X), Some(x));
            assert_eq!(test.next(), BlindButton::Y);
            assert_ne!(test.hear(BlindButton::Y), Some(x));
            assert_eq!(test.hear(BlindButton::A), None, "a comparison has no references");
            assert_eq!(test.view([12, 9]).result, None);
            test.reveal();
            let result = test.view([12, 9]).result.expect("revealed");
            assert_eq!((result.x, result.y), if x == Slot::A { (Some(12), Some(9)) } else { (Some(9), Some(12)) });
        }
    }

    #[test]
    fn an_abx_test_tells_its_result_after_the_last_trial_only() {
        let mut bits = [0, u64::MAX, 0, u64::MAX].into_iter().cycle();
        let mut test = BlindTest::start(BlindKind::Abx, 4, ORIGINALS, || bits.next().unwrap_or(0)).expect("it is fair");
        for trial in 1..=4 {
            assert!(!test.is_open());
            let view = test.view([12, 9]);
            assert_eq!((view.trial, view.trials, view.result), (trial, 4, None));
            let x = test.hear(BlindButton::X).expect("a trial is open");
            assert_eq!(test.answer(x), Some(Slot::A), "every trial starts from the same side");
        }
        let result = test.view([12, 9]).result.expect("all trials are answered");
        assert_eq!((result.trials, result.correct, result.x), (4, 4, None));
        assert!((result.p_value - 1.0 / 16.0).abs() < 1e-12);
    }

    #[test]
    fn an_original_against_a_preview_is_refused() {
        assert!(BlindTest::start(BlindKind::Compare, 1, [Rendition::Original, Rendition::Preview], || 0).is_err());
        assert!(BlindTest::start(BlindKind::Abx, 8, [Rendition::Preview, Rendition::Original], || 0).is_err());
    }
}
