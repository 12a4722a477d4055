//! Members of a project: new roles, removing, leaving, handing the project over. A project always keeps an owner.

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::{Action, Role, Target};
use collabtrack_protocol::changes::{ChangeKind, MemberLeft};
use collabtrack_protocol::projects::{ChangeRole, Policies, Project, TransferOwnership};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::audit::{self, Fact};
use crate::db::damaged;
use crate::error::{Error, invalid, not_found};
use crate::sessions::Session;
use crate::{access, feed, projects};

/// Gives somebody another role.
/// # Errors
/// `not_found` for whoever is not in the project; `forbidden`, `last_owner`, `step_up_required`, `second_factor_required`.
pub async fn change_role(
    db: &PgPool,
    session: &Session,
    project: &ProjectId,
    who: &AccountId,
    body: &ChangeRole,
) -> Result<Project, Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    // Whether the asking account is in the project comes first: a stranger learns nothing of its members.
    access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let is = role_of(&mut tx, project, who).await?;
    let target = Target::Person { is, becomes: Some(body.role) };
    access::authorise(&mut tx, session, project, Action::ChangeRole, &target).await?;
    if is != body.role {
        set_role(&mut tx, session, project, who, is, body.role).await?;
    }
    tx.commit().await?;
    projects::view(db, session, project).await
}

/// Takes somebody out of the project, or oneself. Their versions stay.
/// # Errors
/// As [`change_role`].
pub async fn remove(db: &PgPool, session: &Session, project: &ProjectId, who: &AccountId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let is = role_of(&mut tx, project, who).await?;
    let (action, target, word) = if who == &session.account {
        (Action::Leave, Target::Own, "member.leave")
    } else {
        (Action::RemoveMember, Target::Person { is, becomes: None }, "member.remove")
    };
    access::authorise(&mut tx, session, project, action, &target).await?;
    sqlx::query("delete from member where project = $1 and account = $2")
        .bind(project.as_str())
        .bind(who.as_str())
        .execute(&mut *tx)
        .await?;
    feed::append(&mut tx, project, ChangeKind::MemberLeft, &MemberLeft { account: who.clone() }).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), word, who.as_str());
    audit::append(&mut tx, fact.detail(serde_json::json!({"role": is.as_str()}))).await?;
    tx.commit().await?;
    Ok(())
}

/// Hands the project over: the other becomes owner, the asking one admin.
/// # Errors
/// `not_found` for whoever is not in the project; `forbidden`, `invalid` for oneself, `step_up_required`.
pub async fn transfer(db: &PgPool, session: &Session, project: &ProjectId, body: &TransferOwnership) -> Result<Project, Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::authorise(&mut tx, session, project, Action::TransferOwnership, &Target::Project).await?;
    if body.to == session.account {
        return Err(invalid("/to", "You own this project already; name another member."));
    }
    let is = role_of(&mut tx, project, &body.to).await?;
    set_role(&mut tx, session, project, &body.to, is, Role::Owner).await?;
    set_role(&mut tx, session, project, &session.account, Role::Owner, Role::Admin).await?;
    tx.commit().await?;
    projects::view(db, session, project).await
}

/// The switches of the project.
/// # Errors
/// `not_found` for whoever is not in it.
pub async fn policies(db: &PgPool, session: &Session, project: &ProjectId) -> Result<Policies, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let row = sqlx::query(
        "select listeners_fetch_originals, listeners_comment, members_share, review_new_versions, self_approval from project where id = $1",
    )
    .bind(project.as_str())
    .fetch_one(&mut *tx)
    .await?;
    Ok(Policies {
        listeners_fetch_originals: row.try_get("listeners_fetch_originals")?,
        listeners_comment: row.try_get("listeners_comment")?,
        members_share: row.try_get("members_share")?,
        review_new_versions: row.try_get("review_new_versions")?,
        self_approval: row.try_get::<&str, _>("self_approval")? != "never",
    })
}

/// Sets the switches of the project.
/// # Errors
/// `not_found`, `forbidden`, `second_factor_required`.
pub async fn set_policies(db: &PgPool, session: &Session, project: &ProjectId, body: &Policies) -> Result<Policies, Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::authorise(&mut tx, session, project, Action::SetPolicies, &Target::Project).await?;
    sqlx::query(
        "update project set listeners_fetch_originals = $2, listeners_comment = $3, members_share = $4, review_new_versions = $5,
                self_approval = $6 where id = $1",
    )
    .bind(project.as_str())
    .bind(body.listeners_fetch_originals)
    .bind(body.listeners_comment)
    .bind(body.members_share)
    .bind(body.review_new_versions)
    .bind(if body.self_approval { "when_sole_approver" } else { "never" })
    .execute(&mut *tx)
    .await?;
    let detail = serde_json::to_value(body).map_err(|_| Error::Damaged { what: "policies" })?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "project.policies", project.as_str());
    audit::append(&mut tx, fact.detail(detail)).await?;
    tx.commit().await?;
    Ok(*body)
}

async fn role_of(db: &mut PgConnection, project: &ProjectId, who: &AccountId) -> Result<Role, Error> {
    let role: Option<String> = sqlx::query_scalar("select role from member where project = $1 and account = $2")
        .bind(project.as_str())
        .bind(who.as_str())
        .fetch_optional(db)
        .await?;
    Ok(Role::from_word(&role.ok_or_else(not_found)?).ok_or_else(|| damaged("role"))?)
}

async fn set_role(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    who: &AccountId,
    from: Role,
    to: Role,
) -> Result<(), Error> {
    sqlx::query("update member set role = $3 where project = $1 and account = $2")
        .bind(project.as_str())
        .bind(who.as_str())
        .bind(to.as_str())
        .execute(&mut *db)
        .await?;
    let member = projects::member(db, project, who).await?;
    feed::append(db, project, ChangeKind::Member, &member).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "member.role", who.as_str());
    audit::append(db, fact.detail(serde_json::json!({"before": from.as_str(), "role": to.as_str()}))).await
}
