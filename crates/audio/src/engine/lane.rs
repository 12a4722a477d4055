//! One loaded version: where its frames lie on the timeline, and the thread that makes its chunks.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::analysis::loudness::LoudnessTable;
use crate::decode::{AudioInfo, Decoder};
use crate::downmix::Downmix;
use crate::engine::chunk::{CHUNK_FRAMES, Chunk};
use crate::engine::control::Message;
use crate::error::AudioError;
use crate::resample::Resampler;

/// Frames decoded at a time.
const READ_FRAMES: usize = 16_384;
/// Frames kept of the last read, so that the overlap of a resampled lane needs no seek.
const KEEP_FRAMES: usize = 8_192;

/// A version to load into a lane.
#[derive(Clone, Debug)]
pub struct LaneSource {
    /// The file.
    pub path: PathBuf,
    /// Lane frames before timeline frame 0: positive skips the start of the file, negative delays it.
    pub offset_frames: i64,
    /// The file's loudness table (of a preview: its original's); measured in the background when absent.
    pub table: Option<LoudnessTable>,
    /// The file is a preview of the version.
    pub is_preview: bool,
}

/// How a lane's frames lie on the timeline.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) lane_rate: u32,
    pub(super) timeline_rate: u32,
    pub(super) offset: i64,
    pub(super) lane_frames: u64,
}

impl Placement {
    /// The lane frame at or before timeline frame `frame`; may lie outside the file.
    pub(super) fn lane_frame(&self, frame: u64) -> i64 {
        let exact = i128::from(frame) * i128::from(self.lane_rate) / i128::from(self.timeline_rate);
        exact as i64 + self.offset
    }

    /// Timeline frames up to the end of the lane.
    pub(super) fn timeline_frames(&self) -> u64 {
        self.timeline_of(self.lane_frames as i64)
    }

    /// First timeline frame at or after lane frame `frame`, 0 for frames before the timeline.
    pub(super) fn timeline_of(&self, frame: i64) -> u64 {
        let lane = i128::from(frame) - i128::from(self.offset);
        let scaled = lane * i128::from(self.timeline_rate);
        let rate = i128::from(self.lane_rate);
        u64::try_from(scaled.div_euclid(rate) + i128::from(scaled.rem_euclid(rate) != 0)).unwrap_or(0)
    }
}

/// Chunks a worker is to make, most urgent first.
#[derive(Default)]
struct Orders {
    wanted: Vec<usize>,
    /// The chunk in work.
    building: Option<usize>,
    stop: bool,
}

/// The thread that decodes one lane.
pub(super) struct LaneWorker {
    orders: Arc<(Mutex<Orders>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl LaneWorker {
    pub(super) fn start(
        lane: usize,
        epoch: u32,
        placement: Placement,
        decoder: Decoder,
        results: Sender<Message>,
    ) -> Result<Self, AudioError> {
        let orders = Arc::new((Mutex::new(Orders::default()), Condvar::new()));
        let theirs = Arc::clone(&orders);
        let mut builder = ChunkBuilder::new(decoder, placement);
        let work = move || {
            while let Some(index) = next_order(&theirs) {
                let chunk = builder.build(index).map(Arc::new);
                if results.send(Message::Built { lane, epoch, index, chunk }).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("lane-{lane}")).spawn(work);
        let thread = thread.map_err(|error| AudioError::Internal { what: format!("starting a thread: {error}") })?;
        Ok(LaneWorker { orders, thread: Some(thread) })
    }

    /// Replaces what is wanted.
    pub(super) fn want(&self, mut wanted: Vec<usize>) {
        let (orders, wake) = &*self.orders;
        let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|index| orders.building != Some(*index));
        orders.wanted = wanted;
        wake.notify_one();
    }
}

impl Drop for LaneWorker {
    fn drop(&mut self) {
        let (orders, wake) = &*self.orders;
        orders.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has nothing left to clean up.
            let _ = thread.join();
        }
    }
}

fn next_order(orders: &(Mutex<Orders>, Condvar)) -> Option<usize> {
    let (lock, wake) = orders;
    let mut orders = lock.lock().unwrap_or_else(PoisonError::into_inner);
    orders.building = None;
    loop {
        if orders.stop {
            return None;
        }
        if !orders.wanted.is_empty() {
            orders.building = Some(orders.wanted.remove(0));
            return orders.building;
        }
        orders = wake.wait(orders).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Makes chunks of one lane.
struct ChunkBuilder {
    reader: LaneReader,
    placement: Placement,
    resampler: Option<Resampler>,
}

impl ChunkBuilder {
    fn new(decoder: Decoder, placement: Placement) -> Self {
        let resampler =
            (placement.lane_rate != placement.timeline_rate).then(|| Resampler::new(placement.lane_rate, placement.timeline_rate));
        ChunkBuilder { reader: LaneReader::new(decoder), placement, resampler }
    }

    fn build(&mut self, index: usize) -> Result<Chunk, AudioError> {
        let from = (index * CHUNK_FRAMES) as u64;
        let to = (from + CHUNK_FRAMES as u64).min(self.placement.timeline_frames()).max(from);
        let Some(resampler) = &self.resampler else {
            let (left, right) = self.reader.range(from as i64 + self.placement.offset, (to - from) as usize)?;
            return Ok(Chunk::new(left, right));
        };
        let output = from as i64..to as i64;
        let needs = resampler.needs(output.clone());
        let (left, right) = self.reader.range(needs.start + self.placement.offset, (needs.end - needs.start) as usize)?;
        let mut out = [Vec::with_capacity(CHUNK_FRAMES), Vec::with_capacity(CHUNK_FRAMES)];
        resampler.process(&left, output.clone(), &mut out[0]);
        resampler.process(&right, output, &mut out[1]);
        let [left, right] = out;
        Ok(Chunk::new(left, right))
    }
}

/// Reads any range of a file as two channels; ranges that follow each other need no seek.
struct LaneReader {
    decoder: Decoder,
    downmix: Downmix,
    position: u64,
    planes: Vec<Vec<f32>>,
    /// The end of the last read: its first frame, and the samples.
    kept: (i64, Vec<f32>, Vec<f32>),
}

impl LaneReader {
    fn new(decoder: Decoder) -> Self {
        let info = decoder.info();
        let downmix = Downmix::new(info.channels, info.channel_mask);
        let planes = vec![Vec::with_capacity(READ_FRAMES); usize::from(info.channels)];
        LaneReader { decoder, downmix, position: 0, planes, kept: (0, Vec::new(), Vec::new()) }
    }

    fn range(&mut self, from: i64, length: usize) -> Result<(Vec<f32>, Vec<f32>), AudioError> {
        let (mut left, mut right) = (Vec::with_capacity(CHUNK_FRAMES), Vec::with_capacity(CHUNK_FRAMES));
        let silence = usize::try_from(-from).unwrap_or(0).min(length);
        left.resize(silence, 0.0);
        right.resize(silence, 0.0);
        let (start, kept_left, kept_right) = &self.kept;
        let wanted = from + silence as i64;
        if wanted >= *start && wanted < *start + kept_left.len() as i64 {
            let at = (wanted - start) as usize;
            let count = (kept_left.len() - at).min(length - silence);
            left.extend_from_slice(&kept_left[at..at + count]);
            right.extend_from_slice(&kept_right[at..at + count]);
        }
        while left.len() < length {
            let next = (from + left.len() as i64) as u64;
            if next != self.position {
                self.decoder.seek(next)?;
                self.position = next;
            }
            self.planes.iter_mut().for_each(Vec::clear);
            let got = self.decoder.read(&mut self.planes, READ_FRAMES.min(length - left.len()))?;
            if got == 0 {
                break;
            }
            self.downmix.mix(&self.planes, &mut left, &mut right);
            self.position += got as u64;
        }
        let keep = left.len().saturating_sub(KEEP_FRAMES);
        self.kept = (from + keep as i64, left[keep..].to_vec(), right[keep..].to_vec());
        left.resize(length, 0.0);
        right.resize(length, 0.0);
        Ok((left, right))
    }
}

/// Opens a lane's file and makes sure its length is known.
pub(super) fn open(source: &LaneSource) -> Result<(Decoder, AudioInfo), AudioError> {
    let mut decoder = Decoder::open(&source.path)?;
    let mut info = decoder.info().clone();
    if info.frames.is_none() {
        let mut planes = vec![Vec::with_capacity(READ_FRAMES); usize::from(info.channels)];
        let mut frames = 0;
        loop {
            planes.iter_mut().for_each(Vec::clear);
            match decoder.read(&mut planes, READ_FRAMES)? {
                0 => break,
                got => frames += got as u64,
            }
        }
        decoder.seek(0)?;
        info.frames = Some(frames);
    }
    Ok((decoder, info))
}
