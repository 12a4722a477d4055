//! Versions: numbers, completion, reading.

use std::collections::BTreeSet;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_domain::recipe::{Codec, Extent, Recipe, Span};
use collabtrack_domain::role::Role;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::recipes::{Place, SentExtent, SentRecipe};
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, Announced, Commit, Reads, Rendition, TrackClaim, Version, VersionState};
use collabtrack_server::random;

use crate::support::Server;
use crate::support::music::{announcement, bytes, claim, fetch, plan, put};

#[tokio::test]
async fn a_bounce_travels_byte_for_byte_from_one_member_to_another() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    let (data, preview) = (bytes(1, usize::try_from(PART_SIZE_BYTES).expect("fits") + 999), bytes(2, 30_000));

    let upload = plan(ObjectFormat::Preview, &preview);
    let opened = ann.open_upload(&project, &upload).await;
    assert_eq!(put(&opened.urls[0].request, preview.clone()).await.status.as_u16(), 200);
    // The preview was sent but never completed: announcing verifies it.
    let body = Announce { preview: Some(upload.upload), no_preview_reason: None, ..announcement(&claim("Night Drive"), &data) };
    let announced = ann.announce(&project, &body).await;
    assert_eq!((announced.number, announced.state), (1, VersionState::Announced));
    assert_eq!((announced.preview_length, announced.preview_sha256), (Some(30_000), Some(ObjectHash::of(&preview))));
    assert!(announced.summary.is_null(), "what was just said is not said back");

    let reads: Reads = mel.reads(&announced.id, Rendition::Preview).await.ok();
    assert_eq!(fetch(&reads.objects[0].request, None).await.bytes, preview);
    mel.reads(&announced.id, Rendition::Original).await.problem(409, ErrorCode::VersionIncomplete);

    let (_, object) = ann.upload(&project, ObjectFormat::Plain, &data).await;
    let complete: Version = ann.commit(&announced, &object).await.ok();
    assert_eq!(complete.state, VersionState::Complete);
    assert!(complete.seq > announced.seq);
    assert_eq!(mel.original(&announced.id).await, data);
    let reads: Reads = mel.reads(&announced.id, Rendition::Original).await.ok();
    let range = fetch(&reads.objects[0].request, Some("bytes=1000-1999")).await;
    assert_eq!((range.status.as_u16(), range.bytes.as_slice()), (206, &data[1_000..2_000]));
    server.stop().await;
}

#[tokio::test]
async fn forty_announcements_at_once_on_two_instances_get_the_numbers_one_to_forty() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let track = claim("Night Drive");
    let elsewhere = crate::support::Person { server: other.url.clone(), ..ann.clone() };
    let announcements: Vec<Announce> = (0..40).map(|n| announcement(&track, &bytes(100 + n, 64))).collect();
    let versions = futures::future::join_all(announcements.iter().enumerate().map(|(n, body)| {
        let person = if n % 2 == 0 { &ann } else { &elsewhere };
        person.announce(&project, body)
    }))
    .await;
    let numbers: BTreeSet<i64> = versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, (1..=40).collect());
    // Every repetition gives the same answer, and no further number.
    let again = futures::future::join_all(announcements.iter().map(|body| ann.announce(&project, body))).await;
    for (first, second) in versions.iter().zip(&again) {
        assert_eq!((&first.id, first.number, first.seq), (&second.id, second.number, second.seq));
    }
    let entries: i64 = sqlx::query_scalar("select count(*) from audit_entry where convert_from(entry, 'UTF8') like '%\"version.add\"%'")
        .fetch_one(server.database())
        .await
        .expect("counted");
    assert_eq!(entries, 40);
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn automatic_tracks_of_one_key_become_one_and_named_tracks_stay_apart() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let (here, there) = (claim("Night Drive"), claim("Night Drive"));
    let first = ann.announce(&project, &announcement(&here, &bytes(1, 64))).await;
    let second = ann.announce(&project, &announcement(&there, &bytes(2, 64))).await;
    assert_eq!((&second.track, second.number), (&first.track, 2));
    // The device goes on using its own id of the track.
    let third = ann.announce(&project, &announcement(&there, &bytes(3, 64))).await;
    assert_eq!((&third.track, third.number), (&first.track, 3));
    let named = TrackClaim { id: TrackId::from_random(random::bytes()), auto: false, ..here };
    let apart = ann.announce(&project, &announcement(&named, &bytes(4, 64))).await;
    assert_eq!((&apart.track, apart.number), (&named.id, 1));
    server.stop().await;
}

#[tokio::test]
async fn bytes_equal_to_the_newest_version_give_that_version_and_older_ones_a_new_complete_version() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let track = claim("Night Drive");
    let (one, two) = (bytes(1, 5_000), bytes(2, 5_000));
    let first = ann.bounce(&project, &track, &one).await;
    let repeated = announcement(&track, &one);
    let same = ann.announce(&project, &repeated).await;
    assert_eq!((&same.id, same.number), (&first.id, 1));
    assert_eq!(ann.announce(&project, &repeated).await.id, first.id, "the alias stays");
    ann.bounce(&project, &track, &two).await;
    // Going back: the old bytes again, nothing sent.
    let back =
        ann.announce(&project, &Announce { same_as: Some(first.id.clone()), no_preview_reason: None, ..announcement(&track, &one) }).await;
    assert_eq!((back.number, back.state, back.same_as), (3, VersionState::Complete, Some(first.id)));
    assert_eq!(ann.original(&back.id).await, one);
    // Also where the device does not know that the project has the bytes.
    let elsewhere = ann.announce(&project, &announcement(&claim("Other Song"), &two)).await;
    assert_eq!((elsewhere.number, elsewhere.state), (1, VersionState::Complete));
    assert_eq!(ann.original(&elsewhere.id).await, two);
    server.stop().await;
}

#[tokio::test]
async fn a_commit_needs_confirmed_objects_of_this_project_and_a_recipe_that_fits() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let data = bytes(1, 20_000);
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), &data)).await;
    let (_, foreign) = ann.upload(&other, ObjectFormat::Plain, &data).await;
    let (_, preview) = ann.upload(&project, ObjectFormat::Preview, &data).await;
    let pending = ann.open_upload(&project, &plan(ObjectFormat::Plain, &data)).await.object;
    for object in [&foreign, &preview, &pending, "p/none"] {
        let problem = ann.commit(&version, object).await.problem(409, ErrorCode::ExtentGone);
        assert_eq!(problem.facts.expect("facts")["objects"][0], *object);
    }
    let (_, wrong) = ann.upload(&project, ObjectFormat::Plain, &bytes(2, 20_000)).await;
    ann.commit(&version, &wrong).await.problem(422, ErrorCode::RecipeInvalid);
    let (_, object) = ann.upload(&project, ObjectFormat::Plain, &data).await;
    let file = &version.files[0];
    let good = Recipe::plain(file.path.clone(), file.length, file.sha256, object.clone());
    let path = format!("/versions/{}/commit", version.id);
    let refuse = async |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = good.clone();
        change(&mut recipe);
        ann.post(&path, &Commit { recipe: recipe.into() }).await.problem(422, ErrorCode::RecipeInvalid);
    };
    refuse(&|r| r.files[0].spans[0].at = 1).await;
    refuse(&|r| r.files[0].spans[0].len = 19_999).await;
    refuse(&|r| r.files[0].path = "Other.wav".into()).await;
    refuse(&|r| r.files[0].path = "../x.wav".into()).await;
    refuse(&|r| r.extents[0].offset = 1).await;
    refuse(&|r| r.extents[0].sha256 = ObjectHash::of(b"x")).await;
    refuse(&|r| r.extents[0].codec = Codec::Unknown).await;
    refuse(&|r| r.files.clear()).await;
    let spans = Span { at: 0, len: u64::MAX, extent: 0, from: 0 };
    refuse(&|r| r.files[0].spans[0] = spans).await;
    let state: String = sqlx::query_scalar("select state from version where id = $1")
        .bind(version.id.as_str())
        .fetch_one(server.database())
        .await
        .expect("there");
    assert_eq!(state, "announced");
    for _ in 0..2 {
        assert_eq!(ann.post(&path, &Commit { recipe: good.clone().into() }).await.ok::<Version>().state, VersionState::Complete);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_original_may_lie_in_several_extents_of_several_objects() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(1, 30_000);
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), &data)).await;
    let mut extents = Vec::new();
    for range in [0..10_000, 10_000..30_000] {
        let (_, object) = ann.upload(&project, ObjectFormat::Packed, &data[range.clone()]).await;
        let length = range.len() as u64;
        let sha256 = ObjectHash::of(&data[range]);
        extents.push(Extent {
            object,
            offset: 0,
            stored_len: length,
            raw_len: length,
            sha256,
            codec: Codec::Raw,
            params: serde_json::Value::Null,
        });
    }
    let spans = vec![Span { at: 0, len: 10_000, extent: 0, from: 0 }, Span { at: 10_000, len: 20_000, extent: 1, from: 0 }];
    let mut recipe = Recipe::plain(version.files[0].path.clone(), 30_000, version.content_id, "none".into());
    recipe.files[0].plain_object = None;
    recipe.files[0].spans = spans;
    recipe.extents = extents;
    ann.post(&format!("/versions/{}/commit", version.id), &Commit { recipe: recipe.clone().into() }).await.ok::<Version>();
    let reads: Reads = ann.reads(&version.id, Rendition::Original).await.ok();
    assert_eq!(reads.recipe, Some(recipe));
    assert_eq!(reads.objects.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn extents_the_project_has_are_only_named_and_those_of_others_are_unknown() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let (old, data) = (bytes(1, 10_000), [bytes(1, 10_000), bytes(2, 5_000)].concat());
    let first = ann.bounce(&project, &claim("Night Drive"), &old).await;
    let known = ann.reads(&first.id, Rendition::Original).await.ok::<Reads>().recipe.expect("a recipe").extents.remove(0);
    let second = ann.announce(&project, &announcement(&claim("Night Drive"), &data)).await;
    let (_, object) = ann.upload(&project, ObjectFormat::Packed, &data[10_000..]).await;
    let mut recipe = Recipe::plain(second.files[0].path.clone(), 15_000, second.content_id, "none".into());
    recipe.files[0].plain_object = None;
    recipe.files[0].spans = vec![Span { at: 0, len: 10_000, extent: 0, from: 0 }, Span { at: 10_000, len: 5_000, extent: 1, from: 0 }];
    let (length, sha256) = (5_000, ObjectHash::of(&data[10_000..]));
    recipe.extents = vec![known.clone(), Extent { object, stored_len: length, raw_len: length, sha256, ..known.clone() }];
    let sent = SentRecipe::naming(recipe.clone(), &[known.object.clone()].into());
    assert_eq!(sent.named().count(), 1);

    let path = format!("/versions/{}/commit", second.id);
    for offset in [1, u64::MAX] {
        let mut elsewhere = sent.clone();
        elsewhere.extents[0] = SentExtent::Known(Place { object: known.object.clone(), offset });
        let problem = ann.post(&path, &Commit { recipe: elsewhere }).await.problem(409, ErrorCode::ExtentGone);
        assert_eq!(problem.facts.expect("facts")["objects"][0], *known.object);
    }
    let foreign = ann.announce(&other, &announcement(&claim("Night Drive"), &data)).await;
    let answer = ann.post(&format!("/versions/{}/commit", foreign.id), &Commit { recipe: sent.clone() }).await;
    answer.problem(409, ErrorCode::ExtentGone);

    for _ in 0..2 {
        assert_eq!(ann.post(&path, &Commit { recipe: sent.clone() }).await.ok::<Version>().state, VersionState::Complete);
    }
    let reads: Reads = ann.reads(&second.id, Rendition::Original).await.ok();
    assert_eq!(reads.recipe, Some(recipe));
    server.stop().await;
}

#[tokio::test]
async fn announcements_that_contradict_themselves_are_refused_and_take_no_number() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let track = claim("Night Drive");
    let data = bytes(1, 64);
    let good = announcement(&track, &data);
    let path = format!("/projects/{project}/versions");
    let mut outside = good.clone();
    outside.files[0].path = "../../etc/passwd".to_owned();
    let mut unnamed = good.clone();
    unnamed.track.name = " ".to_owned();
    let bad = [
        Announce { content_id: ObjectHash::of(b"x"), ..good.clone() },
        Announce { files: Vec::new(), ..good.clone() },
        Announce { no_preview_reason: None, ..good.clone() },
        Announce { captured_at: "yesterday".to_owned(), ..good.clone() },
        Announce { summary: serde_json::json!([1]), ..good.clone() },
        Announce { same_as: Some(VersionId::from_random([5; 17])), ..good.clone() },
        Announce { note: "x".repeat(16_001), ..good.clone() },
        Announce { overview: "x".repeat(100_000), ..good.clone() },
        outside,
        unnamed,
    ];
    for body in &bad {
        ann.post(&path, body).await.problem(422, ErrorCode::Invalid);
    }
    let preview = plan(ObjectFormat::Preview, &bytes(9, 100));
    ann.open_upload(&project, &preview).await;
    let unsent = Announce { preview: Some(preview.upload), ..good.clone() };
    ann.post(&path, &unsent).await.problem(409, ErrorCode::UploadIncomplete);
    let first: Version = ann.post(&path, &good).await.ok::<Announced>().version;
    assert_eq!(first.number, 1);
    // Ids that stand for something else: the track and the version of another project, the version of other bytes.
    let elsewhere = format!("/projects/{other}/versions");
    ann.post(&elsewhere, &announcement(&track, &bytes(2, 64))).await.problem(409, ErrorCode::IdTaken);
    ann.post(&elsewhere, &good).await.problem(409, ErrorCode::IdTaken);
    let reused = Announce { version: good.version.clone(), ..announcement(&track, &bytes(3, 64)) };
    ann.post(&path, &reused).await.problem(409, ErrorCode::IdTaken);
    server.stop().await;
}

#[tokio::test]
async fn a_version_without_preview_says_why() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.announce(&project, &announcement(&claim("Lyrics"), b"la la la")).await;
    assert_eq!(version.preview_length, None);
    let problem = ann.reads(&version.id, Rendition::Preview).await.problem(404, ErrorCode::NotFound);
    assert!(problem.detail.contains("not audio"), "{}", problem.detail);
    server.stop().await;
}

#[tokio::test]
async fn listeners_hear_previews_but_do_not_fetch_originals_or_add_versions() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let listener = ann.add_member(&project, "Lou", Role::Listener).await;
    let data = bytes(1, 1_000);
    let (preview, _) = ann.upload(&project, ObjectFormat::Preview, &bytes(2, 500)).await;
    let body = Announce { preview: Some(preview), no_preview_reason: None, ..announcement(&claim("Night Drive"), &data) };
    let version = ann.announce(&project, &body).await;
    assert_eq!(listener.reads(&version.id, Rendition::Preview).await.ok::<Reads>().objects.len(), 1);
    listener.reads(&version.id, Rendition::Original).await.problem(403, ErrorCode::Forbidden);
    listener.post(&format!("/projects/{project}/versions"), &announcement(&claim("X"), b"x")).await.problem(403, ErrorCode::Forbidden);
    server.stop().await;
}

#[tokio::test]
async fn the_database_itself_refuses_a_complete_version_whose_bytes_are_not_covered() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 1_000)).await;
    let uncovered = ann.announce(&project, &announcement(&claim("Other"), &bytes(2, 1_000))).await;
    let error =
        sqlx::query("update version set state = 'complete' where id = $1").bind(uncovered.id.as_str()).execute(server.database()).await;
    assert!(error.expect_err("refused").to_string().contains("do not cover"));
    let overlap = sqlx::query("insert into span (file, idx, at, len, extent, \"from\") select file, 1, 500, 10, extent, 0 from span")
        .execute(server.database())
        .await;
    assert!(overlap.expect_err("refused").to_string().contains("span_no_overlap"));
    assert_eq!(version.state, VersionState::Complete);
    server.stop().await;
}
