//! Writing WAV files, for renders and exports. It streams; sizes are filled in at the end.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::cancel::Cancel;
use crate::decode::{AudioInfo, Decoder};
use crate::error::AudioError;

/// Frames converted at a time.
const STEP_FRAMES: usize = 16_384;

/// Writes the sound of the file at `source` as a WAV file of the same rate, channels and, where it is known, depth.
/// # Errors
/// As [`Decoder::open`] and [`WavWriter`]; `Cancelled`. What was written so far is left for the caller to remove.
pub fn convert(source: &Path, target: &Path, cancel: &Cancel) -> Result<(), AudioError> {
    let mut decoder = Decoder::open(source)?;
    let info = decoder.info().clone();
    let mut writer = WavWriter::create(target, info.sample_rate, info.channels, WavDepth::of(&info))?;
    let mut planes = vec![Vec::with_capacity(STEP_FRAMES); usize::from(info.channels)];
    loop {
        cancel.check()?;
        planes.iter_mut().for_each(Vec::clear);
        if decoder.read(&mut planes, STEP_FRAMES)? == 0 {
            return writer.finish();
        }
        let slices: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
        writer.write(&slices)?;
    }
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WavDepth {
    /// 16-bit integers.
    Int16,
    /// 24-bit integers.
    Int24,
    /// 32-bit float.
    Float32,
}

impl WavDepth {
    /// The depth that holds the samples of a file exactly; float for what a decoder made up.
    pub fn of(info: &AudioInfo) -> Self {
        match info.bit_depth {
            Some(1..=16) if !info.float => WavDepth::Int16,
            Some(17..=24) if !info.float => WavDepth::Int24,
            _ => WavDepth::Float32,
        }
    }

    fn bits(self) -> u16 {
        match self {
            WavDepth::Int16 => 16,
            WavDepth::Int24 => 24,
            WavDepth::Float32 => 32,
        }
    }
}

/// An open WAV file. Files past 4 GiB become RF64.
pub struct WavWriter {
    file: BufWriter<File>,
    path: PathBuf,
    depth: WavDepth,
    channels: u16,
    data_bytes: u64,
    buffer: Vec<u8>,
}

/// Bytes before the samples: RIFF header, room for `ds64`, `fmt `, `data` header.
const HEADER_BYTES: u64 = 12 + 36 + 24 + 8;

impl WavWriter {
    /// Creates or replaces `path`.
    /// # Errors
    /// `Io`.
    pub fn create(path: &Path, sample_rate: u32, channels: u16, depth: WavDepth) -> Result<Self, AudioError> {
        let file = File::create(path).map_err(|source| AudioError::io("write", path, source))?;
        let mut writer =
            WavWriter { file: BufWriter::new(file), path: path.to_path_buf(), depth, channels, data_bytes: 0, buffer: Vec::new() };
        let frame_bytes = channels * depth.bits() / 8;
        let mut head = Vec::with_capacity(HEADER_BYTES as usize);
        head.extend_from_slice(b"RIFF\0\0\0\0WAVEJUNK\x1C\0\0\0");
        head.extend_from_slice(&[0; 28]);
        head.extend_from_slice(b"fmt \x10\0\0\0");
        head.extend_from_slice(&(if depth == WavDepth::Float32 { 3_u16 } else { 1 }).to_le_bytes());
        head.extend_from_slice(&channels.to_le_bytes());
        head.extend_from_slice(&sample_rate.to_le_bytes());
        head.extend_from_slice(&(sample_rate * u32::from(frame_bytes)).to_le_bytes());
        head.extend_from_slice(&frame_bytes.to_le_bytes());
        head.extend_from_slice(&depth.bits().to_le_bytes());
        head.extend_from_slice(b"data\0\0\0\0");
        writer.put(&head)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        self.file.write_all(bytes).map_err(|source| AudioError::io("write", &self.path, source))
    }

    /// Appends frames, one slice per channel, all of the same length. Integers are rounded and clamped.
    /// # Errors
    /// `Io`; `Internal` for the wrong number of channels.
    pub fn write(&mut self, planes: &[&[f32]]) -> Result<(), AudioError> {
        if planes.len() != usize::from(self.channels) {
            return Err(AudioError::Internal { what: format!("{} channels for a file of {}", planes.len(), self.channels) });
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        for frame in 0..planes.first().map_or(0, |plane| plane.len()) {
            for plane in planes {
                let sample = plane[frame];
                match self.depth {
                    WavDepth::Int16 => {
                        buffer.extend_from_slice(&((sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes())
                    }
                    WavDepth::Int24 => {
                        let value = (sample * 8_388_608.0).round().clamp(-8_388_608.0, 8_388_607.0) as i32;
                        buffer.extend_from_slice(&value.to_le_bytes()[..3]);
                    }
                    WavDepth::Float32 => buffer.extend_from_slice(&sample.to_le_bytes()),
                }
            }
        }
        self.data_bytes += buffer.len() as u64;
        let written = self.put(&buffer);
        self.buffer = buffer;
        written
    }

    /// Fills in the sizes and closes the file.
    /// # Errors
    /// `Io`.
    pub fn finish(mut self) -> Result<(), AudioError> {
        if self.data_bytes % 2 == 1 {
            self.put(&[0])?;
        }
        let riff = HEADER_BYTES - 8 + self.data_bytes + self.data_bytes % 2;
        let frame_bytes = u64::from(self.channels) * u64::from(self.depth.bits()) / 8;
        let path = self.path.clone();
        let failed = |source| AudioError::io("write", &path, source);
        let mut patch = |at: u64, bytes: &[u8]| -> std::io::Result<()> {
            self.file.seek(SeekFrom::Start(at))?;
            self.file.write_all(bytes)
        };
        match (u32::try_from(riff), u32::try_from(self.data_bytes)) {
            (Ok(riff), Ok(data)) => {
                patch(4, &riff.to_le_bytes()).map_err(failed)?;
                patch(HEADER_BYTES - 4, &data.to_le_bytes()).map_err(failed)?;
            }
            _ => {
                let mut long = Vec::from(*b"ds64\x1C\0\0\0");
                long.extend_from_slice(&riff.to_le_bytes());
                long.extend_from_slice(&self.data_bytes.to_le_bytes());
                long.extend_from_slice(&(self.data_bytes / frame_bytes.max(1)).to_le_bytes());
                patch(0, b"RF64\xFF\xFF\xFF\xFF").map_err(failed)?;
                patch(12, &long).map_err(failed)?;
                patch(HEADER_BYTES - 4, &u32::MAX.to_le_bytes()).map_err(failed)?;
            }
        }
        self.file.flush().map_err(failed)
    }
}
