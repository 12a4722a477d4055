//! Short pieces of music to work with, made from a few notes: chords, a bass, a hi-hat, and a lead that a new mix makes louder.

use std::f32::consts::TAU;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// How samples are written.
#[derive(Clone, Copy)]
pub(crate) enum Depth {
    /// 16-bit integer.
    Int16,
    /// 24-bit integer.
    Int24,
    /// 32-bit float.
    Float32,
}

/// A piece.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    /// Frames per second.
    pub(crate) sample_rate: u32,
    /// Sample format.
    pub(crate) depth: Depth,
    /// Length in seconds.
    pub(crate) seconds: u32,
    /// Beats per minute.
    pub(crate) bpm: f32,
    /// MIDI number of the key note.
    pub(crate) key: f32,
    /// Level of the lead, 0 to 1: what changes from mix to mix.
    pub(crate) lead: f32,
}

fn hertz(note: f32) -> f32 {
    440.0 * ((note - 69.0) / 12.0).exp2()
}

fn pluck(frequency: f32, t: f32, decay: f32) -> f32 {
    let envelope = (-t * decay).exp() * (1.0 - (-t * 400.0).exp());
    envelope * ((TAU * frequency * t).sin() + 0.35 * (TAU * 2.0 * frequency * t).sin() + 0.15 * (TAU * 3.0 * frequency * t).sin())
}

/// A repeatable noise: the same piece gives the same bytes on every machine.
fn noise(frame: u64) -> f32 {
    let mut x = frame.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x >> 40) as f32 / (1u64 << 23) as f32) - 1.0
}

impl Piece {
    /// Left and right at a frame.
    fn frame(&self, frame: u64) -> (f32, f32) {
        const CHORDS: [[f32; 3]; 4] = [[0.0, 4.0, 7.0], [-3.0, 0.0, 4.0], [5.0, 9.0, 12.0], [7.0, 11.0, 14.0]];
        const MELODY: [f32; 8] = [12.0, 14.0, 16.0, 19.0, 16.0, 14.0, 12.0, 7.0];
        let t = frame as f32 / self.sample_rate as f32;
        let beats = t * self.bpm / 60.0;
        let since_beat = beats.fract() * 60.0 / self.bpm;
        let since_half = (beats * 2.0).fract() * 30.0 / self.bpm;
        let chord = CHORDS[(beats as usize / 4) % CHORDS.len()];
        let pad: f32 = chord.iter().map(|step| (TAU * hertz(self.key + step) * t).sin()).sum::<f32>() * 0.06;
        let bass = pluck(hertz(self.key + chord[0] - 24.0), since_beat, 5.0) * 0.3;
        let hat = noise(frame) * (-since_half * 60.0).exp() * 0.12;
        let lead = pluck(hertz(self.key + MELODY[beats as usize % MELODY.len()]), since_beat, 3.0) * 0.35 * self.lead;
        (pad + bass + hat * 0.7 + lead, pad + bass + hat + lead * 0.8)
    }

    /// Writes the piece as a WAV file.
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_wav(&self, path: &Path) -> io::Result<()> {
        let (tag, bytes): (u16, u16) = match self.depth {
            Depth::Int16 => (1, 2),
            Depth::Int24 => (1, 3),
            Depth::Float32 => (3, 4),
        };
        let frames = u64::from(self.sample_rate) * u64::from(self.seconds);
        let block = bytes * 2;
        let data_len = u32::try_from(frames * u64::from(block)).map_err(io::Error::other)?;
        let mut file = BufWriter::new(std::fs::File::create(path)?);
        file.write_all(b"RIFF")?;
        file.write_all(&(36 + data_len).to_le_bytes())?;
        file.write_all(b"WAVEfmt \x10\0\0\0")?;
        file.write_all(&tag.to_le_bytes())?;
        file.write_all(&2u16.to_le_bytes())?;
        file.write_all(&self.sample_rate.to_le_bytes())?;
        file.write_all(&(self.sample_rate * u32::from(block)).to_le_bytes())?;
        file.write_all(&block.to_le_bytes())?;
        file.write_all(&(bytes * 8).to_le_bytes())?;
        file.write_all(b"data")?;
        file.write_all(&data_len.to_le_bytes())?;
        for frame in 0..frames {
            let (left, right) = self.frame(frame);
            for sample in [left, right] {
                let sample = sample.clamp(-0.98, 0.98);
                match self.depth {
                    Depth::Int16 => file.write_all(&((sample * 32_767.0).round() as i16).to_le_bytes())?,
                    Depth::Int24 => file.write_all(&((sample * 8_388_607.0).round() as i32).to_le_bytes()[..3])?,
                    Depth::Float32 => file.write_all(&sample.to_le_bytes())?,
                }
            }
        }
        file.flush()
    }
}
