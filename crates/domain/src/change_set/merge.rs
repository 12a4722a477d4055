//! The three-way merge of a change set with the current catalogue, cell by cell.
//!
//! For every cell there are three values: what the author saw, what the author proposes, and what stands there now. The table of
//! [`cell`] is the whole rule; everything else here applies it to cells, rows, versions and columns.

mod apply;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::cells::{CellValue, same};
use crate::catalogue::row::{Catalogue, Rev, Row, RowContent, RowId, Salt};
use crate::catalogue::schema::Schema;
use crate::catalogue::validate::Problem;
use crate::change_set::effect::EffectItem;
use crate::change_set::op::Op;
use crate::hash::ObjectHash;

/// Result for one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellResult {
    /// Nothing was proposed; what stands there stays.
    Keep,
    /// The proposal is taken.
    Take,
    /// It already is so.
    AlreadySo,
    /// Somebody else changed it meanwhile.
    Conflict,
}

/// The published table for one cell: `base` is what the author saw, then what is proposed and what stands there now.
#[must_use]
pub fn cell(base: Option<&CellValue>, proposed: Option<&CellValue>, current: Option<&CellValue>) -> CellResult {
    three_way(same(base, proposed), same(proposed, current), same(base, current))
}

fn three_way(nothing_proposed: bool, already_so: bool, unchanged: bool) -> CellResult {
    match (nothing_proposed, already_so, unchanged) {
        (true, _, _) => CellResult::Keep,
        (_, true, _) => CellResult::AlreadySo,
        (_, _, true) => CellResult::Take,
        _ => CellResult::Conflict,
    }
}

/// How a change set stands to the current catalogue; computed, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mergeability {
    /// The catalogue is the one the author saw.
    Clean,
    /// The catalogue moved on, but not where this proposal changes it.
    StaleClean,
    /// Somebody else changed the same cells.
    Conflict,
    /// The result would break a rule.
    InvalidAfterMerge,
    /// The columns changed under it.
    SchemaMoved,
}

impl Mergeability {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::StaleClean => "stale_clean",
            Self::Conflict => "conflict",
            Self::InvalidAfterMerge => "invalid_after_merge",
            Self::SchemaMoved => "schema_moved",
        }
    }

    /// Whether it could be approved as it is.
    #[must_use]
    pub fn is_clean(self) -> bool {
        matches!(self, Self::Clean | Self::StaleClean)
    }
}

/// Result of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpResult {
    /// It changes the catalogue.
    Applies,
    /// It proposes what the author already saw.
    Keeps,
    /// It already is so.
    AlreadySo,
    /// Somebody else changed the same thing.
    Conflict,
    /// Its column is gone or of another type.
    SchemaConflict,
}

/// What two people did to the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both changed a cell, differently.
    Cell,
    /// Proposed to be deleted, edited meanwhile.
    DeletedButEdited,
    /// Edited in the proposal, deleted meanwhile.
    EditedButDeleted,
    /// Added by both.
    Duplicate,
    /// The column is gone or of another type.
    Schema,
}

/// Something two people changed differently, in three values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Place of the operation in the change set, from 0.
    pub op: usize,
    /// What kind.
    pub kind: ConflictKind,
    /// The row.
    pub row: String,
    /// The column, `_row`, `_approved` or `_schema`.
    pub field: String,
    /// What the author saw; `null` for nothing.
    pub base: Value,
    /// What is proposed.
    pub proposed: Value,
    /// What stands there now.
    pub current: Value,
    /// For a duplicate, the row that is already there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_row: Option<String>,
}

/// Earlier states of rows by row and token: the bases of merges.
#[derive(Debug, Clone, Default)]
pub struct Bases(HashMap<(RowId, Rev), Row>);

impl Bases {
    /// No earlier states; the current ones are always known.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These states.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self(rows.into_iter().map(|row| ((row.id().clone(), row.rev()), row)).collect())
    }

    /// Adds a state.
    pub fn insert(&mut self, row: Row) {
        self.0.insert((row.id().clone(), row.rev()), row);
    }

    /// All of them, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.values()
    }

    /// The state of that token, which may be the current one.
    #[must_use]
    pub fn find<'a>(&'a self, current: &'a Catalogue, id: &RowId, rev: Rev) -> Option<&'a Row> {
        current.row(id).filter(|row| row.rev() == rev).or_else(|| self.0.get(&(id.clone(), rev)))
    }
}

/// What a merge rests on.
#[derive(Clone, Copy)]
pub struct MergeInput<'a> {
    /// The catalogue now.
    pub current: &'a Catalogue,
    /// Its head.
    pub head: ObjectHash,
    /// The head the author saw.
    pub base_head: ObjectHash,
    /// Hash of the schema the author saw.
    pub schema: ObjectHash,
    /// The schema the author saw, where it is not the current one and still known.
    pub base_schema: Option<&'a Schema>,
    /// The row states the operations name, apart from the current ones.
    pub bases: &'a Bases,
    /// Rows of the current catalogue that were added after `base_head`.
    pub added_since_base: &'a HashSet<RowId>,
    /// The operations.
    pub ops: &'a [Op],
}

/// The rows and columns after a merge, before they are sealed with salts.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The new schema, if it changes.
    pub schema: Option<Schema>,
    /// Changed rows in the order of the catalogue, then new rows in the order of the operations.
    pub upserts: Vec<RowContent>,
    /// Rows that go.
    pub deleted: Vec<RowId>,
}

/// What approving a change set now would do.
#[derive(Debug, Clone, Serialize)]
pub struct MergeOutcome {
    /// How it stands.
    pub mergeability: Mergeability,
    /// One result per operation.
    pub results: Vec<OpResult>,
    /// What two people changed differently.
    pub conflicts: Vec<Conflict>,
    /// What would change, by row and field.
    pub effect: Vec<EffectItem>,
    /// Its digest; an approval names it.
    pub effect_digest: ObjectHash,
    /// Rules the result would break.
    pub problems: Vec<Problem>,
    /// The rows and columns afterwards; meaningful only while there are neither conflicts nor problems.
    #[serde(skip)]
    pub changes: Changes,
}

/// A proposal whose "before" is not the state it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error(
    "operation {op}: the state {row} {field} is said to have had before is not what it said then; read the catalogue again and propose anew"
)]
pub struct BaseMismatch {
    /// Place of the operation, from 0.
    pub op: usize,
    /// The row.
    pub row: String,
    /// The column, `_row` or `_approved`.
    pub field: String,
    /// What the state really said; `null` for nothing or for an unknown state.
    pub expected: Box<Value>,
    /// What the operation says.
    pub found: Box<Value>,
}

/// Merges a change set with the current catalogue. The result is a statement; nothing is changed.
/// # Errors
/// When an operation says of a state what that state did not say.
pub fn merge(input: &MergeInput<'_>) -> Result<MergeOutcome, BaseMismatch> {
    apply::merge(input)
}

/// Checks that every `from` is what the state named by `rev` said.
/// # Errors
/// The first operation for which it is not.
pub fn check_bases(input: &MergeInput<'_>) -> Result<(), BaseMismatch> {
    input.ops.iter().enumerate().try_for_each(|(index, op)| apply::check_base(input, index, op))
}

impl Catalogue {
    /// The catalogue after `changes`; every changed row gets a fresh salt.
    #[must_use]
    pub fn with(&self, changes: &Changes, mut salt: impl FnMut() -> Salt) -> Self {
        let deleted: HashSet<&RowId> = changes.deleted.iter().collect();
        let mut upserts: HashMap<&RowId, &RowContent> = changes.upserts.iter().map(|row| (&row.id, row)).collect();
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows().len() + changes.upserts.len());
        for row in self.rows().iter().filter(|row| !deleted.contains(row.id())) {
            match upserts.remove(row.id()) {
                Some(content) => rows.push(Row::seal(content.clone(), salt())),
                None => rows.push(row.clone()),
            }
        }
        for content in &changes.upserts {
            if upserts.contains_key(&content.id) {
                rows.push(Row::seal(content.clone(), salt()));
            }
        }
        let schema = changes.schema.clone().unwrap_or_else(|| self.schema().clone());
        Self::new(schema, rows).expect("rows of a catalogue and new rows under new ids have no id twice")
    }
}

#[cfg(test)]
mod tests;
