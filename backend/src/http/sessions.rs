//! Sessions, known devices and device keys of one's own account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use collabtrack_protocol::accounts::{AddDeviceKey, DeviceGeneration, DeviceInfo, DeviceKeyInfo, GenerationKnown, SessionInfo};

use super::extract::{Body, Hex};
use crate::app::App;
use crate::error::Error;
use crate::projects;
use crate::sessions::{self, Session, device_keys, devices};

/// Every session of the account, newest use first.
#[utoipa::path(get, path = "/sessions", tag = "accounts", security(("session" = [])), responses((status = 200, body = Vec<SessionInfo>)))]
pub(super) async fn list(State(app): State<App>, session: Session) -> Result<Json<Vec<SessionInfo>>, Error> {
    sessions::list(&app.db, &session).await.map(Json)
}

/// Ends every other session of the account.
#[utoipa::path(delete, path = "/sessions", tag = "accounts", security(("session" = [])), responses((status = 204)))]
pub(super) async fn end_others(State(app): State<App>, session: Session) -> Result<StatusCode, Error> {
    sessions::end_others(&app.db, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of the account.
#[utoipa::path(delete, path = "/sessions/{session}", tag = "accounts", security(("session" = [])), params(("session" = String, Path)), responses((status = 204)))]
pub(super) async fn end(State(app): State<App>, session: Session, Hex(id): Hex) -> Result<StatusCode, Error> {
    sessions::end(&app.db, &session, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The devices that sign in without being slowed down by strangers.
#[utoipa::path(get, path = "/devices", tag = "accounts", security(("session" = [])), responses((status = 200, body = Vec<DeviceInfo>)))]
pub(super) async fn devices(State(app): State<App>, session: Session) -> Result<Json<Vec<DeviceInfo>>, Error> {
    devices::list(&app.db, &session).await.map(Json)
}

/// Forgets a device.
#[utoipa::path(delete, path = "/devices/{device}", tag = "accounts", security(("session" = [])), params(("device" = String, Path)), responses((status = 204)))]
pub(super) async fn forget(State(app): State<App>, session: Session, Hex(id): Hex) -> Result<StatusCode, Error> {
    devices::forget(&app.db, &session, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells how often a library was started on its device, once per start: an older image of a computer is recognised. The answer holds the
/// account's projects too.
#[utoipa::path(post, path = "/devices/generation", tag = "accounts", security(("session" = [])), request_body = DeviceGeneration, responses((status = 200, body = GenerationKnown)))]
pub(super) async fn generation(
    State(app): State<App>,
    session: Session,
    Body(body): Body<DeviceGeneration>,
) -> Result<Json<GenerationKnown>, Error> {
    let current = devices::generation(&app.db, &session, &body).await?;
    Ok(Json(GenerationKnown { current, projects: projects::list(&app.db, &session).await? }))
}

/// The keys that computers of the account sign with, newest first; revoked ones too.
#[utoipa::path(get, path = "/device-keys", tag = "accounts", security(("session" = [])), responses((status = 200, body = Vec<DeviceKeyInfo>)))]
pub(super) async fn keys(State(app): State<App>, session: Session) -> Result<Json<Vec<DeviceKeyInfo>>, Error> {
    device_keys::list(&app.db, &session).await.map(Json)
}

/// Takes the public half of a key made on a computer of the account.
#[utoipa::path(post, path = "/device-keys", tag = "accounts", security(("session" = [])), request_body = AddDeviceKey, responses((status = 200, body = DeviceKeyInfo)))]
pub(super) async fn add_key(
    State(app): State<App>,
    session: Session,
    Body(body): Body<AddDeviceKey>,
) -> Result<Json<DeviceKeyInfo>, Error> {
    device_keys::add(&app.db, &session, &body).await.map(Json)
}

/// Revokes a key of the account.
#[utoipa::path(delete, path = "/device-keys/{key}", tag = "accounts", security(("session" = [])), params(("key" = String, Path)), responses((status = 204)))]
pub(super) async fn revoke_key(State(app): State<App>, session: Session, Hex(id): Hex) -> Result<StatusCode, Error> {
    device_keys::revoke(&app.db, &session, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
