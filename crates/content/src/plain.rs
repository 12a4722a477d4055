//! Plain recipes: each file is one raw extent in one object, so the object is the file.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::recipe::{Recipe, RecipeError, Span};

/// A file and the object that is exactly this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainFile {
    /// Relative path; for a single file its name.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the file.
    pub sha256: ObjectHash,
    /// Key of the object.
    pub object: String,
}

/// The recipe of a version whose files are all plain.
/// # Errors
/// What is wrong with the recipe, such as two files of one name.
pub fn recipe(files: Vec<PlainFile>) -> Result<Recipe, RecipeError> {
    let mut whole = Recipe { files: Vec::with_capacity(files.len()), extents: Vec::with_capacity(files.len()) };
    for file in files {
        let mut one = Recipe::plain(file.path, file.length, file.sha256, file.object);
        let first = u32::try_from(whole.extents.len()).map_err(|_| RecipeError::FileCount { count: whole.files.len() })?;
        for entry in &mut one.files {
            entry.spans = entry.spans.iter().map(|span| Span { extent: span.extent + first, ..*span }).collect();
        }
        whole.files.append(&mut one.files);
        whole.extents.append(&mut one.extents);
    }
    whole.check()?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: &[u8]) -> PlainFile {
        PlainFile { path: path.into(), length: bytes.len() as u64, sha256: ObjectHash::of(bytes), object: format!("p/x/o/{path}") }
    }

    #[test]
    fn several_files_each_name_their_own_extent() {
        let made = recipe(vec![file("drums.wav", b"boom"), file("empty.txt", b""), file("bass.wav", b"dum dum")]).expect("a sound recipe");
        assert_eq!(made.extents.len(), 2);
        assert_eq!(made.files[2].spans[0].extent, 1);
        assert_eq!(made.extents[1].sha256, ObjectHash::of(b"dum dum"));
    }

    #[test]
    fn twins_are_refused() {
        let twins = recipe(vec![file("Bass.wav", b"a"), file("bass.wav", b"b")]);
        assert!(matches!(twins, Err(RecipeError::Twin { .. })));
    }
}
