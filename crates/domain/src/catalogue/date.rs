//! Days, months and years: the stored form `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, and the forms spreadsheets turn it into.

use serde::{Deserialize, Serialize};

use crate::catalogue::words;

/// In which order somebody's spreadsheet writes day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// `31/12/2026`.
    DayMonth,
    /// `12/31/2026`.
    MonthDay,
}

impl DateOrder {
    /// Both orders.
    pub const ALL: [Self; 2] = [Self::DayMonth, Self::MonthDay];
}

/// Days of a month; 0 for a month that does not exist.
#[must_use]
pub fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Whether `text` is a stored date: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`, and that day exists.
#[must_use]
pub fn is_stored(text: &str) -> bool {
    let mut parts = text.split('-');
    let number = |part: Option<&str>, width: usize| part.filter(|part| part.len() == width).and_then(digits);
    let Some(year) = number(parts.next(), 4).filter(|&year| year > 0) else { return false };
    let Some(month) = parts.next() else { return true };
    let Some(month) = number(Some(month), 2).filter(|month| (1..=12).contains(month)) else { return false };
    let Some(day) = parts.next() else { return true };
    let fits = number(Some(day), 2).is_some_and(|day| day >= 1 && day <= days_in_month(year.cast_signed(), month));
    fits && parts.next().is_none()
}

/// A number of ASCII digits only.
pub(crate) fn digits(part: &str) -> Option<u32> {
    (!part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok()).flatten()
}

/// A reading of a date-like text; a year or day that the text does not have is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateReading {
    /// Year with four digits.
    pub year: Option<u32>,
    /// Month 1–12.
    pub month: u32,
    /// Day 1–31.
    pub day: Option<u32>,
}

impl DateReading {
    fn exists(self) -> bool {
        // A leap year stands for an unknown one.
        let year = self.year.map_or(2_000, u32::cast_signed);
        (1..=12).contains(&self.month) && self.day.is_none_or(|day| day >= 1 && day <= days_in_month(year, self.month))
    }

    /// The stored form, where the year is known.
    #[must_use]
    pub fn stored(self) -> Option<String> {
        let year = self.year?;
        Some(match self.day {
            Some(day) => format!("{year:04}-{:02}-{day:02}", self.month),
            None => format!("{year:04}-{:02}", self.month),
        })
    }

    /// Whether a spreadsheet that was given this date may show it as `shown`: a year that one of them lacks is free, and a month alone
    /// becomes its first day.
    #[must_use]
    pub fn shown_as(self, shown: Self) -> bool {
        let year = self.year.is_none() || shown.year.is_none() || self.year == shown.year;
        let day = self.day == shown.day || (self.day.is_none() && shown.day == Some(1));
        self.month == shown.month && year && day
    }
}

fn year_of(part: &str) -> Option<u32> {
    let number = digits(part)?;
    match part.len() {
        4 if number > 0 => Some(number),
        // Spreadsheets read 00–29 as 2000–2029 and 30–99 as 1930–1999.
        2 => Some(if number < 30 { 2_000 + number } else { 1_900 + number }),
        _ => None,
    }
}

fn small(part: &str) -> Option<u32> {
    (part.len() <= 2).then(|| digits(part)).flatten()
}

/// Splits into runs of digits and runs of letters; every other character must be a date separator.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut start: Option<(usize, bool)> = None;
    for (at, character) in text.char_indices() {
        let class = if character.is_ascii_digit() {
            Some(true)
        } else if character.is_alphabetic() || ('\u{300}'..='\u{36f}').contains(&character) {
            Some(false)
        } else if matches!(character, '/' | '-' | '.' | ' ' | ',' | '\u{a0}' | '\u{202f}' | '\u{2010}' | '\u{2011}' | '年' | '月' | '日')
        {
            None
        } else {
            return None;
        };
        if start.map(|(_, digit)| digit) != class {
            if let Some((from, _)) = start {
                parts.push(&text[from..at]);
            }
            start = class.map(|digit| (at, digit));
        }
    }
    if let Some((from, _)) = start {
        parts.push(&text[from..]);
    }
    (parts.len() <= 4).then_some(parts)
}

/// Every way to read `text` as a date; with `order`, only in that order of day and month. Empty when it is not date-like.
#[must_use]
pub fn readings(text: &str, order: Option<DateOrder>) -> Vec<DateReading> {
    let mut found = Vec::new();
    let Some(parts) = (text.len() <= 64).then(|| parts(text)).flatten() else { return found };
    let mut add = |year: Option<u32>, month: Option<u32>, day: Option<u32>| {
        // A month alone is no date: it needs a year or a day beside it.
        if let Some(month) = month.filter(|_| year.is_some() || day.is_some()) {
            let reading = DateReading { year, month, day };
            if reading.exists() && !found.contains(&reading) {
                found.push(reading);
            }
        }
    };
    let mut full = |year: Option<u32>, month: Option<u32>, day: Option<u32>| {
        if year.is_some() && day.is_some() {
            add(year, month, day);
        }
    };
    let day_month = order != Some(DateOrder::MonthDay);
    let month_day = order != Some(DateOrder::DayMonth);
    match parts.as_slice() {
        [a, b, c] => match (words::month(a), words::month(b)) {
            (Some(month), None) => full(year_of(c), Some(month), small(b)),
            (None, Some(month)) => {
                full(year_of(c), Some(month), small(a));
                if a.len() == 4 {
                    full(year_of(a), Some(month), small(c));
                }
            }
            (None, None) if a.len() == 4 => full(year_of(a), small(b), small(c)),
            (None, None) => {
                if day_month {
                    full(year_of(c), small(b), small(a));
                }
                if month_day {
                    full(year_of(c), small(a), small(b));
                }
            }
            _ => {}
        },
        [a, b] => match (words::month(a), words::month(b)) {
            (Some(month), None) => {
                add(None, Some(month), small(b));
                add(year_of(b), Some(month), None);
            }
            (None, Some(month)) => {
                add(None, Some(month), small(a));
                add(year_of(a), Some(month), None);
            }
            _ => {
                if day_month {
                    add(None, small(b), small(a));
                }
                if month_day {
                    add(None, small(a), small(b));
                }
                if a.len() == 4 {
                    add(year_of(a), small(b), None);
                }
                if b.len() == 4 {
                    add(year_of(b), small(a), None);
                }
            }
        },
        _ => {}
    }
    found
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// The dates that a serial number stands for: in the 1900 system and in the 1904 system. Nothing beyond the year 9999.
#[must_use]
pub fn of_serial(serial: i64) -> Vec<DateReading> {
    if !(0..=2_958_465).contains(&serial) {
        return Vec::new();
    }
    // 25,569 is 1970-01-01 in the 1900 system, whose non-existent 29 February 1900 shifts everything before March by one.
    let in_1900 = if serial < 60 { serial + 1 } else { serial } - 25_569;
    [in_1900, serial - 24_107]
        .into_iter()
        .map(|days| {
            let (year, month, day) = civil_from_days(days);
            DateReading { year: u32::try_from(year).ok(), month: month as u32, day: Some(day as u32) }
        })
        .collect()
}

/// The serial numbers that spreadsheets give a full date: of the 1900 system and of the 1904 system.
#[must_use]
pub fn serials(reading: DateReading) -> Option<[i64; 2]> {
    let (year, day) = (reading.year?, reading.day?);
    let days = days_from_civil(i64::from(year), i64::from(reading.month), i64::from(day));
    let in_1900 = days + 25_569;
    let in_1900 = if in_1900 < 61 { in_1900 - 1 } else { in_1900 };
    Some([in_1900, days + 24_107])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(year: u32, month: u32, day: u32) -> DateReading {
        DateReading { year: (year > 0).then_some(year), month, day: (day > 0).then_some(day) }
    }

    #[test]
    fn stored_dates_exist_in_the_calendar() {
        for good in ["2026", "2026-02", "2024-02-29", "2000-02-29", "2026-12-31"] {
            assert!(is_stored(good), "{good}");
        }
        for bad in
            ["", "26", "2025-02-29", "1900-02-29", "2026-13", "2026-00", "2026-1-1", "2026-01-00", "2026-01-01-01", "0000", "２０２６"]
        {
            assert!(!is_stored(bad), "{bad}");
        }
    }

    #[test]
    fn a_text_has_exactly_the_readings_that_exist() {
        assert_eq!(readings("03/04/2026", None), [reading(2026, 4, 3), reading(2026, 3, 4)]);
        assert_eq!(readings("03/04/2026", Some(DateOrder::MonthDay)), [reading(2026, 3, 4)]);
        assert_eq!(readings("25.12.2026", None), [reading(2026, 12, 25)]);
        assert_eq!(readings("12-Dec", None), [reading(0, 12, 12), reading(2012, 12, 0)]);
        assert_eq!(readings("DEC12", None), [reading(0, 12, 12), reading(2012, 12, 0)]);
        assert_eq!(readings("12. März 2026", None), [reading(2026, 3, 12)]);
        assert_eq!(readings("31/02/2026", None), []);
        for text in ["Night Drive", "Song 5", "May Day", "5 Songs", "May", "Track 2026", "1999 Song"] {
            assert_eq!(readings(text, None), [], "{text}");
        }
    }

    #[test]
    fn serial_numbers_are_those_of_both_systems() {
        assert_eq!(serials(reading(2026, 5, 3)), Some([46_145, 44_683]));
        assert_eq!(serials(reading(1900, 1, 1)).map(|both| both[0]), Some(1));
        assert_eq!(serials(reading(1900, 3, 1)).map(|both| both[0]), Some(61));
        assert_eq!(serials(reading(1904, 1, 1)).map(|both| both[1]), Some(0));
        for serial in (0..2_958_465).step_by(37) {
            let both = of_serial(serial);
            let in_1900 = serials(both[0]).map(|numbers| numbers[0]);
            assert!(in_1900 == Some(serial) || serial == 60, "{serial}");
            assert_eq!(serials(both[1]).map(|numbers| numbers[1]), Some(serial));
        }
    }
}
