//! Registering, signing in and out, proving once more who one is, second factors, the account, and what the server is.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collabtrack_protocol::accounts::{
    Account, AddressChanged, ChangeAddress, ChangePassword, ConfirmAddress, ConfirmRegistration, ConfirmTotp, Mailed, RecoveryCodes,
    Register, Registered, Renewed, RequestReset, Reset, ServerInfo, Setup, SignIn, SignedIn, StepUp, TotpSecret,
};
use collabtrack_protocol::approval::AuditPage;

use super::audit::After;
use super::extract::{Body, Params};
use crate::accounts::{by_mail, codes, leaving, proof, register as registering, sign_in as signing_in, totp};
use crate::app::App;
use crate::client::Client;
use crate::error::Error;
use crate::sessions::{self, Session};
use crate::{accounts, audit};

/// What this server is and allows; needs no session.
#[utoipa::path(get, path = "/server", tag = "accounts", responses((status = 200, body = ServerInfo)))]
pub(super) async fn server(State(app): State<App>) -> Json<ServerInfo> {
    Json(ServerInfo {
        service: "collabtrack".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration: app.service.registration.as_str().to_owned(),
        second_factor: if app.seal.is_some() { app.service.second_factor.as_str() } else { "off" }.to_owned(),
        mail: app.mail.is_some(),
    })
}

/// Makes an account and signs it in; where the server sends mail, a mail tells how it goes on, with the same answer for every address.
#[utoipa::path(post, path = "/auth/register", tag = "accounts", request_body = Register, responses((status = 200, body = SignedIn), (status = 202, body = Mailed)))]
pub(super) async fn register(State(app): State<App>, client: Client, Body(body): Body<Register>) -> Result<Response, Error> {
    Ok(match registering::register(&app, &client, &body).await? {
        Registered::SignedIn(signed_in) => Json(signed_in).into_response(),
        Registered::Mailed(mailed) => (StatusCode::ACCEPTED, Json(mailed)).into_response(),
    })
}

/// Makes the account that was asked for, with the code mailed to its address and its password, and signs it in.
#[utoipa::path(post, path = "/auth/confirm", tag = "accounts", request_body = ConfirmRegistration, responses((status = 200, body = SignedIn)))]
pub(super) async fn confirm_registration(
    State(app): State<App>,
    client: Client,
    Body(body): Body<ConfirmRegistration>,
) -> Result<Json<SignedIn>, Error> {
    by_mail::confirm_registration(&app, &client, &body).await.map(Json)
}

/// Signs in. An unknown address and a wrong password get the same answer.
#[utoipa::path(post, path = "/auth/sign-in", tag = "accounts", request_body = SignIn, responses((status = 200, body = SignedIn)))]
pub(super) async fn sign_in(State(app): State<App>, client: Client, Body(body): Body<SignIn>) -> Result<Json<SignedIn>, Error> {
    signing_in::sign_in(&app, &client, &body).await.map(Json)
}

/// Ends this session.
#[utoipa::path(post, path = "/auth/sign-out", tag = "accounts", security(("session" = [])), responses((status = 204)))]
pub(super) async fn sign_out(State(app): State<App>, session: Session) -> Result<StatusCode, Error> {
    sessions::close(&app.db, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the password again; the new token may do what needs it for ten minutes.
#[utoipa::path(post, path = "/auth/step-up", tag = "accounts", security(("session" = [])), request_body = StepUp, responses((status = 200, body = Renewed)))]
pub(super) async fn step_up(
    State(app): State<App>,
    client: Client,
    session: Session,
    Body(body): Body<StepUp>,
) -> Result<Json<Renewed>, Error> {
    proof::step_up(&app, &client, &session, &body).await.map(Json)
}

/// Gives this session a new token.
#[utoipa::path(post, path = "/auth/rotate", tag = "accounts", security(("session" = [])), responses((status = 200, body = Renewed)))]
pub(super) async fn rotate(State(app): State<App>, session: Session) -> Result<Json<Renewed>, Error> {
    use sessions::rotation::{Proof, renew};
    renew(&mut *app.db.acquire().await?, &session, Proof::Token).await.map(Json)
}

/// Sets a new password; every other session ends.
#[utoipa::path(post, path = "/auth/password", tag = "accounts", security(("session" = [])), request_body = ChangePassword, responses((status = 200, body = Renewed)))]
pub(super) async fn password(
    State(app): State<App>,
    client: Client,
    session: Session,
    Body(body): Body<ChangePassword>,
) -> Result<Json<Renewed>, Error> {
    proof::change_password(&app, &client, &session, &body).await.map(Json)
}

/// Sets a new password with a code; every session ends, nobody is signed in by it.
#[utoipa::path(post, path = "/auth/reset", tag = "accounts", request_body = Reset, responses((status = 204)))]
pub(super) async fn reset(State(app): State<App>, client: Client, Body(body): Body<Reset>) -> Result<StatusCode, Error> {
    codes::reset(&app, &client, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mails a code for a new password, if the address has an account; the answer is the same for every address.
#[utoipa::path(post, path = "/auth/reset/request", tag = "accounts", request_body = RequestReset, responses((status = 202, body = Mailed)))]
pub(super) async fn request_reset(
    State(app): State<App>,
    client: Client,
    Body(body): Body<RequestReset>,
) -> Result<(StatusCode, Json<Mailed>), Error> {
    Ok((StatusCode::ACCEPTED, Json(by_mail::request_reset(&app, &client, &body).await?)))
}

/// Gives the account another address; where the server sends mail, once the code mailed to it comes back.
#[utoipa::path(post, path = "/account/address", tag = "accounts", security(("session" = [])), request_body = ChangeAddress, responses((status = 200, body = Account), (status = 202, body = Mailed)))]
pub(super) async fn change_address(State(app): State<App>, session: Session, Body(body): Body<ChangeAddress>) -> Result<Response, Error> {
    Ok(match by_mail::change_address(&app, &session, &body).await? {
        AddressChanged::Changed(account) => Json(account).into_response(),
        AddressChanged::Mailed(mailed) => (StatusCode::ACCEPTED, Json(mailed)).into_response(),
    })
}

/// Confirms the address a code was mailed to.
#[utoipa::path(post, path = "/account/address/confirm", tag = "accounts", security(("session" = [])), request_body = ConfirmAddress, responses((status = 200, body = Account)))]
pub(super) async fn confirm_address(
    State(app): State<App>,
    client: Client,
    session: Session,
    Body(body): Body<ConfirmAddress>,
) -> Result<Json<Account>, Error> {
    by_mail::confirm_address(&app, &client, &session, &body).await.map(Json)
}

/// Deletes the account of this session. Its versions stay, by a former member.
#[utoipa::path(delete, path = "/account", tag = "accounts", security(("session" = [])), responses((status = 204)))]
pub(super) async fn delete_account(State(app): State<App>, session: Session) -> Result<StatusCode, Error> {
    leaving::delete(&app.db, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the signed-in account the first site admin, with a code of the operator.
#[utoipa::path(post, path = "/auth/setup", tag = "accounts", security(("session" = [])), request_body = Setup, responses((status = 204)))]
pub(super) async fn setup(State(app): State<App>, client: Client, session: Session, Body(body): Body<Setup>) -> Result<StatusCode, Error> {
    codes::setup(&app, &client, &session, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins setting up a second factor.
#[utoipa::path(post, path = "/auth/totp", tag = "accounts", security(("session" = [])), responses((status = 200, body = TotpSecret)))]
pub(super) async fn totp_begin(State(app): State<App>, session: Session) -> Result<Json<TotpSecret>, Error> {
    totp::begin(&app, &session).await.map(Json)
}

/// Switches the second factor on; other sessions end.
#[utoipa::path(post, path = "/auth/totp/confirm", tag = "accounts", security(("session" = [])), request_body = ConfirmTotp, responses((status = 200, body = RecoveryCodes)))]
pub(super) async fn totp_confirm(
    State(app): State<App>,
    session: Session,
    Body(body): Body<ConfirmTotp>,
) -> Result<Json<RecoveryCodes>, Error> {
    totp::confirm(&app, &session, &body).await.map(Json)
}

/// Switches the second factor off.
#[utoipa::path(delete, path = "/auth/totp", tag = "accounts", security(("session" = [])), responses((status = 204)))]
pub(super) async fn totp_off(State(app): State<App>, session: Session) -> Result<StatusCode, Error> {
    totp::switch_off(&app, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// New recovery codes; those before no longer count.
#[utoipa::path(post, path = "/auth/totp/recovery-codes", tag = "accounts", security(("session" = [])), responses((status = 200, body = RecoveryCodes)))]
pub(super) async fn recovery_codes(State(app): State<App>, session: Session) -> Result<Json<RecoveryCodes>, Error> {
    totp::new_recovery_codes(&app, &session).await.map(Json)
}

/// The account of this session.
#[utoipa::path(get, path = "/account", tag = "accounts", security(("session" = [])), responses((status = 200, body = Account)))]
pub(super) async fn account(State(app): State<App>, session: Session) -> Result<Json<Account>, Error> {
    accounts::view(&app.db, &session.account).await.map(Json)
}

/// The audit entries of the account of this session.
#[utoipa::path(get, path = "/account/audit", tag = "accounts", security(("session" = [])), params(After), responses((status = 200, body = AuditPage)))]
pub(super) async fn log(State(app): State<App>, session: Session, Params(after): Params<After>) -> Result<Json<AuditPage>, Error> {
    audit::own_page(&app.db, &session, after.since).await.map(Json)
}
