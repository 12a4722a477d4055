//! Which files and folders are never exports: temporary, hidden, caches, autosaves, the media of DAW sessions.

use std::path::Path;

/// Extensions of files that can be exports.
const AUDIO: [&str; 19] = [
    "wav", "wave", "bwf", "rf64", "w64", "aif", "aiff", "aifc", "caf", "flac", "mp3", "mp2", "m4a", "m4b", "aac", "alac", "ogg", "oga",
    "opus",
];
/// Extensions of DAW sessions: media folders beside them hold recordings, not exports.
const SESSIONS: [&str; 14] =
    ["als", "ptx", "ptf", "cpr", "rpp", "flp", "logicx", "band", "song", "aup3", "aup", "reason", "ardour", "dawproject"];
/// Folders whose content is never an export.
const NEVER: [&str; 10] = [
    "autosave",
    "auto-save",
    "auto saves",
    "autosaves",
    "backup",
    "backups",
    "session file backups",
    "ableton project info",
    "wavecache",
    "peaks",
];
/// Folders that hold recordings when they stand beside a session.
const MEDIA: [&str; 10] =
    ["audio", "audio files", "samples", "media", "wave files", "imported", "recorded", "interchange", "fade files", "freeze files"];

fn lower(name: &Path) -> String {
    name.to_string_lossy().to_lowercase()
}

fn extension(name: &Path) -> String {
    name.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether a file of this name can be an export.
#[must_use]
pub fn is_export(name: &Path) -> bool {
    let text = lower(name);
    let hidden = text.starts_with(['.', '~', '$']) || text.contains(".tmp.") || text.contains(".part.");
    !hidden && AUDIO.contains(&extension(name).as_str())
}

/// Whether a file of this name is a DAW session.
#[must_use]
pub fn is_session(name: &Path) -> bool {
    SESSIONS.contains(&extension(name).as_str())
}

/// Whether a folder of this name is passed over; `beside_session` says whether a DAW session stands next to it.
#[must_use]
pub fn is_ignored_folder(name: &Path, beside_session: bool) -> bool {
    let text = lower(name);
    text.starts_with('.') || NEVER.contains(&text.as_str()) || is_session(name) || (beside_session && MEDIA.contains(&text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_told_from_everything_else() {
        for name in ["Night Drive.wav", "a.FLAC", "Mix.v2.aiff", "x.m4a"] {
            assert!(is_export(Path::new(name)), "{name}");
        }
        for name in [".DS_Store", "._Night Drive.wav", "~mix.wav", "song.wav.asd", "mix.tmp.wav", "notes.txt", "wav", "song.als"] {
            assert!(!is_export(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn media_folders_count_only_beside_a_session() {
        assert!(is_ignored_folder(Path::new("Samples"), true));
        assert!(!is_ignored_folder(Path::new("Samples"), false));
        assert!(is_ignored_folder(Path::new("Backup"), false));
        assert!(is_ignored_folder(Path::new("Song.logicx"), false));
        assert!(!is_ignored_folder(Path::new("Bounces"), true));
    }
}
