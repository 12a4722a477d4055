//! What the engine tells about itself: plain values for a screen.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::LaneId;
use crate::engine::link::Playhead;

/// Something the listener should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// There is no sound output.
    NoDevice,
    /// The sound output went away; playing stopped where it was.
    DeviceLost,
    /// Another program holds the sound output.
    DeviceBusy,
    /// The chosen sound output is not there; another one stands in for it, paused.
    StandIn,
    /// Part of the version could not be decoded; it is silent there.
    LaneDamaged,
}

/// The state of the engine at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayerState {
    /// Playing, or waiting for a piece of the sound while playing.
    pub playing: bool,
    /// Position on the timeline, as heard: output latency is taken off where it is known.
    pub position_frames: u64,
    /// Frames per second of the timeline.
    pub rate: u32,
    /// Length of the timeline: the end of the longest lane.
    pub duration_frames: u64,
    /// The lane that is heard.
    pub active: LaneId,
    /// Waiting for a piece of the sound.
    pub stalled: bool,
    /// How often that happened.
    pub stalls: u64,
    /// Name of the sound output; kept while it is closed for want of use.
    pub device: Option<String>,
    /// Something the listener should know.
    pub note: Option<Note>,
    /// The loop, as first and last-plus-one frame.
    pub looping: Option<(u64, u64)>,
    /// Level matching is on.
    pub level_match: bool,
    /// A side is silent, or the sides have nothing in common: levels are not matched.
    pub nothing_to_match: bool,
    /// Gain of every loaded lane in dB, as matched.
    pub lane_gains_db: Vec<(LaneId, f64)>,
    /// Lanes whose gain rests on the preview's own loudness.
    pub approximate: Vec<LaneId>,
    /// Volume, 0 to 1.
    pub volume: f32,
    /// Gaps in the stream.
    pub xruns: u64,
    /// Samples that had to be clamped to full scale.
    pub overs: u64,
    /// Memory the chunks take, in bytes.
    pub chunk_bytes: u64,
    /// Disk the decoded copies of lossy files may take, in bytes.
    pub proxy_bytes: u64,
}

/// The control thread's last word, completed by the live playhead when it is read.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) state: PlayerState,
    pub(super) playhead: Option<Arc<Playhead>>,
    pub(super) latency_frames: u32,
    /// Commands that must be applied before the playhead speaks for itself.
    pub(super) sent: u64,
}

impl Snapshot {
    pub(super) fn now(&self) -> PlayerState {
        let mut state = self.state.clone();
        if let Some(playhead) = self.playhead.as_ref().filter(|playhead| playhead.applied() >= self.sent) {
            state.playing = playhead.playing();
            state.stalled = playhead.stalled();
            state.stalls = playhead.stalls();
            state.position_frames = playhead.position();
            if state.playing {
                state.position_frames = state.position_frames.saturating_sub(u64::from(self.latency_frames));
            }
        }
        state
    }
}
