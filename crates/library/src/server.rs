//! Accounts, invitations and projects on the server, as the app and the companion ask for them.

use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::accounts::{ConfirmRegistration, Mailed, Register, Registered, RequestReset, ServerInfo, SignIn, SignedIn};
use collabtrack_protocol::projects::{InvitationCode, InvitationInfo, Project};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{commit, members, outbox, projects};
use crate::sync::http::Api;
use crate::sync::remote::RemoteError;
use crate::view::{ConnectionView, InvitationView, ProjectView, ServerView};

/// The address of a server in the form it is kept: scheme, host, port, path, no slash at its end. Without a scheme it is `https`, and
/// `http` for this computer.
/// # Errors
/// `Address` for anything that is not one, and for `http` to another computer's name that would send passwords in the clear.
pub fn normal_address(text: &str) -> Result<String> {
    let wrong = || LibraryError::Address { address: text.chars().take(200).collect() };
    let text_trimmed = text.trim();
    let with_scheme = if text_trimmed.contains("://") {
        text_trimmed.to_owned()
    } else {
        let probe = Url::parse(&format!("https://{text_trimmed}")).map_err(|_| wrong())?;
        let scheme = if is_near(&probe) { "http" } else { "https" };
        format!("{scheme}://{text_trimmed}")
    };
    let url = Url::parse(&with_scheme).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if !plain || url.host().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// This computer, or one in the same house by its number or `.local` name: such studios have no certificate.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub(crate) fn device_name() -> String {
    std::fs::read_to_string("/etc/hostname").ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_default()
}

impl Library {
    pub(crate) fn api_at(&self, address: &str, token: Option<SecretString>) -> Result<(Api, String)> {
        let address = normal_address(address)?;
        let base = Url::parse(&address).map_err(|_| LibraryError::Address { address: address.clone() })?;
        Ok((Api::new(base, token)?, address))
    }

    /// Asks a server what it is.
    /// # Errors
    /// `Address`, `NotCollabtrack`, or that it does not answer.
    pub async fn look_at_server(&self, address: &str) -> Result<ServerView> {
        let (api, address) = self.api_at(address, None)?;
        let info: ServerInfo = api.get("/server", &[]).await?;
        if info.service != "collabtrack" {
            return Err(RemoteError::NotCollabtrack { reason: "another service is there".into() }.into());
        }
        Ok(ServerView { address, registration: info.registration, version: info.version, mail: info.mail })
    }

    /// Asks a server what it is and remembers it for signing in. Whoever is signed in elsewhere stays so.
    /// # Errors
    /// As [`Library::look_at_server`]; `Invalid` while somebody is signed in at another server.
    pub async fn connect(&self, address: &str) -> Result<ServerView> {
        let server = self.look_at_server(address).await?;
        let (known, signed_in) = {
            let connection = self.connection();
            (connection.server.clone(), connection.account.is_some())
        };
        if known.as_ref() == Some(&server.address) {
            return Ok(server);
        }
        if signed_in {
            let known = known.unwrap_or_default();
            return Err(LibraryError::Invalid {
                what: format!("You are signed in at {known}. Sign out there before connecting to another server."),
            });
        }
        self.set_session(&server.address, None).await?;
        Ok(server)
    }

    /// Makes an account and signs in. Nothing where the server mailed a code: the account is made with [`Library::confirm_registration`].
    /// # Errors
    /// What the server refused, such as a password in common use.
    pub async fn register(
        &self,
        address: &str,
        name: &str,
        email: &str,
        password: SecretString,
        invitation: Option<&str>,
    ) -> Result<Option<ConnectionView>> {
        let (api, address) = self.api_at(address, None)?;
        let body = Register {
            name: name.to_owned(),
            email: email.to_owned(),
            password: password.expose_secret().to_owned(),
            invitation: invitation.map(str::to_owned),
            setup_code: None,
            device_name: device_name(),
        };
        match api.post("/auth/register", &body).await? {
            Registered::SignedIn(answer) => self.signed_in(&address, *answer).await.map(Some),
            Registered::Mailed(_) => Ok(None),
        }
    }

    /// Makes the account that was asked for, with the code mailed to its address and its password, and signs in.
    /// # Errors
    /// `code_invalid`, `wrong_credentials`, `address_taken`.
    pub async fn confirm_registration(&self, address: &str, code: &str, password: SecretString) -> Result<ConnectionView> {
        let (api, address) = self.api_at(address, None)?;
        let body = ConfirmRegistration { code: code.to_owned(), password: password.expose_secret().to_owned(), device_name: device_name() };
        let answer: SignedIn = api.post("/auth/confirm", &body).await?;
        self.signed_in(&address, answer).await
    }

    /// Has a code for a new password mailed to an address, if it has an account there.
    /// # Errors
    /// `invalid` for no address and where the server sends no mail; `too_many_requests`.
    pub async fn request_reset(&self, address: &str, email: &str) -> Result<()> {
        let (api, _) = self.api_at(address, None)?;
        let _: Mailed = api.post("/auth/reset/request", &RequestReset { email: email.to_owned() }).await?;
        Ok(())
    }

    /// Signs in; `code` is that of the second factor, after the server asked for it.
    /// # Errors
    /// `wrong_credentials`, `second_factor_needed`, `wrong_second_factor`, or that the server does not answer.
    pub async fn sign_in(&self, address: &str, email: &str, password: SecretString, code: Option<&str>) -> Result<ConnectionView> {
        let (api, address) = self.api_at(address, None)?;
        let device_token = self.device_token(&address, email).await;
        let body = SignIn {
            email: email.to_owned(),
            password: password.expose_secret().to_owned(),
            code: code.map(str::to_owned),
            device_token: device_token.as_ref().map(|token| token.expose_secret().to_owned()),
            device_name: device_name(),
        };
        let answer: SignedIn = api.post("/auth/sign-in", &body).await?;
        self.signed_in(&address, answer).await
    }

    async fn signed_in(&self, address: &str, answer: SignedIn) -> Result<ConnectionView> {
        self.credentials().set(address, answer.account.id.as_str(), answer.token.into()).await?;
        if let Some(token) = answer.device_token {
            self.keep_device_token(address, &answer.account.email, token.into()).await;
        }
        self.note_new_token().await?;
        self.set_session(address, Some((&answer.account.id, &answer.account.name, &answer.account.email))).await?;
        let mut transaction = self.store().write().await?;
        outbox::release(&mut transaction).await?;
        commit(transaction).await?;
        self.sync_state().waits().clear();
        self.wake_sync();
        Ok(self.connection_view())
    }

    /// Ends the session on this computer; also when the server does not answer. The work stays.
    /// # Errors
    /// What the keyring said.
    pub async fn sign_out(&self) -> Result<ConnectionView> {
        let (server, account) = {
            let connection = self.connection();
            (connection.server.clone(), connection.account.as_ref().map(|account| account.0.clone()))
        };
        let (Some(server), Some(account)) = (server, account) else { return Ok(self.connection_view()) };
        if let Ok(api) = self.api().await
            && let Err(error) = api.tell("/auth/sign-out").await
        {
            tracing::info!(%error, "the server was not told of signing out; the session ends there by itself");
        }
        self.credentials().forget(&server, account.as_str()).await?;
        self.set_session(&server, None).await?;
        Ok(self.connection_view())
    }

    /// What an invitation code is for.
    /// # Errors
    /// `SignedOut`, `invitation_invalid`.
    pub async fn look_at_invitation(&self, code: &str) -> Result<InvitationView> {
        let api = self.api().await?;
        let info: InvitationInfo = self.heard(api.post("/invitations/look", &InvitationCode { code: code.to_owned() }).await)?;
        Ok(InvitationView {
            project_name: info.project_name,
            project: info.project.to_string(),
            role: info.role.as_str().to_owned(),
            inviter: info.inviter.name,
            expires_at: info.expires_at,
        })
    }

    /// Joins a project.
    /// # Errors
    /// `SignedOut`, `invitation_invalid`, `already_member`.
    pub async fn join(&self, code: &str) -> Result<ProjectView> {
        let api = self.api().await?;
        let project: Project = self.heard(api.post("/invitations/accept", &InvitationCode { code: code.to_owned() }).await)?;
        let server = self.connection().server.clone().unwrap_or_default();
        let mut transaction = self.store().write().await?;
        projects::insert(&mut transaction, &project.id, &project.name, &clock::text(self.clock().now())).await?;
        projects::connect(&mut transaction, &project.id, &server).await?;
        projects::confirm(&mut transaction, &project.id, &project.name, project.role).await?;
        for member in &project.members {
            members::put(&mut transaction, &project.id, member).await?;
        }
        commit(transaction).await?;
        self.changed();
        self.wake_sync();
        self.project(&project.id).await
    }

    /// Connects a project of this computer to the server; its versions follow by themselves.
    /// # Errors
    /// `SignedOut`, `Unknown`, `Invalid` when it belongs to another server.
    pub async fn put_on_server(&self, id: &ProjectId) -> Result<ProjectView> {
        let remote = self.remote().await?;
        let server = self.connection().server.clone().unwrap_or_default();
        let known = projects::get(&mut *self.store().read().await?, id).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "project", id: id.to_string() })?;
        if let Some(other) = known.server.as_ref().filter(|other| **other != server) {
            return Err(LibraryError::Invalid { what: format!("This project belongs to {other}. Sign in there to sync it.") });
        }
        let mut transaction = self.store().write().await?;
        projects::connect(&mut transaction, id, &server).await?;
        commit(transaction).await?;
        if !known.on_server {
            // Told at once, so that a refusal is seen; without an answer the sync engine tells it later.
            match self.create_on_server(remote.as_ref(), id).await {
                Err(LibraryError::Remote(
                    RemoteError::Unreachable { .. } | RemoteError::Unavailable { .. } | RemoteError::NotCollabtrack { .. },
                )) => {}
                Err(error) => {
                    let mut transaction = self.store().write().await?;
                    projects::disconnect(&mut transaction, id).await?;
                    commit(transaction).await?;
                    return Err(error);
                }
                Ok(()) => {}
            }
        }
        self.changed();
        self.wake_sync();
        self.project(id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        let table = [
            ("https://Music.Example.org/", "https://music.example.org"),
            ("music.example.org", "https://music.example.org"),
            ("localhost:8000", "http://localhost:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("192.168.1.20:8000", "http://192.168.1.20:8000"),
            (" http://studio.local:8000/ ", "http://studio.local:8000"),
            ("https://example.org/music/", "https://example.org/music"),
        ];
        for (text, want) in table {
            assert_eq!(normal_address(text).expect("an address"), want, "{text}");
        }
        for text in ["", "ftp://example.org", "https://", "https://me:secret@example.org", "https://example.org/?a=b", "not a host"] {
            assert!(matches!(normal_address(text), Err(LibraryError::Address { .. })), "{text}");
        }
    }
}
