//! Everything as one zip.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use collabtrack_domain::id::ProjectId;
use tokio_util::io::ReaderStream;

use super::extract::Id;
use crate::app::App;
use crate::error::Error;
use crate::export;
use crate::sessions::Session;

/// Everything of a project this role may read, as a zip of CSV and JSON files.
#[utoipa::path(get, path = "/projects/{project}/export.zip", tag = "catalogue", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = String, content_type = "application/zip")))]
pub(super) async fn project(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Response, Error> {
    Ok(answer(export::project(&app.db, &session, &project).await?))
}

/// Everything of every project of this account, a folder each.
#[utoipa::path(get, path = "/export.zip", tag = "catalogue", security(("session" = [])), responses((status = 200, body = String, content_type = "application/zip")))]
pub(super) async fn everything(State(app): State<App>, session: Session) -> Result<Response, Error> {
    Ok(answer(export::everything(&app.db, &session).await?))
}

fn answer(file: std::fs::File) -> Response {
    let mut response = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"collabtrack-export.zip\""));
    response
}
