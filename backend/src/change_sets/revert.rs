//! Taking back what an approved set did: a new proposal with the inverse operations, reviewed like every other.

use collabtrack_domain::catalogue::row::RowId;
use collabtrack_domain::change_set::effect::EffectItem;
use collabtrack_domain::change_set::inverse::{InverseInput, inverse};
use collabtrack_domain::change_set::redact::Reader;
use collabtrack_domain::change_set::revision::{MAX_REASON_CHARS, MAX_TITLE_CHARS};
use collabtrack_domain::change_set::status::Status;
use collabtrack_domain::id::ChangeSetId;
use collabtrack_domain::role::Action;
use collabtrack_protocol::approval::{Propose, Revert, Reverted};
use collabtrack_protocol::problem::ErrorCode;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::propose;
use super::review::{self, hidden_fields};
use super::rows::{self, ChangeSet, Origin};
use crate::access;
use crate::catalogue::{past, rows as states};
use crate::error::{Error, not_found, refuse};
use crate::sessions::Session;

/// Opens a proposal that takes an approved one back. The same id and body again give the same answer.
/// # Errors
/// `invalid` for a set that was not approved; `empty_change_set` when nothing of it can be taken back; as proposing.
pub async fn revert(db: &PgPool, session: &Session, id: &ChangeSetId, body: &Revert) -> Result<Reverted, Error> {
    let mut tx = db.begin().await?;
    let (found, _) = review::open(&mut tx, &session.account, id).await?;
    let role = access::lock(&mut tx, &session.account, &found.project, Action::Propose).await?;
    let set = rows::find(&mut tx, id).await?.ok_or_else(not_found)?;
    if set.status != Status::Approved {
        return Err(refuse(
            ErrorCode::Invalid,
            format!("This proposal is {}, so it changed nothing that could be taken back.", set.status.shown()),
        ));
    }
    let Some((effect, _, number)) = &set.applied else { return Err(Error::Damaged { what: "decision" }) };
    let effect: Vec<EffectItem> = serde_json::from_value(effect.clone()).map_err(|_| Error::Damaged { what: "effect" })?;
    let snapshot = states::load(&mut tx, &set.project).await?;
    let title = rows::newest(&mut tx, &set).await?.into_parts().0.title;
    let base = Base::of(&mut tx, &set, &effect, *number).await?;
    let rev_after = |row: &RowId| base.revs.get(row).copied();
    let back = inverse(&InverseInput {
        effect: &effect,
        rev_after: &rev_after,
        current: &snapshot.catalogue,
        schema_before: base.schema_before.as_ref(),
    });
    let schemas = [Some(snapshot.catalogue.schema()), base.schema_before.as_ref()];
    if !Reader::new(role, schemas.into_iter().flatten()).may_read_all(&back.ops) {
        return Err(hidden_fields());
    }
    if back.ops.is_empty() {
        return Err(refuse(
            ErrorCode::EmptyChangeSet,
            "Nothing of this proposal can be taken back by itself: versions approved before are retired, or there were none. Propose the state you want instead.",
        )
        .with_facts(serde_json::json!({"left": back.notes})));
    }
    // Columns are taken back on those of now; cells on the state right after the approval, so that later edits show as conflicts.
    let base_head = if effect.iter().any(|item| item.field == "_schema") { snapshot.head } else { base.head };
    let ops = back.ops.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(|_| Error::Damaged { what: "operation" })?;
    let proposal = Propose {
        change_set: body.change_set.clone(),
        title: format!("Take back: {title}").chars().take(MAX_TITLE_CHARS).collect(),
        reason: body.reason.chars().take(MAX_REASON_CHARS).collect(),
        base_head: base_head.to_string(),
        ops,
        submit: body.submit,
        csv: None,
    };
    let summary = propose::open(&mut tx, session, &set.project, role, &proposal, Origin::Reverts(id)).await?;
    tx.commit().await?;
    let left = back.notes.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(|_| Error::Damaged { what: "note" })?;
    Ok(Reverted { summary, left })
}

/// The state right after the approval.
struct Base {
    head: collabtrack_domain::hash::ObjectHash,
    revs: std::collections::HashMap<RowId, collabtrack_domain::catalogue::row::Rev>,
    schema_before: Option<collabtrack_domain::catalogue::schema::Schema>,
}

impl Base {
    async fn of(db: &mut PgConnection, set: &ChangeSet, effect: &[EffectItem], number: i64) -> Result<Self, Error> {
        let damaged = || Error::Damaged { what: "catalogue state" };
        let after = past::head(db, &set.project, number).await?.ok_or_else(damaged)?;
        let before = past::head(db, &set.project, number - 1).await?.ok_or_else(damaged)?;
        let ids: Vec<RowId> = effect.iter().filter_map(|item| RowId::parse(&item.row).ok()).collect();
        Ok(Self {
            head: after.head,
            revs: past::revs(db, &set.project, number, &ids).await?,
            schema_before: states::schema_by_hash(db, &set.project, &before.schema).await?,
        })
    }
}
