//! What site admins do with accounts of the server.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::Setup;
use collabtrack_protocol::site::{ResetCode, SiteAccounts};

use crate::error::Result;
use crate::library::Library;
use crate::view::accounts::{ResetCodeView, SiteAccountView};

impl Library {
    /// Makes the signed-in account the first site admin, with a code of the operator.
    /// # Errors
    /// `code_invalid`, `already_decided`.
    pub async fn claim_site(&self, code: &str) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.send_json("/auth/setup", &Setup { code: code.to_owned() }).await)?)
    }

    /// Accounts whose address or name holds `query`, by address.
    /// # Errors
    /// `not_found` for whoever is no site admin.
    pub async fn site_accounts(&self, query: &str) -> Result<Vec<SiteAccountView>> {
        let api = self.api().await?;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let parameters = [("query", query), ("after", after.as_str())];
            let page: SiteAccounts = self.heard(api.get("/site/accounts", &parameters).await)?;
            found.extend(page.accounts.into_iter().map(|account| SiteAccountView {
                id: account.id.to_string(),
                name: account.name,
                email: account.email,
                created_at: account.created_at,
                disabled: account.disabled_at.is_some(),
                site_admin: account.site_admin,
                second_factor: account.second_factor,
                last_used_at: account.last_used_at,
            }));
            match page.next {
                Some(next) => after = next,
                None => return Ok(found),
            }
        }
    }

    /// Disables an account: its sessions end at once.
    /// # Errors
    /// `not_found`, `last_owner`, `step_up_required`.
    pub async fn disable_account(&self, account: &AccountId) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.tell(&format!("/site/accounts/{account}/disable")).await)?)
    }

    /// Enables an account again.
    /// # Errors
    /// `not_found`, `step_up_required`.
    pub async fn enable_account(&self, account: &AccountId) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.tell(&format!("/site/accounts/{account}/enable")).await)?)
    }

    /// A code with which an account sets a new password.
    /// # Errors
    /// `not_found`, `step_up_required`.
    pub async fn issue_reset_code(&self, account: &AccountId) -> Result<ResetCodeView> {
        let api = self.api().await?;
        let made: ResetCode = self.heard(api.post_empty(&format!("/site/accounts/{account}/reset-code")).await)?;
        Ok(ResetCodeView { code: made.code, expires_at: made.expires_at })
    }

    /// Makes an account a site admin.
    /// # Errors
    /// `not_found`, `step_up_required`.
    pub async fn appoint_site_admin(&self, account: &AccountId) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.put_empty(&format!("/site/admins/{account}")).await)?)
    }

    /// Makes a site admin an ordinary account.
    /// # Errors
    /// `not_found`, `last_owner`, `step_up_required`.
    pub async fn demote_site_admin(&self, account: &AccountId) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete(&format!("/site/admins/{account}")).await)?)
    }
}
