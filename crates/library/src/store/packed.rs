//! Packed objects of versions on their way: made once, so that a restart goes on with the same bytes.

use collabtrack_content::pack::Packed;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use sqlx::SqliteConnection;

use super::{StoreResult, parsed_maybe, signed, unsigned};

/// A version as packed, and the stored file with its new bytes, if there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Recipe and length.
    pub packed: Packed,
    /// The object's file in the content store.
    pub blob: Option<ObjectHash>,
}

/// The packed form of a version, if it was made.
pub async fn get(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<Option<Kept>> {
    let row: Option<(Option<String>, i64, String)> = sqlx::query_as("SELECT blob, length, recipe FROM packed WHERE version = ?")
        .bind(version.as_str())
        .fetch_optional(connection)
        .await?;
    let Some((blob, length, recipe)) = row else { return Ok(None) };
    // A recipe this program cannot read is made again.
    let Ok(recipe) = serde_json::from_str(&recipe) else { return Ok(None) };
    Ok(Some(Kept { packed: Packed { recipe, length: unsigned(length) }, blob: parsed_maybe("a hash", blob.as_deref())? }))
}

/// Records the packed form of a version.
pub async fn put(connection: &mut SqliteConnection, version: &VersionId, kept: &Kept) -> StoreResult<()> {
    sqlx::query("INSERT OR REPLACE INTO packed (version, blob, length, recipe) VALUES (?, ?, ?, ?)")
        .bind(version.as_str())
        .bind(kept.blob.map(|blob| blob.to_string()))
        .bind(signed(kept.packed.length))
        .bind(serde_json::to_string(&kept.packed.recipe).unwrap_or_default())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets it: the version is complete, or must be packed anew.
pub async fn forget(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("DELETE FROM packed WHERE version = ?").bind(version.as_str()).execute(connection).await?;
    Ok(())
}
