//! Upload sessions.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::{ProjectId, UploadId};
use collabtrack_protocol::uploads::{CreateUpload, UploadState, WantUrls};

use super::extract::{Body, Id};
use crate::app::App;
use crate::error::Error;
use crate::sessions::Session;
use crate::uploads;

/// Opens an upload session.
#[utoipa::path(post, path = "/projects/{project}/uploads", tag = "uploads", security(("session" = [])), params(("project" = String, Path)), request_body = CreateUpload, responses((status = 200, body = UploadState)))]
pub(super) async fn create(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<CreateUpload>,
) -> Result<Json<UploadState>, Error> {
    uploads::create(&app.db, &app.blobs, &session, &project, &body).await.map(Json)
}

/// State of an upload session, with the parts the store holds.
#[utoipa::path(get, path = "/uploads/{upload}", tag = "uploads", security(("session" = [])), params(("upload" = String, Path)), responses((status = 200, body = UploadState)))]
pub(super) async fn view(State(app): State<App>, session: Session, Id(upload): Id<UploadId>) -> Result<Json<UploadState>, Error> {
    uploads::view(&app.db, &app.blobs, &session, &upload).await.map(Json)
}

/// Signs up to 8 further parts.
#[utoipa::path(post, path = "/uploads/{upload}/urls", tag = "uploads", security(("session" = [])), params(("upload" = String, Path)), request_body = WantUrls, responses((status = 200, body = UploadState)))]
pub(super) async fn urls(
    State(app): State<App>,
    session: Session,
    Id(upload): Id<UploadId>,
    Body(body): Body<WantUrls>,
) -> Result<Json<UploadState>, Error> {
    uploads::urls(&app.db, &app.blobs, &session, &upload, &body).await.map(Json)
}

/// Completes and verifies an upload.
#[utoipa::path(post, path = "/uploads/{upload}/complete", tag = "uploads", security(("session" = [])), params(("upload" = String, Path)), responses((status = 200, body = UploadState)))]
pub(super) async fn complete(State(app): State<App>, session: Session, Id(upload): Id<UploadId>) -> Result<Json<UploadState>, Error> {
    uploads::complete(&app.db, &app.blobs, &session, &upload).await.map(Json)
}
