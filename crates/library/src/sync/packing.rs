//! Packing a version before it is sent: only bytes that no complete version here holds go out, coded without loss.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use collabtrack_content::hashing;
use collabtrack_content::pack::{self, Base, NewFile, PackError, Packed};
use collabtrack_content::source::StoredFile;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_domain::recipe::{Codec, Recipe};
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::problem::Problem;

use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::packed::{self, Kept};
use crate::store::versions::{Version, VersionFile};
use crate::store::{blobs, commit, recipes, uploads};

/// Older versions looked at for bytes to share.
const BASES: i64 = 4;

impl Library {
    /// The packed form of a version, made now if it was not; none where whole files are as small, which then stay readable by anybody.
    pub(super) async fn packed(&self, version: &Version, files: &[VersionFile]) -> Result<Option<Kept>> {
        let (kept, bases) = {
            let mut connection = self.store().read().await?;
            let kept = packed::get(&mut connection, &version.id).await?;
            let mut bases = Vec::new();
            for id in recipes::candidates(&mut connection, &version.id, BASES).await? {
                bases.extend(recipes::get(&mut connection, &id).await?);
            }
            (kept, bases)
        };
        if let Some(kept) = kept
            && kept.blob.is_none_or(|blob| self.content().path(&blob).exists())
        {
            return Ok(Some(kept));
        }
        self.content().check_room(files.iter().map(|file| file.length).sum())?;
        for file in files {
            // What is packed carries hashes of its own: a damaged copy would pass every later check.
            self.rehash(file.sha256, PART_SIZE_BYTES).await?;
        }
        let (store, cancel, files) = (self.content().clone(), self.cancel().clone(), files.to_vec());
        let limits = self.sync_state().limits.clone();
        let go_on = move || !cancel.is_cancelled();
        let go_on = move || {
            limits.precedence.let_previews_be_made(&go_on);
            go_on()
        };
        let made = blocking(move || pack_files(&store, &files, &bases, &go_on)).await?;
        let Some((kept, hashes)) = made else { return Ok(None) };
        let mut transaction = self.store().write().await?;
        if let Some(hashes) = &hashes {
            blobs::insert_parts(&mut transaction, hashes).await?;
        }
        packed::put(&mut transaction, &version.id, &kept).await?;
        commit(transaction).await?;
        Ok(Some(kept))
    }

    /// Forgets the packed form of a version and removes its file.
    pub(super) async fn forget_packed(&self, id: &VersionId) -> Result<()> {
        let Some(kept) = packed::get(&mut *self.store().read().await?, id).await? else { return Ok(()) };
        let mut transaction = self.store().write().await?;
        packed::forget(&mut transaction, id).await?;
        commit(transaction).await?;
        if let Some(blob) = kept.blob {
            discard(&self.content().path(&blob));
        }
        Ok(())
    }

    /// The store lost objects this version would share: they are named by the server, and their bytes are sent again.
    pub(super) async fn forget_lost_objects(&self, id: &VersionId, problem: &Problem) -> Result<()> {
        let named = problem.facts.as_ref().and_then(|facts| facts.get("objects")).cloned().unwrap_or_default();
        let objects: Vec<String> = serde_json::from_value(named).unwrap_or_default();
        let mut transaction = self.store().write().await?;
        recipes::set_gone(&mut transaction, &objects).await?;
        uploads::forget_all(&mut transaction, id).await?;
        commit(transaction).await?;
        self.forget_packed(id).await
    }
}

type Made = (Kept, Option<hashing::FileHashes>);

fn pack_files(store: &ContentStore, files: &[VersionFile], recipes: &[Recipe], go_on: &(dyn Fn() -> bool + Sync)) -> Result<Option<Made>> {
    let open = |sha256: &ObjectHash| {
        let path = store.path(sha256);
        StoredFile::open(&path).map_err(|error| LibraryError::file("read", &path, error))
    };
    let own: Vec<StoredFile> = files.iter().map(|file| open(&file.sha256)).collect::<Result<_>>()?;
    // Per file the older ones it may be like: the same bytes, the same name, or the only file on both sides.
    let mut older: Vec<Vec<(StoredFile, &Recipe, usize)>> = Vec::with_capacity(files.len());
    for file in files {
        let mut like = Vec::new();
        for recipe in recipes {
            let found = recipe.files.iter().position(|old| old.sha256 == file.sha256);
            let found = found.or_else(|| recipe.files.iter().position(|old| old.path == file.path));
            let found = found.or((files.len() == 1 && recipe.files.len() == 1).then_some(0));
            if let Some(place) = found {
                // A match is only as good as the copy it was found in: one that is not what the store holds shares nothing.
                let sha256 = &recipe.files[place].sha256;
                if is_sound(store, sha256)? {
                    like.push((open(sha256)?, recipe, place));
                }
            }
        }
        older.push(like);
    }
    let new: Vec<NewFile<'_>> = files
        .iter()
        .zip(&own)
        .zip(&older)
        .map(|((file, source), like)| NewFile {
            path: file.path.clone(),
            sha256: file.sha256,
            source,
            bases: like.iter().map(|(source, recipe, file)| Base { source, recipe, file: *file }).collect(),
        })
        .collect();
    let temp = store.temp_path();
    let made = write_packed(store, &temp, &new, go_on);
    discard(&temp);
    made
}

/// Whether the copy here still has its bytes.
fn is_sound(store: &ContentStore, sha256: &ObjectHash) -> Result<bool> {
    let path = store.path(sha256);
    let fault = |error: io::Error| LibraryError::file("read", &path, error);
    let mut file = File::open(&path).map_err(fault)?;
    Ok(hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?.sha256 == *sha256)
}

fn write_packed(
    store: &ContentStore,
    temp: &std::path::Path,
    new: &[NewFile<'_>],
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Made>> {
    let fault = |error: io::Error| LibraryError::file("write", temp, error);
    let mut target = BufWriter::new(File::create_new(temp).map_err(fault)?);
    let packed = pack::pack(new, &mut target, go_on).map_err(|error| match error {
        PackError::Io(error) => fault(error),
        error @ PackError::Recipe(_) => LibraryError::Invalid { what: format!("The version cannot be described: {error}.") },
    })?;
    target.flush().map_err(fault)?;
    drop(target);
    if saves_nothing(&packed) {
        return Ok(None);
    }
    if packed.length == 0 {
        return Ok(Some((Kept { packed, blob: None }, None)));
    }
    let mut file = File::open(temp).map_err(fault)?;
    let hashes = hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?;
    store.keep(temp, &hashes.sha256)?;
    Ok(Some((Kept { packed, blob: Some(hashes.sha256) }, Some(hashes))))
}

/// Whether every byte would go out as it is anyway.
fn saves_nothing(packed: &Packed) -> bool {
    packed.length > 0 && packed.recipe.extents.iter().all(|extent| extent.object.is_empty() && extent.codec == Codec::Raw)
}
