//! A change of the columns, line by line: every key of the document that would be another one, permissions and rules among them.

use collabtrack_domain::catalogue::evolution::{self, ColumnChange, ColumnFate};
use collabtrack_domain::catalogue::schema::{Schema, Table};
use serde_json::{Map, Value};

use crate::view::{CellChangeView, ChangeWord};

/// The field of a change that is about the columns.
pub(super) const SCHEMA: &str = "_schema";
/// Keys with a meaning also where they are left out.
const DEFAULTS: [(&str, &str); 4] = [("read_role", "listener"), ("write_role", "member"), ("required", "never"), ("on_invalid", "error")];
/// Permissions of a new column are told even where it leaves them out.
const ALWAYS_TOLD: [&str; 2] = ["read_role", "write_role"];

/// Everything that `new` says otherwise than `old`.
pub(super) fn lines(old: &Schema, new: &Schema) -> Vec<CellChangeView> {
    let (before, after) = (old.to_value(), new.to_value());
    let mut lines = Vec::new();
    for change in evolution::columns(old, new) {
        column(&mut lines, &change, &before, &after);
    }
    for table in Table::ALL {
        let part = |document: &Value, key: &str| document.pointer(&format!("/tables/{}/{key}", table.as_str())).cloned();
        let (was, is) = (part(&before, "natural_keys"), part(&after, "natural_keys"));
        if was != is {
            let place = format!("{}.natural_keys", table.as_str());
            lines.push(line(
                table_word(table),
                &place,
                "Rows are recognised by",
                text(was.as_ref()),
                text(is.as_ref()),
                ChangeWord::Changed,
            ));
        }
        let (was, is) = order(&before, &after, table);
        if was != is {
            let place = format!("{}.order", table.as_str());
            lines.push(line(table_word(table), &place, "Order of the columns", Some(was), Some(is), ChangeWord::Changed));
        }
    }
    rules(&mut lines, &before, &after);
    let top = |document: &Value| document.as_object().cloned().unwrap_or_default();
    let (was, is) = (top(&before), top(&after));
    for key in keys(&was, &is).into_iter().filter(|key| !matches!(key.as_str(), "tables" | "rules")) {
        if was.get(&key) != is.get(&key) {
            lines.push(line("Columns", &key, &key, text(was.get(&key)), text(is.get(&key)), ChangeWord::Changed));
        }
    }
    if lines.is_empty() {
        lines.push(line("Columns", SCHEMA, "Columns", Some("as they are".into()), Some("as proposed".into()), ChangeWord::Changed));
    }
    lines
}

fn column(lines: &mut Vec<CellChangeView>, change: &ColumnChange, before: &Value, after: &Value) {
    let was = field(before, change.table, change.was.as_deref().unwrap_or(&change.name));
    let is = field(after, change.table, &change.name);
    let is_there = if change.fate == ColumnFate::Removed { &was } else { &is };
    let label = is_there.get("label").and_then(Value::as_str).unwrap_or(&change.name);
    let row = if label == change.name {
        format!("{} · {label}", table_word(change.table))
    } else {
        format!("{} · {label} ({})", table_word(change.table), change.name)
    };
    let word = match change.fate {
        ColumnFate::Added => ChangeWord::Added,
        ColumnFate::Renamed | ColumnFate::Changed => ChangeWord::Changed,
        ColumnFate::Removed => ChangeWord::Deleted,
    };
    let mut push = |key: &str, from: Option<String>, to: Option<String>| {
        let place = format!("{}.{}.{key}", change.table.as_str(), change.name);
        lines.push(line(&row, &place, key_word(key), from, to, word));
    };
    let name = |name: &str| Some(name.to_owned());
    let keys: Vec<String> = match change.fate {
        ColumnFate::Added => {
            push("name", None, name(&change.name));
            keys(&was, &is)
        }
        ColumnFate::Removed => {
            push("name", name(&change.name), None);
            keys(&was, &is)
        }
        ColumnFate::Renamed => {
            push("name", change.was.clone(), name(&change.name));
            change.keys.clone()
        }
        ColumnFate::Changed => change.keys.clone(),
    };
    for key in keys.iter().map(String::as_str).filter(|key| *key != "name") {
        let side = |column: &Map<String, Value>, is_there: bool| if is_there { value(column, key) } else { None };
        push(key, side(&was, change.fate != ColumnFate::Added), side(&is, change.fate != ColumnFate::Removed));
    }
    if change.fate == ColumnFate::Added {
        for key in ALWAYS_TOLD.into_iter().filter(|key| !is.contains_key(*key)) {
            push(key, None, value(&is, key));
        }
    }
}

fn rules(lines: &mut Vec<CellChangeView>, before: &Value, after: &Value) {
    let list = |document: &Value| document.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    let (was, is) = (list(before), list(after));
    let gone = was.iter().filter(|rule| !is.contains(rule)).map(|rule| (rule, ChangeWord::Deleted));
    let come = is.iter().filter(|rule| !was.contains(rule)).map(|rule| (rule, ChangeWord::Added));
    for (at, (rule, word)) in gone.chain(come).enumerate() {
        let kind = rule.get("kind").and_then(Value::as_str).unwrap_or("rule");
        let (from, to) = if word == ChangeWord::Deleted { (text(Some(rule)), None) } else { (None, text(Some(rule))) };
        lines.push(line(&format!("Rule {}", at + 1), &format!("rules.{at}"), kind, from, to, word));
    }
}

/// The names of the columns that stay, in their order before and after.
fn order(before: &Value, after: &Value, table: Table) -> (String, String) {
    let names = |document: &Value| -> Vec<String> {
        let fields = document.pointer(&format!("/tables/{}/fields", table.as_str())).and_then(Value::as_array).cloned().unwrap_or_default();
        fields.iter().filter_map(|field| field.get("name")?.as_str().map(str::to_owned)).collect()
    };
    let (was, is) = (names(before), names(after));
    let both = |list: &[String], other: &[String]| list.iter().filter(|name| other.contains(name)).cloned().collect::<Vec<_>>().join(", ");
    (both(&was, &is), both(&is, &was))
}

fn field(document: &Value, table: Table, name: &str) -> Map<String, Value> {
    let fields = document.pointer(&format!("/tables/{}/fields", table.as_str())).and_then(Value::as_array);
    let found = fields.and_then(|fields| fields.iter().find(|field| field.get("name").and_then(Value::as_str) == Some(name)));
    found.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn keys(was: &Map<String, Value>, is: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = was.keys().chain(is.keys()).cloned().collect();
    keys.sort();
    keys.dedup();
    keys
}

/// What a column says at a key, also where it leaves the key out.
fn value(column: &Map<String, Value>, key: &str) -> Option<String> {
    let default = || DEFAULTS.iter().find(|(name, _)| *name == key).map(|(_, word)| format!("{word} (as usual)"));
    text(column.get(key)).or_else(default)
}

fn text(value: Option<&Value>) -> Option<String> {
    value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn table_word(table: Table) -> &'static str {
    match table {
        Table::Tracks => "Tracks",
        Table::Splits => "Splits",
    }
}

fn key_word(key: &str) -> &str {
    match key {
        "read_role" => "Lowest role that reads it",
        "write_role" => "Lowest role that changes it",
        "name" => "Name",
        "label" => "Label",
        "type" => "Type",
        key => key,
    }
}

fn line(row: &str, place: &str, label: &str, from: Option<String>, to: Option<String>, change: ChangeWord) -> CellChangeView {
    CellChangeView {
        row: String::new(),
        row_label: row.to_owned(),
        field: place.to_owned(),
        field_label: label.to_owned(),
        from,
        to,
        change,
        part_of: Some(SCHEMA.to_owned()),
        may_type: false,
    }
}

#[cfg(test)]
mod tests {
    use collabtrack_domain::catalogue::schema::default_schema;
    use serde_json::json;

    use super::*;

    fn told(edit: impl FnOnce(&mut Value)) -> Vec<(String, String, Option<String>, Option<String>)> {
        let old = default_schema();
        let mut document = old.to_value();
        edit(&mut document);
        let new = Schema::from_value(&document).expect("a schema");
        lines(&old, &new).into_iter().map(|line| (line.row_label, line.field_label, line.from, line.to)).collect()
    }

    fn column_of<'a>(document: &'a mut Value, table: &str, name: &str) -> &'a mut Value {
        let fields = document["tables"][table]["fields"].as_array_mut().expect("fields");
        fields.iter_mut().find(|field| field["name"] == name).expect("the column")
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_changed_permission_is_told_with_what_it_was() {
        let told = told(|document| {
            let column = column_of(document, "tracks", "writer_notes");
            column.as_object_mut().expect("a column").remove("read_role");
        });
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            (told[0].1.as_str(), &told[0].2, &told[0].3),
            ("Lowest role that reads it", &some("admin"), &some("listener (as usual)"))
        );
        assert!(told[0].0.starts_with("Tracks · ") && told[0].0.contains("writer_notes"), "{told:?}");
    }

    #[test]
    fn a_new_column_is_told_with_everything_it_says_and_who_reads_it() {
        let told = told(|document| {
            let fields = document["tables"]["splits"]["fields"].as_array_mut().expect("fields");
            fields.push(json!({"name": "bank", "type": "text", "write_role": "admin"}));
        });
        let lines: Vec<_> = told.iter().map(|(_, label, from, to)| (label.as_str(), from.as_deref(), to.as_deref())).collect();
        for line in [
            ("Name", None, Some("bank")),
            ("Type", None, Some("text")),
            ("Lowest role that changes it", None, Some("admin")),
            ("Lowest role that reads it", None, Some("listener (as usual)")),
        ] {
            assert!(lines.contains(&line), "{line:?} in {lines:?}");
        }
    }

    #[test]
    fn rules_keys_and_the_order_are_told_too() {
        let told = told(|document| {
            document["rules"] = json!([]);
            document["tables"]["tracks"]["natural_keys"] = json!([["isrc"]]);
            document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").swap(0, 1);
        });
        let labels: Vec<&str> = told.iter().map(|(_, label, _, _)| label.as_str()).collect();
        assert_eq!(labels, ["Rows are recognised by", "Order of the columns", "sum"], "{told:?}");
        assert_eq!(told[2].3, None, "the rule goes: {told:?}");
    }
}
