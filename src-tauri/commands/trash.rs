//! The trash.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::ProjectView;
use collabtrack_library::view::trash::{TrashedProjectView, TrashedVersionView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

fn ids(versions: &[String]) -> CommandResult<Vec<VersionId>> {
    Ok(versions.iter().map(|id| VersionId::parse(id)).collect::<Result<Vec<_>, _>>()?)
}

/// The trash of a project, or of all.
#[tauri::command]
pub(crate) async fn trash(app: State<'_, App>, project: Option<String>) -> CommandResult<Vec<TrashedVersionView>> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    Ok(app.library.trash(project.as_ref()).await?)
}

/// Puts versions into the trash.
#[tauri::command]
pub(crate) async fn trash_versions(app: State<'_, App>, versions: Vec<String>) -> CommandResult<()> {
    Ok(app.library.trash_versions(&ids(&versions)?).await?)
}

/// Puts every version of a track into the trash.
#[tauri::command]
pub(crate) async fn trash_track(app: State<'_, App>, track: String) -> CommandResult<()> {
    Ok(app.library.trash_track(&TrackId::parse(&track)?).await?)
}

/// Brings versions back from the trash.
#[tauri::command]
pub(crate) async fn put_back(app: State<'_, App>, versions: Vec<String>) -> CommandResult<()> {
    Ok(app.library.put_back(&ids(&versions)?).await?)
}

/// Puts a whole project into the trash of the server.
#[tauri::command]
pub(crate) async fn trash_project(app: State<'_, App>, project: String) -> CommandResult<TrashedProjectView> {
    Ok(app.library.trash_project(&ProjectId::parse(&project)?).await?)
}

/// The projects in the trash that this account owns.
#[tauri::command]
pub(crate) async fn trashed_projects(app: State<'_, App>) -> CommandResult<Vec<TrashedProjectView>> {
    Ok(app.library.trashed_projects().await?)
}

/// Brings a whole project back from the trash.
#[tauri::command]
pub(crate) async fn put_back_project(app: State<'_, App>, project: String) -> CommandResult<ProjectView> {
    Ok(app.library.put_back_project(&ProjectId::parse(&project)?).await?)
}
