//! Packing anew: what is still needed of an object moves, comes back byte for byte, and nothing that is needed goes.

use collabtrack_content::pack::footer;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;
use collabtrack_domain::recipe::{Codec, Extent, Recipe, RecipeFile, Span};
use collabtrack_protocol::limits::MIN_PART_SIZE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Commit, Reads, Rendition, TrackClaim, Version, VersionState};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::sidecars::{rebuild, write};
use collabtrack_server::{collect, repack};
use sqlx::PgPool;

use crate::support::music::{announcement, bytes, claim, fetch};
use crate::support::{Person, Server};

async fn days_pass(db: &PgPool, days: i32) {
    for statement in [
        "update version set trashed_at = trashed_at - make_interval(days => $1)",
        "update object set created_at = created_at - make_interval(days => $1), condemned_at = condemned_at - make_interval(days => $1)",
    ] {
        sqlx::query(statement).bind(days).execute(db).await.expect("moved");
    }
}

/// Four runs of bytes in one packed object, as raw extents.
struct Packed {
    runs: Vec<Vec<u8>>,
    extents: Vec<Extent>,
}

async fn packed(person: &Person, project: &ProjectId, lengths: [usize; 4]) -> Packed {
    let runs: Vec<Vec<u8>> = (1_u64..).zip(lengths).map(|(seed, length)| bytes(seed + length as u64, length)).collect();
    let mut offset = 0;
    let mut extents: Vec<Extent> = Vec::new();
    for run in &runs {
        let len = run.len() as u64;
        let params = serde_json::Value::Null;
        extents.push(Extent {
            object: String::new(),
            offset,
            stored_len: len,
            raw_len: len,
            sha256: ObjectHash::of(run),
            codec: Codec::Raw,
            params,
        });
        offset += len;
    }
    let mut object: Vec<u8> = runs.concat();
    object.extend(footer::write(&extents.iter().collect::<Vec<_>>()));
    let (_, key) = person.upload(project, ObjectFormat::Packed, &object).await;
    extents.iter_mut().for_each(|extent| extent.object.clone_from(&key));
    Packed { runs, extents }
}

impl Packed {
    /// The file of some of its runs, and how it is rebuilt.
    fn file(&self, path: &str, wanted: &[usize]) -> (Vec<u8>, Recipe) {
        let (mut file, mut spans) = (Vec::new(), Vec::new());
        for (number, place) in (0_u32..).zip(wanted) {
            let run = &self.runs[*place];
            spans.push(Span { at: file.len() as u64, len: run.len() as u64, extent: number, from: 0 });
            file.extend_from_slice(run);
        }
        let extents = wanted.iter().map(|place| self.extents[*place].clone()).collect();
        let file_of =
            RecipeFile { path: path.to_owned(), length: file.len() as u64, sha256: ObjectHash::of(&file), plain_object: None, spans };
        (file, Recipe { files: vec![file_of], extents })
    }

    async fn version(&self, person: &Person, project: &ProjectId, track: &TrackClaim, wanted: &[usize]) -> Version {
        let (file, recipe) = self.file(&format!("{}.wav", track.name), wanted);
        let announced = person.announce(project, &announcement(track, &file)).await;
        person.post(&format!("/versions/{}/commit", announced.id), &Commit { recipe: recipe.into() }).await.ok()
    }
}

/// The original by its recipe, every extent checked; and the objects it lies in.
async fn original(person: &Person, version: &Version) -> (Vec<u8>, Vec<String>) {
    let reads: Reads = person.reads(&version.id, Rendition::Original).await.ok();
    let recipe = reads.recipe.expect("a recipe");
    assert_eq!(recipe.check(), Ok(()));
    let mut file = Vec::new();
    for span in &recipe.files[0].spans {
        let extent = &recipe.extents[span.extent as usize];
        let object = reads.objects.iter().find(|object| object.object == extent.object).expect("signed");
        let range = format!("bytes={}-{}", extent.offset, extent.offset + extent.stored_len - 1);
        let stored = fetch(&object.request, Some(&range)).await.bytes;
        assert_eq!(ObjectHash::of(&stored), extent.sha256);
        file.extend_from_slice(&stored[usize::try_from(span.from).expect("fits")..][..usize::try_from(span.len).expect("fits")]);
    }
    (file, reads.objects.into_iter().map(|object| object.object).collect())
}

async fn sidecars_are_written(server: &Server, blobs: &Blobs) {
    for _ in 0..600 {
        write::write_due(server.database(), blobs).await.expect("written");
        let open: i64 =
            sqlx::query_scalar("select count(*) from sidecar where wanted > written").fetch_one(server.database()).await.expect("asked");
        if open == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the sidecars are not written");
}

#[tokio::test]
async fn an_object_of_which_less_than_half_is_needed_is_packed_anew_and_every_version_comes_back() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let scratch = tempfile::tempdir().expect("a folder");
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let track = claim("Night Drive");
    let object = packed(&ann, &project, [40_000, 30_000, 9_000, 7_000]).await;
    let old = object.extents[0].object.clone();
    let whole = object.version(&ann, &project, &track, &[0, 1, 2, 3]).await;
    let live = object.version(&ann, &project, &track, &[3, 2]).await;
    let in_trash = object.version(&ann, &project, &claim("Rain"), &[2]).await;
    for version in [&whole, &in_trash] {
        ann.act(&format!("/versions/{}/trash", version.id)).await.ok::<Version>();
    }
    days_pass(db, 9).await;
    assert_eq!(repack::round(db, &blobs, scratch.path()).await.expect("a round").objects, 0, "the trash may still be restored");

    sqlx::query("update version set trashed_at = trashed_at - interval '30 days' where id = $1")
        .bind(whole.id.as_str())
        .execute(db)
        .await
        .expect("aged");
    assert_eq!(collect::round(db, &blobs).await.expect("a round").purged, 1);
    let before = blobs.head(&old).await.expect("asked").expect("there").length;
    let done = repack::round(db, &blobs, scratch.path()).await.expect("a round");
    assert_eq!((done.objects, done.left), (1, 0));
    let (file, objects) = original(&ann, &live).await;
    assert_eq!(ObjectHash::of(&file), live.content_id);
    assert!(!objects.contains(&old), "it names the new object");
    let after = blobs.head(&objects[0]).await.expect("asked").expect("there").length;
    assert_eq!(done.bytes, before - after);
    assert!(after < before / 2);
    assert_eq!(repack::round(db, &blobs, scratch.path()).await.expect("again").objects, 0, "once is enough");
    assert_eq!(std::fs::read_dir(scratch.path()).expect("listed").count(), 0, "nothing is left behind");

    // The old object goes a day later, when the bucket names the new one, and not before.
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 0);
    days_pass(db, 1).await;
    sqlx::query("update sidecar set wanted = wanted + 1, claimed_until = now() + interval '1 hour'").execute(db).await.expect("held back");
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 0, "the bucket still names it");
    sqlx::query("update sidecar set claimed_until = null").execute(db).await.expect("let go");
    sidecars_are_written(&server, &blobs).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 1);
    assert_eq!(blobs.head(&old).await.expect("asked"), None);
    assert_eq!(ObjectHash::of(&original(&ann, &live).await.0), live.content_id);
    let back: Version = ann.act(&format!("/versions/{}/restore", in_trash.id)).await.ok();
    assert_eq!((back.state, ObjectHash::of(&original(&ann, &back).await.0)), (VersionState::Complete, in_trash.content_id));

    // A computer that knows the extents at their old place reuses them all the same.
    let reused = object.version(&ann, &project, &track, &[2, 3]).await;
    assert_eq!(reused.state, VersionState::Complete);
    assert_eq!(ObjectHash::of(&original(&ann, &reused).await.0), reused.content_id);
    // What was not needed is gone and is asked for again.
    let (file, recipe) = object.file("Night Drive.wav", &[0]);
    let gone = ann.announce(&project, &announcement(&track, &file)).await;
    ann.post(&format!("/versions/{}/commit", gone.id), &Commit { recipe: recipe.into() }).await.problem(409, ErrorCode::ExtentGone);
    server.stop().await;
}

#[tokio::test]
async fn what_is_packed_anew_and_larger_than_one_part_is_read_and_packed_again() {
    let server = Server::start().await;
    let blobs = Blobs::new(&server.config.store).with_parts_of(MIN_PART_SIZE_BYTES);
    let db = server.database();
    let scratch = tempfile::tempdir().expect("a folder");
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let object = packed(&ann, &project, [9_000_000, 9_000_000, 5_500_000, 1_000_000]).await;
    let live = object.version(&ann, &project, &claim("Night Drive"), &[2, 3]).await;
    let part = object.version(&ann, &project, &claim("Rain"), &[3]).await;
    days_pass(db, 9).await;
    assert_eq!(repack::round(db, &blobs, scratch.path()).await.expect("a round").objects, 1);
    let (file, objects) = original(&ann, &live).await;
    assert_eq!((ObjectHash::of(&file), objects.len()), (live.content_id, 1));
    let stored = blobs.head(&objects[0]).await.expect("asked").expect("there");
    assert!(stored.checksum.expect("told").ends_with("-2"), "it went in two parts");
    // Only the small piece is needed any more: what was packed is compared with its hashes, and packed again.
    ann.act(&format!("/versions/{}/trash", live.id)).await.ok::<Version>();
    days_pass(db, 36).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").purged, 1);
    assert_eq!(repack::round(db, &blobs, scratch.path()).await.expect("a round").objects, 1);
    assert_eq!(ObjectHash::of(&original(&ann, &part).await.0), part.content_id);
    server.stop().await;
}

#[tokio::test]
async fn a_database_from_before_the_packing_learns_from_the_bucket_where_the_extents_lie() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let scratch = tempfile::tempdir().expect("a folder");
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let object = packed(&ann, &project, [50_000, 20_000, 5_000, 6_000]).await;
    let live = object.version(&ann, &project, &claim("Night Drive"), &[2, 3]).await;
    let recipe_before: Reads = ann.reads(&live.id, Rendition::Original).await.ok();
    days_pass(db, 9).await;
    assert_eq!(repack::round(db, &blobs, scratch.path()).await.expect("a round").objects, 1);
    // A day later; making it pass touches the versions, so their sidecars are due again.
    days_pass(db, 1).await;
    sidecars_are_written(&server, &blobs).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 1);

    // As an older backup has it: the recipe names the old object, and the place in the feed is the old one.
    let before = live.clone();
    let mut tx = db.begin().await.expect("begun");
    for statement in [
        "update extent set object = (select object from moved_extent m where m.extent = extent.id), idx = idx + 100, \"offset\" = (select \"offset\" from moved_extent m where m.extent = extent.id)",
        "delete from moved_extent",
        "update object set state = 'verified', condemned_at = null where state = 'deleted'",
        "update version set seq = 1",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.expect(statement);
    }
    tx.commit().await.expect("committed");
    let stale: Reads = ann.reads(&live.id, Rendition::Original).await.ok();
    assert_eq!(stale.recipe.expect("a recipe").extents, recipe_before.recipe.expect("a recipe").extents, "the older backup");
    let report = rebuild::from_bucket(db, &blobs, None).await.expect("rebuilt");
    assert_eq!((report.versions, report.complete, report.damaged.len()), (1, 1, 0));
    assert_eq!(ObjectHash::of(&original(&ann, &before).await.0), before.content_id);
    server.stop().await;
}

#[tokio::test]
async fn an_object_that_is_not_what_was_sent_is_left_as_it_is() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let scratch = tempfile::tempdir().expect("a folder");
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let object = packed(&ann, &project, [50_000, 20_000, 5_000, 6_000]).await;
    object.version(&ann, &project, &claim("Night Drive"), &[2]).await;
    days_pass(db, 9).await;
    let key = &object.extents[0].object;
    let length = blobs.head(key).await.expect("asked").expect("there").length;
    blobs.put_own(key, vec![7; usize::try_from(length).expect("fits")]).await.expect("damaged");
    let done = repack::round(db, &blobs, scratch.path()).await.expect("a round");
    assert_eq!((done.objects, done.left), (0, 1));
    let state: String = sqlx::query_scalar("select state from object where key = $1").bind(key).fetch_one(db).await.expect("there");
    assert_eq!(state, "verified");
    server.stop().await;
}
