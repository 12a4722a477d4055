//! Proving once more who one is, inside a session: for what a stolen session must not do.

use collabtrack_protocol::accounts::{ChangePassword, Renewed, StepUp};

use super::address::Address;
use super::sign_in::wrong_credentials;
use super::throttle::{self, Counted};
use super::{Known, password, totp};
use crate::app::App;
use crate::audit::{self, Fact, pending};
use crate::client::Client;
use crate::error::Error;
use crate::sessions::rotation::{self, Proof};
use crate::sessions::{Session, unauthorized};

/// Checks password and second factor of the session's account. Tries count together with those of signing in.
/// # Errors
/// `wrong_credentials`, `second_factor_needed`, `wrong_second_factor`, or `too_many_requests`.
async fn prove(app: &App, client: &Client, session: &Session, given: &str, code: Option<&str>) -> Result<Known, Error> {
    let known = Known::by_id(&app.db, &session.account).await?.ok_or_else(unauthorized)?;
    let counters = [Counted::Account(&known.email_key), Counted::Block(&client.block)];
    for counted in counters {
        throttle::count(&app.db, counted).await?;
    }
    let checked = check(app, &known, given, code).await;
    let id = known.account.id.as_str();
    match &checked {
        // The password was right, only the code is missing.
        Err(error) if error.is(collabtrack_protocol::problem::ErrorCode::SecondFactorNeeded) => uncount(app, &counters).await?,
        Err(error) if error.is(collabtrack_protocol::problem::ErrorCode::TooManyRequests) => uncount(app, &counters).await?,
        Err(_) => pending::note(&app.db, id, id, "step_up.failed").await?,
        Ok(()) => {
            throttle::forgive(&app.db, counters[0]).await?;
            throttle::uncount(&app.db, counters[1]).await?;
        }
    }
    checked.map(|()| known)
}

async fn check(app: &App, known: &Known, given: &str, code: Option<&str>) -> Result<(), Error> {
    if !app.passwords.verify(given.to_owned(), Some(known.password_hash.clone())).await? {
        return Err(wrong_credentials());
    }
    if !known.account.second_factor {
        return Ok(());
    }
    totp::check(app, &known.account.id, code.ok_or_else(totp::needed)?).await
}

async fn uncount(app: &App, counters: &[Counted<'_>]) -> Result<(), Error> {
    for counted in counters {
        throttle::uncount(&app.db, *counted).await?;
    }
    Ok(())
}

/// Takes the password again; the new token may do what needs it for ten minutes.
/// # Errors
/// `wrong_credentials`, `second_factor_needed`, `wrong_second_factor`, or `too_many_requests`.
pub async fn step_up(app: &App, client: &Client, session: &Session, body: &StepUp) -> Result<Renewed, Error> {
    prove(app, client, session, &body.password, body.code.as_deref()).await?;
    let mut tx = app.db.begin().await?;
    let renewed = rotation::renew(&mut tx, session, Proof::Password).await?;
    tx.commit().await?;
    Ok(renewed)
}

/// Sets a new password; every other session ends, and this one gets a new token.
/// # Errors
/// As [`step_up`]; `password_refused`.
pub async fn change_password(app: &App, client: &Client, session: &Session, body: &ChangePassword) -> Result<Renewed, Error> {
    let known = prove(app, client, session, &body.current, body.code.as_deref()).await?;
    let address = Address::parse(&known.account.email).ok_or(Error::Damaged { what: "address" })?;
    password::check(&body.new, &address, &known.account.name)?;
    let hash = app.passwords.hash(body.new.clone()).await?;
    let mut tx = app.db.begin().await?;
    let id = &known.account.id;
    // Two changes at once: the second one knew a password that is no longer the right one.
    let changed = sqlx::query("update account set password_hash = $3 where id = $1 and password_hash = $2")
        .bind(id.as_str())
        .bind(&known.password_hash)
        .bind(&hash)
        .execute(&mut *tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(wrong_credentials());
    }
    let renewed = rotation::renew_alone(&mut tx, session).await?;
    audit::append(&mut tx, Fact::by(id, &session.tag, id.as_str(), "account.password", id.as_str())).await?;
    tx.commit().await?;
    Ok(renewed)
}
