//! Upload sessions: the client names the bytes by hash, this server signs one request per part, and the store alone says what arrived.
//!
//! States go open → completing → verified, or to gone; whatever a completing call answers, a look at the object decides.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, UploadId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::limits::MAX_URLS_PER_CALL;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, PartUrl, UploadState, UploadStatus, WantUrls};
use sqlx::PgPool;

use crate::access::{self, Thing};
use crate::blobs::Blobs;
use crate::error::{Error, id_taken, invalid, not_found, refuse};
use crate::sessions::Session;
use crate::uploads::plan::PartPlan;
use crate::uploads::rows::{NewUpload, State, Upload};
use crate::{random, uploads::rows as store};

mod complete;
pub mod plan;
pub(crate) mod rows;

pub use complete::complete;
pub(crate) use complete::verify_single;

/// Opens an upload session and signs its first parts. The same id and body again give the same session.
/// # Errors
/// When the plan of parts is not acceptable, the role may not add versions, or the id stands for another upload.
pub async fn create(db: &PgPool, blobs: &Blobs, session: &Session, project: &ProjectId, body: &CreateUpload) -> Result<UploadState, Error> {
    let plan = PartPlan::of(body)?;
    let mut connection = db.acquire().await?;
    access::check(&mut connection, &session.account, project, Action::AddVersions).await?;
    if let Some(known) = store::find(&mut connection, &body.upload).await? {
        return again(blobs, session, project, body, known).await;
    }
    drop(connection);

    let object = match body.format {
        // Swept after a day.
        ObjectFormat::Temp => format!("t/{project}/{}", random::hex128()),
        _ => format!("p/{project}/o/{}", random::hex128()),
    };
    let multipart = if plan.is_single() { None } else { Some(blobs.begin_multipart(&object).await?) };
    let mut tx = db.begin().await?;
    access::check(&mut tx, &session.account, project, Action::AddVersions).await?;
    let new = NewUpload { body, plan: &plan, project, account: &session.account, object: &object, multipart: multipart.as_deref() };
    let inserted = store::insert(&mut tx, &new).await?;
    if !inserted {
        // The same request came twice at the same moment: the other one won.
        tx.rollback().await?;
        if let Some(multipart) = &multipart {
            blobs.abort_multipart(&object, multipart).await?;
        }
        let known = store::find(&mut *db.acquire().await?, &body.upload).await?.ok_or_else(id_taken)?;
        return again(blobs, session, project, body, known).await;
    }
    let upload = store::find(&mut tx, &body.upload).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    let urls = sign(blobs, &upload, first_missing(&upload, &[])).await?;
    Ok(answer(&upload, UploadStatus::Open, Vec::new(), urls))
}

async fn again(blobs: &Blobs, session: &Session, project: &ProjectId, body: &CreateUpload, known: Upload) -> Result<UploadState, Error> {
    let same = known.project == *project && known.account == session.account && known.is_of(body);
    if !same {
        return Err(id_taken());
    }
    let stored = stored_parts(blobs, &known).await?;
    let urls = if known.state == State::Open { sign(blobs, &known, first_missing(&known, &stored)).await? } else { Vec::new() };
    Ok(answer(&known, known.state.into(), stored, urls))
}

/// Signs further parts.
/// # Errors
/// `upload_gone` when the session is over; `invalid` for part numbers it does not have.
pub async fn urls(db: &PgPool, blobs: &Blobs, session: &Session, id: &UploadId, body: &WantUrls) -> Result<UploadState, Error> {
    let upload = load(db, session, id).await?;
    if body.parts.is_empty() || body.parts.len() > MAX_URLS_PER_CALL {
        return Err(invalid("/parts", format!("Ask for 1 to {MAX_URLS_PER_CALL} parts at a time.")));
    }
    if body.parts.iter().any(|part| upload.plan.part(*part).is_none()) {
        return Err(invalid("/parts", format!("This upload has the parts 1 to {}.", upload.plan.count())));
    }
    if !matches!(upload.state, State::Open | State::Completing) {
        return Err(gone());
    }
    store::keep_open(&mut *db.acquire().await?, id).await?;
    let urls = sign(blobs, &upload, body.parts.clone()).await?;
    Ok(answer(&upload, upload.state.into(), Vec::new(), urls))
}

/// State of the session, with the parts the store holds.
/// # Errors
/// `not_found` when it is not this account's.
pub async fn view(db: &PgPool, blobs: &Blobs, session: &Session, id: &UploadId) -> Result<UploadState, Error> {
    let upload = load(db, session, id).await?;
    let stored = stored_parts(blobs, &upload).await?;
    store::keep_open(&mut *db.acquire().await?, id).await?;
    Ok(answer(&upload, upload.state.into(), stored, Vec::new()))
}

pub(super) async fn load(db: &PgPool, session: &Session, id: &UploadId) -> Result<Upload, Error> {
    let mut connection = db.acquire().await?;
    access::check_by(&mut connection, &session.account, Thing::Upload(id.as_str()), Action::AddVersions).await?;
    store::find(&mut connection, id).await?.ok_or_else(not_found)
}

pub(super) fn answer(upload: &Upload, status: UploadStatus, stored_parts: Vec<u32>, urls: Vec<PartUrl>) -> UploadState {
    UploadState { upload: upload.id.clone(), object: upload.object.clone(), status, stored_parts, urls }
}

pub(crate) fn gone() -> Error {
    refuse(ErrorCode::UploadGone, "This upload is over. The file is safe on your device, which opens a new upload and sends it again.")
}

/// Numbers of the first parts the store does not hold yet.
fn first_missing(upload: &Upload, stored: &[u32]) -> Vec<u32> {
    upload.plan.numbers().filter(|number| !stored.contains(number)).take(MAX_URLS_PER_CALL).collect()
}

/// Parts the store holds with the right length and hash, while the session is open.
async fn stored_parts(blobs: &Blobs, upload: &Upload) -> Result<Vec<u32>, Error> {
    if !matches!(upload.state, State::Open | State::Completing) {
        return Ok(Vec::new());
    }
    let Some(multipart) = &upload.multipart else {
        return Ok(if blobs.head(&upload.object).await?.is_some() { vec![1] } else { Vec::new() });
    };
    let parts = blobs.list_parts(&upload.object, multipart).await?.unwrap_or_default();
    Ok(parts.iter().filter(|part| upload.plan.holds(part)).map(|part| part.number).collect())
}

async fn sign(blobs: &Blobs, upload: &Upload, numbers: Vec<u32>) -> Result<Vec<PartUrl>, Error> {
    let mut urls = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (length, sha256): (u64, ObjectHash) = upload.plan.part(number).ok_or_else(not_found)?;
        let request = match &upload.multipart {
            None => blobs.sign_put(&upload.object, length, &sha256, blobs.url_life_s()).await?,
            Some(multipart) => blobs.sign_part(&upload.object, multipart, number, length, &sha256).await?,
        };
        urls.push(PartUrl { part: number, request });
    }
    Ok(urls)
}
