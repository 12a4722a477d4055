//! How every decision but approving begins: the project's lock, the role of this moment, an answer given before, and the set as it was
//! shown, still open to the decision.

use collabtrack_domain::change_set::revision::SealedRevision;
use collabtrack_domain::change_set::status::{Status, Verb};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_domain::role::{Action, Role};
use serde::de::DeserializeOwned;
use sqlx::postgres::PgConnection;

use super::approve::check_revision;
use super::idempotency::{self, Repeatable};
use super::propose::refused;
use super::review;
use super::rows::{self, ChangeSet};
use crate::access;
use crate::error::{Error, not_found};
use crate::sessions::Session;

/// A decision about to be made.
pub(super) struct Deciding {
    pub(super) set: ChangeSet,
    pub(super) role: Role,
    /// The revision that was shown.
    pub(super) sealed: SealedRevision,
    /// The status the decision leads to.
    pub(super) status: Status,
}

/// What a request to decide begins with.
pub(super) enum Begun<T> {
    /// It was carried out before; this was the answer.
    Before(T),
    /// It is to be carried out now.
    Now(Box<Deciding>),
}

/// Begins a decision about the revision of digest `shown`.
/// # Errors
/// `not_found`, `forbidden`; 409 when the set was edited or decided meanwhile.
pub(super) async fn begin<T: DeserializeOwned>(
    db: &mut PgConnection,
    session: &Session,
    id: &ChangeSetId,
    verb: Verb,
    shown: &ObjectHash,
    repeatable: Option<&Repeatable>,
) -> Result<Begun<T>, Error> {
    let (found, _) = review::open(db, &session.account, id).await?;
    let role = access::lock(db, &session.account, &found.project, Action::Decide).await?;
    if let Some(answer) = idempotency::given(db, &session.account, repeatable).await? {
        return Ok(Begun::Before(answer));
    }
    let set = rows::find(db, id).await?.ok_or_else(not_found)?;
    let status = set.status.after(verb).map_err(refused)?;
    let sealed = rows::newest(db, &set).await?;
    check_revision(&set, &sealed, shown)?;
    Ok(Begun::Now(Box::new(Deciding { set, role, sealed, status })))
}
