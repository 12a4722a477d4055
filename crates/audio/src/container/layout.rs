//! What a container walk finds: chunks, sample format, and the byte range of the audio. Values only.

use crate::error::AudioError;
use crate::limits;

/// The container families that are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    /// RIFF/WAVE with 32-bit sizes (also big-endian RIFX).
    Wave,
    /// RF64: RIFF with a `ds64` chunk.
    Rf64,
    /// BW64: the broadcast successor of RF64.
    Bw64,
    /// Sony Wave64.
    Wave64,
    /// AIFF.
    Aiff,
    /// AIFC.
    Aifc,
    /// Core Audio Format.
    Caf,
}

impl ContainerKind {
    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            ContainerKind::Wave => "WAV",
            ContainerKind::Rf64 => "RF64",
            ContainerKind::Bw64 => "BW64",
            ContainerKind::Wave64 => "W64",
            ContainerKind::Aiff => "AIFF",
            ContainerKind::Aifc => "AIFC",
            ContainerKind::Caf => "CAF",
        }
    }
}

/// One chunk: its id, and its payload as a byte range of the file (clipped to the file).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Four-character code (of a W64 GUID: its first four bytes).
    pub id: [u8; 4],
    /// Offset of the payload in the file.
    pub offset: u64,
    /// Length of the payload in bytes.
    pub length: u64,
}

/// How one stored sample is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleCode {
    /// Unsigned 8 bit (offset binary).
    U8,
    /// Signed 8 bit.
    I8,
    /// Signed 16 bit.
    I16,
    /// Signed 24 bit in three bytes.
    I24,
    /// Signed 32 bit.
    I32,
    /// Float 32 bit.
    F32,
    /// Float 64 bit.
    F64,
    /// A-law, 8 bit.
    ALaw,
    /// µ-law, 8 bit.
    MuLaw,
}

impl SampleCode {
    /// Bytes per sample.
    pub fn bytes(self) -> usize {
        match self {
            SampleCode::U8 | SampleCode::I8 | SampleCode::ALaw | SampleCode::MuLaw => 1,
            SampleCode::I16 => 2,
            SampleCode::I24 => 3,
            SampleCode::I32 | SampleCode::F32 => 4,
            SampleCode::F64 => 8,
        }
    }

    /// Whether samples are floating point.
    pub fn is_float(self) -> bool {
        matches!(self, SampleCode::F32 | SampleCode::F64)
    }
}

/// The sample format of linear (or companded) audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcmFormat {
    /// Frames per second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// How a sample is stored.
    pub code: SampleCode,
    /// Whether samples are stored most significant byte first.
    pub big_endian: bool,
    /// Bits that carry the sample, counted from the top.
    pub valid_bits: u16,
    /// Loudspeaker mask of EXTENSIBLE, 0 when unknown.
    pub channel_mask: u32,
}

impl PcmFormat {
    /// Bytes per frame.
    pub fn frame_bytes(&self) -> u64 {
        self.code.bytes() as u64 * u64::from(self.channels)
    }

    pub(crate) fn checked(self) -> Result<Self, AudioError> {
        if self.channels == 0 {
            return Err(AudioError::damaged("the header says zero channels"));
        }
        if self.channels > limits::MAX_CHANNELS {
            return Err(AudioError::Limit {
                what: "the number of channels",
                found: self.channels.into(),
                limit: limits::MAX_CHANNELS.into(),
            });
        }
        check_rate(self.rate)?;
        Ok(self)
    }
}

/// Refuses sample rates outside [`limits`].
pub(crate) fn check_rate(rate: u32) -> Result<(), AudioError> {
    if rate == 0 {
        return Err(AudioError::damaged("the header says a sample rate of zero"));
    }
    if !(limits::MIN_RATE..=limits::MAX_RATE).contains(&rate) {
        let limit = if rate < limits::MIN_RATE { limits::MIN_RATE } else { limits::MAX_RATE };
        return Err(AudioError::Limit { what: "the sample rate", found: rate.into(), limit: limit.into() });
    }
    Ok(())
}

/// Everything a walk found.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The container.
    pub kind: ContainerKind,
    /// Every chunk in file order.
    pub chunks: Vec<Chunk>,
    /// The sample format, when this crate reads the samples itself.
    pub format: Option<PcmFormat>,
    /// Name of the codec when it is not linear or companded PCM.
    pub other_codec: Option<String>,
    /// Byte range of the samples: offset, length in whole frames.
    pub audio: Option<(u64, u64)>,
    /// The header promises more audio than there is.
    pub truncated: bool,
    /// The header does not say how long the audio is (crashed or streaming recorder); it runs to the end of the file.
    pub unsized_audio: bool,
    /// Sizes contradict each other somewhere outside the audio.
    pub irregular: bool,
    /// Length of the file in bytes.
    pub file_length: u64,
}

impl Layout {
    pub(crate) fn new(kind: ContainerKind, file_length: u64) -> Self {
        Layout {
            kind,
            chunks: Vec::new(),
            format: None,
            other_codec: None,
            audio: None,
            truncated: false,
            unsized_audio: false,
            irregular: false,
            file_length,
        }
    }

    pub(crate) fn push(&mut self, chunk: Chunk) -> Result<(), AudioError> {
        if self.chunks.len() >= limits::MAX_CHUNKS {
            return Err(AudioError::Limit {
                what: "the number of chunks",
                found: self.chunks.len() as u64 + 1,
                limit: limits::MAX_CHUNKS as u64,
            });
        }
        self.chunks.push(chunk);
        Ok(())
    }

    /// Clips the audio range to whole frames; call once format and audio are known.
    pub(crate) fn settle(mut self) -> Result<Self, AudioError> {
        if let (Some(format), Some((offset, length))) = (self.format, self.audio) {
            let whole = length - length % format.frame_bytes();
            if self.truncated || whole != length {
                self.truncated |= offset + length >= self.file_length;
            }
            self.audio = Some((offset, whole));
            let frames = whole / format.frame_bytes();
            let limit = limits::MAX_SECONDS * u64::from(format.rate);
            if frames > limit {
                return Err(AudioError::Limit { what: "the length in frames", found: frames, limit });
            }
        }
        Ok(self)
    }

    /// Frames of audio, when this crate reads the samples itself.
    pub fn frames(&self) -> Option<u64> {
        Some(self.audio?.1 / self.format?.frame_bytes())
    }

    /// The first chunk with this id.
    pub fn chunk(&self, id: &[u8; 4]) -> Option<Chunk> {
        self.chunks.iter().find(|chunk| &chunk.id == id).copied()
    }
}
