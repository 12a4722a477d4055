//! Which originals stay on this computer, and edits of what the server knows already.

use std::sync::Arc;

use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_library::error::LibraryError;
use collabtrack_library::sync::testing::faulty::{Call, Fault, Faulty, silence};
use collabtrack_library::sync::testing::memory::{MemoryRemote, problem};
use collabtrack_library::view::{Here, VersionSync};
use collabtrack_protocol::problem::ErrorCode;

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

async fn with_versions(remote: Arc<dyn collabtrack_library::sync::remote::Remote>, count: u32) -> Studio {
    let studio = Studio::with(Some(remote)).await;
    for seed in 1..=count {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 10));
        studio.capture().await;
    }
    studio
}

async fn here(studio: &Studio) -> Vec<(i64, Here)> {
    studio.track().await.versions.iter().map(|version| (version.number, version.here)).collect()
}

#[tokio::test]
async fn only_confirmed_originals_go_and_come_back_when_asked_for() {
    let memory = MemoryRemote::default();
    let studio = with_versions(Arc::new(memory.clone()), 3).await;
    studio.library.set_keeping(&studio.project, "latest:1", None).await.expect("set");
    assert_eq!(here(&studio).await, [(3, Here::Original), (2, Here::Original), (1, Here::Original)], "nothing is confirmed yet");
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    assert_eq!(here(&studio).await, [(3, Here::Original), (2, Here::Preview), (1, Here::Preview)]);
    let outcome = studio.sync().await.expect("synced");
    assert_eq!((outcome.fetching, here(&studio).await[1].1), (0, Here::Preview), "what was let go is not fetched again");
    let first = studio.track().await.versions.remove(2);
    let playable = studio.library.playable(&id(&first.id)).await.expect("its preview plays");
    assert!(playable.is_preview && !playable.loudness_is_own, "it is matched by what its original was measured as");
    studio.library.get_original(&id(&first.id)).await.expect("fetched");
    studio.sync().await.expect("synced");
    assert_eq!(here(&studio).await[2], (1, Here::Original), "what somebody asked for stays");
    let (path, _) = studio.library.original(&id(&first.id)).await.expect("here");
    assert_eq!(std::fs::read(path).expect("readable"), wav(1, SECOND / 10));
    assert!(matches!(studio.library.set_keeping(&studio.project, "latest:0", None).await, Err(LibraryError::Invalid { .. })));
}

#[tokio::test]
async fn f30_a_lost_confirmation_keeps_the_original_whatever_the_budget() {
    let memory = MemoryRemote::default();
    let faulty = Faulty::new(memory.clone(), |call| (call == Call::Commit).then(|| Fault::Before(silence())));
    let mut studio = with_versions(Arc::new(faulty), 2).await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.library.set_keeping(&studio.project, "on_demand", Some(1)).await.expect("set");
    let failed = studio.sync().await;
    assert!(failed.is_err(), "the commit was never heard: {failed:?}");
    assert!(here(&studio).await.iter().all(|(_, here)| *here == Here::Original), "the server has not said that it has every byte");
    let lost = Faulty::new(memory.clone(), {
        let mut once = true;
        move |call| (call == Call::Commit && std::mem::take(&mut once)).then_some(Fault::AnswerLost)
    });
    studio.restart(Some(Arc::new(lost))).await;
    assert!(studio.sync().await.is_err(), "the answer was lost");
    assert!(here(&studio).await.iter().any(|(_, here)| *here == Here::Original));
    studio.restart(Some(Arc::new(memory.clone()))).await;
    studio.sync().await.expect("synced");
    assert!(here(&studio).await.iter().all(|(_, here)| *here == Here::Preview), "confirmed, and nobody wants them here");
    for version in studio.track().await.versions {
        studio.library.get_original(&id(&version.id)).await.expect("nothing is lost");
    }
}

#[tokio::test]
async fn i26_a_preview_never_stands_in_for_the_original() {
    let memory = MemoryRemote::default();
    let studio = with_versions(Arc::new(memory.clone()), 1).await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    studio.library.set_keeping(&studio.project, "on_demand", None).await.expect("set");
    let version = studio.track().await.versions.remove(0);
    let parsed = id(&version.id);
    assert_eq!(version.here, Here::Preview);
    assert!(matches!(studio.library.original(&id(&version.id)).await, Err(LibraryError::NotHere { .. })));
    assert!(studio.library.playable(&id(&version.id)).await.expect("playable").is_preview, "playing says that it is one");
    // Drawn by its original's table; closer than that, by its own samples.
    let header = |bytes: &[u8]| {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        (word(4), word(8), u64::from_le_bytes(bytes[16..24].try_into().expect("eight bytes")))
    };
    let drawn = |from, to, width| studio.library.waveform(&parsed, from, to, width);
    assert_eq!(header(&drawn(0, 4_800, 5).await.expect("drawn")), (0, 19, 256));
    let near = drawn(1_000, 1_100, 300).await.expect("drawn");
    assert_eq!(header(&near), (1_000, 100, 1));
    let original = wav(1, SECOND / 10);
    let mut error = 0.0_f64;
    for frame in 0..100 {
        let number = |bytes: &[u8], at: usize| f64::from(i16::from_le_bytes(bytes[at..at + 2].try_into().expect("two bytes")));
        error = error.max((number(&near, 24 + frame * 12) - number(&original, 44 + (1_000 + frame) * 4)).abs());
    }
    assert!(error > 0.0 && error < 3_000.0, "a preview is near its original: {error}");
    let target = studio.folder.path().join("out.wav");
    studio.library.fetch(&id(&version.id), &target).await.expect("fetched from the server");
    assert_eq!(std::fs::read(target).expect("there"), wav(1, SECOND / 10), "the exact bytes, never the preview");
}

#[tokio::test]
async fn names_notes_kinds_and_moves_reach_the_other_computer_after_the_announcement() {
    let memory = MemoryRemote::default();
    let first = with_versions(Arc::new(memory.clone()), 2).await;
    first.export("Sun.wav", &wav(9, SECOND / 10));
    first.capture().await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.sync().await.expect("synced");
    let tracks = first.library.tracks(None).await.expect("tracks");
    let track = |name: &str| {
        let found = tracks.iter().find(|track| track.name == name).expect("a track");
        TrackId::parse(&found.id).expect("an id")
    };
    let (drive, sun) = (track("Night Drive"), track("Sun"));
    let newest = first.library.track(&drive).await.expect("the track").versions.remove(0);
    first.library.rename_track(&drive, "Night Drive (Album)").await.expect("named");
    first.library.set_note(&id(&newest.id), "louder chorus").await.expect("noted");
    first.library.set_kind(&id(&newest.id), "master").await.expect("set");
    first.library.move_versions(&[id(&newest.id)], &sun).await.expect("moved");
    let moved = first.library.version(&id(&newest.id)).await.expect("there");
    assert_eq!((moved.number, moved.is_final), (2, false), "the number is the server's to give");
    first.sync().await.expect("synced");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.sync().await.expect("synced");
    for studio in [&first, &second] {
        let names: Vec<String> = studio.library.tracks(None).await.expect("tracks").into_iter().map(|track| track.name).collect();
        assert_eq!(names, ["Night Drive (Album)", "Sun"]);
        let version = studio.library.version(&id(&newest.id)).await.expect("there");
        assert_eq!((version.note.as_str(), version.kind.as_str(), version.number, version.is_final), ("louder chorus", "master", 2, true));
        assert_eq!(version.track, sun.to_string());
        assert_eq!(version.sync, VersionSync::Synced);
    }
    first.export("Night Drive.wav", &wav(5, SECOND / 10));
    first.capture().await;
    first.sync().await.expect("synced");
    let numbers: Vec<i64> = memory.versions().iter().filter(|version| version.track == sun).map(|version| version.number).collect();
    assert_eq!(numbers, [1, 2, 3], "the same path goes on where its last version was moved to");
}

#[tokio::test]
async fn an_edit_the_server_refuses_is_taken_back_and_told() {
    let memory = MemoryRemote::default();
    let faulty = Faulty::new(memory.clone(), |call| {
        (call == Call::Edit).then(|| Fault::Before(problem(ErrorCode::Conflict, 409, "The version is approved.")))
    });
    let studio = with_versions(Arc::new(faulty), 1).await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    let mut events = studio.library.events();
    let version = studio.track().await.versions.remove(0);
    studio.library.set_note(&id(&version.id), "mine").await.expect("noted");
    let outcome = studio.sync().await.expect("a round");
    assert!(outcome.problems.iter().any(|problem| problem.contains("approved")), "{:?}", outcome.problems);
    studio.sync().await.expect("a round");
    assert_eq!(studio.library.version(&id(&version.id)).await.expect("there").note, "", "what the server says holds");
    let mut told = false;
    while let Ok(event) = events.try_recv() {
        told |= matches!(event, collabtrack_library::view::AppEvent::Notice { message } if message.contains("taken back"));
    }
    assert!(told);
}
