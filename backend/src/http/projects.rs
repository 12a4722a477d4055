//! Projects.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::projects::{CreateProject, Project};

use super::extract::{Body, Id};
use crate::app::App;
use crate::error::Error;
use crate::projects;
use crate::sessions::Session;

/// Every project of this account.
#[utoipa::path(get, path = "/projects", tag = "projects", security(("session" = [])), responses((status = 200, body = Vec<Project>)))]
pub(super) async fn list(State(app): State<App>, session: Session) -> Result<Json<Vec<Project>>, Error> {
    projects::list(&app.db, &session).await.map(Json)
}

/// Creates a project; its creator owns it.
#[utoipa::path(post, path = "/projects", tag = "projects", security(("session" = [])), request_body = CreateProject, responses((status = 200, body = Project)))]
pub(super) async fn create(State(app): State<App>, session: Session, Body(body): Body<CreateProject>) -> Result<Json<Project>, Error> {
    projects::create(&app.db, &session, &body).await.map(Json)
}

/// Deletes a project: at once for everybody in it, its bytes after 35 days.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 204)))]
pub(super) async fn delete(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<StatusCode, Error> {
    projects::delete::delete(&app.db, &session, &project).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One project, with its members.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Project)))]
pub(super) async fn view(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<Project>, Error> {
    projects::view(&app.db, &session, &project).await.map(Json)
}
