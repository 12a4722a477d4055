//! The change feed.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::changes::ChangePage;
use collabtrack_protocol::limits::{MAX_CHANGES_HAD, MAX_CHANGES_PER_PAGE};
use collabtrack_protocol::problem::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Id, Params};
use crate::app::App;
use crate::error::{Error, refuse};
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
    /// Places after `since` whose documents the reader has as answers to requests of its own, apart by commas: those come without one.
    have: Option<String>,
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
    let have = places(after.have.as_deref().unwrap_or_default())?;
    let cursor = Cursor { since: after.since, last, epoch, have, limit: after.limit.unwrap_or(MAX_CHANGES_PER_PAGE) };
    feed::page(&app.db, &session, &project, &cursor).await.map(Json)
}

/// The places of a list such as `41,43`.
fn places(text: &str) -> Result<BTreeSet<i64>, Error> {
    let wrong = || refuse(ErrorCode::BadRequest, format!("`have` names at most {MAX_CHANGES_HAD} places of the feed, such as 41,43."));
    let places: Option<BTreeSet<i64>> = text.split(',').filter(|place| !place.is_empty()).map(|place| place.parse().ok()).collect();
    places.filter(|places| places.len() <= MAX_CHANGES_HAD).ok_or_else(wrong)
}
