//! The measured tables of a version's original on their way to and from the server's store.

use std::path::PathBuf;

use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::peaks::Pyramid;
use collabtrack_content::{hashing, tables};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::limits::PART_SIZE_BYTES;

use crate::content_store::discard;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::versions::{self, Version};
use crate::store::{blobs, commit};
use crate::sync::remote::RemoteError;

/// Most bytes of the tables of one version together: a day of stereo.
const MAX_BYTES: u64 = 512 << 20;
const PEAKS: &str = "peaks";
const LOUDNESS: &str = "loudness";

/// The name under which a table of another computer is kept: it draws what is not here, and gives way to what was measured here.
pub(crate) fn told(name: &str) -> String {
    format!("told-{name}")
}

impl Library {
    /// Packs the tables measured of a version's original into the content store; none where nothing was measured.
    pub(crate) async fn pack_tables(&self, version: &Version) -> Result<Option<(ObjectHash, u64)>> {
        let (store, content) = (self.content().clone(), version.content_id);
        let packed = blocking(move || {
            let (Ok(peaks), Ok(loudness)) =
                (std::fs::read(store.table_path(&content, PEAKS)), std::fs::read(store.table_path(&content, LOUDNESS)))
            else {
                return Ok(None);
            };
            let object = tables::pack(&[(PEAKS, &peaks), (LOUDNESS, &loudness)])
                .map_err(|error| LibraryError::Invalid { what: format!("The waveform cannot be packed: {error}.") })?;
            let temp = store.temp_path();
            let hashes = hashing::hash_reader(&mut object.as_slice(), PART_SIZE_BYTES, &mut |_| true)
                .and_then(|hashes| std::fs::write(&temp, &object).map(|()| hashes))
                .map_err(|error| LibraryError::file("write", &temp, error))?;
            let kept = store.keep(&temp, &hashes.sha256);
            discard(&temp);
            kept.map(|_| Some(hashes))
        })
        .await?;
        let Some(hashes) = packed else { return Ok(None) };
        let mut transaction = self.store().write().await?;
        blobs::insert_parts(&mut transaction, &hashes).await?;
        commit(transaction).await?;
        Ok(Some((hashes.sha256, hashes.length)))
    }

    /// Takes fetched tables whose bytes are the named ones. Tables this program cannot use are passed over: the version is then drawn by
    /// its preview, as before.
    pub(crate) async fn take_tables(&self, version: &Version, wanted: ObjectHash, fetched: PathBuf) -> Result<()> {
        let (store, content) = (self.content().clone(), version.content_id);
        let id = version.id.clone();
        // Versions that sound the same have the tables of one of them.
        let contents = versions::contents_with_tables(&mut *self.store().read().await?, &wanted).await?;
        blocking(move || {
            let object = std::fs::read(&fetched).map_err(|error| LibraryError::file("read", &fetched, error))?;
            discard(&fetched);
            if ObjectHash::of(&object) != wanted {
                return Err(RemoteError::ChecksumRefused.into());
            }
            let tables = match tables::unpack(&object, MAX_BYTES) {
                Ok(tables) => tables,
                Err(error) => {
                    tracing::warn!(version.id = %id, %error, "the tables of a version are of no use");
                    return Ok(());
                }
            };
            for (name, bytes) in tables {
                let sound = match name.as_str() {
                    PEAKS => Pyramid::from_bytes(&bytes)
                        .ok()
                        .filter(|table| contents.iter().any(|of| table.file_id() == *of.as_bytes()))
                        .map(|mut table| {
                            table.set_file_id(*content.as_bytes());
                            table.to_bytes()
                        }),
                    LOUDNESS => LoudnessTable::from_bytes(&bytes).is_ok().then_some(bytes),
                    _ => None,
                };
                if let Some(bytes) = sound {
                    store.write_table(&store.table_path(&content, &told(&name)), &bytes)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Takes the tables of a version that sounds the same, if they are here; whether they were.
    pub(crate) async fn copy_tables(&self, version: &Version, wanted: ObjectHash) -> Result<bool> {
        let contents = versions::contents_with_tables(&mut *self.store().read().await?, &wanted).await?;
        let (store, content) = (self.content().clone(), version.content_id);
        blocking(move || {
            for of in contents.iter().filter(|of| **of != content) {
                let kept = |name: &str| {
                    let paths = [name.to_owned(), told(name)].map(|name| store.table_path(of, &name));
                    paths.into_iter().find_map(|path| std::fs::read(path).ok())
                };
                let (Some(peaks), Some(loudness)) = (kept(PEAKS), kept(LOUDNESS)) else { continue };
                let Ok(mut peaks) = Pyramid::from_bytes(&peaks) else { continue };
                peaks.set_file_id(*content.as_bytes());
                store.write_table(&store.table_path(&content, &told(PEAKS)), &peaks.to_bytes())?;
                store.write_table(&store.table_path(&content, &told(LOUDNESS)), &loudness)?;
                return Ok(true);
            }
            Ok(false)
        })
        .await
    }
}
