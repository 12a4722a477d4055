//! Catalogue states in the database: the schema documents, every state of every row, which are current, and the heads.

use std::collections::{HashMap, HashSet};

use collabtrack_domain::catalogue::cells::Cells;
use collabtrack_domain::catalogue::row::{
    ApprovedVersion, Catalogue, Rev, Row as CatalogueRow, RowContent, RowId, Salt, head_hash, no_parent,
};
use collabtrack_domain::catalogue::schema::Schema;
use collabtrack_domain::change_set::merge::Changes;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::Json;

use super::recent::Current;
use crate::db::{RowExt, damaged};
use crate::error::Error;

/// The current state.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) catalogue: Catalogue,
    pub(crate) head: ObjectHash,
    pub(crate) number: i64,
    /// Rows with the number of the state that added them.
    pub(crate) added: Vec<(RowId, i64)>,
}

impl Snapshot {
    /// The state after this one.
    pub(crate) fn followed_by(&self, catalogue: Catalogue, head: ObjectHash, number: i64) -> Self {
        let before: HashMap<&RowId, i64> = self.added.iter().map(|(row, added)| (row, *added)).collect();
        let added = catalogue.rows().iter().map(|row| (row.id().clone(), before.get(row.id()).copied().unwrap_or(number))).collect();
        Self { catalogue, head, number, added }
    }
}

/// Records the first, empty state of a new project.
pub(crate) async fn begin(db: &mut PgConnection, project: &ProjectId, empty: &Catalogue, head: &ObjectHash) -> Result<(), Error> {
    insert_schema(db, project, empty.schema()).await?;
    let state = empty.state().ok_or(Error::Damaged { what: "catalogue" })?;
    insert_head(
        db,
        project,
        &HeadRow { number: 0, head, parent: &no_parent(), state: &state, schema: &empty.schema().hash(), change_set: None },
    )
    .await
}

async fn insert_schema(db: &mut PgConnection, project: &ProjectId, schema: &Schema) -> Result<(), Error> {
    let document = serde_json::to_string(&schema.to_value()).map_err(|_| Error::Damaged { what: "schema" })?;
    sqlx::query("insert into catalogue_schema (project, hash, document) values ($1, $2, $3) on conflict do nothing")
        .bind(project.as_str())
        .bind(&schema.hash().as_bytes()[..])
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

/// The current state of a project's catalogue.
pub(crate) async fn load(db: &mut PgConnection, project: &ProjectId) -> Result<Snapshot, Error> {
    let stored = sqlx::query(
        "select s.row, s.cells, s.approved, s.retired, s.salt, s.hash, c.added
         from catalogue_row c join row_state s on s.project = c.project and s.row = c.row and s.rev = c.rev
         where c.project = $1 order by c.place",
    )
    .bind(project.as_str())
    .fetch_all(&mut *db)
    .await?;
    snapshot(db, project, &stored).await
}

/// The current state of these rows and of those that were added after the state `since`; other rows are left out.
pub(crate) async fn load_some(db: &mut PgConnection, project: &ProjectId, ids: &[RowId], since: i64) -> Result<Snapshot, Error> {
    let ids: Vec<&str> = ids.iter().map(RowId::as_str).collect();
    let stored = sqlx::query(
        "select s.row, s.cells, s.approved, s.retired, s.salt, s.hash, c.added
         from catalogue_row c join row_state s on s.project = c.project and s.row = c.row and s.rev = c.rev
         where c.project = $1 and (c.row = any($2) or c.added > $3) order by c.place",
    )
    .bind(project.as_str())
    .bind(ids)
    .bind(since)
    .fetch_all(&mut *db)
    .await?;
    snapshot(db, project, &stored).await
}

/// The current state of the rows that were written after the state `since`; other rows are left out.
pub(super) async fn load_since(db: &mut PgConnection, project: &ProjectId, since: i64) -> Result<Snapshot, Error> {
    let stored = sqlx::query(
        "select s.row, s.cells, s.approved, s.retired, s.salt, s.hash, c.added
         from row_state s join catalogue_row c on c.project = s.project and c.row = s.row and c.rev = s.rev
         where s.project = $1 and s.number > $2 order by c.place",
    )
    .bind(project.as_str())
    .bind(since)
    .fetch_all(&mut *db)
    .await?;
    snapshot(db, project, &stored).await
}

/// Rows that a state after `since` took out.
pub(super) async fn gone_since(db: &mut PgConnection, project: &ProjectId, since: i64) -> Result<HashSet<RowId>, Error> {
    let rows: Vec<String> = sqlx::query_scalar("select row from row_gone where project = $1 and number > $2")
        .bind(project.as_str())
        .bind(since)
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| RowId::parse(row).map_err(|_| damaged("row").into())).collect()
}

/// The head, and the state hash it names.
pub(super) async fn current(db: &mut PgConnection, project: &ProjectId) -> Result<Current, Error> {
    let row = sqlx::query(
        "select h.head, h.state from project p join catalogue_head h on h.project = p.id and h.number = p.catalogue_number where p.id = $1",
    )
    .bind(project.as_str())
    .fetch_one(db)
    .await?;
    Ok(Current { head: row.hash("head")?, state: row.hash("state")? })
}

async fn snapshot(db: &mut PgConnection, project: &ProjectId, stored: &[PgRow]) -> Result<Snapshot, Error> {
    let row = sqlx::query("select catalogue_head, catalogue_number from project where id = $1")
        .bind(project.as_str())
        .fetch_one(&mut *db)
        .await?;
    let schema = current_schema(db, project).await?;
    let mut rows = Vec::with_capacity(stored.len());
    let mut added = Vec::with_capacity(stored.len());
    for row in stored {
        let state = row_of(row)?;
        added.push((state.id().clone(), row.try_get("added")?));
        rows.push(state);
    }
    let catalogue = Catalogue::new(schema, rows).map_err(|_| Error::Damaged { what: "catalogue" })?;
    Ok(Snapshot { catalogue, head: row.hash("catalogue_head")?, number: row.try_get("catalogue_number")?, added })
}

pub(super) fn row_of(row: &PgRow) -> Result<CatalogueRow, Error> {
    let salt: [u8; 16] = row.try_get::<&[u8], _>("salt")?.try_into().map_err(|_| damaged("salt"))?;
    let content = RowContent {
        id: RowId::parse(row.try_get("row")?).map_err(|_| damaged("row"))?,
        // Straight out of the bytes: a catalogue has hundreds of thousands of cells, and every one is read to approve anything.
        cells: row.try_get::<Json<_>, _>("cells")?.0,
        approved: row.try_get::<Json<_>, _>("approved")?.0,
        retired: row.try_get::<Json<_>, _>("retired")?.0,
    };
    Ok(CatalogueRow::stored(content, Salt(salt), row.hash("hash")?))
}

/// The current column schema.
pub(crate) async fn current_schema(db: &mut PgConnection, project: &ProjectId) -> Result<Schema, Error> {
    let document: String = sqlx::query_scalar(
        "select s.document from project p join catalogue_schema s on s.project = p.id and s.hash = p.catalogue_schema where p.id = $1",
    )
    .bind(project.as_str())
    .fetch_one(db)
    .await?;
    Schema::parse(&document).map_err(|_| Error::Damaged { what: "schema" })
}

/// An earlier column schema of the project.
pub(crate) async fn schema_by_hash(db: &mut PgConnection, project: &ProjectId, hash: &ObjectHash) -> Result<Option<Schema>, Error> {
    let document: Option<String> = sqlx::query_scalar("select document from catalogue_schema where project = $1 and hash = $2")
        .bind(project.as_str())
        .bind(&hash.as_bytes()[..])
        .fetch_optional(db)
        .await?;
    document.map(|document| Schema::parse(&document).map_err(|_| Error::Damaged { what: "schema" })).transpose()
}

/// Number and schema of a state the project once had.
pub(crate) async fn head_facts(db: &mut PgConnection, project: &ProjectId, head: &ObjectHash) -> Result<Option<(i64, ObjectHash)>, Error> {
    let row = sqlx::query("select number, schema from catalogue_head where project = $1 and head = $2")
        .bind(project.as_str())
        .bind(&head.as_bytes()[..])
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok((row.try_get("number")?, row.hash("schema")?))).transpose()
}

/// The states that these row tokens name, with the number of the catalogue that wrote each.
pub(crate) async fn states_by_token(
    db: &mut PgConnection,
    project: &ProjectId,
    tokens: &[String],
) -> Result<Vec<(CatalogueRow, i64)>, Error> {
    let rows = sqlx::query("select row, cells, approved, retired, salt, hash, number from row_state where project = $1 and rev = any($2)")
        .bind(project.as_str())
        .bind(tokens)
        .fetch_all(db)
        .await?;
    rows.iter().map(|row| Ok((row_of(row)?, row.try_get("number")?))).collect()
}

/// As they stood in the state with that number, the rows that were written again since, with the number of the catalogue that wrote each.
pub(crate) async fn states_before(db: &mut PgConnection, project: &ProjectId, number: i64) -> Result<Vec<(CatalogueRow, i64)>, Error> {
    let rows = sqlx::query(
        "select distinct on (s.row) s.row, s.cells, s.approved, s.retired, s.salt, s.hash, s.number from row_state s
         where s.project = $1 and s.number <= $2
               and exists (select from row_state n where n.project = s.project and n.row = s.row and n.number > $2)
         order by s.row, s.number desc",
    )
    .bind(project.as_str())
    .bind(number)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((row_of(row)?, row.try_get("number")?))).collect()
}

/// The states that operations name.
pub(crate) async fn states(db: &mut PgConnection, project: &ProjectId, named: &[(RowId, Rev)]) -> Result<Vec<CatalogueRow>, Error> {
    let ids: Vec<&str> = named.iter().map(|(row, _)| row.as_str()).collect();
    let revs: Vec<String> = named.iter().map(|(_, rev)| rev.to_string()).collect();
    let rows = sqlx::query(
        "select s.row, s.cells, s.approved, s.retired, s.salt, s.hash
         from row_state s join (select distinct * from unnest($2::text[], $3::text[]) as named (row, rev)) n on n.row = s.row and n.rev = s.rev
         where s.project = $1",
    )
    .bind(project.as_str())
    .bind(ids)
    .bind(revs)
    .fetch_all(db)
    .await?;
    rows.iter().map(row_of).collect()
}

/// Rows that once were in the catalogue and are not now.
pub(crate) async fn deleted(db: &mut PgConnection, project: &ProjectId) -> Result<HashSet<RowId>, Error> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select distinct s.row from row_state s
         where s.project = $1 and not exists (select from catalogue_row c where c.project = s.project and c.row = s.row)",
    )
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| RowId::parse(row).map_err(|_| damaged("row").into())).collect()
}

/// Tracks with versions that have no row in the catalogue.
pub(crate) async fn outside(db: &mut PgConnection, project: &ProjectId) -> Result<Vec<(TrackId, String)>, Error> {
    let rows = sqlx::query(
        "select t.id, t.name from track t
         where t.project = $1 and exists (select from version v where v.track = t.id)
               and not exists (select from catalogue_row c where c.project = t.project and c.row = t.id)
         order by t.created_at, t.id",
    )
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok((row.text_as("id")?, row.try_get("name")?))).collect()
}

/// Writes the next state: changed and new rows, rows that go, the schema, the head. The project's row is locked.
pub(crate) async fn apply(
    db: &mut PgConnection,
    project: &ProjectId,
    before: &Snapshot,
    after: &Catalogue,
    changes: &Changes,
    change_set: &str,
) -> Result<(ObjectHash, i64), Error> {
    let broken = || Error::Damaged { what: "catalogue" };
    let number = before.number + 1;
    let state = after.state().ok_or_else(broken)?;
    let head = head_hash(&before.head, &state);
    let schema = after.schema().hash();
    if changes.schema.is_some() {
        insert_schema(db, project, after.schema()).await?;
    }
    remove(db, project, &changes.deleted, number).await?;
    let changed = changes.upserts.iter().map(|content| after.row(&content.id).ok_or_else(broken)).collect::<Result<Vec<_>, _>>()?;
    insert_states(db, project, &changed, number).await?;
    set_current(db, project, &changed, number).await?;
    insert_head(
        db,
        project,
        &HeadRow { number, head: &head, parent: &before.head, state: &state, schema: &schema, change_set: Some(change_set) },
    )
    .await?;
    sqlx::query("update project set catalogue_head = $2, catalogue_number = $3, catalogue_schema = $4 where id = $1")
        .bind(project.as_str())
        .bind(&head.as_bytes()[..])
        .bind(number)
        .bind(&schema.as_bytes()[..])
        .execute(db)
        .await?;
    Ok((head, number))
}

/// Takes rows out of the current state and remembers which state did so.
async fn remove(db: &mut PgConnection, project: &ProjectId, rows: &[RowId], number: i64) -> Result<(), Error> {
    let ids: Vec<&str> = rows.iter().map(RowId::as_str).collect();
    sqlx::query(
        "with gone as (delete from catalogue_row where project = $1 and row = any($2) returning row, place)
         insert into row_gone (project, row, number, place) select $1, row, $3, place from gone",
    )
    .bind(project.as_str())
    .bind(ids)
    .bind(number)
    .execute(db)
    .await?;
    Ok(())
}

/// Row states as columns, so that one statement inserts them all.
#[derive(Default)]
struct StateColumns<'a> {
    row: Vec<&'a str>,
    rev: Vec<String>,
    cells: Vec<Json<&'a Cells>>,
    approved: Vec<Json<Option<&'a ApprovedVersion>>>,
    retired: Vec<Json<&'a [VersionId]>>,
    salt: Vec<Vec<u8>>,
    hash: Vec<Vec<u8>>,
}

async fn insert_states(db: &mut PgConnection, project: &ProjectId, rows: &[&CatalogueRow], number: i64) -> Result<(), Error> {
    let mut columns = StateColumns::default();
    for row in rows {
        let (Some(salt), Some(hash)) = (row.salt(), row.hash()) else { return Err(Error::Damaged { what: "catalogue row" }) };
        columns.row.push(row.id().as_str());
        columns.rev.push(row.rev().to_string());
        columns.cells.push(Json(row.cells()));
        columns.approved.push(Json(row.approved()));
        columns.retired.push(Json(row.retired()));
        columns.salt.push(salt.0.to_vec());
        columns.hash.push(hash.as_bytes().to_vec());
    }
    sqlx::query(
        "insert into row_state (project, row, rev, cells, approved, retired, salt, hash, number)
         select $1, n.*, $9 from unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::jsonb[], $7::bytea[], $8::bytea[]) as n",
    )
    .bind(project.as_str())
    .bind(columns.row)
    .bind(columns.rev)
    .bind(columns.cells)
    .bind(columns.approved)
    .bind(columns.retired)
    .bind(columns.salt)
    .bind(columns.hash)
    .bind(number)
    .execute(db)
    .await?;
    Ok(())
}

/// Known rows keep their place, new ones get the next ones in their order.
async fn set_current(db: &mut PgConnection, project: &ProjectId, rows: &[&CatalogueRow], number: i64) -> Result<(), Error> {
    let count = i64::try_from(rows.len()).map_err(|_| Error::Damaged { what: "catalogue" })?;
    let first: i64 =
        sqlx::query_scalar("update project set next_row_place = next_row_place + $2 where id = $1 returning next_row_place - $2")
            .bind(project.as_str())
            .bind(count)
            .fetch_one(&mut *db)
            .await?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id().as_str()).collect();
    let revs: Vec<String> = rows.iter().map(|row| row.rev().to_string()).collect();
    let places: Vec<i64> = (first..).take(rows.len()).collect();
    sqlx::query(
        "insert into catalogue_row (project, row, rev, place, added)
         select $1, n.row, n.rev, n.place, $5 from unnest($2::text[], $3::text[], $4::bigint[]) as n (row, rev, place)
         on conflict on constraint catalogue_row_pkey do update set rev = excluded.rev",
    )
    .bind(project.as_str())
    .bind(ids)
    .bind(revs)
    .bind(places)
    .bind(number)
    .execute(db)
    .await?;
    Ok(())
}
