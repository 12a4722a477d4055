//! Where session tokens are kept: the system's keyring behind one thread with timeouts, a file sealed with a passphrase, or memory.
//!
//! Nothing waits for ever, no token is ever logged or shown, and none is ever written in the clear. A token is kept outside the keyring
//! only where the user chose so.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyring_core::CredentialStore;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Result as LibraryResult;
use crate::library::Library;
use crate::view::CredentialPlace;
use crate::view::accounts::{CredentialsView, KeyringState};

mod keyring;
mod vault;

use keyring::Keyring;
use vault::Vault;

pub use keyring::SERVICE;

/// Name of the sealed file in the library's folder.
pub const VAULT_FILE: &str = "sessions.vault";

/// Where tokens are to be kept.
#[derive(Clone)]
pub enum CredentialChoice {
    /// The system's keyring; where there is none, the sealed file if there is one, else memory.
    System,
    /// A given keyring: for tests, and for systems with several.
    Given(Arc<CredentialStore>),
    /// Memory only: asked again at each start.
    Memory,
    /// A file sealed with a passphrase, readable by its owner only: for machines without a keyring that nobody sits at.
    File {
        /// The file.
        path: PathBuf,
        /// What opens it.
        passphrase: SecretString,
    },
}

impl fmt::Debug for CredentialChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Given(_) => "Given",
            Self::Memory => "Memory",
            Self::File { .. } => "File",
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
    #[error("the system's keyring did not answer within {} s", after.as_secs())]
    NoAnswer {
        /// How long it was waited for.
        after: Duration,
    },
    /// The sealed file may be read by others.
    #[error("{} may be read by other users of this computer", path.display())]
    FileOpen {
        /// The file.
        path: PathBuf,
    },
    /// The sealed file cannot be read or written.
    #[error("cannot use the file of sessions {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The sealed file holds something else.
    #[error("{} is no file of sessions, or is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the sealed file.
    #[error("this passphrase does not open {}, or the file is damaged", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that is too short to protect anything.
    #[error("a passphrase has {} characters or more", vault::MIN_PASSPHRASE_CHARS)]
    ShortPassphrase,
    /// Nothing is kept on this computer beyond this run.
    #[error("this computer keeps nothing secret beyond this run")]
    NothingKept,
    /// Nothing random could be had, or a task broke.
    #[error("the sessions could not be sealed")]
    Seal,
}

impl CredentialError {
    pub(crate) fn texts(&self) -> (String, String) {
        let said = crate::error::sentence(&crate::error::chain(self));
        let message = format!("{said} Your music on this computer is not touched by this; only the server cannot be asked.");
        let hint = match self {
            Self::Keyring(_) | Self::NoAnswer { .. } => "Unlock the keyring of this computer, then try again.".to_owned(),
            Self::FileOpen { path } => format!("Run: chmod 600 {}", path.display()),
            Self::File { .. } => "Check that you may write to that folder and that the disk is not full, or use the keyring.".to_owned(),
            Self::Damaged { path } => format!("Sign in again after removing {}; it holds nothing but sessions.", path.display()),
            Self::Passphrase { path } => {
                format!("Try again. If the passphrase is lost, remove {} and sign in again.", path.display())
            }
            Self::ShortPassphrase => "Choose a longer one; a few words are good.".to_owned(),
            Self::NothingKept => {
                "Unlock the keyring, or keep the session in a sealed file (under Account, or with --token-file), then try again.".to_owned()
            }
            Self::Seal => "Try again; if it comes again, start CollabTrack anew.".to_owned(),
        };
        (message, hint)
    }
}

/// Where tokens go at the moment.
enum Keeper {
    Memory,
    Keyring,
    Vault,
}

/// Keeps tokens by server and user.
pub(crate) struct Credentials {
    keyring: Option<Keyring>,
    vault: Vault,
    keeper: Mutex<Keeper>,
    memory: Mutex<HashMap<String, SecretString>>,
}

fn entry(origin: &str, user: &str) -> String {
    format!("{origin} {user}")
}

impl Credentials {
    /// Finds out where tokens can be kept: in the keyring a canary is written, read and removed.
    /// # Errors
    /// Only for a named file that its passphrase does not open.
    pub(crate) async fn open(choice: CredentialChoice, dir: &Path) -> Result<Self, CredentialError> {
        let new = |keyring, vault, keeper| Self { keyring, vault, keeper: Mutex::new(keeper), memory: Mutex::default() };
        match choice {
            CredentialChoice::Memory => Ok(new(None, Vault::at(dir.join(VAULT_FILE)), Keeper::Memory)),
            CredentialChoice::File { path, passphrase } => {
                let vault = Vault::at(path);
                vault.unlock(passphrase).await?;
                Ok(new(None, vault, Keeper::Vault))
            }
            choice => {
                let keyring = match choice {
                    CredentialChoice::Given(store) => Keyring::start(Some(store)),
                    _ => Keyring::start(None),
                };
                let state = match &keyring {
                    Some(keyring) => keyring.test().await,
                    None => KeyringState::None,
                };
                let vault = Vault::at(dir.join(VAULT_FILE));
                let keeper = match state {
                    // Whoever chose the file on a machine whose keyring works now goes on with the keyring.
                    KeyringState::Usable | KeyringState::Locked => Keeper::Keyring,
                    KeyringState::None if vault.exists() => Keeper::Vault,
                    KeyringState::None => Keeper::Memory,
                };
                Ok(new(keyring, vault, keeper))
            }
        }
    }

    /// Where tokens are kept.
    pub(crate) fn place(&self) -> CredentialPlace {
        match *self.keeper.lock().expect("nobody panics while holding the keeper") {
            Keeper::Memory => CredentialPlace::Memory,
            Keeper::Vault => CredentialPlace::File,
            Keeper::Keyring => CredentialPlace::Keyring,
        }
    }

    /// Where tokens are kept, and what there is to choose.
    pub(crate) fn view(&self) -> CredentialsView {
        CredentialsView {
            place: self.place(),
            keyring: self.keyring.as_ref().map_or(KeyringState::None, Keyring::state),
            file_locked: self.place() == CredentialPlace::File && self.vault.is_locked(),
        }
    }

    fn remembered(&self, name: &str) -> Option<SecretString> {
        self.memory.lock().expect("nobody panics while holding the tokens").get(name).cloned()
    }

    fn remember(&self, name: String, token: SecretString) {
        self.memory.lock().expect("nobody panics while holding the tokens").insert(name, token);
    }

    /// The token of a user on a server.
    pub(crate) async fn get(&self, origin: &str, user: &str) -> Result<Option<SecretString>, CredentialError> {
        let name = entry(origin, user);
        if let Some(known) = self.remembered(&name) {
            return Ok(Some(known));
        }
        let token = self.kept(&name).await?;
        if let Some(token) = &token {
            self.remember(name, token.clone());
        }
        Ok(token)
    }

    /// What is kept under a name, past what this run remembers.
    async fn kept(&self, name: &str) -> Result<Option<SecretString>, CredentialError> {
        match (self.place(), &self.keyring) {
            (CredentialPlace::Keyring, Some(keyring)) => keyring.get(name).await,
            (CredentialPlace::File, _) => self.vault.get(name).await,
            _ => Ok(None),
        }
    }

    /// What a token was kept as: read anew where it outlives this run.
    pub(crate) async fn read_back(&self, origin: &str, user: &str) -> Result<Option<SecretString>, CredentialError> {
        let name = entry(origin, user);
        match self.place() {
            CredentialPlace::Memory => Ok(self.remembered(&name)),
            CredentialPlace::Keyring | CredentialPlace::File => self.kept(&name).await,
        }
    }

    /// Reads a token anew; whether it is another one than before.
    pub(crate) async fn reload(&self, origin: &str, user: &str) -> Result<bool, CredentialError> {
        let name = entry(origin, user);
        let Some(kept) = self.kept(&name).await? else { return Ok(false) };
        let changed = self.remembered(&name).is_none_or(|known| known.expose_secret() != kept.expose_secret());
        self.remember(name, kept);
        Ok(changed)
    }

    /// Keeps a token.
    pub(crate) async fn set(&self, origin: &str, user: &str, token: SecretString) -> Result<(), CredentialError> {
        let name = entry(origin, user);
        match (self.place(), &self.keyring) {
            (CredentialPlace::Keyring, Some(keyring)) => keyring.set(&name, token.clone()).await?,
            (CredentialPlace::File, _) => self.vault.set(&name, Some(token.clone())).await?,
            _ => {}
        }
        self.remember(name, token);
        Ok(())
    }

    /// Forgets a token; one that is gone already is fine.
    pub(crate) async fn forget(&self, origin: &str, user: &str) -> Result<(), CredentialError> {
        let name = entry(origin, user);
        self.memory.lock().expect("nobody panics while holding the tokens").remove(&name);
        match (self.place(), &self.keyring) {
            (CredentialPlace::Keyring, Some(keyring)) => keyring.forget(&name).await,
            (CredentialPlace::File, _) => self.vault.set(&name, None).await,
            _ => Ok(()),
        }
    }

    /// Opens the sealed file, or makes it, and keeps what this run remembers in it from now on.
    async fn keep_in_file(&self, passphrase: SecretString) -> Result<(), CredentialError> {
        self.vault.unlock(passphrase).await?;
        let remembered = self.memory.lock().expect("nobody panics while holding the tokens").clone();
        for (name, token) in remembered {
            self.vault.set(&name, Some(token)).await?;
        }
        *self.keeper.lock().expect("nobody panics while holding the keeper") = Keeper::Vault;
        Ok(())
    }

    /// Keeps tokens in memory only from now on; the sealed file goes.
    fn ask_each_launch(&self) -> Result<(), CredentialError> {
        self.vault.remove()?;
        *self.keeper.lock().expect("nobody panics while holding the keeper") = Keeper::Memory;
        Ok(())
    }
}

impl Library {
    /// Where sessions are kept on this computer, and what there is to choose.
    #[must_use]
    pub fn credentials_view(&self) -> CredentialsView {
        self.credentials().view()
    }

    /// Keeps sessions in a file sealed with a passphrase, or opens the one that is there.
    /// # Errors
    /// `Passphrase`, `ShortPassphrase`, or that the file cannot be written.
    pub async fn keep_sessions_in_file(&self, passphrase: SecretString) -> LibraryResult<CredentialsView> {
        self.credentials().keep_in_file(passphrase).await?;
        self.forget_trouble();
        self.sync_changed();
        self.wake_sync();
        Ok(self.credentials_view())
    }

    /// Keeps sessions in memory only: asked for at each launch.
    /// # Errors
    /// When the sealed file cannot be removed.
    pub fn ask_at_each_launch(&self) -> LibraryResult<CredentialsView> {
        self.credentials().ask_each_launch()?;
        self.sync_changed();
        Ok(self.credentials_view())
    }
}

#[cfg(test)]
mod tests;
