//! A disk that is full, read-only or lies; a database that is locked, damaged, older or gone; a program that died.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use collabtrack_domain::id::VersionId;
use collabtrack_library::error::LibraryError;
use collabtrack_library::faults::Faults;
use collabtrack_library::sync::testing::memory::MemoryRemote;
use collabtrack_library::view::{CandidateState, Here};
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

/// A disk whose `nth` touch (from 0) fails with `kind`; counts all of them.
fn failing_at(nth: usize, kind: io::ErrorKind) -> (Faults, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let faults = Faults::new(move |_| (counted.fetch_add(1, Ordering::Relaxed) == nth).then(|| io::Error::from(kind)));
    (faults, count)
}

/// Captures one export; everything that stays behind when the disk fails at its `nth` touch is whole.
async fn survive(nth: usize, kind: io::ErrorKind) -> usize {
    let (faults, count) = failing_at(nth, kind);
    let studio = Studio::with_faults(faults).await;
    let bytes = wav(1, SECOND / 10);
    let path = studio.export("Night Drive.wav", &bytes);
    studio.library.scan_once().await.expect("a look");
    studio.clock.advance(Duration::from_secs(6));
    let looked = studio.library.scan_once().await;
    assert_eq!(std::fs::read(&path).expect("readable"), bytes, "the user's file is untouched");
    let tracks = studio.library.tracks(None).await.expect("the database answers");
    let taken = looked.as_ref().map_or(0, |looked| looked.captured.len());
    if tracks.is_empty() {
        assert_eq!(taken, 0);
        let told = looked.is_err() || !studio.library.candidates().await.expect("candidates").is_empty();
        assert!(told, "touch {nth}: the user is told");
    }
    // The disk works again: the same program goes on by itself.
    for _ in 0..4 {
        studio.clock.advance(Duration::from_secs(61));
        studio.library.scan_once().await.expect("a look");
    }
    let versions = studio.track().await.versions;
    assert_eq!(versions.len(), 1, "touch {nth}: exactly one version, not half a one and not two");
    let (stored, _) = studio.library.original(&id(&versions[0].id)).await.expect("here");
    assert_eq!(std::fs::read(stored).expect("readable"), bytes, "touch {nth}: byte for byte");
    let left = std::fs::read_dir(studio.folder.path().join("library/temp")).expect("there").count();
    assert_eq!(left, 0, "touch {nth}: nothing half-written stays");
    count.load(Ordering::Relaxed)
}

#[tokio::test]
async fn f3_i16_a_full_disk_or_a_failed_sync_at_any_touch_leaves_one_whole_version_or_none() {
    let touches = survive(usize::MAX, io::ErrorKind::StorageFull).await;
    assert!(touches >= 8, "{touches} touches of the disk");
    for nth in 0..touches {
        survive(nth, io::ErrorKind::StorageFull).await;
    }
    for nth in [0, 3, 4] {
        survive(nth, io::ErrorKind::ReadOnlyFilesystem).await;
    }
}

#[tokio::test]
async fn i16_too_little_room_is_told_before_anything_is_copied_and_taken_when_there_is_room() {
    const GIB: u64 = 1 << 30;
    let full = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_full = full.clone();
    let faults = Faults::default().with_disk(move || is_full.load(Ordering::Relaxed).then_some((GIB, 100 * GIB)));
    let studio = Studio::with_faults(faults).await;
    studio.export("Night Drive.wav", &wav(1, SECOND / 10));
    assert!(studio.capture().await.captured.is_empty());
    assert_eq!(studio.candidate().await.state, CandidateState::NoSpace);
    assert_eq!(std::fs::read_dir(studio.folder.path().join("library/temp")).expect("there").count(), 0, "nothing was copied");
    full.store(false, Ordering::Relaxed);
    studio.clock.advance(Duration::from_secs(61));
    assert_eq!(studio.library.scan_once().await.expect("a look").captured.len(), 1);
}

#[tokio::test]
async fn i16_below_the_floor_of_free_space_nothing_is_fetched_not_even_a_preview() {
    const GIB: u64 = 1 << 30;
    let memory = MemoryRemote::default();
    let first = Studio::with(Some(Arc::new(memory.clone()))).await;
    first.export("Night Drive.wav", &wav(1, SECOND / 10));
    first.capture().await;
    first.library.put_on_server(&first.project).await.expect("on the server");
    first.sync().await.expect("synced");
    let full = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_full = full.clone();
    let faults = Faults::default().with_disk(move || is_full.load(Ordering::Relaxed).then_some((GIB, 100 * GIB)));
    let second = Studio::with_faults_and(faults, Some(Arc::new(memory.clone()))).await;
    assert!(second.sync().await.expect("it ends").fetching > 0);
    let version = second.track().await.versions.remove(0);
    assert_eq!(version.here, Here::Nothing, "neither preview nor original");
    full.store(false, Ordering::Relaxed);
    assert_eq!(second.sync().await.expect("synced").fetching, 0);
    assert_eq!(second.track().await.versions[0].here, Here::Original);
}

#[tokio::test]
async fn f3_a_disk_that_fails_at_any_touch_of_sending_or_fetching_loses_and_doubles_nothing() {
    let bytes = [wav(1, SECOND / 10), wav(2, SECOND / 10)];
    // Which disk fails: that of the first computer while it sends, or that of the second while it fetches.
    for sending in [true, false] {
        let mut touches = usize::MAX;
        let mut nth = usize::MAX;
        while nth == usize::MAX || nth < touches {
            let memory = MemoryRemote::default();
            let failing = failing_at(nth, io::ErrorKind::Other);
            let [one, two] = if sending { [failing.0, Faults::default()] } else { [Faults::default(), failing.0] };
            let first = Studio::with_faults_and(one, Some(Arc::new(memory.clone()))).await;
            for bytes in &bytes {
                first.export("Night Drive.wav", bytes);
                for _ in 0..4 {
                    // A failed capture is taken up by a later look.
                    let _ = first.library.scan_once().await;
                    first.clock.advance(Duration::from_secs(61));
                }
            }
            first.library.put_on_server(&first.project).await.expect("on the server");
            let second = Studio::with_faults_and(two, Some(Arc::new(memory.clone()))).await;
            for studio in [&first, &second] {
                for _ in 0..6 {
                    match studio.sync().await {
                        Ok(outcome) if outcome.waiting + outcome.fetching == 0 => break,
                        Ok(_) | Err(LibraryError::File { .. } | LibraryError::NoSpace { .. }) => {}
                        Err(error) => panic!("touch {nth}: {error}"),
                    }
                }
                let versions = studio.track().await.versions;
                assert_eq!(versions.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 1], "touch {nth}");
                for (version, bytes) in versions.iter().rev().zip(&bytes) {
                    let (stored, _) = studio.library.original(&id(&version.id)).await.expect("here");
                    assert_eq!(std::fs::read(stored).expect("readable"), *bytes, "touch {nth}: byte for byte");
                }
            }
            assert!(memory.versions().iter().all(|version| memory.holds(version)), "touch {nth}: every byte is in the store");
            if nth == usize::MAX {
                touches = failing.1.load(Ordering::Relaxed);
                assert!(touches >= 8, "{touches} touches of the disk");
                nth = 0;
            } else {
                nth += 1;
            }
        }
    }
}

/// Exports and syncs one version on a disk with these faults; how long the preview is that the server was told of.
async fn preview_of_one(faults: Faults) -> Option<u64> {
    let memory = MemoryRemote::default();
    let studio = Studio::with_faults_and(faults, Some(Arc::new(memory.clone()))).await;
    studio.export("Night Drive.wav", &wav(1, SECOND / 10));
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    assert_eq!(studio.sync().await.expect("synced").waiting, 0);
    let versions = memory.versions();
    assert_eq!(versions.len(), 1);
    versions[0].preview_length
}

#[tokio::test]
async fn f29_a_version_whose_preview_cannot_be_made_is_announced_without_one() {
    let falls_over = || Faults::new(|place| if place == "preview" { panic!("the encoder fell over") } else { None });
    let fails = || Faults::new(|place| (place == "preview").then(|| io::Error::other("the disk fell over")));
    for faults in [falls_over(), fails()] {
        assert_eq!(preview_of_one(faults).await, None);
    }
}

#[tokio::test]
async fn f29_a_preview_that_this_computer_could_not_make_once_is_made_the_next_time() {
    let once = AtomicUsize::new(0);
    let faults =
        Faults::new(move |place| (place == "preview" && once.fetch_add(1, Ordering::Relaxed) < 2).then(|| io::Error::other("full")));
    assert!(preview_of_one(faults).await.is_some());
}

#[tokio::test]
async fn f2_after_a_power_cut_torn_leftovers_are_swept_and_torn_copies_are_never_sent_or_played_as_whole() {
    let memory = MemoryRemote::default();
    let mut studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    let bytes = wav(1, SECOND);
    studio.export("Night Drive.wav", &bytes);
    studio.capture().await;
    let version = studio.track().await.versions.remove(0);
    let (stored, _) = studio.library.original(&id(&version.id)).await.expect("here");
    // What was never synced comes back torn: a temporary file, a download, and (as no disk should) a stored copy.
    let library = studio.folder.path().join("library");
    std::fs::write(library.join("temp/0123"), b"torn").expect("written");
    std::fs::write(library.join("temp/object.partial"), b"torn").expect("written");
    let mut rights = std::fs::metadata(&stored).expect("there").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "what a power cut does asks nobody")]
    rights.set_readonly(false);
    std::fs::set_permissions(&stored, rights).expect("opened");
    std::fs::write(&stored, &bytes[..bytes.len() / 2]).expect("torn");
    studio.restart(None).await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    let running = studio.sync();
    let ticking = async {
        loop {
            studio.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
    };
    let outcome = tokio::select! { outcome = running => outcome.expect("it ends"), () = ticking => unreachable!("the clock never ends") };
    assert_eq!(outcome.waiting, 1);
    assert!(outcome.problems.iter().any(|problem| problem.contains("damaged")), "{:?}", outcome.problems);
    assert!(memory.versions().iter().all(|version| version.state != collabtrack_protocol::versions::VersionState::Complete));
    // The export still lies in its folder: saved again, it heals the copy.
    studio.export("Night Drive.wav", &bytes);
    studio.capture().await;
    studio.library.sync_now().await.expect("tried again");
    assert_eq!(studio.sync().await.expect("synced").waiting, 0);
}

#[tokio::test]
async fn a_damaged_copy_of_an_older_version_lends_no_bytes_to_a_new_one() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    let first = wav(1, 4 * SECOND);
    studio.export("Night Drive.wav", &first);
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    // The disk changes a second of the copy here; the next export happens to have just that in the same place.
    let version = studio.track().await.versions.remove(0);
    let (stored, _) = studio.library.original(&id(&version.id)).await.expect("here");
    let mut second = first.clone();
    second[44 + 2 * 192_000..44 + 3 * 192_000].fill(0);
    let mut rights = std::fs::metadata(&stored).expect("there").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "what a failing disk does asks nobody")]
    rights.set_readonly(false);
    std::fs::set_permissions(&stored, rights).expect("opened");
    std::fs::write(&stored, &second).expect("damaged");
    second.extend_from_slice(b"LIST\x04\0\0\0more");
    studio.export("Night Drive.wav", &second);
    studio.capture().await;
    studio.sync().await.expect("synced");
    let versions = memory.versions();
    assert_eq!(versions.len(), 2);
    assert!(versions.iter().all(|version| memory.holds(version)), "both come back from the store byte for byte");
}

/// Puts an older image of the database in place of the present one.
fn put_back(image: &std::path::Path, folder: &std::path::Path) {
    for end in ["-wal", "-shm"] {
        let journal = folder.join(format!("library.sqlite{end}"));
        if journal.exists() {
            std::fs::remove_file(journal).expect("removed");
        }
    }
    std::fs::copy(image, folder.join("library.sqlite")).expect("the old image");
}

#[tokio::test]
async fn f18_an_older_image_of_the_database_is_recognised_caught_up_and_deletes_nothing() {
    let memory = MemoryRemote::default();
    let mut studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    let folder = studio.folder.path().join("library");
    studio.export("Night Drive.wav", &wav(1, SECOND / 10));
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    studio.library.shutdown().await;
    let image = studio.folder.path().join("image.sqlite");
    std::fs::copy(folder.join("library.sqlite"), &image).expect("copied");
    studio.restart(None).await;
    for seed in 2..=3 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 10));
        studio.capture().await;
    }
    studio.sync().await.expect("synced");
    studio.library.shutdown().await;
    put_back(&image, &folder);
    studio.restart(None).await;
    assert_eq!(studio.numbers().await, [1], "the old database knows one version");
    studio.sync().await.expect("synced");
    assert_eq!(studio.capture().await.captured.len(), 0, "what is in the folder is a version already");
    studio.sync().await.expect("synced");
    assert_eq!(studio.numbers().await, [3, 2, 1]);
    assert_eq!(memory.versions().len(), 3, "nothing was made twice");
    assert!(studio.track().await.versions.iter().all(|version| version.here == Here::Original), "nothing was fetched that was here");
    studio.export("Night Drive.wav", &wav(4, SECOND / 10));
    assert_eq!(studio.capture().await.captured.len(), 1, "and it goes on as ever");
}

#[tokio::test]
async fn f18_an_older_image_of_the_whole_library_is_recognised_by_the_server_and_deletes_nothing() {
    let memory = MemoryRemote::default();
    let mut studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    let folder = studio.folder.path().join("library");
    studio.export("Night Drive.wav", &wav(1, SECOND / 10));
    studio.capture().await;
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    studio.library.shutdown().await;
    let device = |folder: &std::path::Path| std::fs::read_to_string(folder.join("device.json")).expect("readable");
    let (image, then) = (studio.folder.path().join("image.sqlite"), device(&folder));
    std::fs::copy(folder.join("library.sqlite"), &image).expect("copied");
    for seed in 2..=3 {
        studio.restart(None).await;
        studio.export("Night Drive.wav", &wav(seed, SECOND / 10));
        studio.capture().await;
        studio.sync().await.expect("synced");
        studio.library.shutdown().await;
    }
    // Database and what stands beside it are from the same day: here nothing tells, the server does.
    put_back(&image, &folder);
    std::fs::write(folder.join("device.json"), &then).expect("the old image");
    studio.restart(None).await;
    assert_eq!(studio.numbers().await, [1]);
    studio.sync().await.expect("synced");
    assert_ne!(device(&folder).get(..40), then.get(..40), "it is a device of its own now");
    assert_eq!(studio.capture().await.captured.len(), 0, "what is in the folder is a version already");
    studio.sync().await.expect("synced");
    assert_eq!(studio.numbers().await, [3, 2, 1]);
    assert_eq!(memory.versions().len(), 3, "nothing was made twice");
    studio.restart(None).await;
    studio.sync().await.expect("synced");
    assert_eq!(studio.numbers().await, [3, 2, 1], "and it goes on as ever");
}

#[tokio::test]
async fn f24_a_lost_database_is_rebuilt_from_the_store_the_folder_and_the_server() {
    let memory = MemoryRemote::default();
    let mut studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    for seed in 1..=2 {
        studio.export("Night Drive.wav", &wav(seed, SECOND / 10));
        studio.capture().await;
    }
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    studio.sync().await.expect("synced");
    studio.library.shutdown().await;
    let folder = studio.folder.path().join("library");
    for end in ["", "-wal", "-shm"] {
        let file = folder.join(format!("library.sqlite{end}"));
        if file.exists() {
            std::fs::remove_file(file).expect("removed");
        }
    }
    studio.restart(None).await;
    let before = memory.received();
    studio.sync().await.expect("synced");
    let view = studio.library.add_folder(None, &studio.bounces()).await.expect("the marker names the project");
    assert_eq!(view.id, studio.project.to_string());
    assert_eq!(studio.capture().await.captured.len(), 0);
    assert_eq!(studio.numbers().await, [2, 1]);
    assert!(studio.track().await.versions.iter().all(|version| version.here == Here::Original));
    assert_eq!(memory.received(), before, "nothing was sent again");
}

#[tokio::test]
async fn f24_a_damaged_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("library.sqlite");
    let rubbish = b"SQLite format 3\0 but nothing of it".repeat(300);
    std::fs::write(&path, &rubbish).expect("written");
    let mut options = LibraryOptions::new(folder.path().to_path_buf());
    options.credentials = CredentialChoice::Memory;
    let refused = Library::open(options).await.err().expect("it is refused");
    assert!(matches!(refused, LibraryError::Store(_)), "{refused:?}");
    assert!(refused.view().message.contains("untouched"));
    assert_eq!(std::fs::read(&path).expect("there"), rubbish, "it may still be saved by somebody");
}

#[tokio::test]
async fn f24_a_locked_database_is_told_within_seconds_and_works_again_afterwards() {
    let studio = Studio::new().await;
    let other = LibraryOptions { credentials: CredentialChoice::Memory, ..LibraryOptions::new(studio.folder.path().join("library")) };
    let other = Library::open(other).await.expect("it opens");
    let held = other.hold_database().await.expect("held");
    let refused = studio.library.create_project("Second").await.expect_err("the database is held by another program");
    assert!(matches!(refused, LibraryError::Store(_)), "{refused:?}");
    drop(held);
    studio.library.create_project("Second").await.expect("it works again");
}
