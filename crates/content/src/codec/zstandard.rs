//! Zstandard, and floats as byte planes before it: bytes of one weight stand together, where the upper ones repeat.

use std::io::Read;

use collabtrack_domain::recipe::Codec;
use serde_json::{Value, json};

use super::{Coded, DecodeError};
use crate::layout::Pcm;

const LEVEL: i32 = 9;

pub(super) fn plain(raw: &[u8]) -> Option<Coded> {
    let bytes = zstd::bulk::compress(raw, LEVEL).ok()?;
    Some(Coded { codec: Codec::Zstd, params: Value::Null, bytes })
}

pub(super) fn unplain(stored: &[u8], length: usize) -> Result<Vec<u8>, DecodeError> {
    within(stored, length).and_then(|raw| if raw.len() == length { Ok(raw) } else { Err(DecodeError::Damaged) })
}

/// What a stream holds, which may be no more than `most` bytes.
pub(super) fn within(stored: &[u8], most: usize) -> Result<Vec<u8>, DecodeError> {
    let decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(|_| DecodeError::Damaged)?;
    let mut raw = Vec::new();
    // One byte more than allowed tells a stream that goes on.
    decoder.take(most as u64 + 1).read_to_end(&mut raw).map_err(|_| DecodeError::Damaged)?;
    if raw.len() <= most { Ok(raw) } else { Err(DecodeError::Damaged) }
}

pub(super) fn planes(raw: &[u8], pcm: Pcm) -> Option<Coded> {
    let width = usize::from(pcm.bytes);
    if !raw.len().is_multiple_of(width) {
        return None;
    }
    let mut planes = Vec::with_capacity(raw.len());
    for plane in 0..width {
        planes.extend(raw.iter().skip(plane).step_by(width));
    }
    let bytes = zstd::bulk::compress(&planes, LEVEL).ok()?;
    Some(Coded { codec: Codec::PlanesZstd, params: json!({"width": width}), bytes })
}

pub(super) fn unplanes(params: &Value, stored: &[u8], length: usize) -> Result<Vec<u8>, DecodeError> {
    let width = params.get("width").and_then(Value::as_u64).filter(|width| (1..=8).contains(width)).ok_or(DecodeError::Newer)?;
    let width = usize::try_from(width).map_err(|_| DecodeError::Newer)?;
    if !length.is_multiple_of(width) {
        return Err(DecodeError::Damaged);
    }
    let planes = unplain(stored, length)?;
    let mut raw = vec![0; length];
    for (plane, bytes) in planes.chunks_exact((length / width).max(1)).enumerate() {
        raw.iter_mut().skip(plane).step_by(width).zip(bytes).for_each(|(raw, byte)| *raw = *byte);
    }
    Ok(raw)
}
