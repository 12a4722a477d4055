//! What can go wrong in the library, and how it is told: what happened, what it means for the music, what to do.

use std::io;
use std::path::{Path, PathBuf};

use collabtrack_audio::error::AudioError;
use collabtrack_domain::id::IdError;
use collabtrack_protocol::problem::ErrorCode;

use crate::credentials::CredentialError;
use crate::store::StoreError;
use crate::sync::remote::RemoteError;
use crate::view::ErrorView;

/// Every error of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server or its store.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Sound that cannot be read or measured.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The keyring or token file.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted: "open", "read", "write", "list".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another program works with this library.
    #[error("another CollabTrack is working with the library in {}", folder.display())]
    InUse {
        /// The library's folder.
        folder: PathBuf,
    },
    /// An id that stands for nothing here.
    #[error("this library knows no {what} {id}")]
    Unknown {
        /// "project", "track", "version" …
        what: &'static str,
        /// The id as given.
        id: String,
    },
    /// A text that is not an id of the wanted kind.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Something that is not a folder was to be watched.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// A folder inside a watched folder, or around one.
    #[error("{} lies inside or around {}, which is watched already", path.display(), watched.display())]
    Nested {
        /// The folder.
        path: PathBuf,
        /// The watched one.
        watched: PathBuf,
    },
    /// A folder that belongs to another project.
    #[error("{} belongs to another project", path.display())]
    OtherProject {
        /// The folder.
        path: PathBuf,
    },
    /// Too little room on the disk.
    #[error("the disk of the library has {free} bytes free, {needed} are needed")]
    NoSpace {
        /// Bytes free.
        free: u64,
        /// Bytes needed, with the reserve.
        needed: u64,
    },
    /// The file changed while it was copied.
    #[error("{} changed while it was captured", path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not on this computer.
    #[error("version {version} is not on this computer")]
    NotHere {
        /// The version.
        version: String,
    },
    /// A stored file no longer has its bytes.
    #[error("the copy of {hash} on this computer is damaged")]
    DamagedCopy {
        /// Its SHA-256.
        hash: String,
    },
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The project is only on this computer.
    #[error("the project is only on this computer")]
    OnlyHere,
    /// An address that cannot be a server's.
    #[error("{address:?} is not the address of a server")]
    Address {
        /// The text as given.
        address: String,
    },
    /// What the server shows of a proposal is not what would be decided.
    #[error("the proposal is not what it is shown as")]
    NotAsTold(#[from] collabtrack_domain::change_set::shown::NotAsTold),
    /// A value that is not acceptable.
    #[error("{what}")]
    Invalid {
        /// What is wrong with which value, as a whole sentence.
        what: String,
    },
}

/// Result of the library's functions.
pub type Result<T> = std::result::Result<T, LibraryError>;

impl LibraryError {
    /// A [`LibraryError::File`] for `action` on `path`.
    pub fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_path_buf(), source }
    }

    /// The stable code that programs branch on.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Remote(error) => error.code(),
            Self::Audio(
                AudioError::NotAudio { .. } | AudioError::Unsupported { .. } | AudioError::Damaged { .. } | AudioError::Limit { .. },
            ) => ErrorCode::NotAudio,
            Self::Audio(AudioError::Cancelled) => ErrorCode::Cancelled,
            Self::Audio(AudioError::Io { .. })
            | Self::File { .. }
            | Self::NotAFolder { .. }
            | Self::NoSpace { .. }
            | Self::ChangedMeanwhile { .. } => ErrorCode::File,
            Self::Unknown { .. } => ErrorCode::NotFound,
            Self::Id(_) => ErrorCode::BadRequest,
            Self::Nested { .. } | Self::OtherProject { .. } | Self::Address { .. } | Self::Invalid { .. } => ErrorCode::Invalid,
            Self::NotHere { .. } | Self::DamagedCopy { .. } => ErrorCode::NotHere,
            Self::NotAsTold(_) => ErrorCode::ChecksumMismatch,
            Self::SignedOut => ErrorCode::Unauthorized,
            Self::OnlyHere => ErrorCode::Invalid,
            Self::Store(_) | Self::Credential(_) | Self::InUse { .. } | Self::Audio(_) => ErrorCode::Local,
        }
    }

    /// The error as screens and the companion show it.
    #[must_use]
    pub fn view(&self) -> ErrorView {
        let (message, hint) = self.texts();
        ErrorView { code: code_word(self.code()), message, hint: Some(hint) }
    }

    fn texts(&self) -> (String, String) {
        let said = sentence(&chain(self));
        match self {
            Self::Remote(error) => error.texts(),
            Self::Store(StoreError::Newer { .. }) => {
                (format!("{said} Nothing was changed."), "Update CollabTrack on this computer, then open the library again.".into())
            }
            Self::Store(StoreError::UnsafeSqlite { .. }) => {
                (format!("{said} The library was not opened."), "Install an unmodified CollabTrack: it brings its own SQLite.".into())
            }
            Self::Store(_) => (
                format!("{said} Your own files are untouched, and nothing was half recorded."),
                "Check that the disk is not full or write-protected, then start CollabTrack again.".into(),
            ),
            Self::Audio(AudioError::Cancelled) => ("It was cancelled. Nothing changed.".into(), "Start it again when you like.".into()),
            Self::Audio(AudioError::NotAudio { .. } | AudioError::Unsupported { .. }) => (
                format!("{said} The file stays as it is, but cannot become a version that plays."),
                "Export it as WAV, AIFF, FLAC, MP3, M4A or OGG.".into(),
            ),
            Self::Audio(_) => (format!("{said} The file stays as it is."), "Export it again from your audio program.".into()),
            Self::Credential(error) => error.texts(),
            Self::File { .. } => (
                format!("{said} Nothing was changed."),
                "Check that the file or folder is there, that you may read and write it, and that the disk is not full.".into(),
            ),
            Self::InUse { .. } => (
                format!("{said} Two at once could record an export twice, so this one did nothing."),
                "Close the CollabTrack window, or let it do the work.".into(),
            ),
            Self::Unknown { what, .. } => (said, format!("List the {what}s again; it may be in another library or project.")),
            Self::Id(_) => (said, "Copy the whole id, as the lists show it.".into()),
            Self::NotAFolder { .. } => {
                (format!("{said} CollabTrack watches folders."), "Choose the folder your audio program exports into.".into())
            }
            Self::Nested { .. } => (
                format!("{said} Watching it twice would record every export twice."),
                "Choose another folder, or go on with the one that is watched.".into(),
            ),
            Self::OtherProject { .. } => (
                format!("{said} Its exports would be recorded in two projects."),
                "Choose another folder, or open the project it belongs to.".into(),
            ),
            Self::NoSpace { .. } => (
                format!("{said} The export stays in its folder and is taken as soon as there is room."),
                "Free some space on the disk that holds the library.".into(),
            ),
            Self::ChangedMeanwhile { .. } => (
                format!("{said} No version was made of it, because it would have been half of each."),
                "Wait until your audio program has finished; it is taken by itself.".into(),
            ),
            Self::NotHere { .. } => (
                format!("{said} Its number and name are known, its sound is not here yet."),
                "Connect to the server and let it be fetched, then try again.".into(),
            ),
            Self::DamagedCopy { .. } => (
                format!("{said} It is not played or sent, because it would not be what was exported."),
                "If the export still lies in its folder, save it again; otherwise fetch the version from the server.".into(),
            ),
            Self::SignedOut => (
                "Nobody is signed in. Your music on this computer is complete without it; the server cannot be asked.".into(),
                "Sign in, then try again.".into(),
            ),
            Self::OnlyHere => (
                "The project is only on this computer. Members, catalogue and approval live on a server.".into(),
                "Put the project on your server first.".into(),
            ),
            Self::Address { .. } => {
                (format!("{said} Nothing was sent."), "Write it like https://music.example.org or localhost:8000.".into())
            }
            Self::NotAsTold(_) => (
                format!("{said} It is not shown, so that nobody decides about something they did not see."),
                "Open it again. If it stays so, tell whoever runs the server, and keep this message.".into(),
            ),
            Self::Invalid { .. } => (said, "Change it and try again.".into()),
        }
    }
}

/// The word of a code, as the wire writes it.
pub(crate) fn code_word(code: ErrorCode) -> String {
    serde_json::to_value(code).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| "unknown".to_owned())
}

/// An error with everything that caused it, on one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        // A transparent error repeats its source.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}

/// `text` as a sentence: a capital first, a full stop last.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let mut whole: String = characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default();
    if !whole.ends_with(['.', '!', '?']) {
        whole.push('.');
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_says_what_happened_what_it_means_and_what_to_do() {
        let error = LibraryError::file("read", Path::new("/music/Night Drive.wav"), io::Error::from(io::ErrorKind::PermissionDenied));
        let view = error.view();
        assert_eq!(view.code, "file");
        assert!(view.message.starts_with("Cannot read /music/Night Drive.wav: permission denied."), "{}", view.message);
        assert!(view.message.contains("Nothing was changed"));
        assert!(view.hint.is_some_and(|hint| hint.contains("may read")));
    }
}
