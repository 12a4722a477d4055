//! Proposing versions, the inbox, deciding, and the record of what was decided.

use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_library::view::{ActivityView, InboxView, ProposalDetail, ProposalView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Proposes a version as the approved one of its track.
#[tauri::command]
pub(crate) async fn propose_version(app: State<'_, App>, version: String, reason: String) -> CommandResult<ProposalView> {
    Ok(app.library.propose_version(&VersionId::parse(&version)?, &reason).await?)
}

/// The inbox.
#[tauri::command]
pub(crate) async fn inbox(app: State<'_, App>) -> CommandResult<InboxView> {
    Ok(app.library.inbox().await?)
}

/// A proposal as reviewed.
#[tauri::command]
pub(crate) async fn proposal(app: State<'_, App>, change_set: String) -> CommandResult<ProposalDetail> {
    Ok(app.library.proposal(&ChangeSetId::parse(&change_set)?).await?)
}

/// Approves exactly what was shown.
#[tauri::command]
pub(crate) async fn approve(
    app: State<'_, App>,
    change_set: String,
    revision_digest: String,
    expected_head: String,
    effect_digest: String,
) -> CommandResult<ProposalView> {
    Ok(app.library.approve(&ChangeSetId::parse(&change_set)?, &revision_digest, &expected_head, &effect_digest).await?)
}

/// Rejects, with a reason.
#[tauri::command]
pub(crate) async fn reject(
    app: State<'_, App>,
    change_set: String,
    revision_digest: String,
    reason: String,
) -> CommandResult<ProposalView> {
    Ok(app.library.reject(&ChangeSetId::parse(&change_set)?, &revision_digest, &reason).await?)
}

/// Sends a proposal back, with a reason.
#[tauri::command]
pub(crate) async fn ask_for_changes(
    app: State<'_, App>,
    change_set: String,
    revision_digest: String,
    reason: String,
) -> CommandResult<ProposalView> {
    Ok(app.library.ask_for_changes(&ChangeSetId::parse(&change_set)?, &revision_digest, &reason).await?)
}

/// Takes back one's own proposal.
#[tauri::command]
pub(crate) async fn withdraw(app: State<'_, App>, change_set: String) -> CommandResult<ProposalView> {
    Ok(app.library.withdraw(&ChangeSetId::parse(&change_set)?).await?)
}

/// The audit log of a project, newest first.
#[tauri::command]
pub(crate) async fn activity(app: State<'_, App>, project: String) -> CommandResult<Vec<ActivityView>> {
    Ok(app.library.activity(&ProjectId::parse(&project)?).await?)
}
