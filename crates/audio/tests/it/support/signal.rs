//! Seeded signals: noise, tones, chords, hats. Planar, full scale ±1.

use std::f64::consts::TAU;
use std::ops::Range;

/// A small seeded generator (xorshift64*), the same on every machine.
#[derive(Clone)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 up to, not including, `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// From −1 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// White noise.
pub(crate) fn noise(seed: u64, channels: usize, frames: usize, level: f64) -> Vec<Vec<f32>> {
    let mut seed = Seed::new(seed);
    (0..channels).map(|_| (0..frames).map(|_| (seed.unit() * level) as f32).collect()).collect()
}

/// A sine of `frequency` Hz.
pub(crate) fn sine(rate: u32, frequency: f64, frames: usize, level: f64) -> Vec<f32> {
    (0..frames).map(|frame| (level * (TAU * frequency * frame as f64 / f64::from(rate)).sin()) as f32).collect()
}

/// Music of a kind: a chord a second with decaying partials, a bass, a soft noise on the off-beat; stereo.
pub(crate) fn music(seed: u64, rate: u32, frames: usize) -> Vec<Vec<f32>> {
    let mut random = Seed::new(seed);
    let mut left = vec![0.0_f32; frames];
    let mut right = vec![0.0_f32; frames];
    let per_chord = rate as usize;
    let mut mix = |range: Range<usize>, pan: f64, mut value: Box<dyn FnMut(usize) -> f64>| {
        let start = range.start;
        let planes = left[range.clone()].iter_mut().zip(&mut right[range]);
        for (index, (left, right)) in planes.enumerate() {
            let sample = value(start + index);
            *left += (sample * (1.0 - pan)) as f32;
            *right += (sample * pan) as f32;
        }
    };
    for start in (0..frames).step_by(per_chord) {
        let root = 110.0 * 2_f64.powf(random.below(12) as f64 / 12.0);
        let third = if random.below(2) == 0 { 3.0 } else { 4.0 };
        for (note, semitones) in [0.0, third, 7.0, 12.0, -12.0].into_iter().enumerate() {
            let frequency = root * 2_f64.powf(semitones / 12.0);
            let pan = 0.3 + 0.4 * (random.unit() * 0.5 + 0.5);
            for partial in 1..=4 {
                let level = 0.12 / f64::from(partial) / (1.0 + note as f64 * 0.2);
                let phase = random.unit() * TAU;
                let step = TAU * frequency * f64::from(partial) / f64::from(rate);
                let tone = move |frame: usize| {
                    let since = (frame - start) as f64;
                    level * (-1.5 * since / f64::from(rate) * f64::from(partial)).exp() * (phase + step * since).sin()
                };
                mix(start..(start + per_chord).min(frames), pan, Box::new(tone));
            }
        }
        for hit in 0..2 {
            let from = (start + per_chord / 4 + hit * per_chord / 2).min(frames);
            let mut random = Seed::new(seed + from as u64);
            // A running mean keeps the noise below 16 kHz at any rate.
            let mut recent = vec![0.0; (rate / 16_000).max(1) as usize];
            let noise = move |frame: usize| {
                let slot = frame % recent.len();
                recent[slot] = random.unit();
                let decay = (-40.0 * (frame - from) as f64 / f64::from(rate)).exp();
                0.35 * decay * recent.iter().sum::<f64>() / (recent.len() as f64).sqrt()
            };
            mix(from..(from + per_chord / 8).min(frames), 0.45, Box::new(noise));
        }
    }
    vec![left, right]
}

/// Rounds to `bits` bits, so that integer files hold the signal exactly.
pub(crate) fn quantised(planes: &[Vec<f32>], bits: u32) -> Vec<Vec<f32>> {
    let scale = f64::from(1_u32 << (bits - 1));
    let round = |sample: &f32| ((f64::from(*sample) * scale).round().clamp(-scale, scale - 1.0) / scale + 0.0) as f32;
    planes.iter().map(|plane| plane.iter().map(round).collect()).collect()
}
