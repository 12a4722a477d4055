//! For site admins.

use collabtrack_domain::id::AccountId;
use collabtrack_library::Library;

use crate::arguments::Site;
use crate::output::{Output, Trouble};

/// `site …`.
pub(crate) async fn run(library: &Library, command: Site, output: &Output) -> Result<(), Trouble> {
    match command {
        Site::Claim { code } => {
            library.claim_site(&code).await?;
            output.answer(&true, |_| "You are the first site admin.".to_owned());
        }
        Site::Accounts { query } => {
            let accounts = library.site_accounts(&query).await?;
            output.answer(&accounts, |accounts| {
                let line = |one: &collabtrack_library::view::accounts::SiteAccountView| {
                    let state = if one.disabled { "disabled" } else { "enabled" };
                    let site = if one.site_admin { "  site admin" } else { "" };
                    format!("{}  {:8}  {}  {}{site}\n", one.id, state, one.email, one.name)
                };
                accounts.iter().map(line).collect()
            });
        }
        Site::Disable { account } => {
            library.disable_account(&AccountId::parse(&account)?).await?;
            output.answer(&account, |_| "The account is disabled; its sessions have ended.".to_owned());
        }
        Site::Enable { account } => {
            library.enable_account(&AccountId::parse(&account)?).await?;
            output.answer(&account, |_| "The account is enabled.".to_owned());
        }
        Site::ResetCode { account } => {
            let code = library.issue_reset_code(&AccountId::parse(&account)?).await?;
            output.answer(&code, |code| format!("{}\nGood once, until {}.", code.code, code.expires_at));
        }
        Site::Appoint { account } => {
            library.appoint_site_admin(&AccountId::parse(&account)?).await?;
            output.answer(&account, |_| "The account is a site admin.".to_owned());
        }
        Site::Demote { account } => {
            library.demote_site_admin(&AccountId::parse(&account)?).await?;
            output.answer(&account, |_| "The account is no longer a site admin.".to_owned());
        }
    }
    Ok(())
}
