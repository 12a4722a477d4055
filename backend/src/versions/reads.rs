//! Reading a version: signed requests for the objects that hold it, and how to rebuild the files.

use std::collections::BTreeSet;

use collabtrack_domain::id::VersionId;
use collabtrack_domain::role::Action;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{ObjectRead, Reads, Rendition, VersionState, WantReads};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Row};

use super::rows;
use crate::access::{self, Thing};
use crate::blobs::Blobs;
use crate::db::RowExt;
use crate::error::{Error, not_found, refuse};
use crate::sessions::Session;

/// Signed requests for a rendition.
/// # Errors
/// `version_incomplete` while the original is not confirmed, `not_found` where there is no preview.
pub async fn reads(db: &PgPool, blobs: &Blobs, session: &Session, id: &VersionId, body: &WantReads) -> Result<Reads, Error> {
    let action = match body.rendition {
        Rendition::Preview | Rendition::Tables => Action::SeeProject,
        Rendition::Original => Action::FetchOriginals,
    };
    let mut tx = db.begin().await?;
    let (project, _) = access::check_by(&mut tx, &session.account, Thing::Version(id.as_str()), action).await?;
    let id = rows::resolve(&mut tx, &project, id).await?.ok_or_else(not_found)?;
    let (keys, recipe) = match body.rendition {
        Rendition::Preview => (vec![preview(&mut tx, &id).await?], None),
        Rendition::Tables => (vec![tables(&mut tx, &id).await?], None),
        Rendition::Original => {
            let recipe = original(&mut tx, &id).await?;
            let keys: BTreeSet<String> = recipe.extents.iter().map(|extent| extent.object.clone()).collect();
            (keys.into_iter().collect(), Some(recipe))
        }
    };
    let lengths = sqlx::query("select key, length from object where key = any($1) order by key").bind(&keys).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    let mut objects = Vec::with_capacity(lengths.len());
    for row in &lengths {
        let object: String = row.try_get("key")?;
        let request = blobs.sign_get(&object, blobs.url_life_s()).await?;
        objects.push(ObjectRead { object, length: row.unsigned("length")?, request });
    }
    Ok(Reads { objects, recipe })
}

async fn preview(db: &mut PgConnection, id: &VersionId) -> Result<String, Error> {
    let row = sqlx::query("select preview_object, no_preview_reason from version where id = $1 and state <> 'purged'")
        .bind(id.as_str())
        .fetch_optional(db)
        .await?
        .ok_or_else(not_found)?;
    let reason: Option<&str> = row.try_get("no_preview_reason")?;
    row.try_get::<Option<String>, _>("preview_object")?.ok_or_else(|| {
        refuse(
            ErrorCode::NotFound,
            format!("This version has no preview ({}). Fetch the original to listen to it.", reason.unwrap_or_default()),
        )
    })
}

async fn tables(db: &mut PgConnection, id: &VersionId) -> Result<String, Error> {
    let object: Option<Option<String>> = sqlx::query_scalar("select tables_object from version where id = $1 and state <> 'purged'")
        .bind(id.as_str())
        .fetch_optional(db)
        .await?;
    object.flatten().ok_or_else(|| {
        refuse(
            ErrorCode::NotFound,
            "Nobody has sent the waveform of this version's original yet, so the one of its preview is drawn. Fetch the original to see its own.",
        )
    })
}

async fn original(db: &mut PgConnection, id: &VersionId) -> Result<collabtrack_domain::recipe::Recipe, Error> {
    let version = rows::load(db, id).await?;
    if version.state != VersionState::Complete {
        return Err(refuse(
            ErrorCode::VersionIncomplete,
            "The original of this version is not complete on the server yet, so it cannot be fetched. It is still on the computer of whoever made it; the preview plays meanwhile.",
        ));
    }
    rows::recipe(db, id).await
}
