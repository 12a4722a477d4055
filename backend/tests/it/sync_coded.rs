//! Only bytes nobody has yet travel, coded; and everything comes back, also from the bucket alone.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::recipe::{Codec, Recipe};
use collabtrack_library::view::{Here, VersionSync};
use collabtrack_protocol::versions::{Reads, Rendition};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::materialise;
use collabtrack_server::sidecars::{rebuild, write};
use std::collections::BTreeMap;

use crate::support::music::fetch;
use crate::support::{Person, Server, drop_database, fresh_database};
use crate::sync_computers::Computer;

/// A 24-bit song that codecs can do something with; a part of it can be another one, and it can be dithered anew.
fn song(seconds: usize, other: std::ops::Range<usize>, dither: u32) -> Vec<u8> {
    let mut data = Vec::new();
    let mut state = dither.wrapping_mul(2_654_435_761) | 1;
    for frame in 0..seconds * 48_000 {
        let pitch = if other.contains(&(frame / 48_000)) { 0.031 } else { 0.027 };
        for channel in 0..2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = if dither == 0 { 0.0 } else { f64::from(state >> 16) / 65_536.0 };
            let held = (frame * 31 + channel * 17).wrapping_mul(0x9E37_79B9) >> 12 & 0xfff;
            let number = ((frame as f64 * pitch).sin() * 3e6 + held as f64 + noise) as i32;
            data.extend_from_slice(&number.to_le_bytes()[..3]);
        }
    }
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    bytes.extend(48_000_u32.to_le_bytes());
    bytes.extend(288_000_u32.to_le_bytes());
    bytes.extend_from_slice(&[6, 0, 24, 0]);
    bytes.extend_from_slice(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Bytes of originals in the store.
async fn stored(server: &Server) -> i64 {
    sqlx::query_scalar("select coalesce(sum(length), 0)::bigint from object where format in ('plain', 'packed') and state = 'verified'")
        .fetch_one(server.database())
        .await
        .expect("counted")
}

async fn pair(server: &Server) -> (Computer, Computer, ProjectId) {
    let first = Computer::of(&server.url, "Jon").await;
    let project = first.watch(None).await;
    first.library.put_on_server(&project).await.expect("on the server");
    let code = first.library.invite(&project, "member", None, None).await.expect("a code").code;
    let second = Computer::of(&server.url, "Ada").await;
    second.library.join(&code).await.expect("joined");
    (first, second, project)
}

#[tokio::test]
async fn i2_coded_and_predicted_versions_travel_as_what_is_new_and_rebuild_from_the_bucket_alone() {
    let server = Server::start().await;
    let (first, second, project) = pair(&server).await;
    // A mix, one with two other seconds, one dithered anew, one cut short, and the first again.
    let mut cut = song(12, 0..0, 1);
    cut.drain(44 + 6 * 48_000 * 3..44 + 6 * 48_000 * 6);
    let (whole, data) = (cut.len() as u32 - 8, cut.len() as u32 - 44);
    cut[4..8].copy_from_slice(&whole.to_le_bytes());
    cut[40..44].copy_from_slice(&data.to_le_bytes());
    let files = [song(12, 0..0, 1), song(12, 5..7, 1), song(12, 0..0, 7), cut, song(12, 0..0, 1)];
    let most = [0.8, 0.15, 0.3, 0.01, 0.0];
    for (n, (file, most)) in files.iter().zip(most).enumerate() {
        let before = stored(&server).await;
        first.bounce("Night Drive.wav", file).await;
        first.sync().await;
        let sent = stored(&server).await - before;
        assert!(sent as f64 <= file.len() as f64 * most, "version {} sends {sent} of {} bytes", n + 1, file.len());
        second.sync().await;
        let version = second.version("Night Drive", i64::try_from(n + 1).expect("few")).await;
        assert_eq!((version.here, version.sync.clone()), (Here::Original, VersionSync::Synced));
        assert!(second.original(&version).await == *file, "version {} is byte-exact", n + 1);
    }
    let codecs: Vec<String> =
        sqlx::query_scalar("select distinct codec from extent order by codec").fetch_all(server.database()).await.expect("listed");
    assert!(codecs.contains(&"flac".to_owned()) && codecs.contains(&"flac-residual".to_owned()), "{codecs:?}");

    // A computer that has nothing yet fetches every version on its own.
    let third = Computer::of(&server.url, "Kim").await;
    let code = first.library.invite(&project, "member", None, None).await.expect("a code").code;
    third.library.join(&code).await.expect("joined");
    third.sync().await;
    for (n, file) in files.iter().enumerate() {
        let version = third.version("Night Drive", i64::try_from(n + 1).expect("few")).await;
        assert!(third.original(&version).await == *file);
    }

    let blobs = Blobs::new(&server.config.store);
    for _ in 0..100 {
        write::write_due(server.database(), &blobs).await.expect("written");
        let open: i64 =
            sqlx::query_scalar("select count(*) from sidecar where wanted > written").fetch_one(server.database()).await.expect("counted");
        if open == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let database = fresh_database().await;
    let config = crate::support::config(&database, server.config.store.clone(), server.config.service.registration);
    let running = app::start_with(&config, StoreTest::Skip).await.expect("it starts");
    let owner = Person::register(&running.url, "Ann").await;
    let report = rebuild::from_bucket(running.database(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.versions, report.complete, report.damaged), (5, 5, vec![]));
    let ids: Vec<(String, i64)> =
        sqlx::query_as("select id, number from version order by number").fetch_all(running.database()).await.expect("listed");
    for ((id, _), file) in ids.iter().zip(&files) {
        assert!(rebuilt(&owner, &VersionId::parse(id).expect("an id")).await == *file);
    }
    running.stop().await;
    drop_database(&database).await;
    server.stop().await;
}

/// A version's bytes, out of its objects and nothing else.
async fn rebuilt(person: &Person, version: &VersionId) -> Vec<u8> {
    let reads: Reads = person.reads(version, Rendition::Original).await.ok();
    let recipe: Recipe = reads.recipe.expect("a recipe");
    let folder = tempfile::tempdir().expect("a folder");
    let mut objects = BTreeMap::new();
    for (n, object) in reads.objects.iter().enumerate() {
        let path = folder.path().join(n.to_string());
        std::fs::write(&path, fetch(&object.request, None).await.bytes).expect("written");
        objects.insert(object.object.clone(), path);
    }
    let mut bytes = Vec::new();
    let whole = collabtrack_content::rebuild::Whole(&objects);
    collabtrack_content::rebuild::rebuild(&recipe, &recipe.files[0], &whole, &mut bytes, 1 << 20).expect("rebuilt");
    bytes
}

#[tokio::test]
async fn f20_a_lost_object_is_sent_again_by_a_computer_that_has_the_bytes() {
    let server = Server::start().await;
    let (first, second, _) = pair(&server).await;
    let (one, two) = (song(6, 0..0, 1), song(6, 2..4, 1));
    first.bounce("Night Drive.wav", &one).await;
    first.sync().await;
    // The store loses the object before anybody else has read it; the server learns of it when the next version would share its bytes.
    let object: String =
        sqlx::query_scalar("select key from object where format = 'packed'").fetch_one(server.database()).await.expect("one object");
    Blobs::new(&server.config.store).delete(&object).await.expect("lost");
    sqlx::query("update object set state = 'condemned' where key = $1").bind(&object).execute(server.database()).await.expect("known");
    first.bounce("Night Drive.wav", &two).await;
    first.sync().await;
    second.library.sync_once().await.expect("what is there arrives");
    let version = second.version("Night Drive", 2).await;
    assert!(second.original(&version).await == two, "the second version came wholly, without the lost object");
    assert_eq!(ObjectHash::of(&two).to_string()[..8], version.fingerprint[..8]);
    server.stop().await;
}

#[tokio::test]
async fn f20_a_reader_tells_of_a_lost_object_and_its_author_repairs_it_by_syncing() {
    let server = Server::start().await;
    let (first, second, _) = pair(&server).await;
    let file = song(6, 0..0, 1);
    first.bounce("Night Drive.wav", &file).await;
    first.sync().await;
    let object: String =
        sqlx::query_scalar("select key from object where format = 'packed'").fetch_one(server.database()).await.expect("one object");
    Blobs::new(&server.config.store).delete(&object).await.expect("lost");
    second.library.sync_once().await.expect("the server answers");
    assert_eq!(second.version("Night Drive", 1).await.here, Here::Preview, "the original is not there");
    let state: String = sqlx::query_scalar("select state from version").fetch_one(server.database()).await.expect("one version");
    assert_eq!(state, "damaged");
    first.sync().await;
    second.sync().await;
    assert!(second.original(&second.version("Night Drive", 1).await).await == file);
    server.stop().await;
}

#[tokio::test]
async fn a_plain_file_of_a_coded_version_is_made_on_request() {
    let server = Server::start().await;
    let (first, _, _) = pair(&server).await;
    let (one, two) = (song(6, 0..0, 1), song(6, 0..0, 7));
    first.bounce("Night Drive.wav", &one).await;
    first.sync().await;
    first.bounce("Night Drive.wav", &two).await;
    first.sync().await;
    let blobs = Blobs::new(&server.config.store);
    let scratch = tempfile::tempdir().expect("a folder");
    for (number, file) in [(1, &one), (2, &two)] {
        let id = VersionId::parse(&first.version("Night Drive", number).await.id).expect("an id");
        let plain = materialise::plain_files(server.database(), &blobs, &id, scratch.path()).await.expect("made");
        assert_eq!(plain.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["Night Drive.wav"]);
        assert!(fetch(&plain[0].request, None).await.bytes == *file, "anybody gets the exact file");
        assert!(plain[0].request.url.contains("/t/"));
    }
    assert_eq!(std::fs::read_dir(scratch.path()).expect("readable").count(), 0, "nothing stays behind");
    let nobody = materialise::plain_files(server.database(), &blobs, &VersionId::from_random([9; 17]), scratch.path()).await;
    assert!(matches!(nobody, Err(materialise::MaterialiseError::Incomplete)));
    server.stop().await;
}

#[tokio::test]
async fn a_project_that_asks_for_whole_files_gets_them_and_what_codecs_do_not_shrink_stays_whole() {
    let server = Server::start().await;
    let (first, second, project) = pair(&server).await;
    sqlx::query("update project set plain = true where id = $1").bind(project.as_str()).execute(server.database()).await.expect("set");
    let file = song(4, 0..0, 1);
    first.bounce("Night Drive.wav", &file).await;
    first.sync().await;
    let whole: i64 = sqlx::query_scalar("select count(*) from version_file where plain_object is not null")
        .fetch_one(server.database())
        .await
        .expect("counted");
    assert_eq!((whole, stored(&server).await), (1, i64::try_from(file.len()).expect("small")));
    second.sync().await;
    assert!(second.original(&second.version("Night Drive", 1).await).await == file);
    sqlx::query("update project set plain = false").execute(server.database()).await.expect("set");
    // Noise: coding saves nothing, so the object is the file.
    first.bounce("Noise.wav", &crate::sync_computers::wav(3, 4)).await;
    first.sync().await;
    second.sync().await;
    let raw: Vec<String> = sqlx::query_scalar("select distinct codec from extent").fetch_all(server.database()).await.expect("listed");
    assert_eq!(raw, [serde_json::to_value(Codec::Raw).expect("a word").as_str().expect("text")]);
    server.stop().await;
}

#[tokio::test]
async fn i27_an_address_for_somebody_outside_yields_exactly_the_files_of_one_version() {
    let server = Server::start().await;
    let (first, second, _) = pair(&server).await;
    // Three versions that share bytes in the same objects, and noise that is stored whole.
    let files = [song(6, 0..0, 1), song(6, 2..4, 1), song(6, 0..0, 7), crate::sync_computers::wav(3, 2)];
    for file in &files[..3] {
        first.bounce("Night Drive.wav", file).await;
        first.sync().await;
    }
    first.bounce("Noise.wav", &files[3]).await;
    first.sync().await;
    second.sync().await;
    let packed: Vec<String> =
        sqlx::query_scalar("select key from object where format = 'packed'").fetch_all(server.database()).await.expect("listed");
    assert!(!packed.is_empty());
    let mut seen = std::collections::BTreeSet::new();
    for (computer, track, number, file) in
        [(&first, "Night Drive", 1, 0), (&second, "Night Drive", 2, 1), (&first, "Night Drive", 3, 2), (&second, "Noise", 1, 3)]
    {
        let id = VersionId::parse(&computer.version(track, number).await.id).expect("an id");
        let handed = computer.library.plain_files(&id).await.expect("addresses");
        assert_eq!(handed.len(), 1);
        // The address alone, as a browser opens it.
        let got = reqwest::get(&handed[0].url).await.expect("the store answers");
        assert_eq!(got.status(), 200);
        let bytes = got.bytes().await.expect("all of it");
        assert!(bytes == files[file], "exactly the file of {track} {number}, not a byte more");
        assert_eq!(handed[0].sha256, ObjectHash::of(&bytes).to_string());
        assert!(handed[0].valid_s <= 24 * 3_600);
        assert!(!packed.iter().any(|key| handed[0].url.contains(key.as_str())), "a packed object is never signed for outside");
        let object = handed[0].url.split('?').next().expect("a path").to_owned();
        // With another version's object the signature does not hold.
        for key in &packed {
            let other = handed[0].url.replacen(object.rsplit('/').next().expect("a key"), key.rsplit('/').next().expect("a key"), 1);
            assert_eq!(reqwest::get(&other).await.expect("answered").status(), 403);
        }
        assert!(seen.insert(object), "no two versions are handed out of one object");
        let again = computer.library.plain_files(&id).await.expect("addresses");
        assert_eq!(again[0].url.split('?').next(), handed[0].url.split('?').next(), "a copy serves for its day");
    }
    // A copy that is not the file is refused.
    let id = VersionId::parse(&first.version("Night Drive", 1).await.id).expect("an id");
    let wrong =
        serde_json::json!({"copies": [{"path": "Night Drive.wav", "upload": collabtrack_domain::id::UploadId::from_random([5; 17])}]});
    let ann = Person::register(&server.url, "Ann").await;
    ann.post(&format!("/versions/{id}/files"), &wrong).await.problem(404, collabtrack_protocol::problem::ErrorCode::NotFound);
    server.stop().await;
}
