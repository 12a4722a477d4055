//! Two libraries and the real server in one process: what one exports, the other hears; whatever breaks in between.

use std::time::{Duration, Instant};

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_library::error::LibraryError;
use collabtrack_library::sync::http::{Api, HttpRemote};
use collabtrack_library::sync::testing::conformance;
use collabtrack_library::view::{ConnectionState, CredentialPlace, Here, VersionSync};

use crate::support::{Person, Server};
use crate::sync_computers::{Computer, wav};

/// Two computers in one project: the first one's, joined by the second.
async fn pair(server: &Server) -> (Computer, Computer, ProjectId) {
    let first = Computer::of(&server.url, "Jon").await;
    let project = first.watch(None).await;
    first.library.put_on_server(&project).await.expect("on the server");
    let code = first.library.invite(&project, "member", None, None).await.expect("a code").code;
    let second = Computer::of(&server.url, "Ada").await;
    let info = second.library.look_at_invitation(&code).await.expect("looked at");
    assert_eq!((info.project_name.as_str(), info.inviter.as_str()), ("Night Drive EP", "Jon"));
    second.library.join(&code).await.expect("joined");
    (first, second, project)
}

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

#[tokio::test]
async fn the_server_over_http_behaves_as_every_remote_does() {
    let server = Server::start().await;
    let person = Person::register(&server.url, "Jon").await;
    let api = Api::new(server.url.parse().expect("an address"), Some(person.token.clone().into())).expect("a client");
    let folder = tempfile::tempdir().expect("a folder");
    conformance::check(&HttpRemote(api), folder.path()).await;
    server.stop().await;
}

#[tokio::test]
async fn what_one_exports_the_other_plays_byte_for_byte_after_the_server_is_gone() {
    let server = Server::start().await;
    let (first, second, _) = pair(&server).await;
    let (one, two) = (wav(1, 2), wav(2, 60));
    first.bounce("Night Drive.wav", &one).await;
    first.bounce("Night Drive.wav", &two).await;
    let before = first.version("Night Drive", 2).await;
    assert!(!before.is_final, "made alone, its number is not final");
    first.sync().await;
    for number in [1, 2] {
        let version = first.version("Night Drive", number).await;
        assert!(version.is_final);
        assert_eq!(version.sync, VersionSync::Synced);
    }
    second.sync().await;
    server.stop().await;
    for (number, bytes) in [(1, &one), (2, &two)] {
        let version = second.version("Night Drive", number).await;
        assert_eq!((version.here, version.author.as_str()), (Here::Original, "Jon"));
        assert!(second.original(&version).await == *bytes, "version {number} is byte-exact");
        let playable = second.library.playable(&id(&version.id)).await.expect("it plays without a server");
        assert!(!playable.is_preview);
        let info = collabtrack_audio::decode::probe(&playable.path).expect("it decodes");
        assert_eq!(info.frames, Some(playable.frames));
    }
    let offline = second.library.sync_once().await.expect_err("nobody answers");
    assert_eq!(offline.view().code, "server_unreachable");
    assert_eq!(second.library.status().await.expect("a status").connection.state, ConnectionState::Offline);
}

#[tokio::test]
async fn a_version_is_heard_elsewhere_by_itself_within_seconds() {
    let server = Server::start().await;
    let (first, second, _) = pair(&server).await;
    second.library.start().await.expect("started");
    first.library.start().await.expect("started");
    std::fs::write(first.bounces().join("Night Drive.wav"), wav(1, 2)).expect("exported");
    let start = Instant::now();
    let mut events = second.library.events();
    loop {
        let tracks = second.library.tracks(None).await.expect("tracks");
        if let Some(version) = tracks.first().and_then(|track| track.newest.clone())
            && version.here != Here::Nothing
            && second.library.playable(&id(&version.id)).await.is_ok()
        {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "playable on the other computer within a minute");
        // Any event is a reason to look again; a missed one only costs the time-out.
        drop(tokio::time::timeout(Duration::from_millis(500), events.recv()).await);
    }
    first.library.shutdown().await;
    second.library.shutdown().await;
    server.stop().await;
}

#[tokio::test]
async fn concurrent_offline_versions_are_both_kept_and_both_computers_agree() {
    let server = Server::start().await;
    let (first, second, project) = pair(&server).await;
    first.bounce("Night Drive.wav", &wav(1, 1)).await;
    first.sync().await;
    second.sync().await;
    second.watch(Some(&project)).await;
    first.bounce("Night Drive.wav", &wav(2, 1)).await;
    second.bounce("Night Drive.wav", &wav(3, 1)).await;
    second.sync().await;
    first.sync().await;
    second.sync().await;
    let seen = |versions: Vec<collabtrack_library::view::VersionView>| {
        versions.into_iter().map(|version| (version.number, version.fingerprint, version.author, version.is_final)).collect::<Vec<_>>()
    };
    let (one, two) = (seen(first.track("Night Drive").await.versions), seen(second.track("Night Drive").await.versions));
    assert_eq!(one, two);
    assert_eq!(
        one.iter().map(|version| (version.0, version.2.as_str(), version.3)).collect::<Vec<_>>(),
        [(3, "Jon", true), (2, "Ada", true), (1, "Jon", true)]
    );
    server.stop().await;
}

#[tokio::test]
async fn automatic_tracks_of_one_name_made_apart_become_one() {
    let server = Server::start().await;
    let (first, second, project) = pair(&server).await;
    second.watch(Some(&project)).await;
    first.bounce("Night Drive.wav", &wav(1, 1)).await;
    second.bounce("night_drive v2.wav", &wav(2, 1)).await;
    first.sync().await;
    second.sync().await;
    first.sync().await;
    for computer in [&first, &second] {
        let tracks = computer.library.tracks(None).await.expect("tracks");
        assert_eq!(tracks.iter().map(|track| track.versions).collect::<Vec<_>>(), [2], "one track with both");
    }
    second.bounce("night_drive v2.wav", &wav(3, 1)).await;
    second.sync().await;
    assert_eq!(second.library.tracks(None).await.expect("tracks").iter().map(|track| track.versions).collect::<Vec<_>>(), [3]);
    server.stop().await;
}

#[tokio::test]
async fn switched_off_in_the_middle_of_an_upload_it_goes_on_with_the_rest() {
    let server = Server::start().await;
    let (mut first, second, _) = pair(&server).await;
    let bytes = wav(1, 200);
    first.bounce("Night Drive.wav", &bytes).await;
    let library = first.library.clone();
    let running = tokio::spawn(async move { library.sync_once().await });
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let version = first.version("Night Drive", 1).await;
        if matches!(version.sync, VersionSync::Sending { percent } if percent > 0) || running.is_finished() {
            break;
        }
        assert!(Instant::now() < deadline, "it starts sending within a minute");
        tokio::task::yield_now().await;
    }
    running.abort();
    drop(running.await);
    first.restart().await;
    first.sync().await;
    second.sync().await;
    let version = second.version("Night Drive", 1).await;
    assert!(second.original(&version).await == bytes);
    server.stop().await;
}

#[tokio::test]
async fn a_session_survives_a_restart_and_ends_with_signing_out() {
    let server = Server::start().await;
    let mut computer = Computer::of(&server.url, "Jon").await;
    assert_eq!(computer.library.status().await.expect("a status").connection.credential, Some(CredentialPlace::File));
    computer.restart().await;
    computer.sync().await;
    let status = computer.library.status().await.expect("a status");
    assert_eq!((status.connection.state, status.connection.account_name.as_deref()), (ConnectionState::Connected, Some("Jon")));
    assert_eq!(computer.library.sign_out().await.expect("signed out").state, ConnectionState::SignedOut);
    assert!(!computer.folder.path().join("token").exists(), "the token is gone");
    assert!(matches!(computer.library.sync_once().await, Err(LibraryError::SignedOut)));
    server.stop().await;
}

#[tokio::test]
async fn a_session_ended_on_the_server_needs_the_user_and_loses_nothing() {
    let server = Server::start().await;
    let computer = Computer::of(&server.url, "Jon").await;
    let project = computer.watch(None).await;
    computer.library.put_on_server(&project).await.expect("on the server");
    computer.bounce("Night Drive.wav", &wav(1, 1)).await;
    sqlx::query("delete from session").execute(server.database()).await.expect("ended");
    let error = computer.library.sync_once().await.expect_err("the session is over");
    assert_eq!(error.view().code, "unauthorized");
    let status = computer.library.status().await.expect("a status");
    assert_eq!((status.connection.state, status.sync.waiting), (ConnectionState::NeedsYou, 1));
    assert!(matches!(computer.version("Night Drive", 1).await.sync, VersionSync::NeedsYou { .. }));
    server.stop().await;
}

#[tokio::test]
async fn wrong_passwords_addresses_and_codes_are_told_in_three_parts() {
    let server = Server::start().await;
    let person = Person::register(&server.url, "Jon").await;
    let computer = Computer::new().await;
    let wrong =
        computer.library.sign_in(&server.url, &person.email, "not the password".to_owned().into(), None).await.expect_err("refused").view();
    assert_eq!(wrong.code, "wrong_credentials");
    assert!(wrong.hint.is_some_and(|hint| hint.contains("password")));
    let nobody = computer.library.look_at_server("http://127.0.0.1:9").await.expect_err("nobody is there").view();
    assert_eq!(nobody.code, "server_unreachable");
    let odd = computer.library.look_at_server("ftp://nowhere").await.expect_err("no address").view();
    assert_eq!(odd.code, "invalid");
    let seen = computer.library.look_at_server(&server.url).await.expect("the server answers");
    assert_eq!((seen.address.as_str(), seen.registration.as_str()), (server.url.trim_end_matches('/'), "open"));
    assert!(matches!(computer.library.join("cti_wrong").await, Err(LibraryError::SignedOut)));
    let jon = Computer::of(&server.url, "Jon").await;
    let code = jon.library.join("cti_wrong").await.expect_err("no such code").view();
    assert_eq!(code.code, "invitation_invalid");
    server.stop().await;
}

#[tokio::test]
async fn a_web_page_in_place_of_the_server_is_told_apart() {
    let page = axum::Router::new().fallback(|| async { axum::response::Html("<h1>Welcome to the hotel network</h1>") });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = tokio::spawn(async move { axum::serve(listener, page).await });
    let computer = Computer::new().await;
    let error = computer.library.look_at_server(&address).await.expect_err("that is no CollabTrack").view();
    assert_eq!(error.code, "not_collabtrack");
    serving.abort();
}
