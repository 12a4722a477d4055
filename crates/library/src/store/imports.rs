//! The order and tracks that a person chose for the files a folder held when it was taken over; a row goes when its file was taken.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use collabtrack_domain::id::{ProjectId, TrackId};
use collabtrack_domain::kind::Kind;
use sqlx::SqliteConnection;

use super::roots::RootId;
use super::{StoreResult, parsed_maybe};
use crate::paths;

/// What a person chose for a file.
pub struct Choice<'c> {
    /// Its place in the order.
    pub position: i64,
    /// Its track.
    pub track: &'c TrackId,
    /// Its kind.
    pub kind: Kind,
}

/// Puts a file into the plan.
pub async fn put(connection: &mut SqliteConnection, root: RootId, path: &Path, choice: &Choice<'_>) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO import_item (root, path, position, track, kind) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (root, path) DO UPDATE SET position = excluded.position, track = excluded.track, kind = excluded.kind",
    )
    .bind(root.0)
    .bind(paths::to_bytes(path))
    .bind(choice.position)
    .bind(choice.track.as_str())
    .bind(choice.kind.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// The track that was chosen for a file.
pub async fn track_of(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<Option<TrackId>> {
    let track: Option<String> = sqlx::query_scalar("SELECT track FROM import_item WHERE root = ? AND path = ?")
        .bind(root.0)
        .bind(paths::to_bytes(path))
        .fetch_optional(connection)
        .await?;
    parsed_maybe("a track id", track.as_deref())
}

/// The kind that was chosen for a file.
pub async fn kind_of(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<Option<Kind>> {
    let kind: Option<Option<String>> = sqlx::query_scalar("SELECT kind FROM import_item WHERE root = ? AND path = ?")
        .bind(root.0)
        .bind(paths::to_bytes(path))
        .fetch_optional(connection)
        .await?;
    Ok(kind.flatten().map(|word| Kind::from_word(&word)).filter(|kind| *kind != Kind::Unknown))
}

/// The places of all files that are still to be taken.
pub async fn positions(connection: &mut SqliteConnection) -> StoreResult<HashMap<(RootId, PathBuf), i64>> {
    let rows: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as("SELECT root, path, position FROM import_item").fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(root, path, position)| ((RootId(root), paths::from_bytes(&path)), position)).collect())
}

/// The files of a project that are still to be taken, by root.
pub async fn left(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Vec<(RootId, PathBuf)>> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT i.root, i.path FROM import_item i JOIN root r ON r.id = i.root WHERE r.project = ? ORDER BY i.position")
            .bind(project.as_str())
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(root, path)| (RootId(root), paths::from_bytes(&path))).collect())
}

/// A file was taken, or cannot be.
pub async fn done(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<()> {
    sqlx::query("DELETE FROM import_item WHERE root = ? AND path = ?").bind(root.0).bind(paths::to_bytes(path)).execute(connection).await?;
    Ok(())
}
