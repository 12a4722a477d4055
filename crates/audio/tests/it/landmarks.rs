//! What a passage is found again by: the envelope of its bands and the hashes of its blocks.

use collabtrack_audio::analysis::envelope::Envelope;
use collabtrack_audio::analysis::{analyse_levels, blocks, envelope};
use collabtrack_audio::cancel::Cancel;

use crate::support::files::{self, Store};
use crate::support::{ffmpeg, folder, measured, signal};

#[test]
fn one_pass_makes_the_same_landmarks_as_passes_of_their_own() {
    let folder = folder();
    let music = signal::quantised(&signal::music(96, 44_100, 12 * 44_100), 16);
    let wav = files::wav(folder.path(), "a.wav", &music, 44_100, Store::I16);
    let float: Vec<Vec<f32>> = music.iter().map(|plane| plane.iter().map(|sample| sample * 0.7).collect()).collect();
    for path in [
        wav.clone(),
        files::wav(folder.path(), "b.wav", &music, 44_100, Store::I32),
        files::wav(folder.path(), "c.wav", &music, 44_100, Store::F64),
        files::wav(folder.path(), "d.wav", &float, 44_100, Store::F32),
        ffmpeg(&wav, &folder.path().join("e.flac"), &["-c:a", "flac"]),
        ffmpeg(&wav, &folder.path().join("f.mp3"), &["-c:a", "libmp3lame"]),
    ] {
        let landmarks = measured(&path).landmarks.expect("the whole pass makes them");
        assert_eq!(landmarks.blocks, blocks::measure(&path, &Cancel::default()).expect("it hashes"), "{}", path.display());
        assert_eq!(landmarks.envelope, envelope::measure(&path, &Cancel::default()).expect("it measures"), "{}", path.display());
        let levels = analyse_levels(&path, &Cancel::default(), &mut |_| {}).expect("it measures");
        assert!(levels.landmarks.is_none() && levels.summary == measured(&path).summary);
    }
}

#[test]
fn an_envelope_says_how_loud_which_band_is_and_when() {
    let folder = folder();
    let rate = 48_000;
    let mut planes = vec![signal::sine(rate, 1_000.0, 96_000, 0.1); 2];
    planes.iter_mut().for_each(|plane| plane[..48_000].fill(0.0));
    let path = files::wav(folder.path(), "x.wav", &planes, rate, Store::F32);
    let envelope = envelope::measure(&path, &Cancel::default()).expect("it measures");
    assert_eq!((envelope.hops(), envelope.frames(), envelope.rate()), (200, 96_000, rate));
    assert!(envelope.hop(50).expect("the hop is there").iter().all(|value| *value == 0), "silence");
    let hop = envelope.hop(150).expect("the hop is there");
    let (band, loudest) = hop.iter().enumerate().max_by_key(|(_, value)| **value).expect("there are bands");
    assert!((f32::from(*loudest) / 2.55 - 100.0 + 20.0).abs() < 1.0, "a tone at -20 dBFS reads {loudest}");
    assert!((4..7).contains(&band), "1 kHz is in band {band}");
    let onset = (1..200).max_by(|a, b| envelope.onset(*a).total_cmp(&envelope.onset(*b))).expect("there are hops");
    assert!(onset.abs_diff(99) <= 2, "the tone starts at hop {onset}");
    assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).expect("it reads back"), envelope);
}

#[test]
fn a_passage_has_the_same_block_hashes_wherever_it_lies_and_in_every_container() {
    let folder = folder();
    let music = signal::quantised(&signal::noise(95, 2, 40 * 44_100, 0.5), 16);
    let path = files::wav(folder.path(), "a.wav", &music, 44_100, Store::I16);
    let own = blocks::measure(&path, &Cancel::default()).expect("it hashes");
    assert_eq!(own.iter().map(|block| u64::from(block.frames)).sum::<u64>(), 40 * 44_100);
    let mean = 40.0 / own.len() as f64;
    assert!((0.6..1.6).contains(&mean), "{mean} s on average");
    for block in &own[..own.len() - 1] {
        assert!((44_100 / 4..=44_100 * 4).contains(&block.frames));
    }
    // Thirteen thousand frames in front, and another container.
    let shifted: Vec<Vec<f32>> = music.iter().map(|plane| [vec![0.25; 13_001], plane.clone()].concat()).collect();
    let path = files::wav(folder.path(), "b.wav", &shifted, 44_100, Store::F32);
    let other = blocks::measure(&path, &Cancel::default()).expect("it hashes");
    let found = own.iter().filter(|block| other.iter().any(|o| o.hash == block.hash && o.start == block.start + 13_001)).count();
    assert!(found + 5 >= own.len(), "{found} of {} found again", own.len());
    assert_eq!(blocks::from_bytes(&blocks::to_bytes(&own)).expect("it reads back"), own);
    assert!(blocks::from_bytes(&[0; 29]).is_err());
}
