//! Versions.

use axum::Json;
use axum::extract::{Path, State};
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_protocol::changes::TrackInfo;
use collabtrack_protocol::versions::{
    Announce, Announced, Commit, EditTrack, EditVersion, Files, Reads, SetTables, Version, WantFiles, WantReads,
};

use super::extract::{Body, Id};
use crate::app::App;
use crate::error::{Error, not_found};
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
    versions::commit::commit(&app.db, &app.blobs, &session, &version, &body).await.map(Json)
}

/// Records the measured tables of a version's original: waveform and loudness.
#[utoipa::path(post, path = "/versions/{version}/tables", tag = "versions", security(("session" = [])), params(("version" = String, Path)), request_body = SetTables, responses((status = 200, body = Version)))]
pub(super) async fn tables(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<SetTables>,
) -> Result<Json<Version>, Error> {
    versions::tables::set(&app.db, &app.blobs, &session, &version, &body).await.map(Json)
}

/// Puts a version into the trash; it comes back as it was within 35 days.
#[utoipa::path(post, path = "/versions/{version}/trash", tag = "versions", security(("session" = [])), params(("version" = String, Path)), responses((status = 200, body = Version)))]
pub(super) async fn trash(State(app): State<App>, session: Session, Id(version): Id<VersionId>) -> Result<Json<Version>, Error> {
    versions::trash::trash(&app.db, &session, &version).await.map(Json)
}

/// Brings a version back from the trash.
#[utoipa::path(post, path = "/versions/{version}/restore", tag = "versions", security(("session" = [])), params(("version" = String, Path)), responses((status = 200, body = Version)))]
pub(super) async fn restore(State(app): State<App>, session: Session, Id(version): Id<VersionId>) -> Result<Json<Version>, Error> {
    versions::trash::restore(&app.db, &session, &version).await.map(Json)
}

/// Says that a complete version did not rebuild; where store or a second reader agree, it becomes damaged and is wanted again.
#[utoipa::path(post, path = "/versions/{version}/damage", tag = "versions", security(("session" = [])), params(("version" = String, Path)), responses((status = 200, body = Version)))]
pub(super) async fn damage(State(app): State<App>, session: Session, Id(version): Id<VersionId>) -> Result<Json<Version>, Error> {
    versions::damage::report(&app.db, &app.blobs, &session, &version).await.map(Json)
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

/// The files of a version for somebody without the app: requests that fetch exactly them, for at most a day.
#[utoipa::path(post, path = "/versions/{version}/files", tag = "versions", security(("session" = [])), params(("version" = String, Path)), request_body = WantFiles, responses((status = 200, body = Files)))]
pub(super) async fn files(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<WantFiles>,
) -> Result<Json<Files>, Error> {
    versions::files::files(&app.db, &app.blobs, &session, &version, &body).await.map(Json)
}

/// Changes the note, the kind or the track of a version; its bytes never change.
#[utoipa::path(patch, path = "/versions/{version}", tag = "versions", security(("session" = [])), params(("version" = String, Path)), request_body = EditVersion, responses((status = 200, body = Version)))]
pub(super) async fn edit(
    State(app): State<App>,
    session: Session,
    Id(version): Id<VersionId>,
    Body(body): Body<EditVersion>,
) -> Result<Json<Version>, Error> {
    versions::edit::version(&app.db, &session, &version, &body).await.map(Json)
}

/// Names a track.
#[utoipa::path(patch, path = "/projects/{project}/tracks/{track}", tag = "versions", security(("session" = [])), params(("project" = String, Path), ("track" = String, Path)), request_body = EditTrack, responses((status = 200, body = TrackInfo)))]
pub(super) async fn edit_track(
    State(app): State<App>,
    session: Session,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    Body(body): Body<EditTrack>,
) -> Result<Json<TrackInfo>, Error> {
    let Path((project, track)) = path.map_err(|_| not_found())?;
    let (project, track) = (ProjectId::parse(&project).map_err(|_| not_found())?, TrackId::parse(&track).map_err(|_| not_found())?);
    versions::edit::track(&app.db, &session, &project, &track, &body).await.map(Json)
}
