//! Read models of a CSV on its way in, and of what the rules say about edited cells.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::CellChangeView;

/// One remark about an imported file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportRemark {
    /// What it is about: the word of the catalogue rules.
    pub code: String,
    /// Line number in the file, from 1; none for the file as a whole.
    #[ts(type = "number | null")]
    pub line: Option<u64>,
    /// Column name.
    pub column: Option<String>,
    /// What happened, what it means, what to do.
    pub message: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Remarks that one repair settles share this.
    pub repair: String,
    /// Values that would fit, as text.
    pub suggestions: Vec<String>,
}

/// What became of a column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportColumn {
    /// Its heading.
    pub heading: String,
    /// The field it stands for; a `_name` for ours; none when left out.
    pub field: Option<String>,
    /// A field whose values look like it, for a column nobody knows.
    pub suggestion: Option<String>,
    /// Why suggested or left out.
    pub reason: Option<String>,
}

/// Remarks that one repair settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RepairView {
    /// What they share.
    pub repair: String,
    /// What they are about.
    pub code: String,
    /// The column, where it is one.
    pub column: Option<String>,
    /// How many.
    #[ts(type = "number")]
    pub count: u64,
    /// In words.
    pub title: String,
}

/// A cell of an imported file that somebody else changed since its export, with all three values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportConflict {
    /// Row id.
    pub row: String,
    /// Its title or party.
    pub row_label: String,
    /// Field name.
    pub field: String,
    /// Its label.
    pub field_label: String,
    /// The value when the file was exported; none for an empty cell.
    pub was: Option<String>,
    /// The value in the file.
    pub proposed: Option<String>,
    /// The value now.
    pub now: Option<String>,
}

/// How many remarks of each kind there are, those beyond the lists included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportTotals {
    /// Errors.
    #[ts(type = "number")]
    pub errors: u64,
    /// Questions.
    #[ts(type = "number")]
    pub questions: u64,
    /// Warnings.
    #[ts(type = "number")]
    pub warnings: u64,
    /// Notices.
    #[ts(type = "number")]
    pub notices: u64,
}

/// An imported CSV, checked but not proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ImportView {
    /// Handle for `import_answer`, `import_problems` and `import_propose`.
    pub import: String,
    /// Name of the file.
    pub file_name: String,
    /// `tracks` or `splits`.
    pub table: String,
    /// How the bytes were read: `utf8`, `utf16_le`, `utf16_be`, `windows1252`, `mac_roman`.
    pub encoding: String,
    /// What separated the cells.
    pub delimiter: String,
    /// The columns of the file in order.
    pub columns: Vec<ImportColumn>,
    /// Columns of the catalogue a column of the file may be: name, label.
    pub fields: Vec<(String, String)>,
    /// Whether every row names the state it was exported from; without it newer values may be overwritten.
    pub has_base: bool,
    /// Number of the catalogue the file was exported from, as far as its rows tell.
    #[ts(type = "number | null")]
    pub exported_from: Option<i64>,
    /// Number of the catalogue it was compared with, where the server said it.
    #[ts(type = "number | null")]
    pub catalogue: Option<i64>,
    /// What empty cells mean: `apply`, `apply_known` (clear where the state at the export is known), `ignore`, `fill_only`.
    pub blanks: String,
    /// Rows of data in the file.
    #[ts(type = "number")]
    pub rows: u64,
    /// Rows that do not change.
    #[ts(type = "number")]
    pub unchanged: u64,
    /// Rows of the catalogue that the file does not have and that a complete file would delete.
    #[ts(type = "number")]
    pub missing: u64,
    /// Rows that were added after the export: they stay in any case.
    #[ts(type = "number")]
    pub added_since: u64,
    /// Cells that somebody else changed since the export.
    #[ts(type = "number")]
    pub conflicts: u64,
    /// Everything that would change.
    pub changes: Vec<CellChangeView>,
    /// Those of the changed cells that somebody else changed since the export.
    pub conflict_cells: Vec<ImportConflict>,
    /// Harmless: what was ignored and why.
    pub notices: Vec<ImportRemark>,
    /// Worth a look.
    pub warnings: Vec<ImportRemark>,
    /// What only a person can answer; stands in the way of proposing.
    pub questions: Vec<ImportRemark>,
    /// What must be put right; stands in the way of proposing.
    pub errors: Vec<ImportRemark>,
    /// Questions and errors grouped by what settles them, most first.
    pub repairs: Vec<RepairView>,
    /// Notices grouped the same way.
    pub ignored: Vec<RepairView>,
    /// How many there are of each, also where only the first ones are listed.
    pub totals: ImportTotals,
    /// The answers it was checked with, in the form that `import_answer` takes.
    #[ts(type = "unknown")]
    pub answers: serde_json::Value,
    /// Whether it can be proposed.
    pub may_propose: bool,
    /// Whether it was compared with the catalogue as last read, because the server did not answer.
    pub is_offline: bool,
}

/// How bad a remark about a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Stands in the way of proposing.
    Error,
    /// Worth a look.
    Warning,
}

/// What is wrong with a cell as it would stand after the edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CellCheckView {
    /// Row id.
    pub row: String,
    /// Field name.
    pub field: String,
    /// An error stands in the way of proposing, a warning does not.
    pub level: CheckLevel,
    /// What was found and what was expected.
    pub message: String,
    /// A value that would fit, as text; offered, never taken unasked.
    pub suggestion: Option<String>,
}
