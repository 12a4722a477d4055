//! Sessions: opened by signing in, looked up with every request, ended by signing out, by their owner elsewhere, or by time. Tokens are
//! stored only as hashes.

use collabtrack_domain::audit::entry::session_mark;
use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::SessionInfo;
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::HEXLOWER;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::random;

pub mod device_keys;
pub mod devices;
pub mod rotation;

/// A session after a look-up.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id; not the token.
    pub id: [u8; 16],
    /// Whose it is.
    pub account: AccountId,
    /// How audit entries name it.
    pub tag: String,
    /// The password was given within the last ten minutes.
    pub has_recent_password: bool,
    /// The request came with the token that counts, not with one in its grace.
    pub is_current: bool,
}

/// A session just opened.
pub struct Opened {
    /// The token, shown this once.
    pub token: String,
    /// When it ends at the latest.
    pub expires_at: String,
    /// How audit entries name it.
    pub tag: String,
}

/// How audit entries name a session.
fn tag(id: &[u8; 16]) -> String {
    session_mark(&HEXLOWER.encode(id))
}

/// A device's name as it is kept: short, without control characters.
fn shown_device(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Opens a session for at most 90 days.
/// # Errors
/// When the database fails.
pub async fn open(db: &mut PgConnection, account: &AccountId, device_name: &str) -> Result<Opened, Error> {
    let (id, token) = (random::bytes::<16>(), random::token("cts_"));
    let expires_at = sqlx::query_scalar(
        "insert into session (id, account, token_hash, device_name, expires_at) values ($1, $2, $3, $4, now() + interval '90 days')
         returning rfc3339(expires_at)",
    )
    .bind(&id[..])
    .bind(account.as_str())
    .bind(&random::token_hash(&token).as_bytes()[..])
    .bind(shown_device(device_name))
    .fetch_one(db)
    .await?;
    Ok(Opened { token, expires_at, tag: tag(&id) })
}

/// The session of a token, if it has been used within 14 days, is not over, and its account is not disabled.
/// # Errors
/// `unauthorized` when there is none; also for a token whose successor is in use for more than a minute: its session then ends.
pub async fn look_up(db: &PgPool, token: &str) -> Result<Session, Error> {
    let hash = random::token_hash(token);
    // Twice: a request with the same new token may make it count between finding and promoting it.
    for _ in 0..2 {
        let row = find(db, hash.as_bytes()).await?.ok_or_else(unauthorized)?;
        match row.try_get("kind")? {
            "current" => return of_row(&row, true),
            "retired" if row.try_get("in_grace")? => return of_row(&row, false),
            "retired" => {
                rotation::end_family(db, &of_row(&row, false)?).await?;
                return Err(unauthorized());
            }
            _ => rotation::promote(db, hash.as_bytes()).await?,
        }
    }
    Err(unauthorized())
}

async fn find(db: &PgPool, hash: &[u8; 32]) -> Result<Option<PgRow>, Error> {
    let row = sqlx::query(
        "with found (id, kind, grace_until) as (
             select id, 'current', null::timestamptz from session where token_hash = $1
             union all select id, 'next', null from session where next_hash = $1
             union all select session, 'retired', grace_until from retired_token where token_hash = $1)
         select s.id, s.account, f.kind, coalesce(f.grace_until > now(), false) as in_grace,
                s.last_used_at < now() - interval '10 minutes' as stale,
                s.stepped_up_at > now() - interval '10 minutes' as recent_password
         from found f join session s on s.id = f.id join account a on a.id = s.account
         where s.expires_at > now() and s.last_used_at > now() - interval '14 days' and a.disabled_at is null",
    )
    .bind(&hash[..])
    .fetch_optional(db)
    .await?;
    if let Some(row) = &row
        && row.try_get("stale")?
    {
        sqlx::query("update session set last_used_at = now() where id = $1").bind(row.try_get::<&[u8], _>("id")?).execute(db).await?;
    }
    Ok(row)
}

fn of_row(row: &PgRow, is_current: bool) -> Result<Session, Error> {
    let id: [u8; 16] = row.try_get::<&[u8], _>("id")?.try_into().map_err(|_| Error::Damaged { what: "session" })?;
    // A token in its grace is an old one: it proves no recent password.
    let has_recent_password = is_current && row.try_get("recent_password")?;
    Ok(Session { id, account: row.text_as("account")?, tag: tag(&id), has_recent_password, is_current })
}

/// Whether the session still is.
/// # Errors
/// When the database fails.
pub async fn is_alive(db: &PgPool, session: &Session) -> Result<bool, Error> {
    let alive = sqlx::query_scalar(
        "select exists (select from session s join account a on a.id = s.account
                        where s.id = $1 and s.expires_at > now() and a.disabled_at is null)",
    );
    Ok(alive.bind(&session.id[..]).fetch_one(db).await?)
}

/// Ends a session.
/// # Errors
/// When the database fails.
pub async fn close(db: &PgPool, session: &Session) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    end_one(&mut tx, session, &session.id).await?;
    tx.commit().await?;
    Ok(())
}

/// The sessions of the account, newest use first.
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, session: &Session) -> Result<Vec<SessionInfo>, Error> {
    let rows = sqlx::query(
        "select id, device_name, rfc3339(created_at) as created_at, rfc3339(last_used_at) as last_used_at, rfc3339(expires_at) as expires_at
         from session where account = $1 and expires_at > now() and last_used_at > now() - interval '14 days'
         order by last_used_at desc, id",
    )
    .bind(session.account.as_str())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let id: &[u8] = row.try_get("id")?;
            Ok(SessionInfo {
                id: HEXLOWER.encode(id),
                device_name: row.try_get("device_name")?,
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
                expires_at: row.try_get("expires_at")?,
                current: id == session.id,
            })
        })
        .collect()
}

/// Ends one session of the account.
/// # Errors
/// `not_found` when it is none of the account's.
pub async fn end(db: &PgPool, session: &Session, id: &[u8; 16]) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    if !end_one(&mut tx, session, id).await? {
        return Err(not_found());
    }
    tx.commit().await?;
    Ok(())
}

async fn end_one(db: &mut PgConnection, session: &Session, id: &[u8; 16]) -> Result<bool, Error> {
    let account = session.account.as_str();
    let ended = sqlx::query("delete from session where id = $1 and account = $2").bind(&id[..]).bind(account).execute(&mut *db).await?;
    if ended.rows_affected() == 0 {
        return Ok(false);
    }
    let (own, other) = (tag(&session.id), tag(id));
    audit::append(db, Fact::by(&session.account, &own, account, "session.end", &other)).await?;
    Ok(true)
}

/// Ends every other session of the account.
/// # Errors
/// When the database fails.
pub async fn end_others(db: &PgPool, session: &Session) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    end_all_but(&mut tx, &session.account, Some(&session.id)).await?;
    let account = session.account.as_str();
    audit::append(&mut tx, Fact::by(&session.account, &session.tag, account, "session.end_others", account)).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends the sessions of an account, but for one if that is given.
/// # Errors
/// When the database fails.
pub(crate) async fn end_all_but(db: &mut PgConnection, account: &AccountId, kept: Option<&[u8; 16]>) -> Result<(), Error> {
    sqlx::query("delete from session where account = $1 and ($2::bytea is null or id <> $2)")
        .bind(account.as_str())
        .bind(kept.map(|id| &id[..]))
        .execute(db)
        .await?;
    Ok(())
}

/// The id of a session or device as the wire writes it.
#[must_use]
pub fn parse_id(text: &str) -> Option<[u8; 16]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The answer to a request without a valid session.
pub fn unauthorized() -> Error {
    refuse(
        ErrorCode::Unauthorized,
        "You are not signed in, or this session is over. Sign in again; your local library stays usable meanwhile.",
    )
}
