//! The row of headings: which column stands for which field, and which delimiter makes most sense of it.

use std::collections::{BTreeMap, HashMap};

use crate::catalogue::csv::issues;
use crate::catalogue::csv::records::{Record, Records};
use crate::catalogue::csv::report::{ColumnChoice, ColumnReport, Issue, IssueCode};
use crate::catalogue::guard::{self, is_format_character};
use crate::catalogue::schema::{Field, Schema, Table};
use crate::catalogue::words::fold;
use crate::role::Role;

/// What a column of the file stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column<'s> {
    Id,
    Rev,
    Action,
    /// A column of ours that only helps people.
    Ignored,
    Field(&'s Field),
    Unknown,
}

/// The fields `role` may read by every heading that stands for them: name before alias before label.
pub(super) struct Names<'s> {
    table: Table,
    fields: HashMap<String, &'s Field>,
}

/// A heading as it is compared.
fn key(heading: &str) -> String {
    let visible: String = guard::unescape(heading.trim()).chars().filter(|character| !is_format_character(*character)).collect();
    fold(visible.trim())
}

impl<'s> Names<'s> {
    pub(super) fn new(schema: &'s Schema, table: Table, role: Role) -> Self {
        let mut fields: HashMap<String, &Field> = HashMap::new();
        let mut labels: HashMap<String, Vec<&Field>> = HashMap::new();
        for field in schema.readable_fields(table, role) {
            fields.insert(key(&field.name), field);
            for alias in &field.aliases {
                fields.insert(key(alias), field);
            }
            labels.entry(key(&field.label)).or_default().push(field);
        }
        for (label, named) in labels {
            // A label that two fields share stands for neither.
            if let [only] = named.as_slice() {
                fields.entry(label).or_insert(only);
            }
        }
        Self { table, fields }
    }

    fn field(&self, name: &str) -> Option<&'s Field> {
        self.fields.get(&key(name)).copied()
    }

    fn reserved(&self, heading: &str) -> Option<Column<'s>> {
        match key(heading).as_str() {
            "_id" => Some(Column::Id),
            "_rev" => Some(Column::Rev),
            "_action" => Some(Column::Action),
            "_track" if self.table == Table::Splits => Some(Column::Ignored),
            _ => None,
        }
    }

    /// How much sense a row makes as headings: `_id` outweighs any number of known names.
    fn score(&self, record: &Record<'_>) -> usize {
        let known = |heading: &str| match self.reserved(heading) {
            Some(Column::Id) => 1_000,
            Some(_) => 1,
            None => usize::from(self.field(heading).is_some()),
        };
        record.cells.iter().map(|cell| known(cell)).sum()
    }
}

/// The text after a `sep=` line, the delimiter, and the number of the first line.
pub(super) fn delimiter<'t>(text: &'t str, chosen: Option<char>, names: &Names<'_>) -> Result<(&'t str, char, usize), Box<Issue>> {
    let end = text.find(['\r', '\n']).unwrap_or(text.len());
    let first = text[..end].trim().trim_matches('"');
    if let Some(declared) = first.get(..4).filter(|start| start.eq_ignore_ascii_case("sep=")).and_then(|_| first.get(4..)) {
        let mut characters = declared.chars();
        let declared = match (characters.next(), characters.next()) {
            (Some(one @ (',' | ';' | '\t' | '|')), None) => one,
            // A tab at the end of the line was trimmed away.
            (None, None) if text[..end].trim_end_matches('"').ends_with('\t') => '\t',
            _ => ',',
        };
        let rest = &text[end..];
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n'])).unwrap_or(rest);
        return Ok((rest, chosen.unwrap_or(declared), 2));
    }
    if let Some(chosen) = chosen.filter(|chosen| matches!(chosen, ',' | ';' | '\t' | '|')) {
        return Ok((text, chosen, 1));
    }
    let mut best: Vec<(usize, usize, char)> = Vec::new();
    for candidate in [',', ';', '\t', '|'] {
        let mut records = Records::new(text, candidate, 1);
        let header = std::iter::from_fn(|| records.next().ok().flatten()).find(|record| !record.is_blank());
        let Some(header) = header else { continue };
        let score = names.score(&header);
        if best.first().is_none_or(|(top, _, _)| score > *top) {
            best.clear();
        }
        if best.first().is_none_or(|(top, _, _)| score == *top) {
            best.push((score, header.cells.len(), candidate));
        }
    }
    match best.as_slice() {
        [] => Ok((text, ',', 1)),
        [(_, _, only)] => Ok((text, *only, 1)),
        several if several.iter().all(|(_, columns, _)| *columns == 1) => Ok((text, ',', 1)),
        several => {
            // Nothing known under any of them: the one that makes columns at all.
            let split: Vec<char> = several.iter().filter(|(_, columns, _)| *columns > 1).map(|(_, _, candidate)| *candidate).collect();
            match split.as_slice() {
                [only] => Ok((text, *only, 1)),
                _ => {
                    let shown: Vec<String> =
                        split.iter().map(|candidate| if *candidate == '\t' { "tab".to_owned() } else { candidate.to_string() }).collect();
                    let how = "Choose what separates the columns.";
                    let mut issue = issues::file(
                        IssueCode::Delimiter,
                        "one separator".to_owned(),
                        format!("headings that {} could separate", shown.join(" or ")),
                        how,
                    );
                    issue.suggestions = split.iter().map(char::to_string).collect();
                    Err(Box::new(issue))
                }
            }
        }
    }
}

/// What the headings say, and what is wrong with them.
pub(super) struct Header<'s> {
    pub(super) columns: Vec<Column<'s>>,
    pub(super) reports: Vec<ColumnReport>,
    pub(super) headings: Vec<String>,
    pub(super) errors: Vec<Issue>,
}

impl<'s> Header<'s> {
    pub(super) fn read(record: &Record<'_>, names: &Names<'s>, choices: &BTreeMap<String, ColumnChoice>) -> Self {
        let mut header = Self { columns: Vec::new(), reports: Vec::new(), headings: Vec::new(), errors: Vec::new() };
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for cell in &record.cells {
            let heading = guard::unescape(cell.trim()).to_owned();
            let (column, standing) = header.one(&heading, names, choices);
            if let Some(standing) = &standing
                && let Some(other) = taken.insert(standing.clone(), heading.clone())
            {
                let found = format!("a second column for it (the other is “{other}”)");
                let how = "Delete one of the two, or say which one counts; otherwise values could be lost.";
                header.errors.push(issues::column(IssueCode::DuplicateColumn, &heading, format!("one column for {standing}"), found, how));
            }
            header.reports.push(ColumnReport { heading: heading.clone(), field: standing, suggestion: None, reason: None });
            header.columns.push(column);
            header.headings.push(heading);
        }
        let known = header.columns.iter().any(|column| matches!(column, Column::Field(_) | Column::Id));
        if !known {
            let shown: Vec<&str> = header.headings.iter().map(String::as_str).take(6).collect();
            let how = "Keep the first row of the exported file, or name the columns like those of the catalogue.";
            header.errors.push(issues::file(
                IssueCode::NoHeader,
                "a first row with the names of columns".to_owned(),
                format!("“{}”", shown.join(", ")),
                how,
            ));
        }
        header
    }

    fn one(&mut self, heading: &str, names: &Names<'s>, choices: &BTreeMap<String, ColumnChoice>) -> (Column<'s>, Option<String>) {
        match choices.get(heading) {
            Some(ColumnChoice::Ignore) => return (Column::Ignored, None),
            Some(ColumnChoice::Field { name }) => match names.field(name) {
                Some(field) => return (Column::Field(field), Some(field.name.to_string())),
                None => {
                    let how = "Choose another column of the catalogue.";
                    self.errors.push(issues::column(
                        IssueCode::UnknownColumn,
                        heading,
                        "a column of the catalogue".to_owned(),
                        format!("the choice “{name}”"),
                        how,
                    ));
                }
            },
            None => {}
        }
        if let Some(column) = names.reserved(heading) {
            return (column, Some(key(heading)));
        }
        if let Some(field) = names.field(heading) {
            return (Column::Field(field), Some(field.name.to_string()));
        }
        if key(heading).starts_with('_') {
            let how = "Names beginning with _ are CollabTrack's own; rename the column or delete it.";
            self.errors.push(issues::column(
                IssueCode::ReservedColumn,
                heading,
                "_id, _rev or _action".to_owned(),
                "another name beginning with _".to_owned(),
                how,
            ));
        }
        (Column::Unknown, None)
    }

    /// Whether a later row repeats the headings.
    pub(super) fn repeats(&self, record: &Record<'_>) -> bool {
        let same = |(cell, heading): (&std::borrow::Cow<'_, str>, &String)| key(cell) == key(heading);
        record.cells.len() >= self.headings.len().min(2) && record.cells.iter().zip(&self.headings).all(same)
    }
}
