//! The one pass over a file: its summary, its hash, what it counts, and that it can be cancelled.

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::error::AudioError;

use crate::support::files::{self, Store};
use crate::support::{ffmpeg, folder, measured, signal};

#[test]
fn one_pass_measures_a_file() {
    let folder = folder();
    let music = signal::quantised(&signal::music(1, 48_000, 480_000), 16);
    let path = files::wav(folder.path(), "x.wav", &music, 48_000, Store::I16);
    let mut last = 0.0;
    let analysis = analyse(&path, &Cancel::default(), &mut |share| last = share).expect("it measures");
    assert!((last - 1.0).abs() < 1e-6);
    let summary = &analysis.summary;
    assert_eq!((summary.frames, summary.bit_depth, summary.used_bits, summary.clip_runs), (480_000, Some(16), Some(16), 0));
    let mut meter = ebur128::EbuR128::new(2, 48_000, ebur128::Mode::all()).expect("the meter starts");
    meter.add_frames_planar_f32(&[&music[0], &music[1]]).expect("it takes frames");
    let expected = meter.loudness_global().expect("it measures");
    let measured = summary.loudness_lufs.expect("it is not silent");
    assert!((measured - expected).abs() < 0.05, "{measured} LUFS instead of {expected}");
    let range = (summary.range_lu.expect("it is long enough"), meter.loudness_range().expect("it measures"));
    assert!((range.0 - range.1).abs() < 0.3, "range {range:?}");
}

#[test]
fn the_same_sound_has_the_same_hash_in_every_lossless_container() {
    let folder = folder();
    let music = signal::quantised(&signal::music(51, 44_100, 50_000), 16);
    let wav = files::wav(folder.path(), "a.wav", &music, 44_100, Store::I16);
    let hash = measured(&wav).pcm_hash;
    let others = [
        files::wav(folder.path(), "b.wav", &music, 44_100, Store::I24),
        files::wav(folder.path(), "c.wav", &music, 44_100, Store::I32),
        files::wav(folder.path(), "d.wav", &music, 44_100, Store::F32),
        files::wav(folder.path(), "e.wav", &music, 44_100, Store::F64),
        files::put(folder.path(), "f.aif", &files::aiff_bytes(&music, 44_100, Store::I16, None, 0)),
        ffmpeg(&wav, &folder.path().join("g.flac"), &["-c:a", "flac"]),
        ffmpeg(&wav, &folder.path().join("h.m4a"), &["-c:a", "alac"]),
    ];
    for path in others {
        let analysis = measured(&path);
        assert_eq!(analysis.pcm_hash, hash, "{}", path.display());
        assert_eq!(analysis.summary.used_bits, Some(16), "{}", path.display());
    }
    let mut changed = music.clone();
    changed[1][49_999] += 1.0 / 32_768.0;
    assert_ne!(measured(&files::wav(folder.path(), "i.wav", &changed, 44_100, Store::I16)).pcm_hash, hash);
    let mut float = music.clone();
    float[0][0] = 1e-9;
    let analysis = measured(&files::wav(folder.path(), "j.wav", &float, 44_100, Store::F32));
    assert!(analysis.pcm_hash != hash && analysis.summary.used_bits.is_none());
    let mp3 = ffmpeg(&wav, &folder.path().join("k.mp3"), &["-c:a", "libmp3lame"]);
    assert_eq!(measured(&mp3).pcm_hash, measured(&mp3).pcm_hash);
    assert_ne!(measured(&mp3).pcm_hash, [0; 32]);
}

#[test]
fn clips_bad_samples_and_offsets_are_counted() {
    let folder = folder();
    let mut planes = signal::noise(61, 2, 48_000, 0.3);
    planes[0][1_000..1_003].fill(1.0);
    planes[0][2_000..2_002].fill(1.0);
    planes[1][8_190..8_197].fill(-1.5);
    planes[1][40_000] = f32::NAN;
    planes[1][40_001] = f32::INFINITY;
    planes.iter_mut().flatten().for_each(|sample| *sample += 0.01);
    let path = files::wav(folder.path(), "x.wav", &planes, 48_000, Store::F32);
    let summary = measured(&path).summary;
    assert_eq!((summary.clip_runs, summary.bad_samples), (2, 2));
    assert!((summary.dc - 0.01).abs() < 0.003, "{}", summary.dc);
    assert!((summary.sample_peak_db.expect("it is not silent") - 20.0 * 1.49_f64.log10()).abs() < 0.01, "over full scale is kept");
    let silence = files::wav(folder.path(), "s.wav", &[vec![0.0; 48_000]], 48_000, Store::I16);
    let summary = measured(&silence).summary;
    assert_eq!((summary.sample_peak_db, summary.true_peak_db, summary.loudness_lufs, summary.range_lu), (None, None, None, None));
}

#[test]
fn cancelling_stops_the_pass() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 480_000, 0.3), 48_000, Store::I16);
    let cancel = Cancel::default();
    let mut calls = 0;
    let stopped = analyse(&path, &cancel, &mut |_| {
        calls += 1;
        cancel.cancel();
    });
    assert!(matches!(stopped, Err(AudioError::Cancelled)));
    assert_eq!(calls, 1);
}
