//! Correcting where versions belong: merging and splitting tracks, moving versions, names, notes and kinds. A correction becomes a rule for
//! later files. What the server knows already is told to it in the order it was done.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_protocol::limits::MAX_NOTE_BYTES;
use collabtrack_protocol::versions::{EditTrack, EditVersion, TrackClaim};
use sqlx::SqliteConnection;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::grouping;
use crate::library::Library;
use crate::projects::name;
use crate::record::random_bits;
use crate::store::edits::{self, Edit};
use crate::store::tracks::Track;
use crate::store::versions::Version;
use crate::store::{StoreResult, commit, rules, seen, tracks, versions};
use crate::sync::remote::Remote;
use crate::view::{AppEvent, TrackDetail, TrackView, VersionView};

fn unknown(what: &'static str, id: impl ToString) -> LibraryError {
    LibraryError::Unknown { what, id: id.to_string() }
}

impl Library {
    /// Writes the note of a version.
    /// # Errors
    /// `Unknown`, `Invalid` for a note that is too long.
    pub async fn set_note(&self, id: &VersionId, note: &str) -> Result<VersionView> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(LibraryError::Invalid { what: format!("A note has at most {MAX_NOTE_BYTES} bytes; this one has {}.", note.len()) });
        }
        let mut transaction = self.store().write().await?;
        let version = versions::get(&mut transaction, id).await?.ok_or_else(|| unknown("version", id))?;
        versions::set_note(&mut transaction, &version.id, note).await?;
        tell(&mut transaction, &version, EditVersion { note: Some(note.to_owned()), ..EditVersion::default() }).await?;
        commit(transaction).await?;
        self.edited();
        self.version(&version.id).await
    }

    /// Says what kind of version it is.
    /// # Errors
    /// `Unknown`, `Invalid` for a word that is no kind.
    pub async fn set_kind(&self, id: &VersionId, word: &str) -> Result<VersionView> {
        let kind = Kind::from_word(word);
        if kind == Kind::Unknown {
            let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            return Err(LibraryError::Invalid { what: format!("{word:?} is no kind of version: {}.", words.join(", ")) });
        }
        let mut transaction = self.store().write().await?;
        let version = versions::get(&mut transaction, id).await?.ok_or_else(|| unknown("version", id))?;
        versions::set_kind(&mut transaction, &version.id, kind).await?;
        tell(&mut transaction, &version, EditVersion { kind: Some(kind), ..EditVersion::default() }).await?;
        commit(transaction).await?;
        self.edited();
        self.version(&version.id).await
    }

    /// Names a track.
    /// # Errors
    /// `Unknown`, `Invalid`.
    pub async fn rename_track(&self, id: &TrackId, text: &str) -> Result<TrackView> {
        let name = name("track", text)?;
        let mut transaction = self.store().write().await?;
        let track = tracks::get(&mut transaction, id).await?.ok_or_else(|| unknown("track", id))?;
        tracks::rename(&mut transaction, &track.id, &name).await?;
        if tracks::is_announced(&mut transaction, &track.id).await? {
            edits::put(&mut transaction, &track.project, &Edit::Track { track: track.id.clone(), name, was: Some(track.name.clone()) })
                .await?;
        }
        commit(transaction).await?;
        self.edited();
        Ok(self.track(&track.id).await?.track)
    }

    /// Moves versions to another track of their project, in their order. Files of their names belong there from now on.
    /// # Errors
    /// `Unknown`; `Invalid` across projects, or for a version that is the approved one of its track.
    pub async fn move_versions(&self, ids: &[VersionId], target: &TrackId) -> Result<TrackDetail> {
        let mut transaction = self.store().write().await?;
        let target = tracks::get(&mut transaction, target).await?.ok_or_else(|| unknown("track", target))?;
        self.move_into(&mut transaction, ids, &target).await?;
        commit(transaction).await?;
        self.edited();
        self.track(&target.id).await
    }

    /// Splits versions off into a new track of that name, in their order. Files of their names belong there from now on.
    /// # Errors
    /// As [`Library::move_versions`]; `Invalid` for the name or without versions.
    pub async fn split_track(&self, ids: &[VersionId], text: &str) -> Result<TrackDetail> {
        let name = name("track", text)?;
        let mut transaction = self.store().write().await?;
        let Some(first) = ids.first() else {
            return Err(LibraryError::Invalid { what: "Choose the versions that go into the new track.".into() });
        };
        let first = versions::get(&mut transaction, first).await?.ok_or_else(|| unknown("version", first))?;
        let track = named_track(&first.project, &name);
        tracks::insert(&mut transaction, &track, &clock::text(self.clock().now())).await?;
        self.move_into(&mut transaction, ids, &track).await?;
        commit(transaction).await?;
        self.edited();
        self.track(&track.id).await
    }

    /// Makes two tracks one: all versions of `from` go to `into`, in their order, and so do files of its name from now on.
    /// # Errors
    /// As [`Library::move_versions`].
    pub async fn merge_tracks(&self, from: &TrackId, into: &TrackId) -> Result<TrackDetail> {
        let mut transaction = self.store().write().await?;
        let from = tracks::get(&mut transaction, from).await?.ok_or_else(|| unknown("track", from))?;
        let into = tracks::get(&mut transaction, into).await?.ok_or_else(|| unknown("track", into))?;
        if from.id == into.id {
            return Err(LibraryError::Invalid { what: "A track cannot be merged with itself.".into() });
        }
        if from.approved.is_some() {
            return Err(LibraryError::Invalid {
                what: format!("{} has an approved version, and an approval is never rewritten. Merge the other track into it.", from.name),
            });
        }
        let ids = versions::of_track(&mut transaction, &from.id).await?;
        self.move_into(&mut transaction, &ids, &into).await?;
        let now = clock::text(self.clock().now());
        rules::put(&mut transaction, &into.project, &from.key, &into.id, &now).await?;
        tracks::absorb(&mut transaction, &from.id, &into.id).await?;
        commit(transaction).await?;
        self.edited();
        self.track(&into.id).await
    }

    async fn move_into(&self, connection: &mut SqliteConnection, ids: &[VersionId], target: &Track) -> Result<()> {
        let now = clock::text(self.clock().now());
        let mut moving = Vec::new();
        for id in ids {
            let version = versions::get(connection, id).await?.ok_or_else(|| unknown("version", id))?;
            if version.project != target.project {
                return Err(LibraryError::Invalid { what: "A version stays in its project; export the file into the other one.".into() });
            }
            let from = tracks::get(connection, &version.track).await?.ok_or_else(|| unknown("track", &version.track))?;
            if from.approved.as_ref() == Some(&version.id) {
                return Err(LibraryError::Invalid {
                    what: format!("Version {} is the approved one of {}; it stays there.", version.number, from.name),
                });
            }
            moving.push((version, from));
        }
        moving.sort_by_key(|(version, _)| (version.number, version.numbered));
        for (version, from) in moving {
            if from.id == target.id {
                continue;
            }
            for file in versions::files(connection, &version.id).await? {
                let key = grouping::group(&file.path, "").key;
                // The key of the track it leaves stays with that track, unless the whole track goes.
                if key != from.key {
                    rules::put(connection, &target.project, &key, &target.id, &now).await?;
                }
            }
            let is_told = versions::is_told(connection, &version.id).await?;
            versions::move_to(connection, &version.id, &target.id).await?;
            seen::move_track(connection, &version.id, &target.id).await?;
            if is_told {
                let claim = TrackClaim { id: target.id.clone(), name: target.name.clone(), key: target.key.clone(), auto: target.auto };
                tell(connection, &version, EditVersion { track: Some(claim), ..EditVersion::default() }).await?;
            }
            versions::renumber_provisional(connection, &from.id).await?;
        }
        Ok(versions::renumber_provisional(connection, &target.id).await?)
    }

    fn edited(&self) {
        self.changed();
        self.wake_sync();
    }

    /// Tells the server of the oldest edit of a project.
    pub(crate) async fn send_edit(&self, remote: &dyn Remote, id: i64) -> Result<()> {
        let all = edits::all(&mut *self.store().read().await?).await?;
        let Some(entry) = all.into_iter().find(|entry| entry.id == id) else { return Ok(()) };
        let now = clock::text(self.clock().now());
        match &entry.edit {
            Edit::Track { track, name, was } => {
                let body = EditTrack { name: name.clone(), was: was.clone() };
                let told = self.heard(remote.edit_track(&entry.project, track, &body).await)?;
                self.sync_state().answered().changed(&entry.project);
                let mut transaction = self.store().write().await?;
                edits::done(&mut transaction, id).await?;
                if edits::of_subject(&mut transaction, track.as_str()).await?.is_empty() {
                    tracks::rename(&mut transaction, track, &told.name).await?;
                }
                commit(transaction).await?;
                if told.name != *name {
                    let message = format!("Somebody named {} before {name} arrived; the first name stays.", told.name);
                    self.tell(AppEvent::Notice { message });
                }
            }
            Edit::Version { version, edit } => {
                let told = self.heard(remote.edit_version(version, edit).await)?;
                let mut transaction = self.store().write().await?;
                edits::done(&mut transaction, id).await?;
                crate::sync::feed::apply_answer(&mut transaction, &entry.project, &told, &now).await?;
                versions::renumber_provisional(&mut transaction, &told.track).await?;
                commit(transaction).await?;
                self.sync_state().answered().version(&told);
            }
            Edit::Trash { version, trashed } => {
                let told = self.heard(remote.trash(version, *trashed).await)?;
                let mut transaction = self.store().write().await?;
                edits::done(&mut transaction, id).await?;
                crate::sync::feed::apply_answer(&mut transaction, &entry.project, &told, &now).await?;
                commit(transaction).await?;
                self.sync_state().answered().version(&told);
            }
        }
        self.changed();
        Ok(())
    }
}

/// Queues an edit of a version that the server knows; what it does not know is told with the version itself.
async fn tell(connection: &mut SqliteConnection, version: &Version, edit: EditVersion) -> StoreResult<()> {
    if versions::is_told(connection, &version.id).await? {
        edits::put(connection, &version.project, &Edit::Version { version: version.id.clone(), edit }).await?;
    }
    Ok(())
}

fn named_track(project: &ProjectId, name: &str) -> Track {
    Track {
        id: TrackId::from_random(random_bits()),
        project: project.clone(),
        name: name.to_owned(),
        key: grouping::group(name, "").key,
        auto: false,
        please_check: false,
        approved: None,
    }
}
