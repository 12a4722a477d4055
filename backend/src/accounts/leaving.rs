//! Deleting one's own account: sessions, memberships, name, address and password go; versions stay, by a "former member". Entries of the
//! logs stay too, but for the details that hold the person's data: those are erased, and an entry says so.

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_protocol::changes::{ChangeKind, MemberLeft};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::codes::SITE;
use crate::access::{self, step_up_required};
use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, refuse};
use crate::feed;
use crate::sessions::{self, Session};

/// What others read in place of the name.
pub const FORMER_MEMBER: &str = "former member";
/// Fits no password: nobody signs in to what is gone.
const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$";

/// Deletes the session's account.
/// # Errors
/// `step_up_required`; `last_owner` while a project, or the server, would be left without anybody to run it.
pub async fn delete(db: &PgPool, session: &Session) -> Result<(), Error> {
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let id = &session.account;
    let mut tx = db.begin().await?;
    let projects: Vec<ProjectId> = sqlx::query("select project from member where account = $1 order by project")
        .bind(id.as_str())
        .fetch_all(&mut *tx)
        .await?
        .iter()
        .map(|row| row.text_as("project"))
        .collect::<Result<_, _>>()?;
    for project in &projects {
        access::lock_row(&mut tx, project).await?;
    }
    let details = details(&mut tx, id).await?;
    // Projects before chains, and chains in their order, as everywhere.
    let mut chains: Vec<&str> = vec![id.as_str(), SITE];
    chains.extend(projects.iter().map(ProjectId::as_str));
    chains.extend(details.iter().map(|(chain, _)| chain.as_str()));
    sqlx::query("select chain from audit_chain where chain = any($1) order by chain for update").bind(&chains).fetch_all(&mut *tx).await?;
    keep_a_site_admin(&mut tx, id).await?;
    for project in &projects {
        leave(&mut tx, session, project).await?;
    }
    sqlx::query("update invitation set revoked_at = now() where inviter = $1 and accepted_at is null and revoked_at is null")
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    // Those for this address end with it: without it they would be for anybody.
    sqlx::query(
        "update invitation set email_key = null, revoked_at = case when accepted_at is null then coalesce(revoked_at, now()) end
         where email_key = (select email_key from account where id = $1)",
    )
    .bind(id.as_str())
    .execute(&mut *tx)
    .await?;
    sessions::end_all_but(&mut tx, id, None).await?;
    for forget in [
        "delete from known_device where account = $1",
        "delete from recovery_code where account = $1",
        "delete from one_time_code where account = $1",
        "delete from pending_address where account = $1",
        // The public half stays: what it signed is looked at with it.
        "update device_key set name = '', revoked_at = coalesce(revoked_at, now()) where account = $1",
    ] {
        sqlx::query(forget).bind(id.as_str()).execute(&mut *tx).await?;
    }
    erase(&mut tx, session, &details).await?;
    sqlx::query(
        "update account set name = $2, email = '', email_key = id, password_hash = $3, site_admin = false, totp_secret = null,
                totp_confirmed_at = null, email_confirmed_at = null, disabled_at = now(), deleted_at = now() where id = $1",
    )
    .bind(id.as_str())
    .bind(FORMER_MEMBER)
    .bind(NO_PASSWORD)
    .execute(&mut *tx)
    .await?;
    // The feed tells who made what, by name: readers that list it anew get the other one.
    for (at, whose) in [("{author,name}", "{author,id}"), ("{person,name}", "{person,id}"), ("{resolved_by,name}", "{resolved_by,id}")] {
        sqlx::query("update change set body = jsonb_set(body, $1::text[], to_jsonb($2::text)) where body #>> $3::text[] = $4")
            .bind(at)
            .bind(FORMER_MEMBER)
            .bind(whose)
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
    }
    for chain in [id.as_str(), SITE] {
        audit::append(&mut tx, Fact::by(id, &session.tag, chain, "account.delete", id.as_str())).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Leaves a project; the last owner hands it over first, unless it lies in the trash.
async fn leave(db: &mut PgConnection, session: &Session, project: &ProjectId) -> Result<(), Error> {
    let id = &session.account;
    let row = sqlx::query(
        "select m.role = 'owner' and p.trashed_at is null and (select count(*) from member o where o.project = $1 and o.role = 'owner') = 1 as last_owner, p.name
         from member m join project p on p.id = m.project where m.project = $1 and m.account = $2",
    )
    .bind(project.as_str())
    .bind(id.as_str())
    .fetch_optional(&mut *db)
    .await?;
    // Removed a moment ago.
    let Some(row) = row else { return Ok(()) };
    if row.try_get("last_owner")? {
        let name: String = row.try_get("name")?;
        return Err(refuse(
            ErrorCode::LastOwner,
            format!(
                "You are the last owner of \u{201c}{name}\u{201d}, so nothing was deleted. Hand it over or put it into the trash first."
            ),
        ));
    }
    sqlx::query("delete from member where project = $1 and account = $2")
        .bind(project.as_str())
        .bind(id.as_str())
        .execute(&mut *db)
        .await?;
    feed::append(db, project, ChangeKind::MemberLeft, &MemberLeft { account: id.clone() }).await?;
    audit::append(db, Fact::by(id, &session.tag, project.as_str(), "member.leave", id.as_str())).await
}

async fn keep_a_site_admin(db: &mut PgConnection, id: &AccountId) -> Result<(), Error> {
    let last: bool = sqlx::query_scalar(
        "select exists (select from account where id = $1 and site_admin)
            and not exists (select from account where id <> $1 and site_admin and disabled_at is null)",
    )
    .bind(id.as_str())
    .fetch_one(db)
    .await?;
    if last {
        return Err(refuse(
            ErrorCode::LastOwner,
            "A server that has a site admin keeps one, and you are the last, so nothing was deleted. Appoint somebody else first.",
        ));
    }
    Ok(())
}

/// Where the person's data stands in details: in the account's own chain, and in invitations bound to its address.
async fn details(db: &mut PgConnection, id: &AccountId) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query(
        "select d.chain, d.seq from audit_detail d where d.chain = $1
         union
         select d.chain, d.seq from audit_detail d join account a on a.id = $1
         where d.chain like 'prj\\_%' and d.detail like '%\"bound_to\":%' and lower(d.detail::jsonb ->> 'bound_to') = a.email_key
         order by 1, 2",
    )
    .bind(id.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("chain")?, row.try_get("seq")?))).collect()
}

/// Erases details; each erasure is an entry.
async fn erase(db: &mut PgConnection, session: &Session, details: &[(String, i64)]) -> Result<(), Error> {
    for (chain, seq) in details {
        sqlx::query("select erase_detail($1, $2)").bind(chain).bind(seq).execute(&mut *db).await?;
        let target = format!("{chain}#{seq}");
        audit::append(db, Fact::by(&session.account, &session.tag, chain, "audit.erase", &target)).await?;
    }
    Ok(())
}
