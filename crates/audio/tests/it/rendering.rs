//! Rendering to a file writes exactly what the engine plays; the WAV writer writes what it is given.

use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::decode::probe;
use collabtrack_audio::engine::render::{RenderOrder, render_offline};
use collabtrack_audio::engine::{LaneId, LaneSource};
use collabtrack_audio::error::AudioError;
use collabtrack_audio::wav::{WavDepth, WavWriter};

use crate::support::files::{self, Store};
use crate::support::{assert_same, decode_all, folder, signal};

const RATE: u32 = 48_000;

fn order(lanes: Vec<LaneSource>) -> RenderOrder {
    RenderOrder { lanes, from_seconds: 0.0, to_seconds: None, flips: Vec::new(), level_match: false, rate: None, depth: None }
}

fn source(path: &std::path::Path) -> LaneSource {
    LaneSource::new(path)
}

#[test]
fn a_rendered_version_holds_its_exact_samples_in_its_own_depth() {
    let folder = folder();
    for (store, bits) in [(Store::I16, 16), (Store::I24, 24), (Store::F32, 32)] {
        let music = signal::quantised(&signal::noise(1, 2, 150_000, 0.9), bits.min(24));
        let path = files::wav(folder.path(), "x.wav", &music, 44_100, store);
        let target = folder.path().join("out.wav");
        let mut last = 0.0;
        let rendered =
            render_offline(&order(vec![source(&path)]), &target, &Cancel::default(), &mut |share| last = share).expect("it renders");
        assert_eq!((rendered.frames, rendered.rate, last), (150_000, 44_100, 1.0));
        assert_same(&decode_all(&target, 1_000), &music, &format!("{store:?}"));
        assert_eq!(probe(&target).expect("it probes").bit_depth, Some(bits as u16));
        let part = RenderOrder { from_seconds: 1.0, to_seconds: Some(2.5), ..order(vec![source(&path)]) };
        render_offline(&part, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
        let expected: Vec<Vec<f32>> = music.iter().map(|plane| plane[44_100..110_250].to_vec()).collect();
        assert_same(&decode_all(&target, 1_000), &expected, "a part");
    }
}

#[test]
fn a_rendered_comparison_flips_where_it_was_told_to_and_matches_levels() {
    let folder = folder();
    let loud = signal::music(2, RATE, 10 * RATE as usize);
    let quiet: Vec<Vec<f32>> = loud.iter().map(|plane| plane.iter().map(|sample| sample * 0.5).collect()).collect();
    let (a, b) =
        (files::wav(folder.path(), "a.wav", &loud, RATE, Store::F32), files::wav(folder.path(), "b.wav", &quiet, RATE, Store::F32));
    let target = folder.path().join("out.wav");
    let flips = vec![(4.0, LaneId::B), (7.0, LaneId::A)];
    let plain = RenderOrder { flips: flips.clone(), ..order(vec![source(&a), source(&b)]) };
    render_offline(&plain, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
    let rendered = decode_all(&target, 1_000);
    let at = |seconds: usize| seconds * RATE as usize;
    assert_eq!(rendered[0][..at(4)], loud[0][..at(4)]);
    assert_eq!(rendered[0][at(4) + 500..at(7)], quiet[0][at(4) + 500..at(7)]);
    assert_eq!(rendered[1][at(7) + 500..at(9)], loud[1][at(7) + 500..at(9)]);
    let matched = RenderOrder { flips, level_match: true, ..order(vec![source(&a), source(&b)]) };
    let result = render_offline(&matched, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
    assert!((result.gains_db[0] + 6.02).abs() < 0.05 && result.gains_db[1] == 0.0, "{:?}", result.gains_db);
    let rendered = decode_all(&target, 1_000);
    let worst = rendered[0].iter().zip(&quiet[0]).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
    assert!(worst < 0.005, "matched, both sound the same: {worst}");
}

#[test]
fn whatever_is_computed_is_written_as_float_exactly_as_the_engine_plays_it() {
    let folder = folder();
    // A plain 16-bit version in A, and in B one at 24 bits whose overs a lesser depth would clamp.
    let quiet = signal::quantised(&signal::noise(41, 2, 3 * RATE as usize, 0.3), 16);
    let hot: Vec<Vec<f32>> = signal::noise(42, 2, 3 * RATE as usize, 1.4);
    let a = files::wav(folder.path(), "a.wav", &quiet, RATE, Store::I16);
    let b = files::wav(folder.path(), "b.wav", &hot, RATE, Store::F32);
    let target = folder.path().join("out.wav");
    let comparison = RenderOrder { flips: vec![(0.0, LaneId::B)], ..order(vec![source(&a), source(&b)]) };
    render_offline(&comparison, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
    assert_same(&decode_all(&target, 1_000), &hot, "B keeps its depth and what is above full scale");
    let matched = RenderOrder { level_match: true, flips: vec![(0.0, LaneId::B)], ..order(vec![source(&a), source(&b)]) };
    let rendered = render_offline(&matched, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
    let gain = 10_f64.powf(rendered.gains_db[1] / 20.0) as f32;
    assert!(gain < 0.5, "B is turned down: {:?}", rendered.gains_db);
    let expected: Vec<Vec<f32>> = hot.iter().map(|plane| plane.iter().map(|sample| sample * gain).collect()).collect();
    assert_same(&decode_all(&target, 1_000), &expected, "a gain rounds nothing");
    let other_rate = RenderOrder { rate: Some(44_100), ..order(vec![source(&a)]) };
    render_offline(&other_rate, &target, &Cancel::default(), &mut |_| {}).expect("it renders");
    assert_eq!(probe(&target).expect("it probes").bit_depth, Some(32), "another rate is computed too");
}

#[test]
fn a_cancelled_or_impossible_render_leaves_nothing_behind() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 50_000, 0.5), RATE, Store::I16);
    let cancel = Cancel::default();
    cancel.cancel();
    let target = folder.path().join("out.wav");
    assert!(matches!(render_offline(&order(vec![source(&path)]), &target, &cancel, &mut |_| {}), Err(AudioError::Cancelled)));
    assert!(render_offline(&order(Vec::new()), &target, &Cancel::default(), &mut |_| {}).is_err());
    let text = files::put(folder.path(), "text", b"no sound at all, only words");
    assert!(matches!(
        render_offline(&order(vec![source(&text)]), &target, &Cancel::default(), &mut |_| {}),
        Err(AudioError::NotAudio { .. })
    ));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it lists").count(), 2);
}

#[test]
fn the_wav_writer_rounds_clamps_and_pads() {
    let folder = folder();
    let path = folder.path().join("x.wav");
    let mut writer = WavWriter::create(&path, RATE, 1, WavDepth::Int24).expect("it opens");
    writer.write(&[&[0.5, -2.0, 2.0]]).expect("it writes");
    writer.finish().expect("it closes");
    let bytes = std::fs::read(&path).expect("it reads");
    assert_eq!(bytes.len() % 2, 0);
    assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes")) as usize + 8, bytes.len());
    assert_same(&decode_all(&path, 10), &[vec![0.5, -1.0, 1.0 - 1.0 / 8_388_608.0]], "clamped");
    assert!(WavWriter::create(&path, RATE, 2, WavDepth::Int16).expect("it opens").write(&[&[0.0]]).is_err());
}
