//! Read models of the trash.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A version in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TrashedVersionView {
    /// Id.
    pub id: String,
    /// Number; it stays its own.
    #[ts(type = "number")]
    pub number: i64,
    /// Whether the number is final.
    pub is_final: bool,
    /// Kind.
    pub kind: String,
    /// Track.
    pub track: String,
    /// Name of the track.
    pub track_name: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Name of the first file.
    pub file_name: String,
    /// Length of all files.
    #[ts(type = "number")]
    pub size_bytes: u64,
    /// Author.
    pub author: String,
    /// Since when.
    pub trashed_at: Option<String>,
    /// Until when it can be put back; none where nothing ever removes it, because its project is only on this computer.
    pub kept_until: Option<String>,
    /// Whether this account may put it back.
    pub may_put_back: bool,
}

/// A whole project in the trash of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TrashedProjectView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Who put it there.
    pub trashed_by: String,
    /// Since when.
    pub trashed_at: String,
    /// Until when it can be put back.
    pub kept_until: String,
}
