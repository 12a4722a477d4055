//! Opening a sound file by its content and reading it as planar float, frame-exactly.
//!
//! Linear formats are read by code of our own; coded ones go through symphonia. Names and extensions play no part.

mod coded;
mod detect;
mod flac;
mod pcm;
pub(crate) mod sample;
mod tags;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::container::Bytes;
use crate::decode::coded::CodedReader;
use crate::decode::pcm::PcmReader;
use crate::decode::sample::Exact;
use crate::error::AudioError;
use crate::guard::guarded;

pub use tags::Tag;

/// Version of what is decoded; raised whenever the same file would give other samples.
pub const DECODER_VERSION: u64 = 1;

/// What a file says about its sound before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// Container, as people call it: "WAV", "FLAC", "MP3", "M4A", …
    pub format: String,
    /// Codec: "PCM", "FLAC", "MP3", "AAC-LC", …
    pub codec: String,
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// Frames, when they are known without decoding.
    pub frames: Option<u64>,
    /// Bits per sample of lossless formats.
    pub bit_depth: Option<u16>,
    /// Samples are floating point.
    pub float: bool,
    /// The codec throws information away.
    pub lossy: bool,
    /// The file ends before its header says so; what is there plays.
    pub truncated: bool,
    /// Parts cannot be read, or the header does not say how long the audio is; what is there plays.
    pub damaged: bool,
    /// The encoder delay is unknown, so the first frames may be the encoder's own silence.
    #[serde(default)]
    pub untrimmed: bool,
    /// Loudspeaker mask (as in WAVE EXTENSIBLE), 0 when the file does not say.
    #[serde(default)]
    pub channel_mask: u32,
}

/// Reads what the file at `path` is, by its content.
/// # Errors
/// `Io`, `NotAudio`, `Unsupported`, `Damaged`, `Limit`.
pub fn probe(path: &Path) -> Result<AudioInfo, AudioError> {
    Ok(Decoder::open(path)?.info().clone())
}

enum Reader {
    Pcm(Box<PcmReader>),
    Coded(Box<CodedReader>),
}

/// An open sound file with a frame position.
pub struct Decoder {
    path: PathBuf,
    reader: Reader,
    info: AudioInfo,
}

impl Decoder {
    /// Opens the file at `path` with ordinary reads; somebody may still own it.
    /// # Errors
    /// `Io`, `NotAudio`, `Unsupported`, `Damaged`, `Limit`.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        Self::from_bytes(Bytes::open(path)?, path, false)
    }

    /// As [`Decoder::open`], for one measuring pass: keeps exact values and hashes the packets of a lossy file.
    pub(crate) fn open_to_measure(path: &Path) -> Result<Self, AudioError> {
        let mut decoder = Self::from_bytes(Bytes::open(path)?, path, true)?;
        decoder.keep_exact();
        Ok(decoder)
    }

    /// Opens an immutable file of our own store, mapped into memory.
    /// # Errors
    /// As [`Decoder::open`].
    pub fn open_stored(path: &Path) -> Result<Self, AudioError> {
        Self::from_bytes(Bytes::open_stored(path)?, path, false)
    }

    fn from_bytes(mut bytes: Bytes, path: &Path, hashing: bool) -> Result<Self, AudioError> {
        let reader = guarded("opening the file", || {
            detect::refuse_known_others(&mut bytes)?;
            match crate::container::walk(&mut bytes)? {
                Some(layout) if layout.format.is_some() => Ok(Reader::Pcm(Box::new(PcmReader::new(bytes, layout)?))),
                layout => Ok(Reader::Coded(Box::new(CodedReader::open(path, &mut bytes, layout.as_ref(), hashing)?))),
            }
        })?;
        let info = match &reader {
            Reader::Pcm(pcm) => pcm.info(),
            Reader::Coded(coded) => coded.info(),
        };
        Ok(Decoder { path: path.to_path_buf(), reader, info })
    }

    /// What the file is; `truncated` and `damaged` are updated while reading.
    pub fn info(&self) -> &AudioInfo {
        &self.info
    }

    /// Makes the next [`Decoder::read`] start at exactly `frame`. Frames past the end read as the end.
    /// # Errors
    /// `Io`, `Damaged`.
    pub fn seek(&mut self, frame: u64) -> Result<(), AudioError> {
        match &mut self.reader {
            Reader::Pcm(pcm) => {
                pcm.seek(frame);
                Ok(())
            }
            Reader::Coded(coded) => guarded("seeking", || coded.seek(frame)),
        }
    }

    /// As [`Decoder::seek`], but a codec whose samples depend on where decoding started may give slightly other ones: good enough
    /// for drawing, and never slow.
    /// # Errors
    /// `Io`, `Damaged`.
    pub fn seek_near(&mut self, frame: u64) -> Result<(), AudioError> {
        match &mut self.reader {
            Reader::Pcm(_) => self.seek(frame),
            Reader::Coded(coded) => guarded("seeking", || coded.seek_near(frame)),
        }
    }

    /// Appends up to `max_frames` frames to `out`, one vector per channel; returns the frames appended, 0 at the end.
    /// # Errors
    /// `Io`, `Damaged`; `Internal` when `out` has not one vector per channel.
    pub fn read(&mut self, out: &mut [Vec<f32>], max_frames: usize) -> Result<usize, AudioError> {
        if out.len() != usize::from(self.info.channels) {
            return Err(AudioError::Internal { what: format!("{} channel buffers for {} channels", out.len(), self.info.channels) });
        }
        match &mut self.reader {
            Reader::Pcm(pcm) => pcm.read(out, max_frames),
            Reader::Coded(coded) => {
                let frames = guarded("decoding", || coded.read(out, max_frames))?;
                self.info.truncated |= coded.truncated();
                self.info.damaged |= coded.damaged();
                Ok(frames)
            }
        }
    }

    /// The tags of a coded file, as the file has them; what stands beside linear sound is in [`crate::container::notes`].
    pub fn tags(&self) -> &[Tag] {
        match &self.reader {
            Reader::Pcm(_) => &[],
            Reader::Coded(coded) => coded.tags(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a seek costs little; otherwise the decoder starts over and runs up to the frame.
    pub fn seeks_directly(&self) -> bool {
        match &self.reader {
            Reader::Pcm(_) => true,
            Reader::Coded(coded) => coded.seeks_directly(),
        }
    }

    /// Samples that were not finite and were read as 0.
    pub fn bad_samples(&self) -> u64 {
        match &self.reader {
            Reader::Pcm(pcm) => pcm.bad_samples(),
            Reader::Coded(coded) => coded.bad_samples(),
        }
    }

    /// Asks for the stored values of every following read where float does not hold them exactly.
    pub(crate) fn keep_exact(&mut self) {
        if let Reader::Pcm(pcm) = &mut self.reader {
            pcm.keep_exact();
        }
    }

    /// The stored values of the last read, interleaved, where float does not hold them exactly.
    pub(crate) fn exact(&self) -> Exact<'_> {
        match &self.reader {
            Reader::Pcm(pcm) => pcm.exact(),
            Reader::Coded(_) => Exact::AsFloat,
        }
    }

    /// The hash over codec and packets of a lossy file that was opened to be measured and read from its start; else `None`.
    pub(crate) fn packet_hash(&self) -> Option<[u8; 32]> {
        match &self.reader {
            Reader::Pcm(_) => None,
            Reader::Coded(coded) => coded.packet_hash(),
        }
    }
}
