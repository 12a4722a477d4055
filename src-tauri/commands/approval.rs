//! Proposing versions, the inbox, deciding, and the record of what was decided.

use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_library::Identified;
use collabtrack_library::catalogue::CellEdit;
use collabtrack_library::view::review::HeldApproval;
use collabtrack_library::view::{ActivityView, ConflictChoice, InboxView, ProposalDetail, ProposalView, RevertView, SplitView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Proposes a version as the approved one of its track.
#[tauri::command]
pub(crate) async fn propose_version(app: State<'_, App>, version: String, reason: String) -> CommandResult<ProposalView> {
    Ok(app.library.propose_version(&VersionId::parse(&version)?, &reason).await?)
}

/// Proposes to retire a version.
#[tauri::command]
pub(crate) async fn propose_retire(app: State<'_, App>, version: String, reason: String) -> CommandResult<ProposalView> {
    Ok(app.library.propose_retire(&VersionId::parse(&version)?, &reason).await?)
}

/// Corrects one's own proposal, as its next revision.
#[tauri::command]
pub(crate) async fn revise(
    app: State<'_, App>,
    change_set: String,
    revision_digest: String,
    cells: Vec<CellEdit>,
    left_out: Vec<u32>,
    reason: String,
) -> CommandResult<ProposalView> {
    Ok(app.library.revise(&ChangeSetId::parse(&change_set)?, &revision_digest, &cells, &left_out, &reason).await?)
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

/// Writes down an approval that is sent when its seconds to undo are over.
#[tauri::command]
pub(crate) async fn hold_approval(app: State<'_, App>, held: HeldApproval) -> CommandResult<()> {
    Ok(app.library.hold_approval(held).await?)
}

/// Takes back an approval that was not sent yet.
#[tauri::command]
pub(crate) async fn release_approval(app: State<'_, App>, change_set: String) -> CommandResult<bool> {
    Ok(app.library.release_approval(&ChangeSetId::parse(&change_set)?).await?)
}

/// Approvals not sent yet.
#[tauri::command]
pub(crate) async fn held_approvals(app: State<'_, App>) -> CommandResult<Vec<HeldApproval>> {
    Ok(app.library.held_approvals().await?)
}

/// Which versions a file on disk is, byte for byte, and whether they are approved; none when the dialog was dismissed.
#[tauri::command]
pub(crate) async fn check_file(app: State<'_, App>) -> CommandResult<Option<Identified>> {
    let Some(file) = app.dialogs.open_any().await else { return Ok(None) };
    Ok(Some(app.library.identify(&file).await?))
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

/// Puts up for review one's own draft, or a proposal that was sent back.
#[tauri::command]
pub(crate) async fn submit(app: State<'_, App>, change_set: String) -> CommandResult<ProposalView> {
    Ok(app.library.submit(&ChangeSetId::parse(&change_set)?).await?)
}

/// Proposes a version and approves it, where this account may approve its own proposals.
#[tauri::command]
pub(crate) async fn propose_and_approve(app: State<'_, App>, version: String, reason: String) -> CommandResult<ProposalView> {
    Ok(app.library.propose_and_approve(&VersionId::parse(&version)?, &reason).await?)
}

/// Divides a proposal in two.
#[tauri::command]
pub(crate) async fn split(app: State<'_, App>, change_set: String, revision_digest: String, keep: Vec<u32>) -> CommandResult<SplitView> {
    Ok(app.library.split(&ChangeSetId::parse(&change_set)?, &revision_digest, keep).await?)
}

/// Settles every conflict of a proposal.
#[tauri::command]
pub(crate) async fn resolve(
    app: State<'_, App>,
    change_set: String,
    revision_digest: String,
    expected_head: String,
    choices: Vec<ConflictChoice>,
) -> CommandResult<ProposalView> {
    Ok(app.library.resolve(&ChangeSetId::parse(&change_set)?, &revision_digest, &expected_head, choices).await?)
}

/// Opens a proposal that takes back what an approved one did.
#[tauri::command]
pub(crate) async fn revert(app: State<'_, App>, change_set: String, reason: String, submit: bool) -> CommandResult<RevertView> {
    Ok(app.library.revert(&ChangeSetId::parse(&change_set)?, &reason, submit).await?)
}

/// The audit log of a project, newest first.
#[tauri::command]
pub(crate) async fn activity(app: State<'_, App>, project: String) -> CommandResult<Vec<ActivityView>> {
    Ok(app.library.activity(&ProjectId::parse(&project)?).await?)
}
