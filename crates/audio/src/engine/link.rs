//! What travels between the control thread and the render core: commands one way, retired memory and the playhead the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use rtrb::{Consumer, Producer};

use crate::engine::chunk::{CHUNK_FRAMES, Chunk};
use crate::engine::ramp::Curve;
use crate::limits;

/// The chunks of one lane, as a table the core looks into.
#[derive(Debug)]
pub struct LaneSlots {
    /// Tells deliveries for this lane from those for its predecessor.
    pub epoch: u32,
    /// Timeline frames of the lane; beyond them it is silent.
    pub frames: u64,
    /// One place per chunk.
    pub chunks: Box<[Option<Arc<Chunk>>]>,
}

impl LaneSlots {
    /// An empty table for `frames` timeline frames.
    pub fn new(epoch: u32, frames: u64) -> Self {
        let count = frames.div_ceil(CHUNK_FRAMES as u64);
        LaneSlots { epoch, frames, chunks: (0..count).map(|_| None).collect() }
    }
}

/// Gains of all lanes and how to get there.
#[derive(Clone, Copy, Debug)]
pub struct Gains {
    /// Linear gain per lane; negative inverts.
    pub targets: [f32; limits::MAX_LANES],
    /// Frames of the ramp.
    pub ramp_frames: u32,
    /// Its shape.
    pub curve: Curve,
}

/// A loop over timeline frames, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopRange {
    /// First frame.
    pub start: u64,
    /// The frame after the last one.
    pub end: u64,
}

/// Orders for the render core, applied at the next frame it renders.
#[derive(Debug)]
pub enum Command {
    /// Put a lane in place, or take it away.
    Lane {
        /// Its number.
        lane: usize,
        /// Its table.
        slots: Option<Box<LaneSlots>>,
    },
    /// Put a chunk in place, or take it away.
    Chunk {
        /// The lane's number.
        lane: usize,
        /// The lane's epoch.
        epoch: u32,
        /// The chunk's number.
        index: usize,
        /// The chunk.
        chunk: Option<Arc<Chunk>>,
    },
    /// Start.
    Play,
    /// Stop, with a short fade.
    Pause,
    /// Go to a frame.
    Seek(u64),
    /// Change gains.
    Gains(Box<Gains>),
    /// Set or clear the loop.
    Loop(Option<LoopRange>),
    /// Length of the timeline.
    Duration(u64),
}

/// Memory the core is done with; it is freed elsewhere.
#[derive(Debug)]
pub enum Garbage {
    /// A chunk.
    Chunk(Arc<Chunk>),
    /// A lane's table with everything in it.
    Lane(Box<LaneSlots>),
    /// A gain setting.
    Gains(Box<Gains>),
}

/// The core's side of the playhead, readable from any thread without waiting.
#[derive(Debug, Default)]
pub struct Playhead {
    position: AtomicU64,
    playing: AtomicBool,
    stalled: AtomicBool,
    stalls: AtomicU64,
    rendered: AtomicU64,
    finished: AtomicU64,
    applied: AtomicU64,
    heard: AtomicU32,
}

impl Playhead {
    /// The next timeline frame to be rendered.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Whether the core plays.
    pub fn playing(&self) -> bool {
        self.playing.load(Ordering::Acquire)
    }

    /// Whether the core waits for a chunk.
    pub fn stalled(&self) -> bool {
        self.stalled.load(Ordering::Acquire)
    }

    /// How often the core had to wait.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Acquire)
    }

    /// Frames handed to the output so far, silence included.
    pub fn rendered(&self) -> u64 {
        self.rendered.load(Ordering::Acquire)
    }

    /// How often the end of the timeline was reached.
    pub fn finished(&self) -> u64 {
        self.finished.load(Ordering::Acquire)
    }

    /// Commands applied so far.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Whether a lane is heard, or fading; lanes of a core that stands still are not.
    pub fn hears(&self, lane: usize) -> bool {
        self.heard.load(Ordering::Acquire) & (1 << lane) != 0
    }

    pub(super) fn publish(&self, position: u64, playing: bool, stalled: bool, heard: u32) {
        self.heard.store(heard, Ordering::Release);
        self.position.store(position, Ordering::Release);
        self.playing.store(playing, Ordering::Release);
        self.stalled.store(stalled, Ordering::Release);
    }

    pub(super) fn count_stall(&self) {
        self.stalls.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_finished(&self) {
        self.finished.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn count_rendered(&self, frames: u64) {
        self.rendered.fetch_add(frames, Ordering::AcqRel);
    }

    pub(super) fn count_applied(&self) {
        self.applied.fetch_add(1, Ordering::AcqRel);
    }
}

/// The control thread's end of a render core.
#[derive(Debug)]
pub struct Link {
    pub(super) commands: Producer<Command>,
    pub(super) garbage: Consumer<Garbage>,
    pub(super) playhead: Arc<Playhead>,
    /// Commands that did not fit yet.
    pub(super) waiting: std::collections::VecDeque<Command>,
    pub(super) sent: u64,
}

impl Link {
    /// Sends a command; the order of commands is kept.
    pub fn send(&mut self, command: Command) {
        self.sent += 1;
        self.waiting.push_back(command);
        self.flush();
    }

    /// Hands over what fits into the ring; returns whether everything did.
    pub fn flush(&mut self) -> bool {
        while let Some(command) = self.waiting.pop_front() {
            if let Err(rtrb::PushError::Full(command)) = self.commands.push(command) {
                self.waiting.push_front(command);
                return false;
            }
        }
        true
    }

    /// Frees what the core is done with.
    pub fn collect(&mut self) {
        while self.garbage.pop().is_ok() {}
    }

    /// The playhead.
    pub fn playhead(&self) -> &Arc<Playhead> {
        &self.playhead
    }
}
