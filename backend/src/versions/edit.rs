//! What a person may change of a version or track after it was announced: note, kind, track, name. Its bytes, author and times never.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::role::Action;
use collabtrack_protocol::changes::{ChangeKind, TrackInfo};
use collabtrack_protocol::limits::MAX_NOTE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{EditTrack, EditVersion, TrackClaim, Version, VersionState};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::{rows, tracks};
use crate::access::{self, Thing};
use crate::accounts::parse_name;
use crate::audit::{self, Fact};
use crate::db::RowExt;
use crate::error::{Error, invalid, not_found, refuse};
use crate::feed;
use crate::sessions::Session;

/// Changes a version; what is the same already changes nothing.
/// # Errors
/// `invalid`, `not_found`, `conflict` for moving a version that an approval names.
pub async fn version(db: &PgPool, session: &Session, id: &VersionId, body: &EditVersion) -> Result<Version, Error> {
    check(body)?;
    let (project, _) =
        access::check_by(&mut *db.acquire().await?, &session.account, Thing::Version(id.as_str()), Action::AddVersions).await?;
    let mut tx = db.begin().await?;
    access::lock(&mut tx, &session.account, &project, Action::AddVersions).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let before = rows::load(&mut tx, &id).await?;
    if matches!(before.state, VersionState::Trashed | VersionState::Purged) {
        return Err(refuse(ErrorCode::NotFound, "This version is in the trash or gone, so it is not changed. Restore it first."));
    }
    let mut changed = serde_json::Map::new();
    if let Some(claim) = &body.track {
        move_to(&mut tx, &project, &before, claim, &mut changed).await?;
    }
    if let Some(note) = body.note.as_ref().filter(|note| **note != before.note) {
        sqlx::query("update version set note = $2 where id = $1").bind(id.as_str()).bind(note).execute(&mut *tx).await?;
        changed.insert("note".into(), note.as_str().into());
    }
    if let Some(kind) = body.kind.filter(|kind| *kind != before.kind) {
        sqlx::query("update version set kind = $2 where id = $1").bind(id.as_str()).bind(kind.as_str()).execute(&mut *tx).await?;
        changed.insert("kind".into(), kind.as_str().into());
    }
    if changed.is_empty() {
        return Ok(before);
    }
    let seq = feed::next_seq(&mut tx, &project).await?;
    sqlx::query("update version set seq = $2 where id = $1").bind(id.as_str()).bind(seq).execute(&mut *tx).await?;
    let after = rows::load_known(&mut tx, &id).await?;
    feed::append_at(&mut tx, &project, seq, ChangeKind::Version, &after).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "version.edit", id.as_str()).detail(changed.into());
    audit::append(&mut tx, fact).await?;
    tx.commit().await?;
    Ok(after)
}

fn check(body: &EditVersion) -> Result<(), Error> {
    if body.note.as_ref().is_some_and(|note| note.len() > MAX_NOTE_BYTES) {
        return Err(invalid("/note", format!("A note has at most {MAX_NOTE_BYTES} bytes.")));
    }
    if body.kind == Some(Kind::Unknown) {
        return Err(invalid("/kind", "This server does not know this kind of version."));
    }
    Ok(())
}

/// Gives a version the next number of another track. Its old number stays its own for ever.
async fn move_to(
    db: &mut PgConnection,
    project: &ProjectId,
    version: &Version,
    claim: &TrackClaim,
    changed: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Error> {
    let target = tracks::resolve(db, project, claim).await?;
    if target == version.track {
        return Ok(());
    }
    if is_named_by_an_approval(db, project, &version.id).await? {
        return Err(refuse(
            ErrorCode::Conflict,
            "This version was approved as one of its track, and an approval is never rewritten. It stays where it is; \
             add the file to the other track as a new version.",
        ));
    }
    let number: i64 = sqlx::query_scalar("update track set next_number = next_number + 1 where id = $1 returning next_number - 1")
        .bind(target.as_str())
        .fetch_one(&mut *db)
        .await?;
    sqlx::query("insert into version_moved (project, track, number, version) values ($1, $2, $3, $4)")
        .bind(project.as_str())
        .bind(version.track.as_str())
        .bind(version.number)
        .bind(version.id.as_str())
        .execute(&mut *db)
        .await?;
    sqlx::query("update version set track = $2, number = $3 where id = $1")
        .bind(version.id.as_str())
        .bind(target.as_str())
        .bind(number)
        .execute(&mut *db)
        .await?;
    changed.insert("track".into(), target.as_str().into());
    changed.insert("number".into(), number.into());
    changed.insert("from_track".into(), version.track.as_str().into());
    changed.insert("from_number".into(), version.number.into());
    Ok(())
}

async fn is_named_by_an_approval(db: &mut PgConnection, project: &ProjectId, version: &VersionId) -> Result<bool, Error> {
    let named = sqlx::query_scalar(
        "select exists (select from row_state where project = $1 and (position($2 in approved::text) > 0 or position($2 in retired::text) > 0))",
    )
    .bind(project.as_str())
    .bind(version.as_str())
    .fetch_one(db)
    .await?;
    Ok(named)
}

/// Names a track; the same name again changes nothing.
/// # Errors
/// `invalid`, `not_found`.
pub async fn track(db: &PgPool, session: &Session, project: &ProjectId, id: &TrackId, body: &EditTrack) -> Result<TrackInfo, Error> {
    let mut tx = db.begin().await?;
    access::lock(&mut tx, &session.account, project, Action::AddVersions).await?;
    let name = parse_name("/name", &body.name)?;
    let id = tracks::known(&mut tx, project, id).await?.ok_or_else(not_found)?;
    let before = info(&mut tx, &id).await?;
    if before.name == name && !before.auto {
        return Ok(before);
    }
    if body.was.as_ref().is_some_and(|was| *was != before.name) {
        // Somebody else's name came first: it stays, and this one stays on record.
        let detail = serde_json::json!({"name": name, "stays": before.name});
        audit::append(&mut tx, Fact::by(&session.account, &session.tag, project.as_str(), "track.rename_late", id.as_str()).detail(detail))
            .await?;
        tx.commit().await?;
        return Ok(before);
    }
    sqlx::query("update track set name = $2, auto = false where id = $1").bind(id.as_str()).bind(name).execute(&mut *tx).await?;
    let after = info(&mut tx, &id).await?;
    feed::append(&mut tx, project, ChangeKind::Track, &after).await?;
    let detail = serde_json::json!({"name": name, "before": before.name});
    audit::append(&mut tx, Fact::by(&session.account, &session.tag, project.as_str(), "track.rename", id.as_str()).detail(detail)).await?;
    tx.commit().await?;
    Ok(after)
}

async fn info(db: &mut PgConnection, id: &TrackId) -> Result<TrackInfo, Error> {
    let row = sqlx::query("select id, name, key, auto from track where id = $1").bind(id.as_str()).fetch_one(db).await?;
    Ok(TrackInfo {
        id: row.text_as("id")?,
        name: row.try_get("name")?,
        key: row.try_get("key")?,
        auto: row.try_get("auto")?,
        absorbed: None,
    })
}
