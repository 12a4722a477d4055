//! Round trips, edits, damage, bad files.

mod bad_files;
mod edits;
mod properties;
mod spreadsheets;

use crate::catalogue::csv::report::{ImportReport, IssueCode};

/// The codes of a list of issues.
fn codes(issues: &[crate::catalogue::csv::report::Issue]) -> Vec<IssueCode> {
    issues.iter().map(|issue| issue.code).collect()
}

/// Asserts that a report changes nothing and says nothing.
fn assert_untouched(report: &ImportReport) {
    assert_eq!((&report.errors, &report.questions, &report.warnings, &report.notices), (&vec![], &vec![], &vec![], &vec![]));
    assert_eq!(report.ops, []);
    assert_eq!(report.counts.unchanged_rows, report.counts.rows);
}
