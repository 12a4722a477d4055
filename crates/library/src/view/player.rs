//! Read models of the player, its lanes and blind comparisons.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One of the two comparison slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// Slot A.
    A,
    /// Slot B.
    B,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LaneView {
    /// The slot.
    pub slot: Slot,
    /// The version.
    pub version: String,
    /// Its number.
    #[ts(type = "number")]
    pub number: i64,
    /// Its track's name.
    pub track_name: String,
    /// Id of its track.
    pub track: String,
    /// Gain applied by level matching, in dB; 0 or less.
    pub gain_db: f64,
    /// Whether the preview plays because the original is not here.
    pub is_preview: bool,
    /// The gain rests on the preview's own loudness, because the original's is not here yet.
    pub approximate: bool,
    /// Length in seconds.
    pub duration_s: f64,
}

/// What a blind test asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlindKind {
    /// Which of two hidden versions is better: X or Y.
    Compare,
    /// Whether X is A or B, over several trials.
    Abx,
}

/// A button of a blind test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BlindButton {
    /// The first reference of an ABX test.
    A,
    /// The second one.
    B,
    /// The hidden version; of a comparison the first one.
    X,
    /// The second hidden version of a comparison.
    Y,
}

/// What a blind test came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BlindResult {
    /// Number of the version behind X, of a comparison.
    #[ts(type = "number | null")]
    pub x: Option<i64>,
    /// Number of the version behind Y, of a comparison.
    #[ts(type = "number | null")]
    pub y: Option<i64>,
    /// Trials answered, of an ABX test.
    pub trials: u32,
    /// Right answers.
    pub correct: u32,
    /// Chance of at least so many right answers by guessing.
    pub p_value: f64,
}

/// A blind test under way. While it has no result, nothing in the player tells which version is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct BlindView {
    /// What it asks.
    pub kind: BlindKind,
    /// The button that is heard.
    pub heard: BlindButton,
    /// The present trial, from 1.
    pub trial: u32,
    /// All trials; 1 of a comparison.
    pub trials: u32,
    /// The result, once it is revealed.
    pub result: Option<BlindResult>,
}

/// The player, sent on each change and four times a second while playing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlayerView {
    /// Whether sound is running.
    pub playing: bool,
    /// Musical position in seconds; the web view extrapolates while playing.
    pub position_s: f64,
    /// Length of the longer lane in seconds.
    pub duration_s: f64,
    /// The slots that hold something.
    pub lanes: Vec<LaneView>,
    /// The slot that is heard.
    pub active: Slot,
    /// Whether level matching is on.
    pub level_match: bool,
    /// Loop from, to in seconds.
    pub loop_s: Option<(f64, f64)>,
    /// Volume, 0 to 1.
    pub volume: f64,
    /// Name of the device; none when there is none to play on.
    pub device: Option<String>,
    /// The device that was chosen, there or not; none follows the system.
    pub device_wish: Option<String>,
    /// A note such as "Your headphones were unplugged. Playback is paused at 1:04."
    pub note: Option<String>,
    /// What is heard is the difference of the two slots.
    pub difference: bool,
    /// A side is silent or too short, so that levels cannot be matched.
    pub nothing_to_match: bool,
    /// The blind test under way.
    pub blind: Option<BlindView>,
}
