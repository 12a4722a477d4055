//! Loudness and true peak of any region: against `ebur128`, and against ideal interpolation.

use collabtrack_audio::analysis::loudness::LoudnessTable;
use collabtrack_audio::analysis::true_peak;
use collabtrack_audio::cancel::Cancel;

use crate::support::files::{self, Store};
use crate::support::signal::Seed;
use crate::support::{folder, measured, signal};

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
