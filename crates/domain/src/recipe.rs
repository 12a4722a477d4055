//! Recipes: how the exact bytes of a version's files are rebuilt from stored extents.
//!
//! A file is covered by spans; a span maps file bytes `[at, at + len)` to raw bytes `[from, from + len)` of an extent; an extent is a run
//! of raw bytes stored in one object with one codec. Both the desktop and the server check every recipe with [`Recipe::check`].

use serde::{Deserialize, Serialize};

use crate::hash::ObjectHash;

/// Most spans a file may have.
pub const MAX_SPANS_PER_FILE: usize = 4_096;
/// Most extents a file may need.
pub const MAX_EXTENTS_PER_FILE: usize = 2_048;
/// Most files a version may have.
pub const MAX_FILES: usize = 20_000;

/// How the raw bytes of an extent are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// As they are.
    Raw,
    /// Integer PCM as FLAC.
    Flac,
    /// Zstandard.
    Zstd,
    /// Float PCM as byte planes, then Zstandard.
    PlanesZstd,
    /// Float PCM as whole numbers in FLAC and the bits they do not hold.
    FlacFloats,
    /// The difference to an earlier version, as FLAC.
    FlacResidual,
    /// A codec of a newer program: this one cannot rebuild the file.
    #[serde(other)]
    Unknown,
}

impl Codec {
    /// All that this program knows.
    pub const KNOWN: [Self; 6] = [Self::Raw, Self::Flac, Self::Zstd, Self::PlanesZstd, Self::FlacFloats, Self::FlacResidual];

    /// Its word in recipes and databases.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Flac => "flac",
            Self::Zstd => "zstd",
            Self::PlanesZstd => "planes-zstd",
            Self::FlacFloats => "flac-floats",
            Self::FlacResidual => "flac-residual",
            Self::Unknown => "unknown",
        }
    }

    /// The codec of a word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        Self::KNOWN.into_iter().find(|codec| codec.word() == word).unwrap_or(Self::Unknown)
    }
}

/// A run of raw bytes stored in one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Key of the object in the store.
    pub object: String,
    /// First byte of the stored form inside the object.
    pub offset: u64,
    /// Length of the stored form in bytes.
    pub stored_len: u64,
    /// Length of the raw bytes.
    pub raw_len: u64,
    /// SHA-256 of the raw bytes.
    pub sha256: ObjectHash,
    /// How the raw bytes are stored.
    pub codec: Codec,
    /// What the codec needs beside the bytes; `null` for raw.
    #[serde(default)]
    pub params: serde_json::Value,
}

/// Predicted extents that may rest on each other.
pub const MAX_CHAIN: usize = 3;

/// A run of raw bytes of another extent of the recipe, as the parameters of a predicted one name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasePart {
    /// Object of the other extent.
    pub object: String,
    /// Its offset in that object.
    pub offset: u64,
    /// First raw byte.
    pub from: u64,
    /// Length in bytes.
    pub len: u64,
}

impl Extent {
    /// What a predicted extent rests on, in order; nothing for any other, and nothing where its parameters name nothing.
    #[must_use]
    pub fn bases(&self) -> Vec<BasePart> {
        let named = (self.codec == Codec::FlacResidual).then(|| self.params.get("base")).flatten();
        named.and_then(|named| Vec::<BasePart>::deserialize(named).ok()).unwrap_or_default()
    }
}

/// A run of file bytes taken from an extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte in the file.
    pub at: u64,
    /// Length in bytes; never 0.
    pub len: u64,
    /// Index into [`Recipe::extents`].
    pub extent: u32,
    /// First raw byte inside the extent.
    pub from: u64,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipeFile {
    /// Relative path with `/` between its parts; for a single file its name.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the whole file.
    pub sha256: ObjectHash,
    /// Key of the object that is exactly this file, where there is one.
    #[serde(default)]
    pub plain_object: Option<String>,
    /// The spans, in file order.
    pub spans: Vec<Span>,
}

/// How all files of a version are rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The files, in the order of their indices.
    pub files: Vec<RecipeFile>,
    /// The extents that the spans name.
    pub extents: Vec<Extent>,
}

/// Why a recipe is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// No file, or too many.
    #[error("a version has 1 to {MAX_FILES} files, this recipe has {count}")]
    FileCount {
        /// Files in the recipe.
        count: usize,
    },
    /// A path that is empty, absolute, or leaves its folder.
    #[error("{path:?} is not a relative path inside the version")]
    Path {
        /// The path as given.
        path: String,
    },
    /// More spans or extents than a reader accepts.
    #[error("{path:?} has more pieces than a reader accepts")]
    TooManyPieces {
        /// The file.
        path: String,
    },
    /// Bytes that no span or two spans cover, or a span outside its extent.
    #[error("{path:?} is not covered exactly once at byte {at}")]
    Coverage {
        /// The file.
        path: String,
        /// Where it goes wrong.
        at: u64,
    },
    /// An extent that contradicts itself.
    #[error("extent {index} contradicts itself")]
    Extent {
        /// Its index.
        index: usize,
    },
    /// Two files of one path, also when they differ only in letter case or Unicode form.
    #[error("two files are called {path:?}")]
    Twin {
        /// The path.
        path: String,
    },
}

fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 4_096
        && !path.contains('\0')
        && !path.contains('\\')
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The form under which two names count as the same: NFC, case-folded.
#[must_use]
pub fn name_key(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

impl Recipe {
    /// The recipe of one file that is stored as exactly one plain object.
    #[must_use]
    pub fn plain(path: String, length: u64, sha256: ObjectHash, object: String) -> Self {
        let extent = Extent {
            object: object.clone(),
            offset: 0,
            stored_len: length,
            raw_len: length,
            sha256,
            codec: Codec::Raw,
            params: serde_json::Value::Null,
        };
        let (spans, extents) =
            if length == 0 { (Vec::new(), Vec::new()) } else { (vec![Span { at: 0, len: length, extent: 0, from: 0 }], vec![extent]) };
        Self { files: vec![RecipeFile { path, length, sha256, plain_object: Some(object), spans }], extents }
    }

    /// Checks that every byte of every file is covered exactly once by bytes that exist, within the limits of readers.
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), RecipeError> {
        if self.files.is_empty() || self.files.len() > MAX_FILES {
            return Err(RecipeError::FileCount { count: self.files.len() });
        }
        for (index, extent) in self.extents.iter().enumerate() {
            let sane = extent.raw_len > 0
                && extent.stored_len > 0
                && extent.offset.checked_add(extent.stored_len).is_some()
                && (extent.codec != Codec::Raw || extent.raw_len == extent.stored_len)
                && !extent.object.is_empty();
            if !sane {
                return Err(RecipeError::Extent { index });
            }
        }
        self.check_predicted()?;
        let mut names = std::collections::BTreeSet::new();
        for file in &self.files {
            if !is_inside(&file.path) {
                return Err(RecipeError::Path { path: file.path.chars().take(200).collect() });
            }
            if !names.insert(name_key(&file.path)) {
                return Err(RecipeError::Twin { path: file.path.clone() });
            }
            self.check_file(file)?;
        }
        Ok(())
    }

    /// Predicted extents rest on extents of this recipe, cover themselves exactly, and stand on each other in no long chain and no circle.
    fn check_predicted(&self) -> Result<(), RecipeError> {
        if self.extents.iter().all(|extent| extent.codec != Codec::FlacResidual) {
            return Ok(());
        }
        let place: std::collections::HashMap<(&str, u64), usize> =
            self.extents.iter().enumerate().map(|(index, extent)| ((extent.object.as_str(), extent.offset), index)).collect();
        let mut below: Vec<Vec<usize>> = Vec::with_capacity(self.extents.len());
        for (index, extent) in self.extents.iter().enumerate() {
            let mut on = Vec::new();
            let mut covered = 0_u64;
            for part in extent.bases() {
                let base = place.get(&(part.object.as_str(), part.offset)).ok_or(RecipeError::Extent { index })?;
                let inside = part.len > 0 && part.from.checked_add(part.len).is_some_and(|end| end <= self.extents[*base].raw_len);
                covered = covered.checked_add(part.len).filter(|_| inside).ok_or(RecipeError::Extent { index })?;
                on.push(*base);
            }
            if extent.codec == Codec::FlacResidual && covered != extent.raw_len {
                return Err(RecipeError::Extent { index });
            }
            below.push(on);
        }
        // One more round than a chain may be long: whatever is still growing then is too long, or a circle.
        let mut depth = vec![0_usize; self.extents.len()];
        for _ in 0..=MAX_CHAIN {
            for (index, on) in below.iter().enumerate().filter(|(_, on)| !on.is_empty()) {
                depth[index] = 1 + on.iter().map(|base| depth[*base]).max().unwrap_or(0).min(MAX_CHAIN);
            }
        }
        match depth.iter().position(|depth| *depth > MAX_CHAIN) {
            Some(index) => Err(RecipeError::Extent { index }),
            None => Ok(()),
        }
    }

    fn check_file(&self, file: &RecipeFile) -> Result<(), RecipeError> {
        if file.spans.len() > MAX_SPANS_PER_FILE {
            return Err(RecipeError::TooManyPieces { path: file.path.clone() });
        }
        let mut extents = std::collections::BTreeSet::new();
        let mut at = 0u64;
        for span in &file.spans {
            let wrong = || RecipeError::Coverage { path: file.path.clone(), at: span.at };
            let extent = self.extents.get(span.extent as usize).ok_or_else(wrong)?;
            let inside = span.from.checked_add(span.len).is_some_and(|end| end <= extent.raw_len);
            if span.at != at || span.len == 0 || !inside {
                return Err(wrong());
            }
            at = at.checked_add(span.len).ok_or_else(wrong)?;
            extents.insert(span.extent);
        }
        if at != file.length {
            return Err(RecipeError::Coverage { path: file.path.clone(), at });
        }
        if extents.len() > MAX_EXTENTS_PER_FILE {
            return Err(RecipeError::TooManyPieces { path: file.path.clone() });
        }
        Ok(())
    }
}

/// The content id of a version: its file's SHA-256; for several files the SHA-256 of the lines `<hex>  <path>\n` sorted by the bytes of
/// the NFC path.
#[must_use]
pub fn content_id(files: &[(String, ObjectHash)]) -> Option<ObjectHash> {
    use unicode_normalization::UnicodeNormalization;
    match files {
        [] => None,
        [(_, hash)] => Some(*hash),
        many => {
            let mut lines: Vec<(String, ObjectHash)> = many.iter().map(|(path, hash)| (path.nfc().collect(), *hash)).collect();
            lines.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            let text: String = lines.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
            Some(ObjectHash::of(text.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Recipe {
        Recipe::plain("Night Drive.wav".into(), 10, ObjectHash::of(b"0123456789"), "p/x/o/y".into())
    }

    #[test]
    fn a_plain_file_is_covered_and_so_is_an_empty_one() {
        assert_eq!(plain().check(), Ok(()));
        assert_eq!(Recipe::plain("empty.wav".into(), 0, ObjectHash::of(b""), "p/x/o/z".into()).check(), Ok(()));
    }

    #[test]
    fn b7_gaps_overlaps_and_foreign_extents_are_refused() {
        let mut gap = plain();
        gap.files[0].spans[0].at = 1;
        assert_eq!(gap.check(), Err(RecipeError::Coverage { path: "Night Drive.wav".into(), at: 1 }));
        let mut overlap = plain();
        overlap.files[0].spans.push(Span { at: 9, len: 1, extent: 0, from: 0 });
        assert!(overlap.check().is_err());
        let mut beyond = plain();
        beyond.files[0].spans[0].from = 1;
        assert!(beyond.check().is_err());
        let mut foreign = plain();
        foreign.files[0].spans[0].extent = 7;
        assert!(foreign.check().is_err());
        let mut wrapped = plain();
        wrapped.files[0].spans[0].from = u64::MAX;
        assert!(wrapped.check().is_err());
    }

    #[test]
    fn predicted_extents_rest_on_others_of_the_recipe_in_short_chains() {
        let base = |object: &str| serde_json::json!({"base": [{"object": object, "offset": 0, "from": 0, "len": 10}]});
        let chain = |length: usize| {
            let mut recipe = plain();
            recipe.extents[0].object = "0".into();
            for n in 1..=length {
                let below = (n - 1).to_string();
                let extent =
                    Extent { object: n.to_string(), codec: Codec::FlacResidual, params: base(&below), ..recipe.extents[0].clone() };
                recipe.extents.push(extent);
            }
            recipe
        };
        for length in 0..=MAX_CHAIN {
            assert_eq!(chain(length).check(), Ok(()), "{length}");
        }
        assert!(chain(MAX_CHAIN + 1).check().is_err());
        let mut circle = chain(2);
        circle.extents[1].params = base("2");
        assert!(circle.check().is_err());
        let mut missing = chain(1);
        missing.extents[1].params = base("x");
        assert!(missing.check().is_err());
        let mut short = chain(1);
        short.extents[1].raw_len = 11;
        assert!(short.check().is_err());
        let mut nothing = chain(1);
        nothing.extents[1].params = serde_json::Value::Null;
        assert!(nothing.check().is_err());
    }

    #[test]
    fn paths_that_leave_the_version_and_twins_are_refused() {
        for path in ["", "/etc/passwd", "../x.wav", "a/../b", "a//b", "C:\\x"] {
            let mut recipe = plain();
            recipe.files[0].path = path.into();
            assert!(matches!(recipe.check(), Err(RecipeError::Path { .. })), "{path}");
        }
        let mut twins = plain();
        let mut second = twins.files[0].clone();
        second.path = "NIGHT drive.wav".into();
        twins.files.push(second);
        assert!(matches!(twins.check(), Err(RecipeError::Twin { .. })));
    }

    #[test]
    fn the_content_id_of_several_files_does_not_depend_on_their_order() {
        let a = ("Drums.wav".to_owned(), ObjectHash::of(b"a"));
        let b = ("Bass.wav".to_owned(), ObjectHash::of(b"b"));
        assert_eq!(content_id(&[a.clone(), b.clone()]), content_id(&[b, a.clone()]));
        assert_eq!(content_id(std::slice::from_ref(&a)), Some(a.1));
        assert_eq!(content_id(&[]), None);
    }
}
