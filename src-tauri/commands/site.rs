//! For site admins: the accounts of the server.

use collabtrack_domain::id::AccountId;
use collabtrack_library::view::accounts::{ResetCodeView, SiteAccountView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// Makes the signed-in account the first site admin, with a code of the operator.
#[tauri::command]
pub(crate) async fn claim_site(app: State<'_, App>, code: String) -> CommandResult<()> {
    Ok(app.library.claim_site(&code).await?)
}

/// Accounts whose address or name holds the query.
#[tauri::command]
pub(crate) async fn site_accounts(app: State<'_, App>, query: String) -> CommandResult<Vec<SiteAccountView>> {
    Ok(app.library.site_accounts(&query).await?)
}

/// Disables an account: its sessions end at once.
#[tauri::command]
pub(crate) async fn disable_account(app: State<'_, App>, account: String) -> CommandResult<()> {
    Ok(app.library.disable_account(&AccountId::parse(&account)?).await?)
}

/// Enables an account again.
#[tauri::command]
pub(crate) async fn enable_account(app: State<'_, App>, account: String) -> CommandResult<()> {
    Ok(app.library.enable_account(&AccountId::parse(&account)?).await?)
}

/// A code with which an account sets a new password.
#[tauri::command]
pub(crate) async fn issue_reset_code(app: State<'_, App>, account: String) -> CommandResult<ResetCodeView> {
    Ok(app.library.issue_reset_code(&AccountId::parse(&account)?).await?)
}

/// Makes an account a site admin.
#[tauri::command]
pub(crate) async fn appoint_site_admin(app: State<'_, App>, account: String) -> CommandResult<()> {
    Ok(app.library.appoint_site_admin(&AccountId::parse(&account)?).await?)
}

/// Makes a site admin an ordinary account.
#[tauri::command]
pub(crate) async fn demote_site_admin(app: State<'_, App>, account: String) -> CommandResult<()> {
    Ok(app.library.demote_site_admin(&AccountId::parse(&account)?).await?)
}
