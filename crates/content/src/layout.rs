//! Where a file keeps its samples. What is said here only affects cost, never correctness: whoever codes compares what comes back, and a
//! file that cannot be read is bytes.

use std::io;

use crate::source::Source;

/// Most chunks of a container that are looked at; a loop or a flood ends here, and the file is bytes.
const MAX_CHUNKS: usize = 1_000;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Signed integers, lowest byte first.
    SignedLittle,
    /// Signed integers, highest byte first.
    SignedBig,
    /// Unsigned bytes.
    Unsigned8,
    /// IEEE floats of 4 bytes, lowest byte first.
    FloatLittle,
    /// IEEE floats of 4 bytes, highest byte first.
    FloatBig,
}

/// Samples: frames of one number per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcm {
    /// Channels, 1 to 8.
    pub channels: u8,
    /// Bytes of one number, 1 to 4.
    pub bytes: u8,
    /// How they are written.
    pub numbers: Numbers,
}

impl Pcm {
    /// Bytes of one frame.
    #[must_use]
    pub fn frame(&self) -> u64 {
        u64::from(self.channels) * u64::from(self.bytes)
    }

    /// Whether the numbers are floats.
    #[must_use]
    pub fn is_float(&self) -> bool {
        matches!(self.numbers, Numbers::FloatLittle | Numbers::FloatBig)
    }

    fn new(channels: u16, bits: u16, big: bool, float: bool, unsigned8: bool) -> Option<Self> {
        let channels = u8::try_from(channels).ok().filter(|channels| (1..=8).contains(channels))?;
        let bytes = u8::try_from(bits.div_ceil(8)).ok().filter(|bytes| (1..=4).contains(bytes))?;
        let numbers = match (float, bytes) {
            (true, 4) if big => Numbers::FloatBig,
            (true, 4) => Numbers::FloatLittle,
            (true, _) => return None,
            (false, 1) if unsigned8 => Numbers::Unsigned8,
            (false, _) if big => Numbers::SignedBig,
            (false, _) => Numbers::SignedLittle,
        };
        Some(Self { channels, bytes, numbers })
    }
}

/// A file as header, samples, trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Length of the file.
    pub length: u64,
    /// The samples, in whole frames, and where they begin and end; none where the file is only bytes.
    pub samples: Option<(Pcm, u64, u64)>,
}

impl Layout {
    /// Only bytes.
    #[must_use]
    pub fn bytes(length: u64) -> Self {
        Self { length, samples: None }
    }

    /// Header, samples and trailer that are not empty, each with its samples' form.
    #[must_use]
    pub fn parts(&self) -> Vec<(u64, u64, Option<Pcm>)> {
        let parts = match self.samples {
            None => vec![(0, self.length, None)],
            Some((pcm, start, end)) => vec![(0, start, None), (start, end, Some(pcm)), (end, self.length, None)],
        };
        parts.into_iter().filter(|(start, end, _)| start < end).collect()
    }

    /// Moves `at` up to the start of a frame, where it lies inside the samples.
    #[must_use]
    pub fn frame_up(&self, at: u64) -> u64 {
        match self.samples {
            Some((pcm, start, end)) if at > start && at < end => (start + (at - start).next_multiple_of(pcm.frame())).min(end),
            _ => at,
        }
    }

    /// Moves `at` down to the start of a frame, where it lies inside the samples.
    #[must_use]
    pub fn frame_down(&self, at: u64) -> u64 {
        match self.samples {
            Some((pcm, start, end)) if at > start && at < end => at - (at - start) % pcm.frame(),
            _ => at,
        }
    }
}

/// Looks at the structure of a file: WAV, RF64, W64, AIFF and AIFC; everything else is bytes.
/// # Errors
/// What reading said; never what the file says.
pub fn of(source: &dyn Source) -> io::Result<Layout> {
    let length = source.len();
    let found = match head::<16>(source, 0)? {
        Some(head) if (&head[..4] == b"RIFF" || &head[..4] == b"RF64" || &head[..4] == b"BW64") && &head[8..12] == b"WAVE" => wave(source)?,
        Some(head) if &head[..4] == b"FORM" && (&head[8..12] == b"AIFF" || &head[8..12] == b"AIFC") => aiff(source)?,
        Some(head) if head == *W64_RIFF => w64(source)?,
        _ => None,
    };
    let samples = found.and_then(|(pcm, start, claimed)| {
        let start = start.min(length);
        // Sizes may be 0, wrong or not patched yet: what is there counts.
        let claimed = if claimed == 0 || claimed >= u64::from(u32::MAX) - 1_024 { length - start } else { claimed };
        let end = start + claimed.min(length - start);
        let end = end - (end - start) % pcm.frame();
        (end > start).then_some((pcm, start, end))
    });
    Ok(Layout { length, samples })
}

type Found = Option<(Pcm, u64, u64)>;

fn head<const N: usize>(source: &dyn Source, at: u64) -> io::Result<Option<[u8; N]>> {
    if at.checked_add(N as u64).is_none_or(|end| end > source.len()) {
        return Ok(None);
    }
    let mut bytes = [0; N];
    source.read_at(at, &mut bytes)?;
    Ok(Some(bytes))
}

fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    let mut quad = [0; 8];
    quad.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(quad)
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The body of a `fmt ` chunk.
fn format(body: &[u8; 16], sub: Option<u16>) -> Option<Pcm> {
    let (tag, channels, bits, block) = (le16(body, 0), le16(body, 2), le16(body, 14), le16(body, 12));
    let tag = if tag == 0xfffe { sub? } else { tag };
    let float = match tag {
        1 => false,
        3 => true,
        _ => return None,
    };
    // The container may be wider than the valid bits; the block says how wide.
    let container = if channels > 0 && block % channels == 0 { block / channels * 8 } else { bits };
    Pcm::new(channels, container.max(bits), false, float, true)
}

fn wave(source: &dyn Source) -> io::Result<Found> {
    let (mut at, mut pcm, mut long) = (12, None, None);
    for _ in 0..MAX_CHUNKS {
        let Some(head) = head::<8>(source, at)? else { return Ok(None) };
        let size = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        let body = at + 8;
        match &head[..4] {
            b"ds64" => long = self::head::<24>(source, body)?.map(|body| le64(&body, 8)),
            b"fmt " => {
                let Some(fields) = self::head::<16>(source, body)? else { return Ok(None) };
                let sub = if size >= 40 { self::head::<2>(source, body + 24)?.map(|sub| le16(&sub, 0)) } else { None };
                pcm = format(&fields, sub);
            }
            b"data" => {
                let size = if size == u64::from(u32::MAX) { long.unwrap_or(size) } else { size };
                return Ok(pcm.map(|pcm| (pcm, body, size)));
            }
            _ => {}
        }
        at = body + size + size % 2;
    }
    Ok(None)
}

const W64_RIFF: &[u8; 16] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
const W64_TAIL: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];

fn w64(source: &dyn Source) -> io::Result<Found> {
    let (mut at, mut pcm) = (40_u64, None);
    for _ in 0..MAX_CHUNKS {
        let Some(head) = head::<24>(source, at)? else { return Ok(None) };
        let size = le64(&head, 16);
        let body = at + 24;
        if head[4..16] == W64_TAIL && &head[..4] == b"fmt " {
            let Some(fields) = self::head::<16>(source, body)? else { return Ok(None) };
            let sub = self::head::<2>(source, body + 24)?.map(|sub| le16(&sub, 0));
            pcm = format(&fields, sub);
        } else if head[4..16] == W64_TAIL && &head[..4] == b"data" {
            return Ok(pcm.map(|pcm| (pcm, body, size.saturating_sub(24))));
        }
        // Sizes count their own header, and chunks begin at multiples of 8.
        let Some(next) = at.checked_add(size.max(24)).and_then(|next| next.checked_next_multiple_of(8)) else { return Ok(None) };
        at = next;
    }
    Ok(None)
}

fn aiff(source: &dyn Source) -> io::Result<Found> {
    let (mut at, mut pcm, mut sound) = (12, None, None);
    for _ in 0..MAX_CHUNKS {
        let Some(head) = head::<8>(source, at)? else { break };
        let size = u64::from(be32(&head, 4));
        let body = at + 8;
        match &head[..4] {
            b"COMM" => {
                let Some(fields) = self::head::<18>(source, body)? else { break };
                let kind = if size >= 22 { self::head::<4>(source, body + 18)? } else { None };
                let (channels, bits) = (u16::from_be_bytes([fields[0], fields[1]]), u16::from_be_bytes([fields[6], fields[7]]));
                pcm = match kind.as_ref() {
                    None | Some(b"NONE" | b"twos" | b"in24" | b"in32") => Pcm::new(channels, bits, true, false, false),
                    Some(b"sowt") => Pcm::new(channels, bits, false, false, false),
                    Some(b"fl32" | b"FL32") => Pcm::new(channels, 32, true, true, false),
                    Some(_) => None,
                };
            }
            b"SSND" => {
                let skip = self::head::<4>(source, body)?.map_or(0, |skip| u64::from(be32(&skip, 0)));
                sound = Some((body + 8 + skip, size.saturating_sub(8 + skip)));
            }
            _ => {}
        }
        at = body + size + size % 2;
    }
    Ok(pcm.zip(sound).map(|(pcm, (start, size))| (pcm, start, size)))
}
