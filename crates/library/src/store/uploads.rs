//! Upload sessions: id, part hashes and the object's key are here before the first byte goes out.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, UploadId, VersionId};
use collabtrack_protocol::uploads::ObjectFormat;
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed, signed, unsigned};

/// An upload session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Id.
    pub id: UploadId,
    /// Project.
    pub project: ProjectId,
    /// The version it belongs to.
    pub version: VersionId,
    /// What is sent.
    pub format: ObjectFormat,
    /// Index of the file; 0 for a preview.
    pub file: u32,
    /// The stored file that is sent.
    pub blob: ObjectHash,
    /// Length in bytes.
    pub length: u64,
    /// Length of every part but the last.
    pub part_size: u64,
    /// Hash of each part and whether the store has it.
    pub parts: Vec<(ObjectHash, bool)>,
    /// Key of the object, once the server gave one.
    pub object: Option<String>,
    /// Whether the store confirmed all of it.
    pub verified: bool,
}

impl Upload {
    /// Bytes of the parts the store has.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        (0_u64..).zip(&self.parts).filter(|(_, (_, stored))| *stored).map(|(index, _)| self.part_length(index)).sum()
    }

    /// Length of the part with this index, from 0.
    #[must_use]
    pub fn part_length(&self, index: u64) -> u64 {
        self.length.saturating_sub(index * self.part_size).min(self.part_size)
    }
}

/// The word for a format in the database.
#[must_use]
pub fn format_word(format: ObjectFormat) -> &'static str {
    match format {
        ObjectFormat::Plain => "plain",
        ObjectFormat::Packed => "packed",
        ObjectFormat::Preview => "preview",
        ObjectFormat::Tables => "tables",
        ObjectFormat::Temp => "temp",
        ObjectFormat::Unknown => "unknown",
    }
}

#[derive(FromRow)]
struct Row {
    id: String,
    project: String,
    blob: String,
    length: i64,
    part_size: i64,
    object: Option<String>,
    verified: i64,
}

/// The session of a version's file, if there is one.
pub async fn get(connection: &mut SqliteConnection, version: &VersionId, format: ObjectFormat, file: u32) -> StoreResult<Option<Upload>> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, project, blob, length, part_size, object, verified FROM upload WHERE version = ? AND format = ? AND file = ?",
    )
    .bind(version.as_str())
    .bind(format_word(format))
    .bind(i64::from(file))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let parts: Vec<(String, i64)> = sqlx::query_as("SELECT sha256, stored FROM upload_part WHERE upload = ? ORDER BY number")
        .bind(&row.id)
        .fetch_all(connection)
        .await?;
    Ok(Some(Upload {
        id: parsed("an upload id", &row.id)?,
        project: parsed("a project id", &row.project)?,
        version: version.clone(),
        format,
        file,
        blob: parsed("a hash", &row.blob)?,
        length: unsigned(row.length),
        part_size: unsigned(row.part_size),
        parts: parts.iter().map(|(hash, stored)| Ok((parsed("a hash", hash)?, *stored == 1))).collect::<StoreResult<_>>()?,
        object: row.object,
        verified: row.verified == 1,
    }))
}

/// Records a session before it is opened.
pub async fn insert(connection: &mut SqliteConnection, upload: &Upload) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO upload (id, project, version, format, file, blob, length, part_size, object) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(upload.id.as_str())
    .bind(upload.project.as_str())
    .bind(upload.version.as_str())
    .bind(format_word(upload.format))
    .bind(i64::from(upload.file))
    .bind(upload.blob.to_string())
    .bind(signed(upload.length))
    .bind(signed(upload.part_size))
    .bind(upload.object.as_deref())
    .execute(&mut *connection)
    .await?;
    let parts: Vec<String> = upload.parts.iter().map(|(hash, _)| hash.to_string()).collect();
    sqlx::query("INSERT INTO upload_part (upload, number, sha256) SELECT ?, key + 1, value FROM json_each(?)")
        .bind(upload.id.as_str())
        .bind(serde_json::to_string(&parts).unwrap_or_else(|_| "[]".to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes over which parts the store has and the object's key.
pub async fn set_stored(connection: &mut SqliteConnection, upload: &UploadId, object: &str, stored: &[u32]) -> StoreResult<()> {
    sqlx::query("UPDATE upload SET object = ? WHERE id = ?").bind(object).bind(upload.as_str()).execute(&mut *connection).await?;
    sqlx::query("UPDATE upload_part SET stored = (number IN (SELECT value FROM json_each(?))) WHERE upload = ?")
        .bind(serde_json::to_string(stored).unwrap_or_else(|_| "[]".to_owned()))
        .bind(upload.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that the store took a part.
pub async fn set_part_stored(connection: &mut SqliteConnection, upload: &UploadId, number: u32) -> StoreResult<()> {
    sqlx::query("UPDATE upload_part SET stored = 1 WHERE upload = ? AND number = ?")
        .bind(upload.as_str())
        .bind(i64::from(number))
        .execute(connection)
        .await?;
    Ok(())
}

/// Records that the server confirmed the whole object.
pub async fn set_verified(connection: &mut SqliteConnection, upload: &UploadId) -> StoreResult<()> {
    sqlx::query("UPDATE upload SET verified = 1 WHERE id = ?").bind(upload.as_str()).execute(connection).await?;
    Ok(())
}

/// Forgets a session that ended without an object.
pub async fn forget(connection: &mut SqliteConnection, upload: &UploadId) -> StoreResult<()> {
    sqlx::query("DELETE FROM upload WHERE id = ?").bind(upload.as_str()).execute(connection).await?;
    Ok(())
}

/// Forgets all sessions of a version; it is complete.
pub async fn forget_all(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("DELETE FROM upload WHERE version = ?").bind(version.as_str()).execute(connection).await?;
    Ok(())
}
