//! The change feed.

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::changes::ChangePage;
use collabtrack_protocol::limits::MAX_CHANGES_PER_PAGE;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Id, Params};
use crate::app::App;
use crate::error::Error;
use crate::feed::{self, Cursor};
use crate::sessions::Session;

/// What a reader already has.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// Place of the last change seen; 0 for nothing.
    #[serde(default)]
    since: i64,
    /// Id of that change.
    last: Option<String>,
    /// Epoch in which it was read.
    epoch: Option<String>,
    /// Most changes wanted.
    limit: Option<u32>,
}

/// The changes after a place in the feed; 409 `feed_diverged` when the reader's history is not the server's.
#[utoipa::path(get, path = "/projects/{project}/changes", tag = "changes", security(("session" = [])), params(("project" = String, Path), After), responses((status = 200, body = ChangePage)))]
pub(super) async fn page(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(after): Params<After>,
) -> Result<Json<ChangePage>, Error> {
    let last = after.last.filter(|last| !last.is_empty());
    let epoch = after.epoch.filter(|epoch| !epoch.is_empty());
    let cursor = Cursor { since: after.since, last, epoch, limit: after.limit.unwrap_or(MAX_CHANGES_PER_PAGE) };
    feed::page(&app.db, &session, &project, &cursor).await.map(Json)
}
