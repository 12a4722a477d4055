//! The reversible formula guard: text that a spreadsheet would run as a formula leaves with one apostrophe in front and comes back
//! without it.
//!
//! It is a bijection: text that already begins with apostrophes before such a character gets one more, so nothing is ever lost.

use std::borrow::Cow;

/// Whether `character` begins a formula in some spreadsheet, also in its full-width form.
fn is_trigger(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '＝' | '＋' | '－' | '＠')
}

/// Format characters (general category Cf) of Unicode 16, none of which shows.
const FORMAT: &[(u32, u32)] = &[
    (0xad, 0xad),
    (0x600, 0x605),
    (0x61c, 0x61c),
    (0x6dd, 0x6dd),
    (0x70f, 0x70f),
    (0x890, 0x891),
    (0x8e2, 0x8e2),
    (0x180e, 0x180e),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x2064),
    (0x2066, 0x206f),
    (0xfeff, 0xfeff),
    (0xfff9, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0001, 0xe0001),
    (0xe0020, 0xe007f),
];

/// Whether `character` is an invisible format character: zero-width, bidirectional control and the like.
#[must_use]
pub fn is_format_character(character: char) -> bool {
    let code = u32::from(character);
    code >= 0xad && FORMAT.iter().any(|&(first, last)| (first..=last).contains(&code))
}

/// Whether white space and format characters, then a trigger, stand at the start of `text`.
fn begins_like_a_formula(text: &str) -> bool {
    for character in text.chars() {
        if is_trigger(character) {
            return true;
        }
        if !character.is_whitespace() && !is_format_character(character) {
            return false;
        }
    }
    false
}

/// The text as it leaves: with one apostrophe more where it could be taken for a formula.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if begins_like_a_formula(text.trim_start_matches('\'')) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text as it was before [`escape`].
#[must_use]
pub fn unescape(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if begins_like_a_formula(rest.trim_start_matches('\'')) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_guarded_and_ordinary_text_is_not() {
        for (text, guarded) in [
            ("=1+1", "'=1+1"),
            ("'=1", "''=1"),
            ("''=x", "'''=x"),
            ("+44", "'+44"),
            ("@x", "'@x"),
            ("＝1", "'＝1"),
            ("\u{200b} =HYPERLINK(\"x\")", "'\u{200b} =HYPERLINK(\"x\")"),
            ("\t=1", "'\t=1"),
            ("\0", "'\0"),
            ("'", "'"),
            ("'n Roll", "'n Roll"),
            ("", ""),
            ("Night Drive", "Night Drive"),
            ("1-2", "1-2"),
        ] {
            assert_eq!(escape(text), guarded);
            assert_eq!(unescape(&escape(text)), text);
        }
    }

    #[test]
    fn the_table_of_format_characters_is_that_of_unicode() {
        let category = regex::Regex::new(r"^\p{Cf}$").expect("a pattern");
        for character in char::MIN..=char::MAX {
            let mut buffer = [0; 4];
            assert_eq!(is_format_character(character), category.is_match(character.encode_utf8(&mut buffer)), "{character:?}");
        }
    }

    fn tricky() -> impl Strategy<Value = String> {
        prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    '\'', '=', '+', '-', '@', '\t', '\r', '\n', '\0', ' ', '\u{a0}', '\u{200b}', '\u{feff}', '＝', '＠', 'a', '"', ','
                ]),
                any::<char>()
            ],
            0..12,
        )
        .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn p2_the_guard_is_a_bijection_and_leaves_no_formula(text in tricky()) {
            let guarded = escape(&text);
            prop_assert_eq!(unescape(&guarded), text.as_str());
            prop_assert!(!begins_like_a_formula(&guarded));
        }
    }
}
