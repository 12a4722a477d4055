//! Read models of what happened: the log, events for the screens, and errors.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::player::PlayerView;

/// What checking an exported audit log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogCheckView {
    /// Project.
    pub project: String,
    /// `ok`, or what does not fit: `malformed`, `seq_gap`, `prev_mismatch`, `state_mismatch`, `catalogue_mismatch`, `truncated`,
    /// `inconsistent`.
    pub verdict: String,
    /// Entries that were checked.
    #[ts(type = "number")]
    pub entries: i64,
    /// Fingerprint of the last one.
    pub last: String,
    /// The entry that does not fit.
    #[ts(type = "number | null")]
    pub entry: Option<i64>,
    /// What is wrong with it.
    pub why: Option<String>,
    /// Whether the exported catalogue was compared with the log too.
    pub catalogue_checked: bool,
    /// What is no failure, and worth knowing.
    pub notices: Vec<String>,
}

/// One audit entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ActivityView {
    /// Place in the chain.
    #[ts(type = "number")]
    pub seq: i64,
    /// When.
    pub time: String,
    /// Who.
    pub actor: String,
    /// What, in words.
    pub sentence: String,
    /// Hash of the entry.
    pub fingerprint: String,
    /// Id of the proposal it is about, which shows every value that was proposed and decided; none where it is about something else.
    pub change_set: Option<String>,
    /// Fingerprint of the revision it is about, which the proposal's exact bytes have.
    pub revision: Option<String>,
}

/// What happened in the library: screens fetch again what they show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum AppEvent {
    /// Projects, tracks, versions or candidates changed.
    Library {
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// Connection or syncing changed.
    Sync {
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// Catalogue, change sets or members of a project changed.
    Project {
        /// The project.
        project: String,
        /// The new revision.
        #[ts(type = "number")]
        revision: i64,
    },
    /// The player changed.
    Player {
        /// Its state.
        player: PlayerView,
    },
    /// Something to tell the user once.
    Notice {
        /// What.
        message: String,
    },
}

/// An error as the web view gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ErrorView {
    /// Stable code; see the protocol's error codes.
    pub code: String,
    /// What happened and what it means for the music.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}
