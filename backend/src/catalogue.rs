//! The catalogue of a project as its members read it: rows, schema, CSV out, and CSV in as a report or a draft. It changes only through
//! approved change sets.

use std::collections::HashSet;
use std::sync::Arc;

use collabtrack_domain::catalogue::csv::report::{Answers, MissingRows};
use collabtrack_domain::catalogue::csv::{self, Delimiter, ExportOptions, History, ImportContext, ImportReport};
use collabtrack_domain::catalogue::row::Row;
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::change_set::merge::Bases;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::approval::{CsvSource, Propose};
use collabtrack_protocol::catalogue::{ApprovedVersion, Catalogue, CatalogueRow, ImportAnswer, UncataloguedTrack};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use self::recent::Recent;
use crate::audit::{self, Fact};
use crate::error::{Error, not_found};
use crate::sessions::Session;
use crate::{access, change_sets, random};

pub(crate) mod past;
pub mod recent;
pub(crate) mod rows;

pub(crate) use rows::begin;

/// The catalogue as an account may read it, or that it is the one it has.
pub enum Seen {
    /// It is the one that was named.
    Same,
    /// The catalogue, and the tag that names it; an earlier state has none.
    Other(Box<Catalogue>, Option<String>),
}

/// The catalogue as the asking account may read it, now or as it stood in an earlier state; unless `known` is the tag of the one of now.
/// # Errors
/// `not_found` for whoever is not in the project, and for a state it never had.
pub async fn view(
    db: &PgPool,
    recent: &Recent,
    session: &Session,
    project: &ProjectId,
    head: Option<&str>,
    known: Option<&str>,
) -> Result<Seen, Error> {
    let mut tx = db.begin().await?;
    let role = access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let (snapshot, outside, tag) = match head {
        None => {
            // Read before the rows: whoever is overtaken in between is told once more.
            let outside = rows::outside(&mut tx, project).await?;
            let tag = tag(&rows::current(&mut tx, project).await?.head, role, &outside);
            if known == Some(tag.as_str()) {
                return Ok(Seen::Same);
            }
            (recent.load(&mut tx, project).await?, outside, Some(tag))
        }
        // Which tracks waited outside the catalogue then is not kept.
        Some(head) => (Arc::new(state_of(&mut tx, project, head).await?), Vec::new(), None),
    };
    tx.commit().await?;
    let readable = snapshot.catalogue.readable_by(role);
    let catalogue = Catalogue {
        head: snapshot.head.to_string(),
        number: snapshot.number,
        schema: readable.schema().to_value(),
        rows: readable.rows().iter().map(row_view).collect(),
        outside: outside.into_iter().map(|(id, name)| UncataloguedTrack { id: id.to_string(), name }).collect(),
    };
    Ok(Seen::Other(Box::new(catalogue), tag))
}

/// Names everything an answer is made of: the state, which also names its columns, who reads it, and what is not in it yet.
fn tag(head: &ObjectHash, role: Role, outside: &[(TrackId, String)]) -> String {
    let mut named = format!("{head} {}", role.as_str());
    for (id, name) in outside {
        named.push_str(&format!("\0{id}\0{name}"));
    }
    format!("W/\"{}\"", &ObjectHash::of(named.as_bytes()).to_string()[..32])
}

async fn state_of(db: &mut PgConnection, project: &ProjectId, head: &str) -> Result<rows::Snapshot, Error> {
    let head = ObjectHash::parse(head).map_err(|_| not_found())?;
    let (number, _) = rows::head_facts(db, project, &head).await?.ok_or_else(not_found)?;
    let head = past::head(db, project, number).await?.ok_or_else(not_found)?;
    past::load(db, project, &head).await
}

fn row_view(row: &Row) -> CatalogueRow {
    CatalogueRow {
        table: row.table().as_str().to_owned(),
        id: row.id().to_string(),
        rev: row.rev().to_string(),
        cells: row.cells().to_map(),
        approved: row.approved().map(|approved| ApprovedVersion {
            version: approved.version.clone(),
            number: approved.number,
            sha256: approved.sha256,
        }),
    }
}

/// The column schema document.
/// # Errors
/// `not_found` for whoever is not in the project.
pub async fn schema(db: &PgPool, session: &Session, project: &ProjectId) -> Result<serde_json::Value, Error> {
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let schema = rows::current_schema(&mut tx, project).await?;
    tx.commit().await?;
    Ok(schema.to_value())
}

/// One table as CSV, with the columns the asking account may read.
/// # Errors
/// `not_found` for whoever is not in the project.
pub async fn export(db: &PgPool, session: &Session, project: &ProjectId, table: Table, delimiter: Delimiter) -> Result<Vec<u8>, Error> {
    let mut tx = db.begin().await?;
    let role = access::check(&mut tx, &session.account, project, Action::SeeProject).await?;
    let snapshot = rows::load(&mut tx, project).await?;
    // Members see in the log who took the table with them.
    let detail = serde_json::json!({"table": table.as_str(), "catalogue_number": snapshot.number});
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "catalogue.export", project.as_str());
    audit::append(&mut tx, fact.detail(detail)).await?;
    tx.commit().await?;
    blocking(move || csv::export(&snapshot.catalogue, table, &ExportOptions { delimiter, role })).await
}

/// What comes of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportMode {
    /// Only the report; nothing is written.
    Preview,
    /// The report, and a draft change set if nothing blocks.
    Draft,
}

/// Whether the account may import at all; asked before a large body is read.
/// # Errors
/// `not_found` for whoever is not in the project, `forbidden` for a role that may not propose.
pub async fn check_import(db: &PgPool, session: &Session, project: &ProjectId) -> Result<(), Error> {
    access::check(&mut *db.acquire().await?, &session.account, project, Action::Propose).await.map(drop)
}

/// A file to import.
#[derive(Debug, Clone)]
pub struct CsvFile {
    /// Its name, where the sender told it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Answers to the questions of an earlier report.
    pub answers: Answers,
}

/// What a CSV file would change, and on request a draft that proposes it.
/// # Errors
/// `forbidden` for a role that may not propose. A file that cannot be read is a report with errors, not an error.
pub async fn import(
    db: &PgPool,
    session: &Session,
    project: &ProjectId,
    table: Table,
    mode: ImportMode,
    file: CsvFile,
) -> Result<ImportAnswer, Error> {
    let mut tx = db.begin().await?;
    let role = access::check(&mut tx, &session.account, project, Action::Propose).await?;
    let snapshot = rows::load(&mut tx, project).await?;
    let tokens = tokens(&file.bytes);
    let mut bases = rows::states_by_token(&mut tx, project, &tokens).await?;
    if let (MissingRows::Delete { .. }, Some(newest)) = (&file.answers.missing_rows, bases.iter().map(|(_, number)| *number).max()) {
        // Rows that the file does not have go as they stood when it was exported, not as somebody edited them since.
        bases.extend(rows::states_before(&mut tx, project, newest).await?);
    }
    let deleted = rows::deleted(&mut tx, project).await?;
    tx.commit().await?;
    let head = snapshot.head;
    let (file_name, sha256) = (file.name.clone(), ObjectHash::of(&file.bytes));
    let report = blocking(move || read(&snapshot, table, role, bases, &deleted, &file)).await?;
    let change_set = if mode == ImportMode::Draft && !report.is_blocked() && !report.ops.is_empty() {
        let id = ChangeSetId::from_random(random::bytes());
        let counts = (report.changed.len() + report.cleared.len(), report.added.len(), report.deleted.len());
        let ops =
            report.ops.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(|_| Error::Damaged { what: "operation" })?;
        let body = Propose {
            change_set: id.clone(),
            title: format!("CSV import of {}: {} cells changed, {} rows added, {} deleted", table.as_str(), counts.0, counts.1, counts.2),
            reason: String::new(),
            base_head: head.to_string(),
            ops,
            submit: false,
            csv: Some(CsvSource {
                table: table.as_str().to_owned(),
                file_name,
                sha256,
                rows_without_base: u32::try_from(report.rows_without_base).unwrap_or(u32::MAX),
            }),
        };
        change_sets::propose::propose(db, session, project, &body).await?;
        Some(id.to_string())
    } else {
        None
    };
    let report = serde_json::to_value(&report).map_err(|_| Error::Damaged { what: "report" })?;
    Ok(ImportAnswer { report, change_set })
}

fn read(
    snapshot: &rows::Snapshot,
    table: Table,
    role: Role,
    bases: Vec<(Row, i64)>,
    deleted: &HashSet<collabtrack_domain::catalogue::row::RowId>,
    file: &CsvFile,
) -> ImportReport {
    let catalogue = snapshot.catalogue.readable_by(role);
    let written = bases.iter().map(|(row, number)| (row.id().clone(), row.rev(), *number));
    let history = History::new(snapshot.number, written, snapshot.added.iter().cloned());
    let bases = Bases::new(bases.iter().map(|(row, _)| row.readable_by(catalogue.schema(), role)));
    let mut context = ImportContext {
        table,
        catalogue: &catalogue,
        bases: &bases,
        history: Some(&history),
        was_deleted: &|row| deleted.contains(row),
        role,
        answers: &file.answers,
        random: &mut random::bytes,
    };
    csv::import(&file.bytes, &mut context)
}

/// Everything in the file that looks like a row token, whatever its encoding: only these states can be bases.
fn tokens(bytes: &[u8]) -> Vec<String> {
    const TOKEN_LEN: usize = 20;
    let compact: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let runs = compact.split(|byte| !byte.is_ascii_lowercase() || *byte > b'p').filter(|run| run.len() == TOKEN_LEN);
    let unique: HashSet<&[u8]> = runs.collect();
    unique.into_iter().map(|run| String::from_utf8_lossy(run).into_owned()).collect()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Damaged { what: "CSV" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_any_encoding_and_nothing_else_is() {
        let text = "\"_id\",\"_rev\"\r\n\"trk_aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"iodphflofdekjeibahdd\",\"aaaaaaaaaaaaaaaaaaaaaa\"";
        assert_eq!(tokens(text.as_bytes()), ["iodphflofdekjeibahdd"]);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(tokens(&wide), ["iodphflofdekjeibahdd"]);
    }
}
