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
    /// A person left it out when the folder was taken over.
    LeftOut,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Identical => "identical",
            Self::NotReadable => "not_readable",
            Self::LeftOut => "left_out",
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
                    "left_out" => Outcome::LeftOut,
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

/// The track of the version of several files that the file at this path was last a part of.
pub async fn track_of_set(connection: &mut SqliteConnection, root: RootId, path: &Path) -> StoreResult<Option<TrackId>> {
    let track: Option<String> = sqlx::query_scalar(
        "SELECT v.track FROM seen s JOIN version v ON v.id = s.version \
         WHERE s.root = ? AND s.path = ? AND (SELECT count(*) FROM version_file f WHERE f.version = v.id) > 1",
    )
    .bind(root.0)
    .bind(paths::to_bytes(path))
    .fetch_optional(connection)
    .await?;
    parsed_maybe("a track id", track.as_deref())
}

/// A file of a version of several files, as last captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMember {
    /// Path inside its root.
    pub path: PathBuf,
    /// Its state when it was captured.
    pub key: ScanKey,
    /// Its path inside the version.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256.
    pub sha256: collabtrack_domain::hash::ObjectHash,
}

/// Remembered files of a root that were last captured as parts of versions of several files in the form of stems.
pub async fn set_members(connection: &mut SqliteConnection, root: RootId) -> StoreResult<Vec<SetMember>> {
    type Member = (Vec<u8>, i64, i64, i64, i64, String, i64, String);
    let rows: Vec<Member> = sqlx::query_as(
        "SELECT s.path, s.size, s.mtime_ns, s.ctime_ns, s.inode, f.path, f.length, f.sha256 FROM seen s \
         JOIN version v ON v.id = s.version JOIN version_file f ON f.version = v.id \
         WHERE s.root = ? AND v.kind = 'stem' AND (SELECT count(*) FROM version_file g WHERE g.version = v.id) > 1",
    )
    .bind(root.0)
    .fetch_all(connection)
    .await?;
    let mut members = Vec::new();
    for (path, size, mtime_ns, ctime_ns, inode, name, length, sha256) in rows {
        let path = paths::from_bytes(&path);
        if paths::name(&path) == name {
            let key = ScanKey { size: unsigned(size), mtime_ns, ctime_ns, inode };
            members.push(SetMember { path, key, name, length: unsigned(length), sha256: super::parsed("a hash", &sha256)? });
        }
    }
    Ok(members)
}

/// Sizes, times and inodes of every remembered file of a root.
pub async fn keys(connection: &mut SqliteConnection, root: RootId) -> StoreResult<crate::watch::scan::Known> {
    let rows: Vec<(Vec<u8>, i64, i64, i64, i64)> =
        sqlx::query_as("SELECT path, size, mtime_ns, ctime_ns, inode FROM seen WHERE root = ?").bind(root.0).fetch_all(connection).await?;
    Ok(rows
        .into_iter()
        .map(|(path, size, mtime_ns, ctime_ns, inode)| {
            (paths::from_bytes(&path), ScanKey { size: unsigned(size), mtime_ns, ctime_ns, inode })
        })
        .collect())
}

/// Forgets the states of all files, so that each is looked at again; which track they belong to stays known.
pub async fn forget_states(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("UPDATE seen SET size = 0, mtime_ns = 0, ctime_ns = 0, inode = 0").execute(connection).await?;
    Ok(())
}

/// Files that are this version belong to its new track from now on.
pub async fn move_track(connection: &mut SqliteConnection, version: &VersionId, track: &TrackId) -> StoreResult<()> {
    sqlx::query("UPDATE seen SET track = ? WHERE version = ?").bind(track.as_str()).bind(version.as_str()).execute(connection).await?;
    Ok(())
}
