//! Exact numbers as text: reading, writing and comparing without floating point.

/// How somebody's spreadsheet writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberStyle {
    /// `1234.50`, the form of our own files.
    Plain,
    /// `1,234.50`.
    CommaThousands,
    /// `1.234,50` or `1234,50`.
    CommaDecimal,
    /// `1 234,50`, with any kind of space.
    SpaceThousands,
    /// `1'234.50`.
    ApostropheThousands,
}

impl NumberStyle {
    /// Every style.
    pub const ALL: [Self; 5] = [Self::Plain, Self::CommaThousands, Self::CommaDecimal, Self::SpaceThousands, Self::ApostropheThousands];

    fn decimal(self) -> char {
        match self {
            Self::CommaDecimal | Self::SpaceThousands => ',',
            _ => '.',
        }
    }

    fn is_thousands(self, character: char) -> bool {
        match self {
            Self::Plain => false,
            Self::CommaThousands => character == ',',
            Self::CommaDecimal => character == '.',
            Self::SpaceThousands => matches!(character, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
            Self::ApostropheThousands => matches!(character, '\'' | '\u{2019}'),
        }
    }

    /// The plain form of `text` read in this style, or nothing when it is not a number of this style.
    #[must_use]
    pub fn plain(self, text: &str) -> Option<String> {
        let (sign, body) = match text.strip_prefix('-').or_else(|| text.strip_prefix('\u{2212}')) {
            Some(body) => ("-", body),
            None => ("", text),
        };
        let (whole, fraction) = match body.split_once(self.decimal()) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (body, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if fraction.is_some_and(|fraction| !digits(fraction)) {
            return None;
        }
        let mut groups = whole.split(|character| self.is_thousands(character));
        let first = groups.next()?;
        let mut joined = String::from(sign);
        let rest: Vec<&str> = groups.collect();
        if !digits(first) || (!rest.is_empty() && first.len() > 3) || rest.iter().any(|group| group.len() != 3 || !digits(group)) {
            return None;
        }
        joined.push_str(first);
        joined.extend(rest);
        if let Some(fraction) = fraction {
            joined.push('.');
            joined.push_str(fraction);
        }
        Some(joined)
    }
}

/// Whether `text` is `-?\d{1,15}(\.\d+)?`, the bare form of numbers in our files.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let body = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = body.split_once('.').unwrap_or((body, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && whole.len() <= 15 && digits(fraction)
}

/// The number `text`, in plain form, counted in units of 10⁻ˢᶜᵃˡᵉ; nothing when it needs more decimals than that or is no number.
#[must_use]
pub fn units(text: &str, scale: u8) -> Option<i128> {
    if !is_plain(text) {
        return None;
    }
    let (negative, body) = text.strip_prefix('-').map_or((false, text), |body| (true, body));
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(scale) {
        return None;
    }
    let mut value: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()).chain(std::iter::repeat_n(b'0', usize::from(scale) - fraction.len())) {
        value = value.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
    }
    Some(if negative { -value } else { value })
}

/// Units of 10⁻ˢᶜᵃˡᵉ as text with exactly `scale` decimals.
#[must_use]
pub fn from_units(units: i128, scale: u8) -> String {
    let digits = units.unsigned_abs().to_string();
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let sign = if units < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_text_agree() {
        for (text, scale, value, canonical) in [
            ("120.5", 2, 12_050, "120.50"),
            ("0", 2, 0, "0.00"),
            ("-0", 2, 0, "0.00"),
            ("-0.05", 2, -5, "-0.05"),
            ("007", 0, 7, "7"),
            ("3.1000", 1, 31, "3.1"),
            ("999999999999999.999999999", 9, 999_999_999_999_999_999_999_999, "999999999999999.999999999"),
        ] {
            assert_eq!(units(text, scale), Some(value), "{text}");
            assert_eq!(from_units(value, scale), canonical);
        }
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1,5", "1234567890123456", "--1", "٣", "NaN", "1.005"] {
            assert_eq!(units(text, 2), None, "{text} is not a number with two decimals");
        }
    }

    #[test]
    fn each_style_reads_its_own_and_nothing_malformed() {
        assert_eq!(NumberStyle::CommaThousands.plain("1,234.50").as_deref(), Some("1234.50"));
        assert_eq!(NumberStyle::CommaDecimal.plain("1.234,50").as_deref(), Some("1234.50"));
        assert_eq!(NumberStyle::CommaDecimal.plain("120,5").as_deref(), Some("120.5"));
        assert_eq!(NumberStyle::SpaceThousands.plain("-1\u{202f}234,5").as_deref(), Some("-1234.5"));
        assert_eq!(NumberStyle::ApostropheThousands.plain("1’234.5").as_deref(), Some("1234.5"));
        for text in ["12,34.5", "1,2345", ",5", "1,,234", "1234,567.0"] {
            assert_eq!(NumberStyle::CommaThousands.plain(text), None, "{text}");
        }
    }
}
