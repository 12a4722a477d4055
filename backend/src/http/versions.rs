//! Versions.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_protocol::versions::{Announce, Announced, Commit, Reads, Version, WantReads};

use super::extract::{Body, Id};
use crate::app::App;
use crate::error::Error;
use crate::sessions::Session;
use crate::versions;

/// Announces a version: it gets its number and its place in the feed.
#[utoipa::path(post, path = "/projects/{project}/versions", tag = "versions", security(("session" = [])), params(("project" = String, Path)), request_body = Announce, responses((status = 200, body = Announced)))]
pub(super) async fn announce(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<Announce>,
) -> Result<Json<Announced>, Error> {
    versions::announce::announce(&app.db, &app.blobs, &session, &project, &body).await.map(Json)
}

/// Completes a version: every byte of its original lies in confirmed objects.
#[utoipa::path(post, path = "/versions/{version}/commit", tag = "versions", security(("session" = [])), params(("version" = String, Path)), request_body = Commit, responses((status = 200, body = Version)))]
pub(super) async fn commit(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<Commit>,
) -> Result<Json<Version>, Error> {
    versions::commit::commit(&app.db, &session, &version, &body).await.map(Json)
}

/// Signed requests for the preview or the original.
#[utoipa::path(post, path = "/versions/{version}/reads", tag = "versions", security(("session" = [])), params(("version" = String, Path)), request_body = WantReads, responses((status = 200, body = Reads)))]
pub(super) async fn reads(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<WantReads>,
) -> Result<Json<Reads>, Error> {
    versions::reads::reads(&app.db, &app.blobs, &session, &version, &body).await.map(Json)
}
