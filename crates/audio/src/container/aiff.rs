//! Walking AIFF and AIFC.

use crate::container::bytes::Bytes;
use crate::container::layout::{Chunk, ContainerKind, Layout, PcmFormat, SampleCode};
use crate::container::speakers;
use crate::error::AudioError;

/// Walks AIFF or AIFC.
pub(super) fn walk_aiff(bytes: &mut Bytes) -> Result<Layout, AudioError> {
    let end = bytes.length();
    let head: [u8; 12] = bytes.array(0)?.ok_or(AudioError::NotAudio { reason: "the file is too short" })?;
    let compressed = &head[8..12] == b"AIFC";
    let mut layout = Layout::new(if compressed { ContainerKind::Aifc } else { ContainerKind::Aiff }, end);
    let mut at = 12;
    let mut declared_frames = None;
    let mut speakers = Vec::new();
    while let Some(header) = bytes.array::<8>(at)? {
        let id = [header[0], header[1], header[2], header[3]];
        let declared = u64::from(u32::from_be_bytes([header[4], header[5], header[6], header[7]]));
        let offset = at + 8;
        let rest = end - offset.min(end);
        let mut length = declared.min(rest);
        if &id == b"SSND" && layout.audio.is_none() {
            if declared == 0 && rest > 8 {
                layout.unsized_audio = true;
                length = rest;
            } else if declared > rest {
                layout.truncated = true;
            }
            let skip = bytes.array::<4>(offset)?.map_or(0, |word| u64::from(u32::from_be_bytes(word)));
            let start = (offset + 8).saturating_add(skip).min(offset + length);
            layout.audio = Some((start, offset + length - start));
        } else if declared > rest {
            layout.irregular = true;
        }
        layout.push(Chunk { id, offset, length })?;
        if &id == b"COMM" && layout.format.is_none() && layout.other_codec.is_none() {
            let data = bytes.read_vec(offset, length.min(4096))?;
            declared_frames = read_comm(&data, compressed, &mut layout)?;
        }
        if &id == b"CHAN" {
            speakers = bytes.read_vec(offset, length.min(speakers::MOST_BYTES))?;
        }
        let padded = offset + length + length % 2;
        // A missing pad byte: the next id stands one byte early.
        at = match (length % 2, plausible(bytes, padded)?) {
            (1, false) if plausible(bytes, padded - 1)? => {
                layout.irregular = true;
                padded - 1
            }
            _ => padded,
        };
    }
    if let Some(format) = &mut layout.format {
        format.channel_mask = speakers::mask_of(&speakers, format.channels);
    }
    if layout.format.is_none() && layout.other_codec.is_none() {
        return Err(AudioError::NotAudio { reason: "the file has an AIFF header but no common chunk" });
    }
    if let (Some(frames), Some(format), Some((offset, length))) = (declared_frames, layout.format, layout.audio) {
        let wanted = u64::from(frames) * format.frame_bytes();
        if wanted > 0 && wanted < length {
            layout.audio = Some((offset, wanted));
        } else if wanted > length {
            layout.truncated = true;
        }
    }
    layout.settle()
}

fn plausible(bytes: &mut Bytes, at: u64) -> Result<bool, AudioError> {
    Ok(bytes.array::<8>(at)?.is_none_or(|header| {
        let size = u64::from(u32::from_be_bytes([header[4], header[5], header[6], header[7]]));
        header[..4].iter().all(|byte| (0x20..0x7F).contains(byte)) && at + 8 + size <= bytes.length() + 1
    }))
}

/// Reads a `COMM` payload into the layout; returns the declared frame count.
fn read_comm(data: &[u8], compressed: bool, layout: &mut Layout) -> Result<Option<u32>, AudioError> {
    let Some(fixed) = data.first_chunk::<18>() else { return Err(AudioError::damaged("the common chunk is too short")) };
    let channels = u16::from_be_bytes([fixed[0], fixed[1]]);
    let frames = u32::from_be_bytes([fixed[2], fixed[3], fixed[4], fixed[5]]);
    let bits = u16::from_be_bytes([fixed[6], fixed[7]]);
    let mut extended = [0; 10];
    extended.copy_from_slice(&fixed[8..18]);
    let rate = from_extended(extended);
    let kind: [u8; 4] = if compressed { data.get(18..22).and_then(|b| b.try_into().ok()).unwrap_or(*b"NONE") } else { *b"NONE" };
    let by_bits = || match bits.div_ceil(8) {
        1 => Ok(SampleCode::I8),
        2 => Ok(SampleCode::I16),
        3 => Ok(SampleCode::I24),
        4 => Ok(SampleCode::I32),
        _ => Err(AudioError::Unsupported { format: format!("AIFF with {bits} bits per sample") }),
    };
    let (code, big_endian) = match &kind {
        b"NONE" | b"twos" => (by_bits()?, true),
        b"sowt" => (by_bits()?, false),
        b"in24" => (SampleCode::I24, true),
        b"42ni" => (SampleCode::I24, false),
        b"in32" => (SampleCode::I32, true),
        b"23ni" => (SampleCode::I32, false),
        b"fl32" | b"FL32" => (SampleCode::F32, true),
        b"fl64" | b"FL64" => (SampleCode::F64, true),
        b"raw " => (SampleCode::U8, true),
        b"alaw" | b"ALAW" => (SampleCode::ALaw, true),
        b"ulaw" | b"ULAW" => (SampleCode::MuLaw, true),
        other => {
            layout.other_codec = Some(format!("AIFC codec {}", String::from_utf8_lossy(other)));
            return Ok(Some(frames));
        }
    };
    let width = code.bytes() as u16 * 8;
    let valid_bits = if code.is_float() || bits == 0 || bits > width { width } else { bits };
    layout.format = Some(PcmFormat { rate, channels, code, big_endian, valid_bits, channel_mask: 0 }.checked()?);
    Ok(Some(frames))
}

/// An 80-bit extended float as a whole number of hertz; 0 when it is none.
fn from_extended(bytes: [u8; 10]) -> u32 {
    let exponent = i32::from(u16::from_be_bytes([bytes[0], bytes[1]]) & 0x7FFF) - 16_383;
    let mut mantissa = [0; 8];
    mantissa.copy_from_slice(&bytes[2..]);
    let value = u64::from_be_bytes(mantissa) as f64 * 2_f64.powi(exponent - 63);
    if bytes[0] & 0x80 != 0 || !value.is_finite() || value > f64::from(u32::MAX) { 0 } else { value.round() as u32 }
}
