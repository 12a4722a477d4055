//! Canonical JSON and tagged hashes: the one form in which rows, schemas, change sets and audit entries are hashed and signed.
//!
//! Canonical bytes have no white space, keys in byte order, only the necessary escapes and no floating-point numbers. Strict reading
//! refuses what a lenient reader would repair in silence: a key that stands twice, and nesting deeper than the caller allows.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::hash::ObjectHash;

/// Largest integer, in absolute value, that canonical JSON holds: 2⁵³ − 1, exact in every reader.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// A value that has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A number with a fraction or an exponent.
    #[error("{number} is not an integer; amounts with decimals are written as text, such as \"120.50\"")]
    NotInteger {
        /// The number as JSON.
        number: String,
    },
    /// An integer that some readers would round.
    #[error("{number} is beyond ±9007199254740991, where integers stop being exact")]
    IntegerRange {
        /// The number as JSON.
        number: String,
    },
}

/// Canonical bytes of `value`.
/// # Errors
/// When it holds a number that is not an exact integer.
pub fn to_bytes(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(256);
    write_value(&mut out, value)?;
    Ok(out)
}

/// `SHA-256(tag ‖ 0x00 ‖ bytes)`: a hash that can stand for one kind of thing only.
#[must_use]
pub fn tagged_hash(tag: &str, bytes: &[u8]) -> ObjectHash {
    let mut input = Vec::with_capacity(tag.len() + 1 + bytes.len());
    input.extend_from_slice(tag.as_bytes());
    input.push(0);
    input.extend_from_slice(bytes);
    ObjectHash::of(&input)
}

fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            if number.is_f64() {
                return Err(CanonicalError::NotInteger { number: number.to_string() });
            }
            match number.as_i64() {
                Some(integer) if (-MAX_INTEGER..=MAX_INTEGER).contains(&integer) => write_integer(out, integer),
                _ => return Err(CanonicalError::IntegerRange { number: number.to_string() }),
            }
        }
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(out, item)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(out, key);
                out.push(b':');
                write_value(out, item)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Appends an integer; the caller knows that it is within ±[`MAX_INTEGER`].
pub(crate) fn write_integer(out: &mut Vec<u8>, integer: i64) {
    out.extend_from_slice(integer.to_string().as_bytes());
}

/// Appends a JSON string in canonical form.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=0x1f => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// JSON that strict reading refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: {what}")]
pub struct StrictJsonError {
    /// Where, as a JSON path beginning with `$`.
    pub path: String,
    /// What is wrong, with line and column.
    pub what: String,
}

/// Reads JSON text, refusing duplicate keys, nesting deeper than `max_depth` and anything after the document.
/// # Errors
/// The first thing that is wrong, with its path, line and column.
pub fn parse_strict(text: &str, max_depth: usize) -> Result<Value, StrictJsonError> {
    let path = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_str(text);
    let result = Strict { path: &path, depth_left: max_depth }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    result.map_err(|error| StrictJsonError { path: path_text(&path.borrow()), what: error.to_string() })
}

enum Step {
    Key(String),
    Index(usize),
}

fn path_text(steps: &[Step]) -> String {
    let mut text = String::from("$");
    for step in steps {
        match step {
            Step::Key(key) => {
                text.push('.');
                text.extend(key.chars().take(80));
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// A reader of one value that leaves the path of the place where it failed.
#[derive(Clone, Copy)]
struct Strict<'a> {
    path: &'a RefCell<Vec<Step>>,
    depth_left: usize,
}

impl<'a> Strict<'a> {
    fn inner<E: serde::de::Error>(&self) -> Result<Strict<'a>, E> {
        let depth_left = self.depth_left.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Strict { path: self.path, depth_left })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        loop {
            self.path.borrow_mut().push(Step::Index(items.len()));
            let Some(item) = seq.next_element_seed(inner)? else { break };
            items.push(item);
            self.path.borrow_mut().pop();
        }
        self.path.borrow_mut().pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.path.borrow_mut().push(Step::Key(key.clone()));
            if map.contains_key(&key) {
                return Err(A::Error::custom("this key stands twice; only one of the two could be meant"));
            }
            let item = access.next_value_seed(inner)?;
            map.insert(key, item);
            self.path.borrow_mut().pop();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_in_byte_order_and_only_necessary_escapes_are_written() {
        let value = json!({"é": 1, "b": [true, null, -5], "a": "\u{1}\"\\\n\u{7f}/é", "B": {}});
        let bytes = to_bytes(&value).expect("canonical");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            "{\"B\":{},\"a\":\"\\u0001\\\"\\\\\\n\u{7f}/é\",\"b\":[true,null,-5],\"é\":1}"
        );
    }

    #[test]
    fn numbers_that_a_reader_might_round_have_no_canonical_form() {
        assert!(matches!(to_bytes(&json!(1.5)), Err(CanonicalError::NotInteger { .. })));
        assert!(matches!(to_bytes(&json!([1.0])), Err(CanonicalError::NotInteger { .. })));
        assert_eq!(to_bytes(&json!(MAX_INTEGER)).expect("exact"), b"9007199254740991");
        assert!(matches!(to_bytes(&json!(MAX_INTEGER + 1)), Err(CanonicalError::IntegerRange { .. })));
        assert!(matches!(to_bytes(&json!(-MAX_INTEGER - 1)), Err(CanonicalError::IntegerRange { .. })));
        assert!(matches!(to_bytes(&json!(u64::MAX)), Err(CanonicalError::IntegerRange { .. })));
    }

    #[test]
    fn strict_reading_refuses_twins_depth_and_trailing_text_and_names_the_place() {
        let twin = parse_strict(r#"{"a":{"b":[0,{"c":1,"c":2}]}}"#, 16).expect_err("a key twice");
        assert_eq!(twin.path, "$.a.b[1].c");
        assert!(parse_strict("[[[[]]]]", 4).is_ok());
        assert_eq!(parse_strict("[[[[[]]]]]", 4).expect_err("too deep").path, "$[0][0][0][0]");
        for text in ["{\"a\":1,}", "{} {}", "// no\n{}", "", "{\"a\":01}"] {
            assert!(parse_strict(text, 16).is_err(), "{text} must be refused");
        }
    }

    #[test]
    fn a_tag_separates_hashes_of_equal_bytes() {
        assert_eq!(tagged_hash("a", b"b"), ObjectHash::of(b"a\0b"));
        assert_ne!(tagged_hash("a", b"b"), tagged_hash("ab", b""));
    }
}
