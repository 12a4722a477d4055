//! Rows that come or go as a whole, cell by cell: who decides about a row sees everything it says.

use std::collections::HashMap;

use collabtrack_domain::catalogue::row::RowId;
use collabtrack_domain::catalogue::schema::{FieldType, Table};
use serde_json::{Map, Value};

use super::{Known, whole_row};
use crate::view::{CellChangeView, ChangeWord};

/// The field of a change that is about a row as a whole.
pub(crate) const ROW: &str = "_row";

/// The cells of a row by field name.
pub(crate) type RowCells = Map<String, Value>;

/// What rows and values are called, also those of rows that only come or go with what is shown.
pub(crate) struct Names<'a> {
    known: &'a Known,
    whole: HashMap<&'a str, &'a RowCells>,
}

impl<'a> Names<'a> {
    /// `whole`: rows by their id that come or go, with their cells.
    pub(crate) fn new(known: &'a Known, whole: impl IntoIterator<Item = (&'a str, &'a RowCells)>) -> Self {
        Self { known, whole: whole.into_iter().collect() }
    }

    /// What people call a row: the title of a track, track and party of a split.
    pub(crate) fn row(&self, id: &str) -> String {
        let Some(cells) = self.whole.get(id) else { return self.known.label(id) };
        let text = |name: &str| cells.get(name).and_then(Value::as_str);
        match RowId::parse(id).map(|id| id.table()) {
            Ok(Table::Splits) => {
                // A track is no row of another row, so this ends.
                let track = text("track").filter(|track| *track != id).map(|track| self.row(track)).unwrap_or_default();
                format!("{track} · {}", text("party").unwrap_or_default())
            }
            _ => text("title").map_or_else(|| self.known.label(id), str::to_owned),
        }
    }

    /// A value as people read it; a row that it names by what that is called.
    pub(crate) fn value(&self, row: &str, name: &str, value: &Value) -> Option<String> {
        match (self.known.field(row, name), value.as_str()) {
            (Some(field), Some(id)) if field.field_type == FieldType::Reference => Some(self.row(id)),
            _ => self.known.shown(row, name, value),
        }
    }

    /// A line for each cell of a row that comes or goes, in the order of the columns; one for the row itself where it says nothing.
    pub(crate) fn lines(&self, row: &str, cells: &RowCells, change: ChangeWord) -> Vec<CellChangeView> {
        let label = self.row(row);
        let fields = RowId::parse(row).map(|id| self.known.schema.fields(id.table())).unwrap_or_default();
        let known = fields.iter().filter(|field| cells.contains_key(&*field.name)).map(|field| &*field.name);
        let other = cells.keys().map(String::as_str).filter(|name| !fields.iter().any(|field| &*field.name == *name));
        let line = |name: &str| {
            let text = cells.get(name).and_then(|value| self.value(row, name, value))?;
            let (from, to) = if change == ChangeWord::Deleted { (Some(text), None) } else { (None, Some(text)) };
            let field = self.known.field(row, name);
            Some(CellChangeView {
                row: row.to_owned(),
                row_label: label.clone(),
                field: name.to_owned(),
                field_label: field.map_or_else(|| name.to_owned(), |field| field.label.clone()),
                from,
                to,
                change,
                part_of: Some(ROW.to_owned()),
                may_type: change != ChangeWord::Deleted && self.may_type(row, name),
            })
        };
        let lines: Vec<CellChangeView> = known.chain(other).filter_map(line).collect();
        if !lines.is_empty() {
            return lines;
        }
        let (from, to) = if change == ChangeWord::Deleted { (Some(label.clone()), None) } else { (None, Some(label.clone())) };
        vec![whole_row(row, label, from, to, change)]
    }

    /// Whether this account may type another value there.
    pub(crate) fn may_type(&self, row: &str, name: &str) -> bool {
        let field = self.known.field(row, name);
        field.is_some_and(|field| field.field_type != FieldType::Reference && !field.read_only && field.writable_by(self.known.role))
    }
}
