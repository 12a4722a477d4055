//! Sample rate conversion: clean, exact in time, and the same whatever was rendered before.

use std::f64::consts::TAU;

use collabtrack_audio::resample::Resampler;

use crate::support::signal;

/// Converts frames `range` of a pure tone; returns the output.
fn convert(from: u32, to: u32, frequency: f64, range: std::ops::Range<i64>) -> Vec<f32> {
    let resampler = Resampler::new(from, to);
    let needs = resampler.needs(range.clone());
    let tone: Vec<f32> = needs.map(|frame| (0.5 * (TAU * frequency * frame as f64 / f64::from(from)).sin()) as f32).collect();
    let mut out = Vec::new();
    resampler.process(&tone, range, &mut out);
    out
}

#[test]
fn p8_tones_stay_clean_and_in_time() {
    for (from, to) in [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (44_100, 96_000), (48_000, 47_999)] {
        for frequency in [20.0, 100.0, 1_000.0, 5_000.0, 10_000.0, 18_000.0] {
            // An hour into the file, so that any drift would show.
            let start = 3_600 * i64::from(to);
            let out = convert(from, to, frequency, start..start + 16_384);
            // Least squares against the ideal tone: what is left over is distortion and noise.
            let (mut ss, mut cc, mut sc, mut ys, mut yc) = (0.0, 0.0, 0.0, 0.0, 0.0);
            let phase = |index: usize| {
                let frame = (start + index as i64) as f64;
                // Whole periods are taken off before the multiplication loses their fraction.
                TAU * ((frequency * (frame % f64::from(to)) / f64::from(to)).fract()
                    + (frequency * (frame / f64::from(to)).floor()).fract())
            };
            for (index, y) in out.iter().enumerate() {
                let (s, c) = phase(index).sin_cos();
                ss += s * s;
                cc += c * c;
                sc += s * c;
                ys += f64::from(*y) * s;
                yc += f64::from(*y) * c;
            }
            let determinant = ss * cc - sc * sc;
            let (a, b) = ((ys * cc - yc * sc) / determinant, (yc * ss - ys * sc) / determinant);
            let residue: f64 = out
                .iter()
                .enumerate()
                .map(|(index, y)| {
                    let (s, c) = phase(index).sin_cos();
                    (f64::from(*y) - a * s - b * c).powi(2)
                })
                .sum();
            let noise = 10.0 * (residue / (ss * a * a + cc * b * b)).log10();
            let level = 20.0 * (a.hypot(b) / 0.5).log10();
            let delay = b.atan2(a) / TAU / frequency * f64::from(to);
            assert!(noise < -110.0, "{from} to {to}, {frequency} Hz: THD+N {noise} dB");
            assert!(level.abs() < 0.01, "{from} to {to}, {frequency} Hz: {level} dB");
            assert!(delay.abs() < 0.01, "{from} to {to}, {frequency} Hz: {delay} frames late");
        }
    }
}

#[test]
fn p8_nothing_audible_folds_back() {
    // A tone above the new Nyquist frequency is gone.
    let out = convert(96_000, 44_100, 25_000.0, 10_000..20_000);
    let peak = out.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!(20.0 * (peak / 0.5).log10() < -100.0, "{peak}");
}

#[test]
fn p8_a_frame_does_not_depend_on_where_rendering_started() {
    let resampler = Resampler::new(44_100, 48_000);
    let noise = signal::noise(1, 1, 20_000, 0.5).remove(0);
    let render = |range: std::ops::Range<i64>| {
        let needs = resampler.needs(range.clone());
        let input: Vec<f32> = needs.map(|frame| usize::try_from(frame).ok().and_then(|at| noise.get(at)).copied().unwrap_or(0.0)).collect();
        let mut out = Vec::new();
        resampler.process(&input, range, &mut out);
        out
    };
    let whole = render(0..20_000);
    for start in [0, 1, 159, 160, 161, 5_000, 19_000] {
        assert_eq!(render(start..start + 1_000), whole[start as usize..start as usize + 1_000]);
    }
    assert_eq!(resampler.output_frames(44_100 * 3_600), 48_000 * 3_600);
}
