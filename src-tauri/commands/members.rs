//! Members, invitations and switches of a project.

use collabtrack_domain::id::{AccountId, InvitationId, ProjectId};
use collabtrack_library::view::accounts::{OpenInvitationView, PoliciesView};
use collabtrack_library::view::{MemberView, NewInvitationView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Who is in a project.
#[tauri::command]
pub(crate) async fn members(app: State<'_, App>, project: String) -> CommandResult<Vec<MemberView>> {
    Ok(app.library.members(&ProjectId::parse(&project)?).await?)
}

/// Gives a member another role.
#[tauri::command]
pub(crate) async fn change_role(app: State<'_, App>, project: String, account: String, role: String) -> CommandResult<Vec<MemberView>> {
    Ok(app.library.change_role(&ProjectId::parse(&project)?, &AccountId::parse(&account)?, &role).await?)
}

/// Removes a member; their versions stay.
#[tauri::command]
pub(crate) async fn remove_member(app: State<'_, App>, project: String, account: String) -> CommandResult<Vec<MemberView>> {
    Ok(app.library.remove_member(&ProjectId::parse(&project)?, &AccountId::parse(&account)?).await?)
}

/// Leaves a project; what is on this computer stays.
#[tauri::command]
pub(crate) async fn leave_project(app: State<'_, App>, project: String) -> CommandResult<()> {
    Ok(app.library.leave_project(&ProjectId::parse(&project)?).await?)
}

/// Hands a project to another member.
#[tauri::command]
pub(crate) async fn transfer_ownership(app: State<'_, App>, project: String, account: String) -> CommandResult<Vec<MemberView>> {
    Ok(app.library.transfer_ownership(&ProjectId::parse(&project)?, &AccountId::parse(&account)?).await?)
}

/// Makes an invitation code.
#[tauri::command]
pub(crate) async fn invite(
    app: State<'_, App>,
    project: String,
    role: String,
    email: Option<String>,
    days: Option<u32>,
    mail: Option<bool>,
) -> CommandResult<NewInvitationView> {
    let project = ProjectId::parse(&project)?;
    Ok(match email {
        Some(email) if mail.unwrap_or_default() => app.library.invite_by_mail(&project, &role, &email, days).await?,
        email => app.library.invite(&project, &role, email.as_deref(), days).await?,
    })
}

/// The open invitations of a project.
#[tauri::command]
pub(crate) async fn invitations(app: State<'_, App>, project: String) -> CommandResult<Vec<OpenInvitationView>> {
    Ok(app.library.invitations(&ProjectId::parse(&project)?).await?)
}

/// Takes an invitation back.
#[tauri::command]
pub(crate) async fn revoke_invitation(app: State<'_, App>, project: String, invitation: String) -> CommandResult<()> {
    Ok(app.library.revoke_invitation(&ProjectId::parse(&project)?, &InvitationId::parse(&invitation)?).await?)
}

/// A new code for an open invitation.
#[tauri::command]
pub(crate) async fn renew_invitation(app: State<'_, App>, project: String, invitation: String) -> CommandResult<NewInvitationView> {
    Ok(app.library.renew_invitation(&ProjectId::parse(&project)?, &InvitationId::parse(&invitation)?).await?)
}

/// The switches of a project.
#[tauri::command]
pub(crate) async fn policies(app: State<'_, App>, project: String) -> CommandResult<PoliciesView> {
    Ok(app.library.policies(&ProjectId::parse(&project)?).await?)
}

/// Sets the switches of a project.
#[tauri::command]
pub(crate) async fn set_policies(app: State<'_, App>, project: String, policies: PoliciesView) -> CommandResult<PoliciesView> {
    Ok(app.library.set_policies(&ProjectId::parse(&project)?, &policies).await?)
}
