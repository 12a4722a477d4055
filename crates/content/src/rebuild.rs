//! Rebuilding the files of a version from fetched objects, and refusing anything whose SHA-256 is not the announced one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use collabtrack_domain::recipe::{Codec, Extent, Recipe, RecipeError, RecipeFile};

use crate::hashing::{FileHashes, PartHasher};

/// Why a file was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The recipe contradicts itself.
    #[error("the recipe is not acceptable")]
    Recipe(#[source] RecipeError),
    /// An extent is stored with a codec this program does not know.
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

/// The object that is exactly `file`, if its recipe says so: then the fetched object needs no rebuilding.
#[must_use]
pub fn plain_object<'r>(recipe: &'r Recipe, file: &RecipeFile) -> Option<&'r Extent> {
    let [span] = file.spans.as_slice() else { return None };
    let extent = recipe.extents.get(span.extent as usize)?;
    let whole = extent.codec == Codec::Raw && extent.offset == 0 && span.from == 0 && span.len == extent.raw_len;
    (whole && span.len == file.length).then_some(extent)
}

/// Writes `file` of `recipe` into `target`, reading fetched objects by their keys, and compares length and SHA-256.
/// # Errors
/// When an object is missing, unreadable, of a newer form, or the bytes differ.
pub fn rebuild(
    recipe: &Recipe,
    file: &RecipeFile,
    objects: &BTreeMap<String, PathBuf>,
    target: &mut dyn Write,
    part_size: u64,
) -> Result<FileHashes, RebuildError> {
    recipe.check().map_err(RebuildError::Recipe)?;
    let io = |source| RebuildError::Io { path: file.path.clone(), source };
    let mut hasher = PartHasher::new(part_size);
    for span in &file.spans {
        let extent = &recipe.extents[span.extent as usize];
        if extent.codec != Codec::Raw {
            return Err(RebuildError::NewerCodec { path: file.path.clone() });
        }
        let object: &Path = objects.get(&extent.object).ok_or_else(|| RebuildError::ObjectMissing { object: extent.object.clone() })?;
        let mut source = File::open(object).map_err(io)?;
        source.seek(SeekFrom::Start(extent.offset + span.from)).map_err(io)?;
        pipe(&mut source.take(span.len), target, &mut hasher).map_err(io)?;
    }
    let found = hasher.finish();
    if found.length != file.length || found.sha256 != file.sha256 {
        return Err(RebuildError::Mismatch { path: file.path.clone() });
    }
    Ok(found)
}

fn pipe(source: &mut dyn Read, target: &mut dyn Write, hasher: &mut PartHasher) -> io::Result<()> {
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let got = source.read(&mut buffer)?;
        if got == 0 {
            return Ok(());
        }
        hasher.update(&buffer[..got]);
        target.write_all(&buffer[..got])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use collabtrack_domain::hash::ObjectHash;
    use collabtrack_domain::recipe::Span;

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
        rebuild(&recipe, &recipe.files[0], &objects, &mut bytes, 8).expect("it is rebuilt");
        assert_eq!(bytes, b"Night Drive");
        assert_eq!(plain_object(&recipe, &recipe.files[0]), None);
    }

    #[test]
    fn a_flipped_bit_a_missing_object_and_a_newer_codec_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut recipe, mut objects) = two_objects(folder.path());
        std::fs::write(&objects["b"], b"Drivf").expect("written");
        let file = recipe.files[0].clone();
        let again = |recipe: &Recipe, objects: &BTreeMap<String, PathBuf>| rebuild(recipe, &file, objects, &mut io::sink(), 8);
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::Mismatch { .. })));
        objects.remove("b");
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::ObjectMissing { .. })));
        recipe.extents[0].codec = Codec::Unknown;
        assert!(matches!(again(&recipe, &objects), Err(RebuildError::NewerCodec { .. })));
    }
}
