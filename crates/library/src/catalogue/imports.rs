//! A CSV on its way in: read, checked by the server against the state it was exported from, asked about, and only then proposed. Its
//! bytes are kept until then, so that an answer checks the same file again, whatever happened to it on disk; a file that is kept as a
//! draft is there with its answers after a restart as well.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::csv::report::{Answers, ImportReport, Issue, RepairGroup};
use collabtrack_domain::catalogue::csv::{self, Delimiter, ExportOptions};
use collabtrack_domain::catalogue::guard;
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::change_set::merge::{Bases, CellResult};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_protocol::approval::CsvSource;
use collabtrack_protocol::catalogue::{ImportAnswer, ImportRequest};
use collabtrack_protocol::limits::MAX_CSV_BYTES;
use data_encoding::BASE64;
use serde_json::Value;

use super::{Known, Names, RowCells, table_of, unlike, word, write_durably};
use crate::approval::Revised;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::paths;
use crate::record::{blocking, random_bits};
use crate::store::commit;
use crate::store::csv_drafts::{self, Draft};
use crate::sync::remote::RemoteError;
use crate::view::imports::{ImportColumn, ImportConflict, ImportRemark, ImportTotals, ImportView, RepairView};
use crate::view::{CellChangeView, ChangeWord, ProposalView};

/// Longest name of a file that the log keeps.
const MAX_FILE_NAME_CHARS: usize = 200;
/// Files kept in memory for answers, the newest ones; drafts are read again when they are asked for.
const MOST_IMPORTS: usize = 2;

/// A file that was read, with what the last look at it found.
#[derive(Clone)]
struct Checked {
    project: ProjectId,
    table: Table,
    file_name: String,
    bytes: Arc<Vec<u8>>,
    base_head: String,
    /// What to propose; nothing while something is in the way.
    ops: Vec<Op>,
    rows_without_base: u32,
    problems: Vec<ImportRemark>,
    /// Whether it was compared with the catalogue as last read only.
    is_offline: bool,
}

impl Checked {
    /// A draft that was not looked at in this run: nothing of it can be proposed before that.
    fn of(draft: Draft) -> Self {
        Self {
            project: draft.project,
            table: draft.table,
            file_name: draft.file_name,
            bytes: Arc::new(draft.bytes),
            base_head: String::new(),
            ops: Vec::new(),
            rows_without_base: 0,
            problems: Vec::new(),
            is_offline: false,
        }
    }
}

/// Imports of this run.
#[derive(Default)]
pub(crate) struct Imports(HashMap<String, Checked>);

impl Library {
    /// Reads and checks an edited CSV. Nothing is proposed or kept beyond this run.
    /// # Errors
    /// `File`, `Invalid` for a file that is too large, or that the server does not answer. What is wrong inside stands in the answer.
    pub async fn import_catalogue(&self, project: &ProjectId, table: &str, source: &Path) -> Result<ImportView> {
        let table = table_of(table)?;
        self.on_server(project).await?;
        let path = source.to_path_buf();
        let bytes = Arc::new(blocking(move || read_csv(&path)).await?);
        let import = format!("imp_{:032x}", rand::random::<u128>());
        let file = Checked {
            project: project.clone(),
            table,
            file_name: paths::name(source),
            bytes,
            base_head: String::new(),
            ops: Vec::new(),
            rows_without_base: 0,
            problems: Vec::new(),
            is_offline: false,
        };
        self.look_at(import, file, &Answers::default()).await
    }

    /// Keeps a file that was read as the draft of its table, in place of the one before, until it is proposed or thrown away.
    /// # Errors
    /// `Unknown`, or what the database said.
    pub async fn import_keep(&self, import: &str) -> Result<()> {
        let file = self.imported(import).await?;
        let draft = Draft {
            import: import.to_owned(),
            project: file.project,
            table: file.table,
            file_name: file.file_name,
            bytes: file.bytes.to_vec(),
            answers: Answers::default(),
        };
        let mut transaction = self.store().write().await?;
        csv_drafts::put(&mut transaction, &draft).await?;
        Ok(commit(transaction).await?)
    }

    /// The draft of a table, checked again with what was answered about it; none when there is none.
    /// # Errors
    /// `Invalid` table, or what the server refused.
    pub async fn import_draft(&self, project: &ProjectId, table: &str) -> Result<Option<ImportView>> {
        let table = table_of(table)?;
        let draft = csv_drafts::of_table(&mut *self.store().read().await?, project, table).await?;
        let Some(draft) = draft else { return Ok(None) };
        let (import, answers) = (draft.import.clone(), draft.answers.clone());
        Ok(Some(self.look_at(import, Checked::of(draft), &answers).await?))
    }

    /// Throws a file and its answers away.
    /// # Errors
    /// What the database said.
    pub async fn import_discard(&self, import: &str) -> Result<()> {
        self.imports().0.remove(import);
        let mut transaction = self.store().write().await?;
        csv_drafts::done(&mut transaction, import).await?;
        Ok(commit(transaction).await?)
    }

    /// Checks the same file again with answers and choices: all of them, not only the new ones.
    /// # Errors
    /// `Unknown` when the file was read in an earlier run and not kept, or what the server refused.
    pub async fn import_answer(&self, import: &str, answers: &Answers) -> Result<ImportView> {
        let file = self.imported(import).await?;
        let view = self.look_at(import.to_owned(), file, answers).await?;
        let mut transaction = self.store().write().await?;
        csv_drafts::answer(&mut transaction, import, answers).await?;
        commit(transaction).await?;
        Ok(view)
    }

    /// Writes the problems of an import as a CSV that a spreadsheet opens.
    /// # Errors
    /// `Unknown`, `File`.
    pub async fn import_problems(&self, import: &str, target: &Path) -> Result<()> {
        let file = self.imported(import).await?;
        let target = target.to_path_buf();
        blocking(move || write_durably(&target, problems_csv(&file.problems).as_bytes())).await
    }

    /// Proposes what a checked CSV would change.
    /// # Errors
    /// `Unknown` when the import was checked in an earlier run, `Invalid` while something is in the way, or what the server refused.
    pub async fn import_propose(&self, import: &str, title: &str, reason: &str) -> Result<ProposalView> {
        let file = self.imported(import).await?;
        let (title, source) = proposable(&file, title)?;
        let proposal = self.propose(&file.project, &title, reason, file.base_head, &file.ops, Some(source)).await?;
        self.import_discard(import).await?;
        Ok(proposal)
    }

    /// Puts what a checked CSV would change in place of everything one's own proposal says: it waits for review as its next revision.
    /// # Errors
    /// As [`Library::import_propose`]; `forbidden` for somebody else's proposal, `already_decided`.
    pub async fn import_revise(&self, import: &str, change_set: &ChangeSetId, title: &str, reason: &str) -> Result<ProposalView> {
        let file = self.imported(import).await?;
        let (title, source) = proposable(&file, title)?;
        let revised = Revised { title: &title, reason, base_head: file.base_head, csv: Some(source) };
        let proposal = self.send_revision(change_set, revised, &file.ops).await?;
        self.import_discard(import).await?;
        Ok(proposal)
    }

    /// A file that was read in this run, or is kept as a draft.
    async fn imported(&self, import: &str) -> Result<Checked> {
        let read = self.imports().0.get(import).cloned();
        if let Some(read) = read {
            return Ok(read);
        }
        let unknown = || LibraryError::Unknown { what: "import", id: import.chars().take(64).collect() };
        let draft = csv_drafts::get(&mut *self.store().read().await?, import).await?;
        draft.map(Checked::of).ok_or_else(unknown)
    }

    async fn look_at(&self, import: String, mut file: Checked, answers: &Answers) -> Result<ImportView> {
        let known = self.known_catalogue(&file.project, true).await?;
        let (report, is_offline) = match self.report(&file, answers).await {
            Ok(report) => (report, false),
            Err(error @ LibraryError::Remote(RemoteError::Refused(_))) => return Err(error),
            Err(error) => {
                tracing::info!(%error, "a file is compared with the catalogue as last read");
                (self.own_report(&known, &file, answers).await?, true)
            }
        };
        let mut view = import_view(&known, &report, import.clone(), file.file_name.clone());
        view.is_offline = is_offline;
        view.answers = serde_json::to_value(answers).map_err(|_| unlike("the answers"))?;
        file.is_offline = is_offline;
        file.rows_without_base = u32::try_from(report.rows_without_base).unwrap_or(u32::MAX);
        file.base_head = known.catalogue.head.clone();
        file.problems = view.errors.iter().chain(&view.questions).cloned().collect();
        file.ops = if view.may_propose { report.ops } else { Vec::new() };
        let mut imports = self.imports();
        if !imports.0.contains_key(&import) && imports.0.len() >= MOST_IMPORTS {
            imports.0.clear();
        }
        imports.0.insert(import, file);
        Ok(view)
    }

    /// The server's report: it knows every state a row was exported from.
    async fn report(&self, file: &Checked, answers: &Answers) -> Result<ImportReport> {
        let api = self.api().await?;
        let asked = ImportRequest {
            csv: BASE64.encode(&file.bytes),
            answers: serde_json::to_value(answers).map_err(|_| unlike("the answers"))?,
            file_name: file.file_name.clone(),
        };
        let query = [("table", file.table.as_str()), ("mode", "preview")];
        let path = format!("/projects/{}/imports", file.project);
        let answer: ImportAnswer = self.heard(api.post_with(&path, &query, &asked).await)?;
        serde_json::from_value(answer.report).map_err(|_| unlike("the report of the import"))
    }

    /// The report of this computer, from the catalogue as last read: it knows no earlier states of rows.
    async fn own_report(&self, known: &Known, file: &Checked, answers: &Answers) -> Result<ImportReport> {
        let (catalogue, role, table) = (known.as_catalogue()?, known.role, file.table);
        let (answers, bytes) = (answers.clone(), Arc::clone(&file.bytes));
        let report = move || {
            let mut context = csv::ImportContext {
                table,
                catalogue: &catalogue,
                bases: &Bases::none(),
                history: None,
                was_deleted: &|_| false,
                role,
                answers: &answers,
                random: &mut random_bits,
            };
            Ok(csv::import(&bytes, &mut context))
        };
        blocking(report).await
    }

    /// A table of the catalogue as last read, as CSV: what a computer without the server can export.
    pub(super) async fn kept_csv(&self, project: &ProjectId, table: Table, delimiter: Delimiter) -> Result<Vec<u8>> {
        let known = self.last_catalogue(project).await?;
        let (catalogue, role) = (known.as_catalogue()?, known.role);
        blocking(move || Ok(csv::export(&catalogue, table, &ExportOptions { delimiter, role }))).await
    }
}

/// Title and source of a proposal from a file.
fn proposable(file: &Checked, title: &str) -> Result<(String, CsvSource)> {
    if file.is_offline && !file.ops.is_empty() {
        return Err(LibraryError::Invalid {
            what: "The file was compared with the catalogue as this computer last read it, not with the one of now. Nothing was proposed. Compare it again when the server answers.".into(),
        });
    }
    if file.ops.is_empty() {
        return Err(LibraryError::Invalid {
            what: "The file changes nothing, or something in it is in the way. Nothing was proposed.".into(),
        });
    }
    let title = if title.trim().is_empty() { format!("Changes from {}", file.file_name) } else { title.to_owned() };
    let source = CsvSource {
        table: file.table.as_str().to_owned(),
        file_name: file.file_name.chars().take(MAX_FILE_NAME_CHARS).collect(),
        sha256: ObjectHash::of(&file.bytes),
        rows_without_base: file.rows_without_base,
    };
    Ok((title, source))
}

fn read_csv(path: &Path) -> Result<Vec<u8>> {
    let fault = |error| LibraryError::file("read", path, error);
    let length = std::fs::metadata(path).map_err(fault)?.len();
    if length > MAX_CSV_BYTES as u64 {
        return Err(LibraryError::Invalid {
            what: format!(
                "The file has {length} bytes; a catalogue has at most {MAX_CSV_BYTES}. Nothing was read. Export only the table you edited."
            ),
        });
    }
    std::fs::read(path).map_err(fault)
}

fn wire_word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn remark(issue: &Issue) -> ImportRemark {
    ImportRemark {
        code: issue.code.word(),
        line: (issue.line > 0).then_some(issue.line as u64),
        column: (!issue.column.is_empty()).then(|| issue.column.clone()),
        message: issue.message.clone(),
        expected: issue.expected.clone(),
        found: issue.found.clone(),
        repair: issue.repair.clone(),
        suggestions: issue.suggestions.clone(),
    }
}

fn import_view(known: &Known, report: &ImportReport, import: String, file_name: String) -> ImportView {
    let columns = report.columns.iter().map(|column| ImportColumn {
        heading: column.heading.clone(),
        field: column.field.clone(),
        suggestion: column.suggestion.clone(),
        reason: column.reason.clone(),
    });
    let repair = |group: &RepairGroup| RepairView {
        repair: group.repair.clone(),
        code: group.code.word(),
        column: (!group.column.is_empty()).then(|| group.column.clone()),
        count: group.count as u64,
        title: group.title.clone(),
    };
    ImportView {
        import,
        file_name,
        table: report.table.as_str().to_owned(),
        encoding: wire_word(report.encoding),
        delimiter: report.delimiter.to_string(),
        columns: columns.collect(),
        fields: known.schema.readable_fields(report.table, known.role).map(|field| (field.name.to_string(), field.label.clone())).collect(),
        has_base: report.rows_without_base == 0,
        blanks: wire_word(report.blanks),
        rows: report.counts.rows as u64,
        unchanged: report.counts.unchanged_rows as u64,
        missing: report.missing.rows as u64,
        added_since: report.missing.added_since as u64,
        exported_from: report.exported_from,
        catalogue: report.catalogue,
        conflicts: report.counts.conflicts as u64,
        may_propose: !report.is_blocked() && !report.ops.is_empty(),
        changes: changes(known, report),
        conflict_cells: conflict_cells(known, report),
        notices: report.notices.iter().map(remark).collect(),
        warnings: report.warnings.iter().map(remark).collect(),
        questions: report.questions.iter().map(remark).collect(),
        errors: report.errors.iter().map(remark).collect(),
        repairs: report.repairs.iter().map(repair).collect(),
        ignored: report.ignored.iter().map(repair).collect(),
        totals: ImportTotals {
            errors: report.totals.errors as u64,
            questions: report.totals.questions as u64,
            warnings: report.totals.warnings as u64,
            notices: report.totals.notices as u64,
        },
        answers: Value::Null,
        is_offline: false,
    }
}

fn json(value: &Option<CellValue>) -> Value {
    value.as_ref().map_or(Value::Null, CellValue::to_json)
}

fn label_of(known: &Known, row: &str, column: &str) -> String {
    known.field(row, column).map_or_else(|| column.to_owned(), |field| field.label.clone())
}

/// What two people changed differently, with the value at the export, the one of the file, and the one of now.
fn conflict_cells(known: &Known, report: &ImportReport) -> Vec<ImportConflict> {
    let conflicts = report.changed.iter().chain(&report.cleared).filter(|change| change.result == CellResult::Conflict);
    conflicts
        .map(|change| {
            let row = change.row.to_string();
            let shown = |value: &Option<CellValue>| known.shown(&row, &change.column, &json(value));
            ImportConflict {
                row_label: known.label(&row),
                field: change.column.clone(),
                field_label: label_of(known, &row, &change.column),
                was: shown(&change.from),
                proposed: shown(&change.to),
                now: shown(&change.current),
                row,
            }
        })
        .collect()
}

/// What would change. A cell that already has the value of the file is none.
fn changes(known: &Known, report: &ImportReport) -> Vec<CellChangeView> {
    let cells = |cells: Value| if let Value::Object(cells) = cells { cells } else { RowCells::new() };
    let added: Vec<(&str, RowCells)> = report.added.iter().map(|added| (added.row.as_str(), cells(added.cells.to_json()))).collect();
    let names = Names::new(known, added.iter().map(|(row, cells)| (*row, cells)));
    let mut changes = Vec::new();
    for change in report.changed.iter().chain(&report.cleared).filter(|change| change.result != CellResult::AlreadySo) {
        let row = change.row.to_string();
        let label = label_of(known, &row, &change.column);
        changes.push(CellChangeView {
            row_label: known.label(&row),
            from: names.value(&row, &change.column, &json(&change.current)),
            to: names.value(&row, &change.column, &json(&change.to)),
            change: word(change.current.is_some(), change.to.is_some()),
            field: change.column.clone(),
            field_label: label,
            part_of: None,
            may_type: false,
            row,
        });
    }
    for (row, cells) in &added {
        changes.extend(names.lines(row, cells, ChangeWord::Added));
    }
    for deleted in &report.deleted {
        let id = deleted.row.as_str();
        let cells: RowCells = known.row(id).map(|row| row.cells.clone().into_iter().collect()).unwrap_or_default();
        changes.extend(names.lines(id, &cells, ChangeWord::Deleted));
    }
    changes
}

/// The problems as CSV: UTF-8 with byte order mark, CRLF, every cell quoted and guarded against formulas.
fn problems_csv(problems: &[ImportRemark]) -> String {
    let cell = |text: &str| format!("\"{}\"", guard::escape(text).replace('"', "\"\""));
    let mut text = String::from("\u{feff}row,column,found,expected,suggestion,what to do\r\n");
    for problem in problems {
        let line = problem.line.map(|line| line.to_string()).unwrap_or_default();
        let rest = [
            problem.column.as_deref().unwrap_or_default(),
            &problem.found,
            &problem.expected,
            problem.suggestions.first().map(String::as_str).unwrap_or_default(),
            &problem.message,
        ];
        text.push_str(&format!("{line},{}\r\n", rest.map(cell).join(",")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_problems_holds_no_formula_and_every_quote_closes() {
        let problem = ImportRemark {
            code: "value".into(),
            line: Some(42),
            column: Some("title".into()),
            message: "Row 42, Title: put it right.".into(),
            expected: "a title".into(),
            found: "=HYPERLINK(\"x\")".into(),
            repair: "value:title".into(),
            suggestions: vec!["Night \"Drive\"".into()],
        };
        let text = problems_csv(&[problem]);
        assert_eq!(
            text.lines().nth(1),
            Some("42,\"title\",\"'=HYPERLINK(\"\"x\"\")\",\"a title\",\"Night \"\"Drive\"\"\",\"Row 42, Title: put it right.\"")
        );
    }
}
