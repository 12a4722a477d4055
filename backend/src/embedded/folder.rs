//! The data folder of an embedded studio: its lock, and its secrets with owner-only rights.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::random;

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another server uses it.
    #[error("{} is in use by another collabtrack-server{}; stop that one, or choose another folder", folder.display(), process.map(|id| format!(" (process {id})")).unwrap_or_default())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other server's process id.
        process: Option<u32>,
    },
    /// Something in it cannot be read or written.
    #[error("{} cannot be used; check that it is on a local disk with free space and belongs to you", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The secrets are damaged.
    #[error("{} is damaged; restore it from a backup of the folder: without it neither database nor store open", path.display())]
    Secrets {
        /// The file.
        path: PathBuf,
    },
}

/// The secrets of a studio, made at its first start.
#[derive(Debug)]
pub struct Secrets {
    /// Password of the database.
    pub postgres_password: SecretString,
    /// Public half of the store's key.
    pub store_access_key_id: String,
    /// Secret half of the store's key.
    pub store_secret_access_key: SecretString,
    /// Key under which the server seals what only it may read.
    pub secret_key: SecretString,
}

#[derive(Serialize, Deserialize)]
struct StoredSecrets {
    postgres_password: String,
    store_access_key_id: String,
    store_secret_access_key: String,
    // Studios of before second factors have none yet.
    #[serde(default)]
    secret_key: String,
}

/// A data folder held by this process.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    // The system lets go of the lock when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed and locks it.
    /// # Errors
    /// When another server uses it or it cannot be written.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(at(path))?;
        let path = path.canonicalize().map_err(at(path))?;
        // Root's Postgres runs as another user, who must be able to pass through.
        let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(at(&path))?;
        let lock_path = path.join("lock");
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                let process = lock.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(FolderError::InUse { folder: path, process });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(FolderError::Io { path: lock_path, source }),
        }
        lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id())).map_err(at(&lock_path))?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secrets, made now if there are none.
    /// # Errors
    /// When they cannot be read, written or understood.
    pub fn secrets(&self) -> Result<Secrets, FolderError> {
        let path = self.path.join("secrets.json");
        let stored = match std::fs::read(&path) {
            Ok(bytes) => {
                let mut stored: StoredSecrets = serde_json::from_slice(&bytes).map_err(|_| FolderError::Secrets { path: path.clone() })?;
                if stored.secret_key.is_empty() {
                    stored.secret_key = random::secret().expose_secret().to_owned();
                    write_secrets(&path, &stored)?;
                }
                stored
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_secrets(&path)?,
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        Ok(Secrets {
            postgres_password: stored.postgres_password.into(),
            store_access_key_id: stored.store_access_key_id,
            store_secret_access_key: stored.store_secret_access_key.into(),
            secret_key: stored.secret_key.into(),
        })
    }
}

fn make_secrets(path: &Path) -> Result<StoredSecrets, FolderError> {
    let secrets = StoredSecrets {
        postgres_password: random::secret().expose_secret().to_owned(),
        store_access_key_id: format!("CT{}", random::hex128()),
        store_secret_access_key: random::secret().expose_secret().to_owned(),
        secret_key: random::secret().expose_secret().to_owned(),
    };
    write_secrets(path, &secrets)?;
    Ok(secrets)
}

fn write_secrets(path: &Path, secrets: &StoredSecrets) -> Result<(), FolderError> {
    let bytes = serde_json::to_vec_pretty(secrets).map_err(|_| FolderError::Secrets { path: path.to_owned() })?;
    write_private(path, &bytes).map_err(|source| FolderError::Io { path: path.to_owned(), source })
}

/// Writes a file only its owner can read, whole or not at all.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let _ = std::fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
