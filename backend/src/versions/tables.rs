//! The measured tables of a version's original (waveform, loudness): sent right after announcing, so that others draw and level-match the
//! original before it is there. They describe the sound; nothing is decided by them.

use collabtrack_domain::id::VersionId;
use collabtrack_domain::role::Action;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{SetTables, Version, VersionState};
use sqlx::PgPool;

use super::rows;
use crate::access::{self, Thing};
use crate::blobs::Blobs;
use crate::error::{Error, invalid, not_found, refuse};
use crate::feed;
use crate::sessions::Session;
use crate::uploads;

/// Records the tables of a version, unless it has some: the first ones stay, and the version is the answer.
/// # Errors
/// When the upload is not one of tables in this project, is not in the store, or the role may not add versions.
pub async fn set(db: &PgPool, blobs: &Blobs, session: &Session, id: &VersionId, body: &SetTables) -> Result<Version, Error> {
    let (project, _) =
        access::check_by(&mut *db.acquire().await?, &session.account, Thing::Version(id.as_str()), Action::AddVersions).await?;
    let upload = uploads::rows::find(&mut *db.acquire().await?, &body.upload).await?;
    // A session that was never named is cleared away after a while, so one that is not known is over like any other.
    let upload = upload.filter(|upload| upload.project == project).ok_or_else(uploads::gone)?;
    if upload.format != ObjectFormat::Tables {
        return Err(invalid("/upload", "This upload is not one of tables."));
    }
    uploads::verify_single(db, blobs, &upload).await?;
    let mut tx = db.begin().await?;
    access::lock(&mut tx, &session.account, &project, Action::AddVersions).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let version = rows::load(&mut tx, &id).await?;
    if matches!(version.state, VersionState::Trashed | VersionState::Purged) {
        return Err(refuse(ErrorCode::NotFound, "This version is in the trash or gone, so it takes nothing. Restore it first."));
    }
    if !rows::set_tables(&mut tx, &id, &upload.object).await? {
        return Ok(version);
    }
    let seq = feed::next_seq(&mut tx, &project).await?;
    rows::set_state(&mut tx, &id, version.state, seq).await?;
    let version = rows::load_known(&mut tx, &id).await?;
    feed::append_at(&mut tx, &project, seq, ChangeKind::Version, &version).await?;
    tx.commit().await?;
    Ok(rows::brief(version))
}
