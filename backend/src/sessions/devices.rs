//! Known devices: a token that survives signing out and proves nothing but that this device signed in before. Its holder is not slowed
//! down by what strangers try on the account, so nobody can keep a member out.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{DeviceGeneration, DeviceInfo};
use data_encoding::HEXLOWER;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::{Session, shown_device};
use crate::error::{Error, invalid, not_found};
use crate::random;

/// Makes this device known for a year; the token is shown this once.
/// # Errors
/// When the database fails.
pub async fn make_known(db: &mut PgConnection, account: &AccountId, name: &str) -> Result<String, Error> {
    let (id, token) = (random::bytes::<16>(), random::token("ctd_"));
    sqlx::query("insert into known_device (id, account, token_hash, name) values ($1, $2, $3, $4)")
        .bind(&id[..])
        .bind(account.as_str())
        .bind(&random::token_hash(&token).as_bytes()[..])
        .bind(shown_device(name))
        .execute(db)
        .await?;
    Ok(token)
}

/// The device of a token, if the account knows it.
/// # Errors
/// When the database fails.
pub async fn recognise(db: &PgPool, account: &AccountId, token: &str) -> Result<Option<[u8; 16]>, Error> {
    let id: Option<Vec<u8>> =
        sqlx::query_scalar("select id from known_device where account = $1 and token_hash = $2 and expires_at > now()")
            .bind(account.as_str())
            .bind(&random::token_hash(token).as_bytes()[..])
            .fetch_optional(db)
            .await?;
    id.map(|id| id.try_into().map_err(|_| Error::Damaged { what: "device" })).transpose()
}

/// Notes that the device signed in.
/// # Errors
/// When the database fails.
pub async fn touch(db: &mut PgConnection, id: &[u8; 16]) -> Result<(), Error> {
    sqlx::query("update known_device set last_used_at = now() where id = $1").bind(&id[..]).execute(db).await?;
    Ok(())
}

/// The devices the account knows.
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, session: &Session) -> Result<Vec<DeviceInfo>, Error> {
    let rows = sqlx::query(
        "select id, name, rfc3339(created_at) as created_at, rfc3339(last_used_at) as last_used_at, rfc3339(expires_at) as expires_at
         from known_device where account = $1 and expires_at > now() order by last_used_at desc, id",
    )
    .bind(session.account.as_str())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(DeviceInfo {
                id: HEXLOWER.encode(row.try_get("id")?),
                name: row.try_get("name")?,
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
                expires_at: row.try_get("expires_at")?,
            })
        })
        .collect()
}

/// Forgets a device.
/// # Errors
/// `not_found` when it is none of the account's.
pub async fn forget(db: &PgPool, session: &Session, id: &[u8; 16]) -> Result<(), Error> {
    let gone = sqlx::query("delete from known_device where id = $1 and account = $2")
        .bind(&id[..])
        .bind(session.account.as_str())
        .execute(db)
        .await?;
    if gone.rows_affected() == 0 { Err(not_found()) } else { Ok(()) }
}

/// Takes note of how often a library was started; whether it goes on from what was last heard of it.
/// # Errors
/// `invalid` for an id or count that is none.
pub async fn generation(db: &PgPool, session: &Session, body: &DeviceGeneration) -> Result<bool, Error> {
    let is_id = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id(&body.device) || !is_id(&body.run) {
        return Err(invalid("/device", "Device and run are 1 to 64 letters and digits."));
    }
    if body.generation < 1 {
        return Err(invalid("/generation", "A library was started at least once."));
    }
    // One statement: two runs at once cannot both be the next one.
    let taken = sqlx::query(
        "insert into device_generation (account, device, generation, run) values ($1, $2, $3, $4)
         on conflict (account, device) do update set generation = excluded.generation, run = excluded.run, seen_at = now()
         where device_generation.generation < excluded.generation or (device_generation.generation = excluded.generation and device_generation.run = excluded.run)",
    )
    .bind(session.account.as_str())
    .bind(&body.device)
    .bind(body.generation)
    .bind(&body.run)
    .execute(db)
    .await?;
    Ok(taken.rows_affected() == 1)
}
