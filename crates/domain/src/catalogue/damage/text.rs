//! Text that went through another encoding, lost letters, or was cut.

use unicode_normalization::UnicodeNormalization;

use crate::catalogue::damage::{CELL_LIMIT, loose};

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

/// Whether `cell` is `shown` cut at a spreadsheet's limit.
pub(super) fn cut(shown: &str, cell: &str) -> bool {
    if units(shown) <= CELL_LIMIT {
        return false;
    }
    let mut room = CELL_LIMIT;
    let end = shown
        .char_indices()
        .find(|(_, character)| {
            let fits = character.len_utf16() <= room;
            room = room.saturating_sub(character.len_utf16());
            !fits
        })
        .map_or(shown.len(), |(at, _)| at);
    loose(&shown[..end]) == loose(cell)
}

/// Whether `cell` is `shown` with `?` or `_` for letters beyond ASCII, and only for such.
pub(super) fn replaced(shown: &str, cell: &str) -> bool {
    if shown.is_ascii() {
        return false;
    }
    let composed: String = shown.nfc().collect();
    let decomposed: String = shown.nfd().collect();
    // A program counts a character beyond the first plane as one letter or, in UTF-16, as two; it does so throughout.
    [shown, &composed, &decomposed].into_iter().any(|shown| [1, 2].into_iter().any(|marks| replaced_in(shown, cell, marks)))
}

fn replaced_in(shown: &str, cell: &str, marks_beyond: usize) -> bool {
    let mut cells = cell.chars();
    let mut any = false;
    for character in shown.chars() {
        match cells.next() {
            Some(same) if same == character => {}
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

/// Whether `cell` is what `shown` looks like after its bytes were read in an older encoding, once or twice.
pub(super) fn misread(shown: &str, cell: &str) -> bool {
    if shown.is_ascii() || cell.is_ascii() {
        return false;
    }
    let cell = loose(cell);
    let decomposed: String = shown.nfd().collect();
    [shown, &decomposed].into_iter().any(|shown| {
        [as_windows_1252 as fn(&str) -> String, as_mac_roman].into_iter().any(|misread| {
            let once = misread(shown);
            loose(&once) == cell || loose(&misread(&once)) == cell
        })
    })
}
