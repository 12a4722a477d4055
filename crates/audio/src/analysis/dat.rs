//! Reading and writing audiowaveform's `.dat` files, version 2: one level of minima and maxima, no RMS.

use crate::analysis::peaks::Pyramid;
use crate::error::AudioError;
use crate::limits;

/// Bytes before the data.
const HEADER_BYTES: usize = 24;
const VERSION: i32 = 2;
const EIGHT_BITS: u32 = 1;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// One byte per value, rounded outward.
    Bits8,
    /// Two bytes per value.
    Bits16,
}

/// The contents of a `.dat` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dat {
    /// Frames per second.
    pub rate: u32,
    /// Frames per pair.
    pub frames_per_pair: u32,
    /// Channels.
    pub channels: u32,
    /// How values are stored.
    pub resolution: Resolution,
    /// Minimum and maximum, channels adjacent, time order; in the scale of the resolution.
    pub pairs: Vec<(i16, i16)>,
}

impl Dat {
    /// One level of a pyramid as a `.dat`; `None` when there is no such level.
    pub fn from_pyramid(pyramid: &Pyramid, level: u32, resolution: Resolution) -> Option<Self> {
        let frames_per_pair = u32::try_from(Pyramid::frames_per_bin(level)).ok()?;
        let bins = pyramid.bins(level);
        if bins == 0 {
            return None;
        }
        let mut pairs = Vec::with_capacity(bins as usize * usize::from(pyramid.channels()));
        for bin in 0..bins {
            for channel in 0..pyramid.channels() {
                let bin = pyramid.bin(level, bin, channel)?;
                pairs.push(match resolution {
                    Resolution::Bits16 => (bin.min, bin.max),
                    Resolution::Bits8 => (bin.min.div_euclid(256), (i32::from(bin.max) + 255).div_euclid(256).min(127) as i16),
                });
            }
        }
        Some(Dat { rate: pyramid.rate(), frames_per_pair, channels: pyramid.channels().into(), resolution, pairs })
    }

    /// Pairs per channel.
    pub fn length(&self) -> u32 {
        (self.pairs.len() / self.channels.max(1) as usize) as u32
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.pairs.len() * 4);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&u32::from(self.resolution == Resolution::Bits8).to_le_bytes());
        out.extend_from_slice(&self.rate.to_le_bytes());
        out.extend_from_slice(&self.frames_per_pair.to_le_bytes());
        out.extend_from_slice(&self.length().to_le_bytes());
        out.extend_from_slice(&self.channels.to_le_bytes());
        for (min, max) in &self.pairs {
            match self.resolution {
                Resolution::Bits8 => out.extend_from_slice(&[(*min as i8).cast_unsigned(), (*max as i8).cast_unsigned()]),
                Resolution::Bits16 => {
                    out.extend_from_slice(&min.to_le_bytes());
                    out.extend_from_slice(&max.to_le_bytes());
                }
            }
        }
        out
    }

    /// Reads a file's bytes.
    /// # Errors
    /// `Unsupported` for other versions, `Damaged`, `Limit`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AudioError> {
        if bytes.len() > limits::MAX_TABLE_BYTES {
            return Err(AudioError::Limit {
                what: "the size of the file",
                found: bytes.len() as u64,
                limit: limits::MAX_TABLE_BYTES as u64,
            });
        }
        let Some((head, data)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(AudioError::damaged("the file is cut short"));
        };
        let long = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if long(0).cast_signed() != VERSION {
            return Err(AudioError::Unsupported { format: format!("waveform data version {}", long(0).cast_signed()) });
        }
        let resolution = if long(4) & EIGHT_BITS != 0 { Resolution::Bits8 } else { Resolution::Bits16 };
        let (rate, frames_per_pair, length, channels) = (long(8), long(12), long(16), long(20));
        if rate == 0 || frames_per_pair == 0 || channels == 0 || channels > u32::from(limits::MAX_CHANNELS) {
            return Err(AudioError::damaged("the header of the waveform data makes no sense"));
        }
        let pair_bytes = if resolution == Resolution::Bits8 { 2 } else { 4 };
        if data.len() as u64 != u64::from(length) * u64::from(channels) * pair_bytes {
            return Err(AudioError::damaged("the waveform data has the wrong length"));
        }
        let pairs = match resolution {
            Resolution::Bits8 => {
                data.as_chunks::<2>().0.iter().map(|[min, max]| (min.cast_signed().into(), max.cast_signed().into())).collect()
            }
            Resolution::Bits16 => {
                data.as_chunks::<4>().0.iter().map(|[a, b, c, d]| (i16::from_le_bytes([*a, *b]), i16::from_le_bytes([*c, *d]))).collect()
            }
        };
        Ok(Dat { rate, frames_per_pair, channels, resolution, pairs })
    }
}
