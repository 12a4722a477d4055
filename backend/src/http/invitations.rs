//! Invitations.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_domain::id::{InvitationId, ProjectId};
use collabtrack_protocol::projects::{CreateInvitation, Invitation, InvitationCode, InvitationInfo, OpenInvitation, Project};

use super::extract::{Body, Id, Ids};
use crate::app::App;
use crate::client::Client;
use crate::error::Error;
use crate::invitations;
use crate::sessions::Session;

/// The open invitations of a project.
#[utoipa::path(get, path = "/projects/{project}/invitations", tag = "projects", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Vec<OpenInvitation>)))]
pub(super) async fn list(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<Vec<OpenInvitation>>, Error> {
    invitations::list(&app.db, &session, &project).await.map(Json)
}

/// Makes an invitation; its code is shown this once.
#[utoipa::path(post, path = "/projects/{project}/invitations", tag = "projects", security(("session" = [])), params(("project" = String, Path)), request_body = CreateInvitation, responses((status = 200, body = Invitation)))]
pub(super) async fn create(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<CreateInvitation>,
) -> Result<Json<Invitation>, Error> {
    invitations::create(&app, &session, &project, &body).await.map(Json)
}

/// A new code for an open invitation; the one before no longer counts.
#[utoipa::path(post, path = "/projects/{project}/invitations/{invitation}/code", tag = "projects", security(("session" = [])), params(("project" = String, Path), ("invitation" = String, Path)), responses((status = 200, body = Invitation)))]
pub(super) async fn reissue(
    State(app): State<App>,
    session: Session,
    Ids(project, invitation): Ids<ProjectId, InvitationId>,
) -> Result<Json<Invitation>, Error> {
    invitations::reissue(&app, &session, &project, &invitation).await.map(Json)
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/projects/{project}/invitations/{invitation}", tag = "projects", security(("session" = [])), params(("project" = String, Path), ("invitation" = String, Path)), responses((status = 204)))]
pub(super) async fn revoke(
    State(app): State<App>,
    session: Session,
    Ids(project, invitation): Ids<ProjectId, InvitationId>,
) -> Result<StatusCode, Error> {
    invitations::revoke(&app.db, &session, &project, &invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What an invitation is for.
#[utoipa::path(post, path = "/invitations/look", tag = "projects", security(("session" = [])), request_body = InvitationCode, responses((status = 200, body = InvitationInfo)))]
pub(super) async fn look(
    State(app): State<App>,
    client: Client,
    session: Session,
    Body(body): Body<InvitationCode>,
) -> Result<Json<InvitationInfo>, Error> {
    invitations::look(&app, &client, &session, &body.code).await.map(Json)
}

/// Joins the project; the code is spent by it.
#[utoipa::path(post, path = "/invitations/accept", tag = "projects", security(("session" = [])), request_body = InvitationCode, responses((status = 200, body = Project)))]
pub(super) async fn accept(
    State(app): State<App>,
    client: Client,
    session: Session,
    Body(body): Body<InvitationCode>,
) -> Result<Json<Project>, Error> {
    invitations::accept(&app, &client, &session, &body.code).await.map(Json)
}
