//! Slowing down guesses: counters in the database, shared by all instances. They delay, they never lock anybody out.

use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;

use super::address::counter_key;
use crate::error::{Error, refuse};

/// Counts a try before it is looked at, so that tries at the same moment count too.
/// # Errors
/// `too_many_requests` while a delay lasts: after 5 failures within 15 minutes 1, 2, 4 … 60 seconds.
pub async fn count_attempt(db: &PgPool, purpose: &str, about: &str) -> Result<(), Error> {
    let key = counter_key(purpose, about);
    let counted = sqlx::query(
        "insert into throttle as t (key, failures, since, blocked_until) values ($1, 1, now(), now())
         on conflict (key) do update set
             failures = case when t.since < now() - interval '15 minutes' then 1 else t.failures + 1 end,
             since = case when t.since < now() - interval '15 minutes' then now() else t.since end,
             blocked_until = case
                 when t.since < now() - interval '15 minutes' or t.failures + 1 < 5 then now()
                 else now() + make_interval(secs => least(60, power(2, least(t.failures + 1 - 5, 6)))) end
         where t.blocked_until <= now()",
    )
    .bind(&key.as_bytes()[..])
    .execute(db)
    .await?;
    if counted.rows_affected() == 1 {
        return Ok(());
    }
    let wait: f64 = sqlx::query_scalar("select extract(epoch from blocked_until - now())::float8 from throttle where key = $1")
        .bind(&key.as_bytes()[..])
        .fetch_optional(db)
        .await?
        .unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=60")]
    let seconds = wait.ceil().clamp(1.0, 60.0) as u64;
    Err(refuse(
        ErrorCode::TooManyRequests,
        format!("Too many tries with this address, so this one was not looked at. Wait {seconds} s and try again; nothing is locked."),
    )
    .retry_after_s(seconds))
}

/// Forgets the failures after a success.
/// # Errors
/// When the database fails.
pub async fn forgive(db: &PgPool, purpose: &str, about: &str) -> Result<(), Error> {
    sqlx::query("delete from throttle where key = $1").bind(&counter_key(purpose, about).as_bytes()[..]).execute(db).await?;
    Ok(())
}
