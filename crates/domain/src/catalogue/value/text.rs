//! Text, lists of texts and web addresses.

use crate::catalogue::cells::{CellValue, nfc};
use crate::catalogue::guard::is_format_character;
use crate::catalogue::schema::{Field, FieldType};
use crate::catalogue::value::{CellProblem, ProblemCode};

/// `text` with every line end as one line feed.
pub(super) fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Items between separators; a backslash takes the character after it literally. Empty items do not exist.
pub(super) fn split_list(text: &str, separator: char) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            match characters.next() {
                Some(next) if next == separator || next == '\\' => item.push(next),
                Some(next) => item.extend(['\\', next]),
                None => item.push('\\'),
            }
        } else if character == separator {
            items.push(std::mem::take(&mut item));
        } else {
            item.push(character);
        }
    }
    items.push(item);
    items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// The inverse of [`split_list`].
pub(super) fn join_list(items: &[Box<str>], separator: char) -> String {
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push(separator);
        }
        for character in item.chars() {
            if character == separator || character == '\\' {
                joined.push('\\');
            }
            joined.push(character);
        }
    }
    joined
}

/// Whether `text` is `http://` or `https://` with a host.
pub(super) fn is_web_address(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let scheme = if lower.starts_with("https://") {
        8
    } else if lower.starts_with("http://") {
        7
    } else {
        return false;
    };
    let rest = &text[scheme..];
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let fits = |character: char| character.is_alphanumeric() || matches!(character, '.' | '-' | ':' | '[' | ']' | '_');
    host.starts_with(|character: char| character.is_alphanumeric() || character == '[')
        && host.chars().all(fits)
        && !rest.chars().any(|character| character.is_whitespace() || character.is_control() || is_format_character(character))
}

/// Whether a character hides or reorders what is read. Joiners are part of many scripts and of emoji.
fn is_hidden(character: char) -> bool {
    is_format_character(character) && !matches!(character, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}')
}

impl Field {
    /// Checks one text, or one item of a list, and brings it into the form of the column's format.
    pub(super) fn accept_text(&self, text: &str, warnings: &mut Vec<CellProblem>) -> Result<Box<str>, CellProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(self.problem(ProblemCode::WrongType, text, "a value; an empty cell is left out"));
        }
        let allowed = |character: char| self.field_type == FieldType::Longtext && matches!(character, '\n' | '\t');
        if text.chars().any(|character| character.is_control() && !allowed(character)) {
            let expected = if self.field_type == FieldType::Longtext {
                "text without control characters"
            } else {
                "one line of text without control characters"
            };
            return Err(self.problem(ProblemCode::ControlCharacter, text, expected));
        }
        let length: usize = text.chars().map(char::len_utf16).sum();
        if length > self.max_length {
            let expected = format!("at most {} characters; this has {length}", self.max_length);
            return Err(self.problem(ProblemCode::TooLong, text, expected));
        }
        if text.chars().any(is_hidden) {
            warnings.push(self.problem(ProblemCode::HiddenCharacter, text, "no invisible characters; look at the marks before approving"));
        }
        let text: Box<str> = match self.format {
            Some(format) => self.accept_format(format, text, warnings)?,
            None => text.into(),
        };
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(&nfc(&text))) {
            self.refuse_or_warn(self.problem(ProblemCode::Pattern, &text, format!("text of the form {}", pattern.as_str())), warnings)?;
        }
        Ok(text)
    }

    /// Items of a value that several people's names may stand in, for searching and comparing.
    #[must_use]
    pub fn texts<'a>(&self, value: &'a CellValue) -> Vec<&'a str> {
        match value {
            CellValue::Text(text) => vec![text],
            CellValue::List(items) => items.iter().map(|item| &**item).collect(),
            _ => Vec::new(),
        }
    }
}
