//! Change sets: proposing, reviewing, deciding; and the audit log as read.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Person;

/// Status of a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeSetStatus {
    /// Not proposed yet.
    Draft,
    /// Waiting for review.
    Open,
    /// Sent back with a reason.
    ChangesRequested,
    /// Applied.
    Approved,
    /// Refused with a reason.
    Rejected,
    /// Taken back by its author.
    Withdrawn,
    /// Became two others.
    Split,
    /// A status of a newer server.
    #[serde(other)]
    Unknown,
}

/// `POST /projects/{p}/change-sets`: a proposal. The same id and body again give the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Propose {
    /// Id, chosen by the client.
    #[schema(value_type = String)]
    pub change_set: ChangeSetId,
    /// Title, one line.
    pub title: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Catalogue state the author saw.
    pub base_head: String,
    /// The operations, as the change set rules define them.
    #[schema(value_type = Vec<Object>)]
    pub ops: Vec<serde_json::Value>,
    /// Whether it goes to review at once, or stays a draft.
    pub submit: bool,
    /// The CSV file it was made from, where it was: the audit log tells of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvSource>,
}

/// A CSV file that a proposal was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CsvSource {
    /// `tracks` or `splits`.
    pub table: String,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of its bytes.
    #[schema(value_type = String)]
    pub sha256: ObjectHash,
    /// How many of its rows did not say which state they were exported from, so that newer values may be overwritten.
    #[serde(default)]
    pub rows_without_base: u32,
}

/// A change set in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeSetSummary {
    /// Id.
    #[schema(value_type = String)]
    pub id: ChangeSetId,
    /// Project.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Title.
    pub title: String,
    /// Author of the newest revision.
    pub author: Person,
    /// Who proposed it, and may edit or withdraw it; another one than the author where a conflict was settled with a typed value.
    pub created_by: Person,
    /// Status.
    pub status: ChangeSetStatus,
    /// Number of the newest revision.
    pub revision: i64,
    /// Operations in it.
    pub op_count: i64,
    /// When it was proposed.
    pub created_at: String,
    /// Who decided, once decided.
    pub decided_by: Option<Person>,
    /// When.
    pub decided_at: Option<String>,
    /// The reason given with the decision.
    pub decision_reason: Option<String>,
}

/// A change set as reviewed: what was proposed, and what approving it now would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeSetDetail {
    /// The list entry.
    pub summary: ChangeSetSummary,
    /// Why.
    pub reason: String,
    /// Digest of the newest revision's exact bytes; an approval names it.
    #[schema(value_type = String)]
    pub revision_digest: ObjectHash,
    /// The operations of the newest revision.
    #[schema(value_type = Vec<Object>)]
    pub ops: Vec<serde_json::Value>,
    /// Catalogue state the merge was computed on; an approval names it.
    pub head: String,
    /// Number of that state.
    pub catalogue_number: i64,
    /// `clean`, `stale_clean`, `conflict`, `invalid_after_merge` or `schema_moved`.
    pub mergeability: String,
    /// What would change: cells as row, field, from, to.
    #[schema(value_type = Vec<Object>)]
    pub effect: Vec<serde_json::Value>,
    /// Digest of the effect; an approval names it.
    #[schema(value_type = Option<String>)]
    pub effect_digest: Option<ObjectHash>,
    /// Cells somebody else changed meanwhile.
    #[schema(value_type = Vec<Object>)]
    pub conflicts: Vec<serde_json::Value>,
    /// Rules the result would break, in words.
    pub problems: Vec<String>,
    /// Whether the asking account may approve it now; if not, why, in words.
    pub may_decide: bool,
    /// The reason why not.
    pub may_not_because: Option<String>,
    /// Whether approving it would be approving one's own, as the only approver there is.
    #[serde(default)]
    pub self_approval: bool,
    /// How many rows of the CSV it was made from did not say which state they were exported from: it may overwrite newer values.
    #[serde(default)]
    pub rows_without_base: u32,
    /// For every operation the number of its group: operations of one group stay together in a split.
    #[serde(default)]
    pub groups: Vec<u32>,
    /// Who made what stands in the way, as far as known: one entry for a conflict that somebody's change caused.
    #[serde(default)]
    pub origins: Vec<ConflictOrigin>,
    /// The change set this one was split off.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub split_from: Option<ChangeSetId>,
    /// What it was split into.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub split_into: Vec<ChangeSetId>,
    /// The change set it takes back.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub reverts: Option<ChangeSetId>,
}

/// The approved change set that made the value which now conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictOrigin {
    /// Row of the conflict.
    pub row: String,
    /// Its field.
    pub field: String,
    /// The change set.
    #[schema(value_type = String)]
    pub change_set: ChangeSetId,
    /// Its title.
    pub title: String,
    /// Who proposed it.
    pub author: Person,
    /// When it was approved.
    pub at: String,
}

/// `POST /change-sets/{c}/split`: closes the set and opens two new ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Split {
    /// Digest of the revision that was shown.
    #[schema(value_type = String)]
    pub revision_digest: ObjectHash,
    /// Places, from 0, of the operations that the first of the two keeps; the second gets the others.
    pub keep: Vec<u32>,
}

/// Answer to a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SplitUp {
    /// The change set, now closed.
    pub summary: ChangeSetSummary,
    /// The new one with the operations kept.
    pub kept: ChangeSetSummary,
    /// The new one with the others.
    pub rest: ChangeSetSummary,
}

/// `POST /change-sets/{c}/resolve`: settles every conflict; the set gets a further revision on the current catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resolve {
    /// Digest of the revision that was shown.
    #[schema(value_type = String)]
    pub revision_digest: ObjectHash,
    /// Catalogue state that was shown.
    pub expected_head: String,
    /// One choice per conflict: `row`, `field`, and `choice`: `proposed`, `current`, or `typed` with `value`.
    #[schema(value_type = Vec<Object>)]
    pub resolutions: Vec<collabtrack_domain::change_set::resolve::Resolution>,
}

/// `POST /change-sets/{c}/revert`: a draft that takes back what an approved set did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revert {
    /// Id of the new change set, chosen by the client.
    #[schema(value_type = String)]
    pub change_set: ChangeSetId,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Whether it goes to review at once, or stays a draft.
    #[serde(default)]
    pub submit: bool,
}

/// Answer to a revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reverted {
    /// The new change set.
    pub summary: ChangeSetSummary,
    /// What it leaves as it is: `row`, `field`, `why`.
    #[schema(value_type = Vec<Object>)]
    pub left: Vec<serde_json::Value>,
}

/// `POST /change-sets/{c}/approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approve {
    /// Digest of the revision that was shown.
    #[schema(value_type = String)]
    pub revision_digest: ObjectHash,
    /// Catalogue state that was shown.
    pub expected_head: String,
    /// Digest of the effect that was shown.
    #[schema(value_type = String)]
    pub effect_digest: ObjectHash,
}

/// `POST /change-sets/{c}/reject` and `/ask`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecideWithReason {
    /// Digest of the revision that was shown.
    #[schema(value_type = String)]
    pub revision_digest: ObjectHash,
    /// At least 3 characters.
    pub reason: String,
}

/// Answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approved {
    /// The change set, now approved.
    pub summary: ChangeSetSummary,
    /// Id of the new catalogue state.
    pub head: String,
    /// Its number.
    pub catalogue_number: i64,
}

/// Counters of an inbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeSetList {
    /// The change sets, newest first.
    pub items: Vec<ChangeSetSummary>,
    /// Waiting for review.
    pub open: i64,
    /// Own proposals not decided yet.
    pub mine: i64,
    /// Decided.
    pub closed: i64,
    /// Those waiting for review that somebody else's changes stand in the way of.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub in_conflict: Vec<ChangeSetId>,
    /// Whether the asking account may approve its own proposals here, as the only approver there is.
    #[serde(default)]
    pub may_approve_own: bool,
}

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Place in the project's chain, from 1, without gaps.
    pub seq: i64,
    /// The exact bytes of the entry, as text.
    pub entry: String,
    /// Hash of the entry.
    #[schema(value_type = String)]
    pub hash: ObjectHash,
    /// Name of who did it, for display.
    pub actor_name: String,
    /// The salted detail, unless erased.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<serde_json::Value>,
    /// Salt of the detail, in hexadecimal.
    pub salt: Option<String>,
}

/// `GET /projects/{p}/audit?since=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// Entries in order.
    pub entries: Vec<AuditRecord>,
    /// Whether there are more.
    pub more: bool,
}
