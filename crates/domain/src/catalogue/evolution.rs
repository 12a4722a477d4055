//! What a new schema does to the rows there are: renamed columns move, retyped values are read anew, removed columns stay hidden.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::row::RowContent;
use crate::catalogue::schema::{Field, FieldType, Schema, Table};
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

/// What happens to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnFate {
    /// It is new.
    Added,
    /// It has another name; its values move along.
    Renamed,
    /// Something else about it changes.
    Changed,
    /// It goes; its values stay in the history.
    Removed,
}

/// A column that another schema treats differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// Its table.
    pub table: Table,
    /// Its name, the new one where it is renamed.
    pub name: String,
    /// Its name before a rename.
    pub was: Option<String>,
    /// What happens to it.
    pub fate: ColumnFate,
    /// The keys of the document that differ, in order.
    pub keys: Vec<String>,
}

/// The columns that `new` treats differently from `old`: those of `new` in their order, then those that go.
#[must_use]
pub fn columns(old: &Schema, new: &Schema) -> Vec<ColumnChange> {
    let (before, after) = (old.to_value(), new.to_value());
    let mut changes = Vec::new();
    for table in Table::ALL {
        let (old_fields, new_fields) = (documents(&before, table), documents(&after, table));
        let find = |name: &str| old_fields.iter().find(|field| name_of(field) == name).copied();
        let mut kept: Vec<&str> = Vec::new();
        for field in &new_fields {
            let name = name_of(field);
            let renamed = field.get("renamed_from").and_then(Value::as_str).filter(|was| find(name).is_none() && find(was).is_some());
            let source = renamed.unwrap_or(name);
            let change = |fate, keys| ColumnChange { table, name: name.to_owned(), was: renamed.map(str::to_owned), fate, keys };
            match find(source) {
                None => changes.push(change(ColumnFate::Added, Vec::new())),
                Some(was) => {
                    kept.push(source);
                    let keys = differing(was, field);
                    if renamed.is_some() {
                        changes.push(change(ColumnFate::Renamed, keys));
                    } else if !keys.is_empty() {
                        changes.push(change(ColumnFate::Changed, keys));
                    }
                }
            }
        }
        for name in old_fields.iter().map(|field| name_of(field)).filter(|name| !kept.contains(name)) {
            changes.push(ColumnChange { table, name: name.to_owned(), was: None, fate: ColumnFate::Removed, keys: Vec::new() });
        }
    }
    changes
}

fn documents(document: &Value, table: Table) -> Vec<&Map<String, Value>> {
    let fields = document.pointer(&format!("/tables/{}/fields", table.as_str())).and_then(Value::as_array);
    fields.map(|fields| fields.iter().filter_map(Value::as_object).collect()).unwrap_or_default()
}

fn name_of(field: &Map<String, Value>) -> &str {
    field.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Keys whose values differ, apart from the name itself and where it came from.
fn differing(was: &Map<String, Value>, is: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<&String> = was.keys().chain(is.keys()).filter(|key| !matches!(key.as_str(), "name" | "renamed_from")).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter().filter(|key| was.get(*key) != is.get(*key)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::samples::schema_of;

    #[test]
    fn what_another_document_does_to_each_column() {
        let old = schema_of(json!([
            {"name": "title", "type": "text"}, {"name": "p_line", "type": "text"}, {"name": "mood", "type": "choice", "choices": ["a", "b"]},
            {"name": "gone", "type": "text"}]));
        let new = schema_of(json!([
            {"name": "title", "type": "text"}, {"name": "phonogram", "renamed_from": "p_line", "type": "text", "label": "P line"},
            {"name": "mood", "type": "choice", "choices": ["a"], "help": "h"}, {"name": "mastered_by", "type": "text"}]));
        let told = |name: &str, was: Option<&str>, fate, keys: &[&str]| ColumnChange {
            table: Table::Tracks,
            name: name.into(),
            was: was.map(str::to_owned),
            fate,
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        assert_eq!(
            columns(&old, &new),
            [
                told("phonogram", Some("p_line"), ColumnFate::Renamed, &["label"]),
                told("mood", None, ColumnFate::Changed, &["choices", "help"]),
                told("mastered_by", None, ColumnFate::Added, &[]),
                told("gone", None, ColumnFate::Removed, &[]),
            ]
        );
        assert_eq!(columns(&old, &old), []);
    }
}
