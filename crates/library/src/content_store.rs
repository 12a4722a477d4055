//! Files of this computer by SHA-256: read-only, written durably, never linked to the user's own files.
//!
//! A file appears here only whole and verified; whatever a crash leaves behind lies in `temp` and is swept at the next start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use collabtrack_domain::hash::ObjectHash;

use crate::error::{LibraryError, Result};
use crate::faults::Faults;

/// Room that is never used: 1 GiB or one hundredth of the disk, whichever is more.
const RESERVE_BYTES: u64 = 1 << 30;
/// Unfinished downloads younger than this are kept at start, so that they resume.
const PARTIAL_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);

/// The content store.
#[derive(Debug, Clone)]
pub struct ContentStore {
    objects: PathBuf,
    temp: PathBuf,
    tables: PathBuf,
    faults: Faults,
}

impl ContentStore {
    /// Opens or makes the store in the library's folder and sweeps what a crash left.
    /// # Errors
    /// `File` when the folders cannot be made.
    pub fn open(library: &Path) -> Result<Self> {
        Self::open_with(library, Faults::default())
    }

    /// As [`ContentStore::open`], on a disk that fails by script.
    /// # Errors
    /// `File` when the folders cannot be made.
    pub fn open_with(library: &Path, faults: Faults) -> Result<Self> {
        let store = Self { objects: library.join("objects"), temp: library.join("temp"), tables: library.join("tables"), faults };
        for folder in [&store.objects, &store.temp, &store.tables] {
            fs::create_dir_all(folder).map_err(|error| LibraryError::file("make", folder, error))?;
        }
        Ok(store)
    }

    /// Removes unfinished files of earlier runs; downloads that may resume stay for two weeks.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.temp) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let is_download = path.extension().is_some_and(|extension| extension == "partial");
            let age =
                entry.metadata().and_then(|data| data.modified()).map(|time| SystemTime::now().duration_since(time).unwrap_or_default());
            if is_download && age.is_ok_and(|age| age < PARTIAL_LIFE) {
                continue;
            }
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "an unfinished file of an earlier run could not be removed");
            }
        }
    }

    /// Where the file with this hash lies, if it is here.
    #[must_use]
    pub fn path(&self, hash: &ObjectHash) -> PathBuf {
        let name = hash.to_string();
        self.objects.join(&name[..2]).join(name)
    }

    /// The hashes that the files of this store are named by.
    /// # Errors
    /// `File` when the folders cannot be listed.
    pub fn list(&self) -> Result<Vec<ObjectHash>> {
        let mut found = Vec::new();
        let fault = |error| LibraryError::file("list", &self.objects, error);
        for folder in fs::read_dir(&self.objects).map_err(fault)? {
            let folder = folder.map_err(fault)?.path();
            if !folder.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(fault)? {
                let name = entry.map_err(fault)?.file_name();
                found.extend(name.to_str().and_then(|name| name.parse::<ObjectHash>().ok()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Where unfinished files lie; swept at the next start.
    #[must_use]
    pub fn temp_folder(&self) -> &Path {
        &self.temp
    }

    /// A new name for an unfinished file.
    #[must_use]
    pub fn temp_path(&self) -> PathBuf {
        self.temp.join(format!("{:032x}", rand::random::<u128>()))
    }

    /// The lasting name of an unfinished download.
    #[must_use]
    pub fn partial_path(&self, name: &str) -> PathBuf {
        self.temp.join(format!("{name}.partial"))
    }

    /// Where a measured table of the file with this hash lies.
    #[must_use]
    pub fn table_path(&self, hash: &ObjectHash, kind: &str) -> PathBuf {
        self.tables.join(format!("{hash}.{kind}"))
    }

    /// Takes over a finished file whose bytes were just hashed as `hash`: made read-only, synced, renamed, folder synced.
    /// # Errors
    /// `File`; the finished file is then still where it was or gone, never half here.
    pub fn keep(&self, finished: &Path, hash: &ObjectHash) -> Result<PathBuf> {
        let target = self.path(hash);
        let folder = target.parent().unwrap_or(&self.objects);
        fs::create_dir_all(folder).map_err(|error| LibraryError::file("make", folder, error))?;
        let fault = |error| LibraryError::file("store", &target, error);
        let file = File::options().read(true).write(true).open(finished).map_err(fault)?;
        self.faults.at("object.sync").map_err(fault)?;
        file.sync_all().map_err(fault)?;
        let mut rights = file.metadata().map_err(fault)?.permissions();
        rights.set_readonly(true);
        file.set_permissions(rights).map_err(fault)?;
        drop(file);
        self.faults.at("object.rename").map_err(fault)?;
        rename(finished, &target).map_err(fault)?;
        self.faults.at("folder.sync").map_err(fault)?;
        sync_folder(folder).map_err(fault)?;
        sync_folder(&self.objects).map_err(fault)?;
        Ok(target)
    }

    /// Writes a small derived file durably.
    /// # Errors
    /// `File`.
    pub fn write_table(&self, target: &Path, bytes: &[u8]) -> Result<()> {
        let temp = self.temp_path();
        let fault = |error| LibraryError::file("write", target, error);
        self.faults.at("table.write").map_err(fault)?;
        fs::write(&temp, bytes).map_err(fault)?;
        File::open(&temp).and_then(|file| file.sync_all()).map_err(fault)?;
        rename(&temp, target).map_err(fault)
    }

    /// Where tests let the disk fail.
    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Checks that `bytes` more fit on the disk with the reserve left.
    /// # Errors
    /// `NoSpace`.
    pub fn check_room(&self, bytes: u64) -> Result<()> {
        let Some((free, total)) = self.faults.disk().or_else(|| disk(&self.objects)) else { return Ok(()) };
        let needed = bytes.saturating_add(RESERVE_BYTES.max(total / 100));
        if free < needed { Err(LibraryError::NoSpace { free, needed }) } else { Ok(()) }
    }
}

/// Removes an unfinished file; one that is gone already is fine.
pub(crate) fn discard(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!(%error, "an unfinished file could not be removed"),
        _ => {}
    }
}

/// Free and total bytes of the disk that holds `folder`.
#[cfg(unix)]
fn disk(folder: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}

/// Free and total bytes of the disk; not known on this system.
#[cfg(not(unix))]
fn disk(_folder: &Path) -> Option<(u64, u64)> {
    None
}

/// Renames within one disk. On Windows a virus scanner may hold a file for a moment.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let mut tries = 0;
    loop {
        match fs::rename(from, to) {
            Err(error) if cfg!(windows) && tries < 25 && matches!(error.raw_os_error(), Some(5 | 32 | 33)) => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            result => return result,
        }
    }
}

/// Makes a rename inside `folder` survive a power cut.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders cannot be synced here; the system does it with the rename.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_read_only_under_its_hash_and_nothing_stays_in_temp() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ContentStore::open(folder.path()).expect("it opens");
        let temp = store.temp_path();
        fs::write(&temp, b"Night Drive").expect("written");
        let hash = ObjectHash::of(b"Night Drive");
        let kept = store.keep(&temp, &hash).expect("kept");
        assert_eq!(fs::read(&kept).expect("readable"), b"Night Drive");
        assert!(fs::metadata(&kept).expect("there").permissions().readonly());
        assert!(!temp.exists());
    }

    #[test]
    fn sweeping_keeps_downloads_that_may_resume() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ContentStore::open(folder.path()).expect("it opens");
        let (left, partial) = (store.temp_path(), store.partial_path("some-object"));
        fs::write(&left, b"x").expect("written");
        fs::write(&partial, b"x").expect("written");
        store.sweep();
        assert!(!left.exists());
        assert!(partial.exists());
    }
}
