//! The engine plays exactly what is in the files, flips at the same frame, loops and seeks exactly, and matches levels.

use std::path::{Path, PathBuf};

use assert_no_alloc::assert_no_alloc;
use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::engine::chunk::{CHUNK_FRAMES, Chunk};
use collabtrack_audio::engine::core::RenderCore;
use collabtrack_audio::engine::link::{Command, Gains, LaneSlots, Link, LoopRange};
use collabtrack_audio::engine::offline::{OfflineDriver, OfflineOutput};
use collabtrack_audio::engine::ramp::Curve;
use collabtrack_audio::engine::{Engine, LaneId, LaneSource};
use collabtrack_audio::limits::MAX_LANES;

use crate::support::files::{self, Store};
use crate::support::signal::{self, Seed};
use crate::support::{assert_same, decode_all, ffmpeg, folder};

const RATE: u32 = 48_000;

fn engine(rate: u32) -> (Engine, OfflineDriver) {
    let (output, mut driver) = OfflineOutput::new(rate);
    // Rendering must never touch the allocator, in any test.
    driver.set_around(|render| assert_no_alloc(render));
    (Engine::start(Box::new(output)).expect("the engine starts"), driver)
}

fn source(path: &Path) -> LaneSource {
    LaneSource::new(path)
}

fn stereo(planes: &[Vec<f32>]) -> [&[f32]; 2] {
    [&planes[0], &planes[planes.len() - 1]]
}

fn assert_plays(rendered: &[Vec<f32>; 2], expected: &[Vec<f32>], from: usize, what: &str) {
    let expected = stereo(expected).map(|plane| {
        let end = (from + rendered[0].len()).min(plane.len());
        let mut part = plane[from..end].to_vec();
        part.resize(rendered[0].len(), 0.0);
        part
    });
    assert_same(rendered, &expected, what);
}

fn block_scripts() -> Vec<Vec<usize>> {
    let mut random = Seed::new(99);
    vec![vec![64], vec![512], vec![4096], (0..200).map(|_| 1 + random.below(2_000) as usize).collect()]
}

fn lossless_files(folder: &Path, planes: &[Vec<f32>]) -> Vec<PathBuf> {
    let wav = files::wav(folder, "source.wav", planes, RATE, Store::I24);
    vec![
        ffmpeg(&wav, &folder.join("x.flac"), &["-c:a", "flac"]),
        ffmpeg(&wav, &folder.join("x.m4a"), &["-c:a", "alac"]),
        files::put(folder, "x.aif", &files::aiff_bytes(planes, RATE, Store::I24, None, 0)),
        wav,
    ]
}

#[test]
fn p1_playing_from_any_frame_gives_exactly_the_decoded_file_from_there() {
    let folder = folder();
    let music = signal::quantised(&signal::noise(1, 2, 300_000, 0.9), 24);
    for path in lossless_files(folder.path(), &music) {
        let mut random = Seed::new(2);
        for blocks in block_scripts() {
            let (engine, mut driver) = engine(RATE);
            driver.set_blocks(&blocks);
            engine.load(LaneId::A, source(&path)).expect("it loads");
            let from = random.below(200_000);
            engine.seek_frames(from);
            engine.play();
            assert!(engine.settle());
            let rendered = driver.render(90_000).expect("it renders");
            assert_plays(&rendered, &music, from as usize, &format!("{} from {from} in {:?}", path.display(), &blocks[..1]));
        }
    }
    // One frame at a time, over a chunk's edge.
    let path = folder.path().join("source.wav");
    let (engine, mut driver) = engine(RATE);
    driver.set_blocks(&[1]);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.seek_frames(CHUNK_FRAMES as u64 - 100);
    engine.play();
    assert!(engine.settle());
    assert_plays(&driver.render(400).expect("it renders"), &music, CHUNK_FRAMES - 100, "single frames");
}

#[test]
fn p1_the_last_frame_is_played_and_playing_stops_there() {
    let folder = folder();
    let music = signal::quantised(&signal::noise(1, 1, 10_001, 0.9), 16);
    let path = files::wav(folder.path(), "x.wav", &music, RATE, Store::I16);
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.play();
    assert!(engine.settle());
    assert_plays(&driver.render(12_000).expect("it renders"), &music, 0, "to the end");
    assert!(engine.settle());
    let state = engine.state();
    assert_eq!((state.playing, state.position_frames, state.duration_frames), (false, 10_001, 10_001));
    engine.play();
    assert!(engine.settle());
    assert_plays(&driver.render(5_000).expect("it renders"), &music, 0, "again from the start");
}

/// A scripted session: flips, seeks, pauses, a loop, volume, at given frames.
fn session(path_a: &Path, path_b: &Path, blocks: &[usize]) -> Vec<[Vec<f32>; 2]> {
    let (engine, mut driver) = engine(RATE);
    driver.set_blocks(blocks);
    engine.load(LaneId::A, source(path_a)).expect("it loads");
    engine.load(LaneId::B, source(path_b)).expect("it loads");
    engine.set_level_match(false);
    engine.play();
    let mut out = Vec::new();
    let mut next = |frames: usize| {
        assert!(engine.settle());
        out.push(driver.render(frames).expect("it renders"));
    };
    next(10_000);
    engine.set_active(LaneId::B);
    next(5_003);
    engine.seek_frames(150_000);
    next(7_001);
    engine.set_volume(0.5);
    next(3_000);
    engine.pause();
    next(2_000);
    engine.play();
    engine.set_loop(Some((160_000, 160_777)));
    engine.set_active(LaneId::A);
    next(20_011);
    out
}

#[test]
fn p2_the_output_does_not_depend_on_the_block_sizes() {
    let folder = folder();
    let a = files::wav(folder.path(), "a.wav", &signal::noise(3, 2, 200_000, 0.5), RATE, Store::F32);
    let b = files::wav(folder.path(), "b.wav", &signal::noise(4, 2, 210_000, 0.5), RATE, Store::F32);
    let reference = session(&a, &b, &[512]);
    for blocks in block_scripts() {
        for (part, (rendered, expected)) in session(&a, &b, &blocks).iter().zip(&reference).enumerate() {
            assert_same(rendered, expected, &format!("part {part} in blocks {:?}", &blocks[..1]));
        }
    }
}

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
fn p6_the_first_frame_after_a_seek_is_the_target() {
    let folder = folder();
    let music = signal::quantised(&signal::music(7, RATE, 400_000), 16);
    let wav = files::wav(folder.path(), "x.wav", &music, RATE, Store::I16);
    for (name, options) in [
        ("x.flac", ["-c:a", "flac"].as_slice()),
        ("x.mp3", ["-c:a", "libmp3lame", "-b:a", "192k"].as_slice()),
        ("x.ogg", ["-c:a", "libvorbis"].as_slice()),
        ("x.m4a", ["-c:a", "aac", "-b:a", "192k"].as_slice()),
    ] {
        let path = ffmpeg(&wav, &folder.path().join(name), options);
        let linear = decode_all(&path, 4096);
        let (engine, mut driver) = engine(RATE);
        engine.load(LaneId::A, source(&path)).expect("it loads");
        let mut random = Seed::new(8);
        for _ in 0..6 {
            // Paused: bit for bit from the first frame on.
            engine.pause();
            assert!(engine.settle());
            driver.render(1_000).expect("it renders");
            let target = random.below(390_000);
            engine.seek_frames(target);
            engine.play();
            assert!(engine.settle());
            let rendered = driver.render(4_000).expect("it renders");
            assert_plays(&rendered, &linear, target as usize, &format!("{name} from {target}"));
            // While playing: exact as soon as the fades are over.
            let target = random.below(390_000) as usize;
            engine.seek_frames(target as u64);
            assert!(engine.settle());
            let rendered = driver.render(4_000).expect("it renders");
            let fade = (RATE * 3 / 1_000) as usize + 1;
            assert_eq!(rendered[0][fade..], linear[0][target + fade..target + 4_000], "{name} while playing to {target}");
        }
    }
}

/// A core with one lane of noise, driven by hand.
fn bare_core(frames: usize) -> (RenderCore, Link, Vec<std::sync::Arc<Chunk>>) {
    let (core, mut link) = RenderCore::new(RATE);
    let noise = signal::noise(11, 2, frames, 0.7);
    let chunks: Vec<_> = (0..frames.div_ceil(CHUNK_FRAMES))
        .map(|index| {
            let range = index * CHUNK_FRAMES..((index + 1) * CHUNK_FRAMES).min(frames);
            std::sync::Arc::new(Chunk::new(noise[0][range.clone()].to_vec(), noise[1][range].to_vec()))
        })
        .collect();
    link.send(Command::Lane { lane: 0, slots: Some(Box::new(LaneSlots::new(1, frames as u64))) });
    link.send(Command::Duration(frames as u64));
    let mut targets = [0.0; MAX_LANES];
    targets[0] = 1.0;
    link.send(Command::Gains(Box::new(Gains { targets, ramp_frames: 1, curve: Curve::EqualGain })));
    (core, link, chunks)
}

fn give(link: &mut Link, chunks: &[std::sync::Arc<Chunk>], index: usize) {
    link.send(Command::Chunk { lane: 0, epoch: 1, index, chunk: Some(std::sync::Arc::clone(&chunks[index])) });
}

fn p7_period(frames: u64, turns: u64, start: u64) {
    let length = (start + frames + 100) as usize;
    let (mut core, mut link, chunks) = bare_core(length);
    for index in 0..chunks.len() {
        give(&mut link, &chunks, index);
    }
    link.send(Command::Seek(start));
    link.send(Command::Loop(Some(LoopRange { start, end: start + frames })));
    link.send(Command::Play);
    let turn = frames as usize;
    let (mut left, mut right) = (vec![0.0; turn], vec![0.0; turn]);
    core.render(&mut left, &mut right);
    let (first_left, first_right) = (left.clone(), right.clone());
    for number in 1..turns {
        core.render(&mut left, &mut right);
        assert!(left == first_left && right == first_right, "turn {number} of a loop of {frames} frames differs");
    }
    assert_eq!(link.playhead().position(), start);
    assert_eq!(link.playhead().stalls(), 0);
}

#[test]
fn p7_a_loop_of_480_frames_has_that_period_for_a_million_turns() {
    p7_period(480, 1_000_000, 1_000);
}

#[test]
fn p7_a_loop_of_441_frames_has_that_period_for_a_million_turns() {
    p7_period(441, 1_000_000, 0);
}

#[test]
fn p7_loops_longer_than_a_chunk_have_their_period_too() {
    p7_period(48_000, 1_000, 40_000);
    p7_period(44_101, 1_000, 65_000);
}

#[test]
fn p7_a_loop_fades_into_its_start_without_a_step() {
    let folder = folder();
    let tone: Vec<Vec<f32>> = vec![signal::sine(RATE, 313.0, 100_000, 0.5); 2];
    let path = files::wav(folder.path(), "x.wav", &tone, RATE, Store::F32);
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    assert!(engine.settle());
    engine.set_loop(Some((20_000, 29_777)));
    engine.seek_frames(20_000);
    engine.play();
    assert!(engine.settle());
    let rendered = driver.render(60_000).expect("it renders");
    let steps = |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    assert!(steps(&rendered[0]) < steps(&tone[0]) + 1.0 / (0.004 * RATE as f32), "a step of {}", steps(&rendered[0]));
    assert_eq!(rendered[0][9_777..9_777 + 9_000], rendered[0][..9_000], "every turn starts on the exact frames");
}

#[test]
fn p9_rendering_never_allocates_whatever_is_ordered() {
    let (mut core, mut link, chunks) = bare_core(200_000);
    let mut random = Seed::new(12);
    let (mut left, mut right) = (vec![0.0; 700], vec![0.0; 700]);
    link.send(Command::Play);
    for turn in 0..3_000_u64 {
        match random.below(9) {
            0 => link.send(Command::Seek(random.below(200_000))),
            1 => link.send(Command::Loop(Some(LoopRange { start: 1_000, end: 1_000 + random.below(90_000) }))),
            2 => link.send(Command::Loop(None)),
            3 => link.send(Command::Pause),
            4 | 5 => link.send(Command::Play),
            6 => give(&mut link, &chunks, random.below(4) as usize),
            7 => link.send(Command::Chunk { lane: 0, epoch: 1, index: random.below(4) as usize, chunk: None }),
            _ => {
                let mut targets = [0.0; MAX_LANES];
                targets[0] = random.unit() as f32;
                targets[1] = random.below(2) as f32;
                link.send(Command::Gains(Box::new(Gains { targets, ramp_frames: 384, curve: Curve::EqualPower })));
                link.send(Command::Lane { lane: 1, slots: Some(Box::new(LaneSlots::new(turn as u32, random.below(100_000)))) });
            }
        }
        let frames = 1 + random.below(700) as usize;
        assert_no_alloc(|| core.render(&mut left[..frames], &mut right[..frames]));
        assert!(left[..frames].iter().chain(&right[..frames]).all(|sample| sample.is_finite() && sample.abs() < 4.0));
        link.collect();
    }
}

#[test]
fn p10_a_starved_core_holds_counts_once_and_resumes_at_the_same_frame() {
    let frames = 3 * CHUNK_FRAMES;
    let (mut core, mut link, chunks) = bare_core(frames);
    let noise = signal::noise(11, 2, frames, 0.7);
    give(&mut link, &chunks, 0);
    link.send(Command::Seek(CHUNK_FRAMES as u64 - 1_000));
    link.send(Command::Play);
    let (mut left, mut right) = (vec![1.0; 3_000], vec![1.0; 3_000]);
    core.render(&mut left, &mut right);
    assert_eq!(left[..1_000], noise[0][CHUNK_FRAMES - 1_000..CHUNK_FRAMES]);
    assert!(left[1_000..].iter().chain(&right[1_000..]).all(|sample| *sample == 0.0), "starving is silent");
    core.render(&mut left, &mut right);
    let playhead = std::sync::Arc::clone(link.playhead());
    assert_eq!((playhead.position(), playhead.stalls(), playhead.stalled()), (CHUNK_FRAMES as u64, 1, true));
    give(&mut link, &chunks, 1);
    core.render(&mut left, &mut right);
    assert_eq!(left, noise[0][CHUNK_FRAMES..CHUNK_FRAMES + 3_000]);
    assert_eq!((playhead.position(), playhead.stalls(), playhead.stalled()), (CHUNK_FRAMES as u64 + 3_000, 1, false));
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
fn lossy_versions_play_the_linear_decode_wherever_and_however_often_one_seeks() {
    let folder = folder();
    let music = signal::quantised(&signal::music(91, RATE, 45 * RATE as usize), 16);
    let wav = files::wav(folder.path(), "x.wav", &music, RATE, Store::I16);
    for (name, options) in [("x.m4a", ["-c:a", "aac", "-b:a", "96k"].as_slice()), ("x.mp3", ["-c:a", "libmp3lame", "-q:a", "4"].as_slice())]
    {
        let path = ffmpeg(&wav, &folder.path().join(name), options);
        let linear = decode_all(&path, 4096);
        let (engine, mut driver) = engine(RATE);
        engine.load(LaneId::A, source(&path)).expect("it loads");
        // The last part first, before anything was decoded ahead.
        for target in [43 * RATE as usize, 100, 20 * RATE as usize, 41 * RATE as usize, 70_000] {
            engine.pause();
            assert!(engine.settle());
            driver.render(1_000).expect("it renders");
            engine.seek_frames(target as u64);
            engine.play();
            assert!(engine.settle());
            assert_plays(&driver.render(50_000).expect("it renders"), &linear, target, &format!("{name} from {target}"));
        }
    }
}

#[test]
fn memory_for_chunks_stays_within_its_budget_over_many_long_lanes() {
    let folder = folder();
    let path = folder.path().join("hour.wav");
    let frames = 3_600 * u64::from(RATE);
    let mut bytes = files::rf64_head(b"RF64", RATE, 2, Store::I16, frames * 4);
    std::fs::write(&path, &bytes).expect("it writes");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it opens");
    file.set_len(bytes.len() as u64 + frames * 4).expect("a sparse file");
    bytes.clear();
    let (engine, mut driver) = engine(RATE);
    for lane in 0..10 {
        engine.load(LaneId(lane), source(&path)).expect("it loads");
    }
    let mut random = Seed::new(92);
    let mut most = 0;
    for _ in 0..40 {
        engine.set_active(LaneId(random.below(10) as u8));
        engine.seek_frames(random.below(frames - 200_000));
        engine.play();
        assert!(engine.settle());
        driver.render(70_000).expect("it renders");
        most = most.max(engine.state().chunk_bytes);
    }
    assert!(most > 100 << 20, "the cache was used: {most}");
    assert!(most <= 256 << 20, "{most} bytes");
}

#[test]
fn p16_files_that_vanish_or_change_while_playing_do_no_harm() {
    let folder = folder();
    let (mut engine, mut driver) = self::engine(RATE);
    let mut random = Seed::new(93);
    for turn in 0..100 {
        if random.below(5) == 0 {
            // The engine dies in the middle of it all, and another one starts.
            drop(engine);
            (engine, driver) = self::engine(RATE);
        }
        let path = folder.path().join(format!("{}.wav", turn % 3));
        let noise = signal::noise(turn, 2, 100_000 + random.below(100_000) as usize, 0.5);
        std::fs::write(&path, files::wav_bytes(&noise, RATE, Store::I16)).expect("it writes");
        engine.load(LaneId((turn % 2) as u8), source(&path)).expect("it loads");
        engine.play();
        driver.render_without_waiting(random.below(3_000) as usize).expect("it renders");
        match random.below(4) {
            0 => std::fs::remove_file(&path).expect("it is removed"),
            1 => std::fs::write(&path, b"RIFF").expect("it is cut"),
            2 => engine.unload(LaneId((turn % 2) as u8)),
            _ => engine.seek_frames(random.below(100_000)),
        }
        engine.set_active(LaneId(random.below(2) as u8));
        let rendered = driver.render_without_waiting(random.below(3_000) as usize).expect("it renders");
        assert!(rendered.iter().flatten().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
    }
    assert!(engine.settle());
}
