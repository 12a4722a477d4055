//! One project of the bucket into the database, in one transaction.

use std::collections::{BTreeMap, HashMap};

use collabtrack_domain::catalogue::row::{Catalogue, no_parent};
use collabtrack_domain::catalogue::schema::default_schema;
use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::changes::{ChangeKind, ProjectMoved, TrackInfo};
use collabtrack_protocol::versions::VersionState;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::{RebuildError, Report};
use crate::audit::{self, Fact};
use crate::error::Error;
use crate::sidecars::document::Sidecar;
use crate::uploads::rows::stored;
use crate::versions::rows;
use crate::{catalogue, feed, projects, random};

/// Brings the versions of `sidecars`, ordered by their place, that the database lacks or knows in an older state.
pub(super) async fn project(
    db: &PgPool,
    id: &ProjectId,
    sidecars: &[Sidecar],
    there: &HashMap<String, bool>,
    owner: Option<&AccountId>,
    report: &mut Report,
) -> Result<(), RebuildError> {
    let mut tx = db.begin().await?;
    let Some(last) = sidecars.last() else { return Ok(()) };
    let known = sqlx::query("select id from project where id = $1 for update").bind(id.as_str()).fetch_optional(&mut *tx).await?;
    let mut stale = Vec::new();
    for sidecar in sidecars {
        if newer_than_known(&mut tx, sidecar).await? {
            stale.push(sidecar);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    if known.is_none() {
        let owner = owner.ok_or(RebuildError::NoOwner)?;
        create(&mut tx, id, &last.project.name, owner).await?;
        report.projects += 1;
    }
    // Readers of the old history start anew; its places are never given twice.
    sqlx::query("update project set epoch = $2 where id = $1").bind(id.as_str()).bind(random::hex128()).execute(&mut *tx).await?;
    skip_places(&mut tx, id, last.seq).await?;
    let tracks: BTreeMap<_, _> = stale.iter().map(|sidecar| (sidecar.track.id.clone(), &sidecar.track)).collect();
    for track in tracks.values() {
        bring_track(&mut tx, id, track).await?;
    }
    let mut complete = 0;
    for sidecar in &stale {
        bring_objects(&mut tx, id, sidecar, there).await?;
        let state = bring_version(&mut tx, id, sidecar, there).await?;
        match state {
            VersionState::Complete => complete += 1,
            VersionState::Damaged => report.damaged.push(sidecar.version.id.clone()),
            _ => {}
        }
    }
    sqlx::query(
        "update track t set next_number = greatest(t.next_number, (select coalesce(max(number), 0) + 1 from version v where v.track = t.id))
         where project = $1",
    )
    .bind(id.as_str())
    .execute(&mut *tx)
    .await?;
    let actor = match owner {
        Some(owner) => owner.clone(),
        None => last.version.author.id.clone(),
    };
    let detail = serde_json::json!({"versions": stale.len(), "complete": complete});
    audit::append(&mut tx, Fact::by(&actor, "", id.as_str(), "project.rebuild", id.as_str()).detail(detail)).await?;
    tx.commit().await?;
    report.versions += stale.len();
    report.complete += complete;
    Ok(())
}

async fn newer_than_known(db: &mut PgConnection, sidecar: &Sidecar) -> Result<bool, Error> {
    let known: Option<i64> =
        sqlx::query_scalar("select seq from version where id = $1").bind(sidecar.version.id.as_str()).fetch_optional(&mut *db).await?;
    let alias: Option<String> =
        sqlx::query_scalar("select id from version_alias where id = $1").bind(sidecar.version.id.as_str()).fetch_optional(db).await?;
    Ok(alias.is_none() && known.is_none_or(|seq| seq < sidecar.seq))
}

async fn create(db: &mut PgConnection, id: &ProjectId, name: &str, owner: &AccountId) -> Result<(), Error> {
    let empty = Catalogue::empty(default_schema().clone());
    let head = empty.head(&no_parent()).ok_or(Error::Damaged { what: "catalogue" })?;
    projects::insert(db, id, name, owner, &empty, &head).await?;
    catalogue::begin(db, id, &empty, &head).await?;
    projects::add_member(db, id, owner, Role::Owner).await?;
    feed::append(db, id, ChangeKind::Project, &ProjectMoved { name: name.to_owned() }).await?;
    let member = projects::member(db, id, owner).await?;
    feed::append(db, id, ChangeKind::Member, &member).await?;
    audit::open_chain(db, id.as_str()).await
}

/// Fills the feed up to `last` with bare places: what stood there is told again behind them, in its present state.
async fn skip_places(db: &mut PgConnection, id: &ProjectId, last: i64) -> Result<(), Error> {
    sqlx::query(
        "insert into change (project, seq, id, kind, body)
         select p.id, place, $3 || '-' || place, 'skipped', 'null' from project p, generate_series(p.head_seq + 1, $2) as place where p.id = $1",
    )
    .bind(id.as_str())
    .bind(last)
    .bind(random::hex128())
    .execute(&mut *db)
    .await?;
    sqlx::query("update project set head_seq = greatest(head_seq, $2) where id = $1").bind(id.as_str()).bind(last).execute(db).await?;
    Ok(())
}

async fn bring_track(db: &mut PgConnection, project: &ProjectId, track: &collabtrack_protocol::versions::TrackClaim) -> Result<(), Error> {
    // A key that an automatic track has already stays with it; this one is then a track of its own.
    let inserted = sqlx::query(
        "insert into track (id, project, name, key, auto)
         values ($1, $2, $3, $4, $5 and not exists (select from track where project = $2 and key = $4 and auto)) on conflict (id) do nothing",
    )
    .bind(track.id.as_str())
    .bind(project.as_str())
    .bind(&track.name)
    .bind(&track.key)
    .bind(track.auto)
    .execute(&mut *db)
    .await?;
    if inserted.rows_affected() == 1 {
        let info = TrackInfo { id: track.id.clone(), name: track.name.clone(), key: track.key.clone(), auto: track.auto, absorbed: None };
        feed::append(db, project, ChangeKind::Track, &info).await?;
    }
    Ok(())
}

async fn bring_objects(db: &mut PgConnection, project: &ProjectId, sidecar: &Sidecar, there: &HashMap<String, bool>) -> Result<(), Error> {
    for object in &sidecar.objects {
        let state = if there.get(&object.key) == Some(&true) { "verified" } else { "deleted" };
        sqlx::query(
            "insert into object (key, project, format, length, composite, sha256, state) values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (key) do nothing",
        )
        .bind(&object.key)
        .bind(project.as_str())
        .bind(&object.format)
        .bind(stored(object.length)?)
        .bind(&object.composite)
        .bind(object.sha256.map(|sha256| sha256.as_bytes().to_vec()))
        .bind(state)
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Whoever made a version is known by id and name until they register again; nobody can sign in as them.
async fn bring_author(db: &mut PgConnection, sidecar: &Sidecar) -> Result<(), Error> {
    let author = &sidecar.version.author;
    let address = format!("{}@rebuilt.invalid", author.id);
    sqlx::query("insert into account (id, email, email_key, name, password_hash) values ($1, $2, $2, $3, '$argon2id$none') on conflict (id) do nothing")
        .bind(author.id.as_str())
        .bind(address)
        .bind(&author.name)
        .execute(db)
        .await?;
    Ok(())
}

/// Inserts the version, or brings the known one to the sidecar's state; the state it has now.
async fn bring_version(
    db: &mut PgConnection,
    project: &ProjectId,
    sidecar: &Sidecar,
    there: &HashMap<String, bool>,
) -> Result<VersionState, Error> {
    bring_author(db, sidecar).await?;
    let version = &sidecar.version;
    let in_store = |key: &Option<String>| key.clone().filter(|key| there.get(key) == Some(&true));
    let (preview, tables) = (in_store(&sidecar.preview), in_store(&sidecar.tables));
    let lost = "its preview was lost with the server; fetch the original to listen to it";
    let reason = preview.is_none().then(|| sidecar.no_preview_reason.clone().unwrap_or_else(|| lost.to_owned()));
    let recipe = sidecar.recipe.as_ref().filter(|recipe| {
        let plain = recipe.files.iter().filter_map(|file| file.plain_object.as_ref());
        recipe.extents.iter().map(|extent| &extent.object).chain(plain).all(|key| there.get(key) == Some(&true))
    });
    let state = match version.state {
        VersionState::Complete | VersionState::Damaged if recipe.is_some() => VersionState::Complete,
        VersionState::Complete | VersionState::Damaged => VersionState::Damaged,
        other => other,
    };
    let seq = feed::next_seq(db, project).await?;
    sqlx::query(
        "insert into version (id, project, track, number, kind, note, content_id, parent, same_as, state, preview_object, no_preview_reason,
                              tables_object, summary, overview, author, captured_at, seq, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, (select id from version where id = $9), $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19::timestamptz)
         on conflict (id) do update set state = excluded.state, note = excluded.note, kind = excluded.kind, seq = excluded.seq,
             tables_object = coalesce(version.tables_object, excluded.tables_object)",
    )
    .bind(version.id.as_str())
    .bind(project.as_str())
    .bind(version.track.as_str())
    .bind(version.number)
    .bind(version.kind.as_str())
    .bind(&version.note)
    .bind(&version.content_id.as_bytes()[..])
    .bind(version.parent.as_ref().map(collabtrack_domain::id::VersionId::as_str))
    .bind(version.same_as.as_ref().map(collabtrack_domain::id::VersionId::as_str))
    .bind(rows::state_word(state))
    .bind(&preview)
    .bind(&reason)
    .bind(&tables)
    .bind(&version.summary)
    .bind(&version.overview)
    .bind(version.author.id.as_str())
    .bind(&version.captured_at)
    .bind(seq)
    .bind(&version.created_at)
    .execute(&mut *db)
    .await?;
    if rows::files(db, &version.id).await?.is_empty() {
        rows::insert_files(db, &version.id, &version.files).await?;
    }
    if let Some(recipe) = recipe {
        rows::put_recipe(db, &version.id, recipe).await?.ok_or(Error::Damaged { what: "recipe" })?;
    }
    let told = rows::load(db, &version.id).await?;
    feed::append_at(db, project, seq, ChangeKind::Version, &told).await?;
    Ok(state)
}
