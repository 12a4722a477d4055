//! Announcing a version: its final number, its place in the feed and its audit entry, in one transaction.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::{MAX_FILES, content_id};
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::limits::{MAX_NOTE_BYTES, MAX_OVERVIEW_BYTES};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, Announced, VersionState};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::{rows, tracks};
use crate::audit::{self, Fact};
use crate::blobs::Blobs;
use crate::change_sets::new_version;
use crate::db::RowExt;
use crate::error::{Error, id_taken, invalid, not_found, refuse};
use crate::sessions::Session;
use crate::uploads::{self, rows as upload_rows};
use crate::{access, feed};

const MAX_SUMMARY_BYTES: usize = 256 * 1024;

/// Announces a version. The same id again gives the same answer; bytes equal to the track's newest version give that version.
/// # Errors
/// When the announcement is not acceptable, the preview is not in the store, or the role may not add versions.
pub async fn announce(db: &PgPool, blobs: &Blobs, session: &Session, project: &ProjectId, body: &Announce) -> Result<Announced, Error> {
    check(body)?;
    access::check(&mut *db.acquire().await?, &session.account, project, Action::AddVersions).await?;
    let preview = match &body.preview {
        None => None,
        Some(upload) => Some(preview_object(db, blobs, project, upload).await?),
    };
    let mut tx = db.begin().await?;
    let role = access::lock(&mut tx, &session.account, project, Action::AddVersions).await?;
    let id = match known(&mut tx, project, body).await? {
        Some(id) => id,
        None => record(&mut tx, session, project, role, body, preview).await?,
    };
    let version = rows::load(&mut tx, &id).await?;
    tx.commit().await?;
    // Another version that stands for it may not be known to whoever asks.
    let version = if id == body.version { rows::brief(version) } else { version };
    Ok(Announced { version })
}

fn check(body: &Announce) -> Result<(), Error> {
    if body.files.is_empty() || body.files.len() > MAX_FILES {
        return Err(invalid("/files", format!("A version has 1 to {MAX_FILES} files.")));
    }
    let named: Vec<_> = body.files.iter().map(|file| (file.path.clone(), file.sha256)).collect();
    if content_id(&named) != Some(body.content_id) {
        return Err(invalid("/content_id", "This is not the content id of these files."));
    }
    if body.files.iter().any(|file| file.length > collabtrack_protocol::limits::MAX_OBJECT_BYTES) {
        return Err(invalid("/files", "A file is larger than any store takes."));
    }
    // Paths, twins and counts are judged as in a recipe; the spans come later.
    let shape = collabtrack_domain::recipe::Recipe {
        files: body
            .files
            .iter()
            .map(|f| collabtrack_domain::recipe::RecipeFile {
                path: f.path.clone(),
                length: 0,
                sha256: f.sha256,
                plain_object: None,
                spans: Vec::new(),
            })
            .collect(),
        extents: Vec::new(),
    };
    shape.check().map_err(|error| invalid("/files", error.to_string()))?;
    if body.kind == Kind::Unknown {
        return Err(invalid("/kind", "This server does not know this kind of version."));
    }
    if body.note.len() > MAX_NOTE_BYTES {
        return Err(invalid("/note", format!("A note has at most {MAX_NOTE_BYTES} bytes.")));
    }
    if body.overview.len() > MAX_OVERVIEW_BYTES.div_ceil(3) * 4 {
        return Err(invalid("/overview", format!("An overview has at most {MAX_OVERVIEW_BYTES} bytes before base64.")));
    }
    if !body.summary.is_object() || body.summary.to_string().len() > MAX_SUMMARY_BYTES {
        return Err(invalid("/summary", format!("A summary is an object of at most {MAX_SUMMARY_BYTES} bytes.")));
    }
    if body.captured_at.len() > 64 || body.captured_at.parse::<jiff::Timestamp>().is_err() {
        return Err(invalid("/captured_at", "This is not a time such as 2026-05-03T12:00:00Z."));
    }
    let reason = body.no_preview_reason.as_deref().is_some_and(|reason| !reason.trim().is_empty() && reason.len() <= MAX_NOTE_BYTES);
    if body.preview.is_none() && body.same_as.is_none() && body.sound_as.is_none() && !reason {
        return Err(invalid("/preview", "A version comes with a preview, or with the reason why it has none."));
    }
    Ok(())
}

/// Key of the preview's object, once the store has confirmed it.
async fn preview_object(db: &PgPool, blobs: &Blobs, project: &ProjectId, id: &collabtrack_domain::id::UploadId) -> Result<String, Error> {
    let upload = upload_rows::find(&mut *db.acquire().await?, id).await?;
    // A session that was never named is cleared away after a while, so one that is not known is over like any other.
    let upload = upload.filter(|upload| upload.project == *project).ok_or_else(uploads::gone)?;
    if upload.format != ObjectFormat::Preview {
        return Err(invalid("/preview", "This upload is not a preview."));
    }
    uploads::verify_single(db, blobs, &upload).await?;
    Ok(upload.object)
}

/// The version this announcement is a repetition of.
async fn known(db: &mut PgConnection, project: &ProjectId, body: &Announce) -> Result<Option<VersionId>, Error> {
    let row = sqlx::query(
        "select v.project, v.content_id, v.id from version v where v.id = $1
         union all select v.project, v.content_id, v.id from version_alias a join version v on v.id = a.version where a.id = $1",
    )
    .bind(body.version.as_str())
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.text_as::<ProjectId>("project")? != *project || row.hash("content_id")? != body.content_id {
        return Err(id_taken());
    }
    Ok(Some(row.text_as("id")?))
}

async fn record(
    db: &mut PgConnection,
    session: &Session,
    project: &ProjectId,
    role: Role,
    body: &Announce,
    preview: Option<String>,
) -> Result<VersionId, Error> {
    let track = tracks::resolve(db, project, &body.track).await?;
    let row = sqlx::query("select next_number from track where id = $1 for update").bind(track.as_str()).fetch_one(&mut *db).await?;
    let number: i64 = row.try_get("next_number")?;
    if let Some(newest) = newest_if_equal(db, &track, body).await? {
        alias(db, project, &body.version, &newest).await?;
        return Ok(newest);
    }
    let twin = rows::complete_twin(db, project, &body.content_id).await?;
    let same_as = same_as(db, project, &track, body).await?;
    let sound_as = match &body.sound_as {
        Some(named) => Some(rows::resolve(db, project, named).await?.ok_or_else(not_there_to_share)?),
        None => None,
    };
    let older = match sound_as.as_ref().or(twin.as_ref()).or(same_as.as_ref()) {
        Some(older) => inherited(db, older).await?,
        None => Inherited::default(),
    };
    let preview = preview.or(older.preview);
    if sound_as.is_some() && preview.is_none() {
        return Err(not_there_to_share());
    }
    if let Some(object) = &preview
        && !lock_verified(db, project, object).await?
    {
        return Err(not_there_to_share());
    }
    let tables = match older.tables {
        Some(object) if lock_verified(db, project, &object).await? => Some(object),
        _ => None,
    };
    let overview = if body.overview.is_empty() { older.overview } else { body.overview.clone() };
    let state = if twin.is_some() { VersionState::Complete } else { VersionState::Announced };
    let seq = feed::next_seq(db, project).await?;
    insert(db, session, project, body, &Placed { track: &track, number, same_as, preview, tables, overview, state, seq }).await?;
    rows::insert_files(db, &body.version, &body.files).await?;
    if let Some(twin) = &twin {
        copy_recipe(db, twin, &body.version).await?;
    }
    sqlx::query("update track set next_number = next_number + 1 where id = $1").bind(track.as_str()).execute(&mut *db).await?;
    let version = rows::load(db, &body.version).await?;
    feed::append_at(db, project, seq, ChangeKind::Version, &version).await?;
    let detail =
        serde_json::json!({"track": track.as_str(), "number": number, "content_id": body.content_id, "state": rows::state_word(state)});
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "version.add", body.version.as_str()).detail(detail);
    audit::append(db, fact).await?;
    new_version::review(db, session, project, role, &version).await?;
    Ok(body.version.clone())
}

/// The track's newest version, if it has the announced bytes.
async fn newest_if_equal(db: &mut PgConnection, track: &TrackId, body: &Announce) -> Result<Option<VersionId>, Error> {
    let row = sqlx::query("select id, content_id, state from version where track = $1 order by number desc limit 1")
        .bind(track.as_str())
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let living = matches!(row.try_get::<&str, _>("state")?, "announced" | "complete" | "damaged");
    if living && row.hash("content_id")? == body.content_id { Ok(Some(row.text_as("id")?)) } else { Ok(None) }
}

async fn alias(db: &mut PgConnection, project: &ProjectId, id: &VersionId, version: &VersionId) -> Result<(), Error> {
    sqlx::query("insert into version_alias (id, project, version) values ($1, $2, $3)")
        .bind(id.as_str())
        .bind(project.as_str())
        .bind(version.as_str())
        .execute(db)
        .await?;
    Ok(())
}

/// The older version with the same bytes: the one named, or else the first of the track.
async fn same_as(db: &mut PgConnection, project: &ProjectId, track: &TrackId, body: &Announce) -> Result<Option<VersionId>, Error> {
    if let Some(named) = &body.same_as {
        let named =
            rows::resolve(db, project, named).await?.ok_or_else(|| invalid("/same_as", "There is no such version in this project."))?;
        let equal: bool = sqlx::query_scalar("select content_id = $2 from version where id = $1")
            .bind(named.as_str())
            .bind(&body.content_id.as_bytes()[..])
            .fetch_one(db)
            .await?;
        return if equal { Ok(Some(named)) } else { Err(invalid("/same_as", "That version has other bytes.")) };
    }
    let first = sqlx::query("select id from version where track = $1 and content_id = $2 order by number limit 1")
        .bind(track.as_str())
        .bind(&body.content_id.as_bytes()[..])
        .fetch_optional(db)
        .await?;
    Ok(first.map(|row| row.text_as("id")).transpose()?)
}

/// What a version takes over from an older one with the same sound.
#[derive(Default)]
struct Inherited {
    preview: Option<String>,
    tables: Option<String>,
    overview: String,
}

async fn inherited(db: &mut PgConnection, from: &VersionId) -> Result<Inherited, Error> {
    let row = sqlx::query("select preview_object, tables_object, overview from version where id = $1");
    let row = row.bind(from.as_str()).fetch_one(db).await?;
    Ok(Inherited { preview: row.try_get("preview_object")?, tables: row.try_get("tables_object")?, overview: row.try_get("overview")? })
}

/// Holds the object until the transaction ends, so that it cannot be condemned meanwhile; `false` when the store does not have it.
async fn lock_verified(db: &mut PgConnection, project: &ProjectId, object: &str) -> Result<bool, Error> {
    let found = sqlx::query("select key from object where key = $1 and project = $2 and state = 'verified' for share")
        .bind(object)
        .bind(project.as_str())
        .fetch_optional(db)
        .await?;
    Ok(found.is_some())
}

fn not_there_to_share() -> Error {
    refuse(
        ErrorCode::UploadIncomplete,
        "The preview is not confirmed by the store yet, so the version was not announced. Send the preview again.",
    )
}

struct Placed<'a> {
    track: &'a TrackId,
    number: i64,
    same_as: Option<VersionId>,
    preview: Option<String>,
    tables: Option<String>,
    overview: String,
    state: VersionState,
    seq: i64,
}

async fn insert(db: &mut PgConnection, session: &Session, project: &ProjectId, body: &Announce, placed: &Placed<'_>) -> Result<(), Error> {
    let reason = match &placed.preview {
        Some(_) => None,
        None => Some(body.no_preview_reason.as_deref().unwrap_or("the version with the same bytes has none")),
    };
    let parent = match &body.parent {
        Some(parent) => rows::resolve(db, project, parent).await?,
        None => None,
    };
    sqlx::query(
        "insert into version (id, project, track, number, kind, note, content_id, parent, same_as, state, preview_object, no_preview_reason,
                              summary, overview, author, captured_at, seq, tables_object)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    )
    .bind(body.version.as_str())
    .bind(project.as_str())
    .bind(placed.track.as_str())
    .bind(placed.number)
    .bind(body.kind.as_str())
    .bind(&body.note)
    .bind(&body.content_id.as_bytes()[..])
    .bind(parent.as_ref().map(VersionId::as_str))
    .bind(placed.same_as.as_ref().map(VersionId::as_str))
    .bind(rows::state_word(placed.state))
    .bind(&placed.preview)
    .bind(reason)
    .bind(&body.summary)
    .bind(&placed.overview)
    .bind(session.account.as_str())
    .bind(&body.captured_at)
    .bind(placed.seq)
    .bind(&placed.tables)
    .execute(db)
    .await?;
    Ok(())
}

/// The files of a version with the same content are rebuilt the same way; for several files the content id covers their paths too.
async fn copy_recipe(db: &mut PgConnection, from: &VersionId, to: &VersionId) -> Result<(), Error> {
    let recipe = rows::recipe(db, from).await?;
    let files = rows::files(db, to).await?;
    let mut extents = Vec::with_capacity(recipe.extents.len());
    for extent in &recipe.extents {
        extents.push(rows::extent(db, extent).await?.ok_or_else(not_found)?);
    }
    for (idx, file) in files.iter().enumerate() {
        let source = recipe.files.iter().find(|source| source.sha256 == file.sha256 && source.length == file.length);
        let source = source.ok_or_else(|| invalid("/files", "These files are not those of the version with the same content id."))?;
        rows::set_recipe(db, to, idx, source, &extents).await?;
    }
    Ok(())
}
