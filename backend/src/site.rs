//! What site admins do: accounts listed, disabled, appointed; reset codes; projects by id, name and size. No content.

use collabtrack_domain::id::AccountId;
use collabtrack_domain::role::site::{self, SiteAction, SiteActor, SiteFacts};
use collabtrack_domain::role::{Assurance, Decision, Reason};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::site::{ResetCode, SiteAccount, SiteAccounts, SiteProject};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::access::{second_factor_required, step_up_required};
use crate::accounts::codes::{self, Issuer, SITE};
use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::sessions::{self, Session};

const PAGE: i64 = 200;

/// What the action takes away, if anything.
#[derive(Debug, Clone, Copy)]
enum Loses<'a> {
    Nobody,
    /// This account, if it is an enabled site admin.
    Admin(&'a AccountId),
}

/// Lets the session's account do `action` to the server, or not. Changes of site admins happen one after the other.
async fn authorise(db: &mut PgConnection, session: &Session, action: SiteAction, loses: Loses<'_>) -> Result<(), Error> {
    if action.needs_step_up() {
        sqlx::query("select chain from audit_chain where chain = $1 for update").bind(SITE).fetch_one(&mut *db).await?;
    }
    let lost = match loses {
        Loses::Nobody => "",
        Loses::Admin(account) => account.as_str(),
    };
    let row = sqlx::query(
        "select a.site_admin, a.totp_confirmed_at is not null as second_factor,
                coalesce(current_setting('collabtrack.totp_required', true), '') = 'on' as second_factor_required,
                (select count(*) from account o where o.site_admin and o.disabled_at is null) as admins,
                exists (select from account o where o.id = $2 and o.site_admin and o.disabled_at is null) as loses
         from account a where a.id = $1 and a.disabled_at is null",
    )
    .bind(session.account.as_str())
    .bind(lost)
    .fetch_optional(db)
    .await?
    .ok_or_else(not_found)?;
    let assurance = Assurance { recent_password: session.has_recent_password, second_factor: row.try_get("second_factor")? };
    let actor = SiteActor { is_admin: row.try_get("site_admin")?, assurance };
    let facts = SiteFacts {
        admins: u32::try_from(row.try_get::<i64, _>("admins")?).unwrap_or(u32::MAX),
        loses_an_admin: row.try_get("loses")?,
        second_factor_required: row.try_get("second_factor_required")?,
    };
    match site::may(&actor, action, &facts) {
        Decision::Allowed => Ok(()),
        Decision::Denied(Reason::StepUp) => Err(step_up_required()),
        Decision::Denied(Reason::SecondFactor) => Err(second_factor_required()),
        Decision::Denied(Reason::LastOwner) => Err(refuse(
            ErrorCode::LastOwner,
            "A server that has a site admin keeps one, and this is the last, so nothing was changed. Appoint somebody else first.",
        )),
        Decision::Denied(_) => Err(not_found().denied(SITE, &session.account)),
    }
}

/// Accounts whose address or name holds `query`, by address, after the address `after`.
/// # Errors
/// `not_found` for whoever is no site admin.
pub async fn accounts(db: &PgPool, session: &Session, query: &str, after: &str) -> Result<SiteAccounts, Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::ListAccounts, Loses::Nobody).await?;
    let rows = sqlx::query(
        "select a.id, a.name, a.email, a.email_key, rfc3339(a.created_at) as created_at, rfc3339(a.disabled_at) as disabled_at, a.site_admin,
                a.totp_confirmed_at is not null as second_factor,
                (select rfc3339(max(s.last_used_at)) from session s where s.account = a.id) as last_used_at,
                (select count(*) from member m where m.account = a.id) as projects
         from account a
         where a.deleted_at is null and a.email_key > $2 and (strpos(a.email_key, lower($1)) > 0 or strpos(lower(a.name), lower($1)) > 0)
         order by a.email_key limit $3",
    )
    .bind(query)
    .bind(after)
    .bind(PAGE + 1)
    .fetch_all(&mut *tx)
    .await?;
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let next = match rows.len() > most {
        true => Some(rows[most - 1].try_get("email_key")?),
        false => None,
    };
    let accounts = rows.iter().take(most).map(account).collect::<Result<_, _>>()?;
    Ok(SiteAccounts { accounts, next })
}

fn account(row: &PgRow) -> Result<SiteAccount, Error> {
    Ok(SiteAccount {
        id: row.text_as("id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
        site_admin: row.try_get("site_admin")?,
        second_factor: row.try_get("second_factor")?,
        last_used_at: row.try_get("last_used_at")?,
        projects: row.try_get("projects")?,
    })
}

/// Disables an account: its sessions end at once, its versions and memberships stay.
/// # Errors
/// `not_found`, `last_owner` for the last site admin, `step_up_required`.
pub async fn disable(db: &PgPool, session: &Session, id: &AccountId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::DisableAccounts, Loses::Admin(id)).await?;
    let changed = sqlx::query("update account set disabled_at = coalesce(disabled_at, now()) where id = $1").bind(id.as_str());
    only_one(changed.execute(&mut *tx).await?.rows_affected())?;
    sessions::end_all_but(&mut tx, id, None).await?;
    record(&mut tx, session, "account.disable", id).await?;
    tx.commit().await?;
    Ok(())
}

/// Enables a disabled account; whoever owns it signs in again.
/// # Errors
/// `not_found`, `step_up_required`.
pub async fn enable(db: &PgPool, session: &Session, id: &AccountId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::DisableAccounts, Loses::Nobody).await?;
    let changed = sqlx::query("update account set disabled_at = null where id = $1 and deleted_at is null").bind(id.as_str());
    only_one(changed.execute(&mut *tx).await?.rows_affected())?;
    record(&mut tx, session, "account.enable", id).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes an account a site admin.
/// # Errors
/// `not_found`, `step_up_required`.
pub async fn appoint(db: &PgPool, session: &Session, id: &AccountId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::AppointAdmins, Loses::Nobody).await?;
    let changed = sqlx::query("update account set site_admin = true where id = $1 and disabled_at is null").bind(id.as_str());
    only_one(changed.execute(&mut *tx).await?.rows_affected())?;
    record(&mut tx, session, "site.admin_appointed", id).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes a site admin an ordinary account.
/// # Errors
/// `not_found`, `last_owner` for the last one, `step_up_required`.
pub async fn demote(db: &PgPool, session: &Session, id: &AccountId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::AppointAdmins, Loses::Admin(id)).await?;
    let changed = sqlx::query("update account set site_admin = false where id = $1").bind(id.as_str());
    only_one(changed.execute(&mut *tx).await?.rows_affected())?;
    record(&mut tx, session, "site.admin_demoted", id).await?;
    tx.commit().await?;
    Ok(())
}

/// A code with which an account sets a new password.
/// # Errors
/// `not_found`, `step_up_required`.
pub async fn reset_code(db: &PgPool, session: &Session, id: &AccountId) -> Result<ResetCode, Error> {
    let mut tx = db.begin().await?;
    // The account's chain comes before the site's, as everywhere.
    let found = sqlx::query("select chain from audit_chain where chain = $1 for update").bind(id.as_str()).fetch_optional(&mut *tx).await?;
    authorise(&mut tx, session, SiteAction::IssueResetCodes, Loses::Nobody).await?;
    found.ok_or_else(not_found)?;
    let code = codes::issue_reset(&mut tx, id, Issuer::Admin(session)).await?;
    tx.commit().await?;
    Ok(code)
}

/// Every project by id, name and size; no content.
/// # Errors
/// `not_found` for whoever is no site admin.
pub async fn projects(db: &PgPool, session: &Session, after: &str) -> Result<Vec<SiteProject>, Error> {
    let mut tx = db.begin().await?;
    authorise(&mut tx, session, SiteAction::ListProjects, Loses::Nobody).await?;
    let rows = sqlx::query(
        "select p.id, p.name, rfc3339(p.created_at) as created_at, (select count(*) from member m where m.project = p.id) as members,
                (select coalesce(sum(o.length), 0)::bigint from object o where o.project = p.id and o.state in ('verified', 'condemned', 'deleting'))
                    as stored_bytes
         from project p where p.trashed_at is null and p.id > $1 order by p.id limit $2",
    )
    .bind(after)
    .bind(PAGE)
    .fetch_all(&mut *tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(SiteProject {
                id: row.text_as("id")?,
                name: row.try_get("name")?,
                created_at: row.try_get("created_at")?,
                members: row.try_get("members")?,
                stored_bytes: row.try_get("stored_bytes")?,
            })
        })
        .collect()
}

/// Whether the asking account may read the site's log.
/// # Errors
/// `not_found` for whoever is no site admin.
pub(crate) async fn check_log(db: &mut PgConnection, session: &Session) -> Result<(), Error> {
    authorise(db, session, SiteAction::ReadSiteLog, Loses::Nobody).await
}

fn only_one(changed: u64) -> Result<(), Error> {
    if changed == 1 { Ok(()) } else { Err(not_found()) }
}

async fn record(db: &mut PgConnection, session: &Session, action: &'static str, target: &AccountId) -> Result<(), Error> {
    audit::append(db, Fact::by(&session.account, &session.tag, SITE, action, target.as_str())).await
}
