//! Hashes of pieces of the sound, cut where the sound itself says: the same passage has the same pieces wherever it lies and in
//! whichever lossless container.

use std::path::Path;

use crate::cancel::Cancel;
use crate::decode::Decoder;
use crate::decode::sample::Exact;
use crate::error::AudioError;
use crate::guard::guarded;

/// One piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHash {
    /// First frame.
    pub start: u64,
    /// Frames.
    pub frames: u32,
    /// First half of a BLAKE3 hash over the samples.
    pub hash: [u8; 16],
}

/// Bytes of a stored piece.
const ENTRY_BYTES: usize = 28;
/// Bytes of a sample as an integer.
const WORD: usize = 4;
/// Frames after which an earlier one has left the rolling hash.
const MEMORY: u32 = 64;

/// The stored form: `u64 start, u32 frames, [u8; 16]` each.
pub fn to_bytes(blocks: &[BlockHash]) -> Vec<u8> {
    let mut out = Vec::with_capacity(blocks.len() * ENTRY_BYTES);
    for block in blocks {
        out.extend_from_slice(&block.start.to_le_bytes());
        out.extend_from_slice(&block.frames.to_le_bytes());
        out.extend_from_slice(&block.hash);
    }
    out
}

/// Reads the stored form.
/// # Errors
/// `Damaged` for a wrong length.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<BlockHash>, AudioError> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    if !rest.is_empty() {
        return Err(AudioError::damaged("the block hashes are cut short"));
    }
    let read = |entry: &[u8; ENTRY_BYTES]| {
        let (mut start, mut frames, mut hash) = ([0; 8], [0; 4], [0; 16]);
        start.copy_from_slice(&entry[..8]);
        frames.copy_from_slice(&entry[8..12]);
        hash.copy_from_slice(&entry[12..]);
        BlockHash { start: u64::from_le_bytes(start), frames: u32::from_le_bytes(frames), hash }
    };
    Ok(entries.iter().map(read).collect())
}

/// Cuts the file at `path` into pieces of 0.25 to 4 s, 1 s on average, and hashes them.
/// # Errors
/// As [`crate::analysis::analyse`].
pub fn measure(path: &Path, cancel: &Cancel) -> Result<Vec<BlockHash>, AudioError> {
    guarded("hashing the sound", || {
        let mut decoder = Decoder::open(path)?;
        decoder.keep_exact();
        let channels = usize::from(decoder.info().channels);
        let mut cutter = Cutter::new(decoder.info().sample_rate, channels);
        let mut planes = vec![Vec::new(); channels];
        loop {
            cancel.check()?;
            planes.iter_mut().for_each(Vec::clear);
            if decoder.read(&mut planes, 8_192)? == 0 {
                return Ok(cutter.finish());
            }
            cutter.update(&planes, decoder.exact());
        }
    })
}

/// A sample as it is hashed: the left-justified 32-bit integer it is, else the bits of a double. The same for every container.
enum Canonical {
    Integer(i32),
    Float(u64),
}

fn canonical(sample: f64) -> Canonical {
    let scaled = sample * 2_147_483_648.0;
    if scaled.fract() == 0.0 && (-2_147_483_648.0..2_147_483_648.0).contains(&scaled) {
        Canonical::Integer(scaled as i32)
    } else {
        Canonical::Float(sample.to_bits())
    }
}

/// Cuts frames as they come.
pub(super) struct Cutter {
    channels: usize,
    least: u32,
    most: u32,
    /// A rolling hash below this cuts.
    threshold: u64,
    rolling: u64,
    start: u64,
    frames: u32,
    hasher: blake3::Hasher,
    scratch: Vec<u8>,
    blocks: Vec<BlockHash>,
}

impl Cutter {
    pub(super) fn new(rate: u32, channels: usize) -> Self {
        let chance_per_frame = 1.0 / (0.75 * f64::from(rate));
        let threshold = (u64::MAX as f64 * chance_per_frame) as u64;
        Cutter {
            channels,
            least: (rate / 4).max(MEMORY),
            most: rate * 4,
            threshold,
            rolling: 0,
            start: 0,
            frames: 0,
            hasher: blake3::Hasher::new(),
            scratch: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Adds decoded frames with the stored values behind them.
    pub(super) fn update(&mut self, planes: &[Vec<f32>], exact: Exact<'_>) {
        let mut frame = vec![0_u64; self.channels];
        self.scratch.clear();
        for index in 0..planes.first().map_or(0, Vec::len) {
            for ((channel, value), plane) in frame.iter_mut().enumerate().zip(planes) {
                let at = index * self.channels + channel;
                let sample = match exact {
                    Exact::AsFloat => canonical(f64::from(plane[index])),
                    Exact::Int(values) => Canonical::Integer(values[at]),
                    Exact::Float(values) => canonical(f64::from(values[at])),
                    Exact::Double(values) => canonical(values[at]),
                };
                match sample {
                    Canonical::Integer(integer) => {
                        *value = i64::from(integer).cast_unsigned();
                        self.scratch.extend_from_slice(&integer.to_le_bytes());
                    }
                    Canonical::Float(bits) => {
                        *value = bits;
                        self.scratch.extend_from_slice(&bits.to_le_bytes());
                    }
                }
            }
            self.frames += 1;
            if self.frames + MEMORY > self.least {
                self.roll(frame.iter().copied());
                if self.is_due() {
                    self.hasher.update(&self.scratch);
                    self.scratch.clear();
                    self.close();
                }
            }
        }
        self.hasher.update(&self.scratch);
    }

    /// Adds frames of interleaved left-justified 32-bit integers, little-endian.
    pub(super) fn update_integers(&mut self, bytes: &[u8]) {
        let frame_bytes = self.channels * WORD;
        let mut rest = bytes;
        while !rest.is_empty() {
            // Up to here no cut can fall: hashed without looking.
            let blind = self.least.saturating_sub(MEMORY).saturating_sub(self.frames) as usize;
            let skipped = blind.min(rest.len() / frame_bytes);
            let (skip, seen) = rest.split_at(skipped * frame_bytes);
            self.frames += skipped as u32;
            let mut taken = 0;
            for frame in seen.chunks_exact(frame_bytes) {
                self.frames += 1;
                taken += frame_bytes;
                self.roll(frame.as_chunks::<WORD>().0.iter().map(|word| i64::from(i32::from_le_bytes(*word)).cast_unsigned()));
                if self.is_due() {
                    break;
                }
            }
            self.hasher.update(skip);
            self.hasher.update(&seen[..taken]);
            if self.is_due() {
                self.close();
            }
            rest = &seen[taken..];
            if skipped == 0 && taken == 0 {
                // Not a whole frame: the caller hands over whole ones.
                return;
            }
        }
    }

    fn roll(&mut self, frame: impl Iterator<Item = u64>) {
        let mut mixed = 0_u64;
        for value in frame {
            mixed = (mixed ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed ^= mixed >> 29;
        }
        self.rolling = (self.rolling << 1).wrapping_add(mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9));
    }

    fn is_due(&self) -> bool {
        let cut = self.rolling.wrapping_mul(0x94D0_49BB_1331_11EB) < self.threshold;
        (cut && self.frames >= self.least) || self.frames >= self.most
    }

    fn close(&mut self) {
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.hasher.finalize().as_bytes()[..16]);
        self.hasher.reset();
        self.blocks.push(BlockHash { start: self.start, frames: self.frames, hash });
        self.start += u64::from(self.frames);
        self.frames = 0;
    }

    pub(super) fn finish(mut self) -> Vec<BlockHash> {
        if self.frames > 0 {
            self.close();
        }
        self.blocks
    }
}
