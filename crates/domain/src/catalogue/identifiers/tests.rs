//! The published vectors, and for each check digit exactly what it promises to catch.

use proptest::prelude::*;

use super::*;

fn stored(format: Format, text: &str) -> Result<String, IdentifierProblem> {
    canonical(format, text).map(|identified| identified.value)
}

/// Every text that differs from `code` in one digit.
fn single_errors(code: &str) -> Vec<(usize, String)> {
    let mut errors = Vec::new();
    for (at, original) in code.char_indices().filter(|(_, character)| character.is_ascii_digit()) {
        for digit in ('0'..='9').filter(|&digit| digit != original) {
            let mut changed = code.to_owned();
            changed.replace_range(at..=at, &digit.to_string());
            errors.push((at, changed));
        }
    }
    errors
}

fn swaps(code: &str) -> Vec<(usize, String)> {
    let bytes = code.as_bytes();
    (0..bytes.len() - 1)
        .filter(|&at| bytes[at] != bytes[at + 1] && bytes[at].is_ascii_digit())
        .map(|at| {
            let mut changed = bytes.to_vec();
            changed.swap(at, at + 1);
            (at, String::from_utf8(changed).expect("ASCII"))
        })
        .collect()
}

#[test]
fn the_published_vectors_hold() {
    for (format, text) in [
        (Format::Isrc, "USS1Z9900001"),
        (Format::Iswc, "T0345246801"),
        (Format::Iswc, "T3351864278"),
        (Format::IpiName, "00014107338"),
        (Format::IpiBase, "I-000000229-7"),
        (Format::Isni, "0000000121032683"),
        (Format::Isni, "000000012146438X"),
        (Format::Gtin, "036000241457"),
        (Format::Gtin, "4006381333931"),
    ] {
        assert_eq!(stored(format, text).as_deref(), Ok(text));
    }
    let wrong = stored(Format::Gtin, "075992755296").expect_err("a false barcode");
    assert!(wrong.check_digit && wrong.expected.contains("check digit is"), "{wrong:?}");
}

#[test]
fn other_ways_to_write_them_are_accepted() {
    for (format, text, value) in [
        (Format::Isrc, "ISRC us-s1z-99-00001", "USS1Z9900001"),
        (Format::Isrc, "ISRC:USS1Z9900001", "USS1Z9900001"),
        (Format::Isrc, "ISRC12345678", "ISRC12345678"),
        (Format::Iswc, "T-034.524.680-1", "T0345246801"),
        (Format::Iswc, "iswc t-034.524.680-1", "T0345246801"),
        (Format::IpiName, "IPI 00014107338", "00014107338"),
        (Format::IpiBase, "i0000002297", "I-000000229-7"),
        (Format::Isni, "0000 0001 2146 438x", "000000012146438X"),
        (Format::Gtin, "EAN 4006381333931", "4006381333931"),
        (Format::Mbid, "B10BBBFC-CF9E-42E0-BE17-E2C3E1D2600D", "b10bbbfc-cf9e-42e0-be17-e2c3e1d2600d"),
        (Format::Language, "ZH_hant-tw", "zh-Hant-TW"),
        (Format::Language, "zxx", "zxx"),
        (Format::Language, "de-1996", "de-1996"),
        (Format::Territory, "gb", "GB"),
        (Format::Email, "Ada+mix@Bücher.example", "Ada+mix@xn--bcher-kva.example"),
    ] {
        assert_eq!(stored(format, text).as_deref(), Ok(value), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_a_repair_is_only_offered() {
    for (format, text, suggestion) in [
        (Format::Isrc, "USS1Z990000", None),
        (Format::Isrc, "USS1Z99000011", None),
        (Format::Isrc, "USS1Z99OOOO1", Some("USS1Z9900001")),
        (Format::Isrc, "USS1Z990000I", Some("USS1Z9900001")),
        (Format::Isrc, "USS1Z990000١", None),
        (Format::Isrc, "1SS1Z9900001", None),
        (Format::Iswc, "0345246801", Some("T0345246801")),
        (Format::Iswc, "T0345246802", None),
        (Format::IpiName, "14107338", Some("00014107338")),
        (Format::IpiName, "14107339", None),
        (Format::Gtin, "36000241457", Some("036000241457")),
        (Format::Gtin, "36000241458", None),
        (Format::Isni, "121032683", Some("0000000121032683")),
        (Format::Isni, "00000001210326X3", None),
        (Format::Territory, "UK", Some("GB")),
        (Format::Territory, "Germany", None),
        (Format::Language, "English", None),
        (Format::Language, "en-US-Latn", None),
        (Format::Mbid, "b10bbbfc", None),
        (Format::MusicalKey, "H", Some("B")),
        (Format::Email, "a@b", None),
        (Format::Email, "a b@example.org", None),
        (Format::Email, "@example.org", None),
    ] {
        let problem = stored(format, text).expect_err(text);
        assert_eq!(problem.suggestion.as_deref(), suggestion, "{text}");
        if let Some(suggestion) = suggestion {
            assert_eq!(stored(format, suggestion).as_deref(), Ok(suggestion), "a suggestion must itself fit");
        }
    }
}

#[test]
fn an_unlisted_isrc_prefix_is_a_warning() {
    assert!(canonical(Format::Isrc, "QZS1Z9900001").expect("fits").warning.is_none());
    assert!(canonical(Format::Isrc, "OOS1Z9900001").expect("fits").warning.is_some());
}

#[test]
fn p9_ipi_isni_and_gtin_catch_every_single_wrong_digit() {
    for (format, code) in [
        (Format::IpiName, "00014107338"),
        (Format::Isni, "0000000121032683"),
        (Format::Isni, "000000012146438X"),
        (Format::Gtin, "036000241457"),
        (Format::Gtin, "4006381333931"),
    ] {
        for (_, wrong) in single_errors(code) {
            assert!(stored(format, &wrong).is_err(), "{wrong} differs from {code} in one digit");
        }
    }
}

#[test]
fn p9_isni_catches_every_adjacent_swap_and_gtin_all_but_digits_five_apart() {
    for (_, wrong) in swaps("0000000121032683").into_iter().chain(swaps("000000012146438X")) {
        assert!(stored(Format::Isni, &wrong).is_err(), "{wrong}");
    }
    for code in ["036000241457", "4006381333931"] {
        for (at, wrong) in swaps(code) {
            let digits: Vec<u32> = values(code).collect();
            let missed = digits[at].abs_diff(digits[at + 1]) == 5;
            assert_eq!(stored(Format::Gtin, &wrong).is_ok(), missed, "{wrong}");
        }
    }
}

#[test]
fn p9_iswc_misses_exactly_what_its_weights_cannot_see() {
    for (at, wrong) in single_errors("T0345246801") {
        let digits = |text: &str| text.as_bytes()[at] - b'0';
        let change = digits("T0345246801").abs_diff(digits(&wrong));
        let missed = match at {
            2 | 4 | 6 | 8 => change == 5,
            5 => change % 2 == 0,
            _ => false,
        };
        assert_eq!(stored(Format::Iswc, &wrong).is_ok(), missed, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn p9_the_stored_form_is_stable(text in "[ -~]{0,20}|(ISRC )?[a-zA-Z]{2}-?[A-Z0-9]{3}-?[0-9]{7}|T?-?[0-9]{9}-?[0-9]|[0-9]{8,16}[xX]?|[A-Ga-h][b#♯♭]?( minor|m|)|[0-9]{1,2}[ABdm]") {
        for &format in Format::ALL {
            if let Ok(value) = stored(format, &text) {
                prop_assert_eq!(stored(format, &value), Ok(value.clone()), "{:?} of {:?}", format, text);
            }
        }
    }
}
