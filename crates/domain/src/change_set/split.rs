//! Dividing a change set in two, so that one part can be approved: never a silent subset.

use std::collections::{HashMap, HashSet};

use crate::catalogue::row::RowId;
use crate::change_set::op::{Op, Shape};

/// Why a change set cannot be divided so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// One of the two parts would be empty.
    #[error("one part would be empty; keep some of the changes and leave some")]
    EmptyPart,
    /// An operation number that does not exist.
    #[error("there is no change number {index} in this proposal")]
    UnknownOp {
        /// The number, from 0.
        index: usize,
    },
    /// Operations on one new or deleted track fell apart.
    #[error("the changes around {row} belong together: keep all of them or none")]
    TornApart {
        /// The track.
        row: RowId,
    },
}

/// The operations `keep` names, and the rest, each in their order. What belongs to one new or deleted track stays together.
/// # Errors
/// When a part would be empty or a track would be torn apart.
pub fn split(ops: &[Op], keep: &[usize]) -> Result<(Vec<Op>, Vec<Op>), SplitError> {
    if let Some(&index) = keep.iter().find(|&&index| index >= ops.len()) {
        return Err(SplitError::UnknownOp { index });
    }
    let keep: HashSet<usize> = keep.iter().copied().collect();
    let whole = whole_rows(ops);
    let mut side: HashMap<RowId, bool> = HashMap::new();
    for (index, op) in ops.iter().enumerate() {
        let kept = keep.contains(&index);
        for row in families(op).into_iter().filter(|row| whole.contains(row)) {
            if *side.entry(row.clone()).or_insert(kept) != kept {
                return Err(SplitError::TornApart { row });
            }
        }
    }
    let part = |kept: bool| -> Vec<Op> {
        ops.iter().enumerate().filter(|(index, _)| keep.contains(index) == kept).map(|(_, op)| op.clone()).collect()
    };
    let (kept, rest) = (part(true), part(false));
    if kept.is_empty() || rest.is_empty() { Err(SplitError::EmptyPart) } else { Ok((kept, rest)) }
}

/// For every operation the number of its group: operations of one group stay together in a split. Groups count from 0 in order of their
/// first operation.
#[must_use]
pub fn groups(ops: &[Op]) -> Vec<usize> {
    let whole = whole_rows(ops);
    // Union-find over the operations, joined through the new and deleted rows they touch.
    let mut parent: Vec<usize> = (0..ops.len()).collect();
    let mut first: HashMap<RowId, usize> = HashMap::new();
    for (index, op) in ops.iter().enumerate() {
        for row in families(op).into_iter().filter(|row| whole.contains(row)) {
            let joined = *first.entry(row).or_insert(index);
            let (a, b) = (root(&mut parent, joined), root(&mut parent, index));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut number: HashMap<usize, usize> = HashMap::new();
    (0..ops.len())
        .map(|index| {
            let next = number.len();
            *number.entry(root(&mut parent, index)).or_insert(next)
        })
        .collect()
}

fn root(parent: &mut [usize], mut index: usize) -> usize {
    while parent[index] != index {
        parent[index] = parent[parent[index]];
        index = parent[index];
    }
    index
}

/// Rows that are added or deleted as a whole.
fn whole_rows(ops: &[Op]) -> HashSet<RowId> {
    let row = |op: &Op| match op.shape() {
        Shape::Add { row, .. } | Shape::Delete { row, .. } => Some(row),
        _ => None,
    };
    ops.iter().filter_map(row).collect()
}

/// The rows whose adding or deleting an operation goes with: its own, and the track a split belongs to.
fn families(op: &Op) -> Vec<RowId> {
    let mut rows: Vec<RowId> = op.row().into_iter().collect();
    let track = match op.shape() {
        Shape::Add { cells, .. } => cells.text("track").map(str::to_owned),
        Shape::Delete { from, .. } => from.cells.text("track").map(str::to_owned),
        Shape::Set { field: "track", to, .. } => to.and_then(|to| to.as_text().map(str::to_owned)),
        _ => None,
    };
    rows.extend(track.and_then(|track| RowId::parse(&track).ok()));
    rows
}
