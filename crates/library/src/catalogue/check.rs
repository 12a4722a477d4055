//! What the rules of the columns say about edited cells before anybody proposes them. Asks no server: the catalogue as last read is enough.

use std::collections::{HashMap, HashSet};

use collabtrack_domain::catalogue::cells::{CellValue, Cells};
use collabtrack_domain::catalogue::row::{RowContent, RowId};
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::catalogue::validate;
use collabtrack_domain::catalogue::value::{CellProblem, ParseContext};
use collabtrack_domain::id::ProjectId;
use serde_json::Value;

use super::{CellEdit, Known, table_of};
use crate::error::{Result, sentence};
use crate::library::Library;
use crate::record::blocking;
use crate::view::imports::{CellCheckView, CheckLevel};

impl Library {
    /// What is wrong with the cells of a table as they would stand after `edits`: values their columns do not take, and rules the whole
    /// table would break.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` table, or that the server does not answer where the catalogue was never read.
    pub async fn check_cells(&self, project: &ProjectId, table: &str, edits: Vec<CellEdit>) -> Result<Vec<CellCheckView>> {
        let table = table_of(table)?;
        let known = self.last_catalogue(project).await?;
        blocking(move || Ok(check(&known, table, &edits))).await
    }
}

fn check(known: &Known, table: Table, edits: &[CellEdit]) -> Vec<CellCheckView> {
    let mut found = Vec::new();
    let mut rows = contents(known);
    let at: HashMap<String, usize> = rows.iter().enumerate().map(|(index, row)| (row.id.to_string(), index)).collect();
    for edit in edits {
        let Some(field) = known.schema.field(table, &edit.field) else { continue };
        let row = at.get(&edit.row).copied();
        let base = row.and_then(|row| rows[row].cells.get(&edit.field).cloned());
        let context = ParseContext { base: base.as_ref(), ..ParseContext::PLAIN };
        match field.parse(&edit.to, &context) {
            Ok(parsed) => {
                found
                    .extend(parsed.warnings.iter().map(|problem| remark(edit, CheckLevel::Warning, problem, |value| field.display(value))));
                if let Some(row) = row {
                    rows[row].cells.set(&edit.field, parsed.value);
                }
            }
            Err(problem) => found.push(remark(edit, CheckLevel::Error, &problem, |value| field.display(value))),
        }
    }
    let edited: HashSet<&str> = edits.iter().map(|edit| edit.row.as_str()).collect();
    for problem in validate::catalogue(&known.schema, rows.iter()) {
        let Some(field) = problem.field else { continue };
        // A rule that only rows nobody touched break is not about these edits.
        if !problem.rows.iter().any(|row| edited.contains(row.as_str())) {
            continue;
        }
        for row in problem.rows.iter().filter(|row| row.table() == table) {
            found.push(CellCheckView {
                row: row.to_string(),
                field: field.clone(),
                level: CheckLevel::Error,
                message: problem.message.clone(),
                suggestion: None,
            });
        }
    }
    found
}

fn remark(edit: &CellEdit, level: CheckLevel, problem: &CellProblem, shown: impl Fn(&CellValue) -> String) -> CellCheckView {
    CellCheckView {
        row: edit.row.clone(),
        field: edit.field.clone(),
        level,
        message: sentence(&format!("found {}, expected {}", problem.found, problem.expected)),
        suggestion: problem.suggestions.first().map(shown),
    }
}

/// The rows as the rules look at them.
fn contents(known: &Known) -> Vec<RowContent> {
    let rows = known.catalogue.rows.iter();
    rows.filter_map(|row| {
        let id = RowId::parse(&row.id).ok()?;
        let mut cells = Cells::new();
        for (name, value) in &row.cells {
            cells.set(name, serde_json::from_value::<CellValue>(Value::clone(value)).ok());
        }
        Some(RowContent::new(id, cells))
    })
    .collect()
}
