//! A catalogue of values that spreadsheets are known to spoil. Ids and salts are fixed, so that a file exported once stays readable here.

use collabtrack_domain::catalogue::cells::Cells;
use collabtrack_domain::catalogue::csv::report::{Answers, Issue};
use collabtrack_domain::catalogue::csv::{Delimiter, ExportOptions, ImportContext, ImportReport, export, import};
use collabtrack_domain::catalogue::row::{Catalogue, Row, RowContent, RowId, Salt};
use collabtrack_domain::catalogue::schema::{Table, default_schema};
use collabtrack_domain::change_set::merge::Bases;
use collabtrack_domain::id::{ID_RANDOM_BYTES, SplitId, TrackId};
use collabtrack_domain::role::Role;
use serde_json::{Value, json};

/// Texts that look like something else, or are written in letters that get lost.
const TEXTS: [&str; 76] = [
    "Night Drive",
    "007",
    "0012345678905",
    "1E3",
    "1e-5",
    "12E4567",
    "3.10",
    "1,000",
    "1.000",
    "1,5",
    "-0",
    "-5",
    "+44 20 7946 0000",
    "(5)",
    "1234567890123456",
    "12345678901234567890",
    "00000000000000000001",
    "DEC12",
    "SEP2",
    "MARCH1",
    "12-Dec",
    "May 3",
    "3. Mai",
    "1/2",
    "1/2/3",
    "10/11/12",
    "2026-05-03",
    "2026-05",
    "31.12.2026",
    "3:45",
    "12:34:56",
    "10:00 PM",
    "25:61",
    "TRUE",
    "False",
    "yes",
    "WAHR",
    "50%",
    "$5",
    "€ 20",
    "0x1F",
    "NaN",
    "Infinity",
    "NULL",
    "N/A",
    "#1 Hit",
    "=1+1",
    "'=1+1",
    "''=x",
    "=SUM(A1:A9)",
    "=HYPERLINK(\"https://example.org\";\"x\")",
    "@home",
    "-",
    "--",
    "'",
    "'n Roll",
    "＝1",
    "\u{200b}=1",
    "a;b",
    "a,b",
    "a|b",
    "back\\slash",
    "\"quoted\"",
    "Beyoncé",
    "Cafe\u{301} del Mar",
    "Straße",
    "漢字かな",
    "👩\u{200d}🎤 Song",
    "Night\u{202e}evirD",
    "Drive\u{200f} \u{5e9}\u{5dc}\u{5d5}\u{5dd}",
    "Night\u{a0}Drive",
    "١٢٣",
    "１２３",
    "½",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
];

fn track(number: usize) -> TrackId {
    TrackId::from_random(random(number))
}

fn random(number: usize) -> [u8; ID_RANDOM_BYTES] {
    let mut bytes = [0; ID_RANDOM_BYTES];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    bytes
}

fn sealed(id: impl Into<RowId>, number: usize, cells: Value) -> Row {
    let cells: Cells = serde_json::from_value(cells).expect("cells");
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Row::seal(RowContent::new(id, cells), Salt(salt))
}

/// One track per text, with a value of every type in turn, and the splits of the first.
pub(crate) fn catalogue() -> Catalogue {
    let dates = ["2026-05-03", "2026-12-25", "2026-05", "2026", "1899-12-31", "2026-02-28"];
    let barcodes = ["036000241457", "4006381333931", "012345678905"];
    let keys = ["C", "F#m", "Eb", "Bb", "G#m"];
    let words = ["explicit", "clean", "not_explicit"];
    let mut rows: Vec<Row> = TEXTS
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let mut cells = json!({
                "title": text,
                "catalogue_number": TEXTS[(number + 7) % TEXTS.len()],
                "featured_artists": [TEXTS[(number + 3) % TEXTS.len()], "Ada; Osei"],
                "isrc": format!("USS1Z{:07}", number + 1),
                "release_date": dates[number % dates.len()],
                "bpm": format!("{}.{:02}", 60 + number, (number * 25) % 100),
                "key": keys[number % keys.len()],
                "explicit": words[number % words.len()],
                "duration": 1_000 * (number as i64 * 61 + 5) + 120,
                "stage": "mix",
                "language": "en",
                "notes": format!("{text}\nline two; \"quoted\"\n\tindented"),
            });
            if number % 5 == 0 {
                cells["upc"] = json!(barcodes[number / 5 % barcodes.len()]);
                cells["iswc"] = json!("T0345246801");
            }
            if number % 7 == 0 {
                cells.as_object_mut().expect("an object").remove("bpm");
                cells.as_object_mut().expect("an object").remove("release_date");
            }
            sealed(track(number), number, cells)
        })
        .collect();
    for (number, (party, share)) in [("Ada", "33.34"), ("Ben", "33.33"), ("Cleo", "33.33")].into_iter().enumerate() {
        let cells = json!({"track": track(0).as_str(), "right": "composition", "party": party, "role": "composer", "share": share,
            "ipi_name": "00014107338", "isni": "000000012146438X"});
        rows.push(sealed(SplitId::from_random(random(number)), 1_000 + number, cells));
    }
    Catalogue::new(default_schema(), rows).expect("no id twice")
}

/// A table as exported.
pub(crate) fn exported(table: Table, delimiter: Delimiter) -> Vec<u8> {
    export(&catalogue(), table, &ExportOptions { delimiter, role: Role::Owner })
}

/// What a file would change.
pub(crate) fn imported(table: Table, bytes: &[u8]) -> ImportReport {
    let catalogue = catalogue();
    let (bases, answers) = (Bases::none(), Answers::default());
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        random(usize::MAX - number)
    };
    let mut context = ImportContext {
        table,
        catalogue: &catalogue,
        bases: &bases,
        history: None,
        was_deleted: &|_| false,
        role: Role::Owner,
        answers: &answers,
        random: &mut fresh,
    };
    import(bytes, &mut context)
}

/// Everything that is not as it should be after a round trip that edited nothing, line by line.
pub(crate) fn trouble(report: &ImportReport) -> Vec<String> {
    let said = |kind: &'static str| move |issue: &Issue| format!("{kind}: {}", issue.message);
    let changes = report.changed.iter().chain(&report.cleared);
    let changes = changes.map(|change| format!("edit: line {} {}: {:?} → {:?}", change.line, change.column, change.from, change.to));
    report.errors.iter().map(said("error")).chain(report.questions.iter().map(said("question"))).chain(changes).collect()
}
