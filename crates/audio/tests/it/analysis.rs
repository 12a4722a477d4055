//! The measurements are right: against brute force, against `ebur128`, and against ideal interpolation.

use collabtrack_audio::analysis::dat::{Dat, Resolution};
use collabtrack_audio::analysis::envelope::Envelope;
use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::peaks::Pyramid;
use collabtrack_audio::analysis::{Analysis, analyse, analyse_levels, blocks, drawing, envelope, true_peak};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::error::AudioError;

use crate::support::files::{self, Store};
use crate::support::signal::Seed;
use crate::support::{ffmpeg, folder, signal};

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

fn measured(path: &std::path::Path) -> Analysis {
    analyse(path, &Cancel::default(), &mut |_| {}).expect("it measures")
}

#[test]
fn p14_every_bin_of_the_pyramid_holds_the_extremes_rounded_outward() {
    let folder = folder();
    for (frames, channels, level) in [(1, 1, 0.5), (255, 2, 1.0), (70_000, 2, 1.2), (65_536, 1, 0.3), (256, 2, 0.9)] {
        let mut noise = signal::noise(frames as u64, channels, frames, level);
        if frames > 1_000 {
            // Somewhere exactly full scale, both ways.
            noise[0][500] = 1.0;
            noise[0][777] = -1.0;
        }
        let path = files::wav(folder.path(), "x.wav", &noise, 44_100, Store::F32);
        let pyramid = measured(&path).peaks;
        assert_eq!((pyramid.frames(), pyramid.channels(), pyramid.rate()), (frames as u64, channels as u16, 44_100));
        assert_eq!(pyramid.bins(pyramid.levels() - 1), 1, "the last level is one bin");
        for level in 0..pyramid.levels() {
            let per_bin = Pyramid::frames_per_bin(level) as usize;
            assert_eq!(pyramid.bins(level) as usize, frames.div_ceil(per_bin));
            for bin in 0..pyramid.bins(level) {
                for (channel, plane) in noise.iter().enumerate() {
                    let samples = &plane[bin as usize * per_bin..((bin as usize + 1) * per_bin).min(frames)];
                    let got = pyramid.bin(level, bin, channel as u16).expect("the bin is there");
                    let extreme =
                        |better: fn(f32, f32) -> f32| f64::from(samples.iter().copied().reduce(better).expect("bins hold frames"));
                    let (min, max) = (extreme(f32::min) * 32_767.0, extreme(f32::max) * 32_767.0);
                    let (min, max) = (min.clamp(-32_767.0, 32_767.0), max.clamp(-32_767.0, 32_767.0));
                    assert!(f64::from(got.min) <= min && f64::from(got.min) > min - 1.0, "minimum {} for {min}", got.min);
                    assert!(f64::from(got.max) >= max && f64::from(got.max) < max + 1.0, "maximum {} for {max}", got.max);
                    assert_eq!(got.over, samples.iter().any(|sample| sample.abs() >= 1.0));
                    let rms = (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt() * 65_535.0;
                    assert!((f64::from(got.rms) - rms.min(65_535.0)).abs() <= 1.0 + f64::from(level), "rms {} for {rms}", got.rms);
                }
            }
        }
        assert_eq!(Pyramid::from_bytes(&pyramid.to_bytes()).expect("it reads back"), pyramid);
    }
}

#[test]
fn view_bytes_choose_the_level_and_say_what_they_hold() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 1_000_000, 0.5), 48_000, Store::I16);
    let pyramid = measured(&path).peaks;
    for (from, to, width) in [(0, 1_000_000, 100), (0, 1_000_000, 2_560), (500_000, 600_000, 50), (1, 2, 10), (999_999, 5_000_000, 1)] {
        let view = pyramid.view(from, to, width);
        let long = |at: usize| u32::from_le_bytes(view[at..at + 4].try_into().expect("four bytes"));
        let (level, first, bins) = (long(0), long(4), long(8));
        let per_bin = u64::from_le_bytes(view[16..24].try_into().expect("eight bytes"));
        assert_eq!((view[12], view[13], view[14], view[15]), (2, 0, 0, 0));
        assert_eq!(per_bin, 256 << (2 * level));
        assert_eq!(view.len(), 24 + bins as usize * 2 * 6);
        assert!(bins <= 4 * width || level + 1 == pyramid.levels());
        assert!(u64::from(first) * per_bin <= from && u64::from(first + bins) * per_bin >= to.min(1_000_000), "the range is covered");
        let bin = pyramid.bin(level, first, 1).expect("the bin is there");
        assert_eq!(view[24 + 6..24 + 8], bin.min.to_le_bytes());
        if level > 0 {
            let finer = per_bin / 4;
            assert!(to.min(1_000_000).div_ceil(finer) - from / finer > u64::from(4 * width), "a finer level would have fitted");
        }
    }
    let overview = pyramid.overview();
    assert_eq!(u32::from_le_bytes(overview[8..12].try_into().expect("four bytes")), 977, "the coarsest level of at least 512 bins");
    assert!(Pyramid::from_bytes(&[]).is_err());
    let bytes = pyramid.to_bytes();
    assert!(Pyramid::from_bytes(&bytes[..bytes.len() - 1]).is_err());
}

#[test]
fn p12_region_loudness_from_the_table_agrees_with_ebur128_on_the_cut_region() {
    let folder = folder();
    let mut random = Seed::new(31);
    for (rate, channels) in [(44_100, 2), (48_000, 2), (96_000, 1), (22_050, 2), (48_000, 6)] {
        let frames = 30 * rate as usize;
        let mut planes = signal::music(u64::from(rate), rate, frames);
        planes.resize(channels.max(2), signal::noise(5, 1, frames, 0.05).remove(0));
        planes.truncate(channels);
        // Dynamics, so that the gates have something to do.
        for plane in &mut planes {
            for (frame, sample) in plane.iter_mut().enumerate() {
                *sample *= if (frame / (rate as usize * 4)).is_multiple_of(2) { 1.0 } else { 0.05 };
            }
        }
        let path = files::wav(folder.path(), "x.wav", &planes, rate, Store::F32);
        let table = measured(&path).loudness;
        for turn in 0..12 {
            let tenth = u64::from(rate) / 10;
            let (from, length) = if turn == 0 { (0, 300) } else { (random.below(260), 0) };
            let length = if length > 0 { length } else { (30 + random.below(270)).min(300 - from) };
            let (from, to) = (from * tenth, (from + length) * tenth);
            if to - from < 3 * u64::from(rate) {
                continue;
            }
            let mut meter = ebur128::EbuR128::new(channels as u32, rate, ebur128::Mode::I).expect("the meter starts");
            // A second before the cut lets the filter settle, as it has in the table; it is not measured.
            let cut: Vec<&[f32]> = planes.iter().map(|plane| &plane[from as usize..to as usize]).collect();
            meter.add_frames_planar_f32(&cut).expect("it takes frames");
            let expected = meter.loudness_global().expect("it measures");
            let got = table.region(from, to).expect("it is not silent");
            assert!((got - expected).abs() < 0.05, "{rate} Hz × {channels}, {from}..{to}: {got} LUFS instead of {expected}");
        }
        assert_eq!(LoudnessTable::from_bytes(&table.to_bytes()).expect("it reads back"), table);
    }
}

#[test]
fn regions_of_silence_or_too_short_to_measure_have_no_loudness() {
    let folder = folder();
    let mut planes = signal::noise(1, 2, 480_000, 0.3);
    planes.iter_mut().for_each(|plane| plane[240_000..].fill(0.0));
    let path = files::wav(folder.path(), "x.wav", &planes, 48_000, Store::F32);
    let table = measured(&path).loudness;
    assert_eq!(table.region(300_000, 480_000), None, "silence");
    assert_eq!(table.region(0, 10_000), None, "under 0.4 s");
    assert!(table.region(0, 48_000).is_some(), "under 3 s it is an ungated mean");
    assert_eq!(table.region(900_000, 990_000), None, "behind the end");
}

/// The highest point of the 16-fold band-limited interpolation, by a long windowed sinc in double precision.
fn ideal_true_peak(samples: &[f32]) -> f64 {
    const REACH: i64 = 200;
    let mut best = 0.0_f64;
    let loudest = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    for frame in 0..samples.len() as i64 - 1 {
        let near =
            samples[frame.max(4) as usize - 4..(frame as usize + 5).min(samples.len())].iter().fold(0.0_f32, |peak, s| peak.max(s.abs()));
        if near < loudest * 0.4 {
            continue;
        }
        for step in 0..16 {
            let position = frame as f64 + f64::from(step) / 16.0;
            let mut sum = 0.0;
            for tap in (frame - REACH).max(0)..=(frame + REACH).min(samples.len() as i64 - 1) {
                let distance = position - tap as f64;
                let angle = std::f64::consts::PI * distance;
                let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
                let window = 0.5 + 0.5 * (std::f64::consts::PI * distance / (REACH as f64 + 1.0)).cos();
                sum += f64::from(samples[tap as usize]) * sinc * window;
            }
            best = best.max(sum.abs());
        }
    }
    20.0 * best.log10()
}

#[test]
fn p12_true_peak_is_within_a_fifth_of_a_decibel_of_ideal_interpolation() {
    let folder = folder();
    let rate = 44_100;
    // Bright material: noise bursts like hats, band-limited at 20 kHz as a converter leaves it; and the classic tone between samples.
    let hats = {
        let source = signal::noise(41, 1, 6_000, 0.8).remove(0);
        let mut out = vec![0.0_f32; 6_000];
        for (frame, sample) in out.iter_mut().enumerate() {
            for tap in 0..63_i32 {
                let at = frame as i64 + i64::from(tap) - 31;
                if let Some(value) = usize::try_from(at).ok().and_then(|at| source.get(at)) {
                    let (x, cut) = (f64::from(tap - 31), 20_000.0 / 44_100.0 * 2.0);
                    let sinc = if tap == 31 { cut } else { (std::f64::consts::PI * x * cut).sin() / (std::f64::consts::PI * x) };
                    let window = 0.5 + 0.5 * (std::f64::consts::PI * x / 32.0).cos();
                    *sample += (f64::from(*value) * sinc * window * (-((frame % 2_000) as f64) / 700.0).exp()) as f32;
                }
            }
        }
        out
    };
    let quarter: Vec<f32> =
        (0..6_000).map(|frame| (std::f64::consts::FRAC_PI_2 * f64::from(frame) + std::f64::consts::FRAC_PI_4).sin() as f32 * 0.7).collect();
    let near_nyquist: Vec<f32> = signal::sine(rate, 19_313.0, 6_000, 0.6);
    let music = signal::music(42, rate, 6_000).remove(0);
    for (name, samples) in [("hats", hats), ("quarter of the rate", quarter), ("19 kHz", near_nyquist), ("music", music)] {
        // Fades at both ends keep the cut itself from making peaks.
        let samples: Vec<f32> =
            samples.iter().enumerate().map(|(frame, s)| s * (frame.min(5_999 - frame) as f32 / 300.0).min(1.0)).collect();
        let path = files::wav(folder.path(), "x.wav", std::slice::from_ref(&samples), rate, Store::F32);
        let summary = measured(&path).summary;
        let (got, ideal) = (summary.true_peak_db.expect("it is not silent"), ideal_true_peak(&samples));
        assert!((got - ideal).abs() < 0.2, "{name}: {got} dBTP instead of {ideal}");
        assert!(got >= summary.sample_peak_db.expect("it is not silent"));
    }
}

#[test]
fn p12_the_true_peak_of_a_region_is_the_one_of_its_samples() {
    let folder = folder();
    for (rate, channels) in [(44_100, 2), (48_000, 1), (192_000, 1)] {
        let frames = 6 * rate as usize;
        let mut planes = signal::music(u64::from(rate) + 1, rate, frames);
        planes.truncate(channels);
        // Quiet at first, loud at the end: where a region lies must matter.
        for plane in &mut planes {
            plane.iter_mut().enumerate().for_each(|(frame, sample)| *sample *= 0.1 + 0.9 * frame as f32 / frames as f32);
        }
        let path = files::wav(folder.path(), "x.wav", &planes, rate, Store::F32);
        let analysis = measured(&path);
        let tenth = u64::from(rate) / 10;
        for (from, to) in [(0, 60), (0, 1), (7, 9), (20, 45), (59, 60), (30, 30)] {
            let got = true_peak::of_region(&path, &analysis.loudness, from * tenth, to * tenth, &Cancel::default()).expect("it measures");
            // The cut piece with its surroundings as they are, measured from front to back.
            let reach = 300.min(from * tenth) as usize;
            let cut = |plane: &Vec<f32>| {
                let end = ((to * tenth) as usize + 300).min(frames);
                plane[(from * tenth) as usize - reach..end].to_vec()
            };
            let inside = planes.iter().map(|plane| {
                let mut finder = true_peak::TruePeak::new(rate);
                let cut = cut(plane);
                finder.update(&cut);
                finder.finish()
            });
            let around = inside.fold(0.0_f32, f32::max);
            let loudest = planes
                .iter()
                .flat_map(|plane| &plane[(from * tenth) as usize..(to * tenth) as usize])
                .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(got >= loudest && got <= around * 1.0001, "{rate} Hz {from}..{to}: {loudest} ≤ {got} ≤ {around}");
        }
        let whole = true_peak::of_region(&path, &analysis.loudness, 0, frames as u64, &Cancel::default()).expect("it measures");
        let stored = 10_f64.powf(analysis.summary.true_peak_db.expect("it is not silent") / 20.0);
        assert!((20.0 * (f64::from(whole) / stored).log10()).abs() < 0.01, "{rate} Hz: {whole} instead of {stored}");
    }
}

#[test]
fn closer_views_hold_the_samples_themselves() {
    let folder = folder();
    let noise = signal::quantised(&signal::noise(8, 2, 100_001, 0.9), 16);
    let path = files::wav(folder.path(), "x.wav", &noise, 48_000, Store::I16);
    // Without made-up noise, whose samples depend on where decoding started.
    let aac = ffmpeg(&path, &folder.path().join("x.m4a"), &["-c:a", "aac", "-aac_pns", "0"]);
    for (path, exact) in [(path, true), (aac, false)] {
        let decoded = crate::support::decode_all(&path, 4_096);
        for (from, to, width) in
            [(5_000, 5_040, 800), (0, 4_096, 1_024), (60_000, 76_384, 1_024), (99_000, 200_000, 50), (100_001, 100_100, 9)]
        {
            let to_clipped = to.min(decoded[0].len() as u64);
            let Some(per_bin) = drawing::frames_per_bin(to_clipped.saturating_sub(from), width) else { panic!("fine enough to need it") };
            let mut decoder = collabtrack_audio::decode::Decoder::open(&path).expect("it opens");
            let view = drawing::view(&mut decoder, from, to, per_bin).expect("it draws");
            let long = |at: usize| u32::from_le_bytes(view[at..at + 4].try_into().expect("four bytes"));
            let (first, bins) = (u64::from(long(4)), u64::from(long(8)));
            assert_eq!(u64::from_le_bytes(view[16..24].try_into().expect("eight bytes")), per_bin);
            assert_eq!(view.len(), 24 + bins as usize * 12);
            assert!(bins <= 4 * u64::from(width) + 1 && per_bin <= 64);
            assert_eq!((first, first + bins), (from / per_bin, to_clipped.div_ceil(per_bin).max(from / per_bin)));
            for bin in 0..bins {
                let range = ((first + bin) * per_bin) as usize..(((first + bin + 1) * per_bin) as usize).min(decoded[0].len());
                for (channel, plane) in decoded.iter().enumerate() {
                    let at = 24 + (bin as usize * 2 + channel) * 6;
                    let value = |at: usize| i16::from_le_bytes(view[at..at + 2].try_into().expect("two bytes"));
                    let low = plane[range.clone()].iter().copied().fold(f32::INFINITY, f32::min).clamp(-1.0, 1.0);
                    let high = plane[range.clone()].iter().copied().fold(f32::NEG_INFINITY, f32::max).clamp(-1.0, 1.0);
                    let slack = if exact { 1.0 } else { 400.0 };
                    assert!((f32::from(value(at)) - low * 32_767.0).abs() <= slack, "bin {bin}: {} for {low}", value(at));
                    assert!((f32::from(value(at + 2)) - high * 32_767.0).abs() <= slack, "bin {bin}: {} for {high}", value(at + 2));
                }
            }
        }
    }
    assert_eq!(drawing::frames_per_bin(48_000 * 60, 1_000), None, "the pyramid is fine enough");
}

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
fn p19_dat_files_read_back_equal() {
    let folder = folder();
    let path = files::wav(folder.path(), "x.wav", &signal::noise(1, 2, 100_000, 1.0), 48_000, Store::I16);
    let pyramid = measured(&path).peaks;
    for level in [0, 1, pyramid.levels() - 1] {
        for resolution in [Resolution::Bits16, Resolution::Bits8] {
            let dat = Dat::from_pyramid(&pyramid, level, resolution).expect("the level is there");
            let bytes = dat.to_bytes();
            assert_eq!(bytes[..4], 2_i32.to_le_bytes());
            assert_eq!(Dat::from_bytes(&bytes).expect("it reads back"), dat);
            assert!(Dat::from_bytes(&bytes[..bytes.len() - 1]).is_err());
            if resolution == Resolution::Bits8 {
                let wide = Dat::from_pyramid(&pyramid, level, Resolution::Bits16).expect("the level is there");
                for ((min8, max8), (min, max)) in dat.pairs.iter().zip(&wide.pairs) {
                    assert!(min8 * 256 <= *min && (i32::from(*max8) * 256 >= i32::from(*max) || *max8 == 127), "rounded outward");
                }
            }
        }
    }
    assert!(Dat::from_pyramid(&pyramid, 99, Resolution::Bits16).is_none());
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
