//! Previews of captured versions: small renditions for instant listening elsewhere. A version without one says why.

use std::time::Duration;

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

/// Times that this computer may fail at making a preview before its version goes on without one.
const TRIES: u32 = 3;
/// After how long it is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// Makes missing previews whenever it is woken.
pub(crate) async fn run(library: Library) {
    loop {
        let left = match library.make_previews().await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "previews could not be made; they are tried again");
                true
            }
        };
        tokio::select! {
            () = library.previews_wanted() => {}
            () = tokio::time::sleep(AGAIN), if left => {}
        }
    }
}

impl Library {
    /// Makes the previews of all versions that wait for one; whether some still wait, because this computer failed at them.
    pub(crate) async fn make_previews(&self) -> Result<bool> {
        let waiting = shown::without_preview(&mut *self.store().read().await?).await?;
        let mut left = false;
        for id in waiting {
            if self.cancel().is_cancelled() {
                return Ok(left);
            }
            left |= !self.make_preview(&VersionId::parse(&id)?).await?;
            self.wake_sync();
        }
        Ok(left)
    }

    /// As [`Library::make_previews`], for one that is not run in the background: tries as often as it is worth.
    pub(crate) async fn make_previews_now(&self) -> Result<()> {
        for _ in 0..TRIES {
            if !self.make_previews().await? {
                break;
            }
        }
        Ok(())
    }

    /// Whether it is known now what preview the version has, or that it has none.
    async fn make_preview(&self, id: &VersionId) -> Result<bool> {
        let Some(version) = versions::get(&mut *self.store().read().await?, id).await? else { return Ok(true) };
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
            Err(LibraryError::Audio(AudioError::Cancelled)) => return Ok(true),
            Err(error) if is_of_this_computer(error) && self.sync_state().preview_failed(&version.id) < TRIES => {
                tracing::info!(version.id = %version.id, error = %chain(error), "a preview could not be made now");
                return Ok(false);
            }
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
        Ok(true)
    }
}

/// Whether an error is about this computer, such as its full disk, and not about the sound.
fn is_of_this_computer(error: &LibraryError) -> bool {
    matches!(error, LibraryError::File { .. } | LibraryError::NoSpace { .. } | LibraryError::Audio(AudioError::Io { .. }))
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
