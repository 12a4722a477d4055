//! Frames of a FLAC file that is as it should be (RFC 9639): blocks of one size, counted without gaps, each whole by its checksum. That is
//! nearly every file, and it is read here in one go. At the first thing that is otherwise this ends, and whoever reads goes on from there
//! with a demuxer that copes with everything.

use std::io::{self, Read};

use crc_fast::{CrcAlgorithm, Digest};
use symphonia::core::checksum::Crc8Ccitt;
use symphonia::core::io::Monitor;

/// Bytes read at a time.
const READ: usize = 256 << 10;
/// A frame longer than this is not looked for: 65,535 frames of 8 channels and 32 bits, as they are.
const MOST_FRAME: usize = 2_200_000;
/// The longest header of a frame, with its checksum.
const MOST_HEADER: usize = 16;
/// Headers that turn out to begin no frame, within one frame, after which the file counts as not as it should be. One in 65,536 places of
/// music looks like the header that is wanted; only who means harm writes more than a few of them into one frame.
const MOST_FALSE: usize = 64;
/// Sync code of a frame in a stream of equal blocks.
const SYNC: [u8; 2] = [0xff, 0xf8];
const STREAMINFO: usize = 34;

/// One frame of the file.
#[derive(Debug, PartialEq)]
pub(super) struct Frame<'f> {
    /// Its first frame of sound.
    pub(super) start: u64,
    /// How many it holds.
    pub(super) count: u32,
    /// All of its bytes.
    pub(super) bytes: &'f [u8],
}

/// The frames of a file, from its first.
#[derive(Debug)]
pub(super) struct Frames<R> {
    source: R,
    bytes: Vec<u8>,
    /// Where in `bytes` the frame begins that was given last, and its length.
    at: usize,
    given: usize,
    /// Nothing is left to read.
    is_read: bool,
    /// Frames of sound in every frame but the last.
    block: u32,
    /// No frame is shorter, in bytes.
    least: usize,
    /// Frames of sound in the file, 0 where it does not say.
    total: u64,
    number: u64,
}

struct Header {
    length: usize,
    number: u64,
    count: u32,
}

impl<R: Read> Frames<R> {
    /// Reads up to the first frame; nothing where the file is not as it should be.
    pub(super) fn open(mut source: R) -> io::Result<Option<Self>> {
        let mut start = [0; 8 + STREAMINFO];
        if source.read_exact(&mut start).is_err()
            || start[..4] != *b"fLaC"
            || start[4] & 0x7f != 0
            || start[5..8] != [0, 0, STREAMINFO as u8]
        {
            return Ok(None);
        }
        let info = &start[8..];
        let two = |at: usize| u32::from(info[at]) << 8 | u32::from(info[at + 1]);
        let three = |at: usize| two(at) << 8 | u32::from(info[at + 2]);
        let (least_block, block, least) = (two(0), two(2), three(4) as usize);
        let total = u64::from(info[13] & 0xf) << 32 | u64::from(two(14)) << 16 | u64::from(two(16));
        if block == 0 || least_block > block {
            return Ok(None);
        }
        let mut is_last = start[4] & 0x80 != 0;
        while !is_last {
            let mut head = [0; 4];
            if source.read_exact(&mut head).is_err() {
                return Ok(None);
            }
            is_last = head[0] & 0x80 != 0;
            let length = u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
            if io::copy(&mut source.by_ref().take(length), &mut io::sink())? != length {
                return Ok(None);
            }
        }
        Ok(Some(Self {
            source,
            // Never more than a frame is left when more is read.
            bytes: Vec::with_capacity(2 * READ),
            at: 0,
            given: 0,
            is_read: false,
            block,
            least: least.max(MOST_HEADER / 2),
            total,
            number: 0,
        }))
    }

    /// Where the next frame of sound has its place.
    pub(super) fn position(&self) -> u64 {
        self.number * u64::from(self.block)
    }

    /// Whether the file was read to the end it announces.
    pub(super) fn is_at_the_end(&self) -> bool {
        self.total > 0 && self.position() >= self.total
    }

    /// The next frame; nothing at the end, and where something is not as it should be.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        self.at += std::mem::take(&mut self.given);
        self.fill(MOST_HEADER)?;
        let Some(header) = header_of(self.rest(), self.block) else { return Ok(None) };
        let is_whole = header.number == self.number && header.count == self.left();
        let Some(end) = (if is_whole { self.end(&header)? } else { None }) else { return Ok(None) };
        let start = self.position();
        self.number += 1;
        self.given = end;
        Ok(Some(Frame { start, count: header.count, bytes: &self.rest()[..end] }))
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Frames of sound the next frame has to hold.
    fn left(&self) -> u32 {
        let left = if self.total == 0 { u64::MAX } else { self.total.saturating_sub(self.position()) };
        u32::try_from(left).map_or(self.block, |left| left.min(self.block))
    }

    /// Where the frame ends that begins the bytes: with the file if it is the last one, else before the header of the one that follows.
    fn end(&mut self, header: &Header) -> io::Result<Option<usize>> {
        if self.total > 0 && self.position() + u64::from(header.count) >= self.total {
            self.fill(MOST_FRAME + 1)?;
            let rest = self.rest();
            return Ok((rest.len() <= MOST_FRAME && Checksum::new().fits(rest)).then_some(rest.len()));
        }
        let mut from = self.least.max(header.length + 2);
        let mut sum = Checksum::new();
        let mut wrong = 0;
        loop {
            // One more than was looked at, so that every turn reads on.
            self.fill(from + MOST_HEADER + 1)?;
            let rest = self.rest();
            // A header that is cut off by the end of what was read is looked at when there is more.
            let until = if self.is_read { rest.len() } else { rest.len() - MOST_HEADER };
            let candidates = memchr::memchr_iter(SYNC[0], rest.get(from..until).unwrap_or_default());
            for end in candidates.map(|offset| from + offset) {
                let follows = header_of(&rest[end..], self.block).is_some_and(|next| next.number == self.number + 1);
                if !follows {
                    continue;
                }
                if sum.fits(&rest[..end]) {
                    return Ok(Some(end));
                }
                wrong += 1;
                if wrong > MOST_FALSE {
                    return Ok(None);
                }
            }
            from = until.max(from);
            if self.is_read || from > MOST_FRAME {
                return Ok(None);
            }
        }
    }

    /// Reads until there are that many bytes, or no more.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        while self.rest().len() < wanted && !self.is_read {
            self.bytes.drain(..std::mem::take(&mut self.at));
            let got = self.source.by_ref().take(READ as u64).read_to_end(&mut self.bytes)?;
            self.is_read = got == 0;
        }
        Ok(())
    }
}

/// The CRC-16 of a frame, carried on from one place where it may end to the next, so that no byte is looked at twice.
struct Checksum {
    digest: Digest,
    /// Bytes of the frame that are in it.
    done: usize,
}

impl Checksum {
    fn new() -> Self {
        Checksum { digest: Digest::new(CrcAlgorithm::Crc16Umts), done: 0 }
    }

    /// Whether the last two bytes of a frame are the checksum of all before them. Every call gives more bytes of the same frame.
    fn fits(&mut self, frame: &[u8]) -> bool {
        let Some((body, crc)) = frame.split_last_chunk::<2>() else { return false };
        let more = body.get(self.done..).unwrap_or_default();
        #[cfg(test)]
        tests::HASHED.with(|hashed| hashed.set(hashed.get() + more.len()));
        self.digest.update(more);
        self.done = body.len();
        self.digest.finalize() == u64::from(u16::from_be_bytes(*crc))
    }
}

/// The header of a frame of equal blocks (RFC 9639, 9.1).
fn header_of(bytes: &[u8], block: u32) -> Option<Header> {
    let [first, second, sizes, channels, ..] = *bytes else { return None };
    if [first, second] != SYNC || channels & 1 != 0 {
        return None;
    }
    let mut at = 4;
    let mut take = |count: usize| {
        let taken = bytes.get(at..at + count)?;
        at += count;
        Some(taken.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte)))
    };
    let number = coded_number(&mut take)?;
    let count = match sizes >> 4 {
        0 => return None,
        1 => 192,
        code @ 2..=5 => 144 << code,
        6 => take(1)? + 1,
        7 => take(2)? + 1,
        code => 1 << code,
    };
    let rate_bytes = match sizes & 0xf {
        12 => 1,
        13 | 14 => 2,
        15 => return None,
        _ => 0,
    };
    take(rate_bytes)?;
    let crc = take(1)?;
    let count = u32::try_from(count).ok().filter(|count| *count <= block)?;
    let mut found = Crc8Ccitt::new(0);
    found.process_buf_bytes(&bytes[..at - 1]);
    (u64::from(found.crc()) == crc).then_some(Header { length: at, number, count })
}

/// A number as UTF-8 would write it, up to 36 bits.
fn coded_number(take: &mut impl FnMut(usize) -> Option<u64>) -> Option<u64> {
    let first = take(1)?;
    let more = (first as u8).leading_ones();
    match more {
        0 => return Some(first),
        1 | 8 => return None,
        _ => {}
    }
    let mut number = first & (0x7f >> more);
    for _ in 1..more {
        let byte = take(1)?;
        if byte & 0xc0 != 0x80 {
            return None;
        }
        number = number << 6 | byte & 0x3f;
    }
    Some(number)
}

#[cfg(test)]
mod tests;
