//! Cell by cell: what changed since the export, what the spreadsheet did by itself, and what cannot be taken.

use crate::catalogue::calibration::Calibration;
use crate::catalogue::cells::{CellValue, Cells, same};
use crate::catalogue::csv::header::Column;
use crate::catalogue::csv::import::identity::Identity;
use crate::catalogue::csv::import::{ImportContext, State};
use crate::catalogue::csv::issues::{self, Level};
use crate::catalogue::csv::report::{BlankMode, CellChange, GroupAnswer, ImportReport, Issue, IssueCode, LearnedStyle};
use crate::catalogue::damage::{self, Damage};
use crate::catalogue::guard;
use crate::catalogue::row::{Row, RowId};
use crate::catalogue::schema::{Field, Schema};
use crate::catalogue::steps;
use crate::catalogue::value::{CellProblem, ParseContext, Style, quoted};
use crate::change_set::merge;

/// What one row of the file does to the catalogue.
#[derive(Debug, Clone, Default)]
pub(super) struct RowEdits {
    /// Cells with a new value or emptied.
    pub(super) changes: Vec<CellChange>,
    /// For a new row, its cells.
    pub(super) cells: Cells,
    /// Whether some cell of the row could not be taken.
    pub(super) failed: bool,
}

/// The value a column had in a state, also under the column's earlier name.
pub(super) fn value_in<'r>(row: &'r Row, field: &Field) -> Option<&'r CellValue> {
    row.cells().get(&field.name).or_else(|| field.renamed_from.as_deref().and_then(|old| row.cells().get(old)))
}

/// A cell of the file without the guard.
fn unguarded<'t>(field: &Field, raw: &'t str) -> &'t str {
    let trimmed = raw.trim();
    if field.is_quoted() { guard::unescape(trimmed) } else { trimmed }
}

/// Whether `text` is how the export wrote `base`.
fn as_exported(field: &Field, base: &CellValue, text: &str) -> bool {
    match base {
        // The display form of text is the text itself, so nothing needs to be built.
        CellValue::Text(stored) => **stored == *text,
        _ => field.display(base) == text,
    }
}

/// The styles to read each column with: answered, or learned from cells whose value is known.
fn styles(state: &State<'_>, identities: &[Identity<'_>], context: &ImportContext<'_>, report: &mut ImportReport) -> Vec<Style> {
    let mut calibration = Calibration::default();
    for (index, identity) in identities.iter().enumerate() {
        let Identity::Existing { base: Some(base), .. } = identity else { continue };
        for (place, column) in state.header.columns.iter().enumerate() {
            if let Column::Field(field) = column
                && !field.is_quoted()
                && let Some(value) = value_in(base, field)
            {
                calibration.observe(field, value, state.cell(index, place));
            }
        }
    }
    report.learned = calibration.columns().map(|(column, style)| LearnedStyle { column: column.to_owned(), style }).collect();
    let answered = |name: &str| context.answers.styles.get(name).copied().unwrap_or_default();
    let style = |column: &Column<'_>| match column {
        Column::Field(field) => answered(&field.name).or(answered("")).or(calibration.style(&field.name)),
        _ => Style::default(),
    };
    state.header.columns.iter().map(style).collect()
}

pub(super) fn compare(
    state: &State<'_>,
    identities: &[Identity<'_>],
    context: &ImportContext<'_>,
    report: &mut ImportReport,
) -> Vec<RowEdits> {
    let styles = styles(state, identities, context, report);
    let any_base = identities.iter().any(|identity| matches!(identity, Identity::Existing { base: Some(_), .. }));
    let default_blanks = match (report.has_base, any_base) {
        (true, _) => BlankMode::Apply,
        (false, true) => BlankMode::ApplyKnown,
        (false, false) => BlankMode::Ignore,
    };
    report.blanks = context.answers.blanks.unwrap_or(default_blanks);
    let mut edits = Vec::with_capacity(state.rows.len());
    for (index, identity) in identities.iter().enumerate() {
        let mut row = RowEdits::default();
        let reader = Reader { state, context, styles: &styles, index, line: state.rows.line(index) };
        match identity {
            Identity::Existing { current, base } => {
                let blanks = match context.answers.blanks.unwrap_or(BlankMode::ApplyKnown) {
                    BlankMode::ApplyKnown if base.is_some() => BlankMode::Apply,
                    BlankMode::ApplyKnown => BlankMode::Ignore,
                    chosen => chosen,
                };
                reader.existing(current, base.unwrap_or(current), blanks, &mut row, report);
            }
            Identity::New(id) => reader.new_row(id, &mut row, report),
            Identity::None => row.failed = true,
        }
        edits.push(row);
    }
    edits
}

struct Reader<'a, 'c> {
    state: &'a State<'a>,
    context: &'a ImportContext<'c>,
    styles: &'a [Style],
    index: usize,
    line: usize,
}

enum Read {
    Unchanged,
    Noticed(Damage),
    Value(CellValue),
    Failed,
}

impl Reader<'_, '_> {
    fn existing(&self, current: &Row, base: &Row, blanks: BlankMode, row: &mut RowEdits, report: &mut ImportReport) {
        let width = self.state.rows.width(self.index);
        for (place, column) in self.state.header.columns.iter().enumerate().take(width) {
            let Column::Field(field) = column else { continue };
            let raw = self.state.cell(self.index, place);
            let was = value_in(base, field);
            let now = value_in(current, field);
            let to = if raw.trim().is_empty() {
                if was.is_none() || blanks != BlankMode::Apply {
                    continue;
                }
                None
            } else {
                match self.read(field, raw, was, place, current.id(), report) {
                    Read::Unchanged => continue,
                    Read::Noticed(damage) => {
                        self.notice(report, field, current.id(), raw, was, damage);
                        continue;
                    }
                    Read::Failed => {
                        row.failed = true;
                        continue;
                    }
                    Read::Value(value) => Some(value),
                }
            };
            if !field.writable_by(self.context.role) {
                report_locked(report, self.line, current.id(), field, raw);
                continue;
            }
            if blanks == BlankMode::FillOnly && now.is_some() {
                continue;
            }
            let result = merge::cell(was, to.as_ref(), now);
            row.changes.push(CellChange {
                line: self.line,
                row: current.id().clone(),
                column: field.name.to_string(),
                from: was.cloned(),
                to,
                current: now.cloned(),
                result,
            });
        }
    }

    fn new_row(&self, id: &RowId, row: &mut RowEdits, report: &mut ImportReport) {
        let defaults: &Schema = self.state.schema;
        row.cells = defaults
            .defaults(id.table())
            .filtered(|name| defaults.field(id.table(), name).is_some_and(|field| field.writable_by(self.context.role)));
        let width = self.state.rows.width(self.index);
        for (place, column) in self.state.header.columns.iter().enumerate().take(width) {
            let Column::Field(field) = column else { continue };
            let raw = self.state.cell(self.index, place);
            if raw.trim().is_empty() {
                continue;
            }
            if !field.writable_by(self.context.role) {
                report_locked(report, self.line, id, field, raw);
                continue;
            }
            match self.read(field, raw, None, place, id, report) {
                Read::Value(value) => row.cells.insert(std::sync::Arc::clone(&field.name), value),
                Read::Failed => row.failed = true,
                Read::Unchanged | Read::Noticed(_) => {}
            }
        }
    }

    fn read(&self, field: &Field, raw: &str, was: Option<&CellValue>, place: usize, id: &RowId, report: &mut ImportReport) -> Read {
        let text = unguarded(field, raw);
        steps::count(1 + raw.len());
        let key = (self.line, field.name.to_string());
        if let Some(was) = was
            && as_exported(field, was, text)
        {
            return Read::Unchanged;
        }
        let style = self.styles.get(place).copied().unwrap_or_default();
        let answers = self.context.answers;
        let literal = (!answers.literal.is_empty() && answers.literal.contains(&key))
            || (!answers.groups.is_empty() && answers.groups.get(&damage_repair(field)) == Some(&GroupAnswer::Literal));
        if let Some(damage) = was.filter(|_| !literal).and_then(|was| damage::recognise(field, was, raw, style)) {
            return Read::Noticed(damage);
        }
        let references = |text: &str| self.state.find_row(text);
        let parse = ParseContext { base: was, style, references: &references };
        match field.parse(text, &parse) {
            Ok(parsed) => {
                if same(parsed.value.as_ref(), was) {
                    return Read::Noticed(Damage::Form);
                }
                for warning in &parsed.warnings {
                    let mut issue = issues::cell(self.line, Some(id), field, warning);
                    issue.code = IssueCode::ValueWarning;
                    issue.message = format!(
                        "Row {}, {}: found {}, expected {}. It is taken as it stands; look at it before proposing.",
                        self.line, field.label, warning.found, warning.expected
                    );
                    issues::push(report, Level::Warning, issue);
                }
                parsed.value.map_or(Read::Unchanged, Read::Value)
            }
            Err(problem) => {
                let issue = issues::cell(self.line, Some(id), field, &problem);
                if let Some(suggestion) = self.settled(key, &issue, &problem) {
                    return if same(Some(suggestion), was) { Read::Noticed(Damage::Form) } else { Read::Value(suggestion.clone()) };
                }
                // A column the person may not change is left alone, whatever stands there.
                if !field.writable_by(self.context.role) {
                    report_locked(report, self.line, id, field, raw);
                    return Read::Unchanged;
                }
                let level = if issue.code == IssueCode::Ambiguous { Level::Question } else { Level::Error };
                issues::push(report, level, issue);
                Read::Failed
            }
        }
    }

    /// The suggestion that was accepted for a cell, alone or with its whole group.
    fn settled<'p>(&self, key: (usize, String), issue: &Issue, problem: &'p CellProblem) -> Option<&'p CellValue> {
        let answers = self.context.answers;
        if answers.accepted.contains(&key) {
            return problem.suggestions.first();
        }
        let mut shown = problem.suggestions.iter().zip(&issue.suggestions);
        let chosen = shown.find(|(_, shown)| answers.chosen.contains(&(key.0, key.1.clone(), (*shown).clone())));
        let group = answers.groups.get(&issue.repair) == Some(&GroupAnswer::Accept);
        chosen.map(|(suggestion, _)| suggestion).or_else(|| problem.suggestions.first().filter(|_| group))
    }

    fn notice(&self, report: &mut ImportReport, field: &Field, id: &RowId, raw: &str, was: Option<&CellValue>, damage: Damage) {
        let kept = was.map(|was| field.display(was)).unwrap_or_default();
        let issue = Issue {
            code: IssueCode::Damage,
            line: self.line,
            row: Some(id.clone()),
            column: field.name.to_string(),
            expected: kept.chars().take(200).collect(),
            found: quoted(raw.trim()),
            message: format!(
                "Row {}, {}: {} stands for {}; {}. The value stays as it was. Choose “take it literally” if it was meant.",
                self.line,
                field.label,
                quoted(raw.trim()),
                quoted(&kept),
                damage.words()
            ),
            repair: damage_repair(field),
            suggestions: Vec::new(),
        };
        issues::push(report, Level::Notice, issue);
    }
}

/// What damaged cells of a column share.
fn damage_repair(field: &Field) -> String {
    format!("damage:{}", field.name)
}

fn report_locked(report: &mut ImportReport, line: usize, id: &RowId, field: &Field, raw: &str) {
    let (code, why) = if field.read_only {
        (IssueCode::ReadOnly, "CollabTrack fills this column itself")
    } else {
        (IssueCode::Forbidden, "your role may not change this column")
    };
    let issue = Issue {
        code,
        line,
        row: Some(id.clone()),
        column: field.name.to_string(),
        expected: "no change".to_owned(),
        found: quoted(raw.trim()),
        message: format!("Row {line}, {}: {why}, so this edit is left out. The cell stays as it is.", field.label),
        repair: format!("{}:{}", code.word(), field.name),
        suggestions: Vec::new(),
    };
    issues::push(report, if field.read_only { Level::Notice } else { Level::Warning }, issue);
}
