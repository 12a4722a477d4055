//! Rules over several rows of a table.

use serde::{Deserialize, Serialize};

use crate::catalogue::schema::Table;

/// A rule over several rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// In every group of rows that agree in `group_by`, the values of `field` add up to `equals`. A group without rows passes.
    Sum {
        /// The table.
        table: Table,
        /// Columns whose values make a group.
        group_by: Vec<String>,
        /// A decimal or integer column.
        field: String,
        /// The sum, written like a value of the column.
        equals: String,
    },
    /// No two rows agree in all of `fields`; rows where one of them is empty pass.
    UniqueTogether {
        /// The table.
        table: Table,
        /// The columns.
        fields: Vec<String>,
    },
}

impl Rule {
    /// The table whose rows this rule judges.
    #[must_use]
    pub fn table(&self) -> Table {
        match self {
            Self::Sum { table, .. } | Self::UniqueTogether { table, .. } => *table,
        }
    }
}
