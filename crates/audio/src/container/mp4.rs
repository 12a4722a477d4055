//! What an MP4 file says about encoder delay: its edit list and the `iTunSMPB` tag. Nothing else of the format is read here.

use crate::container::bytes::Bytes;
use crate::error::AudioError;
use crate::limits;

/// The playable range of the coded audio, in coded frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trim {
    /// Coded frames before the first one to play.
    pub(crate) skip: u64,
    /// Frames to play, when stated.
    pub(crate) frames: Option<u64>,
    /// How many frames one tick of the clock lasts that `frames` was counted in.
    pub(crate) tick: u64,
}

impl Trim {
    /// The playable frames, given that `rest` coded frames follow the skipped ones.
    pub(crate) fn playable(&self, rest: Option<u64>) -> Option<u64> {
        match (self.frames, rest) {
            // A coarse clock cannot tell single frames: there the count of coded frames is the better one.
            (Some(frames), Some(rest)) if self.tick > 1 && rest <= frames + self.tick => Some(rest),
            (Some(frames), Some(rest)) => Some(frames.min(rest)),
            (frames, rest) => frames.or(rest),
        }
    }
}

#[derive(Default)]
struct Track {
    is_audio: bool,
    timescale: u32,
    edits: Vec<(u64, i64)>,
}

/// What the boxes of a file say.
#[derive(Default)]
pub(crate) struct Boxes {
    movie_scale: u32,
    tracks: Vec<Track>,
    smpb: Option<Trim>,
    /// Where lists of tags begin and end, behind their headers.
    pub(crate) tags: Vec<(u64, u64)>,
}

struct Walk<'a> {
    bytes: &'a mut Bytes,
    count: usize,
    found: Boxes,
}

/// Walks the boxes of a file that begins as MP4 files do; of others `None`.
pub(crate) fn read(bytes: &mut Bytes) -> Result<Option<Boxes>, AudioError> {
    let begins = bytes.array::<8>(0)?;
    if !begins.is_some_and(|head| matches!(&head[4..], b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide")) {
        return Ok(None);
    }
    let end = bytes.length();
    let mut walk = Walk { bytes, count: 0, found: Boxes::default() };
    walk.boxes(0, end, 0)?;
    Ok(Some(walk.found))
}

impl Boxes {
    /// How the first audio track is to be trimmed; `None` when the file does not say.
    pub(crate) fn trim(&self, rate: u32) -> Option<Trim> {
        if self.smpb.is_some() {
            return self.smpb;
        }
        let track = self.tracks.iter().find(|track| track.is_audio)?;
        // One real edit, possibly after an empty one: what every encoder writes for priming.
        let (duration, media_time) = track.edits.iter().find(|(_, time)| *time >= 0)?;
        let scale = |value: u64, per: u32| -> u64 {
            if per == 0 { 0 } else { ((u128::from(value) * u128::from(rate) + u128::from(per) / 2) / u128::from(per)) as u64 }
        };
        let skip = scale(media_time.unsigned_abs(), track.timescale);
        let frames = (*duration > 0 && self.movie_scale > 0).then(|| scale(*duration, self.movie_scale));
        Some(Trim { skip, frames, tick: u64::from(rate.div_ceil(self.movie_scale.max(1))) })
    }
}

impl Walk<'_> {
    fn boxes(&mut self, mut at: u64, end: u64, depth: usize) -> Result<(), AudioError> {
        while at + 8 <= end {
            self.count += 1;
            if self.count > limits::MAX_CHUNKS {
                return Err(AudioError::Limit { what: "the number of boxes", found: self.count as u64, limit: limits::MAX_CHUNKS as u64 });
            }
            let Some(head) = self.bytes.array::<8>(at)? else { break };
            let id = [head[4], head[5], head[6], head[7]];
            let size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
            let (header, size) = match size {
                0 => (8, end - at),
                1 => (16, self.bytes.array::<8>(at + 8)?.map_or(0, u64::from_be_bytes)),
                size => (8, size),
            };
            if size < header || size > end - at {
                break;
            }
            self.visit(id, at + header, at + size, depth)?;
            at += size;
        }
        Ok(())
    }

    fn visit(&mut self, id: [u8; 4], from: u64, to: u64, depth: usize) -> Result<(), AudioError> {
        if &id == b"ilst" {
            self.found.tags.push((from, to));
        }
        match &id {
            b"moov" | b"mdia" | b"edts" | b"udta" | b"ilst" if depth < limits::MAX_NESTING => self.boxes(from, to, depth + 1)?,
            b"meta" if depth < limits::MAX_NESTING => self.boxes(from + 4, to, depth + 1)?,
            b"trak" if depth < limits::MAX_NESTING => {
                self.found.tracks.push(Track::default());
                self.boxes(from, to, depth + 1)?;
            }
            b"mvhd" => self.found.movie_scale = self.timescale(from)?,
            b"mdhd" => {
                let timescale = self.timescale(from)?;
                if let Some(track) = self.found.tracks.last_mut() {
                    track.timescale = timescale;
                }
            }
            b"hdlr" => {
                let is_audio = self.bytes.array::<4>(from + 8)? == Some(*b"soun");
                if let Some(track) = self.found.tracks.last_mut() {
                    track.is_audio |= is_audio;
                }
            }
            b"elst" => self.edit_list(from, to)?,
            b"----" => self.free_form(from, to)?,
            _ => {}
        }
        Ok(())
    }

    fn timescale(&mut self, from: u64) -> Result<u32, AudioError> {
        let version = self.bytes.array::<1>(from)?.map_or(0, |b| b[0]);
        let at = from + if version == 1 { 20 } else { 12 };
        Ok(self.bytes.array::<4>(at)?.map_or(0, u32::from_be_bytes))
    }

    fn edit_list(&mut self, from: u64, to: u64) -> Result<(), AudioError> {
        let data = self.bytes.read_vec(from, (to - from).min(limits::MAX_TEXT_BYTES))?;
        let Some(track) = self.found.tracks.last_mut() else { return Ok(()) };
        let wide = data.first() == Some(&1);
        let entries = data.get(8..).unwrap_or(&[]).chunks_exact(if wide { 20 } else { 12 });
        track.edits = entries
            .take(limits::MAX_NESTING * 8)
            .filter_map(|entry| {
                if wide {
                    let duration = u64::from_be_bytes(entry.get(..8)?.try_into().ok()?);
                    Some((duration, i64::from_be_bytes(entry.get(8..16)?.try_into().ok()?)))
                } else {
                    let duration = u32::from_be_bytes(entry.get(..4)?.try_into().ok()?);
                    Some((u64::from(duration), i64::from(i32::from_be_bytes(entry.get(4..8)?.try_into().ok()?))))
                }
            })
            .collect();
        Ok(())
    }

    /// `iTunSMPB`: " 00000000 DELAY PADDING FRAMES …", all hexadecimal.
    fn free_form(&mut self, from: u64, to: u64) -> Result<(), AudioError> {
        let data = self.bytes.read_vec(from, (to - from).min(4096))?;
        let text = String::from_utf8_lossy(&data);
        let Some(start) = text.find("iTunSMPB") else { return Ok(()) };
        let fields: Vec<u64> = text[start + 8..]
            .split(|c: char| !c.is_ascii_hexdigit())
            .filter(|field| field.len() >= 8)
            .filter_map(|field| u64::from_str_radix(field, 16).ok())
            .collect();
        if let [_, delay, _, frames, ..] = fields[..]
            && frames > 0
        {
            self.found.smpb = Some(Trim { skip: delay, frames: Some(frames), tick: 1 });
        }
        Ok(())
    }
}
