//! Files that are broken, foreign or too large: a clear error, and nothing half-applied.

use super::{assert_untouched, codes};
use crate::catalogue::csv::ImportReport;
use crate::catalogue::csv::import::{MAX_BYTES, MAX_COLUMNS, MAX_RECORDS};
use crate::catalogue::csv::report::{Answers, Encoding, IssueCode};
use crate::catalogue::samples::{band, exported, imported, text, track};
use crate::catalogue::schema::Table;

fn read(bytes: &[u8]) -> ImportReport {
    imported(&band(), Table::Tracks, bytes, &Answers::default())
}

fn refused(bytes: &[u8]) -> IssueCode {
    let report = read(bytes);
    assert_eq!(report.ops, [], "nothing half-applied");
    let issue = report.errors.first().or(report.questions.first()).expect("a clear error");
    assert!(issue.message.split(". ").count() >= 2, "what happened, what it means, what to do: {}", issue.message);
    issue.code
}

#[test]
fn files_of_other_kinds_are_named_with_what_to_do() {
    for (bytes, what) in [
        (b"PK\x03\x04rest".as_slice(), "spreadsheet or zip"),
        (b"\xd0\xcf\x11\xe0rest", "older kind"),
        (b"\x1f\x8brest", "gzip"),
        (b"%PDF-1.7", "PDF"),
    ] {
        let report = read(bytes);
        assert_eq!(codes(&report.errors), [IssueCode::NotCsv]);
        assert!(report.errors[0].message.contains(what), "{}", report.errors[0].message);
    }
}

#[test]
fn nothing_and_only_headings() {
    for empty in ["", "\u{feff}", "\r\n\r\n", "  \n,,,\n"] {
        assert_eq!(refused(empty.as_bytes()), IssueCode::EmptyFile, "{empty:?}");
    }
    let header = exported(&band(), Table::Tracks).lines().next().expect("headings").to_owned();
    let report = read(header.as_bytes());
    assert_eq!((report.errors.len(), report.counts.rows, report.ops.len()), (0, 0, 0));
}

#[test]
fn every_encoding_with_a_mark_is_read_and_others_are_asked_about() {
    let file = exported(&band(), Table::Tracks);
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { std::iter::once(0xfeff).chain(file.encode_utf16()).flat_map(unit).collect() };
    assert_untouched(&read(&utf16(u16::to_le_bytes)));
    assert_untouched(&read(&utf16(u16::to_be_bytes)));
    assert_eq!(read(&utf16(u16::to_le_bytes)).encoding, Encoding::Utf16Le);
    let mut odd = utf16(u16::to_le_bytes);
    odd.pop();
    assert_eq!(refused(&odd), IssueCode::Encoding);

    let latin: Vec<u8> = file.chars().map(|character| u8::try_from(u32::from(character)).expect("only letters of Windows-1252")).collect();
    let asked = read(&latin);
    assert_eq!(
        (codes(&asked.questions), asked.questions[0].suggestions.as_slice()),
        (vec![IssueCode::Encoding], ["windows1252".to_owned(), "mac_roman".to_owned()].as_slice())
    );
    assert!(asked.questions[0].found.contains("Beyoncé"), "a preview helps to choose: {}", asked.questions[0].found);
    let chosen = imported(&band(), Table::Tracks, &latin, &Answers { encoding: Some(Encoding::Windows1252), ..Answers::default() });
    assert_untouched(&chosen);

    let mut broken = b"\xef\xbb\xbf".to_vec();
    broken.extend(b"title\r\nGood\r\nBad \xff\xfe\r\n");
    let report = read(&broken);
    assert_eq!((codes(&report.errors), report.errors[0].line), (vec![IssueCode::Encoding], 3));
    assert_eq!(refused(b"title\r\na\0b\r\n"), IssueCode::NulCharacter);
    let unmarked: Vec<u8> = "title,isrc\r\nx,y\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&unmarked).questions[0].suggestions, ["utf16_le", "utf16_be"]);
}

#[test]
fn every_line_end_and_no_last_one_are_read() {
    let file = exported(&band(), Table::Tracks);
    for other in [file.replace("\r\n", "\n"), file.trim_end().to_owned(), file.clone() + "\r\n\r\n,,,\r\n"] {
        assert_untouched(&read(other.as_bytes()));
    }
    // The line feed inside a cell becomes a carriage return too; it means the same.
    let report = read(file.replace("\r\n", "\r").replace('\n', "\r").as_bytes());
    assert_eq!((report.ops.len(), codes(&report.notices)), (0, vec![IssueCode::Damage]));
}

#[test]
fn quotes_that_do_not_close_or_stand_in_between_are_found_with_their_place() {
    for (file, line, place) in [
        ("title\r\n\"open\r\nnext\r\n", 2, "character 1"),
        ("title,bpm\r\n5\" mix,1\r\n", 2, "character 2"),
        ("title,bpm\r\nx,1\r\n\"a\"b,1\r\n", 3, "character 4"),
    ] {
        let report = read(file.as_bytes());
        assert_eq!((codes(&report.errors), report.errors[0].line), (vec![IssueCode::Quoting], line), "{file:?}");
        assert!(report.errors[0].message.contains(place), "{}", report.errors[0].message);
    }
}

#[test]
fn separators_are_found_declared_or_asked_for() {
    let file = exported(&band(), Table::Splits);
    for other in [';', '\t', '|'] {
        let changed = file.replace(',', &other.to_string());
        let report = imported(&band(), Table::Splits, changed.as_bytes(), &Answers::default());
        assert_untouched(&report);
        assert_eq!(report.delimiter, other);
        let declared = format!("sep={other}\r\n{changed}");
        assert_untouched(&imported(&band(), Table::Splits, declared.as_bytes(), &Answers::default()));
    }
    assert_eq!(refused(b"Song,Name;Other\r\n1,2;3\r\n"), IssueCode::Delimiter);
    let semicolon = "_id;_rev;bpm\r\n".to_owned() + &format!("{};{};120,5\r\n", track(3), band().row(&track(3)).expect("a row").rev());
    let report = read(semicolon.as_bytes());
    assert_eq!(report.changed[0].to, text("120.50"), "a decimal comma that can only be one");
}

#[test]
fn headings_that_cannot_be_trusted_stop_the_import() {
    for (file, code) in [
        ("_id,title,Title\r\n,x,y\r\n", IssueCode::DuplicateColumn),
        ("upc,EAN\r\n1,2\r\n", IssueCode::DuplicateColumn),
        ("_id,_id\r\n,\r\n", IssueCode::DuplicateColumn),
        ("title,_x\r\na,b\r\n", IssueCode::ReservedColumn),
        ("Spalte,Wert\r\na,b\r\n", IssueCode::NoHeader),
        ("Night Drive\r\n", IssueCode::NoHeader),
    ] {
        assert_eq!(refused(file.as_bytes()), code, "{file:?}");
    }
    let twice = exported(&band(), Table::Tracks).lines().next().expect("headings").to_owned() + "\r\n" + &exported(&band(), Table::Tracks);
    assert_eq!(codes(&read(twice.as_bytes()).notices), [IssueCode::RepeatedHeader]);
}

#[test]
fn ragged_rows_short_cells_are_absent_and_more_cells_are_an_error() {
    let rev = band().row(&track(1)).expect("a row").rev();
    let short = format!("_id,_rev,title,bpm\r\n{},{rev}\r\n", track(1));
    assert_eq!(read(short.as_bytes()).ops, [], "absent is not cleared");
    let long = format!("_id,_rev,title\r\n{},{rev},Night Drive,,\r\n", track(1));
    assert_eq!(read(long.as_bytes()).errors, [], "empty cells at the end carry nothing");
    let extra = format!("_id,_rev,title\r\n{},{rev},Night, Drive\r\n", track(1));
    let report = read(extra.as_bytes());
    assert_eq!((codes(&report.errors), report.errors[0].line, report.ops.len()), (vec![IssueCode::RaggedRow], 2, 0));
}

#[test]
fn limits_are_kept_and_named_with_the_count() {
    let huge = vec![b'x'; MAX_BYTES + 1];
    let report = read(&huge);
    assert!(codes(&report.errors) == [IssueCode::TooLarge] && report.errors[0].message.contains(&(MAX_BYTES + 1).to_string()));
    let blank = "title\r\n".to_owned() + &"\n".repeat(1_000_000);
    assert_eq!(refused(blank.as_bytes()), IssueCode::TooLarge);
    let fits = "title\r\n".to_owned() + &"\n".repeat(MAX_RECORDS - 1);
    assert_eq!(read(fits.as_bytes()).errors, []);
    let cell = format!("title\r\n{}\r\n", "y".repeat(1_100_000));
    assert_eq!(refused(cell.as_bytes()), IssueCode::TooLarge);
    assert_eq!(refused("c,".repeat(300_000).as_bytes()), IssueCode::TooLarge);
    let most: Vec<String> = (0..MAX_COLUMNS - 1).map(|number| format!("c{number}")).collect();
    assert_eq!(read(format!("title,{}\r\n", most.join(",")).as_bytes()).errors, []);
}

#[test]
fn dangerous_text_is_only_text() {
    for value in [
        "<script>alert(1)</script>",
        "%s%n",
        "'; DROP TABLE tracks; --",
        "../../x",
        "=HYPERLINK(\"http://x\")",
        "'",
        "''=x",
        "＝1",
        "a\u{202e}b",
        "👩\u{200d}🎤",
        "NULL",
        "N/A",
        "NaN",
        "=1+1",
        "+44",
        "@x",
        "-0",
        "007",
        "1E3",
        "3.10",
        "1234567890123456",
        "12-Dec",
        "SEP2",
        "1/2",
        "TRUE",
        "WAHR",
        "١٢٠",
        "BeyoncÃ©",
        "Beyonc?",
        "javascript:alert(1)",
    ] {
        let escaped = crate::catalogue::guard::escape(value).replace('"', "\"\"");
        let file = format!("_id,_rev,title\r\n{},{},\"{escaped}\"\r\n", track(3), band().row(&track(3)).expect("a row").rev());
        let report = read(file.as_bytes());
        assert_eq!((report.errors.len(), report.changed.first().and_then(|change| change.to.clone())), (0, text(value)), "{value}");
        assert_eq!(report.warnings.len(), usize::from(value.contains('\u{202e}')), "hidden characters are pointed out");
    }
}
