//! Answers of the server kept for reading without it.

use sqlx::SqliteConnection;

use super::StoreResult;

/// Keeps an answer.
pub async fn put(connection: &mut SqliteConnection, key: &str, body: &str, now: &str) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO kept_answer (key, body, at) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body, at = excluded.at",
    )
    .bind(key)
    .bind(body)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

/// A kept answer.
pub async fn get(connection: &mut SqliteConnection, key: &str) -> StoreResult<Option<String>> {
    Ok(sqlx::query_scalar("SELECT body FROM kept_answer WHERE key = ?").bind(key).fetch_optional(connection).await?)
}
