//! What a person may change of a version or track after it was announced.

use collabtrack_domain::kind::Kind;
use collabtrack_domain::role::Role;
use collabtrack_protocol::changes::TrackInfo;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{EditTrack, EditVersion, Version};
use reqwest::Method;

use crate::support::Server;
use crate::support::music::{announcement, claim};
use crate::support::person::{Answer, Person, send};

async fn edit(person: &Person, version: &Version, body: &EditVersion) -> Answer {
    send(person.request(Method::PATCH, &format!("/versions/{}", version.id)).json(body)).await
}

#[tokio::test]
async fn notes_and_kinds_change_once_and_reach_the_feed_and_the_log() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    let body = EditVersion { note: Some("louder".into()), kind: Some(Kind::Master), track: None };
    let after: Version = edit(&ann, &version, &body).await.ok();
    assert_eq!((after.note.as_str(), after.kind, after.content_id), ("louder", Kind::Master, version.content_id));
    assert!(after.seq > version.seq);
    let again: Version = edit(&ann, &version, &body).await.ok();
    assert_eq!(again.seq, after.seq, "the same again changes nothing");
    let unknown = EditVersion { kind: Some(Kind::Unknown), ..EditVersion::default() };
    edit(&ann, &version, &unknown).await.problem(422, ErrorCode::Invalid);
    let mel = ann.add_member(&project, "Mel", Role::Listener).await;
    edit(&mel, &version, &body).await.problem(403, ErrorCode::Forbidden);
    server.stop().await;
}

#[tokio::test]
async fn i23_a_moved_version_gets_the_next_number_and_its_old_one_is_never_used_again() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let (drive, rain) = (claim("Night Drive"), claim("Rain"));
    let first = ann.announce(&project, &announcement(&drive, b"one")).await;
    let second = ann.announce(&project, &announcement(&drive, b"two")).await;
    let other = ann.announce(&project, &announcement(&rain, b"three")).await;
    assert_eq!((first.number, second.number, other.number), (1, 2, 1));
    let body = EditVersion { track: Some(rain.clone()), ..EditVersion::default() };
    let moved: Version = edit(&ann, &second, &body).await.ok();
    assert_eq!((moved.track.clone(), moved.number), (rain.id.clone(), 2));
    let again: Version = edit(&ann, &second, &body).await.ok();
    assert_eq!((again.number, again.seq), (2, moved.seq));
    let third = ann.announce(&project, &announcement(&drive, b"four")).await;
    assert_eq!(third.number, 3, "number 2 of the track stays that of the moved version");
    let back: Version = edit(&ann, &second, &EditVersion { track: Some(drive), ..EditVersion::default() }).await.ok();
    assert_eq!(back.number, 4, "and also coming back it gets a new one");
    server.stop().await;
}

#[tokio::test]
async fn of_two_names_given_apart_the_first_stays() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    let path = format!("/projects/{project}/tracks/{}", version.track);
    let name = |name: &str, was: Option<&str>| EditTrack { name: name.into(), was: was.map(str::to_owned) };
    let rename = |body: EditTrack| {
        let (ann, path) = (ann.clone(), path.clone());
        async move { send(ann.request(Method::PATCH, &path).json(&body)).await }
    };
    let dusk: TrackInfo = rename(name("Dusk", Some("Night Drive"))).await.ok();
    assert_eq!((dusk.name.as_str(), dusk.auto), ("Dusk", false));
    let late: TrackInfo = rename(name("Dawn", Some("Night Drive"))).await.ok();
    assert_eq!(late.name, "Dusk", "the first name stays");
    let dawn: TrackInfo = rename(name("Dawn", Some("Dusk"))).await.ok();
    assert_eq!(dawn.name, "Dawn", "whoever saw it may change it");
    rename(name("", None)).await.problem(422, ErrorCode::Invalid);
    let log = ann.get(&format!("/projects/{project}/audit")).await.text();
    assert!(log.contains("track.rename_late"), "the name that came late stays on record");
    server.stop().await;
}
