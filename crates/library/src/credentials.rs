//! Where the session token is kept: the system's keyring behind one thread with timeouts, a file the user named, or memory.
//!
//! Nothing waits for ever, and no token is ever logged or shown. A token is kept outside the keyring only where the user chose so.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyring_core::CredentialStore;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::view::CredentialPlace;

/// Name of the service in the keyring.
pub const SERVICE: &str = "collabtrack";
const PATIENCE: Duration = Duration::from_secs(10);
const CANARY: &str = "canary";

/// Where tokens are to be kept.
#[derive(Clone)]
pub enum CredentialChoice {
    /// The system's keyring; memory when there is none.
    System,
    /// A given keyring: for tests, and for systems with several.
    Given(Arc<CredentialStore>),
    /// Memory only: asked again at each start.
    Memory,
    /// A file that only its owner may read. For machines without a keyring that nobody sits at; only where the user named the file,
    /// because whoever reads it is signed in.
    File(PathBuf),
}

impl fmt::Debug for CredentialChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Given(_) => "Given",
            Self::Memory => "Memory",
            Self::File(_) => "File",
        })
    }
}

/// What can go wrong with keeping a token.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The keyring refused.
    #[error("the system's keyring refused")]
    Keyring(#[source] keyring_core::Error),
    /// The keyring did not answer.
    #[error("the system's keyring did not answer within {} s", PATIENCE.as_secs())]
    NoAnswer,
    /// The token file may be read by others.
    #[error("{} may be read by other users of this computer", path.display())]
    FileOpen {
        /// The file.
        path: PathBuf,
    },
    /// The token file cannot be read or written.
    #[error("cannot use the token file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl CredentialError {
    pub(crate) fn texts(&self) -> (String, String) {
        let said = crate::error::sentence(&crate::error::chain(self));
        let message = format!("{said} Your music on this computer is not touched by this; only the server cannot be asked.");
        let hint = match self {
            Self::Keyring(_) | Self::NoAnswer => "Unlock the keyring of this computer, then try again.".to_owned(),
            Self::FileOpen { path } => format!("Run: chmod 600 {}", path.display()),
            Self::File { .. } => "Name a file in a folder you may write, or use the keyring.".to_owned(),
        };
        (message, hint)
    }
}

type Work = Box<dyn FnOnce(Option<&Arc<CredentialStore>>) + Send>;

/// The thread that talks to the keyring.
struct Keyring {
    work: Sender<Work>,
}

impl Keyring {
    /// Starts the thread; it ends with this value.
    fn start(choice: CredentialChoice) -> Option<Self> {
        let (work, jobs) = mpsc::channel::<Work>();
        let spawned = std::thread::Builder::new().name("keyring".into()).spawn(move || {
            let store = match choice {
                CredentialChoice::Given(store) => Some(store),
                CredentialChoice::System => match keyring::Entry::store_status() {
                    Ok(()) => keyring_core::get_default_store(),
                    Err(_) => None,
                },
                CredentialChoice::Memory | CredentialChoice::File(_) => None,
            };
            while let Ok(job) = jobs.recv() {
                job(store.as_ref());
            }
        });
        spawned.ok().map(|_| Self { work })
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Arc<CredentialStore>) -> Result<T, keyring_core::Error> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let (reply, answer) = oneshot::channel();
        let job: Work = Box::new(move |store| {
            let result = match store {
                Some(store) => question(store),
                None => Err(keyring_core::Error::NoDefaultStore),
            };
            // Nobody waits any more after the timeout.
            drop(reply.send(result));
        });
        self.work.send(job).map_err(|_| CredentialError::NoAnswer)?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(result)) => result.map_err(CredentialError::Keyring),
            _ => Err(CredentialError::NoAnswer),
        }
    }
}

enum Keeper {
    Memory,
    File(PathBuf),
    Keyring(Keyring),
}

/// Keeps tokens by server and account.
pub(crate) struct Credentials {
    keeper: Keeper,
    memory: Mutex<HashMap<String, SecretString>>,
}

#[derive(Serialize, Deserialize)]
struct TokenFile {
    user: String,
    token: String,
}

fn user(origin: &str, account: &str) -> String {
    format!("{origin} {account}")
}

impl Credentials {
    /// Finds out where tokens can be kept: a canary is written, read and removed.
    pub(crate) async fn open(choice: CredentialChoice) -> Self {
        let keeper = match choice {
            CredentialChoice::Memory => Keeper::Memory,
            CredentialChoice::File(path) => Keeper::File(path),
            choice => match Keyring::start(choice) {
                Some(keyring) if keyring.ask(canary).await.inspect_err(no_keyring).is_ok() => Keeper::Keyring(keyring),
                _ => Keeper::Memory,
            },
        };
        Self { keeper, memory: Mutex::default() }
    }

    /// Where tokens are kept.
    pub(crate) fn place(&self) -> CredentialPlace {
        match self.keeper {
            Keeper::Memory => CredentialPlace::Memory,
            Keeper::File(_) => CredentialPlace::File,
            Keeper::Keyring(_) => CredentialPlace::Keyring,
        }
    }

    /// The token of an account on a server.
    pub(crate) async fn get(&self, origin: &str, account: &str) -> Result<Option<SecretString>, CredentialError> {
        let user = user(origin, account);
        let known = self.memory.lock().expect("nobody panics while holding the tokens").get(&user).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let token = match &self.keeper {
            Keeper::Memory => None,
            Keeper::File(path) => read_file(path)?.filter(|file| file.user == user).map(|file| file.token.into()),
            Keeper::Keyring(keyring) => {
                let name = user.clone();
                let found = keyring.ask(move |store| store.build(SERVICE, &name, None)?.get_password()).await;
                match found {
                    Ok(token) => Some(SecretString::from(token)),
                    Err(CredentialError::Keyring(keyring_core::Error::NoEntry)) => None,
                    Err(error) => return Err(error),
                }
            }
        };
        if let Some(token) = &token {
            self.memory.lock().expect("nobody panics while holding the tokens").insert(user, token.clone());
        }
        Ok(token)
    }

    /// Keeps a token.
    pub(crate) async fn set(&self, origin: &str, account: &str, token: SecretString) -> Result<(), CredentialError> {
        let user = user(origin, account);
        match &self.keeper {
            Keeper::Memory => {}
            Keeper::File(path) => write_file(path, &TokenFile { user: user.clone(), token: token.expose_secret().to_owned() })?,
            Keeper::Keyring(keyring) => {
                let (name, secret) = (user.clone(), token.clone());
                keyring.ask(move |store| store.build(SERVICE, &name, None)?.set_password(secret.expose_secret())).await?;
            }
        }
        self.memory.lock().expect("nobody panics while holding the tokens").insert(user, token);
        Ok(())
    }

    /// Forgets a token; one that is gone already is fine.
    pub(crate) async fn forget(&self, origin: &str, account: &str) -> Result<(), CredentialError> {
        let user = user(origin, account);
        self.memory.lock().expect("nobody panics while holding the tokens").remove(&user);
        match &self.keeper {
            Keeper::Memory => Ok(()),
            Keeper::File(path) => match std::fs::remove_file(path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CredentialError::File { path: path.clone(), source }),
                _ => Ok(()),
            },
            Keeper::Keyring(keyring) => match keyring.ask(move |store| store.build(SERVICE, &user, None)?.delete_credential()).await {
                Err(CredentialError::Keyring(keyring_core::Error::NoEntry)) => Ok(()),
                result => result,
            },
        }
    }
}

fn no_keyring(error: &CredentialError) {
    tracing::info!(%error, "this computer offers no usable keyring; the session is kept in memory and asked for at each start");
}

fn canary(store: &Arc<CredentialStore>) -> Result<(), keyring_core::Error> {
    let entry = store.build(SERVICE, CANARY, None)?;
    entry.set_password("tweet")?;
    let read = entry.get_password()?;
    entry.delete_credential()?;
    if read == "tweet" { Ok(()) } else { Err(keyring_core::Error::BadStoreFormat("the keyring gave back something else".into())) }
}

#[cfg(unix)]
fn is_private(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_path: &Path) -> std::io::Result<bool> {
    Ok(true)
}

fn read_file(path: &Path) -> Result<Option<TokenFile>, CredentialError> {
    let fault = |source| CredentialError::File { path: path.to_path_buf(), source };
    match is_private(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
        Ok(false) => return Err(CredentialError::FileOpen { path: path.to_path_buf() }),
        Ok(true) => {}
    }
    let bytes = std::fs::read(path).map_err(fault)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| fault(error.into()))
}

fn write_file(path: &Path, content: &TokenFile) -> Result<(), CredentialError> {
    use std::io::Write;
    let fault = |source| CredentialError::File { path: path.to_path_buf(), source };
    let mut temp = path.as_os_str().to_owned();
    temp.push(".new");
    let temp = PathBuf::from(temp);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        // A left-over with wider rights must not receive the token.
        crate::content_store::discard(&temp);
        options.create_new(true);
    }
    let mut file = options.open(&temp).map_err(fault)?;
    let bytes = serde_json::to_vec(content).map_err(|error| fault(error.into()))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(fault)?;
    drop(file);
    crate::content_store::rename(&temp, path).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn round_trip(choice: CredentialChoice, place: CredentialPlace) -> Credentials {
        let credentials = Credentials::open(choice).await;
        assert_eq!(credentials.place(), place);
        credentials.set("https://a.example", "acc_1", "cts_secret".into()).await.expect("kept");
        let token = credentials.get("https://a.example", "acc_1").await.expect("asked").expect("there");
        assert_eq!(token.expose_secret(), "cts_secret");
        assert!(credentials.get("https://b.example", "acc_1").await.expect("asked").is_none(), "another server gets nothing");
        credentials
    }

    #[tokio::test]
    async fn a_keyring_keeps_the_token_beyond_this_run() {
        let store: Arc<CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
        round_trip(CredentialChoice::Given(store.clone()), CredentialPlace::Keyring).await;
        let next_run = Credentials::open(CredentialChoice::Given(store)).await;
        assert!(next_run.get("https://a.example", "acc_1").await.expect("asked").is_some());
        next_run.forget("https://a.example", "acc_1").await.expect("forgotten");
        next_run.forget("https://a.example", "acc_1").await.expect("forgetting twice is fine");
        assert!(next_run.get("https://a.example", "acc_1").await.expect("asked").is_none());
    }

    #[tokio::test]
    async fn without_a_keyring_the_token_lives_in_memory_only() {
        round_trip(CredentialChoice::Memory, CredentialPlace::Memory).await;
        let next_run = Credentials::open(CredentialChoice::Memory).await;
        assert!(next_run.get("https://a.example", "acc_1").await.expect("asked").is_none());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_token_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        round_trip(CredentialChoice::File(path.clone()), CredentialPlace::File).await;
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
        let next_run = Credentials::open(CredentialChoice::File(path)).await;
        assert!(matches!(next_run.get("https://a.example", "acc_1").await, Err(CredentialError::FileOpen { .. })));
    }
}
