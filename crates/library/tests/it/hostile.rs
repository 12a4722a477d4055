//! Bad input at the door: what is taken, what is refused, and that both are seen.

use std::sync::Arc;
use std::time::Duration;

use collabtrack_audio::decode::Decoder;
use collabtrack_domain::id::VersionId;
use collabtrack_library::sync::testing::memory::MemoryRemote;
use collabtrack_library::view::{CandidateState, CaptureRulesView};

use crate::studio::{SECOND, Studio, wav};

fn id(text: &str) -> VersionId {
    VersionId::parse(text).expect("an id")
}

async fn state_of(studio: &Studio, path: &str) -> Option<(CandidateState, String)> {
    let candidates = studio.library.candidates().await.expect("candidates");
    candidates.into_iter().find(|candidate| candidate.path == path).map(|candidate| (candidate.state, candidate.message))
}

#[tokio::test]
async fn b1_files_of_no_and_one_byte_are_refused_with_words_and_taken_once_they_are_sound() {
    let studio = Studio::new().await;
    studio.export("Empty.wav", b"");
    studio.export("One.wav", b"R");
    assert!(studio.capture().await.captured.is_empty());
    for name in ["Empty.wav", "One.wav"] {
        let (state, message) = state_of(&studio, name).await.unwrap_or_else(|| panic!("{name} is seen"));
        assert_eq!(state, CandidateState::NotReadable, "{name}");
        assert!(message.contains("xport it again"), "{message}");
    }
    studio.export("Empty.wav", &wav(1, SECOND / 10));
    assert_eq!(studio.capture().await.captured.len(), 1);
}

#[tokio::test]
async fn b2_headers_that_lie_about_sizes_are_told_apart_within_bounds() {
    let studio = Studio::new().await;
    let sound = wav(1, SECOND / 4);
    let with = |riff: u32, data: u32| {
        let mut bytes = sound.clone();
        bytes[4..8].copy_from_slice(&riff.to_le_bytes());
        bytes[40..44].copy_from_slice(&data.to_le_bytes());
        bytes
    };
    studio.export("Four gigabytes.wav", &with(0xFFFF_FFF0, 0xFFFF_FF00));
    studio.export("Streamed.wav", &with(0xFFFF_FFFF, 0xFFFF_FFFF));
    studio.export("Unpatched.wav", &with(0, 0));
    assert!(studio.capture().await.captured.is_empty(), "a header that speaks of other sound than there is may still be patched");
    studio.clock.advance(Duration::from_secs(700));
    studio.library.scan_once().await.expect("a look");
    for name in ["Four gigabytes.wav", "Streamed.wav", "Unpatched.wav"] {
        let (state, _) = state_of(&studio, name).await.unwrap_or_else(|| panic!("{name} is seen"));
        assert_eq!(state, CandidateState::Unsettled, "{name}");
    }
    for candidate in studio.library.candidates().await.expect("candidates") {
        studio.library.take_now(&candidate.id).await.expect("taken as it is");
    }
    let tracks = studio.library.tracks(None).await.expect("tracks");
    assert_eq!(tracks.len(), 3);
    for track in tracks {
        let version = track.newest.expect("a version");
        assert!(version.frames <= u64::from(SECOND / 4), "no more sound than there is: {} frames", version.frames);
        let (path, _) = studio.library.original(&id(&version.id)).await.expect("here");
        assert_eq!(std::fs::metadata(path).expect("there").len(), sound.len() as u64);
    }
}

#[tokio::test]
async fn b9_names_of_every_kind_are_taken_and_come_out_again_and_twins_in_a_set_are_refused_visibly() {
    let studio = Studio::new().await;
    let long = format!("{}.wav", "x".repeat(251));
    let names = ["Cafe\u{301}.wav", "CON.wav", long.as_str(), "夜のドライブ.wav", "  spaces  .wav", "émoji 🎛.wav"];
    for (seed, name) in (1..).zip(names) {
        studio.export(name, &wav(seed, SECOND / 20));
    }
    assert_eq!(studio.capture().await.captured.len(), names.len());
    let mut seen = Vec::new();
    for track in studio.library.tracks(None).await.expect("tracks") {
        let version = track.newest.expect("a version");
        let target = studio.folder.path().join(format!("out-{}", seen.len()));
        studio.library.fetch(&id(&version.id), &target).await.expect("written");
        let seed = (1..).zip(names).find(|(_, name)| *name == version.file_name).expect("the exact name is recorded").0;
        assert_eq!(std::fs::read(target).expect("there"), wav(seed, SECOND / 20), "{}", version.file_name);
        seen.push(version.file_name);
    }
    assert_eq!(seen.len(), names.len());
    // A session whose files differ only in capitals cannot stand on every computer.
    let rules = CaptureRulesView { left_out: Vec::new(), sessions: true };
    studio.library.set_capture_rules(&studio.project, &rules).await.expect("set");
    studio.export("Twins.logicx/Take.dat", b"one");
    studio.export("Twins.logicx/take.dat", b"two");
    studio.capture().await;
    let (state, message) = state_of(&studio, "Twins.logicx").await.expect("it is seen");
    assert_eq!(state, CandidateState::NotReadable);
    assert!(message.contains("capitals"), "{message}");
}

#[tokio::test]
async fn b10_a_session_of_too_many_files_is_refused_before_anything_is_copied() {
    let studio = Studio::new().await;
    let rules = CaptureRulesView { left_out: Vec::new(), sessions: true };
    studio.library.set_capture_rules(&studio.project, &rules).await.expect("set");
    let inside = studio.bounces().join("Huge.logicx");
    std::fs::create_dir(&inside).expect("made");
    for number in 0..20_001 {
        std::fs::File::create(inside.join(format!("{number}.dat"))).expect("made");
    }
    assert!(studio.capture().await.captured.is_empty());
    let (_, message) = state_of(&studio, "Huge.logicx").await.expect("it is seen");
    assert!(message.contains("20001 files"), "{message}");
    let stored = std::fs::read_dir(studio.folder.path().join("library/objects")).expect("there").count();
    assert_eq!(stored, 0, "nothing was copied");
}

#[tokio::test]
async fn b12_sound_no_preview_can_hold_has_an_exact_preview_or_says_why_it_has_none() {
    let memory = MemoryRemote::default();
    let studio = Studio::with(Some(Arc::new(memory.clone()))).await;
    studio.export("One frame.wav", &wav(1, 1));
    studio.export("Surround.wav", &float_wav(6, 48_000, 4_800, |frame, channel| ((frame + channel) % 100) as f32 / 200.0));
    studio.export("Fast.wav", &float_wav(2, 384_000, 38_400, |frame, _| (frame % 100) as f32 / 200.0));
    studio.export("Not numbers.wav", &float_wav(2, 48_000, 4_800, |frame, _| if frame % 7 == 0 { f32::NAN } else { 0.25 }));
    assert_eq!(studio.capture().await.captured.len(), 4);
    studio.library.put_on_server(&studio.project).await.expect("on the server");
    assert_eq!(studio.sync().await.expect("synced").waiting, 0);
    let previews = memory.versions();
    assert_eq!(previews.len(), 4);
    for told in previews {
        let name = &told.track_name;
        assert!(told.preview_length.is_some(), "{name} has a preview");
        let bytes = memory.preview(&told.id).expect("it is in the store");
        let file = studio.folder.path().join("preview.ogg");
        std::fs::write(&file, bytes).expect("written");
        let mut decoder = Decoder::open(&file).expect("it opens");
        let (rate, channels) = (u64::from(decoder.info().sample_rate), usize::from(decoder.info().channels));
        let (mut planes, mut frames) = (vec![Vec::new(); channels], 0);
        loop {
            planes.iter_mut().for_each(Vec::clear);
            let read = decoder.read(&mut planes, 4_096).expect("it decodes");
            assert!(planes.iter().flatten().all(|sample| sample.is_finite()), "{name}");
            if read == 0 {
                break;
            }
            frames += read as u64;
        }
        let of = |name: &str| told.summary[name].as_u64().unwrap_or_else(|| panic!("measured: {}", told.summary));
        let exact = (of("frames") * rate + of("sample_rate") / 2) / of("sample_rate");
        assert_eq!(frames, exact, "{name} lasts exactly as long, {rate} Hz");
    }
}

/// A 32-bit float WAV.
fn float_wav(channels: u16, rate: u32, frames: u32, sample: impl Fn(u32, u32) -> f32) -> Vec<u8> {
    let block = channels * 4;
    let data: Vec<u8> = (0..frames)
        .flat_map(|frame| (0..u32::from(channels)).map(move |channel| (frame, channel)))
        .flat_map(|(frame, channel)| sample(frame, channel).to_le_bytes())
        .collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x03\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(32_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}
