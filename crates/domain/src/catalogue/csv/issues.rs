//! Building issues: what happened, what it means, what to do, with row and column; and grouping them by what settles them.

use std::collections::BTreeMap;

use crate::catalogue::csv::report::{ImportReport, Issue, IssueCode, RepairGroup};
use crate::catalogue::row::RowId;
use crate::catalogue::schema::Field;
use crate::catalogue::value::{CellProblem, ProblemCode};

/// Most issues of one kind that are listed.
pub(super) const MAX_ISSUES: usize = 10_000;

impl IssueCode {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// An issue with the file as a whole: nothing was imported.
pub(super) fn file(code: IssueCode, expected: String, found: String, how: &str) -> Issue {
    let message = format!("This file was not read: expected {expected}, found {found}. Nothing in the catalogue was touched. {how}");
    Issue { code, line: 0, row: None, column: String::new(), expected, found, message, repair: code.word(), suggestions: Vec::new() }
}

/// As [`file`], for results.
pub(super) fn boxed(code: IssueCode, expected: String, found: String, how: &str) -> Box<Issue> {
    Box::new(file(code, expected, found, how))
}

/// An issue with a row.
pub(super) fn row(code: IssueCode, line: usize, id: Option<&RowId>, expected: String, found: String, how: &str) -> Issue {
    let message = format!("Row {line}: found {found}, expected {expected}. {how}");
    Issue { code, line, row: id.cloned(), column: String::new(), expected, found, message, repair: code.word(), suggestions: Vec::new() }
}

/// An issue with a column of the file.
pub(super) fn column(code: IssueCode, heading: &str, expected: String, found: String, how: &str) -> Issue {
    let message = format!("Column “{heading}”: found {found}, expected {expected}. {how}");
    let repair = format!("{}:{heading}", code.word());
    Issue { code, line: 1, row: None, column: heading.to_owned(), expected, found, message, repair, suggestions: Vec::new() }
}

/// An issue with a cell.
pub(super) fn cell(line: usize, id: Option<&RowId>, field: &Field, problem: &CellProblem) -> Issue {
    let code = if problem.code == ProblemCode::Ambiguous { IssueCode::Ambiguous } else { IssueCode::Value };
    let how = match problem.code {
        ProblemCode::Ambiguous => "Say how this column is to be read; until then the cell is not taken.",
        ProblemCode::SpreadsheetError => "Put the value itself there, or delete the row from the file to leave the catalogue as it is.",
        _ if problem.suggestions.is_empty() => {
            "Put it right in the file, or clear the edit; the cell in the catalogue stays as it is until then."
        }
        _ => "Accept the suggestion or put it right in the file; the cell in the catalogue stays as it is until then.",
    };
    Issue {
        code,
        line,
        row: id.cloned(),
        column: field.name.to_string(),
        expected: problem.expected.clone(),
        found: problem.found.clone(),
        message: format!("Row {line}, {}: found {}, expected {}. {how}", field.label, problem.found, problem.expected),
        repair: format!("{}:{}:{}", code.word(), field.name, problem.code.as_str()),
        suggestions: problem.suggestions.iter().map(|value| field.display(value)).collect(),
    }
}

/// Adds an issue unless there are very many already; the rest is only counted.
pub(super) fn push(list: &mut Vec<Issue>, issue: Issue) {
    if list.len() < MAX_ISSUES {
        list.push(issue);
    }
}

/// Groups questions and errors by what settles them.
pub(super) fn group(report: &mut ImportReport) {
    let mut groups: BTreeMap<&str, RepairGroup> = BTreeMap::new();
    for issue in report.errors.iter().chain(&report.questions) {
        let group = groups.entry(&issue.repair).or_insert_with(|| RepairGroup {
            repair: issue.repair.clone(),
            code: issue.code,
            column: issue.column.clone(),
            count: 0,
            lines: Vec::new(),
            title: issue.expected.clone(),
        });
        group.count += 1;
        if group.lines.len() < 20 {
            group.lines.push(issue.line);
        }
    }
    let mut groups: Vec<RepairGroup> = groups.into_values().collect();
    for group in &mut groups {
        let things = match (group.count, group.column.is_empty()) {
            (1, true) => "1 row".to_owned(),
            (1, false) => format!("1 cell of {}", group.column),
            (count, true) => format!("{count} rows"),
            (count, false) => format!("{count} cells of {}", group.column),
        };
        group.title = format!("{things}: expected {}", group.title);
    }
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.repair.cmp(&b.repair)));
    report.repairs = groups;
}
