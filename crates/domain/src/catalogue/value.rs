//! Typed values of cells: reading what somebody wrote, writing what a CSV file shows, and checking what a program sent.

mod numbers;
mod text;

use serde::{Deserialize, Serialize};

use crate::catalogue::cells::CellValue;
use crate::catalogue::date::{self, DateOrder};
use crate::catalogue::number::{self, NumberStyle};
use crate::catalogue::row::RowId;
use crate::catalogue::schema::{Field, FieldType, Format, OnInvalid};
use crate::catalogue::words;
use crate::catalogue::{identifiers, musical_key};

/// Why a cell is not acceptable, or what is worth a look about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// An invisible control character.
    ControlCharacter,
    /// Invisible or direction-changing characters inside (a warning).
    HiddenCharacter,
    /// More characters than the column takes.
    TooLong,
    /// More items than the column takes.
    TooManyItems,
    /// It does not match the column's pattern.
    Pattern,
    /// No number.
    NotANumber,
    /// More decimals than the column keeps.
    TooManyDecimals,
    /// Below the least or above the greatest value.
    OutOfRange,
    /// Neither yes nor no.
    NotYesNo,
    /// No date of the calendar.
    NotADate,
    /// No length of time.
    NotADuration,
    /// None of the column's words.
    NotAChoice,
    /// No web address.
    NotAUrl,
    /// No row of the other table.
    NotARow,
    /// Not of the identifier's form.
    Identifier,
    /// The identifier's check digit is wrong.
    CheckDigit,
    /// An error value or a row of hashes that a spreadsheet wrote in place of the value.
    SpreadsheetError,
    /// It can be read in more than one way.
    Ambiguous,
    /// A value of another type than the column's.
    WrongType,
    /// Half a per cent, where a half may have been meant (a warning).
    SmallPercent,
    /// An identifier prefix that is not on the list (a warning).
    UnknownPrefix,
}

impl ProblemCode {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlCharacter => "control_character",
            Self::HiddenCharacter => "hidden_character",
            Self::TooLong => "too_long",
            Self::TooManyItems => "too_many_items",
            Self::Pattern => "pattern",
            Self::NotANumber => "not_a_number",
            Self::TooManyDecimals => "too_many_decimals",
            Self::OutOfRange => "out_of_range",
            Self::NotYesNo => "not_yes_no",
            Self::NotADate => "not_a_date",
            Self::NotADuration => "not_a_duration",
            Self::NotAChoice => "not_a_choice",
            Self::NotAUrl => "not_a_url",
            Self::NotARow => "not_a_row",
            Self::Identifier => "identifier",
            Self::CheckDigit => "check_digit",
            Self::SpreadsheetError => "spreadsheet_error",
            Self::Ambiguous => "ambiguous",
            Self::WrongType => "wrong_type",
            Self::SmallPercent => "small_percent",
            Self::UnknownPrefix => "unknown_prefix",
        }
    }
}

/// What is wrong with one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{column}: found {found}, expected {expected}")]
pub struct CellProblem {
    /// What kind of problem.
    pub code: ProblemCode,
    /// The column's label.
    pub column: String,
    /// What the column takes, in words.
    pub expected: String,
    /// What stands there, quoted and cut.
    pub found: String,
    /// Values that would fit; offered, never taken unasked.
    pub suggestions: Vec<CellValue>,
}

/// A cell that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parsed {
    /// The value; `None` for an empty cell.
    pub value: Option<CellValue>,
    /// What is worth a look.
    pub warnings: Vec<CellProblem>,
}

/// How a spreadsheet writes shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PercentStyle {
    /// `50` or `50%`.
    Points,
    /// `0.5` for fifty per cent.
    Fraction,
}

/// What is known about the habits of the spreadsheet that wrote a column; learned from cells whose value is known, or answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Style {
    /// Order of day and month.
    pub date_order: Option<DateOrder>,
    /// Decimal and thousands signs.
    pub number: Option<NumberStyle>,
    /// How shares are written.
    pub percent: Option<PercentStyle>,
}

impl Style {
    /// This style, with gaps filled from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            date_order: self.date_order.or(other.date_order),
            number: self.number.or(other.number),
            percent: self.percent.or(other.percent),
        }
    }
}

/// What reading a cell may rest on.
#[derive(Clone, Copy)]
pub struct ParseContext<'a> {
    /// The value the cell had when it was exported.
    pub base: Option<&'a CellValue>,
    /// The habits of the spreadsheet.
    pub style: Style,
    /// Finds the row that a reference names, by id or ISRC.
    pub references: &'a dyn Fn(&str) -> Option<RowId>,
}

impl ParseContext<'_> {
    /// Nothing is known.
    pub const PLAIN: ParseContext<'static> = ParseContext {
        base: None,
        style: Style { date_order: None, number: None, percent: None },
        references: &|text| RowId::parse(text).ok(),
    };
}

/// `text` in quotes, cut to 80 characters, with invisible characters written out.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut shown = String::from("“");
    for (count, character) in text.chars().enumerate() {
        if count == 80 {
            shown.push('…');
            break;
        }
        if character.is_control() || crate::catalogue::guard::is_format_character(character) {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown.push('”');
    shown
}

impl Field {
    /// A problem with `found` in this column.
    pub(crate) fn problem(&self, code: ProblemCode, found: &str, expected: impl Into<String>) -> CellProblem {
        CellProblem { code, column: self.label.clone(), expected: expected.into(), found: quoted(found), suggestions: Vec::new() }
    }

    /// Reads what somebody wrote, without the formula guard.
    /// # Errors
    /// Why it is not acceptable, with what would be.
    pub fn parse(&self, text: &str, context: &ParseContext<'_>) -> Result<Parsed, CellProblem> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Parsed::default());
        }
        if let Some(problem) = self.spreadsheet_error(trimmed) {
            return Err(problem);
        }
        let value = match self.field_type {
            FieldType::Text => CellValue::text(trimmed),
            FieldType::Longtext => CellValue::text(&text::line_feeds(trimmed)),
            FieldType::Url => CellValue::text(trimmed),
            FieldType::Integer | FieldType::Decimal => return self.parse_number(trimmed, context),
            FieldType::Boolean => {
                CellValue::Boolean(words::truth(trimmed).ok_or_else(|| self.problem(ProblemCode::NotYesNo, trimmed, "yes or no"))?)
            }
            FieldType::Date => CellValue::text(&self.parse_date(trimmed, context)?),
            FieldType::Duration => CellValue::Integer(self.parse_duration(trimmed)?),
            FieldType::Choice => CellValue::text(self.parse_choice(trimmed)?),
            FieldType::List => match text::split_list(trimmed, self.separator) {
                items if items.is_empty() => return Ok(Parsed::default()),
                items => CellValue::List(items.into_iter().map(Box::from).collect()),
            },
            FieldType::Reference => {
                let row = (context.references)(trimmed).filter(|row| Some(row.table()) == self.to);
                CellValue::text(row.ok_or_else(|| self.not_a_row(trimmed))?.as_str())
            }
        };
        let mut parsed = self.accept(value)?;
        if self.format == Some(Format::MusicalKey) {
            keep_enharmonic(&mut parsed, context.base);
        }
        Ok(parsed)
    }

    fn not_a_row(&self, text: &str) -> CellProblem {
        let what = self.to.map_or("row", |table| if table.as_str() == "tracks" { "track" } else { "split" });
        self.problem(ProblemCode::NotARow, text, format!("the id or ISRC of a {what} of this project"))
    }

    /// Error values are never text somebody meant, whatever the column takes.
    fn spreadsheet_error(&self, text: &str) -> Option<CellProblem> {
        let hashes = text.len() >= 2 && text.bytes().all(|byte| byte == b'#');
        let error = hashes || words::spreadsheet_error(text);
        error.then(|| {
            let expected = if hashes {
                "the value itself; the spreadsheet's column was too narrow to show it"
            } else {
                "a value; the spreadsheet wrote an error in its place"
            };
            self.problem(ProblemCode::SpreadsheetError, text, expected)
        })
    }

    /// Checks a value a program sent or a reader built, and brings text of a format into its stored form.
    /// # Errors
    /// Why it is not acceptable.
    pub fn accept(&self, value: CellValue) -> Result<Parsed, CellProblem> {
        let mut warnings = Vec::new();
        let value = match (self.field_type, value) {
            (FieldType::Text | FieldType::Longtext, CellValue::Text(text)) => CellValue::Text(self.accept_text(&text, &mut warnings)?),
            (FieldType::List, CellValue::List(items)) => self.accept_list(&items, &mut warnings)?,
            (FieldType::Url, CellValue::Text(text)) => {
                let text = self.accept_text(&text, &mut warnings)?;
                if !text::is_web_address(&text) {
                    return Err(self.problem(ProblemCode::NotAUrl, &text, "a web address that begins with https:// or http://"));
                }
                CellValue::Text(text)
            }
            (FieldType::Integer, CellValue::Integer(integer)) => {
                self.in_range(&CellValue::Integer(integer), &integer.to_string(), &mut warnings)?;
                CellValue::Integer(integer)
            }
            (FieldType::Decimal, CellValue::Text(text)) => {
                let units =
                    number::units(&text, self.scale).ok_or_else(|| self.problem(ProblemCode::NotANumber, &text, self.number_form()))?;
                let value = CellValue::text(&number::from_units(units, self.scale));
                self.in_range(&value, &text, &mut warnings)?;
                value
            }
            (FieldType::Boolean, CellValue::Boolean(boolean)) => CellValue::Boolean(boolean),
            (FieldType::Date, CellValue::Text(text)) => {
                if !date::is_stored(&text) {
                    return Err(self.problem(ProblemCode::NotADate, &text, DATE_FORM));
                }
                let value = CellValue::Text(text);
                self.in_range(&value, value.as_text().unwrap_or_default(), &mut warnings)?;
                value
            }
            (FieldType::Duration, CellValue::Integer(ms)) => {
                if ms < 0 {
                    return Err(self.problem(ProblemCode::NotADuration, &ms.to_string(), DURATION_FORM));
                }
                self.in_range(&CellValue::Integer(ms), &numbers::duration_text(ms), &mut warnings)?;
                CellValue::Integer(ms)
            }
            (FieldType::Choice, CellValue::Text(text)) => CellValue::text(self.parse_choice(&text)?),
            (FieldType::Reference, CellValue::Text(text)) => {
                let row = RowId::parse(&text).ok().filter(|row| Some(row.table()) == self.to);
                CellValue::text(row.ok_or_else(|| self.not_a_row(&text))?.as_str())
            }
            (_, other) => {
                return Err(self.problem(
                    ProblemCode::WrongType,
                    &other.to_json().to_string(),
                    format!("a value of the type {}", self.field_type.as_str()),
                ));
            }
        };
        Ok(Parsed { value: Some(value), warnings })
    }

    /// Checks that a value is already in its stored form.
    /// # Errors
    /// Why it is not acceptable.
    pub fn check(&self, value: &CellValue) -> Result<Vec<CellProblem>, CellProblem> {
        let parsed = self.accept(value.clone())?;
        match parsed.value {
            Some(stored) if stored == *value => Ok(parsed.warnings),
            Some(stored) => {
                let expected = format!("the stored form {}", quoted(&self.display(&stored)));
                let mut problem = self.problem(ProblemCode::WrongType, &self.display(value), expected);
                problem.suggestions.push(stored);
                Err(problem)
            }
            None => Err(self.problem(ProblemCode::WrongType, "", "a value; an empty cell is left out")),
        }
    }

    /// The value as CSV shows it, before the formula guard.
    #[must_use]
    pub fn display(&self, value: &CellValue) -> String {
        match (self.field_type, value) {
            (_, CellValue::Text(text)) => text.to_string(),
            (FieldType::Duration, CellValue::Integer(ms)) => numbers::duration_text(*ms),
            (_, CellValue::Integer(integer)) => integer.to_string(),
            (_, CellValue::Boolean(true)) => "yes".to_owned(),
            (_, CellValue::Boolean(false)) => "no".to_owned(),
            (_, CellValue::List(items)) => text::join_list(items, self.separator),
        }
    }

    fn in_range(&self, value: &CellValue, found: &str, warnings: &mut Vec<CellProblem>) -> Result<(), CellProblem> {
        let order = |a: &CellValue, b: &CellValue| match (a, b) {
            (CellValue::Text(a), CellValue::Text(b)) if self.field_type == FieldType::Decimal => {
                number::units(a, self.scale).cmp(&number::units(b, self.scale))
            }
            _ => a.cmp(b),
        };
        let below = self.min.as_ref().is_some_and(|min| order(value, min).is_lt());
        let above = self.max.as_ref().is_some_and(|max| order(value, max).is_gt());
        if !below && !above {
            return Ok(());
        }
        let expected = match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("a value from {} to {}", self.display(min), self.display(max)),
            (Some(min), None) => format!("{} or more", self.display(min)),
            (_, Some(max)) => format!("{} or less", self.display(max)),
            (None, None) => String::new(),
        };
        self.refuse_or_warn(self.problem(ProblemCode::OutOfRange, found, expected), warnings)
    }

    fn refuse_or_warn(&self, problem: CellProblem, warnings: &mut Vec<CellProblem>) -> Result<(), CellProblem> {
        match self.on_invalid {
            OnInvalid::Error => Err(problem),
            OnInvalid::Warn => {
                warnings.push(problem);
                Ok(())
            }
        }
    }

    fn accept_list(&self, items: &[Box<str>], warnings: &mut Vec<CellProblem>) -> Result<CellValue, CellProblem> {
        if items.len() > self.max_items {
            let found = format!("{} items", items.len());
            return Err(self.problem(ProblemCode::TooManyItems, &found, format!("at most {} items", self.max_items)));
        }
        let items: Result<Box<[Box<str>]>, CellProblem> = items.iter().map(|item| self.accept_text(item, warnings)).collect();
        Ok(CellValue::List(items?))
    }

    fn parse_choice<'a>(&'a self, text: &'a str) -> Result<&'a str, CellProblem> {
        let folded = words::fold(text);
        if let Some(choice) = self.choices.iter().find(|choice| words::fold(choice) == folded) {
            return Ok(choice);
        }
        // A spreadsheet user types "not explicit" for `not_explicit`; that is the same word.
        let loose = |text: &str| text.replace([' ', '-'], "_");
        if let Some(choice) = self.choices.iter().find(|choice| loose(&words::fold(choice)) == loose(&folded)) {
            return Ok(choice);
        }
        if self.on_invalid == OnInvalid::Warn {
            return Ok(text);
        }
        Err(self.problem(ProblemCode::NotAChoice, text, format!("one of: {}", self.choices.join(", "))))
    }

    fn parse_date(&self, text: &str, context: &ParseContext<'_>) -> Result<String, CellProblem> {
        if date::is_stored(text) {
            return Ok(text.to_owned());
        }
        // A year of two digits is a guess of the century, which nobody asked for.
        let whole_year = text.split(|character: char| !character.is_ascii_digit()).any(|run| run.len() == 4);
        let mut days: Vec<String> =
            date::readings(text, context.style.date_order).into_iter().filter_map(|reading| reading.stored()).collect();
        days.dedup();
        match days.as_slice() {
            [day] if whole_year => Ok(day.clone()),
            [_, ..] if whole_year => {
                let mut problem = self.problem(ProblemCode::Ambiguous, text, format!("one date; this can be {}", days.join(" or ")));
                problem.suggestions = days.iter().map(|day| CellValue::text(day)).collect();
                Err(problem)
            }
            _ => Err(self.problem(ProblemCode::NotADate, text, DATE_FORM)),
        }
    }

    fn parse_duration(&self, text: &str) -> Result<i64, CellProblem> {
        if let Some(ms) = numbers::duration(text) {
            return Ok(ms);
        }
        let mut problem = self.problem(ProblemCode::NotADuration, text, DURATION_FORM);
        if let Some(seconds) = number::units(text, 3).and_then(|ms| i64::try_from(ms).ok()).filter(|&ms| ms >= 0) {
            problem.code = ProblemCode::Ambiguous;
            problem.suggestions.push(CellValue::Integer(seconds));
        }
        Err(problem)
    }
}

const DATE_FORM: &str = "a date of the calendar as YYYY-MM-DD, YYYY-MM or YYYY";
const DURATION_FORM: &str = "a length of time with its units, such as 3m45.120s, or as 3:45";

/// A wheel number or another spelling of the key the cell already has is not an edit.
fn keep_enharmonic(parsed: &mut Parsed, base: Option<&CellValue>) {
    if let (Some(CellValue::Text(new)), Some(CellValue::Text(old))) = (&parsed.value, base)
        && musical_key::enharmonic(new, old)
    {
        parsed.value = base.cloned();
    }
}

impl Field {
    fn accept_format(&self, format: Format, text: &str, warnings: &mut Vec<CellProblem>) -> Result<Box<str>, CellProblem> {
        match identifiers::canonical(format, text) {
            Ok(identified) => {
                if let Some(warning) = identified.warning {
                    warnings.push(self.problem(ProblemCode::UnknownPrefix, text, warning));
                }
                Ok(identified.value.into())
            }
            Err(wrong) => {
                let code = if wrong.check_digit { ProblemCode::CheckDigit } else { ProblemCode::Identifier };
                let mut problem = self.problem(code, text, wrong.expected);
                problem.suggestions.extend(wrong.suggestion.as_deref().map(CellValue::text));
                self.refuse_or_warn(problem, warnings).map(|()| text.into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
