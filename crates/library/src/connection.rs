//! The server this computer works with: who is signed in, whether it answers, and what the top of every screen says.

use collabtrack_domain::id::AccountId;
use secrecy::SecretString;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::settings::{self, Setting};
use crate::store::{Store, change_sets, commit, shown};
use crate::sync::remote::RemoteError;
use crate::view::{ConnectionState, ConnectionView, LimitsView, StatusView, SyncView};

/// Least limit that still lets a piece through in sensible time.
const LEAST_RATE: u64 = 1_000;

/// What is known of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// Address of the server.
    pub(crate) server: Option<String>,
    /// The signed-in account and its name.
    pub(crate) account: Option<(AccountId, String)>,
    /// Syncing paused by the user.
    pub(crate) paused: bool,
    /// Since when the server does not answer, and why.
    offline: Option<(String, String)>,
    /// What only the user can mend.
    trouble: Option<String>,
}

impl Connection {
    /// As the library remembers it.
    pub(crate) async fn load(store: &Store) -> Result<Self> {
        let mut connection = store.read().await?;
        let server = settings::get(&mut connection, Setting::Server).await?;
        let id = settings::get(&mut connection, Setting::AccountId).await?.and_then(|id| AccountId::parse(&id).ok());
        let name = settings::get(&mut connection, Setting::AccountName).await?.unwrap_or_default();
        let paused = settings::get(&mut connection, Setting::Paused).await?.is_some();
        Ok(Self { server, account: id.map(|id| (id, name)), paused, offline: None, trouble: None })
    }

    /// A server that was given instead of one over HTTP has no address and no accounts: it counts as one that is signed in to.
    pub(crate) fn stand_in(&mut self) {
        self.server.get_or_insert_with(|| "given".to_owned());
        self.account.get_or_insert_with(|| (AccountId::from_random([7; 17]), "You".to_owned()));
    }

    /// How it stands.
    pub(crate) fn state(&self) -> ConnectionState {
        if self.server.is_none() {
            ConnectionState::None
        } else if self.account.is_none() {
            ConnectionState::SignedOut
        } else if self.trouble.is_some() {
            ConnectionState::NeedsYou
        } else if self.offline.is_some() {
            ConnectionState::Offline
        } else {
            ConnectionState::Connected
        }
    }

    /// What is wrong and what to do.
    pub(crate) fn message(&self) -> Option<String> {
        self.trouble.clone().or_else(|| self.offline.as_ref().map(|(_, why)| why.clone()))
    }
}

const SESSION_ENDED: &str = "Your session has ended. Your music on this computer is complete; sign in again to go on syncing.";
const NOT_KEPT: &str = "This computer keeps no session between starts. Your music here is complete; sign in to go on syncing.";

impl Library {
    /// The token of the signed-in account and the server's address.
    /// # Errors
    /// `SignedOut`, or what the keyring said.
    pub(crate) async fn session(&self) -> Result<(String, SecretString)> {
        let (server, account) = {
            let connection = self.connection();
            match (&connection.server, &connection.account) {
                (Some(server), Some((id, _))) => (server.clone(), id.clone()),
                _ => return Err(LibraryError::SignedOut),
            }
        };
        match self.credentials().get(&server, account.as_str()).await? {
            Some(token) => Ok((server, token)),
            None => {
                self.set_trouble(Some(NOT_KEPT.to_owned()));
                Err(LibraryError::SignedOut)
            }
        }
    }

    /// Remembers who is signed in where.
    pub(crate) async fn set_session(&self, server: &str, account: Option<(&AccountId, &str, &str)>) -> Result<()> {
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::Server, Some(server)).await?;
        settings::set(&mut transaction, Setting::AccountId, account.map(|account| account.0.as_str())).await?;
        settings::set(&mut transaction, Setting::AccountName, account.map(|account| account.1)).await?;
        settings::set(&mut transaction, Setting::AccountEmail, account.map(|account| account.2)).await?;
        commit(transaction).await?;
        {
            let mut connection = self.connection();
            connection.server = Some(server.to_owned());
            connection.account = account.map(|account| (account.0.clone(), account.1.to_owned()));
            connection.offline = None;
            connection.trouble = None;
        }
        self.sync_changed();
        Ok(())
    }

    /// Pauses or resumes syncing.
    /// # Errors
    /// What the database said.
    pub async fn pause_sync(&self, paused: bool) -> Result<()> {
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::Paused, paused.then_some("1")).await?;
        commit(transaction).await?;
        self.connection().paused = paused;
        self.sync_changed();
        self.wake_sync();
        Ok(())
    }

    /// Most bytes per second that syncing uses.
    /// # Errors
    /// What the database said.
    pub async fn limits(&self) -> Result<LimitsView> {
        let mut connection = self.store().read().await?;
        Ok(LimitsView {
            up_bytes_per_s: settings::number(&mut connection, Setting::UpLimit).await?,
            down_bytes_per_s: settings::number(&mut connection, Setting::DownLimit).await?,
        })
    }

    /// Sets them; also what is on its way keeps to them from now on.
    /// # Errors
    /// `Invalid` below 1 kB per second.
    pub async fn set_limits(&self, limits: LimitsView) -> Result<LimitsView> {
        if [limits.up_bytes_per_s, limits.down_bytes_per_s].into_iter().flatten().any(|rate| rate < LEAST_RATE) {
            return Err(LibraryError::Invalid {
                what: format!("A limit is at least {LEAST_RATE} bytes per second; to stop syncing, pause it."),
            });
        }
        let text = |rate: Option<u64>| rate.map(|rate| rate.to_string());
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::UpLimit, text(limits.up_bytes_per_s).as_deref()).await?;
        settings::set(&mut transaction, Setting::DownLimit, text(limits.down_bytes_per_s).as_deref()).await?;
        commit(transaction).await?;
        self.apply_limits().await?;
        self.sync_changed();
        self.limits().await
    }

    /// Lets the limits that are set hold.
    pub(crate) async fn apply_limits(&self) -> Result<()> {
        let limits = self.limits().await?;
        self.sync_state().limits.up.set(limits.up_bytes_per_s);
        self.sync_state().limits.pace.forget();
        self.sync_state().limits.down.set(limits.down_bytes_per_s);
        Ok(())
    }

    /// What the user had to mend is mended.
    pub(crate) fn forget_trouble(&self) {
        self.set_trouble(None);
    }

    fn set_trouble(&self, trouble: Option<String>) {
        let news = {
            let mut connection = self.connection();
            let news = connection.trouble != trouble;
            connection.trouble = trouble;
            news
        };
        if news {
            self.sync_changed();
        }
    }

    /// Draws conclusions from an answer of the server, or from its silence.
    pub(crate) fn heard<T>(&self, result: std::result::Result<T, RemoteError>) -> std::result::Result<T, RemoteError> {
        use collabtrack_protocol::problem::ErrorCode;
        match &result {
            Err(RemoteError::Unreachable { .. } | RemoteError::NotCollabtrack { .. }) => {
                let since = clock::text(self.clock().now());
                let why = result.as_ref().err().map(|error| error.texts().0).unwrap_or_default();
                let news = {
                    let mut connection = self.connection();
                    let news = connection.offline.is_none();
                    let since = connection.offline.take().map_or(since, |(since, _)| since);
                    connection.offline = Some((since, why));
                    news
                };
                if news {
                    self.sync_changed();
                }
            }
            Err(RemoteError::Refused(problem)) if problem.code == ErrorCode::Unauthorized => {
                self.set_trouble(Some(SESSION_ENDED.to_owned()));
                self.set_online();
            }
            Err(RemoteError::Refused(_)) | Ok(_) => self.set_online(),
            Err(_) => {}
        }
        result
    }

    fn set_online(&self) {
        if self.connection().offline.take().is_some() {
            self.sync_changed();
        }
    }

    /// The connection as screens show it.
    pub(crate) fn connection_view(&self) -> ConnectionView {
        let connection = self.connection().clone();
        ConnectionView {
            state: connection.state(),
            message: connection.message(),
            credential: connection.account.as_ref().map(|_| self.credentials().place()),
            account_name: connection.account.as_ref().map(|account| account.1.clone()),
            account_id: connection.account.as_ref().map(|account| account.0.to_string()),
            server: connection.server,
            offline_since: connection.offline.map(|(since, _)| since),
        }
    }

    /// The top of every screen.
    /// # Errors
    /// What the database said.
    pub async fn status(&self) -> Result<StatusView> {
        let mut connection = self.store().read().await?;
        let waiting = shown::waiting(&mut connection).await?;
        let fetching = self.fetching(&mut connection).await?;
        let inbox = change_sets::waiting_for_deciders(&mut connection).await?;
        drop(connection);
        let view = self.connection_view();
        let paused = self.connection().paused;
        Ok(StatusView {
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            sync: SyncView { waiting, fetching, paused, sentence: sentence(&view.state, paused, waiting, fetching) },
            connection: view,
            inbox,
            revision: self.revision(),
            suggested_server: self.options().suggested_server.clone(),
        })
    }
}

/// What the syncing is doing, in one sentence. It claims safety only when nothing waits and the server answers.
fn sentence(state: &ConnectionState, paused: bool, waiting: i64, fetching: i64) -> String {
    let versions = |count: i64| if count == 1 { "1 version".to_owned() } else { format!("{count} versions") };
    match state {
        ConnectionState::None => "Everything is on this computer".to_owned(),
        ConnectionState::SignedOut => "Nobody is signed in. Everything is on this computer".to_owned(),
        ConnectionState::NeedsYou => "Syncing needs you".to_owned(),
        ConnectionState::Offline if waiting == 0 => "Offline. Everything made here is safe on the server".to_owned(),
        ConnectionState::Offline => format!("Offline. {} will go out later", versions(waiting)),
        ConnectionState::Connected if paused => format!("Paused. {} wait", versions(waiting)),
        ConnectionState::Connected if waiting > 0 => format!("Sending {}", versions(waiting)),
        ConnectionState::Connected if fetching > 0 => format!("Fetching {}", versions(fetching)),
        ConnectionState::Connected => "Everything is safe on the server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safety_is_claimed_only_when_nothing_waits_and_the_server_answers() {
        assert_eq!(sentence(&ConnectionState::Connected, false, 0, 0), "Everything is safe on the server");
        assert_eq!(sentence(&ConnectionState::Connected, false, 1, 0), "Sending 1 version");
        for state in [ConnectionState::None, ConnectionState::SignedOut, ConnectionState::NeedsYou, ConnectionState::Offline] {
            assert_ne!(sentence(&state, false, 1, 0), "Everything is safe on the server");
        }
    }
}
