//! Projects.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::projects::{CreateProject, Project, TrashedProject};

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

/// One project, with its members.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Project)))]
pub(super) async fn view(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<Project>, Error> {
    projects::view(&app.db, &session, &project).await.map(Json)
}

/// Puts a project into the trash: nobody reaches it, and its owners bring it back within 35 days.
#[utoipa::path(post, path = "/projects/{project}/trash", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = TrashedProject)))]
pub(super) async fn trash(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<TrashedProject>, Error> {
    projects::trash::trash(&app.db, &session, &project).await.map(Json)
}

/// Brings a project back from the trash.
#[utoipa::path(post, path = "/projects/{project}/restore", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Project)))]
pub(super) async fn restore(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<Project>, Error> {
    projects::trash::restore(&app.db, &session, &project).await.map(Json)
}

/// The projects in the trash that this account owns.
#[utoipa::path(get, path = "/trash", tag = "projects", security(("session" = [])), responses((status = 200, body = Vec<TrashedProject>)))]
pub(super) async fn trashed(State(app): State<App>, session: Session) -> Result<Json<Vec<TrashedProject>>, Error> {
    projects::trash::list(&app.db, &session).await.map(Json)
}
