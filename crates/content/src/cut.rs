//! Content-defined cutting: where a chunk ends depends only on the bytes around, so that an insertion moves no later cut. Gear hash,
//! normalised as in Xia et al., `FastCDC` (USENIX ATC 2016); inside samples only ends of frames are candidates.

use std::io;

use crate::layout::Layout;
use crate::source::Source;

/// Least length of a chunk in bytes; only the last of a part is shorter.
pub const MIN: u64 = 16 * 1024;
/// Mean length in bytes.
pub const MEAN: u64 = 64 * 1024;
/// Greatest length in bytes.
pub const MAX: u64 = 256 * 1024;

/// Before the mean a cut is this many times rarer, behind it as many times more frequent.
const NORMALISED: u64 = 4;
const BUFFER: usize = 1 << 20;

/// One random number per byte value. Changing it only makes chunks of older indices useless.
const GEAR: [u64; 256] = gear();

const fn gear() -> [u64; 256] {
    // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    let mut table = [0; 256];
    let (mut state, mut i) = (0x43_6f_6c_6c_61_62_54_72_u64, 0);
    while i < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[i] = z ^ (z >> 31);
        i += 1;
    }
    table
}

/// A chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// First byte.
    pub at: u64,
    /// Length in bytes.
    pub len: u64,
    /// BLAKE3 of its bytes; never leaves the device.
    pub hash: [u8; 32],
}

/// Cuts a file into chunks that cover it exactly, in order.
/// # Errors
/// What reading said.
pub fn chunks(source: &dyn Source, layout: &Layout, found: &mut dyn FnMut(Chunk)) -> io::Result<()> {
    for (start, end, pcm) in layout.parts() {
        part(source, start, end, pcm.map_or(1, |pcm| pcm.frame()), found)?;
    }
    Ok(())
}

fn part(source: &dyn Source, start: u64, end: u64, frame: u64, found: &mut dyn FnMut(Chunk)) -> io::Result<()> {
    // Candidates come once per frame, so each must be as many times likelier.
    let likely = u64::MAX / (MEAN / frame).max(1);
    let (rare, frequent) = (likely / NORMALISED, likely.saturating_mul(NORMALISED));
    let mut buffer = vec![0; BUFFER];
    let (mut hash, mut whole, mut from, mut at, mut phase) = (0_u64, blake3::Hasher::new(), start, start, 0_u64);
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
        source.read_at(at, &mut buffer[..length])?;
        let mut hashed = 0;
        for (place, byte) in buffer[..length].iter().enumerate() {
            hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
            phase += 1;
            if phase < frame {
                continue;
            }
            phase = 0;
            let len = at + place as u64 + 1 - from;
            if len < MIN {
                continue;
            }
            if hash < (if len < MEAN { rare } else { frequent }) || len + frame > MAX {
                whole.update(&buffer[hashed..=place]);
                hashed = place + 1;
                found(Chunk { at: from, len, hash: *whole.finalize().as_bytes() });
                whole.reset();
                from += len;
                hash = 0;
            }
        }
        whole.update(&buffer[hashed..length]);
        at += length as u64;
    }
    if from < end {
        found(Chunk { at: from, len: end - from, hash: *whole.finalize().as_bytes() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Numbers, Pcm};

    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(length)
        .collect()
    }

    fn cut(bytes: &[u8], layout: Layout) -> Vec<Chunk> {
        let mut all = Vec::new();
        chunks(&bytes.to_vec(), &layout, &mut |chunk| all.push(chunk)).expect("memory does not fail");
        all
    }

    #[test]
    fn chunks_cover_the_file_within_their_bounds_and_near_their_mean() {
        let bytes = noise(20 << 20, 7);
        let samples = Pcm { channels: 2, bytes: 3, numbers: Numbers::SignedLittle };
        let pcm = Layout { length: bytes.len() as u64, samples: Some((samples, 44, bytes.len() as u64 - 4)) };
        for layout in [Layout::bytes(bytes.len() as u64), pcm] {
            let all = cut(&bytes, layout);
            let mut at = 0;
            for chunk in &all {
                assert_eq!(chunk.at, at);
                assert!(chunk.len <= MAX);
                at += chunk.len;
                if let Some((pcm, start, end)) = layout.samples.filter(|(_, start, end)| (*start..*end).contains(&chunk.at)) {
                    assert_eq!((chunk.at - start) % pcm.frame(), 0);
                    assert!(chunk.at + chunk.len <= end);
                }
                assert_eq!(chunk.hash, *blake3::hash(&bytes[chunk.at as usize..(chunk.at + chunk.len) as usize]).as_bytes());
            }
            assert_eq!(at, bytes.len() as u64);
            let mean = bytes.len() as u64 / all.len() as u64;
            assert!((MEAN / 2..MEAN * 2).contains(&mean), "mean {mean}");
        }
    }

    #[test]
    fn an_insertion_changes_only_the_chunks_around_it() {
        let bytes = noise(8 << 20, 9);
        let mut longer = bytes.clone();
        longer.splice(3_000_000..3_000_000, noise(1_234, 3));
        let before = cut(&bytes, Layout::bytes(bytes.len() as u64));
        let after = cut(&longer, Layout::bytes(longer.len() as u64));
        let known: std::collections::HashSet<_> = before.iter().map(|chunk| chunk.hash).collect();
        let fresh = after.iter().filter(|chunk| !known.contains(&chunk.hash)).count();
        assert!(fresh <= 4, "{fresh} new chunks");
    }

    #[test]
    fn b4_silence_is_cut_into_few_equal_chunks() {
        let bytes = vec![0; 8 << 20];
        let all = cut(&bytes, Layout::bytes(bytes.len() as u64));
        let kinds: std::collections::HashSet<_> = all.iter().map(|chunk| chunk.hash).collect();
        assert!(kinds.len() <= 2, "{} kinds", kinds.len());
    }
}
