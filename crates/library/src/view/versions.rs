//! Read models of tracks and versions.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Syncing of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum VersionSync {
    /// The project has no server.
    OnlyHere,
    /// In the queue.
    Waiting {
        /// Why, after several failures.
        because: Option<String>,
    },
    /// On its way to the server.
    Sending {
        /// 0 to 99; 100 only comes as `Synced`.
        percent: u8,
    },
    /// Every byte confirmed by the store.
    Synced,
    /// The number and preview are known; the original is still on its author's computer.
    Announced,
    /// Stopped by the user.
    Paused,
    /// The server does not answer.
    Offline,
    /// Something only the user can mend.
    NeedsYou {
        /// What.
        because: String,
    },
}

/// What of a version is on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Here {
    /// The exact bytes.
    Original,
    /// Only the preview.
    Preview,
    /// Neither yet.
    Nothing,
}

/// Review state of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Not proposed.
    Draft,
    /// Waiting for review.
    Waiting,
    /// Changes asked.
    ChangesAsked,
    /// The approved version of its track.
    Approved,
    /// Was approved; a later one took its place.
    Superseded,
    /// Rejected.
    Rejected,
    /// Never to be approved again; it still plays.
    Retired,
}

/// A version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct VersionView {
    /// Id.
    pub id: String,
    /// Track.
    pub track: String,
    /// Number; final when `is_final`.
    #[ts(type = "number")]
    pub number: i64,
    /// Whether the number came from the server, or the project has none.
    pub is_final: bool,
    /// Kind: demo, rough, mix, alternate, master, stem, multitrack, take.
    pub kind: String,
    /// Note of the author.
    pub note: String,
    /// File name as exported.
    pub file_name: String,
    /// Size of the original in bytes.
    #[ts(type = "number")]
    pub size_bytes: u64,
    /// Container or codec, such as "WAV".
    pub format: String,
    /// Frames per second; 0 when not known.
    pub sample_rate: u32,
    /// Bits per sample, where the format has that.
    pub bit_depth: Option<u16>,
    /// Channels; 0 when not known.
    pub channels: u16,
    /// Length in frames at the sample rate; 0 when not known.
    #[ts(type = "number")]
    pub frames: u64,
    /// Length in ms.
    #[ts(type = "number")]
    pub duration_ms: u64,
    /// Integrated loudness in LUFS.
    pub loudness_lufs: Option<f64>,
    /// True peak in dBTP.
    pub true_peak_db: Option<f64>,
    /// Who made it.
    pub author: String,
    /// When it was captured.
    pub captured_at: String,
    /// SHA-256 of the original: its fingerprint.
    pub fingerprint: String,
    /// Number of the older version with the same bytes.
    #[ts(type = "number | null")]
    pub same_as: Option<i64>,
    /// Syncing.
    pub sync: VersionSync,
    /// What is on this computer.
    pub here: Here,
    /// Whether the original stays on this computer whatever the project says.
    pub is_pinned: bool,
    /// Review.
    pub review: ReviewState,
    /// Damage or oddities of the audio in words, empty when there are none.
    pub flags: Vec<String>,
}

/// A track in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TrackView {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Name.
    pub name: String,
    /// Whether grouping was unsure and a look is wanted.
    pub please_check: bool,
    /// Newest version.
    pub newest: Option<VersionView>,
    /// Number of versions.
    #[ts(type = "number")]
    pub versions: i64,
    /// Number of the approved version.
    #[ts(type = "number | null")]
    pub approved: Option<i64>,
    /// Whether the track is a row of the catalogue.
    pub in_catalogue: bool,
    /// Whether everything of it is in the trash.
    pub in_trash: bool,
}

/// A file of a version for somebody without the app. Its address is as good as the file, so nothing prints it by accident.
#[derive(Clone, Serialize, Deserialize, TS)]
pub struct PlainFileView {
    /// Its path in the version.
    pub path: String,
    /// SHA-256 of exactly these bytes.
    pub sha256: String,
    /// The address that fetches it.
    pub url: String,
    /// For how many seconds.
    #[ts(type = "number")]
    pub valid_s: u64,
}

/// A track with its whole history, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TrackDetail {
    /// The track.
    pub track: TrackView,
    /// Its versions, newest first.
    pub versions: Vec<VersionView>,
}
