//! Cell values as stored, and the cells of a row.
//!
//! A decimal is text with exactly its column's decimals, a duration is an integer of milliseconds, an empty cell is absent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::canonical::{self, MAX_INTEGER};

/// A value of one cell; never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellValue {
    /// Text, a choice, a date, a decimal, a URL or an id.
    Text(Box<str>),
    /// A whole number, or a duration in milliseconds.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// Several texts in order.
    List(Box<[Box<str>]>),
}

/// NFC form of `text`, borrowed when it already is.
pub(crate) fn nfc(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes { text.into() } else { text.nfc().collect::<String>().into() }
}

impl CellValue {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// A list value.
    #[must_use]
    pub fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(items.into_iter().map(Box::from).collect())
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// Whether both mean the same: text is compared in NFC, everything else exactly.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b || nfc(a) == nfc(b),
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || nfc(a) == nfc(b)),
            _ => self == other,
        }
    }

    /// The value in NFC, for comparing and counting.
    #[must_use]
    pub fn key(&self) -> Self {
        match self {
            Self::Text(text) => Self::text(&nfc(text)),
            Self::List(items) => Self::List(items.iter().map(|item| Box::from(&*nfc(item))).collect()),
            other => other.clone(),
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => serde_json::Value::String(text.to_string()),
            Self::Integer(integer) => (*integer).into(),
            Self::Boolean(boolean) => (*boolean).into(),
            Self::List(items) => items.iter().map(|item| serde_json::Value::String(item.to_string())).collect(),
        }
    }

    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => canonical::write_string(out, text),
            Self::Integer(integer) => canonical::write_integer(out, *integer),
            Self::Boolean(boolean) => out.extend_from_slice(if *boolean { b"true" } else { b"false" }),
            Self::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    canonical::write_string(out, item);
                }
                out.push(b']');
            }
        }
    }
}

/// Whether two cells, either of which may be empty, mean the same.
#[must_use]
pub fn same(a: Option<&CellValue>, b: Option<&CellValue>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    }
}

impl Serialize for CellValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Self::List(items) => serializer.collect_seq(items.iter()),
        }
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = CellValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell value: text that is not empty, an integer, true or false, or a list of texts")
    }

    fn visit_bool<E>(self, value: bool) -> Result<CellValue, E> {
        Ok(CellValue::Boolean(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<CellValue, E> {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
            Ok(CellValue::Integer(value))
        } else {
            Err(E::custom("an integer beyond ±9007199254740991"))
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<CellValue, E> {
        i64::try_from(value).map_err(E::custom).and_then(|value| self.visit_i64(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<CellValue, E> {
        if value.is_empty() { Err(E::custom("an empty text is not a value; leave the cell out")) } else { Ok(CellValue::text(value)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<CellValue, A::Error> {
        let mut items: Vec<Box<str>> = Vec::new();
        while let Some(item) = seq.next_element::<Box<str>>()? {
            if item.is_empty() {
                return Err(A::Error::custom("an empty text in a list"));
            }
            items.push(item);
        }
        if items.is_empty() {
            Err(A::Error::custom("an empty list is not a value; leave the cell out"))
        } else {
            Ok(CellValue::List(items.into()))
        }
    }
}

impl<'de> Deserialize<'de> for CellValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// The cells of a row by column name, in byte order of the names; an absent cell is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cells(Vec<(Arc<str>, CellValue)>);

impl Cells {
    /// No cells.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(name))
    }

    /// The value of a column, unless empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CellValue> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    /// The text of a column, unless it is empty or no text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(CellValue::as_text)
    }

    /// Sets or, with `None`, empties a column.
    pub fn set(&mut self, name: &str, value: Option<CellValue>) {
        match value {
            Some(value) => self.insert(Arc::from(name), value),
            None => self.remove(name),
        }
    }

    /// Sets a column under a name that may be shared between rows.
    pub fn insert(&mut self, name: Arc<str>, value: CellValue) {
        match self.place(&name) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (name, value)),
        }
    }

    /// Empties a column.
    pub fn remove(&mut self, name: &str) {
        if let Ok(place) = self.place(name) {
            self.0.remove(place);
        }
    }

    /// Names and values in byte order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &CellValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Number of cells that are not empty.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every cell is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Only the cells of columns that `keep` names.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// Whether both hold the same values, text compared in NFC.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.0 == b.0 && a.1.same(&b.1))
    }

    /// The cells as a map of JSON values.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, serde_json::Value> {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect()
    }

    /// The cells as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Object(self.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
    }

    /// Replaces equal names by one shared copy each, so that many rows take little memory.
    pub(crate) fn share_names(&mut self, pool: &mut std::collections::HashSet<Arc<str>>) {
        for (name, _) in &mut self.0 {
            match pool.get(&**name) {
                Some(shared) => *name = Arc::clone(shared),
                None => {
                    pool.insert(Arc::clone(name));
                }
            }
        }
        self.0.shrink_to_fit();
    }

    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            canonical::write_string(out, name);
            out.push(b':');
            value.write_canonical(out);
        }
        out.push(b'}');
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: AsRef<str>> FromIterator<(N, CellValue)> for Cells {
    fn from_iter<I: IntoIterator<Item = (N, CellValue)>>(items: I) -> Self {
        let mut entries: Vec<(Arc<str>, CellValue)> = items.into_iter().map(|(name, value)| (Arc::from(name.as_ref()), value)).collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, earlier| {
            let twin = later.0 == earlier.0;
            if twin {
                std::mem::swap(later, earlier);
            }
            twin
        });
        Self(entries)
    }
}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct CellsVisitor;

impl<'de> Visitor<'de> for CellsVisitor {
    type Value = Cells;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of column names and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Cells, A::Error> {
        let mut cells = Cells::new();
        while let Some((name, value)) = access.next_entry::<Box<str>, CellValue>()? {
            if cells.get(&name).is_some() {
                return Err(A::Error::custom("a column stands twice"));
            }
            cells.insert(Arc::from(name), value);
        }
        Ok(cells)
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CellsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_value_takes_little_room() {
        assert!(size_of::<CellValue>() <= 24);
    }

    #[test]
    fn cells_survive_json_and_empty_values_are_refused() {
        let text = r#"{"bpm":"120.50","duration":225120,"explicit":true,"genres":["Pop","Électro"]}"#;
        let cells: Cells = serde_json::from_str(text).expect("cells");
        assert_eq!(serde_json::to_string(&cells).expect("JSON"), text);
        for bad in [r#"{"a":""}"#, r#"{"a":null}"#, r#"{"a":[]}"#, r#"{"a":[""]}"#, r#"{"a":1.5}"#, r#"{"a":{}}"#, r#"{"a":"x","a":"y"}"#] {
            assert!(serde_json::from_str::<Cells>(bad).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn text_is_the_same_in_either_unicode_form() {
        assert!(CellValue::text("Édit").same(&CellValue::text("E\u{301}dit")));
        assert!(!CellValue::text("Édit").same(&CellValue::text("Edit")));
        assert!(CellValue::list(["é"]).same(&CellValue::list(["e\u{301}"])));
    }

    #[test]
    fn the_last_of_two_equal_names_wins_when_collecting() {
        let cells: Cells = [("a", CellValue::Integer(1)), ("b", CellValue::Integer(2)), ("a", CellValue::Integer(3))].into_iter().collect();
        assert_eq!(cells.get("a"), Some(&CellValue::Integer(3)));
        assert_eq!(cells.len(), 2);
    }
}
