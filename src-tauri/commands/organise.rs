//! Correcting where versions belong, taking over folders, and what stays on this computer.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::{
    CaptureRulesView, FolderProposal, KeepingView, LimitsView, ProjectView, ProposedTrack, TrackDetail, VersionView,
};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Says what kind of version it is.
#[tauri::command]
pub(crate) async fn set_kind(app: State<'_, App>, version: String, kind: String) -> CommandResult<VersionView> {
    Ok(app.library.set_kind(&VersionId::parse(&version)?, &kind).await?)
}

/// Moves versions to another track; files of their names belong there from now on.
#[tauri::command]
pub(crate) async fn move_versions(app: State<'_, App>, versions: Vec<String>, track: String) -> CommandResult<TrackDetail> {
    let versions = versions.iter().map(|id| VersionId::parse(id)).collect::<Result<Vec<_>, _>>()?;
    Ok(app.library.move_versions(&versions, &TrackId::parse(&track)?).await?)
}

/// Splits versions off into a new track.
#[tauri::command]
pub(crate) async fn split_track(app: State<'_, App>, versions: Vec<String>, name: String) -> CommandResult<TrackDetail> {
    let versions = versions.iter().map(|id| VersionId::parse(id)).collect::<Result<Vec<_>, _>>()?;
    Ok(app.library.split_track(&versions, &name).await?)
}

/// Makes two tracks one.
#[tauri::command]
pub(crate) async fn merge_tracks(app: State<'_, App>, from: String, into: String) -> CommandResult<TrackDetail> {
    Ok(app.library.merge_tracks(&TrackId::parse(&from)?, &TrackId::parse(&into)?).await?)
}

/// Asks for a folder and proposes its tracks and versions; nothing is recorded. `None` when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn propose_folder(app: State<'_, App>) -> CommandResult<Option<FolderProposal>> {
    let Some(folder) = app.dialogs.folder().await else { return Ok(None) };
    Ok(Some(app.library.propose_folder(&folder).await?))
}

/// Takes over a proposed folder as edited.
#[tauri::command]
pub(crate) async fn take_over(
    app: State<'_, App>,
    proposal: String,
    project: Option<String>,
    tracks: Vec<ProposedTrack>,
) -> CommandResult<ProjectView> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    Ok(app.library.take_over(&proposal, project.as_ref(), &tracks).await?)
}

/// How many files of a taken-over folder are still to be taken.
#[tauri::command]
pub(crate) async fn taking_over(app: State<'_, App>, project: String) -> CommandResult<usize> {
    Ok(app.library.taking_over(&ProjectId::parse(&project)?).await?)
}

/// Ends taking over; the rest stays out until it changes.
#[tauri::command]
pub(crate) async fn stop_taking_over(app: State<'_, App>, project: String) -> CommandResult<ProjectView> {
    Ok(app.library.stop_taking_over(&ProjectId::parse(&project)?).await?)
}

/// What a project takes and leaves out.
#[tauri::command]
pub(crate) async fn capture_rules(app: State<'_, App>, project: String) -> CommandResult<CaptureRulesView> {
    Ok(app.library.capture_rules(&ProjectId::parse(&project)?).await?)
}

/// Sets what a project takes and leaves out.
#[tauri::command]
pub(crate) async fn set_capture_rules(app: State<'_, App>, project: String, rules: CaptureRulesView) -> CommandResult<CaptureRulesView> {
    Ok(app.library.set_capture_rules(&ProjectId::parse(&project)?, &rules).await?)
}

/// Which originals of a project stay here.
#[tauri::command]
pub(crate) async fn keeping(app: State<'_, App>, project: String) -> CommandResult<KeepingView> {
    Ok(app.library.keeping(&ProjectId::parse(&project)?).await?)
}

/// Sets which originals of a project stay here.
#[tauri::command]
pub(crate) async fn set_keeping(
    app: State<'_, App>,
    project: String,
    originals: String,
    budget_bytes: Option<u64>,
) -> CommandResult<KeepingView> {
    Ok(app.library.set_keeping(&ProjectId::parse(&project)?, &originals, budget_bytes).await?)
}

/// Keeps the original of a version here whatever the project says, or no longer.
#[tauri::command]
pub(crate) async fn pin(app: State<'_, App>, version: String, pinned: bool) -> CommandResult<()> {
    Ok(app.library.pin(&VersionId::parse(&version)?, pinned).await?)
}

/// Most bytes per second that syncing uses.
#[tauri::command]
pub(crate) async fn limits(app: State<'_, App>) -> CommandResult<LimitsView> {
    Ok(app.library.limits().await?)
}

/// Sets them.
#[tauri::command]
pub(crate) async fn set_limits(app: State<'_, App>, limits: LimitsView) -> CommandResult<LimitsView> {
    Ok(app.library.set_limits(limits).await?)
}
