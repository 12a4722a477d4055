//! Learning the habits of the spreadsheet that wrote a file, from cells whose value is known.
//!
//! A cell that is not written as it was exported, but means its old value under exactly one reading, is evidence for that reading. With
//! evidence and without contradiction the reading is used for the cells that were edited; otherwise a person is asked.

use std::collections::BTreeMap;

use crate::catalogue::cells::CellValue;
use crate::catalogue::date::DateOrder;
use crate::catalogue::number::{self, NumberStyle};
use crate::catalogue::schema::{Field, FieldType, Format};
use crate::catalogue::value::{ParseContext, PercentStyle, Style};

/// What was seen of one habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen<T> {
    Nothing,
    Only(T),
    Contradiction,
}

impl<T: PartialEq + Copy> Seen<T> {
    fn add(&mut self, habit: T) {
        *self = match *self {
            Self::Nothing => Self::Only(habit),
            Self::Only(other) if other == habit => Self::Only(habit),
            _ => Self::Contradiction,
        };
    }

    fn merge(&mut self, other: Self) {
        match other {
            Self::Nothing => {}
            Self::Only(habit) => self.add(habit),
            Self::Contradiction => *self = Self::Contradiction,
        }
    }

    fn habit(self) -> Option<T> {
        match self {
            Self::Only(habit) => Some(habit),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Evidence {
    date_order: Seen<DateOrder>,
    number: Seen<NumberStyle>,
    percent: Seen<PercentStyle>,
}

const NOTHING: Evidence = Evidence { date_order: Seen::Nothing, number: Seen::Nothing, percent: Seen::Nothing };

impl Evidence {
    fn style(self) -> Style {
        Style { date_order: self.date_order.habit(), number: self.number.habit(), percent: self.percent.habit() }
    }
}

/// Evidence per column.
#[derive(Debug, Default)]
pub struct Calibration {
    columns: BTreeMap<String, Evidence>,
}

/// Decimal point or decimal comma; the thousands signs follow from it.
const NUMBERS: [NumberStyle; 2] = [NumberStyle::CommaThousands, NumberStyle::CommaDecimal];
const PERCENTS: [PercentStyle; 2] = [PercentStyle::Points, PercentStyle::Fraction];

impl Calibration {
    /// Looks at a cell whose value at export is known.
    pub fn observe(&mut self, field: &Field, base: &CellValue, cell: &str) {
        let cell = cell.trim();
        self.observe_share(field, cell);
        if cell.is_empty()
            || !matches!(field.field_type, FieldType::Date | FieldType::Integer | FieldType::Decimal)
            || field.display(base) == cell
        {
            return;
        }
        let means = |style: Style| {
            let context = ParseContext { style, ..ParseContext::PLAIN };
            field.parse(cell, &context).ok().and_then(|parsed| parsed.value).is_some_and(|value| value.same(base))
        };
        let evidence = self.columns.entry(field.name.to_string()).or_insert(NOTHING);
        if field.field_type == FieldType::Date {
            let fitting: Vec<DateOrder> =
                DateOrder::ALL.into_iter().filter(|order| means(Style { date_order: Some(*order), ..Style::default() })).collect();
            if let [only] = fitting.as_slice() {
                evidence.date_order.add(*only);
            }
            return;
        }
        let percents: &[Option<PercentStyle>] =
            if field.format == Some(Format::Percent) { &[Some(PERCENTS[0]), Some(PERCENTS[1])] } else { &[None] };
        let mut fitting: Vec<(NumberStyle, Option<PercentStyle>)> = Vec::new();
        for number in NUMBERS {
            for percent in percents {
                // A style only counts where it reads the cell itself, not where reading falls back to the plain form.
                let own = number.plain(cell.trim_end_matches('%').trim_end()).is_some();
                if own && means(Style { number: Some(number), percent: *percent, date_order: None }) {
                    fitting.push((number, *percent));
                }
            }
        }
        if let Some((number, percent)) = fitting.first().copied() {
            if fitting.iter().all(|(other, _)| *other == number) {
                evidence.number.add(number);
            }
            if let Some(percent) = percent.filter(|_| fitting.iter().all(|(_, other)| *other == percent)) {
                evidence.percent.add(percent);
            }
        }
    }

    /// Where one share is written above 1, shares are not written as fractions, whatever the others look like.
    fn observe_share(&mut self, field: &Field, cell: &str) {
        if field.format != Some(Format::Percent) || cell.ends_with('%') {
            return;
        }
        let above_one = |style: NumberStyle| {
            style
                .plain(cell)
                .and_then(|plain| number::units(&plain, field.scale))
                .is_some_and(|units| units > 10_i128.pow(field.scale.into()))
        };
        if NUMBERS.into_iter().any(above_one) {
            self.columns.entry(field.name.to_string()).or_insert(NOTHING).percent.add(PercentStyle::Points);
        }
    }

    /// What was learned of a column; gaps are filled from the file as a whole, unless the column contradicts itself.
    #[must_use]
    pub fn style(&self, column: &str) -> Style {
        let own = self.columns.get(column).copied().unwrap_or(NOTHING);
        let file = self.file_evidence();
        let fill = Style {
            date_order: if own.date_order == Seen::Contradiction { None } else { file.date_order },
            number: if own.number == Seen::Contradiction { None } else { file.number },
            percent: if own.percent == Seen::Contradiction { None } else { file.percent },
        };
        own.style().or(fill)
    }

    /// What was learned of the file as a whole.
    #[must_use]
    pub fn file_evidence(&self) -> Style {
        let mut file = NOTHING;
        for evidence in self.columns.values() {
            file.date_order.merge(evidence.date_order);
            file.number.merge(evidence.number);
            file.percent.merge(evidence.percent);
        }
        file.style()
    }

    /// Columns with their own evidence, and what was learned of each.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Style)> {
        self.columns.iter().map(|(name, evidence)| (name.as_str(), evidence.style())).filter(|(_, style)| *style != Style::default())
    }
}
