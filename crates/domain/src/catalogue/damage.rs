//! Damage-aware equality: whether a cell is what a spreadsheet makes of a value all by itself.
//!
//! Such a cell is no edit: the value stays, and a notice says so. What a spreadsheet does is well known — it drops zeros, turns text
//! into dates, writes truth values in its own language, saves in an older encoding — so each kind is recognised by its own rule.

mod numeric;
mod text;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::catalogue::cells::{CellValue, nfc};
use crate::catalogue::date::{self, DateReading};
use crate::catalogue::guard;
use crate::catalogue::schema::{Field, FieldType, Format};
use crate::catalogue::value::{ParseContext, PercentStyle, Style};
use crate::catalogue::words;

pub use text::{as_mac_roman, as_windows_1252, decode_mac_roman, decode_windows_1252};

/// What a spreadsheet did to a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// It took text for a number: zeros lost, digits rounded, exponents.
    Number,
    /// It took text for a date.
    Date,
    /// It took text for a time of day.
    Clock,
    /// It took a word for a truth value.
    Boolean,
    /// It replaced letters it does not have.
    Replaced,
    /// It read the file in another encoding.
    Mojibake,
    /// It changed the form: spaces, line ends, Unicode form, guard, spelling of the same value.
    Form,
    /// It cut the text at its limit.
    Cut,
}

impl Damage {
    /// In words, as what happened to a cell.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Number => "the spreadsheet took it for a number",
            Self::Date => "the spreadsheet took it for a date",
            Self::Clock => "the spreadsheet took it for a time of day",
            Self::Boolean => "the spreadsheet took it for a truth value",
            Self::Replaced => "letters were replaced that the other program does not have",
            Self::Mojibake => "the file was read in another encoding on its way",
            Self::Form => "only the way it is written changed",
            Self::Cut => "the spreadsheet cut it at its limit of characters",
        }
    }
}

/// The longest text a spreadsheet cell holds, in UTF-16 units.
pub const CELL_LIMIT: usize = 32_767;

/// What a spreadsheet did to the value `base` of this column so that `cell` stands there; nothing when that cannot be told from an edit.
/// `cell` is as it stands in the file, guard and all; `style` is what was learned of the column.
#[must_use]
pub fn recognise(field: &Field, base: &CellValue, cell: &str, style: Style) -> Option<Damage> {
    let shown = field.display(base);
    let cell = cell.trim();
    if cell.is_empty() || own_form(field, cell, base) {
        return None;
    }
    if field.is_quoted() {
        return of_text(&shown, cell);
    }
    let before = text::reread(cell);
    [cell].into_iter().chain(before.iter().map(String::as_str)).find_map(|cell| of_typed(field, base, &shown, cell.trim(), style))
}

/// Whether `cell` is exactly how this column would write another value: then it is an edit, whatever else it might be.
fn own_form(field: &Field, cell: &str, base: &CellValue) -> bool {
    if field.is_quoted() {
        return false;
    }
    let parsed = field.parse(cell, &ParseContext::PLAIN).ok().and_then(|parsed| parsed.value);
    parsed.is_some_and(|value| value != *base && field.display(&value) == cell)
}

fn of_text(shown: &str, cell: &str) -> Option<Damage> {
    let unguarded = guard::unescape(cell);
    let guarded = guard::escape(shown);
    if [cell, unguarded].into_iter().any(|cell| loose(cell) == loose(shown) || without_tabs(shown, cell)) {
        return Some(Damage::Form);
    }
    // What happened to the file after the spreadsheet wrote it is undone first.
    let before = text::reread(cell);
    if let Some(damage) = [cell, unguarded].into_iter().chain(before.iter().map(String::as_str)).find_map(|cell| of_shape(shown, cell)) {
        return Some(damage);
    }
    [shown, &*guarded].into_iter().find_map(|shown| [cell, unguarded].into_iter().find_map(|cell| text::worn(shown, cell)))
}

/// Text that the spreadsheet took for something else.
fn of_shape(shown: &str, cell: &str) -> Option<Damage> {
    if numeric::same_number(shown, cell) {
        Some(Damage::Number)
    } else if same_date(shown, cell) {
        Some(Damage::Date)
    } else if numeric::same_clock(shown, cell) {
        Some(Damage::Clock)
    } else if words::truth_literal(shown).is_some() && words::truth_literal(shown) == words::truth_literal(cell.trim()) {
        Some(Damage::Boolean)
    } else {
        None
    }
}

/// A space of any kind as the plain one.
fn plain_space(character: char) -> char {
    if matches!(character, '\u{a0}' | '\u{202f}' | '\u{2007}') { ' ' } else { character }
}

/// The text with LF at the end of every line.
fn lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

/// The text without what carries no meaning: Unicode form, kind of space, line ends, spaces at the edges.
fn loose(text: &str) -> Cow<'_, str> {
    let plain = text.is_ascii() && !text.contains('\r');
    if plain {
        return Cow::Borrowed(text.trim());
    }
    let spaces: String = lines(text).chars().map(plain_space).collect();
    Cow::Owned(nfc(spaces.trim()).into_owned())
}

/// Whether `cell` is `shown` whose tabs went or became spaces: a cell of a spreadsheet holds none.
fn without_tabs(shown: &str, cell: &str) -> bool {
    shown.contains('\t') && ["", " "].into_iter().any(|instead| loose(&shown.replace('\t', instead)) == loose(cell))
}

/// `1/2/3` and `May 3` with their last digit as a year of this century, which some spreadsheets take it for.
fn with_whole_year(shown: &str) -> Option<String> {
    let mut last = shown.char_indices().rev();
    let (at, digit) = last.next().filter(|(_, character)| character.is_ascii_digit())?;
    let (_, before) = last.next()?;
    (!before.is_ascii_digit()).then(|| format!("{}200{digit}", &shown[..at]))
}

fn same_date(shown: &str, cell: &str) -> bool {
    let mut bases = date::readings(shown, None);
    bases.extend(with_whole_year(shown).into_iter().flat_map(|whole| date::readings(&whole, None)));
    if bases.is_empty() {
        return false;
    }
    let mut cells: Vec<DateReading> = date::readings(cell.strip_suffix(" 00:00:00").unwrap_or(cell), None);
    if let Ok(serial) = cell.parse::<i64>() {
        cells.extend(date::of_serial(serial));
    }
    bases.iter().any(|base| cells.iter().any(|cell| base.shown_as(*cell)))
}

fn of_typed(field: &Field, base: &CellValue, shown: &str, cell: &str, learned: Style) -> Option<Damage> {
    if loose(cell) == shown {
        return Some(Damage::Form);
    }
    let same = |style: Style| {
        let context = ParseContext { style, ..ParseContext::PLAIN };
        field.parse(cell, &context).ok().and_then(|parsed| parsed.value).is_some_and(|value| value.same(base))
    };
    match field.field_type {
        FieldType::Date => {
            let full_years = shown.len() == 4 && shown == cell;
            (full_years || same_date(shown, cell)).then_some(Damage::Date)
        }
        FieldType::Integer | FieldType::Decimal => {
            // A single 0.5 for 50.00 may well be meant; only a whole column of fractions is the spreadsheet's doing.
            let fractions = learned.percent == Some(PercentStyle::Fraction);
            let percents: &[Option<PercentStyle>] = match field.format {
                Some(Format::Percent) if fractions => &[Some(PercentStyle::Points), Some(PercentStyle::Fraction)],
                Some(Format::Percent) => &[Some(PercentStyle::Points)],
                _ => &[None],
            };
            let styles = crate::catalogue::number::NumberStyle::ALL;
            let styled = styles
                .iter()
                .any(|number| percents.iter().any(|percent| same(Style { number: Some(*number), percent: *percent, date_order: None })));
            (styled || numeric::same_number(shown, cell)).then_some(Damage::Number)
        }
        FieldType::Boolean => same(Style::default()).then_some(Damage::Boolean),
        FieldType::Duration => (same(Style::default()) || clock_of_duration(base, cell)).then_some(Damage::Clock),
        _ => None,
    }
}

/// `0:03:45` or a fraction of a day for a duration of 3 min 45 s.
fn clock_of_duration(base: &CellValue, cell: &str) -> bool {
    base.as_integer().is_some_and(|ms| numeric::is_day_fraction(cell, ms))
}
