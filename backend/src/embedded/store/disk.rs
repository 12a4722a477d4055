//! Where the embedded store keeps things on disk, and how a file becomes durable there.
//!
//! `data/` holds runs of bytes under random names, `objects/` one small record per object that names its runs, `uploads/` the parts of
//! multipart uploads, `incoming/` what is being received. A record is the commit point: bytes without a record are rubbish that the next
//! start removes.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use collabtrack_domain::hash::ObjectHash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// A run of bytes of an object: a file under `data/`, used whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) file: String,
    pub(super) length: u64,
}

/// What the store knows of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ObjectRecord {
    pub(super) key: String,
    pub(super) length: u64,
    /// SHA-256 as S3 writes it: base64, for multipart objects of the joined part hashes and with `-N` behind.
    pub(super) checksum: String,
    pub(super) etag: String,
    pub(super) modified_ms: u64,
    pub(super) pieces: Vec<Piece>,
}

impl ObjectRecord {
    /// Whether the object was sent in parts.
    pub(super) fn is_composite(&self) -> bool {
        self.checksum.contains('-')
    }
}

/// A store in a folder.
#[derive(Debug, Clone)]
pub struct DiskStore {
    root: Arc<PathBuf>,
    /// Held while a record is looked at and then written or removed, so that "create only if absent" has one winner.
    pub(super) commit: Arc<Mutex<()>>,
    /// Held while an upload changes: a part kept, the upload completed or aborted.
    pub(super) uploading: Arc<Mutex<()>>,
}

impl DiskStore {
    /// Opens or makes a store in `root` and removes what an interrupted run left behind.
    /// # Errors
    /// When the folder cannot be made, read or cleaned.
    pub fn open(root: &Path) -> io::Result<Self> {
        for folder in ["data", "objects", "uploads", "incoming"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        std::fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let store = Self { root: Arc::new(root.to_owned()), commit: Arc::default(), uploading: Arc::default() };
        store.remove_left_overs()?;
        Ok(store)
    }

    pub(super) fn data(&self, file: &str) -> PathBuf {
        self.root.join("data").join(file)
    }

    pub(super) fn incoming(&self, file: &str) -> PathBuf {
        self.root.join("incoming").join(file)
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    /// Records are named by the hash of the key, so that no key can name a place outside the folder.
    pub(super) fn record(&self, key: &str) -> PathBuf {
        self.objects().join(format!("{}.json", ObjectHash::of(key.as_bytes())))
    }

    fn remove_left_overs(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.root.join("incoming"))? {
            std::fs::remove_file(entry?.path())?;
        }
        let mut used = HashSet::new();
        for entry in std::fs::read_dir(self.objects())? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "tmp") {
                std::fs::remove_file(&path)?;
                continue;
            }
            let record: ObjectRecord = parse(&std::fs::read(&path)?)?;
            used.extend(record.pieces.into_iter().map(|piece| piece.file));
        }
        for upload in std::fs::read_dir(self.uploads())? {
            for part in std::fs::read_dir(upload?.path())? {
                if let Ok(part) = parse::<super::multipart::PartRecord>(&std::fs::read(part?.path())?) {
                    used.insert(part.file);
                }
            }
        }
        for entry in std::fs::read_dir(self.root.join("data"))? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A fresh name that nothing else has.
pub(super) fn random_name() -> String {
    data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Reads a record; `None` when there is none.
pub(super) async fn read_record<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match tokio::fs::read(path).await {
        Ok(bytes) => parse(&bytes).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Writes a record so that it is there whole, and stays after a power cut, or not at all.
pub(super) async fn write_record<T: Serialize + Sync>(path: &Path, record: &T) -> io::Result<()> {
    let bytes = serde_json::to_vec(record).map_err(io::Error::other)?;
    let path = path.to_owned();
    blocking(move || {
        let temporary = path.with_extension(format!("{}.tmp", random_name()));
        let result = (|| {
            let mut file = std::fs::File::create_new(&temporary)?;
            io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            sync_folder_of(&path)
        })();
        if result.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        result
    })
    .await
}

/// Makes the names in the folder of `path` durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => std::fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Runs file work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Removes a file that may be gone already.
pub(super) async fn remove_if_there(path: &Path) -> io::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
