//! How soon the engine answers, on an output that asks for 512 frames every 10.7 ms as a sound card does.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use collabtrack_audio::analysis::analyse_levels;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::engine::chunk::{CHUNK_FRAMES, Chunk};
use collabtrack_audio::engine::core::RenderCore;
use collabtrack_audio::engine::link::{Command, Gains, LaneSlots};
use collabtrack_audio::engine::output::{FaultSender, Output, StreamInfo, StreamWish};
use collabtrack_audio::engine::ramp::Curve;
use collabtrack_audio::engine::{Engine, LaneId, LaneSource};
use collabtrack_audio::error::AudioError;
use collabtrack_audio::limits::MAX_LANES;
use collabtrack_audio::wav::{WavDepth, WavWriter};

use crate::RATE;

const PERIOD: usize = 512;

/// What the paced output has seen.
#[derive(Default)]
struct Seen {
    /// The last sample of the last period, as bits.
    last: AtomicU32,
    /// Periods that held sound.
    sounding: AtomicU64,
    /// When the first sounding period was handed over, since it was last cleared.
    first: Mutex<Option<Instant>>,
    stop: AtomicBool,
}

struct Paced {
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Output for Paced {
    fn prepare(&mut self, _: &StreamWish) -> Result<StreamInfo, AudioError> {
        Ok(StreamInfo { device: "paced".to_owned(), rate: RATE, channels: 2, period_frames: Some(PERIOD as u32), latency_frames: 0 })
    }

    fn open(&mut self, mut core: RenderCore, wish: &StreamWish, _: FaultSender) -> Result<StreamInfo, AudioError> {
        let seen = Arc::clone(&self.seen);
        seen.stop.store(false, Ordering::Release);
        self.thread = Some(std::thread::spawn(move || {
            let (mut left, mut right) = ([0.0; PERIOD], [0.0; PERIOD]);
            let start = Instant::now();
            for turn in 1_u32.. {
                if seen.stop.load(Ordering::Acquire) {
                    return;
                }
                core.render(&mut left, &mut right);
                if left.iter().any(|sample| *sample != 0.0) {
                    seen.sounding.fetch_add(1, Ordering::AcqRel);
                    seen.first.lock().expect("nobody panics").get_or_insert_with(Instant::now);
                }
                seen.last.store(left[PERIOD - 1].to_bits(), Ordering::Release);
                let next = start + Duration::from_nanos(1_000_000_000 * PERIOD as u64 / u64::from(RATE)) * turn;
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }));
        self.prepare(wish)
    }

    fn close(&mut self) {
        self.seen.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the output ends");
        }
    }
}

fn engine() -> (Engine, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let engine = Engine::start(Box::new(Paced { seen: Arc::clone(&seen), thread: None })).expect("the engine starts");
    engine.set_level_match(false);
    (engine, seen)
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_micros(100));
    }
}

fn line(what: &str, budget: &str, mut milliseconds: Vec<f64>) {
    milliseconds.sort_by(f64::total_cmp);
    let at = |share: f64| milliseconds[((milliseconds.len() - 1) as f64 * share).round() as usize];
    println!("| {what} | {:.1} | {:.1} | {budget} |", at(0.5), at(0.99));
}

/// Prints the tables.
pub(crate) fn tables(folder: &Path, quick: bool) {
    let turns = if quick { 5 } else { 100 };
    println!("| engine, {PERIOD} frames a period | p50, ms | p99, ms | budget |");
    println!("|---|---|---|---|");
    let file = |name: &str| folder.join(name);
    for (name, path, budget) in [
        ("WAV", file("24.wav"), "p50 15, p99 40"),
        ("FLAC", file("24.flac"), "p50 15, p99 40"),
        ("MP3", file("320.mp3"), "30"),
        ("AAC", file("aac.m4a"), "30"),
    ] {
        line(&format!("play to first sound, {name}, stream open, version just loaded"), budget, first_sound(&path, turns));
    }
    for (name, path, budget) in [("WAV", file("24.wav"), "20"), ("FLAC", file("24.flac"), "40"), ("MP3", file("320.mp3"), "–")] {
        line(&format!("seek to a place not in memory, {name}"), budget, seeks(&path, turns));
    }
    line("flip A/B, key to changed sound", "one period (10.7)", flips(folder, turns));
    println!();
    let (median, worst, periods) = render(if quick { 2_000 } else { 200_000 });
    let period = 128.0 / f64::from(RATE) * 1e6;
    println!(
        "Rendering 128 frames of two lanes during a ramp, {periods} times: median {median:.1} µs, worst {worst:.1} µs, which is {:.1} % of the\nperiod of {period:.0} µs (bound: 10 %).",
        worst / period * 100.0
    );
}

/// As the app plays a version: its loudness was measured when it was captured.
fn first_sound(path: &Path, turns: usize) -> Vec<f64> {
    let table = analyse_levels(path, &Cancel::default(), &mut |_| {}).expect("it is measured").loudness;
    (0..turns)
        .map(|_| {
            let (engine, seen) = engine();
            engine.load(LaneId::A, LaneSource { table: Some(table.clone()), ..LaneSource::new(path) }).expect("it loads");
            let start = Instant::now();
            engine.play();
            wait("sound", || seen.first.lock().expect("nobody panics").is_some());
            let heard = seen.first.lock().expect("nobody panics").expect("just seen");
            (heard - start).as_secs_f64() * 1e3
        })
        .collect()
}

fn seeks(path: &Path, turns: usize) -> Vec<f64> {
    let table = analyse_levels(path, &Cancel::default(), &mut |_| {}).expect("it is measured").loudness;
    let mut target = 0;
    (0..turns)
        .map(|_| {
            // An engine that holds nothing but the start: what was sought once would stay in memory.
            let (engine, _) = engine();
            engine.load(LaneId::A, LaneSource { table: Some(table.clone()), ..LaneSource::new(path) }).expect("it loads");
            engine.play();
            wait("playing", || engine.state().position_frames > 10_000);
            // Far from everything that is kept ahead.
            let far = engine.state().duration_frames / 3;
            target = far + (target + 1_234_567) % (2 * far).saturating_sub(200_000).max(1);
            let start = Instant::now();
            engine.seek_frames(target);
            wait("the place", || {
                let state = engine.state();
                !state.stalled && (target + 1..target + 150_000).contains(&state.position_frames)
            });
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect()
}

fn flips(folder: &Path, turns: usize) -> Vec<f64> {
    let constant = |name: &str, level: f32| -> PathBuf {
        let path = folder.join(name);
        let mut writer = WavWriter::create(&path, RATE, 2, WavDepth::Float32).expect("the folder takes files");
        let samples = vec![level; RATE as usize * 20];
        writer.write(&[&samples, &samples]).expect("the disk has room");
        writer.finish().expect("the disk has room");
        path
    };
    let (a, b) = (constant("flip-a.wav", 0.25), constant("flip-b.wav", -0.25));
    let (engine, seen) = engine();
    engine.load(LaneId::A, LaneSource::new(a)).expect("it loads");
    engine.load(LaneId::B, LaneSource::new(b)).expect("it loads");
    engine.set_loop(Some((0, u64::from(RATE) * 10)));
    engine.play();
    wait("sound", || seen.sounding.load(Ordering::Acquire) > 20);
    (0..turns)
        .map(|turn| {
            let before = seen.last.load(Ordering::Acquire);
            let start = Instant::now();
            engine.set_active(if turn % 2 == 0 { LaneId::B } else { LaneId::A });
            wait("the flip", || seen.last.load(Ordering::Acquire) != before);
            let took = start.elapsed().as_secs_f64() * 1e3;
            std::thread::sleep(Duration::from_millis(40));
            took
        })
        .collect()
}

/// Blocks between two jumps to the start.
const SEEK_EVERY: usize = 200;

/// Median and worst time of one block that sounds, in microseconds.
fn render(turns: usize) -> (f64, f64, usize) {
    let (mut core, mut link) = RenderCore::new(RATE);
    let frames = 2 * CHUNK_FRAMES;
    assert!(SEEK_EVERY * 128 < frames, "it never reaches the end");
    for lane in 0..2 {
        link.send(Command::Lane { lane, slots: Some(Box::new(LaneSlots::new(1, frames as u64))) });
        for index in 0..2 {
            let chunk = Arc::new(Chunk::new(vec![0.3; CHUNK_FRAMES], vec![0.2; CHUNK_FRAMES]));
            link.send(Command::Chunk { lane, epoch: 1, index, chunk: Some(chunk) });
        }
    }
    link.send(Command::Duration(frames as u64));
    let (mut left, mut right) = ([0.0; 128], [0.0; 128]);
    let mut times: Vec<f64> = (0..turns)
        .map(|turn| {
            if turn % 3 == 0 {
                let mut targets = [0.0; MAX_LANES];
                targets[turn % 2] = 1.0;
                link.send(Command::Gains(Box::new(Gains { targets, ramp_frames: 384, curve: Curve::EqualPower })));
            }
            // Long before the end, where the core would stop and every block cost nothing.
            if turn % SEEK_EVERY == 0 {
                link.send(Command::Seek(0));
                link.send(Command::Play);
            }
            let start = Instant::now();
            core.render(&mut left, &mut right);
            let took = start.elapsed().as_secs_f64() * 1e6;
            assert!(left.iter().any(|sample| *sample != 0.0), "block {turn} is silent: nothing was measured");
            link.collect();
            took
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1], times.len())
}
