//! Catalogue states in the database: the schema documents, every state of every row, which are current, and the heads.

use collabtrack_domain::catalogue::row::{Catalogue, no_parent};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;
use sqlx::postgres::PgConnection;

use crate::error::Error;

/// Records the first, empty state of a new project.
pub(crate) async fn begin(db: &mut PgConnection, project: &ProjectId, empty: &Catalogue, head: &ObjectHash) -> Result<(), Error> {
    let schema = empty.schema();
    let document = serde_json::to_string(&schema.to_value()).map_err(|_| Error::Damaged { what: "schema" })?;
    insert_schema(db, project, &schema.hash(), &document).await?;
    let state = empty.state().ok_or(Error::Damaged { what: "catalogue" })?;
    insert_head(db, project, &HeadRow { number: 0, head, parent: &no_parent(), state: &state, schema: &schema.hash(), change_set: None })
        .await
}

async fn insert_schema(db: &mut PgConnection, project: &ProjectId, hash: &ObjectHash, document: &str) -> Result<(), Error> {
    sqlx::query("insert into catalogue_schema (project, hash, document) values ($1, $2, $3) on conflict do nothing")
        .bind(project.as_str())
        .bind(&hash.as_bytes()[..])
        .bind(document)
        .execute(db)
        .await?;
    Ok(())
}

struct HeadRow<'a> {
    number: i64,
    head: &'a ObjectHash,
    parent: &'a ObjectHash,
    state: &'a ObjectHash,
    schema: &'a ObjectHash,
    change_set: Option<&'a str>,
}

async fn insert_head(db: &mut PgConnection, project: &ProjectId, row: &HeadRow<'_>) -> Result<(), Error> {
    sqlx::query(
        "insert into catalogue_head (project, number, head, parent, state, schema, change_set) values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(project.as_str())
    .bind(row.number)
    .bind(&row.head.as_bytes()[..])
    .bind(&row.parent.as_bytes()[..])
    .bind(&row.state.as_bytes()[..])
    .bind(&row.schema.as_bytes()[..])
    .bind(row.change_set)
    .execute(db)
    .await?;
    Ok(())
}
