//! The promised properties of the round trip, over random columns, values, edits and damage.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

use super::{assert_untouched, codes};
use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::csv::report::{Answers, IssueCode};
use crate::catalogue::csv::{Delimiter, ExportOptions, export};
use crate::catalogue::damage::{self, as_mac_roman, as_windows_1252};
use crate::catalogue::row::{Catalogue, Row, RowContent};
use crate::catalogue::samples::{band, imported, imported_on, row, salt, schema_of, track};
use crate::catalogue::schema::{Field, FieldType, Schema, Table};
use crate::catalogue::value::Style;
use crate::catalogue::{guard, number, steps};
use crate::change_set::merge::{Bases, CellResult, MergeInput, merge};
use crate::change_set::op::Op;
use crate::change_set::redact::Reader;
use crate::change_set::{diff, effect};
use crate::hash::ObjectHash;
use crate::role::Role;

/// Columns of every type; which of them a schema has is random.
fn any_field(number: usize, kind: usize) -> serde_json::Value {
    let name = format!("f{number}");
    match kind % 10 {
        0 => json!({"name": name, "type": "text"}),
        1 => json!({"name": name, "type": "longtext"}),
        2 => json!({"name": name, "type": "integer"}),
        3 => json!({"name": name, "type": "decimal", "scale": 2}),
        4 => json!({"name": name, "type": "boolean"}),
        5 => json!({"name": name, "type": "date"}),
        6 => json!({"name": name, "type": "duration"}),
        7 => json!({"name": name, "type": "choice", "choices": ["demo", "Äther", "in_between"]}),
        8 => json!({"name": name, "type": "list", "of": "text", "separator": "|"}),
        _ => json!({"name": name, "type": "url"}),
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let tricky = prop::sample::select(vec![
        '=', '+', '-', '@', '\'', '"', ',', ';', '|', '\\', '\u{200b}', '\u{feff}', '\u{a0}', '\u{202e}', 'é', 'ß', '漢', '😀', '\u{301}',
        '1', '0', '/', ':', ' ', 'a', 'D', 'e', 'c',
    ]);
    prop::collection::vec(prop_oneof![3 => tricky, 1 => any::<char>()], 1..14).prop_map(|characters| characters.into_iter().collect())
}

/// A value for a field from random text and a random number, in its stored form.
fn value_for(field: &Field, text: &str, number: u64) -> Option<CellValue> {
    let clean = |keep: &dyn Fn(char) -> bool| -> String {
        text.chars().filter(|character| !character.is_control() || keep(*character)).collect::<String>().trim().to_owned()
    };
    let one_line = clean(&|_| false);
    let value = match field.field_type {
        FieldType::Text => CellValue::text(&one_line),
        FieldType::Longtext => CellValue::text(&format!("{one_line}\n\t{one_line}")),
        FieldType::Integer => CellValue::Integer((number % 2_000_000) as i64 - 1_000_000),
        FieldType::Decimal => CellValue::text(&number::from_units(i128::from(number % 10_000_000) - 5_000_000, field.scale)),
        FieldType::Boolean => CellValue::Boolean(number.is_multiple_of(2)),
        FieldType::Date => {
            let (year, month, day) = (1900 + number % 200, 1 + number / 7 % 12, 1 + number / 91 % 28);
            CellValue::text(&match number % 3 {
                0 => format!("{year:04}"),
                1 => format!("{year:04}-{month:02}"),
                _ => format!("{year:04}-{month:02}-{day:02}"),
            })
        }
        FieldType::Duration => CellValue::Integer((number % 40_000_000) as i64),
        FieldType::Choice => CellValue::text(&field.choices[(number % field.choices.len() as u64) as usize]),
        FieldType::List => CellValue::list([one_line.as_str(), "b|c", "\\"]),
        FieldType::Url => CellValue::text(&format!("https://example.org/{number}")),
        FieldType::Reference => return None,
    };
    field.check(&value).ok().map(|_| value)
}

type Seeds = Vec<Vec<(String, u64)>>;

fn seeds(rows: std::ops::Range<usize>) -> impl Strategy<Value = Seeds> {
    prop::collection::vec(prop::collection::vec((any_text(), any::<u64>()), 10), rows)
}

fn any_schema() -> impl Strategy<Value = Schema> {
    prop::collection::vec(0usize..10, 1..8)
        .prop_map(|kinds| schema_of(kinds.into_iter().enumerate().map(|(number, kind)| any_field(number, kind)).collect()))
}

fn cells_of(schema: &Schema, seeds: &[(String, u64)]) -> Cells {
    let fields = schema.fields(Table::Tracks).iter().zip(seeds);
    // One in five cells is empty.
    fields
        .filter(|(_, (_, number))| number % 5 != 0)
        .filter_map(|(field, (text, number))| Some((field.name.to_string(), value_for(field, text, *number)?)))
        .collect()
}

fn catalogue_of(schema: &Schema, seeds: &Seeds) -> Catalogue {
    let rows = seeds
        .iter()
        .zip(1u8..)
        .map(|(seeds, number)| Row::seal(RowContent::new(track(number), cells_of(schema, seeds)), salt(number.into())));
    Catalogue::new(schema.clone(), rows.collect()).expect("no id twice")
}

fn bytes_of(catalogue: &Catalogue, delimiter: Delimiter) -> Vec<u8> {
    export(catalogue, Table::Tracks, &ExportOptions { delimiter, role: Role::Owner })
}

/// The catalogue with some cells changed, under the tokens it had: its export is what somebody edited.
fn edited(catalogue: &Catalogue, edits: &[(usize, usize, String, u64)]) -> Catalogue {
    let fields = catalogue.schema().fields(Table::Tracks);
    let mut rows: Vec<Row> = catalogue.rows().to_vec();
    for (place, column, text, number) in edits {
        let (place, field) = (place % rows.len(), &fields[column % fields.len()]);
        let row = &rows[place];
        let value = if number % 7 == 0 { None } else { value_for(field, text, *number) };
        let was = catalogue.rows()[place].cells().get(&field.name);
        let damage = was
            .zip(value.as_ref())
            .and_then(|(was, value)| damage::recognise(field, was, &guard::escape(&field.display(value)), Style::default()));
        if damage.is_none() {
            let mut content = row.content().clone();
            content.cells.set(&field.name, value);
            rows[place] = Row::received(content, row.rev());
        }
    }
    Catalogue::new(catalogue.schema().clone(), rows).expect("no id twice")
}

fn edits() -> impl Strategy<Value = Vec<(usize, usize, String, u64)>> {
    prop::collection::vec((any::<usize>(), any::<usize>(), any_text(), any::<u64>()), 0..8)
}

fn as_set(ops: &[Op]) -> BTreeSet<String> {
    ops.iter().map(|op| serde_json::to_string(op).expect("JSON")).collect()
}

/// The same rows with cells in place of text, as another reader sees them.
fn second_reader(bytes: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").expect("a byte order mark");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text);
    reader.records().map(|record| record.expect("a record").iter().map(str::to_owned).collect()).collect()
}

fn written(records: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    for record in records {
        writer.write_record(record).expect("into memory");
    }
    writer.into_inner().expect("into memory")
}

fn merged(current: &Catalogue, bases: &Bases, ops: &[Op]) -> crate::change_set::merge::MergeOutcome {
    let head = ObjectHash::of(b"head");
    let added = std::collections::HashSet::new();
    merge(&MergeInput {
        current,
        head,
        base_head: head,
        schema: current.schema().hash(),
        base_schema: None,
        bases,
        added_since_base: &added,
        ops,
    })
    .expect("true bases")
}

fn applied(current: &Catalogue, bases: &Bases, ops: &[Op]) -> Catalogue {
    let mut number = 1_000;
    current.with(&merged(current, bases, ops).changes, || {
        number += 1;
        salt(number)
    })
}

fn contents(catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue.rows().iter().map(|row| serde_json::to_string(row.content()).expect("JSON")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn p1_an_untouched_file_is_an_empty_change_set(schema in any_schema(), seeds in seeds(1..5), semicolon in any::<bool>()) {
        let catalogue = catalogue_of(&schema, &seeds);
        let delimiter = if semicolon { Delimiter::Semicolon } else { Delimiter::Comma };
        assert_untouched(&imported(&catalogue, Table::Tracks, &bytes_of(&catalogue, delimiter), &Answers::default()));
    }

    #[test]
    fn p2_no_cell_begins_like_a_formula_for_another_reader_and_nothing_is_lost(schema in any_schema(), seeds in seeds(1..4)) {
        let catalogue = catalogue_of(&schema, &seeds);
        let records = second_reader(&bytes_of(&catalogue, Delimiter::Comma), b',');
        for (record, row) in records.iter().skip(1).zip(catalogue.rows()) {
            for (cell, field) in record.iter().skip(3).zip(schema.fields(Table::Tracks)) {
                let shown = row.cells().get(&field.name).map(|value| field.display(value)).unwrap_or_default();
                if field.is_quoted() {
                    prop_assert_eq!(guard::unescape(cell), &shown);
                    let visible = cell.trim_start_matches(|character: char| character.is_whitespace() || guard::is_format_character(character));
                    prop_assert!(!visible.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{}", cell);
                } else {
                    prop_assert_eq!(cell, &shown);
                }
            }
        }
    }

    #[test]
    fn p3_damage_is_no_operation_and_one_notice(text in any_text(), number in any::<u64>(), kind in 0usize..9) {
        let schema = schema_of(json!([{"name": "t", "type": "text"}]));
        let field = schema.field(Table::Tracks, "t").expect("the field");
        let text = if kind == 8 { format!("00{}", number % 1_000_000_000_000) } else { text };
        prop_assume!(value_for(field, &text, number).is_some());
        let base = value_for(field, &text, number).expect("assumed");
        let shown = guard::escape(base.as_text().expect("text")).into_owned();
        let cell = match kind {
            0 => as_windows_1252(&shown),
            1 => as_mac_roman(&shown),
            2 => as_windows_1252(&as_windows_1252(&shown)),
            3 => shown.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect(),
            4 => shown.chars().map(|character| if character.is_ascii() { character } else { '_' }).collect(),
            5 => shown.nfd().collect(),
            6 => shown.replace(' ', "\u{a0}"),
            7 => base.as_text().expect("text").to_owned(),
            _ => shown.trim_start_matches('0').to_owned(),
        };
        let catalogue = Catalogue::new(schema, vec![row(&track(1), json!({"t": base.as_text()}))]).expect("one row");
        let only = &catalogue.rows()[0];
        let changed = guard::unescape(cell.trim()) != base.as_text().expect("text");
        prop_assume!(!cell.trim().is_empty());
        let file = written(&[vec!["_id".into(), "_rev".into(), "t".into()], vec![only.id().to_string(), only.rev().to_string(), cell.clone()]]);
        let report = imported(&catalogue, Table::Tracks, &file, &Answers::default());
        prop_assert_eq!(&report.errors, &vec![]);
        prop_assert_eq!(&report.ops, &vec![], "{:?} from {:?}", cell, shown);
        prop_assert_eq!(codes(&report.notices), if changed { vec![IssueCode::Damage] } else { vec![] });
    }

    #[test]
    fn p4_the_operations_are_the_edits_exactly(schema in any_schema(), seeds in seeds(1..5), edits in edits()) {
        let catalogue = catalogue_of(&schema, &seeds);
        let edited = edited(&catalogue, &edits);
        let report = imported(&catalogue, Table::Tracks, &bytes_of(&edited, Delimiter::Comma), &Answers::default());
        prop_assert_eq!((&report.errors, &report.questions), (&vec![], &vec![]));
        prop_assert_eq!(as_set(&report.ops), as_set(&diff::cells(&catalogue, &edited)));
    }

    #[test]
    fn p5_order_and_blank_rows_and_columns_do_not_matter(schema in any_schema(), seeds in seeds(2..5), edits in edits(), shift in 1usize..9) {
        let catalogue = catalogue_of(&schema, &seeds);
        let bytes = bytes_of(&edited(&catalogue, &edits), Delimiter::Comma);
        let mut records = second_reader(&bytes, b',');
        records[1..].rotate_left(shift % (seeds.len()));
        let width = records[0].len();
        for record in &mut records {
            record.rotate_left(shift % width);
            record.extend([String::new(), String::new()]);
        }
        records.extend([vec![String::new(); width], vec![String::new()]]);
        let straight = imported(&catalogue, Table::Tracks, &bytes, &Answers::default());
        let moved = imported(&catalogue, Table::Tracks, &written(&records), &Answers::default());
        prop_assert_eq!(&moved.errors, &vec![]);
        prop_assert_eq!(as_set(&moved.ops), as_set(&straight.ops));
    }

    #[test]
    fn p6_a_difference_leads_there_and_back(schema in any_schema(), before in seeds(0..5), after in seeds(0..5)) {
        let (a, b) = (catalogue_of(&schema, &before), catalogue_of(&schema, &after));
        let none = Bases::none();
        let ops = diff::cells(&a, &b);
        let reached = applied(&a, &none, &ops);
        prop_assert_eq!(contents(&reached), contents(&b));
        prop_assert_eq!(diff::cells(&a, &a), vec![]);
        let effect = merged(&a, &none, &ops).effect;
        let rev_after = |id: &crate::catalogue::row::RowId| reached.row(id).map(Row::rev);
        let inverse = crate::change_set::inverse::inverse(&crate::change_set::inverse::InverseInput { effect: &effect, rev_after: &rev_after, current: &reached, schema_before: None });
        prop_assert_eq!(&inverse.notes, &vec![]);
        prop_assert_eq!(contents(&applied(&reached, &none, &inverse.ops)), contents(&a));
    }

    #[test]
    fn p7_edits_that_do_not_meet_commute(schema in any_schema(), seeds in seeds(2..5), edits in edits()) {
        let base = catalogue_of(&schema, &seeds);
        let bases = Bases::new(base.rows().iter().cloned());
        let ops = diff::cells(&base, &edited(&base, &edits));
        let every_other = |first: usize| ops.iter().skip(first).step_by(2).cloned().collect::<Vec<Op>>();
        let (x, y) = (every_other(0), every_other(1));
        let xy = applied(&applied(&base, &bases, &x), &bases, &y);
        let yx = applied(&applied(&base, &bases, &y), &bases, &x);
        prop_assert_eq!(contents(&xy), contents(&yx));
    }

    #[test]
    fn p8_one_broken_cell_and_nothing_is_proposed(seeds in seeds(2..5), edits in edits(), broken in any::<usize>()) {
        let schema = schema_of(json!([{"name": "a", "type": "text"}, {"name": "n", "type": "decimal", "scale": 2}]));
        let catalogue = catalogue_of(&schema, &seeds);
        let state = catalogue.state();
        let mut records = second_reader(&bytes_of(&edited(&catalogue, &edits), Delimiter::Comma), b',');
        let place = 1 + broken % seeds.len();
        records[place][4] = "twelve".into();
        let report = imported(&catalogue, Table::Tracks, &written(&records), &Answers::default());
        prop_assert_eq!(report.errors.len(), 1);
        prop_assert!(report.is_blocked() && report.ops.is_empty(), "all rows or none");
        prop_assert_eq!(catalogue.state(), state);
    }

    #[test]
    fn p8_any_bytes_give_a_report_and_never_a_crash(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\"\',;|=\r\n\t0-9a-z\u{feff}é_]{0,120}", literal in any::<bool>()) {
        let head = "sep=;\r\n_id;title;bpm;release_date;isrc;genres\r\n".as_bytes();
        let row = band().rows()[0].id().to_string();
        for file in [bytes.clone(), [head, bytes.as_slice()].concat(), text.clone().into_bytes(), [head, format!("{row};").as_bytes(), text.as_bytes()].concat()] {
            let answers = Answers { literal: if literal { [(3, "title".to_owned())].into_iter().collect() } else { BTreeSet::new() }, ..Answers::default() };
            for table in Table::ALL {
                let report = imported(&band(), table, &file, &answers);
                prop_assert!(!report.is_blocked() || report.ops.is_empty());
            }
        }
    }

    #[test]
    fn p10_a_role_never_receives_what_it_cannot_read(number in 0u32..1_000_000) {
        let secret = format!("secret-{number}");
        let base = band();
        let mut rows = base.rows().to_vec();
        let mut content = rows[0].content().clone();
        content.cells.set("writer_notes", Some(CellValue::text(&secret)));
        rows[0] = Row::seal(content, salt(7));
        let catalogue = Catalogue::new(base.schema().clone(), rows).expect("no id twice");
        for role in [Role::Listener, Role::Member] {
            for table in Table::ALL {
                let file = String::from_utf8(export(&catalogue, table, &ExportOptions { delimiter: Delimiter::Comma, role })).expect("UTF-8");
                prop_assert!(!file.contains(&secret) && (role > Role::Listener || !file.contains("50.00")));
            }
            let readable = catalogue.readable_by(role);
            prop_assert!(readable.rows().iter().all(|row| row.salt().is_none() && row.cells().text("writer_notes").is_none()));
            let row = &readable.rows()[0];
            let file = format!("_id,_rev,title,writer_notes\r\n{},{},New,x\r\n", row.id(), row.rev());
            let report = imported_on(&readable, &Bases::none(), role, Table::Tracks, file.as_bytes(), &Answers::default());
            prop_assert!(!serde_json::to_string(&report).expect("JSON").contains(&secret));

            let sealed = &catalogue.rows()[0];
            let ops = [Op::set(sealed.id(), sealed.rev(), "writer_notes", sealed.cells().get("writer_notes").cloned(), None), diff::deletion(sealed)];
            let reader = Reader::new(role, [catalogue.schema()]);
            let admin = Reader::new(Role::Admin, [catalogue.schema()]);
            let redacted = |items: &[serde_json::Value]| items.iter().filter(|item| item.get("redacted").is_some()).count();
            let seen = reader.ops(&ops);
            prop_assert!(!serde_json::to_string(&seen).expect("JSON").contains(&secret));
            prop_assert_eq!((seen.len(), redacted(&seen)), (2, 2));
            prop_assert!(!reader.may_read_all(&ops) && admin.may_read_all(&ops));
            let deleted = effect::of_row(Some(sealed.content()), None);
            let seen = reader.items(&deleted);
            prop_assert!(redacted(&seen) == 1 && !serde_json::to_string(&seen).expect("JSON").contains(&secret));
            prop_assert_eq!(redacted(&admin.items(&deleted)), 0);
            // A column that no longer exists is for who reads every column.
            let empty = schema_of(json!([{"name": "title", "type": "text"}]));
            prop_assert!(!serde_json::to_string(&Reader::new(role, [&empty]).items(&deleted)).expect("JSON").contains(&secret));
        }
    }

    #[test]
    fn p11_an_older_file_gives_the_edits_since_its_export(schema in any_schema(), seeds in seeds(1..5), mine in edits(), theirs in edits()) {
        let n = catalogue_of(&schema, &seeds);
        let none = Bases::none();
        let m = applied(&n, &none, &diff::cells(&n, &edited(&n, &theirs)));
        let my_edits = diff::cells(&n, &edited(&n, &mine));
        let bases = Bases::new(n.rows().iter().cloned());
        let report = imported_on(&m, &bases, Role::Owner, Table::Tracks, &bytes_of(&edited(&n, &mine), Delimiter::Comma), &Answers::default());
        prop_assert_eq!((&report.errors, &report.questions), (&vec![], &vec![]));
        let already: usize = report.changed.iter().chain(&report.cleared).filter(|change| change.result == CellResult::AlreadySo).count();
        prop_assert_eq!(report.ops.len() + already, my_edits.len());
        prop_assert!(as_set(&report.ops).is_subset(&as_set(&my_edits)));
        prop_assert_eq!(contents(&applied(&m, &bases, &report.ops)), contents(&applied(&m, &bases, &my_edits)));
    }

    #[test]
    fn p13_the_same_catalogue_gives_the_same_bytes(schema in any_schema(), seeds in seeds(0..5)) {
        let one = catalogue_of(&schema, &seeds);
        let rows = one.rows().iter().map(|row| {
            let json = serde_json::to_string(row.content()).expect("JSON");
            Row::seal(serde_json::from_str(&json).expect("content"), row.salt().expect("sealed"))
        });
        let again = Catalogue::new(Schema::from_value(&schema.to_value()).expect("a schema"), rows.collect()).expect("no id twice");
        prop_assert_eq!(bytes_of(&one, Delimiter::Comma), bytes_of(&again, Delimiter::Comma));
        prop_assert_eq!(one.state(), again.state());
    }
}

#[test]
fn p12_work_grows_linearly_with_the_size() {
    let steps_for = |count: u32| {
        let rows = (0..count).map(|number| {
            let mut random = [0u8; 17];
            random[..4].copy_from_slice(&number.to_be_bytes());
            let id = crate::id::TrackId::from_random(random).into();
            row(&id, json!({"title": format!("Song {number}"), "main_artist": "X", "bpm": "120.50", "isrc": format!("USS1Z{number:07}")}))
        });
        let base = Catalogue::new(crate::catalogue::schema::default_schema(), rows.collect()).expect("no id twice");
        let file = String::from_utf8(bytes_of(&base, Delimiter::Comma)).expect("UTF-8").replace("Song", "Lied");
        let added: String = (0..count).map(|number| format!(",,,\"New {number}\"\r\n")).collect();
        steps::of(|| {
            let report = imported(&base, Table::Tracks, (file + &added).as_bytes(), &Answers::default());
            assert_eq!((report.errors.len(), report.counts.changed, report.counts.added), (0, count as usize, count as usize));
        })
    };
    let (small, large) = (steps_for(100), steps_for(400));
    assert!(small > 1_000, "steps are counted: {small}");
    assert!(large < small * 5, "four times the rows, at most five times the work: {small} → {large}");
}
