//! Tracks.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed, parsed_maybe};

/// A track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Id.
    pub id: TrackId,
    /// Project.
    pub project: ProjectId,
    /// Name.
    pub name: String,
    /// Grouping key.
    pub key: String,
    /// Whether grouping made and named it.
    pub auto: bool,
    /// Whether grouping was unsure.
    pub please_check: bool,
    /// The approved version.
    pub approved: Option<VersionId>,
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    name: String,
    key: String,
    auto: i64,
    please_check: i64,
    approved_version: Option<String>,
}

impl Row {
    fn read(self) -> StoreResult<Track> {
        Ok(Track {
            id: parsed("a track id", &self.id)?,
            project: parsed("a project id", &self.project)?,
            name: self.name,
            key: self.key,
            auto: self.auto == 1,
            please_check: self.please_check == 1,
            approved: parsed_maybe("a version id", self.approved_version.as_deref())?,
        })
    }
}

/// The id a track has now: its own, or that of the track it became part of.
pub async fn resolve(connection: &mut SqliteConnection, id: &TrackId) -> StoreResult<TrackId> {
    let absorbed: Option<Option<String>> =
        sqlx::query_scalar("SELECT absorbed_by FROM track WHERE id = ?").bind(id.as_str()).fetch_optional(connection).await?;
    Ok(parsed_maybe("a track id", absorbed.flatten().as_deref())?.unwrap_or_else(|| id.clone()))
}

/// One track; for the id of an absorbed track the one it became part of.
pub async fn get(connection: &mut SqliteConnection, id: &TrackId) -> StoreResult<Option<Track>> {
    let id = resolve(connection, id).await?;
    let row: Option<Row> = sqlx::query_as("SELECT id, project, name, key, auto, please_check, approved_version FROM track WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    row.map(Row::read).transpose()
}

/// Tracks of a project, or of all, by name.
pub async fn list(connection: &mut SqliteConnection, project: Option<&ProjectId>) -> StoreResult<Vec<Track>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, project, name, key, auto, please_check, approved_version FROM track \
         WHERE absorbed_by IS NULL AND (?1 IS NULL OR project = ?1) ORDER BY lower(name), id",
    )
    .bind(project.map(ProjectId::as_str))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// The oldest track of a project with this grouping key.
pub async fn with_key(connection: &mut SqliteConnection, project: &ProjectId, key: &str) -> StoreResult<Option<Track>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, project, name, key, auto, please_check, approved_version FROM track \
         WHERE project = ? AND key = ? AND absorbed_by IS NULL ORDER BY created_at, id LIMIT 1",
    )
    .bind(project.as_str())
    .bind(key)
    .fetch_optional(connection)
    .await?;
    row.map(Row::read).transpose()
}

/// Records a track.
pub async fn insert(connection: &mut SqliteConnection, track: &Track, now: &str) -> StoreResult<()> {
    sqlx::query("INSERT INTO track (id, project, name, key, auto, please_check, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(track.id.as_str())
        .bind(track.project.as_str())
        .bind(&track.name)
        .bind(&track.key)
        .bind(i64::from(track.auto))
        .bind(i64::from(track.please_check))
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes over what the server says of a track, whether it was known or not.
pub async fn upsert(connection: &mut SqliteConnection, track: &Track, now: &str) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO track (id, project, name, key, auto, please_check, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, key = excluded.key, auto = excluded.auto",
    )
    .bind(track.id.as_str())
    .bind(track.project.as_str())
    .bind(&track.name)
    .bind(&track.key)
    .bind(i64::from(track.auto))
    .bind(i64::from(track.please_check))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a track the name a person chose; it is no longer automatic.
pub async fn rename(connection: &mut SqliteConnection, id: &TrackId, name: &str) -> StoreResult<()> {
    sqlx::query("UPDATE track SET name = ?, auto = 0, please_check = 0 WHERE id = ?")
        .bind(name)
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Lets `absorbed` become part of `into`: its versions and remembered files move over.
pub async fn absorb(connection: &mut SqliteConnection, absorbed: &TrackId, into: &TrackId) -> StoreResult<()> {
    if absorbed == into {
        return Ok(());
    }
    // Final numbers are unique within a track; those of the absorbed track count as provisional until the feed tells their new ones.
    sqlx::query("UPDATE version SET numbered = 0 WHERE track = ?").bind(absorbed.as_str()).execute(&mut *connection).await?;
    sqlx::query("UPDATE version SET track = ? WHERE track = ?")
        .bind(into.as_str())
        .bind(absorbed.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE seen SET track = ? WHERE track = ?").bind(into.as_str()).bind(absorbed.as_str()).execute(&mut *connection).await?;
    sqlx::query("UPDATE track SET absorbed_by = ?1 WHERE id = ?2 OR absorbed_by = ?2")
        .bind(into.as_str())
        .bind(absorbed.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// A track that holds a version the server tells of stands by itself, whatever it was united with here.
pub async fn stand_alone(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("UPDATE track SET absorbed_by = NULL WHERE absorbed_by IS NOT NULL AND id = (SELECT track FROM version WHERE id = ?)")
        .bind(version.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Sets the approved version and remembers the one before.
pub async fn set_approved(connection: &mut SqliteConnection, id: &TrackId, version: Option<&VersionId>) -> StoreResult<()> {
    sqlx::query("INSERT INTO approved_before (version) SELECT approved_version FROM track WHERE id = ? AND approved_version IS NOT NULL ON CONFLICT DO NOTHING")
        .bind(id.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE track SET approved_version = ?, in_catalogue = 1 WHERE id = ?")
        .bind(version.map(VersionId::as_str))
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Says which tracks of a project are rows of its catalogue.
pub async fn set_in_catalogue(connection: &mut SqliteConnection, project: &ProjectId, rows: &[String]) -> StoreResult<()> {
    let rows = serde_json::to_string(rows).unwrap_or_else(|_| "[]".to_owned());
    sqlx::query("UPDATE track SET in_catalogue = (id IN (SELECT value FROM json_each(?))) WHERE project = ?")
        .bind(rows)
        .bind(project.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the server knows a track: it knows one of its versions.
pub async fn is_announced(connection: &mut SqliteConnection, id: &TrackId) -> StoreResult<bool> {
    let found: i64 = sqlx::query_scalar(concat!("SELECT EXISTS (SELECT 1 FROM version WHERE track = ? AND ", is_told!(), ")"))
        .bind(id.as_str())
        .fetch_one(connection)
        .await?;
    Ok(found == 1)
}
