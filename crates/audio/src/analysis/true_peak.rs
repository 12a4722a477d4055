//! The highest point of the continuous waveform between samples, found exactly without interpolating everywhere.
//!
//! Around the global maximum *p* of a band-limited signal, |f(t)| ≥ p·cos(π·|t|) with t in samples. So on a grid of half
//! samples the point nearest to it reaches at least cos(π/4)·p ≈ 0.707·p, and on quarter samples 0.924·p. One cheap pass finds
//! the half-sample values; only where they reach that share of the best so far is the waveform looked at more closely.

use std::path::Path;

use crate::analysis::levels;
use crate::analysis::loudness::LoudnessTable;
use crate::cancel::Cancel;
use crate::decode::Decoder;
use crate::error::AudioError;
use crate::guard::guarded;

/// Taps to each side of the fine interpolator.
const FINE: usize = 32;
/// Taps to each side of the half-sample pass.
const COARSE: usize = 16;
/// Steps per sample of the fine interpolator.
const STEPS: usize = 16;
/// Share of the best so far a half-sample value must reach to be worth a closer look; below cos(π/4) for the short filter's sake.
const LOOK: f32 = 0.68;
/// Share a quarter-sample value must reach; below cos(π/8).
const LOOK_CLOSER: f32 = 0.90;
/// Frames handled at a time.
const BLOCK: usize = 64;
/// At and above this rate the samples themselves are dense enough.
const DENSE_RATE: u32 = 192_000;

/// The true peak of frames `from_frame..to_frame` of the file at `path`, full scale 1, over all channels; the region is rounded out
/// to the table's 100 ms blocks. The loudest blocks are read first, and none that can no longer hold the peak.
/// # Errors
/// As [`Decoder::open`]; `Damaged` when `table` is another file's; `Cancelled`.
pub fn of_region(path: &Path, table: &LoudnessTable, from_frame: u64, to_frame: u64, cancel: &Cancel) -> Result<f32, AudioError> {
    guarded("measuring a region", || {
        let mut decoder = Decoder::open(path)?;
        let (rate, channels) = (decoder.info().sample_rate, usize::from(decoder.info().channels));
        if rate != table.rate() || channels != usize::from(table.channels()) {
            return Err(AudioError::damaged("the loudness table belongs to another file"));
        }
        let mut finder = TruePeak::new(rate);
        let reach = finder.reach();
        let mut blocks = table.loudest_blocks(from_frame, to_frame);
        blocks.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        for (frames, loudest) in blocks {
            cancel.check()?;
            if loudest * reach <= finder.best {
                break;
            }
            // Around the block as much as the interpolation sees; outside the file there is silence.
            let from = frames.start as i64 - (FINE + BLOCK) as i64;
            let wanted = (frames.end as i64 - from) as usize + FINE + 1;
            let lead = usize::try_from(-from).unwrap_or(0);
            let mut planes = vec![vec![0.0; lead]; channels];
            decoder.seek(u64::try_from(from).unwrap_or(0))?;
            let mut have = lead;
            while have < wanted {
                match decoder.read(&mut planes, wanted - have)? {
                    0 => break,
                    got => have += got,
                }
            }
            planes.iter_mut().for_each(|plane| plane.resize(wanted, 0.0));
            planes.iter().for_each(|plane| finder.inside(plane));
        }
        Ok(finder.best)
    })
}

/// Finds the true peak of one channel.
pub struct TruePeak {
    /// Interpolators for 1/16 … 15/16 of a sample.
    fine: Vec<[f32; 2 * FINE]>,
    coarse: [f32; COARSE],
    coarse_sum: f32,
    pending: Vec<f32>,
    best: f32,
    dense: bool,
}

impl TruePeak {
    /// Starts for `rate` Hz.
    pub fn new(rate: u32) -> Self {
        let fine = (1..STEPS).map(|step| interpolator(step as f64 / STEPS as f64)).collect();
        let mut coarse = [0.0; COARSE];
        for (index, tap) in coarse.iter_mut().enumerate() {
            *tap = windowed_sinc(index as f64 + 0.5, COARSE as f64) as f32;
        }
        let coarse_sum = 2.0 * coarse.iter().map(|tap| tap.abs()).sum::<f32>();
        TruePeak { fine, coarse, coarse_sum, pending: vec![0.0; FINE], best: 0.0, dense: rate >= DENSE_RATE }
    }

    /// Adds samples.
    pub fn update(&mut self, samples: &[f32]) {
        if self.dense {
            self.best = samples.iter().fold(self.best, |best, sample| if sample.abs() > best { sample.abs() } else { best });
            return;
        }
        self.pending.extend_from_slice(samples);
        self.run();
    }

    /// No point between samples is higher than this many times the loudest sample around it.
    fn reach(&self) -> f32 {
        if self.dense {
            return 1.0;
        }
        let sums = self.fine.iter().map(|taps| taps.iter().map(|tap| tap.abs()).sum::<f32>());
        sums.fold(1.0, f32::max)
    }

    /// Looks at the middle of `samples`, leaving out `FINE + BLOCK` at its start and `FINE + 1` at its end.
    fn inside(&mut self, samples: &[f32]) {
        if self.dense {
            let middle = &samples[FINE + BLOCK..samples.len() - FINE - 1];
            self.best = self.best.max(levels::loudest(middle));
            return;
        }
        let end = samples.len() - FINE - 1;
        let mut at = FINE + BLOCK;
        while at < end {
            // The last block reaches back, so that nothing behind the region counts.
            self.block(samples, at.min(end - BLOCK));
            at += BLOCK;
        }
    }

    /// Highest absolute value, full scale 1.
    pub fn finish(mut self) -> f32 {
        if !self.dense {
            self.pending.extend_from_slice(&[0.0; 2 * FINE + BLOCK]);
            self.run();
        }
        self.best
    }

    fn run(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let mut at = FINE;
        while at + BLOCK + FINE < pending.len() {
            self.block(&pending, at);
            at += BLOCK;
        }
        self.pending = pending;
        self.pending.drain(..at - FINE);
    }

    /// Looks at the intervals from `at` to `at + BLOCK`.
    fn block(&mut self, samples: &[f32], at: usize) {
        let loudest = levels::loudest(&samples[at - COARSE..at + BLOCK + COARSE]);
        // No half-sample value can exceed the loudest sample times the sum of the taps.
        if loudest * self.coarse_sum < LOOK * self.best || loudest == 0.0 {
            return;
        }
        let mut halves = [0.0_f32; BLOCK];
        // Eight values at a time, so that their sums stay in registers over all taps.
        for (group, halves) in halves.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let middle = at + group * 8;
            let window = &samples[middle + 1 - COARSE..middle + 8 + COARSE];
            for (tap, weight) in self.coarse.iter().enumerate() {
                let before = &window[COARSE - 1 - tap..COARSE - 1 - tap + 8];
                let after = &window[COARSE + tap..COARSE + tap + 8];
                for lane in 0..8 {
                    halves[lane] += weight * (before[lane] + after[lane]);
                }
            }
        }
        let highest = levels::loudest(&halves).max(loudest);
        if highest < LOOK * self.best {
            return;
        }
        for (index, half) in halves.iter().enumerate() {
            let here = samples[at + index].abs();
            let around = half.abs().max(here).max(samples[at + index + 1].abs());
            self.best = self.best.max(here);
            if around >= LOOK * self.best {
                self.closer(&samples[at + index + 1 - FINE..at + index + 1 + FINE], around);
            }
        }
    }

    /// Looks closely at the interval in the middle of `window`.
    fn closer(&mut self, window: &[f32], ends: f32) {
        let quarters = [STEPS / 4, STEPS / 2, 3 * STEPS / 4].map(|step| self.value(window, step));
        let reached = quarters.iter().fold(ends, |best, value| best.max(*value));
        self.best = quarters.iter().fold(self.best, |best, value| best.max(*value));
        if reached >= LOOK_CLOSER * self.best {
            for step in 1..STEPS {
                self.best = self.best.max(self.value(window, step));
            }
        }
    }

    fn value(&self, window: &[f32], step: usize) -> f32 {
        let mut lanes = [0.0_f32; 8];
        for (samples, taps) in window.as_chunks::<8>().0.iter().zip(self.fine[step - 1].as_chunks::<8>().0) {
            for lane in 0..8 {
                lanes[lane] += samples[lane] * taps[lane];
            }
        }
        lanes.iter().sum::<f32>().abs()
    }
}

/// Taps that give the value `fraction` of a sample after the middle of a window of `2 * FINE` samples.
fn interpolator(fraction: f64) -> [f32; 2 * FINE] {
    let mut taps = [0.0; 2 * FINE];
    for (index, tap) in taps.iter_mut().enumerate() {
        let distance = index as f64 - (FINE as f64 - 1.0) - fraction;
        *tap = windowed_sinc(distance, FINE as f64) as f32;
    }
    taps
}

fn windowed_sinc(distance: f64, half_width: f64) -> f64 {
    crate::resample::sinc(distance) * crate::resample::kaiser(distance / half_width, 7.0)
}
