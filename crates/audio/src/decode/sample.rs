//! Stored samples to float and back to exact integers. Pure conversions on slices.

use crate::container::{PcmFormat, SampleCode};

/// The stored values behind a read, where float does not hold them exactly.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exact<'a> {
    /// The floats are exact.
    AsFloat,
    /// Interleaved 32-bit integers.
    Int(&'a [i32]),
    /// Interleaved floats, untouched.
    Float(&'a [f32]),
    /// Interleaved double floats, untouched.
    Double(&'a [f64]),
}

/// Owner of what [`Exact`] borrows.
#[derive(Debug, Default)]
pub(crate) enum ExactBuffer {
    #[default]
    Off,
    Int(Vec<i32>),
    Float(Vec<f32>),
    Double(Vec<f64>),
}

impl ExactBuffer {
    pub(crate) fn for_format(format: &PcmFormat) -> Self {
        match format.code {
            SampleCode::I32 => ExactBuffer::Int(Vec::new()),
            SampleCode::F32 => ExactBuffer::Float(Vec::new()),
            SampleCode::F64 => ExactBuffer::Double(Vec::new()),
            _ => ExactBuffer::Off,
        }
    }

    pub(crate) fn view(&self) -> Exact<'_> {
        match self {
            ExactBuffer::Off => Exact::AsFloat,
            ExactBuffer::Int(values) => Exact::Int(values),
            ExactBuffer::Float(values) => Exact::Float(values),
            ExactBuffer::Double(values) => Exact::Double(values),
        }
    }

    /// Refills the buffer from raw interleaved samples.
    pub(crate) fn fill(&mut self, raw: &[u8], big_endian: bool) {
        match self {
            ExactBuffer::Off => {}
            ExactBuffer::Int(values) => refill(values, words(raw, big_endian, i32::from_le_bytes, i32::from_be_bytes)),
            ExactBuffer::Float(values) => refill(values, words(raw, big_endian, f32::from_le_bytes, f32::from_be_bytes)),
            ExactBuffer::Double(values) => refill(values, words(raw, big_endian, f64::from_le_bytes, f64::from_be_bytes)),
        }
    }
}

fn refill<T>(values: &mut Vec<T>, from: impl Iterator<Item = T>) {
    values.clear();
    values.extend(from);
}

fn words<const N: usize, T: 'static>(
    raw: &[u8],
    big_endian: bool,
    le: fn([u8; N]) -> T,
    be: fn([u8; N]) -> T,
) -> impl Iterator<Item = T> + '_ {
    raw.as_chunks::<N>().0.iter().map(move |word| if big_endian { be(*word) } else { le(*word) })
}

/// Appends the frames in `raw` to one vector per channel; returns how many samples were not finite and became 0.
pub(crate) fn append_planar(format: &PcmFormat, raw: &[u8], out: &mut [Vec<f32>]) -> u64 {
    const S16: f32 = 1.0 / 32_768.0;
    const S24: f32 = 1.0 / 8_388_608.0;
    const S32: f32 = 1.0 / 2_147_483_648.0;
    let big = format.big_endian;
    match (format.code, big) {
        (SampleCode::U8, _) => spread::<1>(raw, out, |[b]| (f32::from(b) - 128.0) / 128.0),
        (SampleCode::I8, _) => spread::<1>(raw, out, |[b]| f32::from(b.cast_signed()) / 128.0),
        (SampleCode::I16, false) => spread::<2>(raw, out, |b| f32::from(i16::from_le_bytes(b)) * S16),
        (SampleCode::I16, true) => spread::<2>(raw, out, |b| f32::from(i16::from_be_bytes(b)) * S16),
        (SampleCode::I24, false) => spread::<3>(raw, out, |[a, b, c]| (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 * S24),
        (SampleCode::I24, true) => spread::<3>(raw, out, |[a, b, c]| (i32::from_be_bytes([a, b, c, 0]) >> 8) as f32 * S24),
        (SampleCode::I32, false) => spread::<4>(raw, out, |b| i32::from_le_bytes(b) as f32 * S32),
        (SampleCode::I32, true) => spread::<4>(raw, out, |b| i32::from_be_bytes(b) as f32 * S32),
        (SampleCode::ALaw, _) => spread::<1>(raw, out, |[b]| f32::from(a_law(b)) * S16),
        (SampleCode::MuLaw, _) => spread::<1>(raw, out, |[b]| f32::from(mu_law(b)) * S16),
        (SampleCode::F32, false) => return finite(out, |out| spread::<4>(raw, out, f32::from_le_bytes)),
        (SampleCode::F32, true) => return finite(out, |out| spread::<4>(raw, out, f32::from_be_bytes)),
        (SampleCode::F64, false) => return finite(out, |out| spread::<8>(raw, out, |b| f64::from_le_bytes(b) as f32)),
        (SampleCode::F64, true) => return finite(out, |out| spread::<8>(raw, out, |b| f64::from_be_bytes(b) as f32)),
    }
    0
}

fn spread<const N: usize>(raw: &[u8], out: &mut [Vec<f32>], convert: impl Fn([u8; N]) -> f32) {
    let samples = raw.as_chunks::<N>().0;
    match out {
        [mono] => mono.extend(samples.iter().map(|sample| convert(*sample))),
        [left, right] => {
            let pairs = samples.as_chunks::<2>().0;
            left.extend(pairs.iter().map(|pair| convert(pair[0])));
            right.extend(pairs.iter().map(|pair| convert(pair[1])));
        }
        many => {
            let channels = many.len();
            for (channel, plane) in many.iter_mut().enumerate() {
                plane.extend(samples.iter().skip(channel).step_by(channels).map(|sample| convert(*sample)));
            }
        }
    }
}

fn finite(out: &mut [Vec<f32>], append: impl FnOnce(&mut [Vec<f32>])) -> u64 {
    let from = out.first().map_or(0, Vec::len);
    append(out);
    out.iter_mut().map(|plane| silence_bad(&mut plane[from..])).sum()
}

/// Sets samples that are not finite to 0 and counts them.
pub(crate) fn silence_bad(samples: &mut [f32]) -> u64 {
    // One cheap pass finds out whether there is anything to do. The bits of magnitudes are ordered as the magnitudes are, with infinity
    // and no-number above every number; and the largest of integers is found many at a time, which no sum of floats is.
    let largest = samples.iter().fold(0, |largest, sample| largest.max(sample.abs().to_bits()));
    if largest < f32::INFINITY.to_bits() {
        return 0;
    }
    let mut bad = 0;
    for sample in samples.iter_mut().filter(|sample| !sample.is_finite()) {
        *sample = 0.0;
        bad += 1;
    }
    bad
}

/// ITU-T G.711 A-law.
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let exponent = (code >> 4) & 7;
    let mantissa = i16::from(code & 15);
    let magnitude = if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 0x108) << (exponent - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// ITU-T G.711 µ-law.
fn mu_law(code: u8) -> i16 {
    let code = !code;
    let exponent = (code >> 4) & 7;
    let magnitude = (((i16::from(code & 15) << 3) + 0x84) << exponent) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}
