//! Change sets and their revisions in the database.

use collabtrack_domain::change_set::authority::SelfApproval;
use collabtrack_domain::change_set::revision::{SealedRevision, digest};
use collabtrack_domain::change_set::status::Status;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ChangeSetId, ProjectId, TrackId};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::approval::{ChangeSetStatus, ChangeSetSummary, ConflictOrigin};
use collabtrack_protocol::changes::{ChangeKind, ChangeSetMoved};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::db::{RowExt, damaged};
use crate::error::Error;
use crate::feed;

/// A change set as stored, without its revisions.
#[derive(Debug, Clone)]
pub(crate) struct ChangeSet {
    pub(crate) id: ChangeSetId,
    pub(crate) project: ProjectId,
    pub(crate) status: Status,
    pub(crate) revision: i64,
    pub(crate) created_by: AccountId,
    pub(crate) request_digest: ObjectHash,
    /// What approving it did, once approved: effect, its digest, number of the state.
    pub(crate) applied: Option<(serde_json::Value, ObjectHash, i64)>,
    /// The set this one was split off.
    pub(crate) split_from: Option<ChangeSetId>,
    /// The set this one takes back.
    pub(crate) reverts: Option<ChangeSetId>,
    /// Rows of its CSV that named no known state.
    pub(crate) rows_without_base: u32,
}

/// The change set of that id.
pub(crate) async fn find(db: &mut PgConnection, id: &ChangeSetId) -> Result<Option<ChangeSet>, Error> {
    let row = sqlx::query(
        "select id, project, status, revision, created_by, request_digest, effect, effect_digest, applied_number, split_from, reverts,
                rows_without_base
         from change_set where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let applied = match row.try_get::<Option<i64>, _>("applied_number")? {
            Some(number) => Some((row.try_get("effect")?, row.hash("effect_digest")?, number)),
            None => None,
        };
        Ok(ChangeSet {
            id: row.text_as("id")?,
            project: row.text_as("project")?,
            status: status_of(&row)?,
            revision: row.try_get("revision")?,
            created_by: row.text_as("created_by")?,
            request_digest: row.hash("request_digest")?,
            applied,
            split_from: row.optional_text_as("split_from")?,
            reverts: row.optional_text_as("reverts")?,
            rows_without_base: u32::try_from(row.try_get::<i32, _>("rows_without_base")?).map_err(|_| damaged("rows_without_base"))?,
        })
    })
    .transpose()
}

fn status_of(row: &PgRow) -> Result<Status, sqlx::Error> {
    Status::from_word(row.try_get("status")?).ok_or_else(|| damaged("status"))
}

pub(crate) struct NewChangeSet<'a> {
    pub(crate) id: &'a ChangeSetId,
    pub(crate) project: &'a ProjectId,
    pub(crate) title: &'a str,
    pub(crate) status: Status,
    pub(crate) author: &'a AccountId,
    pub(crate) request_digest: &'a ObjectHash,
    pub(crate) origin: Origin<'a>,
    /// Rows of its CSV that named no known state.
    pub(crate) rows_without_base: u32,
}

/// Where a change set came from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// Somebody proposed it.
    Proposed,
    /// It is part of another one.
    SplitFrom(&'a ChangeSetId),
    /// It takes another one back.
    Reverts(&'a ChangeSetId),
    /// A new version of that track put itself up for review.
    ReviewOf(&'a TrackId),
}

pub(crate) async fn insert(db: &mut PgConnection, new: &NewChangeSet<'_>) -> Result<(), Error> {
    let (split_from, reverts, review_of) = match new.origin {
        Origin::Proposed => (None, None, None),
        Origin::SplitFrom(id) => (Some(id.as_str()), None, None),
        Origin::Reverts(id) => (None, Some(id.as_str()), None),
        Origin::ReviewOf(track) => (None, None, Some(track.as_str())),
    };
    sqlx::query(
        "insert into change_set (id, project, title, status, revision, created_by, request_digest, split_from, reverts, review_of, rows_without_base)
         values ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10)",
    )
    .bind(new.id.as_str())
    .bind(new.project.as_str())
    .bind(new.title)
    .bind(new.status.as_str())
    .bind(new.author.as_str())
    .bind(&new.request_digest.as_bytes()[..])
    .bind(split_from)
    .bind(reverts)
    .bind(review_of)
    .bind(i32::try_from(new.rows_without_base).unwrap_or(i32::MAX))
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the exact bytes of a revision; `resolver` settled its conflicts.
pub(crate) async fn insert_revision(db: &mut PgConnection, sealed: &SealedRevision, resolver: Option<&AccountId>) -> Result<(), Error> {
    let revision = sealed.revision();
    sqlx::query("insert into change_set_revision (change_set, revision, bytes, digest, author, op_count, resolver) values ($1, $2, $3, $4, $5, $6, $7)")
        .bind(revision.change_set.as_str())
        .bind(revision.revision)
        .bind(sealed.bytes())
        .bind(&sealed.digest().as_bytes()[..])
        .bind(revision.author.as_str())
        .bind(i64::try_from(revision.ops.len()).map_err(|_| Error::Damaged { what: "revision" })?)
        .bind(resolver.map(AccountId::as_str))
        .execute(db)
        .await?;
    Ok(())
}

/// The exact bytes of a revision, which still have the digest they were stored with.
pub(crate) async fn revision_bytes(db: &mut PgConnection, id: &ChangeSetId, revision: i64) -> Result<Option<Vec<u8>>, Error> {
    let row = sqlx::query("select bytes, digest from change_set_revision where change_set = $1 and revision = $2")
        .bind(id.as_str())
        .bind(revision)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let bytes: Vec<u8> = row.try_get("bytes")?;
    if digest(&bytes) == row.hash("digest")? { Ok(Some(bytes)) } else { Err(Error::Damaged { what: "revision" }) }
}

/// The newest revision, read back from its bytes.
pub(crate) async fn newest(db: &mut PgConnection, set: &ChangeSet) -> Result<SealedRevision, Error> {
    let broken = Error::Damaged { what: "revision" };
    let Some(bytes) = revision_bytes(db, &set.id, set.revision).await? else { return Err(broken) };
    SealedRevision::parse(bytes).map_err(|_| broken)
}

/// All who wrote a revision, also of the set this one was split off. Whoever typed a value to settle a conflict is its revision's author.
pub(crate) async fn authors(db: &mut PgConnection, id: &ChangeSetId) -> Result<Vec<AccountId>, Error> {
    let rows = sqlx::query(
        "with recursive line (id) as (
             select $1::text union select c.split_from from change_set c join line on c.id = line.id where c.split_from is not null)
         select distinct author from change_set_revision r join line on r.change_set = line.id",
    )
    .bind(id.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(row.text_as("author")?)).collect()
}

/// The admins and owners of a project now, and its policy on approving one's own.
pub(crate) async fn approvers(db: &mut PgConnection, project: &ProjectId) -> Result<(Vec<AccountId>, SelfApproval), Error> {
    let rows = sqlx::query("select account from member where project = $1 and role in ('admin', 'owner')")
        .bind(project.as_str())
        .fetch_all(&mut *db)
        .await?;
    let approvers = rows.iter().map(|row| row.text_as("account")).collect::<Result<_, _>>()?;
    let policy: String = sqlx::query_scalar("select self_approval from project where id = $1").bind(project.as_str()).fetch_one(db).await?;
    Ok((approvers, if policy == "never" { SelfApproval::Never } else { SelfApproval::WhenSoleApprover }))
}

/// Moves a set to another status that is no decision.
pub(crate) async fn set_status(db: &mut PgConnection, id: &ChangeSetId, status: Status) -> Result<(), Error> {
    sqlx::query("update change_set set status = $2 where id = $1").bind(id.as_str()).bind(status.as_str()).execute(db).await?;
    Ok(())
}

/// Moves a set to a new revision.
pub(crate) async fn set_revision(db: &mut PgConnection, id: &ChangeSetId, revision: i64, title: &str) -> Result<(), Error> {
    sqlx::query("update change_set set revision = $2, title = $3 where id = $1")
        .bind(id.as_str())
        .bind(revision)
        .bind(title)
        .execute(db)
        .await?;
    Ok(())
}

/// Says how many rows of the CSV behind the newest revision named no known state.
pub(crate) async fn set_rows_without_base(db: &mut PgConnection, id: &ChangeSetId, rows: u32) -> Result<(), Error> {
    sqlx::query("update change_set set rows_without_base = $2 where id = $1")
        .bind(id.as_str())
        .bind(i32::try_from(rows).unwrap_or(i32::MAX))
        .execute(db)
        .await?;
    Ok(())
}

/// What an approval did.
pub(crate) struct Applied<'a> {
    pub(crate) effect: serde_json::Value,
    pub(crate) digest: &'a ObjectHash,
    pub(crate) number: i64,
}

/// Records a decision.
pub(crate) async fn decide(
    db: &mut PgConnection,
    id: &ChangeSetId,
    status: Status,
    by: &AccountId,
    reason: Option<&str>,
    applied: Option<Applied<'_>>,
) -> Result<(), Error> {
    let (effect, digest, number) = match applied {
        Some(applied) => (Some(applied.effect), Some(applied.digest.as_bytes().to_vec()), Some(applied.number)),
        None => (None, None, None),
    };
    sqlx::query(
        "update change_set set status = $2, decided_by = $3, decided_at = now(), decision_reason = $4, effect = $5, effect_digest = $6,
                applied_number = $7 where id = $1",
    )
    .bind(id.as_str())
    .bind(status.as_str())
    .bind(by.as_str())
    .bind(reason)
    .bind(effect)
    .bind(digest)
    .bind(number)
    .execute(db)
    .await?;
    Ok(())
}

/// One list entry.
pub(crate) async fn summary(db: &mut PgConnection, id: &ChangeSetId) -> Result<ChangeSetSummary, Error> {
    let row = sqlx::query(
        "select c.id, c.project, c.title, c.status, c.revision, r.op_count, rfc3339(c.created_at) as created_at, a.id as author_id,
                a.name as author_name, p.id as proposer_id, p.name as proposer_name, d.id as decider_id, d.name as decider_name, rfc3339(c.decided_at) as decided_at, c.decision_reason
         from change_set c join change_set_revision r on r.change_set = c.id and r.revision = c.revision
              join account a on a.id = r.author join account p on p.id = c.created_by
              left join account d on d.id = c.decided_by
         where c.id = $1",
    )
    .bind(id.as_str())
    .fetch_one(db)
    .await?;
    summary_of(&row)
}

/// The sets of a project that `reader` may see, drafts only its own: every one that is not decided, then the `closed` decided last.
pub(crate) async fn list(
    db: &mut PgConnection,
    project: &ProjectId,
    reader: &AccountId,
    closed: i64,
) -> Result<Vec<ChangeSetSummary>, Error> {
    let rows = sqlx::query(
        "select c.id, c.project, c.title, c.status, c.revision, r.op_count, rfc3339(c.created_at) as created_at, a.id as author_id,
                a.name as author_name, p.id as proposer_id, p.name as proposer_name, d.id as decider_id, d.name as decider_name, rfc3339(c.decided_at) as decided_at, c.decision_reason
         from change_set c join change_set_revision r on r.change_set = c.id and r.revision = c.revision
              join account a on a.id = r.author join account p on p.id = c.created_by
              left join account d on d.id = c.decided_by
         where c.project = $1
             and (c.status in ('open', 'changes_requested') or (c.status = 'draft' and c.created_by = $2)
                 or c.id in (select id from change_set where project = $1 and status in ('approved', 'rejected', 'withdrawn', 'split')
                             order by coalesce(decided_at, created_at) desc, id limit $3))
         order by c.status in ('draft', 'open', 'changes_requested') desc, c.created_at desc, c.id",
    )
    .bind(project.as_str())
    .bind(reader.as_str())
    .bind(closed)
    .fetch_all(db)
    .await?;
    rows.iter().map(summary_of).collect()
}

/// How many wait, are the reader's own and undecided, and are decided.
pub(crate) async fn counts(db: &mut PgConnection, project: &ProjectId, reader: &AccountId) -> Result<(i64, i64, i64), Error> {
    let row = sqlx::query(
        "select count(*) filter (where status = 'open') as open,
                count(*) filter (where created_by = $2 and status in ('draft', 'open', 'changes_requested')) as mine,
                count(*) filter (where status in ('approved', 'rejected', 'withdrawn', 'split')) as closed
         from change_set where project = $1",
    )
    .bind(project.as_str())
    .bind(reader.as_str())
    .fetch_one(db)
    .await?;
    Ok((row.try_get("open")?, row.try_get("mine")?, row.try_get("closed")?))
}

/// The sets this one was split into.
pub(crate) async fn split_into(db: &mut PgConnection, id: &ChangeSetId) -> Result<Vec<ChangeSetId>, Error> {
    let rows =
        sqlx::query("select id from change_set where split_from = $1 order by created_at, id").bind(id.as_str()).fetch_all(db).await?;
    rows.iter().map(|row| Ok(row.text_as("id")?)).collect()
}

/// Which approved sets made the values that now stand at these rows and fields, after the catalogue state `since`.
pub(crate) async fn origins(
    db: &mut PgConnection,
    project: &ProjectId,
    since: i64,
    places: &[(String, String)],
) -> Result<Vec<ConflictOrigin>, Error> {
    let (rows, fields): (Vec<&str>, Vec<&str>) = places.iter().map(|(row, field)| (row.as_str(), field.as_str())).unzip();
    let found = sqlx::query(
        "select n.row, n.field, c.id, c.title, a.id as author_id, a.name as author_name, rfc3339(c.decided_at) as at
         from (select distinct * from unnest($3::text[], $4::text[])) as n (row, field)
              cross join lateral (
                  select * from change_set s
                  where s.project = $1 and s.applied_number > $2
                      and (s.effect @> jsonb_build_array(jsonb_build_object('row', n.row, 'field', n.field))
                          or s.effect @> jsonb_build_array(jsonb_build_object('row', n.row, 'field', '_row')))
                  order by s.applied_number desc limit 1) c
              join change_set_revision r on r.change_set = c.id and r.revision = c.revision join account a on a.id = r.author
         order by n.row, n.field",
    )
    .bind(project.as_str())
    .bind(since)
    .bind(rows)
    .bind(fields)
    .fetch_all(db)
    .await?;
    found
        .iter()
        .map(|row| {
            Ok(ConflictOrigin {
                row: row.try_get("row")?,
                field: row.try_get("field")?,
                change_set: row.text_as("id")?,
                title: row.try_get("title")?,
                author: Person { id: row.text_as("author_id")?, name: row.try_get("author_name")? },
                at: row.try_get("at")?,
            })
        })
        .collect()
}

fn summary_of(row: &PgRow) -> Result<ChangeSetSummary, Error> {
    let decider = row.optional_text_as("decider_id")?;
    Ok(ChangeSetSummary {
        id: row.text_as("id")?,
        project: row.text_as("project")?,
        title: row.try_get("title")?,
        author: Person { id: row.text_as("author_id")?, name: row.try_get("author_name")? },
        created_by: Person { id: row.text_as("proposer_id")?, name: row.try_get("proposer_name")? },
        status: on_wire(status_of(row)?),
        revision: row.try_get("revision")?,
        op_count: row.try_get("op_count")?,
        created_at: row.try_get("created_at")?,
        decided_by: match decider {
            Some(id) => Some(Person { id, name: row.try_get("decider_name")? }),
            None => None,
        },
        decided_at: row.try_get("decided_at")?,
        decision_reason: row.try_get("decision_reason")?,
    })
}

fn on_wire(status: Status) -> ChangeSetStatus {
    match status {
        Status::Draft => ChangeSetStatus::Draft,
        Status::Open => ChangeSetStatus::Open,
        Status::ChangesRequested => ChangeSetStatus::ChangesRequested,
        Status::Approved => ChangeSetStatus::Approved,
        Status::Rejected => ChangeSetStatus::Rejected,
        Status::Withdrawn => ChangeSetStatus::Withdrawn,
        Status::Split => ChangeSetStatus::Split,
    }
}

/// Tells the feed that a set moved.
pub(crate) async fn tell(db: &mut PgConnection, project: &ProjectId, id: &ChangeSetId, status: Status, revision: i64) -> Result<(), Error> {
    let moved = ChangeSetMoved { id: id.clone(), status: status.as_str().to_owned(), revision };
    feed::append(db, project, ChangeKind::ChangeSet, &moved).await.map(drop)
}
