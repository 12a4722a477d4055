//! Watched folders.

use std::path::{Path, PathBuf};

use collabtrack_domain::id::ProjectId;
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed};
use crate::paths;

/// Id of a watched folder inside this library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub i64);

/// A watched folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Id.
    pub id: RootId,
    /// Project.
    pub project: ProjectId,
    /// The folder.
    pub path: PathBuf,
    /// Whether a marker file stands in it; else device and inode tell whether it is the same folder.
    pub has_marker: bool,
    /// Device and inode when it was added.
    pub place: (i64, i64),
}

#[derive(FromRow)]
struct Row {
    id: i64,
    project: String,
    path: Vec<u8>,
    has_marker: i64,
    device: i64,
    inode: i64,
}

/// Every watched folder.
pub async fn all(connection: &mut SqliteConnection) -> StoreResult<Vec<Root>> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, project, path, has_marker, device, inode FROM root ORDER BY id").fetch_all(connection).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Root {
                id: RootId(row.id),
                project: parsed("a project id", &row.project)?,
                path: paths::from_bytes(&row.path),
                has_marker: row.has_marker == 1,
                place: (row.device, row.inode),
            })
        })
        .collect()
}

/// Records a folder.
pub async fn insert(
    connection: &mut SqliteConnection,
    project: &ProjectId,
    path: &Path,
    has_marker: bool,
    place: (i64, i64),
    now: &str,
) -> StoreResult<RootId> {
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO root (project, path, path_text, has_marker, device, inode, added_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
    )
    .bind(project.as_str())
    .bind(paths::to_bytes(path))
    .bind(path.to_string_lossy().into_owned())
    .bind(i64::from(has_marker))
    .bind(place.0)
    .bind(place.1)
    .bind(now)
    .fetch_one(connection)
    .await?;
    Ok(RootId(id))
}

/// Says that a folder was moved.
pub async fn set_path(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<()> {
    sqlx::query("UPDATE root SET path = ?, path_text = ? WHERE id = ?")
        .bind(paths::to_bytes(path))
        .bind(path.to_string_lossy().into_owned())
        .bind(root.0)
        .execute(connection)
        .await?;
    Ok(())
}
