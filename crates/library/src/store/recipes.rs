//! How the server's store holds the files of a version.

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::{Codec, Recipe};
use sqlx::SqliteConnection;

use super::{StoreResult, signed};

fn codec_word(codec: Codec) -> &'static str {
    match codec {
        Codec::Raw => "raw",
        Codec::Flac => "flac",
        Codec::Zstd => "zstd",
        Codec::PlanesZstd => "planes-zstd",
        Codec::FlacResidual => "flac-residual",
        Codec::Unknown => "unknown",
    }
}

/// Records the recipe of a complete version; the same one again changes nothing.
pub async fn put(connection: &mut SqliteConnection, project: &ProjectId, version: &VersionId, recipe: &Recipe) -> StoreResult<()> {
    let mut extents = Vec::with_capacity(recipe.extents.len());
    let mut place = std::collections::BTreeMap::<&str, i64>::new();
    for extent in &recipe.extents {
        let idx = place.entry(&extent.object).and_modify(|idx| *idx += 1).or_insert(0);
        sqlx::query(
            "INSERT INTO object (key, project, format, length, state) VALUES (?, ?, 'plain', ?, 'verified') ON CONFLICT DO NOTHING",
        )
        .bind(&extent.object)
        .bind(project.as_str())
        .bind(signed(extent.offset + extent.stored_len))
        .execute(&mut *connection)
        .await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO extent (object, idx, offset, stored_len, raw_len, sha256, codec, params) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (object, idx) DO UPDATE SET codec = excluded.codec RETURNING id",
        )
        .bind(&extent.object)
        .bind(*idx)
        .bind(signed(extent.offset))
        .bind(signed(extent.stored_len))
        .bind(signed(extent.raw_len))
        .bind(extent.sha256.to_string())
        .bind(codec_word(extent.codec))
        .bind(extent.params.to_string())
        .fetch_one(&mut *connection)
        .await?;
        extents.push(id);
    }
    for (file, entry) in (0_i64..).zip(&recipe.files) {
        sqlx::query("UPDATE version_file SET plain_object = ? WHERE version = ? AND idx = ?")
            .bind(entry.plain_object.as_deref())
            .bind(version.as_str())
            .bind(file)
            .execute(&mut *connection)
            .await?;
        for span in &entry.spans {
            let Some(extent) = extents.get(span.extent as usize) else { continue };
            sqlx::query("INSERT INTO span (version, file, at, len, extent, \"from\") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(version.as_str())
                .bind(file)
                .bind(signed(span.at))
                .bind(signed(span.len))
                .bind(extent)
                .bind(signed(span.from))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}
