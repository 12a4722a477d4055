//! Files of watched folders as last looked at.

use std::path::{Path, PathBuf};

use collabtrack_domain::id::{TrackId, VersionId};
use sqlx::{FromRow, SqliteConnection};

use super::roots::RootId;
use super::{StoreResult, parsed_maybe, signed, unsigned};
use crate::paths;
use crate::watch::scan::ScanKey;

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a version.
    Captured,
    /// It has the bytes of the newest version.
    Identical,
    /// It cannot be a version.
    NotReadable,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Identical => "identical",
            Self::NotReadable => "not_readable",
        }
    }
}

/// A file as last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Path inside its root.
    pub path: PathBuf,
    /// Size, times and inode then.
    pub key: ScanKey,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it is no version, in words.
    pub message: String,
    /// The track it belongs to.
    pub track: Option<TrackId>,
    /// The version it is.
    pub version: Option<VersionId>,
}

#[derive(FromRow)]
struct Row {
    path: Vec<u8>,
    size: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: i64,
    outcome: String,
    message: String,
    track: Option<String>,
    version: Option<String>,
}

/// Every remembered file of a root.
pub async fn of_root(connection: &mut SqliteConnection, root: RootId) -> StoreResult<Vec<Seen>> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT path, size, mtime_ns, ctime_ns, inode, outcome, message, track, version FROM seen WHERE root = ?")
            .bind(root.0)
            .fetch_all(connection)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Seen {
                path: paths::from_bytes(&row.path),
                key: ScanKey { size: unsigned(row.size), mtime_ns: row.mtime_ns, ctime_ns: row.ctime_ns, inode: row.inode },
                outcome: match row.outcome.as_str() {
                    "captured" => Outcome::Captured,
                    "identical" => Outcome::Identical,
                    _ => Outcome::NotReadable,
                },
                message: row.message,
                track: parsed_maybe("a track id", row.track.as_deref())?,
                version: parsed_maybe("a version id", row.version.as_deref())?,
            })
        })
        .collect()
}

/// Remembers a file; what was remembered of its track stays when the new outcome has none.
pub async fn put(connection: &mut SqliteConnection, root: RootId, seen: &Seen) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO seen (root, path, size, mtime_ns, ctime_ns, inode, outcome, message, track, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (root, path) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, \
         inode = excluded.inode, outcome = excluded.outcome, message = excluded.message, track = ifnull(excluded.track, track), \
         version = ifnull(excluded.version, version)",
    )
    .bind(root.0)
    .bind(paths::to_bytes(&seen.path))
    .bind(signed(seen.key.size))
    .bind(seen.key.mtime_ns)
    .bind(seen.key.ctime_ns)
    .bind(seen.key.inode)
    .bind(seen.outcome.as_str())
    .bind(&seen.message)
    .bind(seen.track.as_ref().map(TrackId::as_str))
    .bind(seen.version.as_ref().map(VersionId::as_str))
    .execute(connection)
    .await?;
    Ok(())
}

/// The track that earlier exports to this path belong to.
pub async fn track_of(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<Option<TrackId>> {
    let track: Option<Option<String>> = sqlx::query_scalar("SELECT track FROM seen WHERE root = ? AND path = ?")
        .bind(root.0)
        .bind(paths::to_bytes(path))
        .fetch_optional(connection)
        .await?;
    parsed_maybe("a track id", track.flatten().as_deref())
}
