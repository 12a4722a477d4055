//! The bucket alone is enough: a new database from sidecars, every version back to its SHA-256.

use std::collections::BTreeMap;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::changes::{ChangeKind, ChangePage};
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, Reads, Rendition, Version, VersionState};
use collabtrack_server::app::{self, Running, StoreTest};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::config::Config;
use collabtrack_server::sidecars::{self, rebuild, write};
use sqlx::PgPool;

use crate::support::music::{announcement, bytes, claim, fetch};
use crate::support::{Person, Server, drop_database, fresh_database};

/// A second server with an empty database on the store of the first.
struct Second {
    running: Running,
    database: String,
    config: Config,
}

impl Second {
    async fn of(first: &Server) -> Self {
        let database = fresh_database().await;
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

/// What must be the same before and after, whoever reads it.
fn facts(version: &Version) -> (String, i64, String, String, VersionState, Option<ObjectHash>, Option<ObjectHash>) {
    (
        version.track_name.clone(),
        version.number,
        version.content_id.to_string(),
        format!("{} {} {:?} {:?}", version.kind.as_str(), version.note, version.parent, version.same_as),
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
    ann.announce(
        &project,
        &Announce { same_as: Some(first.id.clone()), no_preview_reason: None, ..announcement(&drive, &bytes(1, 20_000)) },
    )
    .await;
    ann.bounce(&other, &claim("Elsewhere"), &bytes(5, 300)).await;
    let blobs = all_written(&server).await;
    let before = (told(&ann, &project).await, told(&ann, &other).await);
    let head = ann.view(&project).await.head_seq;

    // The old database is not touched from here on.
    let second = Second::of(&server).await;
    let nobody = rebuild::from_bucket(second.db(), &blobs, None).await;
    assert!(matches!(nobody, Err(rebuild::RebuildError::NoOwner)));
    let owner = Person::register(&second.running.url, "Ann").await;
    let report = rebuild::from_bucket(second.db(), &blobs, Some(&owner.email)).await.expect("rebuilt");
    assert_eq!((report.projects, report.versions, report.complete), (2, 5, 4));
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
    let next = owner.announce(&project, &announcement(&drive, &bytes(6, 100))).await;
    assert_eq!(next.number, 4);
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
    let drive = claim("Night Drive");
    ann.bounce(&project, &drive, &bytes(1, 100)).await;
    let late = ann.announce(&project, &announcement(&drive, &bytes(2, 100))).await;
    let blobs = all_written(&server).await;
    let backup = all_versions(server.database(), &project).await;
    // After the backup: one more version, and the one before completed.
    let (_, object) = ann.upload(&project, ObjectFormat::Plain, &bytes(2, 100)).await;
    ann.commit(&late, &object).await.ok::<Version>();
    ann.bounce(&project, &drive, &bytes(3, 100)).await;
    all_written(&server).await;
    let epoch = ann.view(&project).await.epoch;
    restore(server.database(), &project, &backup).await;
    let report = rebuild::from_bucket(server.database(), &blobs, None).await.expect("brought up to date");
    assert_eq!((report.projects, report.versions, report.complete), (0, 2, 2));
    let told = told(&ann, &project).await;
    let mut numbers: Vec<(i64, VersionState)> = told.values().map(|version| (version.number, version.state)).collect();
    numbers.sort_by_key(|(number, _)| *number);
    assert_eq!(numbers, [1, 2, 3].map(|number| (number, VersionState::Complete)));
    for version in told.values() {
        assert_eq!(ObjectHash::of(&ann.original(&version.id).await), version.content_id);
    }
    assert_ne!(ann.view(&project).await.epoch, epoch, "devices list everything again");
    let next = ann.announce(&project, &announcement(&drive, &bytes(4, 100))).await;
    assert_eq!(next.number, 4);
    server.stop().await;
}

/// Ids and states of a project's versions, and where its feed ends: what a backup would hold of them.
struct Backup {
    versions: Vec<(String, String, i64)>,
    head: i64,
}

async fn all_versions(db: &PgPool, project: &ProjectId) -> Backup {
    let versions = sqlx::query_as("select id, state, seq from version where project = $1").bind(project.as_str()).fetch_all(db).await;
    let head = sqlx::query_scalar("select head_seq from project where id = $1").bind(project.as_str()).fetch_one(db).await;
    Backup { versions: versions.expect("listed"), head: head.expect("known") }
}

/// Takes the database back to the backup: everything later is gone, as `pg_restore` leaves it.
async fn restore(db: &PgPool, project: &ProjectId, backup: &Backup) {
    let mut tx = db.begin().await.expect("begun");
    let kept: Vec<&str> = backup.versions.iter().map(|(id, ..)| id.as_str()).collect();
    for statement in [
        "delete from sidecar where version in (select id from version where project = $1 and not id = any($2))",
        "delete from version_file where version in (select id from version where project = $1 and not id = any($2))",
        "delete from version where project = $1 and not id = any($2)",
        "update track set next_number = (select max(number) + 1 from version where track = track.id and id = any($2)) where project = $1",
    ] {
        sqlx::query(statement).bind(project.as_str()).bind(&kept).execute(&mut *tx).await.expect("taken back");
    }
    for (id, state, seq) in &backup.versions {
        let set = sqlx::query("update version set state = $2, seq = $3 where id = $1").bind(id).bind(state).bind(seq);
        set.execute(&mut *tx).await.expect("taken back");
    }
    sqlx::query("delete from change where project = $1 and seq > $2")
        .bind(project.as_str())
        .bind(backup.head)
        .execute(&mut *tx)
        .await
        .expect("cut");
    sqlx::query("update project set head_seq = $2 where id = $1")
        .bind(project.as_str())
        .bind(backup.head)
        .execute(&mut *tx)
        .await
        .expect("cut");
    // The restored outbox believes that everything is written.
    sqlx::query("update sidecar set written = wanted").execute(&mut *tx).await.expect("set");
    tx.commit().await.expect("restored");
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
