//! The catalogue as a table, out as CSV and back.

use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::catalogue::csv::report::Answers;
use collabtrack_domain::id::ProjectId;
use collabtrack_library::catalogue::SheetEdits;
use collabtrack_library::view::catalogue::{NotReadyView, RespeltCellView, SharesView, SpellingView};
use collabtrack_library::view::columns::SchemaCheckView;
use collabtrack_library::view::imports::{CellCheckView, ImportView};
use collabtrack_library::view::{CatalogueHit, CatalogueView, ProposalView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// A table of the catalogue; none when it still is in the state that was seen.
#[tauri::command]
pub(crate) async fn catalogue(app: State<'_, App>, project: String, table: String, seen: String) -> CommandResult<Option<CatalogueView>> {
    Ok(app.library.catalogue_unless(&ProjectId::parse(&project)?, &table, &seen).await?)
}

/// Writes a table as CSV where the user says; the path as text, or none when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn export_catalogue(
    app: State<'_, App>,
    project: String,
    table: String,
    delimiter: Delimiter,
) -> CommandResult<Option<String>> {
    let project = ProjectId::parse(&project)?;
    let Some(target) = app.dialogs.save_csv(format!("{table}.csv")).await else { return Ok(None) };
    app.library.export_catalogue(&project, &table, delimiter, &target).await?;
    Ok(Some(target.to_string_lossy().into_owned()))
}

/// Writes everything this account may read of every project, or of one, as a zip where the user says; the path as text, or none when the
/// dialog was dismissed.
#[tauri::command]
pub(crate) async fn export_everything(app: State<'_, App>, project: Option<String>) -> CommandResult<Option<String>> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    let Some(target) = app.dialogs.save_zip("CollabTrack export.zip".to_owned()).await else { return Ok(None) };
    app.library.export_everything(project.as_ref(), &target).await?;
    Ok(Some(target.to_string_lossy().into_owned()))
}

/// Reads and checks an edited CSV, and keeps it as the draft of its table; nothing is proposed yet. None when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn import_catalogue(app: State<'_, App>, project: String, table: String) -> CommandResult<Option<ImportView>> {
    let project = ProjectId::parse(&project)?;
    let Some(source) = app.dialogs.open_csv().await else { return Ok(None) };
    let import = app.library.import_catalogue(&project, &table, &source).await?;
    app.library.import_keep(&import.import).await?;
    Ok(Some(import))
}

/// The CSV that is being looked at for a table, with its answers, also after a restart; none when there is none.
#[tauri::command]
pub(crate) async fn import_draft(app: State<'_, App>, project: String, table: String) -> CommandResult<Option<ImportView>> {
    Ok(app.library.import_draft(&ProjectId::parse(&project)?, &table).await?)
}

/// Throws a CSV that is being looked at and its answers away.
#[tauri::command]
pub(crate) async fn import_discard(app: State<'_, App>, import: String) -> CommandResult<()> {
    Ok(app.library.import_discard(&import).await?)
}

/// Checks the same file again with answers and choices.
#[tauri::command]
pub(crate) async fn import_answer(app: State<'_, App>, import: String, answers: Answers) -> CommandResult<ImportView> {
    Ok(app.library.import_answer(&import, &answers).await?)
}

/// Writes the problems of an import where the user says; the path as text, or none when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn import_problems(app: State<'_, App>, import: String) -> CommandResult<Option<String>> {
    let Some(target) = app.dialogs.save_csv("problems.csv".to_owned()).await else { return Ok(None) };
    app.library.import_problems(&import, &target).await?;
    Ok(Some(target.to_string_lossy().into_owned()))
}

/// The columns of a project as their JSON document.
#[tauri::command]
pub(crate) async fn schema(app: State<'_, App>, project: String) -> CommandResult<String> {
    Ok(app.library.schema_text(&ProjectId::parse(&project)?).await?)
}

/// What other columns would do, or where their document is wrong. Proposes nothing.
#[tauri::command]
pub(crate) async fn check_schema(app: State<'_, App>, project: String, document: String) -> CommandResult<SchemaCheckView> {
    Ok(app.library.check_schema(&ProjectId::parse(&project)?, &document).await?)
}

/// Proposes other columns.
#[tauri::command]
pub(crate) async fn propose_schema(
    app: State<'_, App>,
    project: String,
    document: String,
    title: String,
    reason: String,
) -> CommandResult<ProposalView> {
    Ok(app.library.propose_schema(&ProjectId::parse(&project)?, &document, &title, &reason).await?)
}

/// Rows that say all words of a query.
#[tauri::command]
pub(crate) async fn search_catalogue(app: State<'_, App>, project: Option<String>, query: String) -> CommandResult<Vec<CatalogueHit>> {
    let project = project.as_deref().map(ProjectId::parse).transpose()?;
    Ok(app.library.search_catalogue(project.as_ref(), &query).await?)
}

/// Proposes what a checked CSV would change.
#[tauri::command]
pub(crate) async fn import_propose(app: State<'_, App>, import: String, title: String, reason: String) -> CommandResult<ProposalView> {
    Ok(app.library.import_propose(&import, &title, &reason).await?)
}

/// What the rules of the columns say about edits. Proposes nothing.
#[tauri::command]
pub(crate) async fn check_cells(
    app: State<'_, App>,
    project: String,
    table: String,
    edits: SheetEdits,
) -> CommandResult<Vec<CellCheckView>> {
    Ok(app.library.check_cells(&ProjectId::parse(&project)?, &table, edits).await?)
}

/// Tracks whose shares do not add up or that have none, with edits of the splits that are not proposed yet.
#[tauri::command]
pub(crate) async fn shares(app: State<'_, App>, project: String, edits: SheetEdits) -> CommandResult<Option<SharesView>> {
    Ok(app.library.shares(&ProjectId::parse(&project)?, edits).await?)
}

/// Rows that a release cannot go out with, with edits that are not proposed yet.
#[tauri::command]
pub(crate) async fn not_ready(app: State<'_, App>, project: String, table: String, edits: SheetEdits) -> CommandResult<Vec<NotReadyView>> {
    Ok(app.library.not_ready(&ProjectId::parse(&project)?, &table, edits).await?)
}

/// Names written alike, with edits that are not proposed yet.
#[tauri::command]
pub(crate) async fn spellings(
    app: State<'_, App>,
    project: String,
    table: String,
    edits: SheetEdits,
) -> CommandResult<Vec<Vec<SpellingView>>> {
    Ok(app.library.spellings(&ProjectId::parse(&project)?, &table, edits).await?)
}

/// The cells that would change if several spellings became one. Proposes nothing.
#[tauri::command]
pub(crate) async fn respell(
    app: State<'_, App>,
    project: String,
    table: String,
    edits: SheetEdits,
    from: Vec<String>,
    to: String,
) -> CommandResult<Vec<RespeltCellView>> {
    Ok(app.library.respell(&ProjectId::parse(&project)?, &table, edits, from, to).await?)
}

/// Proposes edited cells, rows made by hand and rows to go.
#[tauri::command]
pub(crate) async fn propose_cells(
    app: State<'_, App>,
    project: String,
    table: String,
    title: String,
    reason: String,
    edits: SheetEdits,
) -> CommandResult<ProposalView> {
    Ok(app.library.propose_cells(&ProjectId::parse(&project)?, &table, &title, &reason, edits).await?)
}
