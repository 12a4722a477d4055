//! Text that a spreadsheet took for a number or a time of day.

use crate::catalogue::number::NumberStyle;

/// A number as sign, significant digits without zeros at the ends, and the place of the decimal point counted from the first digit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
    /// Digits written before an exponent, where there is one.
    mantissa: Option<usize>,
}

/// Reads `12.50`, `1E3`, `3.6E+10`.
fn number(text: &str) -> Option<Number> {
    if text.is_empty() || text.len() > 400 || !text.is_ascii() {
        return None;
    }
    let (negative, body) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (mantissa, Some(exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?))
        }
        None => (body, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all(whole) || !all(fraction) || (mantissa.contains('.') && fraction.is_empty()) {
        return None;
    }
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.drain(..leading);
    let significant = digits.len();
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    let point = if digits.is_empty() { 0 } else { whole.len() as i64 - leading as i64 + exponent.unwrap_or(0) };
    let negative = negative && !digits.is_empty();
    Some(Number { negative, digits, point, mantissa: exponent.map(|_| significant) })
}

impl Number {
    fn equals(&self, other: &Self) -> bool {
        self.negative == other.negative && self.digits == other.digits && self.point == other.point
    }

    /// Rounded half up to `count` significant digits.
    fn rounded(&self, count: usize) -> Self {
        if self.digits.len() <= count {
            return self.clone();
        }
        let mut number = self.cut(count);
        if self.digits[count] >= b'5' {
            number.digits = self.digits[..count].to_vec();
            let mut place = count;
            loop {
                if place == 0 {
                    number.digits.insert(0, b'1');
                    number.point += 1;
                    break;
                }
                place -= 1;
                if number.digits[place] == b'9' {
                    number.digits[place] = b'0';
                } else {
                    number.digits[place] += 1;
                    break;
                }
            }
            while number.digits.last() == Some(&b'0') {
                number.digits.pop();
            }
        }
        number
    }

    /// Every digit after the first `count` lost.
    fn cut(&self, count: usize) -> Self {
        let mut number = self.clone();
        number.digits.truncate(count);
        while number.digits.last() == Some(&b'0') {
            number.digits.pop();
        }
        number
    }
}

/// Digits a spreadsheet keeps.
const KEPT_DIGITS: usize = 15;

/// What spreadsheets put in place of a number too great for them, as they show it.
const GREATEST: &str = "1.79769313486232E+308";
/// Powers of ten beyond which they know no number.
const POWERS: std::ops::RangeInclusive<i64> = -307..=309;

/// Whether `cell` is the number that `shown` would become: equal, cut or rounded to the 15 digits a spreadsheet keeps, shown with an
/// exponent and fewer digits, or the greatest or least number it knows.
pub(super) fn same_number(shown: &str, cell: &str) -> bool {
    let cells = readings(cell);
    readings(shown).iter().any(|base| {
        cells.iter().any(|cell| {
            base.equals(cell)
                || base.rounded(KEPT_DIGITS).equals(cell)
                || base.cut(KEPT_DIGITS).equals(cell)
                || cell.mantissa.is_some_and(|count| count > 0 && base.rounded(KEPT_DIGITS).rounded(count).equals(cell))
                || (base.point < *POWERS.start() && cell.digits.is_empty())
        }) || (base.point > *POWERS.end() && cell == GREATEST)
    })
}

/// The numbers that `text` is to spreadsheets of one country or another: with signs of currency, in parentheses for less than nothing,
/// with their decimal and thousands signs.
fn readings(text: &str) -> Vec<Number> {
    if text.len() > 400 || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let bare = text.trim_matches(|character: char| character.is_whitespace() || matches!(character, '$' | '€' | '£' | '¥'));
    let (sign, bare) = match bare.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => ("-", inner),
        None => ("", bare),
    };
    let (mantissa, exponent) = bare.find(['e', 'E']).map_or((bare, ""), |at| bare.split_at(at));
    let mut forms: Vec<String> = vec![format!("{sign}{bare}")];
    forms.extend(NumberStyle::ALL.iter().filter_map(|style| style.plain(mantissa)).map(|plain| format!("{sign}{plain}{exponent}")));
    forms.iter().filter_map(|form| number(form)).collect()
}

/// Milliseconds of a time of day such as `3:45`, `03:45:00`, `3:45:00 PM`.
fn clock(text: &str) -> Option<i64> {
    let upper = text.trim().to_ascii_uppercase();
    let (body, half) = match upper.strip_suffix("AM").map(|body| (body, 0)).or_else(|| upper.strip_suffix("PM").map(|body| (body, 12))) {
        Some((body, half)) => (body.trim_end(), Some(half)),
        None => (upper.as_str(), None),
    };
    let parts: Vec<&str> = body.split(':').collect();
    let small = |part: &str| {
        (matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes, ms) = match parts.as_slice() {
        [hours, minutes] => (small(hours)?, small(minutes)?, 0),
        [hours, minutes, seconds] => {
            let (whole, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
            let fraction = format!("{fraction:0<3}");
            let thousandths = fraction.get(..3).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            (small(hours)?, small(minutes)?, small(whole).filter(|&seconds| seconds < 60)? * 1_000 + thousandths.parse::<i64>().ok()?)
        }
        _ => return None,
    };
    if minutes >= 60 || half.is_some_and(|_| !(1..=12).contains(&hours)) {
        return None;
    }
    let hours = half.map_or(hours, |half| hours % 12 + half);
    Some((hours * 60 + minutes) * 60_000 + ms)
}

/// Whether `cell` is the time of day that `shown` would become, or its fraction of a day.
pub(super) fn same_clock(shown: &str, cell: &str) -> bool {
    let Some(base) = clock(shown).filter(|_| shown.contains(':')) else { return false };
    clock(cell).filter(|_| cell.contains(':')) == Some(base) || is_day_fraction(cell, base)
}

/// Whether `cell` is `ms` as a fraction of a day, to all the decimals it shows, and shows enough of them.
pub(super) fn is_day_fraction(cell: &str, ms: i64) -> bool {
    const DAY: i128 = 86_400_000;
    let plain = cell.replacen(',', ".", 1);
    let Some((whole, fraction)) = plain.split_once('.') else { return false };
    if whole.len() > 4 || !(1..=17).contains(&fraction.len()) || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let scale = 10_i128.pow(fraction.len() as u32);
    let Ok(units) = format!("{whole}{fraction}").parse::<i128>() else { return false };
    let exact = i128::from(ms) * scale;
    let off = (units * DAY - exact).abs();
    // Exactly so many days, or rounded at its last decimal when there are at least five of them. With ten and more a whole unit may be
    // missing: it was rounded twice, in binary and in decimal, and is still far less than a millisecond.
    off == 0 || (fraction.len() >= 5 && off * 2 <= DAY) || (fraction.len() >= 10 && off <= DAY)
}
