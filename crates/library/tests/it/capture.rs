//! From a file in a watched folder to a numbered version that can be heard; and everything that is not one.

use std::time::{Duration, Instant};

use collabtrack_domain::id::VersionId;
use collabtrack_library::error::LibraryError;
use collabtrack_library::view::{CandidateState, Here, RootState, VersionSync};
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

#[tokio::test]
async fn exporting_over_the_same_file_gives_version_two_and_keeps_version_one() {
    let studio = Studio::new().await;
    let (one, two) = (wav(1, SECOND), wav(2, SECOND));
    studio.export("Night Drive.wav", &one);
    assert_eq!(studio.capture().await.captured.len(), 1);
    studio.export("Night Drive.wav", &two);
    assert_eq!(studio.capture().await.captured.len(), 1);
    let track = studio.track().await;
    assert_eq!(track.track.name, "Night Drive");
    let [newest, oldest] = track.versions.as_slice() else { panic!("two versions, not {}", track.versions.len()) };
    assert_eq!((newest.number, oldest.number), (2, 1));
    for (version, bytes) in [(newest, &two), (oldest, &one)] {
        let (path, name) = studio.library.original(&id(&version.id)).await.expect("the original is here");
        assert!(std::fs::read(path).expect("readable") == *bytes, "byte for byte");
        assert_eq!(name, "Night Drive.wav");
        assert_eq!((version.sample_rate, version.bit_depth, version.channels, version.frames), (48_000, Some(16), 2, u64::from(SECOND)));
        assert_eq!(version.format, "WAV");
        assert_eq!((version.here, &version.sync, version.is_final), (Here::Original, &VersionSync::OnlyHere, true));
        assert!(version.loudness_lufs.is_some_and(|lufs| lufs > -40.0 && lufs < 0.0));
    }
}

#[tokio::test]
async fn a_version_can_be_heard_and_drawn_without_any_server() {
    let studio = Studio::new().await;
    studio.export("Rain (Rough).wav", &wav(3, 3 * SECOND));
    studio.capture().await;
    let version = studio.track().await.versions.remove(0);
    assert_eq!(version.kind, "rough");
    let playable = studio.library.playable(&id(&version.id)).await.expect("playable");
    assert!(!playable.is_preview);
    assert_eq!((playable.number, playable.track_name.as_str(), playable.duration_ms), (1, "Rain", 3_000));
    assert!(playable.loudness.is_some_and(|table| table.blocks() >= 29));
    let view = studio.library.waveform(&id(&version.id), 0, u64::from(3 * SECOND), 300).await.expect("peaks");
    let bins = u32::from_le_bytes(view[8..12].try_into().expect("four bytes"));
    assert!(bins > 100, "{bins} bins");
    assert!(studio.library.overview(&id(&version.id)).await.expect("an overview").len() > 24);
    // Closer than the pyramid: the samples themselves.
    let near = studio.library.waveform(&id(&version.id), 1_000, 1_100, 300).await.expect("samples");
    let (first, bins) =
        (u32::from_le_bytes(near[4..8].try_into().expect("four")), u32::from_le_bytes(near[8..12].try_into().expect("four")));
    assert_eq!((first, bins, u64::from_le_bytes(near[16..24].try_into().expect("eight"))), (1_000, 100, 1));
    let bytes = wav(3, 3 * SECOND);
    let sample = i16::from_le_bytes(bytes[44 + 4_000..44 + 4_002].try_into().expect("two"));
    let (low, high) =
        (i16::from_le_bytes(near[24..26].try_into().expect("two")), i16::from_le_bytes(near[26..28].try_into().expect("two")));
    let exact = f64::from(sample) / 32_768.0 * 32_767.0;
    assert!(f64::from(low) <= exact && exact <= f64::from(high) && high - low <= 1, "{low} {exact} {high}");
}

#[tokio::test]
async fn capture_keeps_what_versions_are_lined_up_by() {
    let studio = Studio::new().await;
    studio.export("Rain.wav", &wav(3, 3 * SECOND));
    studio.capture().await;
    let version = studio.track().await.versions.remove(0);
    let tables = studio.folder.path().join("library/tables");
    for kind in ["peaks", "loudness", "envelope", "blocks"] {
        assert!(tables.join(format!("{}.{kind}", version.fingerprint)).exists(), "{kind}");
    }
    let landmarks = studio.library.landmarks(&id(&version.id)).await.expect("landmarks");
    assert_eq!(landmarks.envelope.hops(), 300);
    assert_eq!(landmarks.blocks.iter().map(|block| block.frames).sum::<u32>(), 3 * SECOND);
    // Lost tables are made again from the sound.
    std::fs::remove_file(tables.join(format!("{}.blocks", version.fingerprint))).expect("removed");
    assert_eq!(studio.library.landmarks(&id(&version.id)).await.expect("measured again"), landmarks);
}

#[tokio::test]
async fn a_version_is_handed_out_under_a_name_people_read_and_exported_as_wav() {
    let studio = Studio::new().await;
    let bytes = wav(3, SECOND);
    studio.export("Rain mix1.wav", &bytes);
    studio.capture().await;
    let version = id(&studio.track().await.versions.remove(0).id);
    let handed = studio.library.hand_out(&version).await.expect("a copy");
    assert_eq!(handed.file_name().expect("a name"), "Rain - version 1 (not final).wav");
    assert_eq!(std::fs::read(&handed).expect("read"), bytes);
    assert_eq!(studio.library.hand_out(&version).await.expect("the same copy"), handed);
    // What another program made of its copy stays; the next one gets a whole one.
    std::fs::write(&handed, b"changed by a DAW").expect("written");
    let again = studio.library.hand_out(&version).await.expect("another copy");
    assert!(again != handed && std::fs::read(&again).expect("read") == bytes);
    assert_eq!(std::fs::read(&handed).expect("read"), b"changed by a DAW");
    let target = studio.folder.path().join("Mine.wav");
    std::fs::write(&target, b"older").expect("written");
    studio.library.export(&version, &target).await.expect("exported over what was chosen to be replaced");
    assert_eq!(std::fs::read(&target).expect("read"), bytes);
    assert!(!studio.folder.path().join("Mine.wav.part").exists());
    let nowhere = studio.folder.path().join("no such folder/Mine.wav");
    assert!(studio.library.export(&version, &nowhere).await.is_err());
}

#[tokio::test]
async fn a_growing_file_is_not_taken_until_it_is_done() {
    let studio = Studio::new().await;
    let whole = wav(1, 2 * SECOND);
    for part in [10_000, 100_000, 200_000] {
        studio.export("Night Drive.wav", &whole[..part]);
        assert!(studio.library.scan_once().await.expect("a look").captured.is_empty());
        studio.clock.advance(Duration::from_secs(1));
    }
    let candidate = studio.candidate().await;
    assert_eq!((candidate.state, candidate.path.as_str()), (CandidateState::StillBeingWritten, "Night Drive.wav"));
    studio.clock.advance(Duration::from_secs(120));
    assert!(studio.library.scan_once().await.expect("a look").captured.is_empty(), "still for long, but its header speaks of more");
    studio.export("Night Drive.wav", &whole);
    studio.library.scan_once().await.expect("a look");
    studio.clock.advance(Duration::from_secs(60));
    assert_eq!(studio.library.scan_once().await.expect("a look").captured.len(), 1);
    assert!(studio.library.candidates().await.expect("candidates").is_empty());
    assert_eq!(studio.numbers().await, [1]);
}

#[tokio::test]
async fn a_truncated_file_is_offered_after_ten_minutes_and_flagged_when_taken() {
    let studio = Studio::new().await;
    let whole = wav(1, 2 * SECOND);
    studio.export("Night Drive.wav", &whole[..whole.len() / 2]);
    studio.capture().await;
    assert_eq!(studio.candidate().await.state, CandidateState::StillBeingWritten);
    studio.clock.advance(Duration::from_secs(700));
    studio.library.scan_once().await.expect("a look");
    let candidate = studio.candidate().await;
    assert_eq!(candidate.state, CandidateState::Unsettled);
    assert!(candidate.message.contains("Take a version now anyway"));
    studio.library.take_now(&candidate.id).await.expect("taken");
    let version = studio.track().await.versions.remove(0);
    assert!(version.flags.iter().any(|flag| flag.contains("cut off")), "{:?}", version.flags);
    assert!(version.frames > 40_000 && version.frames < 60_000, "what is there plays: {}", version.frames);
    assert!(matches!(studio.library.take_now("cand_1_nothing").await, Err(LibraryError::Unknown { .. })));
}

#[tokio::test]
async fn empty_and_random_files_are_shown_and_never_versions() {
    let studio = Studio::new().await;
    studio.export("Empty.wav", b"");
    let noise: Vec<u8> = (0..50_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    studio.export("Noise.wav", &noise);
    studio.export("Liar.wav", &[&b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0"[..], &[0xee; 64]].concat());
    let looked = studio.capture().await;
    assert!(looked.captured.is_empty());
    studio.clock.advance(Duration::from_secs(700));
    studio.library.scan_once().await.expect("a look");
    let candidates = studio.library.candidates().await.expect("candidates");
    let state = |name: &str| candidates.iter().find(|candidate| candidate.path == name).map(|candidate| candidate.state);
    assert_eq!(state("Empty.wav"), Some(CandidateState::NotReadable));
    assert_eq!(state("Noise.wav"), Some(CandidateState::NotReadable));
    assert!(matches!(state("Liar.wav"), Some(CandidateState::NotReadable | CandidateState::Unsettled)), "{candidates:?}");
    assert!(candidates.iter().all(|candidate| candidate.message.contains("xport it again")), "each says what to do: {candidates:?}");
    assert!(studio.library.tracks(None).await.expect("tracks").is_empty());
    let left = std::fs::read_dir(studio.folder.path().join("library/temp")).expect("there").count();
    assert_eq!(left, 0, "nothing half-captured stays");
    studio.export("Empty.wav", &wav(1, SECOND));
    assert_eq!(studio.capture().await.captured.len(), 1, "once it is audio, it is taken");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let studio = Studio::new().await;
    let path = studio.export("Secret.wav", &wav(1, SECOND));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("closed");
    if std::fs::File::open(&path).is_ok() {
        // Root reads everything: a folder in the file's place is as unreadable for it.
        std::fs::remove_file(&path).expect("removed");
        studio.export("Secret.wav", b"");
    }
    studio.capture().await;
    assert_eq!(studio.candidate().await.state, CandidateState::NotReadable);
}

#[tokio::test]
async fn f23_a_removed_folder_pauses_its_project_and_deletes_nothing() {
    let studio = Studio::new().await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    let away = studio.folder.path().join("Away");
    std::fs::rename(studio.bounces(), &away).expect("moved away");
    studio.capture().await;
    let project = studio.library.projects().await.expect("projects").remove(0);
    assert_eq!(project.roots[0].state, RootState::Missing);
    assert_eq!(studio.numbers().await, [1]);
    std::fs::create_dir(studio.bounces()).expect("an empty folder in its place");
    studio.export("Night Drive.wav", &wav(9, SECOND));
    studio.capture().await;
    assert_eq!(studio.numbers().await, [1], "a folder without the marker is another folder");
    std::fs::remove_dir_all(studio.bounces()).expect("removed");
    std::fs::rename(&away, studio.bounces()).expect("back again");
    studio.export("Night Drive.wav", &wav(2, SECOND));
    studio.capture().await;
    assert_eq!(studio.library.projects().await.expect("projects").remove(0).roots[0].state, RootState::Watching);
    assert_eq!(studio.numbers().await, [2, 1]);
}

#[tokio::test]
async fn removing_an_export_removes_no_version() {
    let studio = Studio::new().await;
    let path = studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    std::fs::remove_file(path).expect("removed");
    studio.capture().await;
    assert_eq!(studio.numbers().await, [1]);
    let version = studio.track().await.versions.remove(0);
    assert!(studio.library.playable(&id(&version.id)).await.is_ok(), "it still plays");
}

#[tokio::test]
async fn identical_exports_make_no_version_and_older_bytes_are_marked() {
    let studio = Studio::new().await;
    let mut events = studio.library.events();
    let (one, two) = (wav(1, SECOND), wav(2, SECOND));
    studio.export("Night Drive.wav", &one);
    studio.capture().await;
    studio.export("Night Drive v2.wav", &one);
    assert_eq!(studio.capture().await.identical, 1);
    let mut told = false;
    while let Ok(event) = events.try_recv() {
        told |= matches!(event, collabtrack_library::view::AppEvent::Notice { message } if message.contains("exported again, identical"));
    }
    assert!(told, "the user hears of it");
    studio.export("Night Drive.wav", &two);
    studio.capture().await;
    studio.export("Night Drive v3.wav", &one);
    studio.capture().await;
    let versions = studio.track().await.versions;
    assert_eq!(versions.iter().map(|version| (version.number, version.same_as)).collect::<Vec<_>>(), [(3, Some(1)), (2, None), (1, None)]);
}

#[tokio::test]
async fn going_back_makes_the_old_version_the_newest_and_touches_no_file() {
    let studio = Studio::new().await;
    let (one, two) = (wav(1, SECOND), wav(2, SECOND));
    let path = studio.export("Night Drive.wav", &one);
    studio.capture().await;
    studio.export("Night Drive.wav", &two);
    studio.capture().await;
    let first = studio.track().await.versions.remove(1);
    let back = studio.library.restore_version(&id(&first.id)).await.expect("restored");
    assert_eq!((back.number, back.same_as, &back.fingerprint), (3, Some(1), &first.fingerprint));
    assert!(std::fs::read(path).expect("readable") == two, "the folder still has the newest export");
    assert!(matches!(studio.library.restore_version(&id(&first.id)).await, Err(LibraryError::Invalid { .. })), "it is the newest already");
    studio.capture().await;
    assert_eq!(studio.numbers().await, [3, 2, 1]);
}

#[tokio::test]
async fn a_restart_does_not_capture_anything_twice() {
    let mut studio = Studio::new().await;
    studio.export("Night Drive.wav", &wav(1, SECOND));
    studio.capture().await;
    studio.restart(None).await;
    let looked = studio.capture().await;
    assert_eq!((looked.captured.len(), looked.identical), (0, 0));
    assert_eq!(studio.numbers().await, [1]);
}

#[tokio::test]
async fn the_first_look_takes_a_folder_in_order_of_its_file_times() {
    let studio = Studio::new().await;
    for (name, seed, age) in [("Night Drive final.wav", 3, 10), ("Night Drive v1.wav", 1, 30), ("Night Drive v2.wav", 2, 20)] {
        let path = studio.export(name, &wav(seed, SECOND));
        let file = std::fs::File::options().write(true).open(path).expect("open");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age)).expect("an older time");
    }
    studio.capture().await;
    let names: Vec<String> = studio.track().await.versions.into_iter().map(|version| version.file_name).collect();
    assert_eq!(names, ["Night Drive final.wav", "Night Drive v2.wav", "Night Drive v1.wav"]);
}

#[tokio::test]
async fn folders_inside_each_other_and_of_other_projects_are_refused() {
    let studio = Studio::new().await;
    let inside = studio.bounces().join("Inside");
    std::fs::create_dir(&inside).expect("made");
    assert!(matches!(studio.library.add_folder(None, &inside).await, Err(LibraryError::Nested { .. })));
    assert!(matches!(studio.library.add_folder(None, studio.folder.path()).await, Err(LibraryError::Nested { .. })));
    let file = studio.export("Night Drive.wav", b"x");
    assert!(matches!(studio.library.add_folder(None, &file).await, Err(LibraryError::NotAFolder { .. })));
    assert!(matches!(studio.library.add_folder(None, &studio.folder.path().join("nowhere")).await, Err(LibraryError::File { .. })));
    let again = studio.library.add_folder(None, &studio.bounces()).await.expect("the same folder again is fine");
    assert_eq!(again.id, studio.project.to_string());
    let other = studio.library.create_project("Another").await.expect("a project");
    let other = collabtrack_domain::id::ProjectId::parse(&other.id).expect("an id");
    assert!(matches!(studio.library.add_folder(Some(&other), &studio.bounces()).await, Err(LibraryError::OtherProject { .. })));
}

#[tokio::test]
async fn the_marker_is_the_only_thing_written_into_the_folder() {
    let studio = Studio::new().await;
    let path = studio.export("Night Drive.wav", &wav(1, SECOND));
    let before = std::fs::metadata(&path).expect("there").modified().expect("a time");
    studio.capture().await;
    let mut names: Vec<String> = std::fs::read_dir(studio.bounces())
        .expect("there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, [".collabtrack", "Night Drive.wav"]);
    assert_eq!(std::fs::metadata(&path).expect("there").modified().expect("a time"), before);
}

#[tokio::test]
async fn two_programs_do_not_work_with_one_library() {
    let studio = Studio::new().await;
    studio.library.scan_once().await.expect("the first one works");
    let mut options = LibraryOptions::new(studio.folder.path().join("library"));
    options.credentials = CredentialChoice::Memory;
    let second = Library::open(options).await.expect("reading is fine");
    assert_eq!(second.projects().await.expect("projects").len(), 1);
    assert!(matches!(second.scan_once().await, Err(LibraryError::InUse { .. })));
    studio.library.shutdown().await;
    assert!(second.scan_once().await.is_ok(), "the place is free again");
}

#[tokio::test]
async fn watching_in_the_background_takes_an_export_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let bounces = folder.path().join("Bounces");
    std::fs::create_dir(&bounces).expect("made");
    let mut options = LibraryOptions::new(folder.path().join("library"));
    options.credentials = CredentialChoice::Memory;
    options.patience.still = Duration::from_millis(100);
    let library = Library::open(options).await.expect("it opens");
    library.add_folder(None, &bounces).await.expect("watched");
    let mut events = library.events();
    library.start().await.expect("started");
    std::fs::write(bounces.join("Night Drive.wav"), wav(1, SECOND)).expect("exported");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let tracks = library.tracks(None).await.expect("tracks");
        if tracks.first().is_some_and(|track| track.versions == 1) {
            break;
        }
        let left = deadline.checked_duration_since(Instant::now()).expect("a version within a minute");
        // Any event is a reason to look again; a missed one only costs the time-out.
        drop(tokio::time::timeout(left.min(Duration::from_secs(1)), events.recv()).await);
    }
    library.shutdown().await;
}
