//! The measurements are right: against brute force, against `ebur128`, and against ideal interpolation.

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;

use crate::support::files::{self, Store};
use crate::support::{folder, signal};

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
