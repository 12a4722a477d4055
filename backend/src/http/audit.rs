//! The audit log as its readers get it.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::approval::AuditPage;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Id, Params};
use crate::app::App;
use crate::audit;
use crate::error::Error;
use crate::sessions::Session;

/// Where to read on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// Place of the last entry seen; 0 for none.
    #[serde(default)]
    pub(super) since: i64,
}

/// The audit entries of a project after a place, as their exact bytes.
#[utoipa::path(get, path = "/projects/{project}/audit", tag = "audit", security(("session" = [])), params(("project" = String, Path), After), responses((status = 200, body = AuditPage)))]
pub(super) async fn page(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(after): Params<After>,
) -> Result<Json<AuditPage>, Error> {
    audit::page(&app.db, &session, &project, after.since).await.map(Json)
}
