//! Replacing a session's token. The successor counts from its first use; the old token lives a minute beyond that, so that a lost answer
//! signs nobody out. Whoever uses the old one later holds a stolen copy, or its owner does: the session ends, and the log says so.

use collabtrack_protocol::accounts::Renewed;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::{Session, end_all_but, tag, unauthorized};
use crate::audit::{self, Fact};
use crate::error::Error;
use crate::random;

/// Whether the successor was asked for with the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By the old token alone.
    Token,
    /// With the password, just now.
    Password,
}

/// A successor of the session's token. It replaces a successor that was never used.
/// # Errors
/// `unauthorized` for a token that has a successor in use already.
pub async fn renew(db: &mut PgConnection, session: &Session, proof: Proof) -> Result<Renewed, Error> {
    if !session.is_current {
        return Err(unauthorized());
    }
    let token = random::token("cts_");
    let expires_at: Option<String> = sqlx::query_scalar(
        "update session set next_hash = $2, next_stepped_up_at = case when $3 then now() else null end where id = $1
         returning rfc3339(expires_at)",
    )
    .bind(&session.id[..])
    .bind(&random::token_hash(&token).as_bytes()[..])
    .bind(proof == Proof::Password)
    .fetch_optional(db)
    .await?;
    Ok(Renewed { token, expires_at: expires_at.ok_or_else(unauthorized)? })
}

/// The successor's first use: from now on it is the token, and the old one has a minute left. Nothing happens where another request with
/// the same token was faster.
pub(super) async fn promote(db: &PgPool, hash: &[u8; 32]) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let found: Option<(Vec<u8>, Vec<u8>)> = sqlx::query_as("select id, token_hash from session where next_hash = $1 for update")
        .bind(&hash[..])
        .fetch_optional(&mut *tx)
        .await?;
    let Some((id, old)) = found else { return Ok(()) };
    sqlx::query(
        "update session set token_hash = next_hash, next_hash = null, rotated_at = now(), last_used_at = now(),
                stepped_up_at = coalesce(next_stepped_up_at, stepped_up_at), next_stepped_up_at = null where id = $1",
    )
    .bind(&id)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into retired_token (token_hash, session, grace_until) values ($1, $2, now() + interval '60 seconds')")
        .bind(&old)
        .bind(&id)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// A token was used after its time: somebody has a copy. The session ends for both.
pub(super) async fn end_family(db: &PgPool, session: &Session) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let ended = sqlx::query("delete from session where id = $1").bind(&session.id[..]).execute(&mut *tx).await?;
    if ended.rows_affected() == 1 {
        let mark = tag(&session.id);
        audit::append(&mut tx, Fact::by(&session.account, "", session.account.as_str(), "session.token_reused", &mark)).await?;
        tracing::warn!(session = %mark, "a token was used after its successor; the session was ended");
    }
    tx.commit().await?;
    Ok(())
}

/// As [`renew`], after the password was given, and ends every other session of the account.
/// # Errors
/// As [`renew`].
pub(crate) async fn renew_alone(db: &mut PgConnection, session: &Session) -> Result<Renewed, Error> {
    end_all_but(db, &session.account, Some(&session.id)).await?;
    renew(db, session, Proof::Password).await
}
