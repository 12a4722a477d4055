//! Which files and folders are never exports: temporary, hidden, caches, autosaves, the media of DAW sessions, and what a project leaves
//! out by its own rules.

use std::ffi::OsStr;
use std::path::Path;

use collabtrack_domain::recipe::name_key;

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
/// Extensions of lock files, peaks and analyses that audio programs keep beside their files.
const DERIVED: [&str; 12] = ["lock", "lck", "tmp", "bak", "asd", "reapeaks", "pkf", "pk", "sfk", "ovw", "peak", "sfap0"];
/// Folders that hold recordings when they stand beside a session.
const MEDIA: [&str; 10] =
    ["audio", "audio files", "samples", "media", "wave files", "imported", "recorded", "interchange", "fade files", "freeze files"];

/// What one project takes beyond the common rules, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Names, or paths inside a root, with `*` (any run of characters but `/`) and `?` (one character), in the form of [`name_key`].
    left_out: Vec<String>,
    /// Whether DAW sessions become versions.
    pub sessions: bool,
}

impl Rules {
    /// Rules of a project. Letter case and Unicode form of the patterns do not matter.
    #[must_use]
    pub fn new(patterns: &[String], sessions: bool) -> Self {
        Self { left_out: patterns.iter().map(|pattern| name_key(pattern.trim_matches('/'))).collect(), sessions }
    }

    /// Whether the project leaves out what lies at `path` inside a root: by its name, or by its whole path.
    #[must_use]
    pub fn leaves_out(&self, path: &Path) -> bool {
        if self.left_out.is_empty() {
            return false;
        }
        let whole = name_key(&path.to_string_lossy().replace('\\', "/"));
        let name = whole.rsplit('/').next().unwrap_or(&whole);
        self.left_out.iter().any(|pattern| {
            let text = if pattern.contains('/') { &whole } else { name };
            matches(pattern, text)
        })
    }

    /// Whether a file of this name becomes a version: an export, or a session where the project keeps them.
    #[must_use]
    pub fn takes(&self, name: &Path) -> bool {
        is_export(name) || (self.sessions && is_session(name) && !is_temporary(name))
    }
}

/// Whether `text` has the form of `pattern`, where `*` stands for any run of characters but `/` and `?` for one. Linear in practice: only
/// the last `*` is ever tried again.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == text[t] || (pattern[p] == '?' && text[t] != '/')) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star
            && text[from] != '/'
        {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn is_temporary(name: &Path) -> bool {
    let bytes = name.as_os_str().as_encoded_bytes();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    matches!(bytes.first(), Some(b'.' | b'~' | b'$')) || holds(b".tmp.") || holds(b".part.")
}

fn lower(name: &Path) -> String {
    name.to_string_lossy().to_lowercase()
}

/// Whether the extension is one of these. Asked of every name of a folder of 100,000 files, so nothing is copied.
fn has_extension(name: &Path, any_of: &[&str]) -> bool {
    name.extension().and_then(OsStr::to_str).is_some_and(|extension| any_of.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a file of this name can be an export.
#[must_use]
pub fn is_export(name: &Path) -> bool {
    has_extension(name, &AUDIO) && !is_temporary(name)
}

/// Whether a file of this name is a DAW session.
#[must_use]
pub fn is_session(name: &Path) -> bool {
    has_extension(name, &SESSIONS)
}

/// Whether a folder of this name holds recordings when it stands beside a session.
#[must_use]
pub fn is_media(name: &Path) -> bool {
    MEDIA.contains(&lower(name).as_str())
}

/// Whether a folder of this name inside a session holds only what the audio program makes again by itself.
#[must_use]
pub fn is_derived_folder(name: &Path) -> bool {
    let text = lower(name);
    text.starts_with('.') || NEVER.contains(&text.as_str())
}

/// Whether a file of this name inside a session is a lock, a cache or an analysis: made again by the audio program.
#[must_use]
pub fn is_derived(name: &Path) -> bool {
    let text = lower(name);
    is_temporary(name) || text == "thumbs.db" || text == "desktop.ini" || has_extension(name, &DERIVED)
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
    fn a_project_leaves_out_names_and_paths_with_wildcards() {
        let rules = Rules::new(&["*_ref.wav".into(), "Old/*".into(), "Caf\u{e9}?.WAV".into()], false);
        for path in ["Mix_REF.wav", "Bounces/a_ref.wav", "old/Mix.wav", "cafe\u{301}1.wav"] {
            assert!(rules.leaves_out(Path::new(path)), "{path}");
        }
        for path in ["Mix.wav", "Bounces/Old/Mix.wav", "Old/Deep/Mix.wav", "Mix_ref.wav.asd", "caf\u{e9}.wav"] {
            assert!(!rules.leaves_out(Path::new(path)), "{path}");
        }
        assert!(!Rules::default().leaves_out(Path::new("anything")));
        assert!(matches("*a*a*a*a*b", &format!("{}b", "a".repeat(500))), "no pattern takes long");
        assert!(!matches("*a*a*a*a*c", &"a".repeat(5_000)));
    }

    #[test]
    fn sessions_are_taken_only_where_the_project_keeps_them() {
        assert!(!Rules::new(&[], false).takes(Path::new("Song.als")));
        assert!(Rules::new(&[], true).takes(Path::new("Song.als")));
        assert!(!Rules::new(&[], true).takes(Path::new("~Song.als")));
        assert!(!Rules::new(&[], true).takes(Path::new("notes.txt")));
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
