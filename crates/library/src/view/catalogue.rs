//! Read models of what a catalogue is searched for before a release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Tracks whose shares are not what a release needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SharesView {
    /// Tracks some of whose shares do not add up, with what they add up to.
    pub uneven: BTreeMap<String, String>,
    /// Tracks without any share.
    pub without: Vec<String>,
}

/// One way a name is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SpellingView {
    /// As written.
    pub text: String,
    /// In how many cells.
    #[ts(type = "number")]
    pub cells: u64,
}

/// A cell in which a name would be written in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RespeltCellView {
    /// Row id, or the key of a row made by hand.
    pub row: String,
    /// Field name.
    pub field: String,
    /// The whole text of the cell then.
    pub to: String,
}
