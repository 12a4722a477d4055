//! Sample peak, mean, stereo correlation and clipping, frame by frame.

use crate::decode::AudioInfo;

/// Samples at full scale in a row that count as a clip.
const CLIP_RUN: u32 = 3;

pub(super) struct Levels {
    sums: Vec<f64>,
    peak: f32,
    squares: [f64; 2],
    cross: f64,
    clip_at: f32,
    runs: Vec<u32>,
    clip_runs: u64,
}

impl Levels {
    pub(super) fn new(info: &AudioInfo) -> Self {
        let channels = usize::from(info.channels);
        let clip_at = match info.bit_depth {
            Some(bits) if !info.float && (2..=24).contains(&bits) => 1.0 - 1.0 / (1_u32 << (bits - 1)) as f32,
            _ => 1.0,
        };
        Levels { sums: vec![0.0; channels], peak: 0.0, squares: [0.0; 2], cross: 0.0, clip_at, runs: vec![0; channels], clip_runs: 0 }
    }

    pub(super) fn update(&mut self, planes: &[Vec<f32>]) {
        for (channel, plane) in planes.iter().enumerate() {
            let (mut peak, mut sum) = ([0.0_f32; 8], [0.0_f32; 8]);
            for (index, part) in plane.chunks(1024).enumerate() {
                let (eights, rest) = part.as_chunks::<8>();
                for eight in eights {
                    for lane in 0..8 {
                        let level = eight[lane].abs();
                        peak[lane] = if level > peak[lane] { level } else { peak[lane] };
                        sum[lane] += eight[lane];
                    }
                }
                for sample in rest {
                    peak[0] = peak[0].max(sample.abs());
                    sum[0] += sample;
                }
                self.sums[channel] += sum.iter().map(|lane| f64::from(*lane)).sum::<f64>();
                sum = [0.0; 8];
                let loudest = peak.iter().fold(0.0_f32, |a, b| a.max(*b));
                peak = [0.0; 8];
                self.peak = self.peak.max(loudest);
                if loudest >= self.clip_at {
                    self.count_clips(channel, part);
                } else if index == 0 || self.runs[channel] != 0 {
                    self.runs[channel] = 0;
                }
            }
        }
        if let [left, right] = planes {
            for (left, right) in left.chunks(1024).zip(right.chunks(1024)) {
                let (mut ll, mut rr, mut lr) = ([0.0_f32; 8], [0.0_f32; 8], [0.0_f32; 8]);
                let ((l8, l_rest), (r8, r_rest)) = (left.as_chunks::<8>(), right.as_chunks::<8>());
                for (l, r) in l8.iter().zip(r8) {
                    for lane in 0..8 {
                        ll[lane] += l[lane] * l[lane];
                        rr[lane] += r[lane] * r[lane];
                        lr[lane] += l[lane] * r[lane];
                    }
                }
                for (l, r) in l_rest.iter().zip(r_rest) {
                    ll[0] += l * l;
                    rr[0] += r * r;
                    lr[0] += l * r;
                }
                let total = |lanes: [f32; 8]| lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
                self.squares[0] += total(ll);
                self.squares[1] += total(rr);
                self.cross += total(lr);
            }
        }
    }

    fn count_clips(&mut self, channel: usize, samples: &[f32]) {
        for sample in samples {
            if sample.abs() >= self.clip_at {
                self.runs[channel] += 1;
                self.clip_runs += u64::from(self.runs[channel] == CLIP_RUN);
            } else {
                self.runs[channel] = 0;
            }
        }
    }

    pub(super) fn peak(&self) -> f32 {
        self.peak
    }

    pub(super) fn dc(&self, frames: u64) -> f64 {
        let largest = self.sums.iter().copied().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        largest / frames.max(1) as f64
    }

    pub(super) fn clip_runs(&self) -> u64 {
        self.clip_runs
    }

    pub(super) fn correlation(&self) -> Option<f64> {
        let power = self.squares[0] * self.squares[1];
        (self.sums.len() == 2 && power > 0.0).then(|| (self.cross / power.sqrt()).clamp(-1.0, 1.0))
    }
}

/// The highest absolute value of `samples`.
pub(super) fn loudest(samples: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (eights, rest) = samples.as_chunks::<8>();
    for eight in eights {
        for (lane, sample) in lanes.iter_mut().zip(eight) {
            let level = sample.abs();
            *lane = if level > *lane { level } else { *lane };
        }
    }
    rest.iter().map(|sample| sample.abs()).chain(lanes).fold(0.0, f32::max)
}
