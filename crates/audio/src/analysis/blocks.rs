//! Hashes of pieces of the sound, cut where the sound itself says: the same passage has the same pieces wherever it lies.

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
        let mut cutter = Cutter::new(decoder.info().sample_rate);
        let mut planes = vec![Vec::new(); channels];
        let mut frame_values = vec![0_u64; channels];
        loop {
            cancel.check()?;
            planes.iter_mut().for_each(Vec::clear);
            let got = decoder.read(&mut planes, 8_192)?;
            if got == 0 {
                return Ok(cutter.finish());
            }
            for frame in 0..got {
                for ((channel, value), plane) in frame_values.iter_mut().enumerate().zip(&planes) {
                    let at = frame * channels + channel;
                    *value = match decoder.exact() {
                        Exact::AsFloat => canonical(f64::from(plane[frame])),
                        Exact::Int(values) => i64::from(values[at]).cast_unsigned(),
                        Exact::Float(values) => canonical(f64::from(values[at])),
                        Exact::Double(values) => canonical(values[at]),
                    };
                }
                cutter.push(&frame_values);
            }
        }
    })
}

/// A sample as a left-justified 32-bit integer where it is one, else as the bits of a double: the same for every container.
fn canonical(sample: f64) -> u64 {
    let scaled = sample * 2_147_483_648.0;
    if scaled.fract() == 0.0 && (-2_147_483_648.0..2_147_483_648.0).contains(&scaled) {
        (scaled as i64).cast_unsigned()
    } else {
        sample.to_bits()
    }
}

struct Cutter {
    least: u32,
    most: u32,
    /// A rolling hash below this cuts.
    threshold: u64,
    rolling: u64,
    start: u64,
    frames: u32,
    bytes: Vec<u8>,
    blocks: Vec<BlockHash>,
}

impl Cutter {
    fn new(rate: u32) -> Self {
        let chance_per_frame = 1.0 / (0.75 * f64::from(rate));
        let threshold = (u64::MAX as f64 * chance_per_frame) as u64;
        Cutter { least: rate / 4, most: rate * 4, threshold, rolling: 0, start: 0, frames: 0, bytes: Vec::new(), blocks: Vec::new() }
    }

    fn push(&mut self, frame: &[u64]) {
        let mut mixed = 0_u64;
        for value in frame {
            mixed = (mixed ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            mixed ^= mixed >> 29;
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
        // A frame has left the rolling hash after 64 more.
        self.rolling = (self.rolling << 1).wrapping_add(mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9));
        self.frames += 1;
        let cut = self.rolling.wrapping_mul(0x94D0_49BB_1331_11EB) < self.threshold;
        if (cut && self.frames >= self.least) || self.frames >= self.most {
            self.close();
        }
    }

    fn close(&mut self) {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(&self.bytes).as_bytes()[..16]);
        self.blocks.push(BlockHash { start: self.start, frames: self.frames, hash });
        self.start += u64::from(self.frames);
        self.frames = 0;
        self.bytes.clear();
    }

    fn finish(mut self) -> Vec<BlockHash> {
        if self.frames > 0 {
            self.close();
        }
        self.blocks
    }
}
