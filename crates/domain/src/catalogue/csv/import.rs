//! Reading a CSV file as edits of the catalogue.
//!
//! First the text, then the headings, then which row of the catalogue every row of the file is, then cell by cell what changed since
//! the export, and at last the rules of the whole catalogue. Nothing is changed here: the result is a report.

mod cells;
mod identity;
mod outcome;

use std::collections::HashMap;

use crate::catalogue::csv::decode::{self, Unread};
use crate::catalogue::csv::header::{Column, Header, Names};
use crate::catalogue::csv::history::History;
use crate::catalogue::csv::issues::{self, Level};
use crate::catalogue::csv::records::{Record, Records, Rows};
use crate::catalogue::csv::report::{Answers, ImportReport, Issue, IssueCode};
use crate::catalogue::row::{Catalogue, RowId};
use crate::catalogue::schema::{Schema, Table};
use crate::change_set::merge::Bases;
use crate::id::ID_RANDOM_BYTES;
use crate::role::Role;

/// Largest file in bytes.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most columns.
pub const MAX_COLUMNS: usize = 256;
/// Most records, blank ones included.
pub const MAX_RECORDS: usize = 200_000;
/// Largest cell in bytes.
pub const MAX_CELL_BYTES: usize = 1024 * 1024;

/// What an import rests on.
pub struct ImportContext<'a> {
    /// The table the file is of.
    pub table: Table,
    /// The catalogue now, as far as the importing person may read it.
    pub catalogue: &'a Catalogue,
    /// The row states that `_rev` may name, apart from the current ones, equally filtered.
    pub bases: &'a Bases,
    /// In which states of the catalogue rows were written and added; nothing on a computer that does not know.
    pub history: Option<&'a History>,
    /// Whether a row of that id existed in this project and was deleted.
    pub was_deleted: &'a dyn Fn(&RowId) -> bool,
    /// The role of the importing person.
    pub role: Role,
    /// Answers and choices.
    pub answers: &'a Answers,
    /// Fresh random bytes for the id of a new row.
    pub random: &'a mut dyn FnMut() -> [u8; ID_RANDOM_BYTES],
}

/// What `bytes` would do. Nothing is changed; a file that cannot be read is a report with errors.
#[must_use]
pub fn import(bytes: &[u8], context: &mut ImportContext<'_>) -> ImportReport {
    let mut report = ImportReport::unread(context.table);
    let schema = context.catalogue.schema().clone();
    let text = match decode::decode(bytes, context.answers.encoding) {
        Ok((text, encoding)) => {
            report.encoding = encoding;
            text
        }
        Err(Unread::Error(issue)) => return refused(report, *issue),
        Err(Unread::Question(issue)) => {
            issues::push(&mut report, Level::Question, *issue);
            issues::group(&mut report);
            return report;
        }
    };
    match read(&text, context, &schema, &mut report) {
        Ok(()) => {}
        Err(issue) => return refused(report, *issue),
    }
    issues::group(&mut report);
    if report.is_blocked() {
        report.ops.clear();
    }
    report
}

fn refused(mut report: ImportReport, issue: Issue) -> ImportReport {
    let (encoding, delimiter, columns) = (report.encoding, report.delimiter, std::mem::take(&mut report.columns));
    let mut empty = ImportReport { encoding, delimiter, columns, ..ImportReport::unread(report.table) };
    if issue.code == IssueCode::Delimiter {
        issues::push(&mut empty, Level::Question, issue);
    } else {
        issues::push(&mut empty, Level::Error, issue);
    }
    issues::group(&mut empty);
    empty
}

fn read(text: &str, context: &mut ImportContext<'_>, schema: &Schema, report: &mut ImportReport) -> Result<(), Box<Issue>> {
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        let how = "Save the file as “CSV UTF-8” again; this one was damaged or is no text.";
        let mut issue = issues::file(IssueCode::NulCharacter, "text".to_owned(), format!("a NUL character in line {line}"), how);
        issue.line = line;
        return Err(Box::new(issue));
    }
    let names = Names::new(schema, context.table, context.role);
    let (text, delimiter, first_line) = super::header::delimiter(text, context.answers.delimiter, &names)?;
    report.delimiter = delimiter;
    let mut records = Records::new(text, delimiter, first_line);
    let mut rows = Rows::new(text);
    let mut header: Option<Header<'_>> = None;
    while let Some(record) = records.next()? {
        if record.is_blank() {
            continue;
        }
        match &header {
            None => header = Some(Header::read(&record, &names, &context.answers.columns)),
            Some(header) if header.repeats(&record) => {
                let how = "It was skipped.";
                let issue = issues::row(
                    IssueCode::RepeatedHeader,
                    record.line,
                    None,
                    "a row of data".to_owned(),
                    "the headings once more".to_owned(),
                    how,
                );
                issues::push(report, Level::Notice, issue);
            }
            Some(header) => {
                ragged(report, header, &record);
                rows.push(record, header.columns.len());
            }
        }
    }
    let Some(mut header) = header else {
        let how = "Export the catalogue again and edit that file.";
        return Err(Box::new(issues::file(IssueCode::EmptyFile, "headings and rows".to_owned(), "an empty file".to_owned(), how)));
    };
    report.counts.rows = rows.len();
    report.catalogue = context.history.map(History::number);
    for issue in header.errors.drain(..) {
        issues::push(report, Level::Error, issue);
    }
    if report.errors.iter().any(|issue| issue.line <= 1) {
        // With headings that cannot be trusted, nothing below them can.
        report.columns = header.reports;
        return Ok(());
    }
    missing_columns(report, &header, schema, context);
    let state = State { schema, header: &header, rows: &rows, references: references(context.catalogue, schema, context.table) };
    let identities = identity::identify(&state, context, report);
    unknown_columns(&state, context, report);
    report.columns.clone_from(&header.reports);
    outcome::suggest_columns(&state, &identities, context, report);
    let edits = cells::compare(&state, &identities, context, report);
    outcome::conclude(&state, &identities, edits, context, report);
    Ok(())
}

/// What every step looks at.
struct State<'a> {
    schema: &'a Schema,
    header: &'a Header<'a>,
    rows: &'a Rows<'a>,
    /// Rows of the other table by what a reference may name them by.
    references: HashMap<String, Option<RowId>>,
}

impl State<'_> {
    fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.cell(row, column)
    }

    fn reserved(&self, row: usize, wanted: fn(&Column<'_>) -> bool) -> &str {
        self.header.columns.iter().position(wanted).map_or("", |column| self.cell(row, column).trim())
    }

    fn find_row(&self, text: &str) -> Option<RowId> {
        self.references.get(&reference_key(text)).cloned().flatten()
    }
}

fn reference_key(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric() || *character == '_').flat_map(char::to_lowercase).collect()
}

/// Tracks by id and by ISRC; an ISRC of two tracks names neither.
fn references(catalogue: &Catalogue, schema: &Schema, table: Table) -> HashMap<String, Option<RowId>> {
    let mut found: HashMap<String, Option<RowId>> = HashMap::new();
    for to in schema.fields(table).iter().filter_map(|field| field.to) {
        for row in catalogue.table(to) {
            found.insert(reference_key(row.id().as_str()), Some(row.id().clone()));
            if let Some(isrc) = row.cells().text("isrc") {
                found
                    .entry(reference_key(isrc))
                    .and_modify(|other| *other = other.take().filter(|other| other == row.id()))
                    .or_insert_with(|| Some(row.id().clone()));
            }
        }
    }
    found
}

fn ragged(report: &mut ImportReport, header: &Header<'_>, record: &Record<'_>) {
    let width = header.columns.len();
    if let Some(extra) = record.cells.iter().skip(width).find(|cell| !cell.trim().is_empty()) {
        let found = format!("{} beyond the last column", crate::catalogue::value::quoted(extra.trim()));
        let how = "A separator inside a cell that is not in quotes moves everything after it; put it right, or no cell of this row can be trusted.";
        issues::push(report, Level::Error, issues::row(IssueCode::RaggedRow, record.line, None, format!("{width} cells"), found, how));
    }
}

/// Columns of the catalogue that the file does not have: those cells stay as they are.
fn missing_columns(report: &mut ImportReport, header: &Header<'_>, schema: &Schema, context: &ImportContext<'_>) {
    let has = |name: &str| header.columns.iter().any(|column| matches!(column, Column::Field(field) if &*field.name == name));
    let missing: Vec<&str> =
        schema.readable_fields(context.table, context.role).map(|field| &*field.name).filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        let how = "The cells of these columns stay as they are.";
        let expected = "all columns of the catalogue".to_owned();
        let mut issue = issues::file(IssueCode::MissingColumn, expected, format!("no column {}", missing.join(", ")), how);
        issue.message = format!("The file has no column {}. {how}", missing.join(", "));
        issues::push(report, Level::Notice, issue);
    }
    if !header.columns.iter().any(|column| matches!(column, Column::Id)) {
        let mut issue = issues::file(IssueCode::MissingColumn, "a column _id".to_owned(), "none".to_owned(), "");
        issue.message = "The file has no column _id, so its rows are matched by what they say. Look at every match; export the catalogue to get a file with ids.".to_owned();
        issues::push(report, Level::Warning, issue);
    }
}

/// Columns that stand for nothing: named as left out, unless there is nothing in them.
fn unknown_columns(state: &State<'_>, context: &ImportContext<'_>, report: &mut ImportReport) {
    for (index, column) in state.header.columns.iter().enumerate() {
        let heading = &state.header.headings[index];
        let filled = (0..state.rows.len()).filter(|&row| !state.cell(row, index).trim().is_empty()).count();
        if matches!(column, Column::Unknown) && !context.answers.columns.contains_key(heading) && filled > 0 {
            let name = if heading.is_empty() { format!("number {}", index + 1) } else { heading.clone() };
            let how = "It is left out; nothing of it is imported. Say which column of the catalogue it is if it should be.";
            let issue = issues::column(
                IssueCode::UnknownColumn,
                &name,
                "a column of the catalogue".to_owned(),
                format!("an unknown one with {filled} values"),
                how,
            );
            issues::push(report, Level::Warning, issue);
        }
    }
}
