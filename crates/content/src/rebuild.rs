//! Rebuilding the files of a version from stored extents, and refusing anything whose SHA-256 is not the announced one: every coded extent
//! is checked by itself, then the whole file.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::recipe::{Codec, Extent, Recipe, RecipeError, RecipeFile};

use crate::codec::{self, DecodeError, residual};
use crate::hashing::{FileHashes, PartHasher};

/// Bytes moved at a time where nothing is decoded.
const PIECE: u64 = 1 << 20;
/// Decoded extents kept for the spans to come.
const KEPT: usize = 4;
/// Predicted extents that may rest on each other, one more than writers make.
const DEPTH: usize = 4;

/// Why a file was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The recipe contradicts itself.
    #[error("the recipe is not acceptable")]
    Recipe(#[source] RecipeError),
    /// An extent is stored in a form this program does not know.
    #[error("{path:?} is stored in a form this program does not know")]
    NewerCodec {
        /// The file.
        path: String,
    },
    /// The recipe names an object that was not fetched.
    #[error("object {object} is missing")]
    ObjectMissing {
        /// Key of the object.
        object: String,
    },
    /// Reading an object or writing the file failed.
    #[error("cannot rebuild {path:?}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The rebuilt bytes are not the announced ones.
    #[error("{path:?} does not have the announced bytes")]
    Mismatch {
        /// The file.
        path: String,
    },
}

/// Where the bytes of extents come from.
pub trait Supply {
    /// Raw bytes `[from, from + buffer)` of an extent out of a file this device holds and verified; `false` where it has none.
    /// # Errors
    /// What reading said.
    fn known(&self, extent: &Extent, from: u64, buffer: &mut [u8]) -> io::Result<bool>;

    /// Stored bytes `[at, at + buffer)` of an extent out of what was fetched.
    /// # Errors
    /// `NotFound` where it was not fetched, or what reading said.
    fn stored(&self, extent: &Extent, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Objects fetched whole, by their keys.
pub struct Whole<'o>(pub &'o BTreeMap<String, PathBuf>);

impl Supply for Whole<'_> {
    fn known(&self, _: &Extent, _: u64, _: &mut [u8]) -> io::Result<bool> {
        Ok(false)
    }

    fn stored(&self, extent: &Extent, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = File::open(self.0.get(&extent.object).ok_or(io::ErrorKind::NotFound)?)?;
        file.seek(SeekFrom::Start(extent.offset + at))?;
        file.read_exact(buffer)
    }
}

/// The object that is exactly `file`, if its recipe says so: then the fetched object needs no rebuilding.
#[must_use]
pub fn plain_object<'r>(recipe: &'r Recipe, file: &RecipeFile) -> Option<&'r Extent> {
    let [span] = file.spans.as_slice() else { return None };
    let extent = recipe.extents.get(span.extent as usize)?;
    let whole = extent.codec == Codec::Raw && extent.offset == 0 && span.from == 0 && span.len == extent.raw_len;
    (whole && span.len == file.length).then_some(extent)
}

/// Writes `file` of `recipe` into `target` and compares length and SHA-256.
/// # Errors
/// When bytes are missing, unreadable, of a newer form, or differ.
pub fn rebuild(
    recipe: &Recipe,
    file: &RecipeFile,
    supply: &dyn Supply,
    target: &mut dyn Write,
    part_size: u64,
) -> Result<FileHashes, RebuildError> {
    recipe.check().map_err(RebuildError::Recipe)?;
    let mut rebuilding = Rebuilding { recipe, path: &file.path, supply, decoded: VecDeque::new() };
    let mut hasher = PartHasher::new(part_size);
    for span in &file.spans {
        let extent = &recipe.extents[span.extent as usize];
        let mut at = 0;
        while at < span.len {
            let length = usize::try_from((span.len - at).min(PIECE)).unwrap_or(0);
            let mut piece = vec![0; length];
            rebuilding.raw(extent, span.from + at, &mut piece)?;
            hasher.update(&piece);
            target.write_all(&piece).map_err(|source| rebuilding.io(source))?;
            at += length as u64;
        }
    }
    let found = hasher.finish();
    if found.length != file.length || found.sha256 != file.sha256 {
        return Err(RebuildError::Mismatch { path: file.path.clone() });
    }
    Ok(found)
}

struct Rebuilding<'a> {
    recipe: &'a Recipe,
    path: &'a str,
    supply: &'a dyn Supply,
    /// The last extents decoded, by object and offset.
    decoded: VecDeque<((String, u64), Vec<u8>)>,
}

impl Rebuilding<'_> {
    fn io(&self, source: io::Error) -> RebuildError {
        RebuildError::Io { path: self.path.to_owned(), source }
    }

    fn missing(&self, extent: &Extent, source: io::Error) -> RebuildError {
        if source.kind() == io::ErrorKind::NotFound {
            return RebuildError::ObjectMissing { object: extent.object.clone() };
        }
        self.io(source)
    }

    /// Raw bytes of an extent from `from` on.
    fn raw(&mut self, extent: &Extent, from: u64, buffer: &mut [u8]) -> Result<(), RebuildError> {
        if self.supply.known(extent, from, buffer).map_err(|source| self.io(source))? {
            return Ok(());
        }
        if extent.codec == Codec::Raw {
            return self.supply.stored(extent, from, buffer).map_err(|source| self.missing(extent, source));
        }
        let decoded = self.extent(extent, 0)?;
        let range = usize::try_from(from).ok().and_then(|from| decoded.get(from..from + buffer.len()));
        buffer.copy_from_slice(range.ok_or_else(|| RebuildError::Mismatch { path: self.path.to_owned() })?);
        Ok(())
    }

    /// All raw bytes of a coded extent, checked by their SHA-256.
    fn extent(&mut self, extent: &Extent, depth: usize) -> Result<Vec<u8>, RebuildError> {
        let key = (extent.object.clone(), extent.offset);
        if let Some((_, raw)) = self.decoded.iter().find(|(known, _)| *known == key) {
            return Ok(raw.clone());
        }
        let path = self.path.to_owned();
        let refuse = move |error| match error {
            DecodeError::Newer => RebuildError::NewerCodec { path },
            DecodeError::TooLarge | DecodeError::Damaged => RebuildError::Mismatch { path },
        };
        if extent.raw_len > codec::MAX_RAW || extent.stored_len > codec::MAX_RAW * 2 || depth > DEPTH {
            return Err(refuse(DecodeError::TooLarge));
        }
        let mut stored = vec![0; usize::try_from(extent.stored_len).unwrap_or(0)];
        self.supply.stored(extent, 0, &mut stored).map_err(|source| self.missing(extent, source))?;
        let raw = if extent.codec == Codec::FlacResidual {
            let base = self.base(extent, depth)?;
            residual::decode(&extent.params, &stored, &base)
        } else {
            codec::decode(extent.codec, &extent.params, &stored, extent.raw_len)
        };
        let raw = raw.map_err(refuse)?;
        if raw.len() as u64 != extent.raw_len || ObjectHash::of(&raw) != extent.sha256 {
            return Err(RebuildError::Mismatch { path: self.path.to_owned() });
        }
        if self.decoded.len() == KEPT {
            self.decoded.pop_front();
        }
        self.decoded.push_back((key, raw.clone()));
        Ok(raw)
    }

    /// The older bytes a predicted extent rests on.
    fn base(&mut self, extent: &Extent, depth: usize) -> Result<Vec<u8>, RebuildError> {
        let recipe = self.recipe;
        let mismatch = |path: &str| RebuildError::Mismatch { path: path.to_owned() };
        let names = extent.bases();
        if names.iter().map(|name| name.len).try_fold(0_u64, u64::checked_add) != Some(extent.raw_len) {
            return Err(mismatch(self.path));
        }
        let mut all = vec![0; usize::try_from(extent.raw_len).unwrap_or(0)];
        let mut at = 0;
        for name in names {
            let known = recipe.extents.iter().find(|known| known.object == name.object && known.offset == name.offset);
            let known = known.ok_or_else(|| RebuildError::ObjectMissing { object: name.object.clone() })?;
            let length = usize::try_from(name.len).unwrap_or(0);
            if name.from.checked_add(name.len).is_none_or(|end| end > known.raw_len) {
                return Err(mismatch(self.path));
            }
            let buffer = &mut all[at..at + length];
            at += length;
            if self.supply.known(known, name.from, buffer).map_err(|source| self.io(source))? {
                continue;
            }
            if known.codec == Codec::Raw {
                self.supply.stored(known, name.from, buffer).map_err(|source| self.missing(known, source))?;
                continue;
            }
            let raw = self.extent(known, depth + 1)?;
            let from = usize::try_from(name.from).unwrap_or(0);
            buffer.copy_from_slice(&raw[from..from + length]);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collabtrack_domain::recipe::Span;
    use std::path::Path;

    fn two_objects(folder: &Path) -> (Recipe, BTreeMap<String, PathBuf>) {
        let (a, b) = (folder.join("a"), folder.join("b"));
        std::fs::write(&a, b"xxNight ").expect("written");
        std::fs::write(&b, b"Drive").expect("written");
        let extent = |object: &str, offset, bytes: &[u8]| Extent {
            object: object.into(),
            offset,
            stored_len: bytes.len() as u64,
            raw_len: bytes.len() as u64,
            sha256: ObjectHash::of(bytes),
            codec: Codec::Raw,
            params: serde_json::Value::Null,
        };
        let file = RecipeFile {
            path: "song.wav".into(),
            length: 11,
            sha256: ObjectHash::of(b"Night Drive"),
            plain_object: None,
            spans: vec![Span { at: 0, len: 6, extent: 0, from: 0 }, Span { at: 6, len: 5, extent: 1, from: 0 }],
        };
        let recipe = Recipe { files: vec![file], extents: vec![extent("a", 2, b"Night "), extent("b", 0, b"Drive")] };
        (recipe, BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]))
    }

    #[test]
    fn a_file_cut_into_two_objects_comes_back_exactly() {
        let folder = tempfile::tempdir().expect("a folder");
        let (recipe, objects) = two_objects(folder.path());
        let mut bytes = Vec::new();
        rebuild(&recipe, &recipe.files[0], &Whole(&objects), &mut bytes, 8).expect("it is rebuilt");
        assert_eq!(bytes, b"Night Drive");
        assert_eq!(plain_object(&recipe, &recipe.files[0]), None);
    }

    #[test]
    fn a_flipped_bit_a_missing_object_and_a_newer_codec_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut recipe, mut objects) = two_objects(folder.path());
        std::fs::write(&objects["b"], b"Drivf").expect("written");
        let file = recipe.files[0].clone();
        let again = |recipe: &Recipe, objects: &BTreeMap<String, PathBuf>| rebuild(recipe, &file, &Whole(objects), &mut io::sink(), 8);
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::Mismatch { .. })));
        objects.remove("b");
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::ObjectMissing { .. })));
        recipe.extents[0].codec = Codec::Unknown;
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::NewerCodec { .. })));
    }
}
