//! Catalogue states of the past: every state a project ever had can be read again, and is checked against its recorded hash.

use std::collections::HashMap;

use collabtrack_domain::catalogue::row::{Catalogue, Rev, RowId};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::rows::{self, Snapshot, row_of};
use crate::db::{RowExt, damaged};
use crate::error::Error;

/// A recorded state, without its rows.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) number: i64,
    pub(crate) head: ObjectHash,
    pub(crate) state: ObjectHash,
    pub(crate) schema: ObjectHash,
}

/// The state with that number.
pub(crate) async fn head(db: &mut PgConnection, project: &ProjectId, number: i64) -> Result<Option<Head>, Error> {
    let row = sqlx::query("select number, head, state, schema from catalogue_head where project = $1 and number = $2")
        .bind(project.as_str())
        .bind(number)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(Head { number: row.try_get("number")?, head: row.hash("head")?, state: row.hash("state")?, schema: row.hash("schema")? })
    })
    .transpose()
}

/// The rows as they stood in a state. What the database gives back must have the hash that was recorded then.
pub(crate) async fn load(db: &mut PgConnection, project: &ProjectId, head: &Head) -> Result<Snapshot, Error> {
    let stored = sqlx::query(
        "select s.row, s.cells, s.approved, s.retired, s.salt, s.hash
         from (select distinct on (row) * from row_state where project = $1 and number <= $2 order by row, number desc) s
         where not exists (select from row_gone g where g.project = $1 and g.row = s.row and g.number > s.number and g.number <= $2)
         order by coalesce(
             (select g.place from row_gone g where g.project = $1 and g.row = s.row and g.number > $2 order by g.number limit 1),
             (select c.place from catalogue_row c where c.project = $1 and c.row = s.row), 0), s.row",
    )
    .bind(project.as_str())
    .bind(head.number)
    .fetch_all(&mut *db)
    .await?;
    let states = stored.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    let schema = rows::schema_by_hash(db, project, &head.schema).await?.ok_or(Error::Damaged { what: "schema" })?;
    let catalogue = Catalogue::new(schema, states).map_err(|_| Error::Damaged { what: "catalogue" })?;
    if catalogue.state() != Some(head.state) {
        return Err(Error::Damaged { what: "catalogue of an earlier state" });
    }
    Ok(Snapshot { catalogue, head: head.head, number: head.number, added: Vec::new() })
}

/// The tokens that these rows had in a state; rows that were not there have none.
pub(crate) async fn revs(db: &mut PgConnection, project: &ProjectId, number: i64, ids: &[RowId]) -> Result<HashMap<RowId, Rev>, Error> {
    let ids: Vec<&str> = ids.iter().map(RowId::as_str).collect();
    let found = sqlx::query(
        "select distinct on (row) row, rev from row_state where project = $1 and number <= $2 and row = any($3) order by row, number desc",
    )
    .bind(project.as_str())
    .bind(number)
    .bind(ids)
    .fetch_all(db)
    .await?;
    found
        .iter()
        .map(|row| {
            let id = RowId::parse(row.try_get("row")?).map_err(|_| damaged("row"))?;
            Ok((id, Rev::parse(row.try_get("rev")?).map_err(|_| damaged("rev"))?))
        })
        .collect()
}
