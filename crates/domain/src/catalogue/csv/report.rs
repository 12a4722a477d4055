//! What an import would do, and the answers somebody may give to its questions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::catalogue::cells::{CellValue, Cells};
use crate::catalogue::csv::issues::Level;
use crate::catalogue::row::RowId;
use crate::catalogue::schema::Table;
use crate::catalogue::value::Style;
use crate::change_set::merge::CellResult;
use crate::change_set::op::Op;

/// How the bytes of a file are read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-1252, of older Windows programs.
    Windows1252,
    /// Mac Roman, of older Mac programs.
    MacRoman,
}

/// What an empty cell means where there was a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlankMode {
    /// The value is to be cleared.
    Apply,
    /// As `Apply` in rows whose state at the export is known, as `Ignore` in others: what counts when nobody says anything.
    ApplyKnown,
    /// Nothing.
    Ignore,
    /// Nothing; and values are taken only where the catalogue has none.
    FillOnly,
}

/// What a row of the catalogue means that the file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "missing")]
pub enum MissingRows {
    /// Nothing.
    #[default]
    Keep,
    /// It is to be deleted if it was there at the export. The number of rows that go must be typed.
    Delete {
        /// The number of rows that somebody typed.
        #[serde(default)]
        confirmed: Option<usize>,
    },
}

/// What a column of the file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "use")]
pub enum ColumnChoice {
    /// The column of that name.
    Field {
        /// Its name.
        name: String,
    },
    /// Left out.
    Ignore,
}

/// What a row of the file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "row")]
pub enum RowChoice {
    /// The row of the catalogue with this id.
    Existing {
        /// The id.
        id: RowId,
    },
    /// A new row.
    New,
}

/// An answer to everything that one repair settles, however much of it is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupAnswer {
    /// Take the cells as they stand.
    Literal,
    /// Take the first suggestion of each cell.
    Accept,
    /// Make the rows new ones.
    New,
}

/// Answers and choices of whoever imports. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// How the bytes are text, where they do not say so themselves.
    pub encoding: Option<Encoding>,
    /// What separates the cells.
    pub delimiter: Option<char>,
    /// What columns of the file are, by their heading.
    pub columns: BTreeMap<String, ColumnChoice>,
    /// What empty cells mean.
    pub blanks: Option<BlankMode>,
    /// What missing rows mean.
    pub missing_rows: MissingRows,
    /// How the spreadsheet writes dates, numbers and shares, by column name; the empty name stands for the file.
    pub styles: BTreeMap<String, Style>,
    /// Cells to be taken as they stand, by line and column name, whatever they look like.
    pub literal: BTreeSet<(usize, String)>,
    /// What rows of the file are, by line.
    pub rows: BTreeMap<usize, RowChoice>,
    /// Suggested repairs that were accepted, by line and column name.
    pub accepted: BTreeSet<(usize, String)>,
    /// One of several suggested values, as it was shown, by line and column name.
    pub chosen: BTreeSet<(usize, String, String)>,
    /// Answers to whole groups, by what settles them: `repair` of their issues.
    pub groups: BTreeMap<String, GroupAnswer>,
    /// Whether rows without id are the rows of the catalogue they look like; otherwise each is asked about.
    pub accept_matches: bool,
}

/// What an item of the report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueCode {
    /// Not a CSV file.
    NotCsv,
    /// Over a limit.
    TooLarge,
    /// Nothing in it.
    EmptyFile,
    /// Bytes that are no text in the encoding.
    Encoding,
    /// A character that text does not have.
    NulCharacter,
    /// A quote that does not close, or stands where none may stand.
    Quoting,
    /// More than one delimiter fits.
    Delimiter,
    /// No row of headings.
    NoHeader,
    /// Two columns for one field.
    DuplicateColumn,
    /// A column nobody knows.
    UnknownColumn,
    /// A column of the catalogue that the file does not have.
    MissingColumn,
    /// A heading beginning with `_` that is none of ours.
    ReservedColumn,
    /// A row that repeats the headings.
    RepeatedHeader,
    /// A cell beyond the last column.
    RaggedRow,
    /// An id that is no row of this table here.
    UnknownId,
    /// An id twice.
    DuplicateId,
    /// A row that was deleted meanwhile.
    DeletedRow,
    /// An action other than delete.
    UnknownAction,
    /// A row to be deleted that also has edits.
    DeleteAndEdit,
    /// A row that may be one of the catalogue.
    NaturalMatch,
    /// A file without tokens: newer values may be overwritten.
    NoBase,
    /// A token that names no known state.
    UnknownRev,
    /// A read-only column was edited.
    ReadOnly,
    /// A column the role may not change was edited.
    Forbidden,
    /// The spreadsheet changed the form of a value, not its meaning.
    Damage,
    /// A value that its column does not take.
    Value,
    /// A value that can be read in two ways.
    Ambiguous,
    /// A value worth a look.
    ValueWarning,
    /// A value that only one row may have.
    Unique,
    /// Another rule of the catalogue.
    Rule,
    /// Somebody else changed the same cell since the export.
    Conflict,
    /// Missing rows that would be deleted and are not confirmed.
    MissingRows,
    /// Two lines say the same.
    SameTwice,
}

/// A notice, warning, question or error. Rows and columns count from 1, as spreadsheets count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// What it is about.
    pub code: IssueCode,
    /// Line of the file where the row begins, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The row's id, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowId>,
    /// Name or heading of the column; empty for the whole row.
    pub column: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What happened, what it means for the music, what to do.
    pub message: String,
    /// Issues that one repair settles share this.
    pub repair: String,
    /// Values that would fit, as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<String>,
}

/// Issues that one answer settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairGroup {
    /// What they share.
    pub repair: String,
    /// What the issues are about.
    pub code: IssueCode,
    /// The column, or empty.
    pub column: String,
    /// How many.
    pub count: usize,
    /// Lines of the first ones.
    pub lines: Vec<usize>,
    /// In words, such as “12 cells of `release_date`: expected one date”.
    pub title: String,
}

/// How many issues of each kind there are, those beyond the lists included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Errors.
    pub errors: usize,
    /// Questions.
    pub questions: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notices.
    pub notices: usize,
}

/// Rows of the catalogue that the file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Missing {
    /// Those that were there when the file was exported, as far as can be told: what a complete file deletes.
    pub rows: usize,
    /// Those that were added after the export: the file cannot have them, and they stay in any case.
    pub added_since: usize,
}

/// What became of a column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnReport {
    /// Its heading.
    pub heading: String,
    /// The field it stands for; a `_name` for ours; `None` when left out.
    pub field: Option<String>,
    /// A field whose values look like it, for a column nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Why suggested or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A cell that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellChange {
    /// Line of the file, from 1.
    pub line: usize,
    /// The row.
    pub row: RowId,
    /// The column's name.
    pub column: String,
    /// The value when the file was exported, or now when that is not known.
    pub from: Option<CellValue>,
    /// The value in the file.
    pub to: Option<CellValue>,
    /// The value now.
    pub current: Option<CellValue>,
    /// What a merge makes of the three.
    pub result: CellResult,
}

/// A row that would be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedRow {
    /// Line of the file, from 1.
    pub line: usize,
    /// Its new id.
    pub row: RowId,
    /// Its cells.
    pub cells: Cells,
}

/// A row that would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedRowReport {
    /// Line of the file, from 1; 0 when the row is missing there.
    pub line: usize,
    /// The row.
    pub row: RowId,
    /// Its cells.
    pub cells: Cells,
}

/// How many of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of data in the file.
    pub rows: usize,
    /// Rows without a change.
    pub unchanged_rows: usize,
    /// Cells that change.
    pub changed: usize,
    /// Cells that are cleared.
    pub cleared: usize,
    /// Rows that are added.
    pub added: usize,
    /// Rows that are deleted.
    pub deleted: usize,
    /// Cells that somebody else changed since.
    pub conflicts: usize,
}

/// What is known of a column's habits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedStyle {
    /// The column's name; empty for the file.
    pub column: String,
    /// The habits.
    pub style: Style,
}

/// What a file would do to the catalogue. Errors and open questions block proposing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The table.
    pub table: Table,
    /// How the bytes were read.
    pub encoding: Encoding,
    /// What separated the cells.
    pub delimiter: char,
    /// The columns of the file in order.
    pub columns: Vec<ColumnReport>,
    /// Whether every row names the state it was exported from; without it newer values may be overwritten.
    pub has_base: bool,
    /// Rows of the catalogue in the file that do not say which state they were exported from: newer values may be overwritten.
    #[serde(default)]
    pub rows_without_base: usize,
    /// Number of the catalogue the file was exported from, as far as its rows tell: that of the newest state among them, or the one of
    /// now when nothing changed since. Nothing without known states.
    #[serde(default)]
    pub exported_from: Option<i64>,
    /// Number of the catalogue now, where it is known.
    #[serde(default)]
    pub catalogue: Option<i64>,
    /// Rows of the catalogue that the file does not have.
    #[serde(default)]
    pub missing: Missing,
    /// What empty cells mean.
    pub blanks: BlankMode,
    /// How many of everything.
    pub counts: Counts,
    /// Cells with a new value.
    pub changed: Vec<CellChange>,
    /// Cells that are emptied.
    pub cleared: Vec<CellChange>,
    /// New rows.
    pub added: Vec<AddedRow>,
    /// Rows that go.
    pub deleted: Vec<DeletedRowReport>,
    /// What the spreadsheet did that means nothing.
    pub notices: Vec<Issue>,
    /// What is worth a look.
    pub warnings: Vec<Issue>,
    /// What only a person can answer.
    pub questions: Vec<Issue>,
    /// What must be put right.
    pub errors: Vec<Issue>,
    /// Questions and errors grouped by what settles them.
    pub repairs: Vec<RepairGroup>,
    /// Notices grouped the same way.
    #[serde(default)]
    pub ignored: Vec<RepairGroup>,
    /// How many errors, questions, warnings and notices there are; the lists hold the first ones.
    #[serde(default)]
    pub totals: Totals,
    /// Every issue counted by what settles it, while the report is made.
    #[serde(skip)]
    pub(crate) tally: BTreeMap<(Level, String), RepairGroup>,
    /// Habits of the spreadsheet that were learned.
    pub learned: Vec<LearnedStyle>,
    /// The operations to propose; empty while something blocks.
    pub ops: Vec<Op>,
}

impl ImportReport {
    /// Whether errors or open questions block proposing.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.errors.is_empty() || !self.questions.is_empty()
    }

    /// A report on a file that could not be read.
    pub(crate) fn unread(table: Table) -> Self {
        Self {
            table,
            encoding: Encoding::Utf8,
            delimiter: ',',
            columns: Vec::new(),
            has_base: false,
            rows_without_base: 0,
            exported_from: None,
            catalogue: None,
            missing: Missing::default(),
            blanks: BlankMode::Ignore,
            counts: Counts::default(),
            changed: Vec::new(),
            cleared: Vec::new(),
            added: Vec::new(),
            deleted: Vec::new(),
            notices: Vec::new(),
            warnings: Vec::new(),
            questions: Vec::new(),
            errors: Vec::new(),
            repairs: Vec::new(),
            ignored: Vec::new(),
            totals: Totals::default(),
            tally: BTreeMap::new(),
            learned: Vec::new(),
            ops: Vec::new(),
        }
    }
}
