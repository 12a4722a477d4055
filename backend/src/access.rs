//! The one gate to a project: who asks, in which role, and whether the permission matrix lets them, decided inside the transaction that
//! acts on it. Missing and foreign projects, and those in the trash, give the same answer. Behind the gate stands a second fence: the same
//! question names the project to the database, and until the transaction ends row-level security hides and refuses the rows of all others.

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::{Action, Actor, Assurance, Decision, Facts, Reason, Role, Settings, Target, may};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::sessions::Session;

/// Lets `account` do `action` in `project`, or not; returns the role it has right now. For what is nobody's in particular, and for acts
/// that need no recent password; see [`authorise`] for the others.
/// # Errors
/// `not_found` for whoever is not a member, `forbidden` for a role that may not.
pub async fn check(db: &mut PgConnection, account: &AccountId, project: &ProjectId, action: Action) -> Result<Role, Error> {
    check_on(db, account, project, action, &Target::Project).await
}

/// As [`check`], for an action whose answer depends on what it is done to.
/// # Errors
/// As [`check`].
pub async fn check_on(
    db: &mut PgConnection,
    account: &AccountId,
    project: &ProjectId,
    action: Action,
    target: &Target,
) -> Result<Role, Error> {
    Standing::read(db, account, project).await?.ask(action, target, false)
}

/// As [`check`], and locks the project's row until the transaction ends: every change of a project does this first, so changes happen one
/// after the other and the role is that of this moment.
/// # Errors
/// As [`check`].
pub async fn lock(db: &mut PgConnection, account: &AccountId, project: &ProjectId, action: Action) -> Result<Role, Error> {
    lock_row(db, project).await?;
    check(db, account, project, action).await
}

/// Locks the project's row until the transaction ends.
/// # Errors
/// `not_found` when there is no such project.
pub async fn lock_row(db: &mut PgConnection, project: &ProjectId) -> Result<(), Error> {
    let found = sqlx::query("select id from project where id = $1 for update").bind(project.as_str()).fetch_optional(db).await?;
    found.map(drop).ok_or_else(not_found)
}

/// Lets the session's account do `action` to `target`, or not; takes the password's age into account. The caller has locked the project's
/// row where it changes something.
/// # Errors
/// `not_found`, `forbidden`, `last_owner`, `step_up_required` or `second_factor_required`.
pub async fn authorise(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    action: Action,
    target: &Target,
) -> Result<Role, Error> {
    Standing::read(db, &session.account, project).await?.ask(action, target, session.has_recent_password)
}

/// The role of `account` in the project of `thing`, if that role may do `action`.
/// # Errors
/// `not_found` when there is no such thing or it is foreign, `forbidden` for a role that may not.
pub async fn check_by(db: &mut PgConnection, account: &AccountId, thing: Thing<'_>, action: Action) -> Result<(ProjectId, Role), Error> {
    let (query, id) = match thing {
        Thing::Version(id) => (
            "select v.project from version v join member m on m.project = v.project and m.account = $2 where v.id = $1
             union all
             select v.project from version_alias v join member m on m.project = v.project and m.account = $2 where v.id = $1",
            id,
        ),
        Thing::ChangeSet(id) => {
            ("select c.project from change_set c join member m on m.project = c.project and m.account = $2 where c.id = $1", id)
        }
        Thing::Comment(id) => {
            ("select m.project, m.role from comment c join member m on m.project = c.project and m.account = $2 where c.id = $1", id)
        }
        Thing::Upload(id) => (
            "select u.project from upload u join member m on m.project = u.project and m.account = $2 where u.id = $1 and u.account = $2",
            id,
        ),
    };
    let row = sqlx::query(query).bind(id).bind(account.as_str()).fetch_optional(&mut *db).await?.ok_or_else(not_found)?;
    let project: ProjectId = row.text_as("project")?;
    let role = check(db, account, &project, action).await?;
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

/// Everything the matrix wants to know of somebody in a project.
struct Standing {
    project: ProjectId,
    account: AccountId,
    role: Role,
    second_factor: bool,
    facts: Facts,
}

impl Standing {
    async fn read(db: &mut PgConnection, account: &AccountId, project: &ProjectId) -> Result<Self, Error> {
        let row = sqlx::query(
            "select m.role, p.listeners_fetch_originals, p.listeners_comment, p.members_share,
                    (select count(*) from member o where o.project = p.id and o.role = 'owner') as owners,
                    a.totp_confirmed_at is not null as second_factor,
                    coalesce(current_setting('collabtrack.totp_required', true), '') = 'on' as second_factor_required,
                    -- The second fence: see `in_project_scope`.
                    set_config('collabtrack.project', p.id, true)
             from member m join project p on p.id = m.project join account a on a.id = m.account
             where m.project = $1 and m.account = $2 and a.disabled_at is null and p.trashed_at is null",
        )
        .bind(project.as_str())
        .bind(account.as_str())
        .fetch_optional(db)
        .await?;
        Self::of_row(&row.ok_or_else(|| not_found().denied(project.as_str(), account))?, account, project)
    }

    fn of_row(row: &PgRow, account: &AccountId, project: &ProjectId) -> Result<Self, Error> {
        let settings = Settings {
            listeners_fetch_originals: row.try_get("listeners_fetch_originals")?,
            listeners_comment: row.try_get("listeners_comment")?,
            members_share: row.try_get("members_share")?,
        };
        Ok(Self {
            project: project.clone(),
            account: account.clone(),
            role: row.role("role")?,
            second_factor: row.try_get("second_factor")?,
            facts: Facts {
                settings,
                owners: u32::try_from(row.try_get::<i64, _>("owners")?).unwrap_or(u32::MAX),
                second_factor_required: row.try_get("second_factor_required")?,
                // Badges ask with the credits at hand.
                credited: false,
            },
        })
    }

    /// Where no session stands behind the question, no recent password does: what needs one is refused.
    fn ask(&self, action: Action, target: &Target, recent_password: bool) -> Result<Role, Error> {
        let assurance = Assurance { recent_password, second_factor: self.second_factor };
        match may(&Actor { role: Some(self.role), assurance }, action, target, &self.facts) {
            Decision::Allowed => Ok(self.role),
            // A missing password or factor and the last owner are steps on the way, not things that are somebody else's.
            Decision::Denied(reason @ (Reason::StepUp | Reason::SecondFactor | Reason::LastOwner)) => {
                Err(refusal(reason, self.role, action))
            }
            Decision::Denied(reason) => Err(refusal(reason, self.role, action).denied(self.project.as_str(), &self.account)),
        }
    }
}

/// A refusal of the matrix, in words.
fn refusal(reason: Reason, role: Role, action: Action) -> Error {
    let own = role.as_str();
    match reason {
        Reason::NotThere => not_found(),
        Reason::Role => refuse(
            ErrorCode::Forbidden,
            format!(
                "Your role in this project is {own}; to {} takes {} or higher, so nothing was changed. Ask an admin of the project.",
                action.in_words(),
                action.lowest_role().as_str()
            ),
        ),
        Reason::NotYours => refuse(
            ErrorCode::Forbidden,
            format!(
                "As {own} you may {} only what you made yourself, so nothing was changed. Ask an admin of the project.",
                action.in_words()
            ),
        ),
        Reason::Setting => refuse(
            ErrorCode::Forbidden,
            format!(
                "The owners of this project have not opened this to the role {own} ({}), so nothing was changed. Ask an owner.",
                action.in_words()
            ),
        ),
        Reason::AboveYou => refuse(
            ErrorCode::Forbidden,
            format!("Your role, {own}, reaches people and roles up to member, so nothing was changed. Ask an owner."),
        ),
        Reason::LastOwner => refuse(
            ErrorCode::LastOwner,
            "A project always has an owner, and this is the last one, so nothing was changed. Make somebody else an owner first.",
        ),
        Reason::NotCredited => refuse(
            ErrorCode::Forbidden,
            "Only whoever is credited may sign this, so nothing was changed. Have the splits name your account first.",
        ),
        Reason::StepUp => step_up_required(),
        Reason::SecondFactor => second_factor_required(),
    }
}

/// The password is too long ago for what is asked.
pub fn step_up_required() -> Error {
    refuse(
        ErrorCode::StepUpRequired,
        "This needs your password again, because it was given more than ten minutes ago; nothing was changed. Confirm it, then repeat.",
    )
}

/// The server demands a second factor, and the account has none.
pub fn second_factor_required() -> Error {
    refuse(
        ErrorCode::SecondFactorRequired,
        "This server asks owners, admins and site admins for a second factor, and your account has none, so nothing was changed. Set one up under Account, then repeat.",
    )
}
