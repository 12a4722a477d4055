//! Change sets as last told by the server, and the versions they would approve.

use collabtrack_domain::id::{ChangeSetId, ProjectId};
use sqlx::SqliteConnection;

use super::{StoreResult, parsed};

/// Records that a change set moved; its detail is to be read again.
pub async fn moved(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    id: &ChangeSetId,
    status: &str,
    revision: i64,
) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO change_set (id, project, status, revision) VALUES (?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, revision = excluded.revision, fresh = 0",
    )
    .bind(id.as_str())
    .bind(project.as_str())
    .bind(status)
    .bind(revision)
    .execute(connection)
    .await?;
    Ok(())
}

/// Change sets whose detail is to be read.
pub async fn stale(connection: &mut SqliteConnection) -> StoreResult<Vec<(ChangeSetId, ProjectId)>> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT id, project FROM change_set WHERE fresh = 0 ORDER BY id").fetch_all(connection).await?;
    rows.iter().map(|(id, project)| Ok((parsed("a change set id", id)?, parsed("a project id", project)?))).collect()
}

/// Records the versions a change set would approve and its list entry.
pub async fn refresh(connection: &mut SqliteConnection, id: &ChangeSetId, versions: &[String], summary: Option<&str>) -> StoreResult<()> {
    sqlx::query("DELETE FROM change_set_version WHERE change_set = ?").bind(id.as_str()).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO change_set_version (change_set, version) SELECT ?, value FROM json_each(?)")
        .bind(id.as_str())
        .bind(serde_json::to_string(versions).unwrap_or_else(|_| "[]".to_owned()))
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE change_set SET fresh = 1, summary = ? WHERE id = ?").bind(summary).bind(id.as_str()).execute(connection).await?;
    Ok(())
}

/// Waiting change sets of a project.
pub async fn waiting(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM change_set WHERE project = ? AND status = 'open'")
        .bind(project.as_str())
        .fetch_one(connection)
        .await?)
}

/// Waiting change sets in all projects where one of these roles is held.
pub async fn waiting_for_deciders(connection: &mut SqliteConnection) -> StoreResult<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM change_set c JOIN project p ON p.id = c.project WHERE c.status = 'open' AND p.role IN ('admin', 'owner')",
    )
    .fetch_one(connection)
    .await?)
}
