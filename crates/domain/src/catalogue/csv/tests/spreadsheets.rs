//! What spreadsheets do to a file by themselves, cell by cell: no edit, one notice, and literal when somebody says so.

use serde_json::json;

use super::codes;
use crate::catalogue::csv::ImportReport;
use crate::catalogue::csv::report::{Answers, IssueCode};
use crate::catalogue::row::Catalogue;
use crate::catalogue::samples::{catalogue, imported, row, text, track};
use crate::catalogue::schema::Table;

fn one(field: &str, value: serde_json::Value) -> Catalogue {
    let mut cells = json!({"title": "T"});
    cells[field] = value;
    catalogue(vec![row(&track(1), cells)])
}

fn back(catalogue: &Catalogue, field: &str, cell: &str, answers: &Answers) -> ImportReport {
    let row = catalogue.row(&track(1)).expect("a row");
    let file = format!("_id,_rev,{field}\r\n{},{},\"{}\"\r\n", row.id(), row.rev(), cell.replace('"', "\"\""));
    imported(catalogue, Table::Tracks, file.as_bytes(), answers)
}

#[test]
fn known_damage_is_no_edit_and_one_notice() {
    for (field, value, cell) in [
        ("catalogue_number", json!("007"), "7"),
        ("catalogue_number", json!("3.10"), "3.1"),
        ("catalogue_number", json!("1E3"), "1000"),
        ("catalogue_number", json!("1E3"), "1.00E+03"),
        ("catalogue_number", json!("1234567890123456"), "1.23457E+15"),
        ("catalogue_number", json!("1234567890123456"), "1234567890123450"),
        ("catalogue_number", json!("12E4567"), "1.79769313486232E+308"),
        ("catalogue_number", json!("12E-4567"), "0"),
        ("catalogue_number", json!("1,000"), "1000"),
        ("catalogue_number", json!("1,000"), "1"),
        ("catalogue_number", json!("(5)"), "-5"),
        ("catalogue_number", json!("€ 20"), "20"),
        ("upc", json!("036000241457"), "36000241457"),
        ("upc", json!("036000241457"), "3.6E+10"),
        ("upc", json!("036000241457"), "3,60002E+10"),
        ("catalogue_number", json!("DEC12"), "12-Dec"),
        ("catalogue_number", json!("DEC12"), "12. Dez"),
        ("catalogue_number", json!("SEP2"), "02-Sep"),
        ("catalogue_number", json!("1/2"), "02-Jan"),
        ("catalogue_number", json!("1/2"), "01-Feb"),
        ("catalogue_number", json!("1/2"), "46024"),
        ("catalogue_number", json!("1/2/3"), "01/02/2003"),
        ("catalogue_number", json!("May 3"), "05/01/2003"),
        ("catalogue_number", json!("May 3"), "03-May"),
        ("title", json!("3:45"), "03:45:00"),
        ("title", json!("3:45"), "3:45:00 AM"),
        ("title", json!("3:45"), "0.15625"),
        ("title", json!("True"), "TRUE"),
        ("title", json!("True"), "WAHR"),
        ("title", json!("Beyoncé"), "BeyoncÃ©"),
        ("title", json!("Beyoncé"), "Beyonc√©"),
        ("title", json!("Beyoncé"), "BeyoncÃƒÂ©"),
        ("title", json!("Beyoncé"), "Beyonc?"),
        ("title", json!("Beyoncé"), "Beyonc_"),
        ("title", json!("Beyoncé"), "Beyonce\u{301}"),
        ("title", json!("À la carte, ça va à"), "Ã€ la carte, Ã§a va Ã"),
        ("title", json!("Night Drive"), "Night\u{a0}Drive"),
        ("title", json!("'=x"), "'=x"),
        ("notes", json!("a\nb"), "a\r\nb"),
        ("notes", json!("a\n\tb"), "a\nb"),
        ("notes", json!("a\tb"), "a b"),
        ("release_date", json!("2026-05-03"), "03/05/2026"),
        ("release_date", json!("2026-05-03"), "5/3/26"),
        ("release_date", json!("2026-05-03"), "46145"),
        ("release_date", json!("2026-05-03"), "3-May-26"),
        ("release_date", json!("2026-05"), "May-26"),
        ("bpm", json!("120.50"), "120.5"),
        ("bpm", json!("120.50"), "120,5"),
        ("bpm", json!("120.00"), "120"),
        ("duration", json!(225_120), "3:45.120"),
        ("explicit", json!("not_explicit"), "Not explicit"),
        ("featured_artists", json!(["A", "B"]), "A | B"),
        ("isrc", json!("USS1Z9900001"), "US-S1Z-99-00001"),
        ("key", json!("C#m"), "Dbm"),
        ("key", json!("Abm"), "1A"),
    ] {
        let report = back(&one(field, value.clone()), field, cell, &Answers::default());
        assert_eq!((report.errors.len(), report.questions.len(), report.ops.len()), (0, 0, 0), "{value} → {cell}: {report:?}");
        let damage: Vec<_> = report.notices.iter().filter(|issue| issue.code == IssueCode::Damage).collect();
        assert_eq!(damage.len(), 1, "{value} → {cell}");
        assert!(damage[0].message.contains("The value stays as it was"), "{}", damage[0].message);
    }
}

#[test]
fn what_no_spreadsheet_does_is_an_edit() {
    for (field, value, cell, becomes) in [
        ("catalogue_number", json!("007"), "8", "8"),
        ("catalogue_number", json!("007"), "07a", "07a"),
        ("catalogue_number", json!("€ 20"), "21", "21"),
        ("catalogue_number", json!("12E4567"), "12E4568", "12E4568"),
        ("catalogue_number", json!("DEC12"), "13-Dec", "13-Dec"),
        ("catalogue_number", json!("1/2"), "03-Jan", "03-Jan"),
        ("title", json!("3:45"), "3:46", "3:46"),
        ("title", json!("Beyoncé"), "Beyonc!", "Beyonc!"),
        ("title", json!("Beyoncé"), "Beyonce", "Beyonce"),
        ("title", json!("Who?"), "Who_", "Who_"),
        ("release_date", json!("2026-04-03"), "2026-04", "2026-04"),
        ("release_date", json!("2026-04"), "2026-04-01", "2026-04-01"),
        ("release_date", json!("2026-04-03"), "2026-03-04", "2026-03-04"),
        ("bpm", json!("120.50"), "120.51", "120.51"),
        ("bpm", json!("1.50"), "150.00", "150.00"),
        ("upc", json!("036000241457"), "4006381333931", "4006381333931"),
    ] {
        let report = back(&one(field, value.clone()), field, cell, &Answers::default());
        assert_eq!(report.changed.first().and_then(|change| change.to.clone()), text(becomes), "{value} → {cell}: {report:?}");
    }
}

#[test]
fn taken_literally_damage_is_an_edit() {
    let literal = |field: &str| Answers { literal: [(2, field.to_owned())].into_iter().collect(), ..Answers::default() };
    let report = back(&one("catalogue_number", json!("DEC12")), "catalogue_number", "12-Dec", &literal("catalogue_number"));
    assert_eq!(report.changed[0].to, text("12-Dec"));
    let report = back(&one("title", json!("Beyoncé")), "title", "Beyonc?", &literal("title"));
    assert_eq!(report.changed[0].to, text("Beyonc?"));
}

#[test]
fn a_repair_is_offered_where_a_check_digit_confirms_it_and_taken_only_when_accepted() {
    let empty = one("label", json!("L"));
    let report = back(&empty, "upc", "36000241457", &Answers::default());
    assert_eq!(
        (codes(&report.errors), report.errors[0].suggestions.as_slice()),
        (vec![IssueCode::Value], ["036000241457".to_owned()].as_slice())
    );
    let accepted = Answers { accepted: [(2, "upc".to_owned())].into_iter().collect(), ..Answers::default() };
    assert_eq!(back(&empty, "upc", "36000241457", &accepted).changed[0].to, text("036000241457"));
}

#[test]
fn error_values_are_always_errors() {
    for cell in ["#NAME?", "#REF!", "#####", "#N/A", "#DIV/0!"] {
        for field in ["title", "bpm", "release_date"] {
            let report = back(&one("label", json!("L")), field, cell, &Answers::default());
            assert_eq!((codes(&report.errors), report.ops.len()), (vec![IssueCode::Value], 0), "{cell} in {field}");
        }
    }
}

#[test]
fn habits_are_learned_from_cells_whose_value_is_known() {
    let dates = ["2026-12-25", "2026-11-30", "2026-01-02"];
    let rows = dates
        .iter()
        .zip(1u8..)
        .map(|(date, number)| row(&track(number), json!({"title": "T", "release_date": date, "bpm": "120.50"})))
        .collect();
    let three = catalogue(rows);
    let file = |cells: [&str; 3]| {
        let lines: String = three.rows().iter().zip(cells).map(|(row, cell)| format!("{};{};{cell}\r\n", row.id(), row.rev())).collect();
        imported(&three, Table::Tracks, format!("_id;_rev;release_date\r\n{lines}").as_bytes(), &Answers::default())
    };
    let learned = file(["25/12/2026", "30/11/2026", "03/04/2026"]);
    assert_eq!(learned.questions, []);
    assert_eq!(learned.changed[0].to, text("2026-04-03"), "day before month, as in the other rows");
    let american = file(["12/25/2026", "11/30/2026", "03/04/2026"]);
    assert_eq!(american.changed[0].to, text("2026-03-04"));
    let contradiction = file(["25/12/2026", "11/30/2026", "03/04/2026"]);
    assert_eq!(codes(&contradiction.questions), [IssueCode::Ambiguous], "two habits in one column: a person decides");
    let nothing = file(["2026-12-25", "2026-11-30", "03/04/2026"]);
    assert_eq!(codes(&nothing.questions), [IssueCode::Ambiguous]);
    assert_eq!(serde_json::to_value(&learned.learned).expect("JSON")[0]["style"]["date_order"], json!("day_month"));
}

#[test]
fn shares_as_fractions_are_recognised_from_known_ones() {
    use crate::catalogue::samples::{band, exported, split};
    let base = band();
    let lines: String = [("0,5", 1u8), ("0,25", 2)]
        .iter()
        .map(|(share, number)| {
            let row = base.row(&split(*number)).expect("a row");
            format!("{};{};{share}\r\n", row.id(), row.rev())
        })
        .collect();
    let report = imported(&base, Table::Splits, format!("_id;_rev;share\r\n{lines}").as_bytes(), &Answers::default());
    assert_eq!(report.changed[0].to, text("25.00"));
    let plain = imported(
        &base,
        Table::Splits,
        exported(&base, Table::Splits).replacen("50.00", "0.5", 1).replacen("50.00", "99.50", 1).as_bytes(),
        &Answers::default(),
    );
    assert_eq!(plain.counts.changed, 2, "beside a share above 1 a half per cent may be meant; it is taken, with a warning");
    assert_eq!((plain.changed[0].to.clone(), plain.changed[1].to.clone()), (text("0.50"), text("99.50")));
    assert_eq!((codes(&plain.warnings), plain.errors.len()), (vec![IssueCode::ValueWarning], 0));
}

#[test]
fn a_text_cut_at_the_limit_of_a_cell_is_no_edit() {
    let long: Vec<String> = (0..200).map(|number| format!("{number:03}{}", "x".repeat(250))).collect();
    let base = one("featured_artists", json!(long[..50]));
    let whole = long[..50].join("|");
    assert!(whole.len() < 32_767);
    let many = serde_json::from_value::<crate::catalogue::cells::Cells>(json!({"genres": long})).expect("cells");
    let huge = catalogue(vec![row(&track(1), json!({"title": "T", "genres": serde_json::to_value(many.get("genres")).expect("JSON")}))]);
    let shown = long.join("|");
    let report = back(&huge, "genres", &shown[..32_767], &Answers::default());
    assert_eq!((report.ops.len(), report.errors.len()), (0, 0), "{:?}", report.errors);
    assert_eq!(
        back(&base, "featured_artists", &whole[..whole.len() - 1], &Answers::default()).ops.len(),
        1,
        "shorter below the limit is an edit"
    );
}
