//! What a person decided for the files of a project: where a grouping key belongs, what is passed over, which sessions and originals stay.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use sqlx::SqliteConnection;

use super::{StoreResult, parsed_maybe};

/// The track that a person chose for files of this key.
pub async fn track_of(connection: &mut SqliteConnection, project: &ProjectId, key: &str) -> StoreResult<Option<TrackId>> {
    let track: Option<String> = sqlx::query_scalar("SELECT track FROM grouping_rule WHERE project = ? AND key = ?")
        .bind(project.as_str())
        .bind(key)
        .fetch_optional(connection)
        .await?;
    parsed_maybe("a track id", track.as_deref())
}

/// Files of this key belong to `track` from now on.
pub async fn put(connection: &mut SqliteConnection, project: &ProjectId, key: &str, track: &TrackId, now: &str) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO grouping_rule (project, key, track, made_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (project, key) DO UPDATE SET track = excluded.track, made_at = excluded.made_at",
    )
    .bind(project.as_str())
    .bind(key)
    .bind(track.as_str())
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// What a project passes over.
pub async fn ignored(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT pattern FROM ignore_rule WHERE project = ? ORDER BY pattern")
        .bind(project.as_str())
        .fetch_all(connection)
        .await?)
}

/// Sets what a project passes over.
pub async fn set_ignored(connection: &mut SqliteConnection, project: &ProjectId, patterns: &[String]) -> StoreResult<()> {
    sqlx::query("DELETE FROM ignore_rule WHERE project = ?").bind(project.as_str()).execute(&mut *connection).await?;
    for pattern in patterns {
        sqlx::query("INSERT INTO ignore_rule (project, pattern) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(project.as_str())
            .bind(pattern)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether a project keeps DAW sessions.
pub async fn keeps_sessions(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<bool> {
    let kept: Option<i64> =
        sqlx::query_scalar("SELECT sessions FROM project WHERE id = ?").bind(project.as_str()).fetch_optional(connection).await?;
    Ok(kept == Some(1))
}

/// Says whether a project keeps DAW sessions.
pub async fn set_sessions(connection: &mut SqliteConnection, project: &ProjectId, kept: bool) -> StoreResult<()> {
    sqlx::query("UPDATE project SET sessions = ? WHERE id = ?").bind(i64::from(kept)).bind(project.as_str()).execute(connection).await?;
    Ok(())
}

/// The word for which originals of a project stay on this computer.
pub async fn originals(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Option<String>> {
    Ok(sqlx::query_scalar("SELECT originals FROM project WHERE id = ?").bind(project.as_str()).fetch_optional(connection).await?)
}

/// Sets it.
pub async fn set_originals(connection: &mut SqliteConnection, project: &ProjectId, word: &str) -> StoreResult<()> {
    sqlx::query("UPDATE project SET originals = ? WHERE id = ?").bind(word).bind(project.as_str()).execute(connection).await?;
    Ok(())
}

/// Keeps the original of a version here whatever the project says, or no longer.
pub async fn pin(connection: &mut SqliteConnection, version: &VersionId, pinned: bool) -> StoreResult<()> {
    let statement =
        if pinned { "INSERT INTO pinned (version) VALUES (?) ON CONFLICT DO NOTHING" } else { "DELETE FROM pinned WHERE version = ?" };
    sqlx::query(statement).bind(version.as_str()).execute(connection).await?;
    Ok(())
}
