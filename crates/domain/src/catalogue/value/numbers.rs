//! Numbers, shares and lengths of time.

use crate::canonical::MAX_INTEGER;
use crate::catalogue::cells::CellValue;
use crate::catalogue::number::{self, NumberStyle};
use crate::catalogue::schema::{Field, FieldType, Format};
use crate::catalogue::value::{CellProblem, ParseContext, Parsed, PercentStyle, ProblemCode};

/// Milliseconds as `3m45.120s` or `1h02m03.004s`.
pub(super) fn duration_text(ms: i64) -> String {
    let (hours, minutes, seconds, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
    if hours > 0 { format!("{hours}h{minutes:02}m{seconds:02}.{rest:03}s") } else { format!("{minutes}m{seconds:02}.{rest:03}s") }
}

fn whole(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Seconds with up to three decimals, as milliseconds.
fn seconds(text: &str) -> Option<i64> {
    if text.starts_with('-') {
        return None;
    }
    number::units(&text.replacen(',', ".", 1), 3).and_then(|ms| i64::try_from(ms).ok())
}

/// A length of time in milliseconds: `1h02m03.004s`, `3:45.120`, `1:02:03`, `PT3M45S`.
pub(super) fn duration(text: &str) -> Option<i64> {
    let compact: String = text.chars().filter(|character| !character.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let total = |hours: i64, minutes: i64, ms: i64| {
        let total = hours.checked_mul(3_600_000)?.checked_add(minutes.checked_mul(60_000)?)?.checked_add(ms)?;
        (total <= MAX_INTEGER).then_some(total)
    };
    if compact.contains(':') {
        let parts: Vec<&str> = compact.split(':').collect();
        let (hours, minutes, rest) = match parts.as_slice() {
            [minutes, rest] => (0, whole(minutes)?, *rest),
            [hours, minutes, rest] if minutes.len() == 2 => (whole(hours)?, whole(minutes).filter(|&minutes| minutes < 60)?, *rest),
            _ => return None,
        };
        let two_digits = rest.split(['.', ',']).next().is_some_and(|whole| whole.len() == 2);
        return total(hours, minutes, seconds(rest).filter(|&ms| two_digits && ms < 60_000)?);
    }
    let mut rest = compact.strip_prefix("pt").unwrap_or(&compact);
    let mut amounts = [None, None, None];
    for (place, unit) in ['h', 'm', 's'].into_iter().enumerate() {
        if let Some((amount, after)) = rest.split_once(unit) {
            amounts[place] = Some(if unit == 's' { seconds(amount)? } else { whole(amount)? });
            rest = after;
        }
    }
    if !rest.is_empty() || amounts.iter().all(Option::is_none) {
        return None;
    }
    total(amounts[0].unwrap_or(0), amounts[1].unwrap_or(0), amounts[2].unwrap_or(0))
}

impl Field {
    pub(super) fn number_form(&self) -> String {
        match (self.field_type, self.format) {
            (_, Some(Format::Percent)) => "a share from 0.00 to 100.00".to_owned(),
            (FieldType::Integer, _) => "a whole number".to_owned(),
            _ => format!(
                "a number with at most {} decimals, such as {}",
                self.scale,
                number::from_units(120 * 10_i128.pow(self.scale.into()), self.scale)
            ),
        }
    }

    fn number_value(&self, plain: &str) -> Option<CellValue> {
        let units = number::units(plain, self.scale)?;
        match self.field_type {
            FieldType::Integer => i64::try_from(units).ok().filter(|value| value.abs() <= MAX_INTEGER).map(CellValue::Integer),
            _ => Some(CellValue::text(&number::from_units(units, self.scale))),
        }
    }

    pub(super) fn parse_number(&self, text: &str, context: &ParseContext<'_>) -> Result<Parsed, CellProblem> {
        let percent = self.format == Some(Format::Percent);
        let (body, sign) = match text.strip_suffix('%') {
            Some(body) if percent => (body.trim_end(), true),
            _ => (text, false),
        };
        let mut plain = self.plain_number(body, context.style.number).map_err(|readings| match readings {
            Readings::None => self.problem(ProblemCode::NotANumber, text, self.number_form()),
            Readings::Several(several) => {
                let fits = |plain: &&String| self.number_value(plain).is_some_and(|value| self.accept(value).is_ok());
                let fitting: Vec<&String> = several.iter().filter(fits).collect();
                if fitting.is_empty() {
                    return self.problem(ProblemCode::TooManyDecimals, text, self.number_form());
                }
                let mut problem = self.problem(ProblemCode::Ambiguous, text, format!("one number; this can be {}", several.join(" or ")));
                problem.suggestions = fitting.into_iter().filter_map(|plain| self.number_value(plain)).collect();
                problem
            }
        })?;
        if percent && !sign && context.style.percent == Some(PercentStyle::Fraction) {
            // A fraction counts in hundredths, so two more decimals are exact.
            plain = number::units(&plain, self.scale + 2).map_or(plain, |units| number::from_units(units, self.scale));
        }
        let value = self.number_value(&plain).ok_or_else(|| {
            let code = if number::is_plain(&plain) { ProblemCode::TooManyDecimals } else { ProblemCode::NotANumber };
            self.problem(code, text, self.number_form())
        })?;
        let mut parsed = self.accept(value)?;
        let below_one = number::units(&plain, 9).is_some_and(|units| units > 0 && units < 1_000_000_000);
        if percent && below_one && !sign && context.style.percent != Some(PercentStyle::Fraction) {
            let expected = format!("a share in per cent; {plain} is less than one per cent. Write 50 for a half");
            parsed.warnings.push(self.problem(ProblemCode::SmallPercent, text, expected));
        }
        Ok(parsed)
    }

    /// The plain form of a number in the known style, or in the only style that fits.
    fn plain_number(&self, text: &str, style: Option<NumberStyle>) -> Result<String, Readings> {
        if let Some(plain) = style.and_then(|style| style.plain(text)) {
            return Ok(plain);
        }
        let fits_plainly = number::units(text, self.scale).is_some();
        if fits_plainly || (style.is_some() && number::is_plain(text)) {
            return Ok(text.to_owned());
        }
        let mut readings: Vec<(i128, String)> = Vec::new();
        for plain in NumberStyle::ALL.iter().filter_map(|style| style.plain(text)) {
            // Compared with every decimal there is, so that a reading that does not fit the column still counts as one.
            if let Some(units) = number::units(&plain, 15)
                && readings.iter().all(|(other, _)| *other != units)
            {
                readings.push((units, plain));
            }
        }
        match readings.len() {
            0 => Err(Readings::None),
            1 => Ok(readings.swap_remove(0).1),
            _ => Err(Readings::Several(readings.into_iter().map(|(_, plain)| plain).collect())),
        }
    }
}

enum Readings {
    None,
    Several(Vec<String>),
}
