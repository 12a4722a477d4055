//! Sessions: opened by signing in, looked up with every request, ended by signing out or by time. Tokens are stored only as hashes.

use collabtrack_domain::audit::entry::session_mark;
use collabtrack_domain::id::AccountId;
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::HEXLOWER;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, refuse};
use crate::random;

/// A session after a look-up.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id; not the token.
    pub id: [u8; 16],
    /// Whose it is.
    pub account: AccountId,
    /// How audit entries name it.
    pub tag: String,
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

/// Opens a session for at most 90 days.
/// # Errors
/// When the database fails.
pub async fn open(db: &mut PgConnection, account: &AccountId, device_name: &str) -> Result<Opened, Error> {
    let (id, token) = (random::bytes::<16>(), random::session_token());
    let device_name: String = device_name.chars().filter(|c| !c.is_control()).take(200).collect();
    let expires_at = sqlx::query_scalar(
        "insert into session (id, account, token_hash, device_name, expires_at) values ($1, $2, $3, $4, now() + interval '90 days')
         returning rfc3339(expires_at)",
    )
    .bind(&id[..])
    .bind(account.as_str())
    .bind(&random::token_hash(&token).as_bytes()[..])
    .bind(device_name)
    .fetch_one(db)
    .await?;
    Ok(Opened { token, expires_at, tag: tag(&id) })
}

/// The session of a token, if it has been used within 14 days and is not over.
/// # Errors
/// `unauthorized` when there is none.
pub async fn look_up(db: &PgPool, token: &str) -> Result<Session, Error> {
    let row = sqlx::query(
        "select id, account, last_used_at < now() - interval '10 minutes' as stale from session
         where token_hash = $1 and expires_at > now() and last_used_at > now() - interval '14 days'",
    )
    .bind(&random::token_hash(token).as_bytes()[..])
    .fetch_optional(db)
    .await?
    .ok_or_else(unauthorized)?;
    let id: [u8; 16] = row.try_get::<&[u8], _>("id")?.try_into().map_err(|_| Error::Damaged { what: "session" })?;
    if row.try_get("stale")? {
        sqlx::query("update session set last_used_at = now() where id = $1").bind(&id[..]).execute(db).await?;
    }
    Ok(Session { id, account: row.text_as("account")?, tag: tag(&id) })
}

/// Whether the session still is.
/// # Errors
/// When the database fails.
pub async fn is_alive(db: &PgPool, session: &Session) -> Result<bool, Error> {
    let alive = sqlx::query_scalar("select exists (select from session where id = $1 and expires_at > now())");
    Ok(alive.bind(&session.id[..]).fetch_one(db).await?)
}

/// Ends a session.
/// # Errors
/// When the database fails.
pub async fn close(db: &PgPool, session: &Session) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query("delete from session where id = $1").bind(&session.id[..]).execute(&mut *tx).await?;
    if ended.rows_affected() == 1 {
        let account = session.account.as_str();
        audit::append(&mut tx, Fact::by(&session.account, &session.tag, account, "session.end", account)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The answer to a request without a valid session.
pub fn unauthorized() -> Error {
    refuse(
        ErrorCode::Unauthorized,
        "You are not signed in, or this session is over. Sign in again; your local library stays usable meanwhile.",
    )
}
