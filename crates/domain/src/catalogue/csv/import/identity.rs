//! Which row of the catalogue every row of the file is.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalogue::cells::CellValue;
use crate::catalogue::csv::header::Column;
use crate::catalogue::csv::history::History;
use crate::catalogue::csv::import::{ImportContext, State};
use crate::catalogue::csv::issues::{self, Level};
use crate::catalogue::csv::report::{GroupAnswer, ImportReport, IssueCode, RowChoice};
use crate::catalogue::guard;
use crate::catalogue::row::{Rev, Row, RowId};
use crate::catalogue::schema::Table;
use crate::catalogue::steps;
use crate::catalogue::value::{ParseContext, quoted};
use crate::id::{SplitId, TrackId};

/// What a row of the file is.
#[derive(Debug, Clone)]
pub(super) enum Identity<'c> {
    /// A row of the catalogue; with the state it was exported from, where that is known.
    Existing { current: &'c Row, base: Option<&'c Row> },
    /// A new row.
    New(RowId),
    /// Cannot be told, or stands there twice; an issue says so.
    None,
}

pub(super) fn identify<'c>(state: &State<'_>, context: &mut ImportContext<'c>, report: &mut ImportReport) -> Vec<Identity<'c>> {
    let has_id = state.header.columns.iter().any(|column| matches!(column, Column::Id));
    let mut naturals = Naturals::new(state, context);
    let mut first_lines: HashMap<RowId, usize> = HashMap::new();
    let mut identities = Vec::with_capacity(state.rows.len());
    let mut without_base = 0usize;
    let all_new = |code: IssueCode| context.answers.groups.get(&code.word()) == Some(&GroupAnswer::New);
    let (new_matches, new_twins, new_deleted) =
        (all_new(IssueCode::NaturalMatch), all_new(IssueCode::DuplicateId), all_new(IssueCode::DeletedRow));
    for index in 0..state.rows.len() {
        steps::count(1);
        let line = state.rows.line(index);
        let id_text = if has_id { state.reserved(index, |column| matches!(column, Column::Id)) } else { "" };
        let chosen = context.answers.rows.get(&line).cloned();
        let wanted: Option<RowId> = match chosen {
            Some(RowChoice::New) => None,
            Some(RowChoice::Existing { id }) => Some(id),
            None if !id_text.is_empty() => match known_id(context, id_text) {
                Known::Row(id) => Some(id),
                Known::Deleted(_) if new_deleted => None,
                Known::Deleted(id) => {
                    deleted_row(report, line, &id);
                    identities.push(Identity::None);
                    continue;
                }
                Known::Nothing => {
                    unknown_id(report, line, id_text);
                    identities.push(Identity::None);
                    continue;
                }
            },
            None => match naturals.find(index) {
                Some(_) if new_matches => None,
                Some(id) => {
                    if !context.answers.accept_matches {
                        natural_question(report, line, &id, context);
                        identities.push(Identity::None);
                        continue;
                    }
                    Some(id)
                }
                None => None,
            },
        };
        let Some(id) = wanted else {
            identities.push(Identity::New(fresh_id(context)));
            continue;
        };
        let Some(current) = context.catalogue.row(&id).filter(|row| row.table() == context.table) else {
            unknown_id(report, line, id.as_str());
            identities.push(Identity::None);
            continue;
        };
        if let Some(&first) = first_lines.get(&id) {
            let equal = says_the_same(state, index, first);
            if !equal && new_twins {
                identities.push(Identity::New(fresh_id(context)));
            } else {
                twice(report, line, state.rows.line(first), &id, equal);
                identities.push(Identity::None);
            }
            continue;
        }
        first_lines.insert(id.clone(), index);
        let rev_text = state.reserved(index, |column| matches!(column, Column::Rev));
        let base = Rev::parse(rev_text).ok().and_then(|rev| context.bases.find(context.catalogue, &id, rev));
        if base.is_none() {
            without_base += 1;
            if !rev_text.is_empty() {
                let how =
                    "The row is compared with the catalogue as it is now, so newer values may be overwritten. Look at each change of it.";
                let issue = issues::row(
                    IssueCode::UnknownRev,
                    line,
                    Some(&id),
                    "the token of a state this row had".to_owned(),
                    quoted(rev_text),
                    how,
                );
                issues::push(report, Level::Warning, issue);
            }
        }
        identities.push(Identity::Existing { current, base });
    }
    let existing = identities.iter().filter(|identity| matches!(identity, Identity::Existing { .. })).count();
    report.has_base = existing > 0 && without_base == 0;
    report.exported_from = context.history.and_then(|history| newest_base(history, &identities));
    report.rows_without_base = identities.iter().filter(|identity| matches!(identity, Identity::Existing { base: None, .. })).count();
    if without_base > 0 {
        let mut issue = issues::file(
            IssueCode::NoBase,
            "the token _rev in every row".to_owned(),
            format!("{without_base} rows without a known one"),
            "",
        );
        issue.message = format!(
            "{without_base} of {existing} rows do not say which state of the catalogue they were exported from. They are compared with the catalogue as it is now and may overwrite newer values; look at each change."
        );
        issues::push(report, Level::Warning, issue);
    }
    identities
}

/// Number of the catalogue that wrote the newest state any row of the file was exported from.
fn newest_base(history: &History, identities: &[Identity<'_>]) -> Option<i64> {
    let written = |identity: &Identity<'_>| match identity {
        Identity::Existing { base: Some(base), .. } => history.written(base.id(), base.rev()),
        _ => None,
    };
    identities.iter().filter_map(written).max()
}

fn fresh_id(context: &mut ImportContext<'_>) -> RowId {
    let random = (context.random)();
    if context.table == Table::Tracks { TrackId::from_random(random).into() } else { SplitId::from_random(random).into() }
}

/// What an id of the file is.
enum Known {
    Row(RowId),
    Deleted(RowId),
    Nothing,
}

fn known_id(context: &ImportContext<'_>, text: &str) -> Known {
    match RowId::parse(text).ok().filter(|id| id.table() == context.table) {
        Some(id) if context.catalogue.row(&id).is_some() => Known::Row(id),
        Some(id) if (context.was_deleted)(&id) => Known::Deleted(id),
        _ => Known::Nothing,
    }
}

fn deleted_row(report: &mut ImportReport, line: usize, id: &RowId) {
    let how = "Somebody deleted this row after the export. Leave it out, or choose “add again” to propose it as a new row.";
    let issue = issues::row(
        IssueCode::DeletedRow,
        line,
        Some(id),
        "a row of the catalogue".to_owned(),
        "a row that was deleted meanwhile".to_owned(),
        how,
    );
    issues::push(report, Level::Error, issue);
}

/// One and the same error for malformed, foreign and unknown ids, so that it tells nothing about other projects.
fn unknown_id(report: &mut ImportReport, line: usize, text: &str) {
    let how = "It may come from another project or the other table, or was changed by hand. Empty the cell _id to propose a new row, or restore the id.";
    issues::push(
        report,
        Level::Error,
        issues::row(IssueCode::UnknownId, line, None, "the id of a row of this table in this project".to_owned(), quoted(text), how),
    );
}

fn says_the_same(state: &State<'_>, index: usize, first: usize) -> bool {
    (0..state.header.columns.len()).all(|column| state.cell(index, column).trim() == state.cell(first, column).trim())
}

fn twice(report: &mut ImportReport, line: usize, first: usize, id: &RowId, equal: bool) {
    let found = format!("the id of row {first} again");
    if equal {
        let issue = issues::row(
            IssueCode::SameTwice,
            line,
            Some(id),
            "every row once".to_owned(),
            found,
            "Both rows say the same, so it counts once.",
        );
        issues::push(report, Level::Notice, issue);
    } else {
        let how = "Delete one of the two, or choose “make the second a new row”.";
        issues::push(report, Level::Error, issues::row(IssueCode::DuplicateId, line, Some(id), "every id once".to_owned(), found, how));
    }
}

fn natural_question(report: &mut ImportReport, line: usize, id: &RowId, context: &ImportContext<'_>) {
    let named = context.catalogue.row(id).map(|row| crate::catalogue::validate::row_name(row.content())).unwrap_or_default();
    let how = "Say whether it is that row or a new one.";
    let mut issue = issues::row(
        IssueCode::NaturalMatch,
        line,
        Some(id),
        "an id, or a row like no other".to_owned(),
        format!("a row without id that looks like {named}"),
        how,
    );
    issue.suggestions.push(id.to_string());
    issues::push(report, Level::Question, issue);
}

/// Values of natural keys, with their place in the schema.
type Key = (usize, Vec<Option<CellValue>>);

/// Rows by natural key, as long as a key is unique on both sides.
struct Naturals {
    catalogue: HashMap<Key, Option<RowId>>,
    file: HashMap<usize, Vec<Key>>,
    repeated: HashSet<Key>,
    named: HashSet<RowId>,
}

impl Naturals {
    fn new(state: &State<'_>, context: &ImportContext<'_>) -> Self {
        let keys = &state.schema.table(context.table).natural_keys;
        let mut naturals = Self { catalogue: HashMap::new(), file: HashMap::new(), repeated: HashSet::new(), named: HashSet::new() };
        let id_of = |index: usize| state.reserved(index, |column| matches!(column, Column::Id));
        let columns: BTreeMap<&str, usize> = state
            .header
            .columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| if let Column::Field(field) = column { Some((&*field.name, index)) } else { None })
            .collect();
        let usable: Vec<(usize, &Vec<String>)> =
            keys.iter().enumerate().filter(|(_, names)| names.iter().all(|name| columns.contains_key(name.as_str()))).collect();
        let mut seen: HashSet<Key> = HashSet::new();
        let mut any = false;
        for index in 0..state.rows.len() {
            if let Ok(id) = RowId::parse(id_of(index)) {
                naturals.named.insert(id);
                continue;
            }
            any = true;
            for (place, names) in &usable {
                let values: Vec<Option<CellValue>> =
                    names.iter().map(|name| columns.get(name.as_str()).and_then(|&column| value(state, index, column))).collect();
                if values.iter().all(Option::is_none) {
                    continue;
                }
                let key = (*place, values);
                if !seen.insert(key.clone()) {
                    naturals.repeated.insert(key.clone());
                }
                naturals.file.entry(index).or_default().push(key);
            }
        }
        if any {
            for row in context.catalogue.table(context.table) {
                for (place, names) in &usable {
                    steps::count(names.len());
                    let values: Vec<Option<CellValue>> = names.iter().map(|name| row.cells().get(name).map(CellValue::key)).collect();
                    if values.iter().any(Option::is_some) {
                        naturals
                            .catalogue
                            .entry((*place, values))
                            .and_modify(|other| *other = None)
                            .or_insert_with(|| Some(row.id().clone()));
                    }
                }
            }
        }
        naturals
    }

    /// The row of the catalogue that a row without id looks like, if neither side has another like it and no other row of the file
    /// names it.
    fn find(&mut self, index: usize) -> Option<RowId> {
        let keys = self.file.get(&index)?;
        let found = keys.iter().filter(|key| !self.repeated.contains(*key)).find_map(|key| self.catalogue.get(key).cloned().flatten());
        found.filter(|id| self.named.insert(id.clone()))
    }
}

fn value(state: &State<'_>, row: usize, column: usize) -> Option<CellValue> {
    let Column::Field(field) = state.header.columns.get(column)? else { return None };
    let text = state.cell(row, column).trim();
    let text = if field.is_quoted() { guard::unescape(text) } else { text };
    let references = |text: &str| state.find_row(text);
    let context = ParseContext { references: &references, ..ParseContext::PLAIN };
    field.parse(text, &context).ok().and_then(|parsed| parsed.value).map(|value| value.key())
}
