//! What goes to the terminal: words or one JSON document, and trouble in three parts.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this file is the terminal")]

use std::io::IsTerminal;

use collabtrack_audio::error::AudioError;
use collabtrack_library::error::LibraryError;
use collabtrack_library::view::ErrorView;
use serde::Serialize;

/// Where answers go.
pub(crate) struct Output {
    json: bool,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Trouble(ErrorView);

impl Trouble {
    /// What happened, what it means, what to do.
    pub(crate) fn new(what: impl std::fmt::Display, means: &str, hint: &str) -> Self {
        Self(ErrorView { code: "bad_request".into(), message: format!("{what}. {means}"), hint: Some(hint.to_owned()) })
    }
}

impl From<LibraryError> for Trouble {
    fn from(error: LibraryError) -> Self {
        let mut view = error.view();
        if view.code == "second_factor_needed" {
            view.hint = Some("Run it again with --code CODE: the code of your authenticator app, or a recovery code.".to_owned());
        }
        Self(view)
    }
}

impl From<AudioError> for Trouble {
    fn from(error: AudioError) -> Self {
        Self(ErrorView {
            code: "not_audio".into(),
            message: format!("{error}. The file is untouched."),
            hint: Some("Export it as WAV, AIFF, FLAC, MP3, M4A or OGG and try again.".into()),
        })
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self(ErrorView {
            code: "file".into(),
            message: format!("A file could not be read or written: {error}. Nothing was changed."),
            hint: Some("Check that the folder exists and that you may write to it.".into()),
        })
    }
}

impl From<collabtrack_domain::id::IdError> for Trouble {
    fn from(error: collabtrack_domain::id::IdError) -> Self {
        Self::new(error, "Nothing was done.", "Copy the id from a listing.")
    }
}

impl Output {
    /// Words, or JSON.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The answer of a command: `value` as JSON, or what `words` makes of it.
    pub(crate) fn answer<T: Serialize>(&self, value: &T, words: impl FnOnce(&T) -> String) {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(text) => println!("{text}"),
                Err(error) => eprintln!("the answer could not be written as JSON: {error}"),
            }
        } else {
            let text = words(value);
            if !text.is_empty() {
                println!("{}", text.trim_end());
            }
        }
    }

    /// Shows something and asks a question about it that takes yes or no; no without asking where nobody sits at a terminal, and for JSON.
    pub(crate) fn asks(&self, shown: &str, question: &str) -> std::io::Result<bool> {
        if self.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Ok(false);
        }
        eprint!("{shown}{question} [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// News while a command goes on; never part of the answer.
    pub(crate) fn news(&self, text: &str) {
        eprintln!("{text}");
    }

    /// An error in its three parts; with `--json` as JSON, both on standard error.
    pub(crate) fn trouble(&self, trouble: &Trouble) {
        if self.json {
            eprintln!("{}", serde_json::to_string(&trouble.0).unwrap_or_default());
        } else {
            eprintln!("{}", trouble.0.message);
            if let Some(hint) = &trouble.0.hint {
                eprintln!("{hint}");
            }
        }
    }
}
