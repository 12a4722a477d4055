//! Signing in: address, password and second factor. An unknown address costs the same work and gets the same answer as a wrong password.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{SignIn, SignedIn};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::postgres::PgConnection;

use super::Known;
use super::address::Address;
use super::throttle::{self, Counted};
use super::totp;
use crate::app::App;
use crate::audit::{self, Fact, pending};
use crate::client::Client;
use crate::error::{Error, refuse};
use crate::sessions::{self, devices};

/// Checks address, password and second factor, and opens a session.
/// # Errors
/// `wrong_credentials`, `second_factor_needed`, `wrong_second_factor`, or `too_many_requests` after repeated failures.
pub async fn sign_in(app: &App, client: &Client, body: &SignIn) -> Result<SignedIn, Error> {
    let address = Address::parse(&body.email);
    let known = match &address {
        Some(address) => Known::by_address(&app.db, address).await?,
        None => None,
    };
    let device = match (&known, &body.device_token) {
        (Some(known), Some(token)) => devices::recognise(&app.db, &known.account.id, token).await?,
        _ => None,
    };
    let about = address.as_ref().map_or(body.email.as_str(), Address::key);
    let counters = Counters { device: device.as_ref(), about, block: &client.block };
    counters.count(app).await?;

    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let right = match app.passwords.verify(body.password.clone(), hash).await {
        Ok(right) => right,
        Err(busy) => {
            counters.uncount(app).await?;
            return Err(busy);
        }
    };
    let Some(known) = known.filter(|known| right && !known.disabled) else {
        if let Some(address) = &address {
            note_failure(app, address).await?;
        }
        return Err(wrong_credentials());
    };
    if known.account.second_factor {
        // The password was right: missing the code is no failure, a wrong code is one.
        let Some(code) = &body.code else {
            counters.uncount(app).await?;
            return Err(totp::needed());
        };
        if let Err(error) = totp::check(app, &known.account.id, code).await {
            pending::note(&app.db, known.account.id.as_str(), known.account.id.as_str(), "sign_in.failed").await?;
            return Err(error);
        }
    }
    counters.forgive(app).await?;
    let rehashed = match app.passwords.is_outdated(&known.password_hash) {
        true => Some(app.passwords.hash(body.password.clone()).await?),
        false => None,
    };

    let id = &known.account.id;
    let mut tx = app.db.begin().await?;
    if let Some(hash) = rehashed {
        rehash(&mut tx, id, &known.password_hash, &hash).await?;
    }
    let opened = sessions::open(&mut tx, id, &body.device_name).await?;
    let device_token = match &device {
        Some(device) => {
            devices::touch(&mut tx, device).await?;
            None
        }
        None => Some(devices::make_known(&mut tx, id, &body.device_name).await?),
    };
    pending::flush(&mut tx, id.as_str()).await?;
    audit::append(&mut tx, Fact::by(id, &opened.tag, id.as_str(), "session.start", id.as_str())).await?;
    tx.commit().await?;
    Ok(SignedIn { account: known.account, token: opened.token, expires_at: opened.expires_at, device_token })
}

/// The counters a try goes to: the device's own where it is known, else those of the account and of the block of addresses.
struct Counters<'a> {
    device: Option<&'a [u8; 16]>,
    about: &'a str,
    block: &'a str,
}

impl Counters<'_> {
    fn all(&self) -> Vec<Counted<'_>> {
        match self.device {
            Some(device) => vec![Counted::Device(device)],
            None => vec![Counted::Account(self.about), Counted::Block(self.block)],
        }
    }

    async fn count(&self, app: &App) -> Result<(), Error> {
        for counted in self.all() {
            throttle::count(&app.db, counted).await?;
        }
        Ok(())
    }

    async fn uncount(&self, app: &App) -> Result<(), Error> {
        for counted in self.all() {
            throttle::uncount(&app.db, counted).await?;
        }
        Ok(())
    }

    /// After a success nothing is held against the account or device; of the block only this try is taken back.
    async fn forgive(&self, app: &App) -> Result<(), Error> {
        for counted in self.all() {
            match counted {
                Counted::Block(_) => throttle::uncount(&app.db, counted).await?,
                Counted::Account(_) | Counted::Device(_) | Counted::Mail(_) | Counted::Mailer(_) => {
                    throttle::forgive(&app.db, counted).await?
                }
            }
        }
        Ok(())
    }
}

/// Notes a failure in the log of the account, if there is one. The same statement runs for unknown addresses.
async fn note_failure(app: &App, address: &Address) -> Result<(), Error> {
    sqlx::query(
        "insert into audit_pending (chain, actor, action) select id, id, 'sign_in.failed' from account where email_key = $1
         on conflict (chain, actor, action) do update set count = audit_pending.count + 1",
    )
    .bind(address.key())
    .execute(&app.db)
    .await?;
    Ok(())
}

/// Keeps the password under what a hash costs now, unless it was changed meanwhile.
async fn rehash(db: &mut PgConnection, id: &AccountId, old: &str, new: &str) -> Result<(), Error> {
    sqlx::query("update account set password_hash = $3 where id = $1 and password_hash = $2")
        .bind(id.as_str())
        .bind(old)
        .bind(new)
        .execute(db)
        .await?;
    Ok(())
}

/// One answer for an unknown address, a wrong password and a disabled account.
pub(super) fn wrong_credentials() -> Error {
    refuse(
        ErrorCode::WrongCredentials,
        "E-mail address or password is wrong, so you are not signed in. Check both; your local library stays usable meanwhile.",
    )
}
