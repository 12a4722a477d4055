//! The one gate to a project: who asks, in which role, and whether that role may do what is asked, decided inside the transaction that
//! acts on it. Missing and foreign projects give the same answer.

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::{Action, Role, may};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::db::{RowExt, damaged};
use crate::error::{Error, not_found, refuse};

/// Lets `account` do `action` in `project`, or not; returns the role it has right now.
/// # Errors
/// `not_found` for whoever is not a member, `forbidden` for a role that may not.
pub async fn check(db: &mut PgConnection, account: &AccountId, project: &ProjectId, action: Action) -> Result<Role, Error> {
    let role: Option<String> = sqlx::query_scalar("select role from member where project = $1 and account = $2")
        .bind(project.as_str())
        .bind(account.as_str())
        .fetch_optional(db)
        .await?;
    let role = Role::from_word(&role.ok_or_else(not_found)?).ok_or_else(|| damaged("role"))?;
    allow(role, action)?;
    Ok(role)
}

/// As [`check`], and locks the project's row until the transaction ends: every change of a project does this first, so changes happen one
/// after the other and the role is that of this moment.
/// # Errors
/// As [`check`].
pub async fn lock(db: &mut PgConnection, account: &AccountId, project: &ProjectId, action: Action) -> Result<Role, Error> {
    let found = sqlx::query("select id from project where id = $1 for update").bind(project.as_str()).fetch_optional(&mut *db).await?;
    found.ok_or_else(not_found)?;
    check(db, account, project, action).await
}

/// The role of `account` in the project `query` finds for `id`, if that role may do `action`.
/// # Errors
/// `not_found` when there is no such thing or it is foreign, `forbidden` for a role that may not.
pub async fn check_by(db: &mut PgConnection, account: &AccountId, thing: Thing<'_>, action: Action) -> Result<(ProjectId, Role), Error> {
    let (query, id) = match thing {
        Thing::Version(id) => (
            "select m.project, m.role from version v join member m on m.project = v.project and m.account = $2 where v.id = $1
             union all
             select m.project, m.role from version_alias v join member m on m.project = v.project and m.account = $2 where v.id = $1",
            id,
        ),
        Thing::ChangeSet(id) => {
            ("select m.project, m.role from change_set c join member m on m.project = c.project and m.account = $2 where c.id = $1", id)
        }
        Thing::Comment(id) => {
            ("select m.project, m.role from comment c join member m on m.project = c.project and m.account = $2 where c.id = $1", id)
        }
        Thing::Upload(id) => (
            "select m.project, m.role from upload u join member m on m.project = u.project and m.account = $2 where u.id = $1 and u.account = $2",
            id,
        ),
    };
    let row = sqlx::query(query).bind(id).bind(account.as_str()).fetch_optional(db).await?.ok_or_else(not_found)?;
    let (project, role) = (row.text_as("project")?, row.role("role")?);
    allow(role, action)?;
    let _: &str = row.try_get("role")?;
    Ok((project, role))
}

/// Something inside a project, named by an id of its own.
#[derive(Debug, Clone, Copy)]
pub enum Thing<'a> {
    /// A version, also under the id of an alias.
    Version(&'a str),
    /// A change set.
    ChangeSet(&'a str),
    /// A comment.
    Comment(&'a str),
    /// An upload session of this account.
    Upload(&'a str),
}

fn allow(role: Role, action: Action) -> Result<(), Error> {
    if may(role, action) {
        return Ok(());
    }
    Err(refuse(
        ErrorCode::Forbidden,
        format!(
            "Your role in this project is {}; this takes {} or higher, so nothing was changed. Ask an admin of the project.",
            role.as_str(),
            action.lowest_role().as_str()
        ),
    ))
}
