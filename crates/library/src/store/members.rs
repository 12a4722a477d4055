//! Members of projects, as last told by the server.

use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::projects::Member;
use sqlx::SqliteConnection;

use super::StoreResult;

/// Records a member or a new role.
pub async fn put(connection: &mut SqliteConnection, project: &ProjectId, member: &Member) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO member (project, account, name, role, since) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT (project, account) DO UPDATE SET name = excluded.name, role = excluded.role, since = excluded.since",
    )
    .bind(project.as_str())
    .bind(member.person.id.as_str())
    .bind(&member.person.name)
    .bind(member.role.as_str())
    .bind(&member.since)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that somebody is no longer in a project.
pub async fn remove(connection: &mut SqliteConnection, project: &ProjectId, account: &str) -> StoreResult<()> {
    sqlx::query("DELETE FROM member WHERE project = ? AND account = ?").bind(project.as_str()).bind(account).execute(connection).await?;
    Ok(())
}

/// Records exactly these members, as the server just told.
pub async fn replace(connection: &mut SqliteConnection, project: &ProjectId, members: &[Member]) -> StoreResult<()> {
    sqlx::query("DELETE FROM member WHERE project = ?").bind(project.as_str()).execute(&mut *connection).await?;
    for member in members {
        put(connection, project, member).await?;
    }
    Ok(())
}

/// Account, name, role and since of every member.
pub async fn list(connection: &mut SqliteConnection, project: &ProjectId) -> StoreResult<Vec<(String, String, String, String)>> {
    Ok(sqlx::query_as("SELECT account, name, role, since FROM member WHERE project = ? ORDER BY since, name")
        .bind(project.as_str())
        .fetch_all(connection)
        .await?)
}
