//! What approving a change set would do, and the digest that binds an approval to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{tagged_hash, to_bytes};
use crate::catalogue::cells::same;
use crate::catalogue::row::RowContent;
use crate::hash::ObjectHash;

/// One thing that changes. A cell by its column; `_row` for a whole row (its cells, or `null`), `_approved`, `_retired`; for the schema
/// the row is empty and the field `_schema`, with hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectItem {
    /// What changes in the row.
    pub field: String,
    /// Before; `null` for empty.
    pub from: Value,
    /// The row's id, or empty for the schema.
    pub row: String,
    /// After; `null` for empty.
    pub to: Value,
}

/// Digest of an effect, whatever the order of its items.
#[must_use]
pub fn digest(effect: &[EffectItem]) -> ObjectHash {
    let mut items: Vec<&EffectItem> = effect.iter().collect();
    items.sort_by(|a, b| (&a.row, &a.field).cmp(&(&b.row, &b.field)));
    let value = serde_json::to_value(items).expect("an effect is plain JSON");
    let bytes = to_bytes(&value).expect("an effect holds only cell values, hashes and version numbers, all of which are exact");
    tagged_hash("collabtrack/effect/1", &bytes)
}

fn approved(row: &RowContent) -> Value {
    serde_json::to_value(&row.approved).expect("plain JSON")
}

fn retired(row: &RowContent) -> Value {
    serde_json::to_value(&row.retired).expect("plain JSON")
}

/// What changes between two states of one row, in order of the fields.
#[must_use]
pub fn of_row(before: Option<&RowContent>, after: Option<&RowContent>) -> Vec<EffectItem> {
    let mut items = Vec::new();
    let Some(id) = before.or(after).map(|row| row.id.to_string()) else { return items };
    let mut item = |field: &str, from: Value, to: Value| items.push(EffectItem { field: field.to_owned(), from, row: id.clone(), to });
    let approved_before = before.map_or(Value::Null, approved);
    let approved_after = after.map_or(Value::Null, approved);
    if approved_before != approved_after {
        item("_approved", approved_before, approved_after);
    }
    let no_rows = || Value::Array(Vec::new());
    let (retired_before, retired_after) = (before.map_or_else(no_rows, retired), after.map_or_else(no_rows, retired));
    if retired_before != retired_after {
        item("_retired", retired_before, retired_after);
    }
    match (before, after) {
        (Some(before), Some(after)) => {
            let mut names: Vec<&str> = before.cells.iter().chain(after.cells.iter()).map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let (from, to) = (before.cells.get(name), after.cells.get(name));
                if !same(from, to) {
                    let json = |value: Option<&crate::catalogue::cells::CellValue>| {
                        value.map_or(Value::Null, crate::catalogue::cells::CellValue::to_json)
                    };
                    item(name, json(from), json(to));
                }
            }
        }
        (before, after) => {
            item("_row", before.map_or(Value::Null, |row| row.cells.to_json()), after.map_or(Value::Null, |row| row.cells.to_json()))
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_published_vector() {
        let effect = [EffectItem {
            field: "title".into(),
            from: "Night Drive".into(),
            row: "trk_aaaaaaaaaaaaaaaaaaaaaaaaaa".into(),
            to: "Night Drive (Édit)".into(),
        }];
        assert_eq!(digest(&effect).to_string(), "4cbf2bd52d65e3b01f74861f53b368cda5d1c535605a6b353c4f816242207e46");
    }
}
