//! Values that must add up over a group of rows, such as the shares in one right of a track.

use std::collections::{BTreeMap, HashMap};

use crate::catalogue::cells::CellValue;
use crate::catalogue::number;
use crate::catalogue::row::{RowContent, RowId};
use crate::catalogue::schema::{Field, Rule, Schema, Table};
use crate::catalogue::steps;
use crate::catalogue::validate::row_name;
use crate::role::Role;

/// A rule that values add up, with its columns found.
pub(crate) struct SumRule<'s> {
    table: Table,
    group_by: Vec<&'s Field>,
    pub(crate) field: &'s Field,
    equals: &'s str,
    /// The same in units of the last decimal.
    target: i128,
}

/// Rows that agree in the columns of a rule, whose values do not add up.
pub(crate) struct Uneven<'a> {
    key: Vec<Option<CellValue>>,
    /// In units of the last decimal.
    sum: i128,
    /// In the order of the catalogue.
    pub(crate) rows: Vec<&'a RowContent>,
}

impl<'s> SumRule<'s> {
    /// The rule, if it is one of this kind.
    pub(crate) fn of(schema: &'s Schema, rule: &'s Rule) -> Option<Self> {
        let Rule::Sum { table, group_by, field, equals } = rule else { return None };
        let field = schema.field(*table, field)?;
        let group_by = group_by.iter().filter_map(|name| schema.field(*table, name)).collect();
        Some(Self { table: *table, group_by, field, equals, target: number::units(equals, field.scale)? })
    }

    /// The groups that do not add up, by the id of their first row.
    pub(crate) fn uneven<'a>(&self, rows: impl Iterator<Item = &'a RowContent>) -> Vec<Uneven<'a>> {
        let mut groups: HashMap<Vec<Option<CellValue>>, Uneven<'a>> = HashMap::new();
        for row in rows.filter(|row| row.id.table() == self.table) {
            steps::count(self.group_by.len());
            let key: Vec<_> = self.group_by.iter().map(|field| row.cells.get(&field.name).map(CellValue::key)).collect();
            let units = match row.cells.get(&self.field.name) {
                Some(CellValue::Integer(integer)) => i128::from(*integer),
                Some(value) => value.as_text().and_then(|text| number::units(text, self.field.scale)).unwrap_or(0),
                None => 0,
            };
            let group = groups.entry(key).or_insert_with_key(|key| Uneven { key: key.clone(), sum: 0, rows: Vec::new() });
            group.sum += units;
            group.rows.push(row);
        }
        let mut wrong: Vec<_> = groups.into_values().filter(|group| group.sum != self.target).collect();
        wrong.sort_by(|a, b| a.rows[0].id.cmp(&b.rows[0].id));
        wrong
    }

    /// What a group adds up to instead; `name` says what people call the row of an id.
    pub(crate) fn message(&self, group: &Uneven<'_>, name: impl Fn(&str) -> Option<String>) -> String {
        let shown = |field: &Field, value: &CellValue| {
            let row = field.to.and_then(|_| value.as_text()).and_then(&name);
            row.unwrap_or_else(|| field.display(value))
        };
        let named: Vec<String> = self
            .group_by
            .iter()
            .zip(&group.key)
            .map(|(field, value)| format!("{} {}", field.label, value.as_ref().map_or("(empty)".to_owned(), |value| shown(field, value))))
            .collect();
        let (more, less) = (group.sum - self.target, self.target - group.sum);
        let what = if more > 0 {
            format!("{} too much", number::from_units(more, self.field.scale))
        } else {
            format!("{} missing", number::from_units(less, self.field.scale))
        };
        format!(
            "{} of {} add up to {} instead of {}: {what}. Nobody could be paid by these numbers; change them so that they add up.",
            self.field.label,
            named.join(", "),
            number::from_units(group.sum, self.field.scale),
            self.equals
        )
    }

    /// The track whose rows a group is of, if the rule groups by track.
    fn track(&self, group: &Uneven<'_>) -> Option<RowId> {
        let place = self.group_by.iter().position(|field| field.to == Some(Table::Tracks))?;
        RowId::parse(group.key[place].as_ref()?.as_text()?).ok()
    }

    fn groups_by_track(&self) -> bool {
        self.group_by.iter().any(|field| field.to == Some(Table::Tracks))
    }
}

/// Tracks whose shares are not what a release needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shares {
    /// Tracks some of whose shares do not add up, with what they add up to.
    pub uneven: BTreeMap<RowId, String>,
    /// Tracks without any share, in the order of the catalogue. No rule forbids that; a release wants to know.
    pub without: Vec<RowId>,
}

/// The shares of every track as `role` reads them. `None` where no rule adds up a column of splits by track, or the role may not read one.
#[must_use]
pub fn shares<'a>(schema: &Schema, role: Role, rows: impl Iterator<Item = &'a RowContent> + Clone) -> Option<Shares> {
    let readable = |rule: &SumRule<'_>| rule.group_by.iter().chain([&rule.field]).all(|field| field.readable_by(role));
    let rules: Vec<SumRule<'_>> = schema
        .rules()
        .iter()
        .filter_map(|rule| SumRule::of(schema, rule))
        .filter(|rule| rule.table == Table::Splits && rule.groups_by_track() && readable(rule))
        .collect();
    if rules.is_empty() {
        return None;
    }
    let tracks: HashMap<&str, &RowContent> =
        rows.clone().filter(|row| row.id.table() == Table::Tracks).map(|row| (row.id.as_str(), row)).collect();
    let mut shares = Shares::default();
    for rule in &rules {
        for group in rule.uneven(rows.clone()) {
            let Some(track) = rule.track(&group).filter(|track| tracks.contains_key(track.as_str())) else { continue };
            let message = rule.message(&group, |id| tracks.get(id).map(|row| row_name(row)));
            let said = shares.uneven.entry(track).or_default();
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(&message);
        }
    }
    let with: std::collections::HashSet<&str> = rows
        .clone()
        .filter(|row| row.id.table() == Table::Splits)
        .flat_map(|row| rules.iter().flat_map(|rule| &rule.group_by).filter_map(|field| row.cells.text(&field.name)))
        .collect();
    shares.without =
        rows.filter(|row| row.id.table() == Table::Tracks && !with.contains(row.id.as_str())).map(|row| row.id.clone()).collect();
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::samples::{band, row, schema_of, split, track};
    use crate::catalogue::schema::default_schema;

    fn contents(share: &str) -> Vec<RowContent> {
        let changed = row(
            &split(2),
            serde_json::json!({"track": track(1).as_str(), "right": "composition", "party": "Ben", "role": "composer", "share": share}),
        );
        let kept = band().rows().iter().filter(|row| *row.id() != split(2)).map(|row| row.content().clone()).collect::<Vec<_>>();
        kept.into_iter().chain([changed.content().clone()]).collect()
    }

    #[test]
    fn tracks_whose_shares_do_not_add_up_are_told_from_those_without_any() {
        let even = shares(&default_schema(), Role::Member, contents("50.00").iter()).expect("a rule");
        assert_eq!((even.uneven.len(), even.without), (0, vec![track(2), track(3)]));
        let uneven = shares(&default_schema(), Role::Member, contents("49.50").iter()).expect("a rule").uneven;
        let said = "share of track “Night Drive”, right composition add up to 99.50 instead of 100.00: 0.50 missing. Nobody could be paid by these numbers; change them so that they add up.";
        assert_eq!(uneven, BTreeMap::from([(track(1), said.to_owned())]));
    }

    #[test]
    fn whoever_may_not_read_the_shares_and_tables_without_a_rule_are_told_nothing() {
        assert_eq!(shares(&default_schema(), Role::Listener, contents("1.00").iter()), None);
        let no_rule = schema_of(serde_json::json!([{"name": "title", "type": "text"}]));
        assert_eq!(shares(&no_rule, Role::Owner, contents("1.00").iter()), None);
    }
}
