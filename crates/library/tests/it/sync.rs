//! Syncing against a server in memory, with every fault that can be scripted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collabtrack_domain::id::VersionId;
use collabtrack_library::error::LibraryError;
use collabtrack_library::sync::remote::{Remote, RemoteError};
use collabtrack_library::sync::testing::faulty::{Call, Fault, Faulty, silence};
use collabtrack_library::sync::testing::memory::{MemoryRemote, problem};
use collabtrack_library::view::{Here, VersionSync};
use collabtrack_protocol::problem::ErrorCode;

use crate::studio::{SECOND, Studio, wav};

const MIB: u64 = 1 << 20;

/// Connects the studio's project to its remote, as signing in and putting it on a server do.
async fn connect(studio: &Studio) {
    studio.library.put_on_server(&studio.project).await.expect("the project is on the server");
}

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

#[tokio::test]
async fn i24_versions_made_alone_keep_order_and_numbers_on_an_empty_server() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for seed in 1..=3 {
        studio.export("Night Drive.wav", &wav(seed, SECOND));
        studio.capture().await;
    }
    connect(&studio).await;
    let outcome = studio.library.sync_once().await.expect("synced");
    assert_eq!((outcome.waiting, outcome.fetching, outcome.problems), (0, 0, vec![]));
    let versions = studio.track().await.versions;
    assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(versions.iter().all(|version| version.is_final && version.sync == VersionSync::Synced));
    assert_eq!(memory.versions().len(), 3);
}

#[tokio::test]
async fn a_second_computer_gets_everything_byte_for_byte_and_plays_it_alone() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    let bytes = wav(1, 2 * SECOND);
    first.export("Night Drive.wav", &bytes);
    first.capture().await;
    connect(&first).await;
    first.library.sync_once().await.expect("sent");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.library.sync_once().await.expect("fetched");
    let version = second.track().await.versions.remove(0);
    assert_eq!((version.number, version.here, version.author.as_str()), (1, Here::Original, "Mira"));
    let (path, _) = second.library.original(&id(&version.id)).await.expect("here");
    assert!(std::fs::read(path).expect("readable") == bytes);
    assert!(!second.library.playable(&id(&version.id)).await.expect("playable").is_preview);
}

#[tokio::test]
async fn f4_an_outage_at_any_call_ends_in_the_same_state_without_doubles() {
    // How many calls a whole sync makes, then one run per call and way in which it can fail.
    let (count, sound) = calls_of_a_sync(|_| None).await;
    assert!(count > 8, "{count} calls");
    let unavailable =
        |status, wait: Option<u64>| Fault::Before(RemoteError::Unavailable { status, retry_after: wait.map(Duration::from_secs) });
    let ways: [(&str, &(dyn Fn() -> Fault + Sync)); 5] = [
        ("no answer", &|| Fault::Before(silence())),
        ("an answer that is lost", &|| Fault::AnswerLost),
        ("500", &|| unavailable(500, None)),
        ("503", &|| unavailable(503, None)),
        ("429", &|| unavailable(429, Some(2))),
    ];
    for at in 0..count {
        for (way, fault) in ways {
            let seen = AtomicUsize::new(0);
            let mut fault = Some(fault());
            let (_, memory) = calls_of_a_sync(move |_| if seen.fetch_add(1, Ordering::Relaxed) == at { fault.take() } else { None }).await;
            let versions = memory.versions();
            assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2], "call {at}, {way}");
            assert!(versions.iter().all(|version| memory.holds(version)), "call {at}, {way}: every byte is in the store");
            assert_eq!(memory.objects(), sound.objects(), "call {at}, {way}: nothing lies there twice");
        }
    }
}

/// Two versions, synced until nothing is left, through a scripted remote.
async fn calls_of_a_sync(script: impl FnMut(Call) -> Option<Fault> + Send + 'static) -> (usize, MemoryRemote) {
    let memory = MemoryRemote::default();
    let faulty = Faulty::new(memory.clone(), script);
    let studio = Studio::with(Some(Arc::new(faulty.clone()))).await;
    for seed in 1..=2 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 4));
        studio.capture().await;
    }
    connect(&studio).await;
    for _ in 0..4 {
        match studio.sync().await {
            Ok(outcome) if outcome.waiting == 0 => break,
            Ok(_) | Err(LibraryError::Remote(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(studio.library.status().await.expect("a status").sync.waiting, 0);
    assert!(studio.track().await.versions.iter().all(|version| version.sync == VersionSync::Synced));
    (faulty.calls().len(), memory)
}

#[tokio::test]
async fn i6_stopping_in_the_middle_of_an_upload_sends_only_the_rest_again() {
    let memory = MemoryRemote::default();
    let puts = Arc::new(AtomicUsize::new(0));
    let (seen, stop) = (puts.clone(), Arc::new(tokio::sync::Notify::new()));
    let stopped = stop.clone();
    let faulty = Faulty::new(memory.clone(), move |call| {
        // The preview is one PUT; after two parts of the original the computer goes off.
        if call == Call::Put && seen.fetch_add(1, Ordering::Relaxed) == 3 {
            stopped.notify_one();
        }
        None
    });
    let mut studio = Studio::with(Some(Arc::new(faulty))).await;
    // Noise, which no codec makes smaller: what is sent is the file.
    let mut bytes = wav(1, 60 * SECOND * 4);
    let mut state = 1_u32;
    for byte in &mut bytes[44..] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let length = bytes.len() as u64;
    assert!(length > 40 * MIB);
    studio.export("Night Drive.wav", &bytes);
    studio.capture().await;
    connect(&studio).await;
    let library = studio.library.clone();
    let running = tokio::spawn(async move { library.sync_once().await });
    tokio::time::timeout(std::time::Duration::from_secs(60), stop.notified()).await.expect("it sends within a minute");
    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()), "it was stopped in the middle");
    assert!(memory.received() < length, "not everything had been sent");
    studio.restart(Some(Arc::new(memory.clone()))).await;
    let outcome = studio.library.sync_once().await.expect("it goes on");
    assert_eq!(outcome.waiting, 0);
    let preview = memory.versions()[0].preview_length.expect("a preview");
    let again = memory.received() - preview - length;
    assert!(again <= 3 * 8 * MIB, "{again} bytes were sent twice, more than the parts in flight");
    assert_eq!(studio.track().await.versions[0].sync, VersionSync::Synced);
}

#[tokio::test]
async fn a_waiting_outbox_survives_a_restart() {
    let memory = MemoryRemote::default();
    let away = Faulty::new(memory.clone(), |call| (call == Call::CreateUpload).then(|| Fault::Before(silence())));
    let mut studio = Studio::with(Some(Arc::new(away))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    let failed = studio.library.sync_once().await;
    assert!(matches!(failed, Err(LibraryError::Remote(RemoteError::Unreachable { .. }))), "{failed:?}");
    assert_eq!(studio.library.status().await.expect("a status").sync.waiting, 1);
    let version = studio.track().await.versions.remove(0);
    assert_eq!((version.sync, version.is_final), (VersionSync::Offline, false));
    studio.restart(Some(Arc::new(memory.clone()))).await;
    assert_eq!(studio.library.sync_once().await.expect("synced").waiting, 0);
    assert_eq!(memory.versions().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_changes_nothing_here() {
    let away = Faulty::new(MemoryRemote::default(), |_| Some(Fault::Before(silence())));
    let studio = Studio::with(Some(Arc::new(away))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    let error = studio.library.sync_once().await.expect_err("nobody answers");
    let view = error.view();
    assert_eq!(view.code, "server_unreachable");
    assert!(view.message.contains("Nothing is lost") && view.hint.is_some());
    let version = studio.track().await.versions.remove(0);
    assert!(studio.library.playable(&id(&version.id)).await.is_ok());
    let status = studio.library.status().await.expect("a status");
    assert_ne!(status.sync.sentence, "Everything is safe on the server");
}

#[tokio::test]
async fn f10_a_signature_that_ran_out_is_renewed_once() {
    let memory = MemoryRemote::default();
    let first = AtomicUsize::new(0);
    let faulty = Faulty::new(memory.clone(), move |call| {
        (call == Call::Put && first.fetch_add(1, Ordering::Relaxed) == 0).then(|| Fault::Before(RemoteError::StoreRefused { status: 403 }))
    });
    let studio = Studio::with(Some(Arc::new(faulty.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    let outcome = studio.library.sync_once().await.expect("synced");
    assert_eq!((outcome.waiting, outcome.problems), (0, vec![]));
    assert!(faulty.calls().contains(&Call::Upload), "it asked for a fresh signature");
}

#[tokio::test]
async fn f12_bytes_the_store_refuses_are_told_and_nothing_loops() {
    let memory = MemoryRemote::default();
    let faulty = Faulty::new(memory.clone(), |call| (call == Call::Put).then(|| Fault::Before(RemoteError::ChecksumRefused)));
    let studio = Studio::with(Some(Arc::new(faulty.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    let running = studio.library.sync_once();
    let ticking = async {
        loop {
            studio.clock.advance(std::time::Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let outcome = tokio::select! { outcome = running => outcome.expect("it ends"), () = ticking => unreachable!("the clock never ends") };
    assert_eq!(outcome.waiting, 1);
    assert!(outcome.problems.iter().any(|problem| problem.contains("refuses these bytes")), "{:?}", outcome.problems);
    let version = studio.track().await.versions.remove(0);
    assert!(matches!(version.sync, VersionSync::NeedsYou { .. }), "{:?}", version.sync);
    assert_eq!(version.number, 1, "announced without a preview: it blocks nothing");
    assert!(version.is_final);
    assert!(faulty.calls().iter().filter(|call| **call == Call::Put).count() <= 12, "it does not hammer the store");
}

#[tokio::test]
async fn a_refusal_holds_only_that_version() {
    let memory = MemoryRemote::default();
    let first = AtomicUsize::new(0);
    let faulty = Faulty::new(memory.clone(), move |call| {
        let refuse = call == Call::Announce && first.fetch_add(1, Ordering::Relaxed) == 0;
        refuse.then(|| Fault::Before(problem(ErrorCode::TooLarge, 413, "The file is larger than this server takes.")))
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.export("Rain.wav", &wav(2, SECOND));
    studio.capture().await;
    connect(&studio).await;
    let outcome = studio.library.sync_once().await.expect("the rest goes on");
    assert_eq!((outcome.waiting, memory.versions().len()), (1, 1));
    let problem = outcome.problems.first().expect("it is told");
    assert!(problem.contains("larger than this server takes"));
    studio.library.sync_now().await.expect("tried again by the user's wish");
    assert_eq!(studio.library.sync_once().await.expect("synced").waiting, 0);
}

#[tokio::test]
async fn i10_two_computers_that_worked_offline_keep_both_versions() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND));
    first.capture().await;
    connect(&first).await;
    first.library.sync_once().await.expect("synced");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.library.sync_once().await.expect("synced");
    let shared = second.folder.path().join("Shared");
    std::fs::create_dir(&shared).expect("made");
    second.library.add_folder(Some(&first.project), &shared).await.expect("a folder of the shared project");
    // Both export before either syncs.
    first.export("Night Drive.wav", &wav(2, SECOND));
    first.capture().await;
    std::fs::write(shared.join("Night Drive.wav"), wav(3, SECOND)).expect("exported");
    second.capture().await;
    second.library.sync_once().await.expect("synced");
    let before = first.track().await.versions.remove(0);
    assert_eq!((before.number, before.is_final), (2, false));
    first.library.sync_once().await.expect("synced");
    second.library.sync_once().await.expect("synced");
    let seen = |studio: &Studio| {
        let library = studio.library.clone();
        async move {
            let track = library.tracks(None).await.expect("tracks").into_iter().find(|track| track.versions == 3).expect("three versions");
            let track = collabtrack_domain::id::TrackId::parse(&track.id).expect("an id");
            let versions = library.track(&track).await.expect("the track").versions;
            versions.into_iter().map(|version| (version.number, version.fingerprint, version.is_final)).collect::<Vec<_>>()
        }
    };
    let (one, two) = (seen(&first).await, seen(&second).await);
    assert_eq!(one, two, "both agree");
    assert_eq!(one.iter().map(|version| version.0).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(memory.versions().last().is_some_and(|version| version.parent.is_some()), "parents are recorded");
}

#[tokio::test]
async fn i13_a_server_restored_from_an_older_copy_gets_the_lost_versions_again() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for seed in 1..=3 {
        studio.export("Night Drive.wav", &wav(seed, SECOND));
        studio.capture().await;
    }
    connect(&studio).await;
    studio.library.sync_once().await.expect("synced");
    memory.restore_older(2);
    assert!(memory.versions().len() < 3);
    let outcome = studio.library.sync_once().await.expect("synced");
    assert_eq!(outcome.waiting, 0);
    assert_eq!(studio.numbers().await, [3, 2, 1], "nothing was deleted here");
    assert_eq!(memory.versions().len(), 3, "and nothing is lost there");
}

#[tokio::test]
async fn i13_versions_the_server_lost_are_offered_again_although_the_app_ended_in_the_middle_of_reading() {
    let memory = MemoryRemote::default();
    let pages = Arc::new(AtomicUsize::new(usize::MAX));
    let left = pages.clone();
    let faulty = Faulty::new(memory.clone(), move |call| {
        (call == Call::Changes && left.fetch_sub(1, Ordering::Relaxed) == 0).then(|| Fault::Before(silence()))
    });
    let mut studio = Studio::with(Some(Arc::new(faulty))).await;
    for seed in 1..=6 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 10));
        studio.capture().await;
        if seed == 1 {
            connect(&studio).await;
        }
        studio.sync().await.expect("synced");
    }
    let told = memory.versions().len();
    memory.restore_older(4);
    assert!(memory.versions().len() < told);
    // The first question finds another history, the second brings its first page, the third is not answered any more.
    pages.store(2, Ordering::Relaxed);
    assert!(studio.library.sync_once().await.is_err());
    studio.restart(None).await;
    studio.sync().await.expect("synced");
    assert_eq!(memory.versions().len(), told, "nothing is lost on the server");
    assert_eq!(studio.numbers().await, [6, 5, 4, 3, 2, 1], "nor here");
}

#[tokio::test]
async fn what_is_edited_while_an_announcement_has_no_answer_yet_is_told_after_it() {
    let memory = MemoryRemote::default();
    let once = Mutex::new(true);
    let faulty = Faulty::new(memory.clone(), move |call| {
        (call == Call::Announce && std::mem::replace(&mut *once.lock().expect("the flag"), false)).then_some(Fault::AnswerLost)
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    assert!(studio.library.sync_once().await.is_err(), "the answer is lost");
    let version = studio.track().await.versions[0].clone();
    studio.library.set_note(&id(&version.id), "Louder vocals").await.expect("noted");
    assert_eq!(studio.sync().await.expect("synced").waiting, 0);
    assert_eq!(memory.versions()[0].note, "Louder vocals");
    assert_eq!(studio.track().await.versions[0].note, "Louder vocals");
}

#[tokio::test]
async fn edits_of_a_version_that_was_just_moved_are_told_after_the_move() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    studio.sync().await.expect("synced");
    let version = id(&studio.track().await.versions[0].id);
    studio.library.split_track(std::slice::from_ref(&version), "Day Drive").await.expect("moved");
    studio.library.set_note(&version, "In the other track").await.expect("noted");
    assert_eq!(studio.sync().await.expect("synced").waiting, 0);
    let told = &memory.versions()[0];
    assert_eq!((told.track_name.as_str(), told.note.as_str()), ("Day Drive", "In the other track"));
    assert_eq!(studio.library.version(&version).await.expect("there").note, "In the other track");
}

#[tokio::test]
async fn f7_a_forgotten_upload_session_is_opened_anew() {
    let memory = MemoryRemote::default();
    let other = memory.clone();
    let once = Mutex::new(true);
    let faulty = Faulty::new(memory.clone(), move |call| {
        if call == Call::Complete && std::mem::replace(&mut *once.lock().expect("the flag"), false) {
            other.forget_uploads();
        }
        None
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    assert_eq!(studio.library.sync_once().await.expect("synced").waiting, 0);
}

#[tokio::test]
async fn f7_a_preview_or_table_cleared_away_before_it_is_named_is_sent_again() {
    for named_by in [Call::Announce, Call::Tables] {
        let memory = MemoryRemote::default();
        let other = memory.clone();
        let once = Mutex::new(true);
        let faulty = Faulty::new(memory.clone(), move |call| {
            if call == named_by && std::mem::replace(&mut *once.lock().expect("the flag"), false) {
                other.forget_uploads();
            }
            None
        });
        let studio = Studio::with(Some(Arc::new(faulty))).await;
        studio.export("Night Drive.wav", &wav(1, SECOND));
        studio.capture().await;
        connect(&studio).await;
        assert_eq!(studio.sync().await.expect("synced").waiting, 0, "{named_by:?}");
        let told = &memory.versions()[0];
        assert!(told.preview_sha256.is_some() && told.tables_sha256.is_some(), "{named_by:?}: nothing is left out");
    }
}

#[tokio::test]
async fn f12_damaged_downloads_are_never_taken() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND));
    first.capture().await;
    connect(&first).await;
    first.library.sync_once().await.expect("sent");
    memory.damage_objects();
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    let running = second.library.sync_once();
    let ticking = async {
        loop {
            second.clock.advance(std::time::Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let outcome = tokio::select! { outcome = running => outcome.expect("it ends"), () = ticking => unreachable!("the clock never ends") };
    assert_eq!(outcome.fetching, 1);
    let version = second.track().await.versions.remove(0);
    assert_eq!(version.here, Here::Nothing, "nothing that is not the announced bytes is kept");
    assert!(matches!(second.library.playable(&id(&version.id)).await, Err(LibraryError::NotHere { .. })));
}

#[tokio::test]
async fn going_back_sends_no_bytes() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for seed in 1..=2 {
        studio.export("Night Drive.wav", &wav(seed, SECOND));
        studio.capture().await;
    }
    connect(&studio).await;
    studio.library.sync_once().await.expect("synced");
    let before = memory.received();
    let first = studio.track().await.versions.remove(1);
    studio.library.restore_version(&id(&first.id)).await.expect("restored");
    assert_eq!(studio.library.sync_once().await.expect("synced").waiting, 0);
    assert_eq!(memory.received(), before);
    assert_eq!(memory.versions().last().map(|version| version.number), Some(3));
}

#[tokio::test]
async fn a_paused_library_sends_nothing_until_it_goes_on() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    connect(&studio).await;
    studio.library.pause_sync(true).await.expect("paused");
    assert_eq!(studio.library.sync_once().await.expect("a round").waiting, 1);
    assert_eq!(studio.track().await.versions[0].sync, VersionSync::Paused);
    studio.library.pause_sync(false).await.expect("goes on");
    assert_eq!(studio.library.sync_once().await.expect("a round").waiting, 0);
}

#[test]
fn a_remote_can_be_shared() {
    fn shared<T: Remote + Clone>() {}
    shared::<MemoryRemote>();
    shared::<Faulty<MemoryRemote>>();
}
