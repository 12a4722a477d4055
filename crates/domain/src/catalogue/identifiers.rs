//! Identifiers of the music trade: stored form, check digits, and what to suggest when they do not fit.
//!
//! Spaces, dots, hyphens, lower case and a leading name of the format are accepted. A passed check digit is not proof.

use std::sync::OnceLock;

use crate::catalogue::guard::is_format_character;
use crate::catalogue::musical_key::{self, KeyError};
use crate::catalogue::schema::Format;

/// A text in its stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The stored form.
    pub value: String,
    /// Something worth a look that does not stop it.
    pub warning: Option<String>,
}

/// Why a text is not of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct IdentifierProblem {
    /// What the format asks for, naming the expected check digit where that is what failed.
    pub expected: String,
    /// A stored form that would fit; offered, never taken unasked.
    pub suggestion: Option<String>,
    /// Whether the check digit is what failed.
    pub check_digit: bool,
}

fn problem(expected: impl Into<String>) -> IdentifierProblem {
    IdentifierProblem { expected: expected.into(), suggestion: None, check_digit: false }
}

fn wrong_check(what: &str, check: &str) -> IdentifierProblem {
    IdentifierProblem { expected: format!("{what} whose check digit is {check}"), suggestion: None, check_digit: true }
}

impl IdentifierProblem {
    fn suggesting(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// The stored form of `text` in `format`. Percent is a decimal column's matter; its text is returned as it is.
/// # Errors
/// What the format asks for instead.
pub fn canonical(format: Format, text: &str) -> Result<Identified, IdentifierProblem> {
    let plain = |value: String| Identified { value, warning: None };
    match format {
        Format::Isrc => isrc(text),
        Format::Iswc => iswc(text).map(plain),
        Format::Gtin => gtin(text).map(plain),
        Format::IpiName => ipi_name(text).map(plain),
        Format::IpiBase => ipi_base(text).map(plain),
        Format::Isni => isni(text).map(plain),
        Format::Mbid => mbid(text).map(plain),
        Format::MusicalKey => key(text).map(plain),
        Format::Percent => Ok(plain(text.to_owned())),
        Format::Language => language(text).map(plain),
        Format::Territory => territory(text).map(plain),
        Format::Email => email(text).map(plain),
    }
}

/// Without spaces, dots, hyphens and invisible characters, in upper case, and without a leading format name where that leaves a better
/// length. Nothing when other than ASCII letters and digits remain.
fn compact(text: &str, names: &[&str], lengths: &[usize]) -> Option<String> {
    let mut compact = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => compact.push(character.to_ascii_uppercase()),
            '.' | '-' | ':' | '\u{2010}'..='\u{2013}' => {}
            other if other.is_whitespace() || is_format_character(other) => {}
            _ => return None,
        }
    }
    if lengths.contains(&compact.len()) {
        return Some(compact);
    }
    let rest = names.iter().find_map(|name| compact.strip_prefix(name)).map(str::to_owned);
    Some(rest.unwrap_or(compact))
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn values(text: &str) -> impl DoubleEndedIterator<Item = u32> + '_ {
    text.bytes().map(|byte| u32::from(byte - b'0'))
}

struct Territories {
    territories: Vec<String>,
    isrc_prefixes: Vec<String>,
}

fn territories() -> &'static Territories {
    static LISTS: OnceLock<Territories> = OnceLock::new();
    LISTS.get_or_init(|| {
        let lists: std::collections::BTreeMap<String, String> =
            serde_json::from_str(include_str!("territories.json")).expect("the territory lists are checked by a test");
        let words = |name: &str| lists.get(name).into_iter().flat_map(|list| list.split(' ')).map(str::to_owned).collect();
        Territories { territories: words("iso_3166_1"), isrc_prefixes: words("isrc_prefixes_beyond_territories") }
    })
}

fn isrc(text: &str) -> Result<Identified, IdentifierProblem> {
    const EXPECTED: &str = "an ISRC of 12 characters: 2 letters, 3 letters or digits, 7 digits, such as USS1Z9900001";
    let code = compact(text, &["ISRC"], &[12]).ok_or_else(|| problem(EXPECTED))?;
    let fits = |code: &str| code.len() == 12 && code[..2].bytes().all(|byte| byte.is_ascii_uppercase()) && all_digits(&code[5..]);
    if !fits(&code) {
        let repaired = (code.len() == 12).then(|| format!("{}{}", &code[..5], code[5..].replace('O', "0").replace('I', "1")));
        return Err(problem(EXPECTED).suggesting(repaired.filter(|code| fits(code))));
    }
    let lists = territories();
    let prefix = &code[..2];
    let known = lists.territories.iter().chain(&lists.isrc_prefixes).any(|known| known == prefix);
    let warning = (!known).then(|| format!("no registration agency uses the prefix {prefix}; check the first two letters"));
    Ok(Identified { value: code, warning })
}

/// (10 − s mod 10) mod 10 with s = `start` + Σ i·dᵢ over nine digits.
fn weighted_check(digits: &str, start: u32) -> u32 {
    let sum: u32 = start + values(digits).zip(1..).map(|(digit, weight)| digit * weight).sum::<u32>();
    (10 - sum % 10) % 10
}

fn iswc(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "an ISWC: T and 10 digits, such as T0345246801";
    let code = compact(text, &["ISWC"], &[11]).ok_or_else(|| problem(EXPECTED))?;
    let digits = code.strip_prefix('T').unwrap_or(&code);
    if digits.len() != 10 || !all_digits(digits) {
        return Err(problem(EXPECTED));
    }
    let check = weighted_check(&digits[..9], 1);
    if digits[9..] != check.to_string() {
        return Err(wrong_check("an ISWC", &check.to_string()));
    }
    if code.starts_with('T') { Ok(code) } else { Err(problem(EXPECTED).suggesting(Some(format!("T{code}")))) }
}

fn ipi_base(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "an IPI base number: I, 9 digits and a check digit, such as I-000000229-7";
    let code = compact(text, &["IPI"], &[11]).ok_or_else(|| problem(EXPECTED))?;
    let digits = code.strip_prefix('I').filter(|digits| digits.len() == 10 && all_digits(digits)).ok_or_else(|| problem(EXPECTED))?;
    let check = weighted_check(&digits[..9], 2);
    if digits[9..] != check.to_string() {
        return Err(wrong_check("an IPI base number", &check.to_string()));
    }
    Ok(format!("I-{}-{}", &digits[..9], &digits[9..]))
}

fn ipi_name(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "an IPI name number of 11 digits with its leading zeros, such as 00014107338";
    let code = compact(text, &["IPI", "CAE"], &[11]).filter(|code| all_digits(code)).ok_or_else(|| problem(EXPECTED))?;
    let check = |code: &str| {
        let rest = values(&code[..9]).zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum::<u32>() % 101;
        format!("{:02}", if rest == 0 { 0 } else { (101 - rest) % 100 })
    };
    if code.len() != 11 {
        let padded = (3..11).contains(&code.len()).then(|| format!("{code:0>11}"));
        return Err(problem(EXPECTED).suggesting(padded.filter(|code| check(code) == code[9..])));
    }
    let expected = check(&code);
    if code[9..] == expected { Ok(code) } else { Err(wrong_check("an IPI name number", &expected)) }
}

fn isni(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "an ISNI of 16 digits, the last of which may be X, such as 0000000121032683";
    let code = compact(text, &["ISNI"], &[16]).ok_or_else(|| problem(EXPECTED))?;
    let check = |code: &str| {
        let product = values(&code[..15]).fold(0, |product, digit| (product + digit) * 2 % 11);
        match (12 - product) % 11 {
            10 => "X".to_owned(),
            digit => digit.to_string(),
        }
    };
    let body = code.strip_suffix('X').unwrap_or(&code);
    if code.len() != 16 || !all_digits(body) {
        let padded = ((9..16).contains(&code.len()) && all_digits(body)).then(|| format!("{code:0>16}"));
        return Err(problem(EXPECTED).suggesting(padded.filter(|code| check(code) == code[15..])));
    }
    let expected = check(&code);
    if code[15..] == expected { Ok(code) } else { Err(wrong_check("an ISNI", &expected)) }
}

fn gtin(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "a barcode number (UPC or EAN) of 12 or 13 digits with its leading zeros, such as 036000241457";
    let names = ["UPC", "EAN", "GTIN", "BARCODE"];
    let code = compact(text, &names, &[12, 13]).filter(|code| all_digits(code)).ok_or_else(|| problem(EXPECTED))?;
    let check = |code: &str| {
        let body = &code[..code.len() - 1];
        let sum: u32 = values(body).rev().zip([3, 1].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
        ((10 - sum % 10) % 10).to_string()
    };
    if !matches!(code.len(), 12 | 13) {
        // Leading zeros change no sum, so a number that lost some still shows whether it was whole.
        let padded = (8..12).contains(&code.len()).then(|| format!("{code:0>12}"));
        return Err(problem(EXPECTED).suggesting(padded.filter(|code| check(code) == code[code.len() - 1..])));
    }
    let expected = check(&code);
    if code[code.len() - 1..] == expected { Ok(code) } else { Err(wrong_check("a barcode number", &expected)) }
}

fn mbid(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "a MusicBrainz id of 32 hexadecimal digits in groups of 8-4-4-4-12";
    let lower = text.trim().to_ascii_lowercase();
    let fits = lower.len() == 36
        && lower.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    if fits { Ok(lower) } else { Err(problem(EXPECTED)) }
}

fn key(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "a key such as C, F#m, Bb or 8A";
    musical_key::canonical(text).map_err(|error| match error {
        KeyError::GermanH { suggestion } => problem("a key with B; H is the German name of B").suggesting(Some(suggestion)),
        KeyError::LowerCase { readings: [major, minor] } => problem(format!("{major} for major or {minor} for minor")),
        KeyError::NotAKey => problem(EXPECTED),
    })
}

fn language(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "a language code of BCP 47, such as en, pt-BR or zh-Hant; zxx for no words at all";
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut parts = text.trim().split(['-', '_']);
    let first = parts.next().filter(|part| matches!(part.len(), 2 | 3) && letters(part)).ok_or_else(|| problem(EXPECTED))?;
    let mut tag = first.to_ascii_lowercase();
    // How far along script, region and variants the tag already is.
    let mut stage = 0;
    for part in parts {
        let (next, written) = match part.len() {
            4 if letters(part) => (1, format!("{}{}", part[..1].to_ascii_uppercase(), part[1..].to_ascii_lowercase())),
            2 if letters(part) => (2, part.to_ascii_uppercase()),
            3 if all_digits(part) => (2, part.to_owned()),
            5..=8 if part.bytes().all(|byte| byte.is_ascii_alphanumeric()) => (3, part.to_ascii_lowercase()),
            4 if part.bytes().all(|byte| byte.is_ascii_alphanumeric()) && part.as_bytes()[0].is_ascii_digit() => {
                (3, part.to_ascii_lowercase())
            }
            _ => return Err(problem(EXPECTED)),
        };
        if next < stage || (next == stage && next < 3) {
            return Err(problem(EXPECTED));
        }
        stage = next;
        tag.push('-');
        tag.push_str(&written);
    }
    Ok(tag)
}

fn territory(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "a territory code of ISO 3166, such as DE, GB or US";
    let code = text.trim().to_ascii_uppercase();
    if territories().territories.contains(&code) {
        return Ok(code);
    }
    Err(problem(EXPECTED).suggesting((code == "UK").then(|| "GB".to_owned())))
}

fn email(text: &str) -> Result<String, IdentifierProblem> {
    const EXPECTED: &str = "an e-mail address such as name@example.org";
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| problem(EXPECTED))?;
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && local.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'@' | b',' | b';' | b'<' | b'>' | b'(' | b')' | b'"'));
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_| problem(EXPECTED))?;
    let domain_fits = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let address = format!("{local}@{domain}");
    if local_fits && domain_fits && address.len() <= 254 { Ok(address) } else { Err(problem(EXPECTED)) }
}

#[cfg(test)]
mod tests;
