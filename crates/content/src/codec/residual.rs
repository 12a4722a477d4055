//! Predicted extents: samples as what is left of them when an older version's, times a gain, are taken away, coded with FLAC. A re-export
//! with new dither or another level shares no byte with the version before, yet nearly everything it says.
//!
//! Integers: `new = rest + round(gain · old)`, the gain an exact rational with denominator 2^30, so that every machine computes the same.
//! Floats: as `floats` says.

use collabtrack_domain::recipe::Codec;
use serde_json::{Value, json};

use super::samples::{self, Integers};
use super::{Coded, DecodeError, MAX_RAW, flac};
use crate::layout::Pcm;

mod floats;

/// Denominator of gains, as a power of two.
const SHIFT: u32 = 30;
/// A gain beyond this is no re-export.
const MOST_GAIN: f64 = 8.0;

/// Codes raw bytes against as many raw bytes of an older version with samples of the same form; `None` where nothing is predicted, or what
/// comes back differs. The caller adds to the parameters where the older bytes lie.
#[must_use]
pub fn encode(raw: &[u8], base: &[u8], pcm: Pcm) -> Option<Coded> {
    if raw.len() != base.len() {
        return None;
    }
    let (gain, rest) = if pcm.is_float() {
        let (gain, rest) = floats::rest(&samples::words(raw, pcm)?, &samples::words(base, pcm)?)?;
        // Its bits as a word: readers of JSON may round a number.
        (json!(format!("{:016x}", gain.to_bits())), rest)
    } else {
        let (gain, rest) = rest_of_integers(raw, base, pcm)?;
        (json!(gain), rest)
    };
    let bits = samples::bits_of(&rest);
    let bytes = flac::stream(&Integers { numbers: rest, bits, shift: 0 }, pcm.channels)?;
    let mut params = samples::describe(pcm, 0);
    params["gain"] = gain;
    let coded = Coded { codec: Codec::FlacResidual, params, bytes };
    (decode(&coded.params, &coded.bytes, base).ok().as_deref() == Some(raw)).then_some(coded)
}

fn rest_of_integers(raw: &[u8], base: &[u8], pcm: Pcm) -> Option<(i64, Vec<i32>)> {
    let (new, old) = (unshifted(raw, pcm)?, unshifted(base, pcm)?);
    let gain = gain(&new, &old)?;
    let rest: Option<Vec<i32>> =
        new.iter().zip(&old).map(|(new, old)| i32::try_from(i64::from(*new) - predicted(*old, gain)).ok()).collect();
    let rest = rest?;
    is_quieter(&rest, &new, usize::from(pcm.channels)).then_some((gain, rest))
}

/// The raw bytes of a predicted extent, from those of the older version.
/// # Errors
/// `Newer`, `TooLarge`, `Damaged`.
pub fn decode(params: &Value, stored: &[u8], base: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if base.len() as u64 > MAX_RAW {
        return Err(DecodeError::TooLarge);
    }
    let (pcm, shift) = samples::described(params)?;
    if shift != 0 {
        return Err(DecodeError::Newer);
    }
    let gain = params.get("gain").ok_or(DecodeError::Newer)?;
    if pcm.is_float() {
        let gain = gain.as_str().and_then(|gain| u64::from_str_radix(gain, 16).ok()).map(f64::from_bits);
        let gain = gain.filter(|gain| is_plausible(*gain)).ok_or(DecodeError::Newer)?;
        let old = samples::words(base, pcm).ok_or(DecodeError::Damaged)?;
        let rest = flac::numbers(stored, pcm.channels, old.len())?;
        return Ok(samples::of_words(&floats::restored(&rest, &old, gain), pcm));
    }
    let gain = gain.as_i64().filter(|gain| gain.unsigned_abs() <= 8 << SHIFT).ok_or(DecodeError::Newer)?;
    let old = unshifted(base, pcm).ok_or(DecodeError::Damaged)?;
    let mut numbers = flac::numbers(stored, pcm.channels, old.len())?;
    for (number, old) in numbers.iter_mut().zip(&old) {
        *number = i32::try_from(i64::from(*number) + predicted(*old, gain)).map_err(|_| DecodeError::Damaged)?;
    }
    samples::bytes(&numbers, pcm, 0)
}

/// Whether a gain may be what a re-export has.
fn is_plausible(gain: f64) -> bool {
    gain.is_finite() && (1.0 / MOST_GAIN..=MOST_GAIN).contains(&gain.abs())
}

fn unshifted(raw: &[u8], pcm: Pcm) -> Option<Vec<i32>> {
    let Integers { mut numbers, shift, .. } = samples::integers(raw, pcm)?;
    numbers.iter_mut().for_each(|number| *number <<= shift);
    Some(numbers)
}

/// Whether the rest is worth coding: clearly quieter than what FLAC leaves of the new samples by predicting each from the two before.
fn is_quieter(rest: &[i32], new: &[i32], channels: usize) -> bool {
    let sum = |values: &mut dyn Iterator<Item = i64>| values.map(i64::unsigned_abs).map(u128::from).sum::<u128>();
    let left = sum(&mut rest.iter().map(|rest| i64::from(*rest)));
    let at = |place: usize| i64::from(new[place]);
    let alone = sum(&mut (2 * channels..new.len()).map(|place| at(place) - 2 * at(place - channels) + at(place - 2 * channels)));
    // Noise that FLAC cannot predict either is coded by its level: half of it saves one bit a sample.
    left * 4 < sum(&mut new.iter().map(|new| i64::from(*new))) || left < alone
}

/// The older sample times the gain, rounded half away from zero.
fn predicted(old: i32, gain: i64) -> i64 {
    let product = i128::from(old) * i128::from(gain);
    let half = 1_i128 << (SHIFT - 1);
    let rounded = (product.abs() + half) >> SHIFT;
    i64::try_from(if product < 0 { -rounded } else { rounded }).unwrap_or(i64::MAX)
}

/// The gain that leaves least, in units of 2^-30: least squares, and one exactly where both are nearly alike.
fn gain(new: &[i32], old: &[i32]) -> Option<i64> {
    let (mut cross, mut power) = (0_f64, 0_f64);
    for (new, old) in new.iter().zip(old) {
        cross += f64::from(*new) * f64::from(*old);
        power += f64::from(*old) * f64::from(*old);
    }
    let gain = cross / power;
    if !is_plausible(gain) {
        return None;
    }
    let gain = if (gain - 1.0).abs() < 1e-5 { 1.0 } else { gain };
    Some((gain * 2_f64.powi(30)).round() as i64)
}
