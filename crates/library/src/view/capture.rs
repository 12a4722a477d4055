//! Read models of what is captured: candidates, rules, and the proposal about an existing folder.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A file that is not a version (yet).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CandidateView {
    /// Id for `take_now`.
    pub id: String,
    /// Project.
    pub project: String,
    /// The file, relative to its folder, as text to show.
    pub path: String,
    /// State.
    pub state: CandidateState,
    /// What is going on and what to do.
    pub message: String,
}

/// Why a file is not a version (yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// Another program is writing it.
    StillBeingWritten,
    /// It does not settle; "Take a version now anyway" is offered.
    Unsettled,
    /// Not audio this program can read, or not readable at all.
    NotReadable,
    /// Being copied and measured.
    Capturing,
    /// The disk is too full.
    NoSpace,
}

/// What a folder that holds exports already would become; edited by a person before it is taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FolderProposal {
    /// Id for `take_over`.
    pub id: String,
    /// The folder, as text to show.
    pub folder: String,
    /// Its tracks, in order of their oldest file.
    pub tracks: Vec<ProposedTrack>,
}

/// A track of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedTrack {
    /// Name.
    pub name: String,
    /// Whether the folder had to name the track.
    pub please_check: bool,
    /// Name of the track it may be the same as: they differ in a number only.
    pub merge_with: Option<String>,
    /// Versions, oldest first.
    pub versions: Vec<ProposedVersion>,
}

/// A version of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedVersion {
    /// Files inside the folder: one, or the stems of a set.
    pub files: Vec<String>,
    /// Further names of the same bytes; they are no versions of their own.
    pub also: Vec<String>,
    /// Kind.
    pub kind: String,
    /// Time of the file.
    pub modified_at: String,
    /// Bytes of all its files.
    #[ts(type = "number")]
    pub size_bytes: u64,
}

/// What a project takes and leaves out on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CaptureRulesView {
    /// Names, or paths inside a folder, with `*` and `?`, that are passed over.
    pub left_out: Vec<String>,
    /// Whether DAW sessions become versions.
    pub sessions: bool,
}
