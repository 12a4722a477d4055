//! Versions: recording them once, numbering them, and taking over what the server says.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed, parsed_maybe, signed, unsigned};

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Only on this computer.
    Local,
    /// Number and preview known to the server.
    Announced,
    /// Every byte confirmed by the store.
    Complete,
    /// Stored bytes were lost or changed.
    Damaged,
    /// In the trash.
    Trashed,
    /// Gone but for its record.
    Purged,
    /// A state of a newer server.
    Unknown,
}

impl State {
    /// The word in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Announced => "announced",
            Self::Complete => "complete",
            Self::Damaged => "damaged",
            Self::Trashed => "trashed",
            Self::Purged => "purged",
            Self::Unknown => "unknown",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        [Self::Local, Self::Announced, Self::Complete, Self::Damaged, Self::Trashed, Self::Purged]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Unknown)
    }
}

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFile {
    /// Relative path; for a single file its name.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256.
    pub sha256: ObjectHash,
    /// Key of the object that is exactly this file.
    pub plain_object: Option<String>,
}

/// A version as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Id.
    pub id: VersionId,
    /// Project.
    pub project: ProjectId,
    /// Track.
    pub track: TrackId,
    /// Number within the track.
    pub number: i64,
    /// Whether the number came from the server.
    pub numbered: bool,
    /// Kind.
    pub kind: Kind,
    /// Note of the author.
    pub note: String,
    /// Content id.
    pub content_id: ObjectHash,
    /// Newest version known at capture.
    pub parent: Option<VersionId>,
    /// An older version with the same bytes.
    pub same_as: Option<VersionId>,
    /// State.
    pub state: State,
    /// Account of the author, where known.
    pub author_id: Option<AccountId>,
    /// Name of the author.
    pub author_name: String,
    /// When it was captured.
    pub captured_at: String,
    /// When the server recorded it.
    pub recorded_at: Option<String>,
    /// Place in the feed.
    pub seq: Option<i64>,
    /// Measured facts.
    pub summary: serde_json::Value,
    /// Coarse waveform.
    pub overview: Vec<u8>,
    /// SHA-256 and length of the preview.
    pub preview: Option<(ObjectHash, u64)>,
    /// Why there is no preview.
    pub no_preview_reason: Option<String>,
    /// SHA-256 and length of the tables in the server's store.
    pub tables: Option<(ObjectHash, u64)>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    track: String,
    number: i64,
    numbered: i64,
    kind: String,
    note: String,
    content_id: String,
    parent: Option<String>,
    same_as: Option<String>,
    state: String,
    author_id: Option<String>,
    author_name: String,
    captured_at: String,
    recorded_at: Option<String>,
    seq: Option<i64>,
    summary: String,
    overview: Vec<u8>,
    preview_sha256: Option<String>,
    preview_length: Option<i64>,
    no_preview_reason: Option<String>,
    tables_sha256: Option<String>,
    tables_length: Option<i64>,
}

impl Row {
    fn read(self) -> StoreResult<Version> {
        let preview = parsed_maybe("a hash", self.preview_sha256.as_deref())?;
        let tables = parsed_maybe("a hash", self.tables_sha256.as_deref())?;
        Ok(Version {
            id: parsed("a version id", &self.id)?,
            project: parsed("a project id", &self.project)?,
            track: parsed("a track id", &self.track)?,
            number: self.number,
            numbered: self.numbered == 1,
            kind: Kind::from_word(&self.kind),
            note: self.note,
            content_id: parsed("a hash", &self.content_id)?,
            parent: parsed_maybe("a version id", self.parent.as_deref())?,
            same_as: parsed_maybe("a version id", self.same_as.as_deref())?,
            state: State::from_word(&self.state),
            author_id: parsed_maybe("an account id", self.author_id.as_deref())?,
            author_name: self.author_name,
            captured_at: self.captured_at,
            recorded_at: self.recorded_at,
            seq: self.seq,
            summary: serde_json::from_str(&self.summary).unwrap_or_default(),
            overview: self.overview,
            preview: preview.zip(self.preview_length.map(unsigned)),
            no_preview_reason: self.no_preview_reason,
            tables: tables.zip(self.tables_length.map(unsigned)),
        })
    }
}

/// Follows the answer of a server that gave a version another id.
pub async fn resolve(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<VersionId> {
    let other: Option<String> =
        sqlx::query_scalar("SELECT version FROM version_alias WHERE alias = ?").bind(id.as_str()).fetch_optional(connection).await?;
    Ok(parsed_maybe("a version id", other.as_deref())?.unwrap_or_else(|| id.clone()))
}

/// One version, also by an id it had before.
pub async fn get(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<Option<Version>> {
    let id = resolve(connection, id).await?;
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, project, track, number, numbered, kind, note, content_id, parent, same_as, state, author_id, author_name, captured_at, \
         recorded_at, seq, summary, overview, preview_sha256, preview_length, no_preview_reason, tables_sha256, tables_length FROM version WHERE id = ?",
    )
    .bind(id.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).transpose()
}

/// The newest version of a track: the highest number.
pub async fn newest(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<Option<Version>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, project, track, number, numbered, kind, note, content_id, parent, same_as, state, author_id, author_name, captured_at, \
         recorded_at, seq, summary, overview, preview_sha256, preview_length, no_preview_reason, tables_sha256, tables_length FROM version \
         WHERE track = ? AND state NOT IN ('trashed', 'purged') ORDER BY number DESC, numbered, capture_order DESC LIMIT 1",
    )
    .bind(track.as_str())
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).transpose()
}

/// The oldest version of a track with this content.
pub async fn with_content(connection: &mut SqliteConnection, track: &TrackId, content: &ObjectHash) -> StoreResult<Option<Version>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, project, track, number, numbered, kind, note, content_id, parent, same_as, state, author_id, author_name, captured_at, \
         recorded_at, seq, summary, overview, preview_sha256, preview_length, no_preview_reason, tables_sha256, tables_length FROM version \
         WHERE track = ? AND content_id = ? AND state NOT IN ('trashed', 'purged') ORDER BY number LIMIT 1",
    )
    .bind(track.as_str())
    .bind(content.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).transpose()
}

/// Versions of any project with this content: id and name of the track.
pub async fn ids_with_content(connection: &mut SqliteConnection, content: &ObjectHash) -> StoreResult<Vec<VersionId>> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM version WHERE content_id = ? ORDER BY captured_at, id")
        .bind(content.to_string())
        .fetch_all(connection)
        .await?;
    ids.iter().map(|id| parsed("a version id", id)).collect()
}

/// The files of a version, in order.
pub async fn files(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<Vec<VersionFile>> {
    let rows: Vec<(String, i64, String, Option<String>)> =
        sqlx::query_as("SELECT path, length, sha256, plain_object FROM version_file WHERE version = ? ORDER BY idx")
            .bind(id.as_str())
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|(path, length, sha256, plain_object)| {
            Ok(VersionFile { path, length: unsigned(length), sha256: parsed("a hash", &sha256)?, plain_object })
        })
        .collect()
}

/// The number a new version of this track gets here: one more than the highest.
pub async fn next_number(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<i64> {
    let highest: Option<i64> =
        sqlx::query_scalar("SELECT max(number) FROM version WHERE track = ?").bind(track.as_str()).fetch_one(connection).await?;
    Ok(highest.unwrap_or(0) + 1)
}

/// Records a version captured on this computer, with its files; a version is never changed after that.
pub async fn insert_captured(connection: &mut SqliteConnection, version: &Version, files: &[VersionFile]) -> StoreResult<()> {
    insert(connection, version).await?;
    sqlx::query("UPDATE version SET capture_order = (SELECT ifnull(max(capture_order), 0) + 1 FROM version) WHERE id = ?")
        .bind(version.id.as_str())
        .execute(&mut *connection)
        .await?;
    insert_files(connection, &version.id, files).await
}

/// Takes over what the server says of a version, whether it was known or not; what is only known here stays.
pub async fn upsert(connection: &mut SqliteConnection, version: &Version, files: &[VersionFile]) -> StoreResult<()> {
    let known: Option<String> =
        sqlx::query_scalar("SELECT id FROM version WHERE id = ?").bind(version.id.as_str()).fetch_optional(&mut *connection).await?;
    if known.is_none() {
        make_room(connection, version).await?;
        insert(connection, version).await?;
        return insert_files(connection, &version.id, files).await;
    }
    make_room(connection, version).await?;
    sqlx::query(
        "UPDATE version SET track = ?, number = ?, numbered = 1, kind = ?, note = ?, parent = ?, same_as = ?, state = ?, author_id = ?, \
         author_name = ?, recorded_at = ?, seq = ?, preview_sha256 = ?, preview_length = ?, tables_sha256 = ?, tables_length = ? WHERE id = ?",
    )
    .bind(version.track.as_str())
    .bind(version.number)
    .bind(version.kind.as_str())
    .bind(&version.note)
    .bind(version.parent.as_ref().map(VersionId::as_str))
    .bind(version.same_as.as_ref().map(VersionId::as_str))
    .bind(version.state.as_str())
    .bind(version.author_id.as_ref().map(AccountId::as_str))
    .bind(&version.author_name)
    .bind(version.recorded_at.as_deref())
    .bind(version.seq)
    .bind(version.preview.map(|(hash, _)| hash.to_string()))
    .bind(version.preview.map(|(_, length)| signed(length)))
    .bind(version.tables.map(|(hash, _)| hash.to_string()))
    .bind(version.tables.map(|(_, length)| signed(length)))
    .bind(version.id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// A number names one version for ever: whatever else holds it here had it from a history the server no longer tells.
async fn make_room(connection: &mut SqliteConnection, version: &Version) -> StoreResult<()> {
    sqlx::query("UPDATE version SET numbered = 0, seq = NULL WHERE track = ? AND number = ? AND numbered = 1 AND id <> ?")
        .bind(version.track.as_str())
        .bind(version.number)
        .bind(version.id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, version: &Version) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO version (id, project, track, number, numbered, kind, note, content_id, parent, same_as, state, author_id, author_name, \
         captured_at, recorded_at, seq, summary, overview, preview_sha256, preview_length, no_preview_reason, tables_sha256, tables_length) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(version.id.as_str())
    .bind(version.project.as_str())
    .bind(version.track.as_str())
    .bind(version.number)
    .bind(i64::from(version.numbered))
    .bind(version.kind.as_str())
    .bind(&version.note)
    .bind(version.content_id.to_string())
    .bind(version.parent.as_ref().map(VersionId::as_str))
    .bind(version.same_as.as_ref().map(VersionId::as_str))
    .bind(version.state.as_str())
    .bind(version.author_id.as_ref().map(AccountId::as_str))
    .bind(&version.author_name)
    .bind(&version.captured_at)
    .bind(version.recorded_at.as_deref())
    .bind(version.seq)
    .bind(version.summary.to_string())
    .bind(&version.overview)
    .bind(version.preview.map(|(hash, _)| hash.to_string()))
    .bind(version.preview.map(|(_, length)| signed(length)))
    .bind(version.no_preview_reason.as_deref())
    .bind(version.tables.map(|(hash, _)| hash.to_string()))
    .bind(version.tables.map(|(_, length)| signed(length)))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_files(connection: &mut SqliteConnection, version: &VersionId, files: &[VersionFile]) -> StoreResult<()> {
    for (idx, file) in (0_i64..).zip(files) {
        sqlx::query("INSERT INTO version_file (version, idx, path, length, sha256, plain_object) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(version.as_str())
            .bind(idx)
            .bind(&file.path)
            .bind(signed(file.length))
            .bind(file.sha256.to_string())
            .bind(file.plain_object.as_deref())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Records the preview made of a version, or why there is none.
pub async fn set_preview(connection: &mut SqliteConnection, id: &VersionId, preview: Result<(ObjectHash, u64), &str>) -> StoreResult<()> {
    sqlx::query("UPDATE version SET preview_sha256 = ?, preview_length = ?, no_preview_reason = ? WHERE id = ?")
        .bind(preview.ok().map(|(hash, _)| hash.to_string()))
        .bind(preview.ok().map(|(_, length)| signed(length)))
        .bind(preview.err())
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that the tables of a version were fetched, or are of no use.
pub async fn set_tables_fetched(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<()> {
    sqlx::query("UPDATE version SET tables_fetched = 1 WHERE id = ?").bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Remembers the hash of the sound of a version.
pub async fn set_pcm_hash(connection: &mut SqliteConnection, id: &VersionId, hash: &[u8; 32]) -> StoreResult<()> {
    sqlx::query("UPDATE version SET pcm_hash = ? WHERE id = ?").bind(&hash[..]).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// The preview of a version with the same sound, where a sound copy of it is here.
pub async fn preview_of_sound(connection: &mut SqliteConnection, hash: &[u8; 32]) -> StoreResult<Option<(ObjectHash, u64)>> {
    let found: Option<(String, i64)> = sqlx::query_as(
        "SELECT v.preview_sha256, v.preview_length FROM version v JOIN blob b ON b.sha256 = v.preview_sha256 AND b.state = 'ok' \
         WHERE v.pcm_hash = ? LIMIT 1",
    )
    .bind(&hash[..])
    .fetch_optional(connection)
    .await?;
    found.map(|(sha256, length)| Ok((parsed("a hash", &sha256)?, unsigned(length)))).transpose()
}

/// A version of the same project that the server knows, with the same preview and the same sound: the same samples, or the same bytes.
/// One whose tables the server has goes first.
pub async fn told_with_sound(connection: &mut SqliteConnection, version: &Version) -> StoreResult<Option<VersionId>> {
    let Some((preview, _)) = version.preview else { return Ok(None) };
    let id: Option<String> = sqlx::query_scalar(
        "SELECT id FROM version WHERE project = ? AND id <> ? AND numbered = 1 AND state IN ('announced', 'complete') \
         AND preview_sha256 = ? AND (content_id = ? OR pcm_hash = (SELECT pcm_hash FROM version WHERE id = ?)) \
         ORDER BY tables_sha256 IS NULL, number, id LIMIT 1",
    )
    .bind(version.project.as_str())
    .bind(version.id.as_str())
    .bind(preview.to_string())
    .bind(version.content_id.to_string())
    .bind(version.id.as_str())
    .fetch_optional(connection)
    .await?;
    parsed_maybe("a version id", id.as_deref())
}

/// The contents of all versions that have these tables.
pub async fn contents_with_tables(connection: &mut SqliteConnection, tables: &ObjectHash) -> StoreResult<Vec<ObjectHash>> {
    let contents: Vec<String> = sqlx::query_scalar("SELECT DISTINCT content_id FROM version WHERE tables_sha256 = ?")
        .bind(tables.to_string())
        .fetch_all(connection)
        .await?;
    contents.iter().map(|content| parsed("a hash", content)).collect()
}

/// Writes the note of a version.
pub async fn set_note(connection: &mut SqliteConnection, id: &VersionId, note: &str) -> StoreResult<()> {
    sqlx::query("UPDATE version SET note = ? WHERE id = ?").bind(note).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Sets the kind of a version.
pub async fn set_kind(connection: &mut SqliteConnection, id: &VersionId, kind: Kind) -> StoreResult<()> {
    sqlx::query("UPDATE version SET kind = ? WHERE id = ?").bind(kind.as_str()).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// The versions of a track, oldest first.
pub async fn of_track(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<Vec<VersionId>> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM version WHERE track = ? ORDER BY number, numbered DESC, capture_order, id")
        .bind(track.as_str())
        .fetch_all(connection)
        .await?;
    ids.iter().map(|id| parsed("a version id", id)).collect()
}

/// Puts a version at the end of another track; its number there is provisional until the server has given it.
pub async fn move_to(connection: &mut SqliteConnection, id: &VersionId, track: &TrackId) -> StoreResult<()> {
    let number = next_number(connection, track).await?;
    sqlx::query(
        "UPDATE version SET track = ?, number = ?, numbered = 0, \
         capture_order = (SELECT ifnull(max(capture_order), 0) + 1 FROM version) WHERE id = ?",
    )
    .bind(track.as_str())
    .bind(number)
    .bind(id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that the store confirmed every byte of an announced version.
pub async fn set_complete(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<()> {
    sqlx::query("UPDATE version SET state = 'complete' WHERE id = ? AND state IN ('announced', 'damaged')")
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes back the number of a version that the server no longer lists; it is offered again.
pub async fn unnumber(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<()> {
    sqlx::query(
        "UPDATE version SET numbered = 0, state = iif(state = 'trashed', state, 'local'), trashed_from = 'local', seq = NULL WHERE id = ?",
    )
    .bind(id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the server knows a version: it was told of, and the server did not lose it. One that was moved is known and waits for its number.
pub async fn is_told(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<bool> {
    let found: i64 = sqlx::query_scalar(concat!("SELECT EXISTS (SELECT 1 FROM version WHERE id = ? AND ", is_told!(), ")"))
        .bind(id.as_str())
        .fetch_one(connection)
        .await?;
    Ok(found == 1)
}

/// The place in the feed that what is known of a version was told at; none for one the server did not tell of.
pub async fn told_at(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<Option<i64>> {
    Ok(sqlx::query_scalar("SELECT seq FROM version WHERE id = ?").bind(id.as_str()).fetch_optional(connection).await?.flatten())
}

/// The feed of a project is read from its start: until it tells of them again, what is known of its versions is of no place; but for what
/// was told at places `except`, which the feed as it is read now may not reach.
pub async fn forget_told(connection: &mut SqliteConnection, project: &ProjectId, except: &[i64]) -> StoreResult<()> {
    let except = serde_json::to_string(except).unwrap_or_else(|_| "[]".to_owned());
    sqlx::query("UPDATE version SET seq = NULL WHERE project = ? AND seq NOT IN (SELECT value FROM json_each(?))")
        .bind(project.as_str())
        .bind(except)
        .execute(connection)
        .await?;
    Ok(())
}

/// Versions that a server told of, and that the feed as it is now does not.
pub async fn told_no_more(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Vec<VersionId>> {
    let ids: Vec<String> =
        sqlx::query_scalar(concat!("SELECT id FROM version WHERE project = ? AND seq IS NULL AND ", is_told!(), " ORDER BY track, number"))
            .bind(project.as_str())
            .fetch_all(connection)
            .await?;
    ids.iter().map(|id| parsed("a version id", id)).collect()
}

/// Gives the versions of a track without final number the places after all final ones, in order of capture.
pub async fn renumber_provisional(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<()> {
    sqlx::query(
        "UPDATE version SET number = (SELECT ifnull(max(number), 0) FROM version WHERE track = ?1 AND numbered = 1) \
         + (SELECT count(*) FROM version AS earlier WHERE earlier.track = ?1 AND earlier.numbered = 0 \
            AND (ifnull(earlier.capture_order, 0), earlier.id) <= (ifnull(version.capture_order, 0), version.id)) \
         WHERE track = ?1 AND numbered = 0",
    )
    .bind(track.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets `alias` be `version` from now on: the server answered with it because the bytes are the same.
pub async fn become_alias(connection: &mut SqliteConnection, alias: &VersionId, version: &VersionId) -> StoreResult<()> {
    let connection = &mut *connection;
    sqlx::query("INSERT INTO version_alias (alias, version) VALUES (?, ?) ON CONFLICT (alias) DO UPDATE SET version = excluded.version")
        .bind(alias.as_str())
        .bind(version.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE seen SET version = ? WHERE version = ?")
        .bind(version.as_str())
        .bind(alias.as_str())
        .execute(&mut *connection)
        .await?;
    for column in ["parent", "same_as"] {
        let statement = match column {
            "parent" => "UPDATE version SET parent = ? WHERE parent = ?",
            _ => "UPDATE version SET same_as = ? WHERE same_as = ?",
        };
        sqlx::query(statement).bind(version.as_str()).bind(alias.as_str()).execute(&mut *connection).await?;
    }
    for statement in [
        "DELETE FROM outbox WHERE version = ?",
        "DELETE FROM upload WHERE version = ?",
        "DELETE FROM packed WHERE version = ?",
        "DELETE FROM version_file WHERE version = ?",
        "DELETE FROM version WHERE id = ?",
    ] {
        sqlx::query(statement).bind(alias.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}
