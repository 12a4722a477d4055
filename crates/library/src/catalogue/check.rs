//! What the rules of the columns say about edited cells before anybody proposes them. Asks no server: the catalogue as last read is enough.

use std::collections::{HashMap, HashSet};

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::row::{RowContent, RowId};
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::catalogue::validate;
use collabtrack_domain::catalogue::value::{CellProblem, ParseContext};
use collabtrack_domain::id::ProjectId;

use super::edits::{self, CellEdit, SheetEdits};
use super::{Known, table_of};
use crate::error::{Result, sentence};
use crate::library::Library;
use crate::record::blocking;
use crate::view::imports::{CellCheckView, CheckLevel};

impl Library {
    /// What is wrong with the cells of a table as they would stand after `edits`: values their columns do not take, and rules the whole
    /// table would break. Rows made by hand are told under the key they were made with.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` table, or that the server does not answer where the catalogue was never read.
    pub async fn check_cells(&self, project: &ProjectId, table: &str, edits: impl Into<SheetEdits>) -> Result<Vec<CellCheckView>> {
        let table = table_of(table)?;
        let known = self.last_catalogue(project).await?;
        let edits = edits.into();
        blocking(move || Ok(check(&known, table, &edits))).await
    }
}

fn check(known: &Known, table: Table, edits: &SheetEdits) -> Vec<CellCheckView> {
    let Edited { rows, made, remarks: mut found } = edited(known, table, edits);
    let touched: HashSet<&str> = edits.cells.iter().map(|edit| edit.row.as_str()).chain(edits.added.iter().map(String::as_str)).collect();
    let before: HashSet<String> = if edits.deleted.is_empty() {
        HashSet::new()
    } else {
        let rows = contents(known, table, &SheetEdits::default());
        validate::catalogue(&known.schema, rows.iter()).into_iter().map(|problem| problem.message).collect()
    };
    for problem in validate::catalogue(&known.schema, rows.iter()) {
        let Some(field) = problem.field else { continue };
        // Cells that this account may not read are missing here; the server judges them.
        if problem.rows.iter().any(|row| known.schema.field(row.table(), &field).is_some_and(|field| !field.readable_by(known.role))) {
            continue;
        }
        let keys: Vec<&str> = problem.rows.iter().map(|row| made.get(row.as_str()).copied().unwrap_or(row.as_str())).collect();
        // A rule that only rows nobody touched break is not about these edits, unless a row that goes breaks it.
        let by_deletion = !edits.deleted.is_empty() && !before.contains(&problem.message);
        if !by_deletion && !keys.iter().any(|key| touched.contains(key)) {
            continue;
        }
        for (key, _) in keys.iter().zip(&problem.rows).filter(|(_, row)| row.table() == table) {
            found.push(CellCheckView {
                row: (*key).to_owned(),
                field: field.clone(),
                level: CheckLevel::Error,
                message: problem.message.clone(),
                suggestion: None,
            });
        }
    }
    found
}

/// The rows of both tables as they would stand after the edits of one, and what stands in the way of single edits.
pub(super) struct Edited<'e> {
    pub(super) rows: Vec<RowContent>,
    /// The keys of rows made by hand, by the ids they have here only.
    pub(super) made: HashMap<String, &'e str>,
    remarks: Vec<CellCheckView>,
}

/// Applies edits to the catalogue as last read; an edit its column does not take leaves the cell as it was.
pub(super) fn edited<'e>(known: &Known, table: Table, edits: &'e SheetEdits) -> Edited<'e> {
    let mut remarks = Vec::new();
    let mut rows = contents(known, table, edits);
    let mut at: HashMap<String, usize> = rows.iter().enumerate().map(|(index, row)| (row.id.to_string(), index)).collect();
    let mut made: HashMap<String, &str> = HashMap::new();
    for key in &edits.added {
        let id = edits::new_id(table);
        at.insert(key.clone(), rows.len());
        made.insert(id.to_string(), key);
        rows.push(RowContent::new(id, known.schema.defaults(table)));
    }
    for edit in &edits.cells {
        let Some(field) = known.schema.field(table, &edit.field) else { continue };
        let row = at.get(&edit.row).copied();
        let base = row.and_then(|row| rows[row].cells.get(&edit.field).cloned());
        let context = ParseContext { base: base.as_ref(), ..ParseContext::PLAIN };
        match field.parse(&edit.to, &context) {
            Ok(parsed) => {
                let shown = |value: &CellValue| field.display(value);
                remarks.extend(parsed.warnings.iter().map(|problem| remark(edit, CheckLevel::Warning, problem, shown)));
                if let Some(row) = row {
                    rows[row].cells.set(&edit.field, parsed.value);
                }
            }
            Err(problem) => remarks.push(remark(edit, CheckLevel::Error, &problem, |value| field.display(value))),
        }
    }
    Edited { rows, made, remarks }
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

/// The rows as the rules look at them, without those that go.
fn contents(known: &Known, table: Table, edits: &SheetEdits) -> Vec<RowContent> {
    let mut gone: HashSet<&str> = edits.deleted.iter().map(String::as_str).collect();
    if table == Table::Tracks {
        let splits: Vec<&str> = edits::splits_of(known, &gone).map(|row| row.id.as_str()).collect();
        gone.extend(splits);
    }
    let rows = known.catalogue.rows.iter().filter(|row| !gone.contains(row.id.as_str()));
    rows.filter_map(|row| Some(RowContent::new(RowId::parse(&row.id).ok()?, edits::cells_of(row).ok()?))).collect()
}
