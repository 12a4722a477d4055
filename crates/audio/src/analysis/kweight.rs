//! The K-weighting filter of ITU-R BS.1770: a high shelf and a high pass, at any sample rate.

/// Second-order section, transposed direct form II.
#[derive(Clone, Copy, Debug)]
struct Section {
    b: [f64; 3],
    a: [f64; 2],
}

/// The filter state of up to [`LANES`] channels that run through it side by side.
#[derive(Clone, Debug)]
pub(super) struct KWeight {
    shelf: Section,
    pass: Section,
    /// shelf 1, shelf 2, pass 1, pass 2; one lane per channel.
    state: [[f64; LANES]; 4],
}

/// Channels filtered together.
pub(super) const LANES: usize = 2;

impl KWeight {
    /// The filter for `rate` Hz, from the analogue prototypes of BS.1770 by the bilinear transform.
    pub(super) fn new(rate: u32) -> Self {
        let rate = f64::from(rate);
        let k = (std::f64::consts::PI * 1_681.974_450_955_533 / rate).tan();
        let (gain, q) = (10_f64.powf(3.999_843_853_973_347 / 20.0), 0.707_175_236_955_419_6);
        let band = gain.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        let shelf = Section {
            b: [(gain + band * k / q + k * k) / a0, 2.0 * (k * k - gain) / a0, (gain - band * k / q + k * k) / a0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
        };
        let k = (std::f64::consts::PI * 38.135_470_876_024_44 / rate).tan();
        let q = 0.500_327_037_323_877_3;
        let a0 = 1.0 + k / q + k * k;
        let pass = Section { b: [1.0, -2.0, 1.0], a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0] };
        KWeight { shelf, pass, state: [[0.0; LANES]; 4] }
    }

    /// Filters frames of up to two channels and returns the sum of squares of each.
    pub(super) fn energy(&mut self, left: &[f32], right: Option<&[f32]>) -> [f64; LANES] {
        let (shelf, pass) = (self.shelf, self.pass);
        let [mut s1, mut s2, mut p1, mut p2] = self.state;
        let mut sums = [0.0; LANES];
        let mut step = |input: [f64; LANES]| {
            for lane in 0..LANES {
                let x = input[lane];
                let y = shelf.b[0] * x + s1[lane];
                s1[lane] = shelf.b[1] * x - shelf.a[0] * y + s2[lane];
                s2[lane] = shelf.b[2] * x - shelf.a[1] * y;
                // The high pass has the numerator 1, −2, 1.
                let z = y + p1[lane];
                p1[lane] = p2[lane] - 2.0 * y - pass.a[0] * z;
                p2[lane] = y - pass.a[1] * z;
                sums[lane] += z * z;
            }
        };
        match right {
            Some(right) => left.iter().zip(right).for_each(|(l, r)| step([f64::from(*l), f64::from(*r)])),
            None => left.iter().for_each(|l| step([f64::from(*l), 0.0])),
        }
        self.state = [s1, s2, p1, p2];
        // Decaying states of silence must not become denormal.
        for lane in self.state.iter_mut().flatten().filter(|value| value.abs() < 1e-30) {
            *lane = 0.0;
        }
        sums
    }
}
