//! The hash of the sound itself: the same for WAV, AIFF and FLAC of the same samples, and for float that only carries integers.

use crate::decode::sample::Exact;
use crate::decode::{AudioInfo, Decoder};

/// Hashes decoded samples as they come.
pub(super) struct PcmHasher {
    /// Over left-justified 32-bit integers; dropped as soon as a sample is none.
    integers: Option<blake3::Hasher>,
    /// Over float bits, for float files.
    floats: Option<blake3::Hasher>,
    used: u32,
    buffer: Vec<u8>,
}

impl PcmHasher {
    pub(super) fn new(info: &AudioInfo) -> Self {
        let start = |kind: u8| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&info.sample_rate.to_le_bytes()).update(&info.channels.to_le_bytes()).update(&[kind]);
            hasher
        };
        PcmHasher {
            integers: (!info.lossy).then(|| start(0)),
            floats: (!info.lossy && info.float).then(|| start(1)),
            used: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn update(&mut self, planes: &[Vec<f32>], exact: Exact<'_>) {
        if self.integers.is_none() && self.floats.is_none() {
            return;
        }
        match exact {
            Exact::AsFloat => self.integers_from(planes),
            Exact::Int(values) => {
                self.used |= values.iter().fold(0, |bits, value| bits | value.cast_unsigned());
                hash(&mut self.integers, &mut self.buffer, values.iter().map(|value| value.to_le_bytes()));
            }
            Exact::Float(values) => {
                hash(&mut self.floats, &mut self.buffer, values.iter().map(|value| value.to_le_bytes()));
                self.try_integers(values.iter().map(|value| f64::from(*value)));
            }
            Exact::Double(values) => {
                hash(&mut self.floats, &mut self.buffer, values.iter().map(|value| value.to_le_bytes()));
                self.try_integers(values.iter().copied());
            }
        }
    }

    /// Integer files of at most 24 bits: the floats hold them exactly.
    fn integers_from(&mut self, planes: &[Vec<f32>]) {
        let Some(hasher) = &mut self.integers else { return };
        let frames = planes.first().map_or(0, Vec::len);
        let channels = planes.len();
        self.buffer.clear();
        self.buffer.resize(frames * channels * 4, 0);
        let words = self.buffer.as_chunks_mut::<4>().0;
        let mut used = 0;
        if let [left, right] = planes {
            for ((pair, l), r) in words.as_chunks_mut::<2>().0.iter_mut().zip(left).zip(right) {
                let (l, r) = ((l * 2_147_483_648.0) as i32, (r * 2_147_483_648.0) as i32);
                used |= l.cast_unsigned() | r.cast_unsigned();
                *pair = [l.to_le_bytes(), r.to_le_bytes()];
            }
        } else {
            for (channel, plane) in planes.iter().enumerate() {
                for (word, sample) in words.iter_mut().skip(channel).step_by(channels).zip(plane) {
                    let value = (sample * 2_147_483_648.0) as i32;
                    used |= value.cast_unsigned();
                    *word = value.to_le_bytes();
                }
            }
        }
        self.used |= used;
        hasher.update(&self.buffer);
    }

    fn try_integers(&mut self, values: impl Iterator<Item = f64>) {
        if self.integers.is_none() {
            return;
        }
        self.buffer.clear();
        for value in values {
            let scaled = value * 8_388_608.0;
            if scaled.fract() != 0.0 || !(-8_388_608.0..8_388_608.0).contains(&scaled) {
                self.integers = None;
                return;
            }
            let integer = (scaled as i32) << 8;
            self.used |= integer.cast_unsigned();
            self.buffer.extend_from_slice(&integer.to_le_bytes());
        }
        if let Some(hasher) = &mut self.integers {
            hasher.update(&self.buffer);
        }
    }

    /// The frames of the last update as interleaved left-justified 32-bit integers, while the sound is nothing but integers.
    pub(super) fn integers(&self) -> Option<&[u8]> {
        self.integers.as_ref().map(|_| self.buffer.as_slice())
    }

    /// Bits in use, counted from the top; `None` for float that is more than integers.
    pub(super) fn used_bits(&self) -> Option<u32> {
        self.integers.as_ref().map(|_| if self.used == 0 { 0 } else { 32 - self.used.trailing_zeros() })
    }

    /// The hash; of a lossy file the one over its packets.
    pub(super) fn finish(self, decoder: &Decoder) -> [u8; 32] {
        match (self.integers, self.floats) {
            (Some(hasher), _) | (None, Some(hasher)) => *hasher.finalize().as_bytes(),
            (None, None) => decoder.packet_hash().unwrap_or_default(),
        }
    }
}

fn hash<const N: usize>(hasher: &mut Option<blake3::Hasher>, buffer: &mut Vec<u8>, words: impl Iterator<Item = [u8; N]>) {
    if let Some(hasher) = hasher {
        buffer.clear();
        words.for_each(|word| buffer.extend_from_slice(&word));
        hasher.update(buffer);
    }
}
