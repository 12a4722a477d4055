//! What the screens show, joined in one statement per screen: read models are built from these rows in `views`.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use sqlx::{FromRow, SqliteConnection};

use super::StoreResult;

/// A version with everything its row on a screen needs.
#[derive(Debug, Clone, FromRow)]
pub struct ShownVersion {
    /// Id.
    pub id: String,
    /// Track.
    pub track: String,
    /// Number.
    pub number: i64,
    /// Whether the number came from the server.
    pub numbered: i64,
    /// Whether the project belongs to a server.
    pub has_server: i64,
    /// Kind word.
    pub kind: String,
    /// Note.
    pub note: String,
    /// Name of the first file.
    pub file_name: Option<String>,
    /// Length of all files.
    pub size_bytes: Option<i64>,
    /// Measured facts as JSON.
    pub summary: String,
    /// Author.
    pub author_name: String,
    /// When it was captured.
    pub captured_at: String,
    /// Content id.
    pub content_id: String,
    /// State word.
    pub state: String,
    /// Number of the older version with the same bytes.
    pub same_as_number: Option<i64>,
    /// Files that are not in the content store.
    pub files_missing: i64,
    /// Whether the preview is here.
    pub preview_here: i64,
    /// Whether its original is wanted here whatever the project says.
    pub is_pinned: i64,
    /// Step of the outbox, if it is on its way.
    pub step: Option<String>,
    /// Failures of the next step.
    pub attempts: Option<i64>,
    /// Why it waits.
    pub because: Option<String>,
    /// What only the user can mend.
    pub held: Option<String>,
    /// Whether it is the approved version of its track.
    pub is_approved: i64,
    /// Whether it was.
    pub was_approved: i64,
    /// Whether it was retired.
    pub is_retired: i64,
    /// Status of the newest change set that names it.
    pub proposed: Option<String>,
}

macro_rules! select_version {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.track, v.number, v.numbered, p.server IS NOT NULL AS has_server, v.kind, v.note, \
             (SELECT f.path FROM version_file f WHERE f.version = v.id AND f.idx = 0) AS file_name, \
             (SELECT sum(f.length) FROM version_file f WHERE f.version = v.id) AS size_bytes, \
             v.summary, v.author_name, v.captured_at, v.content_id, v.state, \
             (SELECT s.number FROM version s WHERE s.id = v.same_as) AS same_as_number, \
             (SELECT count(*) FROM version_file f LEFT JOIN blob b ON b.sha256 = f.sha256 AND b.state = 'ok' \
              WHERE f.version = v.id AND b.sha256 IS NULL) AS files_missing, \
             EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = v.preview_sha256 AND b.state = 'ok') AS preview_here, \
             EXISTS (SELECT 1 FROM pinned n WHERE n.version = v.id) AS is_pinned, \
             o.step, o.attempts, o.because, o.held, \
             t.approved_version IS NOT NULL AND t.approved_version = v.id AS is_approved, \
             EXISTS (SELECT 1 FROM approved_before a WHERE a.version = v.id) AS was_approved, \
             EXISTS (SELECT 1 FROM retired r WHERE r.version = v.id) AS is_retired, \
             (SELECT c.status FROM change_set_version n JOIN change_set c ON c.id = n.change_set WHERE n.version = v.id \
              ORDER BY c.rowid DESC LIMIT 1) AS proposed \
             FROM version v JOIN project p ON p.id = v.project JOIN track t ON t.id = v.track LEFT JOIN outbox o ON o.version = v.id ",
            $rest
        )
    };
}

/// One version.
pub async fn version(connection: &mut SqliteConnection, id: &VersionId) -> StoreResult<Option<ShownVersion>> {
    Ok(sqlx::query_as(select_version!("WHERE v.id = ?")).bind(id.as_str()).fetch_optional(connection).await?)
}

/// Versions of a track, newest first.
pub async fn of_track(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<Vec<ShownVersion>> {
    Ok(sqlx::query_as(select_version!(
        "WHERE v.track = ? AND v.state NOT IN ('trashed', 'purged') ORDER BY v.number DESC, v.numbered, v.capture_order DESC"
    ))
    .bind(track.as_str())
    .fetch_all(connection)
    .await?)
}

/// The newest version of every track of a project, or of all.
pub async fn newest(connection: &mut SqliteConnection, project: Option<&ProjectId>) -> StoreResult<Vec<ShownVersion>> {
    Ok(sqlx::query_as(select_version!(
        "WHERE (?1 IS NULL OR v.project = ?1) AND v.state NOT IN ('trashed', 'purged') AND NOT EXISTS (SELECT 1 FROM version n \
         WHERE n.track = v.track AND n.state NOT IN ('trashed', 'purged') AND (n.number, 1 - n.numbered, n.id) > (v.number, 1 - v.numbered, v.id))"
    ))
    .bind(project.map(ProjectId::as_str))
    .fetch_all(connection)
    .await?)
}

/// Counts of a track: versions, number of the approved one, whether it is a row of the catalogue.
#[derive(Debug, Clone, FromRow)]
pub struct TrackCounts {
    /// Id.
    pub id: String,
    /// Versions.
    pub versions: i64,
    /// Number of the approved version.
    pub approved: Option<i64>,
    /// Whether it is a row of the catalogue.
    pub in_catalogue: i64,
    /// Versions in the trash.
    pub trashed: i64,
}

/// Counts of the tracks of a project, or of all.
pub async fn track_counts(connection: &mut SqliteConnection, project: Option<&ProjectId>) -> StoreResult<Vec<TrackCounts>> {
    Ok(sqlx::query_as(
        "SELECT t.id, (SELECT count(*) FROM version v WHERE v.track = t.id AND v.state NOT IN ('trashed', 'purged')) AS versions, \
         (SELECT v.number FROM version v WHERE v.id = t.approved_version) AS approved, t.in_catalogue, \
         (SELECT count(*) FROM version v WHERE v.track = t.id AND v.state = 'trashed') AS trashed \
         FROM track t WHERE t.absorbed_by IS NULL AND (?1 IS NULL OR t.project = ?1)",
    )
    .bind(project.map(ProjectId::as_str))
    .fetch_all(connection)
    .await?)
}

/// Numbers of a project in the dashboard.
#[derive(Debug, Clone, FromRow)]
pub struct ProjectCounts {
    /// Tracks with versions.
    pub tracks: i64,
    /// Versions.
    pub versions: i64,
    /// When the newest version was captured.
    pub newest_at: Option<String>,
}

/// Counts of a project.
pub async fn project_counts(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<ProjectCounts> {
    Ok(sqlx::query_as(
        "SELECT (SELECT count(*) FROM track t WHERE t.project = ?1 AND t.absorbed_by IS NULL) AS tracks, count(v.id) AS versions, \
         max(v.captured_at) AS newest_at FROM version v WHERE v.project = ?1 AND v.state NOT IN ('trashed', 'purged')",
    )
    .bind(project.as_str())
    .fetch_one(connection)
    .await?)
}

/// Names of the people who made a project's versions, most first.
pub async fn contributors(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT author_name FROM version WHERE project = ? GROUP BY author_name ORDER BY count(*) DESC, author_name")
        .bind(project.as_str())
        .fetch_all(connection)
        .await?)
}

/// A version that is not wholly on this computer.
#[derive(Debug, Clone, FromRow)]
pub struct Incomplete {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Track.
    pub track: String,
    /// Number.
    pub number: i64,
    /// State word.
    pub state: String,
    /// Own role.
    pub role: Option<String>,
    /// Whether the preview exists and is not here.
    pub wants_preview: i64,
    /// Whether bytes of the original are not here.
    pub wants_original: i64,
    /// Whether the tables exist and were not fetched.
    pub has_tables: i64,
}

/// Versions of projects on a server that are not wholly on this computer.
pub async fn incomplete(connection: &mut SqliteConnection) -> StoreResult<Vec<Incomplete>> {
    Ok(sqlx::query_as(
        "SELECT * FROM (SELECT v.id, v.project, v.track, v.number, v.state, p.role, \
         v.preview_sha256 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.sha256 = v.preview_sha256 AND b.state = 'ok') AS wants_preview, \
         EXISTS (SELECT 1 FROM version_file f LEFT JOIN blob b ON b.sha256 = f.sha256 AND b.state = 'ok' \
                 WHERE f.version = v.id AND b.sha256 IS NULL) AS wants_original, \
         v.tables_sha256 IS NOT NULL AND v.tables_fetched = 0 AS has_tables \
         FROM version v JOIN project p ON p.id = v.project \
         WHERE p.server IS NOT NULL AND p.away = 0 AND v.numbered = 1 AND v.state IN ('announced', 'complete', 'damaged')) \
         WHERE wants_preview OR wants_original",
    )
    .fetch_all(connection)
    .await?)
}

/// Previews of versions whose encoding was interrupted.
pub async fn without_preview(connection: &mut SqliteConnection) -> StoreResult<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT v.id FROM version v JOIN outbox o ON o.version = v.id WHERE o.step = 'captured' ORDER BY v.capture_order, v.id",
    )
    .fetch_all(connection)
    .await?)
}

/// Versions on their way to a server.
pub async fn waiting(connection: &mut SqliteConnection) -> StoreResult<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM outbox o JOIN version v ON v.id = o.version JOIN project p ON p.id = v.project \
         WHERE p.server IS NOT NULL AND p.away = 0 AND NOT (v.state = 'trashed' AND v.numbered = 1)",
    )
    .fetch_one(connection)
    .await?)
}
