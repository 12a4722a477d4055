//! Looking through a folder: names, sizes and times; no file is opened.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::ignore;

/// What tells whether a file changed: unchanged means it is not read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScanKey {
    /// Length in bytes.
    pub size: u64,
    /// Time of the last write, in ns since 1970.
    pub mtime_ns: i64,
    /// Time of the last change of anything, in ns since 1970; 0 where the system has none.
    pub ctime_ns: i64,
    /// Number of the file inside its disk; 0 where the system has none.
    pub inode: i64,
}

impl ScanKey {
    /// From what the system says of a file.
    #[cfg(unix)]
    #[must_use]
    pub fn of(data: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let ns = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            size: data.len(),
            mtime_ns: ns(data.mtime(), data.mtime_nsec()),
            ctime_ns: ns(data.ctime(), data.ctime_nsec()),
            inode: i64::from_ne_bytes(data.ino().to_ne_bytes()),
        }
    }

    /// From what the system says of a file.
    #[cfg(not(unix))]
    #[must_use]
    pub fn of(data: &Metadata) -> Self {
        let since = data.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let mtime_ns = since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        Self { size: data.len(), mtime_ns, ctime_ns: 0, inode: 0 }
    }

    /// Whether both are the same bytes of the same file. The change time counts where copying does not move it.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> bool {
        let same = (self.size, self.mtime_ns, self.inode) == (other.size, other.mtime_ns, other.inode);
        same && (!cfg!(target_os = "linux") || self.ctime_ns == other.ctime_ns)
    }
}

/// A file that can be an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Path inside the root.
    pub path: PathBuf,
    /// Its state.
    pub key: ScanKey,
}

/// Everything that can be an export under `folder` (a path inside `root`, empty for all). Links are not followed; a folder that cannot
/// be read is passed over and told to the log.
#[must_use]
pub fn walk(root: &Path, folder: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let whole = root.join(&folder);
        let entries = match fs::read_dir(&whole) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(%error, "a folder inside a watched folder cannot be read; its exports wait");
                continue;
            }
        };
        let entries: Vec<fs::DirEntry> = entries.flatten().collect();
        let beside_session = entries.iter().any(|entry| ignore::is_session(Path::new(&entry.file_name())));
        for entry in entries {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !ignore::is_ignored_folder(Path::new(&name), beside_session) {
                open.push(folder.join(&name));
            } else if kind.is_file() && ignore::is_export(Path::new(&name)) {
                match entry.metadata() {
                    Ok(data) => found.push(Found { path: folder.join(&name), key: ScanKey::of(&data) }),
                    Err(error) => tracing::debug!(%error, "a file went away while it was looked at"),
                }
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One file, if it is there and can be an export; no link is followed on the way.
#[must_use]
pub fn look_at(root: &Path, path: &Path) -> Option<Found> {
    let name = path.file_name()?;
    let data = fs::symlink_metadata(root.join(path)).ok()?;
    (data.is_file() && ignore::is_export(Path::new(name))).then(|| Found { path: path.to_path_buf(), key: ScanKey::of(&data) })
}

/// Device and inode of a folder, to know it again without a marker; zeros where the system has none.
#[cfg(unix)]
#[must_use]
pub fn place(folder: &Path) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder).map_or((0, 0), |data| (i64::from_ne_bytes(data.dev().to_ne_bytes()), i64::from_ne_bytes(data.ino().to_ne_bytes())))
}

/// Device and inode of a folder; zeros where the system has none.
#[cfg(not(unix))]
#[must_use]
pub fn place(_folder: &Path) -> (i64, i64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_found_in_folders_but_not_behind_links_or_in_session_media() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str| {
            let whole = root.path().join(path);
            fs::create_dir_all(whole.parent().expect("inside the root")).expect("made");
            fs::write(whole, b"x").expect("written");
        };
        for path in ["a.wav", "Bounces/b.flac", "Song/Song.als", "Song/Samples/kick.wav", "Song/mix.wav", ".hidden/c.wav", "notes.txt"] {
            put(path);
        }
        let elsewhere = tempfile::tempdir().expect("a folder");
        fs::write(elsewhere.path().join("d.wav"), b"x").expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).expect("linked");
        let names: Vec<String> = walk(root.path(), Path::new("")).iter().map(|file| file.path.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["Bounces/b.flac", "Song/mix.wav", "a.wav"]);
    }
}
