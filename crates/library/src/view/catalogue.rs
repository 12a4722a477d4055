//! Read models of the catalogue: its table, changes of cells, and what it is searched for before a release.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A column of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ColumnView {
    /// Field name.
    pub name: String,
    /// Label to show.
    pub label: String,
    /// Type word of the schema.
    #[serde(rename = "type")]
    pub kind: String,
    /// Allowed words of a choice.
    pub choices: Vec<String>,
    /// Whether nobody edits it.
    pub read_only: bool,
    /// Whether this account may edit it.
    pub may_edit: bool,
    /// When it must be filled: `never`, `release`, `always`.
    pub required: String,
    /// A sentence of help.
    pub help: Option<String>,
}

/// A row of the catalogue, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueRowView {
    /// Row id.
    pub id: String,
    /// Token of this state of the row.
    pub rev: String,
    /// Text of each filled cell by field name.
    pub cells: BTreeMap<String, String>,
    /// Number of the approved version, for tracks.
    #[ts(type = "number | null")]
    pub approved: Option<i64>,
}

/// A table of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueView {
    /// Project.
    pub project: String,
    /// `tracks` or `splits`.
    pub table: String,
    /// Names exactly what this view was made from; empty when nothing does.
    pub state: String,
    /// Id of the state.
    pub head: String,
    /// Number of the state.
    #[ts(type = "number")]
    pub number: i64,
    /// Columns this account may read.
    pub columns: Vec<ColumnView>,
    /// Rows.
    pub rows: Vec<CatalogueRowView>,
    /// Tracks not in the catalogue yet: id, name.
    pub outside: Vec<(String, String)>,
}

/// How a cell or row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ChangeWord {
    /// Was empty, or a new row.
    Added,
    /// Another value.
    Changed,
    /// Becomes empty.
    Cleared,
    /// The row goes.
    Deleted,
}

/// One changed cell (or row, or approved version).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CellChangeView {
    /// Row id.
    pub row: String,
    /// What people call the row: the track's title.
    pub row_label: String,
    /// Field name; `_row`, `_approved`, `_retired` for whole things, a place in their document for columns.
    pub field: String,
    /// Label of the field.
    pub field_label: String,
    /// Text before, none when empty.
    pub from: Option<String>,
    /// Text after, none when empty.
    pub to: Option<String>,
    /// How it changes.
    pub change: ChangeWord,
    /// The whole thing it is a part of, which comes, goes or changes as one: `_row`, `_schema`.
    pub part_of: Option<String>,
    /// Whether this account may type another value there.
    pub may_type: bool,
}

/// A row found by what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CatalogueHit {
    /// Project.
    pub project: String,
    /// Its name.
    pub project_name: String,
    /// `tracks` or `splits`.
    pub table: String,
    /// Row id.
    pub row: String,
    /// What people call the row.
    pub row_label: String,
    /// Field that says it.
    pub field: String,
    /// Its label.
    pub field_label: String,
    /// What it says.
    pub text: String,
}

/// Tracks whose shares are not what a release needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SharesView {
    /// Tracks some of whose shares do not add up, with what they add up to.
    pub uneven: BTreeMap<String, String>,
    /// Tracks without any share.
    pub without: Vec<String>,
}

/// A row that a release cannot go out with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NotReadyView {
    /// Its id, or the key it was made with.
    pub row: String,
    /// What it is called.
    pub label: String,
    /// Columns a release needs and that are empty: name and label.
    pub missing: Vec<(String, String)>,
}

/// One way a name is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SpellingView {
    /// As written.
    pub text: String,
    /// In how many cells.
    #[ts(type = "number")]
    pub cells: u64,
}

/// A cell in which a name would be written in another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RespeltCellView {
    /// Row id, or the key of a row made by hand.
    pub row: String,
    /// Field name.
    pub field: String,
    /// The whole text of the cell then.
    pub to: String,
}
