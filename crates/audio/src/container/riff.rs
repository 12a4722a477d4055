//! Walking RIFF, RIFX, RF64, BW64 and W64: every chunk located, sizes believed only where the file bears them out.

use crate::container::bytes::Bytes;
use crate::container::fmt::{Format, parse_fmt};
use crate::container::layout::{Chunk, ContainerKind, Layout};
use crate::error::AudioError;
use crate::limits;

/// The first sixteen bytes of a W64 file.
pub(super) const W64_RIFF_GUID: [u8; 16] = *b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\x00\x00";
const W64_WAVE_GUID: [u8; 16] = *b"wave\xF3\xAC\xD3\x11\x8C\xD1\x00\xC0\x4F\x8E\xDB\x8A";
/// A 32-bit size that means "see `ds64`", or "not known yet".
const UNKNOWN: u32 = 0xFFFF_FFFF;

/// The 64-bit sizes of an RF64 or BW64 file.
#[derive(Default)]
struct LongSizes {
    data: Option<u64>,
    others: Vec<([u8; 4], u64)>,
}

/// Walks RIFF, RIFX, RF64 or BW64.
pub(super) fn walk_riff(bytes: &mut Bytes) -> Result<Layout, AudioError> {
    let end = bytes.length();
    let head: [u8; 12] = bytes.array(0)?.ok_or(AudioError::NotAudio { reason: "the file is too short" })?;
    let big_endian = &head[..4] == b"RIFX";
    let kind = match &head[..4] {
        b"RF64" => ContainerKind::Rf64,
        b"BW64" => ContainerKind::Bw64,
        _ => ContainerKind::Wave,
    };
    let long = |at: [u8; 4]| if big_endian { u32::from_be_bytes(at) } else { u32::from_le_bytes(at) };
    let outer = long([head[4], head[5], head[6], head[7]]);
    let outer_is_wrong = u64::from(outer) + 8 != end && u64::from(outer) + 9 != end;
    let mut layout = Layout::new(kind, end);
    let mut sizes = LongSizes::default();
    let mut other_codec = None;
    let mut at = 12;
    while let Some(header) = bytes.array::<8>(at)? {
        let id = [header[0], header[1], header[2], header[3]];
        let declared32 = long([header[4], header[5], header[6], header[7]]);
        let offset = at + 8;
        let rest = end - offset.min(end);
        let mut declared = u64::from(declared32);
        if declared32 == UNKNOWN && kind != ContainerKind::Wave {
            declared = sizes.others.iter().find(|(other, _)| *other == id).map_or(declared, |(_, size)| *size);
            if &id == b"data" {
                declared = sizes.data.unwrap_or(declared);
            }
        }
        if &id == b"data" && layout.audio.is_none() {
            let unsized_audio = (declared32 == UNKNOWN && (kind == ContainerKind::Wave || sizes.data.is_none()))
                || (declared == 0 && rest > 0 && (outer == 0 || outer_is_wrong));
            layout.unsized_audio = unsized_audio;
            if unsized_audio {
                declared = rest;
            } else if declared > rest {
                layout.truncated = true;
            }
            layout.audio = Some((offset, declared.min(rest)));
        } else if declared > rest {
            layout.irregular = true;
        }
        let length = declared.min(rest);
        layout.push(Chunk { id, offset, length })?;
        match &id {
            b"ds64" => sizes = read_ds64(&bytes.read_vec(offset, length.min(limits::MAX_TEXT_BYTES))?),
            b"fmt " if layout.format.is_none() => match parse_fmt(&bytes.read_vec(offset, length.min(4096))?, big_endian)? {
                Format::Pcm(format) => layout.format = Some(format),
                Format::Other(name) => other_codec = Some(name),
            },
            _ => {}
        }
        let Some(next) = next_chunk(bytes, offset + length, length, end, &mut layout.irregular, long)? else { break };
        at = next;
    }
    layout.other_codec = other_codec;
    finish(layout)
}

fn finish(layout: Layout) -> Result<Layout, AudioError> {
    if layout.format.is_none() && layout.other_codec.is_none() {
        return Err(AudioError::NotAudio { reason: "the file has a WAV header but no format chunk" });
    }
    layout.settle()
}

fn read_ds64(data: &[u8]) -> LongSizes {
    let quad = |at: usize| data.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let count = data.get(24..28).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes) as usize;
    let others = data.get(28..).unwrap_or(&[]).chunks_exact(12).take(count).filter_map(|entry| {
        let id = entry.get(..4)?.try_into().ok()?;
        let size = entry.get(4..12)?.try_into().ok().map(u64::from_le_bytes)?;
        Some((id, size))
    });
    LongSizes { data: quad(8), others: others.collect() }
}

/// Where the chunk after a payload ending at `payload_end` starts. Writers get the pad byte wrong in both directions.
fn next_chunk(
    bytes: &mut Bytes,
    payload_end: u64,
    length: u64,
    end: u64,
    irregular: &mut bool,
    long: impl Fn([u8; 4]) -> u32,
) -> Result<Option<u64>, AudioError> {
    let expected = payload_end + length % 2;
    let candidates = [expected, expected.saturating_sub(1).max(payload_end.saturating_sub(1)), expected + 1];
    let mut first_plausible = None;
    for (rank, at) in candidates.into_iter().enumerate() {
        let Some(header) = bytes.array::<8>(at)? else { continue };
        let id = [header[0], header[1], header[2], header[3]];
        let size = long([header[4], header[5], header[6], header[7]]);
        let fits = u64::from(size) <= end - (at + 8).min(end) || size == UNKNOWN;
        if is_known(&id) && (fits || rank == 0) {
            *irregular |= rank != 0;
            return Ok(Some(at));
        }
        if first_plausible.is_none() && id.iter().all(|byte| (0x20..0x7F).contains(byte)) && fits {
            first_plausible = Some((rank, at));
        }
    }
    if let Some((rank, at)) = first_plausible {
        *irregular |= rank != 0;
        return Ok(Some(at));
    }
    // Trailing bytes that are no chunk: the tail of the file, kept by whoever rebuilds it.
    *irregular |= expected < end;
    Ok(None)
}

fn is_known(id: &[u8; 4]) -> bool {
    const KNOWN: [&[u8; 4]; 30] = [
        b"fmt ", b"data", b"fact", b"LIST", b"list", b"bext", b"iXML", b"cue ", b"smpl", b"inst", b"acid", b"JUNK", b"junk", b"PAD ",
        b"FLLR", b"ds64", b"id3 ", b"ID3 ", b"axml", b"chna", b"levl", b"umid", b"PEAK", b"plst", b"qlty", b"mext", b"_PMX", b"cart",
        b"slnt", b"minf",
    ];
    KNOWN.contains(&id)
}

/// Walks Sony Wave64: 16-byte ids, 64-bit sizes that include the header, 8-byte alignment.
pub(super) fn walk_w64(bytes: &mut Bytes) -> Result<Layout, AudioError> {
    let end = bytes.length();
    let mut layout = Layout::new(ContainerKind::Wave64, end);
    if bytes.array::<16>(24)? != Some(W64_WAVE_GUID) {
        return Err(AudioError::NotAudio { reason: "the W64 header has no wave form" });
    }
    let mut other_codec = None;
    let mut at = 40;
    while let Some(header) = bytes.array::<24>(at)? {
        let id = [header[0], header[1], header[2], header[3]];
        let mut quad = [0; 8];
        quad.copy_from_slice(&header[16..24]);
        let declared = u64::from_le_bytes(quad);
        let offset = at + 24;
        let rest = end - offset.min(end);
        let mut payload = declared.saturating_sub(24);
        if &id == b"data" && layout.audio.is_none() {
            if declared < 24 || declared == u64::MAX {
                layout.unsized_audio = true;
                payload = rest;
            } else if payload > rest {
                layout.truncated = true;
            }
            layout.audio = Some((offset, payload.min(rest)));
        } else if declared < 24 {
            layout.irregular = true;
            break;
        }
        let length = payload.min(rest);
        layout.push(Chunk { id, offset, length })?;
        if &id == b"fmt " && layout.format.is_none() {
            match parse_fmt(&bytes.read_vec(offset, length.min(4096))?, false)? {
                Format::Pcm(format) => layout.format = Some(format),
                Format::Other(name) => other_codec = Some(name),
            }
        }
        let Some(next) = offset.checked_add(length).and_then(|next| next.checked_next_multiple_of(8)) else { break };
        at = next;
    }
    layout.other_codec = other_codec;
    finish(layout)
}
