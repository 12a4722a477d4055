//! The operations a change set is made of.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::canonical::MAX_INTEGER;
use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::row::{ApprovedVersion, Rev, RowId};
use crate::catalogue::schema::{Schema, Table};
use crate::hash::ObjectHash;
use crate::id::{SplitId, TrackId, VersionId};
use crate::role::Role;

/// Most operations of one change set.
pub const MAX_OPS: usize = 100_000;

/// A version together with its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRef {
    /// Content id.
    pub sha256: ObjectHash,
    /// Version.
    pub version: VersionId,
}

impl From<&ApprovedVersion> for VersionRef {
    fn from(approved: &ApprovedVersion) -> Self {
        Self { sha256: approved.sha256, version: approved.version.clone() }
    }
}

/// What a deleted row said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedRow {
    /// Its approved version.
    #[serde(default)]
    pub approved: Option<ApprovedVersion>,
    /// Its cells, those the author could read.
    pub cells: Cells,
}

/// One operation. `rev` names the state of the row that the author saw; `from` is what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", deny_unknown_fields)]
pub enum Op {
    /// A new row of the tracks table.
    #[serde(rename = "track.add")]
    TrackAdd {
        /// The row.
        row: TrackId,
        /// Its cells.
        cells: Cells,
    },
    /// A track leaves the catalogue; its splits go in the same set.
    #[serde(rename = "track.delete")]
    TrackDelete {
        /// The row.
        row: TrackId,
        /// The state seen.
        rev: Rev,
        /// What it said.
        from: DeletedRow,
    },
    /// One cell of a track.
    #[serde(rename = "cell.set")]
    CellSet {
        /// The row.
        row: TrackId,
        /// The state seen.
        rev: Rev,
        /// The column.
        field: String,
        /// The value seen; `null` for empty.
        from: Option<CellValue>,
        /// The value proposed; `null` empties the cell.
        to: Option<CellValue>,
    },
    /// A new row of the splits table.
    #[serde(rename = "split.add")]
    SplitAdd {
        /// The row.
        row: SplitId,
        /// Its cells.
        cells: Cells,
    },
    /// A split goes.
    #[serde(rename = "split.delete")]
    SplitDelete {
        /// The row.
        row: SplitId,
        /// The state seen.
        rev: Rev,
        /// What it said.
        from: DeletedRow,
    },
    /// One cell of a split.
    #[serde(rename = "split.set")]
    SplitSet {
        /// The row.
        row: SplitId,
        /// The state seen.
        rev: Rev,
        /// The column.
        field: String,
        /// The value seen; `null` for empty.
        from: Option<CellValue>,
        /// The value proposed; `null` empties the cell.
        to: Option<CellValue>,
    },
    /// A version becomes the approved one of its track.
    #[serde(rename = "version.approve")]
    VersionApprove {
        /// The track.
        track: TrackId,
        /// The state of its row seen; `null` when the same set adds the row.
        rev: Option<Rev>,
        /// The version.
        version: VersionId,
        /// Its number.
        number: i64,
        /// Its content id: what is approved are these bytes.
        sha256: ObjectHash,
        /// Its length, where it is audio.
        duration_ms: Option<i64>,
        /// The approved version seen.
        from: Option<VersionRef>,
    },
    /// A version is never to be approved or shared again; it stays playable.
    #[serde(rename = "version.retire")]
    VersionRetire {
        /// The track.
        track: TrackId,
        /// The state of its row seen.
        rev: Rev,
        /// The version.
        version: VersionId,
        /// Its content id.
        sha256: ObjectHash,
        /// Why.
        reason: String,
    },
    /// Other columns; the only operation of its set.
    #[serde(rename = "schema.change")]
    SchemaChange {
        /// Hash of the schema seen.
        from: ObjectHash,
        /// The new document.
        to: serde_json::Value,
    },
}

/// An operation seen without regard to its table.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'a> {
    Add { row: RowId, cells: &'a Cells },
    Delete { row: RowId, rev: Rev, from: &'a DeletedRow },
    Set { row: RowId, rev: Rev, field: &'a str, from: Option<&'a CellValue>, to: Option<&'a CellValue> },
    Approve { row: RowId, rev: Option<Rev>, approved: ApprovedVersion, duration_ms: Option<i64>, from: Option<&'a VersionRef> },
    Retire { row: RowId, rev: Rev, version: &'a VersionId },
    Schema { from: ObjectHash, to: &'a serde_json::Value },
}

impl Op {
    /// A new row.
    #[must_use]
    pub fn add(row: &RowId, cells: Cells) -> Self {
        match row_kind(row) {
            RowKind::Track(row) => Self::TrackAdd { row, cells },
            RowKind::Split(row) => Self::SplitAdd { row, cells },
        }
    }

    /// A row goes.
    #[must_use]
    pub fn delete(row: &RowId, rev: Rev, from: DeletedRow) -> Self {
        match row_kind(row) {
            RowKind::Track(row) => Self::TrackDelete { row, rev, from },
            RowKind::Split(row) => Self::SplitDelete { row, rev, from },
        }
    }

    /// A cell changes.
    #[must_use]
    pub fn set(row: &RowId, rev: Rev, field: &str, from: Option<CellValue>, to: Option<CellValue>) -> Self {
        let field = field.to_owned();
        match row_kind(row) {
            RowKind::Track(row) => Self::CellSet { row, rev, field, from, to },
            RowKind::Split(row) => Self::SplitSet { row, rev, field, from, to },
        }
    }

    pub(crate) fn shape(&self) -> Shape<'_> {
        match self {
            Self::TrackAdd { row, cells } => Shape::Add { row: row.clone().into(), cells },
            Self::SplitAdd { row, cells } => Shape::Add { row: row.clone().into(), cells },
            Self::TrackDelete { row, rev, from } => Shape::Delete { row: row.clone().into(), rev: *rev, from },
            Self::SplitDelete { row, rev, from } => Shape::Delete { row: row.clone().into(), rev: *rev, from },
            Self::CellSet { row, rev, field, from, to } => {
                Shape::Set { row: row.clone().into(), rev: *rev, field, from: from.as_ref(), to: to.as_ref() }
            }
            Self::SplitSet { row, rev, field, from, to } => {
                Shape::Set { row: row.clone().into(), rev: *rev, field, from: from.as_ref(), to: to.as_ref() }
            }
            Self::VersionApprove { track, rev, version, number, sha256, duration_ms, from } => Shape::Approve {
                row: track.clone().into(),
                rev: *rev,
                approved: ApprovedVersion { number: *number, sha256: *sha256, version: version.clone() },
                duration_ms: *duration_ms,
                from: from.as_ref(),
            },
            Self::VersionRetire { track, rev, version, .. } => Shape::Retire { row: track.clone().into(), rev: *rev, version },
            Self::SchemaChange { from, to } => Shape::Schema { from: *from, to },
        }
    }

    /// The row this is about; a schema change is about none.
    #[must_use]
    pub fn row(&self) -> Option<RowId> {
        match self.shape() {
            Shape::Add { row, .. }
            | Shape::Delete { row, .. }
            | Shape::Set { row, .. }
            | Shape::Approve { row, .. }
            | Shape::Retire { row, .. } => Some(row),
            Shape::Schema { .. } => None,
        }
    }

    /// The state of the row that the author saw.
    #[must_use]
    pub fn rev(&self) -> Option<Rev> {
        match self.shape() {
            Shape::Delete { rev, .. } | Shape::Set { rev, .. } | Shape::Retire { rev, .. } => Some(rev),
            Shape::Approve { rev, .. } => rev,
            Shape::Add { .. } | Shape::Schema { .. } => None,
        }
    }

    /// The columns this reads or writes, with their table.
    #[must_use]
    pub fn fields(&self) -> Vec<(Table, &str)> {
        match self {
            Self::TrackAdd { cells, .. } => cells.iter().map(|(name, _)| (Table::Tracks, name)).collect(),
            Self::SplitAdd { cells, .. } => cells.iter().map(|(name, _)| (Table::Splits, name)).collect(),
            Self::TrackDelete { from, .. } => from.cells.iter().map(|(name, _)| (Table::Tracks, name)).collect(),
            Self::SplitDelete { from, .. } => from.cells.iter().map(|(name, _)| (Table::Splits, name)).collect(),
            Self::CellSet { field, .. } => vec![(Table::Tracks, field)],
            Self::SplitSet { field, .. } => vec![(Table::Splits, field)],
            Self::VersionApprove { .. } | Self::VersionRetire { .. } | Self::SchemaChange { .. } => Vec::new(),
        }
    }
}

enum RowKind {
    Track(TrackId),
    Split(SplitId),
}

fn row_kind(row: &RowId) -> RowKind {
    match row.track() {
        Some(track) => RowKind::Track(track),
        None => RowKind::Split(SplitId::parse(row.as_str()).expect("a row id is a track id or a split id")),
    }
}

/// Why a group of operations is no change set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpsError {
    /// Not one operation.
    #[error("this proposal changes nothing, so there is nothing to review; change a cell or choose a version first")]
    Empty,
    /// Too many.
    #[error("this proposal has {count} operations, and one change set takes at most {MAX_OPS}; propose it in several parts")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// Two on one cell or row.
    #[error("operation {index} concerns {row} {field} a second time; one change set changes a cell once")]
    Duplicate {
        /// Place of the second, from 0.
        index: usize,
        /// The row, or nothing for the schema.
        row: String,
        /// The column, `_row`, `_approved` or `_retired`.
        field: String,
    },
    /// A schema change among others.
    #[error("a change of the columns stands alone in its change set; propose the other changes separately")]
    SchemaNotAlone,
    /// Not of the documented form.
    #[error("operation {index} is not of the documented form: {source}")]
    Malformed {
        /// Place, from 0.
        index: usize,
        /// What the JSON reader said.
        source: MalformedOp,
    },
    /// A number, length or reason that cannot be meant.
    #[error("operation {index}: {what}")]
    Implausible {
        /// Place, from 0.
        index: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// What the JSON reader said about an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MalformedOp(String);

/// Reads operations from JSON and checks them with [`check_ops`].
/// # Errors
/// The first operation that is not of the documented form, or what [`check_ops`] finds.
pub fn parse_ops(values: &[serde_json::Value]) -> Result<Vec<Op>, OpsError> {
    if values.len() > MAX_OPS {
        return Err(OpsError::TooMany { count: values.len() });
    }
    let mut ops = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let op = Op::deserialize(value).map_err(|error| OpsError::Malformed { index, source: MalformedOp(error.to_string()) })?;
        ops.push(op);
    }
    check_ops(&ops)?;
    Ok(ops)
}

/// Checks that operations make a change set: some, not too many, one per cell and row, a schema change alone.
/// # Errors
/// The first thing that is wrong.
pub fn check_ops(ops: &[Op]) -> Result<(), OpsError> {
    if ops.is_empty() {
        return Err(OpsError::Empty);
    }
    if ops.len() > MAX_OPS {
        return Err(OpsError::TooMany { count: ops.len() });
    }
    let mut cells: HashSet<(RowId, String)> = HashSet::with_capacity(ops.len());
    let mut whole: HashSet<RowId> = HashSet::new();
    let mut added: HashSet<RowId> = HashSet::new();
    for (index, op) in ops.iter().enumerate() {
        let shape = op.shape();
        let duplicate = |row: &RowId, field: &str| OpsError::Duplicate { index, row: row.to_string(), field: field.to_owned() };
        match &shape {
            Shape::Schema { .. } if ops.len() > 1 => return Err(OpsError::SchemaNotAlone),
            Shape::Schema { .. } => {}
            Shape::Add { row, .. } | Shape::Delete { row, .. } => {
                if !whole.insert(row.clone()) {
                    return Err(duplicate(row, "_row"));
                }
                if matches!(shape, Shape::Add { .. }) {
                    added.insert(row.clone());
                }
            }
            Shape::Set { row, field, .. } => {
                if !cells.insert((row.clone(), (*field).to_owned())) {
                    return Err(duplicate(row, field));
                }
            }
            Shape::Approve { row, approved, duration_ms, .. } => {
                if !(1..=MAX_INTEGER).contains(&approved.number) || duration_ms.is_some_and(|ms| !(0..=MAX_INTEGER).contains(&ms)) {
                    return Err(OpsError::Implausible { index, what: "a version's number counts from 1 and its length is not negative" });
                }
                if !cells.insert((row.clone(), "_approved".to_owned())) {
                    return Err(duplicate(row, "_approved"));
                }
            }
            Shape::Retire { row, version, .. } => {
                if !cells.insert((row.clone(), format!("_retired {version}"))) {
                    return Err(duplicate(row, "_retired"));
                }
            }
        }
    }
    for (index, op) in ops.iter().enumerate() {
        match op.shape() {
            // The values of a new row stand in its `add`; a deleted row has none left to change.
            Shape::Set { row, field, .. } if whole.contains(&row) => {
                return Err(OpsError::Duplicate { index, row: row.to_string(), field: field.to_owned() });
            }
            Shape::Approve { row, rev, .. } if rev.is_none() != added.contains(&row) || (whole.contains(&row) && !added.contains(&row)) => {
                return Err(OpsError::Implausible {
                    index,
                    what: "approving a version names the state of its row, except where the same set adds the row",
                });
            }
            Shape::Retire { row, .. } if whole.contains(&row) => {
                return Err(OpsError::Duplicate { index, row: row.to_string(), field: "_retired".to_owned() });
            }
            _ => {}
        }
        if let Op::VersionRetire { reason, .. } = op
            && !(3..=2_000).contains(&reason.trim().chars().count())
        {
            return Err(OpsError::Implausible { index, what: "retiring a version needs a reason of 3 to 2000 characters" });
        }
    }
    Ok(())
}

/// A column that the author may not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("your role ({}) may not change the column {field} of {}; leave it as it was, or ask an admin", role.as_str(), table.as_str())]
pub struct FieldForbidden {
    /// Place of the operation, from 0.
    pub index: usize,
    /// The table.
    pub table: Table,
    /// The column.
    pub field: String,
    /// The author's role.
    pub role: Role,
}

/// Checks that `role` may propose these changes: every column set or filled is writable, and only who may change the columns does so.
/// # Errors
/// The first column that the role may not change.
pub fn check_fields(ops: &[Op], schema: &Schema, role: Role) -> Result<(), FieldForbidden> {
    for (index, op) in ops.iter().enumerate() {
        let forbidden = |table: Table, field: &str| FieldForbidden { index, table, field: field.to_owned(), role };
        match op {
            Op::SchemaChange { .. } if role < Role::Admin => return Err(forbidden(Table::Tracks, "_schema")),
            Op::TrackDelete { .. } | Op::SplitDelete { .. } => {}
            _ => {
                for (table, name) in op.fields() {
                    if schema.field_now(table, name).is_some_and(|field| !field.writable_by(role)) {
                        return Err(forbidden(table, name));
                    }
                }
            }
        }
    }
    Ok(())
}
