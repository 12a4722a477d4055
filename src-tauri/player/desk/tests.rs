//! The desk with a real engine and an output that is driven by hand.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use collabtrack_audio::engine::offline::{OfflineDriver, OfflineOutput};
use collabtrack_audio::wav::{WavDepth, WavWriter};

use super::*;

const FRAMES: usize = 300_000;
/// Frames heard while something changes, at most: a second's worth, and well below what a lane has ready.
const MOST: usize = 40_000;

fn desk(rate: u32) -> (Desk, OfflineDriver) {
    let (output, driver) = OfflineOutput::new(rate);
    let output = Mutex::new(Some(output));
    let make = move || -> Box<dyn Output + Send> { Box::new(output.lock().expect("no test panicked").take().expect("one engine")) };
    let mut desk = Desk::new(Box::new(make), None);
    desk.level_match = false;
    (desk, driver)
}

fn version(folder: &Path, name: &str, rate: u32, samples: &[f32]) -> Loaded {
    let path = folder.join(name);
    let mut writer = WavWriter::create(&path, rate, 1, WavDepth::Int16).expect("it opens");
    writer.write(&[samples]).expect("it writes");
    writer.finish().expect("it closes");
    Loaded {
        version: VersionId::from_random(rand::random()),
        number: 1,
        track: String::new(),
        track_name: name.to_owned(),
        is_preview: false,
        duration_s: samples.len() as f64 / f64::from(rate),
        source: LaneSource::new(path),
    }
}

/// A version that is nothing but one value: any gap, step or wrong gain shows in a single sample.
fn level(folder: &Path, name: &str, value: f32) -> Loaded {
    version(folder, name, 48_000, &vec![value; FRAMES])
}

fn settle(desk: &Desk) {
    assert!(desk.engine.as_ref().expect("it runs").settle());
}

/// Starts playing and renders a little.
fn start(desk: &mut Desk, driver: &mut OfflineDriver) -> Vec<f32> {
    desk.engine().expect("the engine starts").play();
    settle(desk);
    driver.render(10_000).expect("it renders")[0].clone()
}

/// What is heard while `change` goes on, frame by frame and about as fast as a sound card asks for them, and after it.
fn hear_while(driver: &mut OfflineDriver, change: impl FnOnce()) -> Vec<f32> {
    let done = AtomicBool::new(false);
    let mut heard = std::thread::scope(|scope| {
        let listener = scope.spawn(|| {
            let mut heard = Vec::new();
            while !done.load(Ordering::Acquire) && heard.len() < MOST {
                heard.extend(&driver.render_without_waiting(1).expect("it renders")[0]);
                std::thread::park_timeout(Duration::from_micros(50));
            }
            heard
        });
        change();
        done.store(true, Ordering::Release);
        listener.join().expect("it renders")
    });
    heard.extend(&driver.render(10_000).expect("it renders")[0]);
    heard
}

/// From one level to the other without a gap, a step or a turn back.
fn assert_fades(heard: &[f32], from: f32, to: f32) {
    assert_eq!(heard.last(), Some(&to), "it arrives");
    let (low, high) = (from.min(to) - 1e-4, from.max(to) + 1e-4);
    let outside = heard.iter().position(|sample| !(low..=high).contains(sample));
    assert_eq!(outside.map(|frame| (frame, heard[frame])), None, "something else is heard");
    let largest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    assert!(largest < (from - to).abs() / 100.0, "a step of {largest}");
}

#[test]
fn a_remembered_loop_lies_where_it_was_on_a_device_of_any_rate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for rate in [44_100_u32, 48_000, 96_000] {
        let (mut desk, _driver) = desk(rate);
        let memory = Memory { loop_s: Some((1.5, 2.25)), position_s: 1.0, ..Memory::default() };
        desk.take_up(memory, [Some(version(folder.path(), "a.wav", 44_100, &vec![0.5; 120_000])), None]);
        desk.engine().expect("the engine starts");
        settle(&desk);
        let state = desk.engine.as_ref().expect("it runs").state();
        let frames = |seconds: f64| (seconds * f64::from(rate)) as u64;
        assert_eq!((state.looping, state.position_frames), (Some((frames(1.5), frames(2.25))), frames(1.0)), "at {rate} Hz");
    }
}

#[test]
fn putting_a_version_into_one_slot_leaves_what_plays_in_the_other_untouched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let music: Vec<f32> = (0..FRAMES).map(|frame| ((frame * 7_919) % 30_000 + 1) as f32 / 32_768.0).collect();
    let (mut desk, mut driver) = desk(48_000);
    desk.put(Slot::A, version(folder.path(), "a.wav", 48_000, &music)).expect("it loads");
    desk.put(Slot::B, level(folder.path(), "b.wav", 0.25)).expect("it loads");
    let mut heard = start(&mut desk, &mut driver);
    let next = level(folder.path(), "c.wav", 0.5);
    let wanted = next.version.clone();
    heard.extend(hear_while(&mut driver, || {
        desk.put(Slot::B, next).expect("it loads");
        settle(&desk);
    }));
    heard.extend(hear_while(&mut driver, || {
        desk.take_out(Slot::B);
        settle(&desk);
    }));
    let different = heard.iter().zip(&music).position(|(heard, plain)| heard != plain);
    assert_eq!(different, None, "bit for bit, of {} frames", heard.len());
    assert!(desk.slots[1].is_none() && desk.active == Slot::A && wanted != desk.slots[0].as_ref().expect("it stays").version);
}

#[test]
fn another_version_in_the_slot_that_is_heard_fades_in_at_the_same_frame() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut desk, mut driver) = desk(48_000);
    desk.put(Slot::A, level(folder.path(), "a.wav", 0.25)).expect("it loads");
    assert!(start(&mut desk, &mut driver).iter().all(|sample| *sample == 0.25));
    let (b, c) = (level(folder.path(), "b.wav", 0.5), level(folder.path(), "c.wav", 0.125));
    let heard = hear_while(&mut driver, || {
        desk.put(Slot::A, b.clone()).expect("it loads");
        settle(&desk);
    });
    assert_fades(&heard, 0.25, 0.5);
    desk.put(Slot::B, c.clone()).expect("it loads");
    settle(&desk);
    // The version of the other slot: both change places, and neither is loaded again.
    let lanes = desk.lanes;
    let heard = hear_while(&mut driver, || {
        desk.put(Slot::A, c.clone()).expect("it loads");
        settle(&desk);
    });
    assert_fades(&heard, 0.5, 0.125);
    assert_eq!((desk.lanes, desk.active), ([lanes[1], lanes[0]], Slot::A));
    assert_eq!(desk.slots.each_ref().map(|slot| slot.as_ref().map(|held| held.version.clone())), [Some(c.version), Some(b.version)]);
    // The heard slot is emptied: the other one goes on.
    let heard = hear_while(&mut driver, || {
        desk.take_out(Slot::A);
        settle(&desk);
    });
    assert_fades(&heard, 0.125, 0.5);
    assert_eq!(desk.active, Slot::B);
    // And nothing is left.
    let heard = hear_while(&mut driver, || {
        desk.take_out(Slot::B);
        settle(&desk);
    });
    assert_fades(&heard, 0.5, 0.0);
}

#[test]
fn an_original_replaces_its_preview_where_it_sits_and_only_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut desk, mut driver) = desk(48_000);
    let preview = Loaded { is_preview: true, ..level(folder.path(), "preview.wav", 0.25) };
    let original = Loaded { version: preview.version.clone(), ..level(folder.path(), "original.wav", 0.5) };
    desk.put(Slot::A, preview).expect("it loads");
    start(&mut desk, &mut driver);
    desk.exchange_preview(Slot::B, original.clone()).expect("there is nothing to do");
    let heard = hear_while(&mut driver, || {
        desk.exchange_preview(Slot::A, original.clone()).expect("it loads");
        settle(&desk);
    });
    assert_fades(&heard, 0.25, 0.5);
    assert!(desk.slots[1].is_none() && desk.preview_in(Slot::A).is_none());
}

#[test]
fn a_version_that_cannot_be_opened_leaves_the_slots_as_they_were() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut desk, mut driver) = desk(48_000);
    let a = level(folder.path(), "a.wav", 0.25);
    desk.put(Slot::A, a.clone()).expect("it loads");
    start(&mut desk, &mut driver);
    let gone =
        Loaded { source: LaneSource::new(folder.path().join("gone.wav")), version: VersionId::from_random(rand::random()), ..a.clone() };
    for slot in [Slot::A, Slot::B] {
        assert!(desk.put(slot, gone.clone()).is_err());
        assert_eq!(desk.versions(), std::slice::from_ref(&a.version));
    }
    assert!(driver.render(5_000).expect("it renders")[0].iter().all(|sample| *sample == 0.25));
}

#[test]
fn the_note_about_an_absent_device_names_both() {
    let text = sentence(Note::StandIn, 64.0, Some("Scarlett 2i2"), Some("Speakers"));
    assert_eq!(text, "Scarlett 2i2 is not connected. Playback is paused at 1:04; press play to hear it on Speakers meanwhile.");
}
