//! Change sets.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_protocol::approval::{
    Approve, Approved, ChangeSetDetail, ChangeSetList, ChangeSetSummary, DecideWithReason, Propose, Resolve, Revert, Reverted, Split,
    SplitUp,
};
use serde::Serialize;

use super::extract::{Body, Id};
use crate::app::App;
use crate::change_sets::idempotency::Repeatable;
use crate::change_sets::{
    approve as approving, decide, propose as proposing, resolve as resolving, revert as reverting, review, split as splitting,
};
use crate::error::{Error, invalid, not_found};
use crate::sessions::Session;

/// The change sets that are not decided, then the newest decided ones, with counters.
#[utoipa::path(get, path = "/projects/{project}/change-sets", tag = "approval", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = ChangeSetList)))]
pub(super) async fn list(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<ChangeSetList>, Error> {
    review::list(&app.db, &session, &project).await.map(Json)
}

/// Proposes a change set, or keeps it as a draft.
#[utoipa::path(post, path = "/projects/{project}/change-sets", tag = "approval", security(("session" = [])), params(("project" = String, Path)), request_body = Propose, responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn propose(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Body(body): Body<Propose>,
) -> Result<Json<ChangeSetSummary>, Error> {
    proposing::propose(&app.db, &session, &project, &body).await.map(Json)
}

/// One change set, and what approving it now would do.
#[utoipa::path(get, path = "/change-sets/{change_set}", tag = "approval", security(("session" = [])), params(("change_set" = String, Path)), responses((status = 200, body = ChangeSetDetail)))]
pub(super) async fn detail(State(app): State<App>, session: Session, Id(id): Id<ChangeSetId>) -> Result<Json<ChangeSetDetail>, Error> {
    review::detail(&app.db, &app.recent, &session, &id).await.map(Json)
}

/// The exact bytes of a revision.
#[utoipa::path(get, path = "/change-sets/{change_set}/revisions/{revision}", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("revision" = i64, Path)), responses((status = 200, body = Object)))]
pub(super) async fn revision(
    State(app): State<App>,
    session: Session,
    path: Result<Path<(String, i64)>, axum::extract::rejection::PathRejection>,
) -> Result<Response, Error> {
    let Path((id, revision)) = path.map_err(|_| not_found())?;
    let id = ChangeSetId::parse(&id).map_err(|_| not_found())?;
    let mut response = review::bytes(&app.db, &session, &id, revision).await?.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Writes a further revision of one's own change set.
#[utoipa::path(post, path = "/change-sets/{change_set}/revisions", tag = "approval", security(("session" = [])), params(("change_set" = String, Path)), request_body = Propose, responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn revise(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    Body(body): Body<Propose>,
) -> Result<Json<ChangeSetSummary>, Error> {
    proposing::revise(&app.db, &session, &id, &body).await.map(Json)
}

/// Puts one's own draft up for review.
#[utoipa::path(post, path = "/change-sets/{change_set}/submit", tag = "approval", security(("session" = [])), params(("change_set" = String, Path)), responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn submit(State(app): State<App>, session: Session, Id(id): Id<ChangeSetId>) -> Result<Json<ChangeSetSummary>, Error> {
    proposing::submit(&app.db, &session, &id).await.map(Json)
}

/// Takes one's own proposal back.
#[utoipa::path(post, path = "/change-sets/{change_set}/withdraw", tag = "approval", security(("session" = [])), params(("change_set" = String, Path)), responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn withdraw(State(app): State<App>, session: Session, Id(id): Id<ChangeSetId>) -> Result<Json<ChangeSetSummary>, Error> {
    proposing::withdraw(&app.db, &session, &id).await.map(Json)
}

/// Approves exactly what was shown. With an `Idempotency-Key` a repeated request gets the same answer for 7 days.
#[utoipa::path(post, path = "/change-sets/{change_set}/approve", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Approve, responses((status = 200, body = Approved)))]
pub(super) async fn approve(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    headers: HeaderMap,
    Body(body): Body<Approve>,
) -> Result<Json<Approved>, Error> {
    let repeatable = repeatable(&headers, "approve", &id, &body)?;
    approving::approve(&app.db, &app.recent, &session, &id, &body, repeatable.as_ref()).await.map(Json)
}

/// Refuses a proposal with a reason.
#[utoipa::path(post, path = "/change-sets/{change_set}/reject", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = DecideWithReason, responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn reject(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    headers: HeaderMap,
    Body(body): Body<DecideWithReason>,
) -> Result<Json<ChangeSetSummary>, Error> {
    let repeatable = repeatable(&headers, "reject", &id, &body)?;
    decide::reject(&app.db, &session, &id, &body, repeatable.as_ref()).await.map(Json)
}

/// Sends a proposal back to its author with a reason.
#[utoipa::path(post, path = "/change-sets/{change_set}/ask", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = DecideWithReason, responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn ask(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    headers: HeaderMap,
    Body(body): Body<DecideWithReason>,
) -> Result<Json<ChangeSetSummary>, Error> {
    let repeatable = repeatable(&headers, "ask", &id, &body)?;
    decide::ask(&app.db, &session, &id, &body, repeatable.as_ref()).await.map(Json)
}

/// Closes a set and opens two new ones: the operations kept, and the others.
#[utoipa::path(post, path = "/change-sets/{change_set}/split", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Split, responses((status = 200, body = SplitUp)))]
pub(super) async fn split(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    headers: HeaderMap,
    Body(body): Body<Split>,
) -> Result<Json<SplitUp>, Error> {
    let repeatable = repeatable(&headers, "split", &id, &body)?;
    splitting::split(&app.db, &session, &id, &body, repeatable.as_ref()).await.map(Json)
}

/// Settles every conflict of a set.
#[utoipa::path(post, path = "/change-sets/{change_set}/resolve", tag = "approval", security(("session" = [])), params(("change_set" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = Resolve, responses((status = 200, body = ChangeSetSummary)))]
pub(super) async fn resolve(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    headers: HeaderMap,
    Body(body): Body<Resolve>,
) -> Result<Json<ChangeSetSummary>, Error> {
    let repeatable = repeatable(&headers, "resolve", &id, &body)?;
    resolving::resolve(&app.db, &app.recent, &session, &id, &body, repeatable.as_ref()).await.map(Json)
}

/// Opens a proposal that takes an approved one back. The same id and body again give the same answer.
#[utoipa::path(post, path = "/change-sets/{change_set}/revert", tag = "approval", security(("session" = [])), params(("change_set" = String, Path)), request_body = Revert, responses((status = 200, body = Reverted)))]
pub(super) async fn revert(
    State(app): State<App>,
    session: Session,
    Id(id): Id<ChangeSetId>,
    Body(body): Body<Revert>,
) -> Result<Json<Reverted>, Error> {
    reverting::revert(&app.db, &session, &id, &body).await.map(Json)
}

/// What makes a request this one: its key, its verb, the set it is about and its body.
fn repeatable<T: Serialize>(headers: &HeaderMap, verb: &str, id: &ChangeSetId, body: &T) -> Result<Option<Repeatable>, Error> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().map_err(|_| invalid("Idempotency-Key", "An idempotency key is plain text."))?;
    let asked = serde_json::to_vec(body).map_err(|_| Error::Damaged { what: "request" })?;
    Repeatable::new(key, &[verb.as_bytes(), id.as_str().as_bytes(), &asked]).map(Some)
}
