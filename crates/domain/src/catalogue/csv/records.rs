//! Strict reading of records: quotes close and stand only where they may, and every limit is kept. Lenient readers repair such files in
//! silence and lose cells on the way.

use std::borrow::Cow;

use crate::catalogue::csv::import::{MAX_CELL_BYTES, MAX_COLUMNS, MAX_RECORDS};
use crate::catalogue::csv::issues;
use crate::catalogue::csv::report::{Issue, IssueCode};
use crate::catalogue::steps;

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Record<'a> {
    /// Line of the file where it begins, from 1.
    pub(super) line: usize,
    /// Its cells.
    pub(super) cells: Vec<Cow<'a, str>>,
}

impl Record<'_> {
    /// Whether every cell is empty.
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// The rows of a file in little room: places in its text, not copies.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    text: &'a str,
    /// Per row, the line where it begins and its first span.
    starts: Vec<(u32, u32)>,
    /// Start and length in the text; for a cell with doubled quotes, its place in `unquoted` and [`UNQUOTED`].
    spans: Vec<(u32, u32)>,
    unquoted: Vec<String>,
}

const UNQUOTED: u32 = u32::MAX;

impl<'a> Rows<'a> {
    /// No rows of `text` yet.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, starts: Vec::new(), spans: Vec::new(), unquoted: Vec::new() }
    }

    /// Appends a record of the same text, without cells beyond `width`. Texts are far below 4 GiB, so places fit 32 bits.
    pub(super) fn push(&mut self, record: Record<'a>, width: usize) {
        let place = |number: usize| u32::try_from(number).unwrap_or(0);
        self.starts.push((place(record.line), place(self.spans.len())));
        for cell in record.cells.into_iter().take(width) {
            self.spans.push(match cell {
                Cow::Borrowed("") => (0, 0),
                Cow::Borrowed(part) => (place(part.as_ptr() as usize - self.text.as_ptr() as usize), place(part.len())),
                Cow::Owned(part) => {
                    self.unquoted.push(part);
                    (place(self.unquoted.len() - 1), UNQUOTED)
                }
            });
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Line of the file where a row begins.
    pub(super) fn line(&self, row: usize) -> usize {
        self.starts.get(row).map_or(0, |(line, _)| *line as usize)
    }

    /// Number of cells of a row.
    pub(super) fn width(&self, row: usize) -> usize {
        let end = self.starts.get(row + 1).map_or(self.spans.len(), |(_, first)| *first as usize);
        self.starts.get(row).map_or(0, |(_, first)| end - *first as usize)
    }

    /// A cell; empty where the row is shorter.
    pub(super) fn cell(&self, row: usize, column: usize) -> &str {
        if column >= self.width(row) {
            return "";
        }
        let (start, length) = self.spans[self.starts[row].1 as usize + column];
        if length == UNQUOTED {
            return self.unquoted.get(start as usize).map_or("", String::as_str);
        }
        self.text.get(start as usize..start as usize + length as usize).unwrap_or("")
    }
}

/// Reads records one after the other.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    line_start: usize,
    delimiter: u8,
    count: usize,
}

impl<'a> Records<'a> {
    /// Records of `text`, whose first line has the number `line`. The delimiter is an ASCII character.
    pub(super) fn new(text: &'a str, delimiter: char, line: usize) -> Self {
        Self { text, at: 0, line, line_start: 0, delimiter: u8::try_from(delimiter).unwrap_or(b','), count: 0 }
    }

    fn wrong(&self, at: usize, code: IssueCode, expected: &str, found: &str, how: &str) -> Box<Issue> {
        let column = self.text.get(self.line_start..at).map_or(1, |before| before.chars().count() + 1);
        let mut issue = issues::file(code, expected.to_owned(), format!("{found} in line {}, character {column}", self.line), how);
        issue.line = self.line;
        Box::new(issue)
    }

    /// The next record, blank ones included; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record<'a>>, Box<Issue>> {
        let bytes = self.text.as_bytes();
        if self.at >= bytes.len() {
            return Ok(None);
        }
        self.count += 1;
        if self.count > MAX_RECORDS {
            let found = format!("more than {MAX_RECORDS} rows, blank ones included");
            return Err(issues::boxed(
                IssueCode::TooLarge,
                format!("at most {MAX_RECORDS} rows"),
                found,
                "Delete blank rows at the end, or split the file.",
            ));
        }
        let mut record = Record { line: self.line, cells: Vec::new() };
        loop {
            let cell = self.cell()?;
            if cell.len() > MAX_CELL_BYTES {
                let found = format!("a cell of {} bytes", cell.len());
                let how = "Shorten the text; no column of the catalogue takes that much.";
                return Err(self.wrong(self.at, IssueCode::TooLarge, &format!("cells of at most {MAX_CELL_BYTES} bytes"), &found, how));
            }
            steps::count(cell.len() + 1);
            record.cells.push(cell);
            if record.cells.len() > MAX_COLUMNS && record.cells.last().is_some_and(|cell| !cell.trim().is_empty()) {
                let found = format!("a row with more than {MAX_COLUMNS} cells");
                return Err(self.wrong(
                    self.at,
                    IssueCode::TooLarge,
                    &format!("at most {MAX_COLUMNS} columns"),
                    &found,
                    "Delete the columns that are not needed.",
                ));
            }
            // Empty cells beyond the limit carry nothing; they are counted, not kept.
            record.cells.truncate(MAX_COLUMNS + 1);
            match bytes.get(self.at) {
                Some(&byte) if byte == self.delimiter => {
                    self.at += 1;
                    if self.at == bytes.len() {
                        record.cells.push(Cow::Borrowed(""));
                        return Ok(Some(record));
                    }
                }
                Some(b'\r') => {
                    self.at += if bytes.get(self.at + 1) == Some(&b'\n') { 2 } else { 1 };
                    self.new_line();
                    return Ok(Some(record));
                }
                Some(_) => {
                    self.at += 1;
                    self.new_line();
                    return Ok(Some(record));
                }
                None => return Ok(Some(record)),
            }
        }
    }

    fn new_line(&mut self) {
        self.line += 1;
        self.line_start = self.at;
    }

    fn cell(&mut self) -> Result<Cow<'a, str>, Box<Issue>> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'"') {
            return self.quoted_cell();
        }
        let start = self.at;
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'\r' | b'\n' => break,
                b'"' => {
                    let how = "Put the whole cell in quotes and double the quote inside it, as spreadsheets do.";
                    return Err(self.wrong(
                        self.at,
                        IssueCode::Quoting,
                        "quotes only around whole cells",
                        "a quote inside a bare cell",
                        how,
                    ));
                }
                other if other == self.delimiter => break,
                _ => self.at += 1,
            }
        }
        Ok(Cow::Borrowed(&self.text[start..self.at]))
    }

    fn quoted_cell(&mut self) -> Result<Cow<'a, str>, Box<Issue>> {
        let bytes = self.text.as_bytes();
        let opening = (self.at, self.line, self.line_start);
        self.at += 1;
        let start = self.at;
        let mut joined: Option<String> = None;
        let mut part = start;
        loop {
            match bytes.get(self.at) {
                None => {
                    (self.line, self.line_start) = (opening.1, opening.2);
                    let how = "Close the quote; until then everything after it counts as one cell.";
                    return Err(self.wrong(opening.0, IssueCode::Quoting, "a closing quote", "a quote that is never closed", how));
                }
                Some(b'"') if bytes.get(self.at + 1) == Some(&b'"') => {
                    joined.get_or_insert_default().push_str(&self.text[part..=self.at]);
                    self.at += 2;
                    part = self.at;
                }
                Some(b'"') => break,
                Some(b'\r') => {
                    self.at += if bytes.get(self.at + 1) == Some(&b'\n') { 2 } else { 1 };
                    self.new_line();
                }
                Some(b'\n') => {
                    self.at += 1;
                    self.new_line();
                }
                Some(_) => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        match bytes.get(self.at) {
            None | Some(b'\r' | b'\n') => {}
            Some(&byte) if byte == self.delimiter => {}
            Some(_) => {
                let how = "Double the quotes inside the cell, as spreadsheets do.";
                return Err(self.wrong(
                    self.at,
                    IssueCode::Quoting,
                    "the end of the cell after its closing quote",
                    "text after a closing quote",
                    how,
                ));
            }
        }
        Ok(match joined {
            None => Cow::Borrowed(&self.text[start..end]),
            Some(mut text) => {
                text.push_str(&self.text[part..end]);
                Cow::Owned(text)
            }
        })
    }
}
