//! Accounts: registering, proving who one is, and the holder's own view.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{Account, Person};
use collabtrack_protocol::limits::MAX_NAME_BYTES;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::accounts::address::Address;
use crate::db::RowExt;
use crate::error::{Error, invalid};

pub mod address;
pub mod by_mail;
pub mod codes;
pub mod leaving;
pub mod password;
pub mod proof;
pub mod register;
pub mod secrets;
pub mod sign_in;
pub mod throttle;
pub mod totp;

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

/// An account with what signing in needs; never leaves the server.
pub(crate) struct Known {
    pub(crate) account: Account,
    pub(crate) email_key: String,
    pub(crate) password_hash: String,
    pub(crate) disabled: bool,
}

impl Known {
    fn of_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            account: of_row(row)?,
            email_key: row.try_get("email_key")?,
            password_hash: row.try_get("password_hash")?,
            disabled: row.try_get("disabled")?,
        })
    }

    /// The account of an address.
    pub(crate) async fn by_address(db: &PgPool, address: &Address) -> Result<Option<Self>, Error> {
        let row = sqlx::query(
            "select a.id, a.name, a.email, a.email_key, a.password_hash, a.site_admin, a.disabled_at is not null as disabled,
                    a.totp_confirmed_at is not null as second_factor, a.email_confirmed_at is not null as email_confirmed,
                    (select count(*) from recovery_code r where r.account = a.id and r.used_at is null) as recovery_codes_left
             from account a where a.email_key = $1",
        )
        .bind(address.key())
        .fetch_optional(db)
        .await?;
        row.as_ref().map(Self::of_row).transpose()
    }

    /// The account of an id.
    pub(crate) async fn by_id(db: &PgPool, id: &AccountId) -> Result<Option<Self>, Error> {
        let row = sqlx::query(
            "select a.id, a.name, a.email, a.email_key, a.password_hash, a.site_admin, a.disabled_at is not null as disabled,
                    a.totp_confirmed_at is not null as second_factor, a.email_confirmed_at is not null as email_confirmed,
                    (select count(*) from recovery_code r where r.account = a.id and r.used_at is null) as recovery_codes_left
             from account a where a.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(db)
        .await?;
        row.as_ref().map(Self::of_row).transpose()
    }
}

fn of_row(row: &PgRow) -> Result<Account, Error> {
    Ok(Account {
        id: row.text_as("id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        email_confirmed: row.try_get("email_confirmed")?,
        site_admin: row.try_get("site_admin")?,
        second_factor: row.try_get("second_factor")?,
        recovery_codes_left: row.try_get("recovery_codes_left")?,
    })
}

/// The account of an address, if there is one.
/// # Errors
/// When the database fails.
pub async fn find(db: &PgPool, address: &Address) -> Result<Option<AccountId>, Error> {
    Ok(Known::by_address(db, address).await?.map(|known| known.account.id))
}

/// The account as its holder sees it.
/// # Errors
/// When the database fails.
pub async fn view(db: &PgPool, id: &AccountId) -> Result<Account, Error> {
    let known = Known::by_id(db, id).await?;
    known.map(|known| known.account).ok_or(Error::Damaged { what: "account" })
}

/// The account as other members see it.
/// # Errors
/// When the database fails.
pub async fn person(db: &mut PgConnection, id: &AccountId) -> Result<Person, Error> {
    let name = sqlx::query_scalar("select name from account where id = $1").bind(id.as_str()).fetch_one(db).await?;
    Ok(Person { id: id.clone(), name })
}
