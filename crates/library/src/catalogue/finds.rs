//! What a label looks for in a catalogue before a release: empty cells that it needs, shares that do not add up, and artists written in
//! several ways. Asks no server: the catalogue as last read is enough. Nothing here changes anything.

use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::catalogue::{spelling, sums, validate};
use collabtrack_domain::id::ProjectId;

use super::check::{Edited, edited};
use super::edits::SheetEdits;
use super::table_of;
use crate::error::Result;
use crate::library::Library;
use crate::record::blocking;
use crate::view::catalogue::{NotReadyView, RespeltCellView, SharesView, SpellingView};

impl Library {
    /// Tracks whose shares do not add up or that have none, with `edits` of the splits that are not proposed yet. None where the columns
    /// know no such sum, or this account may not read it.
    /// # Errors
    /// `OnlyHere`, `Unknown`, or that the server does not answer where the catalogue was never read.
    pub async fn shares(&self, project: &ProjectId, edits: impl Into<SheetEdits>) -> Result<Option<SharesView>> {
        let known = self.last_catalogue(project).await?;
        let edits = edits.into();
        blocking(move || {
            let Edited { rows, .. } = edited(&known, Table::Splits, &edits);
            let found = sums::shares(&known.schema, known.role, rows.iter());
            Ok(found.map(|shares| SharesView {
                uneven: shares.uneven.into_iter().map(|(track, message)| (track.to_string(), message)).collect(),
                without: shares.without.iter().map(ToString::to_string).collect(),
            }))
        })
        .await
    }

    /// Rows of a table that a release cannot go out with, each with the columns it needs that are empty, with `edits` that are not
    /// proposed yet. Columns this account may not read are left out.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` table, or that the server does not answer where the catalogue was never read.
    pub async fn not_ready(&self, project: &ProjectId, table: &str, edits: impl Into<SheetEdits>) -> Result<Vec<NotReadyView>> {
        let table = table_of(table)?;
        let known = self.last_catalogue(project).await?;
        let edits = edits.into();
        blocking(move || {
            let Edited { rows, made, .. } = edited(&known, table, &edits);
            let mut found: Vec<NotReadyView> = Vec::new();
            for row in rows.iter().filter(|row| row.id.table() == table) {
                let gaps = validate::release(&known.schema, std::iter::once(row));
                let missing: Vec<(String, String)> = gaps
                    .into_iter()
                    .filter_map(|gap| known.schema.field(table, &gap.field?))
                    .filter(|field| field.readable_by(known.role))
                    .map(|field| (field.name.to_string(), field.label.clone()))
                    .collect();
                if !missing.is_empty() {
                    let key = made.get(row.id.as_str()).map_or_else(|| row.id.to_string(), |key| (*key).to_owned());
                    let name = if table == Table::Tracks { "title" } else { "party" };
                    found.push(NotReadyView { row: key, label: row.cells.text(name).unwrap_or_default().to_owned(), missing });
                }
            }
            Ok(found)
        })
        .await
    }

    /// Names in a table that are written alike, with `edits` that are not proposed yet: groups of spellings, the most frequent first.
    /// # Errors
    /// `OnlyHere`, `Unknown`, `Invalid` table, or that the server does not answer where the catalogue was never read.
    pub async fn spellings(&self, project: &ProjectId, table: &str, edits: impl Into<SheetEdits>) -> Result<Vec<Vec<SpellingView>>> {
        let table = table_of(table)?;
        let known = self.last_catalogue(project).await?;
        let edits = edits.into();
        blocking(move || {
            let Edited { rows, .. } = edited(&known, table, &edits);
            let view = |spelling: spelling::Spelling| SpellingView { text: spelling.text, cells: spelling.cells as u64 };
            let groups = spelling::alike(&known.schema, table, rows.iter());
            Ok(groups.into_iter().map(|group| group.into_iter().map(view).collect()).collect())
        })
        .await
    }

    /// The cells that would change if the names `from` were all written `to`, as edits of the table.
    /// # Errors
    /// As [`Library::spellings`].
    pub async fn respell(
        &self,
        project: &ProjectId,
        table: &str,
        edits: impl Into<SheetEdits>,
        from: Vec<String>,
        to: String,
    ) -> Result<Vec<RespeltCellView>> {
        let table = table_of(table)?;
        let known = self.last_catalogue(project).await?;
        let edits = edits.into();
        blocking(move || {
            let Edited { rows, made, .. } = edited(&known, table, &edits);
            let cells = spelling::respelt(&known.schema, table, rows.iter(), &from, &to);
            let view = |cell: spelling::Respelt| {
                let field = known.schema.field(table, &cell.field).filter(|field| field.writable_by(known.role))?;
                let row = made.get(cell.row.as_str()).map_or_else(|| cell.row.to_string(), |key| (*key).to_owned());
                Some(RespeltCellView { row, to: field.display(&cell.to), field: cell.field })
            };
            Ok(cells.into_iter().filter_map(view).collect())
        })
        .await
    }
}
