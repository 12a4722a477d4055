//! Making an account, where the server's settings let this person in.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{Register, SignedIn};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::postgres::PgConnection;

use super::address::Address;
use super::throttle::{self, Counted};
use super::{codes, parse_name, password};
use crate::app::App;
use crate::audit::{self, Fact};
use crate::client::Client;
use crate::config::Registration;
use crate::error::{Error, invalid, refuse};
use crate::sessions::{self, devices};
use crate::{accounts, invitations, random};

/// Makes an account and signs it in.
/// # Errors
/// When registration is closed to this person, the address is taken, or a value is not acceptable.
pub async fn register(app: &App, client: &Client, body: &Register) -> Result<SignedIn, Error> {
    let name = parse_name("/name", &body.name)?;
    let address = Address::parse(&body.email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?;
    password::check(&body.password, &address, name)?;
    // Without mail an open server cannot hide that an address is taken; asking is slowed down instead.
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    check_registration(app, &address, body).await?;
    let hash = app.passwords.hash(body.password.clone()).await?;

    let id = AccountId::from_random(random::bytes());
    let mut tx = app.db.begin().await?;
    insert(&mut tx, &id, name, &address, &hash).await?;
    let opened = sessions::open(&mut tx, &id, &body.device_name).await?;
    let device_token = devices::make_known(&mut tx, &id, &body.device_name).await?;
    audit::open_chain(&mut tx, id.as_str()).await?;
    audit::append(&mut tx, Fact::by(&id, &opened.tag, id.as_str(), "account.register", id.as_str())).await?;
    if let Some(code) = &body.setup_code {
        codes::claim_setup(&mut tx, &id, &opened.tag, &address, code).await?;
    }
    tx.commit().await?;
    throttle::uncount(&app.db, block).await?;
    let account = accounts::view(&app.db, &id).await?;
    Ok(SignedIn { account, token: opened.token, expires_at: opened.expires_at, device_token: Some(device_token) })
}

/// Whoever holds a setup code for this address may register in every mode.
async fn check_registration(app: &App, address: &Address, body: &Register) -> Result<(), Error> {
    if let Some(code) = &body.setup_code {
        return codes::check_setup(&mut *app.db.acquire().await?, address, code).await;
    }
    match app.service.registration {
        Registration::Open => Ok(()),
        Registration::Closed => Err(refuse(
            ErrorCode::RegistrationClosed,
            "This server takes no registrations, so no account was made. Ask whoever runs it for an account.",
        )),
        Registration::Invite => match &body.invitation {
            None => Err(refuse(
                ErrorCode::RegistrationClosed,
                "This server registers by invitation, so no account was made. Ask a member of the project for an invitation code.",
            )),
            Some(code) => invitations::check_open(&mut *app.db.acquire().await?, code, address).await,
        },
    }
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
