//! The peak pyramid (`CTPK`): minimum, maximum and RMS of every 256 frames, and of every 4, 16, 64 … of those.
//!
//! Minimum and maximum are rounded outward, so a drawing never understates a peak.

use std::ops::Range;

use crate::analysis::table::Header;
use crate::error::AudioError;

const MAGIC: [u8; 4] = *b"CTPK";
/// Frames in a bin of level 0.
pub const BASE_FRAMES: u64 = 256;
/// Bins of one level in a bin of the next.
const FAN: usize = 4;
/// Bytes of a bin and channel: `i16` minimum, `i16` maximum, `u16` RMS.
const BIN_BYTES: usize = 6;
/// The overview is the coarsest level with at least this many bins.
const OVERVIEW_BINS: u32 = 512;

/// One bin of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Lowest sample, full scale −32767, rounded down.
    pub min: i16,
    /// Highest sample, full scale 32767, rounded up.
    pub max: i16,
    /// RMS, full scale 65535.
    pub rms: u16,
    /// A sample of the bin reaches or exceeds full scale.
    pub over: bool,
}

impl Bin {
    /// The stored form, without the over bit.
    pub(super) fn to_bytes(self) -> [u8; BIN_BYTES] {
        let ([a, b], [c, d], [e, f]) = (self.min.to_le_bytes(), self.max.to_le_bytes(), self.rms.to_le_bytes());
        [a, b, c, d, e, f]
    }
}

/// The bin over `samples`, of which there is at least one.
pub(super) fn bin_of(samples: &[f32]) -> Bin {
    let mut open = Open::EMPTY;
    open.add(samples);
    open.close(samples.len().max(1) as u64)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Level {
    bins: u32,
    data: Vec<u8>,
    over: Vec<u8>,
}

/// The pyramid of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pyramid {
    rate: u32,
    channels: u16,
    frames: u64,
    levels: Vec<Level>,
    file_id: [u8; 32],
}

impl Pyramid {
    /// Frames in the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Channels.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Number of levels; level 0 is the finest.
    pub fn levels(&self) -> u32 {
        self.levels.len() as u32
    }

    /// Bins of a level, 0 beyond the last one.
    pub fn bins(&self, level: u32) -> u32 {
        self.levels.get(level as usize).map_or(0, |level| level.bins)
    }

    /// Frames covered by one bin of a level.
    pub fn frames_per_bin(level: u32) -> u64 {
        BASE_FRAMES << (2 * u64::from(level.min(24)))
    }

    /// One bin, or `None` outside the pyramid.
    pub fn bin(&self, level: u32, bin: u32, channel: u16) -> Option<Bin> {
        let level = self.levels.get(level as usize)?;
        if bin >= level.bins || channel >= self.channels {
            return None;
        }
        let index = bin as usize * usize::from(self.channels) + usize::from(channel);
        Some(level.get(index))
    }

    /// Sets the opaque id stored with the table.
    pub fn set_file_id(&mut self, id: [u8; 32]) {
        self.file_id = id;
    }

    /// The opaque id stored with the table.
    pub fn file_id(&self) -> [u8; 32] {
        self.file_id
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let payload: usize = self.levels.iter().map(|level| level.data.len() + level.over.len()).sum();
        let mut out = Vec::with_capacity(payload + 64);
        let count = self.levels.len() as u32;
        let header = Header {
            magic: MAGIC,
            channels: self.channels,
            rate: self.rate,
            unit: BASE_FRAMES as u32,
            frames: self.frames,
            count,
            file_id: self.file_id,
        };
        header.write(&mut out);
        for level in &self.levels {
            out.extend_from_slice(&level.data);
            out.extend_from_slice(&level.over);
        }
        out
    }

    /// Reads the stored form.
    /// # Errors
    /// `Damaged`, `Limit`, `Unsupported`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AudioError> {
        let (header, mut payload) = Header::read(bytes, MAGIC)?;
        if header.unit != BASE_FRAMES as u32 {
            return Err(AudioError::damaged("the pyramid has another bin size"));
        }
        let mut bins = u32::try_from(header.frames.div_ceil(BASE_FRAMES)).map_err(|_| AudioError::damaged("the pyramid is too long"))?;
        let mut levels = Vec::new();
        while bins > 0 {
            let values = bins as usize * usize::from(header.channels);
            let (data, rest) =
                payload.split_at_checked(values * BIN_BYTES).ok_or_else(|| AudioError::damaged("the pyramid is cut short"))?;
            let (over, rest) = rest.split_at_checked(over_bytes(values)).ok_or_else(|| AudioError::damaged("the pyramid is cut short"))?;
            levels.push(Level { bins, data: data.to_vec(), over: over.to_vec() });
            payload = rest;
            bins = if bins == 1 { 0 } else { bins.div_ceil(FAN as u32) };
        }
        if levels.len() != header.count as usize || !payload.is_empty() {
            return Err(AudioError::damaged("the pyramid has the wrong number of levels"));
        }
        Ok(Pyramid { rate: header.rate, channels: header.channels, frames: header.frames, levels, file_id: header.file_id })
    }

    /// View bytes for drawing frames `from_frame..to_frame` on `width_px` pixels: the finest level that needs no more than
    /// four bins per pixel. Layout: `u32 level, u32 first_bin, u32 bins, u16 channels, u16 0, u64 frames_per_bin`, then bins.
    pub fn view(&self, from_frame: u64, to_frame: u64, width_px: u32) -> Vec<u8> {
        let to_frame = to_frame.min(self.frames);
        let from_frame = from_frame.min(to_frame);
        let limit = u64::from(width_px.max(1)) * 4;
        let last = self.levels().saturating_sub(1);
        let level =
            (0..last).find(|level| bins_of(*level, from_frame, to_frame).end - bins_of(*level, from_frame, to_frame).start <= limit);
        let level = level.unwrap_or(last);
        let range = bins_of(level, from_frame, to_frame);
        self.level_bytes(level, range.start as u32..range.end as u32)
    }

    /// The overview sent with every version: the coarsest level with at least 512 bins, in the form of [`Pyramid::view`].
    pub fn overview(&self) -> Vec<u8> {
        let level = (0..self.levels()).rev().find(|level| self.bins(*level) >= OVERVIEW_BINS).unwrap_or(0);
        self.level_bytes(level, 0..self.bins(level))
    }

    /// The 24 bytes before the bins of a view.
    pub(super) fn view_header(level: u32, first_bin: u32, bins: u32, channels: u16, frames_per_bin: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        out.extend_from_slice(&level.to_le_bytes());
        out.extend_from_slice(&first_bin.to_le_bytes());
        out.extend_from_slice(&bins.to_le_bytes());
        out.extend_from_slice(&channels.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(&frames_per_bin.to_le_bytes());
        out
    }

    fn level_bytes(&self, level: u32, bins: Range<u32>) -> Vec<u8> {
        let per_bin = usize::from(self.channels) * BIN_BYTES;
        let stored = self.levels.get(level as usize);
        let end = bins.end.min(stored.map_or(0, |level| level.bins));
        let start = bins.start.min(end);
        let mut out = Self::view_header(level, start, end - start, self.channels, Self::frames_per_bin(level));
        out.reserve((end - start) as usize * per_bin);
        if let Some(stored) = stored {
            out.extend_from_slice(&stored.data[start as usize * per_bin..end as usize * per_bin]);
        }
        out
    }
}

fn bins_of(level: u32, from_frame: u64, to_frame: u64) -> Range<u64> {
    let per_bin = Pyramid::frames_per_bin(level);
    from_frame / per_bin..to_frame.div_ceil(per_bin)
}

/// Bytes of the bit plane for `values` bins × channels.
fn over_bytes(values: usize) -> usize {
    values.div_ceil(64) * 8
}

impl Level {
    fn empty() -> Self {
        Level { bins: 0, data: Vec::new(), over: Vec::new() }
    }

    fn get(&self, index: usize) -> Bin {
        let bytes = &self.data[index * BIN_BYTES..(index + 1) * BIN_BYTES];
        Bin {
            min: i16::from_le_bytes([bytes[0], bytes[1]]),
            max: i16::from_le_bytes([bytes[2], bytes[3]]),
            rms: u16::from_le_bytes([bytes[4], bytes[5]]),
            over: self.over[index / 8] & (1 << (index % 8)) != 0,
        }
    }

    fn push(&mut self, bin: Bin) {
        let index = self.data.len() / BIN_BYTES;
        self.data.extend_from_slice(&bin.to_bytes());
        if index.is_multiple_of(64) {
            self.over.extend_from_slice(&[0; 8]);
        }
        self.over[index / 8] |= u8::from(bin.over) << (index % 8);
    }
}

/// Builds a [`Pyramid`] from frames in order.
pub struct PyramidBuilder {
    rate: u32,
    channels: u16,
    frames: u64,
    base: Level,
    open: Vec<Open>,
    open_frames: u64,
}

/// A bin of one channel that is not full yet.
#[derive(Clone, Copy)]
struct Open {
    min: f32,
    max: f32,
    squares: f32,
}

impl Open {
    const EMPTY: Open = Open { min: f32::INFINITY, max: f32::NEG_INFINITY, squares: 0.0 };

    fn add(&mut self, samples: &[f32]) {
        let (mut min, mut max, mut squares) = ([self.min; 8], [self.max; 8], [0.0_f32; 8]);
        let (eights, rest) = samples.as_chunks::<8>();
        for eight in eights {
            for lane in 0..8 {
                let sample = eight[lane];
                min[lane] = if sample < min[lane] { sample } else { min[lane] };
                max[lane] = if sample > max[lane] { sample } else { max[lane] };
                squares[lane] += sample * sample;
            }
        }
        for sample in rest {
            min[0] = min[0].min(*sample);
            max[0] = max[0].max(*sample);
            squares[0] += sample * sample;
        }
        self.min = min.iter().copied().fold(self.min, f32::min);
        self.max = max.iter().copied().fold(self.max, f32::max);
        self.squares += squares.iter().sum::<f32>();
    }

    fn close(self, frames: u64) -> Bin {
        let scale = |value: f32| (f64::from(value) * 32_767.0).clamp(-32_767.0, 32_767.0);
        Bin {
            min: scale(self.min).floor() as i16,
            max: scale(self.max).ceil() as i16,
            rms: (f64::from(self.squares / frames as f32).sqrt() * 65_535.0).round().min(65_535.0) as u16,
            over: self.min <= -1.0 || self.max >= 1.0,
        }
    }
}

impl PyramidBuilder {
    /// Starts an empty pyramid.
    pub fn new(rate: u32, channels: u16) -> Self {
        PyramidBuilder { rate, channels, frames: 0, base: Level::empty(), open: vec![Open::EMPTY; usize::from(channels)], open_frames: 0 }
    }

    /// Adds frames, one slice per channel, all of the same length.
    pub fn update(&mut self, planes: &[Vec<f32>]) {
        let length = planes.first().map_or(0, Vec::len);
        let mut at = 0;
        while at < length {
            let take = (length - at).min((BASE_FRAMES - self.open_frames) as usize);
            for (open, plane) in self.open.iter_mut().zip(planes) {
                open.add(&plane[at..at + take]);
            }
            at += take;
            self.open_frames += take as u64;
            self.frames += take as u64;
            if self.open_frames == BASE_FRAMES {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        for open in &mut self.open {
            self.base.push(open.close(self.open_frames));
            *open = Open::EMPTY;
        }
        self.base.bins += 1;
        self.open_frames = 0;
    }

    /// Closes the last bin and builds the coarser levels.
    pub fn finish(mut self) -> Pyramid {
        if self.open_frames > 0 {
            self.close();
        }
        let mut levels = Vec::new();
        let mut current = self.base;
        while current.bins > 0 {
            let next = (current.bins > 1).then(|| coarser(&current, usize::from(self.channels), self.frames, levels.len() as u32));
            levels.push(current);
            current = next.unwrap_or_else(Level::empty);
        }
        Pyramid { rate: self.rate, channels: self.channels, frames: self.frames, levels, file_id: [0; 32] }
    }
}

fn coarser(level: &Level, channels: usize, frames: u64, number: u32) -> Level {
    let per_bin = Pyramid::frames_per_bin(number);
    let mut next = Level::empty();
    for first in (0..level.bins).step_by(FAN) {
        for channel in 0..channels {
            let mut sum = Bin { min: i16::MAX, max: i16::MIN, rms: 0, over: false };
            let (mut squares, mut counted) = (0.0, 0);
            for index in first..(first + FAN as u32).min(level.bins) {
                let bin = level.get(index as usize * channels + channel);
                let length = per_bin.min(frames - u64::from(index) * per_bin);
                sum = Bin { min: sum.min.min(bin.min), max: sum.max.max(bin.max), rms: 0, over: sum.over | bin.over };
                squares += f64::from(bin.rms).powi(2) * length as f64;
                counted += length;
            }
            sum.rms = (squares / counted.max(1) as f64).sqrt().round().min(65_535.0) as u16;
            next.push(sum);
        }
        next.bins += 1;
    }
    next
}
