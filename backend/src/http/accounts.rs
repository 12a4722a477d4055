//! Registering, signing in and out, the account, and what the server is.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_protocol::accounts::{Account, Register, ServerInfo, SignIn, SignedIn};

use super::extract::Body;
use crate::accounts;
use crate::app::App;
use crate::error::Error;
use crate::sessions::{self, Session};

/// What this server is and allows; needs no session.
#[utoipa::path(get, path = "/server", tag = "accounts", responses((status = 200, body = ServerInfo)))]
pub(super) async fn server(State(app): State<App>) -> Json<ServerInfo> {
    Json(ServerInfo {
        service: "collabtrack".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration: app.registration.as_str().to_owned(),
    })
}

/// Makes an account and signs it in.
#[utoipa::path(post, path = "/auth/register", tag = "accounts", request_body = Register, responses((status = 200, body = SignedIn)))]
pub(super) async fn register(State(app): State<App>, Body(body): Body<Register>) -> Result<Json<SignedIn>, Error> {
    accounts::register(&app.db, &app.passwords, app.registration, &body).await.map(Json)
}

/// Signs in. An unknown address and a wrong password get the same answer.
#[utoipa::path(post, path = "/auth/sign-in", tag = "accounts", request_body = SignIn, responses((status = 200, body = SignedIn)))]
pub(super) async fn sign_in(State(app): State<App>, Body(body): Body<SignIn>) -> Result<Json<SignedIn>, Error> {
    accounts::sign_in(&app.db, &app.passwords, &body).await.map(Json)
}

/// Ends this session.
#[utoipa::path(post, path = "/auth/sign-out", tag = "accounts", security(("session" = [])), responses((status = 204)))]
pub(super) async fn sign_out(State(app): State<App>, session: Session) -> Result<StatusCode, Error> {
    sessions::close(&app.db, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account of this session.
#[utoipa::path(get, path = "/account", tag = "accounts", security(("session" = [])), responses((status = 200, body = Account)))]
pub(super) async fn account(State(app): State<App>, session: Session) -> Result<Json<Account>, Error> {
    accounts::view(&app.db, &session.account).await.map(Json)
}
