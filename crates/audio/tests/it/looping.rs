//! A loop has its period exactly, for as long as one likes.

use collabtrack_audio::engine::LaneId;
use collabtrack_audio::engine::link::{Command, LoopRange};

use crate::support::engine::{RATE, bare_core, engine, give, source};
use crate::support::files::{self, Store};
use crate::support::folder;
use crate::support::signal;

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
fn a_loop_is_kept_as_it_was_wished_while_shorter_versions_come_and_go() {
    let folder = folder();
    let long = files::wav(folder.path(), "long.wav", &signal::noise(1, 1, 300_000, 0.5), RATE, Store::I16);
    let short = files::wav(folder.path(), "short.wav", &signal::noise(2, 1, 150_000, 0.5), RATE, Store::I16);
    let shorter = files::wav(folder.path(), "shorter.wav", &signal::noise(3, 1, 50_000, 0.5), RATE, Store::I16);
    let (engine, _driver) = engine(RATE);
    let looping = || {
        assert!(engine.settle());
        engine.state().looping
    };
    engine.set_loop(Some((100_000, 200_000)));
    assert_eq!(looping(), None, "there is nothing to loop over yet");
    engine.load(LaneId::A, source(&long)).expect("it loads");
    assert_eq!(looping(), Some((100_000, 200_000)));
    engine.load(LaneId::A, source(&short)).expect("it loads");
    assert_eq!(looping(), Some((100_000, 150_000)));
    engine.load(LaneId::A, source(&shorter)).expect("it loads");
    assert_eq!(looping(), None);
    engine.load(LaneId::B, source(&long)).expect("it loads");
    assert_eq!(looping(), Some((100_000, 200_000)), "the longest lane counts");
    engine.set_loop(None);
    assert_eq!(looping(), None);
}
