//! The operations that lead from one catalogue to another.

use crate::catalogue::cells::{CellValue, same};
use crate::catalogue::row::{Catalogue, Row};
use crate::change_set::op::{DeletedRow, Op};

/// The operations that turn the rows of `from` into those of `to`, in the order of the rows: changed cells, deleted rows, new rows.
///
/// Columns are not compared, and neither are approved versions: those change by their own proposals.
#[must_use]
pub fn cells(from: &Catalogue, to: &Catalogue) -> Vec<Op> {
    let mut ops = Vec::new();
    for before in from.rows() {
        match to.row(before.id()) {
            Some(after) => changed(&mut ops, before, after),
            None => ops.push(deletion(before)),
        }
    }
    ops.extend(to.rows().iter().filter(|row| from.row(row.id()).is_none()).map(|row| Op::add(row.id(), row.cells().clone())));
    ops
}

/// The operation that deletes a row as it stands.
#[must_use]
pub fn deletion(row: &Row) -> Op {
    Op::delete(row.id(), row.rev(), DeletedRow { approved: row.approved().cloned(), cells: row.cells().clone() })
}

fn changed(ops: &mut Vec<Op>, before: &Row, after: &Row) {
    let mut names: Vec<&str> = before.cells().iter().chain(after.cells().iter()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (was, is): (Option<&CellValue>, Option<&CellValue>) = (before.cells().get(name), after.cells().get(name));
        if !same(was, is) {
            ops.push(Op::set(before.id(), before.rev(), name, was.cloned(), is.cloned()));
        }
    }
}
