//! The trash: a version put there keeps its number and comes back as it was within 35 days; after that only number, name, author and hash
//! stay. The approved version of a track is never trashed.

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::{Action, Target};
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{Version, VersionState};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::rows;
use crate::access::{self, Thing};
use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::feed;
use crate::sessions::Session;

/// Puts a version into the trash; one that is there already is the answer.
/// # Errors
/// `conflict` for the approved version of its track, `not_found` for a purged one, `forbidden` for another's version without being an admin.
pub async fn trash(db: &PgPool, session: &Session, id: &VersionId) -> Result<Version, Error> {
    let (mut tx, project, version) = open(db, session, id).await?;
    match version.state {
        VersionState::Trashed => return Ok(version),
        VersionState::Announced | VersionState::Complete | VersionState::Damaged => {}
        _ => return Err(not_found()),
    }
    if is_approved(&mut tx, &project, &version.id).await? {
        return Err(refuse(
            ErrorCode::Conflict,
            "This is the approved version of its track, so it stays. Approve another version first, then trash this one.",
        ));
    }
    sqlx::query("update version set trashed_at = now(), trashed_by = $2, trashed_from = state where id = $1")
        .bind(version.id.as_str())
        .bind(session.account.as_str())
        .execute(&mut *tx)
        .await?;
    let version = moved(&mut tx, session, &project, &version.id, VersionState::Trashed, "version.trash").await?;
    tx.commit().await?;
    Ok(version)
}

/// Brings a version back from the trash in the state it had; one that is not there is the answer.
/// # Errors
/// `not_found` for a purged one, `forbidden` for another's version without being an admin.
pub async fn restore(db: &PgPool, session: &Session, id: &VersionId) -> Result<Version, Error> {
    let (mut tx, project, version) = open(db, session, id).await?;
    match version.state {
        VersionState::Trashed => {}
        VersionState::Announced | VersionState::Complete | VersionState::Damaged => return Ok(version),
        _ => return Err(not_found()),
    }
    let from: String =
        sqlx::query_scalar("select trashed_from from version where id = $1").bind(version.id.as_str()).fetch_one(&mut *tx).await?;
    // What the store lost meanwhile is wanted again, not promised.
    let state = match rows::state_of(&from) {
        VersionState::Complete if !objects_are_there(&mut tx, &version.id).await? => VersionState::Damaged,
        state => state,
    };
    let version = moved(&mut tx, session, &project, &version.id, state, "version.restore").await?;
    let cleared = sqlx::query("update version set trashed_at = null, trashed_by = null, trashed_from = null where id = $1");
    cleared.bind(version.id.as_str()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(version)
}

type Opened = (sqlx::Transaction<'static, sqlx::Postgres>, ProjectId, Version);

/// Locks the project and checks that the version is the asker's own, or the asker an admin.
async fn open(db: &PgPool, session: &Session, id: &VersionId) -> Result<Opened, Error> {
    let (project, _) =
        access::check_by(&mut *db.acquire().await?, &session.account, Thing::Version(id.as_str()), Action::TrashVersions).await?;
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, &project).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let version = rows::load(&mut tx, &id).await?;
    let target = if version.author.id == session.account { Target::Own } else { Target::Others };
    access::authorise(&mut tx, session, &project, Action::TrashVersions, &target).await?;
    Ok((tx, project, version))
}

async fn is_approved(db: &mut PgConnection, project: &ProjectId, id: &VersionId) -> Result<bool, Error> {
    let found = sqlx::query_scalar(
        "select exists (select from catalogue_row c join row_state s on s.project = c.project and s.row = c.row and s.rev = c.rev
                        where c.project = $1 and s.approved ->> 'version' = $2)",
    );
    Ok(found.bind(project.as_str()).bind(id.as_str()).fetch_one(db).await?)
}

async fn objects_are_there(db: &mut PgConnection, id: &VersionId) -> Result<bool, Error> {
    let lost = sqlx::query_scalar(
        "select not exists (select from extents_needed($1) as needed(id) join extent e on e.id = needed.id join object o on o.key = e.object
                            where o.state <> 'verified')",
    );
    Ok(lost.bind(id.as_str()).fetch_one(db).await?)
}

async fn moved(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    id: &VersionId,
    state: VersionState,
    action: &'static str,
) -> Result<Version, Error> {
    let seq = feed::next_seq(db, project).await?;
    rows::set_state(db, id, state, seq).await?;
    let version = rows::load_known(db, id).await?;
    feed::append_at(db, project, seq, ChangeKind::Version, &version).await?;
    let detail = serde_json::json!({"track": version.track, "number": version.number});
    audit::append(db, Fact::by(&session.account, &session.tag, project.as_str(), action, id.as_str()).detail(detail)).await?;
    Ok(version)
}

/// Purges every version whose time in the trash is over; how many. Number, name, author and hash remain.
/// # Errors
/// When the database fails; what was purged stays so.
pub async fn purge_due(db: &PgPool) -> Result<usize, Error> {
    let due = sqlx::query(
        "select id, project from version where state = 'trashed' and trashed_at <= now() - interval '35 days' order by trashed_at limit 1000",
    )
    .fetch_all(db)
    .await?;
    for row in &due {
        purge(db, &row.text_as("project")?, &row.text_as("id")?).await?;
    }
    Ok(due.len())
}

/// The versions of a project whose time in the trash is over go with it, the approved ones too.
pub(crate) async fn with_project(db: &mut PgConnection, project: &str) -> Result<(), Error> {
    sqlx::query(
        "update version v set trashed_at = p.trashed_at, trashed_by = p.trashed_by, trashed_from = v.state, state = 'trashed'
         from project p where p.id = v.project and p.id = $1 and v.state in ('announced', 'complete', 'damaged')",
    )
    .bind(project)
    .execute(db)
    .await?;
    Ok(())
}

async fn purge(db: &PgPool, project: &ProjectId, id: &VersionId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    sqlx::query("select id from project where id = $1 for update").bind(project.as_str()).fetch_one(&mut *tx).await?;
    let row = sqlx::query(
        "select trashed_by from version where id = $1 and state = 'trashed' and trashed_at <= now() - interval '35 days' for update",
    )
    .bind(id.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let by: Option<collabtrack_domain::id::AccountId> = row.optional_text_as("trashed_by")?;
    drop_bytes(&mut tx, id).await?;
    let seq = feed::next_seq(&mut tx, project).await?;
    rows::set_state(&mut tx, id, VersionState::Purged, seq).await?;
    let version = rows::load_known(&mut tx, id).await?;
    feed::append_at(&mut tx, project, seq, ChangeKind::Version, &version).await?;
    let actor = by.unwrap_or_else(|| version.author.id.clone());
    let detail = serde_json::json!({"track": version.track, "number": version.number, "content_id": version.content_id});
    audit::append(&mut tx, Fact::by(&actor, "", project.as_str(), "version.purge", id.as_str()).detail(detail)).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets a version name no object any more.
pub(crate) async fn drop_bytes(db: &mut PgConnection, id: &VersionId) -> Result<(), Error> {
    for statement in [
        "delete from span where file in (select id from version_file where version = $1)",
        "update version_file set plain_object = null where version = $1",
        "update version set preview_object = null, tables_object = null, overview = '',
                no_preview_reason = coalesce(no_preview_reason, 'it was in the trash for 35 days') where id = $1",
    ] {
        sqlx::query(statement).bind(id.as_str()).execute(&mut *db).await?;
    }
    Ok(())
}
