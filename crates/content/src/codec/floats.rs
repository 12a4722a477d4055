//! Floats that are no integers: their upper bits as whole numbers, which FLAC predicts, and beside them the bits no whole number holds. It
//! is how `WavPack` stores floats (its `float.c`, "shifted" bits), with FLAC in the place of its predictor.
//!
//! A sample is `sign · mantissa · 2^exponent`, the mantissa of 24 bits. `number = trunc(sample · 2^shift)` fits 24 bits with its sign, `shift`
//! being the same for an extent. A number that is not 0 tells the exponent by its highest bit, so only the cut-off bits of the mantissa
//! are left to say. What has no such number (0, and what is smaller than one; infinities, what is no number) says one bit, 0 for
//! positive zero, or 1 and its 32 bits.
//!
//! Stored: the FLAC stream, then the left bits, the highest of each first, packed without gaps and once more with Zstandard if that helps.

use collabtrack_domain::recipe::Codec;
use serde_json::{Value, json};

use super::samples::{self, Integers};
use super::{Coded, DecodeError, flac, zstandard};
use crate::layout::Pcm;

/// Bits of a number without its sign.
const BITS: i32 = 23;
/// Where the exponent of a float counts from when its mantissa is a whole number of 24 bits.
const BIAS: i32 = 150;
/// The most a sample may have left to say: one bit, and all of it.
const MOST_LEFT: usize = 33;

pub(super) fn encode(raw: &[u8], pcm: Pcm) -> Option<Coded> {
    let words = samples::words(raw, pcm)?;
    let shift = shift(&words)?;
    let mut left = Bits::default();
    let numbers: Vec<i32> = words.iter().map(|word| split(*word, shift, &mut left)).collect();
    let whole = flac::stream(&Integers { numbers, bits: 24, shift: 0 }, pcm.channels)?;
    let left = left.finish();
    let packed = zstandard::plain(&left).map(|coded| coded.bytes).filter(|packed| packed.len() < left.len());
    let mut params = samples::describe(pcm, 0);
    params["scale"] = json!(shift);
    params["whole"] = json!(whole.len());
    params["packed"] = json!(packed.is_some());
    let mut bytes = whole;
    bytes.extend(packed.unwrap_or(left));
    Some(Coded { codec: Codec::FlacFloats, params, bytes })
}

pub(super) fn decode(params: &Value, stored: &[u8], length: usize) -> Result<Vec<u8>, DecodeError> {
    let (pcm, _) = samples::described(params)?;
    let shift = params.get("scale").and_then(Value::as_i64).and_then(|shift| i32::try_from(shift).ok()).ok_or(DecodeError::Newer)?;
    let whole = params.get("whole").and_then(Value::as_u64).and_then(|whole| usize::try_from(whole).ok()).ok_or(DecodeError::Newer)?;
    let is_packed = params.get("packed").and_then(Value::as_bool).ok_or(DecodeError::Newer)?;
    if !pcm.is_float() || !(-1_000..=1_000).contains(&shift) {
        return Err(DecodeError::Newer);
    }
    let (whole, left) = stored.split_at_checked(whole).ok_or(DecodeError::Damaged)?;
    let numbers = flac::numbers(whole, pcm.channels, length / 4)?;
    let left = if is_packed { zstandard::within(left, (numbers.len() * MOST_LEFT).div_ceil(8))? } else { left.to_vec() };
    let mut left = Reader { bytes: &left, at: 0 };
    let words: Option<Vec<u32>> = numbers.into_iter().map(|number| join(number, shift, &mut left)).collect();
    let words = words.filter(|_| left.is_at_the_end()).ok_or(DecodeError::Damaged)?;
    Ok(samples::of_words(&words, pcm))
}

fn exponent(word: u32) -> i32 {
    ((word >> 23) & 0xff).cast_signed()
}

/// The scale at which the largest sample just fits; `None` where none has a number.
fn shift(words: &[u32]) -> Option<i32> {
    let largest = words.iter().map(|word| exponent(*word)).filter(|exponent| *exponent != 0xff).max().filter(|largest| *largest > 0)?;
    // Below 2^(largest - 126) is every sample.
    Some(BITS + 126 - largest)
}

fn split(word: u32, shift: i32, left: &mut Bits) -> i32 {
    let exponent = exponent(word);
    let cut = -(exponent - BIAS + shift);
    if exponent == 0 || exponent == 0xff || cut > BITS {
        if word == 0 {
            left.push(0, 1);
        } else {
            left.push(1, 1);
            left.push(word, 32);
        }
        return 0;
    }
    let mantissa = (word & 0x7f_ffff) | 0x80_0000;
    let cut = cut.cast_unsigned();
    left.push(mantissa & ((1 << cut) - 1), cut);
    let number = (mantissa >> cut).cast_signed();
    if word >> 31 == 1 { -number } else { number }
}

fn join(number: i32, shift: i32, left: &mut Reader<'_>) -> Option<u32> {
    if number == 0 {
        return if left.take(1)? == 0 { Some(0) } else { left.take(32) };
    }
    let size = number.unsigned_abs();
    // 24 bits less those the number has; at least 1, as numbers have 23.
    let cut = size.leading_zeros().checked_sub(8).filter(|cut| *cut > 0)?;
    let exponent = u32::try_from(BIAS - shift - cut.cast_signed()).ok().filter(|exponent| (1..0xff).contains(exponent))?;
    let mantissa = (size << cut) | left.take(cut)?;
    Some(u32::from(number < 0) << 31 | exponent << 23 | (mantissa & 0x7f_ffff))
}

/// Bits one after the other, the highest of a byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    /// Appends the lowest `count` bits, at most 32.
    fn push(&mut self, bits: u32, count: u32) {
        self.waiting = self.waiting << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.waiting >> self.count) as u8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
        self.bytes
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let first = self.at / 8;
        let mut window = [0; 8];
        let held = self.bytes.get(first..)?;
        let size = held.len().min(8);
        window[..size].copy_from_slice(&held[..size]);
        let end = self.at + count as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        // At most 7 bits before and 32 wanted.
        let bits = u64::from_be_bytes(window) << (self.at % 8);
        self.at = end;
        Some(if count == 0 { 0 } else { (bits >> (64 - count)) as u32 })
    }

    /// Nothing but the zeros that fill the last byte is left.
    fn is_at_the_end(&mut self) -> bool {
        let rest = self.bytes.len() * 8 - self.at;
        rest < 8 && self.take(rest as u32) == Some(0)
    }
}
