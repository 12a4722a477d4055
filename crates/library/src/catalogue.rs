//! The catalogue: reading it, CSV out, and proposals made from it. Nothing here changes the catalogue: only approved change sets do.

pub mod check;
mod columns;
mod edits;
mod finds;
pub mod imports;
mod known;
mod search;
mod whole;

use std::path::Path;

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::catalogue::row::Rev;
use collabtrack_domain::catalogue::schema::{Required, Table};
use collabtrack_domain::change_set::op::{Op, VersionRef};
use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{ChangeSetSummary, CsvSource, Propose};
use serde_json::Value;

pub use edits::{CellEdit, SheetEdits};
pub(crate) use known::{Known, Latest};
pub(crate) use whole::{Names, ROW, RowCells};

use crate::content_store::{discard, rename, sync_folder};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::paths;
use crate::record::{blocking, random_bits};
use crate::store::{retired, tracks, versions};
use crate::sync::remote::RemoteError;
use crate::view::{CatalogueRowView, CatalogueView, CellChangeView, ChangeWord, ColumnView, ProposalView};

fn table_of(word: &str) -> Result<Table> {
    Table::from_word(word)
        .ok_or_else(|| LibraryError::Invalid { what: format!("{word:?} is no table of the catalogue: tracks or splits.") })
}

pub(crate) fn unlike(what: &str) -> LibraryError {
    RemoteError::NotCollabtrack { reason: format!("{what} has another form") }.into()
}

fn required_word(required: Required) -> &'static str {
    match required {
        Required::Never => "never",
        Required::Release => "release",
        Required::Always => "always",
    }
}

fn table_view(known: &Known, table: Table) -> CatalogueView {
    let columns = known.schema.readable_fields(table, known.role).map(|field| ColumnView {
        name: field.name.to_string(),
        label: field.label.clone(),
        kind: field.field_type.as_str().to_owned(),
        choices: field.choices.clone(),
        read_only: field.read_only,
        may_edit: field.writable_by(known.role) && known.role >= Role::Member,
        required: required_word(field.required).to_owned(),
        help: field.help.clone(),
    });
    let columns: Vec<ColumnView> = columns.collect();
    let rows = known
        .table(table)
        .map(|row| CatalogueRowView {
            cells: row.cells.iter().filter_map(|(name, value)| Some((name.clone(), known.shown(&row.id, name, value)?))).collect(),
            approved: row.approved.as_ref().map(|approved| approved.number),
            id: row.id.clone(),
            rev: row.rev.clone(),
        })
        .collect();
    CatalogueView {
        project: known.project.to_string(),
        state: known.tag.clone().unwrap_or_default(),
        table: table.as_str().to_owned(),
        columns,
        rows,
        outside: known.catalogue.outside.iter().map(|track| (track.id.clone(), track.name.clone())).collect(),
        head: known.catalogue.head.clone(),
        number: known.catalogue.number,
    }
}

impl Library {
    /// A table of the catalogue; as last read when the server does not answer.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` table.
    pub async fn catalogue(&self, project: &ProjectId, table: &str) -> Result<CatalogueView> {
        let table = table_of(table)?;
        Ok(table_view(&*self.known_catalogue(project, true).await?, table))
    }

    /// As [`Library::catalogue`]; none when it still is in the state that was seen.
    /// # Errors
    /// As [`Library::catalogue`].
    pub async fn catalogue_unless(&self, project: &ProjectId, table: &str, seen: &str) -> Result<Option<CatalogueView>> {
        let table = table_of(table)?;
        let known = self.known_catalogue(project, true).await?;
        Ok((seen.is_empty() || known.tag.as_deref() != Some(seen)).then(|| table_view(&known, table)))
    }

    /// Writes a table as CSV with that delimiter, exactly as the server makes it; without the server, of the catalogue as last read.
    /// # Errors
    /// `OnlyHere`, `File`, or that the server does not answer and the catalogue was never read.
    pub async fn export_catalogue(&self, project: &ProjectId, table: &str, delimiter: Delimiter, target: &Path) -> Result<()> {
        let table = table_of(table)?;
        self.on_server(project).await?;
        let path = format!("/projects/{project}/catalogue.csv");
        let asked = match self.api().await {
            Ok(api) => {
                let query = [("table", table.as_str()), ("delimiter", delimiter.as_str())];
                self.heard(api.bytes(&path, &query, "text/csv").await).map_err(LibraryError::from)
            }
            Err(error) => Err(error),
        };
        let bytes = match asked {
            Err(error) if !matches!(error, LibraryError::Remote(RemoteError::Refused(_))) => {
                self.kept_csv(project, table, delimiter).await.map_err(|_| error)?
            }
            asked => asked?,
        };
        let target = target.to_path_buf();
        blocking(move || write_durably(&target, &bytes)).await
    }

    /// Proposes edited cells, rows made by hand and rows to go. An edit of a track outside the catalogue brings it in; a track that goes
    /// takes its splits along.
    /// # Errors
    /// `Invalid` for a value its column does not take; nothing is proposed then.
    pub async fn propose_cells(
        &self,
        project: &ProjectId,
        table: &str,
        title: &str,
        reason: &str,
        edits: impl Into<SheetEdits>,
    ) -> Result<ProposalView> {
        let table = table_of(table)?;
        let known = self.known_catalogue(project, false).await?;
        let edits = edits.into();
        let ops = edits::ops(&known, table, &edits)?;
        let title = if title.trim().is_empty() { edits::title(&known, &edits) } else { title.to_owned() };
        self.propose(project, &title, reason, known.catalogue.head.clone(), &ops, None).await
    }

    /// Proposes a version as the approved one of its track. A track outside the catalogue is brought in with it.
    /// # Errors
    /// `OnlyHere`, `Unknown`, or what the server refused, such as `version_incomplete`.
    pub async fn propose_version(&self, id: &VersionId, reason: &str) -> Result<ProposalView> {
        let (version, track) = {
            let mut connection = self.store().read().await?;
            let unknown = || LibraryError::Unknown { what: "version", id: id.to_string() };
            let version = versions::get(&mut connection, id).await?.ok_or_else(unknown)?;
            let track = tracks::get(&mut connection, &version.track).await?.ok_or_else(unknown)?;
            (version, track)
        };
        let known = self.known_catalogue(&version.project, false).await?;
        if !version.numbered {
            return Err(LibraryError::Invalid {
                what: "This version is not on the server yet, so nobody else could hear it. Let it be sent first, then propose it.".into(),
            });
        }
        let row = known.row(track.id.as_str());
        let mut ops = Vec::new();
        if row.is_none() {
            let mut cells = known.schema.defaults(Table::Tracks);
            cells.set("title", Some(CellValue::text(&track.name)));
            ops.push(Op::TrackAdd { row: track.id.clone(), cells });
        }
        let number_of = |field: &str| version.summary.get(field).and_then(Value::as_i64);
        let duration_ms = number_of("frames")
            .zip(number_of("sample_rate").filter(|rate| *rate > 0))
            .map(|(frames, rate)| frames.saturating_mul(1_000) / rate);
        ops.push(Op::VersionApprove {
            rev: row.map(|row| Rev::parse(&row.rev)).transpose().map_err(|_| unlike("the catalogue"))?,
            from: row
                .and_then(|row| row.approved.as_ref())
                .map(|approved| VersionRef { sha256: approved.sha256, version: approved.version.clone() }),
            track: track.id,
            version: version.id,
            number: version.number,
            sha256: version.content_id,
            duration_ms,
        });
        let title = format!("Approve version {} of {}", version.number, track.name);
        self.propose(&version.project, &title, reason, known.catalogue.head.clone(), &ops, None).await
    }

    /// Proposes to retire a version: it stays playable, marked, and is never approved again. A track whose approved version it is has none
    /// afterwards.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` for a reason of fewer than 3 characters, for a track outside the catalogue or a version not sent yet.
    pub async fn propose_retire(&self, id: &VersionId, reason: &str) -> Result<ProposalView> {
        let invalid = |what: &str| LibraryError::Invalid { what: what.to_owned() };
        if reason.trim().chars().count() < 3 {
            return Err(invalid("Retiring a version is final, so it needs a reason of at least 3 characters: who decides reads it."));
        }
        let (version, track) = {
            let mut connection = self.store().read().await?;
            let unknown = || LibraryError::Unknown { what: "version", id: id.to_string() };
            let version = versions::get(&mut connection, id).await?.ok_or_else(unknown)?;
            if retired::is(&mut connection, id).await? {
                return Err(invalid("This version is retired already. Nothing was proposed."));
            }
            (version.clone(), tracks::get(&mut connection, &version.track).await?.ok_or_else(unknown)?)
        };
        let known = self.known_catalogue(&version.project, false).await?;
        if !version.numbered {
            return Err(invalid("This version is not on the server yet, so nobody could have approved it. Nothing was proposed."));
        }
        let row = known.row(track.id.as_str()).ok_or_else(|| {
            invalid("Its track is not in the catalogue yet, so there is nothing to retire it from. Move the version to the trash instead.")
        })?;
        let op = Op::VersionRetire {
            rev: Rev::parse(&row.rev).map_err(|_| unlike("the catalogue"))?,
            track: track.id,
            version: version.id,
            sha256: version.content_id,
            reason: reason.trim().to_owned(),
        };
        let title = format!("Retire version {} of {}", version.number, track.name);
        self.propose(&version.project, &title, reason, known.catalogue.head.clone(), &[op], None).await
    }

    async fn propose(
        &self,
        project: &ProjectId,
        title: &str,
        reason: &str,
        base_head: String,
        ops: &[Op],
        csv: Option<CsvSource>,
    ) -> Result<ProposalView> {
        let ops = ops.iter().map(serde_json::to_value).collect::<std::result::Result<Vec<_>, _>>().map_err(|_| unlike("an operation"))?;
        let body = Propose {
            change_set: ChangeSetId::from_random(random_bits()),
            title: title.trim().to_owned(),
            reason: reason.to_owned(),
            base_head,
            ops,
            submit: true,
            csv,
        };
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post(&format!("/projects/{project}/change-sets"), &body).await)?;
        self.change_set_moved(&summary).await
    }
}

/// Writes beside the target and renames, so that a failure leaves the old file whole.
pub(crate) fn write_durably(target: &Path, bytes: &[u8]) -> Result<()> {
    let fault = |error| LibraryError::file("write", target, error);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temp = folder.join(format!(".{}.{:016x}.tmp", paths::name(target), rand::random::<u64>()));
    let written = std::fs::write(&temp, bytes)
        .and_then(|()| std::fs::File::open(&temp)?.sync_all())
        .and_then(|()| rename(&temp, target))
        .and_then(|()| sync_folder(folder));
    if written.is_err() {
        discard(&temp);
    }
    written.map_err(fault)
}

pub(crate) fn word(was_filled: bool, is_filled: bool) -> ChangeWord {
    match (was_filled, is_filled) {
        (false, _) => ChangeWord::Added,
        (true, true) => ChangeWord::Changed,
        (true, false) => ChangeWord::Cleared,
    }
}

pub(crate) fn whole_row(row: &str, row_label: String, from: Option<String>, to: Option<String>, change: ChangeWord) -> CellChangeView {
    let (field, field_label) = (ROW.to_owned(), "Row".to_owned());
    CellChangeView { row: row.to_owned(), row_label, field, field_label, from, to, change, part_of: None, may_type: false }
}
