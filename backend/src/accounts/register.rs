//! Making an account, where the server's settings let this person in.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{Mailed, Register, Registered, SignedIn};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::postgres::PgConnection;

use super::address::Address;
use super::throttle::{self, Counted};
use super::{by_mail, codes, parse_name, password};
use crate::app::App;
use crate::audit::{self, Fact};
use crate::client::Client;
use crate::config::Registration;
use crate::error::{Error, invalid, refuse};
use crate::sessions::{self, Opened, devices};
use crate::{accounts, invitations, random};

/// Makes an account and signs it in. Where the server sends mail, the address is written to instead, and the answer is the same whether it
/// has an account or not.
/// # Errors
/// When registration is closed to this person, the address is taken, or a value is not acceptable.
pub async fn register(app: &App, client: &Client, body: &Register) -> Result<Registered, Error> {
    let name = parse_name("/name", &body.name)?;
    let address = Address::parse(&body.email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?;
    password::check(&body.password, &address, name)?;
    // Without mail an open server cannot hide that an address is taken; asking is slowed down instead.
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    check_registration(app, &address, body).await?;
    // Whoever has the code of the operator is known to them: no mail has to come back first.
    if let (Some(mail), None) = (&app.mail, &body.setup_code) {
        throttle::count(&app.db, Counted::Mail(address.key())).await?;
        let place = mail.place()?;
        let hash = app.passwords.hash(body.password.clone()).await?;
        // What was tried stays counted for the block: nobody writes to the whole world from here.
        mail.send(place, by_mail::write_registration(app.clone(), mail.clone(), name.to_owned(), address, hash));
        return Ok(Registered::Mailed(Mailed { mailed: true }));
    }
    let hash = app.passwords.hash(body.password.clone()).await?;
    let mut tx = app.db.begin().await?;
    let new = New { name, address: &address, hash: &hash, confirmed: false, device_name: &body.device_name };
    let signed_in = new.make(&mut tx, body.setup_code.as_deref()).await?;
    tx.commit().await?;
    throttle::uncount(&app.db, block).await?;
    signed_in.finish(app).await.map(|signed_in| Registered::SignedIn(Box::new(signed_in)))
}

/// An account to be made.
pub(super) struct New<'a> {
    pub(super) name: &'a str,
    pub(super) address: &'a Address,
    pub(super) hash: &'a str,
    /// A code mailed to the address came back.
    pub(super) confirmed: bool,
    pub(super) device_name: &'a str,
}

/// An account that was made, with its first session.
pub(super) struct Made {
    id: AccountId,
    opened: Opened,
    device_token: String,
}

impl New<'_> {
    /// Makes it, with its chain, its first session and its known device.
    pub(super) async fn make(&self, db: &mut PgConnection, setup_code: Option<&str>) -> Result<Made, Error> {
        let id = AccountId::from_random(random::bytes());
        self.insert(db, &id).await?;
        let opened = sessions::open(db, &id, self.device_name).await?;
        let device_token = devices::make_known(db, &id, self.device_name).await?;
        audit::open_chain(db, id.as_str()).await?;
        audit::append(db, Fact::by(&id, &opened.tag, id.as_str(), "account.register", id.as_str())).await?;
        if let Some(code) = setup_code {
            codes::claim_setup(db, &id, &opened.tag, self.address, code).await?;
        }
        Ok(Made { id, opened, device_token })
    }

    async fn insert(&self, db: &mut PgConnection, id: &AccountId) -> Result<(), Error> {
        sqlx::query(
            "insert into account (id, email, email_key, name, password_hash, email_confirmed_at)
             values ($1, $2, $3, $4, $5, case when $6 then now() end)",
        )
        .bind(id.as_str())
        .bind(self.address.shown())
        .bind(self.address.key())
        .bind(self.name)
        .bind(self.hash)
        .bind(self.confirmed)
        .execute(db)
        .await?;
        Ok(())
    }
}

impl Made {
    /// The answer, once it is committed.
    pub(super) async fn finish(self, app: &App) -> Result<SignedIn, Error> {
        let account = accounts::view(&app.db, &self.id).await?;
        let Opened { token, expires_at, .. } = self.opened;
        Ok(SignedIn { account, token, expires_at, device_token: Some(self.device_token) })
    }
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
