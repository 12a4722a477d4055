//! Every format decodes to the right frames, from any frame on; broken files say what is wrong and play what is there.

use collabtrack_audio::decode::{Decoder, probe};
use collabtrack_audio::downmix::Downmix;
use collabtrack_audio::error::AudioError;

use crate::support::files::{self, Store};
use crate::support::signal::{self, Seed};
use crate::support::{assert_same, decode_all, ffmpeg, folder, read_rest};

const RATE: u32 = 48_000;

fn lossless_formats() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("x.wav", &["-c:a", "pcm_s16le"]),
        ("x.aiff", &["-c:a", "pcm_s16be"]),
        ("x.flac", &["-c:a", "flac"]),
        ("x.m4a", &["-c:a", "alac"]),
        ("x.caf", &["-c:a", "pcm_s16le"]),
        ("x.w64", &["-c:a", "pcm_s16le"]),
    ]
}

#[test]
fn every_lossless_format_decodes_to_the_samples_that_went_in() {
    let folder = folder();
    let music = signal::quantised(&signal::music(1, RATE, 100_000), 16);
    let source = files::wav(folder.path(), "source.wav", &music, RATE, Store::I16);
    for (name, options) in lossless_formats() {
        let path = ffmpeg(&source, &folder.path().join(name), options);
        assert_same(&decode_all(&path, 4096), &music, name);
        let info = probe(&path).expect("it probes");
        assert_eq!(
            (info.sample_rate, info.channels, info.frames, info.bit_depth, info.lossy),
            (RATE, 2, Some(100_000), Some(16), false),
            "{name}"
        );
    }
}

#[test]
fn alac_in_caf_decodes_to_the_samples_that_went_in() {
    let folder = folder();
    for (bits, codec) in [(16, "s16p"), (24, "s32p")] {
        let music = signal::quantised(&signal::music(9, RATE, 100_000), bits);
        let source = files::wav(folder.path(), "source.wav", &music, RATE, Store::I24);
        let path = ffmpeg(&source, &folder.path().join("x.caf"), &["-c:a", "alac", "-sample_fmt", codec]);
        let info = probe(&path).expect("it probes");
        assert_eq!((info.format.as_str(), info.codec.as_str(), info.lossy), ("CAF", "ALAC", false));
        let mut decoded = decode_all(&path, 4096);
        // ffmpeg counts whole packets of 4,096 frames there: what it adds is silence.
        assert!(decoded[0].len() - 100_000 < 4_096 && decoded.iter().all(|plane| plane[100_000..].iter().all(|sample| *sample == 0.0)));
        decoded.iter_mut().for_each(|plane| plane.truncate(100_000));
        assert_same(&decoded, &music, &format!("ALAC of {bits} bits in CAF"));
        let mut decoder = Decoder::open(&path).expect("it opens");
        for frame in [77_777, 12, 50_000] {
            decoder.seek(frame).expect("it seeks");
            let mut planes = vec![Vec::new(); 2];
            while planes[0].len() < 3_000 && decoder.read(&mut planes, 1_000).expect("it reads") > 0 {}
            let from = frame as usize;
            let expected: Vec<Vec<f32>> = music.iter().map(|plane| plane[from..from + planes[0].len()].to_vec()).collect();
            assert_same(&planes, &expected, &format!("from frame {frame}"));
        }
    }
}

#[test]
fn every_sample_format_of_linear_containers_keeps_its_value() {
    let folder = folder();
    let noise = signal::noise(2, 3, 999, 0.9);
    for (store, bits) in [(Store::U8, 8), (Store::I16, 16), (Store::I24, 24), (Store::I32, 24), (Store::F32, 24), (Store::F64, 24)] {
        let exact = signal::quantised(&noise, bits);
        let path = files::wav(folder.path(), "x.wav", &exact, 44_100, store);
        assert_same(&decode_all(&path, 100), &exact, &format!("WAV {store:?}"));
        if store != Store::U8 {
            for little in [false, true] {
                let path = files::put(folder.path(), "x.caf", &files::caf_bytes(&exact, 44_100, store, little, None));
                assert_same(&decode_all(&path, 100), &exact, &format!("CAF {store:?} little {little}"));
            }
        }
        let path = files::put(folder.path(), "x.w64", &files::w64_bytes(&exact, 44_100, store));
        assert_same(&decode_all(&path, 100), &exact, &format!("W64 {store:?}"));
        let mut rf64 = files::rf64_head(b"RF64", 44_100, 3, store, (999 * 3 * u64::from(store.bits())) / 8);
        rf64.extend_from_slice(&files::samples(&exact, store, false));
        let path = files::put(folder.path(), "x.rf64", &rf64);
        assert_same(&decode_all(&path, 100), &exact, &format!("RF64 {store:?}"));
    }
    for (kind, store, bits) in [
        (None, Store::I16, 16),
        (None, Store::I24, 24),
        (Some(b"NONE"), Store::I32, 24),
        (Some(b"twos"), Store::I24, 24),
        (Some(b"sowt"), Store::I16, 16),
        (Some(b"sowt"), Store::I24, 24),
        (Some(b"in24"), Store::I24, 24),
        (Some(b"in32"), Store::I32, 24),
        (Some(b"23ni"), Store::I32, 24),
        (Some(b"fl32"), Store::F32, 24),
        (Some(b"fl64"), Store::F64, 24),
        (Some(b"raw "), Store::U8, 8),
    ] {
        let exact = signal::quantised(&noise, bits);
        for offset in [0, 12] {
            let path = files::put(folder.path(), "x.aif", &files::aiff_bytes(&exact, 44_100, store, kind, offset));
            assert_same(&decode_all(&path, 100), &exact, &format!("AIFF {kind:?} {store:?} offset {offset}"));
        }
    }
}

#[test]
fn companded_samples_have_the_values_another_decoder_gives_them() {
    let folder = folder();
    // From silence to full scale, so that every step of the curves is there.
    let ramp: Vec<f32> = (0..65_536).map(|value| (value - 32_768) as f32 / 32_768.0).collect();
    let source = files::wav(folder.path(), "source.wav", &[ramp], RATE, Store::I16);
    for (codec, name, alike) in [("pcm_alaw", "A-law", 0.04), ("pcm_mulaw", "µ-law", 0.04)] {
        for file in ["x.wav", "x.aif", "x.caf", "x.w64"] {
            let path = ffmpeg(&source, &folder.path().join(file), &["-c:a", codec]);
            let info = probe(&path).expect("it probes");
            assert_eq!((info.codec.as_str(), info.frames, info.bit_depth), (name, Some(65_536), None), "{file}");
            let decoded = decode_all(&path, 1_000);
            let plain = ffmpeg(&path, &folder.path().join("plain.wav"), &["-c:a", "pcm_s16le"]);
            assert_same(&decoded, &decode_all(&plain, 1_000), &format!("{name} in {file}"));
            let original = decode_all(&source, 1_000);
            let worst = decoded[0].iter().zip(&original[0]).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
            assert!(worst > 0.0 && worst < alike, "{name} in {file}: off by {worst}");
            let values: std::collections::BTreeSet<u32> = decoded[0].iter().map(|sample| sample.to_bits()).collect();
            assert!(values.len() >= 255, "{name} in {file}: {} values", values.len());
        }
    }
}

#[test]
fn the_places_of_channels_are_known_where_a_file_says_them() {
    let folder = folder();
    let six: Vec<Vec<f32>> = (1..=6).map(|channel| vec![f32::from(channel as u8) / 16.0; 2_000]).collect();
    let plain = files::wav(folder.path(), "plain.wav", &six, RATE, Store::I16);
    let summary = crate::support::measured(&plain).summary;
    assert_eq!((summary.channels, summary.channel_mask), (6, Some(0)), "a plain WAV does not say");
    assert!(!Downmix::new(6, 0).known_layout());
    for (name, layout, mask) in
        [("x.caf", "5.1", 0x3f), ("y.caf", "5.1(side)", 0x60f), ("x.aif", "5.1", 0x3f), ("x.wav", "5.1", 0x3f), ("x.flac", "5.1", 0x3f)]
    {
        let filter = format!("channelmap=map=0|1|2|3|4|5:channel_layout={layout}");
        let path = ffmpeg(&plain, &folder.path().join(name), &["-af", &filter]);
        let summary = crate::support::measured(&path).summary;
        let told = u32::try_from(summary.channel_mask.expect("six channels")).expect("32 bits");
        assert!(Downmix::new(6, told).known_layout(), "{name}: {told:#x}");
        // The surrounds may be told as sides or as rears; they are heard alike.
        assert_eq!(told & 0xf, mask & 0xf, "{name}: {told:#x}");
    }
    let stereo = files::wav(folder.path(), "stereo.wav", &six[..2], RATE, Store::I16);
    assert_eq!(crate::support::measured(&stereo).summary.channel_mask, None);
}

#[test]
fn tags_of_coded_files_are_passed_on() {
    let folder = folder();
    let source = files::wav(folder.path(), "source.wav", &signal::noise(8, 2, 20_000, 0.5), RATE, Store::I16);
    for (name, codec) in [("x.flac", "flac"), ("x.mp3", "libmp3lame"), ("x.ogg", "libvorbis"), ("x.m4a", "aac"), ("y.m4a", "alac")] {
        let path =
            ffmpeg(&source, &folder.path().join(name), &["-c:a", codec, "-metadata", "title=Night Drive", "-metadata", "artist=Ida"]);
        let tags = Decoder::open(&path).expect("it opens").tags().to_vec();
        for wanted in ["Night Drive", "Ida"] {
            assert!(tags.iter().any(|tag| tag.value == wanted), "{name}: {tags:?}");
        }
        assert_eq!(crate::support::measured(&path).tags, tags, "{name}");
    }
    assert_eq!(Decoder::open(&source).expect("it opens").tags(), []);
}

#[test]
fn seeking_lands_on_the_exact_frame_in_every_format() {
    let folder = folder();
    let music = signal::quantised(&signal::music(3, RATE, 240_000), 16);
    let source = files::wav(folder.path(), "source.wav", &music, RATE, Store::I16);
    let mut formats = lossless_formats();
    formats.extend([
        ("x.mp3", ["-c:a", "libmp3lame", "-b:a", "192k"].as_slice()),
        ("y.mp3", ["-c:a", "libmp3lame", "-q:a", "2"].as_slice()),
        ("x.ogg", ["-c:a", "libvorbis"].as_slice()),
        ("y.m4a", ["-c:a", "aac", "-b:a", "192k"].as_slice()),
        ("x.aac", ["-c:a", "aac", "-b:a", "192k"].as_slice()),
    ]);
    for (name, options) in formats {
        let path = ffmpeg(&source, &folder.path().join(name), options);
        let linear = decode_all(&path, 4096);
        let mut decoder = Decoder::open(&path).expect("it opens");
        let mut random = Seed::new(4);
        for turn in 0..12 {
            let frame = match turn {
                0 => 200_000,
                1 => 0,
                2 => 239_999,
                _ => random.below(linear[0].len() as u64),
            };
            decoder.seek(frame).expect("it seeks");
            let mut planes = vec![Vec::new(); 2];
            while planes[0].len() < 3_000 && decoder.read(&mut planes, 1_000).expect("it reads") > 0 {}
            let end = (frame as usize + planes[0].len()).min(linear[0].len());
            let expected: Vec<Vec<f32>> = linear.iter().map(|plane| plane[frame as usize..end].to_vec()).collect();
            assert_same(&planes, &expected, &format!("{name} from frame {frame}"));
            assert!(planes[0].len() >= 3_000.min(linear[0].len() - frame as usize), "{name} ends early");
        }
        assert!(!decoder.info().damaged && !decoder.info().truncated, "{name}");
    }
}

#[test]
fn lossy_formats_last_exactly_as_long_as_the_sound_they_were_made_from() {
    let folder = folder();
    let music = signal::quantised(&signal::music(5, 44_100, 123_457), 16);
    let source = files::wav(folder.path(), "source.wav", &music, 44_100, Store::I16);
    for (name, options) in [
        ("x.mp3", ["-c:a", "libmp3lame", "-b:a", "256k"].as_slice()),
        ("y.mp3", ["-c:a", "libmp3lame", "-q:a", "0"].as_slice()),
        ("x.ogg", ["-c:a", "libvorbis", "-q:a", "6"].as_slice()),
        ("x.m4a", ["-c:a", "aac", "-b:a", "256k"].as_slice()),
    ] {
        let path = ffmpeg(&source, &folder.path().join(name), options);
        let info = probe(&path).expect("it probes");
        assert_eq!(info.frames, Some(123_457), "{name}");
        assert!(info.lossy && !info.untrimmed && info.bit_depth.is_none(), "{name}: {info:?}");
        let decoded = decode_all(&path, 5000);
        assert_eq!(decoded[0].len(), 123_457, "{name}");
        let lag = best_lag(&music[0], &decoded[0], 3_000);
        assert_eq!(lag, 0, "{name} is shifted");
    }
}

/// The shift of `b` against `a`, in frames, at which they match best.
pub(crate) fn best_lag(a: &[f32], b: &[f32], reach: i64) -> i64 {
    let window = 40_000..44_096.min(a.len() - reach as usize);
    let distance = |lag: i64| -> f64 { window.clone().map(|frame| f64::from(a[frame] - b[(frame as i64 + lag) as usize]).powi(2)).sum() };
    (-reach..=reach).min_by(|x, y| distance(*x).total_cmp(&distance(*y))).expect("the range is not empty")
}

#[test]
fn files_that_hold_no_sound_say_so() {
    let folder = folder();
    let mut random = Seed::new(6);
    let garbage: Vec<u8> = (0..200_000).map(|_| random.next() as u8).collect();
    let empty = files::put(folder.path(), "empty.wav", b"");
    let short = files::put(folder.path(), "short.wav", b"RIFF");
    let text = files::put(folder.path(), "text.wav", "Lyrics, not sound. ".repeat(500).as_bytes());
    let header = files::put(folder.path(), "header.wav", &files::riff(&[]));
    let noise = files::put(folder.path(), "noise.mp3", &garbage);
    for path in [&empty, &short, &text, &header] {
        assert!(matches!(probe(path), Err(AudioError::NotAudio { .. })), "{}: {:?}", path.display(), probe(path));
    }
    match Decoder::open(&noise) {
        Err(AudioError::NotAudio { .. } | AudioError::Damaged { .. } | AudioError::Unsupported { .. }) => {}
        Err(other) => panic!("random bytes: {other:?}"),
        Ok(mut decoder) => assert!(read_rest(&mut decoder, 4096)[0].len() < 10_000, "random bytes play"),
    }
    assert!(matches!(probe(folder.path()), Err(AudioError::NotAudio { .. } | AudioError::Io { .. })));
    assert!(matches!(probe(&folder.path().join("missing.wav")), Err(AudioError::Io { .. })));
    let wavpack = files::put(folder.path(), "x.wav", b"wvpk00000000000000000000");
    assert!(matches!(probe(&wavpack), Err(AudioError::Unsupported { format }) if format == "WavPack"));
}

#[test]
fn the_contents_decide_not_the_name() {
    let folder = folder();
    let noise = signal::quantised(&signal::noise(7, 2, 5_000, 0.5), 16);
    let path = files::wav(folder.path(), "really-a.mp3", &noise, RATE, Store::I16);
    assert_eq!(probe(&path).expect("it probes").format, "WAV");
    assert_same(&decode_all(&path, 999), &noise, "WAV named .mp3");
}
