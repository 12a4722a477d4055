//! Deleting a project: for everybody in it it is gone at once. Its versions lie in the trash for 35 days, where the operator can still bring
//! them back; after that their bytes go as those of any trashed version. Its log stays.

use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::{Action, Target};
use sqlx::PgPool;

use crate::access;
use crate::audit::{self, Fact};
use crate::error::Error;
use crate::sessions::Session;

/// Deletes the project.
/// # Errors
/// `not_found`, `forbidden`, `step_up_required`, `second_factor_required`.
pub async fn delete(db: &PgPool, session: &Session, project: &ProjectId) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    access::authorise(&mut tx, session, project, Action::DeleteProject, &Target::Project).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "project.delete", project.as_str());
    audit::append(&mut tx, fact).await?;
    for statement in [
        "update project set deleted_at = now() where id = $1",
        "delete from member where project = $1",
        "update invitation set revoked_at = now() where project = $1 and accepted_at is null and revoked_at is null",
        "update version set trashed_at = now(), trashed_by = null, trashed_from = state, state = 'trashed'
         where project = $1 and state in ('announced', 'complete', 'damaged')",
    ] {
        sqlx::query(statement).bind(project.as_str()).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}
