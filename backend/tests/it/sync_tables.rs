//! Waveform and loudness of an original on a computer that does not have it.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::VersionId;
use collabtrack_library::view::Here;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::Announce;

use crate::support::Server;
use crate::support::music::{announcement, bytes, claim};
use crate::sync_computers::{Computer, wav};

#[tokio::test]
async fn a_listener_draws_and_level_matches_the_original_without_having_it() {
    let server = Server::start().await;
    let author = Computer::of(&server.url, "Jon").await;
    let project = author.watch(None).await;
    author.library.put_on_server(&project).await.expect("on the server");
    let code = author.library.invite(&project, "listener", None, None).await.expect("a code").code;
    let listener = Computer::of(&server.url, "Lou").await;
    listener.library.join(&code).await.expect("joined");
    author.bounce("Night Drive.wav", &wav(1, 20)).await;
    author.sync().await;
    listener.library.sync_once().await.expect("synced");
    server.stop().await;

    let version = listener.version("Night Drive", 1).await;
    assert_eq!(version.here, Here::Preview);
    let id = VersionId::parse(&version.id).expect("an id");
    // Where a pixel is narrower than a bin of the tables, whoever has the original draws its samples.
    for (from, to, width) in [(0, 960_000, 800), (48_000, 96_000, 150), (700_000, 960_000, 900)] {
        let (own, told) =
            (author.library.waveform(&id, from, to, width).await.expect("drawn"), listener.library.waveform(&id, from, to, width).await);
        assert!(own == told.expect("drawn"), "frames {from} to {to} look the same");
    }
    let (own, told) = (author.library.playable(&id).await.expect("playable"), listener.library.playable(&id).await.expect("playable"));
    assert!(!own.is_preview && told.is_preview);
    assert!(own.loudness.is_some());
    assert!(own.loudness == told.loudness, "the preview is matched by the loudness of the original");
}

#[tokio::test]
async fn a_preview_of_several_parts_is_named_by_its_sha256_too() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let long = bytes(1, 9 << 20);
    let (preview, _) = ann.upload(&project, ObjectFormat::Preview, &long).await;
    let body = Announce { preview: Some(preview), no_preview_reason: None, ..announcement(&claim("Long Song"), b"x") };
    let version = ann.announce(&project, &body).await;
    assert_eq!((version.preview_length, version.preview_sha256), (Some(9 << 20), Some(ObjectHash::of(&long))));
    server.stop().await;
}
