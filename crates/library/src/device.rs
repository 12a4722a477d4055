//! Which device this is, and how often it was started: kept in the database and beside it, so that a database from an older image of this
//! computer is recognised. Such a database is caught up with what is there; nothing is deleted for what it does not know.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::content_store::{rename, sync_folder};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::blocking;
use crate::store::settings::{self, Setting};
use crate::store::{blobs, commit, projects, seen};
use crate::sync::remote::Remote;
use collabtrack_content::hashing;
use collabtrack_protocol::accounts::DeviceGeneration;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::projects::Project;

const NAME: &str = "device.json";

/// What stands beside the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Beside {
    device: String,
    generation: u64,
}

fn path(library: &Path) -> PathBuf {
    library.join(NAME)
}

fn read(library: &Path) -> Result<Option<Beside>> {
    match fs::read(path(library)) {
        // Whatever cannot be read there counts as another device: it only means looking again.
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or(Beside { device: String::new(), generation: u64::MAX }))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LibraryError::file("read", &path(library), error)),
    }
}

fn write(library: &Path, beside: &Beside) -> Result<()> {
    let target = path(library);
    let temp = library.join(format!("{NAME}.new"));
    let fault = |error| LibraryError::file("write", &target, error);
    let bytes = serde_json::to_vec(beside).unwrap_or_default();
    fs::write(&temp, bytes).map_err(fault)?;
    fs::File::open(&temp).and_then(|file| file.sync_all()).map_err(fault)?;
    rename(&temp, &target).map_err(fault)?;
    sync_folder(library).map_err(fault)
}

/// Whether the database belongs to what stands beside it. The file is written first, so it may be one ahead after a crash.
fn belongs(database: Option<&Beside>, beside: Option<&Beside>) -> bool {
    match (database, beside) {
        (None, None) => true,
        (Some(database), Some(beside)) => {
            database.device == beside.device
                && (beside.generation == database.generation || Some(beside.generation) == database.generation.checked_add(1))
        }
        _ => false,
    }
}

impl Library {
    /// Raises the generation of this device; recognises a database that is not the one that was last used here.
    pub(crate) async fn begin_generation(&self) -> Result<()> {
        let dir = self.options().dir.clone();
        let database = {
            let mut connection = self.store().read().await?;
            let device = settings::get(&mut connection, Setting::DeviceId).await?;
            let generation = settings::get(&mut connection, Setting::Generation).await?.and_then(|text| text.parse().ok());
            device.zip(generation).map(|(device, generation)| Beside { device, generation })
        };
        let beside = read(&dir)?;
        let known = belongs(database.as_ref(), beside.as_ref());
        let next = match database.filter(|_| known) {
            Some(last) => Beside { generation: last.generation.saturating_add(1), device: last.device },
            None => Beside { device: format!("{:032x}", rand::random::<u128>()), generation: 1 },
        };
        write(&dir, &next)?;
        if !known {
            tracing::warn!("the database is not the one last used here; everything is looked at again, and nothing is deleted");
            self.catch_up().await?;
        }
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::DeviceId, Some(&next.device)).await?;
        settings::set(&mut transaction, Setting::Generation, Some(&next.generation.to_string())).await?;
        Ok(commit(transaction).await?)
    }

    /// Tells the server how often this library was started, once per start. An older image of this whole computer, which what stands
    /// beside the database cannot tell, is recognised there: it becomes a device of its own and catches up; nothing is deleted.
    ///
    /// The projects of the account, which come with the answer; nothing where there was nothing to tell.
    pub(crate) async fn tell_generation(&self, remote: &dyn Remote) -> Result<Option<Vec<Project>>> {
        if self.sync_state().is_generation_told() {
            return Ok(None);
        }
        let dir = self.options().dir.clone();
        let Some(beside) = read(&dir)? else { return Ok(None) };
        let body = DeviceGeneration {
            device: beside.device.clone(),
            generation: i64::try_from(beside.generation).unwrap_or(i64::MAX),
            run: self.sync_state().run().to_owned(),
        };
        let known = self.heard(remote.generation(&body).await)?;
        if !known.current {
            tracing::warn!("this library is an older image of this computer; everything is looked at again, and nothing is deleted");
            let next = Beside { device: format!("{:032x}", rand::random::<u128>()), generation: 1 };
            write(&dir, &next)?;
            self.catch_up().await?;
            let mut transaction = self.store().write().await?;
            settings::set(&mut transaction, Setting::DeviceId, Some(&next.device)).await?;
            settings::set(&mut transaction, Setting::Generation, Some("1")).await?;
            commit(transaction).await?;
            self.wake_watcher();
        }
        self.sync_state().generation_is_told();
        Ok(Some(known.projects))
    }

    /// Looks at every file and every feed from the start. Until that is done, bytes that any version of a track has are no new version.
    async fn catch_up(&self) -> Result<()> {
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::CatchingUp, Some("1")).await?;
        seen::forget_states(&mut transaction).await?;
        projects::forget_places(&mut transaction).await?;
        commit(transaction).await?;
        self.forget_known();
        self.adopt_stored_files().await
    }

    /// Files of the content store that the database does not know are its own again, if they still have their bytes.
    async fn adopt_stored_files(&self) -> Result<()> {
        let store = self.content().clone();
        for hash in blocking(move || store.list()).await? {
            if blobs::is_known(&mut *self.store().read().await?, &hash).await? {
                continue;
            }
            let path = self.content().path(&hash);
            let hashes = blocking(move || {
                let mut file = fs::File::open(&path).map_err(|error| LibraryError::file("read", &path, error))?;
                hashing::hash_reader(&mut file, PART_SIZE_BYTES, &mut |_| true).map_err(|error| LibraryError::file("read", &path, error))
            })
            .await?;
            if hashes.sha256 == hash {
                let mut transaction = self.store().write().await?;
                blobs::insert(&mut transaction, &hashes, &clock::text(self.clock().now())).await?;
                commit(transaction).await?;
            }
        }
        Ok(())
    }

    /// Whether a database that is not the one last used here is still catching up.
    pub(crate) async fn is_catching_up(&self) -> Result<bool> {
        Ok(settings::get(&mut *self.store().read().await?, Setting::CatchingUp).await?.is_some())
    }

    /// Everything was looked at again.
    pub(crate) async fn caught_up(&self) -> Result<()> {
        let mut transaction = self.store().write().await?;
        settings::set(&mut transaction, Setting::CatchingUp, None).await?;
        Ok(commit(transaction).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_last_used_here_belongs() {
        let at = |device: &str, generation| Some(Beside { device: device.into(), generation });
        let table = [
            (None, None, true),
            (at("a", 4), at("a", 4), true),
            (at("a", 4), at("a", 5), true),
            (at("a", 4), at("a", 6), false),
            (at("a", 5), at("a", 4), false),
            (at("a", 4), at("b", 4), false),
            (None, at("a", 4), false),
            (at("a", 4), None, false),
        ];
        for (database, beside, want) in table {
            assert_eq!(belongs(database.as_ref(), beside.as_ref()), want, "{database:?} {beside:?}");
        }
    }
}
