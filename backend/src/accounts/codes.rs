//! One-time codes: for a new password, made by a site admin, the operator or mail; and for the first site admin. Stored as hashes, single
//! use, soon over.

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::accounts::{Reset, Setup};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::site::ResetCode;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::address::Address;
use super::throttle::{self, Counted};
use super::{Known, password};
use crate::app::App;
use crate::audit::{self, Fact};
use crate::client::Client;
use crate::db::RowExt;
use crate::error::{Error, refuse};
use crate::random;
use crate::sessions::{self, Session};

const RESET: &str = "ctr_";
const SETUP: &str = "ctu_";
/// Of the site's own chain.
pub const SITE: &str = "site";

/// Who makes a reset code.
#[derive(Debug, Clone, Copy)]
pub enum Issuer<'a> {
    /// A site admin in a session.
    Admin(&'a Session),
    /// Whoever runs the server's program.
    Operator,
    /// The server itself, which mails the code to the account's address.
    Mail,
}

/// Makes a reset code for half an hour; one that was made before no longer counts.
/// # Errors
/// When the database fails.
pub async fn issue_reset(db: &mut PgConnection, account: &AccountId, issuer: Issuer<'_>) -> Result<ResetCode, Error> {
    let code = random::code(RESET);
    let hash = random::code_hash(RESET, &code).ok_or(Error::Damaged { what: "reset code" })?;
    sqlx::query("delete from one_time_code where account = $1 and kind = 'reset'").bind(account.as_str()).execute(&mut *db).await?;
    let by = match issuer {
        Issuer::Admin(session) => Some(session.account.as_str()),
        Issuer::Operator | Issuer::Mail => None,
    };
    let expires_at = sqlx::query_scalar(
        "insert into one_time_code (hash, kind, account, issued_by, expires_at) values ($1, 'reset', $2, $3, now() + interval '30 minutes')
         returning rfc3339(expires_at)",
    )
    .bind(&hash[..])
    .bind(account.as_str())
    .bind(by)
    .fetch_one(&mut *db)
    .await?;
    // Both the site and the account see who made it.
    for chain in [account.as_str(), SITE] {
        let fact = match issuer {
            Issuer::Admin(session) => Fact::by(&session.account, &session.tag, chain, "account.reset_code", account.as_str()),
            Issuer::Operator => Fact::by_word("operator", chain, "account.reset_code", account.as_str()),
            Issuer::Mail => Fact::by_word("mail", chain, "account.reset_code", account.as_str()),
        };
        audit::append(db, fact).await?;
    }
    Ok(ResetCode { code, expires_at })
}

/// Sets a new password with a code. All sessions end; nobody is signed in by it; a second factor stays.
/// # Errors
/// `code_invalid`, `password_refused`, or `too_many_requests`.
pub async fn reset(app: &App, client: &Client, body: &Reset) -> Result<(), Error> {
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    let hash = random::code_hash(RESET, &body.code).ok_or_else(not_valid)?;
    let account: Option<String> =
        sqlx::query_scalar("select account from one_time_code where hash = $1 and kind = 'reset' and expires_at > now()")
            .bind(&hash[..])
            .fetch_optional(&app.db)
            .await?;
    let id = AccountId::parse(&account.ok_or_else(not_valid)?).map_err(|_| Error::Damaged { what: "reset code" })?;
    let known = Known::by_id(&app.db, &id).await?.ok_or_else(not_valid)?;
    let address = Address::parse(&known.account.email).ok_or(Error::Damaged { what: "address" })?;
    // A refused password leaves the code as it is.
    password::check(&body.new, &address, &known.account.name)?;
    let new = app.passwords.hash(body.new.clone()).await?;

    let mut tx = app.db.begin().await?;
    let spent: Option<Option<String>> =
        sqlx::query_scalar("delete from one_time_code where hash = $1 and expires_at > now() returning issued_by")
            .bind(&hash[..])
            .fetch_optional(&mut *tx)
            .await?;
    let issued_by = spent.ok_or_else(not_valid)?.unwrap_or_default();
    sqlx::query("update account set password_hash = $2 where id = $1").bind(id.as_str()).bind(&new).execute(&mut *tx).await?;
    sessions::end_all_but(&mut tx, &id, None).await?;
    let fact = Fact::by(&id, "", id.as_str(), "account.password_reset", id.as_str());
    audit::append(&mut tx, fact.detail(serde_json::json!({"issued_by": issued_by}))).await?;
    tx.commit().await?;
    throttle::uncount(&app.db, block).await?;
    throttle::forgive(&app.db, Counted::Account(&known.email_key)).await
}

/// Makes the code for the first site admin; it is for `address` alone, and one made before no longer counts.
/// # Errors
/// `already_decided` when there is a site admin.
pub async fn issue_setup(db: &mut PgConnection, address: &Address) -> Result<ResetCode, Error> {
    check_unclaimed(db).await?;
    let code = random::code(SETUP);
    let hash = random::code_hash(SETUP, &code).ok_or(Error::Damaged { what: "setup code" })?;
    sqlx::query("delete from one_time_code where kind = 'setup'").execute(&mut *db).await?;
    let expires_at = sqlx::query_scalar(
        "insert into one_time_code (hash, kind, email_key, expires_at) values ($1, 'setup', $2, now() + interval '24 hours')
         returning rfc3339(expires_at)",
    )
    .bind(&hash[..])
    .bind(address.key())
    .fetch_one(&mut *db)
    .await?;
    audit::append(db, Fact::by_word("operator", SITE, "site.setup_code", "")).await?;
    Ok(ResetCode { code, expires_at })
}

async fn check_unclaimed(db: &mut PgConnection) -> Result<(), Error> {
    // The chain's row is the lock of everything about site admins.
    sqlx::query("select chain from audit_chain where chain = $1 for update").bind(SITE).fetch_one(&mut *db).await?;
    let claimed: bool = sqlx::query_scalar("select exists (select from account where site_admin)").fetch_one(db).await?;
    if claimed {
        return Err(refuse(
            ErrorCode::AlreadyDecided,
            "This server has a site admin already, so no code was made or used. Site admins appoint each other.",
        ));
    }
    Ok(())
}

/// Whether the code makes whoever has this address the first site admin.
/// # Errors
/// `code_invalid` when not.
pub async fn check_setup(db: &mut PgConnection, address: &Address, code: &str) -> Result<(), Error> {
    let hash = random::code_hash(SETUP, code).ok_or_else(not_valid)?;
    let found =
        sqlx::query("select 1 as one from one_time_code where hash = $1 and kind = 'setup' and email_key = $2 and expires_at > now()")
            .bind(&hash[..])
            .bind(address.key())
            .fetch_optional(db)
            .await?;
    found.map(drop).ok_or_else(not_valid)
}

/// Makes the account the first site admin and spends the code.
/// # Errors
/// `code_invalid`; `already_decided` when somebody was faster.
pub(super) async fn claim_setup(
    db: &mut PgConnection,
    account: &AccountId,
    session_tag: &str,
    address: &Address,
    code: &str,
) -> Result<(), Error> {
    check_unclaimed(db).await?;
    check_setup(db, address, code).await?;
    sqlx::query("delete from one_time_code where kind = 'setup'").execute(&mut *db).await?;
    sqlx::query("update account set site_admin = true where id = $1").bind(account.as_str()).execute(&mut *db).await?;
    audit::append(db, Fact::by(account, session_tag, SITE, "site.admin_appointed", account.as_str())).await
}

/// The signed-in account becomes the first site admin.
/// # Errors
/// As [`check_setup`]; `too_many_requests`.
pub async fn setup(app: &App, client: &Client, session: &Session, body: &Setup) -> Result<(), Error> {
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    let mut tx = app.db.begin().await?;
    let row = sqlx::query("select id, email from account where id = $1").bind(session.account.as_str()).fetch_one(&mut *tx).await?;
    let address = Address::parse(row.try_get("email")?).ok_or(Error::Damaged { what: "address" })?;
    claim_setup(&mut tx, &row.text_as("id")?, &session.tag, &address, &body.code).await?;
    tx.commit().await?;
    throttle::uncount(&app.db, block).await
}

pub(super) fn not_valid() -> Error {
    refuse(
        ErrorCode::CodeInvalid,
        "This code is unknown, used already, over, or for somebody else, so nothing was changed. Check it, or ask for a new one.",
    )
}
