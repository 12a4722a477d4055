//! What can go wrong with sound: typed, with the facts a message needs.

use std::io;
use std::path::{Path, PathBuf};

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// A file could not be opened, read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted: "open", "read", "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The bytes are no audio this crate knows of.
    #[error("not an audio file: {reason}")]
    NotAudio {
        /// What was found instead.
        reason: &'static str,
    },
    /// Audio, but of a format that cannot be decoded.
    #[error("{format} is not supported")]
    Unsupported {
        /// The format, as a musician would call it.
        format: String,
    },
    /// The file contradicts itself so badly that nothing can be played, or a stored table is broken.
    #[error("damaged: {what}")]
    Damaged {
        /// What is broken.
        what: String,
    },
    /// A limit of [`crate::limits`] was met.
    #[error("{what} is {found}, the limit is {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// What the file has.
        found: u64,
        /// What is allowed.
        limit: u64,
    },
    /// This computer has no sound output.
    #[error("no sound output was found")]
    NoDevice,
    /// Another program holds the sound output.
    #[error("the sound output is in use by another program")]
    DeviceBusy,
    /// The sound output went away.
    #[error("the sound output went away")]
    DeviceLost,
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A fault of this program, not of the file.
    #[error("internal fault: {what}")]
    Internal {
        /// What failed.
        what: String,
    },
}

impl AudioError {
    /// An [`AudioError::Io`] for `action` on `path`.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        AudioError::Io { action, path: path.to_path_buf(), source }
    }

    /// An [`AudioError::Damaged`] that says what is broken.
    pub fn damaged(what: impl Into<String>) -> Self {
        AudioError::Damaged { what: what.into() }
    }
}
