//! What goes through somebody's mailbox: making an account, a new password, another address. Answers are the same whether an address is
//! known or not; the mail tells the truth. What is decided here happens behind the scenes, after the answer.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{
    Account, AddressChanged, ChangeAddress, ConfirmAddress, ConfirmRegistration, Mailed, RequestReset, SignedIn,
};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use super::address::Address;
use super::codes::{self, Issuer};
use super::register::New;
use super::sign_in::wrong_credentials;
use super::throttle::{self, Counted};
use super::{Known, view};
use crate::access::step_up_required;
use crate::app::App;
use crate::audit::{self, Fact};
use crate::client::Client;
use crate::error::{Error, invalid};
use crate::mail::{Letter, Mail};
use crate::random;
use crate::sessions::Session;

const PREFIX: &str = "ctv_";

/// Asks the address of an account to be made for its code, or tells whoever has it that there is one.
pub(super) async fn write_registration(
    app: App,
    mail: Mail,
    name: String,
    address: Address,
    hash: String,
) -> Result<Option<Letter>, Error> {
    if Known::by_address(&app.db, &address).await?.is_some() {
        return Ok(Some(mail.has_an_account(address)));
    }
    let code = random::code(PREFIX);
    sqlx::query("insert into pending_address (hash, email, email_key, name, password_hash) values ($1, $2, $3, $4, $5)")
        .bind(&hash_of(&code)?[..])
        .bind(address.shown())
        .bind(address.key())
        .bind(name)
        .bind(hash)
        .execute(&app.db)
        .await?;
    Ok(Some(mail.confirm_registration(address, &code)))
}

/// Makes the account that was asked for and signs it in. It takes the code and the password: whoever reads the mail of somebody who never
/// asked makes no account whose password somebody else knows.
/// # Errors
/// `code_invalid`, `wrong_credentials` (which leaves the code), `address_taken` when the address got an account meanwhile, or
/// `too_many_requests`.
pub async fn confirm_registration(app: &App, client: &Client, body: &ConfirmRegistration) -> Result<SignedIn, Error> {
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    let hash = random::code_hash(PREFIX, &body.code).ok_or_else(codes::not_valid)?;
    let row =
        sqlx::query("select email, name, password_hash from pending_address where hash = $1 and account is null and expires_at > now()")
            .bind(&hash[..])
            .fetch_optional(&app.db)
            .await?;
    let row = row.ok_or_else(codes::not_valid)?;
    let address = address_of(&row)?;
    let stored: String = row.try_get("password_hash")?;
    if !app.passwords.verify(body.password.clone(), Some(stored.clone())).await? {
        return Err(wrong_credentials());
    }
    let mut tx = app.db.begin().await?;
    if !spend(&mut tx, &hash).await? {
        return Err(codes::not_valid());
    }
    let name: String = row.try_get("name")?;
    let new = New { name: &name, address: &address, hash: &stored, confirmed: true, device_name: &body.device_name };
    let made = new.make(&mut tx, None).await?;
    tx.commit().await?;
    throttle::uncount(&app.db, block).await?;
    made.finish(app).await
}

/// Mails a reset code to the account of an address, if there is one that may sign in.
/// # Errors
/// `invalid` for what is no address and where the server sends no mail, `too_many_requests`.
pub async fn request_reset(app: &App, client: &Client, body: &RequestReset) -> Result<Mailed, Error> {
    let mail = app.mail.clone().ok_or_else(no_mail)?;
    let address = Address::parse(&body.email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?;
    throttle::count(&app.db, Counted::Block(&client.block)).await?;
    throttle::count(&app.db, Counted::Mail(address.key())).await?;
    let place = mail.place()?;
    let (db, to) = (app.db.clone(), mail.clone());
    mail.send(place, async move { write_reset(&db, &to, address).await });
    Ok(Mailed { mailed: true })
}

async fn write_reset(db: &PgPool, mail: &Mail, address: Address) -> Result<Option<Letter>, Error> {
    let Some(known) = Known::by_address(db, &address).await?.filter(|known| !known.disabled) else { return Ok(None) };
    let mut tx = db.begin().await?;
    let made = codes::issue_reset(&mut tx, &known.account.id, Issuer::Mail).await?;
    tx.commit().await?;
    Ok(Some(mail.reset(address, &made.code)))
}

/// Gives the account another address: at once where the server sends no mail, else when the code mailed to the new one comes back.
/// # Errors
/// `step_up_required`; `invalid` for what is no address; `address_taken` where there is no mail; `too_many_requests`.
pub async fn change_address(app: &App, session: &Session, body: &ChangeAddress) -> Result<AddressChanged, Error> {
    if !session.has_recent_password {
        return Err(step_up_required());
    }
    let address = Address::parse(&body.email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?;
    let Some(mail) = app.mail.clone() else {
        let mut tx = app.db.begin().await?;
        set_address(&mut tx, session, &address, false).await?;
        tx.commit().await?;
        return Ok(AddressChanged::Changed(Box::new(view(&app.db, &session.account).await?)));
    };
    throttle::count(&app.db, Counted::Mail(address.key())).await?;
    let place = mail.place()?;
    let (db, to, account) = (app.db.clone(), mail.clone(), session.account.clone());
    mail.send(place, async move { write_address(&db, &to, &account, address).await });
    Ok(AddressChanged::Mailed(Mailed { mailed: true }))
}

async fn write_address(db: &PgPool, mail: &Mail, account: &AccountId, address: Address) -> Result<Option<Letter>, Error> {
    if Known::by_address(db, &address).await?.is_some_and(|known| &known.account.id != account) {
        return Ok(Some(mail.address_is_taken(address)));
    }
    let code = random::code(PREFIX);
    let mut tx = db.begin().await?;
    // Only the newest wish counts.
    sqlx::query("delete from pending_address where account = $1").bind(account.as_str()).execute(&mut *tx).await?;
    sqlx::query("insert into pending_address (hash, email, email_key, account) values ($1, $2, $3, $4)")
        .bind(&hash_of(&code)?[..])
        .bind(address.shown())
        .bind(address.key())
        .bind(account.as_str())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Some(mail.confirm_address(address, &code)))
}

/// The code came back: the account has the address from now on, and it is confirmed. The address before is told.
/// # Errors
/// `code_invalid` for one of another account too; `address_taken` when somebody else got the address meanwhile; `too_many_requests`.
pub async fn confirm_address(app: &App, client: &Client, session: &Session, body: &ConfirmAddress) -> Result<Account, Error> {
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    let hash = random::code_hash(PREFIX, &body.code).ok_or_else(codes::not_valid)?;
    let mut tx = app.db.begin().await?;
    let row = sqlx::query("select email from pending_address where hash = $1 and account = $2 and expires_at > now()")
        .bind(&hash[..])
        .bind(session.account.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let address = address_of(&row.ok_or_else(codes::not_valid)?)?;
    if !spend(&mut tx, &hash).await? {
        return Err(codes::not_valid());
    }
    let before = set_address(&mut tx, session, &address, true).await?;
    tx.commit().await?;
    throttle::uncount(&app.db, block).await?;
    if let (Some(mail), true) = (&app.mail, before.key() != address.key())
        && let Ok(place) = mail.place()
    {
        let letter = mail.address_changed(before);
        mail.send(place, async move { Ok(Some(letter)) });
    }
    view(&app.db, &session.account).await
}

/// Sets the address; answers the one before.
async fn set_address(db: &mut PgConnection, session: &Session, address: &Address, confirmed: bool) -> Result<Address, Error> {
    let id = &session.account;
    let row = sqlx::query("select email from account where id = $1 for update").bind(id.as_str()).fetch_one(&mut *db).await?;
    let before = address_of(&row)?;
    sqlx::query("update account set email = $2, email_key = $3, email_confirmed_at = case when $4 then now() end where id = $1")
        .bind(id.as_str())
        .bind(address.shown())
        .bind(address.key())
        .bind(confirmed)
        .execute(&mut *db)
        .await?;
    let fact = Fact::by(id, &session.tag, id.as_str(), "account.address", id.as_str());
    audit::append(db, fact.detail(serde_json::json!({"confirmed": confirmed}))).await?;
    Ok(before)
}

async fn spend(db: &mut PgConnection, hash: &[u8; 32]) -> Result<bool, Error> {
    let spent = sqlx::query("delete from pending_address where hash = $1 and expires_at > now()").bind(&hash[..]).execute(db).await?;
    Ok(spent.rows_affected() == 1)
}

fn address_of(row: &PgRow) -> Result<Address, Error> {
    Address::parse(row.try_get("email")?).ok_or(Error::Damaged { what: "address" })
}

fn hash_of(code: &str) -> Result<[u8; 32], Error> {
    random::code_hash(PREFIX, code).ok_or(Error::Damaged { what: "mailed code" })
}

fn no_mail() -> Error {
    invalid("/email", "This server sends no mail. Ask a site admin for a reset code.")
}
