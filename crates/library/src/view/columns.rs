//! Read models of other columns tried out before they are proposed.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where a document of columns is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SchemaErrorView {
    /// JSON path beginning with `$`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A column that would be another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ColumnChangeView {
    /// `tracks` or `splits`.
    pub table: String,
    /// Its name, the new one where it is renamed.
    pub name: String,
    /// Its label.
    pub label: String,
    /// Its name before a rename.
    pub was: Option<String>,
    /// `added`, `renamed`, `changed`, `removed`.
    pub fate: String,
    /// What of it differs: keys of the document.
    pub keys: Vec<String>,
}

/// A row whose value would not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FailingRowView {
    /// What people call the row.
    pub row_label: String,
    /// Field name, or nothing.
    pub field: String,
    /// What happened, what it means, what to do.
    pub message: String,
}

/// What other columns would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SchemaCheckView {
    /// What is wrong with the document; nothing else is known then.
    pub error: Option<SchemaErrorView>,
    /// Whether it says what the columns of now say.
    pub is_same: bool,
    /// Columns that would be others.
    pub columns: Vec<ColumnChangeView>,
    /// Rows that would not fit, the first of them; while there are any it cannot be approved.
    pub failing: Vec<FailingRowView>,
    /// How many there are.
    #[ts(type = "number")]
    pub failing_count: u64,
}
