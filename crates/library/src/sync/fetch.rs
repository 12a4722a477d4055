//! Fetching previews and originals: resumed where they stopped, verified by SHA-256, only then taken into the content store.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use collabtrack_content::hashing::{self, FileHashes};
use collabtrack_content::rebuild::{self, RebuildError};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::versions::{ObjectRead, Rendition};

use super::ranges::{self, Both, Fetched};
use super::remote::{Remote, RemoteError};
use crate::clock;
use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::versions::{self, VersionFile};
use crate::store::{blobs, commit, recipes};

fn partial_name(object: &str) -> String {
    ObjectHash::of(object.as_bytes()).to_string()[..32].to_owned()
}

fn not_announced() -> LibraryError {
    LibraryError::Remote(RemoteError::ChecksumRefused)
}

impl Library {
    /// Fetches the preview of a version.
    pub(crate) async fn fetch_preview(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        let Some((hash, length)) = version.preview else { return Ok(()) };
        if blobs::is_here(&mut *self.store().read().await?, &hash).await? {
            return Ok(());
        }
        let reads = self.heard(remote.reads(&version.id, Rendition::Preview).await)?;
        let object = reads.objects.into_iter().find(|object| object.length == length);
        let object = object.ok_or_else(|| RemoteError::NotCollabtrack { reason: "there is no preview of the announced length".into() })?;
        let partial = self.fetch_whole(remote, &version.id, object).await?;
        let store = self.content().clone();
        let hashes = blocking(move || take_whole(&store, &partial, hash)).await?;
        self.took(&[hashes]).await
    }

    /// Fetches waveform and loudness of an original that is not here.
    pub(crate) async fn fetch_tables(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
        let Some((hash, length)) = version.tables else { return Ok(()) };
        if !self.copy_tables(&version, hash).await? {
            let reads = self.heard(remote.reads(&version.id, Rendition::Tables).await)?;
            let object = reads.objects.into_iter().find(|object| object.length == length);
            let missing = || RemoteError::NotCollabtrack { reason: "there are no tables of the announced length".into() };
            let partial = self.fetch_whole(remote, &version.id, object.ok_or_else(missing)?).await?;
            self.take_tables(&version, hash, partial).await?;
        }
        let mut transaction = self.store().write().await?;
        versions::set_tables_fetched(&mut transaction, &version.id).await?;
        commit(transaction).await?;
        self.changed();
        Ok(())
    }

    /// Fetches the exact bytes of a version.
    pub(crate) async fn fetch_original(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let (version, files) = {
            let mut connection = self.store().read().await?;
            let version = versions::get(&mut connection, id).await?;
            let version = version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })?;
            let files = versions::files(&mut connection, &version.id).await?;
            (version, files)
        };
        let reads = self.heard(remote.reads(&version.id, Rendition::Original).await)?;
        let recipe = reads.recipe.ok_or_else(|| RemoteError::NotCollabtrack { reason: "the original comes without a recipe".into() })?;
        recipe.check().map_err(|error| RemoteError::NotCollabtrack { reason: format!("the recipe is not acceptable: {error}") })?;
        check_files(&recipe, &files)?;
        self.content().check_room(files.iter().map(|file| file.length).sum())?;
        let known = self.known_extents(&recipe).await?;
        let shares = !known.is_empty();
        let rebuilt = match self.fetch_and_rebuild(remote, &version.id, &reads.objects, &recipe, known).await {
            // What this computer shares may be damaged: then everything is fetched.
            Err(LibraryError::Remote(RemoteError::ChecksumRefused)) if shares => {
                self.fetch_and_rebuild(remote, &version.id, &reads.objects, &recipe, ranges::Known::new()).await
            }
            result => result,
        };
        let hashes = match rebuilt {
            Err(LibraryError::Remote(error @ (RemoteError::ChecksumRefused | RemoteError::StoreRefused { status: 404 }))) => {
                // The server asks the store, or waits for a second reader; then whoever has the bytes sends them again.
                if let Err(error) = self.heard(remote.report_damage(&version.id).await) {
                    tracing::info!(version.id = %version.id, %error, "damage could not be reported");
                }
                return Err(error.into());
            }
            rebuilt => rebuilt?,
        };
        self.took(&hashes).await?;
        let mut transaction = self.store().write().await?;
        recipes::put(&mut transaction, &version.project, &version.id, &recipe).await?;
        commit(transaction).await?;
        self.changed();
        Ok(())
    }

    /// Where files of this computer hold bytes of a recipe's extents.
    async fn known_extents(&self, recipe: &Recipe) -> Result<ranges::Known> {
        let mut connection = self.store().read().await?;
        let mut known = ranges::Known::new();
        for extent in &recipe.extents {
            let held = recipes::held(&mut connection, extent).await?;
            if !held.is_empty() {
                known.insert((extent.object.clone(), extent.offset), held);
            }
        }
        Ok(known)
    }

    /// Fetches what is not held and rebuilds every file into the content store.
    async fn fetch_and_rebuild(
        &self,
        remote: &dyn Remote,
        version: &VersionId,
        objects: &[ObjectRead],
        recipe: &Recipe,
        known: ranges::Known,
    ) -> Result<Vec<FileHashes>> {
        if let ([file], true) = (recipe.files.as_slice(), known.is_empty())
            && let Some(extent) = rebuild::plain_object(recipe, file)
            && let Some(object) = objects.iter().find(|object| object.object == extent.object && object.length == file.length)
        {
            let partial = self.fetch_whole(remote, version, object.clone()).await?;
            let (store, wanted) = (self.content().clone(), file.sha256);
            return blocking(move || take_whole(&store, &partial, wanted).map(|hashes| vec![hashes])).await;
        }
        let mut fetched: HashMap<String, Vec<Fetched>> = HashMap::new();
        for (object, wanted) in ranges::wanted(recipe, &known) {
            let read = objects.iter().find(|read| read.object == object);
            let read = read.ok_or_else(|| RemoteError::NotCollabtrack { reason: "an object of the recipe cannot be read".into() })?;
            for range in wanted {
                let path = self.fetch_range(remote, version, read, range).await?;
                fetched.entry(object.clone()).or_default().push(Fetched { from: range.0, length: range.1, path });
            }
        }
        let (store, recipe) = (self.content().clone(), recipe.clone());
        blocking(move || {
            let partials: Vec<PathBuf> = fetched.values().flatten().map(|range| range.path.clone()).collect();
            let both = Both::new(known, fetched, |hash| store.path(hash))
                .map_err(|error| LibraryError::file("read", &store.temp_path(), error))?;
            let taken = take_files(&store, &recipe, &both);
            // Bytes that were not those announced are fetched afresh; after a full disk or the like they stay, to go on with.
            if !matches!(&taken, Err(LibraryError::File { .. } | LibraryError::NoSpace { .. })) {
                partials.iter().for_each(|partial| discard(partial));
            }
            taken
        })
        .await
    }

    /// Fetches a range of an object into its lasting partial file. Versions fetched at the same time may need the same bytes: each has its
    /// own file, or one would remove what the other still writes.
    async fn fetch_range(&self, remote: &dyn Remote, version: &VersionId, object: &ObjectRead, range: (u64, u64)) -> Result<PathBuf> {
        let (from, length) = range;
        let partial = self.content().partial_path(&partial_name(&format!("{version} {} {from} {length}", object.object)));
        let have = || std::fs::metadata(&partial).map_or(0, |data| data.len());
        if have() > length {
            discard(&partial);
        }
        if have() != length {
            self.heard(remote.fetch_range(&object.request, range, &partial, &|_| {}).await)?;
        }
        if have() == length {
            Ok(partial)
        } else {
            Err(RemoteError::Unreachable { reason: "the connection broke before the end".into() }.into())
        }
    }

    /// Fetches an object into its lasting partial file, of this version as in [`Library::fetch_range`]; what is there already is not fetched
    /// again.
    async fn fetch_whole(&self, remote: &dyn Remote, version: &VersionId, object: ObjectRead) -> Result<PathBuf> {
        self.content().check_room(object.length)?;
        let partial = self.content().partial_path(&partial_name(&format!("{version} {}", object.object)));
        let have = std::fs::metadata(&partial).map_or(0, |data| data.len());
        if have > object.length {
            discard(&partial);
        }
        if have != object.length {
            self.heard(remote.fetch(&object.request, &partial, &|_| {}).await)?;
        }
        let have = std::fs::metadata(&partial).map_or(0, |data| data.len());
        crate::faults::step("fetch.partial");
        if have == object.length {
            return Ok(partial);
        }
        if have > object.length {
            discard(&partial);
        }
        Err(RemoteError::Unreachable { reason: "the connection broke before the end".into() }.into())
    }

    async fn took(&self, hashes: &[FileHashes]) -> Result<()> {
        crate::faults::step("fetch.kept");
        let now = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        for hashes in hashes {
            blobs::insert(&mut transaction, hashes, &now).await?;
        }
        commit(transaction).await?;
        self.changed();
        Ok(())
    }
}

fn check_files(recipe: &Recipe, announced: &[VersionFile]) -> Result<()> {
    let same = recipe.files.len() == announced.len()
        && recipe.files.iter().zip(announced).all(|(told, known)| told.sha256 == known.sha256 && told.length == known.length);
    if same { Ok(()) } else { Err(RemoteError::NotCollabtrack { reason: "the recipe is of another version".into() }.into()) }
}

/// Takes a fetched file whose bytes are the wanted ones; anything else is discarded, so that the next try starts afresh.
fn take_whole(store: &ContentStore, partial: &Path, wanted: ObjectHash) -> Result<FileHashes> {
    let fault = |error| LibraryError::file("read", partial, error);
    let mut file = File::open(partial).map_err(fault)?;
    let hashes = hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?;
    if hashes.sha256 != wanted {
        discard(partial);
        return Err(not_announced());
    }
    store.keep(partial, &wanted)?;
    Ok(hashes)
}

fn take_files(store: &ContentStore, recipe: &Recipe, supply: &Both) -> Result<Vec<FileHashes>> {
    let mut taken = Vec::with_capacity(recipe.files.len());
    for file in &recipe.files {
        let temp = store.temp_path();
        let write = |error| LibraryError::file("write", &temp, error);
        let rebuilt = File::create_new(&temp).map_err(write).and_then(|target| {
            let mut target = BufWriter::new(target);
            let hashes = rebuild::rebuild(recipe, file, supply, &mut target, PART_SIZE_BYTES).map_err(fault)?;
            target.flush().map_err(write)?;
            Ok(hashes)
        });
        let rebuilt = rebuilt.and_then(|hashes| store.keep(&temp, &hashes.sha256).map(|_| hashes));
        discard(&temp);
        taken.push(rebuilt?);
    }
    Ok(taken)
}

fn fault(error: RebuildError) -> LibraryError {
    match error {
        RebuildError::Mismatch { .. } => not_announced(),
        RebuildError::Io { path, source } => LibraryError::file("rebuild", Path::new(&path), source),
        RebuildError::NewerCodec { path } => LibraryError::Invalid {
            what: format!("{path} was stored by a newer CollabTrack. Update this one to fetch it; its preview plays meanwhile."),
        },
        error => RemoteError::NotCollabtrack { reason: error.to_string() }.into(),
    }
}
