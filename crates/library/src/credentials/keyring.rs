//! The system's keyring behind one thread. Every call has a deadline: ten seconds, and a minute where a prompt may be open. The screens
//! never wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use keyring_core::{CredentialStore, Error as Refusal};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use super::CredentialError;
use crate::view::accounts::KeyringState;

/// Name of the service in the keyring.
pub const SERVICE: &str = "collabtrack";
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a call may take while a prompt may be open.
const PATIENCE_WITH_PROMPT: Duration = Duration::from_secs(60);
const CANARY: &str = "canary";
/// Longest value in bytes: some systems take no more than 2,560.
const MAX_VALUE_BYTES: usize = 1_024;

type Work = Box<dyn FnOnce(Option<&Arc<CredentialStore>>) + Send>;

/// The thread that talks to the keyring.
pub(super) struct Keyring {
    work: Sender<Work>,
    state: AtomicU8,
}

const USABLE: u8 = 0;
const LOCKED: u8 = 1;
const NONE: u8 = 2;

impl Keyring {
    /// Starts the thread; it ends with this value. Without a given store it is the system's.
    pub(super) fn start(given: Option<Arc<CredentialStore>>) -> Option<Self> {
        let (work, jobs) = mpsc::channel::<Work>();
        let spawned = std::thread::Builder::new().name("keyring".into()).spawn(move || {
            let store = given.or_else(|| match keyring::Entry::store_status() {
                Ok(()) => keyring_core::get_default_store(),
                Err(_) => None,
            });
            while let Ok(job) = jobs.recv() {
                job(store.as_ref());
            }
        });
        spawned.ok().map(|_| Self { work, state: AtomicU8::new(NONE) })
    }

    /// How it stands, as far as the last call told.
    pub(super) fn state(&self) -> KeyringState {
        match self.state.load(Ordering::Relaxed) {
            USABLE => KeyringState::Usable,
            LOCKED => KeyringState::Locked,
            _ => KeyringState::None,
        }
    }

    /// Writes, reads and removes a canary.
    pub(super) async fn test(&self) -> KeyringState {
        let answer = self.ask(PATIENCE, canary).await;
        let state = match &answer {
            Ok(()) => USABLE,
            // A prompt may be open, or the keyring says that it is locked.
            Err(CredentialError::NoAnswer { .. } | CredentialError::Keyring(Refusal::NoStorageAccess(_))) => LOCKED,
            Err(_) => NONE,
        };
        if let Err(error) = &answer {
            tracing::info!(%error, "this computer offers no usable keyring now");
        }
        self.state.store(state, Ordering::Relaxed);
        self.state()
    }

    async fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        question: impl FnOnce(&Arc<CredentialStore>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let (reply, answer) = oneshot::channel();
        let job: Work = Box::new(move |store| {
            let result = match store {
                Some(store) => question(store),
                None => Err(Refusal::NoDefaultStore),
            };
            // Nobody waits any more after the timeout.
            drop(reply.send(result));
        });
        let silent = || CredentialError::NoAnswer { after: patience };
        self.work.send(job).map_err(|_| silent())?;
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(result)) => result.map_err(CredentialError::Keyring),
            _ => Err(silent()),
        }
    }

    /// A call on an entry; what it says about the keyring is remembered.
    async fn call<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Arc<CredentialStore>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, CredentialError> {
        let patience = if self.state() == KeyringState::Usable { PATIENCE } else { PATIENCE_WITH_PROMPT };
        let answer = self.ask(patience, question).await;
        match &answer {
            Ok(_) | Err(CredentialError::Keyring(Refusal::NoEntry)) => self.state.store(USABLE, Ordering::Relaxed),
            Err(CredentialError::NoAnswer { .. } | CredentialError::Keyring(Refusal::NoStorageAccess(_))) => {
                self.state.store(LOCKED, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        answer
    }

    /// What is kept under a name. What is not text was not written by this program.
    pub(super) async fn get(&self, name: &str) -> Result<Option<SecretString>, CredentialError> {
        let name = name.to_owned();
        match self.call(move |store| store.build(SERVICE, &name, None)?.get_password()).await {
            Ok(token) => Ok(Some(SecretString::from(token))),
            Err(CredentialError::Keyring(Refusal::NoEntry | Refusal::BadEncoding(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a value under a name.
    pub(super) async fn set(&self, name: &str, value: SecretString) -> Result<(), CredentialError> {
        let length = value.expose_secret().len();
        if length > MAX_VALUE_BYTES {
            let most = u32::try_from(MAX_VALUE_BYTES).unwrap_or(u32::MAX);
            return Err(CredentialError::Keyring(Refusal::TooLong("value".to_owned(), most)));
        }
        let name = name.to_owned();
        self.call(move |store| store.build(SERVICE, &name, None)?.set_password(value.expose_secret())).await
    }

    /// Forgets what is kept under a name; nothing there is fine.
    pub(super) async fn forget(&self, name: &str) -> Result<(), CredentialError> {
        let name = name.to_owned();
        match self.call(move |store| store.build(SERVICE, &name, None)?.delete_credential()).await {
            Err(CredentialError::Keyring(Refusal::NoEntry)) => Ok(()),
            result => result,
        }
    }
}

fn canary(store: &Arc<CredentialStore>) -> Result<(), Refusal> {
    let entry = store.build(SERVICE, CANARY, None)?;
    entry.set_password("tweet")?;
    let read = entry.get_password()?;
    entry.delete_credential()?;
    if read == "tweet" { Ok(()) } else { Err(Refusal::BadStoreFormat("the keyring gave back something else".into())) }
}
