//! The change feed and its hints.

use std::time::Duration;

use collabtrack_domain::role::Role;
use collabtrack_protocol::changes::{ChangeKind, ChangePage, Hint};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::{Version, VersionState};
use futures::StreamExt;
use reqwest::Method;
use tokio::time::timeout;

use crate::support::music::{announcement, bytes, claim};
use crate::support::{Person, Server};

async fn page(person: &Person, project: &collabtrack_domain::id::ProjectId, query: &str) -> ChangePage {
    person.get(&format!("/projects/{project}/changes?{query}")).await.ok()
}

#[tokio::test]
async fn the_feed_tells_everything_once_in_order_without_gaps_and_page_by_page() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    ann.add_member(&project, "Mel", Role::Member).await;
    let version = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 100)).await;
    let whole = page(&ann, &project, "since=0").await;
    use ChangeKind as K;
    let kinds: Vec<K> = whole.changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [K::Project, K::Member, K::Member, K::Track, K::Version, K::Version]);
    assert_eq!(whole.changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!((whole.head, whole.more), (6, false));
    let states: Vec<VersionState> =
        whole.changes[4..].iter().map(|change| serde_json::from_value::<Version>(change.body.clone()).expect("a version").state).collect();
    assert_eq!(states, [VersionState::Announced, VersionState::Complete]);
    let told = serde_json::from_value::<Version>(whole.changes[5].body.clone()).expect("a version");
    assert_eq!(told.summary["loudness"], -14.3, "the feed tells what was measured");
    assert_eq!(Version { summary: serde_json::Value::Null, ..told }, version, "whoever sent it is not told that again");
    let had = page(&ann, &project, "since=0&have=5,6").await;
    let empty: Vec<bool> = had.changes.iter().map(|change| change.body.is_null()).collect();
    assert_eq!(empty, [false, false, false, false, true, true], "what the reader has comes without its document");
    ann.get(&format!("/projects/{project}/changes?since=0&have=5,x")).await.problem(400, ErrorCode::BadRequest);

    let (mut since, mut last, mut seen) = (0, String::new(), Vec::new());
    loop {
        let part = page(&ann, &project, &format!("since={since}&last={last}&epoch={}&limit=2", whole.epoch)).await;
        assert!(part.changes.len() <= 2);
        let newest = part.changes.last().expect("something new").clone();
        (since, last) = (newest.seq, newest.id);
        seen.extend(part.changes);
        if !part.more {
            break;
        }
    }
    assert_eq!(seen, whole.changes);
    assert!(page(&ann, &project, &format!("since={since}&last={last}")).await.changes.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_reader_with_another_history_is_told_so() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let known = page(&ann, &project, "since=0").await;
    let first = &known.changes[0].id;
    for query in [
        "since=3".to_owned(),
        "since=-1".to_owned(),
        "since=2&last=other".to_owned(),
        format!("since=2&last={first}"),
        "since=1&epoch=other".to_owned(),
    ] {
        ann.get(&format!("/projects/{project}/changes?{query}")).await.problem(409, ErrorCode::FeedDiverged);
    }
    ann.get(&format!("/projects/{project}/changes?since=x")).await.problem(400, ErrorCode::BadRequest);
    server.stop().await;
}

#[tokio::test]
async fn what_a_listener_may_not_read_arrives_as_a_bare_place() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let listener = ann.add_member(&project, "Lou", Role::Listener).await;
    crate::support::proposals::propose_title(&ann, &project, "Night Drive").await;
    let (owner, other) = (page(&ann, &project, "since=0").await, page(&listener, &project, "since=0").await);
    let place = owner.changes.iter().position(|change| change.kind == ChangeKind::ChangeSet).expect("a change set");
    assert!(owner.changes[place].body.is_object());
    assert!(other.changes[place].body.is_null());
    assert_eq!(other.changes[place].seq, owner.changes[place].seq);
    server.stop().await;
}

/// Reads hints of a stream until one satisfies.
async fn wait_for(
    stream: &mut (impl futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin),
    wanted: impl Fn(&Hint) -> bool,
) -> Hint {
    let mut text = String::new();
    let search = async {
        loop {
            let chunk = stream.next().await.expect("the stream goes on").expect("readable");
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((line, rest)) = text.split_once('\n') {
                if let Some(json) = line.strip_prefix("data:")
                    && let Ok(hint) = serde_json::from_str::<Hint>(json.trim())
                    && wanted(&hint)
                {
                    return hint;
                }
                text = rest.to_owned();
            }
        }
    };
    timeout(Duration::from_secs(20), search).await.expect("a hint within 20 s")
}

#[tokio::test]
async fn a_stream_on_one_instance_hints_at_a_change_made_on_another() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let elsewhere = Person { server: other.url.clone(), ..ann.clone() };
    let response = elsewhere.request(Method::GET, "/events").send().await.expect("a stream");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let now = wait_for(&mut stream, |hint| hint.project == project).await;
    let version = ann.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    assert!(version.seq > now.head);
    wait_for(&mut stream, |hint| hint.project == project && hint.head >= version.seq).await;
    // A project joined while the stream is open is hinted at too.
    let second = ann.project("LP").await;
    wait_for(&mut stream, |hint| hint.project == second).await;
    drop(stream);
    other.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn nobody_gets_hints_of_foreign_projects_and_stopping_ends_open_streams() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let bens = ben.project("Ben's").await;
    let mut stream = ben.request(Method::GET, "/events").send().await.expect("a stream").bytes_stream();
    let project = ann.project("EP").await;
    ann.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    let version = ben.announce(&bens, &announcement(&claim("Mine"), b"two")).await;
    wait_for(&mut stream, |hint| {
        assert_eq!(hint.project, bens, "a hint of a foreign project");
        hint.head >= version.seq
    })
    .await;
    timeout(Duration::from_secs(20), server.stop()).await.expect("the server stops although a stream is open");
}
