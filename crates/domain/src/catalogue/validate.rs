//! Rules of a whole catalogue, judged on its final state: required and unique cells, sums, references, approved versions.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::cells::CellValue;
use crate::catalogue::row::{RowContent, RowId};
use crate::catalogue::schema::{Field, FieldType, Required, Rule, Schema, Table};
use crate::catalogue::steps;
use crate::catalogue::sums::SumRule;

/// Which rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleCode {
    /// A cell that must be filled is empty.
    Required,
    /// Two rows have a value that only one may have.
    Unique,
    /// Two rows agree in columns that together tell rows apart.
    UniqueTogether,
    /// Shares of a group do not add up.
    Sum,
    /// A cell names a row that is not there.
    Reference,
    /// The approved version is retired.
    ApprovedIsRetired,
    /// A value that its column does not take.
    Value,
    /// A column that the table does not have.
    UnknownField,
    /// A schema document that is refused.
    Schema,
    /// More rows than a table takes.
    TooManyRows,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which rule.
    pub code: RuleCode,
    /// The rows concerned, at most ten of them.
    pub rows: Vec<RowId>,
    /// The column, where it is one.
    pub field: Option<String>,
    /// What happened, what it means for the music, what to do.
    pub message: String,
}

/// Most rows of one table.
pub const MAX_ROWS: usize = 50_000;
/// Most problems listed; the rest is counted in the last one.
pub const MAX_PROBLEMS: usize = 1_000;

/// How a row is called in messages.
#[must_use]
pub fn row_name(row: &RowContent) -> String {
    let text = |name: &str| row.cells.text(name).map(|text| text.chars().take(80).collect::<String>());
    match row.id.table() {
        Table::Tracks => text("title").map_or_else(|| row.id.to_string(), |title| format!("“{title}”")),
        Table::Splits => text("party").map_or_else(|| row.id.to_string(), |party| format!("the split of “{party}”")),
    }
}

struct Found {
    problems: Vec<Problem>,
    beyond: usize,
}

impl Found {
    fn add(&mut self, code: RuleCode, rows: Vec<RowId>, field: Option<&str>, message: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem { code, rows, field: field.map(str::to_owned), message });
        } else {
            self.beyond += 1;
        }
    }
}

/// Every rule that `rows`, the final state of both tables, break.
pub fn catalogue<'a>(schema: &Schema, rows: impl Iterator<Item = &'a RowContent> + Clone) -> Vec<Problem> {
    let mut found = Found { problems: Vec::new(), beyond: 0 };
    let by_id: HashMap<&str, &RowContent> = rows.clone().map(|row| (row.id.as_str(), row)).collect();
    for table in Table::ALL {
        let of_table = || rows.clone().filter(move |row| row.id.table() == table);
        let count = of_table().count();
        if count > MAX_ROWS {
            let message = format!(
                "The table of {} would have {count} rows; at most {MAX_ROWS} fit. Split the music over several projects.",
                table.as_str()
            );
            found.add(RuleCode::TooManyRows, Vec::new(), None, message);
        }
        for field in schema.fields(table) {
            if field.required == Required::Always {
                required(&mut found, field, of_table());
            }
            if field.unique {
                unique(&mut found, &[field], RuleCode::Unique, of_table());
            }
            if field.field_type == FieldType::Reference {
                references(&mut found, field, &by_id, of_table());
            }
        }
    }
    for row in rows.clone() {
        if let Some(approved) = row.approved.as_ref().filter(|approved| row.retired.contains(&approved.version)) {
            let message = format!(
                "Version {} of {} is retired and cannot be the approved one. Choose another version.",
                approved.number,
                row_name(row)
            );
            found.add(RuleCode::ApprovedIsRetired, vec![row.id.clone()], Some("_approved"), message);
        }
    }
    for rule in schema.rules() {
        let of_table = rows.clone().filter(|row| row.id.table() == rule.table());
        let fields = |names: &[String]| -> Vec<&Field> { names.iter().filter_map(|name| schema.field(rule.table(), name)).collect() };
        match rule {
            Rule::UniqueTogether { fields: names, .. } => unique(&mut found, &fields(names), RuleCode::UniqueTogether, of_table),
            Rule::Sum { .. } => {
                if let Some(rule) = SumRule::of(schema, rule) {
                    sums(&mut found, &rule, of_table, &by_id);
                }
            }
        }
    }
    if found.beyond > 0 {
        let message = format!("There are {} more problems of these kinds. Put the ones above right first.", found.beyond);
        found.problems.push(Problem { code: RuleCode::Value, rows: Vec::new(), field: None, message });
    }
    found.problems
}

fn required<'a>(found: &mut Found, field: &Field, rows: impl Iterator<Item = &'a RowContent>) {
    for row in rows.filter(|row| row.cells.get(&field.name).is_none()) {
        let message = format!("{} of {} is empty, and the catalogue needs it. Fill it in.", field.label, row_name(row));
        found.add(RuleCode::Required, vec![row.id.clone()], Some(&field.name), message);
    }
}

/// The values of `fields` in `row` in comparable form; nothing when one of them is empty.
fn key(row: &RowContent, fields: &[&Field]) -> Option<Vec<CellValue>> {
    fields.iter().map(|field| row.cells.get(&field.name).map(CellValue::key)).collect()
}

fn unique<'a>(found: &mut Found, fields: &[&Field], code: RuleCode, rows: impl Iterator<Item = &'a RowContent>) {
    let mut groups: HashMap<Vec<CellValue>, Vec<&RowContent>> = HashMap::new();
    for row in rows {
        steps::count(fields.len());
        if let Some(key) = key(row, fields) {
            groups.entry(key).or_default().push(row);
        }
    }
    let mut twins: Vec<_> = groups.into_iter().filter(|(_, rows)| rows.len() > 1).collect();
    twins.sort_by(|a, b| a.1[0].id.cmp(&b.1[0].id));
    for (key, rows) in twins {
        let shown: Vec<String> =
            fields.iter().zip(&key).map(|(field, value)| format!("{} {}", field.label, field.display(value))).collect();
        let names: Vec<String> = rows.iter().take(3).map(|row| row_name(row)).collect();
        let more = if rows.len() > 3 { format!(" and {} more", rows.len() - 3) } else { String::new() };
        let message = format!(
            "{} would stand in {} rows: {}{more}. Only one row may have it; change the others.",
            shown.join(", "),
            rows.len(),
            names.join(", ")
        );
        let field = if fields.len() == 1 { Some(&*fields[0].name) } else { None };
        found.add(code, rows.iter().take(10).map(|row| row.id.clone()).collect(), field, message);
    }
}

fn references<'a>(found: &mut Found, field: &Field, by_id: &HashMap<&str, &RowContent>, rows: impl Iterator<Item = &'a RowContent>) {
    for row in rows {
        let Some(target) = row.cells.text(&field.name) else { continue };
        if !by_id.contains_key(target) {
            let message = format!(
                "{} names {target} as its {}, which would not be in the catalogue. Delete this row in the same proposal, or keep the other one.",
                row_name(row),
                field.label
            );
            found.add(RuleCode::Reference, vec![row.id.clone()], Some(&field.name), message);
        }
    }
}

fn sums<'a>(found: &mut Found, rule: &SumRule<'_>, rows: impl Iterator<Item = &'a RowContent>, by_id: &HashMap<&str, &RowContent>) {
    for group in rule.uneven(rows) {
        let message = rule.message(&group, |id| by_id.get(id).map(|row| row_name(row)));
        found.add(RuleCode::Sum, group.rows.iter().take(10).map(|row| row.id.clone()).collect(), Some(&rule.field.name), message);
    }
}

/// What the release check asks for: empty cells of columns that a release needs, as rows and columns.
pub fn release<'a>(schema: &Schema, rows: impl Iterator<Item = &'a RowContent>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for row in rows {
        for field in schema.fields(row.id.table()).iter().filter(|field| field.required != Required::Never) {
            if row.cells.get(&field.name).is_none() {
                let message = format!("{} of {} is empty; a release needs it.", field.label, row_name(row));
                problems.push(Problem {
                    code: RuleCode::Required,
                    rows: vec![row.id.clone()],
                    field: Some(field.name.to_string()),
                    message,
                });
            }
        }
    }
    problems
}

/// Checks the values of one row against its columns.
pub fn values(schema: &Schema, row: &RowContent, names: impl Iterator<Item = impl AsRef<str>>) -> Vec<Problem> {
    let table = row.id.table();
    let mut problems = Vec::new();
    for name in names {
        let name = name.as_ref();
        let Some(value) = row.cells.get(name) else { continue };
        let Some(field) = schema.field(table, name) else {
            let message = format!(
                "{} has a value for {name:?}, a column this project does not have. Leave it out, or add the column first.",
                row_name(row)
            );
            problems.push(Problem { code: RuleCode::UnknownField, rows: vec![row.id.clone()], field: Some(name.to_owned()), message });
            continue;
        };
        if let Err(problem) = field.check(value) {
            let message = format!(
                "{} of {}: found {}, expected {}. Put the value right, or leave the cell as it was.",
                field.label,
                row_name(row),
                problem.found,
                problem.expected
            );
            problems.push(Problem { code: RuleCode::Value, rows: vec![row.id.clone()], field: Some(name.to_owned()), message });
        }
    }
    problems
}
