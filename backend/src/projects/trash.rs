//! The trash of whole projects: nobody reaches one that is there, its owners bring it back within 35 days as it was, and after that its
//! versions are purged as those of the trash are.

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::{Action, Target};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::{ChangeKind, ProjectMoved};
use collabtrack_protocol::projects::{Project, TrashedProject};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, not_found};
use crate::sessions::Session;
use crate::{access, feed, versions};

/// Puts a project into the trash.
/// # Errors
/// `forbidden` for anybody but an owner, `step_up_required`, `not_found`, also for one that is there already.
pub async fn trash(db: &PgPool, session: &Session, id: &ProjectId) -> Result<TrashedProject, Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, id).await?;
    access::authorise(&mut tx, session, id, Action::DeleteProject, &Target::Project).await?;
    tell(&mut tx, session, id, "project.trash").await?;
    sqlx::query("update project set trashed_at = now(), trashed_by = $2 where id = $1")
        .bind(id.as_str())
        .bind(session.account.as_str())
        .execute(&mut *tx)
        .await?;
    let trashed = listed(&mut tx, &session.account, Some(id)).await?.pop().ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(trashed)
}

/// Brings a project back from the trash; one that is not there is the answer.
/// # Errors
/// `forbidden` for anybody but an owner, `step_up_required`, `not_found`, also when its time in the trash is over.
pub async fn restore(db: &PgPool, session: &Session, id: &ProjectId) -> Result<Project, Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, id).await?;
    let back = sqlx::query(
        "update project set trashed_at = null, trashed_by = null where id = $1 and trashed_at is not null and purged_at is null",
    );
    let was_there = back.bind(id.as_str()).execute(&mut *tx).await?.rows_affected() == 1;
    // Asked only now: nobody may do anything in a project that is in the trash. A refusal takes the line above back.
    access::authorise(&mut tx, session, id, Action::DeleteProject, &Target::Project).await?;
    if was_there {
        tell(&mut tx, session, id, "project.restore").await?;
    }
    tx.commit().await?;
    super::view(db, session, id).await
}

/// The projects in the trash that the account owns, newest first.
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, session: &Session) -> Result<Vec<TrashedProject>, Error> {
    listed(&mut *db.acquire().await?, &session.account, None).await
}

async fn listed(db: &mut PgConnection, account: &AccountId, only: Option<&ProjectId>) -> Result<Vec<TrashedProject>, Error> {
    let rows = sqlx::query(
        "select p.id, p.name, rfc3339(p.trashed_at) as trashed, rfc3339(p.trashed_at + interval '35 days') as until, a.id as by, a.name as by_name
         from project p join member m on m.project = p.id and m.account = $1 and m.role = 'owner' join account a on a.id = p.trashed_by
         where p.trashed_at is not null and p.purged_at is null and ($2::text is null or p.id = $2) order by p.trashed_at desc, p.id",
    )
    .bind(account.as_str())
    .bind(only.map(ProjectId::as_str))
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(TrashedProject {
                id: row.text_as("id")?,
                name: row.try_get("name")?,
                trashed_at: row.try_get("trashed")?,
                trashed_by: Person { id: row.text_as("by")?, name: row.try_get("by_name")? },
                purged_after: row.try_get("until")?,
            })
        })
        .collect()
}

/// Everybody's desktop hears that something happened to the project, and asks for the list.
async fn tell(db: &mut PgConnection, session: &Session, id: &ProjectId, action: &'static str) -> Result<(), Error> {
    let name: String = sqlx::query_scalar("select name from project where id = $1").bind(id.as_str()).fetch_one(&mut *db).await?;
    feed::append(db, id, ChangeKind::Project, &ProjectMoved { name: name.clone() }).await?;
    let fact = Fact::by(&session.account, &session.tag, id.as_str(), action, id.as_str()).detail(serde_json::json!({"name": name}));
    audit::append(db, fact).await
}

/// Puts the versions of projects whose time in the trash is over into the trash as of the same day, where they are purged next.
/// # Errors
/// When the database fails; every step can be repeated.
pub(crate) async fn expire(db: &PgPool) -> Result<(), Error> {
    let due: Vec<String> = sqlx::query_scalar(
        "select id from project where trashed_at <= now() - interval '35 days' and purged_at is null order by trashed_at limit 100",
    )
    .fetch_all(db)
    .await?;
    for id in due {
        let mut tx = db.begin().await?;
        let still = sqlx::query(
            "select id from project where id = $1 and trashed_at <= now() - interval '35 days' and purged_at is null for update",
        );
        if still.bind(&id).fetch_optional(&mut *tx).await?.is_none() {
            continue;
        }
        versions::trash::with_project(&mut tx, &id).await?;
        sqlx::query("update project set purged_at = now() where id = $1").bind(&id).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(())
}
