//! A captured file becomes a version: grouped into a track, measured, recorded in one transaction.

use std::path::{Path, PathBuf};

use collabtrack_audio::analysis::{self, Analysis};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::error::AudioError;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ID_RANDOM_BYTES, ProjectId, TrackId, VersionId};
use sqlx::SqliteConnection;

use crate::capture::Captured;
use crate::clock;
use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result};
use crate::grouping::{self, Grouped};
use crate::library::Library;
use crate::paths;
use crate::store::outbox::{self, Step};
use crate::store::roots::Root;
use crate::store::seen::{self, Outcome, Seen};
use crate::store::tracks::{self, Track};
use crate::store::versions::{self, State, Version, VersionFile};
use crate::store::{StoreResult, blobs, commit};

/// What came of a captured file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// A new version.
    Version(VersionId),
    /// The bytes of the newest version, exported again.
    Identical {
        /// The track.
        track: TrackId,
        /// Its newest version.
        number: i64,
    },
    /// Not audio this program can read; why, in words.
    NotReadable(String),
}

/// 136 random bits, of which an id uses 130.
pub(crate) fn random_bits() -> [u8; ID_RANDOM_BYTES] {
    rand::random()
}

/// What a version takes from the sound itself.
struct Measured {
    summary: serde_json::Value,
    overview: Vec<u8>,
    preview: Option<(ObjectHash, u64)>,
}

impl Library {
    /// Records the captured file at `path` inside `root`.
    pub(crate) async fn record(&self, root: &Root, path: &Path, captured: Captured) -> Result<Recorded> {
        let grouped = group(root, path);
        let content = captured.hashes.sha256;
        let (track, twin) = {
            let mut connection = self.store().read().await?;
            let track = find_track(&mut connection, root, path, &grouped).await?;
            let newest = versions::newest(&mut connection, &track.id).await?;
            if let Some(newest) = newest.filter(|newest| newest.content_id == content) {
                drop(connection);
                self.remember(root, seen_as(path, &captured, Outcome::Identical, "", Some(track.id.clone()), Some(newest.id.clone())))
                    .await?;
                return Ok(Recorded::Identical { track: track.id, number: newest.number });
            }
            let twin = versions::ids_with_content(&mut connection, &content).await?;
            let twin = match twin.first() {
                Some(id) => versions::get(&mut connection, id).await?,
                None => None,
            };
            (track, twin)
        };
        let measured = match twin {
            Some(twin) => Measured { summary: twin.summary, overview: twin.overview, preview: twin.preview },
            None => match self.measure(&captured.stored, content).await {
                Ok(measured) => measured,
                Err(LibraryError::Audio(error)) if is_verdict(&error) => {
                    discard(&captured.stored);
                    let message = not_readable(&error);
                    self.remember(root, seen_as(path, &captured, Outcome::NotReadable, &message, None, None)).await?;
                    return Ok(Recorded::NotReadable(message));
                }
                Err(error) => return Err(error),
            },
        };
        let version = self.insert(root, path, &captured, track, &grouped, measured).await?;
        Ok(Recorded::Version(version))
    }

    /// One transaction: the stored file, the track if it is new, the version, its place in the queue, the file as seen.
    async fn insert(
        &self,
        root: &Root,
        path: &Path,
        captured: &Captured,
        track: Track,
        grouped: &Grouped,
        measured: Measured,
    ) -> Result<VersionId> {
        let now = clock::text(self.clock().now());
        let author = self.author().await?;
        let mut transaction = self.store().write().await?;
        blobs::insert(&mut transaction, &captured.hashes, &now).await?;
        // Looked up again inside the transaction: the feed may have brought the track or a newer version meanwhile.
        let track = match tracks::get(&mut transaction, &track.id).await? {
            Some(known) => known,
            None => match tracks::with_key(&mut transaction, &root.project, &track.key).await? {
                Some(known) if track.auto => known,
                _ => {
                    tracks::insert(&mut transaction, &track, &now).await?;
                    track
                }
            },
        };
        let parent = versions::newest(&mut transaction, &track.id).await?.map(|newest| newest.id);
        let same_as = versions::with_content(&mut transaction, &track.id, &captured.hashes.sha256).await?.map(|older| older.id);
        let version = Version {
            id: VersionId::from_random(random_bits()),
            project: root.project.clone(),
            track: track.id.clone(),
            number: versions::next_number(&mut transaction, &track.id).await?,
            numbered: false,
            kind: grouped.kind,
            note: String::new(),
            content_id: captured.hashes.sha256,
            parent,
            same_as,
            state: State::Local,
            author_id: author.0,
            author_name: author.1,
            captured_at: now,
            recorded_at: None,
            seq: None,
            summary: measured.summary,
            overview: measured.overview,
            preview: measured.preview,
            no_preview_reason: None,
            tables: None,
        };
        let file =
            VersionFile { path: paths::name(path), length: captured.hashes.length, sha256: captured.hashes.sha256, plain_object: None };
        versions::insert_captured(&mut transaction, &version, &[file]).await?;
        let step = if version.preview.is_some() { Step::PreviewReady } else { Step::Captured };
        outbox::put(&mut transaction, &version.id, step).await?;
        let seen = seen_as(path, captured, Outcome::Captured, "", Some(track.id), Some(version.id.clone()));
        seen::put(&mut transaction, root.id, &seen).await?;
        commit(transaction).await?;
        self.changed();
        Ok(version.id)
    }

    async fn remember(&self, root: &Root, seen: Seen) -> Result<()> {
        let mut transaction = self.store().write().await?;
        seen::put(&mut transaction, root.id, &seen).await?;
        commit(transaction).await?;
        self.changed();
        Ok(())
    }

    /// Records that a file cannot become a version, so that it is not read again until it changes.
    pub(crate) async fn remember_unreadable(
        &self,
        root: &Root,
        path: &Path,
        key: crate::watch::scan::ScanKey,
        message: &str,
    ) -> Result<()> {
        let seen =
            Seen { path: path.to_path_buf(), key, outcome: Outcome::NotReadable, message: message.to_owned(), track: None, version: None };
        self.remember(root, seen).await
    }

    async fn measure(&self, stored: &Path, content: ObjectHash) -> Result<Measured> {
        let store = self.content().clone();
        let stored = stored.to_path_buf();
        let cancel = self.cancel().clone();
        let analysis = blocking(move || measure_and_keep(&store, &stored, content, &cancel)).await?;
        Ok(Measured {
            summary: serde_json::to_value(&analysis.summary).unwrap_or_default(),
            overview: analysis.peaks.overview(),
            preview: None,
        })
    }
}

/// Measures a stored file and keeps its peaks and loudness beside it.
pub(crate) fn measure_and_keep(store: &ContentStore, stored: &Path, content: ObjectHash, cancel: &Cancel) -> Result<Analysis> {
    let mut analysis = analysis::analyse(stored, cancel, &mut |_| {})?;
    analysis.peaks.set_file_id(*content.as_bytes());
    store.write_table(&store.table_path(&content, "peaks"), &analysis.peaks.to_bytes())?;
    store.write_table(&store.table_path(&content, "loudness"), &analysis.loudness.to_bytes())?;
    Ok(analysis)
}

/// Runs work that computes or waits for the disk away from the threads that answer.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LibraryError::Audio(AudioError::Internal { what: error.to_string() })),
    }
}

/// Whether an error is about the file, not about this computer.
fn is_verdict(error: &AudioError) -> bool {
    !matches!(error, AudioError::Cancelled | AudioError::Io { .. } | AudioError::Internal { .. })
}

fn not_readable(error: &AudioError) -> String {
    format!(
        "{} It stays in its folder and is not a version. Export it again as WAV, AIFF, FLAC, MP3, M4A or OGG.",
        crate::error::sentence(&crate::error::chain(error))
    )
}

fn seen_as(path: &Path, captured: &Captured, outcome: Outcome, message: &str, track: Option<TrackId>, version: Option<VersionId>) -> Seen {
    Seen { path: path.to_path_buf(), key: captured.key, outcome, message: message.to_owned(), track, version }
}

fn group(root: &Root, path: &Path) -> Grouped {
    let whole: PathBuf = root.path.join(path);
    let folder = whole.parent().map(paths::name).unwrap_or_default();
    grouping::group(&paths::name(path), &folder)
}

/// The track of a file: that of earlier exports to the same path, else the one with its key, else a new one.
async fn find_track(connection: &mut SqliteConnection, root: &Root, path: &Path, grouped: &Grouped) -> StoreResult<Track> {
    if let Some(id) = seen::track_of(connection, root.id, path).await?
        && let Some(track) = tracks::get(connection, &id).await?
    {
        return Ok(track);
    }
    if let Some(track) = tracks::with_key(connection, &root.project, &grouped.key).await? {
        return Ok(track);
    }
    let similar = match &grouped.without_number {
        Some(key) => tracks::with_key(connection, &root.project, key).await?.is_some(),
        None => false,
    };
    Ok(new_track(&root.project, grouped, grouped.please_check || similar))
}

fn new_track(project: &ProjectId, grouped: &Grouped, please_check: bool) -> Track {
    Track {
        id: TrackId::from_random(random_bits()),
        project: project.clone(),
        name: grouped.name.clone(),
        key: grouped.key.clone(),
        auto: true,
        please_check,
        approved: None,
    }
}
