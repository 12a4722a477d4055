//! The signed-in account: its sessions, devices, password and second factor, and renewing the session's token in time.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::accounts::{
    Account, AddressChanged, ChangeAddress, ChangePassword, ConfirmAddress, ConfirmTotp, DeviceInfo, RecoveryCodes, Renewed, Reset,
    ServerInfo, SessionInfo, StepUp, TotpSecret,
};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::commit;
use crate::store::settings::{self, Setting};
use crate::view::ConnectionView;
use crate::view::accounts::{AccountView, DeviceView, SessionView, TotpSecretView};

mod qr;

/// A token is renewed after this time.
const RENEW_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// Under which name the device's token for an address is kept: that address is asked for before anybody is known.
fn device_user(email: &str) -> String {
    format!("device {}", &ObjectHash::of(email.trim().to_lowercase().as_bytes()).to_string()[..16])
}

impl Library {
    /// The account as the server knows it.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub async fn account(&self) -> Result<AccountView> {
        let api = self.api().await?;
        let account: Account = self.heard(api.get("/account", &[]).await)?;
        let server: ServerInfo = self.heard(api.get("/server", &[]).await)?;
        Ok(AccountView {
            id: account.id.to_string(),
            name: account.name,
            email: account.email,
            email_confirmed: account.email_confirmed,
            mail: server.mail,
            site_admin: account.site_admin,
            second_factor: account.second_factor,
            recovery_codes_left: account.recovery_codes_left,
            second_factor_policy: server.second_factor,
        })
    }

    /// Gives the password again, for what needs it: holds for ten minutes.
    /// # Errors
    /// `wrong_credentials`, `second_factor_needed`, `wrong_second_factor`.
    pub async fn step_up(&self, password: SecretString, code: Option<&str>) -> Result<()> {
        let api = self.api().await?;
        let body = StepUp { password: password.expose_secret().to_owned(), code: code.map(str::to_owned) };
        let renewed: Renewed = self.heard(api.post("/auth/step-up", &body).await)?;
        self.adopt(renewed).await
    }

    /// Sets a new password; every other session of the account ends.
    /// # Errors
    /// `wrong_credentials`, `second_factor_needed`, `password_refused`.
    pub async fn change_password(&self, current: SecretString, new: SecretString, code: Option<&str>) -> Result<()> {
        let api = self.api().await?;
        let body = ChangePassword {
            current: current.expose_secret().to_owned(),
            new: new.expose_secret().to_owned(),
            code: code.map(str::to_owned),
        };
        let renewed: Renewed = self.heard(api.post("/auth/password", &body).await)?;
        self.adopt(renewed).await
    }

    /// Gives the account another address, or asks for a code to confirm the one it has. Nothing where the server mailed a code: the
    /// address changes with [`Library::confirm_address`].
    /// # Errors
    /// `step_up_required`, `invalid`, `address_taken`, `too_many_requests`.
    pub async fn change_address(&self, email: &str) -> Result<Option<AccountView>> {
        let api = self.api().await?;
        let answer: AddressChanged = self.heard(api.post("/account/address", &ChangeAddress { email: email.to_owned() }).await)?;
        match answer {
            AddressChanged::Changed(_) => self.new_address().await.map(Some),
            AddressChanged::Mailed(_) => Ok(None),
        }
    }

    /// Confirms the address with the code mailed to it.
    /// # Errors
    /// `code_invalid`, `address_taken`.
    pub async fn confirm_address(&self, code: &str) -> Result<AccountView> {
        let api = self.api().await?;
        let _: Account = self.heard(api.post("/account/address/confirm", &ConfirmAddress { code: code.to_owned() }).await)?;
        self.new_address().await
    }

    async fn new_address(&self) -> Result<AccountView> {
        let account = self.account().await?;
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::AccountEmail, Some(&account.email)).await?;
        commit(transaction).await?;
        Ok(account)
    }

    /// Deletes the account on the server. What is on this computer stays.
    /// # Errors
    /// `step_up_required`, `last_owner`.
    pub async fn delete_account(&self) -> Result<ConnectionView> {
        let api = self.api().await?;
        let (server, account) = self.who()?;
        self.heard(api.delete("/account").await)?;
        self.credentials().forget(&server, &account).await?;
        self.set_session(&server, None).await?;
        Ok(self.connection_view())
    }

    /// Sets a new password with a code of a site admin or of a mail. Nobody is signed in by it, and every session ends.
    /// # Errors
    /// `code_invalid`, `password_refused`.
    pub async fn reset_password(&self, address: &str, code: &str, new: SecretString) -> Result<()> {
        let (api, _) = self.api_at(address, None)?;
        Ok(api.send_json("/auth/reset", &Reset { code: code.to_owned(), new: new.expose_secret().to_owned() }).await?)
    }

    /// The sessions of the account, newest use first.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub async fn sessions(&self) -> Result<Vec<SessionView>> {
        let api = self.api().await?;
        let sessions: Vec<SessionInfo> = self.heard(api.get("/sessions", &[]).await)?;
        let view = |session: SessionInfo| SessionView {
            id: session.id,
            device_name: session.device_name,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: session.current,
        };
        Ok(sessions.into_iter().map(view).collect())
    }

    /// Ends one session; ending one's own is signing out.
    /// # Errors
    /// `SignedOut`, `not_found`.
    pub async fn end_session(&self, id: &str) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete(&format!("/sessions/{}", path_part(id))).await)?)
    }

    /// Ends every other session.
    /// # Errors
    /// `SignedOut`.
    pub async fn end_other_sessions(&self) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete("/sessions").await)?)
    }

    /// The devices the account knows.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub async fn known_devices(&self) -> Result<Vec<DeviceView>> {
        let api = self.api().await?;
        let devices: Vec<DeviceInfo> = self.heard(api.get("/devices", &[]).await)?;
        let view = |device: DeviceInfo| DeviceView {
            id: device.id,
            name: device.name,
            created_at: device.created_at,
            last_used_at: device.last_used_at,
            expires_at: device.expires_at,
        };
        Ok(devices.into_iter().map(view).collect())
    }

    /// Forgets a device.
    /// # Errors
    /// `SignedOut`, `not_found`.
    pub async fn forget_device(&self, id: &str) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete(&format!("/devices/{}", path_part(id))).await)?)
    }

    /// Begins setting up a second factor.
    /// # Errors
    /// `step_up_required`, `already_decided`, `not_found` where the server offers none.
    pub async fn totp_begin(&self) -> Result<TotpSecretView> {
        let api = self.api().await?;
        let made: TotpSecret = self.heard(api.post_empty("/auth/totp").await)?;
        Ok(TotpSecretView { qr: qr::qr(&made.uri), secret: made.secret, uri: made.uri })
    }

    /// Switches the second factor on; answers the recovery codes, this once.
    /// # Errors
    /// `step_up_required`, `wrong_second_factor`.
    pub async fn totp_confirm(&self, code: &str) -> Result<Vec<String>> {
        let api = self.api().await?;
        let answer: RecoveryCodes = self.heard(api.post("/auth/totp/confirm", &ConfirmTotp { code: code.to_owned() }).await)?;
        Ok(answer.codes)
    }

    /// Switches the second factor off.
    /// # Errors
    /// `step_up_required`.
    pub async fn totp_off(&self) -> Result<()> {
        let api = self.api().await?;
        Ok(self.heard(api.delete("/auth/totp").await)?)
    }

    /// New recovery codes; those before no longer count.
    /// # Errors
    /// `step_up_required`.
    pub async fn new_recovery_codes(&self) -> Result<Vec<String>> {
        let api = self.api().await?;
        let answer: RecoveryCodes = self.heard(api.post_empty("/auth/totp/recovery-codes").await)?;
        Ok(answer.codes)
    }

    /// Renews the session's token when it is a day old.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub(crate) async fn renew_if_due(&self) -> Result<()> {
        let since = settings::get(&mut *self.store().read().await?, Setting::TokenSince).await?;
        let since: i64 = since.and_then(|text| text.parse().ok()).unwrap_or_default();
        if self.clock().now().as_millisecond() - since < RENEW_AFTER_MS {
            return Ok(());
        }
        let api = self.api().await?;
        let renewed: Renewed = self.heard(api.post_empty("/auth/rotate").await)?;
        self.adopt(renewed).await
    }

    /// Keeps a new token before it is used: only then does it count on the server, so a token that could not be kept signs nobody out.
    async fn adopt(&self, renewed: Renewed) -> Result<()> {
        let (server, account) = self.who()?;
        self.credentials().set(&server, &account, renewed.token.clone().into()).await?;
        let kept = self.credentials().read_back(&server, &account).await?;
        if kept.is_none_or(|kept| kept.expose_secret() != renewed.token) {
            tracing::warn!("the new session token was not kept; the old one goes on");
            return Ok(());
        }
        self.note_new_token().await
    }

    /// Whether the kept token is another one than the one just refused: another program renewed it. It is used from now on.
    pub(crate) async fn has_other_token(&self) -> Result<bool> {
        let (server, account) = self.who()?;
        let changed = self.credentials().reload(&server, &account).await?;
        if changed {
            self.forget_trouble();
        }
        Ok(changed)
    }

    pub(crate) fn who(&self) -> Result<(String, String)> {
        let connection = self.connection();
        match (&connection.server, &connection.account) {
            (Some(server), Some((id, _))) => Ok((server.clone(), id.to_string())),
            _ => Err(LibraryError::SignedOut),
        }
    }

    pub(crate) async fn note_new_token(&self) -> Result<()> {
        let now = self.clock().now().as_millisecond().to_string();
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::TokenSince, Some(&now)).await?;
        Ok(commit(transaction).await?)
    }

    /// The token that makes this device known for an address, if there is one. Without it signing in works too.
    pub(crate) async fn device_token(&self, server: &str, email: &str) -> Option<SecretString> {
        self.credentials().get(server, &device_user(email)).await.unwrap_or_default()
    }

    pub(crate) async fn keep_device_token(&self, server: &str, email: &str, token: SecretString) {
        if let Err(error) = self.credentials().set(server, &device_user(email), token).await {
            tracing::info!(%error, "this device stays unknown to the server; signing in works as before");
        }
    }
}

/// A part of an address: ids hold nothing else, and what is no id finds nothing.
pub(crate) fn path_part(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_device_token_does_not_tell_the_address() {
        assert_eq!(device_user(" Ann@Example.com"), device_user("ann@example.com"));
        assert!(!device_user("ann@example.com").contains("ann"));
        assert_eq!(path_part("../../etc"), "etc");
    }
}
