//! The change feed of a project: appended under the project's row lock, read in order, never with gaps.

use std::collections::BTreeSet;

use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::changes::{Change, ChangeKind, ChangePage};
use collabtrack_protocol::limits::MAX_CHANGES_PER_PAGE;
use collabtrack_protocol::problem::ErrorCode;
use serde::Serialize;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::access;
use crate::db::RowExt;
use crate::error::{Error, refuse};
use crate::random;
use crate::sessions::Session;

/// Bodies of one page together, in bytes, after which the page ends early.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Takes the next place in the feed from the locked project row.
/// # Errors
/// When the database fails.
pub(crate) async fn next_seq(db: &mut PgConnection, project: &ProjectId) -> Result<i64, Error> {
    let seq = sqlx::query_scalar("update project set head_seq = head_seq + 1 where id = $1 returning head_seq");
    Ok(seq.bind(project.as_str()).fetch_one(db).await?)
}

/// Appends a change at the next place.
/// # Errors
/// When the database fails.
pub(crate) async fn append(
    db: &mut PgConnection,
    project: &ProjectId,
    kind: ChangeKind,
    body: &(impl Serialize + Sync),
) -> Result<i64, Error> {
    let seq = next_seq(db, project).await?;
    append_at(db, project, seq, kind, body).await?;
    Ok(seq)
}

/// Appends a change at a place taken with [`next_seq`]. The database hints at it when the transaction commits.
/// # Errors
/// When the database fails.
pub(crate) async fn append_at(
    db: &mut PgConnection,
    project: &ProjectId,
    seq: i64,
    kind: ChangeKind,
    body: &(impl Serialize + Sync),
) -> Result<(), Error> {
    let body = serde_json::to_value(body).map_err(|_| Error::Damaged { what: "change" })?;
    sqlx::query("insert into change (project, seq, id, kind, body) values ($1, $2, $3, $4, $5)")
        .bind(project.as_str())
        .bind(seq)
        .bind(random::hex128())
        .bind(word(kind))
        .bind(body)
        .execute(db)
        .await?;
    Ok(())
}

/// What a reader already has.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Last place seen; 0 for nothing.
    pub since: i64,
    /// Id of the change at that place.
    pub last: Option<String>,
    /// The epoch it was read in.
    pub epoch: Option<String>,
    /// Places whose documents the reader has already.
    pub have: BTreeSet<i64>,
    /// Most changes wanted.
    pub limit: u32,
}

/// The changes after the cursor.
/// # Errors
/// `feed_diverged` when the reader's history is not this one; it then lists everything again and deletes nothing.
pub async fn page(db: &PgPool, session: &Session, project: &ProjectId, cursor: &Cursor) -> Result<ChangePage, Error> {
    let mut tx = db.begin().await?;
    let role = access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let row = sqlx::query("select epoch, head_seq from project where id = $1").bind(project.as_str()).fetch_one(&mut *tx).await?;
    let (epoch, head): (String, i64) = (row.try_get("epoch")?, row.try_get("head_seq")?);
    check_cursor(&mut tx, project, cursor, &epoch, head).await?;
    let limit = i64::from(cursor.limit.clamp(1, MAX_CHANGES_PER_PAGE));
    // Cut in the database: five hundred large documents are not to meet in memory.
    let rows = sqlx::query(
        "select seq, id, kind, body from (
             select seq, id, kind, case when had then null else body end as body, row_number() over w as place,
                    sum(case when had then 0 else octet_length(body::text) end) over w as upto
             from (select seq, id, kind, body, seq = any($5) as had from change
                   where project = $1 and seq > $2 and seq <= $4 order by seq limit $3) as next
             window w as (order by seq)
         ) as page where upto <= $6 or place = 1 order by seq",
    )
    .bind(project.as_str())
    .bind(cursor.since)
    .bind(limit)
    .bind(head)
    .bind(cursor.have.iter().copied().collect::<Vec<i64>>())
    .bind(i64::try_from(MAX_PAGE_BYTES).unwrap_or(i64::MAX))
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        let kind = of_word(row.try_get("kind")?);
        let body: Option<serde_json::Value> = row.try_get("body")?;
        let body = body.filter(|_| readable(role, kind)).unwrap_or_default();
        changes.push(Change { seq: row.try_get("seq")?, id: row.try_get("id")?, kind, body });
    }
    let more = changes.last().map_or(cursor.since, |change| change.seq) < head;
    Ok(ChangePage { project: project.clone(), epoch, head, changes, more })
}

async fn check_cursor(db: &mut PgConnection, project: &ProjectId, cursor: &Cursor, epoch: &str, head: i64) -> Result<(), Error> {
    let diverged = || {
        refuse(
            ErrorCode::FeedDiverged,
            "The server's history of this project is not the one this device has read. Nothing is lost: the device reads the project from the start, and offers what the server lacks.",
        )
    };
    if cursor.since < 0 || cursor.since > head || cursor.epoch.as_deref().is_some_and(|known| known != epoch) {
        return Err(diverged());
    }
    let Some(last) = &cursor.last else { return Ok(()) };
    if cursor.since == 0 {
        return Ok(());
    }
    let id: Option<String> = sqlx::query_scalar("select id from change where project = $1 and seq = $2")
        .bind(project.as_str())
        .bind(cursor.since)
        .fetch_optional(db)
        .await?;
    if id.as_ref() == Some(last) { Ok(()) } else { Err(diverged()) }
}

/// Newest place of every project the account is in.
/// # Errors
/// When the database fails.
pub(crate) async fn heads(db: &PgPool, session: &Session) -> Result<Vec<(ProjectId, i64)>, Error> {
    let rows = sqlx::query(
        "select p.id, p.head_seq from project p join member m on m.project = p.id where m.account = $1 and p.trashed_at is null",
    )
    .bind(session.account.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((row.text_as("id")?, row.try_get("head_seq")?))).collect()
}

/// What a role may not read arrives as a bare place in the feed.
fn readable(role: Role, kind: ChangeKind) -> bool {
    kind != ChangeKind::ChangeSet || role.allows(Action::ReadChangeSets)
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Project => "project",
        ChangeKind::Member => "member",
        ChangeKind::MemberLeft => "member_left",
        ChangeKind::Track => "track",
        ChangeKind::Version => "version",
        ChangeKind::Catalogue => "catalogue",
        ChangeKind::ChangeSet => "change_set",
        ChangeKind::Comment => "comment",
        ChangeKind::Unknown => "unknown",
    }
}

fn of_word(text: &str) -> ChangeKind {
    use ChangeKind as K;
    let known = [K::Project, K::Member, K::MemberLeft, K::Track, K::Version, K::Catalogue, K::ChangeSet, K::Comment];
    known.into_iter().find(|kind| word(*kind) == text).unwrap_or(K::Unknown)
}
