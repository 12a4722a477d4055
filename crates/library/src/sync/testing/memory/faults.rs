//! What happens to the server in memory from outside: losses, restores, and a look at what it holds.

use std::collections::BTreeMap;

use collabtrack_content::rebuild;
use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_domain::recipe::Extent;
use collabtrack_protocol::changes::{ChangeKind, TrackInfo};
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

    /// How many objects the store holds.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.inner().objects.len()
    }

    /// The bytes of the preview of a version.
    #[must_use]
    pub fn preview(&self, id: &VersionId) -> Option<Vec<u8>> {
        let inner = self.inner();
        let (_, key, _) = inner.versions.get(id)?;
        inner.objects.get(key.as_ref()?).cloned()
    }

    /// Numbers of versions that were moved to another track: nobody gets them again.
    #[must_use]
    pub fn moved_away(&self) -> Vec<(TrackId, i64)> {
        self.inner().moved.clone()
    }

    /// The server was restored from an older copy: another epoch, and of every feed only the changes up to number `keep`, those of tracks
    /// not counted.
    pub fn restore_older(&self, keep: usize) {
        let mut inner = self.inner();
        let (mut versions, mut tracks) = (BTreeMap::new(), BTreeMap::new());
        for (project, feed) in &mut inner.feeds {
            feed.epoch = format!("{}'", feed.epoch);
            let counted = feed.changes.iter().enumerate().filter(|(_, change)| change.kind != ChangeKind::Track);
            let end = counted.map(|(at, _)| at).nth(keep).unwrap_or(feed.changes.len());
            feed.changes.truncate(end);
            for change in feed.changes.iter_mut() {
                change.id = format!("{}-{}", feed.epoch, change.seq);
                let body = change.body.clone();
                if let (ChangeKind::Version, Ok(version)) = (change.kind, serde_json::from_value::<Version>(body.clone())) {
                    versions.insert(version.id.clone(), version);
                } else if let (ChangeKind::Track, Ok(info)) = (change.kind, serde_json::from_value::<TrackInfo>(body)) {
                    tracks.insert(info.id.clone(), (project.clone(), info));
                }
            }
        }
        inner.tracks = tracks;
        inner.track_aliases.clear();
        inner.versions.retain(|id, _| versions.contains_key(id));
        for (id, version) in versions {
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
