//! Invitations: a single-use code, shown once, that makes its holder a member.

use collabtrack_domain::id::{InvitationId, ProjectId};
use collabtrack_domain::role::{Action, Role, highest_invitable};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{CreateInvitation, Invitation, InvitationInfo, Project};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{PgPool, Row};

use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, refuse};
use crate::sessions::Session;
use crate::{access, feed, projects, random};

/// Makes an invitation for at most the role the inviter may hand out.
/// # Errors
/// `forbidden` for a role that may not invite, or not to that role.
pub async fn create(db: &PgPool, session: &Session, project: &ProjectId, body: &CreateInvitation) -> Result<Invitation, Error> {
    let mut tx = db.begin().await?;
    let own = access::lock(&mut tx, &session.account, project, Action::Invite).await?;
    check_grant(own, body.role)?;
    let (id, code) = (InvitationId::from_random(random::bytes()), random::invitation_code());
    let expires_at = sqlx::query_scalar(
        "insert into invitation (id, project, role, code_hash, inviter, expires_at) values ($1, $2, $3, $4, $5, now() + interval '7 days')
         returning rfc3339(expires_at)",
    )
    .bind(id.as_str())
    .bind(project.as_str())
    .bind(body.role.as_str())
    .bind(&code_hash(&code).ok_or(Error::Damaged { what: "invitation code" })?[..])
    .bind(session.account.as_str())
    .fetch_one(&mut *tx)
    .await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "member.invite", id.as_str());
    audit::append(&mut tx, fact.detail(serde_json::json!({"role": body.role.as_str()}))).await?;
    tx.commit().await?;
    Ok(Invitation { id, code, role: body.role, expires_at })
}

fn check_grant(own: Role, wanted: Role) -> Result<(), Error> {
    match highest_invitable(own) {
        Some(highest) if wanted <= highest => Ok(()),
        _ => Err(refuse(
            ErrorCode::Forbidden,
            format!("Your role, {}, may not hand out the role {}, so nobody was invited. Ask an owner.", own.as_str(), wanted.as_str()),
        )),
    }
}

/// What the code is for.
/// # Errors
/// `invitation_invalid` for a code that is unknown, used or expired.
pub async fn look(db: &PgPool, code: &str) -> Result<InvitationInfo, Error> {
    let mut connection = db.acquire().await?;
    let row = find_open(&mut connection, code).await?;
    Ok(InvitationInfo {
        project: row.text_as("project")?,
        project_name: row.try_get("project_name")?,
        role: row.role("role")?,
        inviter: Person { id: row.text_as("inviter")?, name: row.try_get("inviter_name")? },
        expires_at: row.try_get("expires_at")?,
    })
}

/// Makes the asking account a member, and spends the code, both or neither.
/// # Errors
/// `invitation_invalid`, or `already_member`, which leaves the code unspent.
pub async fn accept(db: &PgPool, session: &Session, code: &str) -> Result<Project, Error> {
    let mut tx = db.begin().await?;
    let project: ProjectId = find_open(&mut tx, code).await?.text_as("project")?;
    // The project's row first, as everywhere; then the code once more, which another acceptance may have spent meanwhile.
    sqlx::query("select id from project where id = $1 for update").bind(project.as_str()).fetch_optional(&mut *tx).await?;
    let row = find_open(&mut tx, code).await?;
    let (id, role, inviter): (InvitationId, Role, collabtrack_domain::id::AccountId) =
        (row.text_as("id")?, row.role("role")?, row.text_as("inviter")?);
    // The inviter's own role may have changed since.
    let own = access::check(&mut tx, &inviter, &project, Action::Invite).await.map_err(invalid_now)?;
    check_grant(own, role).map_err(invalid_now)?;
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
    projects::view(db, session, &project).await
}

/// Whether the code could be accepted now.
/// # Errors
/// `invitation_invalid` when not.
pub(crate) async fn check_open(db: &mut PgConnection, code: &str) -> Result<(), Error> {
    find_open(db, code).await.map(drop)
}

async fn find_open(db: &mut PgConnection, code: &str) -> Result<PgRow, Error> {
    let hash = code_hash(code).ok_or_else(not_valid)?;
    sqlx::query(
        "select i.id, i.project, i.role, i.inviter, p.name as project_name, a.name as inviter_name, rfc3339(i.expires_at) as expires_at
         from invitation i join project p on p.id = i.project join account a on a.id = i.inviter
         where i.code_hash = $1 and i.accepted_at is null and i.expires_at > now()",
    )
    .bind(&hash[..])
    .fetch_optional(db)
    .await?
    .ok_or_else(not_valid)
}

/// Hash of the code as it counts: letter case, spaces and hyphens do not matter, nor does the prefix.
fn code_hash(code: &str) -> Option<[u8; 32]> {
    let compact: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect();
    let body = compact.strip_prefix("cti_").unwrap_or(&compact);
    let well_formed = body.len() == 26 && body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    well_formed.then(|| *random::token_hash(body).as_bytes())
}

/// An inviter who may not invite any more makes the invitation invalid; a failing database does not.
fn invalid_now(error: Error) -> Error {
    if matches!(error, Error::Refused(_)) { not_valid() } else { error }
}

fn not_valid() -> Error {
    refuse(
        ErrorCode::InvitationInvalid,
        "This invitation is unknown, used already, or over, so you did not join. Check the code, or ask for a new one.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_read_out_loud_still_counts() {
        let code = "cti_abcdefghijklmnopqrstuvwxyz";
        let spoken = " CTI_ABCDE-FGHIJ klmno-pqrst uvwxyz\n";
        assert_eq!(code_hash(spoken), code_hash(code));
        assert_eq!(code_hash(&code[4..]), code_hash(code));
        assert_eq!(code_hash("cti_abcdefghijklmnopqrstuvwxy1"), None);
        assert_eq!(code_hash(""), None);
    }
}
