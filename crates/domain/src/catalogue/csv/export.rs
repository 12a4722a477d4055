//! Writing a table as CSV: UTF-8 with byte order mark, CRLF, text always in quotes, numbers and dates bare.

use serde::{Deserialize, Serialize};

use crate::catalogue::guard;
use crate::catalogue::row::{Catalogue, RowId};
use crate::catalogue::schema::{Field, Table};
use crate::role::Role;

/// What separates cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    #[default]
    Comma,
    /// `;`, for spreadsheets of countries with a decimal comma.
    Semicolon,
}

impl Delimiter {
    /// The character.
    #[must_use]
    pub fn as_char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
        }
    }

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
        }
    }
}

/// Choices of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportOptions {
    /// What separates cells.
    pub delimiter: Delimiter,
    /// Who reads it: columns this role may not read are absent.
    pub role: Role,
}

/// A table of plain text as CSV, in the same form: every cell in quotes, and guarded against formulas. Not for importing again.
#[must_use]
pub fn plain(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut out = "\u{feff}".as_bytes().to_vec();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            quoted(&mut out, &guard::escape(cell));
        }
        out.extend_from_slice(b"\r\n");
    };
    line(&mut headings.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    out
}

/// The bytes of `tracks.csv` or `splits.csv`. The same catalogue, role and options give the same bytes.
#[must_use]
pub fn export(catalogue: &Catalogue, table: Table, options: &ExportOptions) -> Vec<u8> {
    let delimiter = options.delimiter.as_char() as u8;
    let fields: Vec<&Field> = catalogue.schema().readable_fields(table, options.role).collect();
    let mut out = Vec::with_capacity(256 + catalogue.rows().len() * (96 + fields.len() * 8));
    out.extend_from_slice("\u{feff}".as_bytes());
    let splits = table == Table::Splits;
    let reserved: &[&str] = if splits { &["_id", "_rev", "_action", "_track"] } else { &["_id", "_rev", "_action"] };
    for (index, name) in reserved.iter().copied().chain(fields.iter().map(|field| &*field.name)).enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        quoted(&mut out, name);
    }
    out.extend_from_slice(b"\r\n");
    for row in catalogue.table(table) {
        quoted(&mut out, row.id().as_str());
        out.push(delimiter);
        quoted(&mut out, &row.rev().to_string());
        out.push(delimiter);
        if splits {
            let title = row.cells().text("track").and_then(|track| RowId::parse(track).ok()).and_then(|track| catalogue.row(&track));
            let visible = catalogue.schema().field(Table::Tracks, "title").is_some_and(|field| field.readable_by(options.role));
            out.push(delimiter);
            if let Some(title) = title.filter(|_| visible).and_then(|track| track.cells().text("title")) {
                quoted(&mut out, &guard::escape(title));
            }
        }
        for field in &fields {
            out.push(delimiter);
            if let Some(value) = row.cells().get(&field.name) {
                let text = field.display(value);
                if field.is_quoted() { quoted(&mut out, &guard::escape(&text)) } else { out.extend_from_slice(text.as_bytes()) }
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// One cell in quotes, quotes inside doubled.
fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'"');
}
