//! Connecting to a server, signing in, joining, inviting, syncing.

use collabtrack_domain::id::ProjectId;
use collabtrack_library::view::{ConnectionView, InvitationView, ProjectView, ServerView, StatusView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Asks a server what it is.
#[tauri::command]
pub(crate) async fn look_at_server(app: State<'_, App>, address: String) -> CommandResult<ServerView> {
    Ok(app.library.look_at_server(&address).await?)
}

/// Makes an account and signs in; nothing where the server mailed a code first.
#[tauri::command]
pub(crate) async fn register(
    app: State<'_, App>,
    address: String,
    name: String,
    email: String,
    password: String,
    invitation: Option<String>,
) -> CommandResult<Option<ConnectionView>> {
    Ok(app.library.register(&address, &name, &email, password.into(), invitation.as_deref()).await?)
}

/// Makes the account that was asked for, with the code mailed to its address, and signs in.
#[tauri::command]
pub(crate) async fn confirm_registration(
    app: State<'_, App>,
    address: String,
    code: String,
    password: String,
) -> CommandResult<ConnectionView> {
    Ok(app.library.confirm_registration(&address, &code, password.into()).await?)
}

/// Has a code for a new password mailed.
#[tauri::command]
pub(crate) async fn request_reset(app: State<'_, App>, address: String, email: String) -> CommandResult<()> {
    Ok(app.library.request_reset(&address, &email).await?)
}

/// Signs in.
#[tauri::command]
pub(crate) async fn sign_in(
    app: State<'_, App>,
    address: String,
    email: String,
    password: String,
    code: Option<String>,
) -> CommandResult<ConnectionView> {
    Ok(app.library.sign_in(&address, &email, password.into(), code.as_deref()).await?)
}

/// Ends the session on this computer; the work stays.
#[tauri::command]
pub(crate) async fn sign_out(app: State<'_, App>) -> CommandResult<ConnectionView> {
    Ok(app.library.sign_out().await?)
}

/// What an invitation code is for.
#[tauri::command]
pub(crate) async fn look_at_invitation(app: State<'_, App>, code: String) -> CommandResult<InvitationView> {
    Ok(app.library.look_at_invitation(&code).await?)
}

/// Joins a project.
#[tauri::command]
pub(crate) async fn join(app: State<'_, App>, code: String) -> CommandResult<ProjectView> {
    Ok(app.library.join(&code).await?)
}

/// Connects a project of this computer to the server.
#[tauri::command]
pub(crate) async fn put_on_server(app: State<'_, App>, project: String) -> CommandResult<ProjectView> {
    Ok(app.library.put_on_server(&ProjectId::parse(&project)?).await?)
}

/// Tries the server now.
#[tauri::command]
pub(crate) async fn sync_now(app: State<'_, App>) -> CommandResult<()> {
    Ok(app.library.sync_now().await?)
}

/// Pauses or resumes syncing.
#[tauri::command]
pub(crate) async fn pause_sync(app: State<'_, App>, paused: bool) -> CommandResult<StatusView> {
    app.library.pause_sync(paused).await?;
    Ok(app.library.status().await?)
}
