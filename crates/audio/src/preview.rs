//! The preview of a version: a small Ogg Vorbis rendition for instant listening. Never used for hashes or comparison.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::{NonZeroU8, NonZeroU32};
use std::path::{Path, PathBuf};

use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisEncoder, VorbisEncoderBuilder, VorbisError};

use crate::cancel::Cancel;
use crate::decode::Decoder;
use crate::downmix::Downmix;
use crate::error::AudioError;
use crate::guard::guarded;
use crate::resample::Resampler;

/// Vorbis quality: 5 to 6 MB for four minutes.
const QUALITY: f32 = 0.6;
/// Frames decoded, converted and encoded at a time.
const STEP_FRAMES: usize = 16_384;
/// Highest sample rate of a preview.
const MAX_PREVIEW_RATE: u32 = 48_000;

/// What a preview holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewInfo {
    /// Frames.
    pub frames: u64,
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels, 1 or 2.
    pub channels: u16,
}

/// The sample rate of the preview of a file at `rate` Hz.
pub fn preview_rate(rate: u32) -> u32 {
    match rate {
        0..=MAX_PREVIEW_RATE => rate,
        _ if rate.is_multiple_of(44_100) => 44_100,
        _ => MAX_PREVIEW_RATE,
    }
}

/// Writes the preview of `source` to `target`, decodes it again and checks its length. `serial` becomes the Ogg stream serial.
/// Nothing is left at `target` on an error.
/// # Errors
/// `Io`, `NotAudio`, `Unsupported`, `Damaged`, `Limit`, `Cancelled`, `Internal` when the result does not decode to the right length.
pub fn encode(source: &Path, target: &Path, serial: u32, cancel: &Cancel) -> Result<PreviewInfo, AudioError> {
    let part = part_path(target);
    let result = guarded("making the preview", || {
        let info = write(source, &part, serial, cancel)?;
        check(&part, info, cancel)?;
        Ok(info)
    });
    let moved =
        result.and_then(|info| std::fs::rename(&part, target).map(|()| info).map_err(|source| AudioError::io("write", target, source)));
    if moved.is_err() {
        // Best effort: the error that matters is the one returned.
        let _ = std::fs::remove_file(&part);
    }
    moved
}

fn part_path(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    target.with_file_name(name)
}

fn write(source: &Path, target: &Path, serial: u32, cancel: &Cancel) -> Result<PreviewInfo, AudioError> {
    let mut decoder = Decoder::open(source)?;
    let info = decoder.info().clone();
    let (rate, channels) = (preview_rate(info.sample_rate), info.channels.min(2));
    let file = File::create(target).map_err(|source| AudioError::io("write", target, source))?;
    let frequency = NonZeroU32::new(rate).ok_or_else(|| AudioError::damaged("the sample rate is zero"))?;
    let count = NonZeroU8::new(channels as u8).ok_or_else(|| AudioError::damaged("the file has no channels"))?;
    let failed = |error: VorbisError| vorbis_error(target, error);
    let mut builder = VorbisEncoderBuilder::new_with_serial(frequency, count, BufWriter::new(file), serial.cast_signed());
    builder.bitrate_management_strategy(VorbisBitrateManagementStrategy::QualityVbr { target_quality: QUALITY });
    let mut encoder = builder.build().map_err(failed)?;
    let mut converter = (rate != info.sample_rate).then(|| Converter::new(info.sample_rate, rate, channels));
    let downmix = Downmix::new(info.channels, info.channel_mask);
    let mut planes = vec![Vec::with_capacity(STEP_FRAMES); usize::from(info.channels)];
    let mut mixed = vec![Vec::with_capacity(STEP_FRAMES); usize::from(channels)];
    let (mut frames_in, mut frames_out) = (0_u64, 0_u64);
    loop {
        cancel.check()?;
        planes.iter_mut().for_each(Vec::clear);
        let got = decoder.read(&mut planes, STEP_FRAMES)?;
        frames_in += got as u64;
        let block: &[Vec<f32>] = if info.channels <= 2 {
            &planes
        } else {
            mixed.iter_mut().for_each(Vec::clear);
            if let [left, right] = &mut mixed[..] {
                downmix.mix(&planes, left, right);
            }
            &mixed
        };
        let block = match &mut converter {
            Some(converter) => converter.convert(block, (got == 0).then_some(frames_in)),
            None => block,
        };
        let length = block.first().map_or(0, Vec::len);
        frames_out += length as u64;
        if length > 0 {
            encode_block(&mut encoder, block).map_err(failed)?;
        }
        if got == 0 {
            break;
        }
    }
    let mut file = encoder.finish().map_err(failed)?;
    file.flush().map_err(|source| AudioError::io("write", target, source))?;
    Ok(PreviewInfo { frames: frames_out, sample_rate: rate, channels })
}

fn encode_block<W: Write>(encoder: &mut VorbisEncoder<W>, block: &[Vec<f32>]) -> Result<(), VorbisError> {
    let length = block.first().map_or(0, Vec::len);
    for from in (0..length).step_by(STEP_FRAMES) {
        let to = (from + STEP_FRAMES).min(length);
        let parts: Vec<&[f32]> = block.iter().map(|plane| &plane[from..to]).collect();
        encoder.encode_audio_block(&parts)?;
    }
    Ok(())
}

fn vorbis_error(path: &Path, error: VorbisError) -> AudioError {
    match error {
        VorbisError::Io(source) => AudioError::io("write", path, source),
        other => AudioError::Internal { what: format!("the preview encoder: {other}") },
    }
}

/// Decodes the preview again: it must open, and last exactly as long as it should.
fn check(path: &Path, expected: PreviewInfo, cancel: &Cancel) -> Result<(), AudioError> {
    if expected.frames == 0 {
        return Ok(());
    }
    let mut decoder = Decoder::open(path)?;
    let mut planes = vec![Vec::with_capacity(STEP_FRAMES); usize::from(decoder.info().channels)];
    let mut frames = 0;
    loop {
        cancel.check()?;
        planes.iter_mut().for_each(Vec::clear);
        let got = decoder.read(&mut planes, STEP_FRAMES)?;
        if got == 0 {
            break;
        }
        frames += got as u64;
    }
    let info = decoder.info();
    if frames != expected.frames || info.sample_rate != expected.sample_rate || info.channels != expected.channels || info.damaged {
        let what = format!("the preview decodes to {frames} frames instead of {}", expected.frames);
        return Err(AudioError::Internal { what });
    }
    Ok(())
}

/// Sample rate conversion of a stream in blocks.
struct Converter {
    resampler: Resampler,
    input: Vec<Vec<f32>>,
    /// Input frame of the first sample kept in `input`.
    base: i64,
    next: i64,
    output: Vec<Vec<f32>>,
}

impl Converter {
    fn new(from: u32, to: u32, channels: u16) -> Self {
        let resampler = Resampler::new(from, to);
        let base = resampler.needs(0..1).start;
        let lead = vec![0.0; usize::try_from(-base).unwrap_or(0)];
        Converter { resampler, input: vec![lead; usize::from(channels)], base, next: 0, output: vec![Vec::new(); usize::from(channels)] }
    }

    /// Adds a block; returns the output frames that are complete. `end` is the input length once it is known.
    fn convert(&mut self, block: &[Vec<f32>], end: Option<u64>) -> &[Vec<f32>] {
        for (input, block) in self.input.iter_mut().zip(block) {
            input.extend_from_slice(block);
        }
        if let Some(frames) = end {
            let total = self.resampler.output_frames(frames) as i64;
            let needed = self.resampler.needs(self.next..total.max(self.next + 1)).end - self.base;
            self.input.iter_mut().for_each(|input| input.resize(input.len().max(needed as usize), 0.0));
        }
        let have = self.base + self.input.first().map_or(0, Vec::len) as i64;
        let mut to = self.next;
        match end {
            Some(frames) => to = to.max(self.resampler.output_frames(frames) as i64),
            None => {
                while self.resampler.needs(to..to + 1).end <= have {
                    to += 1;
                }
            }
        }
        self.output.iter_mut().for_each(Vec::clear);
        if to > self.next {
            let needs = self.resampler.needs(self.next..to);
            let (from, length) = ((needs.start - self.base) as usize, (needs.end - needs.start) as usize);
            for (input, output) in self.input.iter().zip(&mut self.output) {
                self.resampler.process(&input[from..from + length], self.next..to, output);
            }
            self.next = to;
            let drop = (self.resampler.needs(to..to + 1).start - self.base).clamp(0, have - self.base) as usize;
            self.input.iter_mut().for_each(|input| drop_front(input, drop));
            self.base += drop as i64;
        }
        &self.output
    }
}

fn drop_front(samples: &mut Vec<f32>, count: usize) {
    samples.drain(..count.min(samples.len()));
}
