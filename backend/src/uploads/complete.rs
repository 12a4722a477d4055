//! Completing an upload: the parts must be those planned, the store joins them, and then only a look at the object counts.

use collabtrack_domain::id::UploadId;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::{UploadState, UploadStatus};
use sqlx::PgPool;

use super::rows::{self, State, Upload};
use super::{answer, load};
use crate::blobs::{Blobs, Head, StoredPart};
use crate::error::{Error, refuse};
use crate::sessions::Session;

/// Completes and verifies an upload; may be repeated at any time.
/// # Errors
/// `upload_incomplete` while parts are missing, `checksum_mismatch` when the store holds something else.
pub async fn complete(db: &PgPool, blobs: &Blobs, session: &Session, id: &UploadId) -> Result<UploadState, Error> {
    let upload = load(db, session, id).await?;
    let status = match upload.state {
        State::Verified => UploadStatus::Verified,
        State::Gone => UploadStatus::Gone,
        State::Open | State::Completing => match &upload.multipart {
            None => decide_single(db, blobs, &upload).await?,
            Some(multipart) => join(db, blobs, &upload, multipart).await?,
        },
    };
    Ok(answer(&upload, status, Vec::new(), Vec::new()))
}

/// Verifies an upload of one part that may be in the store already.
/// # Errors
/// As [`complete`].
pub(crate) async fn verify_single(db: &PgPool, blobs: &Blobs, upload: &Upload) -> Result<(), Error> {
    match upload.state {
        State::Verified => Ok(()),
        State::Gone => Err(super::gone()),
        State::Open | State::Completing if upload.plan.is_single() => decide_single(db, blobs, upload).await.map(drop),
        State::Open | State::Completing => Err(incomplete(upload, &[])),
    }
}

async fn decide_single(db: &PgPool, blobs: &Blobs, upload: &Upload) -> Result<UploadStatus, Error> {
    match blobs.head(&upload.object).await? {
        None => Err(incomplete(upload, &[])),
        Some(head) => decide(db, upload, &head).await,
    }
}

async fn join(db: &PgPool, blobs: &Blobs, upload: &Upload, multipart: &str) -> Result<UploadStatus, Error> {
    if let Some(stored) = blobs.list_parts(&upload.object, multipart).await? {
        let right: Vec<StoredPart> = stored.into_iter().filter(|part| upload.plan.holds(part)).collect();
        if right.len() < upload.plan.count() {
            return Err(incomplete(upload, &right));
        }
        rows::set_state(&mut *db.acquire().await?, &upload.id, State::Completing).await?;
        let named: Vec<_> = right.into_iter().zip(upload.plan.hashes.iter().copied()).collect();
        if let Err(error) = blobs.complete_multipart(&upload.object, multipart, &named).await {
            // The answer may be lost or wrong; the object itself tells.
            tracing::warn!(error = &error as &dyn std::error::Error, upload.id = %upload.id, "completing an upload reported a failure");
        }
    }
    if let Some(head) = blobs.head(&upload.object).await? {
        return decide(db, upload, &head).await;
    }
    // No object: either the parts are still listed and the client tries again, or the store has forgotten the upload.
    let state = if blobs.list_parts(&upload.object, multipart).await?.is_some() { State::Open } else { State::Gone };
    if state == State::Gone {
        let mut tx = db.begin().await?;
        rows::set_failed(&mut tx, upload).await?;
        tx.commit().await?;
    } else {
        rows::set_state(&mut *db.acquire().await?, &upload.id, state).await?;
    }
    Ok(state.into())
}

/// Compares what the store holds with what was announced.
async fn decide(db: &PgPool, upload: &Upload, head: &Head) -> Result<UploadStatus, Error> {
    let right = head.length == upload.plan.length && head.checksum.as_ref().is_none_or(|checksum| *checksum == upload.plan.checksum());
    let mut tx = db.begin().await?;
    if right {
        rows::set_verified(&mut tx, upload).await?;
        tx.commit().await?;
        return Ok(UploadStatus::Verified);
    }
    rows::set_failed(&mut tx, upload).await?;
    tx.commit().await?;
    Err(refuse(
        ErrorCode::ChecksumMismatch,
        "The store holds other bytes than those announced, so they were not taken. The file is safe on your device; open a new upload and send it again.",
    ))
}

fn incomplete(upload: &Upload, stored: &[StoredPart]) -> Error {
    let held: Vec<u32> = stored.iter().map(|part| part.number).collect();
    let missing: Vec<u32> = upload.plan.numbers().filter(|number| !held.contains(number)).collect();
    refuse(
        ErrorCode::UploadIncomplete,
        format!(
            "{} of {} parts are not in the store yet, so the upload stays open. Send them and complete it again.",
            missing.len(),
            upload.plan.count()
        ),
    )
    .with_facts(serde_json::json!({"missing_parts": missing.into_iter().take(1_000).collect::<Vec<_>>()}))
}
