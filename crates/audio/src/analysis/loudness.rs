//! Loudness every 100 ms (`CTLD`), and from it momentary, short-term and integrated loudness and range of any region.
//!
//! Gating follows ITU-R BS.1770-5 and EBU Tech 3342. All values are LUFS or LU.

use std::ops::Range;

use crate::analysis::kweight::{KWeight, LANES};
use crate::analysis::levels::loudest;
use crate::analysis::table::Header;
use crate::error::AudioError;

const MAGIC: [u8; 4] = *b"CTLD";
/// Below this a region is silent: the absolute gate, in LUFS.
pub const ABSOLUTE_GATE: f64 = -70.0;
/// Blocks of a momentary window (400 ms).
const MOMENTARY: usize = 4;
/// Blocks of a short-term window (3 s).
const SHORT_TERM: usize = 30;
/// Bytes of a block and channel.
const ENTRY_BYTES: usize = 8;

/// The table of one file: per 100 ms block and channel the K-weighted mean square and the sample peak.
#[derive(Clone, Debug, PartialEq)]
pub struct LoudnessTable {
    rate: u32,
    channels: u16,
    frames: u64,
    /// Mean square and peak, channels adjacent.
    entries: Vec<(f32, f32)>,
    file_id: [u8; 32],
}

impl LoudnessTable {
    /// Number of blocks; the last one may be short.
    pub fn blocks(&self) -> usize {
        self.entries.len() / usize::from(self.channels.max(1))
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Channels.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// Frames in the file.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Sets the opaque id stored with the table.
    pub fn set_file_id(&mut self, id: [u8; 32]) {
        self.file_id = id;
    }

    /// First frame of block `block`.
    fn block_start(rate: u32, block: u64) -> u64 {
        (block * u64::from(rate) + 5) / 10
    }

    /// Power of block `block`, channels weighted and summed.
    fn power(&self, block: usize) -> f64 {
        let channels = usize::from(self.channels);
        let entries = &self.entries[block * channels..(block + 1) * channels];
        entries.iter().enumerate().map(|(channel, (square, _))| channel_weight(channel, channels) * f64::from(*square)).sum()
    }

    /// Whole blocks: a short last one takes no part in gated windows.
    fn whole(&self, blocks: Range<usize>) -> Range<usize> {
        let whole = (0..=self.blocks()).rev().find(|count| Self::block_start(self.rate, *count as u64) <= self.frames).unwrap_or(0);
        blocks.start.min(whole)..blocks.end.min(whole)
    }

    fn window_powers(&self, blocks: Range<usize>, length: usize) -> Vec<f64> {
        let blocks = self.whole(blocks);
        let powers: Vec<f64> = blocks.map(|block| self.power(block)).collect();
        powers.windows(length).map(|window| window.iter().sum::<f64>() / length as f64).collect()
    }

    /// Integrated loudness of blocks `blocks`; `None` when nothing passes the gates or there is less than 400 ms.
    pub fn integrated(&self, blocks: Range<usize>) -> Option<f64> {
        let windows = self.window_powers(blocks, MOMENTARY);
        let floor = power_of(ABSOLUTE_GATE);
        let above = mean(windows.iter().copied().filter(|power| *power >= floor))?;
        let gate = floor.max(above * power_ratio(-10.0));
        mean(windows.into_iter().filter(|power| *power >= gate)).map(loudness_of)
    }

    /// Loudness range of blocks `blocks`; `None` when there is less than 3 s of sound.
    pub fn range(&self, blocks: Range<usize>) -> Option<f64> {
        let windows = self.window_powers(blocks, SHORT_TERM);
        let floor = power_of(ABSOLUTE_GATE);
        let above = mean(windows.iter().copied().filter(|power| *power >= floor))?;
        let gate = floor.max(above * power_ratio(-20.0));
        let mut kept: Vec<f64> = windows.into_iter().filter(|power| *power >= gate).collect();
        kept.sort_by(f64::total_cmp);
        let at = |share: f64| loudness_of(kept[((kept.len() - 1) as f64 * share).round() as usize]);
        (!kept.is_empty()).then(|| at(0.95) - at(0.10))
    }

    /// Ungated loudness of blocks `blocks`; `None` for silence or an empty range.
    pub fn ungated(&self, blocks: Range<usize>) -> Option<f64> {
        let end = blocks.end.min(self.blocks());
        let power = mean((blocks.start.min(end)..end).map(|block| self.power(block)))?;
        (power > 0.0).then(|| loudness_of(power))
    }

    /// Momentary loudness of the 400 ms that end with block `block`.
    pub fn momentary(&self, block: usize) -> Option<f64> {
        self.ungated((block + 1).checked_sub(MOMENTARY)?..block + 1)
    }

    /// Short-term loudness of the 3 s that end with block `block`.
    pub fn short_term(&self, block: usize) -> Option<f64> {
        self.ungated((block + 1).checked_sub(SHORT_TERM)?..block + 1)
    }

    /// Loudness of a region of frames, snapped to 100 ms: gated from 3 s on, an ungated mean below that.
    /// `None` under 400 ms, for silence, and below the absolute gate.
    pub fn region(&self, from_frame: u64, to_frame: u64) -> Option<f64> {
        let to_block = |frame: u64| ((frame.min(self.frames) * 10 + u64::from(self.rate) / 2) / u64::from(self.rate)) as usize;
        let blocks = to_block(from_frame)..to_block(to_frame);
        let length = blocks.end.saturating_sub(blocks.start);
        if length < MOMENTARY {
            return None;
        }
        let loudness = if length < SHORT_TERM { self.ungated(blocks) } else { self.integrated(blocks) };
        loudness.filter(|loudness| *loudness >= ABSOLUTE_GATE)
    }

    /// Highest sample of a region of frames, rounded out to 100 ms.
    pub fn peak(&self, from_frame: u64, to_frame: u64) -> f32 {
        let channels = usize::from(self.channels);
        let end = ((to_frame * 10).div_ceil(u64::from(self.rate)) as usize + 1).min(self.blocks());
        let start = ((from_frame * 10 / u64::from(self.rate)) as usize).saturating_sub(1).min(end);
        self.entries[start * channels..end * channels].iter().fold(0.0, |peak, (_, sample)| peak.max(*sample))
    }

    /// The blocks that overlap a region of frames: their frames, and the highest sample in or next to them.
    pub(super) fn loudest_blocks(&self, from_frame: u64, to_frame: u64) -> Vec<(Range<u64>, f32)> {
        let channels = usize::from(self.channels);
        let start = |block: usize| Self::block_start(self.rate, block as u64);
        let loudest = |block: usize| {
            let entries = self.entries.get(block * channels..(block + 1) * channels).unwrap_or(&[]);
            entries.iter().fold(0.0_f32, |peak, (_, sample)| peak.max(*sample))
        };
        (0..self.blocks())
            .filter(|block| start(*block) < to_frame && start(block + 1) > from_frame)
            .map(|block| {
                let near = loudest(block.saturating_sub(1)).max(loudest(block)).max(loudest(block + 1));
                (start(block)..start(block + 1).min(self.frames), near)
            })
            .collect()
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.entries.len() * ENTRY_BYTES);
        let count = self.blocks() as u32;
        let header =
            Header { magic: MAGIC, channels: self.channels, rate: self.rate, unit: 100, frames: self.frames, count, file_id: self.file_id };
        header.write(&mut out);
        for (square, peak) in &self.entries {
            out.extend_from_slice(&square.to_le_bytes());
            out.extend_from_slice(&peak.to_le_bytes());
        }
        out
    }

    /// Reads the stored form.
    /// # Errors
    /// `Damaged`, `Limit`, `Unsupported`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AudioError> {
        let (header, payload) = Header::read(bytes, MAGIC)?;
        if header.unit != 100 || payload.len() as u64 != u64::from(header.count) * u64::from(header.channels) * ENTRY_BYTES as u64 {
            return Err(AudioError::damaged("the loudness table has the wrong length"));
        }
        let float = |bytes: [u8; 4]| f32::from_le_bytes(bytes);
        let entries: Vec<(f32, f32)> =
            payload.as_chunks::<8>().0.iter().map(|[a, b, c, d, e, f, g, h]| (float([*a, *b, *c, *d]), float([*e, *f, *g, *h]))).collect();
        if entries.iter().any(|(square, peak)| !(square.is_finite() && peak.is_finite() && *square >= 0.0)) {
            return Err(AudioError::damaged("the loudness table holds values that are no levels"));
        }
        Ok(LoudnessTable { rate: header.rate, channels: header.channels, frames: header.frames, entries, file_id: header.file_id })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn loudness_of(power: f64) -> f64 {
    -0.691 + 10.0 * power.max(1e-30).log10()
}

fn power_of(loudness: f64) -> f64 {
    power_ratio(loudness + 0.691)
}

fn power_ratio(decibels: f64) -> f64 {
    10_f64.powf(decibels / 10.0)
}

/// Weight of a channel in a file with `channels` channels in WAVE order: surrounds +1.5 dB, no LFE.
fn channel_weight(channel: usize, channels: usize) -> f64 {
    const SURROUND: f64 = 1.41;
    match (channels, channel) {
        (4, 2 | 3) | (5, 3 | 4) => SURROUND,
        (6.., 3) => 0.0,
        (6.., 4..) => SURROUND,
        _ => 1.0,
    }
}

/// Fills a [`LoudnessTable`] from frames in order.
pub struct LoudnessMeter {
    rate: u32,
    channels: u16,
    frames: u64,
    filters: Vec<KWeight>,
    sums: Vec<f64>,
    peaks: Vec<f32>,
    block: u64,
    entries: Vec<(f32, f32)>,
}

impl LoudnessMeter {
    /// Starts an empty table.
    pub fn new(rate: u32, channels: u16) -> Self {
        let count = usize::from(channels);
        let filters = vec![KWeight::new(rate); count.div_ceil(LANES)];
        LoudnessMeter { rate, channels, frames: 0, filters, sums: vec![0.0; count], peaks: vec![0.0; count], block: 0, entries: Vec::new() }
    }

    /// Adds frames, one vector per channel.
    pub fn update(&mut self, planes: &[Vec<f32>]) {
        let length = planes.first().map_or(0, Vec::len);
        let mut at = 0;
        while at < length {
            let end = LoudnessTable::block_start(self.rate, self.block + 1);
            let take = (length - at).min((end - self.frames) as usize);
            for (pair, filter) in self.filters.iter_mut().enumerate() {
                let left = pair * LANES;
                let right = planes.get(left + 1).map(|plane| &plane[at..at + take]);
                let energy = filter.energy(&planes[left][at..at + take], right);
                for (sum, energy) in self.sums[left..].iter_mut().zip(energy) {
                    *sum += energy;
                }
            }
            for (peak, plane) in self.peaks.iter_mut().zip(planes) {
                *peak = peak.max(loudest(&plane[at..at + take]));
            }
            at += take;
            self.frames += take as u64;
            if self.frames == end {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let length = self.frames - LoudnessTable::block_start(self.rate, self.block);
        for (sum, peak) in self.sums.iter_mut().zip(&mut self.peaks) {
            self.entries.push(((*sum / length.max(1) as f64) as f32, *peak));
            *sum = 0.0;
            *peak = 0.0;
        }
        self.block += 1;
    }

    /// Closes the last block.
    pub fn finish(mut self) -> LoudnessTable {
        if self.frames > LoudnessTable::block_start(self.rate, self.block) {
            self.close();
        }
        LoudnessTable { rate: self.rate, channels: self.channels, frames: self.frames, entries: self.entries, file_id: [0; 32] }
    }
}
