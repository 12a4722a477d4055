//! p18: bytes from enemies. No panic escapes, nothing runs for ever, nothing allocates what a file merely declares.

use std::time::{Duration, Instant};

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::analysis::dat::Dat;
use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::peaks::Pyramid;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::container::{self, notes};
use collabtrack_audio::decode::Decoder;

use crate::support::files::{self, Store};
use crate::support::signal::{self, Seed};
use crate::support::{ffmpeg, folder};

/// Changes some bytes: random values, extreme sizes, cuts, repeats.
pub(crate) fn mutate(bytes: &[u8], random: &mut Seed) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(12) {
        if out.is_empty() {
            break;
        }
        // Headers are where the harm is done.
        let reach = if random.below(3) == 0 { out.len() as u64 } else { out.len().min(600) as u64 };
        let at = random.below(reach) as usize;
        match random.below(6) {
            0 => out[at] = random.next() as u8,
            1 => {
                let extreme = [0_u32, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFF8][random.below(6) as usize];
                let bytes = if random.below(2) == 0 { extreme.to_le_bytes() } else { extreme.to_be_bytes() };
                let end = (at + 4).min(out.len());
                out[at..end].copy_from_slice(&bytes[..end - at]);
            }
            2 => out.truncate(at),
            3 => {
                let part = out[at..(at + random.below(64) as usize).min(out.len())].to_vec();
                out.splice(at..at, part);
            }
            4 => out[at] ^= 1 << random.below(8),
            _ => {
                out.drain(at..(at + random.below(16) as usize).min(out.len()));
            }
        }
    }
    out
}

pub(crate) fn corpus(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let noise = signal::quantised(&signal::noise(1, 2, 6_000, 0.7), 16);
    let source = files::wav(folder, "source.wav", &noise, 44_100, Store::I16);
    let mut rf64 = files::rf64_head(b"RF64", 44_100, 2, Store::I16, 24_000);
    rf64.extend_from_slice(&files::samples(&noise, Store::I16, false));
    let mut corpus = vec![
        ("wav".to_owned(), files::wav_bytes(&noise, 44_100, Store::F32)),
        ("aiff".to_owned(), files::aiff_bytes(&noise, 44_100, Store::I24, Some(b"in24"), 4)),
        ("caf".to_owned(), files::caf_bytes(&noise, 44_100, Store::I16, true, None)),
        ("w64".to_owned(), files::w64_bytes(&noise, 44_100, Store::I16)),
        ("rf64".to_owned(), rf64),
    ];
    for (name, options) in [
        ("x.flac", ["-c:a", "flac"].as_slice()),
        ("alac.m4a", &["-c:a", "alac"]),
        ("aac.m4a", &["-c:a", "aac"]),
        ("x.aac", &["-c:a", "aac"]),
        ("x.mp3", &["-c:a", "libmp3lame"]),
        ("x.ogg", &["-c:a", "libvorbis"]),
        ("adpcm.wav", &["-c:a", "adpcm_ms"]),
        ("alac.caf", &["-c:a", "alac"]),
    ] {
        let path = ffmpeg(&source, &folder.join(name), options);
        corpus.push((name.to_owned(), std::fs::read(path).expect("it reads")));
    }
    corpus
}

/// Reads everything a file offers; returns the frames decoded.
fn exercise(path: &std::path::Path, random: &mut Seed) -> u64 {
    // Errors are as good an answer as any; what matters is that there is one.
    let _ = container::layout(path);
    let _ = notes::read(path);
    let Ok(mut decoder) = Decoder::open(path) else { return 0 };
    let channels = usize::from(decoder.info().channels);
    let (mut frames, mut planes) = (0, vec![Vec::new(); channels]);
    for _ in 0..3 {
        while let Ok(got @ 1..) = decoder.read(&mut planes, 4_096) {
            frames += got as u64;
            assert!(planes.iter().all(|plane| plane.len() == got && plane.iter().all(|sample| sample.is_finite())));
            planes.iter_mut().for_each(Vec::clear);
            if frames > 5_000_000 {
                return frames;
            }
        }
        if decoder.seek(random.below(10_000)).is_err() {
            break;
        }
    }
    frames
}

#[test]
fn p18_mutated_files_of_every_format_end_in_an_answer() {
    let folder = folder();
    let mut random = Seed::new(18);
    // Caught panics are part of the design; their traces would only fill the log.
    std::panic::set_hook(Box::new(|_| {}));
    let started = Instant::now();
    let mut slowest = (Duration::ZERO, String::new());
    for (name, bytes) in corpus(folder.path()) {
        for turn in 0..60 {
            let path = files::put(folder.path(), "mutated", &mutate(&bytes, &mut random));
            let start = Instant::now();
            exercise(&path, &mut random);
            if start.elapsed() > slowest.0 {
                slowest = (start.elapsed(), format!("{name} {turn}"));
            }
        }
        let path = files::put(folder.path(), "mutated", &mutate(&bytes, &mut random));
        let _ = analyse(&path, &Cancel::default(), &mut |_| {});
    }
    let _ = std::panic::take_hook();
    assert!(slowest.0 < Duration::from_secs(12), "{slowest:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn p18_a_flac_file_of_headers_without_frames_ends() {
    let folder = folder();
    let noise = signal::quantised(&signal::noise(5, 2, 20_000, 0.7), 16);
    let source = files::wav(folder.path(), "source.wav", &noise, 44_100, Store::I16);
    let path = ffmpeg(&source, &folder.path().join("x.flac"), &["-c:a", "flac", "-frame_size", "4096"]);
    let bytes = std::fs::read(&path).expect("it reads");
    // The header of the second frame, as the file has it: sync code, sizes, its number, checksum.
    let second = bytes.windows(5).position(|window| window[..2] == [0xff, 0xf8] && window[2] >> 4 == 0xc && window[4] == 1);
    let second = second.expect("the second frame");
    let header = bytes[second..second + 6].to_vec();
    // In place of all that follows: as much of it as the longest frame there may be.
    let crowded = [&bytes[..second - 40], &header.repeat(2_200_000 / 6)].concat();
    let path = files::put(folder.path(), "crowded.flac", &crowded);
    let frames = exercise(&path, &mut Seed::new(20));
    assert!(frames < 5_000_000, "{frames} frames of nothing");
}

#[test]
fn p18_mutated_tables_end_in_an_answer() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 30_000, 0.5), 44_100, Store::I16);
    let analysis = analyse(&path, &Cancel::default(), &mut |_| {}).expect("it measures");
    let dat = Dat::from_pyramid(&analysis.peaks, 0, collabtrack_audio::analysis::dat::Resolution::Bits16).expect("the level is there");
    let (peaks, loudness, dat) = (analysis.peaks.to_bytes(), analysis.loudness.to_bytes(), dat.to_bytes());
    let mut random = Seed::new(19);
    for _ in 0..3_000 {
        if let Ok(pyramid) = Pyramid::from_bytes(&mutate(&peaks, &mut random)) {
            pyramid.view(random.next(), random.next(), random.next() as u32);
            pyramid.overview();
        }
        if let Ok(table) = LoudnessTable::from_bytes(&mutate(&loudness, &mut random)) {
            let loudness = table.region(random.below(1 << 40), random.below(1 << 40));
            assert!(loudness.is_none_or(f64::is_finite));
            assert!(table.integrated(0..usize::MAX).is_none_or(f64::is_finite));
        }
        if let Ok(dat) = Dat::from_bytes(&mutate(&dat, &mut random)) {
            assert!(dat.length() as usize <= dat.pairs.len());
        }
    }
}
