//! Looking through a folder: names, sizes and times; no file is opened.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use super::ignore::{self, Rules};

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

/// A file that can be a version, or a folder that is one: a DAW session in package form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Path inside the root.
    pub path: PathBuf,
    /// Its state; of a package that of all its files together.
    pub key: ScanKey,
    /// Whether it is a folder that is one version of many files.
    pub is_package: bool,
}

/// Files as last looked at, folder by folder: a look at a folder asks for its names without putting paths together.
#[derive(Debug, Clone, Default)]
pub struct Known {
    folders: HashMap<PathBuf, HashMap<OsString, ScanKey>>,
}

impl Known {
    /// The state of the file at `path` inside the root.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&ScanKey> {
        self.folders.get(path.parent()?)?.get(path.file_name()?)
    }

    /// Remembers a file.
    pub fn insert(&mut self, path: &Path, key: ScanKey) {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
        match self.folders.get_mut(folder) {
            Some(names) => drop(names.insert(name.to_owned(), key)),
            None => drop(self.folders.insert(folder.to_path_buf(), HashMap::from([(name.to_owned(), key)]))),
        }
    }
}

impl FromIterator<(PathBuf, ScanKey)> for Known {
    fn from_iter<I: IntoIterator<Item = (PathBuf, ScanKey)>>(files: I) -> Self {
        let mut known = Self::default();
        files.into_iter().for_each(|(path, key)| known.insert(&path, key));
        known
    }
}

/// Everything that can be a version under `folder` (a path inside `root`, empty for all). Links are not followed; a folder that cannot
/// be read is passed over and told to the log.
#[must_use]
pub fn walk(root: &Path, folder: &Path, rules: &Rules) -> Vec<Found> {
    changed(root, folder, rules, &Known::default())
}

/// Folders that wait before others help looking.
const MANY: usize = 32;
/// Most threads that look at once: more only wait for the disk.
const LOOKERS: usize = 4;

/// As [`walk`], without what is exactly as in `known`.
#[must_use]
pub fn changed(root: &Path, folder: &Path, rules: &Rules, known: &Known) -> Vec<Found> {
    let look = Looking { root, rules, known };
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while open.len() < MANY
        && let Some(folder) = open.pop()
    {
        look.inside(&folder, &mut found, &mut open);
    }
    if !open.is_empty() {
        let lookers = std::thread::available_parallelism().map_or(1, NonZero::get).min(LOOKERS);
        let queue = Queue::of(open);
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..lookers).map(|_| scope.spawn(|| queue.look(&look))).collect();
            found.append(&mut queue.look(&look));
            for helper in helpers {
                // A look does not panic; if one did, what it saw is seen again with the next look at everything.
                found.append(&mut helper.join().unwrap_or_default());
            }
        });
    }
    found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    found
}

/// Folders still to be looked into, and how many are being looked into: only when both are none is everything seen.
struct Queue {
    state: Mutex<(Vec<PathBuf>, usize)>,
    news: Condvar,
}

impl Queue {
    fn of(open: Vec<PathBuf>) -> Self {
        Self { state: Mutex::new((open, 0)), news: Condvar::new() }
    }

    fn next(&self) -> Option<PathBuf> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(folder) = state.0.pop() {
                state.1 += 1;
                return Some(folder);
            }
            if state.1 == 0 {
                return None;
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn looked(&self, mut folders: Vec<PathBuf>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.append(&mut folders);
        state.1 -= 1;
        drop(state);
        self.news.notify_all();
    }

    /// Looks into folders until none is left.
    fn look(&self, look: &Looking<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        while let Some(folder) = self.next() {
            let mut folders = Vec::new();
            look.inside(&folder, &mut found, &mut folders);
            self.looked(folders);
        }
        found
    }
}

/// A look through a root.
struct Looking<'l> {
    root: &'l Path,
    rules: &'l Rules,
    known: &'l Known,
}

impl Looking<'_> {
    /// What changed directly inside `folder`, and the folders in it that are to be looked into.
    fn inside(&self, folder: &Path, found: &mut Vec<Found>, open: &mut Vec<PathBuf>) {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::warn!(%error, "a folder inside a watched folder cannot be read; its exports wait");
                return;
            }
        };
        let known = self.known.folders.get(folder);
        let mut folders = Vec::new();
        let mut has_session = false;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            has_session |= ignore::is_session(Path::new(&name));
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() && self.rules.takes(Path::new(&name)) {
                match entry.metadata() {
                    Ok(data) => {
                        let key = ScanKey::of(&data);
                        // The common case: nothing to put together, nothing to ask of the rules.
                        if known.and_then(|known| known.get(&name)) == Some(&key) {
                            continue;
                        }
                        let path = folder.join(&name);
                        if !self.rules.leaves_out(&path) {
                            found.push(Found { path, key, is_package: false });
                        }
                    }
                    Err(error) => tracing::debug!(%error, "a file went away while it was looked at"),
                }
            }
        }
        for name in folders {
            let path = folder.join(&name);
            if self.rules.leaves_out(&path) {
                continue;
            }
            if self.rules.sessions && ignore::is_session(Path::new(&name)) {
                found.extend(package(self.root, &path).filter(|package| self.known.get(&package.path) != Some(&package.key)));
            } else if !ignore::is_ignored_folder(Path::new(&name), has_session) {
                open.push(path);
            }
        }
    }
}

/// What lies at `path`, if it can be a version and no rule passes over it or a folder on the way; no link is followed. Something inside a
/// session in package form stands for the package.
#[must_use]
pub fn look_at(root: &Path, path: &Path, rules: &Rules) -> Option<Found> {
    let name = Path::new(path.file_name()?);
    let mut on_the_way: Vec<&Path> = path.ancestors().skip(1).filter(|folder| folder.file_name().is_some()).collect();
    on_the_way.reverse();
    for folder in on_the_way {
        if !fs::symlink_metadata(root.join(folder)).is_ok_and(|data| data.is_dir()) || rules.leaves_out(folder) {
            return None;
        }
        let folder_name = Path::new(folder.file_name()?);
        if rules.sessions && ignore::is_session(folder_name) {
            return package(root, folder);
        }
        if ignore::is_ignored_folder(folder_name, ignore::is_media(folder_name) && is_beside_session(root, folder)) {
            return None;
        }
    }
    if rules.leaves_out(path) {
        return None;
    }
    let data = fs::symlink_metadata(root.join(path)).ok()?;
    if data.is_dir() && rules.sessions && ignore::is_session(name) {
        return package(root, path);
    }
    (data.is_file() && rules.takes(name)).then(|| Found { path: path.to_path_buf(), key: ScanKey::of(&data), is_package: false })
}

fn is_beside_session(root: &Path, folder: &Path) -> bool {
    let around = root.join(folder.parent().unwrap_or(Path::new("")));
    fs::read_dir(around).is_ok_and(|entries| entries.flatten().any(|entry| ignore::is_session(Path::new(&entry.file_name()))))
}

/// A session in package form, by the state of all its files; none while it has no file.
fn package(root: &Path, path: &Path) -> Option<Found> {
    let files = package_files(root, path);
    let mut hasher = blake3::Hasher::new();
    let mut key = ScanKey { size: 0, mtime_ns: 0, ctime_ns: 0, inode: 0 };
    for file in &files {
        hasher.update(file.path.as_os_str().as_encoded_bytes());
        for number in [file.key.mtime_ns, file.key.ctime_ns, file.key.inode] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&file.key.size.to_le_bytes());
        key.size = key.size.saturating_add(file.key.size);
        key.mtime_ns = key.mtime_ns.max(file.key.mtime_ns);
        key.ctime_ns = key.ctime_ns.max(file.key.ctime_ns);
    }
    let mut digest = [0_u8; 8];
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    key.inode = i64::from_le_bytes(digest);
    (!files.is_empty()).then(|| Found { path: path.to_path_buf(), key, is_package: true })
}

/// The files of a session in package form, by path inside the root, without caches, autosaves, lock files and links.
#[must_use]
pub fn package_files(root: &Path, package: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut open = vec![package.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !ignore::is_derived_folder(Path::new(&name)) {
                open.push(folder.join(&name));
            } else if kind.is_file()
                && !ignore::is_derived(Path::new(&name))
                && let Ok(data) = entry.metadata()
            {
                found.push(Found { path: folder.join(&name), key: ScanKey::of(&data), is_package: false });
            }
        }
    }
    found.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    found
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
        let found = walk(root.path(), Path::new(""), &Rules::default());
        let names: Vec<String> = found.iter().map(|file| file.path.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["Bounces/b.flac", "Song/mix.wav", "a.wav"]);
        for path in ["Song/Samples/kick.wav", ".hidden/c.wav", "link/d.wav", "notes.txt"] {
            assert_eq!(look_at(root.path(), Path::new(path), &Rules::default()), None, "an event for {path} changes nothing");
        }
        let known: Known = found.iter().map(|file| (file.path.clone(), file.key)).collect();
        assert_eq!(changed(root.path(), Path::new(""), &Rules::default(), &known), []);
        put("a.wav");
        put("b.wav");
        assert!(changed(root.path(), Path::new(""), &Rules::default(), &known).iter().any(|file| file.path == Path::new("b.wav")));
        let rules = Rules::new(&["Bounces".into()], false);
        assert!(look_at(root.path(), Path::new("Bounces/b.flac"), &rules).is_none());
        assert!(walk(root.path(), Path::new(""), &rules).iter().all(|file| file.path != Path::new("Bounces/b.flac")));
    }

    #[test]
    fn many_folders_are_looked_through_by_several_and_told_in_the_same_order() {
        let root = tempfile::tempdir().expect("a folder");
        let mut names = Vec::new();
        for number in 0..200 {
            let folder = root.path().join(format!("{:02}/{number:03}", number % 40));
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("mix.wav"), b"x").expect("written");
            names.push(format!("{:02}/{number:03}/mix.wav", number % 40));
        }
        names.sort();
        let found = walk(root.path(), Path::new(""), &Rules::default());
        assert_eq!(found.iter().map(|file| file.path.to_string_lossy().into_owned()).collect::<Vec<_>>(), names);
        let known: Known = found.iter().skip(1).map(|file| (file.path.clone(), file.key)).collect();
        let news = changed(root.path(), Path::new(""), &Rules::default(), &known);
        assert_eq!(news, found[..1]);
    }

    #[test]
    fn a_session_in_package_form_is_one_thing_with_the_state_of_all_its_files() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let whole = root.path().join(path);
            fs::create_dir_all(whole.parent().expect("inside the root")).expect("made");
            fs::write(whole, text).expect("written");
        };
        put("Song.logicx/Alternatives/000/ProjectData", "one");
        put("Song.logicx/Media/kick.wav", "kick");
        put("Song.logicx/.DS_Store", "x");
        put("Song.logicx/Autosave/old", "x");
        put("Live Set/Song.als", "set");
        let without = walk(root.path(), Path::new(""), &Rules::default());
        assert_eq!(without, [], "sessions are not taken by default");
        let rules = Rules::new(&[], true);
        let found = walk(root.path(), Path::new(""), &rules);
        let names: Vec<(&str, bool)> = found.iter().map(|file| (file.path.to_str().expect("text"), file.is_package)).collect();
        assert_eq!(names, [("Live Set/Song.als", false), ("Song.logicx", true)]);
        let files = package_files(root.path(), Path::new("Song.logicx"));
        assert_eq!(files.len(), 2, "{files:?}");
        assert_eq!(look_at(root.path(), Path::new("Song.logicx/Media/kick.wav"), &rules).as_ref(), found.get(1));
        put("Song.logicx/Media/snare.wav", "snare");
        let after = walk(root.path(), Path::new(""), &rules);
        assert_ne!(after[1].key, found[1].key, "a new file inside is a change of the package");
    }
}
