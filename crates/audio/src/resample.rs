//! Sample rate conversion that can start anywhere: output frame *n* depends only on *n* and the input around it.
//!
//! A polyphase windowed-sinc filter with exact rational phases, so two renderings of one master at different rates stay
//! locked for any length, and a chunk sounds the same whatever was rendered before it.

use std::ops::Range;

/// Zero crossings to each side of the filter.
const HALF: usize = 64;
/// Kaiser window parameter: about 120 dB of stop band.
const BETA: f64 = 12.3;
/// Cut-off as a share of the lower Nyquist frequency: the stop band begins at Nyquist.
const CUTOFF: f64 = 0.95;
/// Phases kept in the table; ratios with more interpolate between rows.
const MAX_PHASES: u64 = 2_048;

/// sin(πx)/(πx).
pub(crate) fn sinc(x: f64) -> f64 {
    let angle = std::f64::consts::PI * x;
    if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle }
}

/// The Kaiser window at `position` from −1 to 1; 0 outside.
pub(crate) fn kaiser(position: f64, beta: f64) -> f64 {
    if position.abs() >= 1.0 { 0.0 } else { bessel_i0(beta * (1.0 - position * position).sqrt()) / bessel_i0(beta) }
}

fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// A conversion between two fixed rates, or a shift by a fraction of a frame, or both.
#[derive(Clone, Debug)]
pub struct Resampler {
    up: u64,
    down: u64,
    taps: usize,
    phases: u64,
    /// Input frames, from 0 up to 1, that every output frame is taken later.
    shift: f64,
    table: Vec<f32>,
}

impl Resampler {
    /// The conversion from `from` Hz to `to` Hz; both above zero.
    pub fn new(from: u32, to: u32) -> Self {
        Self::shifted(from, to, 0.0)
    }

    /// As [`Resampler::new`], reading the input `shift` input frames later: output frame 0 is input frame `shift`, which lies from
    /// 0 up to, not including, 1; anything else counts as 0.
    pub fn shifted(from: u32, to: u32, shift: f64) -> Self {
        let shift = if (0.0..1.0).contains(&shift) { shift } else { 0.0 };
        let divisor = gcd(u64::from(from.max(1)), u64::from(to.max(1)));
        let (up, down) = (u64::from(to.max(1)) / divisor, u64::from(from.max(1)) / divisor);
        // Without a change of rate nothing can fold back, and the whole band is kept.
        let cutoff = if up == down { 1.0 } else { CUTOFF * (up as f64 / down as f64).min(1.0) };
        let half = (HALF as f64 / cutoff).ceil();
        // A multiple of eight taps lets the sums run in vectors.
        let taps = (2 * half as usize + 1).next_multiple_of(8);
        let phases = up.min(MAX_PHASES);
        let mut table = Vec::with_capacity((phases as usize + 1) * taps);
        for phase in 0..=phases {
            // Whole tables hold the fractions that occur; interpolated ones hold an even grid.
            let fraction = phase as f64 / phases as f64;
            let fraction = if phases == up { (fraction + shift).fract() } else { fraction };
            let row = (0..taps).map(|tap| {
                let distance = tap as f64 - (taps / 2 - 1) as f64 - fraction;
                cutoff * sinc(cutoff * distance) * kaiser(distance / (taps / 2) as f64, BETA)
            });
            let row: Vec<f64> = row.collect();
            // Unity gain at every phase keeps a constant constant.
            let gain: f64 = row.iter().sum();
            table.extend(row.iter().map(|tap| (tap / gain) as f32));
        }
        Resampler { up, down, taps, phases, shift, table }
    }

    /// Frames that `frames` input frames become.
    pub fn output_frames(&self, frames: u64) -> u64 {
        ((u128::from(frames) * u128::from(self.up) + u128::from(self.down) / 2) / u128::from(self.down)) as u64
    }

    /// The whole input frame at or before output frame `output`.
    pub fn input_frame(&self, output: i64) -> i64 {
        (i128::from(output) * i128::from(self.down)).div_euclid(i128::from(self.up)) as i64
    }

    /// Input frames needed for the output frames `output`.
    pub fn needs(&self, output: Range<i64>) -> Range<i64> {
        let reach = (self.taps / 2) as i64;
        let carry = i64::from(self.shift > 0.0);
        self.input_frame(output.start) - reach + 1..self.input_frame(output.end.max(output.start + 1) - 1) + reach + 1 + carry
    }

    /// Appends output frames `output` of one channel. `input` must hold exactly the frames [`Resampler::needs`] names.
    pub fn process(&self, input: &[f32], output: Range<i64>, out: &mut Vec<f32>) {
        let base = self.needs(output.clone()).start;
        let start = i128::from(output.start) * i128::from(self.down);
        // Exact at the first frame, then by exact steps: a wide division for every frame took as long as the filter.
        let (mut whole, mut phase) = (start.div_euclid(i128::from(self.up)) as i64, start.rem_euclid(i128::from(self.up)) as u64);
        let (whole_step, phase_step) = ((self.down / self.up) as i64, self.down % self.up);
        out.reserve(usize::try_from(output.end - output.start).unwrap_or(0));
        for _ in output {
            let later = if self.shift > 0.0 || self.phases != self.up { phase as f64 / self.up as f64 + self.shift } else { 0.0 };
            let from = (whole + i64::from(later >= 1.0) - (self.taps / 2) as i64 + 1 - base) as usize;
            let window = &input[from..from + self.taps];
            out.push(if self.phases == self.up {
                dot(window, self.row(phase))
            } else {
                let position = later.fract() * self.phases as f64;
                let (row, share) = (position as u64, position.fract() as f32);
                let (a, b) = (dot(window, self.row(row)), dot(window, self.row(row + 1)));
                a + (b - a) * share
            });
            whole += whole_step;
            phase += phase_step;
            if phase >= self.up {
                phase -= self.up;
                whole += 1;
            }
        }
    }

    fn row(&self, phase: u64) -> &[f32] {
        let start = phase as usize * self.taps;
        &self.table[start..start + self.taps]
    }
}

fn dot(samples: &[f32], taps: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for (samples, taps) in samples.as_chunks::<8>().0.iter().zip(taps.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += samples[lane] * taps[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
