//! What a new schema does to the rows there are: renamed columns move, retyped values are read anew, removed columns stay hidden.

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::row::RowContent;
use crate::catalogue::schema::{Field, FieldType, Schema};
use crate::catalogue::validate::{MAX_PROBLEMS, Problem, RuleCode, row_name};
use crate::catalogue::value::{ParseContext, ProblemCode};

/// The row under the new schema, and the values that do not fit it.
#[must_use]
pub fn row(old: &Schema, new: &Schema, row: &RowContent) -> (RowContent, Vec<Problem>) {
    let table = row.id.table();
    let mut cells: Cells = row.cells.clone();
    let mut problems = Vec::new();
    for field in new.fields(table) {
        let source = match &field.renamed_from {
            Some(name) if old.field(table, &field.name).is_none() && old.field(table, name).is_some() => name.as_str(),
            _ => &*field.name,
        };
        let Some(value) = row.cells.get(source) else { continue };
        if source != &*field.name {
            cells.remove(source);
            cells.set(&field.name, Some(value.clone()));
        }
        if old.field(table, source).is_some_and(|before| same_values(before, field)) {
            continue;
        }
        match converted(old.field(table, source), field, value) {
            Ok(value) => cells.set(&field.name, Some(value)),
            Err(expected) if problems.len() < MAX_PROBLEMS => {
                let message = format!(
                    "{} of {} does not fit the new column: expected {expected}. Change the value first, then the column.",
                    field.label,
                    row_name(row)
                );
                problems.push(Problem { code: RuleCode::Value, rows: vec![row.id.clone()], field: Some(field.name.to_string()), message });
            }
            Err(_) => {}
        }
    }
    (RowContent { cells, ..row.clone() }, problems)
}

/// Whether everything `before` took is what `after` takes, so that no value needs a look.
fn same_values(before: &Field, after: &Field) -> bool {
    before.field_type == after.field_type
        && before.format == after.format
        && before.scale == after.scale
        && before.min == after.min
        && before.max == after.max
        && before.max_length <= after.max_length
        && before.max_items <= after.max_items
        && before.to == after.to
        && before.on_invalid == after.on_invalid
        && before.pattern.as_ref().map(|pattern| pattern.as_str()) == after.pattern.as_ref().map(|pattern| pattern.as_str())
        && before.choices.iter().all(|choice| after.choices.contains(choice))
}

fn converted(before: Option<&Field>, after: &Field, value: &CellValue) -> Result<CellValue, String> {
    // A value that already has the stored form stays as it is.
    match after.check(value) {
        Ok(_) => return Ok(value.clone()),
        // What is in the catalogue is not thrown out for a check digit.
        Err(problem) if problem.code == ProblemCode::CheckDigit && before.is_some_and(|before| before.field_type == after.field_type) => {
            return Ok(value.clone());
        }
        Err(problem) if before.is_none_or(|before| before.field_type == after.field_type && after.field_type != FieldType::Decimal) => {
            return Err(format!("{}, found {}", problem.expected, problem.found));
        }
        Err(_) => {}
    }
    let text = before.unwrap_or(after).display(value);
    match after.parse(&text, &ParseContext::PLAIN) {
        Ok(parsed) => parsed.value.ok_or_else(|| "a value".to_owned()),
        Err(problem) => Err(format!("{}, found {}", problem.expected, problem.found)),
    }
}
