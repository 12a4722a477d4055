//! Building issues: what happened, what it means, what to do, with row and column; and grouping them by what settles them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::catalogue::csv::report::{ImportReport, Issue, IssueCode, RepairGroup, Totals};
use crate::catalogue::row::RowId;
use crate::catalogue::schema::Field;
use crate::catalogue::value::{CellProblem, ProblemCode};

/// Most issues of one level that are listed.
pub(super) const MAX_ISSUES: usize = 10_000;
/// Issues of every kind that are listed in any case, and lines that a group names.
const FIRST: usize = 20;

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

/// How much an issue matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// What the spreadsheet did that means nothing.
    Notice,
    /// Worth a look.
    Warning,
    /// Only a person can answer it.
    Question,
    /// To be put right.
    Error,
}

/// Counts an issue, and lists it unless very many are listed already. The first ones of every kind are always listed.
pub(super) fn push(report: &mut ImportReport, level: Level, issue: Issue) {
    let group = report.tally.entry((level, issue.repair.clone())).or_insert_with(|| RepairGroup {
        repair: issue.repair.clone(),
        code: issue.code,
        column: issue.column.clone(),
        count: 0,
        lines: Vec::new(),
        title: issue.expected.clone(),
    });
    group.count += 1;
    if group.lines.len() < FIRST {
        group.lines.push(issue.line);
    }
    let list = match level {
        Level::Notice => &mut report.notices,
        Level::Warning => &mut report.warnings,
        Level::Question => &mut report.questions,
        Level::Error => &mut report.errors,
    };
    if list.len() < MAX_ISSUES || group.count <= FIRST {
        list.push(issue);
    }
}

/// Groups what was counted by what settles it.
pub(super) fn group(report: &mut ImportReport) {
    let tally = std::mem::take(&mut report.tally);
    let total = |level: Level| tally.iter().filter(|((of, _), _)| *of == level).map(|(_, group)| group.count).sum();
    report.totals = Totals {
        errors: total(Level::Error),
        questions: total(Level::Question),
        warnings: total(Level::Warning),
        notices: total(Level::Notice),
    };
    let (mut repairs, mut ignored): (BTreeMap<String, RepairGroup>, Vec<RepairGroup>) = (BTreeMap::new(), Vec::new());
    for ((level, repair), group) in tally {
        match level {
            Level::Notice => ignored.push(group),
            Level::Warning => {}
            Level::Question | Level::Error => match repairs.entry(repair) {
                Entry::Vacant(free) => drop(free.insert(group)),
                Entry::Occupied(mut taken) => {
                    let taken = taken.get_mut();
                    taken.count += group.count;
                    taken.lines.extend(group.lines.into_iter().take(FIRST - taken.lines.len()));
                }
            },
        }
    }
    report.repairs = titled(repairs.into_values().collect());
    report.ignored = titled(ignored);
}

/// With titles that say how many, most first.
fn titled(mut groups: Vec<RepairGroup>) -> Vec<RepairGroup> {
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
    groups
}
