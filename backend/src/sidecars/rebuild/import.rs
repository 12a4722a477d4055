//! One project of the bucket into the database, in one transaction.

use std::collections::{BTreeMap, HashMap};

use collabtrack_domain::catalogue::row::{Catalogue, no_parent};
use collabtrack_domain::catalogue::schema::default_schema;
use collabtrack_domain::id::{AccountId, ProjectId, TrackId, VersionId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::{ChangeKind, ProjectMoved, TrackInfo};
use collabtrack_protocol::versions::{TrackClaim, Version, VersionState};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use super::RebuildError;
use crate::audit::{self, Fact};
use crate::error::Error;
use crate::sidecars::document::Sidecar;
use crate::uploads::rows::stored;
use crate::versions::{rows, trash};
use crate::{catalogue, feed, projects, random};

/// What one project got.
#[derive(Debug, Clone, Default)]
pub(super) struct Brought {
    /// Whether the database did not know it.
    pub is_new: bool,
    /// Versions brought or brought up to date.
    pub versions: usize,
    /// Of these, complete.
    pub complete: usize,
    /// Of these, with bytes missing in the store.
    pub damaged: Vec<VersionId>,
    /// Of these, with another number than their sidecar says: it is somebody else's here.
    pub renumbered: Vec<(VersionId, i64)>,
}

/// Brings the versions of `sidecars`, ordered by their place, that the database lacks or knows in an older state, and the names of tracks
/// and project where the bucket has later ones.
pub(super) async fn project(
    db: &PgPool,
    id: &ProjectId,
    sidecars: &[Sidecar],
    there: &HashMap<String, bool>,
    owner: Option<&AccountId>,
) -> Result<Brought, RebuildError> {
    let mut tx = db.begin().await?;
    let (Some(last), Some(newest)) = (sidecars.last(), sidecars.iter().max_by_key(|sidecar| sidecar.place())) else {
        return Ok(Brought::default());
    };
    let known: Option<i64> =
        sqlx::query_scalar("select head_seq from project where id = $1 for update").bind(id.as_str()).fetch_optional(&mut *tx).await?;
    let mut stale = Vec::new();
    for sidecar in sidecars {
        if newer_than_known(&mut tx, sidecar).await? {
            stale.push(sidecar);
        }
    }
    if known.is_none() {
        let owner = owner.ok_or(RebuildError::NoOwner)?;
        create(&mut tx, id, &newest.project.name, owner).await?;
    }
    // Readers of the old history start anew; its places are never given twice.
    sqlx::query("update project set epoch = $2 where id = $1").bind(id.as_str()).bind(random::hex128()).execute(&mut *tx).await?;
    skip_places(&mut tx, id, newest.place()).await?;
    let before = known.unwrap_or(0);
    let mut named = newest.place() > before && bring_name(&mut tx, id, &newest.project.name).await?;
    for track in tracks(sidecars).values() {
        named |= bring_track(&mut tx, id, track, track.place > before).await?;
    }
    if stale.is_empty() && !named {
        // Nothing of this is kept.
        return Ok(Brought::default());
    }
    let mut brought = Brought { is_new: known.is_none(), versions: stale.len(), ..Brought::default() };
    let mut places = Vec::with_capacity(stale.len());
    for sidecar in &stale {
        let number = number(&mut tx, sidecar).await?;
        if number != sidecar.version.number {
            brought.renumbered.push((sidecar.version.id.clone(), number));
        }
        bring_objects(&mut tx, id, sidecar, there).await?;
        let seq = feed::next_seq(&mut tx, id).await?;
        places.push(seq);
        match bring_version(&mut tx, id, sidecar, there, number, seq).await? {
            VersionState::Complete => brought.complete += 1,
            VersionState::Damaged => brought.damaged.push(sidecar.version.id.clone()),
            _ => {}
        }
    }
    // Only now is every older version there that one may be the same as; and only what is whole is told.
    for (sidecar, seq) in stale.iter().zip(places) {
        bring_twin(&mut tx, &sidecar.version).await?;
        let told = rows::load(&mut tx, &sidecar.version.id).await?;
        feed::append_at(&mut tx, id, seq, ChangeKind::Version, &told).await?;
    }
    let actor = match owner {
        Some(owner) => owner.clone(),
        None => {
            bring_person(&mut tx, &last.version.author).await?;
            last.version.author.id.clone()
        }
    };
    let detail = serde_json::json!({"versions": stale.len(), "complete": brought.complete});
    audit::append(&mut tx, Fact::by(&actor, "", id.as_str(), "project.rebuild", id.as_str()).detail(detail)).await?;
    tx.commit().await?;
    Ok(brought)
}

/// A track as the sidecars have it.
struct Track<'a> {
    /// The newest claim of it.
    claim: &'a TrackClaim,
    /// As of which place of the feed the claim is true.
    place: i64,
    /// The first number that nobody ever had in it.
    next_number: i64,
}

/// Every track the sidecars name, also those that only once held one of the versions.
fn tracks(sidecars: &[Sidecar]) -> BTreeMap<&TrackId, Track<'_>> {
    let mut all: BTreeMap<&TrackId, Track<'_>> = BTreeMap::new();
    for sidecar in sidecars {
        let own = (&sidecar.track, sidecar.next_number.max(sidecar.version.number + 1));
        let earlier = sidecar.earlier.iter().map(|earlier| (&earlier.track, earlier.number + 1));
        for (claim, next_number) in std::iter::once(own).chain(earlier) {
            let place = sidecar.place();
            let track = all.entry(&claim.id).or_insert(Track { claim, place, next_number });
            track.next_number = track.next_number.max(next_number);
            if place > track.place {
                (track.claim, track.place) = (claim, place);
            }
        }
    }
    all
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

/// The project's name, where the bucket has a later one; whether it was another.
async fn bring_name(db: &mut PgConnection, project: &ProjectId, name: &str) -> Result<bool, Error> {
    let set = sqlx::query("update project set name = $2 where id = $1 and name <> $2").bind(project.as_str()).bind(name);
    let renamed = set.execute(&mut *db).await?.rows_affected() == 1;
    if renamed {
        feed::append(db, project, ChangeKind::Project, &ProjectMoved { name: name.to_owned() }).await?;
    }
    Ok(renamed)
}

/// Brings a track the database lacks, or its later name where `is_newer`; its numbers go on behind those the sidecars name in any case.
/// Whether something of it was news.
async fn bring_track(db: &mut PgConnection, project: &ProjectId, track: &Track<'_>, is_newer: bool) -> Result<bool, Error> {
    let Track { claim, next_number, .. } = track;
    // A key that an automatic track has already stays with it; this one is then a track of its own.
    let told = sqlx::query(
        "insert into track (id, project, name, key, auto)
         values ($1, $2, $3, $4, $5 and not exists (select from track where project = $2 and key = $4 and auto and id <> $1))
         on conflict (id) do update set name = excluded.name, key = excluded.key, auto = excluded.auto
             where $6 and (track.name, track.key, track.auto) is distinct from (excluded.name, excluded.key, excluded.auto)
         returning auto",
    )
    .bind(claim.id.as_str())
    .bind(project.as_str())
    .bind(&claim.name)
    .bind(&claim.key)
    .bind(claim.auto)
    .bind(is_newer)
    .fetch_optional(&mut *db)
    .await?;
    if told.is_some() {
        let info = TrackInfo { id: claim.id.clone(), name: claim.name.clone(), key: claim.key.clone(), auto: claim.auto, absorbed: None };
        feed::append(db, project, ChangeKind::Track, &info).await?;
    }
    let numbered = sqlx::query("update track set next_number = $2 where id = $1 and next_number < $2").bind(claim.id.as_str());
    let numbered = numbered.bind(next_number).execute(db).await?.rows_affected() == 1;
    Ok(told.is_some() || numbered)
}

/// The number the version gets here: its own, unless the database gave that one to another version before it was rebuilt.
async fn number(db: &mut PgConnection, sidecar: &Sidecar) -> Result<i64, Error> {
    let version = &sidecar.version;
    let taken: bool = sqlx::query_scalar(
        "select exists (select from version where track = $1 and number = $2 and id <> $3)
             or exists (select from version_moved where track = $1 and number = $2 and version <> $3)",
    )
    .bind(version.track.as_str())
    .bind(version.number)
    .bind(version.id.as_str())
    .fetch_one(&mut *db)
    .await?;
    if !taken {
        return Ok(version.number);
    }
    let next = sqlx::query_scalar("update track set next_number = next_number + 1 where id = $1 returning next_number - 1");
    Ok(next.bind(version.track.as_str()).fetch_one(db).await?)
}

async fn bring_objects(db: &mut PgConnection, project: &ProjectId, sidecar: &Sidecar, there: &HashMap<String, bool>) -> Result<(), Error> {
    for object in &sidecar.objects {
        let state = if there.get(&object.key) == Some(&true) { "verified" } else { "deleted" };
        sqlx::query(
            "insert into object (key, project, format, length, composite, sha256, state) values ($1, $2, $3, $4, $5, $6, $7)
             -- Its upload ended after the backup was made.
             on conflict (key) do update set state = 'verified' where object.state = 'pending' and excluded.state = 'verified'",
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

/// Whoever did something is known by id and name until they register again; nobody can sign in as them.
async fn bring_person(db: &mut PgConnection, person: &Person) -> Result<(), Error> {
    let address = format!("{}@rebuilt.invalid", person.id);
    sqlx::query("insert into account (id, email, email_key, name, password_hash) values ($1, $2, $2, $3, '$argon2id$none') on conflict (id) do nothing")
        .bind(person.id.as_str())
        .bind(address)
        .bind(&person.name)
        .execute(db)
        .await?;
    Ok(())
}

/// The state a version in the trash comes back to. Older sidecars do not say it: then complete, where there is a recipe.
fn comes_back_to(sidecar: &Sidecar, is_there: bool) -> VersionState {
    let assumed = if sidecar.recipe.is_some() { VersionState::Complete } else { VersionState::Announced };
    match sidecar.trashed.as_ref().map_or(assumed, |trashed| trashed.from) {
        VersionState::Complete | VersionState::Damaged if is_there => VersionState::Complete,
        VersionState::Complete | VersionState::Damaged => VersionState::Damaged,
        _ => VersionState::Announced,
    }
}

/// Inserts the version, or brings the known one to the sidecar's state, under `number` and at its new place `seq` in the feed; the state it
/// has now.
async fn bring_version(
    db: &mut PgConnection,
    project: &ProjectId,
    sidecar: &Sidecar,
    there: &HashMap<String, bool>,
    number: i64,
    seq: i64,
) -> Result<VersionState, Error> {
    bring_person(db, &sidecar.version.author).await?;
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
    let is_trashed = state == VersionState::Trashed;
    let from = is_trashed.then(|| rows::state_word(comes_back_to(sidecar, recipe.is_some())));
    let by = sidecar.trashed.as_ref().and_then(|trashed| trashed.by.as_ref()).filter(|_| is_trashed);
    if let Some(by) = by {
        bring_person(db, by).await?;
    }
    let since = sidecar.trashed.as_ref().map(|trashed| &trashed.at).or(version.trashed_at.as_ref());
    remember_numbers(db, project, sidecar, number, Moved::Known).await?;
    sqlx::query(
        "insert into version (id, project, track, number, kind, note, content_id, parent, state, preview_object, no_preview_reason,
                              tables_object, summary, overview, author, captured_at, seq, created_at, trashed_at, trashed_by, trashed_from)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::timestamptz,
                 case when $9 = 'trashed' then coalesce($19::timestamptz, now()) end, $20, $21)
         on conflict (id) do update set track = excluded.track, number = excluded.number, state = excluded.state, note = excluded.note,
             kind = excluded.kind, seq = excluded.seq, tables_object = coalesce(version.tables_object, excluded.tables_object),
             trashed_at = excluded.trashed_at, trashed_by = excluded.trashed_by, trashed_from = excluded.trashed_from",
    )
    .bind(version.id.as_str())
    .bind(project.as_str())
    .bind(version.track.as_str())
    .bind(number)
    .bind(version.kind.as_str())
    .bind(&version.note)
    .bind(&version.content_id.as_bytes()[..])
    .bind(version.parent.as_ref().map(VersionId::as_str))
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
    .bind(since)
    .bind(by.map(|by| by.id.as_str()))
    .bind(from)
    .execute(&mut *db)
    .await?;
    remember_numbers(db, project, sidecar, number, Moved::Told).await?;
    if rows::files(db, &version.id).await?.is_empty() {
        rows::insert_files(db, &version.id, &version.files).await?;
    }
    if state == VersionState::Purged {
        // The backup may be of a time when it still had its bytes.
        trash::drop_bytes(db, &version.id).await?;
    }
    if let Some(recipe) = recipe {
        rows::put_recipe(db, &version.id, recipe).await?.ok_or(Error::Damaged { what: "recipe" })?;
    }
    Ok(state)
}

/// Who knows of a number the version had before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moved {
    /// The database: the version was moved after the backup.
    Known,
    /// The sidecar.
    Told,
}

/// Numbers the version had in other tracks stay its own.
async fn remember_numbers(db: &mut PgConnection, project: &ProjectId, sidecar: &Sidecar, now: i64, moved: Moved) -> Result<(), Error> {
    let version = &sidecar.version;
    if moved == Moved::Known {
        sqlx::query(
            "insert into version_moved (project, track, number, version)
             select project, track, number, id from version where id = $1 and (track, number) is distinct from ($2, $3)
             on conflict do nothing",
        )
        .bind(version.id.as_str())
        .bind(version.track.as_str())
        .bind(now)
        .execute(&mut *db)
        .await?;
        return Ok(());
    }
    for earlier in &sidecar.earlier {
        sqlx::query("insert into version_moved (project, track, number, version) values ($1, $2, $3, $4) on conflict do nothing")
            .bind(project.as_str())
            .bind(earlier.track.id.as_str())
            .bind(earlier.number)
            .bind(version.id.as_str())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// The version it is the same as, whichever of the two was brought first.
async fn bring_twin(db: &mut PgConnection, version: &Version) -> Result<(), Error> {
    let Some(twin) = &version.same_as else { return Ok(()) };
    sqlx::query(
        "update version set same_as = $2 where id = $1 and same_as is distinct from $2 and exists (select from version where id = $2)",
    )
    .bind(version.id.as_str())
    .bind(twin.as_str())
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use collabtrack_domain::recipe::Recipe;

    use super::*;

    fn sidecar(json: serde_json::Value) -> Sidecar {
        let hash = "a".repeat(64);
        let mut whole = serde_json::json!({
            "format": 1, "seq": 7,
            "project": {"id": ProjectId::from_random([1; 17]), "name": "EP", "epoch": "e"},
            "track": {"id": TrackId::from_random([2; 17]), "name": "Rain", "key": "rain", "auto": true},
            "objects": [],
            "version": {
                "id": VersionId::from_random([3; 17]), "project": ProjectId::from_random([1; 17]), "track": TrackId::from_random([2; 17]),
                "track_name": "Rain", "number": 4, "kind": "mix", "note": "", "content_id": hash, "parent": null, "same_as": null,
                "state": "trashed", "files": [], "preview_length": null, "preview_sha256": null, "summary": {}, "overview": "",
                "author": {"id": AccountId::from_random([4; 17]), "name": "Ann"}, "created_at": "2026-05-03T12:00:00Z",
                "captured_at": "2026-05-03T12:00:00Z", "seq": 7
            }
        });
        for (field, value) in json.as_object().expect("fields") {
            whole[field] = value.clone();
        }
        Sidecar::read(&serde_json::to_vec(&whole).expect("JSON")).expect("a sidecar of the first form")
    }

    #[test]
    fn an_older_sidecar_of_a_version_in_the_trash_says_by_its_recipe_what_it_comes_back_to() {
        let older = sidecar(serde_json::json!({}));
        assert_eq!(comes_back_to(&older, false), VersionState::Announced);
        let with_recipe = Sidecar { recipe: Some(Recipe { files: Vec::new(), extents: Vec::new() }), ..older };
        assert_eq!(comes_back_to(&with_recipe, true), VersionState::Complete);
        assert_eq!(comes_back_to(&with_recipe, false), VersionState::Damaged, "its objects are not all there");
        let announced = serde_json::json!({"at": "2026-05-03T12:00:00Z", "from": "announced"});
        assert_eq!(comes_back_to(&sidecar(serde_json::json!({"trashed": announced})), false), VersionState::Announced);
    }

    #[test]
    fn the_next_number_of_a_track_lies_behind_every_number_somebody_ever_had_in_it() {
        let rain = serde_json::json!({"id": TrackId::from_random([2; 17]), "name": "Rain", "key": "rain", "auto": true});
        let older = sidecar(serde_json::json!({}));
        let dusk = serde_json::json!({"id": TrackId::from_random([9; 17]), "name": "Dusk", "key": "dusk", "auto": false});
        let mut moved = sidecar(serde_json::json!({"track": dusk, "head": 20, "earlier": [{"track": rain, "number": 9}]}));
        moved.version.track = TrackId::from_random([9; 17]);
        let sidecars = [older.clone(), moved];
        let all = tracks(&sidecars);
        assert_eq!(all[&older.track.id].next_number, 10);
        assert_eq!((all[&TrackId::from_random([9; 17])].next_number, all[&TrackId::from_random([9; 17])].place), (5, 20));
        let told = [sidecar(serde_json::json!({"next_number": 30}))];
        assert_eq!(tracks(&told)[&older.track.id].next_number, 30);
    }
}
