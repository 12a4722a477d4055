//! Words that spreadsheets of other languages write: months, yes and no, errors. The lists stand in `words.json`.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::catalogue::cells::nfc;

#[derive(Deserialize)]
struct Lists {
    months: Vec<Vec<String>>,
    r#true: Vec<String>,
    r#false: Vec<String>,
    yes: Vec<String>,
    no: Vec<String>,
    errors: Vec<String>,
    numbered_errors: Vec<String>,
}

struct Words {
    months: HashMap<String, u32>,
    truth: HashMap<String, bool>,
    literals: HashMap<String, bool>,
    errors: HashSet<String>,
    numbered_errors: Vec<String>,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let lists: Lists = serde_json::from_str(include_str!("words.json")).expect("the word lists are checked by a test");
        let months =
            lists.months.into_iter().zip(1u32..).flat_map(|(names, month)| names.into_iter().map(move |name| (fold(&name), month)));
        let pairs = |yes: &[String], no: &[String]| -> HashMap<String, bool> {
            yes.iter().map(|word| (fold(word), true)).chain(no.iter().map(|word| (fold(word), false))).collect()
        };
        let literals = pairs(&lists.r#true, &lists.r#false);
        let mut truth = pairs(&lists.yes, &lists.no);
        truth.extend(literals.clone());
        let errors = lists.errors.iter().map(|word| nfc(word).into_owned()).collect();
        Words { months: months.collect(), truth, literals, errors, numbered_errors: lists.numbered_errors }
    })
}

/// The form under which words and names count as the same: NFC, lower case.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower: String = nfc(text).chars().flat_map(char::to_lowercase).collect();
    nfc(&lower).into_owned()
}

/// The month 1–12 that a word names in one of the known languages.
pub(crate) fn month(word: &str) -> Option<u32> {
    if word.len() > 32 || word.starts_with(|character: char| character.is_ascii_digit()) {
        return None;
    }
    words().months.get(&fold(word)).copied()
}

/// Yes or no, if the word says so in one of the known languages.
pub(crate) fn truth(word: &str) -> Option<bool> {
    if word.len() > 32 { None } else { words().truth.get(&fold(word)).copied() }
}

/// True or false, if the word is what a spreadsheet in one of the known languages writes for a truth value.
pub(crate) fn truth_literal(word: &str) -> Option<bool> {
    if word.len() > 32 { None } else { words().literals.get(&fold(word)).copied() }
}

/// Whether the text is what a spreadsheet in one of the known languages writes in place of a value it could not work out.
pub(crate) fn spreadsheet_error(text: &str) -> bool {
    if text.len() > 32 {
        return false;
    }
    if text.starts_with('#') {
        return words().errors.contains(&*nfc(text));
    }
    // `Err:502` of LibreOffice.
    let Some((word, number)) = text.split_once(':') else { return false };
    let number = number.trim_start();
    number.len() == 3
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words().numbered_errors.iter().any(|known| known == word.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_month_and_both_truths_have_words_and_no_word_has_two_meanings() {
        let lists: Lists = serde_json::from_str(include_str!("words.json")).expect("lists");
        assert_eq!(lists.months.len(), 12);
        let count: usize = lists.months.iter().map(Vec::len).sum();
        assert_eq!(words().months.len(), count, "a month word stands twice");
        let truths = lists.r#true.len() + lists.r#false.len();
        assert_eq!(words().truth.len(), truths + lists.yes.len() + lists.no.len(), "a word stands twice");
        assert_eq!(month("DEZ"), Some(12));
        assert_eq!(truth("WAHR"), Some(true));
        assert_eq!(truth("maybe"), None);
        assert_eq!(words().errors.len(), lists.errors.len(), "an error stands twice");
        assert!(lists.errors.iter().all(|error| error.starts_with('#')), "an error begins with #");
    }
}
