//! Extents that a recipe only names, because a version of the project has them.

use std::collections::HashMap;

use collabtrack_domain::id::ProjectId;
use collabtrack_domain::recipe::{Extent, Recipe};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::recipes::{Place, SentRecipe};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::rows;
use crate::db::RowExt;
use crate::error::{Error, refuse};

/// The whole recipe. An extent that moved is told at the place it is named by; where it lies now is found later, as for one that was sent.
/// # Errors
/// `extent_gone`, with the objects, for a place where this project has no extent.
pub(super) async fn fill(db: &mut PgConnection, project: &ProjectId, sent: SentRecipe) -> Result<Recipe, Error> {
    let places: Vec<&Place> = sent.named().collect();
    if places.is_empty() {
        return sent.filled(&HashMap::new()).map_err(|_| Error::Damaged { what: "recipe" });
    }
    let objects: Vec<&str> = places.iter().map(|place| place.object.as_str()).collect();
    // No extent begins before its object: a place beyond what the database counts is one where nothing is.
    let offsets: Vec<i64> = places.iter().map(|place| i64::try_from(place.offset).unwrap_or(-1)).collect();
    let rows = sqlx::query(
        "with named as (select * from unnest($1::text[], $2::bigint[]) as named(object, place))
         select named.object as named_object, named.place as named_place, e.* from named
         join extent e on e.object = named.object and e.\"offset\" = named.place
         join object o on o.key = e.object and o.project = $3
         union all
         select named.object, named.place, e.* from named
         join moved_extent m on m.object = named.object and m.\"offset\" = named.place
         join extent e on e.id = m.extent
         join object o on o.key = e.object and o.project = $3",
    )
    .bind(&objects)
    .bind(&offsets)
    .bind(project.as_str())
    .fetch_all(db)
    .await?;
    let known = rows.iter().map(|row| {
        let place = Place { object: row.try_get("named_object")?, offset: row.unsigned("named_place")? };
        let extent = Extent { object: place.object.clone(), offset: place.offset, ..rows::extent_of(row)? };
        Ok((place, extent))
    });
    let known: HashMap<Place, Extent> = known.collect::<Result<_, Error>>()?;
    sent.filled(&known).map_err(|gone| {
        let detail = format!(
            "{} of the objects hold nothing that is known here, so the version stays announced. Send those bytes again.",
            gone.len()
        );
        refuse(ErrorCode::ExtentGone, detail).with_facts(serde_json::json!({"objects": gone}))
    })
}
