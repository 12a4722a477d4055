//! Versions that were retired.

use collabtrack_domain::id::VersionId;
use sqlx::SqliteConnection;

use super::StoreResult;

/// Takes over that a version was retired; for good.
pub async fn put(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("INSERT INTO retired (version) VALUES (?) ON CONFLICT DO NOTHING").bind(version.as_str()).execute(connection).await?;
    Ok(())
}

/// Whether a version was retired.
pub async fn is(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<bool> {
    let found: i64 =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM retired WHERE version = ?)").bind(version.as_str()).fetch_one(connection).await?;
    Ok(found == 1)
}
