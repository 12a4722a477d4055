//! Which track an exported file belongs to, by its name alone.
//!
//! The name is taken apart at separators and brackets; words that only say which export it is are dropped from its end; what remains is
//! the key. Nothing here reads a file. Whoever is unsure says so ([`Grouped::please_check`]) instead of merging silently.

pub mod parts;

use collabtrack_domain::kind::Kind;
use unicode_normalization::UnicodeNormalization;

/// What a file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouped {
    /// Files of one key are versions of one track.
    pub key: String,
    /// What to call the track.
    pub name: String,
    /// Kind of the version.
    pub kind: Kind,
    /// Whether the folder had to name the track.
    pub please_check: bool,
    /// The key without its bare number at the end, if it has one: "Song 2" may be another song or the second "Song".
    pub without_number: Option<String>,
}

/// Words that say which export it is.
const VERSION_WORDS: [&str; 10] = ["final", "mix", "bounce", "export", "print", "edit", "new", "latest", "copy", "mixdown"];

/// Words that say what kind of version it is.
const KIND_WORDS: [(&str, Kind); 10] = [
    ("demo", Kind::Demo),
    ("rough", Kind::Rough),
    ("master", Kind::Master),
    ("take", Kind::Take),
    ("alt", Kind::Alternate),
    ("instrumental", Kind::Alternate),
    ("acapella", Kind::Alternate),
    ("radio", Kind::Alternate),
    ("clean", Kind::Alternate),
    ("tv", Kind::Alternate),
];

struct Token {
    text: String,
    /// First byte in the stem.
    start: usize,
    /// Byte after its last character in the stem.
    end: usize,
    bracketed: bool,
}

/// Groups a file by its name; `folder` is the name of the folder it lies in.
#[must_use]
pub fn group(file_name: &str, folder: &str) -> Grouped {
    let stem: String = stem(file_name).nfc().collect();
    let start = leading_number(&stem);
    let mut tokens = tokens(&stem[start..]);
    tokens.retain(|token| !is_rate_or_depth(&token.text));
    drop_split_rates(&mut tokens);
    let kind = strip(&mut tokens).unwrap_or(Kind::Mix);
    if tokens.is_empty() {
        let inner = self_named(folder);
        return Grouped { key: inner.0, name: inner.1, kind, please_check: true, without_number: None };
    }
    let key: String = tokens.iter().map(|token| token.text.as_str()).collect();
    let end = tokens.last().map_or(stem.len() - start, |token| token.end);
    let name = stem[start..start + end].replace('_', " ").trim().to_owned();
    let bare = tokens.last().is_some_and(|last| is_digits(&last.text)) && tokens.len() > 1;
    let without_number = bare.then(|| tokens[..tokens.len() - 1].iter().map(|token| token.text.as_str()).collect());
    Grouped { key, name: if name.is_empty() { stem.trim().to_owned() } else { name }, kind, please_check: false, without_number }
}

/// The number at the end of a name, to order exports that have the same time.
#[must_use]
pub fn number_in_name(file_name: &str) -> u64 {
    let stem = stem(file_name);
    let digits: Vec<char> = stem.chars().rev().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).take(9).collect();
    digits.into_iter().rev().collect::<String>().parse().unwrap_or(0)
}

fn self_named(folder: &str) -> (String, String) {
    let folder: String = folder.nfc().collect();
    let key: String = tokens(&folder).into_iter().map(|token| token.text).collect();
    if key.is_empty() { ("untitled".to_owned(), "Untitled".to_owned()) } else { (key, folder.trim().to_owned()) }
}

fn stem(file_name: &str) -> &str {
    match file_name.rfind('.') {
        Some(dot) if dot > 0 => &file_name[..dot],
        _ => file_name,
    }
}

/// Length of a leading track number: zero-padded, or followed by `-`, `.` or `_`; 0 when there is none or nothing else.
fn leading_number(stem: &str) -> usize {
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 3 || digits == stem.len() {
        return 0;
    }
    let rest = &stem[digits..];
    let padded = stem.starts_with('0') && rest.starts_with(' ');
    if !padded && !rest.starts_with(['-', '.', '_']) {
        return 0;
    }
    let skipped = digits + (rest.len() - rest.trim_start_matches([' ', '-', '.', '_']).len());
    // `01-02` or `808_` is a name, not a number before one.
    if stem[skipped..].chars().any(char::is_alphabetic) { skipped } else { 0 }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '_' | '-' | '.' | ',' | '+' | '~' | '–' | '—')
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut open = false;
    let mut depth = 0_u32;
    for (at, c) in text.char_indices() {
        if matches!(c, '(' | '[' | '{') {
            depth += 1;
            open = false;
        } else if matches!(c, ')' | ']' | '}') {
            depth = depth.saturating_sub(1);
            open = false;
        } else if is_separator(c) {
            open = false;
        } else {
            if !open {
                found.push(Token { text: String::new(), start: at, end: at, bracketed: depth > 0 });
                open = true;
            }
            if let Some(token) = found.last_mut() {
                token.text.extend(c.to_lowercase());
                token.end = at + c.len_utf8();
            }
        }
    }
    found
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `24bit`, `48k`, `96khz`, `44100hz`.
fn is_rate_or_depth(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && matches!(&text[digits..], "bit" | "bits" | "k" | "khz" | "hz")
}

/// `44.1k`, `24-bit` and `48 kHz` come apart at their separator.
fn drop_split_rates(tokens: &mut Vec<Token>) {
    let mut index = 0;
    while index + 1 < tokens.len() {
        let pair = (tokens[index].text.as_str(), tokens[index + 1].text.as_str());
        let unit = matches!(pair.1, "bit" | "bits" | "khz" | "hz");
        if is_digits(pair.0) && unit {
            tokens.drain(index..=index + 1);
        } else {
            index += 1;
        }
    }
    // `44.1k` leaves its `44` behind, because `1k` is gone already.
    while tokens.last().is_some_and(|last| matches!(last.text.as_str(), "44" | "88" | "176") && !last.bracketed) && tokens.len() > 1 {
        tokens.pop();
    }
}

/// Drops words that only say which export it is from the end, and tells the kind they name.
fn strip(tokens: &mut Vec<Token>) -> Option<Kind> {
    let mut kind = None;
    loop {
        let count = tokens.len();
        let Some(last) = tokens.last() else { return kind };
        if date_length(tokens) > 0 {
            tokens.truncate(count - date_length(tokens));
        } else if is_version_number(&last.text) || (last.bracketed && is_digits(&last.text)) {
            tokens.pop();
        } else if let Some(found) = word_kind(&last.text) {
            kind = kind.or(found);
            tokens.pop();
        } else if count > 1 && is_digits(&last.text) && (word_kind(&tokens[count - 2].text).is_some() || tokens[count - 2].text == "v") {
            tokens.pop();
            if tokens.last().is_some_and(|token| token.text == "v") {
                tokens.pop();
            }
        } else {
            return kind;
        }
    }
}

/// `v12`
fn is_version_number(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(is_digits)
}

/// Whether `text` is a version word (`Some(None)`) or kind word (`Some(Some(kind))`), with or without digits.
fn word_kind(text: &str) -> Option<Option<Kind>> {
    let word = text.trim_end_matches(|c: char| c.is_ascii_digit());
    if VERSION_WORDS.contains(&word) {
        return Some(None);
    }
    KIND_WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| Some(*kind))
}

/// Tokens at the end that form a date: `2024-05-01`, `01.05.2024`, `20240501`, `240501`.
fn date_length(tokens: &[Token]) -> usize {
    let number = |token: &Token| if is_digits(&token.text) { token.text.parse::<u32>().ok() } else { None };
    let sane = |year: u32, month: u32, day: u32| (1980..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if let [.., last] = tokens
        && let Some(value) = number(last)
    {
        let (year, month, day) = (value / 10_000, value / 100 % 100, value % 100);
        if (last.text.len() == 8 && sane(year, month, day)) || (last.text.len() == 6 && sane(2000 + year, month, day)) {
            return 1;
        }
    }
    if let [.., a, b, c] = tokens
        && let (Some(first), Some(month), Some(last)) = (number(a), number(b), number(c))
    {
        let year_first = a.text.len() == 4 && sane(first, month, last);
        let year_last = c.text.len() == 4 && (sane(last, month, first) || sane(last, first, month));
        if year_first || year_last {
            return 3;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_design_holds() {
        let table = [
            ("Night Drive_final_FINAL2.wav", "nightdrive", Kind::Mix, "Night Drive"),
            ("NightDrive v12 (1).aif", "nightdrive", Kind::Mix, "NightDrive"),
            ("night-drive Mix3.flac", "nightdrive", Kind::Mix, "night-drive"),
            ("Song 2.wav", "song2", Kind::Mix, "Song 2"),
            ("Song.wav", "song", Kind::Mix, "Song"),
            ("01 Intro master 2024-05-01.wav", "intro", Kind::Master, "Intro"),
            ("Rain (Rough) 24bit.aif", "rain", Kind::Rough, "Rain"),
            ("Rain take 3.wav", "rain", Kind::Take, "Rain"),
        ];
        for (file, key, kind, name) in table {
            let found = group(file, "Album");
            assert_eq!((found.key.as_str(), found.kind, found.name.as_str()), (key, kind, name), "{file}");
            assert!(!found.please_check, "{file}");
        }
        let named_by_folder = group("final.wav", "Night Drive");
        assert_eq!((named_by_folder.key.as_str(), named_by_folder.name.as_str()), ("nightdrive", "Night Drive"));
        assert!(named_by_folder.please_check);
    }

    #[test]
    fn a_bare_number_at_the_end_is_told_so_that_merging_can_be_suggested() {
        assert_eq!(group("Song 2.wav", "").without_number.as_deref(), Some("song"));
        assert_eq!(group("Song.wav", "").without_number, None);
    }

    #[test]
    fn rates_depths_and_other_dates_do_not_make_another_track() {
        for file in [
            "Rain 44.1k 24-bit.wav",
            "Rain_48 kHz.wav",
            "Rain 96khz.wav",
            "Rain 20240501.wav",
            "Rain 01.05.2024 v2.wav",
            "Rain 240501.wav",
            "Rain mix 3.wav",
            "RAIN v 3.wav",
        ] {
            assert_eq!(group(file, "").key, "rain", "{file}");
        }
    }

    #[test]
    fn names_of_numbers_and_other_scripts_stay() {
        assert_eq!(group("1999.wav", "").key, "1999");
        assert_eq!(group("7 rings.wav", "").key, "7rings");
        assert_eq!(group("Cafe\u{301} Noir v2.wav", "").key, "cafénoir");
        assert_eq!(group("夜のドライブ final.wav", "").key, "夜のドライブ");
        assert_eq!(group("...wav", "").key.as_str(), "untitled");
    }

    #[test]
    fn the_last_kind_word_counts() {
        assert_eq!(group("Rain instrumental master.wav", "").kind, Kind::Master);
        assert_eq!(group("Rain rough mix 2.wav", "").kind, Kind::Rough);
    }

    #[test]
    fn numbers_order_exports_of_the_same_moment() {
        assert_eq!(number_in_name("Night Drive v12 (1).aif"), 1);
        assert_eq!(number_in_name("Night Drive v12.aif"), 12);
        assert_eq!(number_in_name("Night Drive.aif"), 0);
    }
}
