//! What a role may see of a change set: values of columns it cannot read are gone, and who cannot see everything cannot decide.

use serde::Serialize;
use serde_json::{Value, json};

use crate::catalogue::row::RowId;
use crate::catalogue::schema::{Schema, Table};
use crate::catalogue::validate::Problem;
use crate::change_set::op::Op;
use crate::role::Role;

/// The parts of operations, effects and conflicts that hold values of cells.
const VALUES: [&str; 6] = ["cells", "from", "to", "base", "proposed", "current"];

/// A reader, and every schema that what they read may have been written under.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    role: Role,
    schemas: Vec<&'a Schema>,
}

impl<'a> Reader<'a> {
    /// Somebody with `role`; `schemas` are the columns now, and those when the author wrote, where they differ.
    pub fn new(role: Role, schemas: impl IntoIterator<Item = &'a Schema>) -> Self {
        Self { role, schemas: schemas.into_iter().collect() }
    }

    /// Whether the role may read the column: under every schema that knows it. One that none knows any more is for who reads every column.
    #[must_use]
    pub fn may_read(&self, table: Table, name: &str) -> bool {
        // Names with an underscore in front are our own: whole rows, versions, the schema.
        if name.starts_with('_') {
            return true;
        }
        let mut known = self.schemas.iter().filter_map(|schema| schema.field_now(table, name)).peekable();
        if known.peek().is_none() { self.role >= Role::Admin } else { known.all(|field| field.readable_by(self.role)) }
    }

    /// Whether the role may read every cell the operations hold: only then may it see the exact bytes, and decide.
    #[must_use]
    pub fn may_read_all(&self, ops: &[Op]) -> bool {
        ops.iter().all(|op| op.fields().into_iter().all(|(table, name)| self.may_read(table, name)))
    }

    /// The operations, each in its place, with hidden cells taken out.
    #[must_use]
    pub fn ops(&self, ops: &[Op]) -> Vec<Value> {
        ops.iter().map(|op| self.item(op.row().map(|row| row.table()), json_of(op))).collect()
    }

    /// Effects or conflicts, each in its place, with hidden cells taken out.
    #[must_use]
    pub fn items<T: Serialize>(&self, items: &[T]) -> Vec<Value> {
        let table = |item: &Value| item.get("row").and_then(Value::as_str).and_then(|row| RowId::parse(row).ok()).map(|row| row.table());
        items.iter().map(json_of).map(|item| self.item(table(&item), item)).collect()
    }

    /// Broken rules in words; a rule on a hidden column is told without its values.
    #[must_use]
    pub fn problems(&self, problems: &[Problem]) -> Vec<String> {
        let hidden = |problem: &Problem| match (&problem.field, problem.rows.first()) {
            (Some(name), Some(row)) => !self.may_read(row.table(), name),
            // Which table it is about is not said, so it must be readable in both.
            (Some(name), None) => !Table::ALL.iter().all(|table| self.may_read(*table, name)),
            (None, _) => false,
        };
        let told = |problem: &Problem| {
            if hidden(problem) {
                "A rule on a column that your role may not read would be broken. An admin sees which.".to_owned()
            } else {
                problem.message.clone()
            }
        };
        problems.iter().map(told).collect()
    }

    fn item(&self, table: Option<Table>, mut item: Value) -> Value {
        let (Some(table), Some(fields)) = (table, item.as_object_mut()) else { return item };
        if fields.get("field").and_then(Value::as_str).is_some_and(|name| !self.may_read(table, name)) {
            fields.retain(|name, _| name != "field" && name != "rev" && !VALUES.contains(&name.as_str()));
            fields.insert("redacted".to_owned(), json!(true));
            return item;
        }
        let is_row = fields.get("field").and_then(Value::as_str) == Some("_row")
            || fields.get("op").and_then(Value::as_str).is_some_and(|op| op.ends_with(".add") || op.ends_with(".delete"));
        if !is_row {
            return item;
        }
        let mut hidden = 0;
        for part in VALUES {
            let cells = match fields.get_mut(part) {
                // A deletion keeps the cells one level further down.
                Some(value) if value.get("cells").is_some_and(Value::is_object) => value.get_mut("cells"),
                other => other,
            };
            if let Some(cells) = cells.and_then(Value::as_object_mut) {
                let before = cells.len();
                cells.retain(|name, _| self.may_read(table, name));
                hidden += before - cells.len();
            }
        }
        if hidden > 0 {
            fields.insert("redacted".to_owned(), json!(true));
        }
        item
    }
}

fn json_of<T: Serialize + ?Sized>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
