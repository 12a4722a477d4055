//! The control thread: takes orders, keeps lanes fed, matches levels, looks after the device. It owns all state.

mod stream;

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::analysis::loudness::{LoudnessMeter, LoudnessTable};
use crate::decode::{AudioInfo, Decoder};
use crate::engine::chunk::{CHUNK_FRAMES, Chunk};
use crate::engine::lane::{LaneSource, LaneWorker, Placement};
use crate::engine::link::{Command, Gains, LaneSlots, Link, LoopRange};
use crate::engine::matching::{Match, Side, match_levels};
use crate::engine::output::{FaultSender, Output, StreamInfo, StreamWish};
use crate::engine::proxy::ProxyRoom;
use crate::engine::ramp::Curve;
use crate::engine::state::{Note, PlayerState, Snapshot};
use crate::engine::{EngineOptions, LaneId};
use crate::error::AudioError;
use crate::limits;

/// Memory for chunks, in bytes.
const CHUNK_BUDGET: usize = 256 << 20;
/// Chunks kept ahead of the playhead in the active lane, and in the others: 5.5 s and 2.7 s at 48 kHz.
const AHEAD: (usize, usize) = (16, 8);
/// Chunks of a loop that are kept in memory per lane: 22 s at 48 kHz.
const PINNED_LOOP_CHUNKS: usize = 64;
/// Length of a flip or a volume change, in milliseconds.
const RAMP_MS: u32 = 8;
/// How often the thread looks around while playing, and while idle.
const TICK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));
/// Correlation from which two versions count as the same music.
const SAME_MUSIC: f64 = 0.8;
/// The timeline's rate while there is no device.
const DEFAULT_RATE: u32 = 48_000;

/// Orders and results for the control thread.
pub(super) enum Message {
    Load {
        lane: usize,
        source: Box<LaneSource>,
        decoder: Box<Decoder>,
        info: Box<AudioInfo>,
    },
    Unload(usize),
    Retire(usize),
    /// Play; `told` is the note whoever orders it can know of.
    Play {
        told: Option<Note>,
    },
    Pause,
    SeekFrames(u64),
    SeekSeconds(f64),
    Active(usize),
    LevelMatch(bool),
    Volume(f32),
    Loop(Option<LoopRange>),
    LoopSeconds(Option<(f64, f64)>),
    Similarity(Option<f64>),
    Null(Option<(usize, usize, f32)>),
    Device(Option<String>),
    /// Whether the wished device is there, after a look for it.
    Looked(bool),
    Built {
        lane: usize,
        epoch: u32,
        index: usize,
        chunk: Result<Arc<Chunk>, AudioError>,
    },
    Measured {
        lane: usize,
        epoch: u32,
        table: LoudnessTable,
    },
    Settle(Sender<()>),
    Stop,
}

struct Lane {
    source: LaneSource,
    placement: Placement,
    epoch: u32,
    worker: LaneWorker,
    in_work: Vec<usize>,
    gain_db: f64,
}

/// A lane on its way out.
#[derive(Clone, Copy)]
struct Retiring {
    lane: usize,
    /// Commands that must be applied before silence counts, and the frames rendered when they were first seen to be.
    sent: u64,
    since: Option<u64>,
}

struct Resident {
    chunk: Arc<Chunk>,
    used: u64,
}

/// Everything the control thread knows.
pub(super) struct Control {
    inbox: Receiver<Message>,
    results: Sender<Message>,
    snapshot: Arc<Mutex<Snapshot>>,
    output: Box<dyn Output + Send>,
    faults: FaultSender,
    wish: StreamWish,
    stream: Option<StreamInfo>,
    /// Name of the device whose stream was closed for want of use.
    resting: Option<String>,
    idle_limit: Duration,
    proxies: ProxyRoom,
    link: Option<Link>,
    rate: u32,
    lanes: [Option<Lane>; limits::MAX_LANES],
    resident: HashMap<(usize, usize), Resident>,
    clock: u64,
    next_epoch: u32,
    active: usize,
    playing: bool,
    position: u64,
    duration: u64,
    /// The loop as it was asked for, and the part of it that lies on the timeline.
    wished_loop: Option<LoopRange>,
    looping: Option<LoopRange>,
    /// Lanes that go once they are no longer heard.
    retiring: Vec<Retiring>,
    level_match: bool,
    volume: f32,
    similarity: Option<f64>,
    null: Option<(usize, usize, f32)>,
    note: Option<Note>,
    settling: Vec<Sender<()>>,
    finished_seen: u64,
    device: DeviceWatch,
    /// Matching found nothing it could measure on both sides.
    nothing_to_match: bool,
}

/// What is known about the health of the stream.
struct DeviceWatch {
    rendered: u64,
    changed: Instant,
    retry_at: Option<Instant>,
    attempts: usize,
    opened: Instant,
    used: Instant,
    /// When to look for the wished device while another one stands in for it; absent when none does, or while a look is under way.
    look_at: Option<Instant>,
    standing_in: bool,
}

impl Control {
    pub(super) fn new(
        inbox: Receiver<Message>,
        results: Sender<Message>,
        snapshot: Arc<Mutex<Snapshot>>,
        output: Box<dyn Output + Send>,
        options: EngineOptions,
    ) -> Self {
        let now = Instant::now();
        Control {
            inbox,
            results,
            snapshot,
            output,
            faults: FaultSender::default(),
            wish: StreamWish { device: options.device, ..StreamWish::default() },
            stream: None,
            resting: None,
            idle_limit: options.idle_limit,
            proxies: ProxyRoom::new(options.proxy_folder, options.proxy_bytes),
            link: None,
            rate: DEFAULT_RATE,
            lanes: std::array::from_fn(|_| None),
            resident: HashMap::new(),
            clock: 0,
            next_epoch: 1,
            active: 0,
            playing: false,
            position: 0,
            duration: 0,
            wished_loop: None,
            looping: None,
            retiring: Vec::new(),
            level_match: true,
            volume: 1.0,
            similarity: None,
            null: None,
            note: None,
            settling: Vec::new(),
            finished_seen: 0,
            device: DeviceWatch {
                rendered: 0,
                changed: now,
                retry_at: None,
                attempts: 0,
                opened: now,
                used: now,
                look_at: None,
                standing_in: false,
            },
            nothing_to_match: false,
        }
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        self.open_stream();
        self.publish();
        loop {
            let tick = if self.playing || !self.settling.is_empty() { TICK.0 } else { TICK.1 };
            match self.inbox.recv_timeout(tick) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(message) => {
                    let mut next = Some(message);
                    while let Some(message) = next {
                        if matches!(message, Message::Stop) {
                            self.output.close();
                            return;
                        }
                        self.handle(message);
                        next = self.inbox.try_recv().ok();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.look_around();
        }
        self.output.close();
    }

    fn look_around(&mut self) {
        self.follow_playhead();
        self.watch_device();
        self.retire_silent();
        if let Some(link) = &mut self.link {
            link.collect();
            link.flush();
        }
        let busy = self.feed();
        self.evict();
        self.publish();
        if !busy && self.link.as_ref().is_none_or(|link| link.waiting.is_empty()) {
            // Nobody is left to tell when the receiver went away.
            for reply in self.settling.drain(..) {
                let _ = reply.send(());
            }
        }
    }

    fn send(&mut self, command: Command) {
        if let Some(link) = &mut self.link {
            link.send(command);
        }
    }

    fn handle(&mut self, message: Message) {
        self.follow_playhead();
        match message {
            Message::Load { lane, source, decoder, info } => self.load(lane, *source, *decoder, *info),
            Message::Unload(lane) => self.unload(lane),
            Message::Retire(lane) => self.retire(lane),
            Message::Play { told } => self.play(told),
            Message::Pause => {
                self.playing = false;
                self.send(Command::Pause);
            }
            Message::SeekFrames(frame) => self.seek(frame),
            Message::SeekSeconds(seconds) => self.seek((seconds.max(0.0) * f64::from(self.rate)).round() as u64),
            Message::Active(lane) => {
                self.active = lane;
                self.send_gains();
            }
            Message::LevelMatch(on) => {
                self.level_match = on;
                self.send_gains();
            }
            Message::Volume(volume) => {
                self.volume = volume;
                self.send_gains();
            }
            Message::Similarity(similarity) => self.similarity = similarity,
            Message::Null(null) => {
                self.null = null;
                self.send_gains();
            }
            Message::Loop(range) => self.set_loop(range),
            Message::LoopSeconds(range) => {
                let frame = |seconds: f64| (seconds.max(0.0) * f64::from(self.rate)).round() as u64;
                self.set_loop(range.map(|(from, to)| LoopRange { start: frame(from), end: frame(to) }));
            }
            Message::Device(device) => {
                self.wish.device = device;
                self.note = None;
                self.device.standing_in = false;
                self.rebuild_stream();
            }
            Message::Looked(found) => self.looked(found),
            Message::Built { lane, epoch, index, chunk } => self.built(lane, epoch, index, chunk),
            Message::Measured { lane, epoch, table } => {
                if let Some(lane) = self.lanes.get_mut(lane).and_then(Option::as_mut).filter(|lane| lane.epoch == epoch) {
                    lane.source.table_is_own |= lane.source.table.is_none();
                    lane.source.table.get_or_insert(table);
                    self.send_gains();
                }
            }
            Message::Settle(reply) => self.settling.push(reply),
            Message::Stop => {}
        }
    }

    /// Takes over what the core did by itself: moving on, and stopping at the end.
    fn follow_playhead(&mut self) {
        let Some(link) = &self.link else { return };
        let playhead = link.playhead();
        if playhead.applied() < link.sent {
            return;
        }
        self.position = playhead.position();
        let finished = playhead.finished();
        if finished != self.finished_seen {
            self.finished_seen = finished;
            self.playing = playhead.playing();
        }
    }

    fn play(&mut self, told: Option<Note>) {
        if self.duration == 0 {
            return;
        }
        if self.link.is_none() {
            self.device.attempts = 0;
            self.open_stream();
        }
        if self.note == Some(Note::StandIn) && told != Some(Note::StandIn) {
            // Nobody knew yet that it would not be the chosen device.
            return;
        }
        if self.position >= self.duration {
            self.seek(0);
        }
        if self.link.is_none() {
            return;
        }
        self.playing = true;
        self.device.changed = Instant::now();
        self.device.used = self.device.changed;
        self.note = None;
        self.send(Command::Play);
    }

    fn seek(&mut self, frame: u64) {
        self.position = frame.min(self.duration);
        self.send(Command::Seek(self.position));
    }

    fn set_loop(&mut self, range: Option<LoopRange>) {
        self.wished_loop = range;
        self.apply_loop();
    }

    /// The part of the wished loop that lies on the timeline.
    fn loop_here(&self) -> Option<LoopRange> {
        let range = self.wished_loop.map(|range| LoopRange { start: range.start, end: range.end.min(self.duration) });
        range.filter(|range| range.start < range.end)
    }

    fn apply_loop(&mut self) {
        self.looping = self.loop_here();
        let looping = self.looping;
        self.send(Command::Loop(looping));
        if let Some(range) = looping.filter(|range| self.playing && self.position >= range.end) {
            self.seek(range.start);
        }
        self.send_gains();
    }

    fn load(&mut self, number: usize, source: LaneSource, decoder: Decoder, info: AudioInfo) {
        self.forget(number);
        let placement = Placement {
            lane_rate: info.sample_rate,
            timeline_rate: self.rate,
            offset: source.offset_frames,
            fraction: source.offset_fraction,
            lane_frames: info.frames.unwrap_or(0),
        };
        let epoch = self.next_epoch;
        self.next_epoch = self.next_epoch.wrapping_add(1);
        match LaneWorker::start(number, epoch, placement.clone(), decoder, &self.proxies, self.results.clone()) {
            Ok(worker) => {
                if source.table.is_none() {
                    self.measure(number, epoch, &source);
                }
                self.lanes[number] = Some(Lane { source, placement, epoch, worker, in_work: Vec::new(), gain_db: 0.0 });
            }
            Err(error) => tracing::error!(%error, "a lane could not be started"),
        }
        if self.link.is_none() && self.device.retry_at.is_none() {
            self.open_stream();
        }
        self.send_lane(number);
        self.lanes_changed();
    }

    /// Measures a file without a table on its own thread.
    fn measure(&self, lane: usize, epoch: u32, source: &LaneSource) {
        let (path, results) = (source.path.clone(), self.results.clone());
        let work = move || match measure_file(&path) {
            // The engine may be gone by now.
            Ok(table) => drop(results.send(Message::Measured { lane, epoch, table })),
            Err(error) => tracing::warn!(%error, "a lane's loudness could not be measured"),
        };
        if let Err(error) = std::thread::Builder::new().name("loudness".to_owned()).spawn(work) {
            tracing::error!(%error, "no thread for measuring loudness");
        }
    }

    fn unload(&mut self, lane: usize) {
        self.forget(lane);
        self.send(Command::Lane { lane, slots: None });
        self.lanes_changed();
    }

    /// Lets a lane go once the core no longer hears it, or fades away from it.
    fn retire(&mut self, lane: usize) {
        if self.lanes[lane].is_none() {
            return;
        }
        self.retiring.retain(|other| other.lane != lane);
        self.retiring.push(Retiring { lane, sent: 0, since: None });
        self.send_gains();
        self.mark_retiring(lane);
    }

    /// From the commands sent so far on, silence of the lane is for good.
    fn mark_retiring(&mut self, lane: usize) {
        let sent = self.link.as_ref().map_or(0, |link| link.sent);
        let marked = self.retiring.iter_mut().filter(|retiring| retiring.lane == lane);
        marked.for_each(|retiring| (retiring.sent, retiring.since) = (sent, None));
    }

    fn retire_silent(&mut self) {
        let Some(link) = &self.link else {
            self.retiring.clone().into_iter().for_each(|retiring| self.unload(retiring.lane));
            return;
        };
        let playhead = Arc::clone(link.playhead());
        for retiring in &mut self.retiring {
            if retiring.since.is_none() && playhead.applied() >= retiring.sent {
                retiring.since = Some(playhead.rendered());
            }
        }
        // Only a block that ended after that tells what is heard from then on.
        let rendered = playhead.rendered();
        let silent = |retiring: &Retiring| retiring.since.is_some_and(|since| rendered > since) && !playhead.hears(retiring.lane);
        for retiring in self.retiring.clone().into_iter().filter(silent) {
            self.unload(retiring.lane);
        }
    }

    fn forget(&mut self, lane: usize) {
        self.retiring.retain(|other| other.lane != lane);
        self.lanes[lane] = None;
        self.resident.retain(|(owner, _), _| *owner != lane);
    }

    fn lanes_changed(&mut self) {
        self.duration = self.lanes.iter().flatten().map(|lane| lane.placement.timeline_frames()).max().unwrap_or(0);
        let duration = self.duration;
        self.send(Command::Duration(duration));
        if duration == 0 {
            self.playing = false;
        }
        if self.loop_here() != self.looping {
            self.apply_loop();
        }
        self.send_gains();
    }

    fn send_lane(&mut self, number: usize) {
        let slots = self.lanes[number].as_ref().map(|lane| Box::new(LaneSlots::new(lane.epoch, lane.placement.timeline_frames())));
        self.send(Command::Lane { lane: number, slots });
    }

    fn built(&mut self, number: usize, epoch: u32, index: usize, chunk: Result<Arc<Chunk>, AudioError>) {
        let Some(lane) = self.lanes[number].as_mut().filter(|lane| lane.epoch == epoch) else { return };
        lane.in_work.retain(|other| *other != index);
        let chunk = chunk.unwrap_or_else(|error| {
            // The music goes on in silence rather than stopping for good.
            tracing::warn!(%error, lane = number, chunk = index, "a piece of a lane could not be decoded");
            self.note = Some(Note::LaneDamaged);
            Arc::new(Chunk::new(Vec::new(), Vec::new()))
        });
        self.clock += 1;
        self.resident.insert((number, index), Resident { chunk: Arc::clone(&chunk), used: self.clock });
        self.send(Command::Chunk { lane: number, epoch, index, chunk: Some(chunk) });
    }

    /// Computes every lane's gain and sends them; a flip is nothing else.
    fn send_gains(&mut self) {
        self.match_gains();
        let mut targets = [0.0_f32; limits::MAX_LANES];
        let linear = |db: f64| 10_f64.powf(db / 20.0) as f32;
        match self.null {
            Some((plus, minus, gain)) => {
                // Matched levels first, or all that is heard is that one side is louder.
                let matched = |lane: usize| self.lanes[lane].as_ref().filter(|_| self.level_match).map_or(1.0, |lane| linear(lane.gain_db));
                targets[plus] = self.volume * matched(plus);
                targets[minus] = -self.volume * matched(minus) * gain;
            }
            None => {
                let gain_db = self.lanes[self.active].as_ref().map_or(0.0, |lane| lane.gain_db);
                targets[self.active] = self.volume * if self.level_match { linear(gain_db) } else { 1.0 };
            }
        }
        let curve = if self.similarity.is_none_or(|value| value >= SAME_MUSIC) { Curve::EqualGain } else { Curve::EqualPower };
        let ramp_frames = self.rate * RAMP_MS / 1_000;
        self.send(Command::Gains(Box::new(Gains { targets, ramp_frames, curve })));
    }

    fn is_retiring(&self, lane: usize) -> bool {
        self.retiring.iter().any(|retiring| retiring.lane == lane)
    }

    fn match_gains(&mut self) {
        let sides: Vec<(usize, Side<'_>)> = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(number, _)| !self.is_retiring(*number))
            .filter_map(|(number, lane)| {
                let lane = lane.as_ref()?;
                Some((number, Side { placement: &lane.placement, table: lane.source.table.as_ref()? }))
            })
            .collect();
        let numbers: Vec<usize> = sides.iter().map(|(number, _)| *number).collect();
        let sides: Vec<Side<'_>> = sides.into_iter().map(|(_, side)| side).collect();
        let mut gains = vec![0.0; sides.len()];
        let staying = self.lanes.iter().enumerate().filter(|(number, lane)| lane.is_some() && !self.is_retiring(*number)).count();
        let all_measured = numbers.len() == staying;
        let outcome = if all_measured { match_levels(&sides, self.looping, &mut gains) } else { Match::Nothing };
        self.nothing_to_match = all_measured && numbers.len() > 1 && outcome == Match::Nothing;
        match outcome {
            Match::Keep => {}
            Match::Nothing => self.lanes.iter_mut().flatten().for_each(|lane| lane.gain_db = 0.0),
            Match::Gains => {
                for (number, gain) in numbers.into_iter().zip(gains) {
                    if let Some(lane) = &mut self.lanes[number] {
                        lane.gain_db = gain;
                    }
                }
            }
        }
    }

    /// Chunks a lane should have, most urgent first.
    fn wanted(&self, number: usize, lane: &Lane) -> Vec<usize> {
        let count = (lane.placement.timeline_frames() as usize).div_ceil(CHUNK_FRAMES);
        let here = (self.position / CHUNK_FRAMES as u64) as usize;
        let ahead = if number == self.active { AHEAD.0 } else { AHEAD.1 };
        let mut wanted: Vec<usize> = (here..=here + ahead).collect();
        if let Some(range) = self.looping {
            // The loop's start, and the few milliseconds before it that its end fades into.
            let before = range.start.saturating_sub(u64::from(self.rate / 100));
            for frame in [range.start, before, range.start + CHUNK_FRAMES as u64] {
                wanted.insert(1.min(wanted.len()), (frame / CHUNK_FRAMES as u64) as usize);
            }
            // A loop of ordinary length stays whole in memory.
            let inside = (range.start / CHUNK_FRAMES as u64) as usize..=((range.end - 1) / CHUNK_FRAMES as u64) as usize;
            wanted.extend(inside.take(PINNED_LOOP_CHUNKS));
        }
        wanted.push(0);
        let mut seen = Vec::with_capacity(wanted.len());
        wanted.retain(|index| {
            *index < count && !seen.contains(index) && {
                seen.push(*index);
                true
            }
        });
        wanted
    }

    /// Orders the chunks that are missing; returns whether any is.
    fn feed(&mut self) -> bool {
        self.clock += 1;
        let mut busy = false;
        for number in 0..self.lanes.len() {
            let Some(lane) = &self.lanes[number] else { continue };
            let wanted = self.wanted(number, lane);
            let mut missing = Vec::new();
            for index in wanted {
                match self.resident.get_mut(&(number, index)) {
                    Some(resident) => resident.used = self.clock,
                    None => missing.push(index),
                }
            }
            busy |= !missing.is_empty();
            let Some(lane) = &mut self.lanes[number] else { continue };
            if lane.in_work != missing {
                lane.worker.want(missing.clone());
                lane.in_work = missing;
            }
        }
        busy
    }

    /// Keeps memory within its budget; what is wanted now is never dropped.
    fn evict(&mut self) {
        let most = CHUNK_BUDGET / Chunk::BYTES;
        while self.resident.len() > most {
            let Some((key, used)) = self.resident.iter().map(|(key, resident)| (*key, resident.used)).min_by_key(|(_, used)| *used) else {
                break;
            };
            if used == self.clock {
                break;
            }
            self.resident.remove(&key);
            if let Some(lane) = &self.lanes[key.0] {
                let epoch = lane.epoch;
                self.send(Command::Chunk { lane: key.0, epoch, index: key.1, chunk: None });
            }
        }
    }

    fn publish(&self) {
        let lanes = || self.lanes.iter().enumerate().filter_map(|(number, lane)| Some((LaneId(number as u8), lane.as_ref()?)));
        let state = PlayerState {
            playing: self.playing,
            position_frames: self.position,
            rate: self.rate,
            duration_frames: self.duration,
            active: LaneId(self.active as u8),
            stalled: false,
            stalls: 0,
            device: self.stream.as_ref().map(|stream| stream.device.clone()).or_else(|| self.resting.clone()),
            note: self.note,
            looping: self.looping.map(|range| (range.start, range.end)),
            level_match: self.level_match,
            nothing_to_match: self.nothing_to_match,
            lane_gains_db: lanes().map(|(id, lane)| (id, if self.level_match { lane.gain_db } else { 0.0 })).collect(),
            approximate: lanes().filter(|(_, lane)| is_approximate(lane)).map(|(id, _)| id).collect(),
            volume: self.volume,
            xruns: self.faults.xruns(),
            overs: self.faults.overs(),
            chunk_bytes: (self.resident.len() * Chunk::BYTES) as u64,
            proxy_bytes: self.proxies.taken(),
        };
        let mut snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.state = state;
        snapshot.playhead = self.link.as_ref().map(|link| Arc::clone(link.playhead()));
        snapshot.sent = self.link.as_ref().map_or(0, |link| link.sent);
        snapshot.latency_frames = self.stream.as_ref().map_or(0, |stream| stream.latency_frames);
    }
}

/// A preview measured by itself instead of through its original's table.
fn is_approximate(lane: &Lane) -> bool {
    lane.source.is_preview && (lane.source.table.is_none() || lane.source.table_is_own)
}

fn measure_file(path: &std::path::Path) -> Result<LoudnessTable, AudioError> {
    let mut decoder = Decoder::open(path)?;
    let mut meter = LoudnessMeter::new(decoder.info().sample_rate, decoder.info().channels);
    let mut planes = vec![Vec::new(); usize::from(decoder.info().channels)];
    loop {
        planes.iter_mut().for_each(Vec::clear);
        if decoder.read(&mut planes, 16_384)? == 0 {
            return Ok(meter.finish());
        }
        meter.update(&planes);
    }
}
