//! The `fmt ` chunk of the RIFF family. It reads a slice of bytes and nothing else.

use crate::container::layout::{PcmFormat, SampleCode};
use crate::error::AudioError;

/// What a `fmt ` chunk says: samples we read ourselves, or the name of another codec.
pub(crate) enum Format {
    /// Linear or companded samples.
    Pcm(PcmFormat),
    /// Anything else.
    Other(String),
}

const EXTENSIBLE: u16 = 0xFFFE;

/// Parses the payload of a `fmt ` chunk.
pub(crate) fn parse_fmt(data: &[u8], big_endian: bool) -> Result<Format, AudioError> {
    let word = |at: usize| -> Option<u16> {
        let bytes = data.get(at..at + 2)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        Some(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let short = || AudioError::damaged("the format chunk is too short");
    let mut tag = word(0).ok_or_else(short)?;
    let channels = word(2).ok_or_else(short)?;
    let rate = long(4).ok_or_else(short)?;
    let block_align = word(12).ok_or_else(short)?;
    let bits = word(14).unwrap_or(8);
    let (mut valid_bits, mut channel_mask) = (bits, 0);
    if tag == EXTENSIBLE {
        if let (Some(valid), Some(mask), Some(sub)) = (word(18), long(20), word(24)) {
            valid_bits = if (1..=bits).contains(&valid) { valid } else { bits };
            channel_mask = mask;
            tag = sub;
        } else {
            tag = 1;
        }
    }
    if channels == 0 {
        return Err(AudioError::damaged("the header says zero channels"));
    }
    let container = match usize::from(block_align / channels) {
        bytes @ 1..=8 if u16::try_from(bytes).is_ok_and(|b| b * channels == block_align) && bytes * 8 >= usize::from(bits) => bytes,
        _ => usize::from(bits).div_ceil(8),
    };
    let code = match (tag, container) {
        (1, 1) => SampleCode::U8,
        (1, 2) => SampleCode::I16,
        (1, 3) => SampleCode::I24,
        (1, 4) => SampleCode::I32,
        (3, 4) => SampleCode::F32,
        (3, 8) => SampleCode::F64,
        (6, 1) => SampleCode::ALaw,
        (7, 1) => SampleCode::MuLaw,
        (1 | 3, _) => return Err(AudioError::Unsupported { format: format!("WAV with {bits} bits per sample") }),
        (other, _) => return Ok(Format::Other(codec_name(other))),
    };
    let valid_bits = if code.is_float() || valid_bits == 0 { code.bytes() as u16 * 8 } else { valid_bits };
    Ok(Format::Pcm(PcmFormat { rate, channels, code, big_endian, valid_bits, channel_mask }.checked()?))
}

fn codec_name(tag: u16) -> String {
    match tag {
        2 => "ADPCM (Microsoft)".to_owned(),
        0x11 => "ADPCM (IMA)".to_owned(),
        0x31 => "GSM 6.10".to_owned(),
        0x50 => "MPEG layer 1 or 2".to_owned(),
        0x55 => "MP3".to_owned(),
        0xFF | 0x1600 | 0x1601 | 0x1602 => "AAC".to_owned(),
        0x160..=0x163 => "WMA".to_owned(),
        other => format!("WAV codec {other:#06x}"),
    }
}
