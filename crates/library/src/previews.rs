//! Previews of captured versions: small renditions for instant listening elsewhere. A version without one says why.

use collabtrack_audio::error::AudioError;
use collabtrack_audio::preview;
use collabtrack_content::hashing;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_protocol::limits::PART_SIZE_BYTES;

use crate::clock;
use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result, chain};
use crate::faults;
use crate::library::Library;
use crate::record::blocking;
use crate::store::outbox::{self, Step};
use crate::store::{blobs, commit, shown, versions};

/// Makes missing previews whenever it is woken.
pub(crate) async fn run(library: Library) {
    loop {
        if let Err(error) = library.make_previews().await {
            tracing::warn!(error = %chain(&error), "previews could not be made; they are tried again with the next export");
        }
        library.previews_wanted().await;
    }
}

impl Library {
    /// Makes the previews of all versions that wait for one.
    pub(crate) async fn make_previews(&self) -> Result<()> {
        let waiting = shown::without_preview(&mut *self.store().read().await?).await?;
        for id in waiting {
            if self.cancel().is_cancelled() {
                return Ok(());
            }
            self.make_preview(&VersionId::parse(&id)?).await?;
            self.wake_sync();
        }
        Ok(())
    }

    async fn make_preview(&self, id: &VersionId) -> Result<()> {
        let Some(version) = versions::get(&mut *self.store().read().await?, id).await? else { return Ok(()) };
        let (store, cancel, content) = (self.content().clone(), self.cancel().clone(), version.content_id);
        let serial = serial_of(content);
        let making = self.sync_state().limits.precedence.making();
        let made = blocking(move || {
            let temp = store.temp_path();
            store.faults().at("preview").map_err(|error| LibraryError::file("encode", &temp, error))?;
            let result = preview::encode(&store.path(&content), &temp, serial, &cancel)
                .map_err(LibraryError::from)
                .and_then(|_| keep(&store, &temp));
            discard(&temp);
            result
        })
        .await;
        drop(making);
        faults::step("preview.kept");
        let mut transaction = self.store().write().await?;
        match &made {
            Ok(hashes) => {
                blobs::insert(&mut transaction, hashes, &clock::text(self.clock().now())).await?;
                versions::set_preview(&mut transaction, &version.id, Ok((hashes.sha256, hashes.length))).await?;
            }
            Err(LibraryError::Audio(AudioError::Cancelled)) => return Ok(()),
            Err(error) => {
                tracing::warn!(version.id = %version.id, error = %chain(error), "a version has no preview");
                let reason = format!("No preview could be made: {}.", chain(error));
                versions::set_preview(&mut transaction, &version.id, Err(&reason)).await?;
            }
        }
        outbox::advance(&mut transaction, &version.id, Step::PreviewReady).await?;
        commit(transaction).await?;
        faults::step("preview.recorded");
        self.changed();
        Ok(())
    }
}

fn keep(store: &ContentStore, temp: &std::path::Path) -> Result<hashing::FileHashes> {
    let fault = |error| LibraryError::file("read", temp, error);
    let mut file = std::fs::File::open(temp).map_err(fault)?;
    let hashes = hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(fault)?;
    store.keep(temp, &hashes.sha256)?;
    Ok(hashes)
}

/// A serial number for the Ogg stream that differs between recordings.
fn serial_of(content: ObjectHash) -> u32 {
    let bytes = content.as_bytes();
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
