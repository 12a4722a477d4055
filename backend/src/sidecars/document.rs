//! What a sidecar says. The form only grows; a reader that meets a newer number leaves the sidecar alone.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::accounts::Person;
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

/// A number the version had in a track it was moved out of: it stays its own for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierPart {
    /// The track, which may hold no version any more.
    pub track: TrackClaim,
    /// The number there.
    pub number: i64,
}

/// How a version came into the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashedPart {
    /// Since when.
    pub at: String,
    /// Who put it there.
    #[serde(default)]
    pub by: Option<Person>,
    /// The state it comes back to.
    pub from: VersionState,
}

/// A sidecar. What was added to the form later is absent in older ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sidecar {
    /// Number of the form.
    pub format: u32,
    /// Place of the newest change of the version; of two sidecars the higher one counts.
    pub seq: i64,
    /// How far the project's feed had come when this was written: names of project and track are as of then. 0 where it does not say.
    #[serde(default)]
    pub head: i64,
    /// Project.
    pub project: ProjectPart,
    /// Track.
    pub track: TrackClaim,
    /// The number the next version of the track gets. 0 where it does not say.
    #[serde(default)]
    pub next_number: i64,
    /// Numbers the version had in other tracks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierPart>,
    /// While the version is in the trash: how it came there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed: Option<TrashedPart>,
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

    /// The place of the feed as of which the names in it are known to be true.
    #[must_use]
    pub fn place(&self) -> i64 {
        self.head.max(self.seq)
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
        "select p.name as project_name, p.epoch, p.head_seq, t.name, t.key, t.auto, t.next_number, v.preview_object, v.tables_object,
                v.no_preview_reason, v.trashed_by, v.trashed_from, a.name as trashed_by_name
         from version v join project p on p.id = v.project join track t on t.id = v.track left join account a on a.id = v.trashed_by
         where v.id = $1",
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
        head: row.try_get("head_seq")?,
        next_number: row.try_get("next_number")?,
        earlier: earlier(db, id).await?,
        trashed: version.trashed_at.as_ref().map(|at| trashed(&row, at)).transpose()?,
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

async fn earlier(db: &mut PgConnection, id: &VersionId) -> Result<Vec<EarlierPart>, Error> {
    let rows = sqlx::query(
        "select t.id, t.name, t.key, t.auto, m.number from version_moved m join track t on t.id = m.track where m.version = $1 order by m.at, t.id",
    )
    .bind(id.as_str())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let track =
                TrackClaim { id: row.text_as("id")?, name: row.try_get("name")?, key: row.try_get("key")?, auto: row.try_get("auto")? };
            Ok(EarlierPart { track, number: row.try_get("number")? })
        })
        .collect()
}

fn trashed(row: &PgRow, at: &str) -> Result<TrashedPart, Error> {
    let by = match row.optional_text_as("trashed_by")? {
        Some(id) => Some(Person { id, name: row.try_get("trashed_by_name")? }),
        None => None,
    };
    Ok(TrashedPart { at: at.to_owned(), by, from: rows::state_of(row.try_get("trashed_from")?) })
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
