//! How the raw bytes of an extent are stored: the smallest of what fits, decoded again and compared before it is used. A reader bounds its
//! memory by the lengths a recipe declares, and never panics.

use collabtrack_domain::recipe::Codec;
use serde_json::Value;

use crate::layout::Pcm;

pub mod flac;
mod floats;
pub mod residual;
mod samples;
mod zstandard;

/// Most raw bytes of a coded extent; raw ones are read piece by piece and have no such limit.
pub const MAX_RAW: u64 = 256 << 20;
/// A codec that saves less than 3 % is not worth its decoding.
const LEAST_SAVING: f64 = 0.97;

/// An extent in its stored form.
#[derive(Debug, Clone, PartialEq)]
pub struct Coded {
    /// How it is stored.
    pub codec: Codec,
    /// What decoding needs beside the bytes.
    pub params: Value,
    /// The stored bytes.
    pub bytes: Vec<u8>,
}

/// Why stored bytes do not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A codec or parameters of a newer program.
    #[error("it is stored in a form this program does not know")]
    Newer,
    /// Larger than a reader takes.
    #[error("it is larger than a reader takes")]
    TooLarge,
    /// The bytes are not what the recipe says.
    #[error("its stored bytes are damaged")]
    Damaged,
}

/// Codes raw bytes the smallest way; `pcm` where they are whole frames. What does not come back exactly is stored raw.
#[must_use]
pub fn encode(raw: &[u8], pcm: Option<Pcm>) -> Coded {
    let mut tries = Vec::new();
    match pcm {
        Some(pcm) if pcm.is_float() => match flac::encode(raw, pcm) {
            Some(coded) => tries.push(coded),
            None => tries.extend([floats::encode(raw, pcm), zstandard::planes(raw, pcm), zstandard::plain(raw)].into_iter().flatten()),
        },
        Some(pcm) => tries.extend(flac::encode(raw, pcm)),
        None => tries.extend(zstandard::plain(raw)),
    }
    tries.retain(|coded| (coded.bytes.len() as f64) < raw.len() as f64 * LEAST_SAVING);
    tries.sort_by_key(|coded| coded.bytes.len());
    let sound = |coded: &Coded| decode(coded.codec, &coded.params, &coded.bytes, raw.len() as u64).is_ok_and(|back| back == raw);
    tries.into_iter().find(sound).unwrap_or_else(|| Coded { codec: Codec::Raw, params: Value::Null, bytes: raw.to_vec() })
}

/// The raw bytes of a stored extent that rests on no other.
/// # Errors
/// `Newer`, `TooLarge`, `Damaged`.
pub fn decode(codec: Codec, params: &Value, stored: &[u8], raw_len: u64) -> Result<Vec<u8>, DecodeError> {
    if raw_len > MAX_RAW {
        return Err(DecodeError::TooLarge);
    }
    let length = usize::try_from(raw_len).map_err(|_| DecodeError::TooLarge)?;
    let raw = match codec {
        Codec::Raw => stored.to_vec(),
        Codec::Flac => flac::decode(params, stored, length)?,
        Codec::Zstd => zstandard::unplain(stored, length)?,
        Codec::PlanesZstd => zstandard::unplanes(params, stored, length)?,
        Codec::FlacFloats => floats::decode(params, stored, length)?,
        Codec::FlacResidual | Codec::Unknown => return Err(DecodeError::Newer),
    };
    if raw.len() == length { Ok(raw) } else { Err(DecodeError::Damaged) }
}

#[cfg(test)]
mod tests;
