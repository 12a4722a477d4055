//! Plain files of versions for people without the app: where the store holds a file whole, its address is signed; else the file is rebuilt
//! from its extents and put under `t/` for a day. Bytes pass through this work, so it runs beside the API process, never inside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use collabtrack_content::rebuild::{self, RebuildError, Whole};
use collabtrack_domain::id::VersionId;
use collabtrack_domain::recipe::{Recipe, RecipeFile};
use collabtrack_protocol::uploads::SignedRequest;
use collabtrack_protocol::versions::VersionState;
use sqlx::PgPool;

use crate::blobs::{BlobError, Blobs};
use crate::error::Error;
use crate::random;
use crate::versions::rows;

/// How long an address lives, in seconds; temporary objects are removed after a day.
const LIFE_S: u64 = 24 * 3_600;

/// Why there is no plain file.
#[derive(Debug, thiserror::Error)]
pub enum MaterialiseError {
    /// No such version, or not all of its bytes are here.
    #[error("the original of this version is not complete on the server, so there is no file to hand out")]
    Incomplete,
    /// Database or store failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The extents do not give the file.
    #[error("the file cannot be rebuilt; whoever has the original can send it again")]
    Rebuild(#[from] RebuildError),
    /// The disk for the rebuilt file failed.
    #[error("the rebuilt file cannot be written")]
    Disk(#[from] std::io::Error),
}

impl From<BlobError> for MaterialiseError {
    fn from(error: BlobError) -> Self {
        Self::Failed(error.into())
    }
}

/// A file anybody can fetch for a day.
#[derive(Clone)]
pub struct PlainFile {
    /// Its path in the version.
    pub path: String,
    /// The request that fetches it.
    pub request: SignedRequest,
}

/// Plain files of a complete version, made in `scratch` where the store holds none.
/// # Errors
/// `Incomplete`, or what failed; nothing is left in `scratch`.
pub async fn plain_files(db: &PgPool, blobs: &Blobs, id: &VersionId, scratch: &Path) -> Result<Vec<PlainFile>, MaterialiseError> {
    let mut connection = db.acquire().await.map_err(Error::from)?;
    let version = rows::load(&mut connection, id).await.map_err(|_| MaterialiseError::Incomplete)?;
    if version.state != VersionState::Complete {
        return Err(MaterialiseError::Incomplete);
    }
    let recipe = rows::recipe(&mut connection, id).await?;
    drop(connection);
    let folder = tempfile::tempdir_in(scratch)?;
    let mut fetched = BTreeMap::new();
    let mut plain = Vec::with_capacity(recipe.files.len());
    for file in &recipe.files {
        let key = match &file.plain_object {
            Some(key) => key.clone(),
            None => {
                fetch_objects(blobs, &recipe, folder.path(), &mut fetched).await?;
                make(blobs, &format!("t/{}/{}", version.project, random::hex128()), &recipe, file, &fetched, folder.path()).await?
            }
        };
        plain.push(PlainFile { path: file.path.clone(), request: blobs.sign_get(&key, LIFE_S).await? });
    }
    Ok(plain)
}

/// Fetches every object of a recipe once.
async fn fetch_objects(
    blobs: &Blobs,
    recipe: &Recipe,
    folder: &Path,
    fetched: &mut BTreeMap<String, PathBuf>,
) -> Result<(), MaterialiseError> {
    let keys: BTreeSet<&String> = recipe.extents.iter().map(|extent| &extent.object).collect();
    for key in keys {
        if !fetched.contains_key(key) {
            let path = folder.join(random::hex128());
            blobs.fetch_to(key, &path).await?;
            fetched.insert(key.clone(), path);
        }
    }
    Ok(())
}

async fn make(
    blobs: &Blobs,
    key: &str,
    recipe: &Recipe,
    file: &RecipeFile,
    fetched: &BTreeMap<String, PathBuf>,
    folder: &Path,
) -> Result<String, MaterialiseError> {
    let path = folder.join(random::hex128());
    let (recipe, file, fetched, target) = (recipe.clone(), file.clone(), fetched.clone(), path.clone());
    let part_bytes = blobs.part_bytes();
    let work = move || {
        let mut out = BufWriter::new(File::create_new(&target)?);
        let hashes = rebuild::rebuild(&recipe, &file, &Whole(&fetched), &mut out, part_bytes)?;
        out.flush()?;
        Ok::<_, MaterialiseError>(hashes)
    };
    let hashes = tokio::task::spawn_blocking(work).await.map_err(|error| std::io::Error::other(error.to_string()))??;
    blobs.put_file(key, &path, &hashes).await?;
    tokio::fs::remove_file(&path).await?;
    Ok(key.to_owned())
}
