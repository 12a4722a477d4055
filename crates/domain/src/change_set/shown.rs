//! Checking, on the reader's own computer, that what is shown is what would be decided: the exact bytes of a revision fit the digest that
//! an approval names, and every change of the effect comes from an operation in those bytes.

use std::collections::HashMap;

use serde_json::Value;

use crate::catalogue::cells::Cells;
use crate::catalogue::row::{ApprovedVersion, RowId};
use crate::catalogue::schema::Schema;
use crate::change_set::effect::{self, EffectItem};
use crate::change_set::op::{Op, Shape};
use crate::change_set::revision::{self, Revision, RevisionError, SealedRevision};
use crate::hash::ObjectHash;
use crate::id::{ChangeSetId, ProjectId};

/// The column that follows the approved version.
const DURATION: &str = "duration";

/// What a reader was told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The change set.
    pub change_set: &'a ChangeSetId,
    /// Its project.
    pub project: &'a ProjectId,
    /// Digest of the revision, which an approval names.
    pub revision_digest: &'a ObjectHash,
    /// What approving it now would change, and the digest an approval names; nothing while it cannot be approved.
    pub effect: Option<(&'a [EffectItem], &'a ObjectHash)>,
    /// Hash of the schema now.
    pub schema: &'a ObjectHash,
}

/// Why what is shown is not what would be decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsTold {
    /// The bytes have another digest.
    #[error("the proposal's bytes do not fit the fingerprint the server names")]
    Digest,
    /// The bytes are no revision.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// The bytes are another proposal.
    #[error("the proposal's bytes belong to another proposal or project")]
    Other,
    /// The effect has another digest.
    #[error("the changes shown do not fit the fingerprint the server names for them")]
    Effect,
    /// A change that no operation makes.
    #[error("the server shows a change of {row} {field} that the proposal does not make")]
    Unexplained {
        /// The row.
        row: String,
        /// The field.
        field: String,
    },
}

/// The revision in `bytes`, if everything told about it is true.
/// # Errors
/// The first thing that is not.
pub fn check(bytes: Vec<u8>, told: &Told<'_>) -> Result<Revision, NotAsTold> {
    if revision::digest(&bytes) != *told.revision_digest {
        return Err(NotAsTold::Digest);
    }
    let (revision, _, _) = SealedRevision::parse(bytes)?.into_parts();
    if revision.change_set != *told.change_set || revision.project != *told.project {
        return Err(NotAsTold::Other);
    }
    if let Some((items, digest)) = told.effect {
        if effect::digest(items) != *digest {
            return Err(NotAsTold::Effect);
        }
        explain(items, &revision, revision.schema == *told.schema)?;
    }
    Ok(revision)
}

/// Every item comes from an operation. Where the columns moved since, names and forms of values may differ from the operation's.
fn explain(items: &[EffectItem], revision: &Revision, same_columns: bool) -> Result<(), NotAsTold> {
    let mut by_row: HashMap<String, Vec<&Op>> = HashMap::new();
    for op in &revision.ops {
        by_row.entry(op.row().map(|row| row.to_string()).unwrap_or_default()).or_default().push(op);
    }
    let schema = revision.ops.iter().find_map(|op| if let Op::SchemaChange { to, .. } = op { Some(to) } else { None });
    for item in items {
        let ops = by_row.get(&item.row).map(Vec::as_slice).unwrap_or_default();
        let explained = match schema {
            // A row changes its form with its columns.
            Some(to) => {
                item.field != "_schema" || Schema::from_value(to).is_ok_and(|schema| item.to == Value::String(schema.hash().to_string()))
            }
            None => ops.iter().any(|op| makes(op, item, same_columns)),
        };
        if !explained {
            return Err(NotAsTold::Unexplained { row: item.row.clone(), field: item.field.clone() });
        }
    }
    Ok(())
}

fn makes(op: &Op, item: &EffectItem, same_columns: bool) -> bool {
    let approves = |approved: &ApprovedVersion| {
        serde_json::from_value::<Option<ApprovedVersion>>(item.to.clone()).is_ok_and(|to| to.as_ref() == Some(approved))
    };
    match (op.shape(), item.field.as_str()) {
        (Shape::Add { cells, .. }, "_row") => item.from.is_null() && (!same_columns || is_row(cells, &item.to)),
        (Shape::Delete { .. }, "_row" | "_approved") => item.to.is_null(),
        (Shape::Delete { .. }, "_retired") => true,
        (Shape::Approve { approved, .. }, "_approved") => approves(&approved),
        (Shape::Retire { .. }, "_approved") => item.to.is_null(),
        (Shape::Retire { .. }, "_retired") | (Shape::Approve { .. } | Shape::Retire { .. }, DURATION) => true,
        (Shape::Set { field, to, .. }, name) => {
            !same_columns || (field == name && to.map_or(Value::Null, crate::catalogue::cells::CellValue::to_json) == item.to)
        }
        _ => false,
    }
}

/// Whether a new row holds the proposed cells, and at most the length of its approved version besides.
fn is_row(cells: &Cells, row: &Value) -> bool {
    let Some(row) = row.as_object() else { return false };
    let proposed = cells.to_json();
    let Some(proposed) = proposed.as_object() else { return false };
    row.iter().all(|(name, value)| proposed.get(name) == Some(value) || name == DURATION)
        && proposed.iter().all(|(name, value)| row.get(name) == Some(value))
}

/// The field of the effect that an operation changes.
#[must_use]
pub fn field_of(op: &Op) -> &str {
    match op {
        Op::TrackAdd { .. } | Op::SplitAdd { .. } | Op::TrackDelete { .. } | Op::SplitDelete { .. } => "_row",
        Op::CellSet { field, .. } | Op::SplitSet { field, .. } => field,
        Op::VersionApprove { .. } => "_approved",
        Op::VersionRetire { .. } => "_retired",
        Op::SchemaChange { .. } => "_schema",
    }
}

/// The row of an operation as text; empty for the columns.
#[must_use]
pub fn row_of(op: &Op) -> String {
    op.row().as_ref().map(RowId::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::cells::CellValue;
    use crate::catalogue::row::{Catalogue, Salt};
    use crate::catalogue::samples::{band, track};
    use crate::change_set::diff;
    use crate::change_set::merge::{Bases, MergeInput, merge};
    use crate::id::AccountId;

    fn sealed(ops: Vec<Op>, catalogue: &Catalogue) -> SealedRevision {
        let revision = Revision {
            author: AccountId::from_random([1; 17]),
            base_head: ObjectHash::of(b"head"),
            change_set: ChangeSetId::from_random([2; 17]),
            nonce: Salt([3; 16]),
            ops,
            project: ProjectId::from_random([4; 17]),
            reason: String::new(),
            revision: 1,
            schema: catalogue.schema().hash(),
            title: "Spring".into(),
            v: 1,
        };
        revision.seal().expect("a revision")
    }

    fn effect_of(catalogue: &Catalogue, ops: &[Op]) -> Vec<EffectItem> {
        let head = ObjectHash::of(b"head");
        let input = MergeInput {
            current: catalogue,
            head,
            base_head: head,
            schema: catalogue.schema().hash(),
            base_schema: None,
            bases: &Bases::none(),
            added_since_base: &std::collections::HashSet::new(),
            ops,
        };
        merge(&input).expect("it fits").effect
    }

    /// One of every kind that a catalogue of rows takes.
    fn ops(catalogue: &Catalogue) -> Vec<Op> {
        let rows = catalogue.rows();
        let new = track(99);
        vec![
            Op::set(rows[0].id(), rows[0].rev(), "title", rows[0].cells().get("title").cloned(), Some(CellValue::text("Other"))),
            diff::deletion(&rows[1]),
            Op::add(&new, [("title", CellValue::text("New"))].into_iter().collect()),
            Op::VersionApprove {
                track: new.track().expect("a track"),
                rev: None,
                version: crate::id::VersionId::from_random([5; 17]),
                number: 3,
                sha256: ObjectHash::of(b"song"),
                duration_ms: Some(1_000),
                from: None,
            },
        ]
    }

    fn told(sealed: &SealedRevision, effect: &[EffectItem], digest: &ObjectHash) -> Result<Revision, NotAsTold> {
        let said = sealed.revision();
        check(
            sealed.bytes().to_vec(),
            &Told {
                change_set: &said.change_set,
                project: &said.project,
                revision_digest: &sealed.digest(),
                effect: Some((effect, digest)),
                schema: &said.schema,
            },
        )
    }

    #[test]
    fn what_is_true_is_accepted() {
        let catalogue = band();
        let ops = ops(&catalogue);
        let effect = effect_of(&catalogue, &ops);
        let sealed = sealed(ops, &catalogue);
        assert_eq!(told(&sealed, &effect, &effect::digest(&effect)).as_ref(), Ok(sealed.revision()));
    }

    #[test]
    fn a_change_that_the_proposal_does_not_make_is_found_even_with_a_fitting_digest() {
        let catalogue = band();
        let ops = ops(&catalogue);
        let effect = effect_of(&catalogue, &ops);
        let sealed = sealed(ops, &catalogue);
        for place in 0..effect.len() {
            let mut other = effect.clone();
            other[place].to = json!("something else");
            assert_eq!(told(&sealed, &other, &effect::digest(&effect)), Err(NotAsTold::Effect), "{:?}", effect[place]);
            let smuggled = told(&sealed, &other, &effect::digest(&other));
            // The length of a version is the server's to write; everything else must be the proposal's.
            if effect[place].field != DURATION {
                assert!(matches!(smuggled, Err(NotAsTold::Unexplained { .. })), "{:?}", effect[place]);
            }
        }
        let mut more = effect.clone();
        let row = catalogue.rows()[2].id().to_string();
        more.push(EffectItem { field: "title".into(), from: Value::Null, row, to: json!("Smuggled") });
        assert!(matches!(told(&sealed, &more, &effect::digest(&more)), Err(NotAsTold::Unexplained { .. })));
    }

    #[test]
    fn other_bytes_and_other_proposals_are_refused() {
        let catalogue = band();
        let sealed = sealed(ops(&catalogue), &catalogue);
        let said = sealed.revision();
        let base = Told {
            change_set: &said.change_set,
            project: &said.project,
            revision_digest: &sealed.digest(),
            effect: None,
            schema: &said.schema,
        };
        let mut bytes = sealed.bytes().to_vec();
        bytes.push(b' ');
        assert_eq!(check(bytes, &base), Err(NotAsTold::Digest));
        let other = ChangeSetId::from_random([9; 17]);
        assert_eq!(check(sealed.bytes().to_vec(), &Told { change_set: &other, ..base }), Err(NotAsTold::Other));
        let loose = b"{}".to_vec();
        let digest = revision::digest(&loose);
        assert!(matches!(check(loose, &Told { revision_digest: &digest, ..base }), Err(NotAsTold::Revision(_))));
    }
}
