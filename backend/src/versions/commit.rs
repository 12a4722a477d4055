//! Completing a version: every byte of the original lies in objects the store has confirmed.

use std::collections::{BTreeSet, HashMap};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::{Codec, Recipe};
use collabtrack_domain::role::Action;
use collabtrack_protocol::changes::ChangeKind;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{Commit, Version, VersionFile, VersionState};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::{known, rows};
use crate::access::{self, Thing};
use crate::audit::{self, Fact};
use crate::blobs::Blobs;
use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::sessions::Session;
use crate::{feed, repack, uploads};

/// Completes a version; a complete one stays as it is and is the answer.
/// # Errors
/// `recipe_invalid`, or `extent_gone` with the objects that are not verified in this project.
pub async fn commit(db: &PgPool, blobs: &Blobs, session: &Session, id: &VersionId, body: &Commit) -> Result<Version, Error> {
    let (project, _) =
        access::check_by(&mut *db.acquire().await?, &session.account, Thing::Version(id.as_str()), Action::AddVersions).await?;
    let recipe = known::fill(&mut *db.acquire().await?, &project, body.recipe.clone()).await?;
    recipe.check().map_err(|error| recipe_invalid(&error.to_string()))?;
    verify_packed(db, blobs, &project, &recipe).await?;
    let mut tx = db.begin().await?;
    access::lock(&mut tx, &session.account, &project, Action::AddVersions).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let version = rows::load(&mut tx, &id).await?;
    match version.state {
        VersionState::Announced | VersionState::Damaged => {}
        VersionState::Complete => return Ok(version),
        _ => return Err(refuse(ErrorCode::NotFound, "This version is in the trash or gone, so it takes no bytes. Restore it first.")),
    }
    check_files(&version.files, &recipe)?;
    let recipe = repack::follow(&mut tx, recipe).await?;
    check_objects(&mut tx, &project, &recipe).await?;
    let version = record(&mut tx, session, &project, &id, &recipe).await?;
    tx.commit().await?;
    Ok(rows::brief(version))
}

/// Packed objects of one part that nobody completed are verified now: whoever sent one need not ask twice.
async fn verify_packed(db: &PgPool, blobs: &Blobs, project: &ProjectId, recipe: &Recipe) -> Result<(), Error> {
    let named: BTreeSet<&str> = recipe.extents.iter().map(|extent| extent.object.as_str()).collect();
    let open = uploads::rows::open_packed(&mut *db.acquire().await?, project, &named.into_iter().collect::<Vec<_>>()).await?;
    for upload in open.iter().filter(|upload| upload.plan.is_single()) {
        match uploads::verify_single(db, blobs, upload).await {
            // Not in the store: the recipe is refused for it below, in words that make its sender send it again.
            Ok(()) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn check_files(announced: &[VersionFile], recipe: &Recipe) -> Result<(), Error> {
    let same = announced.len() == recipe.files.len()
        && announced.iter().zip(&recipe.files).all(|(a, r)| a.path == r.path && a.length == r.length && a.sha256 == r.sha256);
    if !same {
        return Err(recipe_invalid("its files are not those that were announced"));
    }
    for file in &recipe.files {
        // Where one extent is the whole file, both hashes speak of the same bytes.
        if let [span] = file.spans.as_slice()
            && let Some(extent) = recipe.extents.get(span.extent as usize)
            && span.from == 0
            && span.len == extent.raw_len
            && extent.sha256 != file.sha256
        {
            return Err(recipe_invalid("an extent that is a whole file has another SHA-256 than the file"));
        }
    }
    if recipe.extents.iter().any(|extent| extent.codec == Codec::Unknown) {
        return Err(recipe_invalid("it uses a codec this server does not know"));
    }
    Ok(())
}

struct StoredObject {
    length: u64,
    plain: bool,
    sha256: Option<ObjectHash>,
}

/// Every object is verified in this project and is held so until the transaction ends.
async fn check_objects(db: &mut PgConnection, project: &ProjectId, recipe: &Recipe) -> Result<(), Error> {
    let plain = recipe.files.iter().filter_map(|file| file.plain_object.clone());
    let wanted: BTreeSet<String> = recipe.extents.iter().map(|extent| extent.object.clone()).chain(plain).collect();
    let keys: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let rows = sqlx::query(
        "select key, length, format, sha256 from object
         where key = any($1) and project = $2 and state = 'verified' and format in ('plain', 'packed') order by key for share",
    )
    .bind(keys)
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    let mut stored = HashMap::with_capacity(rows.len());
    for row in &rows {
        let sha256 = if row.try_get::<Option<&[u8]>, _>("sha256")?.is_some() { Some(row.hash("sha256")?) } else { None };
        let object = StoredObject { length: row.unsigned("length")?, plain: row.try_get::<&str, _>("format")? == "plain", sha256 };
        stored.insert(row.try_get::<String, _>("key")?, object);
    }
    let gone: Vec<&String> = wanted.iter().filter(|key| !stored.contains_key(*key)).collect();
    if !gone.is_empty() {
        let detail = format!(
            "{} of the objects are not confirmed by the store, so the version stays announced. Send those bytes again.",
            gone.len()
        );
        return Err(refuse(ErrorCode::ExtentGone, detail).with_facts(serde_json::json!({"objects": gone})));
    }
    let outside = recipe.extents.iter().any(|extent| {
        stored.get(&extent.object).is_none_or(|object| extent.offset.checked_add(extent.stored_len).is_none_or(|end| end > object.length))
    });
    if outside {
        return Err(recipe_invalid("an extent reaches beyond its object"));
    }
    for file in &recipe.files {
        let Some(object) = file.plain_object.as_ref().and_then(|key| stored.get(key)) else { continue };
        if !object.plain || object.length != file.length || object.sha256.is_some_and(|sha256| sha256 != file.sha256) {
            return Err(recipe_invalid("an object named as the whole file is not that file"));
        }
    }
    Ok(())
}

async fn record(db: &mut PgConnection, session: &Session, project: &ProjectId, id: &VersionId, recipe: &Recipe) -> Result<Version, Error> {
    let put = rows::put_recipe(db, id, recipe).await?;
    put.ok_or_else(|| recipe_invalid("an extent contradicts the one already known at those bytes"))?;
    let seq = feed::next_seq(db, project).await?;
    rows::set_state(db, id, VersionState::Complete, seq).await?;
    let version = rows::load_known(db, id).await?;
    feed::append_at(db, project, seq, ChangeKind::Version, &version).await?;
    let fact = Fact::by(&session.account, &session.tag, project.as_str(), "version.complete", id.as_str());
    audit::append(db, fact.detail(serde_json::json!({"content_id": version.content_id}))).await?;
    Ok(version)
}

fn recipe_invalid(why: &str) -> Error {
    refuse(
        ErrorCode::RecipeInvalid,
        format!("The recipe cannot rebuild the original: {why}. The version stays announced and its preview plays; send a right recipe."),
    )
}
