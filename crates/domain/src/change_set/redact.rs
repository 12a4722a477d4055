//! What a role may see of a change set: values of columns it cannot read are gone, and who cannot see everything cannot decide.

use serde::Serialize;
use serde_json::Value;

use crate::catalogue::row::RowId;
use crate::catalogue::schema::{Schema, Table};
use crate::change_set::effect::EffectItem;
use crate::change_set::merge::Conflict;
use crate::change_set::op::{DeletedRow, Op};
use crate::role::Role;

/// Part of something, and how much of it is hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readable<T> {
    /// What the role may read.
    pub items: Vec<T>,
    /// How many values are hidden; above zero, this role cannot decide.
    pub hidden: usize,
}

fn readable(schema: &Schema, table: Table, name: &str, role: Role) -> bool {
    // Names of the change set's own, such as `_approved`, are for everybody; a removed column is for who could read every other.
    name.starts_with('_') || schema.field_now(table, name).map_or(role >= Role::Admin, |field| field.readable_by(role))
}

fn filter_object(schema: &Schema, table: Table, role: Role, value: &Value, hidden: &mut usize) -> Value {
    match value {
        Value::Object(cells) => {
            let kept: serde_json::Map<String, Value> = cells
                .iter()
                .filter(|(name, _)| readable(schema, table, name, role))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            *hidden += cells.len() - kept.len();
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

/// The operations as `role` may read them.
#[must_use]
pub fn ops(ops: &[Op], schema: &Schema, role: Role) -> Readable<Op> {
    let mut items = Vec::with_capacity(ops.len());
    let mut hidden = 0;
    for op in ops {
        let mut op = op.clone();
        match &mut op {
            Op::CellSet { field, .. } if !readable(schema, Table::Tracks, field, role) => {
                hidden += 1;
                continue;
            }
            Op::SplitSet { field, .. } if !readable(schema, Table::Splits, field, role) => {
                hidden += 1;
                continue;
            }
            Op::TrackAdd { cells, .. } | Op::TrackDelete { from: DeletedRow { cells, .. }, .. } => {
                let kept = cells.filtered(|name| readable(schema, Table::Tracks, name, role));
                hidden += cells.len() - kept.len();
                *cells = kept;
            }
            Op::SplitAdd { cells, .. } | Op::SplitDelete { from: DeletedRow { cells, .. }, .. } => {
                let kept = cells.filtered(|name| readable(schema, Table::Splits, name, role));
                hidden += cells.len() - kept.len();
                *cells = kept;
            }
            _ => {}
        }
        items.push(op);
    }
    Readable { items, hidden }
}

/// The effect as `role` may read it.
#[must_use]
pub fn effect(effect: &[EffectItem], schema: &Schema, role: Role) -> Readable<EffectItem> {
    let mut items = Vec::with_capacity(effect.len());
    let mut hidden = 0;
    for item in effect {
        let table = table_of(&item.row);
        if !readable(schema, table, &item.field, role) {
            hidden += 1;
            continue;
        }
        let mut item = item.clone();
        if item.field == "_row" {
            item.from = filter_object(schema, table, role, &item.from, &mut hidden);
            item.to = filter_object(schema, table, role, &item.to, &mut hidden);
        }
        items.push(item);
    }
    Readable { items, hidden }
}

/// The conflicts as `role` may read them.
#[must_use]
pub fn conflicts(conflicts: &[Conflict], schema: &Schema, role: Role) -> Readable<Conflict> {
    let mut items = Vec::with_capacity(conflicts.len());
    let mut hidden = 0;
    for conflict in conflicts {
        let table = table_of(&conflict.row);
        if !readable(schema, table, &conflict.field, role) {
            hidden += 1;
            continue;
        }
        let mut conflict = conflict.clone();
        if conflict.field == "_row" {
            for value in [&mut conflict.base, &mut conflict.proposed, &mut conflict.current] {
                *value = filter_object(schema, table, role, value, &mut hidden);
            }
        }
        items.push(conflict);
    }
    Readable { items, hidden }
}

fn table_of(row: &str) -> Table {
    RowId::parse(row).map_or(Table::Tracks, |row| row.table())
}
