//! Which track a version belongs to: the one named, the one it became, the automatic one of the same key, or a new one.

use collabtrack_domain::id::{ProjectId, TrackId};
use collabtrack_protocol::changes::{ChangeKind, TrackInfo};
use collabtrack_protocol::limits::MAX_NAME_BYTES;
use collabtrack_protocol::versions::TrackClaim;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::accounts::parse_name;
use crate::db::RowExt;
use crate::error::{Error, id_taken, invalid};
use crate::feed;

/// Finds or makes the track of a claim, under the project's row lock.
/// # Errors
/// When the claim is not acceptable or its id belongs to another project.
pub(super) async fn resolve(db: &mut PgConnection, project: &ProjectId, claim: &TrackClaim) -> Result<TrackId, Error> {
    let name = parse_name("/track/name", &claim.name)?;
    if claim.key.len() > MAX_NAME_BYTES {
        return Err(invalid("/track/key", format!("A grouping key has at most {MAX_NAME_BYTES} bytes.")));
    }
    if let Some(known) = known(db, project, &claim.id).await? {
        return Ok(known);
    }
    if claim.auto
        && !claim.key.is_empty()
        && let Some(twin) = automatic(db, project, &claim.key).await?
    {
        absorb(db, project, &claim.id, &twin).await?;
        return Ok(twin.id);
    }
    sqlx::query("insert into track (id, project, name, key, auto) values ($1, $2, $3, $4, $5)")
        .bind(claim.id.as_str())
        .bind(project.as_str())
        .bind(name)
        .bind(&claim.key)
        // Without a key there is nothing to merge by.
        .bind(claim.auto && !claim.key.is_empty())
        .execute(&mut *db)
        .await?;
    let info = TrackInfo { id: claim.id.clone(), name: name.to_owned(), key: claim.key.clone(), auto: claim.auto, absorbed: None };
    feed::append(db, project, ChangeKind::Track, &info).await?;
    Ok(claim.id.clone())
}

/// The track of that id, or the one it became.
pub(super) async fn known(db: &mut PgConnection, project: &ProjectId, id: &TrackId) -> Result<Option<TrackId>, Error> {
    let row =
        sqlx::query("select project, id as track from track where id = $1 union all select project, track from track_alias where id = $1")
            .bind(id.as_str())
            .fetch_optional(db)
            .await?;
    let Some(row) = row else { return Ok(None) };
    if row.text_as::<ProjectId>("project")? != *project {
        return Err(id_taken());
    }
    Ok(Some(row.text_as("track")?))
}

async fn automatic(db: &mut PgConnection, project: &ProjectId, key: &str) -> Result<Option<TrackInfo>, Error> {
    let row = sqlx::query("select id, name, key from track where project = $1 and key = $2 and auto")
        .bind(project.as_str())
        .bind(key)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(TrackInfo { id: row.text_as("id")?, name: row.try_get("name")?, key: row.try_get("key")?, auto: true, absorbed: None })
    })
    .transpose()
}

/// Two devices made the same automatic track while apart: the later id becomes an alias of the earlier track.
async fn absorb(db: &mut PgConnection, project: &ProjectId, id: &TrackId, into: &TrackInfo) -> Result<(), Error> {
    sqlx::query("insert into track_alias (id, project, track) values ($1, $2, $3)")
        .bind(id.as_str())
        .bind(project.as_str())
        .bind(into.id.as_str())
        .execute(&mut *db)
        .await?;
    feed::append(db, project, ChangeKind::Track, &TrackInfo { absorbed: Some(id.clone()), ..into.clone() }).await?;
    Ok(())
}
