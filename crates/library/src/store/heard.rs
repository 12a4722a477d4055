//! Which parts of a version were heard on this computer.

use collabtrack_domain::id::VersionId;
use sqlx::SqliteConnection;

use super::StoreResult;

/// The ranges heard, as from and to in ms, in order; of the preview or of the original.
pub async fn ranges(connection: &mut SqliteConnection, version: &VersionId, preview: bool) -> StoreResult<Vec<(i64, i64)>> {
    Ok(sqlx::query_as("SELECT from_ms, to_ms FROM heard WHERE version = ? AND preview = ? ORDER BY from_ms")
        .bind(version.as_str())
        .bind(preview)
        .fetch_all(connection)
        .await?)
}

/// Replaces the ranges.
pub async fn put(connection: &mut SqliteConnection, version: &VersionId, preview: bool, ranges: &[(i64, i64)]) -> StoreResult<()> {
    sqlx::query("DELETE FROM heard WHERE version = ? AND preview = ?")
        .bind(version.as_str())
        .bind(preview)
        .execute(&mut *connection)
        .await?;
    for (from, to) in ranges {
        sqlx::query("INSERT INTO heard (version, from_ms, to_ms, preview) VALUES (?, ?, ?, ?)")
            .bind(version.as_str())
            .bind(from)
            .bind(to)
            .bind(preview)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
