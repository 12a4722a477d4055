//! What an approver must have looked at before approving: grouped out of an effect, so that one share among 20,000 titles is not missed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalogue::guard::is_format_character;
use crate::catalogue::row::RowId;
use crate::catalogue::schema::{Format, Rule, Schema, Table};
use crate::change_set::effect::EffectItem;

/// A kind of change that is looked at on its own, most serious first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Other columns.
    Schema,
    /// Rows go.
    Deletions,
    /// Another version takes the place of the approved one, or none does.
    ReplacedApproval,
    /// Versions are retired for good.
    Retired,
    /// Shares, or other numbers that must add up.
    Shares,
    /// Codes that others rely on.
    Identifiers,
    /// Cells that had a value become empty.
    Cleared,
    /// Text with invisible or direction-changing characters.
    HiddenCharacters,
}

/// The items of an effect that carry one risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskGroup {
    /// Which.
    pub risk: Risk,
    /// Places of the items in the effect, from 0.
    pub items: Vec<usize>,
}

/// The risks of an effect, most serious first; an item may carry several.
#[must_use]
pub fn of(effect: &[EffectItem], schema: &Schema) -> Vec<RiskGroup> {
    let mut groups: std::collections::BTreeMap<Risk, Vec<usize>> = std::collections::BTreeMap::new();
    for (index, item) in effect.iter().enumerate() {
        for risk in risks(item, schema) {
            groups.entry(risk).or_default().push(index);
        }
    }
    groups.into_iter().map(|(risk, items)| RiskGroup { risk, items }).collect()
}

fn risks(item: &EffectItem, schema: &Schema) -> Vec<Risk> {
    let table = RowId::parse(&item.row).map_or(Table::Tracks, |row| row.table());
    let mut risks = Vec::new();
    match item.field.as_str() {
        "_schema" => risks.push(Risk::Schema),
        "_row" => {
            if item.to.is_null() {
                risks.push(Risk::Deletions);
            }
            for value in [&item.from, &item.to] {
                let names = value.as_object().into_iter().flat_map(|cells| cells.keys());
                risks.extend(names.filter_map(|name| column(schema, table, name)));
            }
        }
        "_approved" if !item.from.is_null() => risks.push(Risk::ReplacedApproval),
        "_approved" => {}
        "_retired" => risks.push(Risk::Retired),
        name => {
            if item.to.is_null() {
                risks.push(Risk::Cleared);
            }
            risks.extend(column(schema, table, name));
        }
    }
    if has_hidden(&item.to) {
        risks.push(Risk::HiddenCharacters);
    }
    risks.sort_unstable();
    risks.dedup();
    risks
}

/// The risk of changing a column, if it is one others rely on.
fn column(schema: &Schema, table: Table, name: &str) -> Option<Risk> {
    let field = schema.field_now(table, name)?;
    let summed = schema.rules().iter().any(|rule| matches!(rule, Rule::Sum { table: of, field, .. } if *of == table && field == name));
    match field.format {
        Some(Format::Percent) => Some(Risk::Shares),
        _ if summed => Some(Risk::Shares),
        Some(Format::Isrc | Format::Iswc | Format::Gtin | Format::IpiName | Format::IpiBase | Format::Isni | Format::Mbid) => {
            Some(Risk::Identifiers)
        }
        _ => None,
    }
}

fn has_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.chars().any(|character| is_format_character(character) && !matches!(character, '\u{200c}' | '\u{200d}'))
        }
        Value::Array(items) => items.iter().any(has_hidden),
        Value::Object(cells) => cells.values().any(has_hidden),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::samples::{split, track};
    use crate::catalogue::schema::default_schema;

    fn item(row: &RowId, field: &str, from: Value, to: Value) -> EffectItem {
        EffectItem { field: field.into(), from, row: row.to_string(), to }
    }

    #[test]
    fn one_share_among_twenty_thousand_titles_stands_out() {
        let mut effect: Vec<EffectItem> =
            (0..20_000).map(|number| item(&track(1), "title", json!("a"), json!(format!("b{number}")))).collect();
        effect.insert(12_345, item(&split(1), "share", json!("50.00"), json!("5.00")));
        assert_eq!(of(&effect, &default_schema()), [RiskGroup { risk: Risk::Shares, items: vec![12_345] }]);
    }

    #[test]
    fn every_risk_is_recognised() {
        for (item, expected) in [
            (item(&track(1), "_row", json!({"title": "x", "isrc": "USS1Z9900001"}), json!(null)), vec![Risk::Deletions, Risk::Identifiers]),
            (item(&track(1), "_row", json!(null), json!({"title": "x"})), vec![]),
            (item(&split(1), "_row", json!(null), json!({"share": "1.00"})), vec![Risk::Shares]),
            (item(&track(1), "isrc", json!("USS1Z9900001"), json!(null)), vec![Risk::Identifiers, Risk::Cleared]),
            (item(&track(1), "_approved", json!(null), json!({"number": 1})), vec![]),
            (item(&track(1), "_approved", json!({"number": 1}), json!({"number": 2})), vec![Risk::ReplacedApproval]),
            (item(&track(1), "_retired", json!([]), json!(["ver_x"])), vec![Risk::Retired]),
            (item(&track(1), "title", json!("a"), json!("a\u{202e}b")), vec![Risk::HiddenCharacters]),
            (item(&track(1), "genres", json!(["a"]), json!(["a\u{200b}"])), vec![Risk::HiddenCharacters]),
            (item(&track(1), "title", json!("a\u{202e}b"), json!("👩\u{200d}🎤")), vec![]),
        ] {
            assert_eq!(risks(&item, &default_schema()), expected, "{item:?}");
        }
        let schema = EffectItem { field: "_schema".into(), from: json!("a"), row: String::new(), to: json!("b") };
        assert_eq!(risks(&schema, &default_schema()), [Risk::Schema]);
    }
}
