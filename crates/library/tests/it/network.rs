//! Networks that lose answers or lie; clocks that are wrong; months apart.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::clock::Clock;
use collabtrack_library::error::LibraryError;
use collabtrack_library::sync::testing::faulty::{Call, Fault, Faulty, silence};
use collabtrack_library::sync::testing::memory::{MemoryRemote, problem};
use collabtrack_library::view::{Here, VersionSync};
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};
use collabtrack_protocol::problem::ErrorCode;

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

#[tokio::test]
async fn i7_every_repetition_of_a_call_whose_answer_was_lost_gives_one_version_and_one_number() {
    let memory = MemoryRemote::default();
    let lost = Arc::new(AtomicU32::new(0));
    let counting = lost.clone();
    // The first two answers of every announcement and every commit are lost.
    let faulty = Faulty::new(memory.clone(), move |call| {
        let matters = matches!(call, Call::Announce | Call::Commit | Call::Complete | Call::CreateUpload);
        (matters && counting.fetch_add(1, Ordering::Relaxed) % 3 < 2).then_some(Fault::AnswerLost)
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    for seed in 1..=3 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 20));
        studio.capture().await;
    }
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    // A round ends at the first lost answer, and which call loses it depends on what runs side by side: as many rounds as it takes,
    // within reason.
    let mut waiting = i64::MAX;
    for _ in 0..1_000 {
        match studio.sync().await {
            Ok(outcome) => waiting = outcome.waiting,
            Err(LibraryError::Remote(_)) => {}
            Err(error) => panic!("{error}"),
        }
        if waiting == 0 {
            break;
        }
    }
    assert_eq!(waiting, 0, "everything arrives in the end; {} answers were lost", lost.load(Ordering::Relaxed));
    assert!(lost.load(Ordering::Relaxed) > 12, "answers were lost");
    assert_eq!(memory.versions().iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(studio.track().await.versions.iter().all(|version| version.sync == VersionSync::Synced));
}

/// A clock that is years off.
struct WrongClock(i64);

impl Clock for WrongClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_790_000_000 + self.0).expect("a time")
    }

    fn elapsed(&self) -> Duration {
        static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        // Fast enough that nothing waits for a file to settle.
        BEGAN.get_or_init(std::time::Instant::now).elapsed() * 1_000 + Duration::from_secs(3_600)
    }
}

#[tokio::test]
async fn i9_f11_no_order_and_no_decision_comes_from_a_clock() {
    const YEARS: i64 = 10 * 365 * 86_400;
    let memory = MemoryRemote::default();
    let mut computers = Vec::new();
    for offset in [-YEARS, YEARS, -86_400] {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("Bounces")).expect("made");
        let mut options = LibraryOptions::new(folder.path().join("library"));
        options.credentials = CredentialChoice::Memory;
        options.clock = Arc::new(WrongClock(offset));
        options.remote = Some(Arc::new(memory.clone()));
        computers.push((Library::open(options).await.expect("it opens"), folder));
    }
    let project = {
        let (library, folder) = &computers[0];
        let view = library.add_folder(None, &folder.path().join("Bounces")).await.expect("watched");
        let project = ProjectId::parse(&view.id).expect("an id");
        library.put_on_server(&project).await.expect("on the server");
        project
    };
    for (library, folder) in &computers[1..] {
        library.sync_once().await.expect("synced");
        library.add_folder(Some(&project), &folder.path().join("Bounces")).await.expect("watched");
    }
    for round in 0..2 {
        for (place, (library, folder)) in (0_u32..).zip(&computers) {
            std::fs::write(folder.path().join("Bounces/Night Drive.wav"), wav(round * 3 + place, SECOND / 20)).expect("exported");
            for _ in 0..200 {
                if !library.scan_once().await.expect("a look").captured.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            library.sync_once().await.expect("synced");
        }
    }
    let told: Vec<_> = memory.versions();
    assert_eq!(told.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6], "in the order the server heard of them");
    let mut pictures = Vec::new();
    for (library, _) in &computers {
        library.sync_once().await.expect("synced");
        let track = TrackId::parse(&library.tracks(None).await.expect("tracks")[0].id).expect("an id");
        let versions = library.track(&track).await.expect("the track").versions;
        pictures.push(versions.into_iter().map(|version| (version.number, version.fingerprint)).collect::<Vec<_>>());
    }
    assert!(pictures.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(pictures[0][0].0, 6);
}

#[tokio::test]
async fn i19_refusals_and_empty_lists_of_the_server_delete_nothing_here() {
    let memory = MemoryRemote::default();
    let mut studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for seed in 1..=2 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 20));
        studio.capture().await;
    }
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    for (code, status) in [(ErrorCode::Forbidden, 403), (ErrorCode::NotFound, 404), (ErrorCode::UploadGone, 410)] {
        let refusing = Faulty::new(memory.clone(), move |_| Some(Fault::Before(problem(code, status, "Go away."))));
        studio.restart(Some(Arc::new(refusing))).await;
        drop(studio.sync().await);
        assert_eq!(studio.numbers().await, [2, 1], "after {status}");
    }
    // A server that knows nothing any more: an empty list of projects.
    studio.restart(Some(Arc::new(MemoryRemote::default()))).await;
    drop(studio.sync().await);
    let versions = studio.track().await.versions;
    assert_eq!(versions.len(), 2);
    for version in versions {
        assert_eq!(version.here, Here::Original);
        assert!(studio.library.playable(&id(&version.id)).await.is_ok());
    }
}

#[tokio::test]
async fn i21_at_every_tick_progress_only_grows_and_says_synced_no_sooner_than_the_server() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, 100 * SECOND));
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    let version = id(&studio.track().await.versions[0].id);
    let done = Arc::new(AtomicBool::new(false));
    let mut events = studio.library.events();
    let watching = {
        let (library, memory, done, version) = (studio.library.clone(), memory.clone(), done.clone(), version.clone());
        async move {
            let (mut seen, mut most) = (Vec::new(), 0);
            while !done.load(Ordering::Relaxed) {
                drop(tokio::time::timeout(Duration::from_millis(20), events.recv()).await);
                let shown = library.version(&version).await.expect("there").sync;
                let complete = memory.versions().iter().any(|told| told.state == collabtrack_protocol::versions::VersionState::Complete);
                match &shown {
                    VersionSync::Sending { percent } => {
                        assert!((most..=99).contains(percent), "from {most} to {percent}");
                        most = *percent;
                    }
                    VersionSync::Synced => assert!(complete, "synced is said only when the server has confirmed every byte"),
                    _ => {}
                }
                seen.push(shown);
            }
            seen
        }
    };
    let syncing = async {
        studio.sync().await.expect("synced");
        done.store(true, Ordering::Relaxed);
    };
    let (seen, ()) = tokio::join!(watching, syncing);
    assert!(seen.iter().any(|sync| matches!(sync, VersionSync::Sending { percent } if *percent > 0)), "it was seen on its way: {seen:?}");
    assert_eq!(studio.library.version(&version).await.expect("there").sync, VersionSync::Synced);
}

#[tokio::test]
async fn f16_the_same_name_given_apart_and_edits_that_meet_end_alike_on_both_computers() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND / 20));
    first.capture().await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.sync().await.expect("synced");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.sync().await.expect("synced");
    let track = TrackId::parse(&first.track().await.track.id).expect("an id");
    let version = id(&first.track().await.versions[0].id);
    // Apart: both name the track, both write a note, and the second exports while the first renames.
    first.library.rename_track(&track, "Dusk").await.expect("named");
    first.library.set_note(&version, "from the first").await.expect("noted");
    second.library.rename_track(&track, "Dawn").await.expect("named");
    second.library.set_note(&version, "from the second").await.expect("noted");
    for _ in 0..2 {
        first.sync().await.expect("synced");
        second.sync().await.expect("synced");
    }
    let shown = |studio: &Studio| {
        let library = studio.library.clone();
        let (track, version) = (track.clone(), version.clone());
        async move {
            let name = library.track(&track).await.expect("the track").track.name;
            (name, library.version(&version).await.expect("there").note)
        }
    };
    let (one, two) = (shown(&first).await, shown(&second).await);
    assert_eq!(one, two, "both computers show the same");
    assert_eq!(one.0, "Dusk", "the name the server heard of first");
}

#[tokio::test]
async fn f16_name_and_note_given_while_nobody_knows_whether_the_version_arrived_are_told_later() {
    let memory = MemoryRemote::default();
    let answers = Arc::new(AtomicU32::new(0));
    let lost = answers.clone();
    // The server takes the first announcement, and its answer and everything after it is lost for a while.
    let faulty = Faulty::new(memory.clone(), move |call| match (call, lost.load(Ordering::Relaxed)) {
        (Call::Announce, 0) => {
            lost.store(1, Ordering::Relaxed);
            Some(Fault::AnswerLost)
        }
        (_, 1) => Some(Fault::Before(silence())),
        _ => None,
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND / 20));
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect_err("the network is gone");
    assert_eq!(memory.versions().len(), 1, "it had arrived");
    let track = TrackId::parse(&studio.track().await.track.id).expect("an id");
    let version = id(&studio.track().await.versions[0].id);
    studio.library.rename_track(&track, "Dusk").await.expect("named");
    studio.library.set_note(&version, "with rain").await.expect("noted");
    answers.store(2, Ordering::Relaxed);
    studio.sync().await.expect("synced");
    studio.sync().await.expect("synced");
    let told = memory.versions().remove(0);
    assert_eq!((told.track_name.as_str(), told.note.as_str()), ("Dusk", "with rain"), "the server has heard of both");
    let shown = studio.track().await;
    assert_eq!((shown.track.name.as_str(), shown.versions[0].note.as_str()), ("Dusk", "with rain"), "and they hold here");
}

#[tokio::test]
async fn f17_two_computers_apart_for_a_month_keep_everything_and_nothing_comes_back_from_the_dead() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND / 20));
    first.capture().await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.sync().await.expect("synced");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.sync().await.expect("synced");
    let shared = second.folder.path().join("Shared");
    std::fs::create_dir(&shared).expect("made");
    second.library.add_folder(Some(&first.project), &shared).await.expect("watched");
    for day in 0..30_u32 {
        for studio in [&first, &second] {
            studio.clock.advance(Duration::from_secs(86_400));
        }
        if day % 10 == 0 {
            first.export("Night Drive.wav", &wav(100 + day, SECOND / 20));
            first.capture().await;
            std::fs::write(shared.join("Night Drive.wav"), wav(200 + day, SECOND / 20)).expect("exported");
            second.capture().await;
        }
    }
    std::fs::remove_file(first.bounces().join("Night Drive.wav")).expect("removed by the user");
    memory.forget_uploads();
    for studio in [&first, &second, &first, &second] {
        studio.sync().await.expect("synced");
        studio.capture().await;
    }
    let told = memory.versions();
    assert_eq!(told.iter().map(|version| version.number).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    assert!(!first.bounces().join("Night Drive.wav").exists(), "what the user removed stays removed");
    for studio in [&first, &second] {
        let tracks = studio.library.tracks(None).await.expect("tracks");
        assert_eq!(tracks.iter().map(|track| track.versions).max(), Some(7));
    }
}

#[tokio::test]
async fn f28_a_long_history_arrives_in_order_over_a_link_that_is_cut_at_random() {
    const VERSIONS: u32 = 60;
    let memory = MemoryRemote::default();
    let cut = Arc::new(Mutex::new(0x5EED_u64));
    let faulty = Faulty::new(memory.clone(), move |_| {
        let mut state = cut.lock().expect("the dice");
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match (*state >> 33) % 40 {
            0 => Some(Fault::Before(silence())),
            1 => Some(Fault::AnswerLost),
            _ => None,
        }
    });
    let studio = Studio::with(Some(Arc::new(faulty))).await;
    for seed in 1..=VERSIONS {
        studio.export("Night Drive.wav", &wav(seed, 400));
        studio.capture().await;
    }
    let before: Vec<String> = studio.track().await.versions.into_iter().map(|version| version.fingerprint).collect();
    let mut connected = studio.library.put_on_server(&studio.project).await;
    for _ in 0..400 {
        if connected.is_err() {
            connected = studio.library.put_on_server(&studio.project).await;
        }
        match studio.sync().await {
            Ok(outcome) if outcome.waiting == 0 => break,
            Ok(_) | Err(LibraryError::Remote(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let told: Vec<String> = memory.versions().iter().rev().map(|version| version.content_id.to_string()).collect();
    assert_eq!(told, before, "every version once, in the order it was made");
    assert_eq!(studio.numbers().await.len(), VERSIONS as usize);
}

#[tokio::test]
async fn i23_numbers_name_one_version_for_ever_also_after_moves() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for (name, seed) in [("Night Drive.wav", 1), ("Rain.wav", 2)] {
        studio.export(name, &wav(seed, SECOND / 20));
        studio.capture().await;
    }
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    let tracks = studio.library.tracks(None).await.expect("tracks");
    let [drive, rain] = [0, 1].map(|place| TrackId::parse(&tracks[place].id).expect("an id"));
    let mut ever: std::collections::BTreeMap<(TrackId, i64), VersionId> = std::collections::BTreeMap::new();
    for round in 0..4_u32 {
        let newest = studio.library.track(&drive).await.expect("the track").versions.remove(0);
        studio.library.move_versions(&[id(&newest.id)], &rain).await.expect("moved");
        studio.sync().await.expect("synced");
        studio.export(&format!("Take {round}/Night Drive.wav"), &wav(10 + round, SECOND / 20));
        studio.capture().await;
        studio.sync().await.expect("synced");
        for version in memory.versions() {
            let known = ever.entry((version.track.clone(), version.number)).or_insert_with(|| version.id.clone());
            assert_eq!(*known, version.id, "a number never names another version");
        }
    }
    assert!(ever.keys().filter(|(track, _)| *track == drive).count() >= 4, "numbers that were moved away stay used");
}

#[tokio::test]
async fn f20_an_original_the_store_lost_is_sent_again_by_whoever_has_its_bytes() {
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND / 20));
    first.capture().await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.sync().await.expect("synced");
    let second = Studio::with(Some(Arc::new(memory.clone()))).await;
    second.sync().await.expect("synced");
    let version = memory.versions().remove(0);
    memory.lose_original(&version.id);
    assert!(!memory.holds(&version));
    // Somebody else than its author has it too.
    assert_eq!(second.sync().await.expect("synced").waiting, 0);
    assert!(memory.holds(&version), "every byte is in the store again");
    first.sync().await.expect("synced");
    for studio in [&first, &second] {
        let shown = studio.library.version(&id(version.id.as_str())).await.expect("there");
        assert_eq!(shown.sync, VersionSync::Synced);
    }
}
