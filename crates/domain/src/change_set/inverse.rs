//! The operations that take back what an approved change set did, as a new proposal against the current catalogue.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::row::{ApprovedVersion, Catalogue, Rev, RowId};
use crate::catalogue::schema::Schema;
use crate::change_set::effect::EffectItem;
use crate::change_set::op::{DeletedRow, Op, VersionRef};
use crate::id::VersionId;

/// Why part of a change cannot be taken back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotTakenBack {
    /// It was the first approved version of its track; retire it to leave the track without one.
    NothingApprovedBefore,
    /// The version approved before is retired meanwhile.
    EarlierVersionRetired,
    /// Retiring a version is final.
    Retired,
    /// The earlier columns are not known here.
    UnknownSchema,
    /// The row is gone meanwhile.
    RowGone,
    /// Not of the form an effect has.
    Malformed,
}

/// Part of an effect that the inverse leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InverseNote {
    /// The row.
    pub row: String,
    /// The field.
    pub field: String,
    /// Why.
    pub why: NotTakenBack,
}

/// The operations that take an effect back, and what they leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inverse {
    /// The operations; may be empty.
    pub ops: Vec<Op>,
    /// What cannot be taken back.
    pub notes: Vec<InverseNote>,
}

/// What the inverse rests on.
#[derive(Clone, Copy)]
pub struct InverseInput<'a> {
    /// The effect of the approved change set.
    pub effect: &'a [EffectItem],
    /// Token of a row's state right after that approval.
    pub rev_after: &'a dyn Fn(&RowId) -> Option<Rev>,
    /// The catalogue now.
    pub current: &'a Catalogue,
    /// The schema before that approval.
    pub schema_before: Option<&'a Schema>,
}

/// The operations that take `effect` back.
#[must_use]
pub fn inverse(input: &InverseInput<'_>) -> Inverse {
    let mut inverse = Inverse::default();
    if let Some(item) = input.effect.iter().find(|item| item.field == "_schema") {
        match input.schema_before {
            Some(before) => inverse.ops.push(Op::SchemaChange { from: input.current.schema().hash(), to: before.to_value() }),
            None => inverse.note(item, NotTakenBack::UnknownSchema),
        }
        return inverse;
    }
    let whole: HashSet<&str> = input.effect.iter().filter(|item| item.field == "_row").map(|item| item.row.as_str()).collect();
    for item in input.effect {
        match RowId::parse(&item.row) {
            Err(_) => inverse.note(item, NotTakenBack::Malformed),
            Ok(row) if item.field == "_row" => whole_row(&mut inverse, input, item, &row),
            // What was approved comes back with a deleted row, and goes with an added one.
            Ok(_) if whole.contains(item.row.as_str()) => {}
            Ok(_) if item.field == "_retired" => inverse.note(item, NotTakenBack::Retired),
            Ok(row) if item.field == "_approved" => approval(&mut inverse, input, item, &row, false),
            Ok(row) => one_cell(&mut inverse, input, item, &row),
        }
    }
    inverse
}

impl Inverse {
    fn note(&mut self, item: &EffectItem, why: NotTakenBack) {
        self.notes.push(InverseNote { row: item.row.clone(), field: item.field.clone(), why });
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn approved_item<'a>(input: &InverseInput<'a>, row: &str) -> Option<&'a EffectItem> {
    input.effect.iter().find(|item| item.row == row && item.field == "_approved")
}

fn whole_row(inverse: &mut Inverse, input: &InverseInput<'_>, item: &EffectItem, row: &RowId) {
    let (before, after): (Option<Cells>, Option<Cells>) = (read(&item.from), read(&item.to));
    match (before, after) {
        // Deleted: it comes back, with what was approved.
        (Some(cells), None) => {
            let table = row.table();
            let writable = cells.filtered(|name| input.current.schema().field(table, name).is_some_and(|field| !field.read_only));
            inverse.ops.push(Op::add(row, writable));
            if let Some(approved) = approved_item(input, &item.row) {
                approval(inverse, input, approved, row, true);
            }
        }
        // Added: it goes, unless edited since, which the merge shows as a conflict.
        (None, Some(cells)) => match (input.rev_after)(row) {
            Some(rev) => {
                let approved = approved_item(input, &item.row).and_then(|item| read(&item.to));
                inverse.ops.push(Op::delete(row, rev, DeletedRow { approved, cells }));
            }
            None => inverse.note(item, NotTakenBack::RowGone),
        },
        _ => inverse.note(item, NotTakenBack::Malformed),
    }
}

fn approval(inverse: &mut Inverse, input: &InverseInput<'_>, item: &EffectItem, row: &RowId, returning: bool) {
    let (Some(track), before): (_, Option<ApprovedVersion>) = (row.track(), read(&item.from)) else {
        return inverse.note(item, NotTakenBack::Malformed);
    };
    let Some(before) = before else { return inverse.note(item, NotTakenBack::NothingApprovedBefore) };
    let retired: &[VersionId] = input.current.row(row).map_or(&[], |row| row.retired());
    if retired.contains(&before.version) {
        return inverse.note(item, NotTakenBack::EarlierVersionRetired);
    }
    let duration = input.effect.iter().find(|other| other.row == item.row && other.field == "duration");
    let deleted_cells: Option<Cells> =
        input.effect.iter().find(|other| other.row == item.row && other.field == "_row").and_then(|item| read(&item.from));
    let duration_ms = match (duration, deleted_cells) {
        (Some(item), _) => item.from.as_i64(),
        (None, Some(cells)) => cells.get("duration").and_then(CellValue::as_integer),
        // Both versions had the same length.
        (None, None) => input.current.row(row).and_then(|row| row.cells().get("duration")).and_then(CellValue::as_integer),
    };
    let rev = if returning { None } else { (input.rev_after)(row) };
    if rev.is_none() && !returning {
        return inverse.note(item, NotTakenBack::RowGone);
    }
    let after: Option<ApprovedVersion> = if returning { None } else { read(&item.to) };
    inverse.ops.push(Op::VersionApprove {
        track,
        rev,
        version: before.version,
        number: before.number,
        sha256: before.sha256,
        duration_ms,
        from: after.as_ref().map(VersionRef::from),
    });
}

fn one_cell(inverse: &mut Inverse, input: &InverseInput<'_>, item: &EffectItem, row: &RowId) {
    // The server writes read-only columns; they follow the approval.
    if input.current.schema().field_now(row.table(), &item.field).is_some_and(|field| field.read_only) {
        return;
    }
    let Some(rev) = (input.rev_after)(row) else { return inverse.note(item, NotTakenBack::RowGone) };
    inverse.ops.push(Op::set(row, rev, &item.field, read(&item.to), read(&item.from)));
}
