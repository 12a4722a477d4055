//! The bucket alone is enough: a new database from sidecars, every version back to its SHA-256.

use std::collections::BTreeMap;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Role;
use collabtrack_library::view::VersionSync;
use collabtrack_protocol::changes::{ChangeKind, ChangePage, TrackInfo};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, EditTrack, EditVersion, Reads, Rendition, TrackClaim, Version, VersionState};
use collabtrack_server::app::{self, Running, StoreTest};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::collect::{self, Collected};
use collabtrack_server::config::Config;
use collabtrack_server::recovery;
use collabtrack_server::sidecars::{self, rebuild, write};
use reqwest::Method;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use crate::support::music::{self, announcement, bytes, claim, fetch};
use crate::support::person::{CLIENT, send};
use crate::support::program::Program;
use crate::support::{Person, Server, drop_database, fresh_database};
use crate::sync_computers::{Computer, wav};

/// A second server with a database of its own on the store of the first.
struct Second {
    running: Running,
    database: String,
    config: Config,
}

impl Second {
    async fn of(first: &Server) -> Self {
        Self::on(first, fresh_database().await).await
    }

    /// As an operator leaves it who restored a backup and started the server.
    async fn on(first: &Server, database: String) -> Self {
        let config = crate::support::config(&database, first.config.store.clone(), first.config.service.registration);
        let running = app::start_with(&config, StoreTest::Skip).await.expect("it starts");
        Self { running, database, config }
    }

    fn db(&self) -> &PgPool {
        self.running.database()
    }

    async fn stop(self) {
        self.running.stop().await;
        drop_database(&self.database).await;
    }
}

async fn all_written(server: &Server) -> Blobs {
    let blobs = Blobs::new(&server.config.store);
    // The server writes them too; what it has claimed it finishes within its pause.
    for _ in 0..200 {
        write::write_due(server.database(), &blobs).await.expect("written");
        let open: i64 =
            sqlx::query_scalar("select count(*) from sidecar where wanted > written").fetch_one(server.database()).await.expect("counted");
        if open == 0 {
            return blobs;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("sidecars are written within 10 s");
}

/// Every version the feed of a project tells of, in its newest state.
async fn told(person: &Person, project: &ProjectId) -> BTreeMap<VersionId, Version> {
    let (mut since, mut versions) = (0, BTreeMap::new());
    loop {
        let page: ChangePage = person.get(&format!("/projects/{project}/changes?since={since}")).await.ok();
        for change in page.changes {
            assert_eq!(change.seq, since + 1, "the feed has no gap");
            since = change.seq;
            if change.kind == ChangeKind::Version {
                let version: Version = serde_json::from_value(change.body).expect("a version");
                versions.insert(version.id.clone(), version);
            }
        }
        if !page.more {
            return versions;
        }
    }
}

async fn edit(person: &Person, version: &VersionId, body: &EditVersion) {
    send(person.request(Method::PATCH, &format!("/versions/{version}")).json(body)).await.ok::<Version>();
}

async fn rename(person: &Person, project: &ProjectId, track: &TrackClaim, name: &str) {
    let body = EditTrack { name: name.to_owned(), was: None };
    send(person.request(Method::PATCH, &format!("/projects/{project}/tracks/{}", track.id)).json(&body)).await.ok::<TrackInfo>();
}

async fn days_pass_in_the_trash(db: &PgPool, version: &VersionId) {
    let passed = sqlx::query("update version set trashed_at = trashed_at - interval '36 days' where id = $1").bind(version.as_str());
    passed.execute(db).await.expect("passed");
}

async fn readiness(running: &Running) -> String {
    let answer: serde_json::Value = send(CLIENT.get(format!("{}/readyz", running.url))).await.ok();
    answer["status"].as_str().expect("a status").to_owned()
}

/// What must be the same before and after, whoever reads it.
fn facts(version: &Version) -> (String, i64, String, String, VersionState, Option<ObjectHash>, Option<ObjectHash>) {
    (
        version.track_name.clone(),
        version.number,
        version.content_id.to_string(),
        format!("{} {} {:?} {:?} {:?}", version.kind.as_str(), version.note, version.parent, version.same_as, version.trashed_at),
        version.state,
        version.preview_sha256,
        version.tables_sha256,
    )
}

#[tokio::test]
async fn i2_every_complete_version_rebuilds_to_its_sha256_from_the_bucket_alone() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    let (drive, rain) = (claim("Night Drive"), claim("Rain"));
    let first = ann.bounce(&project, &drive, &bytes(1, 20_000)).await;
    mel.bounce(&project, &drive, &bytes(2, 9_000_000)).await;
    let (preview, _) = ann.upload(&project, ObjectFormat::Preview, &bytes(3, 500)).await;
    let body = Announce { preview: Some(preview), no_preview_reason: None, ..announcement(&rain, &bytes(4, 700)) };
    let waiting = ann.announce(&project, &body).await;
    let same = Announce { same_as: Some(first.id.clone()), no_preview_reason: None, ..announcement(&drive, &bytes(1, 20_000)) };
    ann.announce(&project, &same).await;
    // The older of the two has the newer change.
    let edited = EditVersion { note: Some("the first one".to_owned()), ..EditVersion::default() };
    edit(&ann, &first.id, &edited).await;
    // One moved away, one moved out of a track that is empty now, one in the trash and one purged.
    let sketch = claim("Sketch");
    let moved = ann.bounce(&project, &drive, &bytes(6, 300)).await;
    let only = ann.announce(&project, &announcement(&sketch, &bytes(7, 300))).await;
    for version in [&moved, &only] {
        edit(&ann, &version.id, &EditVersion { track: Some(rain.clone()), ..EditVersion::default() }).await;
    }
    let trashed = ann.bounce(&project, &drive, &bytes(8, 300)).await;
    let purged = ann.bounce(&project, &drive, &bytes(9, 300)).await;
    for version in [&trashed, &purged] {
        ann.act(&format!("/versions/{}/trash", version.id)).await.ok::<Version>();
    }
    let blobs = Blobs::new(&server.config.store);
    days_pass_in_the_trash(server.database(), &purged.id).await;
    assert_eq!(collect::round(server.database(), &blobs).await.expect("a round").purged, 1);
    ann.bounce(&other, &claim("Elsewhere"), &bytes(5, 300)).await;
    all_written(&server).await;
    let before = (told(&ann, &project).await, told(&ann, &other).await);
    let head = ann.view(&project).await.head_seq;

    // The old database is not touched from here on.
    let second = Second::of(&server).await;
    let nobody = rebuild::from_bucket(second.db(), &blobs, None).await;
    assert!(matches!(nobody, Err(rebuild::RebuildError::NoOwner)));
    let owner = Person::register(&second.running.url, "Ann").await;
    let report = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.projects, report.versions, report.complete), (2, 9, 5));
    assert_eq!((report.damaged, report.newer, report.unreadable), (vec![], vec![], vec![]));
    let after = (told(&owner, &project).await, told(&owner, &other).await);
    for (before, after) in [(&before.0, &after.0), (&before.1, &after.1)] {
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        for (id, version) in before {
            assert_eq!(facts(version), facts(&after[id]));
            if version.state == VersionState::Complete {
                assert_eq!(ObjectHash::of(&owner.original(id).await), version.content_id);
            }
        }
    }
    assert!(owner.view(&project).await.head_seq > head, "places of the old feed are not given again");
    let reads: Reads = owner.reads(&waiting.id, Rendition::Preview).await.ok();
    assert_eq!(fetch(&reads.objects[0].request, None).await.bytes, bytes(3, 500));
    // Numbers go on where they were; doing it again brings nothing.
    for (track, number) in [(&drive, 7), (&rain, 4), (&sketch, 2)] {
        let next = owner.announce(&project, &announcement(track, &bytes(10, 100))).await;
        assert_eq!((next.track_name.as_str(), next.number), (track.name.as_str(), number), "numbers of moved versions are theirs for ever");
    }
    let back: Version = owner.act(&format!("/versions/{}/restore", trashed.id)).await.ok();
    assert_eq!((back.state, back.number, owner.original(&back.id).await), (VersionState::Complete, 5, bytes(8, 300)));
    owner.act(&format!("/versions/{}/restore", purged.id)).await.problem(404, ErrorCode::NotFound);
    let again = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("again");
    assert_eq!((again.projects, again.versions), (0, 0));
    second.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn f19_a_database_restored_from_before_gets_its_numbers_back_from_the_sidecars() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let (drive, rain, coda) = (claim("Night Drive"), claim("Rain"), claim("Coda"));
    ann.announce(&project, &announcement(&coda, &bytes(9, 100))).await;
    let first = ann.bounce(&project, &drive, &bytes(1, 100)).await;
    let late = ann.announce(&project, &announcement(&drive, &bytes(2, 100))).await;
    let moved = ann.bounce(&project, &drive, &bytes(3, 100)).await;
    let back = ann.bounce(&project, &rain, &bytes(4, 100)).await;
    let purged = ann.bounce(&project, &rain, &bytes(5, 100)).await;
    ann.act(&format!("/versions/{}/trash", back.id)).await.ok::<Version>();
    let blobs = all_written(&server).await;
    let backup = server.back_up().await;

    // After it: tracks have other names, one was completed, one moved, one came back, one went for good, one is new.
    rename(&ann, &project, &drive, "Dusk").await;
    let (_, object) = ann.upload(&project, ObjectFormat::Plain, &bytes(2, 100)).await;
    ann.commit(&late, &object).await.ok::<Version>();
    edit(&ann, &moved.id, &EditVersion { track: Some(rain.clone()), ..EditVersion::default() }).await;
    ann.act(&format!("/versions/{}/restore", back.id)).await.ok::<Version>();
    ann.act(&format!("/versions/{}/trash", purged.id)).await.ok::<Version>();
    days_pass_in_the_trash(server.database(), &purged.id).await;
    assert_eq!(collect::round(server.database(), &blobs).await.expect("a round").purged, 1);
    ann.bounce(&project, &drive, &bytes(6, 100)).await;
    rename(&ann, &project, &coda, "Outro").await;
    all_written(&server).await;
    let before: BTreeMap<VersionId, _> = told(&ann, &project).await.into_iter().map(|(id, version)| (id, facts(&version))).collect();
    let epoch = ann.view(&project).await.epoch;
    let sidecar = blobs.get_own(&sidecars::key(&project, &moved.id), 100_000).await.expect("read");

    // The operator restores the backup and starts the server.
    let restored = Second::on(&server, backup).await;
    let here = Person { server: restored.running.url.clone(), ..ann.clone() };
    assert_eq!(readiness(&restored.running).await, "recovering");
    assert_ne!(here.view(&project).await.epoch, epoch, "devices list everything again");
    let offered = announcement(&drive, &bytes(7, 100));
    let refused = here.post(&format!("/projects/{project}/versions"), &offered).await;
    assert_eq!(refused.headers["retry-after"], "60");
    let problem = refused.problem(503, ErrorCode::Recovering);
    assert!(problem.detail.contains("your desktop keeps everything"), "{}", problem.detail);
    let upload = music::plan(ObjectFormat::Plain, &bytes(7, 100));
    here.post(&format!("/projects/{project}/uploads"), &upload).await.problem(503, ErrorCode::Recovering);
    here.act(&format!("/versions/{}/trash", first.id)).await.problem(503, ErrorCode::Recovering);
    assert_eq!(here.original(&first.id).await, bytes(1, 100), "what is known can be heard");
    let db = restored.db();
    days_pass_in_the_trash(db, &back.id).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round"), Collected::default(), "nothing is purged and nothing collected");
    sqlx::query("update sidecar set wanted = wanted + 1").execute(db).await.expect("due");
    assert_eq!(write::write_due(db, &blobs).await.expect("nothing written"), 0);
    assert_eq!(blobs.get_own(&sidecars::key(&project, &moved.id), 100_000).await.expect("read"), sidecar, "the bucket knows better");
    let again = app::start_with(&restored.config, StoreTest::Skip).await.expect("starts");
    assert_eq!(readiness(&again).await, "recovering", "a restart is no way out");
    again.stop().await;

    let settings = [("DATABASE_URL", restored.config.database_url.expose_secret())];
    let (worked, said, _) = Program::run(&server, &["rebuild", "--from-bucket"], &settings).await;
    assert!(worked && said.contains("5 versions came back, 4 of them complete; 0 projects are new here."), "{said}");
    assert_eq!(readiness(&restored.running).await, "ok");
    let after: BTreeMap<VersionId, _> = told(&here, &project).await.into_iter().map(|(id, version)| (id, facts(&version))).collect();
    assert_eq!(before, after);
    for (id, fact) in &after {
        if fact.4 == VersionState::Complete {
            assert_eq!(ObjectHash::of(&here.original(id).await).to_string(), fact.2);
        }
    }
    let objects: i64 = sqlx::query_scalar("select count(*) from version_file where version = $1 and plain_object is not null")
        .bind(purged.id.as_str())
        .fetch_one(db)
        .await
        .expect("counted");
    assert_eq!(objects, 0, "what was purged holds no object");
    // Drive had 1 to 4, of which 3 was moved; Rain had 1, 2 and the one that came.
    for (track, name, number) in [(&drive, "Dusk", 5), (&rain, "Rain", 4), (&coda, "Outro", 2)] {
        let next = here.announce(&project, &announcement(track, &bytes(8, 100))).await;
        assert_eq!((next.track_name.as_str(), next.number), (name, number));
    }
    let again = app::start_with(&restored.config, StoreTest::Skip).await.expect("starts");
    assert_eq!(readiness(&again).await, "ok", "it does not wait for the same once more");
    again.stop().await;
    restored.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_project_that_cannot_be_rebuilt_is_named_and_the_others_are_brought() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let mut projects = [ann.project("EP").await, ann.project("LP").await];
    // The first one that is looked at is the one that fails.
    projects.sort();
    let [broken, whole] = &projects;
    let version = ann.bounce(broken, &claim("Rain"), &bytes(1, 100)).await;
    ann.bounce(whole, &claim("Rain"), &bytes(2, 100)).await;
    let blobs = all_written(&server).await;
    let key = sidecars::key(broken, &version.id);
    let right = blobs.get_own(&key, 100_000).await.expect("read").expect("there");
    let text = String::from_utf8(right.clone()).expect("text");
    let wrong = text.replace(&format!("\"created_at\":\"{}\"", version.created_at), "\"created_at\":\"at noon\"");
    assert_ne!(wrong, text);
    blobs.put_own(&key, wrong.into_bytes()).await.expect("put");

    let second = Second::of(&server).await;
    let owner = Person::register(&second.running.url, "Ann").await;
    let settings = [("DATABASE_URL", second.config.database_url.expose_secret())];
    let arguments = ["rebuild", "--from-bucket", "--owner", &owner.email];
    let (worked, said, log) = Program::run(&server, &arguments, &settings).await;
    assert!(!worked && said.contains("1 versions came back, 1 of them complete; 1 projects are new here."), "{said}");
    assert!(log.contains(broken.as_str()) && log.contains("--leave-failed"), "{log}");
    assert_eq!(told(&owner, whole).await.len(), 1);
    assert_eq!(readiness(&second.running).await, "recovering", "numbers of the project that is missing could be given again");
    let days: i32 = sqlx::query_scalar("select extract(day from no_gc_until - now())::int from server_state")
        .fetch_one(second.db())
        .await
        .expect("known");
    assert_eq!(days, 34, "nothing is collected before 35 days are over");

    // Opened without it, and everything that is collected otherwise due: its objects stay.
    let (worked, ..) = Program::run(&server, &[&arguments[..], &["--leave-failed"]].concat(), &settings).await;
    assert!(!worked, "it still says so");
    assert_eq!(readiness(&second.running).await, "ok");
    sqlx::query("update server_state set no_gc_until = now()").execute(second.db()).await.expect("over");
    for _ in 0..2 {
        collect::round(second.db(), &blobs).await.expect("a round");
        sqlx::query("update unknown_key set first_seen = first_seen - interval '2 days'").execute(second.db()).await.expect("passed");
    }
    blobs.put_own(&key, right).await.expect("mended");
    let report = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.projects, report.complete, report.failed), (1, 1, vec![]));
    assert_eq!(owner.original(&version.id).await, bytes(1, 100));
    second.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_number_given_again_before_the_rebuild_stays_with_whom_it_was_given_to() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let drive = claim("Night Drive");
    ann.bounce(&project, &drive, &bytes(1, 100)).await;
    all_written(&server).await;
    let backup = server.back_up().await;
    let lost = ann.bounce(&project, &drive, &bytes(2, 100)).await;
    let blobs = all_written(&server).await;
    let restored = Second::on(&server, backup).await;
    // As under a server from before there were markers.
    sqlx::query("update server_state set recovering_since = null").execute(restored.db()).await.expect("opened");
    let here = Person { server: restored.running.url.clone(), ..ann.clone() };
    let given = here.announce(&project, &announcement(&drive, &bytes(3, 100))).await;
    assert_eq!((lost.number, given.number), (2, 2));
    let report = rebuild::from_bucket(restored.db(), &blobs, None).await.expect("rebuilt");
    assert_eq!(report.renumbered, [(lost.id.clone(), 3)]);
    let numbers: BTreeMap<VersionId, i64> = told(&here, &project).await.into_values().map(|version| (version.id, version.number)).collect();
    assert_eq!((numbers[&given.id], numbers[&lost.id]), (2, 3));
    assert_eq!(here.announce(&project, &announcement(&drive, &bytes(4, 100))).await.number, 4);
    restored.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_desktop_says_why_it_waits_for_a_server_that_is_being_restored_and_then_goes_on() {
    let server = Server::start().await;
    let author = Computer::of(&server.url, "Jon").await;
    let project = author.watch(None).await;
    author.library.put_on_server(&project).await.expect("on the server");
    author.bounce("Night Drive.wav", &wav(1, 1)).await;
    author.sync().await;
    sqlx::query("update server_state set recovering_since = now()").execute(server.database()).await.expect("it waits");
    author.bounce("Night Drive.wav", &wav(2, 1)).await;
    let refused = author.library.sync_once().await.expect_err("the server takes nothing").view();
    assert_eq!(refused.code, "recovering");
    let version = author.version("Night Drive", 2).await;
    let says_why = matches!(&version.sync, VersionSync::Waiting { because: Some(why) } if why.contains("restored from a backup"));
    assert!(says_why, "{:?}", version.sync);
    recovery::open(server.database(), &recovery::Heads::default()).await.expect("opened");
    author.sync().await;
    assert_eq!(author.version("Night Drive", 2).await.sync, VersionSync::Synced);
    author.library.shutdown().await;
    server.stop().await;
}

#[tokio::test]
async fn b8_a_sidecar_of_a_newer_form_is_left_alone_and_never_overwritten() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 100)).await;
    let blobs = all_written(&server).await;
    let key = sidecars::key(&project, &version.id);
    let newer = br#"{"format": 9, "something": "this program does not know"}"#.to_vec();
    let broken = sidecars::key(&project, &VersionId::from_random([3; 17]));
    blobs.put_own(&key, newer.clone()).await.expect("put");
    blobs.put_own(&broken, b"{".to_vec()).await.expect("put");

    let second = Second::of(&server).await;
    let owner = Person::register(&second.running.url, "Ann").await;
    let report = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.versions, report.newer), (0, vec![(key.clone(), 9)]));
    assert_eq!(report.unreadable.iter().map(|(key, _)| key).collect::<Vec<_>>(), [&broken]);
    // A device offers the version again under its old id: the sidecar of the newer program stays.
    let create = collabtrack_protocol::projects::CreateProject { id: project.clone(), name: "EP".to_owned() };
    owner.post("/projects", &create).await.ok::<collabtrack_protocol::projects::Project>();
    let offered = Announce { version: version.id.clone(), ..announcement(&claim("Night Drive"), &bytes(1, 100)) };
    owner.announce(&project, &offered).await;
    write::write_due(second.db(), &Blobs::new(&second.config.store)).await.expect("nothing due");
    assert_eq!(blobs.get_own(&key, 1_000).await.expect("read"), Some(newer));
    second.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn an_object_that_is_gone_makes_its_version_wanted_again_and_no_other() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let lost = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 100)).await;
    ann.bounce(&project, &claim("Rain"), &bytes(2, 100)).await;
    let blobs = all_written(&server).await;
    let object: String = sqlx::query_scalar("select plain_object from version_file where version = $1")
        .bind(lost.id.as_str())
        .fetch_one(server.database())
        .await
        .expect("there");
    blobs.delete(&object).await.expect("deleted");
    let second = Second::of(&server).await;
    let owner = Person::register(&second.running.url, "Ann").await;
    let report = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.versions, report.complete, report.damaged), (2, 1, vec![lost.id.clone()]));
    // Whoever has the bytes sends them, and the version is complete again.
    let (_, object) = owner.upload(&project, ObjectFormat::Plain, &bytes(1, 100)).await;
    assert_eq!(owner.commit(&lost, &object).await.ok::<Version>().state, VersionState::Complete);
    assert_eq!(owner.original(&lost.id).await, bytes(1, 100));
    second.stop().await;
    server.stop().await;
}
