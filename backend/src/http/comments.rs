//! Comments.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::{CommentId, VersionId};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};

use super::extract::{Body, Id};
use crate::app::App;
use crate::comments;
use crate::error::Error;
use crate::sessions::Session;

/// Adds a comment to a version. The same id and body again give the same answer.
#[utoipa::path(post, path = "/versions/{version}/comments", tag = "comments", security(("session" = [])), params(("version" = String, Path)), request_body = AddComment, responses((status = 200, body = Comment)))]
pub(super) async fn add(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<AddComment>,
) -> Result<Json<Comment>, Error> {
    comments::add(&app.db, &session, &version, &body).await.map(Json)
}

/// Settles a comment, or opens it again.
#[utoipa::path(post, path = "/comments/{comment}/settle", tag = "comments", security(("session" = [])), params(("comment" = String, Path)), request_body = SettleComment, responses((status = 200, body = Comment)))]
pub(super) async fn settle(
    State(app): State<App>,
    session: Session,
    Id(comment): Id<CommentId>,
    Body(body): Body<SettleComment>,
) -> Result<Json<Comment>, Error> {
    comments::settle(&app.db, &session, &comment, &body).await.map(Json)
}
