//! The trash: versions and tracks go there and come back as they were, with a server and without.

use std::sync::Arc;

use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_library::sync::testing::memory::MemoryRemote;
use collabtrack_library::view::{Here, VersionSync};
use collabtrack_protocol::versions::VersionState;

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

async fn three_versions(studio: &Studio) -> Vec<VersionId> {
    for seed in 1..=3 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 4));
        studio.capture().await;
    }
    let mut ids: Vec<VersionId> = studio.track().await.versions.iter().map(|version| id(&version.id)).collect();
    ids.reverse();
    ids
}

#[tokio::test]
async fn a_version_in_the_trash_keeps_its_number_and_comes_back_as_it_was_without_any_server() {
    let studio = Studio::new().await;
    let ids = three_versions(&studio).await;
    studio.library.trash_versions(&ids[1..2]).await.expect("trashed");
    studio.library.trash_versions(&ids[1..2]).await.expect("again changes nothing");
    assert_eq!(studio.numbers().await, [3, 1]);
    let trash = studio.library.trash(Some(&studio.project)).await.expect("the trash");
    assert_eq!(trash.iter().map(|version| (version.number, version.may_put_back)).collect::<Vec<_>>(), [(2, true)]);
    assert_eq!(trash[0].kept_until, None, "on this computer alone nothing ever goes");
    // The same bytes again are no version of before: a new one, with a number of its own.
    studio.export("Night Drive.wav", &wav(2, SECOND / 4));
    studio.capture().await;
    assert_eq!(studio.numbers().await, [4, 3, 1]);
    studio.library.put_back(&ids[1..2]).await.expect("back");
    assert_eq!(studio.numbers().await, [4, 3, 2, 1]);
    let (path, _) = studio.library.original(&ids[1]).await.expect("its bytes");
    assert!(std::fs::read(path).expect("readable") == wav(2, SECOND / 4));
    assert!(studio.library.trash(None).await.expect("the trash").is_empty());
}

#[tokio::test]
async fn a_track_of_which_everything_is_in_the_trash_is_in_no_list_until_a_new_version_comes() {
    let studio = Studio::new().await;
    three_versions(&studio).await;
    let track = TrackId::parse(&studio.track().await.track.id).expect("an id");
    studio.library.trash_track(&track).await.expect("trashed");
    assert!(studio.library.tracks(None).await.expect("tracks").is_empty());
    assert_eq!(studio.library.trash(None).await.expect("the trash").len(), 3);
    studio.export("Night Drive.wav", &wav(9, SECOND / 4));
    studio.capture().await;
    assert_eq!(studio.numbers().await, [4], "the track returns, visibly");
}

#[tokio::test]
async fn what_is_trashed_here_is_trashed_everywhere_and_put_back_by_the_other_computer() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    let ids = three_versions(&first).await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.library.sync_once().await.expect("sent");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.library.sync_once().await.expect("fetched");
    first.library.trash_versions(&ids[..1]).await.expect("trashed");
    first.library.sync_once().await.expect("told");
    second.library.sync_once().await.expect("heard");
    assert_eq!(second.numbers().await, [3, 2]);
    let trash = second.library.trash(None).await.expect("the trash");
    assert_eq!(trash.len(), 1);
    assert!(trash[0].kept_until > trash[0].trashed_at, "kept for a while");
    second.library.put_back(&ids[..1]).await.expect("back");
    second.library.sync_once().await.expect("told");
    first.library.sync_once().await.expect("heard");
    for computer in [&first, &second] {
        assert_eq!(computer.numbers().await, [3, 2, 1]);
        let version = computer.track().await.versions.pop().expect("the first");
        assert_eq!((version.here, version.sync), (Here::Original, VersionSync::Synced));
    }
}

#[tokio::test]
async fn what_went_into_the_trash_before_the_server_knew_it_keeps_its_number_and_sends_its_bytes_only_when_it_is_back() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    let ids = three_versions(&studio).await;
    studio.library.trash_versions(&ids[..1]).await.expect("trashed");
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    let outcome = studio.library.sync_once().await.expect("synced");
    assert_eq!((outcome.waiting, outcome.problems), (0, vec![]));
    let told = memory.versions();
    assert_eq!(
        told.iter().map(|version| (version.number, version.state)).collect::<Vec<_>>(),
        [(1, VersionState::Trashed), (2, VersionState::Complete), (3, VersionState::Complete)],
        "every number stays"
    );
    assert!(told[0].preview_sha256.is_none(), "no byte of it went out");
    assert!(!memory.holds(&told[0]));
    studio.library.put_back(&ids[..1]).await.expect("back");
    studio.library.sync_once().await.expect("synced");
    let told = memory.versions();
    assert_eq!(told[0].state, VersionState::Complete);
    assert!(memory.holds(&told[0]));
    assert_eq!(studio.numbers().await, [3, 2, 1]);
}
