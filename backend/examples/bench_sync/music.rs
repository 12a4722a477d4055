//! Songs, from a seed or from a real piece, and what becomes of them between two bounces.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// 16-bit integers at 44.1 kHz.
    Int16,
    /// 24-bit integers at 48 kHz.
    Int24,
    /// 32-bit floats at 48 kHz.
    Float32,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Int16, Self::Int24, Self::Float32];

    pub(crate) fn rate(self) -> usize {
        if self == Self::Int16 { 44_100 } else { 48_000 }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int16 => "16/44.1",
            Self::Int24 => "24/48",
            Self::Float32 => "32-float/48",
        }
    }
}

/// Where songs come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Made up.
    Seed,
    /// Any file ffmpeg can decode.
    Piece(PathBuf),
}

/// A song and what is put into it.
pub(crate) struct Song {
    pub(crate) sound: Vec<f64>,
    /// An 18th of its length, of other sound.
    pub(crate) region: Vec<f64>,
    /// One second of other sound.
    pub(crate) intro: Vec<f64>,
}

impl Source {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Seed => "seed".to_owned(),
            Self::Piece(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// A song of that length, two channels in ±1 at a rate.
    pub(crate) fn song(&self, seconds: f64, rate: usize) -> anyhow::Result<Song> {
        let Self::Piece(path) = self else {
            return Ok(Song { sound: song(1, seconds, rate), region: song(2, seconds / 18.0, rate), intro: song(3, 1.0, rate) });
        };
        let decoded = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-i"])
            .arg(path)
            .args(["-ac", "2", "-ar", &rate.to_string(), "-f", "f64le", "-"])
            .output()
            .context("starting ffmpeg")?;
        ensure!(decoded.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&decoded.stderr));
        let all: Vec<f64> = decoded.stdout.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let at = |seconds: f64| (seconds * rate as f64) as usize * 2;
        let (end, region) = (at(seconds), at(seconds / 18.0));
        ensure!(all.len() >= end + region + at(1.0), "{} is too short for songs of {seconds} s", path.display());
        Ok(Song { sound: all[..end].to_vec(), region: all[end..end + region].to_vec(), intro: all[all.len() - at(1.0)..].to_vec() })
    }
}

/// A repeatable noise in ±1.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// A song: plucked chords, a bass, hats and a noise floor; two channels, full scale ±1, interleaved.
pub(crate) fn song(seed: u64, seconds: f64, rate: usize) -> Vec<f64> {
    let frames = (seconds * rate as f64) as usize;
    let mut noise = Noise::new(seed);
    let mut out = vec![0.0; frames * 2];
    let step = rate / 4;
    for note in 0..frames / step + 1 {
        let pitch = 110.0 * 2_f64.powf((noise.next() * 12.0).round() / 12.0 + 1.0);
        let (start, pan, hat) = (note * step, noise.next() * 0.5, note % 2 == 1);
        for frame in start..frames.min(start + rate) {
            let age = (frame - start) as f64 / rate as f64;
            let wave: f64 = (1..=6).map(|partial| (age * pitch * f64::from(partial) * TAU).sin() / f64::from(partial)).sum();
            let bass = (age * pitch / 4.0 * TAU).sin() * 1.5;
            let hat = if hat { noise.next() * (-40.0 * age).exp() * 1.2 } else { 0.0 };
            let level = (wave + bass + hat) * (-3.0 * age).exp() * 0.09;
            out[frame * 2] += level * (1.0 + pan);
            out[frame * 2 + 1] += level * (1.0 - pan);
        }
    }
    out.iter_mut().for_each(|sample| *sample += noise.next() * 3e-3);
    out
}

/// Samples in a form, dithered with that seed if there is one.
pub(crate) fn samples(form: Form, sound: &[f64], dither: Option<u64>) -> Vec<u8> {
    let mut noise = Noise::new(dither.unwrap_or(0));
    let mut tpdf = || if dither.is_some() { (noise.next() + noise.next()) / 2.0 } else { 0.0 };
    let mut raw = Vec::with_capacity(sound.len() * 4);
    for sample in sound {
        match form {
            Form::Int16 => raw.extend(((sample * 32_767.0 + tpdf()).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes()),
            Form::Int24 => {
                let number = (sample * 8_388_607.0 + tpdf()).round().clamp(-8_388_608.0, 8_388_607.0) as i32;
                raw.extend_from_slice(&number.to_le_bytes()[..3]);
            }
            Form::Float32 => raw.extend((*sample as f32).to_le_bytes()),
        }
    }
    raw
}

/// A WAV file with a tag before and behind its samples.
pub(crate) fn wav(form: Form, data: &[u8], tag: &str) -> Vec<u8> {
    let (code, bits) = match form {
        Form::Int16 => (1_u16, 16_u16),
        Form::Int24 => (1, 24),
        Form::Float32 => (3, 32),
    };
    let (rate, block) = (form.rate() as u32, bits / 8 * 2);
    let mut list = b"LIST".to_vec();
    let text = if tag.len().is_multiple_of(2) { tag.to_owned() } else { format!("{tag} ") };
    list.extend((text.len() as u32).to_le_bytes());
    list.extend_from_slice(text.as_bytes());
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + 2 * list.len() as u32 + data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0");
    bytes.extend(code.to_le_bytes());
    bytes.extend_from_slice(&[2, 0]);
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend_from_slice(&list);
    bytes.extend_from_slice(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&list);
    bytes
}
