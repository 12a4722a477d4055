//! Reading change sets: the list with its counters, one set with what approving it now would do, and the exact bytes of a revision.

use std::collections::HashSet;
use std::sync::Arc;

use collabtrack_domain::catalogue::row::{Rev, RowId};
use collabtrack_domain::catalogue::schema::Schema;
use collabtrack_domain::change_set::authority::{Authority, may_decide};
use collabtrack_domain::change_set::merge::{Bases, MergeInput, MergeOutcome, merge};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::change_set::redact::Reader;
use collabtrack_domain::change_set::revision::Revision;
use collabtrack_domain::change_set::split;
use collabtrack_domain::change_set::status::Status;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, ChangeSetId, ProjectId};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::approval::{ChangeSetDetail, ChangeSetList, ConflictOrigin};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::rows::{self, ChangeSet};
use super::stale;
use crate::access::{self, Thing};
use crate::catalogue::recent::Recent;
use crate::catalogue::rows::{self as states, Snapshot};
use crate::error::{Error, not_found, refuse};
use crate::sessions::Session;

/// Decided sets in a list. Those that wait are all listed: what nobody sees, nobody decides.
const MAX_CLOSED_LISTED: i64 = 500;
/// Conflicts of one set whose maker is looked up.
const MAX_ORIGINS: usize = 200;

/// The change sets of a project that wait, the newest decided ones, and how many there are of each kind.
/// # Errors
/// `not_found` or `forbidden` for whoever may not read change sets.
pub async fn list(db: &PgPool, session: &Session, project: &ProjectId) -> Result<ChangeSetList, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::ReadChangeSets).await?;
    let items = rows::list(&mut tx, project, &session.account, MAX_CLOSED_LISTED).await?;
    let (open, mine, closed) = rows::counts(&mut tx, project, &session.account).await?;
    let in_conflict = stale::in_conflict(&mut tx, project).await?;
    let (approvers, policy) = rows::approvers(&mut tx, project).await?;
    tx.commit().await?;
    let own = std::slice::from_ref(&session.account);
    let may_approve_own = may_decide(own, &session.account, &approvers, policy).allows();
    Ok(ChangeSetList { items, open, mine, closed, in_conflict, may_approve_own })
}

/// One change set: what was proposed, and what approving it now would do.
/// # Errors
/// `not_found` for foreign sets and other people's drafts.
pub async fn detail(db: &PgPool, recent: &Recent, session: &Session, id: &ChangeSetId) -> Result<ChangeSetDetail, Error> {
    let mut tx = db.begin().await?;
    let (set, role) = open(&mut tx, &session.account, id).await?;
    let sealed = rows::newest(&mut tx, &set).await?;
    let summary = rows::summary(&mut tx, id).await?;
    let basis = Basis::load(&mut tx, recent, &set.project, sealed.revision()).await?;
    let authority = authority(&mut tx, &set, &session.account).await?;
    let outcome = if set.status.is_closed() { None } else { Some(basis.merge(sealed.revision())?) };
    let origins = match &outcome {
        Some(outcome) => origins(&mut tx, &set.project, &basis, outcome).await?,
        None => Vec::new(),
    };
    let split_into = rows::split_into(&mut tx, id).await?;
    tx.commit().await?;
    let reader = basis.reader(role);
    let (effect, effect_digest) = match (&set.applied, &outcome) {
        (Some((effect, digest, _)), _) => (reader.items(effect.as_array().map(Vec::as_slice).unwrap_or_default()), Some(*digest)),
        (None, Some(outcome)) => (reader.items(&outcome.effect), outcome.mergeability.is_clean().then_some(outcome.effect_digest)),
        (None, None) => (Vec::new(), None),
    };
    let ops = &sealed.revision().ops;
    let may_not_because = may_not(&set, &authority, reader.may_read_all(ops));
    Ok(ChangeSetDetail {
        summary,
        reason: sealed.revision().reason.clone(),
        revision_digest: sealed.digest(),
        ops: reader.ops(ops),
        head: basis.snapshot.head.to_string(),
        catalogue_number: set.applied.as_ref().map_or(basis.snapshot.number, |(_, _, number)| *number),
        mergeability: outcome.as_ref().map_or("clean", |outcome| outcome.mergeability.as_str()).to_owned(),
        effect,
        effect_digest,
        conflicts: outcome.as_ref().map(|outcome| reader.items(&outcome.conflicts)).unwrap_or_default(),
        problems: outcome.map(|outcome| reader.problems(&outcome.problems)).unwrap_or_default(),
        may_decide: may_not_because.is_none(),
        may_not_because,
        rows_without_base: set.rows_without_base,
        self_approval: set.status == Status::Open && authority == Authority::SoleApprover,
        groups: split::groups(ops).into_iter().map(|group| u32::try_from(group).unwrap_or(u32::MAX)).collect(),
        origins,
        split_from: set.split_from,
        split_into,
        reverts: set.reverts,
    })
}

/// Who made what conflicts, for the first conflicts of a long list.
async fn origins(db: &mut PgConnection, project: &ProjectId, basis: &Basis, outcome: &MergeOutcome) -> Result<Vec<ConflictOrigin>, Error> {
    let places: Vec<(String, String)> =
        outcome.conflicts.iter().take(MAX_ORIGINS).map(|conflict| (conflict.row.clone(), conflict.field.clone())).collect();
    if places.is_empty() { Ok(Vec::new()) } else { rows::origins(db, project, basis.base_number, &places).await }
}

/// The exact bytes of a revision, which its digest is of.
/// # Errors
/// `field_forbidden` for a role that may not read every cell in them.
pub async fn bytes(db: &PgPool, session: &Session, id: &ChangeSetId, revision: i64) -> Result<Vec<u8>, Error> {
    let mut tx = db.begin().await?;
    let (set, role) = open(&mut tx, &session.account, id).await?;
    let bytes = rows::revision_bytes(&mut tx, id, revision).await?.ok_or_else(not_found)?;
    let said: Revision = serde_json::from_slice(&bytes).map_err(|_| Error::Damaged { what: "revision" })?;
    let current = states::current_schema(&mut tx, &set.project).await?;
    let written = states::schema_by_hash(&mut tx, &set.project, &said.schema).await?;
    tx.commit().await?;
    let reader = Reader::new(role, [Some(&current), written.as_ref()].into_iter().flatten());
    if reader.may_read_all(&said.ops) { Ok(bytes) } else { Err(hidden_fields()) }
}

/// A set the account may read, with its role.
pub(super) async fn open(db: &mut PgConnection, account: &AccountId, id: &ChangeSetId) -> Result<(ChangeSet, Role), Error> {
    let (_, role) = access::check_by(db, account, Thing::ChangeSet(id.as_str()), Action::ReadChangeSets).await?;
    let set = rows::find(db, id).await?.ok_or_else(not_found)?;
    if set.status == Status::Draft && set.created_by != *account {
        return Err(not_found());
    }
    Ok((set, role))
}

pub(super) fn hidden_fields() -> Error {
    refuse(
        ErrorCode::FieldForbidden,
        "This proposal changes columns your role may not read, so its exact bytes are not for you. Ask an admin to review it.",
    )
}

/// Whether the account may decide the set.
pub(super) async fn authority(db: &mut PgConnection, set: &ChangeSet, account: &AccountId) -> Result<Authority, Error> {
    let authors = rows::authors(db, &set.id).await?;
    let (approvers, policy) = rows::approvers(db, &set.project).await?;
    Ok(may_decide(&authors, account, &approvers, policy))
}

fn may_not(set: &ChangeSet, authority: &Authority, reads_all: bool) -> Option<String> {
    if set.status != Status::Open {
        return Some(format!("This proposal is {}.", set.status.shown()));
    }
    if let Some(refusal) = authority.refusal() {
        return Some(refusal.to_owned());
    }
    (!reads_all).then(|| "It changes columns your role may not read.".to_owned())
}

/// What a merge rests on, read in one transaction.
pub(super) struct Basis {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) base_schema: Option<Schema>,
    base_number: i64,
    bases: Bases,
    added: HashSet<RowId>,
}

impl Basis {
    /// Reads the current state and the states that the revision names.
    pub(super) async fn load(db: &mut PgConnection, recent: &Recent, project: &ProjectId, revision: &Revision) -> Result<Self, Error> {
        let snapshot = recent.load(db, project).await?;
        let base_number = states::head_facts(db, project, &revision.base_head).await?.map_or(0, |(number, _)| number);
        Self::on(db, project, revision, snapshot, base_number).await
    }

    /// As [`Basis::load`], but with the rows alone that the revision can meet: enough to find conflicts, not to judge the whole catalogue.
    pub(super) async fn load_met(db: &mut PgConnection, project: &ProjectId, revision: &Revision) -> Result<Self, Error> {
        let base_number = states::head_facts(db, project, &revision.base_head).await?.map_or(0, |(number, _)| number);
        let touched: Vec<RowId> = revision.ops.iter().filter_map(Op::row).collect();
        let snapshot = Arc::new(states::load_some(db, project, &touched, base_number).await?);
        Self::on(db, project, revision, snapshot, base_number).await
    }

    async fn on(
        db: &mut PgConnection,
        project: &ProjectId,
        revision: &Revision,
        snapshot: Arc<Snapshot>,
        base_number: i64,
    ) -> Result<Self, Error> {
        // Most rows still are as the author saw them: those are here already.
        let is_current = |row: &RowId, rev: Rev| snapshot.catalogue.row(row).is_some_and(|current| current.rev() == rev);
        let named = revision.ops.iter().filter_map(|op: &Op| Some((op.row()?, op.rev()?)));
        let named: Vec<(RowId, Rev)> = named.filter(|(row, rev)| !is_current(row, *rev)).collect();
        let bases = Bases::new(states::states(db, project, &named).await?);
        let base_schema = if revision.schema == snapshot.catalogue.schema().hash() {
            None
        } else {
            states::schema_by_hash(db, project, &revision.schema).await?
        };
        let added = snapshot.added.iter().filter(|(_, number)| *number > base_number).map(|(row, _)| row.clone()).collect();
        Ok(Self { snapshot, base_schema, base_number, bases, added })
    }

    /// Somebody with `role` who reads the revision, or what comes of it.
    pub(super) fn reader(&self, role: Role) -> Reader<'_> {
        Reader::new(role, [Some(self.snapshot.catalogue.schema()), self.base_schema.as_ref()].into_iter().flatten())
    }

    /// What a merge of `revision` with the current state takes.
    pub(super) fn input<'a>(&'a self, revision: &'a Revision) -> MergeInput<'a> {
        MergeInput {
            current: &self.snapshot.catalogue,
            head: self.snapshot.head,
            base_head: revision.base_head,
            schema: revision.schema,
            base_schema: self.base_schema.as_ref(),
            bases: &self.bases,
            added_since_base: &self.added,
            ops: &revision.ops,
        }
    }

    /// The merge with the current state.
    pub(super) fn merge(&self, revision: &Revision) -> Result<MergeOutcome, Error> {
        merge(&self.input(revision)).map_err(|mismatch| base_mismatch(&mismatch.to_string()))
    }
}

pub(super) fn base_mismatch(why: &str) -> Error {
    refuse(ErrorCode::BaseMismatch, format!("Nothing was proposed or changed: {why}."))
}

/// A head as text.
pub(super) fn parse_head(text: &str) -> Result<ObjectHash, Error> {
    ObjectHash::parse(text)
        .map_err(|_| refuse(ErrorCode::BaseMismatch, "This is not the id of a catalogue state. Read the catalogue again and propose anew."))
}
