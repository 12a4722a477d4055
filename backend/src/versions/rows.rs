//! Versions, their files and recipes in the database.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::{Codec, Extent, Recipe, RecipeFile, Span};
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::versions::{Version, VersionFile, VersionState};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::db::{RowExt, damaged};
use crate::error::Error;
use crate::uploads::rows::stored;

/// Word of a state in the database.
pub(crate) fn state_word(state: VersionState) -> &'static str {
    match state {
        VersionState::Announced => "announced",
        VersionState::Complete => "complete",
        VersionState::Damaged => "damaged",
        VersionState::Trashed => "trashed",
        VersionState::Purged => "purged",
        VersionState::Unknown => "unknown",
    }
}

pub(crate) fn state_of(word: &str) -> VersionState {
    use VersionState as S;
    [S::Announced, S::Complete, S::Damaged, S::Trashed, S::Purged].into_iter().find(|s| state_word(*s) == word).unwrap_or(S::Unknown)
}

/// The version an id names in a project, also when the id is an alias.
pub(crate) async fn resolve(db: &mut PgConnection, project: &ProjectId, id: &VersionId) -> Result<Option<VersionId>, Error> {
    let found: Option<String> = sqlx::query_scalar(
        "select id from version where project = $1 and id = $2 union all select version from version_alias where project = $1 and id = $2",
    )
    .bind(project.as_str())
    .bind(id.as_str())
    .fetch_optional(db)
    .await?;
    found.map(|id| id.parse().map_err(|_| damaged("id").into())).transpose()
}

/// The version as clients see it.
pub(crate) async fn load(db: &mut PgConnection, id: &VersionId) -> Result<Version, Error> {
    let row = sqlx::query(
        "select v.*, t.name as track_name, a.name as author_name, o.length as preview_length, o.sha256 as preview_sha256,
                w.length as tables_length, w.sha256 as tables_sha256,
                rfc3339(v.created_at) as created, case when v.state = 'trashed' then rfc3339(v.trashed_at) end as trashed
         from version v join track t on t.id = v.track join account a on a.id = v.author left join object o on o.key = v.preview_object
              left join object w on w.key = v.tables_object
         where v.id = $1",
    )
    .bind(id.as_str())
    .fetch_one(&mut *db)
    .await?;
    let files = files(db, id).await?;
    of_row(&row, files)
}

/// The version as it is told to those who have heard its announcement: the coarse waveform never changes, so it is not sent again.
pub(crate) async fn load_known(db: &mut PgConnection, id: &VersionId) -> Result<Version, Error> {
    Ok(Version { overview: String::new(), ..load(db, id).await? })
}

/// The version as it is told to whoever has just said what it is: what was measured of it is not said back.
pub(super) fn brief(version: Version) -> Version {
    Version { overview: String::new(), summary: serde_json::Value::Null, ..version }
}

fn of_row(row: &PgRow, files: Vec<VersionFile>) -> Result<Version, Error> {
    let length = |column| row.try_get::<Option<i64>, _>(column).map(|length| length.and_then(|length| u64::try_from(length).ok()));
    let hash = |column| match row.try_get::<Option<&[u8]>, _>(column)? {
        Some(_) => row.hash(column).map(Some),
        None => Ok(None),
    };
    Ok(Version {
        id: row.text_as("id")?,
        project: row.text_as("project")?,
        track: row.text_as("track")?,
        track_name: row.try_get("track_name")?,
        number: row.try_get("number")?,
        kind: Kind::from_word(row.try_get("kind")?),
        note: row.try_get("note")?,
        content_id: row.hash("content_id")?,
        parent: row.optional_text_as("parent")?,
        same_as: row.optional_text_as("same_as")?,
        state: state_of(row.try_get("state")?),
        files,
        preview_length: length("preview_length")?,
        preview_sha256: hash("preview_sha256")?,
        tables_length: length("tables_length")?,
        tables_sha256: hash("tables_sha256")?,
        summary: row.try_get("summary")?,
        overview: row.try_get("overview")?,
        author: Person { id: row.text_as("author")?, name: row.try_get("author_name")? },
        created_at: row.try_get("created")?,
        captured_at: row.try_get("captured_at")?,
        seq: row.try_get("seq")?,
        trashed_at: row.try_get("trashed")?,
    })
}

/// The files of a version, in order.
pub(crate) async fn files(db: &mut PgConnection, id: &VersionId) -> Result<Vec<VersionFile>, Error> {
    let rows = sqlx::query("select path, length, sha256 from version_file where version = $1 order by idx")
        .bind(id.as_str())
        .fetch_all(db)
        .await?;
    rows.iter()
        .map(|row| Ok(VersionFile { path: row.try_get("path")?, length: row.unsigned("length")?, sha256: row.hash("sha256")? }))
        .collect()
}

/// Inserts the files of a version.
pub(crate) async fn insert_files(db: &mut PgConnection, id: &VersionId, files: &[VersionFile]) -> Result<(), Error> {
    let places: Vec<i32> = (0..).take(files.len()).collect();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let lengths = files.iter().map(|file| stored(file.length)).collect::<Result<Vec<i64>, _>>()?;
    let hashes: Vec<&[u8]> = files.iter().map(|file| &file.sha256.as_bytes()[..]).collect();
    sqlx::query(
        "insert into version_file (version, idx, path, length, sha256)
         select $1, * from unnest($2::int[], $3::text[], $4::bigint[], $5::bytea[])",
    )
    .bind(id.as_str())
    .bind(places)
    .bind(paths)
    .bind(lengths)
    .bind(hashes)
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a version to `state` at its new place in the feed.
pub(super) async fn set_state(db: &mut PgConnection, id: &VersionId, state: VersionState, seq: i64) -> Result<(), Error> {
    sqlx::query("update version set state = $2, seq = $3 where id = $1")
        .bind(id.as_str())
        .bind(state_word(state))
        .bind(seq)
        .execute(db)
        .await?;
    Ok(())
}

/// Names the tables of a version that has none; `false` when it has some, or the object is not (or no longer) in the store.
pub(super) async fn set_tables(db: &mut PgConnection, id: &VersionId, object: &str) -> Result<bool, Error> {
    let held = sqlx::query("select key from object where key = $1 and state = 'verified' for share").bind(object);
    if held.fetch_optional(&mut *db).await?.is_none() {
        return Ok(false);
    }
    let set = sqlx::query("update version set tables_object = $2 where id = $1 and tables_object is null");
    Ok(set.bind(id.as_str()).bind(object).execute(db).await?.rows_affected() == 1)
}

/// Records an extent, or finds the one already recorded at those bytes; `None` when that one says something else.
pub(super) async fn extent(db: &mut PgConnection, extent: &Extent) -> Result<Option<i64>, Error> {
    let (offset, stored_len, raw_len) = (stored(extent.offset)?, stored(extent.stored_len)?, stored(extent.raw_len)?);
    sqlx::query(
        "insert into extent (object, idx, \"offset\", stored_len, raw_len, sha256, codec, params)
         values ($1, (select coalesce(max(idx) + 1, 0) from extent where object = $1), $2, $3, $4, $5, $6, $7)
         on conflict on constraint extent_bytes do nothing",
    )
    .bind(&extent.object)
    .bind(offset)
    .bind(stored_len)
    .bind(raw_len)
    .bind(&extent.sha256.as_bytes()[..])
    .bind(extent.codec.word())
    .bind(&extent.params)
    .execute(&mut *db)
    .await?;
    let id = sqlx::query_scalar(
        "select id from extent where object = $1 and \"offset\" = $2 and stored_len = $3 and raw_len = $4 and sha256 = $5 and codec = $6 and params = $7",
    )
    .bind(&extent.object)
    .bind(offset)
    .bind(stored_len)
    .bind(raw_len)
    .bind(&extent.sha256.as_bytes()[..])
    .bind(extent.codec.word())
    .bind(&extent.params)
    .fetch_optional(db)
    .await?;
    Ok(id)
}

/// Records the spans and the plain object of file number `idx` of a version; `extents` are the ids of the recipe's extents.
pub(super) async fn set_recipe(db: &mut PgConnection, id: &VersionId, idx: usize, file: &RecipeFile, extents: &[i64]) -> Result<(), Error> {
    let idx = i32::try_from(idx).map_err(|_| Error::Damaged { what: "recipe" })?;
    let row_id: i64 = sqlx::query_scalar("update version_file set plain_object = $3 where version = $1 and idx = $2 returning id")
        .bind(id.as_str())
        .bind(idx)
        .bind(&file.plain_object)
        .fetch_one(&mut *db)
        .await?;
    sqlx::query("delete from span where file = $1").bind(row_id).execute(&mut *db).await?;
    let places: Vec<i32> = (0..).take(file.spans.len()).collect();
    let at = file.spans.iter().map(|span| stored(span.at)).collect::<Result<Vec<i64>, _>>()?;
    let len = file.spans.iter().map(|span| stored(span.len)).collect::<Result<Vec<i64>, _>>()?;
    let from = file.spans.iter().map(|span| stored(span.from)).collect::<Result<Vec<i64>, _>>()?;
    let extent: Vec<i64> = file.spans.iter().map(|span| extents.get(span.extent as usize).copied().unwrap_or(0)).collect();
    sqlx::query(
        "insert into span (file, idx, at, len, extent, \"from\")
         select $1, * from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])",
    )
    .bind(row_id)
    .bind(places)
    .bind(at)
    .bind(len)
    .bind(extent)
    .bind(from)
    .execute(db)
    .await?;
    Ok(())
}

/// Records the extents and spans of a whole recipe; `None` when an extent contradicts the one already known at those bytes.
pub(crate) async fn put_recipe(db: &mut PgConnection, id: &VersionId, recipe: &Recipe) -> Result<Option<()>, Error> {
    let mut extents = Vec::with_capacity(recipe.extents.len());
    for extent in &recipe.extents {
        let Some(known) = self::extent(db, extent).await? else { return Ok(None) };
        extents.push(known);
    }
    for (idx, file) in recipe.files.iter().enumerate() {
        set_recipe(db, id, idx, file, &extents).await?;
    }
    for (extent, id) in recipe.extents.iter().zip(&extents) {
        for part in extent.bases() {
            let base = recipe.extents.iter().position(|known| known.object == part.object && known.offset == part.offset);
            let base = base.and_then(|place| extents.get(place)).ok_or(Error::Damaged { what: "recipe" })?;
            let insert = sqlx::query("insert into extent_base (extent, base) values ($1, $2) on conflict do nothing");
            insert.bind(id).bind(base).execute(&mut *db).await?;
        }
    }
    Ok(Some(()))
}

/// How the files of a complete version are rebuilt.
pub(crate) async fn recipe(db: &mut PgConnection, id: &VersionId) -> Result<Recipe, Error> {
    let file_rows = sqlx::query("select id, path, length, sha256, plain_object from version_file where version = $1 order by idx")
        .bind(id.as_str())
        .fetch_all(&mut *db)
        .await?;
    let needed = sqlx::query("select e.* from extents_needed($1) as needed(id) join extent e on e.id = needed.id order by e.id")
        .bind(id.as_str())
        .fetch_all(&mut *db)
        .await?;
    let span_rows = sqlx::query(
        "select s.file, s.at, s.len, s.\"from\", s.extent as extent_id, e.object, e.\"offset\", e.stored_len, e.raw_len, e.sha256, e.codec, e.params
         from span s join version_file f on f.id = s.file join extent e on e.id = s.extent where f.version = $1 order by f.idx, s.idx",
    )
    .bind(id.as_str())
    .fetch_all(db)
    .await?;
    let mut extents: Vec<Extent> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut spans: std::collections::HashMap<i64, Vec<Span>> = std::collections::HashMap::new();
    for row in &span_rows {
        let place = match places.entry(row.try_get::<i64, _>("extent_id")?) {
            std::collections::hash_map::Entry::Occupied(known) => *known.get(),
            std::collections::hash_map::Entry::Vacant(new) => {
                extents.push(extent_of(row)?);
                *new.insert(u32::try_from(extents.len() - 1).map_err(|_| damaged("extent"))?)
            }
        };
        let span = Span { at: row.unsigned("at")?, len: row.unsigned("len")?, extent: place, from: row.unsigned("from")? };
        spans.entry(row.try_get("file")?).or_default().push(span);
    }
    // Those no span names: others rest on them.
    for row in &needed {
        if let std::collections::hash_map::Entry::Vacant(new) = places.entry(row.try_get::<i64, _>("id")?) {
            new.insert(u32::try_from(extents.len()).map_err(|_| damaged("extent"))?);
            extents.push(extent_of(row)?);
        }
    }
    let files = file_rows
        .iter()
        .map(|row| {
            Ok(RecipeFile {
                path: row.try_get("path")?,
                length: row.unsigned("length")?,
                sha256: row.hash("sha256")?,
                plain_object: row.try_get("plain_object")?,
                spans: spans.remove(&row.try_get("id")?).unwrap_or_default(),
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Recipe { files, extents })
}

pub(crate) fn extent_of(row: &PgRow) -> Result<Extent, Error> {
    Ok(Extent {
        object: row.try_get("object")?,
        offset: row.unsigned("offset")?,
        stored_len: row.unsigned("stored_len")?,
        raw_len: row.unsigned("raw_len")?,
        sha256: row.hash("sha256")?,
        codec: Codec::of(row.try_get("codec")?),
        params: row.try_get("params")?,
    })
}

/// The newest complete version of a project with that content, for which nothing needs sending.
pub(super) async fn complete_twin(db: &mut PgConnection, project: &ProjectId, content: &ObjectHash) -> Result<Option<VersionId>, Error> {
    let found: Option<String> = sqlx::query_scalar(
        "select id from version where project = $1 and content_id = $2 and state = 'complete' order by created_at, id limit 1",
    )
    .bind(project.as_str())
    .bind(&content.as_bytes()[..])
    .fetch_optional(db)
    .await?;
    found.map(|id| id.parse().map_err(|_| damaged("id").into())).transpose()
}
