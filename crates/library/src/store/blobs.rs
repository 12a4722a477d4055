//! Which files the content store of this computer holds, and the hashes of their parts.

use collabtrack_content::hashing::FileHashes;
use collabtrack_domain::hash::ObjectHash;
use sqlx::SqliteConnection;

use super::{StoreResult, parsed, signed};

/// Records a stored and verified file and the hashes of its parts.
pub async fn insert(connection: &mut SqliteConnection, hashes: &FileHashes, now: &str) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO blob (sha256, length, stored_at, state) VALUES (?, ?, ?, 'ok') \
         ON CONFLICT (sha256) DO UPDATE SET state = 'ok', stored_at = excluded.stored_at",
    )
    .bind(hashes.sha256.to_string())
    .bind(signed(hashes.length))
    .bind(now)
    .execute(&mut *connection)
    .await?;
    insert_parts(connection, hashes).await
}

/// Records the hashes of the parts of a file that is only here to be sent.
pub async fn insert_parts(connection: &mut SqliteConnection, hashes: &FileHashes) -> StoreResult<()> {
    let parts: Vec<String> = hashes.parts.iter().map(ObjectHash::to_string).collect();
    sqlx::query(
        "INSERT INTO part (blob, part_size, idx, sha256) SELECT ?, ?, key, value FROM json_each(?) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(hashes.sha256.to_string())
    .bind(signed(hashes.part_size))
    .bind(serde_json::to_string(&parts).unwrap_or_else(|_| "[]".to_owned()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether a sound copy of this file is here.
pub async fn is_here(connection: &mut SqliteConnection, sha256: &ObjectHash) -> StoreResult<bool> {
    let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM blob WHERE sha256 = ? AND state = 'ok'")
        .bind(sha256.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Whether this file is recorded here, sound or not.
pub async fn is_known(connection: &mut SqliteConnection, sha256: &ObjectHash) -> StoreResult<bool> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM blob WHERE sha256 = ?").bind(sha256.to_string()).fetch_optional(connection).await?;
    Ok(found.is_some())
}

/// The hashes of all sound files here.
pub async fn sound(connection: &mut SqliteConnection) -> StoreResult<std::collections::BTreeSet<ObjectHash>> {
    let all: Vec<String> = sqlx::query_scalar("SELECT sha256 FROM blob WHERE state = 'ok'").fetch_all(connection).await?;
    all.iter().map(|hash| parsed("a hash", hash)).collect()
}

/// Forgets a file that is let go.
pub async fn forget(connection: &mut SqliteConnection, sha256: &ObjectHash) -> StoreResult<()> {
    sqlx::query("DELETE FROM blob WHERE sha256 = ?").bind(sha256.to_string()).execute(connection).await?;
    Ok(())
}

/// Says that the stored copy no longer has its bytes.
pub async fn set_damaged(connection: &mut SqliteConnection, sha256: &ObjectHash) -> StoreResult<()> {
    sqlx::query("UPDATE blob SET state = 'damaged' WHERE sha256 = ?").bind(sha256.to_string()).execute(connection).await?;
    Ok(())
}

/// Hashes of the parts of a stored file for one part size; empty when they were never computed.
pub async fn parts(connection: &mut SqliteConnection, sha256: &ObjectHash, part_size: u64) -> StoreResult<Vec<ObjectHash>> {
    let parts: Vec<String> = sqlx::query_scalar("SELECT sha256 FROM part WHERE blob = ? AND part_size = ? ORDER BY idx")
        .bind(sha256.to_string())
        .bind(signed(part_size))
        .fetch_all(connection)
        .await?;
    parts.iter().map(|part| parsed("a hash", part)).collect()
}
