//! Giving a version to other programs: the clipboard, the file manager, a file of one's own, a drag out of the window.

use std::path::PathBuf;

use collabtrack_domain::id::VersionId;
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Puts a copy of the version's file on the clipboard, to be pasted into a DAW or a folder.
#[tauri::command]
pub(crate) async fn copy_file(app: State<'_, App>, version: String) -> CommandResult<()> {
    let file = app.library.hand_out(&VersionId::parse(&version)?).await?;
    app.outside.copy(file)
}

/// Shows a copy of the version's file in the file manager.
#[tauri::command]
pub(crate) async fn reveal_file(app: State<'_, App>, version: String) -> CommandResult<()> {
    let file = app.library.hand_out(&VersionId::parse(&version)?).await?;
    app.outside.reveal(file)
}

/// Asks where to write the version and writes it there; the path, or nothing when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn export_version(app: State<'_, App>, version: String) -> CommandResult<Option<String>> {
    let version = VersionId::parse(&version)?;
    let name = app.library.name_for_others(&version).await?;
    let Some(target) = app.dialogs.save_sound(name).await else { return Ok(None) };
    let target: PathBuf = target;
    app.library.export(&version, &target).await?;
    Ok(Some(target.display().to_string()))
}

/// Starts dragging a copy of the version's file out of the window; the mouse button is down.
#[tauri::command]
pub(crate) async fn drag_out(app: State<'_, App>, version: String) -> CommandResult<()> {
    let file = app.library.hand_out(&VersionId::parse(&version)?).await?;
    app.outside.drag(file)
}

/// Addresses that fetch exactly the files of a version, for anybody, for at most a day.
#[tauri::command]
pub(crate) async fn plain_files(app: State<'_, App>, version: String) -> CommandResult<Vec<collabtrack_library::view::PlainFileView>> {
    Ok(app.library.plain_files(&VersionId::parse(&version)?).await?)
}
