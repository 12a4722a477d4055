//! Comments at a point or a range of a version: written once, settled and opened again, told through the feed.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, CommentId, ProjectId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::limits::{MAX_COMMENT_CHARS, MAX_POSITION_MS};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::access::{self, Thing};
use crate::db::RowExt;
use crate::error::{Error, id_taken, invalid, not_found};
use crate::feed;
use crate::sessions::Session;
use crate::versions::rows as versions;

/// Adds a comment to a version. The same id and body again give the same answer.
/// # Errors
/// `invalid` for a place or text that cannot be, `not_found` for a version one cannot see.
pub async fn add(db: &PgPool, session: &Session, version: &VersionId, body: &AddComment) -> Result<Comment, Error> {
    let request =
        serde_json::to_vec(&(version, body)).map(|bytes| ObjectHash::of(&bytes)).map_err(|_| Error::Damaged { what: "request" })?;
    let mut tx = db.begin().await?;
    let (project, _) = access::check_by(&mut tx, &session.account, Thing::Version(version.as_str()), Action::Comment).await?;
    access::lock(&mut tx, &session.account, &project, Action::Comment).await?;
    check(body)?;
    let version = versions::resolve(&mut tx, &project, version).await?.ok_or_else(not_found)?;
    if let Some(known) = digest(&mut tx, &body.comment).await? {
        return if known == request { load(&mut tx, &body.comment).await } else { Err(id_taken()) };
    }
    if let Some(answered) = &body.reply_to {
        check_answered(&mut tx, &version, answered).await?;
    }
    insert(&mut tx, &project, &version, body, &session.account, &request).await?;
    let comment = load(&mut tx, &body.comment).await?;
    feed::append(&mut tx, &project, ChangeKind::Comment, &comment).await?;
    tx.commit().await?;
    Ok(comment)
}

/// Settles a comment, or opens it again.
/// # Errors
/// `not_found` for a comment one cannot see, `invalid` for an answer: what it answers is settled.
pub async fn settle(db: &PgPool, session: &Session, id: &CommentId, body: &SettleComment) -> Result<Comment, Error> {
    let mut tx = db.begin().await?;
    let (project, _) = access::check_by(&mut tx, &session.account, Thing::Comment(id.as_str()), Action::Comment).await?;
    access::lock(&mut tx, &session.account, &project, Action::Comment).await?;
    let before = load(&mut tx, id).await?;
    if before.reply_to.is_some() {
        return Err(invalid("/comment", "An answer is settled with the comment it answers; settle that one."));
    }
    if before.resolved_by.is_some() == body.resolved {
        return Ok(before);
    }
    let by = body.resolved.then_some(session.account.as_str());
    sqlx::query("update comment set resolved_by = $2, resolved_at = case when $2::text is null then null else now() end where id = $1")
        .bind(id.as_str())
        .bind(by)
        .execute(&mut *tx)
        .await?;
    let comment = load(&mut tx, id).await?;
    feed::append(&mut tx, &project, ChangeKind::Comment, &comment).await?;
    tx.commit().await?;
    Ok(comment)
}

fn check(body: &AddComment) -> Result<(), Error> {
    let count = body.text.trim().chars().count();
    if !(1..=MAX_COMMENT_CHARS).contains(&count) || body.text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err(invalid("/text", format!("A comment has 1 to {MAX_COMMENT_CHARS} characters and no control characters; shorten it.")));
    }
    let in_range = |ms: i64| (0..=MAX_POSITION_MS).contains(&ms);
    if !in_range(body.from_ms) || body.to_ms.is_some_and(|to| !in_range(to) || to <= body.from_ms) {
        return Err(invalid("/from_ms", "A comment starts inside the music, and a range ends after its start."));
    }
    let is_time = body.made_at.len() <= 40 && body.made_at.parse::<jiff::Timestamp>().is_ok();
    if is_time { Ok(()) } else { Err(invalid("/made_at", "This is not a time such as 2026-05-03T12:00:00.000Z.")) }
}

/// An answer belongs to a comment of the same version that is no answer itself.
async fn check_answered(db: &mut PgConnection, version: &VersionId, answered: &CommentId) -> Result<(), Error> {
    let found: bool = sqlx::query_scalar("select exists (select from comment where id = $1 and version = $2 and reply_to is null)")
        .bind(answered.as_str())
        .bind(version.as_str())
        .fetch_one(db)
        .await?;
    if found { Ok(()) } else { Err(invalid("/reply_to", "An answer belongs to a comment of the same version that is no answer itself.")) }
}

async fn digest(db: &mut PgConnection, id: &CommentId) -> Result<Option<ObjectHash>, Error> {
    let row = sqlx::query("select request_digest from comment where id = $1").bind(id.as_str()).fetch_optional(db).await?;
    row.map(|row| Ok(row.hash("request_digest")?)).transpose()
}

async fn insert(
    db: &mut PgConnection,
    project: &ProjectId,
    version: &VersionId,
    body: &AddComment,
    author: &AccountId,
    request: &ObjectHash,
) -> Result<(), Error> {
    sqlx::query(
        "insert into comment (id, project, version, from_ms, to_ms, text, reply_to, author, made_at, request_digest)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(body.comment.as_str())
    .bind(project.as_str())
    .bind(version.as_str())
    .bind(body.from_ms)
    .bind(body.to_ms)
    .bind(body.text.trim())
    .bind(body.reply_to.as_ref().map(CommentId::as_str))
    .bind(author.as_str())
    .bind(&body.made_at)
    .bind(&request.as_bytes()[..])
    .execute(db)
    .await?;
    Ok(())
}

async fn load(db: &mut PgConnection, id: &CommentId) -> Result<Comment, Error> {
    let row = sqlx::query(
        "select c.id, c.version, c.from_ms, c.to_ms, c.text, c.reply_to, c.made_at, rfc3339(c.created_at) as created_at,
                a.id as author_id, a.name as author_name, r.id as resolver_id, r.name as resolver_name, rfc3339(c.resolved_at) as resolved_at
         from comment c join account a on a.id = c.author left join account r on r.id = c.resolved_by
         where c.id = $1",
    )
    .bind(id.as_str())
    .fetch_one(db)
    .await?;
    let resolver = row.optional_text_as("resolver_id")?;
    Ok(Comment {
        id: row.text_as("id")?,
        version: row.text_as("version")?,
        from_ms: row.try_get("from_ms")?,
        to_ms: row.try_get("to_ms")?,
        text: row.try_get("text")?,
        reply_to: row.optional_text_as("reply_to")?,
        author: Person { id: row.text_as("author_id")?, name: row.try_get("author_name")? },
        made_at: row.try_get("made_at")?,
        created_at: row.try_get("created_at")?,
        resolved_by: match resolver {
            Some(id) => Some(Person { id, name: row.try_get("resolver_name")? }),
            None => None,
        },
        resolved_at: row.try_get("resolved_at")?,
    })
}
