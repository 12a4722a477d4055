//! p18: the fuzz targets on seeded bytes: files of every format, broken in thousands of ways, and pure noise.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::time::{Duration, Instant};

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::analysis::blocks;
use collabtrack_audio::analysis::dat::{Dat, Resolution};
use collabtrack_audio::cancel::Cancel;

use crate::hostile::{corpus, mutate};
use crate::support::files::{self, Store};
use crate::support::folder;
use crate::support::signal::{self, Seed};

/// Longest time one input may take.
const LIMIT: Duration = Duration::from_secs(30);

fn timed(name: &str, target: fn(&[u8]), bytes: &[u8]) {
    let start = Instant::now();
    target(bytes);
    assert!(start.elapsed() < LIMIT, "{name} took {:?} over {} bytes", start.elapsed(), bytes.len());
}

#[test]
fn p18_every_fuzz_target_comes_to_an_answer_on_broken_files_of_every_format() {
    let folder = folder();
    let mut random = Seed::new(180);
    for (format, bytes) in corpus(folder.path()) {
        for _ in 0..25 {
            let broken = mutate(&bytes, &mut random);
            for (name, target) in targets::ALL {
                timed(&format!("{name} of {format}"), target, &broken);
            }
        }
    }
}

#[test]
fn p18_every_fuzz_target_comes_to_an_answer_on_noise() {
    let mut random = Seed::new(181);
    let starts: [&[u8]; 8] = [
        b"",
        b"RIFF\xFF\xFF\xFF\x7FWAVEfmt ",
        b"fLaC",
        b"OggS\0\x02",
        b"\xFF\xFB",
        b"\xFF\xF1",
        b"FORM\0\0\xFF\xFFAIFCCOMM",
        b"caff\0\x01",
    ];
    for turn in 0..240 {
        let mut bytes = starts[turn % starts.len()].to_vec();
        let length = random.below(3_000);
        bytes.extend((0..length).map(|_| random.next() as u8));
        for (name, target) in targets::ALL {
            timed(name, target, &bytes);
        }
    }
}

#[test]
fn p18_broken_tables_come_to_an_answer() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 60_000, 0.5), 44_100, Store::I16);
    let analysis = analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures");
    let landmarks = analysis.landmarks.expect("the whole pass makes them");
    let dat = Dat::from_pyramid(&analysis.peaks, 0, Resolution::Bits8).expect("the level is there");
    let stored = [
        analysis.peaks.to_bytes(),
        analysis.loudness.to_bytes(),
        landmarks.envelope.to_bytes(),
        blocks::to_bytes(&landmarks.blocks),
        dat.to_bytes(),
    ];
    let mut random = Seed::new(182);
    for bytes in &stored {
        targets::run("tables", bytes);
        targets::run("dat", bytes);
        for _ in 0..600 {
            let broken = mutate(bytes, &mut random);
            for name in ["tables", "dat"] {
                let start = Instant::now();
                targets::run(name, &broken);
                assert!(start.elapsed() < LIMIT, "{name} took {:?}", start.elapsed());
            }
        }
    }
}
