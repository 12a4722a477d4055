//! Invitations: a single-use code, shown once to whoever makes it, that makes its holder a member.

use collabtrack_domain::id::{AccountId, InvitationId, ProjectId};
use collabtrack_domain::role::{Action, Role, Target};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{CreateInvitation, Invitation, InvitationInfo, OpenInvitation, Project};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};
use url::Url;

use crate::accounts::address::Address;
use crate::accounts::throttle::{self, Counted};
use crate::app::App;
use crate::audit::{self, Fact};
use crate::client::Client;
use crate::db::RowExt;
use crate::error::{Error, invalid, not_found, refuse};
use crate::sessions::Session;
use crate::{access, feed, projects, random};

const PREFIX: &str = "cti_";
const DAYS: i32 = 7;
const MAX_DAYS: u32 = 30;

/// Makes an invitation for at most the role the inviter may hand out.
/// # Errors
/// `forbidden` for a role that may not invite, or not to that role; `invalid` for an address or a life that is none.
pub async fn create(app: &App, session: &Session, project: &ProjectId, body: &CreateInvitation) -> Result<Invitation, Error> {
    let days = match body.days {
        None => DAYS,
        Some(days @ 1..=MAX_DAYS) => i32::try_from(days).unwrap_or(DAYS),
        Some(_) => return Err(invalid("/days", format!("An invitation lives 1 to {MAX_DAYS} days."))),
    };
    let bound = match &body.email {
        None => None,
        Some(email) => Some(Address::parse(email).ok_or_else(|| invalid("/email", "This is not an e-mail address."))?),
    };
    let letter = match (body.mail, &app.mail, &bound) {
        (true, Some(mail), Some(to)) => Some((mail, to)),
        (true, None, _) => return Err(invalid("/mail", "This server sends no mail. Copy the code and send it yourself.")),
        (true, _, None) => return Err(invalid("/mail", "Name the address that the invitation is for.")),
        (false, ..) => None,
    };
    let mut tx = app.db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::authorise(&mut tx, session, project, Action::Invite, &Target::Role(body.role)).await?;
    // Nobody has a stranger's mailbox filled.
    let letter = match letter {
        Some((mail, to)) => {
            throttle::count(&app.db, Counted::Mailer(session.account.as_str())).await?;
            throttle::count(&app.db, Counted::Mail(to.key())).await?;
            Some((mail, to, mail.place()?))
        }
        None => None,
    };
    let (id, code) = (InvitationId::from_random(random::bytes()), random::code(PREFIX));
    let expires_at = sqlx::query_scalar(
        "insert into invitation (id, project, role, code_hash, inviter, email_key, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(days => $7)) returning rfc3339(expires_at)",
    )
    .bind(id.as_str())
    .bind(project.as_str())
    .bind(body.role.as_str())
    .bind(&hash_of(&code)?[..])
    .bind(session.account.as_str())
    .bind(bound.as_ref().map(Address::key))
    .bind(days)
    .fetch_one(&mut *tx)
    .await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "member.invite", id.as_str());
    let detail = serde_json::json!({"role": body.role.as_str(), "bound_to": bound.as_ref().map_or("", Address::shown)});
    audit::append(&mut tx, fact.detail(detail)).await?;
    tx.commit().await?;
    let mailed = letter.is_some();
    if let Some((mail, to, place)) = letter {
        let letter = mail.invitation(to.clone(), &code);
        mail.send(place, async move { Ok(Some(letter)) });
    }
    Ok(Invitation { link: link(app, &code), id, code, role: body.role, expires_at, mailed })
}

/// A new code for an open invitation; the one before no longer counts.
/// # Errors
/// `not_found` for one that is not open; as [`create`].
pub async fn reissue(app: &App, session: &Session, project: &ProjectId, id: &InvitationId) -> Result<Invitation, Error> {
    let mut tx = app.db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::check(&mut tx, &session.account, project, Action::Invite).await?;
    let role = role_of_open(&mut tx, project, id).await?;
    access::authorise(&mut tx, session, project, Action::Invite, &Target::Role(role)).await?;
    let code = random::code(PREFIX);
    let expires_at = sqlx::query_scalar(
        "update invitation set code_hash = $2, inviter = $3, expires_at = now() + make_interval(days => $4) where id = $1
         returning rfc3339(expires_at)",
    )
    .bind(id.as_str())
    .bind(&hash_of(&code)?[..])
    .bind(session.account.as_str())
    .bind(DAYS)
    .fetch_one(&mut *tx)
    .await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "member.invite_again", id.as_str());
    audit::append(&mut tx, fact).await?;
    tx.commit().await?;
    Ok(Invitation { link: link(app, &code), id: id.clone(), code, role, expires_at, mailed: false })
}

/// Takes an invitation back.
/// # Errors
/// As [`reissue`].
pub async fn revoke(db: &PgPool, session: &Session, project: &ProjectId, id: &InvitationId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::check(&mut tx, &session.account, project, Action::Invite).await?;
    let role = role_of_open(&mut tx, project, id).await?;
    access::authorise(&mut tx, session, project, Action::Invite, &Target::Role(role)).await?;
    sqlx::query("update invitation set revoked_at = now() where id = $1").bind(id.as_str()).execute(&mut *tx).await?;
    audit::append(&mut tx, Fact::by(&session.account, &session.tag, project.as_str(), "member.uninvite", id.as_str())).await?;
    tx.commit().await?;
    Ok(())
}

/// The open invitations of a project, newest first.
/// # Errors
/// `not_found`, `forbidden`.
pub async fn list(db: &PgPool, session: &Session, project: &ProjectId) -> Result<Vec<OpenInvitation>, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::Invite).await?;
    let rows = sqlx::query(
        "select i.id, i.role, i.email_key, i.inviter, a.name as inviter_name, rfc3339(i.created_at) as created_at,
                rfc3339(i.expires_at) as expires_at
         from invitation i join account a on a.id = i.inviter
         where i.project = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
         order by i.created_at desc, i.id",
    )
    .bind(project.as_str())
    .fetch_all(&mut *tx)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(OpenInvitation {
                id: row.text_as("id")?,
                role: row.role("role")?,
                email: row.try_get("email_key")?,
                inviter: Person { id: row.text_as("inviter")?, name: row.try_get("inviter_name")? },
                created_at: row.try_get("created_at")?,
                expires_at: row.try_get("expires_at")?,
            })
        })
        .collect()
}

/// What the code is for.
/// # Errors
/// `invitation_invalid` for a code that is unknown, used, revoked, expired or bound to another account; `too_many_requests` after many.
pub async fn look(app: &App, client: &Client, session: &Session, code: &str) -> Result<InvitationInfo, Error> {
    counted(app, client, async {
        let mut connection = app.db.acquire().await?;
        let key = address_of(&mut connection, &session.account).await?;
        let row = find_open(&mut connection, code, &key).await?;
        Ok(InvitationInfo {
            project: row.text_as("project")?,
            project_name: row.try_get("project_name")?,
            role: row.role("role")?,
            inviter: Person { id: row.text_as("inviter")?, name: row.try_get("inviter_name")? },
            expires_at: row.try_get("expires_at")?,
        })
    })
    .await
}

/// Makes the asking account a member, and spends the code, both or neither.
/// # Errors
/// `invitation_invalid`, or `already_member`, which leaves the code unspent; `too_many_requests` after many wrong codes.
pub async fn accept(app: &App, client: &Client, session: &Session, code: &str) -> Result<Project, Error> {
    let project = counted(app, client, join(app, session, code)).await?;
    projects::view(&app.db, session, &project).await
}

async fn join(app: &App, session: &Session, code: &str) -> Result<ProjectId, Error> {
    let mut tx = app.db.begin().await?;
    let key = address_of(&mut tx, &session.account).await?;
    let project: ProjectId = find_open(&mut tx, code, &key).await?.text_as("project")?;
    // The project's row first, as everywhere; then the code once more, which another acceptance may have spent meanwhile.
    access::lock_row(&mut tx, &project).await?;
    let row = find_open(&mut tx, code, &key).await?;
    let (id, role, inviter): (InvitationId, Role, AccountId) = (row.text_as("id")?, row.role("role")?, row.text_as("inviter")?);
    // Where addresses are confirmed, one that only claims to be the invited one does not get in.
    if app.mail.is_some() && row.try_get("unconfirmed")? {
        return Err(refuse(
            ErrorCode::AddressUnconfirmed,
            "This invitation is for your address, and that is not confirmed yet, so you did not join. Confirm it under Account, then join; the code stays good.",
        ));
    }
    // The inviter's own role may have changed since.
    access::check_on(&mut tx, &inviter, &project, Action::Invite, &Target::Role(role)).await.map_err(invalid_now)?;
    projects::add_member(&mut tx, &project, &session.account, role).await?;
    sqlx::query("update invitation set accepted_by = $2, accepted_at = now() where id = $1")
        .bind(id.as_str())
        .bind(session.account.as_str())
        .execute(&mut *tx)
        .await?;
    let member = projects::member(&mut tx, &project, &session.account).await?;
    feed::append(&mut tx, &project, ChangeKind::Member, &member).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "member.join", session.account.as_str());
    audit::append(&mut tx, fact.detail(serde_json::json!({"invitation": id.as_str(), "role": role.as_str()}))).await?;
    tx.commit().await?;
    Ok(project)
}

/// Counts a try with a code against the block it came from; only an invalid code stays counted.
async fn counted<T>(app: &App, client: &Client, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let block = Counted::Block(&client.block);
    throttle::count(&app.db, block).await?;
    let result = work.await;
    if !result.as_ref().is_err_and(|error| error.is(ErrorCode::InvitationInvalid)) {
        throttle::uncount(&app.db, block).await?;
    }
    result
}

/// Whether the code could be accepted now by somebody with that address.
/// # Errors
/// `invitation_invalid` when not.
pub(crate) async fn check_open(db: &mut PgConnection, code: &str, address: &Address) -> Result<(), Error> {
    find_open(db, code, address.key()).await.map(drop)
}

async fn find_open(db: &mut PgConnection, code: &str, email_key: &str) -> Result<PgRow, Error> {
    let hash = random::code_hash(PREFIX, code).ok_or_else(not_valid)?;
    sqlx::query(
        "select i.id, i.project, i.role, i.inviter, p.name as project_name, a.name as inviter_name, rfc3339(i.expires_at) as expires_at,
                i.email_key is not null and not exists (
                    select from account own where own.email_key = $2 and own.email_confirmed_at is not null) as unconfirmed
         from invitation i join project p on p.id = i.project join account a on a.id = i.inviter
         where i.code_hash = $1 and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()
           and (i.email_key is null or i.email_key = $2) and p.trashed_at is null",
    )
    .bind(&hash[..])
    .bind(email_key)
    .fetch_optional(db)
    .await?
    .ok_or_else(not_valid)
}

async fn role_of_open(db: &mut PgConnection, project: &ProjectId, id: &InvitationId) -> Result<Role, Error> {
    let row = sqlx::query(
        "select role from invitation where id = $1 and project = $2 and accepted_at is null and revoked_at is null and expires_at > now()",
    )
    .bind(id.as_str())
    .bind(project.as_str())
    .fetch_optional(db)
    .await?;
    Ok(row.ok_or_else(not_found)?.role("role")?)
}

async fn address_of(db: &mut PgConnection, account: &AccountId) -> Result<String, Error> {
    Ok(sqlx::query_scalar("select email_key from account where id = $1").bind(account.as_str()).fetch_one(db).await?)
}

fn hash_of(code: &str) -> Result<[u8; 32], Error> {
    random::code_hash(PREFIX, code).ok_or(Error::Damaged { what: "invitation code" })
}

/// The code as a link. It stands behind the `#`, which browsers keep to themselves.
fn link(app: &App, code: &str) -> String {
    let base = app.service.public_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
    format!("{base}/join#{code}")
}

/// An inviter who may not invite any more makes the invitation invalid; a failing database does not.
fn invalid_now(error: Error) -> Error {
    if matches!(error, Error::Refused(_)) { not_valid() } else { error }
}

fn not_valid() -> Error {
    refuse(
        ErrorCode::InvitationInvalid,
        "This invitation is unknown, used already, taken back, over, or for another address, so you did not join. Check the code, or ask for a new one.",
    )
}
