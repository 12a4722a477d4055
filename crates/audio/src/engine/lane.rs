//! One loaded version: where its frames lie on the timeline, and the thread that makes its chunks.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::analysis::loudness::LoudnessTable;
use crate::cancel::Cancel;
use crate::decode::{AudioInfo, Decoder};
use crate::downmix::Downmix;
use crate::engine::chunk::{CHUNK_FRAMES, Chunk};
use crate::engine::control::Message;
use crate::engine::proxy::{Proxy, ProxyRoom};
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
    /// The table was measured on this very file; of a preview it is then only close to the version's.
    pub table_is_own: bool,
}

impl LaneSource {
    /// The file at `path` from its first frame on, to be measured when it is loaded.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        LaneSource { path: path.into(), offset_frames: 0, offset_fraction: 0.0, table: None, is_preview: false, table_is_own: false }
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
    /// Ends long work.
    cancel: Cancel,
    thread: Option<JoinHandle<()>>,
}

impl LaneWorker {
    pub(super) fn start(
        lane: usize,
        epoch: u32,
        placement: Placement,
        decoder: Decoder,
        room: &ProxyRoom,
        results: Sender<Message>,
    ) -> Result<Self, AudioError> {
        let orders = Arc::new((Mutex::new(Orders::default()), Condvar::new()));
        let theirs = Arc::clone(&orders);
        let cancel = Cancel::default();
        let mut builder = ChunkBuilder::new(decoder, placement, room, cancel.clone());
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
        Ok(LaneWorker { orders, cancel, thread: Some(thread) })
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
        self.cancel.cancel();
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
    fn new(decoder: Decoder, placement: Placement, room: &ProxyRoom, cancel: Cancel) -> Self {
        let plain = placement.lane_rate == placement.timeline_rate && placement.fraction == 0.0;
        let resampler = (!plain).then(|| Resampler::shifted(placement.lane_rate, placement.timeline_rate, placement.fraction));
        let frames = placement.lane_frames;
        ChunkBuilder { reader: LaneReader::start(decoder, frames, room, cancel), placement, resampler }
    }

    /// Whether there is something to do while no chunk is wanted.
    fn has_work(&self) -> bool {
        self.reader.proxy.as_ref().is_some_and(|proxy| !proxy.is_done())
    }

    fn work_ahead(&mut self) {
        if let Some(proxy) = &mut self.reader.proxy
            && let Err(error) = proxy.advance()
        {
            self.reader.drop_proxy(&error);
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
    cancel: Cancel,
    planes: Vec<Vec<f32>>,
    /// The end of the last read: its first frame, and the samples.
    kept: (i64, Vec<f32>, Vec<f32>),
}

impl LaneReader {
    /// A reader of `decoder`, which stands at the start of its `frames` frames.
    fn start(decoder: Decoder, frames: u64, room: &ProxyRoom, cancel: Cancel) -> Self {
        let place = if decoder.info().lossy { room.place(frames) } else { None };
        let info = decoder.info();
        let downmix = Downmix::new(info.channels, info.channel_mask);
        let planes = vec![Vec::with_capacity(READ_FRAMES); usize::from(info.channels)];
        let (path, rate, seeks_exactly) = (decoder.path().to_path_buf(), info.sample_rate, decoder.seeks_directly());
        let (proxy, decoder) = match place {
            Some(place) => (Some(Proxy::start(place, decoder)), None),
            None => (None, Some(decoder)),
        };
        LaneReader { proxy, decoder, path, rate, seeks_exactly, downmix, position: 0, cancel, planes, kept: (0, Vec::new(), Vec::new()) }
    }

    /// Goes on without the proxy: a full disk, say, costs the speed of seeks and nothing else. Whatever is wrong with the file
    /// itself is found out when it is read.
    fn drop_proxy(&mut self, error: &AudioError) {
        tracing::warn!(%error, "a decoded copy cannot be made; playing from the file itself");
        self.proxy = None;
    }

    /// Reads from the proxy, decoding on as far as needed; returns whether it did, or the range is to be read from the file itself.
    fn read_proxy(&mut self, from: u64, length: usize, left: &mut Vec<f32>, right: &mut Vec<f32>) -> bool {
        let Some(proxy) = &mut self.proxy else { return false };
        let (end, rate) = (from + length as u64, u64::from(self.rate));
        if self.seeks_exactly && !proxy.is_done() && end > proxy.ready() + FAR_SECONDS * rate {
            return false;
        }
        let mut done = Ok(());
        while done.is_ok() && proxy.ready() < end && !proxy.is_done() {
            done = self.cancel.check().and_then(|()| proxy.advance());
        }
        match done.and_then(|()| proxy.read(from, length, left, right)) {
            Ok(_) => true,
            Err(error) => {
                self.drop_proxy(&error);
                false
            }
        }
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
            if self.read_proxy(next, length - left.len(), &mut left, &mut right) {
                left.resize(length, 0.0);
                right.resize(length, 0.0);
                return Ok((left, right));
            }
        }
        self.cancel.check()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::proxy::ProxyPlace;
    use crate::wav::{WavDepth, WavWriter};

    const RATE: u32 = 48_000;

    /// A lossy file of 3 s, and its linear decode.
    fn lossy(folder: &std::path::Path) -> (PathBuf, [Vec<f32>; 2]) {
        let (wav, ogg) = (folder.join("x.wav"), folder.join("x.ogg"));
        let tone: Vec<f32> = (0..3 * RATE).map(|frame| (frame as f32 * 0.03).sin() * 0.5 + (frame as f32 * 0.31).sin() * 0.2).collect();
        let mut writer = WavWriter::create(&wav, RATE, 2, WavDepth::Int24).expect("it opens");
        writer.write(&[&tone, &tone]).expect("it writes");
        writer.finish().expect("it closes");
        crate::preview::encode(&wav, &ogg, 1, &Cancel::default()).expect("it encodes");
        let mut decoder = Decoder::open(&ogg).expect("it opens");
        let mut planes = vec![Vec::new(), Vec::new()];
        while decoder.read(&mut planes, 4_096).expect("it decodes") > 0 {}
        let [left, right] = <[Vec<f32>; 2]>::try_from(planes).expect("two channels");
        (ogg, [left, right])
    }

    fn reader(path: &std::path::Path, place: Option<ProxyPlace>, cancel: Cancel) -> LaneReader {
        let decoder = Decoder::open(path).expect("it opens");
        let mut reader = LaneReader::start(Decoder::open(path).expect("it opens"), 3 * u64::from(RATE), &ProxyRoom::new(None, 0), cancel);
        assert!(reader.proxy.is_none(), "there was no room");
        reader.proxy = place.map(|place| Proxy::start(place, decoder));
        reader
    }

    /// Every write to this device says that the disk is full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_a_decoded_copy_and_not_the_music() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, linear) = lossy(folder.path());
        let full = std::fs::File::options().read(true).write(true).open("/dev/full").expect("it opens");
        let place = ProxyPlace::in_file(full, 3 * u64::from(RATE));
        let mut reader = reader(&path, Some(place), Cancel::default());
        for from in [0, CHUNK_FRAMES, 5 * CHUNK_FRAMES, 2 * CHUNK_FRAMES] {
            let (left, right) = reader.range(from as i64, CHUNK_FRAMES).expect("it plays from the file itself");
            assert!(reader.proxy.is_none(), "no second try on a full disk");
            assert_eq!(left, linear[0][from..from + CHUNK_FRAMES], "left from {from}");
            assert_eq!(right, linear[1][from..from + CHUNK_FRAMES], "right from {from}");
        }
    }

    #[test]
    fn a_file_longer_than_it_says_fills_its_place_and_no_more() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, linear) = lossy(folder.path());
        let room = ProxyRoom::new(Some(folder.path().to_path_buf()), 1 << 30);
        let place = room.place(20_000).expect("there is room");
        assert_eq!(room.taken(), 160_000);
        let mut reader = reader(&path, Some(place), Cancel::default());
        let (left, _) = reader.range(10_000, 15_000).expect("it reads");
        assert_eq!(left[..10_000], linear[0][10_000..20_000]);
        assert!(left[10_000..].iter().all(|sample| *sample == 0.0));
        assert!(reader.proxy.as_ref().is_some_and(|proxy| proxy.is_done() && proxy.ready() == 20_000));
        drop(reader);
        assert_eq!(room.taken(), 0);
        assert!(room.place((1 << 27) + 1).is_none() && room.place(u64::MAX).is_none(), "no more than there is");
        assert!(ProxyRoom::new(Some(folder.path().join("none")), 1 << 30).place(1).is_none());
    }

    #[test]
    fn a_lane_that_goes_ends_its_long_work() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, _) = lossy(folder.path());
        let cancel = Cancel::default();
        let place = ProxyRoom::new(None, 1 << 30).place(3 * u64::from(RATE));
        let mut reader = reader(&path, place, cancel.clone());
        cancel.cancel();
        assert!(matches!(reader.range(2 * i64::from(RATE), 1_000), Err(AudioError::Cancelled)));
    }
}
