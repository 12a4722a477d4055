//! Errors as the web view gets them: a stable code, what happened and what it means, what to do.

use collabtrack_audio::error::AudioError;
use collabtrack_domain::id::IdError;
use collabtrack_library::error::{LibraryError, chain};
use collabtrack_library::view::ErrorView;
use serde::Serialize;

/// The failure of a command.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct CommandError(ErrorView);

/// What every command returns.
pub(crate) type CommandResult<T> = Result<T, CommandError>;

impl CommandError {
    /// An error with its three parts.
    pub(crate) fn new(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(ErrorView { code: code.to_owned(), message: message.into(), hint: Some(hint.into()) })
    }

    /// What happened, for a log.
    pub(crate) fn message(&self) -> String {
        self.0.message.clone()
    }
}

impl From<LibraryError> for CommandError {
    fn from(error: LibraryError) -> Self {
        tracing::warn!(error = %chain(&error), "a command failed");
        Self(error.view())
    }
}

impl From<IdError> for CommandError {
    fn from(error: IdError) -> Self {
        Self::new("bad_request", error.to_string(), "Reload the window; if it comes again, please report it.")
    }
}

impl From<AudioError> for CommandError {
    fn from(error: AudioError) -> Self {
        tracing::warn!(error = %chain(&error), "the player failed");
        let (code, hint) = match error {
            AudioError::NoDevice => ("no_device", "Connect headphones or speakers, then press play again."),
            AudioError::DeviceBusy | AudioError::DeviceLost => {
                ("no_device", "Close the program that uses the sound device, or choose another one in Settings.")
            }
            AudioError::NotAudio { .. } | AudioError::Unsupported { .. } => {
                ("not_audio", "The original is safe. Export it as WAV, AIFF, FLAC, MP3, M4A or OGG to hear it here.")
            }
            AudioError::Cancelled => ("cancelled", "Press play to start again."),
            _ => ("file", "The version itself is untouched. Fetch it again, or listen to another version."),
        };
        Self::new(code, chain(&error), hint)
    }
}
