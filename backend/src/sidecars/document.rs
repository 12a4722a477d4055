//! What a sidecar says. The form only grows; a reader that meets a newer number leaves the sidecar alone.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::versions::{TrackClaim, Version, VersionState};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use crate::db::RowExt;
use crate::error::Error;
use crate::versions::rows;

/// The form this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// The project a version belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectPart {
    /// Id.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// The server's epoch of the project.
    pub epoch: String,
}

/// An object the version's recipe, preview or tables name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPart {
    /// Key.
    pub key: String,
    /// Word of the format.
    pub format: String,
    /// Length in bytes.
    pub length: u64,
    /// Checksum the store reports.
    pub composite: String,
    /// SHA-256 of all bytes, where it is known.
    #[serde(default)]
    pub sha256: Option<ObjectHash>,
}

/// A sidecar.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sidecar {
    /// Number of the form.
    pub format: u32,
    /// Place of the newest change of the version; of two sidecars the higher one counts.
    pub seq: i64,
    /// Project.
    pub project: ProjectPart,
    /// Track.
    pub track: TrackClaim,
    /// The version as readers of the API see it.
    pub version: Version,
    /// Why there is no preview.
    #[serde(default)]
    pub no_preview_reason: Option<String>,
    /// Key of the preview.
    #[serde(default)]
    pub preview: Option<String>,
    /// Key of the tables.
    #[serde(default)]
    pub tables: Option<String>,
    /// Every object named.
    pub objects: Vec<ObjectPart>,
    /// How the original is rebuilt; none while it is not complete.
    #[serde(default)]
    pub recipe: Option<Recipe>,
}

/// Why bytes are not taken as a sidecar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SidecarError {
    /// A newer program wrote it.
    #[error("it is of form {format}, this program knows forms up to {FORMAT}")]
    Newer {
        /// Its form.
        format: u32,
    },
    /// It is no sidecar.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Sidecar {
    /// Reads a sidecar. The form is looked at first: of a newer one nothing else is understood.
    /// # Errors
    /// `Newer`, `Unreadable`.
    pub fn read(bytes: &[u8]) -> Result<Self, SidecarError> {
        let unreadable = |error: serde_json::Error| SidecarError::Unreadable { reason: error.to_string() };
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format > FORMAT {
            return Err(SidecarError::Newer { format: head.format });
        }
        let sidecar: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        if let Some(recipe) = &sidecar.recipe {
            recipe.check().map_err(|error| SidecarError::Unreadable { reason: error.to_string() })?;
        }
        Ok(sidecar)
    }

    /// The stored form.
    /// # Errors
    /// Never in practice: every part has a form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|_| Error::Damaged { what: "sidecar" })
    }
}

/// The sidecar of a version as the database has it now.
/// # Errors
/// When the database fails.
pub async fn of(db: &mut PgConnection, id: &VersionId) -> Result<Sidecar, Error> {
    let version = rows::load(db, id).await?;
    let row = sqlx::query(
        "select p.name as project_name, p.epoch, t.name, t.key, t.auto, v.preview_object, v.tables_object, v.no_preview_reason
         from version v join project p on p.id = v.project join track t on t.id = v.track where v.id = $1",
    )
    .bind(id.as_str())
    .fetch_one(&mut *db)
    .await?;
    // A trashed version keeps its recipe, and comes back with it.
    let recipe = rows::recipe(db, id).await?;
    let covered = recipe.check().is_ok() && version.state != VersionState::Announced;
    let (preview, tables): (Option<String>, Option<String>) = (row.try_get("preview_object")?, row.try_get("tables_object")?);
    let mut keys: Vec<String> = preview.iter().chain(&tables).cloned().collect();
    if covered {
        keys.extend(recipe.extents.iter().map(|extent| extent.object.clone()));
        keys.extend(recipe.files.iter().filter_map(|file| file.plain_object.clone()));
    }
    let objects = sqlx::query("select key, format, length, composite, sha256 from object where key = any($1) order by key")
        .bind(&keys)
        .fetch_all(&mut *db)
        .await?;
    Ok(Sidecar {
        format: FORMAT,
        seq: version.seq,
        project: ProjectPart { id: version.project.clone(), name: row.try_get("project_name")?, epoch: row.try_get("epoch")? },
        track: TrackClaim { id: version.track.clone(), name: row.try_get("name")?, key: row.try_get("key")?, auto: row.try_get("auto")? },
        no_preview_reason: row.try_get("no_preview_reason")?,
        preview,
        tables,
        objects: objects.iter().map(object_of).collect::<Result<_, _>>()?,
        recipe: covered.then_some(recipe),
        version,
    })
}

fn object_of(row: &PgRow) -> Result<ObjectPart, Error> {
    let known = row.try_get::<Option<&[u8]>, _>("sha256")?.is_some();
    Ok(ObjectPart {
        key: row.try_get("key")?,
        format: row.try_get("format")?,
        length: row.unsigned("length")?,
        composite: row.try_get("composite")?,
        sha256: if known { Some(row.hash("sha256")?) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_form_is_named_whatever_else_stands_in_it() {
        let newer = Sidecar::read(br#"{"format": 7, "everything": "else"}"#);
        assert_eq!(newer.expect_err("not understood"), SidecarError::Newer { format: 7 });
        for broken in [&b"{}"[..], b"", b"[1]", br#"{"format": 1}"#, b"\xff"] {
            assert!(matches!(Sidecar::read(broken), Err(SidecarError::Unreadable { .. })));
        }
    }
}
