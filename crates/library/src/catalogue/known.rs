//! The catalogue as it was read last: in memory, kept in the database for reading without the server, and asked for only when it is
//! another one by now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use collabtrack_domain::catalogue::cells::{CellValue, Cells};
use collabtrack_domain::catalogue::row::{ApprovedVersion, Catalogue as Rows, Rev, Row, RowContent, RowId};
use collabtrack_domain::catalogue::schema::{Field, Schema, Table};
use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::Role;
use collabtrack_protocol::catalogue::{Catalogue, CatalogueRow};
use serde_json::Value;

use super::unlike;
use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::projects::Project;
use crate::store::{commit, kept, projects, tracks};
use crate::sync::http::Fresh;
use crate::sync::remote::RemoteError;

/// The catalogue with its columns, for building views and operations.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) catalogue: Catalogue,
    pub(crate) schema: Schema,
    pub(crate) role: Role,
    pub(super) project: ProjectId,
    /// What the server names this answer by.
    pub(super) tag: Option<String>,
    /// Place of a row by its id.
    places: HashMap<String, usize>,
}

impl Known {
    /// What people call a row: the title of its track.
    pub(crate) fn label(&self, row: &str) -> String {
        let cell = |row: &CatalogueRow, field: &str| row.cells.get(field).and_then(Value::as_str).map(str::to_owned);
        let found = self.row(row);
        if let Some(found) = found {
            if found.table == Table::Splits.as_str() {
                let track = cell(found, "track").map(|track| self.label(&track)).unwrap_or_default();
                return format!("{track} · {}", cell(found, "party").unwrap_or_default());
            }
            return cell(found, "title").unwrap_or_else(|| row.to_owned());
        }
        self.catalogue.outside.iter().find(|track| track.id == row).map_or_else(|| row.to_owned(), |track| track.name.clone())
    }

    /// The field of a row's table.
    pub(crate) fn field(&self, row: &str, name: &str) -> Option<&Field> {
        let table = RowId::parse(row).ok()?.table();
        self.schema.field(table, name)
    }

    /// A value as people read it.
    pub(crate) fn shown(&self, row: &str, name: &str, value: &Value) -> Option<String> {
        if value.is_null() {
            return None;
        }
        let cell: Option<CellValue> = serde_json::from_value(value.clone()).ok();
        match (self.field(row, name), cell) {
            (Some(field), Some(cell)) => Some(field.display(&cell)),
            _ => Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        }
    }

    pub(super) fn table(&self, table: Table) -> impl Iterator<Item = &CatalogueRow> {
        self.catalogue.rows.iter().filter(move |row| row.table == table.as_str())
    }

    pub(crate) fn row(&self, id: &str) -> Option<&CatalogueRow> {
        self.places.get(id).and_then(|place| self.catalogue.rows.get(*place))
    }

    /// The rows as the catalogue rules work on them, without salts: tokens and cells as received.
    pub(crate) fn as_catalogue(&self) -> Result<Rows> {
        let row = |row: &CatalogueRow| -> Option<Row> {
            let cells: Option<Cells> =
                row.cells.iter().map(|(name, value)| Some((name, serde_json::from_value::<CellValue>(value.clone()).ok()?))).collect();
            let approved = row.approved.as_ref().map(|approved| ApprovedVersion {
                number: approved.number,
                sha256: approved.sha256,
                version: approved.version.clone(),
            });
            let content = RowContent { id: RowId::parse(&row.id).ok()?, cells: cells?, approved, retired: Vec::new() };
            Some(Row::received(content, Rev::parse(&row.rev).ok()?))
        };
        let rows: Option<Vec<Row>> = self.catalogue.rows.iter().map(row).collect();
        let rows = rows.ok_or_else(|| unlike("a row of the catalogue"))?;
        Rows::new(self.schema.clone(), rows).map_err(|_| unlike("the catalogue"))
    }
}

/// The catalogue that was read last: what stays on the screen is looked at and checked again and again.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<Option<Arc<Known>>>);

impl Latest {
    fn of(&self, project: &Project) -> Option<Arc<Known>> {
        let latest = self.0.lock().expect("nobody panics while holding the catalogue");
        latest.clone().filter(|known| known.project == project.id && known.role == role_in(project))
    }

    fn is(&self, known: &Arc<Known>) {
        *self.0.lock().expect("nobody panics while holding the catalogue") = Some(Arc::clone(known));
    }
}

fn known(catalogue: Catalogue, tag: Option<String>, project: &Project) -> Result<Arc<Known>> {
    let schema = Schema::from_value(&catalogue.schema).map_err(|_| unlike("the list of columns"))?;
    let places = catalogue.rows.iter().enumerate().map(|(place, row)| (row.id.clone(), place)).collect();
    Ok(Arc::new(Known { catalogue, schema, role: role_in(project), project: project.id.clone(), tag, places }))
}

fn role_in(project: &Project) -> Role {
    project.role.unwrap_or(Role::Listener)
}

fn key(project: &ProjectId) -> String {
    format!("catalogue {project}")
}

fn tag_key(project: &ProjectId) -> String {
    format!("catalogue tag {project}")
}

fn catalogue_path(project: &ProjectId) -> String {
    format!("/projects/{project}/catalogue")
}

impl Library {
    /// A project that belongs to a server.
    pub(crate) async fn on_server(&self, id: &ProjectId) -> Result<Project> {
        let known = projects::get(&mut *self.store().read().await?, id).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "project", id: id.to_string() })?;
        if known.server.is_some() { Ok(known) } else { Err(LibraryError::OnlyHere) }
    }

    /// The catalogue of a project from the server; as last read when it does not answer and `or_kept` allows.
    pub(crate) async fn known_catalogue(&self, id: &ProjectId, or_kept: bool) -> Result<Arc<Known>> {
        let project = self.on_server(id).await?;
        let held = self.held_catalogue(&project).await?;
        let tag = held.as_ref().and_then(|held| held.tag.as_deref());
        let asked = match self.api().await {
            Ok(api) => self.heard(api.get_unless::<Catalogue>(&catalogue_path(id), tag).await).map_err(LibraryError::from),
            Err(error) => Err(error),
        };
        let known = match (asked, held) {
            (Ok(Fresh::New { body, tag }), _) => self.keep_catalogue(&project, body, tag).await?,
            (Ok(Fresh::Same), Some(held)) => held,
            (Ok(Fresh::Same), None) => return Err(unlike("the catalogue")),
            (Err(error), held) if or_kept && !matches!(error, LibraryError::Remote(RemoteError::Refused(_))) => held.ok_or(error)?,
            (Err(error), _) => return Err(error),
        };
        self.latest_catalogue().is(&known);
        Ok(known)
    }

    /// The catalogue as last read, without asking the server; asked for where it was never read.
    pub(crate) async fn last_catalogue(&self, id: &ProjectId) -> Result<Arc<Known>> {
        let project = self.on_server(id).await?;
        match self.held_catalogue(&project).await? {
            Some(held) => Ok(held),
            None => self.known_catalogue(id, false).await,
        }
    }

    /// What was read last, from memory or from the database.
    async fn held_catalogue(&self, project: &Project) -> Result<Option<Arc<Known>>> {
        if let Some(latest) = self.latest_catalogue().of(project) {
            return Ok(Some(latest));
        }
        let (body, tag) = {
            let mut connection = self.store().read().await?;
            (kept::get(&mut connection, &key(&project.id)).await?, kept::get(&mut connection, &tag_key(&project.id)).await?)
        };
        let tag = tag.filter(|tag| !tag.is_empty());
        let catalogue: Option<Catalogue> = body.and_then(|body| serde_json::from_str(&body).ok());
        let held = catalogue.map(|catalogue| known(catalogue, tag, project)).transpose()?;
        if let Some(held) = &held {
            self.latest_catalogue().is(held);
        }
        Ok(held)
    }

    async fn keep_catalogue(&self, project: &Project, catalogue: Catalogue, tag: Option<String>) -> Result<Arc<Known>> {
        let body = serde_json::to_string(&catalogue).map_err(|_| unlike("the catalogue"))?;
        let rows: Vec<String> = catalogue.rows.iter().map(|row| row.id.clone()).collect();
        let now = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        kept::put(&mut transaction, &key(&project.id), &body, &now).await?;
        kept::put(&mut transaction, &tag_key(&project.id), tag.as_deref().unwrap_or_default(), &now).await?;
        tracks::set_in_catalogue(&mut transaction, &project.id, &rows).await?;
        commit(transaction).await?;
        known(catalogue, tag, project)
    }
}
