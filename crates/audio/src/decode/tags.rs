//! What a coded file says about itself in words, and which of it is too long to be kept: pictures and tags beyond [`limits`] are hidden
//! from the demuxer, which would hold them in memory as long as the file is open. The sound plays all the same.

use serde::{Deserialize, Serialize};
use symphonia::core::formats::FormatReader;
use symphonia::core::meta::{MetadataContainer, RawValue};

use crate::container::{Bytes, Layout, mp4};
use crate::error::AudioError;
use crate::guard::Hidden;
use crate::limits;

/// One tag, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name there: "TIT2", "ARTIST", "©nam", …
    pub key: String,
    /// Its text.
    pub value: String,
}

/// All tags and pictures of a file together.
const MOST: u64 = (limits::MAX_TAG_BYTES + limits::MAX_PICTURE_BYTES) as u64;
/// Kinds of a metadata block of FLAC (RFC 9639, 8.1).
const FLAC_PADDING: u8 = 1;
const FLAC_COMMENT: u8 = 4;
const FLAC_PICTURE: u8 = 6;

/// The texts among the tags a demuxer has read.
pub(super) fn of(format: &mut dyn FormatReader) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut left = limits::MAX_TAG_BYTES;
    let mut keep = |container: &MetadataContainer| {
        for tag in &container.tags {
            let value = match &tag.raw.value {
                RawValue::Binary(_) => continue,
                RawValue::String(text) if text.len() > left => continue,
                RawValue::StringList(list) if list.iter().map(|text| text.len() + 1).sum::<usize>() > left => continue,
                value => value.to_string(),
            };
            let length = tag.raw.key.len() + value.len();
            if tags.len() < limits::MAX_TAGS && length <= left {
                left -= length;
                tags.push(Tag { key: tag.raw.key.clone(), value });
            }
        }
    };
    if let Some(revision) = format.metadata().skip_to_latest() {
        keep(&revision.media);
        revision.per_track.iter().for_each(|track| keep(&track.metadata));
    }
    tags
}

/// What is to be hidden of a file.
pub(super) fn too_long(bytes: &mut Bytes, layout: Option<&Layout>, boxes: Option<&mp4::Boxes>) -> Result<Hidden, AudioError> {
    let mut hidden = Hidden { start: leading_tags(bytes)?, end: trailing_tag(bytes)?, bytes: Vec::new() };
    for (from, to) in boxes.into_iter().flat_map(|boxes| &boxes.tags) {
        if to - from > MOST {
            // The name of the box, before its contents.
            hidden.bytes.push((from.saturating_sub(4), b'x'));
        }
    }
    for chunk in layout.into_iter().flat_map(|layout| &layout.chunks) {
        if chunk.length > MOST && !matches!(&chunk.id, b"data" | b"SSND") {
            let header = if layout.is_some_and(|layout| layout.kind == crate::container::ContainerKind::Caf) { 12 } else { 8 };
            hidden.bytes.push((chunk.offset.saturating_sub(header), b'x'));
        }
    }
    flac_blocks(bytes, &mut hidden)?;
    Ok(hidden)
}

/// Bytes of the `ID3v2` tags a file begins with, if they are too long; else none.
fn leading_tags(bytes: &mut Bytes) -> Result<u64, AudioError> {
    let mut at = 0;
    for _ in 0..limits::MAX_NESTING {
        let Some([b'I', b'D', b'3', _, _, flags, size @ ..]) = bytes.array::<10>(at)? else { break };
        let size = size.iter().fold(0_u64, |size, byte| size << 7 | u64::from(byte & 0x7f));
        // A footer repeats the header.
        at += 10 + size + if flags & 0x10 != 0 { 10 } else { 0 };
    }
    Ok(if at > MOST { at.min(bytes.length()) } else { 0 })
}

/// Bytes from the APE tag a file ends with, perhaps before an old ID3 tag of 128 bytes, if it is too long; else none.
fn trailing_tag(bytes: &mut Bytes) -> Result<u64, AudioError> {
    for behind in [0, 128] {
        let footer = bytes.length().checked_sub(32 + behind).map(|at| bytes.array::<16>(at)).transpose()?.flatten();
        let Some([b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', _, _, _, _, size @ ..]) = footer else { continue };
        let size = u64::from(u32::from_le_bytes(size));
        if size > MOST {
            // It counts its footer, and not the header it may have.
            return Ok((size + 32 + behind).min(bytes.length()));
        }
    }
    Ok(0)
}

/// Comments and pictures of a FLAC file become padding from the one on that is too much.
fn flac_blocks(bytes: &mut Bytes, hidden: &mut Hidden) -> Result<(), AudioError> {
    let mut at = hidden.start;
    if bytes.array::<4>(at)? != Some(*b"fLaC") {
        return Ok(());
    }
    at += 4;
    let mut sum = 0;
    for _ in 0..limits::MAX_CHUNKS {
        let Some([kind, length @ ..]) = bytes.array::<4>(at)? else { break };
        let length = length.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        if matches!(kind & 0x7f, FLAC_COMMENT | FLAC_PICTURE) {
            sum += length;
            if sum > MOST {
                hidden.bytes.push((at, kind & 0x80 | FLAC_PADDING));
            }
        }
        at += 4 + length;
        if kind & 0x80 != 0 {
            break;
        }
    }
    Ok(())
}
