//! Previews: exact length, no shift, the same loudness.

use collabtrack_audio::analysis::analyse;
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::preview;

use crate::decoding::best_lag;
use crate::support::files::{self, Store};
use crate::support::{decode_all, folder, signal};

#[test]
fn p17_a_preview_has_the_exact_length_no_shift_and_the_same_loudness() {
    let folder = folder();
    for (rate, preview_rate, frames, channels) in
        [(44_100, 44_100, 441_001, 2), (48_000, 48_000, 479_999, 1), (96_000, 48_000, 700_001, 2), (88_200, 44_100, 654_321, 2)]
    {
        let mut music = signal::quantised(&signal::music(rate.into(), rate, frames), 24);
        music.truncate(channels);
        let source = files::wav(folder.path(), "source.wav", &music, rate, Store::I24);
        let target = folder.path().join("preview.ogg");
        let info = preview::encode(&source, &target, 7, &Cancel::default()).expect("it encodes");
        let expected = (frames as u64 * u64::from(preview_rate) + u64::from(rate) / 2) / u64::from(rate);
        assert_eq!((info.frames, info.sample_rate, usize::from(info.channels)), (expected, preview_rate, channels), "{rate} Hz");
        let decoded = decode_all(&target, 8_000);
        assert_eq!(decoded[0].len() as u64, expected, "{rate} Hz");
        // What of a higher rate falls on the frames of the preview.
        let kept: Vec<f32> = music[0].iter().step_by((rate / preview_rate) as usize).copied().collect();
        assert!(best_lag(&kept, &decoded[0], 100).abs() <= 1, "{rate} Hz is shifted");
        let loudness =
            |path| analyse(path, &Cancel::default(), &mut |_| {}).expect("it measures").summary.loudness_lufs.expect("it is not silent");
        let (original, preview) = (loudness(&source), loudness(&target));
        assert!((original - preview).abs() < 0.2, "{rate} Hz: {original} and {preview} LUFS");
    }
}

#[test]
fn a_cancelled_preview_leaves_nothing_behind() {
    let folder = folder();
    let source = files::wav(folder.path(), "source.wav", &signal::noise(1, 2, 50_000, 0.5), 48_000, Store::I16);
    let cancel = Cancel::default();
    cancel.cancel();
    assert!(preview::encode(&source, &folder.path().join("preview.ogg"), 1, &cancel).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).expect("it lists").count(), 1);
}
