//! Invitations.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::projects::{CreateInvitation, Invitation, InvitationCode, InvitationInfo, Project};

use super::extract::{Body, Id};
use crate::app::App;
use crate::error::Error;
use crate::invitations;
use crate::sessions::Session;

/// Makes an invitation; its code is shown this once.
#[utoipa::path(post, path = "/projects/{project}/invitations", tag = "projects", security(("session" = [])), params(("project" = String, Path)), request_body = CreateInvitation, responses((status = 200, body = Invitation)))]
pub(super) async fn create(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<CreateInvitation>,
) -> Result<Json<Invitation>, Error> {
    invitations::create(&app.db, &session, &project, &body).await.map(Json)
}

/// What an invitation is for.
#[utoipa::path(post, path = "/invitations/look", tag = "projects", security(("session" = [])), request_body = InvitationCode, responses((status = 200, body = InvitationInfo)))]
pub(super) async fn look(
    State(app): State<App>,
    _session: Session,
    Body(body): Body<InvitationCode>,
) -> Result<Json<InvitationInfo>, Error> {
    invitations::look(&app.db, &body.code).await.map(Json)
}

/// Joins the project; the code is spent by it.
#[utoipa::path(post, path = "/invitations/accept", tag = "projects", security(("session" = [])), request_body = InvitationCode, responses((status = 200, body = Project)))]
pub(super) async fn accept(State(app): State<App>, session: Session, Body(body): Body<InvitationCode>) -> Result<Json<Project>, Error> {
    invitations::accept(&app.db, &session, &body.code).await.map(Json)
}
