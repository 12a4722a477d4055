//! The drawn sound: every bin of the pyramid, the bytes of a view, single samples, and `.dat` files.

use collabtrack_audio::analysis::dat::{Dat, Resolution};
use collabtrack_audio::analysis::drawing;
use collabtrack_audio::analysis::peaks::Pyramid;

use crate::support::files::{self, Store};
use crate::support::{ffmpeg, folder, measured, signal};

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
