//! The engine plays exactly what is in the files, from any frame and whatever becomes of them, within its memory and without allocating.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, SystemTime};

use assert_no_alloc::assert_no_alloc;
use collabtrack_audio::engine::chunk::CHUNK_FRAMES;
use collabtrack_audio::engine::link::{Command, Gains, LaneSlots, LoopRange};
use collabtrack_audio::engine::offline::{OfflineDriver, OfflineOutput};
use collabtrack_audio::engine::ramp::Curve;
use collabtrack_audio::engine::{Engine, EngineOptions, LaneId};
use collabtrack_audio::limits::MAX_LANES;

use crate::support::engine::{RATE, assert_plays, bare_core, engine, give, source};
use crate::support::files::{self, Store};
use crate::support::signal::{self, Seed};
use crate::support::{assert_same, decode_all, ffmpeg, folder, measured};

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

#[test]
fn two_seeks_between_two_blocks_make_no_step() {
    let folder = folder();
    let tone = vec![signal::sine(RATE, 200.0, 200_000, 0.5)];
    let path = files::wav(folder.path(), "x.wav", &tone, RATE, Store::F32);
    let (engine, mut driver) = engine(RATE);
    engine.load(LaneId::A, source(&path)).expect("it loads");
    engine.play();
    assert!(engine.settle());
    let mut heard = driver.render(10_000).expect("it renders")[0].clone();
    // 240 frames are a period: from where the wave stands at 0 to its crest, and on to its trough.
    for (first, second) in [(120_060, 60_180), (30_060, 150_180), (90_180, 20_060)] {
        engine.seek_frames(first);
        engine.seek_frames(second);
        assert!(engine.settle());
        heard.extend(&driver.render(4_800).expect("it renders")[0]);
    }
    let largest = |samples: &[f32]| samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0_f32, f32::max);
    let slope = 1.0 / (0.003 * RATE as f32);
    assert!(largest(&heard) <= largest(&tone[0]) * 2.0 + slope, "a step of {}", largest(&heard));
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
            go_to(&engine, &mut driver, target);
            assert_plays(&driver.render(50_000).expect("it renders"), &linear, target, &format!("{name} from {target}"));
        }
    }
}

/// Pauses, goes elsewhere and plays from there.
fn go_to(engine: &Engine, driver: &mut OfflineDriver, target: usize) {
    engine.pause();
    assert!(engine.settle());
    driver.render(1_000).expect("it renders");
    engine.seek_frames(target as u64);
    engine.play();
    assert!(engine.settle());
}

#[test]
fn lossy_versions_without_room_for_a_decoded_copy_play_all_the_same() {
    let folder = folder();
    let music = signal::quantised(&signal::music(94, RATE, 12 * RATE as usize), 16);
    let wav = files::wav(folder.path(), "x.wav", &music, RATE, Store::I16);
    let path = ffmpeg(&wav, &folder.path().join("x.mp3"), &["-c:a", "libmp3lame", "-b:a", "192k"]);
    let linear = decode_all(&path, 4096);
    let room = linear[0].len() as u64 * 8;
    let nowhere = EngineOptions { proxy_folder: Some(folder.path().join("no such folder")), ..EngineOptions::default() };
    let one = EngineOptions { proxy_folder: Some(folder.path().to_path_buf()), proxy_bytes: room, ..EngineOptions::default() };
    let (output, _driver) = OfflineOutput::new(RATE);
    let engine = Engine::start_with(Box::new(output), one).expect("the engine starts");
    for (lane, taken) in [(LaneId::A, room), (LaneId::B, room)] {
        engine.load(lane, source(&path)).expect("it loads");
        assert!(engine.settle());
        assert_eq!(engine.state().proxy_bytes, taken, "the second one finds no room");
    }
    engine.unload(LaneId::A);
    assert!(engine.settle());
    assert_eq!(engine.state().proxy_bytes, 0);
    let (output, mut driver) = OfflineOutput::new(RATE);
    let engine = Engine::start_with(Box::new(output), nowhere).expect("the engine starts");
    engine.load(LaneId::A, source(&path)).expect("it loads");
    for target in [9 * RATE as usize, 1_000, 5 * RATE as usize] {
        go_to(&engine, &mut driver, target);
        assert_plays(&driver.render(30_000).expect("it renders"), &linear, target, &format!("from {target}"));
    }
    assert_eq!((engine.state().note, engine.state().proxy_bytes), (None, 0));
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
    for lane in 0..9 {
        engine.load(LaneId(lane), source(&path)).expect("it loads");
    }
    let noise = signal::noise(95, 2, 20 * RATE as usize, 0.3);
    let short = files::wav(folder.path(), "short.wav", &noise, RATE, Store::I16);
    let lossy = ffmpeg(&short, &folder.path().join("short.mp3"), &["-c:a", "libmp3lame", "-b:a", "128k"]);
    engine.load(LaneId(9), source(&lossy)).expect("it loads");
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
    let copies = engine.state().proxy_bytes;
    assert!((20 * u64::from(RATE) * 8..21 * u64::from(RATE) * 8).contains(&copies), "one decoded copy, and no more: {copies}");
}

#[test]
fn p16_files_that_vanish_or_change_while_playing_do_no_harm() {
    let folder = folder();
    let (mut engine, mut driver) = self::engine(RATE);
    let mut random = Seed::new(93);
    // What identifies the files as they should be, nothing for one that was removed.
    let mut on_disk = BTreeMap::new();
    for turn in 0..100 {
        if random.below(5) == 0 {
            // The engine dies in the middle of it all, and another one starts.
            drop(engine);
            (engine, driver) = self::engine(RATE);
        }
        let path = folder.path().join(format!("{}.wav", turn % 3));
        let noise = signal::noise(turn, 2, 100_000 + random.below(100_000) as usize, 0.5);
        let mut put = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("it writes");
            on_disk.insert(path.clone(), Some(blake3::hash(bytes)));
        };
        put(&files::wav_bytes(&noise, RATE, Store::I16));
        engine.load(LaneId((turn % 2) as u8), source(&path)).expect("it loads");
        engine.play();
        driver.render_without_waiting(random.below(3_000) as usize).expect("it renders");
        match random.below(4) {
            0 => {
                std::fs::remove_file(&path).expect("it is removed");
                on_disk.insert(path.clone(), None);
            }
            1 => put(b"RIFF"),
            2 => engine.unload(LaneId((turn % 2) as u8)),
            _ => engine.seek_frames(random.below(100_000)),
        }
        engine.set_active(LaneId(random.below(2) as u8));
        let rendered = driver.render_without_waiting(random.below(3_000) as usize).expect("it renders");
        assert!(rendered.iter().flatten().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
        for (path, written) in &on_disk {
            assert_eq!(std::fs::read(path).ok().map(|bytes| blake3::hash(&bytes)), *written, "{} is as it was put there", path.display());
        }
    }
    assert!(engine.settle());
}

/// Every file of a folder: its name, what identifies it, and when it was last written.
fn identities(folder: &Path) -> BTreeMap<OsString, (blake3::Hash, SystemTime)> {
    let entries = std::fs::read_dir(folder).expect("it lists").map(|entry| entry.expect("it lists"));
    entries
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).expect("it reads");
            let written = entry.metadata().and_then(|metadata| metadata.modified()).expect("it has a time");
            (entry.file_name(), (blake3::hash(&bytes), written))
        })
        .collect()
}

/// Names the folder to the process that is to be killed.
const P16_FOLDER: &str = "COLLABTRACK_P16_FOLDER";

#[test]
#[ignore = "the process that p16 starts and kills; it does not end by itself"]
fn p16_a_process_that_plays_until_it_is_killed() {
    let Some(folder) = std::env::var_os(P16_FOLDER).map(PathBuf::from) else { return };
    let (engine, mut driver) = self::engine(RATE);
    engine.load(LaneId::A, source(&folder.join("a.wav"))).expect("it loads");
    engine.load(LaneId::B, source(&folder.join("b.mp3"))).expect("it loads");
    engine.load(LaneId(2), source(&folder.join("c.flac"))).expect("it loads");
    println!("loaded");
    engine.play();
    assert!(engine.settle());
    let mut random = Seed::new(94);
    loop {
        engine.set_active(LaneId(random.below(3) as u8));
        engine.seek_frames(random.below(200_000));
        engine.play();
        let rendered = driver.render_without_waiting(2_000).expect("it renders");
        if rendered[0].iter().any(|sample| *sample != 0.0) {
            println!("playing");
        }
    }
}

#[test]
fn p16_a_player_killed_at_any_time_leaves_every_file_as_it_was() {
    let folder = folder();
    let noise = signal::quantised(&signal::noise(95, 2, 300_000, 0.5), 16);
    let wav = files::wav(folder.path(), "a.wav", &noise, RATE, Store::I16);
    ffmpeg(&wav, &folder.path().join("b.mp3"), &["-c:a", "libmp3lame"]);
    ffmpeg(&wav, &folder.path().join("c.flac"), &["-c:a", "flac"]);
    let before = identities(folder.path());
    let decoded: Vec<[u8; 32]> = before.keys().map(|name| measured(&folder.path().join(name)).pcm_hash).collect();
    let mut random = Seed::new(96);
    for turn in 0..12 {
        let mut child = Process::new(std::env::current_exe().expect("this program has a path"))
            .args(["playing::p16_a_process_that_plays_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(P16_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        // Some die while their files are opened, some while they play.
        let word = if turn % 3 == 0 { "loaded" } else { "playing" };
        let mut lines = BufReader::new(child.stdout.take().expect("it writes")).lines();
        assert!(lines.any(|line| line.is_ok_and(|line| line.contains(word))), "it never said that it was {word}");
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        child.kill().expect("it is killed");
        let status = child.wait().expect("it ends");
        assert!(!status.success() && status.code().is_none(), "killed, not ended: {status}");
        assert_eq!(identities(folder.path()), before, "after kill {turn}");
    }
    let after: Vec<[u8; 32]> = before.keys().map(|name| measured(&folder.path().join(name)).pcm_hash).collect();
    assert_eq!(after, decoded);
}
