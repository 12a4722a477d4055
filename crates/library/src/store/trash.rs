//! Versions in the trash.

use collabtrack_domain::id::{ProjectId, VersionId};
use sqlx::{FromRow, SqliteConnection};

use super::StoreResult;

/// Puts a version into the trash; one that is there or purged stays as it is.
pub async fn put(connection: &mut SqliteConnection, id: &VersionId, now: &str) -> StoreResult<()> {
    sqlx::query(
        "UPDATE version SET trashed_from = state, trashed_at = ?, state = 'trashed' WHERE id = ? AND state NOT IN ('trashed', 'purged')",
    )
    .bind(now)
    .bind(id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Brings a version back as it was; where that is not known, as announced, until the server says more.
pub async fn put_back(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<()> {
    sqlx::query(
        "UPDATE version SET state = ifnull(trashed_from, CASE numbered WHEN 1 THEN 'announced' ELSE 'local' END), trashed_at = NULL, \
         trashed_from = NULL WHERE id = ? AND state = 'trashed'",
    )
    .bind(id.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes over since when the server has a version in the trash; none where it is not there.
pub async fn told(connection: &mut SqliteConnection, id: &VersionId, trashed_at: Option<&str>) -> StoreResult<()> {
    sqlx::query("UPDATE version SET trashed_at = ?1, trashed_from = iif(?1 IS NULL, NULL, trashed_from) WHERE id = ?2")
        .bind(trashed_at)
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// A version in the trash, as a row of its screen.
#[derive(Debug, Clone, FromRow)]
pub struct Trashed {
    /// Id.
    pub id: String,
    /// Number.
    pub number: i64,
    /// Whether the number came from the server.
    pub numbered: i64,
    /// Whether the project belongs to a server.
    pub has_server: i64,
    /// Kind word.
    pub kind: String,
    /// Track.
    pub track: String,
    /// Name of the track.
    pub track_name: String,
    /// Project.
    pub project: String,
    /// Name of the project.
    pub project_name: String,
    /// Name of the first file.
    pub file_name: Option<String>,
    /// Length of all files.
    pub size_bytes: Option<i64>,
    /// Author.
    pub author_name: String,
    /// Account of the author.
    pub author_id: Option<String>,
    /// Own role.
    pub role: Option<String>,
    /// Since when.
    pub trashed_at: Option<String>,
}

/// The trash of a project, or of all, newest first.
pub async fn list(connection: &mut SqliteConnection, project: Option<&ProjectId>) -> StoreResult<Vec<Trashed>> {
    Ok(sqlx::query_as(
        "SELECT v.id, v.number, v.numbered, p.server IS NOT NULL AS has_server, v.kind, v.track, t.name AS track_name, v.project, \
         p.name AS project_name, (SELECT f.path FROM version_file f WHERE f.version = v.id AND f.idx = 0) AS file_name, \
         (SELECT sum(f.length) FROM version_file f WHERE f.version = v.id) AS size_bytes, v.author_name, v.author_id, p.role, v.trashed_at \
         FROM version v JOIN project p ON p.id = v.project JOIN track t ON t.id = v.track \
         WHERE v.state = 'trashed' AND (?1 IS NULL OR v.project = ?1) ORDER BY v.trashed_at DESC, v.number DESC, v.id",
    )
    .bind(project.map(ProjectId::as_str))
    .fetch_all(connection)
    .await?)
}
