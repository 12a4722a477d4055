//! In which states of the catalogue rows were written and added, so that a file can be compared with the catalogue it was exported from.

use std::collections::HashMap;

use crate::catalogue::row::{Rev, RowId};

/// Numbers of the catalogue, as people see them (“catalogue 41”), by row.
#[derive(Debug, Clone, Default)]
pub struct History {
    number: i64,
    written: HashMap<RowId, Vec<(i64, Rev)>>,
    added: HashMap<RowId, i64>,
}

impl History {
    /// Of the catalogue with that number: in which numbers states of rows were written, and in which the rows of now were added.
    pub fn new(number: i64, written: impl IntoIterator<Item = (RowId, Rev, i64)>, added: impl IntoIterator<Item = (RowId, i64)>) -> Self {
        let mut states: HashMap<RowId, Vec<(i64, Rev)>> = HashMap::new();
        for (row, rev, number) in written {
            states.entry(row).or_default().push((number, rev));
        }
        Self { number, written: states, added: added.into_iter().collect() }
    }

    /// Number of the catalogue now.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Number of the catalogue in which a state of a row was written.
    #[must_use]
    pub fn written(&self, row: &RowId, rev: Rev) -> Option<i64> {
        self.written.get(row)?.iter().find(|(_, other)| *other == rev).map(|(number, _)| *number)
    }

    /// Number of the catalogue in which a row of now was added.
    #[must_use]
    pub fn added(&self, row: &RowId) -> Option<i64> {
        self.added.get(row).copied()
    }

    /// The newest known state of a row in the catalogue with that number; nothing when it is not known to differ from the one of now.
    #[must_use]
    pub fn at(&self, row: &RowId, number: i64) -> Option<Rev> {
        self.written.get(row)?.iter().filter(|(written, _)| *written <= number).max_by_key(|(written, _)| *written).map(|(_, rev)| *rev)
    }
}
