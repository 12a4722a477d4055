//! Text that went through another encoding, lost letters, or was cut.

use unicode_normalization::UnicodeNormalization;

use crate::catalogue::damage::{CELL_LIMIT, Damage, lines, loose, plain_space};

/// The characters of Windows-1252 from 0x80 to 0x9F; the five unused places are read as control characters, as browsers do.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The characters of Mac Roman from 0x80 to 0xFF.
const MAC_ROMAN: [char; 128] = [
    'Ä', 'Å', 'Ç', 'É', 'Ñ', 'Ö', 'Ü', 'á', 'à', 'â', 'ä', 'ã', 'å', 'ç', 'é', 'è', 'ê', 'ë', 'í', 'ì', 'î', 'ï', 'ñ', 'ó', 'ò', 'ô', 'ö',
    'õ', 'ú', 'ù', 'û', 'ü', '†', '°', '¢', '£', '§', '•', '¶', 'ß', '®', '©', '™', '´', '¨', '≠', 'Æ', 'Ø', '∞', '±', '≤', '≥', '¥', 'µ',
    '∂', '∑', '∏', 'π', '∫', 'ª', 'º', 'Ω', 'æ', 'ø', '¿', '¡', '¬', '√', 'ƒ', '≈', '∆', '«', '»', '…', '\u{a0}', 'À', 'Ã', 'Õ', 'Œ', 'œ',
    '–', '—', '“', '”', '‘', '’', '÷', '◊', 'ÿ', 'Ÿ', '⁄', '€', '‹', '›', 'ﬁ', 'ﬂ', '‡', '·', '‚', '„', '‰', 'Â', 'Ê', 'Á', 'Ë', 'È', 'Í',
    'Î', 'Ï', 'Ì', 'Ó', 'Ô', '\u{f8ff}', 'Ò', 'Ú', 'Û', 'Ù', 'ı', 'ˆ', '˜', '¯', '˘', '˙', '˚', '¸', '˝', '˛', 'ˇ',
];

/// Bytes read as Windows-1252.
#[must_use]
pub fn decode_windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| if (0x80..0xa0).contains(&byte) { WINDOWS_1252[usize::from(byte - 0x80)] } else { char::from(byte) }).collect()
}

/// Bytes read as Mac Roman.
#[must_use]
pub fn decode_mac_roman(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| if byte < 0x80 { char::from(byte) } else { MAC_ROMAN[usize::from(byte - 0x80)] }).collect()
}

/// What UTF-8 text looks like when its bytes are read as Windows-1252.
#[must_use]
pub fn as_windows_1252(text: &str) -> String {
    decode_windows_1252(text.as_bytes())
}

/// What UTF-8 text looks like when its bytes are read as Mac Roman.
#[must_use]
pub fn as_mac_roman(text: &str) -> String {
    decode_mac_roman(text.as_bytes())
}

fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// What is left of a text at a spreadsheet's limit.
fn cut(text: &str) -> &str {
    let mut room = CELL_LIMIT;
    let end = text.char_indices().find(|(_, character)| {
        let fits = character.len_utf16() <= room;
        room = room.saturating_sub(character.len_utf16());
        !fits
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// Whether every ASCII letter and digit of `shown` stands in `cell` in the same order, or, of a text that was cut, the first ones: no
/// encoding and no replacing touches them, so a look at them settles most cells.
fn keeps_letters(shown: &str, cell: &str, may_be_cut: bool) -> bool {
    let mut cells = cell.chars();
    shown.chars().filter(char::is_ascii_alphanumeric).all(|letter| cells.any(|other| other == letter) || may_be_cut)
}

type Misread = fn(&str) -> String;

/// The older encodings a file may have been read in on its way, once or twice.
const MISREADINGS: [&[Misread]; 7] = [
    &[],
    &[as_windows_1252],
    &[as_mac_roman],
    &[as_windows_1252, as_windows_1252],
    &[as_mac_roman, as_mac_roman],
    &[as_windows_1252, as_mac_roman],
    &[as_mac_roman, as_windows_1252],
];

/// Whether `cell` is `shown` after its bytes were read in an older encoding, letters beyond ASCII were replaced, the text was cut at a
/// spreadsheet's limit, or several of these; spaces, line ends and Unicode form are free.
pub(super) fn worn(shown: &str, cell: &str) -> Option<Damage> {
    let long = |text: &str| units(text) > CELL_LIMIT;
    // Bytes read in another encoding are more characters, so that a text below the limit may be cut as well.
    let may_be_cut = long(shown) || units(cell) * 2 > CELL_LIMIT;
    let of_ascii = shown.is_ascii() && !may_be_cut && (!shown.contains(' ') || cell.is_ascii());
    if of_ascii || !keeps_letters(shown, cell, may_be_cut) {
        return None;
    }
    let cell_lines = lines(cell);
    let cell_loose = loose(cell);
    let judged = |text: &str, misread: bool, was_cut: bool, own: bool| {
        // As it stands when nothing else happened to it, which is no damage of this kind.
        if (misread || was_cut) && loose(text) == cell_loose {
            return Some(if was_cut { Damage::Cut } else { Damage::Mojibake });
        }
        (own && replaced(text, &cell_lines)).then_some(if was_cut { Damage::Cut } else { Damage::Replaced })
    };
    // Spaces that became non-breaking ones are letters beyond ASCII to whatever reads the file next, but “Who_Me” is an edit of “Who Me”.
    let mut forms: Vec<(String, bool)> =
        vec![(shown.to_owned(), true), (shown.nfc().collect(), true), (shown.nfd().collect(), true), (shown.replace(' ', "\u{a0}"), false)];
    forms.dedup();
    for (form, own) in &forms {
        for misreadings in MISREADINGS {
            let read = |text: &str| misreadings.iter().fold(text.to_owned(), |text, misread| misread(&text));
            let (whole, misread) = (read(form), !misreadings.is_empty());
            let mut found = judged(&whole, misread, false, *own);
            if found.is_none() && long(form) {
                found = judged(&read(cut(form)), misread, true, *own);
            }
            if found.is_none() && long(&whole) {
                found = judged(cut(&whole), misread, true, *own);
            }
            if found.is_some() {
                return found;
            }
            if form.is_ascii() {
                break;
            }
        }
    }
    None
}

/// Whether `cell` is `shown` with `?` or `_` for letters beyond ASCII, and only for such.
fn replaced(shown: &str, cell: &str) -> bool {
    if shown.is_ascii() {
        return false;
    }
    let shown = lines(shown);
    // A program counts a character beyond the first plane as one letter or, in UTF-16, as two; it does so throughout.
    [1, 2].into_iter().any(|marks| replaced_in(&shown, cell, marks) || replaced_in(shown.trim(), cell, marks))
}

fn replaced_in(shown: &str, cell: &str, marks_beyond: usize) -> bool {
    let mut cells = cell.chars();
    let mut any = false;
    for character in shown.chars() {
        match cells.next() {
            Some(same) if plain_space(same) == plain_space(character) => {}
            Some(mark @ ('?' | '_')) if !character.is_ascii() => {
                any = true;
                if character.len_utf16() == 2 && marks_beyond == 2 && cells.next() != Some(mark) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    any && cells.next().is_none()
}

/// What `cell` said before its bytes were read in an older encoding, once or twice; every text it may have been.
pub(super) fn reread(cell: &str) -> Vec<String> {
    let once = |text: &str| -> Vec<String> {
        let windows = |character: char| match u32::from(character) {
            code @ (..0x80 | 0xa0..=0xff) => u8::try_from(code).ok(),
            _ => WINDOWS_1252.iter().position(|other| *other == character).and_then(|at| u8::try_from(at + 0x80).ok()),
        };
        let mac = |character: char| match u8::try_from(character) {
            Ok(ascii @ ..0x80) => Some(ascii),
            _ => MAC_ROMAN.iter().position(|other| *other == character).and_then(|at| u8::try_from(at + 0x80).ok()),
        };
        let bytes = [text.chars().map(windows).collect::<Option<Vec<u8>>>(), text.chars().map(mac).collect()];
        bytes.into_iter().flatten().filter_map(|bytes| String::from_utf8(bytes).ok()).filter(|before| before != text).collect()
    };
    if cell.is_ascii() || cell.len() > MOST_REREAD {
        return Vec::new();
    }
    let first = once(cell);
    let second: Vec<String> = first.iter().filter(|text| !text.is_ascii()).flat_map(|text| once(text)).collect();
    [first, second].concat()
}

/// Longest cell in bytes that may be a number, a day, a time or a truth value in an older encoding.
const MOST_REREAD: usize = 200;
