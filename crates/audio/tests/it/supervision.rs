//! p13: whatever happens to the device, the engine plays on or stands still at the right place, and builds one stream per burst.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use collabtrack_audio::engine::core::RenderCore;
use collabtrack_audio::engine::output::{Fault, FaultSender, Output, StreamInfo, StreamWish};
use collabtrack_audio::engine::{Engine, EngineOptions, LaneId, LaneSource, Note};
use collabtrack_audio::error::AudioError;

use crate::support::files::{self, Store};
use crate::support::folder;

/// A device that can be told to fail.
#[derive(Clone, Default)]
struct Script {
    rate: Arc<AtomicU64>,
    opened: Arc<AtomicU64>,
    absent: Arc<AtomicBool>,
    busy: Arc<AtomicBool>,
    /// The device by that name is plugged in; it runs at 44.1 kHz.
    headphones: Arc<AtomicBool>,
    closed: Arc<AtomicU64>,
    /// The callback stops coming.
    dead: Arc<AtomicBool>,
    faults: Arc<Mutex<Option<FaultSender>>>,
    heard: Arc<Mutex<Vec<f32>>>,
}

struct FakeDevice {
    script: Script,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Output for FakeDevice {
    fn prepare(&mut self, wish: &StreamWish) -> Result<StreamInfo, AudioError> {
        if let Some(name) = &wish.device {
            let there = name == HEADPHONES && self.script.headphones.load(Ordering::Acquire);
            let info = StreamInfo { device: name.clone(), rate: 44_100, channels: 2, period_frames: Some(128), latency_frames: 0 };
            return if there { Ok(info) } else { Err(AudioError::NoDevice) };
        }
        if self.script.absent.load(Ordering::Acquire) {
            return Err(AudioError::NoDevice);
        }
        if self.script.busy.load(Ordering::Acquire) {
            return Err(AudioError::DeviceBusy);
        }
        let rate = self.script.rate.load(Ordering::Acquire) as u32;
        Ok(StreamInfo { device: format!("fake {rate}"), rate, channels: 2, period_frames: Some(128), latency_frames: 0 })
    }

    fn open(&mut self, mut core: RenderCore, wish: &StreamWish, faults: FaultSender) -> Result<StreamInfo, AudioError> {
        let info = self.prepare(wish)?;
        self.script.opened.fetch_add(1, Ordering::AcqRel);
        *self.script.faults.lock().expect("no test panicked") = Some(faults);
        let stop = Arc::new(AtomicBool::new(false));
        let (script, stopped) = (self.script.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (mut left, mut right) = ([0.0; 128], [0.0; 128]);
            while !stopped.load(Ordering::Acquire) {
                if !script.dead.load(Ordering::Acquire) {
                    core.render(&mut left, &mut right);
                    script.heard.lock().expect("no test panicked").extend_from_slice(&left);
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        self.running = Some((stop, thread));
        Ok(info)
    }

    fn close(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::Release);
            thread.join().expect("the device ends");
            self.script.closed.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn look(&self, wish: &StreamWish) -> Box<dyn FnOnce() -> bool + Send> {
        let (script, named) = (self.script.clone(), wish.device.is_some());
        Box::new(move || named && script.headphones.load(Ordering::Acquire))
    }
}

const HEADPHONES: &str = "headphones";

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Lets the supervisor's quiet time after opening a stream pass.
fn let_it_settle() {
    let start = Instant::now();
    wait_until("the quiet time", || start.elapsed() > Duration::from_millis(600));
}

fn playing_engine(script: &Script, folder: &std::path::Path) -> (Engine, Vec<f32>) {
    script.rate.store(48_000, Ordering::Release);
    loaded_engine(script, folder, EngineOptions::default())
}

fn loaded_engine(script: &Script, folder: &std::path::Path, options: EngineOptions) -> (Engine, Vec<f32>) {
    let noise: Vec<f32> = (0..48_000 * 60).map(|frame| (frame % 30_000) as f32 / 32_768.0 + 1.0 / 32_768.0).collect();
    let path = files::wav(folder, "x.wav", std::slice::from_ref(&noise), 48_000, Store::I16);
    let output = FakeDevice { script: script.clone(), running: None };
    let engine = Engine::start_with(Box::new(output), options).expect("the engine starts");
    engine.load(LaneId::A, LaneSource::new(path)).expect("it loads");
    (engine, noise)
}

#[test]
fn p13_an_invalidated_stream_is_built_again_once_and_plays_on() {
    let folder = folder();
    let script = Script::default();
    let (engine, noise) = playing_engine(&script, folder.path());
    engine.play();
    let_it_settle();
    wait_until("playing", || engine.state().position_frames > 10_000);
    let opened = script.opened.load(Ordering::Acquire);
    let faults = script.faults.lock().expect("no test panicked").clone().expect("it is open");
    for _ in 0..50 {
        faults.report(Fault::Invalidated);
    }
    wait_until("a new stream", || script.opened.load(Ordering::Acquire) == opened + 1);
    let before = engine.state().position_frames;
    wait_until("playing on", || engine.state().playing && engine.state().position_frames > before + 5_000);
    assert_eq!(script.opened.load(Ordering::Acquire), opened + 1, "one burst, one stream");
    // What was heard over the break holds every frame in order, with nothing but silence between.
    let heard: Vec<f32> = script.heard.lock().expect("no test panicked").iter().copied().filter(|sample| *sample != 0.0).collect();
    for (frame, (heard, expected)) in heard.iter().zip(&noise).enumerate().take(heard.len().saturating_sub(1)) {
        assert!(heard == expected || frame < 200, "frame {frame}: {heard} instead of {expected}");
    }
    engine.stop();
}

#[test]
fn p13_a_lost_device_pauses_where_it_was_and_a_new_one_waits_there() {
    let folder = folder();
    let script = Script::default();
    let (engine, _) = playing_engine(&script, folder.path());
    engine.play();
    let_it_settle();
    wait_until("playing", || engine.state().position_frames > 10_000);
    script.absent.store(true, Ordering::Release);
    let faults = script.faults.lock().expect("no test panicked").clone().expect("it is open");
    faults.report(Fault::Lost);
    wait_until("the note", || engine.state().note == Some(Note::DeviceLost));
    let lost = engine.state();
    assert!(!lost.playing && lost.device.is_none() && lost.position_frames > 10_000, "{lost:?}");
    // Another device, at another rate: the musical position stays, and nothing plays by itself.
    script.rate.store(96_000, Ordering::Release);
    script.absent.store(false, Ordering::Release);
    wait_until("the new device", || engine.state().device.as_deref() == Some("fake 96000"));
    let back = engine.state();
    assert_eq!((back.playing, back.rate, back.position_frames), (false, 96_000, lost.position_frames * 2));
    engine.play();
    wait_until("playing again", || engine.state().playing && engine.state().position_frames > back.position_frames + 1_000);
    assert_eq!(engine.state().note, None);
    engine.stop();
}

#[test]
fn p13_a_device_that_falls_silent_is_lost() {
    let folder = folder();
    let script = Script::default();
    let (engine, _) = playing_engine(&script, folder.path());
    engine.play();
    let_it_settle();
    wait_until("playing", || engine.state().position_frames > 1_000);
    script.dead.store(true, Ordering::Release);
    wait_until("the note", || engine.state().note == Some(Note::DeviceLost));
    assert!(!engine.state().playing);
    engine.stop();
}

#[test]
fn p13_a_busy_device_is_tried_again_until_it_is_free() {
    let folder = folder();
    let script = Script::default();
    script.busy.store(true, Ordering::Release);
    let (engine, _) = playing_engine(&script, folder.path());
    wait_until("the note", || engine.state().note == Some(Note::DeviceBusy));
    script.busy.store(false, Ordering::Release);
    wait_until("the device", || engine.state().device.is_some());
    assert_eq!(engine.state().note, None);
    engine.stop();
}

#[test]
fn a_loop_in_seconds_lies_where_it_was_meant_whatever_the_rate_of_the_device() {
    let folder = folder();
    for (rate, expected) in [(44_100, (441_000, 882_000)), (96_000, (960_000, 1_920_000))] {
        let script = Script::default();
        script.rate.store(rate, Ordering::Release);
        // Ordered at once, while nobody can know the rate of the device yet.
        let (engine, _) = loaded_engine(&script, folder.path(), EngineOptions::default());
        engine.set_loop_seconds(Some((10.0, 20.0)));
        assert!(engine.settle());
        assert_eq!(engine.state().looping, Some(expected), "at {rate} Hz");
        engine.stop();
    }
}

#[test]
fn a_device_that_rests_keeps_its_name_and_wakes_where_it_was() {
    let folder = folder();
    let script = Script::default();
    script.rate.store(48_000, Ordering::Release);
    let options = EngineOptions { idle_limit: Duration::from_millis(1), ..EngineOptions::default() };
    let (engine, _) = loaded_engine(&script, folder.path(), options);
    engine.seek_frames(12_345);
    wait_until("the device to be closed", || script.closed.load(Ordering::Acquire) > 0);
    assert!(engine.settle());
    let resting = engine.state();
    assert_eq!((resting.device.as_deref(), resting.note, resting.position_frames), (Some("fake 48000"), None, 12_345));
    engine.play();
    wait_until("playing", || engine.state().position_frames > 13_000);
    engine.stop();
}

#[test]
fn another_device_stands_in_for_a_chosen_one_that_is_absent_until_it_is_back() {
    let folder = folder();
    let script = Script::default();
    script.rate.store(48_000, Ordering::Release);
    let options = EngineOptions { device: Some(HEADPHONES.to_owned()), ..EngineOptions::default() };
    let (engine, _) = loaded_engine(&script, folder.path(), options);
    // Ordered before anybody could know: not a sound on the other device.
    engine.play();
    wait_until("the other device", || engine.state().device.as_deref() == Some("fake 48000"));
    assert!(engine.settle());
    assert_eq!((engine.state().playing, engine.state().note), (false, Some(Note::StandIn)));
    engine.play();
    wait_until("playing", || engine.state().position_frames > 5_000);
    assert_eq!(engine.state().note, None);
    // The chosen one is plugged in: on it goes there, at its own rate.
    let before = engine.state();
    script.headphones.store(true, Ordering::Release);
    wait_until("the chosen device", || engine.state().device.as_deref() == Some(HEADPHONES));
    assert!(engine.settle());
    let back = engine.state();
    assert!(back.playing && back.note.is_none() && back.rate == 44_100, "{back:?}");
    assert!(back.position_frames as f64 / 44_100.0 >= before.position_frames as f64 / 48_000.0, "{back:?}");
    // And pulled out: paused where it was, ready on the other one.
    let_it_settle();
    script.headphones.store(false, Ordering::Release);
    script.faults.lock().expect("no test panicked").clone().expect("it is open").report(Fault::Lost);
    wait_until("the other device again", || engine.state().device.as_deref() == Some("fake 48000"));
    assert!(engine.settle());
    assert_eq!((engine.state().playing, engine.state().note), (false, Some(Note::StandIn)));
    // What was never there stays a wish, and going back to the system's own ends it.
    engine.set_device(None);
    wait_until("no note", || engine.state().note.is_none() && engine.state().device.is_some());
    engine.stop();
}
