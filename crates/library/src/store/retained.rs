//! What deciding which originals stay needs to know.

use std::collections::BTreeMap;

use collabtrack_domain::hash::ObjectHash;
use sqlx::SqliteConnection;

use super::{StoreResult, parsed, unsigned};
use crate::retention::{Keepable, Originals};

/// Every version that could be on this computer, with its files.
pub async fn all(connection: &mut SqliteConnection) -> StoreResult<Vec<Keepable>> {
    type Row = (String, String, i64, i64, i64, String);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT v.id, v.track, v.number, \
         p.server IS NOT NULL AND v.numbered = 1 AND v.state = 'complete' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.version = v.id) \
         AND NOT EXISTS (SELECT 1 FROM version_file f JOIN blob b ON b.sha256 = f.sha256 WHERE f.version = v.id AND b.state <> 'ok') AS complete, \
         EXISTS (SELECT 1 FROM pinned n WHERE n.version = v.id) AS is_pinned, p.originals \
         FROM version v JOIN project p ON p.id = v.project WHERE v.state <> 'purged' ORDER BY v.id",
    )
    .fetch_all(&mut *connection)
    .await?;
    let files: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT version, sha256, length FROM version_file ORDER BY version, idx").fetch_all(connection).await?;
    let mut by_version: BTreeMap<String, Vec<(ObjectHash, u64)>> = BTreeMap::new();
    for (version, sha256, length) in files {
        by_version.entry(version).or_default().push((parsed("a hash", &sha256)?, unsigned(length)));
    }
    rows.into_iter()
        .map(|(id, track, number, complete, is_pinned, originals)| {
            Ok(Keepable {
                version: parsed("a version id", &id)?,
                track,
                number,
                is_complete: complete == 1,
                is_pinned: is_pinned == 1,
                originals: Originals::from_word(&originals).unwrap_or(Originals::All),
                files: by_version.remove(&id).unwrap_or_default(),
            })
        })
        .collect()
}

/// Whether a file must stay, as things are now: some version that is not complete, is pinned, or is on its way has it, or it is a preview.
pub async fn is_needed(connection: &mut SqliteConnection, sha256: &ObjectHash) -> StoreResult<bool> {
    let needed: i64 = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM version_file f JOIN version v ON v.id = f.version JOIN project p ON p.id = v.project \
         WHERE f.sha256 = ?1 AND v.state <> 'purged' AND (p.server IS NULL OR v.numbered = 0 OR v.state <> 'complete' \
         OR EXISTS (SELECT 1 FROM outbox o WHERE o.version = v.id) OR EXISTS (SELECT 1 FROM pinned n WHERE n.version = v.id))) \
         OR EXISTS (SELECT 1 FROM version v WHERE v.preview_sha256 = ?1)",
    )
    .bind(sha256.to_string())
    .fetch_one(connection)
    .await?;
    Ok(needed == 1)
}

/// Bytes that all originals on this computer take.
pub async fn used_bytes(connection: &mut SqliteConnection) -> StoreResult<u64> {
    let used: i64 = sqlx::query_scalar(
        "SELECT ifnull(sum(length), 0) FROM blob b WHERE EXISTS (SELECT 1 FROM version_file f WHERE f.sha256 = b.sha256)",
    )
    .fetch_one(connection)
    .await?;
    Ok(unsigned(used))
}
