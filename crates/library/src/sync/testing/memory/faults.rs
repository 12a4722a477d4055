//! What happens to the server in memory from outside: losses, restores, and a look at what it holds.

use std::collections::BTreeMap;

use collabtrack_content::rebuild;
use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_domain::recipe::Extent;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::versions::{Version, VersionState};

use super::MemoryRemote;

/// The objects of the store in memory, as a version is rebuilt from them.
struct Held<'o>(&'o BTreeMap<String, Vec<u8>>);

impl rebuild::Supply for Held<'_> {
    fn known(&self, _: &Extent, _: u64, _: &mut [u8]) -> std::io::Result<bool> {
        Ok(false)
    }

    fn stored(&self, extent: &Extent, at: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(extent.offset + at).unwrap_or(usize::MAX);
        let held = self.0.get(&extent.object).and_then(|bytes| bytes.get(from..from.saturating_add(buffer.len())));
        buffer.copy_from_slice(held.ok_or(std::io::ErrorKind::NotFound)?);
        Ok(())
    }
}

impl MemoryRemote {
    /// Whether every byte of a complete version lies in the store.
    #[must_use]
    pub fn holds(&self, version: &Version) -> bool {
        let inner = self.inner();
        let recipe = inner.versions.get(&version.id).and_then(|entry| entry.2.clone());
        recipe.is_some_and(|recipe| {
            let whole = |file| rebuild::rebuild(&recipe, file, &Held(&inner.objects), &mut std::io::sink(), u64::MAX).is_ok();
            recipe.files.iter().all(whole)
        })
    }

    /// Numbers of versions that were moved to another track: nobody gets them again.
    #[must_use]
    pub fn moved_away(&self) -> Vec<(TrackId, i64)> {
        self.inner().moved.clone()
    }

    /// The server was restored from an older copy: another epoch, and only the first `keep` changes of every feed.
    pub fn restore_older(&self, keep: usize) {
        let mut inner = self.inner();
        let mut kept = BTreeMap::new();
        for feed in inner.feeds.values_mut() {
            feed.epoch = format!("{}'", feed.epoch);
            feed.changes.truncate(keep);
            for change in feed.changes.iter_mut() {
                change.id = format!("{}-{}", feed.epoch, change.seq);
                if let (ChangeKind::Version, Ok(version)) = (change.kind, serde_json::from_value::<Version>(change.body.clone())) {
                    kept.insert(version.id.clone(), version);
                }
            }
        }
        inner.versions.retain(|id, _| kept.contains_key(id));
        for (id, version) in kept {
            if let Some(entry) = inner.versions.get_mut(&id) {
                entry.0 = version;
            }
        }
        inner.uploads.clear();
    }

    /// All upload sessions are forgotten, as a store does after a week.
    pub fn forget_uploads(&self) {
        self.inner().uploads.clear();
    }

    /// The store lost the objects of a version, and somebody noticed: whatever shares them is damaged with it.
    pub fn lose_original(&self, id: &VersionId) {
        let mut inner = self.inner();
        let Some(recipe) = inner.versions.get(id).and_then(|entry| entry.2.clone()) else { return };
        let lost: std::collections::BTreeSet<&String> = recipe.extents.iter().map(|extent| &extent.object).collect();
        inner.objects.retain(|key, _| !lost.contains(key));
        let mut damaged = Vec::new();
        for (version, _, recipe) in inner.versions.values_mut() {
            if recipe.as_ref().is_some_and(|recipe| recipe.extents.iter().any(|extent| lost.contains(&extent.object))) {
                version.state = VersionState::Damaged;
                *recipe = None;
                damaged.push(version.clone());
            }
        }
        for version in damaged {
            inner.tell(version).expect("the project is known");
        }
    }

    /// Flips a bit of every stored object.
    pub fn damage_objects(&self) {
        for bytes in self.inner().objects.values_mut() {
            if let Some(byte) = bytes.first_mut() {
                *byte ^= 1;
            }
        }
    }
}
