//! The promised properties of the round trip, over random columns, values, edits and damage.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

use super::{assert_untouched, codes};
use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::csv::report::{Answers, IssueCode, Missing, MissingRows};
use crate::catalogue::csv::{Delimiter, ExportOptions, History, export};
use crate::catalogue::damage::{self, as_mac_roman, as_windows_1252};
use crate::catalogue::row::{Catalogue, Row, RowContent};
use crate::catalogue::samples::{band, imported, imported_on, imported_with, row, salt, schema_of, track};
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

/// The value of a column of that document, as it is stored.
fn stored(field: &serde_json::Value, text: &str) -> Option<CellValue> {
    let schema = schema_of(json!([field]));
    let field = schema.fields(Table::Tracks).first()?;
    field.accept(CellValue::text(text.trim())).ok()?.value
}

/// Imports one damaged cell: no error, no question, no operation, and one notice if anything is to be seen of the damage.
fn damaged_cell_is_no_edit(field: &serde_json::Value, base: &CellValue, cell: &str) -> Result<(), TestCaseError> {
    let schema = schema_of(json!([field]));
    let column = schema.fields(Table::Tracks)[0].clone();
    let shown = column.display(base);
    prop_assume!(!cell.trim().is_empty());
    let catalogue = Catalogue::new(schema, vec![row(&track(1), json!({"t": base.to_json()}))]).expect("one row");
    let only = &catalogue.rows()[0];
    let file =
        written(&[vec!["_id".into(), "_rev".into(), "t".into()], vec![only.id().to_string(), only.rev().to_string(), cell.to_owned()]]);
    let report = imported(&catalogue, Table::Tracks, &file, &Answers::default());
    prop_assert_eq!((&report.errors, &report.questions), (&vec![], &vec![]));
    prop_assert_eq!(&report.ops, &vec![], "{:?} from {:?}", cell, shown);
    let seen = if column.is_quoted() { guard::unescape(cell.trim()) } else { cell.trim() };
    prop_assert_eq!(codes(&report.notices), if seen == shown { vec![] } else { vec![IssueCode::Damage] }, "{:?} from {:?}", cell, shown);
    Ok(())
}

/// Kinds of damage to the letters of a text; a number beyond them is none.
const TEXT_DAMAGES: usize = 12;

fn text_damage(kind: usize, cell: &str) -> String {
    let marked = |mark: char| cell.chars().map(|character| if character.is_ascii() { character } else { mark }).collect();
    match kind {
        0 => as_windows_1252(cell),
        1 => as_mac_roman(cell),
        2 => marked('?'),
        3 => marked('_'),
        // Of a program that counts in UTF-16.
        4 => cell
            .chars()
            .map(|character| if character.is_ascii() { character.to_string() } else { "?".repeat(character.len_utf16()) })
            .collect(),
        5 => cell.nfd().collect(),
        6 => cell.nfc().collect(),
        7 => cell.replace(' ', "\u{a0}"),
        8 => cell.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n"),
        9 => cell.replace("\r\n", "\r").replace('\n', "\r"),
        10 => guard::unescape(cell).to_owned(),
        11 => format!(" {cell}\t"),
        _ => cell.to_owned(),
    }
}

/// What happens to a file after the spreadsheet wrote it, and edge spaces.
const TRANSPORTS: usize = 6;

fn transport(kind: usize, cell: &str) -> String {
    match kind {
        0 => as_windows_1252(cell),
        1 => as_mac_roman(cell),
        2 => as_windows_1252(&as_windows_1252(cell)),
        3 => cell.nfd().collect(),
        4 => format!("\u{a0}{cell} "),
        _ => cell.to_owned(),
    }
}

const MONTHS: [[&str; 3]; 4] = [["Mar", "mars", "marzo"], ["May", "Mai", "maj"], ["Dec", "Dez", "déc"], ["Feb", "févr", "lutego"]];
const MONTH_NUMBERS: [u32; 4] = [3, 5, 12, 2];

/// A serial number of a day, as a spreadsheet that shows no dates writes it.
fn serial(year: u32, month: u32, day: u32, system: usize) -> String {
    let reading = crate::catalogue::date::DateReading { year: Some(year), month, day: Some(day) };
    crate::catalogue::date::serials(reading).expect("a whole date")[system].to_string()
}

/// A text, and what a spreadsheet makes of it that took it for a number, a day, a time or a truth value.
fn taken_for(kind: usize, number: u64, form: usize) -> (String, String) {
    match kind {
        // Digits of up to 20 places, with zeros at both ends.
        0 => {
            let digits = 1 + number / 1_000 % 10_u64.pow(1 + (number % 13) as u32);
            let text = format!("{}{digits}", "0".repeat((number % 4) as usize));
            let cell = match form % 6 {
                0 => digits.to_string(),
                1 => format!("{digits}.00"),
                2 => format!("{digits},0"),
                3 => format!("\u{a0}{digits}"),
                4 => exponent(&digits.to_string(), 6),
                _ => format!("{digits}.0E+00"),
            };
            (text, cell)
        }
        1 => {
            // More than the 15 digits that are kept, or an exponent.
            if form.is_multiple_of(2) {
                let digits = format!("{:016}{}", 1_000_000_000_000_000 + number % 9_000_000_000_000_000, "7".repeat((number % 4) as usize));
                let kept = format!("{}{}", &digits[..15], "0".repeat(digits.len() - 15));
                let shown = if form.is_multiple_of(4) { kept } else { exponent(&kept, 5) };
                (digits, shown)
            } else {
                let (mantissa, power) = (1 + number % 9, 2 + number / 9 % 12);
                let whole = format!("{mantissa}{}", "0".repeat(power as usize));
                (format!("{mantissa}E{power}"), if form % 4 == 1 { whole } else { format!("{mantissa}.00E+{power:02}") })
            }
        }
        2 => {
            let (at, day) = ((number % 4) as usize, 1 + (number / 4 % 28) as u32);
            let (names, month) = (MONTHS[at], MONTH_NUMBERS[at]);
            let base = match number / 112 % 4 {
                0 => format!("{}{day}", names[0].to_uppercase()),
                1 => format!("{day}-{}", names[0]),
                2 => format!("{day}/{month}"),
                _ => format!("{month}-{day}"),
            };
            let name = names[form % 3];
            let cell = match form % 8 {
                0 => format!("{day}-{name}"),
                1 => format!("{day:02}. {name}"),
                2 => format!("{day:02}/{month:02}/2026"),
                3 => format!("{month}/{day}/2026"),
                4 => format!("2026-{month:02}-{day:02}"),
                5 => format!("{day:02}.{month:02}.2026"),
                6 => serial(2026, month, day, form % 2),
                _ => format!("2026-{month:02}-{day:02} 00:00:00"),
            };
            (base, cell)
        }
        3 => {
            let (first, second) = (number % 24, number / 24 % 60);
            let cell = match form % 5 {
                0 => format!("{first:02}:{second:02}:00"),
                1 => format!("{first:02}:{second:02}"),
                2 => format!("{first}:{second:02}:00,000"),
                3 => format!("{}:{second:02}:00 {}", if first % 12 == 0 { 12 } else { first % 12 }, if first < 12 { "AM" } else { "PM" }),
                _ => format!("{:.15}", (first * 60 + second) as f64 / 1_440.0),
            };
            (format!("{first}:{second:02}"), cell)
        }
        _ => {
            let words = [["true", "TRUE", "WAHR", "prawda", "истина"], ["false", "FALSE", "FALSCH", "fałsz", "ложь"]];
            let words = words[(number % 2) as usize];
            (words[0].to_owned(), words[1 + form % 4].to_uppercase())
        }
    }
}

/// A whole number with an exponent, rounded half up to that many digits.
fn exponent(digits: &str, kept: usize) -> String {
    let digits = digits.trim_start_matches('0');
    let power = digits.len() - 1;
    let padded = format!("{digits}{}", "0".repeat(kept));
    let rounded: u128 = (padded[..=kept].parse::<u128>().expect("digits") + 5) / 10;
    let (rounded, power) = if rounded >= 10u128.pow(kept as u32) { (rounded / 10, power + 1) } else { (rounded, power) };
    let shown = rounded.to_string();
    format!("{}.{}E+{power:02}", &shown[..1], &shown[1..])
}

/// A typed value, and how spreadsheets of all countries write it.
fn typed_damage(kind: usize, number: u64, form: usize) -> (serde_json::Value, CellValue, String) {
    let grouped = |whole: u64, sign: &str| {
        let digits = whole.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("ASCII")).collect();
        groups.join(sign)
    };
    match kind {
        0 => {
            let value = number % 900_000;
            let cell = match form % 7 {
                0 => format!("{value}.0"),
                1 => format!("{value},00"),
                2 => grouped(value, ","),
                3 => grouped(value, "."),
                4 => grouped(value, "\u{202f}"),
                5 => grouped(value, "’"),
                _ => exponent(&value.max(1).to_string(), 8),
            };
            (json!({"name": "t", "type": "integer"}), CellValue::Integer(if form % 7 == 6 { value.max(1) } else { value } as i64), cell)
        }
        1 => {
            let (whole, cents) = (number % 900_000, number / 900_000 % 100);
            let short = format!("{cents:02}").trim_end_matches('0').to_owned();
            let cell = match form % 6 {
                0 if short.is_empty() => whole.to_string(),
                0 => format!("{whole}.{short}"),
                1 => format!("{whole},{cents:02}"),
                2 => format!("{},{cents:02}", grouped(whole, ".")),
                3 => format!("{}.{cents:02}", grouped(whole, ",")),
                4 => format!("{},{cents:02}", grouped(whole, "\u{a0}")),
                _ => format!("{}.{cents:02}", grouped(whole, "'")),
            };
            (json!({"name": "t", "type": "decimal", "scale": 2}), CellValue::text(&format!("{whole}.{cents:02}")), cell)
        }
        2 => {
            let words = [["yes", "TRUE", "WAHR", "1", "oui", "prawda"], ["no", "FALSE", "FALSCH", "0", "non", "fałsz"]];
            let truth = number.is_multiple_of(2);
            (json!({"name": "t", "type": "boolean"}), CellValue::Boolean(truth), words[usize::from(!truth)][form % 6].to_owned())
        }
        3 => {
            let (at, year, day) = ((number % 4) as usize, 1935 + (number / 4 % 85) as u32, 1 + (number / 360 % 28) as u32);
            let (name, month) = (MONTHS[at][form % 3], MONTH_NUMBERS[at]);
            let cell = match form % 9 {
                0 => format!("{day:02}/{month:02}/{year}"),
                1 => format!("{month}/{day}/{year}"),
                2 => format!("{day:02}.{month:02}.{year}"),
                3 => format!("{day}. {name} {year}"),
                4 if year < 2030 => format!("{day:02}-{name}-{:02}", year % 100),
                5 => serial(year, month, day, 0),
                6 => serial(year, month, day, 1),
                7 => format!("{year}-{month:02}-{day:02} 00:00:00"),
                _ => format!("{name} {day}, {year}"),
            };
            (json!({"name": "t", "type": "date"}), CellValue::text(&format!("{year:04}-{month:02}-{day:02}")), cell)
        }
        4 => {
            let ms = (number % 86_000) as i64 * 1_000;
            let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
            let cell = match form % 3 {
                0 => format!("{hours}:{minutes:02}:{seconds:02}"),
                1 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
                _ => format!("{:.15}", ms as f64 / 86_400_000.0),
            };
            (json!({"name": "t", "type": "duration"}), CellValue::Integer(ms), cell)
        }
        5 => {
            let choice = ["demo", "Äther", "in_between"][(number % 3) as usize];
            let cell = [choice.to_uppercase(), choice.to_lowercase(), as_windows_1252(choice), choice.nfd().collect()][form % 4].clone();
            (json!({"name": "t", "type": "choice", "choices": ["demo", "Äther", "in_between"]}), CellValue::text(choice), cell)
        }
        _ => {
            let items = ["Zoë Ö", "b|c", "Ночь"];
            let shown = "Zoë Ö|b\\|c|Ночь";
            (
                json!({"name": "t", "type": "list", "of": "text", "separator": "|"}),
                CellValue::list(items),
                text_damage(form % TEXT_DAMAGES, shown),
            )
        }
    }
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
    fn p3_damage_of_text_is_no_operation_and_one_notice(lines in prop::collection::vec(any_text(), 1..3), first in 0..TEXT_DAMAGES, second in 0..=TEXT_DAMAGES) {
        let field = json!({"name": "t", "type": "longtext"});
        let text = lines.iter().map(|line| line.replace(char::is_control, "")).collect::<Vec<_>>().join("\n");
        let Some(base) = stored(&field, &text) else { return Err(TestCaseError::reject("no value of the column")) };
        let shown = guard::escape(base.as_text().expect("text")).into_owned();
        // Marks in place of spaces are an edit, whatever kind of space stood there.
        prop_assume!(first != 7 || !matches!(second, 2..=4));
        let cell = text_damage(second, &text_damage(first, &shown));
        // A text of which nothing but marks is left may be anything.
        prop_assume!(guard::unescape(cell.trim()).chars().any(|character| !matches!(character, '?' | '_') && !character.is_whitespace()));
        damaged_cell_is_no_edit(&field, &base, &cell)?;
    }

    #[test]
    fn p3_text_taken_for_something_else_is_no_operation_and_one_notice(number in any::<u64>(), kind in 0usize..5, form in 0usize..12, then in 0..TRANSPORTS) {
        let (text, cell) = taken_for(kind, number, form);
        let field = json!({"name": "t", "type": "text"});
        let base = stored(&field, &text).expect("a value");
        let cell = transport(then, &cell);
        damaged_cell_is_no_edit(&field, &base, &cell)?;
    }

    #[test]
    fn p3_damage_of_typed_cells_is_no_operation_and_one_notice(number in any::<u64>(), kind in 0usize..7, form in 0usize..12, then in 0..TRANSPORTS) {
        let (field, base, cell) = typed_damage(kind, number, form);
        // Choices and lists are damaged as text already.
        let cell = if kind < 5 { transport(then, &cell) } else { cell };
        damaged_cell_is_no_edit(&field, &base, &cell)?;
    }

    #[test]
    fn p3_a_text_cut_at_the_limit_is_no_operation_and_one_notice(text in "[a-zé😀 ]{20,40}", first in 0usize..4, second in 0usize..4) {
        let field = json!({"name": "t", "type": "longtext", "max_length": 32_000});
        // Taken apart after it was misread and before it was cut is three kinds of damage.
        prop_assume!(second != 3 || !matches!(first, 1 | 2));
        // The guard, and letters read as two or three, make a text longer than the limit out of one that fits the column.
        let base = CellValue::text(format!("={}", text.repeat(32_000 / text.encode_utf16().count())).chars().take(24_000).collect::<String>().trim());
        let shown = guard::escape(base.as_text().expect("text")).into_owned();
        let worn = |kind: usize, text: &str| match kind {
            0 => text.to_owned(),
            1 => as_windows_1252(text),
            2 => as_mac_roman(text),
            _ => text.nfd().collect(),
        };
        let limited = |text: &str| {
            let mut room = damage::CELL_LIMIT;
            text.chars().take_while(|character| { let fits = character.len_utf16() <= room; room = room.saturating_sub(character.len_utf16()); fits }).collect::<String>()
        };
        let cell = limited(&worn(second, &limited(&worn(first, &shown))));
        damaged_cell_is_no_edit(&field, &base, &cell)?;
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
    fn p11_a_complete_older_file_deletes_what_its_author_took_out_and_nothing_newer(
        schema in any_schema(), seeds in seeds(2..6), mine in edits(), theirs in edits(), newer in seeds(0..4), taken in any::<u8>(), gone in any::<u8>(),
    ) {
        let n = catalogue_of(&schema, &seeds);
        // Meanwhile: other edits, a row that goes, rows that come.
        let mut after: Vec<Row> = edited(&n, &theirs).rows().to_vec();
        after.remove(usize::from(gone) % after.len());
        after.extend(newer.iter().zip(101u8..).map(|(seeds, number)| Row::seal(RowContent::new(track(number), cells_of(&schema, seeds)), salt(number.into()))));
        let after = Catalogue::new(schema, after).expect("no id twice");
        let m = applied(&n, &Bases::none(), &diff::cells(&n, &after));
        // The author: edits, and rows taken out, but never the one that went.
        let kept: Vec<Row> = edited(&n, &mine).rows().iter().enumerate().filter(|(at, row)| taken & (1 << at) == 0 || after.row(row.id()).is_none()).map(|(_, row)| row.clone()).collect();
        prop_assume!(kept.iter().any(|row| m.row(row.id()).is_some()));
        let kept: Vec<Row> = kept.into_iter().filter(|row| m.row(row.id()).is_some()).collect();
        let removed: Vec<&Row> = n.rows().iter().filter(|row| m.row(row.id()).is_some() && kept.iter().all(|kept| kept.id() != row.id())).collect();
        let mine = Catalogue::new(n.schema().clone(), kept).expect("no id twice");
        let of_kept = Catalogue::new(n.schema().clone(), n.rows().iter().filter(|row| mine.row(row.id()).is_some()).cloned().collect()).expect("no id twice");
        let mut wanted = diff::cells(&of_kept, &mine);
        wanted.extend(removed.iter().map(|row| diff::deletion(row)));

        let states = n.rows().iter().map(|row| (row, 41)).chain(m.rows().iter().filter(|row| n.row(row.id()).is_none_or(|old| old.rev() != row.rev())).map(|row| (row, 44)));
        let states: Vec<_> = states.map(|(row, number)| (row.id().clone(), row.rev(), number)).collect();
        let added = m.rows().iter().map(|row| (row.id().clone(), if n.row(row.id()).is_some() { 41 } else { 44 }));
        let history = History::new(44, states, added);
        let bases = Bases::new(n.rows().iter().cloned());
        let import = |confirmed: Option<usize>| {
            let answers = Answers { missing_rows: MissingRows::Delete { confirmed }, ..Answers::default() };
            imported_with(&m, &bases, Some(&history), Role::Owner, Table::Tracks, &bytes_of(&mine, Delimiter::Comma), &answers)
        };
        let asked = import(None);
        prop_assert_eq!(asked.missing, Missing { rows: removed.len(), added_since: newer.len() });
        prop_assert_eq!(codes(&asked.questions), if removed.is_empty() { vec![] } else { vec![IssueCode::MissingRows] });
        let report = import(Some(removed.len()));
        prop_assert_eq!((&report.errors, &report.questions), (&vec![], &vec![]));
        prop_assert!(newer.is_empty() || report.exported_from == Some(41));
        let deletions = |ops: &[Op]| as_set(&ops.iter().filter(|op| matches!(op, Op::TrackDelete { .. })).cloned().collect::<Vec<_>>());
        prop_assert_eq!(deletions(&report.ops), deletions(&wanted));
        prop_assert!(as_set(&report.ops).is_subset(&as_set(&wanted)));
        prop_assert_eq!(contents(&applied(&m, &bases, &report.ops)), contents(&applied(&m, &bases, &wanted)));
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
