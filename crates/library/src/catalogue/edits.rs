//! What somebody typed into the table of the catalogue, as operations: edited cells, rows made by hand, rows to go.

use std::collections::{HashMap, HashSet};

use collabtrack_domain::catalogue::cells::{CellValue, Cells, same};
use collabtrack_domain::catalogue::row::{ApprovedVersion, Rev, RowId};
use collabtrack_domain::catalogue::schema::{Field, Table};
use collabtrack_domain::catalogue::value::ParseContext;
use collabtrack_domain::change_set::op::{DeletedRow, Op};
use collabtrack_domain::id::{SplitId, TrackId};
use collabtrack_protocol::catalogue::CatalogueRow;
use serde::Deserialize;

use super::{Known, unlike};
use crate::error::{LibraryError, Result, sentence};
use crate::record::random_bits;

/// An edited cell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CellEdit {
    /// Row id: a row of the catalogue, a track that is not in it yet, or the key of a row made by hand.
    pub row: String,
    /// Field name.
    pub field: String,
    /// Text as typed; empty clears the cell.
    pub to: String,
}

/// Everything edited in one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct SheetEdits {
    /// Cells with another text.
    pub cells: Vec<CellEdit>,
    /// Keys of rows made by hand, in their order; they get ids when they are proposed.
    pub added: Vec<String>,
    /// Ids of rows to go.
    pub deleted: Vec<String>,
}

impl From<Vec<CellEdit>> for SheetEdits {
    fn from(cells: Vec<CellEdit>) -> Self {
        Self { cells, ..Self::default() }
    }
}

/// A new id for a row of that table.
pub(super) fn new_id(table: Table) -> RowId {
    match table {
        Table::Tracks => TrackId::from_random(random_bits()).into(),
        Table::Splits => SplitId::from_random(random_bits()).into(),
    }
}

/// The stored cells of a row as values.
pub(super) fn cells_of(row: &CatalogueRow) -> Result<Cells> {
    let cells: Option<Cells> =
        row.cells.iter().map(|(name, value)| Some((name, serde_json::from_value::<CellValue>(value.clone()).ok()?))).collect();
    cells.ok_or_else(|| unlike("a row of the catalogue"))
}

/// The splits of tracks.
pub(super) fn splits_of<'a>(known: &'a Known, tracks: &HashSet<&str>) -> impl Iterator<Item = &'a CatalogueRow> {
    known
        .table(Table::Splits)
        .filter(move |row| row.cells.get("track").and_then(|track| track.as_str()).is_some_and(|id| tracks.contains(id)))
}

/// A title for edits that nobody named.
pub(super) fn title(known: &Known, edits: &SheetEdits) -> String {
    match (edits.cells.as_slice(), edits.added.len(), edits.deleted.len()) {
        ([edit], 0, 0) => format!("{}: {}", known.label(&edit.row), edit.field),
        (cells, 0, 0) => format!("{} cells", cells.len()),
        (_, 0, deleted) => format!("{deleted} rows deleted"),
        (_, added, 0) => format!("{added} rows added"),
        (_, added, deleted) => format!("{added} rows added, {deleted} deleted"),
    }
}

/// A row that is not in the catalogue yet: the key it is edited under, its id, its cells.
struct NewRow<'a> {
    key: &'a str,
    id: RowId,
    cells: Cells,
}

/// The cells a new row begins with: defaults of the columns this account may write.
fn defaults(known: &Known, table: Table) -> Cells {
    let writable = |name: &str| known.schema.field(table, name).is_some_and(|field| field.writable_by(known.role));
    known.schema.defaults(table).filtered(writable)
}

/// New rows in their order, found by their keys.
#[derive(Default)]
struct NewRows<'a> {
    rows: Vec<NewRow<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> NewRows<'a> {
    fn push(&mut self, row: NewRow<'a>) -> &mut NewRow<'a> {
        let place = self.rows.len();
        self.places.insert(row.key, place);
        self.rows.push(row);
        &mut self.rows[place]
    }

    fn get(&self, key: &str) -> Option<&NewRow<'a>> {
        self.places.get(key).map(|place| &self.rows[*place])
    }

    /// The new row an edit is about: one made by hand, or a track that is not in the catalogue yet and comes in with this edit.
    fn meant(&mut self, known: &Known, table: Table, edit: &'a CellEdit, id: RowId) -> Result<&mut NewRow<'a>> {
        if let Some(place) = self.places.get(edit.row.as_str()) {
            return Ok(&mut self.rows[*place]);
        }
        let track = known.catalogue.outside.iter().find(|track| track.id == edit.row);
        let track = track.ok_or_else(|| LibraryError::Unknown { what: "row", id: edit.row.clone() })?;
        let mut cells = defaults(known, table);
        cells.set("title", Some(CellValue::text(&track.name)));
        Ok(self.push(NewRow { key: &edit.row, id, cells }))
    }
}

/// The operations of edits.
pub(super) fn ops(known: &Known, table: Table, edits: &SheetEdits) -> Result<Vec<Op>> {
    let invalid = |what: String| LibraryError::Invalid { what };
    let gone: HashSet<&str> = edits.deleted.iter().map(String::as_str).collect();
    let mut ops = deletions(known, table, &gone)?;
    let mut new = NewRows::default();
    for key in &edits.added {
        new.push(NewRow { key, id: new_id(table), cells: defaults(known, table) });
    }
    for edit in edits.cells.iter().filter(|edit| !gone.contains(edit.row.as_str())) {
        let id = match new.get(&edit.row) {
            Some(row) => row.id.clone(),
            None => RowId::parse(&edit.row)?,
        };
        let field: &Field = known
            .schema
            .field(table, &edit.field)
            .filter(|_| id.table() == table)
            .ok_or_else(|| invalid(format!("There is no column {:?} for this row.", edit.field)))?;
        let row = known.row(&edit.row);
        let from = row.and_then(|row| row.cells.get(&edit.field)).and_then(|value| serde_json::from_value::<CellValue>(value.clone()).ok());
        let context = ParseContext { base: from.as_ref(), ..ParseContext::PLAIN };
        let to = field.parse(&edit.to, &context).map_err(|problem| invalid(sentence(&problem.to_string())))?.value;
        match row {
            Some(row) if same(from.as_ref(), to.as_ref()) => {
                tracing::debug!(row = %row.id, field = %edit.field, "an edit changes nothing");
            }
            Some(row) => {
                let rev = Rev::parse(&row.rev).map_err(|_| unlike("the catalogue"))?;
                ops.push(Op::set(&id, rev, &edit.field, from.clone(), to));
            }
            None => new.meant(known, table, edit, id)?.cells.set(&edit.field, to),
        }
    }
    ops.extend(new.rows.into_iter().map(|row| Op::add(&row.id, row.cells)));
    if ops.is_empty() {
        return Err(invalid("Nothing differs from the catalogue, so there is nothing to propose.".into()));
    }
    Ok(ops)
}

/// Rows that go, and the splits of tracks that go.
fn deletions(known: &Known, table: Table, gone: &HashSet<&str>) -> Result<Vec<Op>> {
    let own: Vec<&CatalogueRow> = known.table(table).filter(|row| gone.contains(row.id.as_str())).collect();
    if own.len() != gone.len() {
        let found: HashSet<&str> = own.iter().map(|row| row.id.as_str()).collect();
        let stray = gone.difference(&found).min().copied().unwrap_or_default();
        return Err(LibraryError::Unknown { what: "row", id: stray.to_owned() });
    }
    let with: Vec<&CatalogueRow> = if table == Table::Tracks { splits_of(known, gone).collect() } else { Vec::new() };
    own.into_iter()
        .chain(with)
        .map(|row| {
            let approved = row.approved.as_ref().map(|approved| ApprovedVersion {
                number: approved.number,
                sha256: approved.sha256,
                version: approved.version.clone(),
            });
            let rev = Rev::parse(&row.rev).map_err(|_| unlike("the catalogue"))?;
            Ok(Op::delete(&RowId::parse(&row.id)?, rev, DeletedRow { approved, cells: cells_of(row)? }))
        })
        .collect()
}
