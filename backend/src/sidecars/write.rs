//! Writing what the outbox of sidecars names: claimed by one instance at a time, read after the claim, so that of two writers the later
//! one wrote the newer state.

use std::collections::BTreeMap;
use std::time::Duration;

use collabtrack_domain::id::{ProjectId, VersionId};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use tokio_util::sync::CancellationToken;

use super::document;
use crate::blobs::Blobs;
use crate::db::RowExt;
use crate::error::Error;
use crate::hints::{Hints, News};
use crate::recovery;

/// How often the outbox is looked at when no change told of itself.
const AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// Changes that come together are written together.
const AFTER_NEWS: Duration = Duration::from_millis(500);

/// Writes every sidecar that is due; how many. None while the server waits to be rebuilt: the bucket knows better.
/// # Errors
/// The first failure of database or store; what was written stays, the rest is due again after a while.
pub async fn write_due(db: &PgPool, blobs: &Blobs) -> Result<usize, Error> {
    let mut written = 0;
    if recovery::is_recovering(db).await? {
        return Ok(written);
    }
    let mut marked = BTreeMap::new();
    while let Some((id, wanted)) = claim(db).await? {
        write(db, blobs, &id, wanted, &mut marked).await?;
        written += 1;
    }
    Ok(written)
}

/// Takes the next due sidecar for two minutes; longer than the store may take to answer.
async fn claim(db: &PgPool) -> Result<Option<(VersionId, i64)>, Error> {
    let row: Option<PgRow> = sqlx::query(
        "update sidecar set claimed_until = now() + interval '2 minutes'
         where version = (select version from sidecar
                          where wanted > written and not held and (claimed_until is null or claimed_until <= now())
                          order by claimed_until nulls first limit 1 for update skip locked)
         returning version, wanted",
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok((row.text_as("version")?, row.try_get("wanted")?))).transpose()
}

async fn write(db: &PgPool, blobs: &Blobs, id: &VersionId, wanted: i64, marked: &mut BTreeMap<ProjectId, i64>) -> Result<(), Error> {
    let mut snapshot = db.begin().await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *snapshot).await?;
    let sidecar = document::of(&mut snapshot, id).await?;
    snapshot.commit().await?;
    // The marker first: after a crash it may tell of more than the sidecars, never of less.
    let project = &sidecar.project.id;
    if marked.get(project).is_none_or(|head| *head < sidecar.head) {
        marked.insert(project.clone(), recovery::mark(db, blobs, project).await?);
    }
    blobs.put_own(&super::key(&sidecar.project.id, id), sidecar.to_bytes()?).await?;
    sqlx::query("update sidecar set written = greatest(written, $2), claimed_until = null where version = $1")
        .bind(id.as_str())
        .bind(wanted)
        .execute(db)
        .await?;
    Ok(())
}

/// Writes sidecars whenever something changed, until told to stop.
pub async fn run(db: PgPool, blobs: Blobs, hints: Hints, stop: CancellationToken) {
    let mut news = hints.subscribe();
    loop {
        if let Err(error) = write_due(&db, &blobs).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a sidecar could not be written; it is tried again");
        }
        let pause = async {
            match tokio::time::timeout(AT_LEAST_EVERY, news.recv()).await {
                Ok(Ok(News::Project(..) | News::Everything) | Err(_)) => tokio::time::sleep(AFTER_NEWS).await,
                Err(_) => {}
            }
            while news.try_recv().is_ok() {}
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause => {}
        }
    }
}
