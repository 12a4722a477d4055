//! Recipes made before their extents were packed anew: a computer that reuses bytes names them where it knows them.

use std::collections::HashMap;

use collabtrack_domain::recipe::{Extent, Recipe};
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::db::RowExt;
use crate::error::Error;
use crate::uploads::rows::stored;
use crate::versions::rows;

/// The recipe with moved extents named where they lie now. One that predicts from a moved extent stays as it is: its parameters are part
/// of what was coded, so those bytes are sent again.
pub(crate) async fn follow(db: &mut PgConnection, recipe: Recipe) -> Result<Recipe, Error> {
    let places: HashMap<(String, u64), Extent> = moved(db, &recipe).await?;
    let is_base = |extent: &Extent| extent.bases().iter().any(|base| places.contains_key(&(base.object.clone(), base.offset)));
    if places.is_empty() || recipe.extents.iter().any(is_base) {
        return Ok(recipe);
    }
    // The same extent may be named twice now: where it was, and where it is.
    let (mut extents, mut numbers): (Vec<Extent>, Vec<u32>) = (Vec::new(), Vec::with_capacity(recipe.extents.len()));
    for extent in recipe.extents {
        let now = places.get(&(extent.object.clone(), extent.offset)).filter(|now| is_same(&extent, now)).cloned().unwrap_or(extent);
        let number = extents.iter().position(|known| known.object == now.object && known.offset == now.offset);
        let number = number.unwrap_or_else(|| {
            extents.push(now);
            extents.len() - 1
        });
        numbers.push(u32::try_from(number).map_err(|_| Error::Damaged { what: "recipe" })?);
    }
    let mut files = recipe.files;
    for span in files.iter_mut().flat_map(|file| &mut file.spans) {
        span.extent = numbers.get(span.extent as usize).copied().unwrap_or(span.extent);
    }
    Ok(Recipe { files, extents })
}

fn is_same(one: &Extent, other: &Extent) -> bool {
    (one.stored_len, one.raw_len, one.sha256, one.codec, &one.params)
        == (other.stored_len, other.raw_len, other.sha256, other.codec, &other.params)
}

/// Extents of a recipe that lie elsewhere now, by their old place.
async fn moved(db: &mut PgConnection, recipe: &Recipe) -> Result<HashMap<(String, u64), Extent>, Error> {
    let objects: Vec<&str> = recipe.extents.iter().map(|extent| extent.object.as_str()).collect();
    let offsets = recipe.extents.iter().map(|extent| stored(extent.offset)).collect::<Result<Vec<i64>, _>>()?;
    let rows = sqlx::query(
        "select m.object as old_object, m.\"offset\" as old_offset, e.* from unnest($1::text[], $2::bigint[]) as named(object, place)
         join moved_extent m on m.object = named.object and m.\"offset\" = named.place join extent e on e.id = m.extent",
    )
    .bind(&objects)
    .bind(&offsets)
    .fetch_all(db)
    .await?;
    rows.iter().map(|row| Ok(((row.try_get("old_object")?, row.unsigned("old_offset")?), rows::extent_of(row)?))).collect()
}
