//! Small catalogues for tests.

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::csv::report::Answers;
use crate::catalogue::csv::{Delimiter, ExportOptions, History, ImportContext, ImportReport, export, import};
use crate::catalogue::row::{Catalogue, Row, RowContent, RowId, Salt};
use crate::catalogue::schema::{Schema, Table, default_schema};
use crate::change_set::merge::Bases;
use crate::id::{ID_RANDOM_BYTES, SplitId, TrackId};
use crate::role::Role;

/// Id of the track with that number.
pub(crate) fn track(number: u8) -> RowId {
    TrackId::from_random([number; ID_RANDOM_BYTES]).into()
}

/// Id of the split with that number.
pub(crate) fn split(number: u8) -> RowId {
    SplitId::from_random([number; ID_RANDOM_BYTES]).into()
}

/// A salt that says its number, so that tests are repeatable.
pub(crate) fn salt(number: usize) -> Salt {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Salt(bytes)
}

/// Cells from names and JSON values.
pub(crate) fn cells(value: serde_json::Value) -> Cells {
    serde_json::from_value(value).expect("cells")
}

/// A text value.
pub(crate) fn text(text: &str) -> Option<CellValue> {
    Some(CellValue::text(text))
}

/// A sealed row.
pub(crate) fn row(id: &RowId, values: serde_json::Value) -> Row {
    let number = id.as_str().bytes().fold(7usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    Row::seal(RowContent::new(id.clone(), cells(values)), salt(number))
}

/// A catalogue of rows under the default columns.
pub(crate) fn catalogue(rows: Vec<Row>) -> Catalogue {
    Catalogue::new(default_schema(), rows).expect("no id twice")
}

/// Three tracks with something of everything, and the splits of the first.
pub(crate) fn band() -> Catalogue {
    let full = serde_json::json!({
        "title": "Night Drive", "main_artist": "Beyoncé", "featured_artists": ["A|B", "C\\D"], "isrc": "USS1Z9900001",
        "iswc": "T0345246801", "upc": "036000241457", "release_date": "2026-05-03", "explicit": "not_explicit", "bpm": "120.50", "key": "F#m",
        "duration": 225_120, "stage": "mix", "notes": "line one\nline \"two\"", "writer_notes": "secret", "catalogue_number": "007"
    });
    let formula = serde_json::json!({"title": "=1+1", "version_title": "'quoted", "main_artist": "@x", "catalogue_number": "DEC12", "stage": "demo", "release_date": "2026-04"});
    let bare = serde_json::json!({"title": "3:45", "stage": "demo", "isrc": "USS1Z9900002", "bpm": "99.00"});
    let share = |party: &str, share: &str| serde_json::json!({"track": track(1).as_str(), "right": "composition", "party": party, "role": "composer", "share": share});
    catalogue(vec![
        row(&track(1), full),
        row(&track(2), formula),
        row(&track(3), bare),
        row(&split(1), share("Ada", "50.00")),
        row(&split(2), share("Ben", "50.00")),
    ])
}

/// The exported text of a table for an admin, without byte order mark.
pub(crate) fn exported(catalogue: &Catalogue, table: Table) -> String {
    let bytes = export(catalogue, table, &ExportOptions { delimiter: Delimiter::Comma, role: Role::Admin });
    String::from_utf8(bytes).expect("UTF-8").trim_start_matches('\u{feff}').to_owned()
}

/// Imports `bytes` for an admin.
pub(crate) fn imported(catalogue: &Catalogue, table: Table, bytes: &[u8], answers: &Answers) -> ImportReport {
    imported_on(catalogue, &Bases::none(), Role::Admin, table, bytes, answers)
}

/// Imports `bytes` with earlier states of rows, for a role, as if all of it had been written in catalogue 1.
pub(crate) fn imported_on(catalogue: &Catalogue, bases: &Bases, role: Role, table: Table, bytes: &[u8], answers: &Answers) -> ImportReport {
    let states = catalogue.rows().iter().chain(bases.rows()).map(|row| (row.id().clone(), row.rev(), 1));
    let history = History::new(1, states, catalogue.rows().iter().map(|row| (row.id().clone(), 1)));
    imported_with(catalogue, bases, Some(&history), role, table, bytes, answers)
}

/// Imports `bytes` with earlier states of rows and what is known of when they were written.
pub(crate) fn imported_with(
    catalogue: &Catalogue,
    bases: &Bases,
    history: Option<&History>,
    role: Role,
    table: Table,
    bytes: &[u8],
    answers: &Answers,
) -> ImportReport {
    let mut count = 0u32;
    let mut random = || {
        count += 1;
        let mut bytes = [0xEE; ID_RANDOM_BYTES];
        bytes[..4].copy_from_slice(&count.to_be_bytes());
        bytes
    };
    let mut context =
        ImportContext { table, catalogue, bases, history, was_deleted: &|id| *id == track(99), role, answers, random: &mut random };
    import(bytes, &mut context)
}

/// A schema from the fields of the tracks table.
pub(crate) fn schema_of(fields: serde_json::Value) -> Schema {
    let document = serde_json::json!({"schema_version": 1, "tables": {"tracks": {"fields": fields, "natural_keys": []}, "splits": {"fields": [], "natural_keys": []}}, "rules": []});
    Schema::from_value(&document).expect("a schema")
}
