//! From bytes to text: what is no CSV at all, and which encoding the text has. An encoding is never guessed in silence.

use std::borrow::Cow;

use crate::catalogue::csv::import::MAX_BYTES;
use crate::catalogue::csv::issues;
use crate::catalogue::csv::report::{Encoding, Issue, IssueCode};
use crate::catalogue::damage::{decode_mac_roman, decode_windows_1252};
use crate::catalogue::value::quoted;

/// Why bytes are not read.
pub(super) enum Unread {
    /// Something must be put right.
    Error(Box<Issue>),
    /// A person must say how.
    Question(Box<Issue>),
}

/// The text of a file, without byte order mark.
pub(super) fn decode(bytes: &[u8], chosen: Option<Encoding>) -> Result<(Cow<'_, str>, Encoding), Unread> {
    if bytes.len() > MAX_BYTES {
        let found = format!("{} bytes", bytes.len());
        return Err(Unread::Error(issues::boxed(
            IssueCode::TooLarge,
            format!("at most {MAX_BYTES} bytes"),
            found,
            "Split the file and import the parts one by one.",
        )));
    }
    if let Some((what, how)) = sniff(bytes) {
        return Err(Unread::Error(issues::boxed(IssueCode::NotCsv, "a CSV file".to_owned(), what.to_owned(), how)));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return utf8(rest, 3);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return utf16(rest, u16::from_le_bytes).map(|text| (text, Encoding::Utf16Le));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return utf16(rest, u16::from_be_bytes).map(|text| (text, Encoding::Utf16Be));
    }
    match chosen {
        Some(Encoding::Utf8) => utf8(bytes, 0),
        Some(Encoding::Utf16Le) => utf16(bytes, u16::from_le_bytes).map(|text| (text, Encoding::Utf16Le)),
        Some(Encoding::Utf16Be) => utf16(bytes, u16::from_be_bytes).map(|text| (text, Encoding::Utf16Be)),
        Some(Encoding::Windows1252) => Ok((decode_windows_1252(bytes).into(), Encoding::Windows1252)),
        Some(Encoding::MacRoman) => Ok((decode_mac_roman(bytes).into(), Encoding::MacRoman)),
        None if looks_like_utf16(bytes) => Err(Unread::Question(boxed_encoding(bytes, &["utf16_le", "utf16_be"]))),
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Ok((text.into(), Encoding::Utf8)),
            Err(_) => Err(Unread::Question(boxed_encoding(bytes, &["windows1252", "mac_roman"]))),
        },
    }
}

fn sniff(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const SAVE: &str = "Open it in the spreadsheet and save it as “CSV UTF-8”, then import that file.";
    let starts = |signature: &[u8]| bytes.starts_with(signature);
    if starts(b"PK\x03\x04") {
        Some(("a spreadsheet or zip archive (such as .xlsx, .ods or .numbers)", SAVE))
    } else if starts(b"\xd0\xcf\x11\xe0") {
        Some(("an Excel file of the older kind (.xls)", SAVE))
    } else if starts(b"\x1f\x8b") {
        Some(("a gzip archive", "Unpack it first, then import the CSV file inside."))
    } else if starts(b"%PDF") {
        Some(("a PDF document", SAVE))
    } else {
        None
    }
}

fn utf8(bytes: &[u8], before: usize) -> Result<(Cow<'_, str>, Encoding), Unread> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.into(), Encoding::Utf8)),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
            let found = format!("a byte that is no UTF-8 in line {line} (byte {} of the file)", before + error.valid_up_to() + 1);
            let mut issue = issues::file(
                IssueCode::Encoding,
                "UTF-8 text throughout".to_owned(),
                found,
                "Save the file as “CSV UTF-8” again; part of it was damaged or mixed.",
            );
            issue.line = line;
            Err(Unread::Error(Box::new(issue)))
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Unread> {
    let damaged = || {
        let how = "Save the file as “CSV UTF-8” again; part of it is missing or damaged.";
        Unread::Error(issues::boxed(IssueCode::Encoding, "UTF-16 text throughout".to_owned(), "half a character".to_owned(), how))
    };
    if !bytes.len().is_multiple_of(2) {
        return Err(damaged());
    }
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| damaged())
}

/// Every other byte of the first ones is zero.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64)];
    head.len() >= 4 && [0, 1].into_iter().any(|first| head.iter().skip(first).step_by(2).all(|&byte| byte == 0))
}

fn which_encoding(bytes: &[u8], words: &[&str]) -> Issue {
    let previews: Vec<String> = words
        .iter()
        .map(|word| {
            let preview = match *word {
                "windows1252" => decode_windows_1252(sample(bytes)),
                "mac_roman" => decode_mac_roman(sample(bytes)),
                other => {
                    let unit = if other == "utf16_le" { u16::from_le_bytes } else { u16::from_be_bytes };
                    char::decode_utf16(bytes.chunks_exact(2).take(60).map(|pair| unit([pair[0], pair[1]])))
                        .map(|character| character.unwrap_or('\u{fffd}'))
                        .collect()
                }
            };
            format!("{word}: {}", quoted(&preview))
        })
        .collect();
    let how = "Choose the encoding under which the letters look right, or save the file as “CSV UTF-8”.";
    let mut issue = issues::file(IssueCode::Encoding, "UTF-8 text".to_owned(), previews.join(" · "), how);
    issue.repair = "encoding".to_owned();
    issue.suggestions = words.iter().map(|word| (*word).to_owned()).collect();
    issue
}

/// Some bytes around the first that is not ASCII.
fn sample(bytes: &[u8]) -> &[u8] {
    let at = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    &bytes[at.saturating_sub(20)..(at + 40).min(bytes.len())]
}

fn boxed_encoding(bytes: &[u8], words: &[&str]) -> Box<Issue> {
    Box::new(which_encoding(bytes, words))
}
