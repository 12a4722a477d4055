//! Read models of deciding: approvals not sent yet.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An approval between the click and the sending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeldApproval {
    /// Change set.
    pub change_set: String,
    /// Its title.
    pub title: String,
    /// What was shown.
    pub revision_digest: String,
    /// What was shown.
    pub expected_head: String,
    /// What was shown.
    pub effect_digest: String,
    /// When it was decided; set by the library.
    pub held_at: String,
}
