//! Packing anew: of a packed object that is needed for less than half, what is needed goes into a new object, every recipe names it there,
//! and the old one is marked for collection. Nothing is rewritten in place. Bytes pass through this work, so it runs beside the API
//! process (`collabtrack-server repack`), never inside it.
//!
//! Extents move as they are stored; nothing is decoded. The object they come from is compared with the hashes it was sent under first. An
//! object with extents that needed ones are predicted from stays as it is: the lists at the end of other objects name it.

mod moved;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use collabtrack_content::hashing::{self, FileHashes};
use collabtrack_content::pack::footer;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::Extent;
use collabtrack_protocol::changes::ChangeKind;
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use crate::blobs::{BlobError, Blobs, checksum_of};
use crate::db::RowExt;
use crate::error::Error;
use crate::uploads::rows::stored;
use crate::versions::rows;
use crate::{access, collect, feed, random};

pub(crate) use moved::follow;

/// Objects looked at in one round; the next round takes the others.
const AT_ONCE: i64 = 200;

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repacked {
    /// Objects whose extents moved.
    pub objects: usize,
    /// Bytes of the store that are free when the old objects are collected, a day later.
    pub bytes: u64,
    /// Objects left as they are: not what was sent, or something changed meanwhile.
    pub left: usize,
}

/// Why a round ended.
#[derive(Debug, thiserror::Error)]
pub enum RepackError {
    /// Database or store failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The disk for the objects failed.
    #[error("the objects cannot be written to the scratch folder")]
    Disk(#[from] std::io::Error),
}

impl From<BlobError> for RepackError {
    fn from(error: BlobError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<sqlx::Error> for RepackError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Packs anew what is worth it, one object after the other, in `scratch`. What was done stays when it fails later.
/// # Errors
/// The first failure of database, store or disk; doing it again goes on.
pub async fn round(db: &PgPool, blobs: &Blobs, scratch: &Path) -> Result<Repacked, RepackError> {
    let mut done = Repacked::default();
    // After a restore the bucket may know better than this database what is needed.
    if !collect::is_allowed(db).await? {
        return Ok(done);
    }
    let candidates = sqlx::query(
        "with recursive needed as (
             select distinct extent as id from span
             union
             select b.base from extent_base b join needed n on n.id = b.extent
         ), bases as (
             select distinct e.object from extent_base b join needed n on n.id = b.extent join extent e on e.id = b.base
         )
         select o.key, o.project from object o join extent e on e.object = o.key join needed n on n.id = e.id
         where o.format = 'packed' and o.state = 'verified' and o.created_at <= now() - interval '8 days'
           and not exists (select from upload u where u.object = o.key and u.state in ('open', 'completing'))
           and o.key not in (select object from bases)
         group by o.key having sum(e.stored_len) * 2 < o.length
         order by o.length - sum(e.stored_len) desc limit $1",
    )
    .bind(AT_ONCE)
    .fetch_all(db)
    .await?;
    for row in &candidates {
        let (key, project): (String, ProjectId) = (row.try_get("key")?, row.text_as("project")?);
        match one(db, blobs, &project, &key, scratch).await? {
            Some(bytes) => {
                done.objects += 1;
                done.bytes += bytes;
            }
            None => done.left += 1,
        }
    }
    Ok(done)
}

/// An extent that moves.
struct Moving {
    id: i64,
    extent: Extent,
}

/// Packs one object anew; the bytes that become free, or none where it has to stay.
async fn one(db: &PgPool, blobs: &Blobs, project: &ProjectId, key: &str, scratch: &Path) -> Result<Option<u64>, RepackError> {
    let moving = needed(&mut *db.acquire().await?, key).await?;
    let folder = tempfile::tempdir_in(scratch)?;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    blobs.fetch_to(key, &old).await?;
    let before = std::fs::metadata(&old)?.len();
    if !is_what_was_sent(db, key, old.clone()).await? {
        tracing::warn!(object = key, "an object is not what was sent, so it is not packed anew; whoever reads it will tell");
        return Ok(None);
    }
    let (from, to, part_bytes) = (old.clone(), new.clone(), blobs.part_bytes());
    let packed = tokio::task::spawn_blocking(move || write(&from, &to, moving, part_bytes)).await.map_err(joined)??;
    let (length, composite) = (packed.hashes.length, checksum_of(&packed.hashes));
    let target = format!("p/{project}/o/{}", random::hex128());
    sqlx::query(
        "insert into object (key, project, format, length, composite, sha256, state) values ($1, $2, 'packed', $3, $4, $5, 'pending')",
    )
    .bind(&target)
    .bind(project.as_str())
    .bind(stored(length)?)
    .bind(&composite)
    .bind(&packed.hashes.sha256.as_bytes()[..])
    .execute(db)
    .await?;
    blobs.put_file(&target, &new, &packed.hashes).await?;
    let there = blobs.head(&target).await?;
    let is_there = there.is_some_and(|head| head.length == length && head.checksum.is_none_or(|sum| sum == composite));
    if !is_there {
        tracing::warn!(object = target, "the store does not have what was just packed; the old object stays");
        return Ok(None);
    }
    // What is left behind when this fails is an object nothing names: it is collected.
    Ok(swap(db, project, key, &target, &packed.moved).await?.then(|| before.saturating_sub(length)))
}

fn joined(error: tokio::task::JoinError) -> RepackError {
    RepackError::Disk(std::io::Error::other(error.to_string()))
}

/// The extents of an object that something needs, in the order of their bytes.
async fn needed(db: &mut PgConnection, key: &str) -> Result<Vec<Moving>, Error> {
    let rows = sqlx::query(
        "with recursive users as (
             select e.id as own, e.id from extent e where e.object = $1
             union
             select u.own, b.extent from extent_base b join users u on u.id = b.base
         )
         select e.* from extent e
         where e.object = $1 and exists (select from users u join span s on s.extent = u.id where u.own = e.id)
         order by e.\"offset\", e.id",
    )
    .bind(key)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(Moving { id: row.try_get("id")?, extent: rows::extent_of(row)? })).collect()
}

/// Whether the bytes have the hashes under which they came here.
async fn is_what_was_sent(db: &PgPool, key: &str, file: PathBuf) -> Result<bool, RepackError> {
    let row =
        sqlx::query("select o.sha256, u.part_size, u.part_hashes from object o left join upload u on u.object = o.key where o.key = $1")
            .bind(key)
            .fetch_one(db)
            .await?;
    let parts: Option<Vec<u8>> = row.try_get("part_hashes")?;
    let whole: Option<Vec<u8>> = row.try_get("sha256")?;
    let (wanted, size) = match (parts, row.try_get::<Option<i64>, _>("part_size")?, whole) {
        (Some(parts), Some(size), _) => (parts, u64::try_from(size).map_err(|_| Error::Damaged { what: "upload" })?),
        (_, _, Some(whole)) => (whole, u64::MAX),
        // The bucket told of it, in parts of a size that nobody wrote down.
        _ => return Ok(false),
    };
    let found = tokio::task::spawn_blocking(move || {
        let hashes = hashing::hash_reader(&mut File::open(file)?, size, &mut |_| true)?;
        Ok::<_, std::io::Error>(hashes.parts.iter().flat_map(|part| part.as_bytes().to_vec()).collect::<Vec<u8>>())
    });
    Ok(found.await.map_err(joined)?? == wanted)
}

struct Packed {
    moved: Vec<Moving>,
    hashes: FileHashes,
}

/// Copies the extents, one behind the other, and lists them at the end.
fn write(old: &Path, new: &Path, mut moving: Vec<Moving>, part_bytes: u64) -> Result<Packed, std::io::Error> {
    let (mut from, mut to, mut length) = (File::open(old)?, BufWriter::new(File::create_new(new)?), 0);
    for Moving { extent, .. } in &mut moving {
        from.seek(SeekFrom::Start(extent.offset))?;
        let copied = std::io::copy(&mut (&mut from).take(extent.stored_len), &mut to)?;
        if copied != extent.stored_len {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
        }
        extent.offset = length;
        extent.object.clear();
        length += copied;
    }
    let list = footer::write(&moving.iter().map(|moving| &moving.extent).collect::<Vec<_>>());
    to.write_all(&list)?;
    to.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    let hashes = hashing::hash_reader(&mut File::open(new)?, part_bytes, &mut |_| true)?;
    Ok(Packed { moved: moving, hashes })
}

/// Lets every recipe name the new object, and marks the old one; `false` where something needs what was not copied.
async fn swap(db: &PgPool, project: &ProjectId, old: &str, new: &str, moved: &[Moving]) -> Result<bool, RepackError> {
    let mut tx = db.begin().await?;
    access::lock_row(&mut tx, project).await?;
    // A commit that holds the old object is waited for; one that comes later finds it marked, and follows the move or sends again.
    let held =
        sqlx::query("select key from object where key = $1 and state = 'verified' for update").bind(old).fetch_optional(&mut *tx).await?;
    let copied: BTreeSet<i64> = moved.iter().map(|moving| moving.id).collect();
    let still = needed(&mut tx, old).await?;
    let ids: Vec<i64> = copied.iter().copied().collect();
    let is_base: bool =
        sqlx::query_scalar("select exists (select from extent_base where base = any($1))").bind(&ids).fetch_one(&mut *tx).await?;
    let versions = versions_of(&mut tx, &ids).await?;
    let foreign: bool = sqlx::query_scalar("select exists (select from sidecar where held and version = any($1))")
        .bind(versions.iter().map(VersionId::as_str).collect::<Vec<_>>())
        .fetch_one(&mut *tx)
        .await?;
    if held.is_none() || is_base || foreign || still.iter().any(|moving| !copied.contains(&moving.id)) {
        return Ok(false);
    }
    sqlx::query("update object set state = 'verified' where key = $1").bind(new).execute(&mut *tx).await?;
    for (idx, Moving { id, extent }) in (0_i32..).zip(moved) {
        sqlx::query("insert into moved_extent (object, \"offset\", extent) select object, \"offset\", id from extent where id = $1 on conflict do nothing")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        sqlx::query("update extent set object = $2, \"offset\" = $3, idx = $4 where id = $1")
            .bind(id)
            .bind(new)
            .bind(stored(extent.offset)?)
            .bind(idx)
            .execute(&mut *tx)
            .await?;
    }
    sqlx::query("update object set state = 'condemned', condemned_at = now() where key = $1").bind(old).execute(&mut *tx).await?;
    // A new place in the feed, so that of two sidecars the one that names the new object counts.
    for id in &versions {
        let seq = feed::next_seq(&mut tx, project).await?;
        sqlx::query("update version set seq = $2 where id = $1").bind(id.as_str()).bind(seq).execute(&mut *tx).await?;
        let version = rows::load_known(&mut tx, id).await?;
        feed::append_at(&mut tx, project, seq, ChangeKind::Version, &version).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Versions whose recipes name one of these extents, oldest change first.
async fn versions_of(db: &mut PgConnection, extents: &[i64]) -> Result<Vec<VersionId>, Error> {
    let rows = sqlx::query(
        "select v.id from version v
         where exists (select from version_file f join span s on s.file = f.id where f.version = v.id and s.extent = any($1)) order by v.seq",
    )
    .bind(extents)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(row.text_as("id")?)).collect()
}
