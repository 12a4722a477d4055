//! Comments in the library: those the server told, and those of this computer that it does not have yet.

use collabtrack_domain::id::{CommentId, ProjectId, TrackId, VersionId};
use collabtrack_protocol::comments::Comment as Told;
use sqlx::{FromRow, SqliteConnection};

use super::StoreResult;

/// A comment with what is shown beside it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Row {
    /// Id.
    pub id: String,
    /// Project.
    pub project: String,
    /// Version it is about, never an alias.
    pub version: String,
    /// Its track.
    pub track: String,
    /// Number of the version.
    pub number: i64,
    /// Where it is about, in ms.
    pub from_ms: i64,
    /// Where the range ends.
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: String,
    /// The comment it answers.
    pub reply_to: Option<String>,
    /// Account that wrote it.
    pub author_id: Option<String>,
    /// Name of whoever wrote it.
    pub author_name: String,
    /// When it was written.
    pub made_at: String,
    /// Whether it is settled.
    pub resolved: bool,
    /// Who settled it.
    pub resolved_by: Option<String>,
    /// Whether the server does not have it yet.
    pub unsent: bool,
    /// Whether the server does not know yet that it was settled or opened again.
    pub unsettled: bool,
    /// Why the server refused it.
    pub held: Option<String>,
}

/// A comment made on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New<'a> {
    /// Id.
    pub id: &'a CommentId,
    /// Project.
    pub project: &'a ProjectId,
    /// Version.
    pub version: &'a VersionId,
    /// Where it is about, in ms.
    pub from_ms: i64,
    /// Where the range ends.
    pub to_ms: Option<i64>,
    /// What it says.
    pub text: &'a str,
    /// The comment it answers.
    pub reply_to: Option<&'a CommentId>,
    /// Account and name of whoever writes.
    pub author: (Option<&'a str>, &'a str),
    /// When.
    pub made_at: &'a str,
}

const SHOWN: &str = "SELECT c.id, c.project, v.id AS version, v.track, v.number, c.from_ms, c.to_ms, c.text, c.reply_to, c.author_id, \
     c.author_name, c.made_at, c.resolved, c.resolved_by, c.unsent, c.unsettled, c.held \
     FROM comment c LEFT JOIN version_alias a ON a.alias = c.version JOIN version v ON v.id = coalesce(a.version, c.version)";

/// The comments on every version of a track, in the order of the music.
pub async fn of_track(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<Vec<Row>> {
    let query = format!("{SHOWN} WHERE v.track = ? ORDER BY c.from_ms, c.made_at, c.id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(track.as_str()).fetch_all(connection).await?)
}

/// One comment.
pub async fn get(connection: &mut SqliteConnection, id: &CommentId) -> StoreResult<Option<Row>> {
    let query = format!("{SHOWN} WHERE c.id = ?");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(id.as_str()).fetch_optional(connection).await?)
}

/// Comments that the server is to be told of, oldest first: answers come after what they answer.
pub async fn to_send(connection: &mut SqliteConnection) -> StoreResult<Vec<Row>> {
    let query = format!(
        "{SHOWN} JOIN project p ON p.id = c.project \
         WHERE (c.unsent = 1 OR c.unsettled = 1) AND c.held IS NULL AND v.numbered = 1 AND p.on_server = 1 \
         ORDER BY c.reply_to IS NOT NULL, c.made_at, c.id"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?)
}

/// Records a comment made here; it goes to the server by itself.
pub async fn add(connection: &mut SqliteConnection, new: &New<'_>) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO comment (id, project, version, from_ms, to_ms, text, reply_to, author_id, author_name, made_at, unsent) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    )
    .bind(new.id.as_str())
    .bind(new.project.as_str())
    .bind(new.version.as_str())
    .bind(new.from_ms)
    .bind(new.to_ms)
    .bind(new.text)
    .bind(new.reply_to.map(CommentId::as_str))
    .bind(new.author.0)
    .bind(new.author.1)
    .bind(new.made_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Settles a comment or opens it again; the server is told by itself.
pub async fn settle(connection: &mut SqliteConnection, id: &CommentId, resolved: bool, by: &str) -> StoreResult<()> {
    sqlx::query("UPDATE comment SET resolved = ?, resolved_by = ?, unsettled = 1, held = NULL WHERE id = ?")
        .bind(resolved)
        .bind(resolved.then_some(by))
        .bind(id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes over a comment as the server tells it. What was settled here and not told yet stays as it is here.
pub async fn told(connection: &mut SqliteConnection, project: &ProjectId, told: &Told) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO comment (id, project, version, from_ms, to_ms, text, reply_to, author_id, author_name, made_at, resolved, resolved_by) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET unsent = 0, held = NULL, version = excluded.version, author_id = excluded.author_id, \
             author_name = excluded.author_name, \
             resolved = CASE WHEN unsettled = 1 THEN resolved ELSE excluded.resolved END, \
             resolved_by = CASE WHEN unsettled = 1 THEN resolved_by ELSE excluded.resolved_by END",
    )
    .bind(told.id.as_str())
    .bind(project.as_str())
    .bind(told.version.as_str())
    .bind(told.from_ms)
    .bind(told.to_ms)
    .bind(&told.text)
    .bind(told.reply_to.as_ref().map(CommentId::as_str))
    .bind(told.author.id.as_str())
    .bind(&told.author.name)
    .bind(&told.made_at)
    .bind(told.resolved_by.is_some())
    .bind(told.resolved_by.as_ref().map(|person| person.name.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The server knows that it was settled or opened again, unless it was changed once more meanwhile.
pub async fn settled(connection: &mut SqliteConnection, id: &CommentId, resolved: bool) -> StoreResult<()> {
    sqlx::query("UPDATE comment SET unsettled = 0 WHERE id = ? AND resolved = ?")
        .bind(id.as_str())
        .bind(resolved)
        .execute(connection)
        .await?;
    Ok(())
}

/// Holds a comment that the server refused.
pub async fn hold(connection: &mut SqliteConnection, id: &str, why: &str) -> StoreResult<()> {
    sqlx::query("UPDATE comment SET held = ? WHERE id = ?").bind(why).bind(id).execute(connection).await?;
    Ok(())
}

/// Tries held comments again.
pub async fn release(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("UPDATE comment SET held = NULL").execute(connection).await?;
    Ok(())
}
