//! What becomes a version and where it belongs: stems, sessions, what a project leaves out, corrections, taking over a folder.

use std::time::Duration;

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::error::LibraryError;
use collabtrack_library::view::{CandidateState, CaptureRulesView, TrackDetail, VersionSync};

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

/// The track of that name.
async fn track(studio: &Studio, name: &str) -> TrackDetail {
    let tracks = studio.library.tracks(None).await.expect("tracks");
    let found = tracks.iter().find(|track| track.name == name).unwrap_or_else(|| {
        panic!("no track {name}: {:?}", tracks.iter().map(|track| &track.name).collect::<Vec<_>>());
    });
    studio.library.track(&TrackId::parse(&found.id).expect("an id")).await.expect("the track")
}

fn rules(left_out: &[&str], sessions: bool) -> CaptureRulesView {
    CaptureRulesView { left_out: left_out.iter().map(|text| (*text).to_owned()).collect(), sessions }
}

#[tokio::test]
async fn stems_that_finish_together_are_one_version_and_come_out_byte_for_byte() {
    let studio = Studio::new().await;
    let parts = [("Rain_Drums.wav", 1), ("Rain_Bass.wav", 2), ("Rain_Vox.wav", 3)];
    for (name, seed) in parts {
        studio.export(&format!("Stems/{name}"), &wav(seed, SECOND / 10));
    }
    studio.export("Rain.wav", &wav(9, SECOND / 10));
    let looked = studio.capture().await;
    assert_eq!(looked.captured.len(), 2);
    let rain = track(&studio, "Rain").await;
    let stems = rain.versions.iter().find(|version| version.kind == "stem").expect("the stems");
    assert_eq!(stems.format, "3 stems");
    let out = studio.folder.path().join("out");
    studio.library.fetch(&id(&stems.id), &out).await.expect("written");
    for (name, seed) in parts {
        assert_eq!(std::fs::read(out.join(name)).expect("there"), wav(seed, SECOND / 10), "{name}");
    }
    studio.export("Stems/Rain_Bass.wav", &wav(7, SECOND / 10));
    assert_eq!(studio.capture().await.captured.len(), 1);
    let rain = track(&studio, "Rain").await;
    assert_eq!(rain.versions[0].format, "3 stems", "one stem exported again is a new version of the whole set");
    let again = studio.folder.path().join("again");
    studio.library.fetch(&id(&rain.versions[0].id), &again).await.expect("written");
    assert_eq!(std::fs::read(again.join("Rain_Bass.wav")).expect("there"), wav(7, SECOND / 10));
    assert_eq!(std::fs::read(again.join("Rain_Drums.wav")).expect("there"), wav(1, SECOND / 10));
    studio.restart_library().await;
    assert_eq!(studio.capture().await.captured.len(), 0, "and nothing is taken twice");
}

#[tokio::test]
async fn a_set_waits_for_the_stem_that_is_still_written() {
    let studio = Studio::new().await;
    studio.export("Rain_Drums.wav", &wav(1, SECOND));
    let whole = wav(2, SECOND);
    studio.export("Rain_Bass.wav", &whole[..whole.len() / 2]);
    assert!(studio.capture().await.captured.is_empty(), "half a set is no version");
    studio.export("Rain_Bass.wav", &whole);
    studio.library.scan_once().await.expect("a look");
    studio.clock.advance(Duration::from_secs(60));
    assert_eq!(studio.library.scan_once().await.expect("a look").captured.len(), 1);
    assert_eq!(track(&studio, "Rain").await.versions[0].format, "2 stems");
}

#[tokio::test]
async fn sessions_become_versions_only_where_the_project_keeps_them_and_whole() {
    let studio = Studio::new().await;
    studio.export("Song.logicx/Alternatives/000/ProjectData", b"one");
    studio.export("Song.logicx/Media/kick.wav", &wav(1, SECOND / 10));
    studio.export("Live.als", b"a set");
    assert!(studio.capture().await.captured.is_empty());
    studio.library.set_capture_rules(&studio.project, &rules(&[], true)).await.expect("set");
    assert_eq!(studio.capture().await.captured.len(), 2);
    let song = track(&studio, "Song").await.versions.remove(0);
    assert_eq!((song.kind.as_str(), song.format.as_str(), song.sync.clone()), ("multitrack", "2 files", VersionSync::OnlyHere));
    let out = studio.folder.path().join("out.logicx");
    studio.library.fetch(&id(&song.id), &out).await.expect("written");
    assert_eq!(std::fs::read(out.join("Alternatives/000/ProjectData")).expect("there"), b"one");
    assert_eq!(track(&studio, "Live").await.versions[0].kind, "multitrack");
    studio.export("Song.logicx/Alternatives/000/ProjectData", b"two");
    assert_eq!(studio.capture().await.captured.len(), 1, "a change inside is a new version of the whole session");
    studio.library.set_capture_rules(&studio.project, &rules(&[], false)).await.expect("set");
    studio.export("Live.als", b"another set");
    assert!(studio.capture().await.captured.is_empty());
    assert_eq!(track(&studio, "Song").await.versions.len(), 2, "what is a version stays one");
}

#[tokio::test]
async fn what_a_project_leaves_out_is_passed_over_and_deletes_nothing() {
    let studio = Studio::new().await;
    studio.export("Rain.wav", &wav(1, SECOND / 10));
    studio.capture().await;
    studio.library.set_capture_rules(&studio.project, &rules(&["rain*.wav", "Old/*"], false)).await.expect("set");
    studio.export("Rain.wav", &wav(2, SECOND / 10));
    studio.export("Old/Sun.wav", &wav(3, SECOND / 10));
    studio.export("Sun.wav", &wav(4, SECOND / 10));
    assert_eq!(studio.capture().await.captured.len(), 1);
    assert_eq!(track(&studio, "Rain").await.versions.len(), 1, "a rule is no deletion");
    studio.library.set_capture_rules(&studio.project, &rules(&[], false)).await.expect("set");
    assert_eq!(studio.capture().await.captured.len(), 2, "without the rules everything is taken");
    assert!(matches!(studio.library.set_capture_rules(&studio.project, &rules(&[" "], false)).await, Err(LibraryError::Invalid { .. })));
}

#[tokio::test]
async fn merging_splitting_and_moving_become_rules_for_later_files() {
    let studio = Studio::new().await;
    for (name, seed) in [("Song.wav", 1), ("Song 2.wav", 2), ("Tide.wav", 3)] {
        studio.export(name, &wav(seed, SECOND / 10));
        studio.capture().await;
    }
    assert!(studio.library.tracks(None).await.expect("tracks").iter().any(|track| track.please_check), "song 2 may be the second Song");
    let (song, second) = (track(&studio, "Song").await, track(&studio, "Song 2").await);
    let parse = |detail: &TrackDetail| TrackId::parse(&detail.track.id).expect("an id");
    let merged = studio.library.merge_tracks(&parse(&second), &parse(&song)).await.expect("merged");
    assert_eq!(
        merged.versions.iter().map(|version| (version.number, version.file_name.as_str())).collect::<Vec<_>>(),
        [(2, "Song 2.wav"), (1, "Song.wav")]
    );
    studio.export("Song 2 final.wav", &wav(4, SECOND / 10));
    studio.capture().await;
    assert_eq!(track(&studio, "Song").await.versions.len(), 3, "a later export of that name belongs to the merged track");
    let tide = track(&studio, "Tide").await;
    let moved = studio.library.move_versions(&[id(&merged.versions[0].id)], &parse(&tide)).await.expect("moved");
    assert_eq!(moved.versions.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(track(&studio, "Song").await.versions.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 1]);
    let newest = track(&studio, "Song").await.versions.remove(0);
    let split = studio.library.split_track(&[id(&newest.id)], "Song (Live)").await.expect("split");
    assert_eq!((split.track.name.as_str(), split.versions.len()), ("Song (Live)", 1));
    assert!(matches!(studio.library.split_track(&[], "x").await, Err(LibraryError::Invalid { .. })));
    assert!(matches!(studio.library.merge_tracks(&parse(&tide), &parse(&tide)).await, Err(LibraryError::Invalid { .. })));
}

#[tokio::test]
async fn a_folder_of_bounces_is_proposed_edited_and_taken_over_in_that_order() {
    let studio = Studio::new().await;
    let old = studio.folder.path().join("Old Bounces");
    std::fs::create_dir_all(&old).expect("made");
    for (name, seed, age) in [
        ("Tide final.wav", 3, 10_u64),
        ("Tide v1.wav", 1, 30),
        ("Tide v2.wav", 2, 20),
        ("Tide v2 copy.wav", 2, 5),
        ("Sun.wav", 5, 40),
        ("Scratch.wav", 6, 1),
    ] {
        std::fs::write(old.join(name), wav(seed, SECOND / 10)).expect("written");
        let file = std::fs::File::options().write(true).open(old.join(name)).expect("open");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(age * 1000)).expect("an older time");
    }
    let mut proposal = studio.library.propose_folder(&old).await.expect("proposed");
    assert_eq!(proposal.tracks.iter().map(|track| track.name.as_str()).collect::<Vec<_>>(), ["Sun", "Tide", "Scratch"]);
    assert!(!old.join(".collabtrack").exists(), "a proposal writes nothing");
    assert_eq!(studio.library.projects().await.expect("projects").len(), 1, "and records nothing");
    // Edited: another name, another order, one left out.
    proposal.tracks[1].name = "Low Tide".into();
    proposal.tracks[1].versions.swap(0, 1);
    proposal.tracks.retain(|track| track.name != "Scratch");
    let view = studio.library.take_over(&proposal.id, None, &proposal.tracks).await.expect("taken over");
    assert_eq!(studio.capture().await.captured.len(), 4);
    let tide = track(&studio, "Low Tide").await;
    assert_eq!(
        tide.versions.iter().map(|version| version.file_name.as_str()).collect::<Vec<_>>(),
        ["Tide final.wav", "Tide v1.wav", "Tide v2.wav"]
    );
    assert!(studio.library.tracks(None).await.expect("tracks").iter().all(|track| track.name != "Scratch"));
    std::fs::write(old.join("Tide v9.wav"), wav(9, SECOND / 10)).expect("written");
    std::fs::write(old.join("Scratch.wav"), wav(10, SECOND / 10)).expect("written");
    studio.capture().await;
    assert_eq!(track(&studio, "Low Tide").await.versions.len(), 4, "later exports follow the edited names");
    assert_eq!(track(&studio, "Scratch").await.versions.len(), 1, "what was left out comes back when it changes");
    assert_eq!(view.name, "Old Bounces");
    let gone = studio.library.take_over(&proposal.id, None, &[]).await;
    assert!(matches!(gone, Err(LibraryError::Unknown { .. })), "a proposal is taken over once");
}

#[tokio::test]
async fn taking_over_tells_how_much_is_left_and_can_be_stopped_and_the_chosen_kind_holds() {
    let studio = Studio::new().await;
    let old = studio.folder.path().join("Old Bounces");
    std::fs::create_dir_all(&old).expect("made");
    for (name, seed) in [("Sun.wav", 1), ("Tide v1.wav", 2), ("Tide v2.wav", 3)] {
        std::fs::write(old.join(name), wav(seed, SECOND / 10)).expect("written");
    }
    let proposal = studio.library.propose_folder(&old).await.expect("proposed");
    let view = studio.library.take_over(&proposal.id, None, &proposal.tracks).await.expect("taken over");
    let project = ProjectId::parse(&view.id).expect("an id");
    assert_eq!(studio.library.taking_over(&project).await.expect("counted"), 3);
    studio.library.stop_taking_over(&project).await.expect("stopped");
    assert_eq!(studio.library.taking_over(&project).await.expect("counted"), 0);
    assert_eq!(studio.capture().await.captured.len(), 0, "what was not taken stays out");
    std::fs::write(old.join("Tide v1.wav"), wav(9, SECOND / 10)).expect("written");
    assert_eq!(studio.capture().await.captured.len(), 1, "until it changes");

    let again = studio.folder.path().join("Others");
    std::fs::create_dir_all(&again).expect("made");
    std::fs::write(again.join("Moon.wav"), wav(7, SECOND / 10)).expect("written");
    let mut proposal = studio.library.propose_folder(&again).await.expect("proposed");
    proposal.tracks[0].versions[0].kind = "master".into();
    studio.library.take_over(&proposal.id, Some(&project), &proposal.tracks).await.expect("taken over");
    studio.capture().await;
    assert_eq!(studio.library.taking_over(&project).await.expect("counted"), 0);
    assert_eq!(track(&studio, "Moon").await.versions[0].kind, "master");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_another_program_has_open_is_not_finished() {
    let studio = Studio::new().await;
    let path = studio.export("Rain.wav", &wav(1, SECOND / 10));
    let held = std::fs::File::options().append(true).open(&path).expect("open");
    let mut program = std::process::Command::new("sleep").arg("600").stdout(held).spawn().expect("a program");
    assert!(studio.capture().await.captured.is_empty());
    let candidate = studio.candidate().await;
    assert_eq!(candidate.state, CandidateState::StillBeingWritten);
    assert!(candidate.message.starts_with("sleep still has it open"), "{}", candidate.message);
    studio.clock.advance(Duration::from_secs(700));
    studio.library.scan_once().await.expect("a look");
    assert_eq!(studio.candidate().await.state, CandidateState::Unsettled, "after ten minutes it is offered");
    program.kill().expect("ended");
    program.wait().expect("gone");
    studio.clock.advance(Duration::from_secs(700));
    assert_eq!(studio.library.scan_once().await.expect("a look").captured.len(), 1);
}
