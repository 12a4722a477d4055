//! Reading, writing and checking values of every type.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalogue::samples::schema_of;
use crate::catalogue::schema::{Schema, Table, default_schema};

fn read_in(schema: &Schema, name: &str, text: &str) -> Result<Option<CellValue>, (ProblemCode, Vec<String>)> {
    let field =
        schema.fields(Table::Tracks).iter().chain(schema.fields(Table::Splits)).find(|field| &*field.name == name).expect("a field");
    field
        .parse(text, &ParseContext::PLAIN)
        .map(|parsed| parsed.value)
        .map_err(|problem| (problem.code, problem.suggestions.iter().map(|value| field.display(value)).collect()))
}

fn read(name: &str, text: &str) -> Result<Option<CellValue>, (ProblemCode, Vec<String>)> {
    read_in(&default_schema(), name, text)
}

fn is(text: &str) -> Result<Option<CellValue>, (ProblemCode, Vec<String>)> {
    Ok(Some(CellValue::text(text)))
}

fn fails(code: ProblemCode, suggestions: &[&str]) -> Result<Option<CellValue>, (ProblemCode, Vec<String>)> {
    Err((code, suggestions.iter().map(|text| (*text).to_owned()).collect()))
}

#[test]
fn numbers_are_exact_and_doubt_is_asked_about() {
    for (text, expected) in [
        ("120", is("120.00")),
        ("120.5", is("120.50")),
        ("120,5", is("120.50")),
        ("120.500", is("120.50")),
        ("1", is("1.00")),
        ("0", fails(ProblemCode::OutOfRange, &[])),
        ("-1", fails(ProblemCode::OutOfRange, &[])),
        ("1000", fails(ProblemCode::OutOfRange, &[])),
        ("120.505", fails(ProblemCode::TooManyDecimals, &[])),
        ("1,234", fails(ProblemCode::TooManyDecimals, &[])),
        ("120.5055", fails(ProblemCode::TooManyDecimals, &[])),
        ("NaN", fails(ProblemCode::NotANumber, &[])),
        ("1E2", fails(ProblemCode::NotANumber, &[])),
        ("١٢٠", fails(ProblemCode::NotANumber, &[])),
        ("120 bpm", fails(ProblemCode::NotANumber, &[])),
        ("", Ok(None)),
        ("   ", Ok(None)),
    ] {
        assert_eq!(read("bpm", text), expected, "{text}");
    }
    for (text, expected) in [
        ("50", is("50.00")),
        ("50%", is("50.00")),
        ("50 %", is("50.00")),
        ("50,0", is("50.00")),
        ("0.5", is("0.50")),
        ("33.34", is("33.34")),
    ] {
        assert_eq!(read("share", text), expected, "{text}");
    }
    for text in ["-1", "100.01", "-0.01", "101%"] {
        assert_eq!(read("share", text), fails(ProblemCode::OutOfRange, &[]), "{text}");
    }
    assert_eq!(read("share", "-0"), is("0.00"));
    let free = schema_of(json!([{"name": "d", "type": "decimal", "scale": 3}, {"name": "e", "type": "decimal", "scale": 2}]));
    assert_eq!(read_in(&free, "d", "1,234"), fails(ProblemCode::Ambiguous, &["1234.000", "1.234"]));
    assert_eq!(read_in(&free, "d", "1.234"), is("1.234"), "as our own files write it");
    assert_eq!(read_in(&free, "e", "1.234"), fails(ProblemCode::Ambiguous, &["1234.00"]), "rounding would lose something");
    assert_eq!(read_in(&free, "d", "1'234.5"), is("1234.500"));
    let integers = schema_of(json!([{"name": "n", "type": "integer"}]));
    for (text, expected) in [("007", 7), ("-0", 0), ("9007199254740991", 9_007_199_254_740_991), ("3.0", 3)] {
        let value = if text.len() > 15 { Err((ProblemCode::NotANumber, vec![])) } else { Ok(Some(CellValue::Integer(expected))) };
        assert_eq!(read_in(&integers, "n", text), value, "{text}");
    }
    assert_eq!(read_in(&integers, "n", "3.5"), fails(ProblemCode::TooManyDecimals, &[]));
}

#[test]
fn dates_and_durations_exist_and_have_their_units() {
    for (text, expected) in [
        ("2026", is("2026")),
        ("2026-05", is("2026-05")),
        ("2026-05-03", is("2026-05-03")),
        ("2025-02-29", fails(ProblemCode::NotADate, &[])),
        ("03/04/2026", fails(ProblemCode::Ambiguous, &["2026-04-03", "2026-03-04"])),
        ("25/12/2026", is("2026-12-25")),
        ("3. Mai 2026", is("2026-05-03")),
        ("25/12/26", fails(ProblemCode::NotADate, &[])),
        ("soon", fails(ProblemCode::NotADate, &[])),
        ("46145", fails(ProblemCode::NotADate, &[])),
    ] {
        assert_eq!(read("release_date", text), expected, "{text}");
    }
    for (text, ms) in [
        ("3m45.120s", 225_120),
        ("1h02m03.004s", 3_723_004),
        ("3:45", 225_000),
        ("3:45.5", 225_500),
        ("1:02:03", 3_723_000),
        ("PT3M45S", 225_000),
        ("45s", 45_000),
        ("0m00.000s", 0),
        ("90m", 5_400_000),
    ] {
        assert_eq!(read("duration", text), Ok(Some(CellValue::Integer(ms))), "{text}");
    }
    assert_eq!(read("duration", "225"), fails(ProblemCode::Ambiguous, &["3m45.000s"]));
    for text in ["-3:45", "-3m45s", "3:4", "3:75", "3m", "3:45:", "PT", "m", "3m45", "3m45.1234s"] {
        let expected = if text == "3m" { Ok(Some(CellValue::Integer(180_000))) } else { fails(ProblemCode::NotADuration, &[]) };
        assert_eq!(read("duration", text), expected, "{text}");
    }
}

#[test]
fn text_is_trimmed_kept_as_typed_and_bounded() {
    assert_eq!(read("title", " \u{a0}Night Drive\t"), is("Night Drive"));
    assert_eq!(read("title", "E\u{301}dit"), is("E\u{301}dit"), "stored as typed");
    assert_eq!(read("title", "a\nb"), fails(ProblemCode::ControlCharacter, &[]));
    assert_eq!(read("title", "a\u{7f}b"), fails(ProblemCode::ControlCharacter, &[]));
    assert_eq!(read("notes", "a\r\nb\tc"), is("a\nb\tc"));
    assert_eq!(read("title", &"𝄞".repeat(150)).map(|_| ()), Ok(()), "300 UTF-16 units");
    assert_eq!(read("title", &("𝄞".repeat(150) + "x")), fails(ProblemCode::TooLong, &[]));
    let long = schema_of(json!([{"name": "t", "type": "longtext", "max_length": 32000}]));
    assert!(read_in(&long, "t", &"x".repeat(32_000)).is_ok());
    for units in [32_001, 32_767, 32_768] {
        assert_eq!(read_in(&long, "t", &"x".repeat(units)), fails(ProblemCode::TooLong, &[]));
    }
    assert_eq!(read("explicit", "EXPLICIT"), is("explicit"));
    assert_eq!(read("explicit", "maybe"), fails(ProblemCode::NotAChoice, &[]));
    assert_eq!(read("genres", r" Pop | R\|B | a\\b || "), Ok(Some(CellValue::list(["Pop", "R|B", "a\\b"]))));
    assert_eq!(read("genres", " | | "), Ok(None));
    assert_eq!(read("key", "H"), fails(ProblemCode::Identifier, &["B"]));
    assert_eq!(read("upc", "36000241457"), fails(ProblemCode::Identifier, &["036000241457"]));
    assert_eq!(read("iswc", "T0345246802"), fails(ProblemCode::CheckDigit, &[]));
    assert_eq!(read("email", "javascript:alert(1)"), fails(ProblemCode::Identifier, &[]));
}

#[test]
fn web_addresses_and_truth_values() {
    let schema = schema_of(
        json!([{"name": "u", "type": "url"}, {"name": "b", "type": "boolean"}, {"name": "w", "type": "text", "format": "isrc", "on_invalid": "warn"}]),
    );
    for good in ["https://example.org/a?b=c#d", "http://müsik.example", "HTTPS://X.example:8080/"] {
        assert!(read_in(&schema, "u", good).is_ok(), "{good}");
    }
    for bad in [
        "javascript:alert(1)",
        "https://",
        "ftp://x.example",
        "//x.example",
        "https://a b",
        "https:///x",
        "data:text/html,x",
        "https://x\u{202e}.example",
    ] {
        assert_eq!(read_in(&schema, "u", bad), fails(ProblemCode::NotAUrl, &[]), "{bad}");
    }
    for (text, value) in [("yes", true), ("TRUE", true), ("WAHR", true), ("1", true), ("nein", false), ("0", false), ("Faux", false)] {
        assert_eq!(read_in(&schema, "b", text), Ok(Some(CellValue::Boolean(value))), "{text}");
    }
    assert_eq!(read_in(&schema, "b", "perhaps"), fails(ProblemCode::NotYesNo, &[]));
    assert_eq!(read_in(&schema, "w", "nonsense"), is("nonsense"), "where the schema only warns, the text is kept");
}

#[test]
fn a_program_sends_stored_forms_only() {
    let schema = default_schema();
    let check = |name: &str, value: serde_json::Value| {
        let field = schema.field(Table::Tracks, name).expect("a field");
        field.check(&serde_json::from_value(value).expect("a value")).map(|_| ()).map_err(|problem| problem.code)
    };
    for (name, value) in [
        ("title", json!("x")),
        ("bpm", json!("120.50")),
        ("duration", json!(5)),
        ("genres", json!(["a"])),
        ("isrc", json!("USS1Z9900001")),
        ("explicit", json!("clean")),
    ] {
        assert_eq!(check(name, value), Ok(()));
    }
    for (name, value, code) in [
        ("bpm", json!("120.5"), ProblemCode::WrongType),
        ("bpm", json!(120), ProblemCode::WrongType),
        ("bpm", json!("1,0"), ProblemCode::NotANumber),
        ("title", json!(" x"), ProblemCode::WrongType),
        ("title", json!(["x"]), ProblemCode::WrongType),
        ("isrc", json!("us-s1z-99-00001"), ProblemCode::WrongType),
        ("duration", json!(-1), ProblemCode::NotADuration),
        ("explicit", json!("Clean"), ProblemCode::WrongType),
        ("release_date", json!("03/04/2026"), ProblemCode::NotADate),
    ] {
        assert_eq!(check(name, value.clone()), Err(code), "{name} {value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn p9_what_is_read_is_in_its_stored_form_and_reads_back(text in "\\PC{0,24}|[0-9.,%:hms -]{0,12}|[ -~]{0,24}") {
        for field in default_schema().fields(Table::Tracks).iter().chain(default_schema().fields(Table::Splits)) {
            let Ok(Some(value)) = field.parse(&text, &ParseContext::PLAIN).map(|parsed| parsed.value) else { continue };
            prop_assert!(field.check(&value).is_ok(), "{} {:?}", field.name, value);
            let again = field.parse(&field.display(&value), &ParseContext::PLAIN).map(|parsed| parsed.value);
            prop_assert_eq!(again, Ok(Some(value)), "{} of {:?}", &field.name, &text);
        }
    }
}

#[test]
fn errors_of_spreadsheets_in_other_languages_are_no_text() {
    let schema = crate::catalogue::samples::schema_of(serde_json::json!([{"name": "t", "type": "text"}]));
    let field = &schema.fields(crate::catalogue::schema::Table::Tracks)[0];
    for error in [
        "#WERT!",
        "#BEZUG!",
        "#NV",
        "#NOM?",
        "#¿NOMBRE?",
        "#¡VALOR!",
        "#RIF!",
        "#ЗНАЧ!",
        "#VÄRDEFEL!",
        "#VA\u{308}RDEFEL!",
        "Err:502",
        "Fehler:508",
        "Erreur : 502",
    ] {
        let problem = field.parse(error, &ParseContext::PLAIN).expect_err(error);
        assert_eq!(problem.code, ProblemCode::SpreadsheetError, "{error}");
    }
    for title in ["#NVIDIA", "#1", "# VALUE", "Error: 404", "Err:50", "Err:5023", "#wert!"] {
        assert!(field.parse(title, &ParseContext::PLAIN).is_ok(), "{title}");
    }
}
