//! The keys that people's computers sign with: their public halves. A key belongs to one account for ever; a revoked one stays listed,
//! because what it signed before is still looked at with it.

use collabtrack_domain::device_key::DeviceKey;
use collabtrack_protocol::accounts::{AddDeviceKey, DeviceKeyInfo};
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::HEXLOWER;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use super::{Session, shown_device};
use crate::access::step_up_required;
use crate::audit::{self, Fact};
use crate::error::{Error, id_taken, invalid, not_found, refuse};

/// Keys of one account that count at a time.
const MOST_KEYS: i64 = 32;

const COLUMNS: &str = "select id, name, public_key, rfc3339(created_at) as created_at, rfc3339(revoked_at) as revoked_at from device_key";

/// The keys of the account, newest first.
/// # Errors
/// When the database fails.
pub async fn list(db: &PgPool, session: &Session) -> Result<Vec<DeviceKeyInfo>, Error> {
    let query = sqlx::AssertSqlSafe(format!("{COLUMNS} where account = $1 order by created_at desc, id"));
    let rows = sqlx::query(query).bind(session.account.as_str()).fetch_all(db).await?;
    rows.iter().map(info).collect()
}

/// Takes the public half of a key, with the claim its secret half signed. One that the account has already is the answer.
/// # Errors
/// `step_up_required`; `invalid` for what is no key or no claim of it; `already_decided` for one that was revoked, `id_taken` for one of
/// another account.
pub async fn add(db: &PgPool, session: &Session, body: &AddDeviceKey) -> Result<DeviceKeyInfo, Error> {
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let no_key = || invalid("/public_key", "A public key is 64 hexadecimal digits: an Ed25519 key.");
    let public: [u8; 32] = HEXLOWER.decode(body.public_key.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(no_key)?;
    let key = DeviceKey::new(&public).ok_or_else(no_key)?;
    let signature: Option<[u8; 64]> = HEXLOWER.decode(body.signature.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    if !signature.is_some_and(|signature| key.accepts_claim(&session.account, &signature)) {
        return Err(invalid("/signature", "The key did not sign that it belongs to this account."));
    }

    let mut tx = db.begin().await?;
    let account = session.account.as_str();
    // One after the other, so that they can be counted.
    sqlx::query("select id from account where id = $1 for update").bind(account).execute(&mut *tx).await?;
    let id = key.fingerprint();
    let owner: Option<String> =
        sqlx::query_scalar("select account from device_key where public_key = $1").bind(&public[..]).fetch_optional(&mut *tx).await?;
    match owner {
        Some(owner) if owner != account => return Err(id_taken()),
        Some(_) => {
            let known = load(&mut tx, &id).await?;
            return if known.revoked_at.is_none() { Ok(known) } else { Err(revoked()) };
        }
        None => {}
    }
    let keys: i64 = sqlx::query_scalar("select count(*) from device_key where account = $1 and revoked_at is null")
        .bind(account)
        .fetch_one(&mut *tx)
        .await?;
    if keys >= MOST_KEYS {
        return Err(invalid("/public_key", format!("An account has {MOST_KEYS} keys at most; revoke one that is not used any more.")));
    }
    sqlx::query("insert into device_key (id, account, public_key, name) values ($1, $2, $3, $4)")
        .bind(&id[..])
        .bind(account)
        .bind(&public[..])
        .bind(shown_device(&body.name))
        .execute(&mut *tx)
        .await?;
    record(&mut tx, session, "device_key.add", &id).await?;
    let added = load(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(added)
}

/// Revokes a key: it signs nothing that counts from now on. One that is revoked already stays so.
/// # Errors
/// `not_found` when it is none of the account's, `step_up_required`.
pub async fn revoke(db: &PgPool, session: &Session, id: &[u8; 16]) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let own = sqlx::query("select revoked_at is null as counts from device_key where id = $1 and account = $2 for update");
    let found = own.bind(&id[..]).bind(session.account.as_str()).fetch_optional(&mut *tx).await?.ok_or_else(not_found)?;
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    if found.try_get("counts")? {
        sqlx::query("update device_key set revoked_at = now() where id = $1").bind(&id[..]).execute(&mut *tx).await?;
        record(&mut tx, session, "device_key.revoke", id).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn record(db: &mut PgConnection, session: &Session, action: &'static str, id: &[u8; 16]) -> Result<(), Error> {
    let target = HEXLOWER.encode(id);
    audit::append(db, Fact::by(&session.account, &session.tag, session.account.as_str(), action, &target)).await
}

async fn load(db: &mut PgConnection, id: &[u8; 16]) -> Result<DeviceKeyInfo, Error> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} where id = $1"))).bind(&id[..]).fetch_one(db).await?;
    info(&row)
}

fn info(row: &PgRow) -> Result<DeviceKeyInfo, Error> {
    Ok(DeviceKeyInfo {
        id: HEXLOWER.encode(row.try_get("id")?),
        name: row.try_get("name")?,
        public_key: HEXLOWER.encode(row.try_get("public_key")?),
        created_at: row.try_get("created_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

fn revoked() -> Error {
    refuse(ErrorCode::AlreadyDecided, "This key was revoked and never counts again, so nothing was changed. Make a new one.")
}
