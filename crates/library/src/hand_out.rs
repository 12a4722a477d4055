//! Giving a version to another program: a copy of its exact bytes under a name people can read.
//!
//! The copy lies in a folder of its own and is never taken back: a DAW may go on using it where it is.

use std::path::{Path, PathBuf};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::content_store::{rename, sync_folder};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::{tracks, versions};
use crate::write_out::{copy_beside, folder_of, unfinished};

/// Most bytes of a name; some disks take no more than 255, and other programs add to it.
const MAX_NAME_BYTES: usize = 180;

impl Library {
    /// A copy of the exact bytes of a version, named after its track and number, fetched first where they are not here. The same
    /// version has the same copy; a copy that another program changed is left as it is, and a new one made beside it.
    /// # Errors
    /// `Unknown`, `NotHere`, `File`, or what fetching it said.
    pub async fn hand_out(&self, id: &VersionId) -> Result<PathBuf> {
        let (name, sha256) = self.handed_name(id).await?;
        let all = self.options().dir.join("handed out").join(&sha256.to_string()[..12]);
        for turn in 1.. {
            let folder = if turn == 1 { all.clone() } else { all.join(turn.to_string()) };
            let target = folder.join(&name);
            if !target.exists() {
                std::fs::create_dir_all(&folder).map_err(|error| LibraryError::file("make", &folder, error))?;
                self.fetch(id, &target).await?;
                return Ok(target);
            }
            if is_whole(target.clone(), sha256).await? {
                return Ok(target);
            }
        }
        Err(LibraryError::NotHere { version: id.to_string() })
    }

    /// Writes a version to `target`, replacing what is there: its exact bytes, or, when the target is to be a WAV file and the
    /// original is none, its sound as WAV of the same depth. Nothing is left behind on an error.
    /// # Errors
    /// `Unknown`, `NotHere`, `File`, `Audio`, or what fetching it said.
    pub async fn export(&self, id: &VersionId, target: &Path) -> Result<()> {
        self.get_original(id).await?;
        let (stored, name) = self.original(id).await?;
        let (_, sha256) = self.handed_name(id).await?;
        let is_wav = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wav"));
        let converted = is_wav(target) && !is_wav(Path::new(&name));
        let (target, cancel) = (target.to_path_buf(), self.cancel().clone());
        blocking(move || {
            let fault = |error| LibraryError::file("write", &target, error);
            let part = if converted {
                let part = unfinished(&target)?;
                collabtrack_audio::wav::convert(&stored, part.path(), &cancel)?;
                part.as_file().sync_all().map_err(fault)?;
                part
            } else {
                copy_beside(&stored, &target, sha256)?
            };
            rename(&part.into_temp_path(), &target).map_err(fault)?;
            sync_folder(folder_of(&target)).map_err(fault)
        })
        .await
    }

    /// The name a version is handed out under.
    /// # Errors
    /// `Unknown`; `NotHere` for a version of several files.
    pub async fn name_for_others(&self, id: &VersionId) -> Result<String> {
        Ok(self.handed_name(id).await?.0)
    }

    async fn handed_name(&self, id: &VersionId) -> Result<(String, ObjectHash)> {
        let mut connection = self.store().read().await?;
        let id = versions::resolve(&mut connection, id).await?;
        let unknown = || LibraryError::Unknown { what: "version", id: id.to_string() };
        let version = versions::get(&mut connection, &id).await?.ok_or_else(unknown)?;
        let track = tracks::get(&mut connection, &version.track).await?.map(|track| track.name).unwrap_or_default();
        let files = versions::files(&mut connection, &version.id).await?;
        let [file] = files.as_slice() else { return Err(LibraryError::NotHere { version: id.to_string() }) };
        let extension = Path::new(&file.path).extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((file_name(&track, version.number, version.numbered, &extension), file.sha256))
    }
}

/// Whether the file at `path` still holds the bytes with this hash.
async fn is_whole(path: PathBuf, sha256: ObjectHash) -> Result<bool> {
    blocking(move || {
        let fault = |error| LibraryError::file("read", &path, error);
        let mut file = std::fs::File::open(&path).map_err(fault)?;
        let hashes = collabtrack_content::hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?;
        Ok(hashes.sha256 == sha256)
    })
    .await
}

/// `{track} - version {number}.{extension}`, with "(not final)" while the number is provisional, in a form every disk takes: no
/// characters that some system reserves, no dots or spaces at the ends, composed Unicode, at most 180 bytes; number and extension
/// are never cut.
#[must_use]
pub fn file_name(track: &str, number: i64, is_final: bool, extension: &str) -> String {
    let extension: String = extension.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>().to_ascii_lowercase();
    let state = if is_final { "" } else { " (not final)" };
    let tail = if extension.is_empty() { format!(" - version {number}{state}") } else { format!(" - version {number}{state}.{extension}") };
    let safe = |character: char| match character {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        control if control.is_control() => '_',
        other => other,
    };
    let name: String = track.nfc().map(safe).collect();
    let mut name = name.trim_matches(|c: char| c == '.' || c.is_whitespace()).to_owned();
    let room = MAX_NAME_BYTES.saturating_sub(tail.len());
    if name.len() > room {
        // Cut between characters as people see them: no half emoji, no lost accent.
        let fits = name.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).take_while(|end| *end <= room).last();
        name.truncate(fits.unwrap_or(0));
        name.truncate(name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).len());
    }
    if name.is_empty() {
        name.push_str("Track");
    }
    name + &tail
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_are_taken_by_every_disk() {
        for (track, number, is_final, extension, expected) in [
            ("Night Drive", 12, true, "wav", "Night Drive - version 12.wav"),
            ("Night Drive", 3, false, "WAV", "Night Drive - version 3 (not final).wav"),
            ("a/b\\c:d*e?f\"g<h>i|j", 1, true, "flac", "a_b_c_d_e_f_g_h_i_j - version 1.flac"),
            (" ..hidden. ", 1, true, "wav", "hidden - version 1.wav"),
            ("tab\there", 1, true, "wav", "tab_here - version 1.wav"),
            ("Cafe\u{301} 100 % #1", 2, true, "mp3", "Café 100 % #1 - version 2.mp3"),
            ("...", 5, true, "ogg", "Track - version 5.ogg"),
            ("x", 1, true, "", "x - version 1"),
            ("x", 1, true, "../../sh", "x - version 1.sh"),
        ] {
            assert_eq!(file_name(track, number, is_final, extension), expected);
        }
    }

    #[test]
    fn long_names_are_cut_between_characters_and_keep_number_and_extension() {
        for track in ["ä".repeat(200), "👩‍🚀".repeat(60), format!("{}.  end", "x".repeat(140)), "نجم".repeat(80)] {
            let name = file_name(&track, 1234, false, "aiff");
            assert!(name.len() <= 180, "{} bytes", name.len());
            assert!(name.ends_with(" - version 1234 (not final).aiff"), "{name}");
            assert!(!name.contains(". -") && !name.contains("  -"), "{name}");
        }
        let name = file_name(&"👩‍🚀".repeat(60), 1, true, "wav");
        let start = name.strip_suffix(" - version 1.wav").expect("the tail");
        assert_eq!(start.len() % "👩‍🚀".len(), 0, "no half astronaut");
    }
}
