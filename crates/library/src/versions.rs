//! Tracks and versions as the screens ask for them, and going back to an older version.

use std::path::Path;

use collabtrack_content::hashing;
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use serde::Serialize;
use ts_rs::TS;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::paths;
use crate::record::{blocking, random_bits};
use crate::store::outbox::{self, Step};
use crate::store::versions::{State, Version};
use crate::store::{commit, projects, shown, tracks, versions};
use crate::view::{TrackDetail, TrackView, VersionView};
use crate::views;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Identified {
    /// Its name.
    pub file_name: String,
    /// SHA-256 of the file.
    pub fingerprint: String,
    /// The versions with exactly these bytes.
    pub versions: Vec<IdentifiedVersion>,
}

/// A version with the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct IdentifiedVersion {
    /// Id.
    pub version: String,
    /// Name of the project.
    pub project_name: String,
    /// Name of the track.
    pub track_name: String,
    /// Number.
    #[ts(type = "number")]
    pub number: i64,
    /// Whether it is the approved version of its track.
    pub approved: bool,
}

fn unknown_version(id: &VersionId) -> LibraryError {
    LibraryError::Unknown { what: "version", id: id.to_string() }
}

impl Library {
    /// The tracks of a project, or of all, by name; without those of which everything is in the trash.
    /// # Errors
    /// What the database said.
    pub async fn tracks(&self, project: Option<&ProjectId>) -> Result<Vec<TrackView>> {
        let mut connection = self.store().read().await?;
        let tracks = views::tracks(self, &mut connection, project).await?;
        Ok(tracks.into_iter().filter(|track| !track.in_trash).collect())
    }

    /// A track with its versions, newest first.
    /// # Errors
    /// `Unknown`.
    pub async fn track(&self, id: &TrackId) -> Result<TrackDetail> {
        let mut connection = self.store().read().await?;
        let track = tracks::get(&mut connection, id).await?;
        let track = track.ok_or_else(|| LibraryError::Unknown { what: "track", id: id.to_string() })?;
        let all = views::tracks(self, &mut connection, Some(&track.project)).await?;
        let view = all.into_iter().find(|view| view.id == track.id.as_str());
        let track_view = view.ok_or_else(|| LibraryError::Unknown { what: "track", id: id.to_string() })?;
        let versions = shown::of_track(&mut connection, &track.id).await?;
        Ok(TrackDetail { track: track_view, versions: versions.into_iter().map(|row| views::version(self, row)).collect() })
    }

    /// One version.
    /// # Errors
    /// `Unknown`.
    pub async fn version(&self, id: &VersionId) -> Result<VersionView> {
        let mut connection = self.store().read().await?;
        let id = versions::resolve(&mut connection, id).await?;
        let row = shown::version(&mut connection, &id).await?.ok_or_else(|| unknown_version(&id))?;
        Ok(views::version(self, row))
    }

    /// Goes back to an older version: it is recorded again as the newest one, with the same bytes. No file is touched.
    /// # Errors
    /// `Unknown`, `Invalid` when it is the newest already.
    pub async fn restore_version(&self, id: &VersionId) -> Result<VersionView> {
        let author = self.author().await?;
        let mut transaction = self.store().write().await?;
        let older = versions::get(&mut transaction, id).await?.ok_or_else(|| unknown_version(id))?;
        let newest = versions::newest(&mut transaction, &older.track).await?;
        if newest.as_ref().is_some_and(|newest| newest.content_id == older.content_id) {
            return Err(LibraryError::Invalid { what: format!("Version {} already is what the newest version holds.", older.number) });
        }
        let files = versions::files(&mut transaction, &older.id).await?;
        let number = versions::next_number(&mut transaction, &older.track).await?;
        let version = Version {
            id: VersionId::from_random(random_bits()),
            number,
            numbered: false,
            note: format!("Back to version {}", older.number),
            parent: newest.map(|newest| newest.id),
            same_as: Some(older.same_as.clone().unwrap_or_else(|| older.id.clone())),
            state: State::Local,
            author_id: author.0,
            author_name: author.1,
            captured_at: clock::text(self.clock().now()),
            recorded_at: None,
            seq: None,
            ..older
        };
        versions::insert_captured(&mut transaction, &version, &files).await?;
        let step = if version.preview.is_some() || version.no_preview_reason.is_some() { Step::PreviewReady } else { Step::Captured };
        outbox::put(&mut transaction, &version.id, step).await?;
        commit(transaction).await?;
        self.changed();
        self.wake_previews();
        self.wake_sync();
        self.version(&version.id).await
    }

    /// Which versions of this library a file is, byte for byte, and whether they are approved.
    /// # Errors
    /// `File` when it cannot be read.
    pub async fn identify(&self, file: &Path) -> Result<Identified> {
        let path = file.to_path_buf();
        let hashes = blocking(move || {
            let fault = |error| LibraryError::file("read", &path, error);
            let mut source = std::fs::File::open(&path).map_err(fault)?;
            hashing::hash_reader(&mut source, PART_SIZE_BYTES, &mut |_| true).map_err(fault)
        })
        .await?;
        let mut connection = self.store().read().await?;
        let mut found = Vec::new();
        for id in versions::ids_with_content(&mut connection, &hashes.sha256).await? {
            let Some(version) = versions::get(&mut connection, &id).await? else { continue };
            let Some(track) = tracks::get(&mut connection, &version.track).await? else { continue };
            let project = projects::get(&mut connection, &version.project).await?.map(|project| project.name).unwrap_or_default();
            found.push(IdentifiedVersion {
                version: version.id.to_string(),
                project_name: project,
                track_name: track.name,
                number: version.number,
                approved: track.approved.as_ref() == Some(&version.id),
            });
        }
        Ok(Identified { file_name: paths::name(file), fingerprint: hashes.sha256.to_string(), versions: found })
    }
}
