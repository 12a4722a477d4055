//! From the edits of single rows to operations: deletions, additions, the rules of the whole catalogue, conflicts.

use std::collections::{HashMap, HashSet};

use crate::catalogue::cells::CellValue;
use crate::catalogue::csv::header::Column;
use crate::catalogue::csv::import::cells::{RowEdits, value_in};
use crate::catalogue::csv::import::identity::Identity;
use crate::catalogue::csv::import::{ImportContext, State};
use crate::catalogue::csv::issues::{self, Level};
use crate::catalogue::csv::report::{AddedRow, DeletedRowReport, ImportReport, Issue, IssueCode, Missing, MissingRows};
use crate::catalogue::guard;
use crate::catalogue::row::{Row, RowId};
use crate::catalogue::schema::{Field, FieldType, Table};
use crate::catalogue::validate::{self, Problem, RuleCode};
use crate::catalogue::value::{ParseContext, quoted};
use crate::catalogue::words::fold;
use crate::change_set::diff;
use crate::change_set::merge::{CellResult, MergeInput, merge};
use crate::change_set::op::{DeletedRow, MAX_OPS, Op};
use crate::hash::ObjectHash;

/// Suggests a field for every unknown column whose values look like one.
pub(super) fn suggest_columns(state: &State<'_>, identities: &[Identity<'_>], context: &ImportContext<'_>, report: &mut ImportReport) {
    let taken: HashSet<&str> = state
        .header
        .columns
        .iter()
        .filter_map(|column| if let Column::Field(field) = column { Some(&*field.name) } else { None })
        .collect();
    let free: Vec<&Field> =
        state.schema.readable_fields(context.table, context.role).filter(|field| !taken.contains(&*field.name)).collect();
    for (index, column) in state.header.columns.iter().enumerate() {
        if !matches!(column, Column::Unknown) {
            continue;
        }
        let Some(column_report) = report.columns.get_mut(index) else { continue };
        column_report.reason = Some("no column of the catalogue has this name".to_owned());
        let best = free
            .iter()
            .filter_map(|field| resemblance(state, identities, index, field).map(|share| (share, *field)))
            .max_by_key(|(share, _)| *share);
        if let Some((_, field)) = best {
            column_report.suggestion = Some(field.name.to_string());
            column_report.reason = Some(format!("its values look like those of {}", field.label));
        }
    }
}

/// How many per cent of a column's values are those the catalogue has in `field`, or have a form that only such a field has; nothing below 80.
fn resemblance(state: &State<'_>, identities: &[Identity<'_>], column: usize, field: &Field) -> Option<usize> {
    const SAMPLE: usize = 500;
    let (mut filled, mut equal, mut fitting) = (0usize, 0usize, 0usize);
    for (index, identity) in identities.iter().enumerate() {
        let text = guard::unescape(state.cell(index, column).trim());
        if text.is_empty() {
            continue;
        }
        filled += 1;
        if filled > SAMPLE {
            filled -= 1;
            break;
        }
        if let Identity::Existing { current, base } = identity
            && value_in(base.unwrap_or(current), field).is_some_and(|value| field.display(value) == text)
        {
            equal += 1;
        }
        let telling = field.format.is_some() && field.field_type == FieldType::Text;
        if telling && field.parse(text, &ParseContext::PLAIN).is_ok() {
            fitting += 1;
        }
    }
    let share = equal.max(fitting) * 100 / filled.max(1);
    (filled >= 2 && share >= 80).then_some(share)
}

/// Turns the edits of all rows into operations and judges them together.
pub(super) fn conclude(
    state: &State<'_>,
    identities: &[Identity<'_>],
    edits: Vec<RowEdits>,
    context: &ImportContext<'_>,
    report: &mut ImportReport,
) {
    let mut ops: Vec<Op> = Vec::new();
    let mut lines: HashMap<RowId, usize> = HashMap::new();
    let mut deleted: HashSet<RowId> = HashSet::new();
    for (index, (identity, edits)) in identities.iter().zip(edits).enumerate() {
        let line = state.rows.line(index);
        let delete = action(state, index, line, report);
        match identity {
            Identity::None => {}
            Identity::New(id) => {
                lines.insert(id.clone(), line);
                if delete == Some(true) {
                    let how = "Only a row of the catalogue can be deleted; take the word out, or restore the row's id.";
                    issues::push(
                        report,
                        Level::Error,
                        issues::row(
                            IssueCode::UnknownAction,
                            line,
                            None,
                            "a row with an id".to_owned(),
                            "delete in a row without one".to_owned(),
                            how,
                        ),
                    );
                } else if delete.is_some() {
                    ops.push(Op::add(id, edits.cells.clone()));
                    report.added.push(AddedRow { line, row: id.clone(), cells: edits.cells });
                }
            }
            Identity::Existing { current, base } => {
                lines.insert(current.id().clone(), line);
                match delete {
                    Some(true) if edits.changes.is_empty() && !edits.failed => {
                        deleted.insert(current.id().clone());
                        delete_row(&mut ops, report, line, base.unwrap_or(current));
                    }
                    Some(true) => {
                        let how = "Either delete the row or edit it; take the word delete out, or undo the edits.";
                        let found = format!("delete and {} edited cells", edits.changes.len());
                        issues::push(
                            report,
                            Level::Error,
                            issues::row(IssueCode::DeleteAndEdit, line, Some(current.id()), "one of the two".to_owned(), found, how),
                        );
                    }
                    Some(false) => row_edits(&mut ops, report, base.unwrap_or(current), edits),
                    None => {}
                }
            }
        }
    }
    missing_rows(identities, context, report, &mut ops, &mut deleted);
    splits_of_deleted(context, report, &mut ops, &deleted);
    count(report);
    if ops.len() > MAX_OPS {
        let how = "Import the file in several parts.";
        issues::push(
            report,
            Level::Error,
            issues::file(IssueCode::TooLarge, format!("at most {MAX_OPS} changes"), format!("{} changes", ops.len()), how),
        );
        return;
    }
    judge(context, report, &ops, &lines);
    report.ops = ops;
}

/// Whether the row asks to be deleted; nothing when it asks for something unknown.
fn action(state: &State<'_>, index: usize, line: usize, report: &mut ImportReport) -> Option<bool> {
    let word = state.reserved(index, |column| matches!(column, Column::Action));
    match fold(word).as_str() {
        "" => Some(false),
        "delete" => Some(true),
        _ => {
            let how = "Leave the cell empty to keep the row, or write delete to delete it.";
            issues::push(
                report,
                Level::Error,
                issues::row(IssueCode::UnknownAction, line, None, "delete or nothing".to_owned(), quoted(word), how),
            );
            None
        }
    }
}

fn delete_row(ops: &mut Vec<Op>, report: &mut ImportReport, line: usize, base: &Row) {
    ops.push(diff::deletion(base));
    report.deleted.push(DeletedRowReport { line, row: base.id().clone(), cells: base.cells().clone() });
}

fn row_edits(ops: &mut Vec<Op>, report: &mut ImportReport, base: &Row, edits: RowEdits) {
    if edits.changes.is_empty() && !edits.failed {
        report.counts.unchanged_rows += 1;
    }
    for change in edits.changes {
        if matches!(change.result, CellResult::Take | CellResult::Conflict) {
            ops.push(Op::set(base.id(), base.rev(), &change.column, change.from.clone(), change.to.clone()));
        }
        if change.result == CellResult::Conflict {
            conflict(report, &change);
        }
        if change.to.is_some() { report.changed.push(change) } else { report.cleared.push(change) }
    }
}

fn conflict(report: &mut ImportReport, change: &crate::catalogue::csv::report::CellChange) {
    let shown = |value: &Option<CellValue>| {
        value.as_ref().map_or("nothing".to_owned(), |value| quoted(value.as_text().unwrap_or(&value.to_json().to_string())))
    };
    let (from, to, now) = (shown(&change.from), shown(&change.to), shown(&change.current));
    let issue = Issue {
        code: IssueCode::Conflict,
        line: change.line,
        row: Some(change.row.clone()),
        column: change.column.clone(),
        expected: from.clone(),
        found: now.clone(),
        message: format!(
            "Row {}, {}: it was {from} at export, the file says {to}, and meanwhile somebody changed it to {now}. It can be proposed; an approver then settles which stays.",
            change.line, change.column
        ),
        repair: "conflict".to_owned(),
        suggestions: Vec::new(),
    };
    issues::push(report, Level::Warning, issue);
}

/// Rows of the catalogue that the file does not have: kept, unless the file was said to be complete. Rows that were added after its
/// export stay in any case: the file could not have them.
fn missing_rows(
    identities: &[Identity<'_>],
    context: &ImportContext<'_>,
    report: &mut ImportReport,
    ops: &mut Vec<Op>,
    deleted: &mut HashSet<RowId>,
) {
    let present: HashSet<&RowId> = identities
        .iter()
        .filter_map(|identity| if let Identity::Existing { current, .. } = identity { Some(current.id()) } else { None })
        .collect();
    let (history, exported_from) = (context.history, report.exported_from);
    let added_since =
        |row: &&Row| history.zip(exported_from).is_some_and(|(history, from)| history.added(row.id()).is_none_or(|added| added > from));
    let absent = context.catalogue.table(context.table).filter(|row| !present.contains(row.id()));
    let (newer, missing): (Vec<&Row>, Vec<&Row>) = absent.partition(added_since);
    report.missing = Missing { rows: missing.len(), added_since: newer.len() };
    let as_it_stands = |identity: &Identity<'_>| match identity {
        Identity::Existing { current, base } => base.is_some_and(|base| base.rev() == current.rev()),
        Identity::New(_) => true,
        Identity::None => false,
    };
    if newer.is_empty() && exported_from.is_some() && identities.iter().all(as_it_stands) {
        report.exported_from = report.catalogue;
    }
    let MissingRows::Delete { confirmed } = context.answers.missing_rows else { return };
    if !report.has_base || identities.iter().any(|identity| matches!(identity, Identity::None)) {
        let how = "Rows can only be deleted by their absence when every row of the file says which state of the catalogue it comes from.";
        let expected = "a complete export with _id and _rev".to_owned();
        issues::push(report, Level::Error, issues::file(IssueCode::MissingRows, expected, "rows without them".to_owned(), how));
        return;
    }
    let Some((history, from)) = history.zip(exported_from) else {
        let how = "Which rows were added after the export is known to the server alone. Import the file again when it can be reached, or write delete into the column _action of the rows that shall go.";
        let expected = "the history of the catalogue".to_owned();
        issues::push(report, Level::Error, issues::file(IssueCode::MissingRows, expected, "only its newest state".to_owned(), how));
        return;
    };
    if !newer.is_empty() {
        let names: Vec<String> = newer.iter().take(3).map(|row| validate::row_name(row.content())).collect();
        let more = if newer.len() > 3 { format!(" and {} more", newer.len() - 3) } else { String::new() };
        let mut issue =
            issues::file(IssueCode::MissingRows, "every row of the catalogue".to_owned(), format!("{} newer rows", newer.len()), "");
        issue.message = format!(
            "{}{more} came into the catalogue after this file was exported from catalogue {from}, so the file cannot have them and they stay. To delete one of them, export again and write delete into its column _action.",
            names.join(", ")
        );
        issues::push(report, Level::Notice, issue);
    }
    if !missing.is_empty() && confirmed != Some(missing.len()) {
        let all = context.catalogue.table(context.table).count();
        let mut issue =
            issues::file(IssueCode::MissingRows, format!("the number {} typed in", missing.len()), "no confirmation".to_owned(), "");
        issue.message = format!(
            "{} of {all} rows are not in the file and would be deleted. Type the number to confirm that, or keep missing rows as they are.",
            missing.len()
        );
        issues::push(report, Level::Question, issue);
        return;
    }
    for row in missing {
        // As it was exported: a row that somebody edited since becomes a conflict instead of going with the edit.
        let exported = history.at(row.id(), from).and_then(|rev| context.bases.find(context.catalogue, row.id(), rev)).unwrap_or(row);
        deleted.insert(row.id().clone());
        delete_row(ops, report, 0, exported);
    }
}

/// A deleted track takes its splits with it.
fn splits_of_deleted(context: &ImportContext<'_>, report: &mut ImportReport, ops: &mut Vec<Op>, deleted: &HashSet<RowId>) {
    if context.table != Table::Tracks || deleted.is_empty() {
        return;
    }
    let belongs =
        |row: &Row| row.cells().text("track").and_then(|track| RowId::parse(track).ok()).is_some_and(|track| deleted.contains(&track));
    let splits: Vec<&Row> = context.catalogue.table(Table::Splits).filter(|row| belongs(row)).collect();
    if !splits.is_empty() {
        let mut issue = issues::file(IssueCode::Rule, "no splits of deleted tracks".to_owned(), format!("{} splits", splits.len()), "");
        issue.message = format!("{} splits of the deleted tracks go with them in the same proposal.", splits.len());
        issues::push(report, Level::Warning, issue);
    }
    for row in splits {
        ops.push(Op::delete(row.id(), row.rev(), DeletedRow { approved: None, cells: row.cells().clone() }));
        report.deleted.push(DeletedRowReport { line: 0, row: row.id().clone(), cells: row.cells().clone() });
    }
}

fn count(report: &mut ImportReport) {
    let taken = |result: &CellResult| *result != CellResult::AlreadySo;
    report.counts.changed = report.changed.iter().filter(|change| taken(&change.result)).count();
    report.counts.cleared = report.cleared.iter().filter(|change| taken(&change.result)).count();
    report.counts.added = report.added.len();
    report.counts.deleted = report.deleted.len();
    report.counts.conflicts = report.changed.iter().chain(&report.cleared).filter(|change| change.result == CellResult::Conflict).count();
}

/// The rules of the whole catalogue after these operations, as errors of the rows that break them.
fn judge(context: &ImportContext<'_>, report: &mut ImportReport, ops: &[Op], lines: &HashMap<RowId, usize>) {
    if ops.is_empty() {
        return;
    }
    let schema = context.catalogue.schema();
    let nothing = HashSet::new();
    // The heads do not matter here: only rules and conflicts are looked at.
    let head = ObjectHash::from_bytes([0; 32]);
    let input = MergeInput {
        current: context.catalogue,
        head,
        base_head: head,
        schema: schema.hash(),
        base_schema: None,
        bases: context.bases,
        added_since_base: &nothing,
        ops,
    };
    let Ok(outcome) = merge(&input) else { return };
    let readable = |problem: &Problem| {
        problem.field.as_deref().is_none_or(|name| {
            let table = problem.rows.first().map_or(context.table, RowId::table);
            schema.field(table, name).is_none_or(|field| field.readable_by(context.role))
        })
    };
    // What was wrong before the import is not the import's to answer for.
    let before: HashSet<String> =
        validate::catalogue(schema, context.catalogue.rows().iter().map(Row::content)).into_iter().map(|problem| problem.message).collect();
    for problem in outcome.problems.iter().filter(|problem| readable(problem) && !before.contains(&problem.message)) {
        let line = problem.rows.iter().filter_map(|row| lines.get(row)).copied().max().unwrap_or(0);
        let code = if matches!(problem.code, RuleCode::Unique | RuleCode::UniqueTogether) { IssueCode::Unique } else { IssueCode::Rule };
        let column = problem.field.clone().unwrap_or_default();
        let place = if line > 0 { format!("Row {line}: ") } else { String::new() };
        let issue = Issue {
            code,
            line,
            row: problem.rows.first().cloned(),
            column: column.clone(),
            expected: "a catalogue whose rules hold".to_owned(),
            found: problem.message.clone(),
            message: format!("{place}{}", problem.message),
            repair: format!("{}:{column}", code.word()),
            suggestions: Vec::new(),
        };
        issues::push(report, Level::Error, issue);
    }
    for conflict in outcome.conflicts.iter().filter(|conflict| conflict.field == "_row") {
        let how = "Somebody edited this row after the export. It can be proposed; an approver then settles it.";
        let row = RowId::parse(&conflict.row).ok();
        let line = row.as_ref().and_then(|row| lines.get(row)).copied().unwrap_or(0);
        let issue =
            issues::row(IssueCode::Conflict, line, row.as_ref(), "a row as it was exported".to_owned(), "newer values".to_owned(), how);
        issues::push(report, Level::Warning, issue);
        report.counts.conflicts += 1;
    }
}
