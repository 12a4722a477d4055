//! Two versions on one timeline: flipped at the same frame, matched in level, lined up, replaced.

use std::path::Path;

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::engine::{LaneId, LaneSource};

use crate::support::engine::{RATE, engine, source};
use crate::support::files::{self, Store};
use crate::support::signal::{self, Seed};
use crate::support::{folder, measured};

#[test]
fn p3_flipping_between_a_file_and_itself_equals_plain_playback() {
    let folder = folder();
    let music = signal::quantised(&signal::music(5, RATE, 200_000), 24);
    let path = files::wav(folder.path(), "x.wav", &music, RATE, Store::I24);
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.load(LaneId::B, source(&path)).expect("it loads");
    engine.play();
    let ramp = (RATE / 100) as usize;
    let mut random = Seed::new(6);
    let mut position = 0;
    for turn in 0..60 {
        engine.set_active(LaneId(turn % 2));
        assert!(engine.settle());
        let frames = 200 + random.below(5_000) as usize;
        let rendered = driver.render(frames).expect("it renders");
        for (channel, plane) in rendered.iter().enumerate() {
            for (frame, sample) in plane.iter().enumerate() {
                let expected = music[channel][position + frame];
                if frame < ramp {
                    assert!((sample - expected).abs() < 1e-6, "turn {turn}, ramp frame {frame}: {sample} instead of {expected}");
                } else if position > 6_000 || turn > 3 {
                    assert!((sample - expected).abs() < 1e-6, "turn {turn}, frame {frame}");
                }
            }
            // Longer than a ramp: from there on bit for bit, provided the flip before had ended too.
            if frames > ramp {
                assert_eq!(plane[ramp..], music[channel][position + ramp..position + frames], "turn {turn}");
            }
        }
        position += frames;
    }
}

#[test]
fn p5_a_flip_takes_at_most_one_block_and_makes_no_step() {
    let folder = folder();
    let a: Vec<Vec<f32>> = vec![signal::sine(RATE, 440.0, 100_000, 0.4); 2];
    let b: Vec<Vec<f32>> = vec![signal::sine(RATE, 660.0, 100_000, 0.4); 2];
    let path_a = files::wav(folder.path(), "a.wav", &a, RATE, Store::F32);
    let path_b = files::wav(folder.path(), "b.wav", &b, RATE, Store::F32);
    let (engine, mut driver) = engine(RATE);
    driver.set_blocks(&[512]);
    engine.set_level_match(false);
    engine.load(LaneId::A, source(&path_a)).expect("it loads");
    engine.load(LaneId::B, source(&path_b)).expect("it loads");
    engine.play();
    assert!(engine.settle());
    let mut whole = driver.render(512 * 20).expect("it renders")[0].clone();
    engine.set_active(LaneId::B);
    assert!(engine.settle());
    let after = driver.render(512 * 20).expect("it renders")[0].clone();
    let changed = after.iter().zip(&a[0][whole.len()..]).position(|(out, plain)| (out - plain).abs() > 1e-4).expect("it flips");
    assert!(changed < 512, "the flip was first heard after {changed} frames");
    assert_eq!(after[1_000..], b[0][whole.len() + 1_000..whole.len() + after.len()], "the flip ends on B, at the same frame");
    whole.extend(after);
    let largest = |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    let slope = 0.8 / (0.005 * RATE as f32);
    assert!(largest(&whole) <= largest(&a[0]).max(largest(&b[0])) + slope, "a step of {}", largest(&whole));
}

#[test]
fn p11_matched_levels_agree_within_a_tenth_and_nothing_is_amplified() {
    let folder = folder();
    let loud = signal::music(13, RATE, 480_000);
    let quiet: Vec<Vec<f32>> =
        signal::music(13, RATE, 480_000).iter().map(|plane| plane.iter().map(|sample| sample * 0.37).collect()).collect();
    let path_a = files::wav(folder.path(), "a.wav", &loud, RATE, Store::F32);
    let path_b = files::wav(folder.path(), "b.wav", &quiet, RATE, Store::F32);
    let table = |path: &Path| Some(analyse(path, &Cancel::default(), &mut |_| {}).expect("it measures").loudness);
    for looping in [None, Some((48_000, 240_000))] {
        let mut loudness = Vec::new();
        let (engine, mut driver) = engine(RATE);
        engine.load(LaneId::A, LaneSource { table: table(&path_a), ..source(&path_a) }).expect("it loads");
        engine.load(LaneId::B, LaneSource { table: table(&path_b), ..source(&path_b) }).expect("it loads");
        engine.set_loop(looping);
        assert!(engine.settle());
        assert!((engine.lane_gain_db(LaneId::A) - 20.0 * 0.37_f64.log10()).abs() < 0.1, "{}", engine.lane_gain_db(LaneId::A));
        assert_eq!(engine.lane_gain_db(LaneId::B), 0.0);
        for lane in [LaneId::A, LaneId::B] {
            engine.pause();
            engine.set_active(lane);
            engine.seek_frames(looping.map_or(0, |(start, _)| start));
            assert!(engine.settle());
            driver.render(10).expect("it renders");
            engine.play();
            assert!(engine.settle());
            let frames = looping.map_or(480_000, |(start, end)| (end - start) as usize);
            let rendered = driver.render(frames).expect("it renders");
            let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::I).expect("the meter starts");
            meter.add_frames_planar_f32(&[&rendered[0], &rendered[1]]).expect("it takes frames");
            loudness.push(meter.loudness_global().expect("it measures"));
            let peak = |planes: &[Vec<f32>]| planes.iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak(&rendered) <= peak(&loud), "louder than the louder original");
        }
        assert!((loudness[0] - loudness[1]).abs() < 0.1, "{loudness:?}");
    }
}

#[test]
fn p11_levels_agree_with_offsets_at_other_rates_and_over_short_regions() {
    let folder = folder();
    let quieter = |planes: Vec<Vec<f32>>| -> Vec<Vec<f32>> {
        planes.into_iter().map(|plane| plane.into_iter().map(|sample| sample * 0.43).collect()).collect()
    };
    let a = signal::music(13, RATE, 480_000);
    let path_a = files::wav(folder.path(), "a.wav", &a, RATE, Store::F32);
    let same = files::wav(folder.path(), "same.wav", &quieter(signal::music(14, RATE, 480_000)), RATE, Store::F32);
    let other = files::wav(folder.path(), "other.wav", &quieter(signal::music(15, 44_100, 441_000)), 44_100, Store::F32);
    let peak = |planes: &[Vec<f32>]| planes.iter().flatten().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    for (what, path_b, offset_frames, region) in [
        ("later in its file", &same, 52_800, None),
        ("later than the timeline", &same, -48_000, None),
        ("another rate", &other, 0, None),
        ("another rate, later in its file", &other, 44_100, None),
        ("a short region", &same, 0, Some((48_000, 48_000 + 72_000))),
        ("a short region of another rate", &other, 0, Some((96_000, 96_000 + 48_000))),
    ] {
        let (engine, mut driver) = engine(RATE);
        engine.load(LaneId::A, LaneSource { table: Some(measured(&path_a).loudness), ..source(&path_a) }).expect("it loads");
        engine.load(LaneId::B, LaneSource { table: Some(measured(path_b).loudness), offset_frames, ..source(path_b) }).expect("it loads");
        engine.set_loop(region);
        assert!(engine.settle());
        let gains = [LaneId::A, LaneId::B].map(|lane| engine.lane_gain_db(lane));
        assert!(gains[0] < -1.0 && gains[1] == 0.0, "{what}: the louder one is turned down: {gains:?}");
        // What both have: an offset skips the start of a file, or comes before it.
        let seconds = |frames: i64, rate: i64| frames * i64::from(RATE) / rate;
        let lane_rate = if path_b == &other { 44_100 } else { i64::from(RATE) };
        let from = seconds(-offset_frames, lane_rate).max(0) as u64;
        let to = (480_000 - seconds(offset_frames, lane_rate)).min(480_000) as u64;
        let (from, to) = region.unwrap_or((from, to));
        let loudness = [LaneId::A, LaneId::B].map(|lane| {
            engine.pause();
            engine.set_active(lane);
            engine.seek_frames(from);
            assert!(engine.settle());
            driver.render(10).expect("it renders");
            engine.play();
            assert!(engine.settle());
            let rendered = driver.render((to - from) as usize).expect("it renders");
            assert!(peak(&rendered) <= peak(&a), "{what}: louder than the louder original");
            let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::I).expect("the meter starts");
            meter.set_max_window(3_000).expect("it is a length");
            meter.add_frames_planar_f32(&[&rendered[0], &rendered[1]]).expect("it takes frames");
            // Under three seconds nothing is gated.
            let length_ms = (to - from) as u32 * 1_000 / RATE;
            if length_ms < 3_000 { meter.loudness_window(length_ms) } else { meter.loudness_global() }.expect("it measures")
        });
        assert!((loudness[0] - loudness[1]).abs() < 0.1, "{what}: {loudness:?}");
    }
}

#[test]
fn lanes_of_other_rates_and_with_offsets_play_at_the_same_musical_position() {
    let folder = folder();
    let seconds = 3;
    let tone = |rate: u32| vec![signal::sine(rate, 1_000.0, (rate * seconds) as usize, 0.5)];
    let a = files::wav(folder.path(), "a.wav", &tone(48_000), 48_000, Store::F32);
    let b = files::wav(folder.path(), "b.wav", &tone(44_100), 44_100, Store::F32);
    let (engine, mut driver) = engine(48_000);
    engine.set_level_match(false);
    engine.load(LaneId::A, source(&a)).expect("it loads");
    // One period later, to the sample, in the file's own frames: 441 frames are ten periods.
    engine.load(LaneId::B, LaneSource { offset_frames: 441, ..source(&b) }).expect("it loads");
    engine.set_null(Some((LaneId::A, LaneId::B, 1.0)));
    engine.seek_frames(10_000);
    engine.play();
    assert!(engine.settle());
    let residue = driver.render(100_000).expect("it renders")[0].iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!(20.0 * residue.log10() < -100.0, "the difference is {} dBFS", 20.0 * residue.log10());
}

#[test]
fn an_original_takes_the_place_of_its_preview_without_a_gap_or_a_step() {
    let folder = folder();
    let music = signal::quantised(&signal::music(16, RATE, 400_000), 24);
    let original = files::wav(folder.path(), "x.wav", &music, RATE, Store::I24);
    let preview = folder.path().join("x.ogg");
    collabtrack_audio::preview::encode(&original, &preview, 1, &Cancel::default()).expect("it encodes");
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, LaneSource { is_preview: true, ..source(&preview) }).expect("it loads");
    engine.play();
    assert!(engine.settle());
    let before = driver.render(100_000).expect("it renders");
    // Beside the preview first, then flipped to at the same frame.
    let table = analyse(&original, &Cancel::default(), &mut |_| {}).expect("it measures").loudness;
    engine.load(LaneId(2), LaneSource { table: Some(table), ..source(&original) }).expect("it loads");
    assert!(engine.settle());
    assert!(engine.lane_gain_db(LaneId(2)).abs() < 0.2 && engine.lane_gain_db(LaneId::A).abs() < 0.2, "nothing gets louder or softer");
    engine.set_level_match(false);
    assert!(engine.settle());
    engine.set_active(LaneId(2));
    assert!(engine.settle());
    let after = driver.render(100_000).expect("it renders");
    engine.unload(LaneId::A);
    assert!(engine.settle());
    let last = driver.render(100_000).expect("it renders");
    let ramp = (RATE / 100) as usize;
    assert!(after[0][ramp..] == music[0][100_000 + ramp..200_000], "the original, at the same frame");
    assert!(last[1] == music[1][200_000..300_000], "and on");
    assert_eq!(engine.state().stalls, 0);
    let loudness = |planes: &[Vec<f32>]| {
        let mut meter = ebur128::EbuR128::new(2, RATE, ebur128::Mode::I).expect("the meter starts");
        meter.add_frames_planar_f32(&[&planes[0], &planes[1]]).expect("it takes frames");
        meter.loudness_global().expect("it measures")
    };
    let reference: Vec<Vec<f32>> = music.iter().map(|plane| plane[..100_000].to_vec()).collect();
    assert!((loudness(&before) - loudness(&reference)).abs() < 0.2, "the preview is as loud as its original");
    let step = |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    let around = [&before[0][99_000..], &after[0][..1_000]].concat();
    assert!(step(&around) < step(&music[0][99_000..101_000]) * 1.5 + 0.01, "no click at the exchange");
}

#[test]
fn another_version_takes_the_place_of_the_heard_one_without_a_gap_or_a_step() {
    let folder = folder();
    let old = vec![signal::sine(RATE, 440.0, 400_000, 0.4)];
    let new = vec![signal::sine(RATE, 660.0, 400_000, 0.4)];
    let path_old = files::wav(folder.path(), "old.wav", &old, RATE, Store::F32);
    let path_new = files::wav(folder.path(), "new.wav", &new, RATE, Store::F32);
    let (engine, mut driver) = engine(RATE);
    engine.set_level_match(false);
    engine.load(LaneId::A, source(&path_old)).expect("it loads");
    engine.play();
    assert!(engine.settle());
    let mut heard = driver.render(16_000).expect("it renders")[0].clone();
    // Near the end of a chunk, and without waiting for anything: what is not there yet must not be heard as silence.
    engine.load(LaneId(2), source(&path_new)).expect("it loads");
    engine.set_active(LaneId(2));
    engine.retire(LaneId::A);
    for _ in 0..60 {
        heard.extend(&driver.render_without_waiting(128).expect("it renders")[0]);
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
    assert!(engine.settle());
    heard.extend(&driver.render(20_000).expect("it renders")[0]);
    assert_eq!(engine.state().stalls, 0, "it never held its breath");
    assert_eq!(heard[30_000..], new[0][30_000..heard.len()], "the new one, at the same frame");
    let largest = |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    let slope = 0.8 / (0.005 * RATE as f32);
    assert!(largest(&heard) <= largest(&old[0]).max(largest(&new[0])) + slope, "a step of {}", largest(&heard));
    // The old one is gone as soon as a block was rendered without it.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while engine.state().lane_gains_db.len() > 1 {
        assert!(std::time::Instant::now() < deadline, "the old version stays");
        driver.render_without_waiting(128).expect("it renders");
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
    assert_eq!(engine.state().lane_gains_db[0].0, LaneId(2));
}

#[test]
fn a_lane_that_retires_while_nothing_plays_goes_at_once() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 1, 50_000, 0.4), RATE, Store::I16);
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.load(LaneId::B, source(&path)).expect("it loads");
    engine.retire(LaneId::A);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while engine.state().lane_gains_db.len() > 1 {
        assert!(std::time::Instant::now() < deadline, "it stays");
        driver.render_without_waiting(64).expect("it renders");
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
    engine.retire(LaneId(9));
    assert!(engine.settle(), "an empty lane has nothing to retire from");
}

#[test]
fn only_a_preview_matched_by_its_own_loudness_is_approximate() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::music(17, RATE, 200_000), RATE, Store::F32);
    let table = analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures").loudness;
    let (engine, _driver) = engine(RATE);
    // Of the same rate and length as the original's, which says nothing about whose it is.
    let of_original = LaneSource { is_preview: true, table: Some(table.clone()), ..source(&path) };
    let own = LaneSource { table_is_own: true, ..of_original.clone() };
    for (source, approximate) in [
        (of_original.clone(), vec![]),
        (own.clone(), vec![LaneId::A]),
        (LaneSource { table: None, ..of_original }, vec![LaneId::A]),
        (LaneSource { is_preview: false, ..own }, vec![]),
    ] {
        engine.load(LaneId::A, source).expect("it loads");
        assert!(engine.settle());
        assert_eq!(engine.state().approximate, approximate);
    }
}
