//! How the server's store holds the files of a version.

use std::collections::BTreeSet;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::{Codec, Extent, Recipe, RecipeFile, Span};
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed, signed, unsigned};

/// Which objects of a recipe complete versions of the project lie in.
pub async fn objects_there(connection: &mut SqliteConnection, project: &ProjectId, recipe: &Recipe) -> StoreResult<BTreeSet<String>> {
    let objects: BTreeSet<&str> = recipe.extents.iter().map(|extent| extent.object.as_str()).collect();
    let mut there = BTreeSet::new();
    for object in objects {
        let known: Option<i64> = sqlx::query_scalar("SELECT 1 FROM object WHERE key = ? AND project = ? AND state = 'verified'")
            .bind(object)
            .bind(project.as_str())
            .fetch_optional(&mut *connection)
            .await?;
        there.extend(known.map(|_| object.to_owned()));
    }
    Ok(there)
}

/// Records the recipe of a complete version; the same one again changes nothing.
pub async fn put(connection: &mut SqliteConnection, project: &ProjectId, version: &VersionId, recipe: &Recipe) -> StoreResult<()> {
    let plain: BTreeSet<&str> = recipe.files.iter().filter_map(|file| file.plain_object.as_deref()).collect();
    let mut extents = Vec::with_capacity(recipe.extents.len());
    for extent in &recipe.extents {
        sqlx::query(
            "INSERT INTO object (key, project, format, length, state) VALUES (?, ?, ?, ?, 'verified') \
             ON CONFLICT (key) DO UPDATE SET length = max(length, excluded.length), state = 'verified'",
        )
        .bind(&extent.object)
        .bind(project.as_str())
        .bind(if plain.contains(extent.object.as_str()) { "plain" } else { "packed" })
        .bind(signed(extent.offset + extent.stored_len))
        .execute(&mut *connection)
        .await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO extent (object, idx, offset, stored_len, raw_len, sha256, codec, params) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (object, idx) DO UPDATE SET codec = excluded.codec RETURNING id",
        )
        .bind(&extent.object)
        // Recipes name different extents of one object: its offset is the place of each.
        .bind(signed(extent.offset))
        .bind(signed(extent.offset))
        .bind(signed(extent.stored_len))
        .bind(signed(extent.raw_len))
        .bind(extent.sha256.to_string())
        .bind(extent.codec.word())
        .bind(extent.params.to_string())
        .fetch_one(&mut *connection)
        .await?;
        extents.push(id);
    }
    sqlx::query("DELETE FROM span WHERE version = ?").bind(version.as_str()).execute(&mut *connection).await?;
    for (file, entry) in (0_i64..).zip(&recipe.files) {
        sqlx::query("UPDATE version_file SET plain_object = ? WHERE version = ? AND idx = ?")
            .bind(entry.plain_object.as_deref())
            .bind(version.as_str())
            .bind(file)
            .execute(&mut *connection)
            .await?;
        for span in &entry.spans {
            let Some(extent) = extents.get(span.extent as usize) else { continue };
            sqlx::query("INSERT INTO span (version, file, at, len, extent, \"from\") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(version.as_str())
                .bind(file)
                .bind(signed(span.at))
                .bind(signed(span.len))
                .bind(extent)
                .bind(signed(span.from))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

#[derive(FromRow)]
struct ExtentRow {
    object: String,
    offset: i64,
    stored_len: i64,
    raw_len: i64,
    sha256: String,
    codec: String,
    params: String,
}

impl ExtentRow {
    fn read(self) -> StoreResult<Extent> {
        Ok(Extent {
            object: self.object,
            offset: unsigned(self.offset),
            stored_len: unsigned(self.stored_len),
            raw_len: unsigned(self.raw_len),
            sha256: parsed("a hash", &self.sha256)?,
            codec: Codec::of(&self.codec),
            params: serde_json::from_str(&self.params).unwrap_or_default(),
        })
    }
}

#[derive(FromRow)]
struct SpanRow {
    file: i64,
    at: i64,
    len: i64,
    from_byte: i64,
    #[sqlx(flatten)]
    extent: ExtentRow,
}

/// The recipe of a version, if it is known here and every object of it is still in the store as far as this computer knows.
pub async fn get(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<Option<Recipe>> {
    let files: Vec<(String, i64, String, Option<String>)> =
        sqlx::query_as("SELECT path, length, sha256, plain_object FROM version_file WHERE version = ? ORDER BY idx")
            .bind(version.as_str())
            .fetch_all(&mut *connection)
            .await?;
    let rows: Vec<SpanRow> = sqlx::query_as(
        "SELECT s.file, s.at, s.len, s.\"from\" AS from_byte, e.object, e.offset, e.stored_len, e.raw_len, e.sha256, e.codec, e.params \
         FROM span s JOIN extent e ON e.id = s.extent WHERE s.version = ? ORDER BY s.file, s.at",
    )
    .bind(version.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let mut recipe = Recipe { files: Vec::with_capacity(files.len()), extents: Vec::new() };
    for (path, length, sha256, plain_object) in files {
        recipe.files.push(RecipeFile {
            path,
            length: unsigned(length),
            sha256: parsed("a hash", &sha256)?,
            plain_object,
            spans: Vec::new(),
        });
    }
    let mut places = std::collections::HashMap::new();
    for row in rows {
        let (file, span) = (row.file, (unsigned(row.at), unsigned(row.len), unsigned(row.from_byte)));
        let extent = put_extent(&mut recipe.extents, &mut places, row.extent.read()?);
        let Some(file) = usize::try_from(file).ok().and_then(|file| recipe.files.get_mut(file)) else { return Ok(None) };
        file.spans.push(Span { at: span.0, len: span.1, extent, from: span.2 });
    }
    if !add_bases(connection, &mut recipe, &mut places).await? || recipe.check().is_err() {
        return Ok(None);
    }
    let keys: Vec<&str> = recipe.extents.iter().map(|extent| extent.object.as_str()).collect();
    let gone: i64 = sqlx::query_scalar("SELECT count(*) FROM object WHERE state <> 'verified' AND key IN (SELECT value FROM json_each(?))")
        .bind(serde_json::to_string(&keys).unwrap_or_else(|_| "[]".to_owned()))
        .fetch_one(connection)
        .await?;
    Ok((gone == 0).then_some(recipe))
}

type Places = std::collections::HashMap<(String, u64), u32>;

fn put_extent(extents: &mut Vec<Extent>, places: &mut Places, extent: Extent) -> u32 {
    *places.entry((extent.object.clone(), extent.offset)).or_insert_with(|| {
        extents.push(extent);
        u32::try_from(extents.len() - 1).unwrap_or(u32::MAX)
    })
}

/// Adds the extents that predicted ones rest on; `false` where one is not known here.
async fn add_bases(connection: &mut SqliteConnection, recipe: &mut Recipe, places: &mut Places) -> StoreResult<bool> {
    let mut next = 0;
    while let Some(extent) = recipe.extents.get(next) {
        next += 1;
        for part in extent.bases() {
            if places.contains_key(&(part.object.clone(), part.offset)) {
                continue;
            }
            let row: Option<ExtentRow> = sqlx::query_as(
                "SELECT object, offset, stored_len, raw_len, sha256, codec, params FROM extent WHERE object = ? AND offset = ?",
            )
            .bind(&part.object)
            .bind(signed(part.offset))
            .fetch_optional(&mut *connection)
            .await?;
            let Some(row) = row else { return Ok(false) };
            put_extent(&mut recipe.extents, places, row.read()?);
        }
    }
    Ok(true)
}

/// Says that the store no longer has these objects: nothing is shared with them any more.
pub async fn set_gone(connection: &mut SqliteConnection, objects: &[String]) -> StoreResult<()> {
    sqlx::query("UPDATE object SET state = 'gone' WHERE key IN (SELECT value FROM json_each(?))")
        .bind(serde_json::to_string(objects).unwrap_or_else(|_| "[]".to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Complete versions of a project that a new one may share bytes with: one with a file of the same bytes first, then the newest of its track.
pub async fn candidates(connection: &mut SqliteConnection, version: &VersionId, most: i64) -> StoreResult<Vec<VersionId>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT o.id FROM version v JOIN version o ON o.project = v.project AND o.id <> v.id \
         WHERE v.id = ?1 AND o.state = 'complete' AND EXISTS (SELECT 1 FROM span s WHERE s.version = o.id) \
         AND (o.track = v.track OR EXISTS (SELECT 1 FROM version_file a JOIN version_file b ON b.sha256 = a.sha256 WHERE a.version = v.id AND b.version = o.id)) \
         AND NOT EXISTS (SELECT 1 FROM version_file f LEFT JOIN blob b ON b.sha256 = f.sha256 AND b.state = 'ok' \
                         WHERE f.version = o.id AND b.sha256 IS NULL) \
         ORDER BY (SELECT count(*) FROM version_file a JOIN version_file b ON b.sha256 = a.sha256 WHERE a.version = v.id AND b.version = o.id) DESC, \
         o.id IS v.parent DESC, o.number DESC LIMIT ?2",
    )
    .bind(version.as_str())
    .bind(most)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| parsed("a version id", id)).collect()
}

/// A run of raw bytes of an extent in a file of the content store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// First raw byte of the extent.
    pub from: u64,
    /// Length in bytes.
    pub len: u64,
    /// The stored file.
    pub file: ObjectHash,
    /// Where the run begins in it.
    pub at: u64,
}

/// Where files of this computer hold raw bytes of an extent.
pub async fn held(connection: &mut SqliteConnection, extent: &Extent) -> StoreResult<Vec<Held>> {
    let rows: Vec<(i64, i64, String, i64)> = sqlx::query_as(
        "SELECT s.\"from\", s.len, f.sha256, s.at FROM extent e JOIN span s ON s.extent = e.id \
         JOIN version_file f ON f.version = s.version AND f.idx = s.file JOIN blob b ON b.sha256 = f.sha256 AND b.state = 'ok' \
         WHERE e.object = ? AND e.offset = ? ORDER BY s.\"from\", s.len DESC",
    )
    .bind(&extent.object)
    .bind(signed(extent.offset))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(from, len, file, at)| {
            Ok(Held { from: unsigned(from), len: unsigned(len), file: parsed("a hash", &file)?, at: unsigned(at) })
        })
        .collect()
}
