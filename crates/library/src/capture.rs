//! Capture: a finished file becomes a file of the content store, or nothing.
//!
//! Cloned where the disk can, else copied; hashed in the same pass; looked at again afterwards. A file that changed meanwhile leaves
//! nothing behind. After capture only the store's copy is read, never the user's file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use collabtrack_content::hashing::{self, FileHashes};
use collabtrack_protocol::limits::PART_SIZE_BYTES;

use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result};
use crate::faults;
use crate::watch::scan::ScanKey;

/// A captured file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its hashes; parts of 8 MiB.
    pub hashes: FileHashes,
    /// The user's file as it was before and after.
    pub key: ScanKey,
    /// The copy in the store.
    pub stored: PathBuf,
}

/// Captures the file at `path`. `go_on` is asked once per mebibyte with the bytes so far; no ends the capture without a trace.
/// # Errors
/// `File` when it cannot be read or stored, `NoSpace`, `ChangedMeanwhile`.
pub fn capture(store: &ContentStore, path: &Path, go_on: &mut dyn FnMut(u64) -> bool) -> Result<Captured> {
    let before = look(path)?;
    store.check_room(before.size)?;
    let temp = store.temp_path();
    let hashes = match copy(store, path, &temp, go_on) {
        Ok(hashes) => hashes,
        Err(error) => {
            discard(&temp);
            return Err(LibraryError::file("capture", path, error));
        }
    };
    faults::step("capture.copied");
    let unchanged = look(path).is_ok_and(|after| before.same_file(&after)) && hashes.length == before.size;
    if !unchanged {
        discard(&temp);
        return Err(LibraryError::ChangedMeanwhile { path: path.to_path_buf() });
    }
    match store.keep(&temp, &hashes.sha256) {
        Ok(stored) => {
            faults::step("capture.kept");
            Ok(Captured { hashes, key: before, stored })
        }
        Err(error) => {
            discard(&temp);
            Err(error)
        }
    }
}

fn look(path: &Path) -> Result<ScanKey> {
    let data = fs::symlink_metadata(path).map_err(|error| LibraryError::file("read", path, error))?;
    if !data.is_file() {
        return Err(LibraryError::file("read", path, io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file")));
    }
    Ok(ScanKey::of(&data))
}

/// Clones or copies `path` to `temp` and hashes what arrived there.
fn copy(store: &ContentStore, path: &Path, temp: &Path, go_on: &mut dyn FnMut(u64) -> bool) -> io::Result<FileHashes> {
    // Opened first: a clone of a file that may not be read would fail later with a less clear message.
    let mut source = File::open(path)?;
    store.faults().at("temp.create")?;
    if reflink_copy::reflink(path, temp).is_ok() {
        return hashing::hash_reader(&mut File::open(temp)?, PART_SIZE_BYTES, go_on);
    }
    discard(temp);
    let mut target = BufWriter::with_capacity(1 << 20, File::create_new(temp)?);
    let hashes = hashing::copy_hashing(&mut source, &mut target, PART_SIZE_BYTES, go_on)?;
    store.faults().at("temp.write")?;
    target.flush()?;
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use collabtrack_domain::hash::ObjectHash;

    fn store() -> (tempfile::TempDir, ContentStore) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ContentStore::open(folder.path()).expect("it opens");
        (folder, store)
    }

    fn left_over(folder: &Path) -> usize {
        fs::read_dir(folder.join("temp")).expect("there").count() + fs::read_dir(folder.join("objects")).expect("there").count()
    }

    #[test]
    fn the_copy_has_the_bytes_and_the_hash_of_the_export() {
        let (folder, store) = store();
        let export = folder.path().join("mix.wav");
        let bytes: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        fs::write(&export, &bytes).expect("written");
        let captured = capture(&store, &export, &mut |_| true).expect("captured");
        assert_eq!(captured.hashes.sha256, ObjectHash::of(&bytes));
        assert_eq!(captured.hashes.parts.len(), 2);
        assert_eq!(fs::read(captured.stored).expect("readable"), bytes);
    }

    #[test]
    fn an_export_that_changes_while_it_is_captured_leaves_nothing() {
        let (folder, store) = store();
        let export = folder.path().join("mix.wav");
        fs::write(&export, vec![1_u8; 3 << 20]).expect("written");
        let mut touched = false;
        let result = capture(&store, &export, &mut |_| {
            if !touched {
                fs::write(&export, vec![2_u8; 3 << 20]).expect("overwritten in the middle");
                touched = true;
            }
            true
        });
        assert!(matches!(result, Err(LibraryError::ChangedMeanwhile { .. })), "{result:?}");
        assert_eq!(left_over(folder.path()), 0);
    }

    #[test]
    fn an_export_that_grows_shrinks_or_goes_away_leaves_nothing() {
        for change in [
            |path: &Path| fs::write(path, vec![1_u8; 4 << 20]),
            |path: &Path| fs::write(path, b"short"),
            |path: &Path| fs::remove_file(path),
        ] {
            let (folder, store) = store();
            let export = folder.path().join("mix.wav");
            fs::write(&export, vec![1_u8; 3 << 20]).expect("written");
            let mut done = false;
            let result = capture(&store, &export, &mut |_| {
                if !done {
                    change(&export).expect("changed");
                    done = true;
                }
                true
            });
            assert!(matches!(result, Err(LibraryError::ChangedMeanwhile { .. })), "{result:?}");
            assert_eq!(left_over(folder.path()), 0);
        }
    }

    #[test]
    fn stopping_leaves_nothing() {
        let (folder, store) = store();
        let export = folder.path().join("mix.wav");
        fs::write(&export, vec![1_u8; 3 << 20]).expect("written");
        assert!(capture(&store, &export, &mut |_| false).is_err());
        assert_eq!(left_over(folder.path()), 0);
    }
}
