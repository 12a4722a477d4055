//! Members of a project, and its switches.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_protocol::projects::{ChangeRole, Policies, Project, TransferOwnership};

use super::extract::{Body, Id, Ids};
use crate::app::App;
use crate::error::Error;
use crate::members;
use crate::sessions::Session;

/// Gives a member another role.
#[utoipa::path(put, path = "/projects/{project}/members/{account}", tag = "projects", security(("session" = [])), params(("project" = String, Path), ("account" = String, Path)), request_body = ChangeRole, responses((status = 200, body = Project)))]
pub(super) async fn change_role(
    State(app): State<App>,
    session: Session,
    Ids(project, account): Ids<ProjectId, AccountId>,
    Body(body): Body<ChangeRole>,
) -> Result<Json<Project>, Error> {
    members::change_role(&app.db, &session, &project, &account, &body).await.map(Json)
}

/// Removes a member, or leaves the project. Versions stay.
#[utoipa::path(delete, path = "/projects/{project}/members/{account}", tag = "projects", security(("session" = [])), params(("project" = String, Path), ("account" = String, Path)), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<App>,
    session: Session,
    Ids(project, account): Ids<ProjectId, AccountId>,
) -> Result<StatusCode, Error> {
    members::remove(&app.db, &session, &project, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands the project to another member.
#[utoipa::path(post, path = "/projects/{project}/transfer", tag = "projects", security(("session" = [])), params(("project" = String, Path)), request_body = TransferOwnership, responses((status = 200, body = Project)))]
pub(super) async fn transfer(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<TransferOwnership>,
) -> Result<Json<Project>, Error> {
    members::transfer(&app.db, &session, &project, &body).await.map(Json)
}

/// The switches of a project.
#[utoipa::path(get, path = "/projects/{project}/policies", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Policies)))]
pub(super) async fn policies(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<Policies>, Error> {
    members::policies(&app.db, &session, &project).await.map(Json)
}

/// Sets the switches of a project.
#[utoipa::path(put, path = "/projects/{project}/policies", tag = "projects", security(("session" = [])), params(("project" = String, Path)), request_body = Policies, responses((status = 200, body = Policies)))]
pub(super) async fn set_policies(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<Policies>,
) -> Result<Json<Policies>, Error> {
    members::set_policies(&app.db, &session, &project, &body).await.map(Json)
}
