//! Accounts: registering, proving who one is, and the holder's own view.

use std::time::Duration;

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{Account, Person, Register, SignIn, SignedIn};
use collabtrack_protocol::limits::MAX_NAME_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::accounts::address::Address;
use crate::accounts::password::Passwords;
use crate::audit::{self, Fact};
use crate::config::Registration;
use crate::db::RowExt;
use crate::error::{Error, invalid, refuse};
use crate::{invitations, random, sessions};

pub mod address;
pub mod password;
pub mod throttle;

/// A name shown to other members: trimmed, not empty, without control characters.
/// # Errors
/// When it is empty, too long, or holds control characters.
pub fn parse_name<'a>(field: &str, name: &'a str) -> Result<&'a str, Error> {
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(invalid(field, format!("A name has 1 to {MAX_NAME_BYTES} bytes and no line breaks or other control characters.")));
    }
    Ok(name)
}

/// Makes an account and signs it in.
/// # Errors
/// When registration is closed to this person, the address is taken, or a value is not acceptable.
pub async fn register(db: &PgPool, passwords: &Passwords, mode: Registration, body: &Register) -> Result<SignedIn, Error> {
    let name = parse_name("/name", &body.name)?;
    let address = Address::parse(&body.email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?;
    password::check(&body.password, &address, name)?;
    check_registration(db, mode, body.invitation.as_deref()).await?;
    let hash = passwords.hash(body.password.clone()).await?;

    let id = AccountId::from_random(random::bytes());
    let mut tx = db.begin().await?;
    insert(&mut tx, &id, name, &address, &hash).await?;
    let opened = sessions::open(&mut tx, &id, &body.device_name).await?;
    audit::open_chain(&mut tx, id.as_str()).await?;
    audit::append(&mut tx, Fact::by(&id, &opened.tag, id.as_str(), "account.register", id.as_str())).await?;
    tx.commit().await?;
    let account = Account { id, name: name.to_owned(), email: address.shown().to_owned() };
    Ok(SignedIn { account, token: opened.token, expires_at: opened.expires_at })
}

async fn check_registration(db: &PgPool, mode: Registration, invitation: Option<&str>) -> Result<(), Error> {
    match mode {
        Registration::Open => Ok(()),
        Registration::Closed => Err(refuse(
            ErrorCode::RegistrationClosed,
            "This server takes no registrations, so no account was made. Ask whoever runs it for an account.",
        )),
        Registration::Invite => match invitation {
            None => Err(refuse(
                ErrorCode::RegistrationClosed,
                "This server registers by invitation, so no account was made. Ask a member of the project for an invitation code.",
            )),
            Some(code) => invitations::check_open(&mut *db.acquire().await?, code).await,
        },
    }
}

/// Checks address and password and opens a session. An unknown address costs the same work and gets the same answer as a wrong password.
/// # Errors
/// `wrong_credentials`, or `too_many_requests` after repeated failures.
pub async fn sign_in(db: &PgPool, passwords: &Passwords, body: &SignIn) -> Result<SignedIn, Error> {
    let address = Address::parse(&body.email);
    let counted = address.as_ref().map_or(body.email.as_str(), Address::key);
    throttle::count_attempt(db, "sign-in", counted).await?;
    let known = match &address {
        Some(address) => find(db, address).await?,
        None => None,
    };
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let right = passwords.verify(body.password.clone(), hash).await?;
    let Some(known) = known.filter(|_| right) else {
        return Err(refuse(
            ErrorCode::WrongCredentials,
            "E-mail address or password is wrong, so you are not signed in. Check both; your local library stays usable meanwhile.",
        ));
    };
    throttle::forgive(db, "sign-in", counted).await?;
    let mut tx = db.begin().await?;
    let opened = sessions::open(&mut tx, &known.account.id, &body.device_name).await?;
    let id = known.account.id.as_str();
    audit::append(&mut tx, Fact::by(&known.account.id, &opened.tag, id, "session.start", id)).await?;
    tx.commit().await?;
    Ok(SignedIn { account: known.account, token: opened.token, expires_at: opened.expires_at })
}

struct Known {
    account: Account,
    password_hash: String,
}

async fn find(db: &PgPool, address: &Address) -> Result<Option<Known>, Error> {
    let row = sqlx::query("select id, name, email, password_hash from account where email_key = $1")
        .bind(address.key())
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        let account = Account { id: row.text_as("id")?, name: row.try_get("name")?, email: row.try_get("email")? };
        Ok(Known { account, password_hash: row.try_get("password_hash")? })
    })
    .transpose()
}

async fn insert(db: &mut PgConnection, id: &AccountId, name: &str, address: &Address, hash: &str) -> Result<(), Error> {
    sqlx::query("insert into account (id, email, email_key, name, password_hash) values ($1, $2, $3, $4, $5)")
        .bind(id.as_str())
        .bind(address.shown())
        .bind(address.key())
        .bind(name)
        .bind(hash)
        .execute(db)
        .await?;
    Ok(())
}

/// The account as its holder sees it.
/// # Errors
/// When the database fails.
pub async fn view(db: &PgPool, id: &AccountId) -> Result<Account, Error> {
    let row = sqlx::query("select name, email from account where id = $1").bind(id.as_str()).fetch_one(db).await?;
    Ok(Account { id: id.clone(), name: row.try_get("name")?, email: row.try_get("email")? })
}

/// The account as other members see it.
/// # Errors
/// When the database fails.
pub async fn person(db: &mut PgConnection, id: &AccountId) -> Result<Person, Error> {
    let name = sqlx::query_scalar("select name from account where id = $1").bind(id.as_str()).fetch_one(db).await?;
    Ok(Person { id: id.clone(), name })
}

/// How long a request waits for a place to hash in.
pub(crate) const HASH_WAIT: Duration = Duration::from_secs(2);
