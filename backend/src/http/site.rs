//! What site admins do. For everybody else these addresses answer like what is not there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_domain::id::AccountId;
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::site::{ResetCode, SiteAccounts, SiteProject};
use serde::Deserialize;
use utoipa::IntoParams;

use super::audit::After;
use super::extract::{Id, Params};
use crate::app::App;
use crate::error::Error;
use crate::sessions::Session;
use crate::{audit, site};

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Part of the address or name.
    #[serde(default)]
    query: String,
    /// Where the page before ended.
    #[serde(default)]
    after: String,
}

/// Where a list goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GoOn {
    /// The last id of the page before.
    #[serde(default)]
    after: String,
}

/// Accounts, by address.
#[utoipa::path(get, path = "/site/accounts", tag = "site", security(("session" = [])), params(Which), responses((status = 200, body = SiteAccounts)))]
pub(super) async fn accounts(State(app): State<App>, session: Session, Params(which): Params<Which>) -> Result<Json<SiteAccounts>, Error> {
    site::accounts(&app.db, &session, &which.query, &which.after).await.map(Json)
}

/// Disables an account; its sessions end at once.
#[utoipa::path(post, path = "/site/accounts/{account}/disable", tag = "site", security(("session" = [])), params(("account" = String, Path)), responses((status = 204)))]
pub(super) async fn disable(State(app): State<App>, session: Session, Id(account): Id<AccountId>) -> Result<StatusCode, Error> {
    site::disable(&app.db, &session, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enables an account again.
#[utoipa::path(post, path = "/site/accounts/{account}/enable", tag = "site", security(("session" = [])), params(("account" = String, Path)), responses((status = 204)))]
pub(super) async fn enable(State(app): State<App>, session: Session, Id(account): Id<AccountId>) -> Result<StatusCode, Error> {
    site::enable(&app.db, &session, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a code with which the account sets a new password.
#[utoipa::path(post, path = "/site/accounts/{account}/reset-code", tag = "site", security(("session" = [])), params(("account" = String, Path)), responses((status = 200, body = ResetCode)))]
pub(super) async fn reset_code(State(app): State<App>, session: Session, Id(account): Id<AccountId>) -> Result<Json<ResetCode>, Error> {
    site::reset_code(&app.db, &session, &account).await.map(Json)
}

/// Makes an account a site admin.
#[utoipa::path(put, path = "/site/admins/{account}", tag = "site", security(("session" = [])), params(("account" = String, Path)), responses((status = 204)))]
pub(super) async fn appoint(State(app): State<App>, session: Session, Id(account): Id<AccountId>) -> Result<StatusCode, Error> {
    site::appoint(&app.db, &session, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a site admin an ordinary account.
#[utoipa::path(delete, path = "/site/admins/{account}", tag = "site", security(("session" = [])), params(("account" = String, Path)), responses((status = 204)))]
pub(super) async fn demote(State(app): State<App>, session: Session, Id(account): Id<AccountId>) -> Result<StatusCode, Error> {
    site::demote(&app.db, &session, &account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Projects by id, name and size; no content.
#[utoipa::path(get, path = "/site/projects", tag = "site", security(("session" = [])), params(GoOn), responses((status = 200, body = Vec<SiteProject>)))]
pub(super) async fn projects(
    State(app): State<App>,
    session: Session,
    Params(place): Params<GoOn>,
) -> Result<Json<Vec<SiteProject>>, Error> {
    site::projects(&app.db, &session, &place.after).await.map(Json)
}

/// The audit entries of the site.
#[utoipa::path(get, path = "/site/audit", tag = "site", security(("session" = [])), params(After), responses((status = 200, body = AuditPage)))]
pub(super) async fn log(State(app): State<App>, session: Session, Params(after): Params<After>) -> Result<Json<AuditPage>, Error> {
    audit::site_page(&app.db, &session, after.since).await.map(Json)
}
