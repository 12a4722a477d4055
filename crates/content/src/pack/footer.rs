//! The end of a packed object lists its extents, so that a bucket whose recipes were lost still tells what its bytes are.
//!
//! The list as Zstandard-compressed JSON, its compressed length as a little-endian u32, then `CTPF` and a version byte.

use collabtrack_domain::recipe::Extent;

use crate::codec::{DecodeError, MAX_RAW};

const MARK: &[u8; 5] = b"CTPF\x01";
/// Most bytes of a list that are read.
const MAX_LIST: usize = 16 << 20;

/// The footer of these extents.
#[must_use]
pub fn write(extents: &[&Extent]) -> Vec<u8> {
    let list = serde_json::to_vec(extents).unwrap_or_else(|_| b"[]".to_vec());
    let mut footer = zstd::bulk::compress(&list, 12).unwrap_or_default();
    let length = u32::try_from(footer.len()).unwrap_or(0);
    footer.extend(length.to_le_bytes());
    footer.extend_from_slice(MARK);
    footer
}

/// The extents of a packed object, from its last bytes; none of them has the object's key.
/// # Errors
/// `Damaged` where there is no footer, `TooLarge`.
pub fn read(end: &[u8]) -> Result<Vec<Extent>, DecodeError> {
    let rest = end.strip_suffix(MARK).ok_or(DecodeError::Damaged)?;
    let (rest, length) = rest.split_last_chunk::<4>().ok_or(DecodeError::Damaged)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| DecodeError::TooLarge)?;
    let list = rest.len().checked_sub(length).map(|start| &rest[start..]).ok_or(DecodeError::Damaged)?;
    let list = zstd::bulk::decompress(list, MAX_LIST).map_err(|_| DecodeError::Damaged)?;
    let extents: Vec<Extent> = serde_json::from_slice(&list).map_err(|_| DecodeError::Damaged)?;
    if extents.iter().any(|extent| extent.raw_len > MAX_RAW) { Err(DecodeError::TooLarge) } else { Ok(extents) }
}
