//! What is left when one version is taken away from another.

use std::path::Path;

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::engine::chunk::CHUNK_FRAMES;
use collabtrack_audio::engine::{LaneId, LaneSource};

use crate::support::engine::{RATE, engine, source};
use crate::support::files::{self, Store};
use crate::support::folder;
use crate::support::signal::{self, Seed};

#[test]
fn p4_the_null_of_a_file_and_its_delayed_self_is_exactly_zero() {
    let folder = folder();
    let music = signal::music(14, RATE, 100_000);
    let path = files::wav(folder.path(), "x.wav", &music, RATE, Store::F32);
    let late: Vec<Vec<f32>> = music.iter().map(|plane| [vec![0.0; 777], plane.clone()].concat()).collect();
    let delayed = files::wav(folder.path(), "late.wav", &late, RATE, Store::F32);
    let (engine, mut driver) = engine(RATE);
    engine.set_level_match(false);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.load(LaneId::B, LaneSource { offset_frames: 777, ..source(&delayed) }).expect("it loads");
    engine.set_null(Some((LaneId::B, LaneId::A, 1.0)));
    engine.play();
    assert!(engine.settle());
    let rendered = driver.render(100_000).expect("it renders");
    assert!(rendered.iter().flatten().all(|sample| *sample == 0.0), "the null of an integer delay is exactly zero");
}

/// A signal of many tones up to 18 kHz, `delay` frames late, exactly.
fn tones(rate: u32, frames: usize, delay: f64) -> Vec<f32> {
    let mut random = Seed::new(77);
    let parts: Vec<(f64, f64)> =
        (0..24).map(|_| (20.0 * 900.0_f64.powf(random.unit() * 0.5 + 0.5), random.unit() * std::f64::consts::PI)).collect();
    let sample = |frame: usize| {
        let time = (frame as f64 - delay) / f64::from(rate);
        parts.iter().map(|(hertz, phase)| (std::f64::consts::TAU * hertz * time + phase).sin()).sum::<f64>() * 0.03
    };
    (0..frames).map(|frame| sample(frame) as f32).collect()
}

#[test]
fn p4_the_null_of_a_file_and_its_self_a_fraction_of_a_frame_later_is_below_a_hundred_decibels() {
    for rate in [44_100, 48_000] {
        for delay in [0.25, 0.5, 12.75, -3.1] {
            let folder = folder();
            let frames = 3 * CHUNK_FRAMES;
            let plain = tones(rate, frames, 0.0);
            let a = files::wav(folder.path(), "a.wav", std::slice::from_ref(&plain), rate, Store::F32);
            let b = files::wav(folder.path(), "b.wav", &[tones(rate, frames, delay)], rate, Store::F32);
            let (engine, mut driver) = engine(rate);
            engine.set_level_match(false);
            engine.load(LaneId::A, source(&a)).expect("it loads");
            engine.load(LaneId::B, LaneSource::new(&b).from_frame(delay)).expect("it loads");
            engine.set_null(Some((LaneId::B, LaneId::A, 1.0)));
            // Away from both ends, where the cut itself rings.
            engine.seek_frames(1_000);
            engine.play();
            assert!(engine.settle());
            let rendered = driver.render(frames - 2_000).expect("it renders");
            let power = |samples: &[f32]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64;
            let null = 10.0 * (power(&rendered[0]) / power(&plain[1_000..frames - 1_000])).log10();
            assert!(null <= -100.0, "{rate} Hz, {delay} frames: {null:.1} dB");
        }
    }
}

#[test]
fn the_difference_is_taken_at_matched_levels() {
    let folder = folder();
    let music = signal::music(15, RATE, 300_000);
    let louder: Vec<Vec<f32>> = music.iter().map(|plane| plane.iter().map(|sample| sample * 1.5).collect()).collect();
    let a = files::wav(folder.path(), "a.wav", &music, RATE, Store::F32);
    let b = files::wav(folder.path(), "b.wav", &louder, RATE, Store::F32);
    let table = |path: &Path| Some(analyse(path, &Cancel::default(), &mut |_| {}).expect("it measures").loudness);
    for (plus, minus) in [(LaneId::A, LaneId::B), (LaneId::B, LaneId::A)] {
        let (engine, mut driver) = engine(RATE);
        engine.load(LaneId::A, LaneSource { table: table(&a), ..source(&a) }).expect("it loads");
        engine.load(LaneId::B, LaneSource { table: table(&b), ..source(&b) }).expect("it loads");
        engine.set_null(Some((plus, minus, 1.0)));
        engine.play();
        assert!(engine.settle());
        let loudest = driver.render(300_000).expect("it renders").iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(20.0 * loudest.log10() < -60.0, "only the level differs, {loudest} is left");
    }
}
