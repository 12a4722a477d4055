//! Added, changed, cleared and deleted: what an import makes of edits.

use serde_json::json;

use super::{assert_untouched, codes};
use crate::catalogue::cells::CellValue;
use crate::catalogue::csv::report::{Answers, BlankMode, ColumnChoice, GroupAnswer, IssueCode, Missing, MissingRows, RowChoice};
use crate::catalogue::csv::{Delimiter, ExportOptions, History, export};
use crate::catalogue::row::Catalogue;
use crate::catalogue::samples::{
    band, catalogue, exported, imported, imported_on, imported_with, row, salt, schema_of, split, text, track,
};
use crate::catalogue::schema::Table;
use crate::change_set::merge::{Bases, CellResult, Changes};
use crate::change_set::op::Op;
use crate::role::Role;

fn tracks(catalogue: &Catalogue) -> String {
    exported(catalogue, Table::Tracks)
}

/// The export with one text replaced, imported without answers.
fn edited(from: &str, to: &str) -> crate::catalogue::csv::ImportReport {
    let file = tracks(&band());
    assert!(file.contains(from), "{from} is in the file:\n{file}");
    imported(&band(), Table::Tracks, file.replacen(from, to, 1).as_bytes(), &Answers::default())
}

#[test]
fn the_file_is_what_the_contract_says() {
    let file = export(&band(), Table::Tracks, &ExportOptions { delimiter: Delimiter::Comma, role: Role::Admin });
    assert!(file.starts_with(b"\xef\xbb\xbf\"_id\",\"_rev\",\"_action\",\"title\","));
    let text = String::from_utf8(file).expect("UTF-8");
    assert_eq!(text.matches("\r\n").count(), 4, "a row of headings and three tracks, each ending in CRLF");
    assert!(text.contains(",\"A\\|B|C\\\\D\","), "items of lists are escaped: {text}");
    assert!(text.contains(",\"'=1+1\",\"'quoted\",\"'@x\","), "formulas are guarded, other text is not: {text}");
    assert!(text.contains(",120.50,\"F#m\",3m45.120s,\"mix\",\"line one\nline \"\"two\"\"\","), "typed cells are bare: {text}");
    let semicolon = export(&band(), Table::Splits, &ExportOptions { delimiter: Delimiter::Semicolon, role: Role::Admin });
    let text = String::from_utf8(semicolon).expect("UTF-8");
    assert!(text.starts_with("\u{feff}\"_id\";\"_rev\";\"_action\";\"_track\";\"track\";\"right\""), "{text}");
    assert!(text.contains(";\"Night Drive\";\"trk_"), "{text}");
}

#[test]
fn an_untouched_file_changes_nothing() {
    for table in Table::ALL {
        assert_untouched(&imported(&band(), table, exported(&band(), table).as_bytes(), &Answers::default()));
    }
}

#[test]
fn a_changed_cell_is_one_operation_on_the_state_that_was_exported() {
    let report = edited("\"Night Drive\"", "\"Night Drive (Édit)\"");
    let base = band();
    let row = base.row(&track(1)).expect("a row");
    assert_eq!(report.ops, [Op::set(row.id(), row.rev(), "title", text("Night Drive"), text("Night Drive (Édit)"))]);
    assert_eq!((report.counts.changed, report.counts.cleared, report.counts.unchanged_rows), (1, 0, 2));
    assert_eq!((report.changed[0].line, report.changed[0].result), (2, CellResult::Take));
}

#[test]
fn a_cleared_cell_is_a_category_of_its_own_and_modes_decide() {
    let file = tracks(&band()).replacen("\"USS1Z9900001\"", "", 1);
    let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!((report.counts.cleared, report.counts.changed, report.ops.len()), (1, 0, 1));
    assert_eq!(report.cleared[0].to, None);
    let ignoring = imported(&band(), Table::Tracks, file.as_bytes(), &Answers { blanks: Some(BlankMode::Ignore), ..Answers::default() });
    assert_eq!(ignoring.ops, []);
    let fill = Answers { blanks: Some(BlankMode::FillOnly), ..Answers::default() };
    let filling =
        imported(&band(), Table::Tracks, file.replace("\"Night Drive\"", "\"Other\"").replace("99.00", "98.00").as_bytes(), &fill);
    assert_eq!(filling.ops, [], "cells that have a value keep it");
}

#[test]
fn a_row_without_id_is_added_with_defaults_and_a_deleted_one_says_so() {
    let file = tracks(&band()) + "\"\",\"\",\"\",\"Slow Dawn\",,,,,,,,,USS1Z9900009\r\n";
    let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!(report.errors, []);
    assert_eq!((report.counts.added, report.added[0].line, report.rows_without_base), (1, 6, 0));
    assert_eq!(report.added[0].cells.text("stage"), Some("demo"), "new rows get the default");
    assert_eq!(report.added[0].cells.text("isrc"), Some("USS1Z9900009"));

    let id = track(3).to_string();
    let with_action = |action: &str| {
        let start = tracks(&band()).find(&id).expect("the row") + id.len() + 1;
        let mut file = tracks(&band());
        let place = file[start..].find(",,").expect("an empty action") + start + 1;
        file.insert_str(place, action);
        imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default())
    };
    let deleted = with_action("Delete");
    assert!(matches!(deleted.ops.as_slice(), [Op::TrackDelete { .. }]), "{deleted:?}");
    assert_eq!((deleted.counts.deleted, deleted.deleted[0].row.clone()), (1, track(3)));
    assert_eq!(codes(&with_action("remove").errors), [IssueCode::UnknownAction]);
}

#[test]
fn deleting_a_track_takes_its_splits_along() {
    let file = tracks(&band());
    let rev = band().row(&track(1)).expect("a row").rev().to_string();
    let marked = file.replacen(&format!("\"{rev}\","), &format!("\"{rev}\",\"delete\""), 1);
    let report = imported(&band(), Table::Tracks, marked.as_bytes(), &Answers::default());
    assert_eq!(report.errors, []);
    let deleted: Vec<_> = report.deleted.iter().map(|row| row.row.clone()).collect();
    assert_eq!(deleted, [track(1), split(1), split(2)]);
    assert_eq!(report.ops.len(), 3);
}

#[test]
fn delete_and_edit_together_is_an_error() {
    let rev = band().row(&track(3)).expect("a row").rev().to_string();
    let file = tracks(&band()).replacen(&format!("\"{rev}\",,\"3:45\""), &format!("\"{rev}\",delete,\"Other\""), 1);
    let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!(codes(&report.errors), [IssueCode::DeleteAndEdit]);
    assert_eq!(report.ops, [], "errors block proposing");
}

#[test]
fn missing_rows_stay_unless_the_file_is_said_to_be_complete() {
    let file: String = tracks(&band()).split_inclusive("\r\n").filter(|line| !line.contains(&track(3).to_string())).collect();
    assert_untouched(&imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default()));
    let complete = |confirmed: Option<usize>| {
        let answers = Answers { missing_rows: MissingRows::Delete { confirmed }, ..Answers::default() };
        imported(&band(), Table::Tracks, file.as_bytes(), &answers)
    };
    assert_eq!(codes(&complete(None).questions), [IssueCode::MissingRows]);
    assert_eq!(codes(&complete(Some(2)).questions), [IssueCode::MissingRows]);
    let report = complete(Some(1));
    assert_eq!((report.counts.deleted, report.deleted[0].line, report.ops.len()), (1, 0, 1));
    // However few of many they are.
    let many = catalogue((1..=60).map(|number| row(&track(number), json!({"title": format!("Song {number}")}))).collect());
    let file: String = tracks(&many).split_inclusive("\r\n").filter(|line| !line.contains(&track(7).to_string())).collect();
    let complete = |confirmed: Option<usize>| {
        let answers = Answers { missing_rows: MissingRows::Delete { confirmed }, ..Answers::default() };
        imported(&many, Table::Tracks, file.as_bytes(), &answers)
    };
    assert_eq!((codes(&complete(None).questions), complete(None).ops), (vec![IssueCode::MissingRows], vec![]));
    assert_eq!(complete(Some(1)).counts.deleted, 1);
}

#[test]
fn a_complete_file_deletes_no_row_that_came_after_it_and_says_what_it_was_exported_from() {
    let old = band();
    let file: String = tracks(&old).split_inclusive("\r\n").filter(|line| !line.contains(&track(2).to_string())).collect();
    let mut edited = old.row(&track(2)).expect("a row").content().clone();
    edited.cells.set("label", text("Theirs"));
    let new = row(&track(9), json!({"title": "Theirs"})).content().clone();
    let now = old.with(&Changes { upserts: vec![edited, new], ..Changes::default() }, || salt(1));
    let bases = Bases::new(old.rows().iter().cloned());
    let written = old.rows().iter().map(|row| (row.id().clone(), row.rev(), 41));
    let changed = [track(2), track(9)].into_iter().map(|id| (id.clone(), now.row(&id).expect("a row").rev(), 42));
    let added = now.rows().iter().map(|row| (row.id().clone(), if *row.id() == track(9) { 42 } else { 40 }));
    let history = History::new(44, written.chain(changed), added);
    let complete = Answers { missing_rows: MissingRows::Delete { confirmed: Some(1) }, ..Answers::default() };
    let report = imported_with(&now, &bases, Some(&history), Role::Admin, Table::Tracks, file.as_bytes(), &complete);
    assert_eq!((report.exported_from, report.catalogue), (Some(41), Some(44)));
    assert_eq!(report.missing, Missing { rows: 1, added_since: 1 });
    // The edited one goes as it was exported, so that its edit is a conflict and not lost.
    let gone = old.row(&track(2)).expect("a row");
    assert!(
        matches!(report.ops.as_slice(), [Op::TrackDelete { row, rev, .. }] if row.as_str() == gone.id().as_str() && *rev == gone.rev()),
        "{:?}",
        report.ops
    );
    assert_eq!((codes(&report.warnings), report.counts.conflicts), (vec![IssueCode::Conflict], 1));
    assert!(report.notices.iter().any(|notice| notice.message.contains("“Theirs” came into the catalogue after")), "{:?}", report.notices);
    // A computer that knows the newest state alone deletes nothing by absence.
    let alone = imported_with(&now, &bases, None, Role::Admin, Table::Tracks, file.as_bytes(), &complete);
    assert_eq!((codes(&alone.errors), alone.ops, alone.exported_from), (vec![IssueCode::MissingRows], vec![], None));
    // As long as nothing changed, a file is of the catalogue of now.
    let history = History::new(
        44,
        old.rows().iter().map(|row| (row.id().clone(), row.rev(), 41)),
        old.rows().iter().map(|row| (row.id().clone(), 40)),
    );
    let fresh =
        imported_with(&old, &Bases::none(), Some(&history), Role::Admin, Table::Tracks, tracks(&old).as_bytes(), &Answers::default());
    assert_eq!(fresh.exported_from, Some(44));
}

#[test]
fn a_file_of_which_some_rows_lack_a_base_clears_only_where_it_is_known_and_says_so() {
    let rev = band().row(&track(1)).expect("a row").rev();
    let file = format!("_id,_rev,isrc\r\n{},{rev},\r\n{},,\r\n", track(1), track(3));
    let cleared = |blanks: Option<BlankMode>| {
        let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers { blanks, ..Answers::default() });
        (report.blanks, report.cleared.iter().map(|change| change.row.clone()).collect::<Vec<_>>())
    };
    assert_eq!(cleared(None), (BlankMode::ApplyKnown, vec![track(1)]));
    assert_eq!(cleared(Some(BlankMode::ApplyKnown)), (BlankMode::ApplyKnown, vec![track(1)]));
    assert_eq!(cleared(Some(BlankMode::Ignore)), (BlankMode::Ignore, vec![]));
    assert_eq!(cleared(Some(BlankMode::Apply)), (BlankMode::Apply, vec![track(1), track(3)]));
}

#[test]
fn a_length_in_bare_seconds_is_a_question_that_its_suggestion_settles() {
    let schema = schema_of(json!([{"name": "length", "type": "duration"}]));
    let base = Catalogue::new(schema, vec![row(&track(1), json!({"length": 1_000}))]).expect("one row");
    let file = format!("_id,_rev,length\r\n{},{},225\r\n", track(1), base.rows()[0].rev());
    let asked = imported(&base, Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!((codes(&asked.questions), &asked.questions[0].suggestions), (vec![IssueCode::Ambiguous], &vec!["3m45.000s".to_owned()]));
    let accepted = Answers { accepted: [(2, "length".to_owned())].into_iter().collect(), ..Answers::default() };
    let settled = imported(&base, Table::Tracks, file.as_bytes(), &accepted);
    assert_eq!((settled.questions.len(), settled.changed[0].to.clone()), (0, Some(CellValue::Integer(225_000))));
}

#[test]
fn one_of_several_suggestions_is_taken_for_one_cell_alone() {
    let head = "_id,_rev,release_date\r\n";
    let rows: String = band().table(Table::Tracks).map(|row| format!("{},{},03/02/2026\r\n", row.id(), row.rev())).collect();
    let chosen = Answers { chosen: [(3, "release_date".to_owned(), "2026-03-02".to_owned())].into_iter().collect(), ..Answers::default() };
    let report = imported(&band(), Table::Tracks, (head.to_owned() + &rows).as_bytes(), &chosen);
    assert_eq!(report.questions.iter().map(|issue| issue.line).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(report.changed[0].to, text("2026-03-02"));
}

#[test]
fn everything_beyond_the_list_is_counted_and_one_answer_settles_all_of_it() {
    const ROWS: usize = 12_000;
    let ids: Vec<_> = (0..ROWS as u32)
        .map(|number| {
            let mut random = [0u8; crate::id::ID_RANDOM_BYTES];
            random[..4].copy_from_slice(&number.to_be_bytes());
            crate::catalogue::row::RowId::from(crate::id::TrackId::from_random(random))
        })
        .collect();
    let schema = schema_of(
        json!([{"name": "code", "type": "text"}, {"name": "length", "type": "duration"}, {"name": "upc", "type": "text", "format": "gtin"}]),
    );
    let base = Catalogue::new(schema, ids.iter().map(|id| row(id, json!({"code": "007"}))).collect()).expect("no id twice");
    let rows = |last: &str| -> String { base.rows().iter().map(|row| format!("{},{},7,225,{last}\r\n", row.id(), row.rev())).collect() };
    let file = "_id,_rev,code,length,upc\r\n".to_owned() + &rows("") + &format!("{},,,,12\r\n", ids[0]);
    let report = imported(&base, Table::Tracks, file.as_bytes(), &Answers::default());
    let totals = report.totals;
    assert_eq!((totals.questions, totals.notices, totals.errors), (ROWS, ROWS, 1));
    assert_eq!((report.questions.len(), report.notices.len()), (10_000, 10_000));
    let (question, ignored) = (&report.repairs[0], &report.ignored[0]);
    assert_eq!((question.count, question.code, ignored.count, ignored.code), (ROWS, IssueCode::Ambiguous, ROWS, IssueCode::Damage));
    let groups = [(question.repair.clone(), GroupAnswer::Accept), (ignored.repair.clone(), GroupAnswer::Literal)].into_iter().collect();
    let file = "_id,_rev,code,length,upc\r\n".to_owned() + &rows("");
    let settled = imported(&base, Table::Tracks, file.as_bytes(), &Answers { groups, ..Answers::default() });
    assert_eq!((settled.totals.questions, settled.totals.notices, settled.counts.changed), (0, 0, 2 * ROWS));
}

#[test]
fn one_answer_makes_new_rows_of_all_that_look_like_others_stand_twice_or_were_deleted() {
    let new = |code: &str| Answers { groups: [(code.to_owned(), GroupAnswer::New)].into_iter().collect(), ..Answers::default() };
    let rev = band().row(&track(1)).expect("a row").rev();
    for (code, file, changed) in [
        ("natural_match", "title,isrc\r\n3:45,USS1Z9900002\r\n".to_owned(), 0),
        ("duplicate_id", format!("_id,_rev,title\r\n{0},{rev},B\r\n{0},{rev},C\r\n", track(1)), 1),
        ("deleted_row", format!("_id,title\r\n{},X\r\n", track(99)), 0),
    ] {
        let asked = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
        assert!(asked.repairs.iter().any(|group| group.repair == code), "{code}: {:?}", asked.repairs);
        let answered = imported(&band(), Table::Tracks, file.as_bytes(), &new(code));
        assert_eq!((answered.counts.added, answered.counts.changed), (1, changed), "{code}: {:?}", answered.errors);
    }
}

#[test]
fn a_file_without_any_row_deletes_nothing_even_when_it_is_said_to_be_complete() {
    let header = tracks(&band()).lines().next().expect("headings").to_owned() + "\r\n";
    assert_eq!(imported(&band(), Table::Tracks, header.as_bytes(), &Answers::default()).ops, [], "nothing is said of missing rows");
    for confirmed in [None, Some(3)] {
        let answers = Answers { missing_rows: MissingRows::Delete { confirmed }, ..Answers::default() };
        let report = imported(&band(), Table::Tracks, header.as_bytes(), &answers);
        assert_eq!((codes(&report.errors), report.ops.len()), (vec![IssueCode::MissingRows], 0), "no row says which state it comes from");
    }
}

#[test]
fn ids_without_tokens_are_compared_with_now_and_the_banner_says_so() {
    let file = format!("_id,title,bpm\r\n{},Night Drive 2,\r\n", track(1));
    let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert!(!report.has_base && codes(&report.warnings).contains(&IssueCode::NoBase), "{:?}", report.warnings);
    assert_eq!(report.rows_without_base, 1);
    let changed: Vec<_> = report.changed.iter().map(|change| (change.column.as_str(), change.from.clone())).collect();
    assert_eq!(changed, [("title", text("Night Drive"))]);
    assert_eq!((report.cleared.len(), report.blanks), (0, BlankMode::Ignore), "without a base an empty cell clears nothing");
}

#[test]
fn the_order_of_rows_and_columns_means_nothing() {
    let file = tracks(&band());
    let (head, rows) = file.split_once("\r\n").expect("headings");
    let straight: Vec<&str> = rows.split_inclusive("\r\n").collect();
    let reversed: String = straight.iter().rev().copied().collect();
    assert_untouched(&imported(&band(), Table::Tracks, format!("{head}\r\n{reversed}").as_bytes(), &Answers::default()));
}

#[test]
fn a_file_without_ids_is_matched_by_natural_keys_only_when_somebody_says_so() {
    let file = "ISRC,BPM\r\nUS-S1Z-99-00001,121\r\nUSS1Z9900008,100\r\n";
    let asked = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!(codes(&asked.questions), [IssueCode::NaturalMatch]);
    assert_eq!(asked.questions[0].suggestions, [track(1).to_string()]);
    assert_eq!(codes(&asked.errors), [IssueCode::Rule], "the new row has no title: {:?}", asked.errors);
    let taken = imported(
        &band(),
        Table::Tracks,
        "isrc,bpm\r\nUSS1Z9900001,121\r\n".as_bytes(),
        &Answers { accept_matches: true, ..Answers::default() },
    );
    assert_eq!((taken.counts.changed, taken.counts.added, taken.has_base), (1, 0, false));
    assert!(codes(&taken.warnings).contains(&IssueCode::NoBase));
    assert_eq!(taken.changed[0].to, text("121.00"));
    let rows = [(2, RowChoice::Existing { id: track(3) })].into_iter().collect();
    let chosen = imported(&band(), Table::Tracks, "title,bpm\r\n,121\r\n".as_bytes(), &Answers { rows, ..Answers::default() });
    assert_eq!((chosen.changed.len(), chosen.changed[0].row.clone()), (1, track(3)));
}

#[test]
fn repeated_natural_keys_match_nothing() {
    let two = catalogue(vec![row(&track(1), json!({"title": "Interlude"})), row(&track(2), json!({"title": "Interlude"}))]);
    let file = "title,version_title,main_artist,bpm\r\nInterlude,,,100\r\n";
    let report = imported(&two, Table::Tracks, file.as_bytes(), &Answers { accept_matches: true, ..Answers::default() });
    assert_eq!((report.counts.added, report.counts.changed), (1, 0));
}

#[test]
fn columns_are_known_by_name_alias_label_case_and_choice() {
    let answers = Answers {
        accept_matches: true,
        columns: [("Tempo".to_owned(), ColumnChoice::Field { name: "bpm".into() })].into_iter().collect(),
        ..Answers::default()
    };
    let report = imported(&band(), Table::Tracks, " ISRC ,EAN,Tempo\r\nUSS1Z9900002,4006381333931,101\r\n".as_bytes(), &answers);
    assert_eq!(report.errors, []);
    let fields: Vec<_> = report.columns.iter().map(|column| column.field.as_deref()).collect();
    assert_eq!(fields, [Some("isrc"), Some("upc"), Some("bpm")]);
    assert_eq!(report.counts.changed, 2);
}

#[test]
fn unknown_columns_are_named_and_a_look_alike_is_suggested() {
    let file = "_id,_rev,title,Kode,Zeug\r\n".to_owned()
        + &band()
            .table(Table::Tracks)
            .map(|row| {
                format!(
                    "{},{},\"{}\",{},x\r\n",
                    row.id(),
                    row.rev(),
                    row.cells().text("title").expect("a title").replace("=1", "'=1"),
                    row.cells().text("isrc").unwrap_or_default()
                )
            })
            .collect::<String>();
    let report = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!(report.errors, []);
    assert_eq!(codes(&report.warnings), [IssueCode::UnknownColumn, IssueCode::UnknownColumn]);
    assert!(
        report.warnings[0].message.contains("Kode") && report.warnings[0].message.contains("left out"),
        "{}",
        report.warnings[0].message
    );
    assert_eq!(report.columns[3].suggestion.as_deref(), Some("isrc"));
    assert_eq!(report.columns[4].suggestion, None);
    assert_eq!(codes(&report.notices), [IssueCode::MissingColumn], "columns that are not there are untouched");
    assert_eq!(report.ops, []);
}

#[test]
fn an_older_file_gives_three_values_and_a_conflict_can_still_be_proposed() {
    let old = band();
    let file = tracks(&old).replacen("\"Night Drive\"", "\"Mine\"", 1).replacen("120.50", "121.00", 1);
    let mut content = old.row(&track(1)).expect("a row").content().clone();
    content.cells.set("title", text("Theirs"));
    content.cells.set("bpm", text("121.00"));
    content.cells.set("label", text("Bright"));
    let current = old.with(&Changes { upserts: vec![content], ..Changes::default() }, || salt(1));
    let bases = Bases::new(old.rows().iter().cloned());
    let report = imported_on(&current, &bases, Role::Admin, Table::Tracks, file.as_bytes(), &Answers::default());
    assert!(report.has_base);
    let results: Vec<_> = report.changed.iter().map(|change| (change.column.as_str(), change.result)).collect();
    assert_eq!(
        results,
        [("title", CellResult::Conflict), ("bpm", CellResult::AlreadySo)],
        "label, which the old file did not have, is untouched"
    );
    assert_eq!(report.changed[0].current, text("Theirs"));
    assert_eq!((report.ops.len(), report.counts.conflicts), (1, 1));
    assert_eq!(codes(&report.warnings), [IssueCode::Conflict]);

    let forgotten = imported_on(&current, &Bases::none(), Role::Admin, Table::Tracks, file.as_bytes(), &Answers::default());
    assert!(!forgotten.has_base && codes(&forgotten.warnings).contains(&IssueCode::UnknownRev));
    let change = forgotten.changed.iter().find(|change| change.column == "title").expect("compared with now");
    assert_eq!((change.from.clone(), change.result), (text("Theirs"), CellResult::Take));
}

#[test]
fn forged_tokens_and_those_of_other_rows_are_no_base() {
    let base = band();
    let own = base.row(&track(1)).expect("a row").rev().to_string();
    let foreign = base.row(&track(2)).expect("a row").rev().to_string();
    let future = "abcdefghijklmnopabcd";
    for token in [&*foreign, future, "nonsense", "=1+1", &own.to_uppercase(), &own[..19], &format!("{own}a")] {
        let file = format!("_id,_rev,title,bpm\r\n{},{token},Night Drive 2,\r\n", track(1));
        let report = imported(&base, Table::Tracks, file.as_bytes(), &Answers::default());
        assert_eq!((report.errors.len(), report.rows_without_base, report.has_base), (0, 1, false), "{token}");
        assert!(
            codes(&report.warnings).contains(&IssueCode::UnknownRev) && codes(&report.warnings).contains(&IssueCode::NoBase),
            "{token}"
        );
        let changed: Vec<_> = report.changed.iter().map(|change| (change.column.as_str(), change.from.clone())).collect();
        assert_eq!(changed, [("title", text("Night Drive"))], "compared with now, and an empty cell clears nothing: {token}");
    }
}

#[test]
fn columns_of_others_are_absent_and_locked_ones_stay() {
    let member = export(&band(), Table::Tracks, &ExportOptions { delimiter: Delimiter::Comma, role: Role::Member });
    let member = String::from_utf8(member).expect("UTF-8");
    assert!(!member.contains("writer_notes") && !member.contains("secret"));
    let listener = export(&band(), Table::Splits, &ExportOptions { delimiter: Delimiter::Comma, role: Role::Listener });
    assert!(!String::from_utf8(listener).expect("UTF-8").contains("50.00"));

    let readable = band().readable_by(Role::Member);
    let report = imported_on(
        &readable,
        &Bases::none(),
        Role::Member,
        Table::Tracks,
        member.replacen("3m45.120s", "3m46.000s", 1).as_bytes(),
        &Answers::default(),
    );
    assert_eq!((codes(&report.notices), report.ops.len()), (vec![IssueCode::ReadOnly], 0));
    let smuggled =
        "_id,_rev,writer_notes\r\n".to_owned() + &format!("{},{},mine\r\n", track(1), band().row(&track(1)).expect("a row").rev());
    let report = imported_on(&readable, &Bases::none(), Role::Member, Table::Tracks, smuggled.as_bytes(), &Answers::default());
    assert_eq!(
        (codes(&report.warnings), report.ops.len()),
        (vec![IssueCode::UnknownColumn], 0),
        "a column one may not read is like one that is not there"
    );
}

#[test]
fn ids_that_are_not_of_this_table_give_one_and_the_same_error() {
    let line = |id: &str| format!("_id,title\r\n{id},X\r\n");
    let error = |id: &str| {
        let report = imported(&band(), Table::Tracks, line(id).as_bytes(), &Answers::default());
        assert_eq!(report.ops, []);
        report.errors.into_iter().map(|issue| issue.message.replace(id, "ID")).collect::<Vec<_>>()
    };
    let unknown = error(track(50).as_str());
    assert_eq!(unknown.len(), 1);
    assert_eq!(error(split(1).as_str()), unknown, "of the other table");
    assert_eq!(error("trk_nonsense"), unknown, "malformed");
    assert_eq!(error("42"), unknown, "something else");
    let deleted = imported(&band(), Table::Tracks, line(track(99).as_str()).as_bytes(), &Answers::default());
    assert_eq!(codes(&deleted.errors), [IssueCode::DeletedRow]);
    let again = Answers { rows: [(2, RowChoice::New)].into_iter().collect(), ..Answers::default() };
    let added = imported(&band(), Table::Tracks, line(track(99).as_str()).as_bytes(), &again);
    assert_eq!((added.counts.added, added.errors.len()), (1, 0));
}

#[test]
fn an_id_twice_counts_once_when_equal_and_is_an_error_when_different() {
    let row = |title: &str| format!("{},{},{title}\r\n", track(1), band().row(&track(1)).expect("a row").rev());
    let head = "_id,_rev,title\r\n";
    let equal = imported(&band(), Table::Tracks, (head.to_owned() + &row("B") + &row("B")).as_bytes(), &Answers::default());
    assert!(codes(&equal.notices).contains(&IssueCode::SameTwice) && equal.ops.len() == 1);
    let file = head.to_owned() + &row("B") + &row("C");
    let different = imported(&band(), Table::Tracks, file.as_bytes(), &Answers::default());
    assert_eq!((codes(&different.errors), different.ops.len()), (vec![IssueCode::DuplicateId], 0));
    let second = Answers { rows: [(3, RowChoice::New)].into_iter().collect(), ..Answers::default() };
    let split = imported(&band(), Table::Tracks, file.as_bytes(), &second);
    assert_eq!((split.counts.changed, split.counts.added), (1, 1));
}

#[test]
fn values_that_only_one_row_may_have_are_errors_with_their_rows() {
    let taken = edited("\"USS1Z9900002\"", "\"USS1Z9900001\"");
    assert_eq!((codes(&taken.errors), taken.errors[0].column.as_str()), (vec![IssueCode::Unique], "isrc"));
    let two = "title,isrc\r\nOne,USS1Z9900005\r\nTwo,USS1Z9900005\r\n";
    let report = imported(&band(), Table::Tracks, two.as_bytes(), &Answers::default());
    assert_eq!((codes(&report.errors), report.errors[0].line), (vec![IssueCode::Unique], 3));
}

#[test]
fn splits_name_their_track_by_id_or_isrc() {
    let file = exported(&band(), Table::Splits).replacen("50.00", "25.00", 1)
        + "\"\",\"\",\"\",\"\",\"US-S1Z-99-00001\",\"composition\",\"Cleo\",\"lyricist\",25\r\n";
    let report = imported(&band(), Table::Splits, file.as_bytes(), &Answers::default());
    assert_eq!(report.errors, [], "25 + 25 + 50 make a whole");
    assert_eq!(report.added[0].cells.get("track"), Some(&CellValue::text(track(1).as_str())));
    let uneven =
        imported(&band(), Table::Splits, exported(&band(), Table::Splits).replacen("50.00", "49.99", 1).as_bytes(), &Answers::default());
    assert_eq!(codes(&uneven.errors), [IssueCode::Rule]);
    assert!(uneven.errors[0].message.contains("99.99 instead of 100.00"), "{}", uneven.errors[0].message);
}

#[test]
fn what_to_do_is_grouped_by_what_settles_it() {
    let head = "_id,_rev,release_date\r\n";
    let rows: String = band().table(Table::Tracks).map(|row| format!("{},{},03/02/2026\r\n", row.id(), row.rev())).collect();
    let report = imported(&band(), Table::Tracks, (head.to_owned() + &rows).as_bytes(), &Answers::default());
    assert_eq!(report.repairs.len(), 1);
    assert_eq!(
        (report.repairs[0].count, report.repairs[0].column.as_str(), report.repairs[0].code),
        (3, "release_date", IssueCode::Ambiguous)
    );
    assert_eq!(report.questions[0].suggestions, ["2026-02-03", "2026-03-02"]);
    let style = serde_json::from_value(json!({"styles": {"release_date": {"date_order": "month_day"}}})).expect("answers");
    let answered = imported(&band(), Table::Tracks, (head.to_owned() + &rows).as_bytes(), &style);
    assert_eq!((answered.questions.len(), answered.changed[0].to.clone()), (0, text("2026-03-02")));
}

#[test]
fn the_shape_on_the_wire_is_the_one_screens_know() {
    let report = edited("\"Night Drive\"", "\"Night Drive 2\"");
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(
        (&json["table"], &json["encoding"], &json["delimiter"], &json["blanks"]),
        (&json!("tracks"), &json!("utf8"), &json!(","), &json!("apply"))
    );
    assert_eq!(
        json["changed"],
        json!([{"line": 2, "row": track(1).as_str(), "column": "title", "from": "Night Drive", "to": "Night Drive 2", "current": "Night Drive", "result": "take"}])
    );
    assert_eq!(
        json["counts"],
        json!({"rows": 3, "unchanged_rows": 2, "changed": 1, "cleared": 0, "added": 0, "deleted": 0, "conflicts": 0})
    );
    let rev = band().row(&track(1)).expect("a row").rev();
    assert_eq!(
        json["ops"],
        json!([{"op": "cell.set", "row": track(1).as_str(), "rev": rev, "field": "title", "from": "Night Drive", "to": "Night Drive 2"}])
    );
    let broken = serde_json::to_value(imported(&band(), Table::Tracks, b"title\r\n\"open\r\n", &Answers::default())).expect("JSON");
    let issue = &broken["errors"][0];
    assert_eq!((&issue["code"], &issue["line"], &issue["repair"]), (&json!("quoting"), &json!(2), &json!("quoting")));
    assert_eq!(broken["repairs"][0]["count"], json!(1));
    let answers = json!({"encoding": "windows1252", "delimiter": ";", "columns": {"Tempo": {"use": "field", "name": "bpm"}, "x": {"use": "ignore"}}, "blanks": "fill_only",
        "missing_rows": {"missing": "delete", "confirmed": 3}, "styles": {"": {"number": "comma_decimal"}}, "literal": [[2, "title"]], "rows": {"3": {"row": "new"}, "4": {"row": "existing", "id": track(1).as_str()}},
        "accepted": [[2, "upc"]], "chosen": [[2, "release_date", "2026-03-02"]], "groups": {"damage:upc": "literal", "value:isrc:identifier": "accept", "natural_match": "new"}, "accept_matches": true});
    let read: Answers = serde_json::from_value(answers.clone()).expect("answers");
    assert_eq!(read.rows.len(), 2);
    let back: Answers = serde_json::from_value(serde_json::to_value(&read).expect("JSON")).expect("answers");
    assert_eq!(back, read);
    assert!(serde_json::from_value::<Answers>(json!({"litteral": []})).is_err(), "a typo must not switch an answer off");
}
