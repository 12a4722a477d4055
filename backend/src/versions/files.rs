//! The files of a version for somebody without the app: an object that is exactly the file is signed; else a member's desktop puts a copy
//! under `t/`, which lives for a day. Nothing but whole files of this one version is ever signed here: never a packed object.

use std::collections::BTreeMap;

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{FileCopy, FileRead, Files, Version, VersionFile, VersionState, WantFiles};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::rows;
use crate::access::{self, Thing};
use crate::audit::{self, Fact};
use crate::blobs::Blobs;
use crate::error::{Error, invalid, not_found, refuse};
use crate::sessions::Session;
use crate::uploads;

/// How long an address for somebody outside lives, in seconds.
const LIFE_S: u64 = 24 * 3_600;

/// Requests for the files of a complete version, after recording the copies that were just uploaded.
/// # Errors
/// `version_incomplete`, `forbidden` for a role that may not fetch originals, `invalid` for a copy that is not the file it is said to be.
pub async fn files(db: &PgPool, blobs: &Blobs, session: &Session, id: &VersionId, body: &WantFiles) -> Result<Files, Error> {
    let mut tx = db.begin().await?;
    let (project, _) = access::check_by(&mut tx, &session.account, Thing::Version(id.as_str()), Action::FetchOriginals).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let version = rows::load(&mut tx, &id).await?;
    tx.commit().await?;
    if version.state != VersionState::Complete {
        return Err(refuse(
            ErrorCode::VersionIncomplete,
            "The original of this version is not complete on the server, so there is no file to hand out yet. Wait until it has arrived.",
        ));
    }
    for copy in &body.copies {
        keep(db, blobs, session, &project, &version, copy).await?;
    }
    let held = held(&mut *db.acquire().await?, &project, &id).await?;
    let mut files = Vec::with_capacity(version.files.len());
    for (idx, file) in (0_i32..).zip(&version.files) {
        let request = match held.get(&idx) {
            // A copy may have been swept a moment ago.
            Some((key, life_s)) if blobs.head(key).await?.is_some() => Some(blobs.sign_get(key, *life_s).await?),
            _ => None,
        };
        files.push(FileRead { path: file.path.clone(), length: file.length, sha256: file.sha256, request });
    }
    if files.iter().any(|file| file.request.is_some()) {
        let mut tx = db.begin().await?;
        access::lock(&mut tx, &session.account, &project, Action::FetchOriginals).await?;
        let detail = serde_json::json!({"track": version.track, "number": version.number});
        audit::append(&mut tx, Fact::by(&session.account, &session.tag, project.as_str(), "version.hand_out", id.as_str()).detail(detail))
            .await?;
        tx.commit().await?;
    }
    Ok(Files { files })
}

/// Per place of a file the object that is exactly the file, and how long it may be signed for.
async fn held(db: &mut PgConnection, project: &ProjectId, id: &VersionId) -> Result<BTreeMap<i32, (String, u64)>, Error> {
    let rows = sqlx::query(
        "select f.idx, coalesce(f.plain_object, c.object) as object,
                case when f.plain_object is null then extract(epoch from c.made_at + interval '24 hours' - now())::bigint end as left_s
         from version_file f left join temporary_copy c on c.version = f.version and c.idx = f.idx and c.made_at > now() - interval '23 hours'
              join object o on o.key = coalesce(f.plain_object, c.object)
         where f.version = $1 and o.project = $2 and o.state = 'verified' and o.format in ('plain', 'temp')",
    )
    .bind(id.as_str())
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            let left: Option<i64> = row.try_get("left_s")?;
            let life = left.and_then(|left| u64::try_from(left).ok()).map_or(LIFE_S, |left| left.min(LIFE_S));
            Ok((row.try_get("idx")?, (row.try_get("object")?, life)))
        })
        .collect()
}

/// Records an uploaded copy of a file.
async fn keep(db: &PgPool, blobs: &Blobs, session: &Session, project: &ProjectId, version: &Version, copy: &FileCopy) -> Result<(), Error> {
    let of = |found: (i32, &VersionFile)| found.1.path == copy.path;
    let (idx, file) =
        (0_i32..).zip(&version.files).find(|found| of(*found)).ok_or_else(|| invalid("/copies", "The version has no such file."))?;
    let other = || invalid("/copies", "There is no such upload of this file, so nothing was handed out.");
    let upload = uploads::rows::find(&mut *db.acquire().await?, &copy.upload).await?;
    let upload =
        upload.filter(|upload| upload.project == *project && upload.format == ObjectFormat::Temp && upload.account == session.account);
    let upload = upload.filter(|upload| upload.plan.length == file.length).ok_or_else(other)?;
    if upload.plan.is_single() {
        uploads::verify_single(db, blobs, &upload).await?;
    }
    let mut tx = db.begin().await?;
    let kept = sqlx::query(
        "insert into temporary_copy (version, idx, object)
         select $1, $2, o.key from object o where o.key = $3 and o.state = 'verified' and o.sha256 = $4
         on conflict (version, idx) do update set object = excluded.object, made_at = now()",
    )
    .bind(version.id.as_str())
    .bind(idx)
    .bind(&upload.object)
    .bind(&file.sha256.as_bytes()[..])
    .execute(&mut *tx)
    .await?;
    if kept.rows_affected() == 0 {
        return Err(other());
    }
    tx.commit().await?;
    Ok(())
}
