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
use crate::engine::proxy::Proxy;
use crate::error::AudioError;
use crate::resample::Resampler;

/// Frames decoded at a time.
const READ_FRAMES: usize = 16_384;
/// Frames kept of the last read, so that the overlap of a resampled lane needs no seek.
const KEEP_FRAMES: usize = 8_192;

/// Further ahead of a growing proxy than this, formats that seek exactly are read from the file itself.
const FAR_SECONDS: u64 = 20;

/// A version to load into a lane.
#[derive(Clone, Debug)]
pub struct LaneSource {
    /// The file.
    pub path: PathBuf,
    /// Lane frames before timeline frame 0: positive skips the start of the file, negative delays it.
    pub offset_frames: i64,
    /// A fraction of a lane frame more, from 0 up to 1, applied when chunks are made; 0 plays the file's own samples.
    pub offset_fraction: f64,
    /// The file's loudness table (of a preview: its original's); measured in the background when absent.
    pub table: Option<LoudnessTable>,
    /// The file is a preview of the version.
    pub is_preview: bool,
}

impl LaneSource {
    /// The file at `path` from its first frame on, to be measured when it is loaded.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        LaneSource { path: path.into(), offset_frames: 0, offset_fraction: 0.0, table: None, is_preview: false }
    }

    /// The same, `frames` lane frames later (or, below 0, earlier) in the file; fractions are kept.
    #[must_use]
    pub fn from_frame(self, frames: f64) -> Self {
        let whole = if frames.is_finite() { frames.floor() } else { 0.0 };
        LaneSource { offset_frames: whole as i64, offset_fraction: if frames.is_finite() { frames - whole } else { 0.0 }, ..self }
    }
}

/// How a lane's frames lie on the timeline.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) lane_rate: u32,
    pub(super) timeline_rate: u32,
    pub(super) offset: i64,
    /// A fraction of a lane frame, from 0 up to 1.
    pub(super) fraction: f64,
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
            while let Some(order) = next_order(&theirs, builder.has_work()) {
                let Order::Chunk(index) = order else {
                    builder.work_ahead();
                    continue;
                };
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

/// What a worker does next.
enum Order {
    /// Make a chunk.
    Chunk(usize),
    /// Nothing is wanted: work ahead.
    Ahead,
}

/// The next order; `None` to stop. Waits for one unless there is work of its own to do.
fn next_order(orders: &(Mutex<Orders>, Condvar), has_work: bool) -> Option<Order> {
    let (lock, wake) = orders;
    let mut orders = lock.lock().unwrap_or_else(PoisonError::into_inner);
    orders.building = None;
    loop {
        if orders.stop {
            return None;
        }
        if !orders.wanted.is_empty() {
            let index = orders.wanted.remove(0);
            orders.building = Some(index);
            return Some(Order::Chunk(index));
        }
        if has_work {
            return Some(Order::Ahead);
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
        let plain = placement.lane_rate == placement.timeline_rate && placement.fraction == 0.0;
        let resampler = (!plain).then(|| Resampler::shifted(placement.lane_rate, placement.timeline_rate, placement.fraction));
        ChunkBuilder { reader: LaneReader::start(decoder), placement, resampler }
    }

    /// Whether there is something to do while no chunk is wanted.
    fn has_work(&self) -> bool {
        self.reader.proxy.as_ref().is_some_and(|proxy| !proxy.is_done())
    }

    fn work_ahead(&mut self) {
        if let Some(proxy) = &mut self.reader.proxy
            && let Err(error) = proxy.advance()
        {
            tracing::warn!(%error, "a decoded copy cannot be made; playing from the file itself");
            self.reader.drop_proxy();
        }
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
    /// The decoded copy of a lossy file; its decoder runs front to back.
    proxy: Option<Proxy>,
    /// Reads the file itself: lossless files, and far ahead of a proxy that is still being made.
    decoder: Option<Decoder>,
    path: PathBuf,
    rate: u32,
    /// Seeking the file gives the samples of a linear decode.
    seeks_exactly: bool,
    downmix: Downmix,
    position: u64,
    planes: Vec<Vec<f32>>,
    /// The end of the last read: its first frame, and the samples.
    kept: (i64, Vec<f32>, Vec<f32>),
}

impl LaneReader {
    fn start(decoder: Decoder) -> Self {
        let info = decoder.info();
        let downmix = Downmix::new(info.channels, info.channel_mask);
        let planes = vec![Vec::with_capacity(READ_FRAMES); usize::from(info.channels)];
        let (path, rate, seeks_exactly) = (decoder.path().to_path_buf(), info.sample_rate, decoder.seeks_directly());
        let room = if info.lossy { Proxy::room(info.frames) } else { None };
        let (proxy, decoder) = match room {
            Some(file) => (Some(Proxy::start(file, decoder)), None),
            None => (None, Some(decoder)),
        };
        LaneReader { proxy, decoder, path, rate, seeks_exactly, downmix, position: 0, planes, kept: (0, Vec::new(), Vec::new()) }
    }

    fn drop_proxy(&mut self) {
        self.proxy = None;
    }

    /// Reads from the proxy, decoding on as far as needed; `None` when the range is better read from the file itself.
    fn read_proxy(&mut self, from: u64, length: usize, left: &mut Vec<f32>, right: &mut Vec<f32>) -> Result<Option<()>, AudioError> {
        let Some(proxy) = &mut self.proxy else { return Ok(None) };
        let (end, rate) = (from + length as u64, u64::from(self.rate));
        if self.seeks_exactly && !proxy.is_done() && end > proxy.ready() + FAR_SECONDS * rate {
            return Ok(None);
        }
        while proxy.ready() < end && !proxy.is_done() {
            proxy.advance()?;
        }
        proxy.read(from, length, left, right)?;
        Ok(Some(()))
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
        if self.proxy.is_some() && left.len() < length {
            let next = (from + left.len() as i64) as u64;
            if self.read_proxy(next, length - left.len(), &mut left, &mut right)?.is_some() {
                left.resize(length, 0.0);
                right.resize(length, 0.0);
                return Ok((left, right));
            }
        }
        while left.len() < length {
            let next = (from + left.len() as i64) as u64;
            let decoder = match &mut self.decoder {
                Some(decoder) => decoder,
                None => {
                    self.position = 0;
                    self.decoder.insert(Decoder::open(&self.path)?)
                }
            };
            if next != self.position {
                decoder.seek(next)?;
                self.position = next;
            }
            self.planes.iter_mut().for_each(Vec::clear);
            let got = decoder.read(&mut self.planes, READ_FRAMES.min(length - left.len()))?;
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
