//! Trash, purge, collection, damage and repair: nothing that can still be asked for is removed, and what the store lost is wanted again.

use std::collections::BTreeSet;
use std::time::Duration;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_domain::recipe::Recipe;
use collabtrack_domain::role::Role;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, Commit, Rendition, Version, VersionState};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::collect::{self, Collected};
use sqlx::PgPool;

use crate::support::music::{announcement, bytes, claim, plan, put};
use crate::support::{Person, Server};

/// Moves everything the clock decides about into the past.
async fn days_pass(db: &PgPool, days: i32) {
    for statement in [
        "update version set trashed_at = trashed_at - make_interval(days => $1)",
        "update object set created_at = created_at - make_interval(days => $1), condemned_at = condemned_at - make_interval(days => $1)",
        "update upload set expires_at = expires_at - make_interval(days => $1)",
        "update unknown_key set first_seen = first_seen - make_interval(days => $1)",
    ] {
        sqlx::query(statement).bind(days).execute(db).await.expect("moved");
    }
}

async fn object_states(db: &PgPool, key: &str) -> String {
    sqlx::query_scalar("select state from object where key = $1").bind(key).fetch_one(db).await.expect("the row stays")
}

async fn act(person: &Person, version: &VersionId, what: &str) -> Version {
    person.act(&format!("/versions/{version}/{what}")).await.ok()
}

#[tokio::test]
async fn a_trashed_version_comes_back_as_it_was_and_is_purged_after_35_days() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    let track = claim("Night Drive");
    let data = bytes(1, 3_000);
    let first = ann.bounce(&project, &track, &data).await;
    let second = mel.bounce(&project, &track, &bytes(2, 3_000)).await;
    mel.act(&format!("/versions/{}/trash", first.id)).await.problem(403, ErrorCode::Forbidden);
    assert_eq!(act(&mel, &second.id, "trash").await.state, VersionState::Trashed, "one's own");
    assert_eq!(act(&ann, &first.id, "trash").await.state, VersionState::Trashed);
    assert_eq!(act(&ann, &first.id, "trash").await.state, VersionState::Trashed, "again is no error");
    ann.reads(&first.id, Rendition::Original).await.problem(409, ErrorCode::VersionIncomplete);
    days_pass(db, 34).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round"), Collected::default(), "the trash holds its objects");
    let back = act(&ann, &first.id, "restore").await;
    assert_eq!((back.state, back.number), (VersionState::Complete, 1));
    assert_eq!(ann.original(&first.id).await, data);

    let object: String = sqlx::query_scalar("select plain_object from version_file where version = $1")
        .bind(second.id.as_str())
        .fetch_one(db)
        .await
        .expect("there");
    days_pass(db, 2).await;
    let done = collect::round(db, &blobs).await.expect("a round");
    assert_eq!((done.purged, done.condemned, done.deleted), (1, 1, 0));
    mel.act(&format!("/versions/{}/restore", second.id)).await.problem(404, ErrorCode::NotFound);
    days_pass(db, 1).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 1);
    assert_eq!(blobs.head(&object).await.expect("asked"), None);
    assert_eq!(object_states(db, &object).await, "deleted");
    // Number, name, author and hash stay, and the number is never given again.
    let purged: (i64, String, Vec<u8>) = sqlx::query_as("select number, state, content_id from version where id = $1")
        .bind(second.id.as_str())
        .fetch_one(db)
        .await
        .expect("stays");
    assert_eq!((purged.0, purged.1.as_str(), purged.2.as_slice()), (2, "purged", &second.content_id.as_bytes()[..]));
    assert_eq!(ann.bounce(&project, &track, &bytes(3, 100)).await.number, 3);
    assert_eq!(ann.original(&first.id).await, data);
    server.stop().await;
}

#[tokio::test]
async fn i12_collection_takes_what_nothing_names_and_nothing_else() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let live = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 3_000)).await;
    let (preview, preview_object) = ann.upload(&project, ObjectFormat::Preview, &bytes(2, 100)).await;
    let body = Announce { preview: Some(preview), no_preview_reason: None, ..announcement(&claim("Rain"), &bytes(3, 100)) };
    ann.announce(&project, &body).await;
    let (_, unused) = ann.upload(&project, ObjectFormat::Plain, &bytes(4, 100)).await;
    let pending = ann.open_upload(&project, &plan(ObjectFormat::Plain, &bytes(5, 100))).await.object;
    blobs.put_own("p/nobody/o/knows", b"x".to_vec()).await.expect("put");
    assert_eq!(collect::round(db, &blobs).await.expect("a round"), Collected::default(), "nothing is old enough");
    days_pass(db, 9).await;
    let done = collect::round(db, &blobs).await.expect("a round");
    assert_eq!((done.expired, done.condemned, done.deleted, done.swept), (1, 2, 0, 1));
    days_pass(db, 1).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 2);
    for (key, there) in [(&unused, false), (&pending, false), (&preview_object, true)] {
        assert_eq!(blobs.head(key).await.expect("asked").is_some(), there, "{key}");
    }
    assert_eq!(blobs.head("p/nobody/o/knows").await.expect("asked"), None);
    assert_eq!(ann.original(&live.id).await, bytes(1, 3_000));
    // After a rebuild nothing is collected, however old.
    let (_, other) = ann.upload(&project, ObjectFormat::Plain, &bytes(6, 100)).await;
    sqlx::query("update server_state set no_gc_until = now() + interval '35 days'").execute(db).await.expect("set");
    days_pass(db, 30).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round"), Collected::default());
    assert!(blobs.head(&other).await.expect("asked").is_some());
    server.stop().await;
}

#[tokio::test]
async fn f21_collection_racing_commits_loses_no_byte_of_a_complete_version() {
    let server = Server::start().await;
    let (db, blobs) = (server.database().clone(), Blobs::new(&server.config.store));
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mut waiting = Vec::new();
    for n in 0..24 {
        let data = bytes(100 + n, 2_000);
        let version = ann.announce(&project, &announcement(&claim(&format!("Song {n}")), &data)).await;
        let (_, object) = ann.upload(&project, ObjectFormat::Plain, &data).await;
        waiting.push((version, object, data));
    }
    days_pass(&db, 9).await;
    // Marks and removes as fast as it can while every object is being named; the marks age at once.
    let (racing_db, racing_blobs) = (db.clone(), blobs.clone());
    let racer = tokio::spawn(async move {
        for _ in 0..12 {
            collect::condemn(&racing_db).await.expect("marked");
            sqlx::query("update object set condemned_at = condemned_at - interval '25 hours'").execute(&racing_db).await.expect("aged");
            collect::delete_condemned(&racing_db, &racing_blobs).await.expect("removed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let answers = futures::future::join_all(waiting.iter().enumerate().map(async |(n, (version, object, _))| {
        tokio::time::sleep(Duration::from_millis(5 * n as u64)).await;
        ann.commit(version, object).await
    }))
    .await;
    racer.await.expect("it ends");
    let mut complete = 0;
    for ((version, object, data), answer) in waiting.iter().zip(answers) {
        if answer.status.is_success() {
            complete += 1;
            assert_eq!(ann.original(&version.id).await, *data);
            continue;
        }
        answer.problem(409, ErrorCode::ExtentGone);
        assert_ne!(object_states(&db, object).await, "verified");
        let (_, again) = ann.upload(&project, ObjectFormat::Plain, data).await;
        ann.commit(version, &again).await.ok::<Version>();
        assert_eq!(ann.original(&version.id).await, *data);
    }
    tracing::info!(complete, "commits that came before the collection");
    server.stop().await;
}

#[tokio::test]
async fn f20_what_the_store_lost_is_flagged_and_repaired_by_a_holder() {
    let server = Server::start().await;
    let blobs = Blobs::new(&server.config.store);
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    let data = bytes(1, 3_000);
    let version = ann.bounce(&project, &claim("Night Drive"), &data).await;
    let twin = ann.announce(&project, &announcement(&claim("Same Song"), &data)).await;
    let sound = ann.bounce(&project, &claim("Rain"), &bytes(2, 3_000)).await;
    let object = version_object(&server, &version.id).await;
    // One reader alone against a store that vouches for its bytes is not believed.
    assert_eq!(act(&mel, &version.id, "damage").await.state, VersionState::Complete);
    assert_eq!(act(&mel, &version.id, "damage").await.state, VersionState::Complete, "saying it twice is not two readers");
    blobs.delete(&object).await.expect("deleted behind our back");
    assert_eq!(act(&mel, &version.id, "damage").await.state, VersionState::Damaged);
    let states = async |id: &VersionId| -> String {
        sqlx::query_scalar("select state from version where id = $1").bind(id.as_str()).fetch_one(server.database()).await.expect("there")
    };
    assert_eq!((states(&twin.id).await.as_str(), states(&sound.id).await.as_str()), ("damaged", "complete"));
    ann.commit(&version, &object).await.problem(409, ErrorCode::ExtentGone);
    let (_, fresh) = mel.upload(&project, ObjectFormat::Plain, &data).await;
    assert_eq!(mel.commit(&version, &fresh).await.ok::<Version>().state, VersionState::Complete);
    assert_eq!(ann.original(&version.id).await, data);
    // Two readers are believed even where the store says all is well.
    act(&ann, &sound.id, "damage").await;
    assert_eq!(act(&mel, &sound.id, "damage").await.state, VersionState::Damaged);
    server.stop().await;
}

async fn version_object(server: &Server, id: &VersionId) -> String {
    sqlx::query_scalar("select plain_object from version_file where version = $1")
        .bind(id.as_str())
        .fetch_one(server.database())
        .await
        .expect("there")
}

#[tokio::test]
async fn f31_a_late_put_with_a_live_address_changes_no_verified_byte() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(1, 3_000);
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), &data)).await;
    let upload = plan(ObjectFormat::Plain, &data);
    let opened = ann.open_upload(&project, &upload).await;
    let request = &opened.urls[0].request;
    assert_eq!(put(request, data.clone()).await.status.as_u16(), 200);
    ann.act(&format!("/uploads/{}/complete", upload.upload)).await.ok::<collabtrack_protocol::uploads::UploadState>();
    ann.commit(&version, &opened.object).await.ok::<Version>();
    for late in [data.clone(), bytes(2, 3_000), bytes(1, 2_999), Vec::new()] {
        let mut request = request.clone();
        request.headers.insert("content-length".to_owned(), late.len().to_string());
        let answer = put(&request, late.clone()).await;
        assert!(answer.status.is_client_error() || late == data, "{} bytes: {}", late.len(), answer.status);
        assert_eq!(ann.original(&version.id).await, data);
    }
    let head = Blobs::new(&server.config.store).head(&opened.object).await.expect("asked").expect("there");
    assert_eq!(head.checksum, Some(ObjectHash::of(&data).to_base64()));
    server.stop().await;
}

#[tokio::test]
async fn a_project_of_several_versions_keeps_every_object_any_of_them_needs() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(1, 20_000);
    let first = ann.bounce(&project, &claim("Night Drive"), &data).await;
    let object = version_object(&server, &first.id).await;
    // The second is the first half of the first, out of the same object.
    let half = data[..10_000].to_vec();
    let second = ann.announce(&project, &announcement(&claim("Intro"), &half)).await;
    let mut recipe = Recipe::plain(first.files[0].path.clone(), 20_000, first.content_id, object.clone());
    recipe.files[0] = Recipe::plain(second.files[0].path.clone(), 10_000, second.content_id, String::from("x")).files.remove(0);
    recipe.files[0].plain_object = None;
    ann.post(&format!("/versions/{}/commit", second.id), &Commit { recipe: recipe.into() }).await.ok::<Version>();
    act(&ann, &first.id, "trash").await;
    days_pass(db, 36).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").purged, 1);
    days_pass(db, 2).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round"), Collected::default());
    assert_eq!(object_states(db, &object).await, "verified");
    let listed: BTreeSet<String> = blobs.list("p/").await.expect("listed").into_iter().map(|listed| listed.key).collect();
    assert!(listed.contains(&object));
    server.stop().await;
}
