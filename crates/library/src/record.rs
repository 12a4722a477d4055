//! A captured export becomes a version: grouped into a track, measured, recorded in one transaction.
//!
//! An export is one sound file, a set of stems, or a DAW session; what they have in common stands in [`Export`].

use std::path::{Path, PathBuf};

use collabtrack_audio::analysis::{self, Analysis};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::error::AudioError;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ID_RANDOM_BYTES, ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::content_id;
use sqlx::SqliteConnection;

use crate::capture::Captured;
use crate::clock;
use crate::content_store::{ContentStore, discard};
use crate::error::{LibraryError, Result};
use crate::faults;
use crate::grouping::Grouped;
use crate::library::Library;
use crate::store::outbox::{self, Step};
use crate::store::roots::{Root, RootId};
use crate::store::seen::{self, Outcome, Seen};
use crate::store::tracks::{self, Track};
use crate::store::versions::{self, State, Version, VersionFile};
use crate::store::{StoreResult, blobs, commit, imports, rules};
use crate::watch::scan::ScanKey;

/// What came of a captured export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// A new version.
    Version(VersionId),
    /// The bytes of the newest version, exported again.
    Identical {
        /// Its number.
        number: i64,
    },
    /// Not audio this program can read; why, in words.
    NotReadable(String),
}

/// What an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One file with sound in it.
    Sound,
    /// Stems, one file each.
    Stems,
    /// A DAW session or another file kept by the user's wish: not listened to here.
    Kept,
}

/// One file of an export.
#[derive(Debug, Clone)]
pub(crate) struct ExportFile {
    /// Path inside the version; for a single file its name.
    pub(crate) name: String,
    /// Length in bytes.
    pub(crate) length: u64,
    /// SHA-256.
    pub(crate) sha256: ObjectHash,
    /// As just captured; none for a file of the set that was captured before and did not change.
    pub(crate) captured: Option<Captured>,
}

impl ExportFile {
    /// A file as just captured.
    pub(crate) fn new(name: String, captured: Captured) -> Self {
        Self { name, length: captured.hashes.length, sha256: captured.hashes.sha256, captured: Some(captured) }
    }
}

/// A captured export.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    /// Project.
    pub(crate) project: ProjectId,
    /// What it is.
    pub(crate) form: Form,
    /// What its name says.
    pub(crate) grouped: Grouped,
    /// The track that a person chose.
    pub(crate) track: Option<TrackId>,
    /// Its files.
    pub(crate) files: Vec<ExportFile>,
    /// Where it lies in a watched folder: to be remembered with these states.
    pub(crate) seen: Vec<(RootId, PathBuf, ScanKey)>,
    /// Whether bytes of any version of the track count as known, not only those of the newest.
    pub(crate) catching_up: bool,
}

impl Export {
    fn content(&self) -> Option<ObjectHash> {
        let named: Vec<(String, ObjectHash)> = self.files.iter().map(|file| (file.name.clone(), file.sha256)).collect();
        content_id(&named)
    }

    fn version_files(&self) -> Vec<VersionFile> {
        let file =
            |file: &ExportFile| VersionFile { path: file.name.clone(), length: file.length, sha256: file.sha256, plain_object: None };
        self.files.iter().map(file).collect()
    }
}

/// 136 random bits, of which an id uses 130.
pub(crate) fn random_bits() -> [u8; ID_RANDOM_BYTES] {
    crate::chance::bits()
}

/// What a version takes from the sound itself.
struct Measured {
    summary: serde_json::Value,
    overview: Vec<u8>,
    pcm_hash: Option<[u8; 32]>,
    preview: Option<(ObjectHash, u64)>,
    no_preview_reason: Option<String>,
}

impl Library {
    /// Records a captured export.
    pub(crate) async fn record(&self, export: Export) -> Result<Recorded> {
        let Some(content) = export.content() else {
            return Err(LibraryError::Invalid { what: "A version has at least one file.".into() });
        };
        let (track, twin) = {
            let mut connection = self.store().read().await?;
            let track = find_track(&mut connection, &export).await?;
            if let Some(known) = known_version(&mut connection, &export, &track, &content).await? {
                drop(connection);
                self.remember(&export, Outcome::Identical, "", Some(&track.id), Some(&known.id)).await?;
                return Ok(Recorded::Identical { number: known.number });
            }
            let twin = versions::ids_with_content(&mut connection, &content).await?;
            let twin = match twin.first() {
                Some(id) => versions::get(&mut connection, id).await?,
                None => None,
            };
            (track, twin)
        };
        let measured = match (&twin, export.form) {
            (Some(twin), Form::Sound) if !twin.overview.is_empty() => Measured {
                summary: twin.summary.clone(),
                overview: twin.overview.clone(),
                pcm_hash: None,
                preview: twin.preview,
                no_preview_reason: twin.preview.is_none().then(|| twin.no_preview_reason.clone()).flatten(),
            },
            (_, Form::Sound) => match self.measure(&export, content).await? {
                Ok(measured) => measured,
                Err(message) => {
                    self.drop_unrecorded(&export).await?;
                    self.remember(&export, Outcome::NotReadable, &message, None, None).await?;
                    return Ok(Recorded::NotReadable(message));
                }
            },
            (_, form) => of_several(form, &export),
        };
        let version = self.insert(&export, content, track, measured).await?;
        Ok(Recorded::Version(version))
    }

    /// One transaction: the stored files, the track if it is new, the version, its place in the queue, the files as seen.
    async fn insert(&self, export: &Export, content: ObjectHash, track: Track, measured: Measured) -> Result<VersionId> {
        let now = clock::text(self.clock().now());
        let author = self.author().await?;
        let mut transaction = self.store().write().await?;
        for captured in export.files.iter().filter_map(|file| file.captured.as_ref()) {
            blobs::insert(&mut transaction, &captured.hashes, &now).await?;
        }
        let track = settle_track(&mut transaction, export, track, &now).await?;
        let parent = versions::newest(&mut transaction, &track.id).await?.map(|newest| newest.id);
        let same_as = versions::with_content(&mut transaction, &track.id, &content).await?.map(|older| older.id);
        let version = Version {
            id: VersionId::from_random(random_bits()),
            project: export.project.clone(),
            track: track.id.clone(),
            number: versions::next_number(&mut transaction, &track.id).await?,
            numbered: false,
            kind: chosen_kind(&mut transaction, export).await?.unwrap_or(export.grouped.kind),
            note: String::new(),
            content_id: content,
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
            no_preview_reason: measured.no_preview_reason,
            tables: None,
        };
        versions::insert_captured(&mut transaction, &version, &export.version_files()).await?;
        if let Some(hash) = measured.pcm_hash {
            versions::set_pcm_hash(&mut transaction, &version.id, &hash).await?;
        }
        let ready = version.preview.is_some() || version.no_preview_reason.is_some();
        outbox::put(&mut transaction, &version.id, if ready { Step::PreviewReady } else { Step::Captured }).await?;
        for (root, path, key) in &export.seen {
            let seen = as_seen(path, *key, Outcome::Captured, "", Some(&track.id), Some(&version.id));
            seen::put(&mut transaction, *root, &seen).await?;
            imports::done(&mut transaction, *root, path).await?;
        }
        faults::step("record.before_commit");
        commit(transaction).await?;
        faults::step("record.committed");
        self.note_seen(&export.seen);
        self.changed();
        Ok(version.id)
    }

    async fn remember(
        &self,
        export: &Export,
        outcome: Outcome,
        message: &str,
        track: Option<&TrackId>,
        version: Option<&VersionId>,
    ) -> Result<()> {
        let mut transaction = self.store().write().await?;
        for (root, path, key) in &export.seen {
            seen::put(&mut transaction, *root, &as_seen(path, *key, outcome, message, track, version)).await?;
            imports::done(&mut transaction, *root, path).await?;
        }
        commit(transaction).await?;
        self.note_seen(&export.seen);
        self.changed();
        Ok(())
    }

    /// Records that a file cannot become a version, so that it is not read again until it changes.
    pub(crate) async fn remember_unreadable(&self, root: &Root, path: &Path, key: ScanKey, message: &str) -> Result<()> {
        let mut transaction = self.store().write().await?;
        seen::put(&mut transaction, root.id, &as_seen(path, key, Outcome::NotReadable, message, None, None)).await?;
        imports::done(&mut transaction, root.id, path).await?;
        commit(transaction).await?;
        self.note_seen(&[(root.id, path.to_path_buf(), key)]);
        self.changed();
        Ok(())
    }

    /// Removes the copies of an export that is no version, unless another version has the same bytes.
    pub(crate) async fn drop_unrecorded(&self, export: &Export) -> Result<()> {
        for captured in export.files.iter().filter_map(|file| file.captured.as_ref()) {
            if !blobs::is_known(&mut *self.store().read().await?, &captured.hashes.sha256).await? {
                discard(&captured.stored);
            }
        }
        Ok(())
    }

    /// Measures the one file of an export; in words why it is no sound, if that is so.
    async fn measure(&self, export: &Export, content: ObjectHash) -> Result<std::result::Result<Measured, String>> {
        let stored = self.content().path(&content);
        let (store, cancel) = (self.content().clone(), self.cancel().clone());
        let _making = self.sync_state().limits.precedence.making();
        match blocking(move || measure_and_keep(&store, &stored, content, &cancel)).await {
            Ok(analysis) => {
                let preview = match export.form {
                    Form::Sound => versions::preview_of_sound(&mut *self.store().read().await?, &analysis.pcm_hash).await?,
                    Form::Stems | Form::Kept => None,
                };
                Ok(Ok(Measured {
                    summary: serde_json::to_value(&analysis.summary).unwrap_or_default(),
                    overview: analysis.peaks.overview(),
                    pcm_hash: Some(analysis.pcm_hash),
                    preview,
                    no_preview_reason: None,
                }))
            }
            Err(LibraryError::Audio(error)) if is_verdict(&error) => Ok(Err(not_readable(&error))),
            Err(error) => Err(error),
        }
    }
}

/// What is known of a version that is not one sound file.
fn of_several(form: Form, export: &Export) -> Measured {
    let count = export.files.len();
    let format = match form {
        Form::Stems => format!("{count} stems"),
        Form::Kept if count == 1 => Path::new(&export.files[0].name)
            .extension()
            .map_or_else(|| "File".to_owned(), |extension| extension.to_string_lossy().to_uppercase()),
        Form::Sound | Form::Kept => format!("{count} files"),
    };
    let reason = if count == 1 { "It is a file without sound." } else { "A version of several files has no preview." };
    Measured {
        summary: serde_json::json!({ "format": format, "files": count }),
        overview: Vec::new(),
        pcm_hash: None,
        preview: None,
        no_preview_reason: Some(reason.to_owned()),
    }
}

/// Measures a stored file and keeps its tables beside it: peaks, loudness, and the landmarks it is compared by.
pub(crate) fn measure_and_keep(store: &ContentStore, stored: &Path, content: ObjectHash, cancel: &Cancel) -> Result<Analysis> {
    let mut analysis = analysis::analyse(stored, cancel, &mut |_| {})?;
    analysis.peaks.set_file_id(*content.as_bytes());
    store.write_table(&store.table_path(&content, "peaks"), &analysis.peaks.to_bytes())?;
    store.write_table(&store.table_path(&content, "loudness"), &analysis.loudness.to_bytes())?;
    if let Some(landmarks) = &mut analysis.landmarks {
        landmarks.envelope.set_file_id(*content.as_bytes());
        store.write_table(&store.table_path(&content, "envelope"), &landmarks.envelope.to_bytes())?;
        store.write_table(&store.table_path(&content, "blocks"), &analysis::blocks::to_bytes(&landmarks.blocks))?;
    }
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

fn as_seen(path: &Path, key: ScanKey, outcome: Outcome, message: &str, track: Option<&TrackId>, version: Option<&VersionId>) -> Seen {
    Seen { path: path.to_path_buf(), key, outcome, message: message.to_owned(), track: track.cloned(), version: version.cloned() }
}

/// The kind a person chose when the folder was taken over.
async fn chosen_kind(connection: &mut SqliteConnection, export: &Export) -> StoreResult<Option<Kind>> {
    match export.seen.first() {
        Some((root, path, _)) => imports::kind_of(connection, *root, path).await,
        None => Ok(None),
    }
}

/// The version these bytes already are: the newest of the track, or any of it while catching up with what a lost database knew.
async fn known_version(
    connection: &mut SqliteConnection,
    export: &Export,
    track: &Track,
    content: &ObjectHash,
) -> StoreResult<Option<Version>> {
    if export.catching_up {
        return versions::with_content(connection, &track.id, content).await;
    }
    let newest = versions::newest(connection, &track.id).await?;
    Ok(newest.filter(|newest| newest.content_id == *content))
}

/// The track of an export: the one a person chose, that of earlier exports to the same path, the one a rule names, else the one with its
/// key, else a new one.
async fn find_track(connection: &mut SqliteConnection, export: &Export) -> StoreResult<Track> {
    if let Some(id) = &export.track
        && let Some(track) = tracks::get(connection, id).await?
    {
        return Ok(track);
    }
    for (root, path, _) in &export.seen {
        let known = match imports::track_of(connection, *root, path).await? {
            Some(track) => Some(track),
            // A stem that was a single export once does not draw the whole set into its track.
            None if export.files.len() > 1 => seen::track_of_set(connection, *root, path).await?,
            None => seen::track_of(connection, *root, path).await?,
        };
        if let Some(id) = known
            && let Some(track) = tracks::get(connection, &id).await?
        {
            return Ok(track);
        }
    }
    let grouped = &export.grouped;
    if let Some(id) = rules::track_of(connection, &export.project, &grouped.key).await?
        && let Some(track) = tracks::get(connection, &id).await?
    {
        return Ok(track);
    }
    if let Some(track) = tracks::with_key(connection, &export.project, &grouped.key).await? {
        return Ok(track);
    }
    let similar = match &grouped.without_number {
        Some(key) => tracks::with_key(connection, &export.project, key).await?.is_some(),
        None => false,
    };
    Ok(new_track(&export.project, grouped, grouped.please_check || similar))
}

/// The track as it is inside the transaction: the feed may have brought it, or one of the same key, meanwhile.
async fn settle_track(connection: &mut SqliteConnection, export: &Export, track: Track, now: &str) -> StoreResult<Track> {
    if let Some(known) = tracks::get(connection, &track.id).await? {
        return Ok(known);
    }
    if let Some(known) = tracks::with_key(connection, &export.project, &track.key).await?
        && track.auto
    {
        return Ok(known);
    }
    tracks::insert(connection, &track, now).await?;
    Ok(track)
}

/// A track that grouping makes.
pub(crate) fn new_track(project: &ProjectId, grouped: &Grouped, please_check: bool) -> Track {
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
