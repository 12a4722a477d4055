//! The change feed: everything that happened in a project, in the server's order, without gaps.

use collabtrack_domain::id::{AccountId, ChangeSetId, ProjectId, TrackId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A track as the feed tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrackInfo {
    /// Id.
    #[schema(value_type = String)]
    pub id: TrackId,
    /// Name.
    pub name: String,
    /// Grouping key.
    pub key: String,
    /// Whether grouping made it.
    pub auto: bool,
    /// Id of an automatic track that became this one, if that is what happened.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub absorbed: Option<TrackId>,
}

/// The catalogue reached a new state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CatalogueMoved {
    /// Id of the state.
    pub head: String,
    /// Number of the state, as shown to people.
    pub number: i64,
    /// Approved version per track that changed: track, version or null.
    pub approved: Vec<ApprovedMoved>,
    /// Versions that were retired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub retired: Vec<collabtrack_domain::id::VersionId>,
}

/// A track's approved version changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovedMoved {
    /// Track.
    #[schema(value_type = String)]
    pub track: TrackId,
    /// The version now approved, or none.
    #[schema(value_type = Option<String>)]
    pub version: Option<collabtrack_domain::id::VersionId>,
}

/// A change set was proposed, edited or decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeSetMoved {
    /// Id.
    #[schema(value_type = String)]
    pub id: ChangeSetId,
    /// Status word.
    pub status: String,
    /// Number of the newest revision.
    pub revision: i64,
}

/// A project was created or renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectMoved {
    /// Name.
    pub name: String,
}

/// Somebody left the project, or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberLeft {
    /// Who.
    #[schema(value_type = String)]
    pub account: AccountId,
}

/// What a change is about. Readers skip kinds they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The project was created or renamed: [`ProjectMoved`].
    Project,
    /// Somebody joined, or has a new role: [`Member`](crate::projects::Member).
    Member,
    /// Somebody left or was removed: [`MemberLeft`].
    MemberLeft,
    /// A track was made, renamed or merged: [`TrackInfo`].
    Track,
    /// A version was announced, completed, or changed its state: [`Version`](crate::versions::Version).
    Version,
    /// The catalogue reached a new state: [`CatalogueMoved`].
    Catalogue,
    /// A change set moved: [`ChangeSetMoved`].
    ChangeSet,
    /// A comment was written, settled or opened again: [`Comment`](crate::comments::Comment).
    Comment,
    /// A kind of a newer server.
    #[serde(other)]
    Unknown,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Place in the project's feed, from 1, without gaps.
    pub seq: i64,
    /// Id of the change, sent back with the next question.
    pub id: String,
    /// What it is about.
    pub kind: ChangeKind,
    /// The document that `kind` names; `null` where this role may not read it, or the reader said that it has it.
    #[schema(value_type = Option<Object>)]
    pub body: serde_json::Value,
}

/// `GET /projects/{p}/changes?since=&last=&have=&limit=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangePage {
    /// Project.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Changes with each restore of the server.
    pub epoch: String,
    /// Newest sequence number.
    pub head: i64,
    /// The changes after `since`, in order.
    pub changes: Vec<Change>,
    /// Whether there are more.
    pub more: bool,
}

/// Data of one server-sent hint of `GET /events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hint {
    /// Project.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Its newest sequence number.
    pub head: i64,
}
