//! Read models of projects, their folders and who is in them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RootView {
    /// The folder, as text to show.
    pub path: String,
    /// How it is watched.
    pub state: RootState,
}

/// How a folder is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RootState {
    /// The system tells of changes.
    Watching,
    /// Looked through every 30 seconds, because the system does not tell of changes here.
    Polling,
    /// Not there, or without its marker: paused, nothing is deleted.
    Missing,
}

/// A project in the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProjectView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Own role on the server: `listener`, `member`, `admin`, `owner`; none while the project is only on this computer.
    pub role: Option<String>,
    /// Whether it is connected to the server.
    pub on_server: bool,
    /// Whether the server does not name it to this account any more: in the trash there, or somebody else's alone. It stays here.
    pub away: bool,
    /// Watched folders on this computer.
    pub roots: Vec<RootView>,
    /// Number of tracks.
    #[ts(type = "number")]
    pub tracks: i64,
    /// Number of versions.
    #[ts(type = "number")]
    pub versions: i64,
    /// When the newest version came.
    pub newest_at: Option<String>,
    /// Change sets waiting for a decision.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Names of the people who made its versions, most first.
    pub contributors: Vec<String>,
    /// What this account may do, by the server's words of actions; empty while the project is only on this computer.
    pub may: Vec<String>,
}

/// What an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InvitationView {
    /// Name of the project.
    pub project_name: String,
    /// Id of the project.
    pub project: String,
    /// Role it grants.
    pub role: String,
    /// Who invited.
    pub inviter: String,
    /// When it ends.
    pub expires_at: String,
}

/// A new invitation: the code is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NewInvitationView {
    /// Id, for taking it back.
    pub id: String,
    /// The code to copy and send.
    pub code: String,
    /// The same as a link.
    pub link: String,
    /// Role it grants.
    pub role: String,
    /// When it ends.
    pub expires_at: String,
    /// Whether it was mailed to the address it is for.
    pub mailed: bool,
}

/// A member of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MemberView {
    /// Account id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: String,
    /// Since when.
    pub since: String,
    /// Whether this is the signed-in account.
    pub is_you: bool,
}

/// Which originals of a project stay on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeepingView {
    /// `all`, `latest:N` for those of the newest N versions of each track, or `on_demand`.
    pub originals: String,
    /// Room for all originals of this library in bytes; no limit without it.
    #[ts(type = "number | null")]
    pub budget_bytes: Option<u64>,
    /// Bytes that all originals of this library take now.
    #[ts(type = "number")]
    pub used_bytes: u64,
}
