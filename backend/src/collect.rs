//! Collecting what nothing needs any more: marked, left alone for a day, looked at again under lock, then removed. A commit that names an
//! object holds it meanwhile, so either the commit comes first and the object stays, or it hears that the bytes are gone and sends them
//! again. Rows stay for ever, so no key is ever used twice.

use std::time::Duration;

use sqlx::{PgPool, Row};
use tokio_util::sync::CancellationToken;

use crate::blobs::Blobs;
use crate::error::Error;
use crate::sidecars::parse_key;
use crate::versions::trash;
use crate::{projects, recovery};

const EVERY: Duration = Duration::from_secs(3_600);
/// The first look after a start, so that a server restarted every hour still collects.
const FIRST: Duration = Duration::from_secs(120);
const AT_ONCE: i64 = 500;
/// How long temporary objects live by the store's clock, in seconds.
const TEMPORARY_LIFE_S: i64 = 24 * 3_600;

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Versions purged from the trash.
    pub purged: usize,
    /// Upload sessions that ended unused.
    pub expired: usize,
    /// Objects marked.
    pub condemned: usize,
    /// Objects removed from the store.
    pub deleted: usize,
    /// Keys removed that no row ever named.
    pub swept: usize,
}

/// One round of everything.
/// # Errors
/// The first failure of database or store; every step can be repeated.
pub async fn round(db: &PgPool, blobs: &Blobs) -> Result<Collected, Error> {
    // A database that lost something does not know what is needed, nor what was taken out of the trash.
    if recovery::look(db, blobs).await? {
        return Ok(Collected::default());
    }
    projects::trash::expire(db).await?;
    let mut done = Collected { purged: trash::purge_due(db).await?, ..Collected::default() };
    if !is_allowed(db).await? {
        return Ok(done);
    }
    done.expired = expire_uploads(db, blobs).await?;
    done.condemned = condemn(db).await?;
    done.deleted = delete_condemned(db, blobs).await?;
    done.swept = sweep_unknown(db, blobs).await? + sweep_temporary(blobs, now_s(db).await?).await?;
    Ok(done)
}

/// Runs a round now and then until told to stop; of several instances whichever comes first does the work.
pub async fn run(db: PgPool, blobs: Blobs, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        match round(&db, &blobs).await {
            Ok(done) if done == Collected::default() => {}
            Ok(done) => tracing::info!(?done, "collected what nothing needs any more"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "collecting failed; it is tried again"),
        }
    }
}

/// After a rebuild nothing is collected for 35 days, and nothing before it.
pub(crate) async fn is_allowed(db: &PgPool) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("select no_gc_until <= now() and recovering_since is null from server_state").fetch_one(db).await?)
}

async fn now_s(db: &PgPool) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select extract(epoch from now())::bigint").fetch_one(db).await?)
}

/// Ends sessions idle for 7 days; their objects are unused from then on.
async fn expire_uploads(db: &PgPool, blobs: &Blobs) -> Result<usize, Error> {
    let rows = sqlx::query(
        "update upload set state = 'gone' where id in (select id from upload where state in ('open', 'completing') and expires_at <= now() limit $1)
         returning object, multipart_id",
    )
    .bind(AT_ONCE)
    .fetch_all(db)
    .await?;
    for row in &rows {
        if let Some(multipart) = row.try_get::<Option<String>, _>("multipart_id")? {
            blobs.abort_multipart(row.try_get("object")?, &multipart).await?;
        }
    }
    Ok(rows.len())
}

/// Marks objects that nothing needs and no open session may still make use of.
/// # Errors
/// When the database fails.
pub async fn condemn(db: &PgPool) -> Result<usize, Error> {
    let mut tx = db.begin().await?;
    // Objects a commit holds at this moment are passed over; what is locked here, a commit waits for.
    let keys: Vec<String> = sqlx::query_scalar(
        "select o.key from object o
         where o.state in ('pending', 'verified') and o.created_at <= now() - interval '8 days'
           and not exists (select from upload u where u.object = o.key and u.state in ('open', 'completing'))
           and not object_is_needed(o.key)
         order by o.created_at limit $1 for update skip locked",
    )
    .bind(AT_ONCE)
    .fetch_all(&mut *tx)
    .await?;
    // Asked again now that they are locked: a commit may have ended between looking and locking.
    let marked =
        sqlx::query("update object set state = 'condemned', condemned_at = now() where key = any($1) and not object_is_needed(key)")
            .bind(&keys)
            .execute(&mut *tx)
            .await?;
    tx.commit().await?;
    Ok(usize::try_from(marked.rows_affected()).unwrap_or(usize::MAX))
}

/// Removes objects marked a day ago that are still not needed.
/// # Errors
/// When database or store fail.
pub async fn delete_condemned(db: &PgPool, blobs: &Blobs) -> Result<usize, Error> {
    let mut tx = db.begin().await?;
    let keys: Vec<String> = sqlx::query_scalar(
        "select key from object where state = 'condemned' and coalesce(condemned_at, created_at) <= now() - interval '24 hours'
           -- Of extents that were packed anew the bucket must have heard before their old object goes.
           and not exists (select from moved_extent m join span s on s.extent = m.extent join version_file f on f.id = s.file
                           join sidecar c on c.version = f.version where m.object = object.key and c.wanted > c.written)
         order by key limit $1 for update skip locked",
    )
    .bind(AT_ONCE)
    .fetch_all(&mut *tx)
    .await?;
    sqlx::query("update object set state = 'deleting' where key = any($1) and not object_is_needed(key)")
        .bind(&keys)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    // Those a crash left half-way are among them.
    let deleting: Vec<String> =
        sqlx::query_scalar("select key from object where state = 'deleting' order by key limit $1").bind(AT_ONCE).fetch_all(db).await?;
    for key in &deleting {
        blobs.delete(key).await?;
        sqlx::query("update object set state = 'deleted' where key = $1 and state = 'deleting'").bind(key).execute(db).await?;
    }
    Ok(deleting.len())
}

/// Removes keys under `p/` that no row names, known for a day as unknown. Sidecars stay, and everything of projects with sidecars that this
/// database knows nothing of: those of a newer program, and those that were not brought back.
async fn sweep_unknown(db: &PgPool, blobs: &Blobs) -> Result<usize, Error> {
    let (sidecars, listed): (Vec<String>, Vec<String>) =
        blobs.list("p/").await?.into_iter().map(|listed| listed.key).partition(|key| parse_key(key).is_some());
    let (projects, versions): (Vec<String>, Vec<String>) =
        sidecars.iter().filter_map(|key| parse_key(key)).map(|(project, version)| (project.to_string(), version.to_string())).unzip();
    let not_here: Vec<String> = sqlx::query_scalar(
        "select distinct s.project from unnest($1::text[], $2::text[]) as s(project, version)
         where not exists (select from version v where v.id = s.version)",
    )
    .bind(&projects)
    .bind(&versions)
    .fetch_all(db)
    .await?;
    let unknown: Vec<String> = sqlx::query_scalar(
        "select key from unnest($1::text[]) as key
         where not exists (select from object o where o.key = key.key)
           and not exists (select from foreign_sidecar f where key.key like 'p/' || f.project || '/%')
           and split_part(key.key, '/', 2) <> all($2)",
    )
    .bind(&listed)
    .bind(&not_here)
    .fetch_all(db)
    .await?;
    sqlx::query("delete from unknown_key where not key = any($1)").bind(&unknown).execute(db).await?;
    sqlx::query("insert into unknown_key (key) select * from unnest($1::text[]) on conflict do nothing").bind(&unknown).execute(db).await?;
    let due: Vec<String> =
        sqlx::query_scalar("select key from unknown_key where first_seen <= now() - interval '24 hours'").fetch_all(db).await?;
    for key in &due {
        blobs.delete(key).await?;
        sqlx::query("delete from unknown_key where key = $1").bind(key).execute(db).await?;
    }
    Ok(due.len())
}

async fn sweep_temporary(blobs: &Blobs, now_s: i64) -> Result<usize, Error> {
    let old = |modified: Option<i64>| modified.is_some_and(|modified| modified + TEMPORARY_LIFE_S <= now_s);
    let due: Vec<String> = blobs.list("t/").await?.into_iter().filter(|listed| old(listed.modified_s)).map(|listed| listed.key).collect();
    for key in &due {
        blobs.delete(key).await?;
    }
    Ok(due.len())
}
