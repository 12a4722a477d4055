//! Slowing down guesses: counters in the database, shared by all instances. They delay, they never lock anybody out.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;

use crate::error::{Error, refuse};

/// What tries are counted by. Each is kept as a hash only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'a> {
    /// An address or account, known or not.
    Account(&'a str),
    /// The block of network addresses a request came from.
    Block(&'a str),
    /// A known device, which escapes the other two.
    Device(&'a [u8; 16]),
    /// An address that is written to, known or not: nobody has a stranger's mailbox filled.
    Mail(&'a str),
    /// An account that has invitations mailed, so that nobody writes to the whole world from here.
    Mailer(&'a str),
}

/// Longest delay between tries in seconds.
const MAX_DELAY_S: i32 = 60;
/// Delay between mails to one address in seconds.
const MAIL_DELAY_S: i32 = 600;

impl Counted<'_> {
    fn key(self) -> ObjectHash {
        let text = match self {
            Self::Account(text) => format!("account\0{}", text.trim().to_lowercase()),
            Self::Block(block) => format!("block\0{block}"),
            Self::Mail(text) => format!("mail\0{}", text.trim().to_lowercase()),
            Self::Mailer(id) => format!("mailer\0{id}"),
            Self::Device(id) => format!("device\0{}", data_encoding::HEXLOWER.encode(id)),
        };
        ObjectHash::of(text.as_bytes())
    }

    /// Failures without delay, and the seconds in which they count.
    fn free(self) -> (i32, i32) {
        match self {
            Self::Account(_) => (5, 15 * 60),
            Self::Block(_) => (30, 10 * 60),
            Self::Device(_) => (10, 60 * 60),
            Self::Mail(_) => (3, 60 * 60),
            Self::Mailer(_) => (30, 24 * 60 * 60),
        }
    }

    /// The first delay in seconds, which doubles up to the longest.
    fn delays(self) -> (i32, i32) {
        match self {
            Self::Mail(_) | Self::Mailer(_) => (MAIL_DELAY_S, MAIL_DELAY_S),
            Self::Account(_) | Self::Block(_) | Self::Device(_) => (1, MAX_DELAY_S),
        }
    }
}

/// Counts a try before it is looked at. What does not block says so with `-infinity`: a moment of another transaction may lie after the
/// beginning of this one. Counted first, so that tries at the same moment count too.
/// # Errors
/// `too_many_requests` while a delay lasts: 1, 2, 4 … 60 seconds after the failures that are free, ten minutes between mails.
pub async fn count(db: &PgPool, counted: Counted<'_>) -> Result<(), Error> {
    let (key, (free, window_s), (first, longest)) = (counted.key(), counted.free(), counted.delays());
    let done = sqlx::query(
        "insert into throttle as t (key, failures, since, blocked_until) values ($1, 1, now(), '-infinity')
         on conflict (key) do update set
             failures = case when t.since < now() - make_interval(secs => $3) then 1 else t.failures + 1 end,
             since = case when t.since < now() - make_interval(secs => $3) then now() else t.since end,
             blocked_until = case
                 when t.since < now() - make_interval(secs => $3) or t.failures + 1 < $2 then '-infinity'::timestamptz
                 else now() + make_interval(secs => least($4, $5 * power(2, least(t.failures + 1 - $2, 6)))) end
         where t.blocked_until <= now()",
    )
    .bind(&key.as_bytes()[..])
    .bind(free)
    .bind(window_s)
    .bind(longest)
    .bind(first)
    .execute(db)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    // Taken back a moment ago, it blocks no longer and says so with `-infinity`.
    let wait: f64 =
        sqlx::query_scalar("select extract(epoch from greatest(blocked_until, now()) - now())::float8 from throttle where key = $1")
            .bind(&key.as_bytes()[..])
            .fetch_optional(db)
            .await?
            .unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to at most ten minutes")]
    let seconds = wait.ceil().clamp(1.0, f64::from(longest)) as u64;
    let with = match counted {
        Counted::Block(_) => "from your network",
        Counted::Mailer(_) => "of this account",
        Counted::Account(_) | Counted::Device(_) | Counted::Mail(_) => "with this address",
    };
    Err(refuse(
        ErrorCode::TooManyRequests,
        format!("Too many tries {with}, so this one was not looked at. Wait {seconds} s and try again; nothing is locked."),
    )
    .retry_after_s(seconds))
}

/// Takes back one counted try, which was no failure.
/// # Errors
/// When the database fails.
pub async fn uncount(db: &PgPool, counted: Counted<'_>) -> Result<(), Error> {
    sqlx::query("update throttle set failures = greatest(failures - 1, 0), blocked_until = '-infinity' where key = $1")
        .bind(&counted.key().as_bytes()[..])
        .execute(db)
        .await?;
    Ok(())
}

/// Forgets the failures after a success.
/// # Errors
/// When the database fails.
pub async fn forgive(db: &PgPool, counted: Counted<'_>) -> Result<(), Error> {
    sqlx::query("delete from throttle where key = $1").bind(&counted.key().as_bytes()[..]).execute(db).await?;
    Ok(())
}

/// Forgets counters whose time is over.
/// # Errors
/// When the database fails.
pub async fn sweep(db: &PgPool) -> Result<(), Error> {
    sqlx::query("delete from throttle where since < now() - interval '1 day'").execute(db).await?;
    Ok(())
}
