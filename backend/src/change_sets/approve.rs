//! Approving: one transaction, from the lock of the project to the audit entry. What was shown is what is applied, or nothing is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use collabtrack_domain::catalogue::row::{RowContent, Salt};
use collabtrack_domain::change_set::authority::Authority;
use collabtrack_domain::change_set::merge::{MergeOutcome, Mergeability};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::change_set::revision::SealedRevision;
use collabtrack_domain::change_set::status::{Status, Verb};
use collabtrack_domain::id::{ChangeSetId, VersionId};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::approval::{Approve, Approved};
use collabtrack_protocol::changes::{ApprovedMoved, CatalogueMoved, ChangeKind};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::idempotency::{self, Repeatable};
use super::propose::refused;
use super::review::{self, Basis};
use super::rows::{self, Applied, ChangeSet};
use super::versions::{self, Demand};
use crate::audit::{self, Fact};
use crate::catalogue::recent::Recent;
use crate::catalogue::rows::{self as states, Snapshot};
use crate::error::{Error, not_found, refuse};
use crate::sessions::{self, Session};
use crate::{access, feed, random};

/// How often a transaction is tried again that the database gave up to resolve a deadlock.
const TRIES: usize = 3;

/// Approves exactly what was shown.
/// # Errors
/// 409 with what moved, when the proposal, its effect or the catalogue are not those that were shown; nothing is applied then.
pub async fn approve(
    db: &PgPool,
    recent: &Recent,
    session: &Session,
    id: &ChangeSetId,
    body: &Approve,
    repeatable: Option<&Repeatable>,
) -> Result<Approved, Error> {
    let mut tries = 1;
    loop {
        match once(db, recent, session, id, body, repeatable).await {
            Err(error) if error.is_transient() && tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn once(
    db: &PgPool,
    recent: &Recent,
    session: &Session,
    id: &ChangeSetId,
    body: &Approve,
    repeatable: Option<&Repeatable>,
) -> Result<Approved, Error> {
    let mut tx = db.begin().await?;
    let (found, _) = review::open(&mut tx, &session.account, id).await?;
    // 1 and 2: the project's lock, then session, account and role as they are now.
    let role = access::lock(&mut tx, &session.account, &found.project, Action::Decide).await?;
    hold_account(&mut tx, session).await?;
    if let Some(answer) = idempotency::given(&mut tx, &session.account, repeatable).await? {
        return Ok(answer);
    }
    let set = rows::find(&mut tx, id).await?.ok_or_else(not_found)?;
    // 3: a second person, where there is one.
    let authority = review::authority(&mut tx, &set, &session.account).await?;
    if set.status == Status::Open && !authority.allows() {
        return Err(refuse(ErrorCode::SelfApproval, authority.refusal().unwrap_or("You may not decide this proposal.")));
    }
    // 4: still open, and the revision that was shown.
    let status = set.status.after(Verb::Approve).map_err(refused)?;
    let sealed = rows::newest(&mut tx, &set).await?;
    check_revision(&set, &sealed, &body.revision_digest)?;
    // 5: merged with the catalogue of this moment, to the effect that was shown.
    let basis = Basis::load(&mut tx, recent, &set.project, sealed.revision()).await?;
    check_reader(&basis, role, &sealed)?;
    let outcome = basis.merge(sealed.revision())?;
    check_outcome(&outcome, body, &basis)?;
    // 6: the versions named are these bytes, confirmed by the store.
    versions::check(&mut tx, &set.project, &sealed.revision().ops, Demand::Complete).await?;
    // 7: everything or nothing.
    let work = Work { session, set: &set, sealed: &sealed, basis: &basis, outcome: &outcome, body, authority, status };
    let (approved, after) = work.apply(&mut tx).await?;
    idempotency::keep(&mut tx, &session.account, repeatable, &approved).await?;
    tx.commit().await?;
    recent.keep(&set.project, &Arc::new(after));
    Ok(approved)
}

/// Keeps the account from being removed before the transaction ends.
async fn hold_account(db: &mut PgConnection, session: &Session) -> Result<(), Error> {
    let alive =
        sqlx::query("select a.id from account a join session s on s.account = a.id where s.id = $1 and s.expires_at > now() for share")
            .bind(&session.id[..])
            .fetch_optional(db)
            .await?;
    alive.map(drop).ok_or_else(sessions::unauthorized)
}

/// The revision that was shown is still the newest one.
pub(super) fn check_revision(set: &ChangeSet, sealed: &SealedRevision, shown: &collabtrack_domain::hash::ObjectHash) -> Result<(), Error> {
    if sealed.digest() == *shown {
        return Ok(());
    }
    Err(refuse(
        ErrorCode::RevisionChanged,
        "The proposal was edited after it was shown to you, so nothing was decided. Look at the new revision and decide again.",
    )
    .with_facts(serde_json::json!({"revision": set.revision, "revision_digest": sealed.digest()})))
}

/// Whoever decides can read every cell of the proposal.
pub(super) fn check_reader(basis: &Basis, role: Role, sealed: &SealedRevision) -> Result<(), Error> {
    if basis.reader(role).may_read_all(&sealed.revision().ops) { Ok(()) } else { Err(review::hidden_fields()) }
}

fn check_outcome(outcome: &MergeOutcome, body: &Approve, basis: &Basis) -> Result<(), Error> {
    match outcome.mergeability {
        Mergeability::Conflict => Err(refuse(
            ErrorCode::Conflict,
            "Somebody changed the same cells after this was proposed, so nothing was applied. Settle the conflicts, or ask the author to propose anew.",
        )
        .with_facts(serde_json::json!({"conflicts": outcome.conflicts}))),
        Mergeability::SchemaMoved => Err(refuse(
            ErrorCode::SchemaMoved,
            "The columns changed after this was proposed, so nothing was applied. Ask the author to propose it again on the new columns.",
        )
        .with_facts(serde_json::json!({"conflicts": outcome.conflicts}))),
        Mergeability::InvalidAfterMerge => Err(refuse(
            ErrorCode::InvalidAfterMerge,
            "The catalogue would break its own rules with these changes, so nothing was applied. See the problems, and ask the author for changes.",
        )
        .with_facts(serde_json::json!({"problems": outcome.problems}))),
        Mergeability::Clean | Mergeability::StaleClean if outcome.effect_digest != body.effect_digest => Err(refuse(
            ErrorCode::EffectChanged,
            "The catalogue moved after this was shown to you, and approving would now do something else, so nothing was applied. Look at the new effect and decide again.",
        )
        .with_facts(serde_json::json!({
            "effect": outcome.effect, "effect_digest": outcome.effect_digest,
            "head": basis.snapshot.head, "catalogue_number": basis.snapshot.number,
        }))),
        Mergeability::Clean | Mergeability::StaleClean => Ok(()),
    }
}

struct Work<'a> {
    session: &'a Session,
    set: &'a ChangeSet,
    sealed: &'a SealedRevision,
    basis: &'a Basis,
    outcome: &'a MergeOutcome,
    body: &'a Approve,
    authority: Authority,
    status: Status,
}

impl Work<'_> {
    /// Writes everything; the second part is the catalogue afterwards.
    async fn apply(&self, db: &mut PgConnection) -> Result<(Approved, Snapshot), Error> {
        let Self { set, basis, outcome, .. } = self;
        let changes = &outcome.changes;
        let after = basis.snapshot.catalogue.with(changes, || Salt(random::bytes()));
        let (head, number) = states::apply(db, &set.project, &basis.snapshot, &after, changes, set.id.as_str()).await?;
        let effect = serde_json::to_value(&outcome.effect).map_err(|_| Error::Damaged { what: "effect" })?;
        let applied = Applied { effect, digest: &outcome.effect_digest, number };
        rows::decide(db, &set.id, self.status, &self.session.account, None, Some(applied)).await?;
        let moved = CatalogueMoved { head: head.to_string(), number, approved: self.approvals(), retired: self.retirements() };
        feed::append(db, &set.project, ChangeKind::Catalogue, &moved).await?;
        rows::tell(db, &set.project, &set.id, self.status, set.revision).await?;
        let detail = serde_json::json!({
            "title": self.sealed.revision().title,
            "expected_head": self.body.expected_head,
            "effect_digest": outcome.effect_digest,
            "catalogue_number": number,
            "self_approved": self.authority == Authority::SoleApprover,
        });
        let fact = Fact::by(&self.session.account, &self.session.tag, set.project.as_str(), "change_set.approve", set.id.as_str());
        audit::append(db, fact.moved(&basis.snapshot.head, &head).revision(&self.sealed.digest()).detail(detail)).await?;
        let summary = rows::summary(db, &set.id).await?;
        Ok((Approved { summary, head: head.to_string(), catalogue_number: number }, basis.snapshot.followed_by(after, head, number)))
    }

    /// Versions that this retires.
    fn retirements(&self) -> Vec<VersionId> {
        let ops = self.sealed.revision().ops.iter();
        ops.filter_map(|op| if let Op::VersionRetire { version, .. } = op { Some(version.clone()) } else { None }).collect()
    }

    /// Tracks whose approved version this changes.
    fn approvals(&self) -> Vec<ApprovedMoved> {
        let touched = self.sealed.revision().ops.iter().filter_map(|op| match op {
            Op::VersionApprove { track, .. } | Op::VersionRetire { track, .. } | Op::TrackDelete { row: track, .. } => Some(track),
            _ => None,
        });
        let items = self.outcome.effect.iter().filter(|item| matches!(item.field.as_str(), "_approved" | "_row"));
        let changed: HashSet<&str> = items.map(|item| item.row.as_str()).collect();
        let rows: HashMap<&str, &RowContent> = self.outcome.changes.upserts.iter().map(|row| (row.id.as_str(), row)).collect();
        touched
            .filter(|track| changed.contains(track.as_str()))
            .map(|track| {
                let approved = rows.get(track.as_str()).and_then(|row| row.approved.as_ref());
                ApprovedMoved { track: track.clone(), version: approved.map(|approved| approved.version.clone()) }
            })
            .collect()
    }
}
