//! Documents that are refused, each with the place of what is wrong.

use serde_json::json;

use super::*;
use crate::catalogue::schema::{DEFAULT_SCHEMA_JSON, default_schema};

fn with_field(field: &str) -> String {
    format!(
        r#"{{"schema_version":1,"tables":{{"tracks":{{"fields":[{field}],"natural_keys":[]}},"splits":{{"fields":[],"natural_keys":[]}}}},"rules":[]}}"#
    )
}

fn refused(document: &str) -> SchemaError {
    match Schema::parse(document) {
        Ok(_) => panic!("{document} must be refused"),
        Err(error) => error,
    }
}

#[test]
fn the_default_columns_are_those_of_the_design() {
    let schema = default_schema();
    assert_eq!((schema.fields(Table::Tracks).len(), schema.fields(Table::Splits).len(), schema.rules().len()), (28, 10, 1));
    let bpm = schema.field(Table::Tracks, "bpm").expect("bpm");
    assert_eq!((bpm.scale, bpm.min.clone(), bpm.max.clone()), (2, Some(CellValue::text("1.00")), Some(CellValue::text("999.99"))));
    assert_eq!(schema.field(Table::Tracks, "upc").expect("upc").aliases, ["ean", "barcode"]);
    assert!(schema.field(Table::Tracks, "duration").expect("duration").read_only);
    assert!(!schema.field(Table::Splits, "share").expect("share").readable_by(Role::Listener));
    assert_eq!(schema.defaults(Table::Tracks).text("stage"), Some("demo"));
    let readable: Vec<&str> = schema.readable_fields(Table::Tracks, Role::Member).map(|field| &*field.name).collect();
    assert!(readable.contains(&"title") && !readable.contains(&"writer_notes"));
    assert_eq!(Schema::from_value(&schema.to_value()).map(|schema| schema.hash()), Ok(schema.hash()));
    assert!(Schema::parse(DEFAULT_SCHEMA_JSON).is_ok());
}

#[test]
fn a_document_that_is_wrong_is_refused_at_its_place() {
    for (field, path, words) in [
        (r#"{"name":"a","type":"text","requird":"always"}"#, "$.tables.tracks.fields[0].requird", "unknown"),
        (r#"{"name":"a","type":"text","type":"text"}"#, "$.tables.tracks.fields[0].type", "twice"),
        (r#"{"name":"a","type":"text"},{"name":"a","type":"text"}"#, "$.tables.tracks.fields[1]", "already stands"),
        (r#"{"name":"a","type":"text"},{"name":"b","type":"text","aliases":["A"]}"#, "$.tables.tracks.fields[1]", "already stands"),
        (r#"{"name":"Title","type":"text"}"#, "$.tables.tracks.fields[0].name", "no field name"),
        (r#"{"name":"my title","type":"text"}"#, "$.tables.tracks.fields[0].name", "no field name"),
        (r#"{"name":"_id","type":"text"}"#, "$.tables.tracks.fields[0].name", "no field name"),
        (r#"{"name":"a","type":"txt"}"#, "$.tables.tracks.fields[0].type", "known are text, longtext"),
        (r#"{"name":"a"}"#, "$.tables.tracks.fields[0].type", "missing"),
        (r#"{"name":"a","type":"integer","min":5,"max":4}"#, "$.tables.tracks.fields[0].max", "not below min"),
        (
            r#"{"name":"a","type":"decimal","min":"5.00","max":"4.00","on_invalid":"warn"}"#,
            "$.tables.tracks.fields[0].max",
            "not below min",
        ),
        (r#"{"name":"a","type":"integer","min":"5"}"#, "$.tables.tracks.fields[0].min", "without quotes"),
        (r#"{"name":"a","type":"decimal","min":5}"#, "$.tables.tracks.fields[0].min", "in quotes"),
        (r#"{"name":"a","type":"decimal","scale":"2"}"#, "$.tables.tracks.fields[0].scale", "without quotes"),
        (r#"{"name":"a","type":"decimal","scale":10}"#, "$.tables.tracks.fields[0].scale", "1 to 9"),
        (r#"{"name":"a","type":"text","max_length":5000}"#, "$.tables.tracks.fields[0].max_length", "1 to 4000"),
        (r#"{"name":"a","type":"choice","choices":["x"],"default":"y"}"#, "$.tables.tracks.fields[0].default", "does not satisfy"),
        (r#"{"name":"a","type":"choice","choices":[]}"#, "$.tables.tracks.fields[0].choices", "at least one"),
        (r#"{"name":"a","type":"choice"}"#, "$.tables.tracks.fields[0].choices", "at least one"),
        (r#"{"name":"a","type":"choice","choices":["Mix","mix"]}"#, "$.tables.tracks.fields[0].choices", "twice"),
        (r#"{"name":"a","type":"text","choices":["x"]}"#, "$.tables.tracks.fields[0].choices", "no effect"),
        (r#"{"name":"a","type":"text","scale":2}"#, "$.tables.tracks.fields[0].scale", "no effect"),
        (r#"{"name":"a","type":"text","unique":"true"}"#, "$.tables.tracks.fields[0].unique", "without quotes"),
        (r#"{"name":"a","type":"text","format":"percent"}"#, "$.tables.tracks.fields[0].format", "does not go"),
        (r#"{"name":"a","type":"decimal","format":"isrc"}"#, "$.tables.tracks.fields[0].format", "does not go"),
        (r#"{"name":"a","type":"text","pattern":"("}"#, "$.tables.tracks.fields[0].pattern", "cannot be used"),
        (r#"{"name":"a","type":"text","pattern":"x)|(y"}"#, "$.tables.tracks.fields[0].pattern", "cannot be used"),
        (r#"{"name":"a","type":"text","pattern":"\\w{1000}{1000}"}"#, "$.tables.tracks.fields[0].pattern", "cannot be used"),
        (r#"{"name":"a","type":"reference"}"#, "$.tables.tracks.fields[0].to", "names the table"),
        (r#"{"name":"a","type":"list","separator":"ab"}"#, "$.tables.tracks.fields[0].separator", "one of"),
        (r#"{"name":"a","type":"list","of":"integer"}"#, "$.tables.tracks.fields[0].of", "lists hold text"),
        (r#"{"name":"a","type":"text","read_role":"owner"}"#, "$.tables.tracks.fields[0].read_role", "known are listener"),
        (r#"{"name":"a","type":"text","write_role":"listener"}"#, "$.tables.tracks.fields[0].write_role", "known are member"),
        (
            r#"{"name":"a","type":"text","renamed_from":"b"},{"name":"b","type":"text"}"#,
            "$.tables.tracks.fields[0].renamed_from",
            "still is a field",
        ),
        (
            r#"{"name":"a","type":"text","renamed_from":"b"},{"name":"b","type":"text","renamed_from":"a"}"#,
            "$.tables.tracks.fields[0].renamed_from",
            "still is",
        ),
        (
            r#"{"name":"a","type":"text","renamed_from":"c"},{"name":"b","type":"text","renamed_from":"c"}"#,
            "$.tables.tracks.fields[1].renamed_from",
            "two fields",
        ),
        (r#"{"name":"a","type":"text","map":{"id4":"X"}}"#, "$.tables.tracks.fields[0].map.id4", "unknown"),
    ] {
        let error = refused(&with_field(field));
        assert_eq!(error.path, path, "{field}: {error}");
        assert!(error.problem.contains(words), "{field}: {error}");
    }
}

#[test]
fn a_document_that_is_no_document_is_refused() {
    let good = with_field(r#"{"name":"a","type":"text"}"#);
    assert!(Schema::parse(&good).is_ok());
    for bad in [
        good.replace("\"type\":\"text\"}", "\"type\":\"text\",}"),
        good.replacen('{', "{ // columns\n", 1),
        good.replace("\"schema_version\":1", "\"schema_version\":\"1\""),
        good.replace("\"schema_version\":1,", ""),
        good.replace("\"splits\"", "\"shares\""),
        good.replace("\"rules\":[]", "\"rules\":{}"),
        good.clone() + "x",
        String::new(),
        "[]".to_owned(),
        "[".repeat(100_000),
        " ".repeat(MAX_SCHEMA_BYTES + 1),
    ] {
        refused(&bad);
    }
    let deep = with_field(&format!(r#"{{"name":"a","type":"text","help":{}1{}}}"#, "[".repeat(20), "]".repeat(20)));
    assert!(refused(&deep).problem.contains("nested too deeply"));
    let many: Vec<String> = (0..10_000).map(|number| format!(r#"{{"name":"f{number}","type":"text"}}"#)).collect();
    assert!(refused(&with_field(&many[..=MAX_FIELDS].join(","))).problem.contains("at most 200"));
    refused(&with_field(&many.join(",")));
}

#[test]
fn rules_and_natural_keys_name_existing_fields() {
    let document = |rules: serde_json::Value, keys: serde_json::Value| {
        json!({"schema_version": 1, "rules": rules, "tables": {
            "tracks": {"fields": [{"name": "a", "type": "text"}, {"name": "n", "type": "decimal"}], "natural_keys": keys},
            "splits": {"fields": []}}})
    };
    let check = |rules, keys| Schema::from_value(&document(rules, keys)).map_err(|error| error.path);
    assert!(
        check(json!([{"kind": "sum", "table": "tracks", "group_by": ["a"], "field": "n", "equals": "1.00"}]), json!([["a"], ["a", "n"]]))
            .is_ok()
    );
    for (rule, path) in [
        (json!({"kind": "sum", "table": "tracks", "group_by": ["x"], "field": "n", "equals": "1.00"}), "$.rules[0]"),
        (json!({"kind": "sum", "table": "splits", "group_by": ["a"], "field": "n", "equals": "1.00"}), "$.rules[0]"),
        (json!({"kind": "sum", "table": "tracks", "group_by": ["a"], "field": "a", "equals": "1.00"}), "$.rules[0]"),
        (json!({"kind": "sum", "table": "tracks", "group_by": ["a"], "field": "n", "equals": "1.005"}), "$.rules[0].equals"),
        (json!({"kind": "sum", "table": "tracks", "group_by": ["a"], "field": "n", "equals": "1", "extra": 1}), "$.rules[0]"),
        (json!({"kind": "unique_together", "table": "tracks", "fields": []}), "$.rules[0]"),
        (json!({"kind": "total", "table": "tracks"}), "$.rules[0]"),
    ] {
        assert_eq!(check(json!([rule]), json!([])), Err(path.to_owned()), "{rule}");
    }
    assert_eq!(check(json!([]), json!([["x"]])), Err("$.tables.tracks.natural_keys[0]".to_owned()));
    assert_eq!(check(json!([]), json!([["a", "a"]])), Err("$.tables.tracks.natural_keys[0]".to_owned()));
    assert_eq!(check(json!([]), json!([[]])), Err("$.tables.tracks.natural_keys[0]".to_owned()));
}

#[test]
fn p12_a_pattern_that_ruins_other_engines_takes_linear_time_here() {
    let schema = Schema::parse(&with_field(r#"{"name":"a","type":"longtext","pattern":"(a+)+$"}"#)).expect("a pattern without harm");
    let field = schema.field(Table::Tracks, "a").expect("the field");
    let text = "a".repeat(9_999) + "b";
    assert!(field.check(&CellValue::text(&text)).is_err(), "a whole match is asked for, and this ends at once");
    assert!(field.check(&CellValue::text("aaa")).is_ok());
}
