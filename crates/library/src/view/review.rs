//! Read models of deciding: proposals, conflicts, risks, what was heard, comments, and approvals not sent yet.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::catalogue::CellChangeView;
use super::versions::VersionView;

/// A change set in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposalView {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Title.
    pub title: String,
    /// Who proposed.
    pub author: String,
    /// Whether that is the signed-in account, which then may correct and withdraw it.
    pub is_yours: bool,
    /// `draft`, `open`, `changes_requested`, `approved`, `rejected`, `withdrawn`, `split`.
    pub status: String,
    /// When it was proposed.
    pub created_at: String,
    /// Operations in it.
    #[ts(type = "number")]
    pub op_count: i64,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<String>,
    /// The reason given.
    pub decision_reason: Option<String>,
}

/// The inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InboxView {
    /// Waiting for this account's decision.
    pub to_review: Vec<ProposalView>,
    /// Own proposals not decided yet.
    pub mine: Vec<ProposalView>,
    /// Decided.
    pub closed: Vec<ProposalView>,
    /// Ids of waiting proposals that somebody else's changes stand in the way of.
    pub in_conflict: Vec<String>,
    /// Ids of projects where this account may approve its own proposals, as the only approver there is.
    pub may_approve_own: Vec<String>,
}

/// The version part of a proposal: what is heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ProposedVersionView {
    /// Track.
    pub track: String,
    /// Its name.
    pub track_name: String,
    /// The proposed version.
    pub proposed: VersionView,
    /// The version approved now.
    pub approved: Option<VersionView>,
    /// Which parts of the proposed version were heard on this computer; it informs, and never stands in the way.
    pub heard: HeardView,
    /// Open comments on the track's versions.
    pub open_comments: Vec<CommentView>,
}

/// Which parts of a version were heard on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeardView {
    /// Version.
    pub version: String,
    /// Its length in ms; 0 when it is not known.
    #[ts(type = "number")]
    pub duration_ms: i64,
    /// How much of it was heard, in ms.
    #[ts(type = "number")]
    pub heard_ms: i64,
    /// How much of that only as a preview, in ms.
    #[ts(type = "number")]
    pub preview_ms: i64,
    /// The parts, in order, without overlap.
    pub ranges: Vec<HeardRange>,
}

/// A part that was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HeardRange {
    /// Where it starts, in ms.
    #[ts(type = "number")]
    pub from_ms: i64,
    /// Where it ends, in ms.
    #[ts(type = "number")]
    pub to_ms: i64,
    /// Whether only the preview was heard there.
    pub is_preview: bool,
}

/// A comment at a point or a range of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CommentView {
    /// Id.
    pub id: String,
    /// Track.
    pub track: String,
    /// Version it was written on.
    pub version: String,
    /// Number of that version.
    #[ts(type = "number")]
    pub version_number: i64,
    /// Where it is about, in ms from the start.
    #[ts(type = "number")]
    pub from_ms: i64,
    /// Where the range ends, in ms; none for a point.
    #[ts(type = "number | null")]
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: String,
    /// Id of the comment it answers.
    pub reply_to: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// Whether that is this account.
    pub is_yours: bool,
    /// When it was written.
    pub made_at: String,
    /// Whether it is settled.
    pub resolved: bool,
    /// Who settled it.
    pub resolved_by: Option<String>,
    /// Whether the server knows all of it; until then others do not see it.
    pub is_sent: bool,
    /// Why the server refused it, when it did.
    pub problem: Option<String>,
}

/// A change set as reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ProposalDetail {
    /// The inbox entry.
    pub proposal: ProposalView,
    /// Why.
    pub reason: String,
    /// What was shown; sent back with the decision.
    pub revision_digest: String,
    /// What was shown; sent back with the decision.
    pub expected_head: String,
    /// What was shown; sent back with the decision. None when it cannot be approved.
    pub effect_digest: Option<String>,
    /// A short fingerprint of both, for people: whoever names it has seen exactly this. None when it cannot be approved.
    pub fingerprint: Option<String>,
    /// Number of the catalogue state it would apply to.
    #[ts(type = "number")]
    pub catalogue_number: i64,
    /// `clean`, `stale_clean`, `conflict`, `invalid_after_merge`, `schema_moved`.
    pub mergeability: String,
    /// Changed cells; a row that comes or goes with all its cells.
    pub changes: Vec<CellChangeView>,
    /// Versions it would approve.
    pub versions: Vec<ProposedVersionView>,
    /// Cells somebody else changed meanwhile, and rules the result would break.
    pub problems: Vec<String>,
    /// Whether this account may decide it now.
    pub may_decide: bool,
    /// If not, why.
    pub may_not_because: Option<String>,
    /// Number of the revision shown.
    #[ts(type = "number")]
    pub revision: i64,
    /// Whether this computer checked the exact bytes of the revision against its fingerprint; not where a column in them is hidden.
    pub verified: bool,
    /// Whether approving it would be approving one's own, as the only approver there is.
    pub self_approval: bool,
    /// Its operations, in order: what a split divides.
    pub ops: Vec<ProposedOpView>,
    /// What two people changed differently; each needs a choice before it can be approved.
    pub conflicts: Vec<ConflictView>,
    /// What must have been looked at before approving, most serious first.
    pub risks: Vec<RiskView>,
    /// Id of the proposal it was split off.
    pub split_from: Option<String>,
    /// Ids of the proposals it was split into.
    pub split_into: Vec<String>,
    /// Id of the proposal it takes back.
    pub reverts: Option<String>,
}

/// One operation of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProposedOpView {
    /// Its place, from 0; a split names these.
    pub index: u32,
    /// Row id; empty for the columns themselves.
    pub row: String,
    /// Field name, or `_row`, `_approved`, `_retired`, `_schema`: together with the row the change it makes.
    pub field: String,
    /// Operations of one group are kept together in a split.
    pub group: u32,
}

/// Something two people changed differently, in three values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConflictView {
    /// Place of the operation, from 0.
    pub op: u32,
    /// `cell`, `deleted_but_edited`, `edited_but_deleted`, `duplicate`, `schema`.
    pub kind: String,
    /// Row id.
    pub row: String,
    /// What people call the row.
    pub row_label: String,
    /// Field name, or `_row`, `_approved`, `_schema`.
    pub field: String,
    /// Label of the field.
    pub field_label: String,
    /// What the author saw, none for nothing.
    pub was: Option<String>,
    /// What is proposed, none for nothing.
    pub proposed: Option<String>,
    /// What stands there now, none for nothing.
    pub now: Option<String>,
    /// Whether a third value may be typed; else only one of the two can stand.
    pub may_type: bool,
    /// Whether the proposed value can stand at all; not where its column is gone.
    pub may_take: bool,
    /// Who proposed what stands there now.
    pub changed_by: Option<String>,
    /// When that was approved.
    pub changed_at: Option<String>,
    /// Title of the proposal that did it.
    pub changed_in: Option<String>,
}

/// What stands at the end of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConflictChoice {
    /// Row id of the conflict.
    pub row: String,
    /// Its field.
    pub field: String,
    /// Which value.
    pub choice: ChoiceWord,
    /// The typed text, for `typed`; empty clears the cell.
    pub value: Option<String>,
}

/// Which of the values of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceWord {
    /// The proposed one.
    Proposed,
    /// The one that stands there now.
    Current,
    /// A typed one.
    Typed,
}

/// Changes that are looked at on their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RiskView {
    /// `schema`, `deletions`, `replaced_approval`, `retired`, `shares`, `identifiers`, `cleared`, `hidden_characters`,
    /// `no_base`.
    pub risk: String,
    /// Places of the changes, from 0.
    pub changes: Vec<u32>,
}

/// The two proposals that took the place of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SplitView {
    /// The one with what was kept.
    pub kept: ProposalView,
    /// The one with the rest.
    pub rest: ProposalView,
}

/// A proposal that takes an approved one back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RevertView {
    /// The new proposal.
    pub proposal: ProposalView,
    /// What it leaves as it is, in words.
    pub left: Vec<String>,
}

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
