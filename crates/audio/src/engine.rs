//! Playing versions: one playhead over several lanes, flips at the same frame, matched levels, loops.
//!
//! [`Engine`] is the handle; it only sends orders to a control thread. That thread feeds the [`core::RenderCore`], which an
//! [`output::Output`] runs: a sound card, or [`offline::OfflineOutput`] for tests and renders.

pub mod chunk;
pub mod core;
#[cfg(feature = "playback")]
pub mod device;
pub mod link;
pub mod offline;
pub mod output;
pub mod ramp;
pub mod render;

mod control;
mod lane;
mod matching;
mod proxy;
mod state;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::decode::AudioInfo;
use crate::engine::control::{Control, Message};
use crate::engine::link::LoopRange;
use crate::engine::output::Output;
use crate::engine::state::Snapshot;
use crate::error::AudioError;
use crate::limits;

pub use lane::LaneSource;
pub use state::{Note, PlayerState};

/// Number of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LaneId(pub u8);

impl LaneId {
    /// The first comparison slot.
    pub const A: LaneId = LaneId(0);
    /// The second one.
    pub const B: LaneId = LaneId(1);

    fn index(self) -> Result<usize, AudioError> {
        let index = usize::from(self.0);
        if index < limits::MAX_LANES {
            Ok(index)
        } else {
            Err(AudioError::Limit { what: "the number of the lane", found: index as u64, limit: limits::MAX_LANES as u64 - 1 })
        }
    }
}

/// How long [`Engine::settle`] waits at most.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// What an engine may use, and for how long.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The device to begin with, by name; `None` is the default one.
    pub device: Option<String>,
    /// Where decoded copies of lossy files are made; `None` is the system's folder for temporary files, which may lie in memory.
    pub proxy_folder: Option<PathBuf>,
    /// Bytes all decoded copies may take together. A lossy version beyond that is read from its file, with slower seeks.
    pub proxy_bytes: u64,
    /// How long an output stays open without being used.
    pub idle_limit: Duration,
}

impl Default for EngineOptions {
    /// The default device, the system's temporary folder, [`limits::MAX_PROXY_BYTES`], 30 s.
    fn default() -> Self {
        EngineOptions { device: None, proxy_folder: None, proxy_bytes: limits::MAX_PROXY_BYTES, idle_limit: Duration::from_secs(30) }
    }
}

/// The handle of a running engine. Methods send orders and return at once unless they say otherwise.
pub struct Engine {
    orders: Mutex<Sender<Message>>,
    snapshot: Arc<Mutex<Snapshot>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Starts an engine on `output`. Without a sound card it starts all the same, says so in its state, and keeps trying.
    /// # Errors
    /// `Internal` when no thread can be started.
    pub fn start(output: Box<dyn Output + Send>) -> Result<Engine, AudioError> {
        Engine::start_with(output, EngineOptions::default())
    }

    /// As [`Engine::start`], with other options than the usual ones.
    /// # Errors
    /// `Internal` when no thread can be started.
    pub fn start_with(output: Box<dyn Output + Send>, options: EngineOptions) -> Result<Engine, AudioError> {
        let (orders, inbox) = channel();
        let state = PlayerState {
            playing: false,
            position_frames: 0,
            rate: 48_000,
            duration_frames: 0,
            active: LaneId::A,
            stalled: false,
            stalls: 0,
            device: None,
            note: None,
            looping: None,
            level_match: true,
            nothing_to_match: false,
            lane_gains_db: Vec::new(),
            approximate: Vec::new(),
            volume: 1.0,
            xruns: 0,
            overs: 0,
            chunk_bytes: 0,
            proxy_bytes: 0,
        };
        let snapshot = Arc::new(Mutex::new(Snapshot { state, playhead: None, latency_frames: 0, sent: 0 }));
        let control = Control::new(inbox, orders.clone(), Arc::clone(&snapshot), output, options);
        let thread = std::thread::Builder::new().name("audio-control".to_owned()).spawn(move || control.run());
        let thread = thread.map_err(|error| AudioError::Internal { what: format!("starting a thread: {error}") })?;
        Ok(Engine { orders: Mutex::new(orders), snapshot, thread: Mutex::new(Some(thread)) })
    }

    fn order(&self, message: Message) {
        // A control thread that is gone takes no orders; `state` stays readable.
        let _ = self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(message);
    }

    /// Opens a version and puts it into a lane, replacing what was there. Reads the file's header (of files that do not say
    /// how long they are: the whole file) before it returns.
    /// # Errors
    /// As [`crate::decode::Decoder::open`]; `Limit` for a lane number beyond the last.
    pub fn load(&self, lane: LaneId, source: LaneSource) -> Result<AudioInfo, AudioError> {
        let lane = lane.index()?;
        let (decoder, info) = lane::open(&source)?;
        self.order(Message::Load { lane, source: Box::new(source), decoder: Box::new(decoder), info: Box::new(info.clone()) });
        Ok(info)
    }

    /// Empties a lane.
    pub fn unload(&self, lane: LaneId) {
        if let Ok(lane) = lane.index() {
            self.order(Message::Unload(lane));
        }
    }

    /// Empties a lane as soon as it is no longer heard: after the ramp to the lane that follows it, or at once when nothing plays.
    /// Levels are matched without it from now on.
    pub fn retire(&self, lane: LaneId) {
        if let Ok(lane) = lane.index() {
            self.order(Message::Retire(lane));
        }
    }

    /// Plays from the current position; from the start when it is the end. On a device that stands in for the chosen one it plays
    /// only when the state has said so before.
    pub fn play(&self) {
        let told = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).state.note;
        self.order(Message::Play { told });
    }

    /// Pauses, with a short fade.
    pub fn pause(&self) {
        self.order(Message::Pause);
    }

    /// Goes to a time on the timeline, in seconds.
    pub fn seek_seconds(&self, seconds: f64) {
        self.order(Message::SeekSeconds(seconds));
    }

    /// Goes to a frame of the timeline.
    pub fn seek_frames(&self, frame: u64) {
        self.order(Message::SeekFrames(frame));
    }

    /// Makes another lane heard, at the same frame, with a short ramp.
    pub fn set_active(&self, lane: LaneId) {
        if let Ok(lane) = lane.index() {
            self.order(Message::Active(lane));
        }
    }

    /// Turns level matching on or off.
    pub fn set_level_match(&self, on: bool) {
        self.order(Message::LevelMatch(on));
    }

    /// The matched gain of a lane in dB: 0 for the quietest, below 0 for the others, 0 when matching is off.
    pub fn lane_gain_db(&self, lane: LaneId) -> f64 {
        self.state().lane_gains_db.into_iter().find(|(id, _)| *id == lane).map_or(0.0, |(_, gain)| gain)
    }

    /// Sets the volume, 0 to 1.
    pub fn set_volume(&self, volume: f32) {
        self.order(Message::Volume(if volume.is_finite() { volume.clamp(0.0, 1.0) } else { 1.0 }));
    }

    /// Loops over a range of seconds, at whatever rate the output runs; `None` ends the loop. A loop is kept as it was wished: what
    /// lies beyond the end of the timeline counts again when a longer version is loaded.
    pub fn set_loop_seconds(&self, range: Option<(f64, f64)>) {
        self.order(Message::LoopSeconds(range));
    }

    /// Loops over timeline frames from the first up to, not including, the second; `None` ends the loop. Kept as
    /// [`Engine::set_loop_seconds`] keeps it.
    pub fn set_loop(&self, range: Option<(u64, u64)>) {
        self.order(Message::Loop(range.map(|(start, end)| LoopRange { start, end })));
    }

    /// Says how alike the lanes are, as a correlation: from 0.8 on flips add gains, below that powers.
    pub fn set_similarity(&self, correlation: Option<f64>) {
        self.order(Message::Similarity(correlation));
    }

    /// Plays the difference `plus − gain · minus` instead of the active lane, both at their matched levels while matching is on;
    /// `None` ends it.
    pub fn set_null(&self, null: Option<(LaneId, LaneId, f32)>) {
        let lanes = null.and_then(|(plus, minus, gain)| Some((plus.index().ok()?, minus.index().ok()?, gain)));
        self.order(Message::Null(lanes.filter(|(plus, minus, gain)| plus != minus && gain.is_finite())));
    }

    /// Plays on another device, by name; `None` is the default one.
    pub fn set_device(&self, name: Option<String>) {
        self.order(Message::Device(name));
    }

    /// The state of this moment.
    pub fn state(&self) -> PlayerState {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Waits until every order so far is carried out and the chunks it needs are made; returns whether that happened in time.
    pub fn settle(&self) -> bool {
        let (reply, done) = channel();
        self.order(Message::Settle(reply));
        done.recv_timeout(SETTLE_LIMIT).is_ok()
    }

    /// Stops the engine and waits for its threads.
    pub fn stop(self) {
        self.shut_down();
    }

    fn shut_down(&self) {
        self.order(Message::Stop);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A control thread that panicked has nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shut_down();
    }
}
