//! What a studio wrote beside the sound: bext, iXML, cue markers, loops, tempo. Text is bounded and never interpreted.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::container::bytes::Bytes;
use crate::container::layout::{Chunk, Layout};
use crate::error::AudioError;
use crate::guard::guarded;
use crate::limits;

/// The broadcast extension (`bext`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Free description.
    pub description: String,
    /// Who made the file.
    pub originator: String,
    /// Originator's reference.
    pub reference: String,
    /// Date, as written.
    pub date: String,
    /// Time, as written.
    pub time: String,
    /// Frames from midnight to the first frame of this file: an exact hint for aligning versions.
    pub time_reference: u64,
    /// Unique material identifier, in hexadecimal, empty when absent.
    pub umid: String,
    /// Loudness in LUFS, when written (version 2).
    pub loudness_lufs: Option<f64>,
}

/// One cue marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Position in frames.
    pub frame: u64,
    /// Its label, empty when it has none.
    pub label: String,
}

/// How a sampler is to play the file (`inst`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// MIDI note that plays the file at its own pitch, 0 to 127.
    pub note: u8,
    /// Fine tuning in cents, −50 to 50.
    pub tune_cents: i8,
    /// Gain in dB.
    pub gain_db: i8,
    /// Lowest and highest note.
    pub notes: (u8, u8),
    /// Lowest and highest velocity.
    pub velocities: (u8, u8),
}

/// Everything read from the chunks beside the sound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    /// `bext`.
    pub broadcast: Option<Broadcast>,
    /// `iXML`, as text.
    pub ixml: Option<String>,
    /// `cue ` markers with their `adtl` labels.
    pub markers: Vec<Marker>,
    /// `smpl` loops: first and last frame.
    pub loops: Vec<(u64, u64)>,
    /// `acid` tempo in beats per minute.
    pub tempo_bpm: Option<f32>,
    /// `inst`.
    pub instrument: Option<Instrument>,
    /// Texts of a `LIST` of kind `INFO`: their name ("INAM", "IART", …) and what they say.
    #[serde(default)]
    pub info: Vec<(String, String)>,
}

impl Notes {
    /// The text of an iXML element such as `SCENE`, `TAKE` or `NOTE`, when present.
    pub fn ixml_value(&self, element: &str) -> Option<&str> {
        let text = self.ixml.as_deref()?;
        let start = text.find(&format!("<{element}>"))? + element.len() + 2;
        let length = text.get(start..)?.find(&format!("</{element}>"))?;
        text.get(start..start + length)
    }
}

/// Bytes of one cue or loop.
const ENTRY: u64 = 24;

/// Reads the notes of the file at `path`; empty for containers without any.
/// # Errors
/// As [`crate::container::layout()`].
pub fn read(path: &Path) -> Result<Notes, AudioError> {
    let mut bytes = Bytes::open(path)?;
    guarded("reading the notes of the file", || match crate::container::walk(&mut bytes)? {
        Some(layout) => from_layout(&mut bytes, &layout),
        None => Ok(Notes::default()),
    })
}

fn from_layout(bytes: &mut Bytes, layout: &Layout) -> Result<Notes, AudioError> {
    let mut notes = Notes::default();
    let mut labels: Vec<(u32, String)> = Vec::new();
    let mut cues: Vec<(u32, u64)> = Vec::new();
    // Bytes of labels and texts so far: there may be as many chunks of them as there may be chunks.
    let mut texts = 0;
    for chunk in &layout.chunks {
        match &chunk.id {
            b"bext" if notes.broadcast.is_none() => notes.broadcast = read_bext(&payload(bytes, chunk)?),
            b"iXML" if notes.ixml.is_none() => {
                let text = String::from_utf8_lossy(&payload(bytes, chunk)?).trim_end_matches('\0').to_owned();
                notes.ixml = Some(text);
            }
            b"cue " => cues = read_cues(&bytes.read_vec(chunk.offset, chunk.length.min(4 + ENTRY * limits::MAX_MARKERS as u64))?),
            b"LIST" | b"list" if texts < limits::MAX_TEXT_BYTES as usize => {
                let data = payload(bytes, chunk)?;
                match data.first_chunk::<4>() {
                    Some(b"adtl") => read_labels(&data, &mut labels, &mut texts),
                    Some(b"INFO") => read_info(&data, &mut notes.info, &mut texts),
                    _ => {}
                }
            }
            b"smpl" => notes.loops = read_loops(&bytes.read_vec(chunk.offset, chunk.length.min(36 + ENTRY * limits::MAX_MARKERS as u64))?),
            b"acid" => notes.tempo_bpm = payload(bytes, chunk)?.get(20..24).and_then(float).filter(|bpm| bpm.is_finite() && *bpm > 0.0),
            b"inst" => notes.instrument = read_instrument(&payload(bytes, chunk)?),
            _ => {}
        }
    }
    // The first label of a cue counts; a map, because a hostile file has tens of thousands of both.
    let mut label_of: HashMap<u32, String> = HashMap::new();
    for (id, text) in labels {
        label_of.entry(id).or_insert(text);
    }
    notes.markers = cues.into_iter().map(|(id, frame)| Marker { frame, label: label_of.get(&id).cloned().unwrap_or_default() }).collect();
    Ok(notes)
}

fn payload(bytes: &mut Bytes, chunk: &Chunk) -> Result<Vec<u8>, AudioError> {
    bytes.read_vec(chunk.offset, chunk.length.min(limits::MAX_TEXT_BYTES))
}

fn long(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?))
}

fn float(data: &[u8]) -> Option<f32> {
    Some(f32::from_le_bytes(data.try_into().ok()?))
}

fn text(data: &[u8], from: usize, length: usize) -> String {
    let field = data.get(from..from + length).unwrap_or(&[]);
    let field = &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())];
    String::from_utf8_lossy(field).trim_end().to_owned()
}

fn read_bext(data: &[u8]) -> Option<Broadcast> {
    let time_reference = u64::from(long(data, 338)?) | u64::from(long(data, 342)?) << 32;
    let version = u16::from_le_bytes(data.get(346..348)?.try_into().ok()?);
    let umid = data.get(348..412).filter(|bytes| version >= 1 && bytes.iter().any(|byte| *byte != 0));
    let loudness = data.get(412..414).filter(|_| version >= 2).and_then(|b| b.try_into().ok()).map(i16::from_le_bytes);
    Some(Broadcast {
        description: text(data, 0, 256),
        originator: text(data, 256, 32),
        reference: text(data, 288, 32),
        date: text(data, 320, 10),
        time: text(data, 330, 8),
        time_reference,
        umid: umid.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()).unwrap_or_default(),
        loudness_lufs: loudness.filter(|value| *value != 0x7FFF && *value != 0).map(|value| f64::from(value) / 100.0),
    })
}

fn read_instrument(data: &[u8]) -> Option<Instrument> {
    let [note, tune, gain, low_note, high_note, low_velocity, high_velocity] = *data.first_chunk::<7>()?;
    Some(Instrument {
        note,
        tune_cents: tune.cast_signed(),
        gain_db: gain.cast_signed(),
        notes: (low_note, high_note),
        velocities: (low_velocity, high_velocity),
    })
}

fn read_cues(data: &[u8]) -> Vec<(u32, u64)> {
    let count = long(data, 0).unwrap_or(0) as usize;
    let entries = data.get(4..).unwrap_or(&[]).chunks_exact(24).take(count.min(limits::MAX_MARKERS));
    entries.filter_map(|entry| Some((long(entry, 0)?, u64::from(long(entry, 20)?)))).collect()
}

/// The parts of a list behind its kind: name, and where its contents begin and end in `data`.
fn parts(data: &[u8]) -> impl Iterator<Item = ([u8; 4], Range<usize>)> {
    let mut at = 4;
    std::iter::from_fn(move || {
        let id = *data.get(at..)?.first_chunk::<4>()?;
        let length = long(data, at + 4)? as usize;
        let from = at + 8;
        at = from.saturating_add(length).saturating_add(length % 2);
        Some((id, from..from.saturating_add(length).min(data.len())))
    })
}

/// Adds the labels of cues, as long as `texts` bytes stay within the limit.
fn read_labels(data: &[u8], labels: &mut Vec<(u32, String)>, texts: &mut usize) {
    for (id, place) in parts(data) {
        if &id == b"labl"
            && place.len() >= 4
            && let Some(cue) = long(data, place.start)
        {
            let label = text(data, place.start + 4, place.len() - 4);
            *texts += label.len();
            if labels.len() >= limits::MAX_MARKERS || *texts > limits::MAX_TEXT_BYTES as usize {
                break;
            }
            labels.push((cue, label));
        }
    }
}

/// Adds the texts of an `INFO` list, within the same limits.
fn read_info(data: &[u8], info: &mut Vec<(String, String)>, texts: &mut usize) {
    for (id, place) in parts(data) {
        let value = text(data, place.start, place.len());
        *texts += value.len();
        if info.len() >= limits::MAX_TAGS || *texts > limits::MAX_TEXT_BYTES as usize {
            break;
        }
        info.push((String::from_utf8_lossy(&id).into_owned(), value));
    }
}

fn read_loops(data: &[u8]) -> Vec<(u64, u64)> {
    let count = long(data, 28).unwrap_or(0) as usize;
    let entries = data.get(36..).unwrap_or(&[]).chunks_exact(24).take(count.min(limits::MAX_MARKERS));
    entries.filter_map(|entry| Some((u64::from(long(entry, 8)?), u64::from(long(entry, 12)?)))).collect()
}
