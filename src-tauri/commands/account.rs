//! The signed-in account: sessions, devices, password, second factor, and where sessions are kept on this computer.

use collabtrack_library::view::ConnectionView;
use collabtrack_library::view::accounts::{AccountView, CredentialsView, DeviceKeyView, DeviceView, SessionView, TotpSecretView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// The account as the server knows it.
#[tauri::command]
pub(crate) async fn account(app: State<'_, App>) -> CommandResult<AccountView> {
    Ok(app.library.account().await?)
}

/// Gives the password again, for what needs it.
#[tauri::command]
pub(crate) async fn step_up(app: State<'_, App>, password: String, code: Option<String>) -> CommandResult<()> {
    Ok(app.library.step_up(password.into(), code.as_deref()).await?)
}

/// Sets a new password; every other session ends.
#[tauri::command]
pub(crate) async fn change_password(app: State<'_, App>, current: String, new: String, code: Option<String>) -> CommandResult<()> {
    Ok(app.library.change_password(current.into(), new.into(), code.as_deref()).await?)
}

/// Gives the account another address; nothing where the server mailed a code first.
#[tauri::command]
pub(crate) async fn change_address(app: State<'_, App>, email: String) -> CommandResult<Option<AccountView>> {
    Ok(app.library.change_address(&email).await?)
}

/// Confirms the address with the code mailed to it.
#[tauri::command]
pub(crate) async fn confirm_address(app: State<'_, App>, code: String) -> CommandResult<AccountView> {
    Ok(app.library.confirm_address(&code).await?)
}

/// Deletes the account on the server; what is on this computer stays.
#[tauri::command]
pub(crate) async fn delete_account(app: State<'_, App>) -> CommandResult<ConnectionView> {
    Ok(app.library.delete_account().await?)
}

/// Sets a new password with a code of a site admin or of a mail.
#[tauri::command]
pub(crate) async fn reset_password(app: State<'_, App>, address: String, code: String, new: String) -> CommandResult<()> {
    Ok(app.library.reset_password(&address, &code, new.into()).await?)
}

/// The sessions of the account.
#[tauri::command]
pub(crate) async fn sessions(app: State<'_, App>) -> CommandResult<Vec<SessionView>> {
    Ok(app.library.sessions().await?)
}

/// Ends one session.
#[tauri::command]
pub(crate) async fn end_session(app: State<'_, App>, session: String) -> CommandResult<()> {
    Ok(app.library.end_session(&session).await?)
}

/// Ends every other session.
#[tauri::command]
pub(crate) async fn end_other_sessions(app: State<'_, App>) -> CommandResult<()> {
    Ok(app.library.end_other_sessions().await?)
}

/// The devices the account knows.
#[tauri::command]
pub(crate) async fn known_devices(app: State<'_, App>) -> CommandResult<Vec<DeviceView>> {
    Ok(app.library.known_devices().await?)
}

/// Forgets a device.
#[tauri::command]
pub(crate) async fn forget_device(app: State<'_, App>, id: String) -> CommandResult<()> {
    Ok(app.library.forget_device(&id).await?)
}

/// The keys that computers of the account sign with.
#[tauri::command]
pub(crate) async fn device_keys(app: State<'_, App>) -> CommandResult<Vec<DeviceKeyView>> {
    Ok(app.library.device_keys().await?)
}

/// Makes a key on this computer.
#[tauri::command]
pub(crate) async fn make_device_key(app: State<'_, App>) -> CommandResult<Vec<DeviceKeyView>> {
    Ok(app.library.make_device_key().await?)
}

/// Revokes a key.
#[tauri::command]
pub(crate) async fn revoke_device_key(app: State<'_, App>, id: String) -> CommandResult<Vec<DeviceKeyView>> {
    Ok(app.library.revoke_device_key(&id).await?)
}

/// Begins setting up a second factor.
#[tauri::command]
pub(crate) async fn totp_begin(app: State<'_, App>) -> CommandResult<TotpSecretView> {
    Ok(app.library.totp_begin().await?)
}

/// Switches the second factor on; answers the recovery codes.
#[tauri::command]
pub(crate) async fn totp_confirm(app: State<'_, App>, code: String) -> CommandResult<Vec<String>> {
    Ok(app.library.totp_confirm(&code).await?)
}

/// Switches the second factor off.
#[tauri::command]
pub(crate) async fn totp_off(app: State<'_, App>) -> CommandResult<()> {
    Ok(app.library.totp_off().await?)
}

/// New recovery codes.
#[tauri::command]
pub(crate) async fn new_recovery_codes(app: State<'_, App>) -> CommandResult<Vec<String>> {
    Ok(app.library.new_recovery_codes().await?)
}

/// Where sessions are kept on this computer.
#[tauri::command]
pub(crate) fn credentials(app: State<'_, App>) -> CredentialsView {
    app.library.credentials_view()
}

/// Keeps sessions in a file sealed with a passphrase, or opens the one that is there.
#[tauri::command]
pub(crate) async fn keep_sessions_in_file(app: State<'_, App>, passphrase: String) -> CommandResult<CredentialsView> {
    Ok(app.library.keep_sessions_in_file(passphrase.into()).await?)
}

/// Keeps sessions in memory only.
#[tauri::command]
pub(crate) async fn ask_at_each_launch(app: State<'_, App>) -> CommandResult<CredentialsView> {
    Ok(app.library.ask_at_each_launch()?)
}
