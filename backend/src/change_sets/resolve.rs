//! Settling conflicts: a further revision on the current catalogue, that names who settled them.

use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::change_set::merge::check_bases;
use collabtrack_domain::change_set::op::check_fields;
use collabtrack_domain::change_set::resolve::{ResolveError, resolve as settle};
use collabtrack_domain::change_set::revision::Revision;
use collabtrack_domain::change_set::status::Verb;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_protocol::approval::{ChangeSetSummary, Resolve};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;

use super::approve::check_reader;
use super::begin::{Begun, Deciding, begin};
use super::idempotency::{self, Repeatable};
use super::propose::revision_refused;
use super::review::{Basis, base_mismatch};
use super::rows;
use crate::audit::{self, Fact};
use crate::catalogue::recent::Recent;
use crate::error::{Error, refuse};
use crate::random;
use crate::sessions::Session;

/// Settles every conflict of an open set.
/// # Errors
/// 409 when set or catalogue moved since the conflicts were shown; `resolution_missing`, `resolution_unneeded`; `empty_change_set` when
/// nothing of the proposal would be left.
pub async fn resolve(
    db: &PgPool,
    recent: &Recent,
    session: &Session,
    id: &ChangeSetId,
    body: &Resolve,
    repeatable: Option<&Repeatable>,
) -> Result<ChangeSetSummary, Error> {
    let mut tx = db.begin().await?;
    let Deciding { set, role, sealed, status } = match begin(&mut tx, session, id, Verb::Resolve, &body.revision_digest, repeatable).await?
    {
        Begun::Before(answer) => return Ok(answer),
        Begun::Now(deciding) => *deciding,
    };
    let said = sealed.revision();
    let basis = Basis::load(&mut tx, recent, &set.project, said).await?;
    check_reader(&basis, role, &sealed)?;
    if body.expected_head != basis.snapshot.head.to_string() {
        return Err(moved(&basis));
    }
    let outcome = basis.merge(said)?;
    let settled = settle(&basis.input(said), &outcome, &body.resolutions).map_err(|error| unsettled(&error))?;
    if settled.ops.is_empty() {
        return Err(refuse(
            ErrorCode::EmptyChangeSet,
            "With these choices everything stays as it is in the catalogue, so nothing of the proposal is left. Reject it instead, and say why.",
        ));
    }
    let current = basis.snapshot.catalogue.schema();
    check_fields(&settled.ops, current, role)
        .map_err(|error| refuse(ErrorCode::FieldForbidden, format!("Nothing was settled: {error}.")))?;
    let revision = Revision {
        // A typed value makes its typist an author; choosing between two values of others does not.
        author: if settled.typed { session.account.clone() } else { said.author.clone() },
        base_head: basis.snapshot.head,
        nonce: Salt(random::bytes()),
        ops: settled.ops,
        revision: set.revision + 1,
        schema: current.hash(),
        ..said.clone()
    };
    let next = Basis::load(&mut tx, recent, &set.project, &revision).await?;
    check_bases(&next.input(&revision)).map_err(|mismatch| base_mismatch(&mismatch.to_string()))?;
    let settled_as = revision.seal().map_err(|error| revision_refused(&error))?;
    rows::insert_revision(&mut tx, &settled_as, Some(&session.account)).await?;
    rows::set_revision(&mut tx, id, set.revision + 1, &settled_as.revision().title).await?;
    rows::set_status(&mut tx, id, status).await?;
    rows::tell(&mut tx, &set.project, id, status, set.revision + 1).await?;
    let detail = serde_json::json!({
        "title": said.title, "revision": set.revision + 1, "conflicts": outcome.conflicts.len(), "typed": settled.typed,
    });
    let fact = Fact::by(&session.account, &session.tag, set.project.as_str(), "change_set.resolve", id.as_str());
    audit::append(&mut tx, fact.revision(&settled_as.digest()).detail(detail)).await?;
    let summary = rows::summary(&mut tx, id).await?;
    idempotency::keep(&mut tx, &session.account, repeatable, &summary).await?;
    tx.commit().await?;
    Ok(summary)
}

fn moved(basis: &Basis) -> Error {
    refuse(
        ErrorCode::EffectChanged,
        "The catalogue moved after the conflicts were shown to you, so nothing was settled. Look at the conflicts of now and choose again.",
    )
    .with_facts(serde_json::json!({"head": basis.snapshot.head, "catalogue_number": basis.snapshot.number}))
}

fn unsettled(error: &ResolveError) -> Error {
    let code = match error {
        ResolveError::Missing { .. } => ErrorCode::ResolutionMissing,
        ResolveError::Unneeded { .. } => ErrorCode::ResolutionUnneeded,
        ResolveError::CannotType { .. } => ErrorCode::Invalid,
        ResolveError::ColumnGone { .. } => ErrorCode::SchemaMoved,
    };
    refuse(code, format!("Nothing was settled: {error}."))
}
