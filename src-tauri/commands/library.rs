//! Projects, tracks, versions, and the folders they come from.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::{CandidateView, ProjectView, StatusView, TrackDetail, TrackView, VersionView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// The top of every screen.
#[tauri::command]
pub(crate) async fn status(app: State<'_, App>) -> CommandResult<StatusView> {
    Ok(app.library.status().await?)
}

/// The dashboard.
#[tauri::command]
pub(crate) async fn projects(app: State<'_, App>) -> CommandResult<Vec<ProjectView>> {
    Ok(app.library.projects().await?)
}

/// The tracks of a project, or of all.
#[tauri::command]
pub(crate) async fn tracks(app: State<'_, App>, project: Option<String>) -> CommandResult<Vec<TrackView>> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    Ok(app.library.tracks(project.as_ref()).await?)
}

/// A track with its history.
#[tauri::command]
pub(crate) async fn track(app: State<'_, App>, track: String) -> CommandResult<TrackDetail> {
    Ok(app.library.track(&TrackId::parse(&track)?).await?)
}

/// Files that are not versions (yet).
#[tauri::command]
pub(crate) async fn candidates(app: State<'_, App>) -> CommandResult<Vec<CandidateView>> {
    Ok(app.library.candidates().await?)
}

/// Asks for a folder and watches it, as a new project or as one more folder of a project. `None` when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn choose_folder(app: State<'_, App>, project: Option<String>) -> CommandResult<Option<ProjectView>> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    let Some(folder) = app.dialogs.folder().await else { return Ok(None) };
    Ok(Some(app.library.add_folder(project.as_ref(), &folder).await?))
}

/// A project without a folder.
#[tauri::command]
pub(crate) async fn create_project(app: State<'_, App>, name: String) -> CommandResult<ProjectView> {
    Ok(app.library.create_project(&name).await?)
}

/// Looks through the folders of a project now.
#[tauri::command]
pub(crate) async fn rescan(app: State<'_, App>, project: String) -> CommandResult<()> {
    Ok(app.library.rescan(&ProjectId::parse(&project)?).await?)
}

/// Takes a version of a file that does not settle.
#[tauri::command]
pub(crate) async fn take_now(app: State<'_, App>, candidate: String) -> CommandResult<()> {
    Ok(app.library.take_now(&candidate).await?)
}

/// Writes the note of a version.
#[tauri::command]
pub(crate) async fn set_note(app: State<'_, App>, version: String, note: String) -> CommandResult<VersionView> {
    Ok(app.library.set_note(&VersionId::parse(&version)?, &note).await?)
}

/// Names a track.
#[tauri::command]
pub(crate) async fn rename_track(app: State<'_, App>, track: String, name: String) -> CommandResult<TrackView> {
    Ok(app.library.rename_track(&TrackId::parse(&track)?, &name).await?)
}

/// Goes back to an older version: it becomes the newest one, no file is touched.
#[tauri::command]
pub(crate) async fn restore_version(app: State<'_, App>, version: String) -> CommandResult<VersionView> {
    Ok(app.library.restore_version(&VersionId::parse(&version)?).await?)
}

/// Fetches the exact bytes of a version now.
#[tauri::command]
pub(crate) async fn get_original(app: State<'_, App>, version: String) -> CommandResult<()> {
    Ok(app.library.get_original(&VersionId::parse(&version)?).await?)
}
