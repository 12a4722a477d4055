//! Reading linear and companded samples at any frame, straight from the container.

use crate::container::{Bytes, Layout, PcmFormat, SampleCode};
use crate::decode::AudioInfo;
use crate::decode::sample::{Exact, ExactBuffer, append_planar};
use crate::error::AudioError;

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 << 10;

/// A linear file with a frame position.
pub(super) struct PcmReader {
    bytes: Bytes,
    format: PcmFormat,
    layout: Layout,
    start: u64,
    frames: u64,
    position: u64,
    raw: Vec<u8>,
    exact: ExactBuffer,
    bad_samples: u64,
}

impl PcmReader {
    pub(super) fn new(bytes: Bytes, layout: Layout) -> Result<Self, AudioError> {
        let format = layout.format.ok_or(AudioError::NotAudio { reason: "the file has no sample format" })?;
        let Some((start, _)) = layout.audio else { return Err(AudioError::NotAudio { reason: "the file has a header but no sound" }) };
        let frames = layout.frames().unwrap_or(0);
        Ok(PcmReader { bytes, format, layout, start, frames, position: 0, raw: Vec::new(), exact: ExactBuffer::Off, bad_samples: 0 })
    }

    pub(super) fn info(&self) -> AudioInfo {
        let codec = match self.format.code {
            SampleCode::ALaw => "A-law",
            SampleCode::MuLaw => "µ-law",
            code if code.is_float() => "PCM float",
            _ => "PCM",
        };
        let companded = matches!(self.format.code, SampleCode::ALaw | SampleCode::MuLaw);
        AudioInfo {
            format: self.layout.kind.name().to_owned(),
            codec: codec.to_owned(),
            sample_rate: self.format.rate,
            channels: self.format.channels,
            frames: Some(self.frames),
            bit_depth: (!companded).then_some(self.format.valid_bits),
            float: self.format.code.is_float(),
            lossy: false,
            truncated: self.layout.truncated,
            damaged: self.layout.unsized_audio,
            untrimmed: false,
            channel_mask: self.format.channel_mask,
        }
    }

    pub(super) fn seek(&mut self, frame: u64) {
        self.position = frame.min(self.frames);
    }

    pub(super) fn read(&mut self, out: &mut [Vec<f32>], max_frames: usize) -> Result<usize, AudioError> {
        let frame_bytes = self.format.frame_bytes();
        let at_once = (READ_BYTES as u64 / frame_bytes).max(1);
        let frames = (self.frames - self.position).min(max_frames as u64).min(at_once);
        let offset = self.start + self.position * frame_bytes;
        let wanted = (frames * frame_bytes) as usize;
        let got_frames;
        if let Some(raw) = self.bytes.slice(offset, wanted) {
            self.bad_samples += append_planar(&self.format, raw, out);
            self.exact.fill(raw, self.format.big_endian);
            got_frames = frames;
        } else {
            self.raw.resize(wanted, 0);
            let got = self.bytes.read_at(offset, &mut self.raw)?;
            // A file that shrank since it was opened ends where it now ends.
            got_frames = got as u64 / frame_bytes;
            let raw = &self.raw[..(got_frames * frame_bytes) as usize];
            self.bad_samples += append_planar(&self.format, raw, out);
            self.exact.fill(raw, self.format.big_endian);
        }
        self.position += got_frames;
        Ok(got_frames as usize)
    }

    pub(super) fn keep_exact(&mut self) {
        self.exact = ExactBuffer::for_format(&self.format);
    }

    pub(super) fn exact(&self) -> Exact<'_> {
        self.exact.view()
    }

    pub(super) fn bad_samples(&self) -> u64 {
        self.bad_samples
    }
}
