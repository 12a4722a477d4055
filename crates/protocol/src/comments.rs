//! Comments at a point or a range of a version.

use collabtrack_domain::id::{CommentId, VersionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Person;

/// `POST /versions/{v}/comments`: a comment. The same id and body again give the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddComment {
    /// Id, chosen by the client.
    #[schema(value_type = String)]
    pub comment: CommentId,
    /// Where it is about, in ms from the start of the version.
    pub from_ms: i64,
    /// Where the range ends; none for a point.
    #[serde(default)]
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: String,
    /// The comment it answers; answers are one level deep.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<CommentId>,
    /// When it was written, by the clock of its author's computer.
    pub made_at: String,
}

/// `POST /comments/{c}/settle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettleComment {
    /// Whether it is done with, or open again.
    pub resolved: bool,
}

/// A comment as the feed tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Id.
    #[schema(value_type = String)]
    pub id: CommentId,
    /// Version.
    #[schema(value_type = String)]
    pub version: VersionId,
    /// Where it is about, in ms from the start of the version.
    pub from_ms: i64,
    /// Where the range ends; none for a point.
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: String,
    /// The comment it answers.
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<CommentId>,
    /// Who wrote it.
    pub author: Person,
    /// When it was written, by the clock of its author's computer.
    pub made_at: String,
    /// When the server received it.
    pub created_at: String,
    /// Who settled it last, while it is settled.
    pub resolved_by: Option<Person>,
    /// When.
    pub resolved_at: Option<String>,
}
