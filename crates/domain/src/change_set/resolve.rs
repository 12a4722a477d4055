//! Settling conflicts: for each one the proposed value, the current one or a typed one, as new operations on the current catalogue.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::row::{Row, RowId};
use crate::catalogue::schema::FieldType;
use crate::change_set::diff;
use crate::change_set::merge::{Conflict, ConflictKind, MergeInput, MergeOutcome, OpResult};
use crate::change_set::op::{Op, Shape, VersionRef};

/// What stands at the end of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "choice")]
pub enum Choice {
    /// What the change set proposes.
    Proposed,
    /// What stands there now.
    Current,
    /// A typed value; its typist becomes an author.
    Typed {
        /// The value; `null` empties the cell.
        value: Option<CellValue>,
    },
}

/// The choice for one conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The row of the conflict.
    pub row: String,
    /// Its field.
    pub field: String,
    /// The choice.
    #[serde(flatten)]
    pub choice: Choice,
}

/// New operations on the current catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The operations; empty when everything was decided for the current state.
    pub ops: Vec<Op>,
    /// Whether a value was typed, so that the resolver is an author now.
    pub typed: bool,
}

/// Why resolutions do not settle the conflicts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A conflict without resolution.
    #[error("the conflict at {row} {field} is not settled yet; choose what stands there")]
    Missing {
        /// The row.
        row: String,
        /// The field.
        field: String,
    },
    /// A resolution without conflict, or a second one.
    #[error("there is no conflict at {row} {field} to settle; somebody may have settled it already")]
    Unneeded {
        /// The row.
        row: String,
        /// The field.
        field: String,
    },
    /// A typed value where only one of two rows or versions can stand.
    #[error("at {row} {field} only the proposed or the current state can stand, not a typed value")]
    CannotType {
        /// The row.
        row: String,
        /// The field.
        field: String,
    },
    /// A conflict with the columns themselves, which only the author can settle.
    #[error("the column {field} was removed or changed its type; leave this change out and propose it anew")]
    ColumnGone {
        /// The field.
        field: String,
    },
}

/// The operations of `input` on the current catalogue, with every conflict of `outcome` settled.
/// # Errors
/// When a conflict has no resolution, or a resolution no conflict.
pub fn resolve(input: &MergeInput<'_>, outcome: &MergeOutcome, resolutions: &[Resolution]) -> Result<Resolved, ResolveError> {
    let mut choices: HashMap<(&str, &str), &Choice> = HashMap::new();
    for resolution in resolutions {
        let conflict = outcome.conflicts.iter().any(|conflict| conflict.row == resolution.row && conflict.field == resolution.field);
        if !conflict || choices.insert((&resolution.row, &resolution.field), &resolution.choice).is_some() {
            return Err(ResolveError::Unneeded { row: resolution.row.clone(), field: resolution.field.clone() });
        }
    }
    let mut resolved = Resolved { ops: Vec::new(), typed: false };
    let mut returning: HashMap<RowId, Cells> = HashMap::new();
    for (index, op) in input.ops.iter().enumerate() {
        match outcome.results.get(index) {
            Some(OpResult::Applies) => resolved.ops.extend(on_current(input, op)),
            Some(OpResult::Conflict | OpResult::SchemaConflict) => {
                for conflict in outcome.conflicts.iter().filter(|conflict| conflict.op == index) {
                    let missing = || ResolveError::Missing { row: conflict.row.clone(), field: conflict.field.clone() };
                    let choice = *choices.get(&(conflict.row.as_str(), conflict.field.as_str())).ok_or_else(missing)?;
                    settle(input, op, conflict, choice, &mut resolved, &mut returning)?;
                }
            }
            _ => {}
        }
    }
    resolved.ops.extend(returning.into_iter().map(|(row, cells)| Op::add(&row, cells)));
    Ok(resolved)
}

/// The same intention against the current state of its row.
fn on_current(input: &MergeInput<'_>, op: &Op) -> Option<Op> {
    let current = op.row().and_then(|row| input.current.row(&row).cloned());
    match (op.shape(), current) {
        (Shape::Add { .. } | Shape::Schema { .. }, _) => Some(op.clone()),
        (Shape::Delete { .. }, Some(row)) => Some(diff::deletion(&row)),
        (Shape::Set { field, to, .. }, Some(row)) => set(input, &row, field, to.cloned()),
        (Shape::Approve { .. }, row) => Some(approve(op, row.as_ref())),
        (Shape::Retire { .. }, Some(row)) => {
            let mut op = op.clone();
            if let Op::VersionRetire { rev, .. } = &mut op {
                *rev = row.rev();
            }
            Some(op)
        }
        _ => None,
    }
}

fn set(input: &MergeInput<'_>, row: &Row, field: &str, to: Option<CellValue>) -> Option<Op> {
    let name = input.current.schema().field_now(row.table(), field).map(|field| &*field.name)?;
    Some(Op::set(row.id(), row.rev(), name, row.cells().get(name).cloned(), to))
}

fn approve(op: &Op, row: Option<&Row>) -> Op {
    let mut op = op.clone();
    if let Op::VersionApprove { rev, from, .. } = &mut op {
        *rev = row.map(Row::rev);
        *from = row.and_then(Row::approved).map(VersionRef::from);
    }
    op
}

fn settle(
    input: &MergeInput<'_>,
    op: &Op,
    conflict: &Conflict,
    choice: &Choice,
    resolved: &mut Resolved,
    returning: &mut HashMap<RowId, Cells>,
) -> Result<(), ResolveError> {
    if conflict.kind == ConflictKind::Schema {
        // What has no column any more can only be left out.
        return if *choice == Choice::Current { Ok(()) } else { Err(ResolveError::ColumnGone { field: conflict.field.clone() }) };
    }
    let cell = matches!(conflict.kind, ConflictKind::Cell) && !conflict.field.starts_with('_');
    match choice {
        Choice::Current => {}
        Choice::Typed { value } if cell => {
            resolved.typed = true;
            let row = op.row().and_then(|row| input.current.row(&row));
            let same = row.is_some_and(|row| crate::catalogue::cells::same(row.cells().get(&conflict.field), value.as_ref()));
            if let Some(row) = row.filter(|_| !same) {
                resolved.ops.extend(set(input, row, &conflict.field, value.clone()));
            }
        }
        Choice::Typed { .. } => return Err(ResolveError::CannotType { row: conflict.row.clone(), field: conflict.field.clone() }),
        Choice::Proposed if conflict.kind == ConflictKind::EditedButDeleted => {
            // The row comes back as the author saw it, with the proposed values.
            if let (Some(row), Some(rev)) = (op.row(), op.rev()) {
                let base = input.bases.find(input.current, &row, rev);
                let schema = input.current.schema();
                let known = |name: &str| {
                    schema.field(row.table(), name).is_some_and(|field| !field.read_only || field.field_type != FieldType::Duration)
                };
                let cells =
                    returning.entry(row.clone()).or_insert_with(|| base.map(|base| base.cells().filtered(known)).unwrap_or_default());
                if let Shape::Set { field, to, .. } = op.shape() {
                    cells.set(field, to.cloned());
                } else {
                    resolved.ops.push(approve(op, None));
                }
            }
        }
        Choice::Proposed => resolved.ops.extend(on_current(input, op)),
    }
    Ok(())
}
