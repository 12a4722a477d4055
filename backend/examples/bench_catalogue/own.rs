//! A CSV round trip of a large catalogue, in a process of its own so that its memory is its own. The catalogue and the file are built
//! first and count in memory, not in time.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};

use collabtrack_domain::catalogue::cells::{CellValue, Cells};
use collabtrack_domain::catalogue::csv::report::Answers;
use collabtrack_domain::catalogue::csv::{Delimiter, ExportOptions, ImportContext, export, import};
use collabtrack_domain::catalogue::row::{Catalogue, Row, RowContent, Salt, no_parent};
use collabtrack_domain::catalogue::schema::{Schema, Table};
use collabtrack_domain::change_set::merge::{Bases, MergeInput, merge};
use collabtrack_domain::id::{ID_RANDOM_BYTES, TrackId};
use collabtrack_domain::role::Role;

fn schema(columns: usize) -> Schema {
    let mut fields = vec![
        serde_json::json!({"name": "title", "type": "text", "required": "always"}),
        serde_json::json!({"name": "isrc", "type": "text", "format": "isrc", "unique": true}),
    ];
    for number in fields.len()..columns {
        fields.push(match number % 4 {
            0 => serde_json::json!({"name": format!("c{number}"), "type": "decimal", "scale": 2}),
            1 => serde_json::json!({"name": format!("c{number}"), "type": "date"}),
            _ => serde_json::json!({"name": format!("c{number}"), "type": "text"}),
        });
    }
    let document = serde_json::json!({"schema_version": 1, "tables": {"tracks": {"fields": fields, "natural_keys": [["isrc"]]}, "splits": {"fields": []}}});
    Schema::from_value(&document).expect("the benchmark's own schema")
}

fn random(number: usize) -> [u8; ID_RANDOM_BYTES] {
    let mut bytes = [0; ID_RANDOM_BYTES];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    bytes
}

fn salt(number: usize) -> Salt {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Salt(bytes)
}

fn catalogue(rows: usize, columns: usize) -> Catalogue {
    let schema = schema(columns);
    let rows = (0..rows).map(|number| {
        let cells: Cells = schema
            .fields(Table::Tracks)
            .iter()
            .enumerate()
            .map(|(place, field)| {
                let text = match (place, place % 4) {
                    (0, _) => format!("Song {number}"),
                    (1, _) => format!("USS1Z{number:07}"),
                    (_, 0) => format!("{}.50", number % 1_000),
                    (_, 1) => format!("20{:02}-{:02}-{:02}", number % 30, 1 + number % 12, 1 + number % 28),
                    _ => format!("Value {}", number % 977),
                };
                (field.name.to_string(), CellValue::text(&text))
            })
            .collect();
        Row::seal(RowContent::new(TrackId::from_random(random(number)), cells), salt(number))
    });
    Catalogue::new(schema.clone(), rows.collect()).expect("ids are counted up")
}

/// Peak of resident memory in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What was measured; times in milliseconds.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Measured {
    pub(crate) file_bytes: usize,
    pub(crate) operations: usize,
    pub(crate) export_ms: u128,
    /// Reading, telling damage from edits, and the three-way merge of every cell.
    pub(crate) import_ms: u128,
    /// Judging the result against every rule and making the effect.
    pub(crate) merge_ms: u128,
    pub(crate) peak_kib: u64,
}

/// Measures, and writes the exported and the edited file into `folder` for others to compare.
pub(crate) fn measure(rows: usize, columns: usize, folder: &Path) -> anyhow::Result<Measured> {
    let current = catalogue(rows, columns);
    let start = Instant::now();
    let file = export(&current, Table::Tracks, &ExportOptions { delimiter: Delimiter::Comma, role: Role::Owner });
    let export_ms = start.elapsed().as_millis();
    std::fs::write(folder.join("exported.csv"), &file)?;
    let edited = String::from_utf8(file)?.replace("\"Value 7\"", "\"Value changed\"").into_bytes();
    std::fs::write(folder.join("edited.csv"), &edited)?;

    let start = Instant::now();
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        random(usize::MAX - count)
    };
    let (bases, answers) = (Bases::none(), Answers::default());
    let mut context = ImportContext {
        table: Table::Tracks,
        catalogue: &current,
        bases: &bases,
        history: None,
        was_deleted: &|_| false,
        role: Role::Owner,
        answers: &answers,
        random: &mut fresh,
    };
    let report = import(&edited, &mut context);
    let import_ms = start.elapsed().as_millis();
    let expected = (0..rows).filter(|number| number % 977 == 7).count() * (2..columns).filter(|place| place % 4 > 1).count();
    ensure!(report.errors.is_empty() && report.ops.len() == expected, "{} operations for {expected} edits", report.ops.len());

    let start = Instant::now();
    let (head, added) = (no_parent(), HashSet::new());
    let input = MergeInput {
        current: &current,
        head,
        base_head: head,
        schema: current.schema().hash(),
        base_schema: None,
        bases: &bases,
        added_since_base: &added,
        ops: &report.ops,
    };
    let outcome = merge(&input).ok().context("the report's own operations")?;
    let merge_ms = start.elapsed().as_millis();
    ensure!(outcome.mergeability.is_clean() && outcome.effect.len() == expected, "the merge is clean");
    Ok(Measured { file_bytes: edited.len(), operations: report.ops.len(), export_ms, import_ms, merge_ms, peak_kib: peak_kib() })
}
