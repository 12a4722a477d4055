//! What of a change set a role may read: cells of columns it may not read never reach it, in operations, effects and conflicts alike.

use collabtrack_domain::catalogue::row::RowId;
use collabtrack_domain::catalogue::schema::{Schema, Table};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::role::Role;
use serde_json::Value;

/// The reader and the columns, now and when the author wrote.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) role: Role,
    pub(super) schemas: [Option<&'a Schema>; 2],
}

impl Reader<'_> {
    fn may_read(&self, table: Table, name: &str) -> bool {
        // Names with an underscore in front are our own: whole rows, versions, the schema.
        name.starts_with('_')
            || self.schemas.iter().flatten().all(|schema| schema.field_now(table, name).is_none_or(|field| field.readable_by(self.role)))
    }

    /// Whether the role may read every cell the operations hold: only then may it see the exact bytes, and decide.
    pub(super) fn may_read_all(&self, ops: &[Op]) -> bool {
        ops.iter().all(|op| op.fields().into_iter().all(|(table, name)| self.may_read(table, name)))
    }

    /// The operations with hidden cells taken out.
    pub(super) fn ops(&self, ops: &[Op]) -> Vec<Value> {
        ops.iter().map(|op| self.item(op.row().map(|row| row.table()), serde_json::to_value(op).unwrap_or(Value::Null))).collect()
    }

    /// Effects or conflicts with hidden cells taken out.
    pub(super) fn items(&self, items: Vec<Value>) -> Vec<Value> {
        let table = |item: &Value| item.get("row").and_then(Value::as_str).and_then(|row| RowId::parse(row).ok()).map(|row| row.table());
        items.into_iter().map(|item| self.item(table(&item), item)).collect()
    }

    fn item(&self, table: Option<Table>, mut item: Value) -> Value {
        let (Some(table), Some(fields)) = (table, item.as_object_mut()) else { return item };
        let hidden = fields.get("field").and_then(Value::as_str).is_some_and(|name| !self.may_read(table, name));
        if hidden {
            for part in ["from", "to", "base", "proposed", "current"] {
                fields.remove(part);
            }
            fields.insert("redacted".to_owned(), Value::Bool(true));
            return item;
        }
        for part in ["cells", "from", "to", "base", "proposed", "current"] {
            let cells = match fields.get_mut(part) {
                // A deletion keeps the cells one level further down.
                Some(value) if value.get("cells").is_some() => value.get_mut("cells"),
                other => other,
            };
            if let Some(cells) = cells.and_then(Value::as_object_mut) {
                cells.retain(|name, _| self.may_read(table, name));
            }
        }
        item
    }
}
