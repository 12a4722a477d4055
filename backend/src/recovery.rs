//! A database that was restored from a backup knows less than the bucket. Beside the objects lies a marker for each project
//! (`h/<project>.json`) that says how far its feed had come; a server that finds a marker ahead of its database takes no changes, so that no
//! number is given twice, removes nothing and writes no sidecar, until `rebuild --from-bucket` has brought the newer sidecars. It can be
//! read from and signed in to meanwhile.

use std::collections::BTreeMap;

use axum::http::Method;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::problem::ErrorCode;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::blobs::Blobs;
use crate::error::{Error, refuse};

/// Where the markers lie.
const PREFIX: &str = "h/";
/// Most bytes of a marker that are read.
const MAX_BYTES: usize = 4_096;
/// Requests to the store at a time.
const AT_ONCE: usize = 16;
/// How long clients wait before they ask again, in seconds.
const RETRY_AFTER_S: u64 = 60;
/// What the operator does about it.
pub const COMMAND: &str = "collabtrack-server rebuild --from-bucket";

/// What lies under a project's key. Newer forms keep `head`.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    /// Newest place of the project's feed when it was written.
    head: i64,
}

fn key(project: &ProjectId) -> String {
    format!("{PREFIX}{project}.json")
}

/// How far the feed of each project had come, as the bucket has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads(BTreeMap<ProjectId, i64>);

impl Heads {
    fn columns(&self) -> (Vec<&str>, Vec<i64>) {
        self.0.iter().map(|(project, head)| (project.as_str(), *head)).unzip()
    }
}

/// Reads every marker; one that cannot be read is named in the log and left out.
/// # Errors
/// When the store fails.
pub async fn heads(blobs: &Blobs) -> Result<Heads, Error> {
    let listed = blobs.list(PREFIX).await?.into_iter().map(|listed| listed.key);
    let named = listed.filter_map(|key| {
        let project = key.strip_prefix(PREFIX)?.strip_suffix(".json")?.parse::<ProjectId>().ok()?;
        Some((project, key))
    });
    let found: Vec<Option<(ProjectId, i64)>> = futures::stream::iter(named.collect::<Vec<_>>())
        .map(async |(project, key)| {
            let Some(bytes) = blobs.get_own(&key, MAX_BYTES).await? else { return Ok::<_, Error>(None) };
            match serde_json::from_slice::<Marker>(&bytes) {
                Ok(marker) => Ok(Some((project, marker.head))),
                Err(_) => {
                    tracing::warn!(key, "this marker cannot be read, so it says nothing about its project");
                    Ok(None)
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(Heads(found.into_iter().flatten().collect()))
}

/// Writes how far the feed of a project has come; answers that place.
/// # Errors
/// When database or store fail.
pub(crate) async fn mark(db: &PgPool, blobs: &Blobs, project: &ProjectId) -> Result<i64, Error> {
    let mut tx = db.begin().await?;
    // One at a time, so that the marker never goes back.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('marker of ' || $1, 0))").bind(project.as_str()).execute(&mut *tx).await?;
    let head: i64 = sqlx::query_scalar("select head_seq from project where id = $1").bind(project.as_str()).fetch_one(&mut *tx).await?;
    let bytes = serde_json::to_vec(&Marker { format: 1, head }).map_err(|_| Error::Damaged { what: "marker" })?;
    blobs.put_own(&key(project), bytes).await?;
    tx.commit().await?;
    Ok(head)
}

/// Whether the server waits for its rebuild.
/// # Errors
/// When the database fails.
pub(crate) async fn is_recovering(db: &PgPool) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("select recovering_since is not null from server_state").fetch_one(db).await?)
}

/// Compares bucket and database, and has the server wait where the bucket is ahead; whether it waits. Projects whose marker is missing or
/// behind get one.
/// # Errors
/// When database or store fail.
pub async fn look(db: &PgPool, blobs: &Blobs) -> Result<bool, Error> {
    if is_recovering(db).await? {
        tracing::error!("this server waits to be brought up to date and takes no changes: run `{COMMAND}`");
        return Ok(true);
    }
    let heads = heads(blobs).await?;
    let (projects, places) = heads.columns();
    // Read after the markers: a server that works at this moment is never behind them.
    let behind: Vec<String> = sqlx::query_scalar(
        "select m.project from unnest($1::text[], $2::bigint[]) as m(project, head)
             left join project p on p.id = m.project left join bucket_seen s on s.project = m.project
         where m.head > greatest(coalesce(p.head_seq, 0), coalesce(s.seq, 0)) order by m.project",
    )
    .bind(&projects)
    .bind(&places)
    .fetch_all(db)
    .await?;
    if !behind.is_empty() {
        close(db).await?;
        tracing::error!(
            projects = behind.len(),
            "the bucket knows more than this database, as after a restore from a backup. So that no number is given twice and nothing is \
             lost, changes are refused and nothing is collected until you run `{COMMAND}`"
        );
        return Ok(true);
    }
    let unmarked: Vec<String> = sqlx::query_scalar(
        "select p.id from project p left join unnest($1::text[], $2::bigint[]) as m(project, head) on m.project = p.id
         where exists (select from version v where v.project = p.id and v.seq > coalesce(m.head, 0))",
    )
    .bind(&projects)
    .bind(&places)
    .fetch_all(db)
    .await?;
    for project in unmarked.iter().filter_map(|id| id.parse().ok()) {
        mark(db, blobs, &project).await?;
    }
    Ok(false)
}

/// Devices hear by the new epochs that their history may not be this one.
async fn close(db: &PgPool) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    let closed = sqlx::query("update server_state set recovering_since = now() where recovering_since is null").execute(&mut *tx).await?;
    // Of several instances that see it, one does this.
    if closed.rows_affected() == 1 {
        sqlx::query("update project set epoch = replace(gen_random_uuid()::text, '-', '')").execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Lets the server take changes again: what the bucket knew up to `heads` was looked through.
/// # Errors
/// When the database fails.
pub async fn open(db: &PgPool, heads: &Heads) -> Result<(), Error> {
    let (projects, places) = heads.columns();
    let mut tx = db.begin().await?;
    sqlx::query(
        "insert into bucket_seen (project, seq) select * from unnest($1::text[], $2::bigint[])
         on conflict (project) do update set seq = greatest(bucket_seen.seq, excluded.seq)",
    )
    .bind(&projects)
    .bind(&places)
    .execute(&mut *tx)
    .await?;
    sqlx::query("update server_state set recovering_since = null").execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses a request that would change something while the server waits. `route` is the pattern of its address.
/// # Errors
/// `recovering`, or when the database fails.
pub(crate) async fn check(db: &PgPool, method: &Method, route: &str) -> Result<(), Error> {
    if !changes_projects(method, route) || !is_recovering(db).await? {
        return Ok(());
    }
    let refused = refuse(
        ErrorCode::Recovering,
        "The server was restored from a backup and is being brought up to date, so it takes no changes at the moment. Nothing is lost: your \
         desktop keeps everything and goes on by itself when the server is open again.",
    );
    Err(refused.retry_after_s(RETRY_AFTER_S))
}

/// Whether a request may change something of a project. What concerns an account alone stays open, because the operator who brings lost
/// projects back names the account that gets them; so does reading, which partly goes by POST.
fn changes_projects(method: &Method, route: &str) -> bool {
    let Some(path) = route.strip_prefix("/api/v1/") else { return false };
    if method.is_safe() || path.ends_with("/reads") || path == "invitations/look" {
        return false;
    }
    // Deleting an account leaves its projects.
    let of_an_account = ["account/", "auth/", "sessions", "devices", "device-keys", "site/"];
    !of_an_account.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_projects_waits_and_what_reads_or_concerns_an_account_does_not() {
        let changes = |method: Method, path: &str| changes_projects(&method, &format!("/api/v1/{path}"));
        for path in [
            "projects",
            "projects/{project}/versions",
            "projects/{project}/uploads",
            "uploads/{upload}/urls",
            "versions/{version}/commit",
            "versions/{version}/trash",
            "change-sets/{change_set}/approve",
            "versions/{version}/comments",
            "invitations/accept",
        ] {
            assert!(changes(Method::POST, path), "{path}");
            assert!(!changes(Method::GET, path), "{path}");
        }
        assert!(changes(Method::DELETE, "account"), "whoever goes leaves projects");
        for path in
            ["auth/register", "auth/sign-in", "account/address", "versions/{version}/reads", "invitations/look", "devices/generation"]
        {
            assert!(!changes(Method::POST, path), "{path}");
        }
        assert!(!changes_projects(&Method::POST, "(no route)"));
    }
}
