//! Handing out the exact bytes of a version: fetched where they are not here, verified while they are written.

use std::fs::File;
use std::path::{Path, PathBuf};

use collabtrack_content::hashing;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use tempfile::NamedTempFile;

use crate::content_store::sync_folder;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::versions::VersionFile;
use crate::store::{blobs, versions};

/// Longest name of a file in bytes on common systems.
const MOST_NAME_BYTES: usize = 255;
/// Names that Windows keeps for devices.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4",
    "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The rules for names of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Everything but `/` and NUL.
    Unix,
    /// What Windows forbids besides.
    Windows,
}

impl Names {
    /// Those of this computer.
    #[must_use]
    pub fn here() -> Self {
        if cfg!(windows) { Self::Windows } else { Self::Unix }
    }
}

/// A name as it can be written on a system: what it forbids becomes `_`, what is too long loses its middle. A name that is allowed stays.
#[must_use]
pub fn writable_name(name: &str, names: Names) -> String {
    let forbidden = |c: char| match names {
        Names::Unix => matches!(c, '/' | '\0'),
        Names::Windows => matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') || c.is_control(),
    };
    let mut written: String = name.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
    if names == Names::Windows {
        let kept = written.trim_end_matches([' ', '.']).len();
        written.replace_range(kept.., &"_".repeat(written.len() - kept));
        let stem = written.split('.').next().unwrap_or_default().trim_end().to_lowercase();
        if DEVICES.contains(&stem.as_str()) {
            written.insert(0, '_');
        }
    }
    if written.is_empty() || written == "." || written == ".." {
        written = "_".to_owned();
    }
    shorten(written)
}

/// Keeps the end of a name that is too long, where the extension stands.
fn shorten(name: String) -> String {
    if name.len() <= MOST_NAME_BYTES {
        return name;
    }
    let end_at = name.rfind('.').filter(|dot| name.len() - dot <= 16).unwrap_or(name.len());
    let (stem, end) = name.split_at(end_at);
    let mut room = MOST_NAME_BYTES - end.len();
    while !stem.is_char_boundary(room) {
        room -= 1;
    }
    format!("{}{end}", &stem[..room])
}

/// A path inside a version as it can be written on a system.
#[must_use]
pub fn writable_path(path: &str, names: Names) -> PathBuf {
    path.split('/').map(|part| writable_name(part, names)).collect()
}

impl Library {
    /// Fetches the exact bytes of a version now, unless they are here. They stay, also where the rule of the project would not keep them.
    /// # Errors
    /// `Unknown`, `version_incomplete`, `SignedOut`, or that the server does not answer.
    pub async fn get_original(&self, id: &VersionId) -> Result<()> {
        let (version, missing) = {
            let mut connection = self.store().read().await?;
            let version = versions::get(&mut connection, id).await?;
            let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
            let mut missing = false;
            for file in versions::files(&mut connection, &version.id).await? {
                missing |= !blobs::is_here(&mut connection, &file.sha256).await?;
            }
            (version, missing)
        };
        if !missing {
            return Ok(());
        }
        let remote = self.remote().await?;
        self.fetch_original(remote.as_ref(), &version.id).await?;
        if !self.decide_keeping().await?.wanted.contains(&version.id) {
            self.pin(&version.id, true).await?;
        }
        Ok(())
    }

    /// Writes the exact bytes of a version to a new file, or to a new folder for a version of several files; fetches them if they are not
    /// here.
    /// # Errors
    /// As [`Library::get_original`]; `File` when the target exists or cannot be written.
    pub async fn fetch(&self, id: &VersionId, target: &Path) -> Result<()> {
        self.get_original(id).await?;
        let files = {
            let mut connection = self.store().read().await?;
            let id = versions::resolve(&mut connection, id).await?;
            versions::files(&mut connection, &id).await?
        };
        let sources: Vec<PathBuf> = files.iter().map(|file| self.content().path(&file.sha256)).collect();
        let target = target.to_path_buf();
        blocking(move || match (files.as_slice(), sources.as_slice()) {
            ([file], [source]) => write_file(source, &target, file.sha256),
            _ => write_folder(&files, &sources, &target),
        })
        .await
    }
}

fn write_folder(files: &[VersionFile], sources: &[PathBuf], target: &Path) -> Result<()> {
    std::fs::create_dir(target).map_err(|error| LibraryError::file("write", target, error))?;
    for (file, source) in files.iter().zip(sources) {
        let path = target.join(writable_path(&file.path, Names::here()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| LibraryError::file("write", folder, error))?;
        }
        write_file(source, &path, file.sha256)?;
    }
    Ok(())
}

/// Writes a new file. What has the name already stays.
fn write_file(source: &Path, target: &Path, wanted: ObjectHash) -> Result<()> {
    let folder = folder_of(target);
    let file = copy_beside(source, target, wanted)?;
    let fault = |error| LibraryError::file("write", target, error);
    file.persist_noclobber(target).map_err(|error| fault(error.error))?;
    sync_folder(folder).map_err(fault)
}

/// Writes beside the target, which gets the bytes only when every one is there and on the disk: whoever is killed in the middle leaves no file
/// that looks whole.
pub(crate) fn copy_beside(source: &Path, target: &Path, wanted: ObjectHash) -> Result<NamedTempFile> {
    let fault = |error| LibraryError::file("write", target, error);
    let mut from = File::open(source).map_err(|error| LibraryError::file("read", source, error))?;
    let mut file = unfinished(target)?;
    let copied = hashing::copy_hashing(&mut from, &mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?;
    if copied.sha256 != wanted {
        return Err(LibraryError::DamagedCopy { hash: wanted.to_string() });
    }
    file.as_file().sync_all().map_err(fault)?;
    Ok(file)
}

pub(crate) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside `target` of a name nobody has, with the rights of any new file of this user; it goes away unless it is finished.
pub(crate) fn unfinished(target: &Path) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".collabtrack-").suffix(".part");
    #[cfg(unix)]
    let rights = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(rights);
    builder.tempfile_in(folder_of(target)).map_err(|error| LibraryError::file("write", target, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i20_hard_names_are_written_as_the_system_allows_and_stay_recorded_as_they_are() {
        let table = [
            ("Night Drive.wav", "Night Drive.wav", "Night Drive.wav"),
            ("CON.wav", "CON.wav", "_CON.wav"),
            ("aux", "aux", "_aux"),
            ("what?.wav", "what?.wav", "what_.wav"),
            ("a:b|c<d>.wav", "a:b|c<d>.wav", "a_b_c_d_.wav"),
            ("ends in dot.", "ends in dot.", "ends in dot_"),
            ("ends in space ", "ends in space ", "ends in space_"),
            ("..", "_", "__"),
            ("Cafe\u{301}.wav", "Cafe\u{301}.wav", "Cafe\u{301}.wav"),
            ("夜のドライブ.wav", "夜のドライブ.wav", "夜のドライブ.wav"),
        ];
        for (name, unix, windows) in table {
            assert_eq!(writable_name(name, Names::Unix), unix, "{name}");
            assert_eq!(writable_name(name, Names::Windows), windows, "{name}");
        }
        let long = format!("{}.wav", "夜".repeat(200));
        for names in [Names::Unix, Names::Windows] {
            let written = writable_name(&long, names);
            assert!(written.len() <= MOST_NAME_BYTES && written.ends_with(".wav"), "{} bytes", written.len());
        }
        let longest = format!("{}.wav", "x".repeat(251));
        assert_eq!(writable_name(&longest, Names::Unix), longest, "255 bytes are allowed");
        assert_eq!(writable_path("Media/CON/kick?.wav", Names::Windows), PathBuf::from("Media").join("_CON").join("kick_.wav"));
    }
}
