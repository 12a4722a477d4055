use collabtrack_domain::recipe::Codec;
use proptest::prelude::*;

use super::*;
use crate::layout::Numbers;

fn pcm(channels: u8, bytes: u8, numbers: Numbers) -> Pcm {
    Pcm { channels, bytes, numbers }
}

fn forms() -> Vec<Pcm> {
    let mut all = vec![pcm(1, 1, Numbers::Unsigned8), pcm(2, 1, Numbers::Unsigned8), pcm(2, 1, Numbers::SignedLittle)];
    for bytes in 2..=4 {
        for channels in [1, 2, 6, 8] {
            all.extend([pcm(channels, bytes, Numbers::SignedLittle), pcm(channels, bytes, Numbers::SignedBig)]);
        }
    }
    all.extend([pcm(2, 4, Numbers::FloatLittle), pcm(1, 4, Numbers::FloatBig)]);
    all
}

/// A tone with a little noise, written in a form.
fn tone(pcm: Pcm, frames: usize) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut state = 1_u32;
    for frame in 0..frames {
        for channel in 0..pcm.channels {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let wave = (frame as f64 * 0.05 * f64::from(channel + 1)).sin() * 0.4 + f64::from(state >> 8) / f64::from(1_u32 << 31);
            let bits = 8 * u32::from(pcm.bytes);
            let number = (wave * f64::from(1_u32 << (bits - 1))) as i64 as i32;
            match pcm.numbers {
                Numbers::FloatLittle => raw.extend((wave as f32).to_le_bytes()),
                Numbers::FloatBig => raw.extend((wave as f32).to_be_bytes()),
                Numbers::Unsigned8 => raw.push((number as u8) ^ 0x80),
                Numbers::SignedBig => raw.extend_from_slice(&number.to_be_bytes()[4 - usize::from(pcm.bytes)..]),
                Numbers::SignedLittle => raw.extend_from_slice(&number.to_le_bytes()[..usize::from(pcm.bytes)]),
            }
        }
    }
    raw
}

fn back(coded: &Coded, raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    decode(coded.codec, &coded.params, &coded.bytes, raw.len() as u64)
}

#[test]
fn every_form_of_samples_is_made_smaller_and_comes_back() {
    for form in forms() {
        let raw = tone(form, 20_000);
        let coded = encode(&raw, Some(form));
        assert!(coded.bytes.len() < raw.len(), "{form:?} is stored as {:?}", coded.codec);
        assert_eq!(back(&coded, &raw).as_deref(), Ok(raw.as_slice()), "{form:?}");
    }
}

#[test]
fn b5_eight_bits_unsigned_and_24_bits_in_32_are_coded_as_what_they_are() {
    let eight = encode(&tone(pcm(2, 1, Numbers::Unsigned8), 20_000), Some(pcm(2, 1, Numbers::Unsigned8)));
    assert_eq!(eight.codec, Codec::Flac);
    let form = pcm(2, 4, Numbers::SignedLittle);
    let mut raw = tone(form, 20_000);
    raw.iter_mut().step_by(4).for_each(|lowest| *lowest = 0);
    let coded = encode(&raw, Some(form));
    assert_eq!((coded.codec, &coded.params["shift"]), (Codec::Flac, &serde_json::json!(8)));
    assert_eq!(back(&coded, &raw).as_deref(), Ok(raw.as_slice()));
    let three = tone(pcm(2, 3, Numbers::SignedLittle), 20_000);
    let plain = encode(&three, Some(pcm(2, 3, Numbers::SignedLittle)));
    assert!(coded.bytes.len() < plain.bytes.len() * 102 / 100, "no more than 24 bits alone: {} {}", coded.bytes.len(), plain.bytes.len());
}

#[test]
fn floats_that_are_integers_are_coded_as_integers_and_others_never_beyond_plain_zstandard() {
    let form = pcm(2, 4, Numbers::FloatLittle);
    let integers: Vec<u8> = tone(pcm(2, 3, Numbers::SignedLittle), 20_000)
        .chunks(3)
        .flat_map(|quad| {
            let number = i32::from_le_bytes([0, quad[0], quad[1], quad[2]]) >> 8;
            (number as f32 / 8_388_608.0).to_le_bytes()
        })
        .collect();
    let coded = encode(&integers, Some(form));
    assert_eq!((coded.codec, &coded.params["shift"]), (Codec::Flac, &serde_json::json!(23)));
    assert_eq!(back(&coded, &integers).as_deref(), Ok(integers.as_slice()));
    let real = tone(form, 20_000);
    let coded = encode(&real, Some(form));
    assert!(coded.bytes.len() <= zstandard::plain(&real).expect("coded").bytes.len());
    for odd in [f32::NAN, f32::INFINITY, -0.0, f32::MIN_POSITIVE / 2.0] {
        let mut raw = integers.clone();
        raw[400..404].copy_from_slice(&odd.to_le_bytes());
        let coded = encode(&raw, Some(form));
        assert_eq!(back(&coded, &raw).as_deref(), Ok(raw.as_slice()), "{odd}");
    }
}

#[test]
fn floats_take_no_more_than_the_same_sound_in_24_bits_and_what_these_do_not_hold() {
    for form in [pcm(2, 4, Numbers::FloatLittle), pcm(1, 4, Numbers::FloatBig)] {
        let raw = tone(form, 40_000);
        let coded = encode(&raw, Some(form));
        assert_eq!(coded.codec, Codec::FlacFloats);
        let integers =
            encode(&tone(pcm(form.channels, 3, Numbers::SignedLittle), 40_000), Some(pcm(form.channels, 3, Numbers::SignedLittle)));
        let planes = zstandard::planes(&raw, form).expect("coded").bytes.len();
        assert!(coded.bytes.len() < integers.bytes.len() * 5 / 4, "{} beside {} of 24 bits", coded.bytes.len(), integers.bytes.len());
        assert!(coded.bytes.len() < planes * 9 / 10, "{} beside {planes} as planes", coded.bytes.len());
    }
}

#[test]
fn floats_no_number_holds_come_back_bit_by_bit() {
    let form = pcm(1, 4, Numbers::FloatLittle);
    let odd =
        [0.0, -0.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE, -f32::MIN_POSITIVE / 4.0, f32::MAX, 1e-30];
    let odd: Vec<u32> = odd.iter().map(|odd| odd.to_bits()).chain([1, 0x8000_0001, 0x7f80_0001, 0xffff_ffff]).collect();
    for loudest in [1e-37_f32, 1e-3, 0.99, 1.0, 1e6, f32::MAX] {
        let mut words: Vec<u32> =
            tone(form, 4_096).as_chunks::<4>().0.iter().map(|quad| (f32::from_le_bytes(*quad) * loudest).to_bits()).collect();
        for (place, odd) in
            odd.iter().filter(|odd| f32::from_bits(**odd).abs() <= loudest || !f32::from_bits(**odd).is_finite()).enumerate()
        {
            words[place * 37] = *odd;
        }
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let coded = floats::encode(&raw, form).expect("it has numbers");
        assert_eq!(back(&coded, &raw).as_deref(), Ok(raw.as_slice()), "{loudest}");
    }
    assert!(floats::encode(&[0; 400], form).is_none(), "silence has no scale");
}

#[test]
fn a_gain_on_floats_leaves_little_to_store() {
    let form = pcm(2, 4, Numbers::FloatLittle);
    let mut state = 7_u32;
    let sound: Vec<f64> = (0..96_000)
        .map(|at| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(at / 2) * 0.05).sin() * 0.4 + f64::from(state) / 2_f64.powi(40)
        })
        .collect();
    let raw = |sample: &dyn Fn(f64) -> f32| -> Vec<u8> { sound.iter().flat_map(|sound| sample(*sound).to_le_bytes()).collect() };
    let old = raw(&|sample| sample as f32);
    let alone = encode(&old, Some(form)).bytes.len() as f64;
    let gain = 10_f64.powf(0.5 / 20.0);
    let louder = [
        ("in 32 bits", raw(&|sample| sample as f32 * gain as f32), 0.02),
        ("in 64 bits", raw(&|sample| (f64::from(sample as f32) * gain) as f32), 0.06),
        ("before rounding", raw(&|sample| (sample * gain) as f32), 0.12),
        ("upside down", raw(&|sample| sample as f32 * -0.5), 0.02),
    ];
    for (how, new, most) in louder {
        let coded = residual::encode(&new, &old, form).expect("predicted");
        assert!((coded.bytes.len() as f64) < alone * most, "{how}: {} of {alone}", coded.bytes.len());
        assert_eq!(residual::decode(&coded.params, &coded.bytes, &old).as_deref(), Ok(new.as_slice()), "{how}");
    }
    assert!(residual::encode(&old, &vec![0; old.len()], form).is_none(), "silence predicts nothing");
    let mut wild = old.clone();
    wild.iter_mut().step_by(3).for_each(|byte| *byte = byte.wrapping_mul(77).wrapping_add(13));
    assert!(residual::encode(&wild, &old, form).is_none(), "it is another sound");
    for gain in [Value::Null, serde_json::json!(1), serde_json::json!("7ff0000000000000"), serde_json::json!("0")] {
        let mut params = residual::encode(&raw(&|sample| sample as f32 * 0.5), &old, form).expect("predicted").params;
        params["gain"] = gain;
        assert_eq!(residual::decode(&params, &[], &old), Err(DecodeError::Newer));
    }
}

#[test]
fn b4_ten_minutes_of_silence_take_next_to_nothing() {
    let form = pcm(2, 3, Numbers::SignedLittle);
    let raw = vec![0; 6 << 20];
    let coded = encode(&raw, Some(form));
    assert!(coded.bytes.len() < raw.len() / 500, "{} bytes", coded.bytes.len());
    assert_eq!(back(&coded, &raw).as_deref(), Ok(raw.as_slice()));
}

#[test]
fn b6_a_stream_that_holds_more_than_declared_is_refused_within_its_memory() {
    let form = pcm(2, 2, Numbers::SignedLittle);
    let bomb = encode(&vec![0; 8 << 20], Some(form));
    assert!(bomb.bytes.len() < 40_000);
    assert_eq!(decode(bomb.codec, &bomb.params, &bomb.bytes, 4_096), Err(DecodeError::Damaged));
    let zeros = zstandard::plain(&vec![0; 8 << 20]).expect("coded");
    assert_eq!(decode(zeros.codec, &zeros.params, &zeros.bytes, 4_096), Err(DecodeError::Damaged));
    assert_eq!(decode(Codec::Zstd, &Value::Null, &zeros.bytes, u64::MAX), Err(DecodeError::TooLarge));
}

#[test]
fn a_gain_and_new_dither_leave_little_to_store() {
    let form = pcm(2, 3, Numbers::SignedLittle);
    let old = tone(form, 48_000);
    let alone = encode(&old, Some(form)).bytes.len();
    let louder = |dither: bool| -> Vec<u8> {
        let mut state = 7_u32;
        let mut any = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1_u32 << 24)
        };
        old.chunks(3)
            .flat_map(|quad| {
                let number = i32::from_le_bytes([0, quad[0], quad[1], quad[2]]) >> 8;
                let noise = if dither { any() - any() } else { 0.0 };
                let number = (f64::from(number) * 10_f64.powf(0.5 / 20.0) + noise).round() as i32;
                let [a, b, c, _] = number.to_le_bytes();
                [a, b, c]
            })
            .collect()
    };
    for (dither, most) in [(false, 0.02), (true, 0.25)] {
        let new = louder(dither);
        let coded = residual::encode(&new, &old, form).expect("predicted");
        assert!((coded.bytes.len() as f64) < alone as f64 * most, "dither {dither}: {} of {alone}", coded.bytes.len());
        assert_eq!(residual::decode(&coded.params, &coded.bytes, &old).as_deref(), Ok(new.as_slice()));
    }
    assert!(residual::encode(&old, &vec![0; old.len()], form).is_none(), "silence predicts nothing");
    assert!(residual::encode(&old, &old[3..], form).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn i14_what_is_decoded_is_what_was_encoded(
        form in proptest::sample::select(forms()), frames in 0_usize..3_000, seed in any::<u64>(), wild in any::<bool>(), extra in 0_usize..3,
    ) {
        let mut raw = tone(form, frames);
        let mut state = seed | 1;
        if wild {
            for byte in raw.iter_mut() {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = (state >> 32) as u8;
            }
        }
        // Not always whole frames.
        raw.truncate(raw.len().saturating_sub(extra));
        for pcm in [Some(form), None] {
            let coded = encode(&raw, pcm);
            prop_assert!(coded.bytes.len() <= raw.len());
            prop_assert_eq!(&back(&coded, &raw).expect("it decodes"), &raw);
        }
    }

    #[test]
    fn i14_damaged_streams_and_parameters_are_refused_or_harmless(at in 0_usize..4_000, bit in 0_u8..8, cut in 0_usize..4_000) {
        let form = pcm(2, 3, Numbers::SignedLittle);
        let raw = tone(form, 2_000);
        let coded = encode(&raw, Some(form));
        let mut flipped = coded.bytes.clone();
        let place = at % flipped.len();
        flipped[place] ^= 1 << bit;
        let _: Result<_, _> = decode(coded.codec, &coded.params, &flipped, raw.len() as u64);
        let _: Result<_, _> = decode(coded.codec, &coded.params, &coded.bytes[..cut.min(coded.bytes.len())], raw.len() as u64);
        for params in [Value::Null, serde_json::json!({"channels": 9}), serde_json::json!({"channels": 2, "bytes": 0, "numbers": "x", "shift": -1})] {
            prop_assert!(decode(Codec::Flac, &params, &coded.bytes, raw.len() as u64).is_err());
            prop_assert!(decode(Codec::PlanesZstd, &params, &coded.bytes, raw.len() as u64).is_err());
            prop_assert!(decode(Codec::FlacFloats, &params, &coded.bytes, raw.len() as u64).is_err());
        }
        let form = pcm(2, 4, Numbers::FloatLittle);
        let raw = tone(form, 2_000);
        let coded = floats::encode(&raw, form).expect("it has numbers");
        let mut flipped = coded.bytes.clone();
        let place = flipped.len() - 1 - at % flipped.len();
        flipped[place] ^= 1 << bit;
        let _: Result<_, _> = decode(coded.codec, &coded.params, &flipped, raw.len() as u64);
        prop_assert!(decode(coded.codec, &coded.params, &coded.bytes[..cut.min(coded.bytes.len() - 1)], raw.len() as u64).is_err());
        for (name, value) in [("scale", serde_json::json!(5_000)), ("whole", serde_json::json!(u64::MAX)), ("packed", Value::Null)] {
            let mut params = coded.params.clone();
            params[name] = value;
            prop_assert!(decode(coded.codec, &params, &coded.bytes, raw.len() as u64).is_err());
        }
    }
}
