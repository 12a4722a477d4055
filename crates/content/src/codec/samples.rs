//! Raw bytes as numbers and back. Each form has exactly one writing, so that what is read is what was written.

use serde_json::{Value, json};

use super::DecodeError;
use crate::layout::{Numbers, Pcm};

/// Raw bytes as whole numbers of at most 32 bits: `number = sample · 2^-shift` for integers, `float = number · 2^-shift` for floats.
pub(super) struct Integers {
    pub(super) numbers: Vec<i32>,
    /// Bits that hold every number, 4 to 32.
    pub(super) bits: u32,
    pub(super) shift: u32,
}

pub(super) fn word(numbers: Numbers) -> &'static str {
    match numbers {
        Numbers::SignedLittle => "signed-little",
        Numbers::SignedBig => "signed-big",
        Numbers::Unsigned8 => "unsigned",
        Numbers::FloatLittle => "float-little",
        Numbers::FloatBig => "float-big",
    }
}

/// The parameters that describe samples.
pub(super) fn describe(pcm: Pcm, shift: u32) -> Value {
    json!({"channels": pcm.channels, "bytes": pcm.bytes, "numbers": word(pcm.numbers), "shift": shift})
}

/// Samples and shift out of parameters.
pub(super) fn described(params: &Value) -> Result<(Pcm, u32), DecodeError> {
    let number = |name: &str| params.get(name).and_then(Value::as_u64);
    let small = |name: &str, least: u64, most: u64| {
        number(name).filter(|value| (least..=most).contains(value)).and_then(|value| u8::try_from(value).ok()).ok_or(DecodeError::Newer)
    };
    let (channels, bytes) = (small("channels", 1, 8)?, small("bytes", 1, 4)?);
    let name = params.get("numbers").and_then(Value::as_str);
    let all = [Numbers::SignedLittle, Numbers::SignedBig, Numbers::Unsigned8, Numbers::FloatLittle, Numbers::FloatBig];
    let numbers = all.into_iter().find(|numbers| name == Some(word(*numbers))).ok_or(DecodeError::Newer)?;
    let whole = match numbers {
        Numbers::Unsigned8 => bytes == 1,
        Numbers::FloatLittle | Numbers::FloatBig => bytes == 4,
        Numbers::SignedLittle | Numbers::SignedBig => true,
    };
    if !whole {
        return Err(DecodeError::Newer);
    }
    Ok((Pcm { channels, bytes, numbers }, u32::from(small("shift", 0, 160)?)))
}

/// The bits of every float; `None` where the bytes are no whole frames of floats.
pub(super) fn words(raw: &[u8], pcm: Pcm) -> Option<Vec<u32>> {
    let read = match pcm.numbers {
        Numbers::FloatLittle => u32::from_le_bytes,
        Numbers::FloatBig => u32::from_be_bytes,
        _ => return None,
    };
    is_whole(raw, pcm).then(|| raw.as_chunks::<4>().0.iter().map(|quad| read(*quad)).collect())
}

/// Floats, by their bits, as raw bytes.
pub(super) fn of_words(words: &[u32], pcm: Pcm) -> Vec<u8> {
    let write = if pcm.numbers == Numbers::FloatBig { u32::to_be_bytes } else { u32::to_le_bytes };
    words.iter().flat_map(|word| write(*word)).collect()
}

fn is_whole(raw: &[u8], pcm: Pcm) -> bool {
    !raw.is_empty() && (raw.len() as u64).is_multiple_of(pcm.frame())
}

/// Raw bytes as integers; `None` where they are no whole frames, or floats that are no integers.
pub(super) fn integers(raw: &[u8], pcm: Pcm) -> Option<Integers> {
    if !is_whole(raw, pcm) {
        return None;
    }
    match pcm.numbers {
        Numbers::FloatLittle => of_floats(raw, f32::from_le_bytes),
        Numbers::FloatBig => of_floats(raw, f32::from_be_bytes),
        _ => Some(of_integers(raw, pcm)),
    }
}

fn of_integers(raw: &[u8], pcm: Pcm) -> Integers {
    let width = usize::from(pcm.bytes);
    let mut numbers: Vec<i32> = Vec::with_capacity(raw.len() / width);
    let wide = 32 - 8 * u32::from(pcm.bytes);
    for sample in raw.chunks_exact(width) {
        let mut quad = [0; 4];
        match pcm.numbers {
            Numbers::SignedBig => quad[..width].copy_from_slice(sample),
            Numbers::Unsigned8 => quad[0] = sample[0] ^ 0x80,
            _ => {
                quad[4 - width..].copy_from_slice(sample);
                numbers.push(i32::from_le_bytes(quad) >> wide);
                continue;
            }
        }
        numbers.push(i32::from_be_bytes(quad) >> wide);
    }
    // Fewer valid bits than the container has, as with 24 bits in 32: the others are zero in every sample.
    let used = numbers.iter().fold(0, |used, number| used | number);
    let shift = if pcm.bytes == 4 && used != 0 { used.trailing_zeros() } else { 0 };
    if shift > 0 {
        numbers.iter_mut().for_each(|number| *number >>= shift);
    }
    let bits = if pcm.bytes == 4 { bits_of(&numbers) } else { 8 * u32::from(pcm.bytes) };
    Integers { numbers, bits, shift }
}

/// Bits that hold every number with its sign.
pub(super) fn bits_of(numbers: &[i32]) -> u32 {
    let widest = numbers.iter().fold(0_u32, |widest, number| widest | (number ^ (number >> 31)).cast_unsigned());
    (33 - widest.leading_zeros()).max(4)
}

fn of_floats(raw: &[u8], read: fn([u8; 4]) -> f32) -> Option<Integers> {
    let floats: Vec<f32> = raw.as_chunks::<4>().0.iter().map(|quad| read(*quad)).collect();
    // The place of the lowest bit that is set in any number, as a power of two.
    let mut lowest = i32::MAX;
    for float in &floats {
        let bits = float.to_bits();
        if bits == 0 {
            continue;
        }
        let exponent = i32::try_from((bits >> 23) & 0xff).ok()?;
        // Negative zero, numbers below the normal ones, infinities and what is no number have no integer.
        if exponent == 0 || exponent == 0xff {
            return None;
        }
        let mantissa = (bits & 0x7f_ffff) | 0x80_0000;
        lowest = lowest.min(exponent - 150 + i32::try_from(mantissa.trailing_zeros()).ok()?);
    }
    let shift = if lowest == i32::MAX { 0 } else { u32::try_from((-lowest).max(0)).ok()? };
    let scale = 2_f64.powi(i32::try_from(shift).ok()?);
    let mut numbers = Vec::with_capacity(floats.len());
    for float in floats {
        let number = f64::from(float) * scale;
        if number.abs() >= f64::from(i32::MAX) {
            return None;
        }
        numbers.push(number as i32);
    }
    let bits = bits_of(&numbers);
    Some(Integers { numbers, bits, shift })
}

/// Integers as the raw bytes they came from.
pub(super) fn bytes(numbers: &[i32], pcm: Pcm, shift: u32) -> Result<Vec<u8>, DecodeError> {
    let width = usize::from(pcm.bytes);
    let mut raw = Vec::with_capacity(numbers.len() * width);
    match pcm.numbers {
        Numbers::FloatLittle | Numbers::FloatBig => {
            let scale = 2_f64.powi(-i32::try_from(shift).map_err(|_| DecodeError::Damaged)?);
            for number in numbers {
                let float = (f64::from(*number) * scale) as f32;
                raw.extend(if pcm.numbers == Numbers::FloatBig { float.to_be_bytes() } else { float.to_le_bytes() });
            }
        }
        _ => {
            if shift > 31 {
                return Err(DecodeError::Damaged);
            }
            for number in numbers {
                let number = number << shift;
                match pcm.numbers {
                    Numbers::SignedBig => raw.extend_from_slice(&number.to_be_bytes()[4 - width..]),
                    Numbers::Unsigned8 => raw.push(number.to_le_bytes()[0] ^ 0x80),
                    _ => raw.extend_from_slice(&number.to_le_bytes()[..width]),
                }
            }
        }
    }
    Ok(raw)
}
