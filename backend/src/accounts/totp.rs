//! Second factors: one-time passwords by time (RFC 6238: SHA-1, 6 digits, 30 seconds, one step either way), each step once, and recovery
//! codes, each once.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{ConfirmTotp, RecoveryCodes, TotpSecret};
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::BASE32_NOPAD;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use totp_rs::{Builder, Totp};

use super::secrets::Seal;
use crate::access::step_up_required;
use crate::app::App;
use crate::audit::{self, Fact};
use crate::error::{Error, invalid, refuse};
use crate::random;
use crate::sessions::{self, Session};

const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code: 120 random bits.
const RECOVERY_CHARS: usize = 24;

fn totp(secret: Vec<u8>, email: &str) -> Result<Totp, Error> {
    // The defaults are those of the standard: SHA-1, 6 digits, 30 seconds, one step either way.
    let builder = Builder::new().with_secret(secret).with_issuer(Some("CollabTrack")).with_account_name(email.replace(':', "_"));
    builder.build().map_err(|_| Error::Damaged { what: "second factor" })
}

fn seal(app: &App) -> Result<&Seal, Error> {
    app.seal.as_ref().ok_or_else(|| {
        refuse(
            ErrorCode::NotFound,
            "This server offers no second factors, because its operator set no COLLABTRACK_SECRET_KEY. Nothing was changed.",
        )
    })
}

/// A new secret, which counts once a code of it is confirmed.
/// # Errors
/// `step_up_required`; `already_decided` where a second factor is set up; `not_found` where the server offers none.
pub async fn begin(app: &App, session: &Session) -> Result<TotpSecret, Error> {
    let seal = seal(app)?;
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let secret: [u8; SECRET_BYTES] = random::bytes();
    let sealed = seal.close(session.account.as_str(), &secret)?;
    let email: Option<String> =
        sqlx::query_scalar("update account set totp_secret = $2 where id = $1 and totp_confirmed_at is null returning email")
            .bind(session.account.as_str())
            .bind(sealed)
            .fetch_optional(&app.db)
            .await?;
    let email = email.ok_or_else(|| {
        refuse(
            ErrorCode::AlreadyDecided,
            "A second factor is set up already, so nothing was changed. Switch it off before setting up another one.",
        )
    })?;
    let totp = totp(secret.to_vec(), &email)?;
    Ok(TotpSecret { secret: BASE32_NOPAD.encode(&secret), uri: totp.to_url().map_err(|_| Error::Damaged { what: "second factor" })? })
}

/// Switches the second factor on. Sessions that began without one end; the recovery codes are shown this once.
/// # Errors
/// `wrong_second_factor` for another code; `step_up_required`; `invalid` where no secret was made.
pub async fn confirm(app: &App, session: &Session, body: &ConfirmTotp) -> Result<RecoveryCodes, Error> {
    let seal = seal(app)?;
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let id = &session.account;
    let mut tx = app.db.begin().await?;
    let row = sqlx::query(
        "select totp_secret, floor(extract(epoch from now()))::bigint as now from account where id = $1 and totp_confirmed_at is null for update",
    )
    .bind(id.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let secret = match &row {
        Some(row) => row.try_get::<Option<Vec<u8>>, _>("totp_secret")?,
        None => None,
    };
    let (Some(row), Some(secret)) = (row, secret) else {
        return Err(invalid("/code", "No second factor is being set up; begin again."));
    };
    let step = step_of(&seal.open(id.as_str(), &secret)?, &body.code, row.try_get("now")?, 0)?.ok_or_else(wrong)?;
    sqlx::query("update account set totp_confirmed_at = now(), totp_last_step = $2 where id = $1")
        .bind(id.as_str())
        .bind(step)
        .execute(&mut *tx)
        .await?;
    let codes = replace_recovery_codes(&mut tx, id).await?;
    sessions::end_all_but(&mut tx, id, Some(&session.id)).await?;
    audit::append(&mut tx, Fact::by(id, &session.tag, id.as_str(), "account.second_factor_on", id.as_str())).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Switches the second factor off.
/// # Errors
/// `step_up_required`, which a second factor was part of.
pub async fn switch_off(app: &App, session: &Session) -> Result<(), Error> {
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let id = &session.account;
    let mut tx = app.db.begin().await?;
    sqlx::query("update account set totp_secret = null, totp_confirmed_at = null, totp_last_step = 0 where id = $1")
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query("delete from recovery_code where account = $1").bind(id.as_str()).execute(&mut *tx).await?;
    audit::append(&mut tx, Fact::by(id, &session.tag, id.as_str(), "account.second_factor_off", id.as_str())).await?;
    tx.commit().await?;
    Ok(())
}

/// New recovery codes; those before no longer count.
/// # Errors
/// `step_up_required`; `invalid` without a second factor.
pub async fn new_recovery_codes(app: &App, session: &Session) -> Result<RecoveryCodes, Error> {
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let id = &session.account;
    let mut tx = app.db.begin().await?;
    let on = sqlx::query("select 1 as one from account where id = $1 and totp_confirmed_at is not null for update")
        .bind(id.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    if on.is_none() {
        return Err(invalid("/", "Recovery codes belong to a second factor, and none is set up."));
    }
    let codes = replace_recovery_codes(&mut tx, id).await?;
    audit::append(&mut tx, Fact::by(id, &session.tag, id.as_str(), "account.recovery_codes", id.as_str())).await?;
    tx.commit().await?;
    Ok(codes)
}

async fn replace_recovery_codes(db: &mut PgConnection, id: &AccountId) -> Result<RecoveryCodes, Error> {
    sqlx::query("delete from recovery_code where account = $1").bind(id.as_str()).execute(&mut *db).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let whole = random::code("");
        let body = &whole[..RECOVERY_CHARS];
        sqlx::query("insert into recovery_code (account, hash) values ($1, $2)")
            .bind(id.as_str())
            .bind(&random::token_hash(body).as_bytes()[..])
            .execute(&mut *db)
            .await?;
        let groups: Vec<&str> = (0..RECOVERY_CHARS / 4).map(|n| &body[n * 4..n * 4 + 4]).collect();
        codes.push(groups.join("-"));
    }
    Ok(RecoveryCodes { codes })
}

/// Takes a code of the second factor, or a recovery code, and spends it.
/// # Errors
/// `wrong_second_factor` for one that is wrong or was used.
pub(super) async fn check(app: &App, id: &AccountId, code: &str) -> Result<(), Error> {
    let compact: String = code.chars().take(200).filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
    if compact.len() == RECOVERY_CHARS {
        return spend_recovery_code(app, id, &compact).await;
    }
    let mut tx = app.db.begin().await?;
    let row = sqlx::query(
        "select totp_secret, totp_last_step, floor(extract(epoch from now()))::bigint as now from account where id = $1 and totp_confirmed_at is not null for update",
    )
    .bind(id.as_str())
    .fetch_one(&mut *tx)
    .await?;
    let secret = seal(app)?.open(id.as_str(), row.try_get("totp_secret")?)?;
    let step = step_of(&secret, &compact, row.try_get("now")?, row.try_get("totp_last_step")?)?.ok_or_else(wrong)?;
    sqlx::query("update account set totp_last_step = $2 where id = $1").bind(id.as_str()).bind(step).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn spend_recovery_code(app: &App, id: &AccountId, code: &str) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    let spent = sqlx::query("update recovery_code set used_at = now() where account = $1 and hash = $2 and used_at is null")
        .bind(id.as_str())
        .bind(&random::token_hash(code).as_bytes()[..])
        .execute(&mut *tx)
        .await?;
    if spent.rows_affected() == 0 {
        return Err(wrong());
    }
    audit::append(&mut tx, Fact::by(id, "", id.as_str(), "account.recovery_code_used", id.as_str())).await?;
    tx.commit().await?;
    Ok(())
}

/// The time step whose code this is: the current one or its neighbours, if newer than the last one used.
fn step_of(secret: &[u8], code: &str, now_s: i64, last_step: i64) -> Result<Option<i64>, Error> {
    let step = totp(secret.to_vec(), "account")?.check(code, now_s.unsigned_abs());
    Ok(step.and_then(|step| i64::try_from(step).ok()).filter(|step| *step > last_step))
}

/// The answer to a right password without the code.
pub(super) fn needed() -> Error {
    refuse(
        ErrorCode::SecondFactorNeeded,
        "This account has a second factor. Send the code your authenticator app shows now, or one of your recovery codes.",
    )
}

fn wrong() -> Error {
    refuse(
        ErrorCode::WrongSecondFactor,
        "This code is wrong or was used already, so nothing was done. Wait for the next one, and check that the clock of your device is right.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_S: i64 = 30;

    /// RFC 6238, appendix B, SHA-1, the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_standard_one_step_either_way_and_once() {
        let secret = b"12345678901234567890";
        for (now, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000_i64, "353130")] {
            let step = now / STEP_S;
            assert_eq!(step_of(secret, code, now, 0).expect("works"), Some(step));
            assert_eq!(step_of(secret, code, now + STEP_S, 0).expect("works"), Some(step));
            assert_eq!(step_of(secret, code, now - STEP_S, 0).expect("works"), Some(step));
            assert_eq!(step_of(secret, code, now + 2 * STEP_S, 0).expect("works"), None);
            assert_eq!(step_of(secret, code, now, step).expect("works"), None, "used");
        }
        for wrong in ["", "0", "28708", "2870820", "287083"] {
            assert_eq!(step_of(secret, wrong, 59, 0).expect("works"), None, "{wrong}");
        }
    }
}
