//! The 64-byte header all stored tables share. Little-endian.

use crate::error::AudioError;
use crate::limits;

pub(super) const HEADER_BYTES: usize = 64;
const VERSION: u16 = 1;

/// The fields of a table header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) magic: [u8; 4],
    pub(super) channels: u16,
    pub(super) rate: u32,
    pub(super) unit: u32,
    pub(super) frames: u64,
    pub(super) count: u32,
    pub(super) file_id: [u8; 32],
}

impl Header {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.magic);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.channels.to_le_bytes());
        out.extend_from_slice(&self.rate.to_le_bytes());
        out.extend_from_slice(&self.unit.to_le_bytes());
        out.extend_from_slice(&self.frames.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&self.file_id);
    }

    /// Reads and checks a header; returns it with the payload.
    pub(super) fn read(bytes: &[u8], magic: [u8; 4]) -> Result<(Self, &[u8]), AudioError> {
        if bytes.len() > limits::MAX_TABLE_BYTES {
            return Err(AudioError::Limit {
                what: "the size of the table",
                found: bytes.len() as u64,
                limit: limits::MAX_TABLE_BYTES as u64,
            });
        }
        let Some((head, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(AudioError::damaged("the table is cut short"));
        };
        let word = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let long = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if head[..4] != magic || word(4) != VERSION {
            return Err(AudioError::damaged("the table is of another kind or version"));
        }
        if long(28) != 0 {
            return Err(AudioError::Unsupported { format: "a compressed table".to_owned() });
        }
        let (channels, rate, unit) = (word(6), long(8), long(12));
        if channels == 0 || channels > limits::MAX_CHANNELS || rate == 0 || unit == 0 {
            return Err(AudioError::damaged("the header of the table makes no sense"));
        }
        let mut file_id = [0; 32];
        file_id.copy_from_slice(&head[32..]);
        let frames = u64::from(long(16)) | u64::from(long(20)) << 32;
        Ok((Header { magic, channels, rate, unit, frames, count: long(24), file_id }, payload))
    }
}
