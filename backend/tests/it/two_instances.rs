//! Two instances behind one address: a change on one reaches the clients of the other, also when what carries hints breaks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_library::view::Here;
use collabtrack_protocol::changes::{ChangePage, Hint};
use collabtrack_protocol::versions::{Announce, Announced, Version};
use futures::{Stream, StreamExt};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::music::{announcement, bytes, claim};
use crate::support::{Person, Server};
use crate::sync_computers::{Computer, wav};

/// The next hint of a stream that tells of `project` at `head` or behind it.
async fn hinted(stream: &mut (impl Stream<Item = reqwest::Result<Bytes>> + Unpin), project: &ProjectId, head: i64) {
    let mut text = String::new();
    loop {
        let piece = stream.next().await.expect("the stream goes on").expect("readable");
        text.push_str(&String::from_utf8_lossy(&piece));
        while let Some(end) = text.find("\n\n") {
            let event: String = text.drain(..end + 2).collect();
            let data = event.lines().find_map(|line| line.strip_prefix("data:"));
            let hint = data.and_then(|data| serde_json::from_str::<Hint>(data.trim()).ok());
            if hint.is_some_and(|hint| hint.project == *project && hint.head >= head) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn i28_a_change_on_one_instance_reaches_a_client_of_the_other_in_two_seconds() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let elsewhere = Person { server: other.url.clone(), ..ann.clone() };
    let mut stream = elsewhere.request(Method::GET, "/events").send().await.expect("a stream").bytes_stream();
    let head = ann.view(&project).await.head_seq;
    hinted(&mut stream, &project, head).await;
    for n in 0..5 {
        let version = ann.announce(&project, &announcement(&claim(&format!("Song {n}")), &bytes(n, 64))).await;
        let told = tokio::time::timeout(Duration::from_secs(2), hinted(&mut stream, &project, version.seq)).await;
        told.expect("hinted within two seconds");
        let page: ChangePage = elsewhere.get(&format!("/projects/{project}/changes?since={}", version.seq - 1)).await.ok();
        assert!(page.changes.iter().any(|change| change.seq == version.seq), "the other instance has it already");
    }
    other.stop().await;
    server.stop().await;
}

/// An address that passes everything on to `server` but requests for hints, whose connections it closes; counts those.
async fn without_hints(server: &str) -> (String, Arc<AtomicUsize>) {
    let target = server.strip_prefix("http://").expect("plain HTTP").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let refused = Arc::new(AtomicUsize::new(0));
    let counted = refused.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (target, counted) = (target.clone(), counted.clone());
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(&target).await else { return };
                let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
                let back = tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(got @ 1..) = from_near.read(&mut buffer).await {
                    // A request begins with a piece of its own.
                    let line = buffer[..got].split(|byte| *byte == b'\r').next().unwrap_or_default();
                    if line.starts_with(b"GET ") && String::from_utf8_lossy(line).contains("/events ") {
                        counted.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    if to_far.write_all(&buffer[..got]).await.is_err() {
                        break;
                    }
                }
                back.abort();
            });
        }
    });
    (address, refused)
}

#[tokio::test]
async fn i28_without_any_hint_a_computer_hears_a_change_within_one_poll() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let first = Computer::of(&server.url, "Jon").await;
    let project = first.watch(None).await;
    first.library.put_on_server(&project).await.expect("on the server");
    let code = first.library.invite(&project, "member", None, None).await.expect("a code").code;
    // A proxy of the house lets no stream through.
    let (address, refused) = without_hints(&other.url).await;
    let second = Computer::of(&address, "Ada").await;
    second.library.join(&code).await.expect("joined");
    second.library.start().await.expect("started");
    first.bounce("Night Drive.wav", &wav(1, 1)).await;
    first.sync().await;
    let start = Instant::now();
    while !is_heard(&second).await {
        assert!(start.elapsed() < Duration::from_secs(60), "heard by asking now and then");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(refused.load(Ordering::Relaxed) > 0, "it asked for hints and got none");
    second.library.shutdown().await;
    other.stop().await;
    server.stop().await;
}

async fn is_heard(computer: &Computer) -> bool {
    let tracks = computer.library.tracks(None).await.expect("tracks");
    let newest = tracks.first().and_then(|track| track.newest.clone()).filter(|version| version.here != Here::Nothing);
    match newest {
        Some(version) => computer.library.playable(&VersionId::parse(&version.id).expect("an id")).await.is_ok(),
        None => false,
    }
}

#[tokio::test]
async fn f26_a_lost_listener_is_made_again_and_what_it_missed_is_told() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let elsewhere = Person { server: other.url.clone(), ..ann.clone() };
    let mut stream = elsewhere.request(Method::GET, "/events").send().await.expect("a stream").bytes_stream();
    let head = ann.view(&project).await.head_seq;
    hinted(&mut stream, &project, head).await;
    for n in 0..3 {
        let killed: i64 = sqlx::query_scalar(
            "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and query ilike 'listen%') as killed",
        )
        .fetch_one(server.database())
        .await
        .expect("killed");
        assert!(killed >= 1, "there was a listener");
        // Nobody listens at this moment, or not yet again.
        let version: Version = ann.announce(&project, &announcement(&claim(&format!("Song {n}")), &bytes(n, 64))).await;
        let told = tokio::time::timeout(Duration::from_secs(10), hinted(&mut stream, &project, version.seq)).await;
        told.expect("told after the listener is back");
    }
    // Cut in the middle: whoever comes back learns where everything stands at once.
    drop(stream);
    let version = ann.announce(&project, &announcement(&claim("Last"), b"last")).await;
    let mut again = elsewhere.request(Method::GET, "/events").send().await.expect("a stream").bytes_stream();
    tokio::time::timeout(Duration::from_secs(2), hinted(&mut again, &project, version.seq)).await.expect("told at once");
    drop(again);
    other.stop().await;
    server.stop().await;
}

/// Announces as a desktop does: an instance that has too much to do is asked again.
async fn announced(person: &Person, project: &ProjectId, body: &Announce) -> Version {
    let start = Instant::now();
    loop {
        let answer = person.post(&format!("/projects/{project}/versions"), body).await;
        if answer.status.as_u16() != 429 {
            return answer.ok::<Announced>().version;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "it has time within two minutes");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn f27_two_hundred_announcements_at_once_on_two_instances_number_without_gap_or_double() {
    let server = Server::start().await;
    let other = server.another_instance().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let elsewhere = Person { server: other.url.clone(), ..ann.clone() };
    let tracks = [claim("Night Drive"), claim("Rain")];
    let bodies: Vec<_> = (0..200_u64).map(|n| announcement(&tracks[usize::from(n % 3 == 0)], &bytes(1_000 + n, 64))).collect();
    // Every announcement comes twice, once to each instance.
    let people = [&ann, &elsewhere];
    let requests = bodies.iter().flat_map(|body| people.map(|person| announced(person, &project, body)));
    let versions: Vec<Version> = futures::future::join_all(requests).await;
    for pair in versions.chunks(2) {
        assert_eq!((&pair[0].id, pair[0].number, pair[0].seq), (&pair[1].id, pair[1].number, pair[1].seq));
    }
    for track in &tracks {
        let numbers: BTreeSet<i64> = versions.iter().filter(|version| version.track == track.id).map(|version| version.number).collect();
        let count = i64::try_from(numbers.len()).expect("few");
        assert_eq!(numbers, (1..=count).collect());
    }
    assert_eq!(versions.iter().map(|version| &version.id).collect::<BTreeSet<_>>().len(), 200);
    let (mut since, mut seen) = (0, 0);
    loop {
        let page: ChangePage = elsewhere.get(&format!("/projects/{project}/changes?since={since}")).await.ok();
        for change in &page.changes {
            since += 1;
            assert_eq!(change.seq, since, "the feed has no gap");
            seen += 1;
        }
        if !page.more {
            break;
        }
    }
    assert!(seen >= 200);
    other.stop().await;
    server.stop().await;
}
