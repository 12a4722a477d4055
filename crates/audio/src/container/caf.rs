//! Walking Core Audio Format files.

use crate::container::bytes::Bytes;
use crate::container::layout::{Chunk, ContainerKind, Layout, PcmFormat, SampleCode};
use crate::container::speakers;
use crate::error::AudioError;

/// Walks a CAF file.
pub(super) fn walk_caf(bytes: &mut Bytes) -> Result<Layout, AudioError> {
    let end = bytes.length();
    let mut layout = Layout::new(ContainerKind::Caf, end);
    let mut at = 8;
    let mut speakers = Vec::new();
    while let Some(header) = bytes.array::<12>(at)? {
        let id = [header[0], header[1], header[2], header[3]];
        let mut quad = [0; 8];
        quad.copy_from_slice(&header[4..12]);
        let declared = i64::from_be_bytes(quad);
        let offset = at + 12;
        let rest = end - offset.min(end);
        let length = match u64::try_from(declared) {
            Ok(declared) => {
                if &id == b"data" && declared > rest {
                    layout.truncated = true;
                } else {
                    layout.irregular |= declared > rest;
                }
                declared.min(rest)
            }
            Err(_) => {
                layout.unsized_audio |= &id == b"data";
                rest
            }
        };
        layout.push(Chunk { id, offset, length })?;
        match &id {
            b"desc" if layout.format.is_none() => read_desc(&bytes.read_vec(offset, length.min(64))?, &mut layout)?,
            b"chan" => speakers = bytes.read_vec(offset, length.min(speakers::MOST_BYTES))?,
            // The first four bytes of the payload count edits.
            b"data" if layout.audio.is_none() => layout.audio = Some((offset + 4.min(length), length.saturating_sub(4))),
            _ => {}
        }
        at = offset + length;
    }
    if let Some(format) = &mut layout.format {
        format.channel_mask = speakers::mask_of(&speakers, format.channels);
    }
    if layout.format.is_none() && layout.other_codec.is_none() {
        return Err(AudioError::NotAudio { reason: "the file has a CAF header but no description chunk" });
    }
    layout.settle()
}

fn read_desc(data: &[u8], layout: &mut Layout) -> Result<(), AudioError> {
    let Some(desc) = data.first_chunk::<32>() else { return Err(AudioError::damaged("the description chunk is too short")) };
    let long = |at: usize| u32::from_be_bytes([desc[at], desc[at + 1], desc[at + 2], desc[at + 3]]);
    let mut quad = [0; 8];
    quad.copy_from_slice(&desc[..8]);
    let rate = f64::from_be_bytes(quad);
    let rate = if rate.is_finite() && (0.0..4e9).contains(&rate) { rate.round() as u32 } else { 0 };
    let id = [desc[8], desc[9], desc[10], desc[11]];
    let (flags, bytes_per_packet, channels, bits) = (long(12), long(16), long(24), long(28));
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    let width = if channels == 0 { 0 } else { bytes_per_packet / u32::from(channels) };
    let code = match (&id, flags & 1, width) {
        (b"lpcm", 0, 1) => SampleCode::I8,
        (b"lpcm", 0, 2) => SampleCode::I16,
        (b"lpcm", 0, 3) => SampleCode::I24,
        (b"lpcm", 0, 4) => SampleCode::I32,
        (b"lpcm", 1, 4) => SampleCode::F32,
        (b"lpcm", 1, 8) => SampleCode::F64,
        (b"alaw", ..) => SampleCode::ALaw,
        (b"ulaw", ..) => SampleCode::MuLaw,
        (b"lpcm", ..) => return Err(AudioError::Unsupported { format: format!("CAF with {bits} bits per sample") }),
        (other, ..) => {
            layout.other_codec = Some(format!("CAF codec {}", String::from_utf8_lossy(other)));
            return Ok(());
        }
    };
    let full = code.bytes() as u16 * 8;
    let valid_bits = u16::try_from(bits).ok().filter(|bits| !code.is_float() && (1..=full).contains(bits)).unwrap_or(full);
    layout.format = Some(PcmFormat { rate, channels, code, big_endian: flags & 2 == 0, valid_bits, channel_mask: 0 }.checked()?);
    Ok(())
}
