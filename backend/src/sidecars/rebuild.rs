//! Having a server back from the bucket alone: projects, tracks, versions and recipes out of their sidecars. Into an empty database it
//! brings everything; into one restored from an older backup it brings what is newer. Nothing in the bucket is changed, and for 35 days
//! nothing is collected. It ends the waiting of a server that found its bucket ahead of its database ([`crate::recovery`]).

use std::collections::{BTreeMap, HashMap};

use collabtrack_domain::id::{AccountId, ProjectId, VersionId};
use futures::{StreamExt, TryStreamExt};
use sqlx::{PgPool, Row};

use super::document::{ObjectPart, Sidecar, SidecarError};
use super::{MAX_BYTES, parse_key};
use crate::blobs::Blobs;
use crate::db::RowExt;
use crate::error::Error;
use crate::recovery;

mod import;

/// Requests to the store at a time.
const AT_ONCE: usize = 16;

/// Why nothing was rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Database or store failed.
    #[error(transparent)]
    Failed(#[from] Error),
    /// A project of the bucket has no owner here.
    #[error(
        "the bucket holds projects that nobody owns in this database; register an account, then name its e-mail address with --owner. Nothing was changed"
    )]
    NoOwner,
    /// No account has that address.
    #[error("no account has the address given with --owner; register it first. Nothing was changed")]
    UnknownOwner,
}

impl From<crate::blobs::BlobError> for RebuildError {
    fn from(error: crate::blobs::BlobError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What a rebuild did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Projects that were not in the database.
    pub projects: usize,
    /// Versions brought or brought up to date.
    pub versions: usize,
    /// Of these, complete: every object is in the store as its recipe says.
    pub complete: usize,
    /// Versions whose sidecar says complete but whose objects are not all there: their bytes are wanted from whoever has them.
    pub damaged: Vec<VersionId>,
    /// Versions whose number another version has here, and the number they got instead.
    pub renumbered: Vec<(VersionId, i64)>,
    /// Projects of which nothing was brought, and why; the others are whole.
    pub failed: Vec<(ProjectId, String)>,
    /// Sidecars of a newer program, left alone: key and form.
    pub newer: Vec<(String, u32)>,
    /// Sidecars that cannot be read, left alone: key and reason.
    pub unreadable: Vec<(String, String)>,
}

/// Rebuilds from every sidecar of the bucket. `owner` gets the projects that are not in the database. Each project is brought wholly or not
/// at all; when all were, a server that waited for this takes changes again.
/// # Errors
/// When database or store fail before anything was brought, or projects would have no owner.
pub async fn from_bucket(db: &PgPool, blobs: &Blobs, owner: Option<&str>) -> Result<Report, RebuildError> {
    let owner = match owner {
        Some(email) => Some(account(db, email).await?),
        None => None,
    };
    // Before the sidecars: whatever is written later is looked for again.
    let heads = recovery::heads(blobs).await?;
    let mut report = Report::default();
    let mut projects: BTreeMap<ProjectId, Vec<Sidecar>> = BTreeMap::new();
    for (key, sidecar) in read_all(blobs).await? {
        match sidecar {
            Ok(sidecar) => projects.entry(sidecar.project.id.clone()).or_default().push(sidecar),
            Err(SidecarError::Newer { format }) => report.newer.push((key, format)),
            Err(SidecarError::Unreadable { reason }) => report.unreadable.push((key, reason)),
        }
    }
    let known: Vec<String> = sqlx::query_scalar("select id from project").fetch_all(db).await?;
    if owner.is_none() && projects.keys().any(|project| !known.iter().any(|known| known == project.as_str())) {
        return Err(RebuildError::NoOwner);
    }
    hold_newer(db, &report.newer).await?;
    // First: whatever fails below, nothing of what is not here yet may be collected.
    sqlx::query("update server_state set no_gc_until = greatest(no_gc_until, now() + interval '35 days')").execute(db).await?;
    for (project, mut sidecars) in projects {
        sidecars.sort_by(|a, b| (a.seq, &a.version.id).cmp(&(b.seq, &b.version.id)));
        match one(db, blobs, &project, &sidecars, owner.as_ref()).await {
            Ok(brought) => report.add(brought),
            Err(error) => {
                let reason = crate::problem::chain(&error);
                tracing::error!(%project, reason, "a project could not be rebuilt; the others go on");
                report.failed.push((project, reason));
            }
        }
    }
    if report.failed.is_empty() {
        recovery::open(db, &heads).await?;
    }
    Ok(report)
}

async fn one(
    db: &PgPool,
    blobs: &Blobs,
    project: &ProjectId,
    sidecars: &[Sidecar],
    owner: Option<&AccountId>,
) -> Result<import::Brought, RebuildError> {
    let there = objects_there(blobs, sidecars).await?;
    import::project(db, project, sidecars, &there, owner).await
}

impl Report {
    fn add(&mut self, brought: import::Brought) {
        self.projects += usize::from(brought.is_new);
        self.versions += brought.versions;
        self.complete += brought.complete;
        self.damaged.extend(brought.damaged);
        self.renumbered.extend(brought.renumbered);
    }
}

async fn account(db: &PgPool, email: &str) -> Result<AccountId, RebuildError> {
    let row = sqlx::query("select id from account where email_key = $1 or lower(email) = lower($1)").bind(email).fetch_optional(db).await?;
    Ok(row.ok_or(RebuildError::UnknownOwner)?.text_as("id")?)
}

type Found = (String, Result<Sidecar, SidecarError>);

async fn read_all(blobs: &Blobs) -> Result<Vec<Found>, RebuildError> {
    let keys: Vec<_> = blobs.list("p/").await?.into_iter().filter_map(|listed| Some((parse_key(&listed.key)?, listed.key))).collect();
    let found: Vec<Option<Found>> = futures::stream::iter(keys)
        .map(async |((project, version), key)| {
            let Some(bytes) = blobs.get_own(&key, MAX_BYTES).await? else { return Ok::<_, RebuildError>(None) };
            let sidecar = Sidecar::read(&bytes).and_then(|sidecar| {
                // What stands under a key is about what the key names.
                let same = sidecar.project.id == project && sidecar.version.id == version && sidecar.version.project == project;
                if same { Ok(sidecar) } else { Err(SidecarError::Unreadable { reason: "it is about another version".to_owned() }) }
            });
            Ok(Some((key, sidecar)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether each object named is in the store with the length and checksum its sidecar says.
async fn objects_there(blobs: &Blobs, sidecars: &[Sidecar]) -> Result<HashMap<String, bool>, RebuildError> {
    let named: BTreeMap<&str, &ObjectPart> =
        sidecars.iter().flat_map(|sidecar| &sidecar.objects).map(|object| (object.key.as_str(), object)).collect();
    let found: Vec<(String, bool)> = futures::stream::iter(named)
        .map(async |(key, object)| {
            let head = blobs.head(key).await?;
            let right = head.is_some_and(|head| {
                head.length == object.length && head.checksum.as_ref().is_none_or(|checksum| *checksum == object.composite)
            });
            Ok::<_, RebuildError>((key.to_owned(), right))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().collect())
}

/// Sidecars of a newer program are never overwritten.
async fn hold_newer(db: &PgPool, newer: &[(String, u32)]) -> Result<(), RebuildError> {
    for (key, format) in newer {
        let Some((project, version)) = parse_key(key) else { continue };
        sqlx::query(
            "insert into foreign_sidecar (version, project, format) values ($1, $2, $3)
             on conflict (version) do update set format = excluded.format",
        )
        .bind(version.as_str())
        .bind(project.as_str())
        .bind(i64::from(*format))
        .execute(db)
        .await?;
        sqlx::query("update sidecar set held = true where version = $1").bind(version.as_str()).execute(db).await?;
    }
    let held: i64 = sqlx::query("select count(*) as held from foreign_sidecar").fetch_one(db).await?.try_get("held")?;
    if held > 0 {
        tracing::warn!(held, "sidecars of a newer CollabTrack are in the bucket; they are left as they are");
    }
    Ok(())
}
