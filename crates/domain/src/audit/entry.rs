//! One entry of the log: its fields, its exact bytes, its hash, and the commitment to details that can be erased.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{self, CanonicalError, MAX_INTEGER};
use crate::catalogue::row::Salt;
use crate::hash::ObjectHash;

/// Largest entry in bytes.
pub const MAX_ENTRY_BYTES: usize = 16 * 1024;

/// An entry. Every field is always there; what does not apply is empty text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What was done, such as `project.create`.
    pub action: String,
    /// Account that did it.
    pub actor: String,
    /// The chain: a project id, an account id or `site`.
    pub chain: String,
    /// Commitment to the details, see [`detail_commitment`].
    pub details: String,
    /// Catalogue head afterwards.
    pub head_after: String,
    /// Catalogue head before.
    pub head_before: String,
    /// Hash of the entry before, 64 zeros for the first.
    pub prev: String,
    /// Digest of the revision decided.
    pub revision: String,
    /// Place in the chain, from 1, without gaps.
    pub seq: i64,
    /// First 16 hexadecimal digits of the SHA-256 of the session id.
    pub session: String,
    /// What it was done to.
    pub target: String,
    /// Server time in UTC with milliseconds, such as `2026-05-03T12:00:00.000Z`.
    pub time: String,
    /// Version of this form: 1.
    pub v: i64,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Not JSON with exactly the known fields.
    #[error("not an entry: {what}")]
    Malformed {
        /// What the reader said.
        what: String,
    },
    /// Says the same as the stored form, but in other bytes.
    #[error("not in the stored form")]
    NotCanonical,
    /// A field that cannot be what it says.
    #[error("the field {field} is not of its form")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// Too long.
    #[error("an entry of {bytes} bytes; at most {MAX_ENTRY_BYTES} are read")]
    TooLarge {
        /// Size.
        bytes: usize,
    },
}

/// Hash of an entry's exact bytes: a leaf of the tree, SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn hash(bytes: &[u8]) -> ObjectHash {
    crate::audit::merkle::leaf(bytes)
}

/// `prev` of the first entry of a chain.
#[must_use]
pub fn no_previous() -> String {
    "0".repeat(64)
}

/// Commitment to erasable details: it says nothing without salt and details, and fits only them.
/// # Errors
/// When the details hold a number without canonical form.
pub fn detail_commitment(salt: Salt, detail: &Value) -> Result<ObjectHash, CanonicalError> {
    let mut bytes = salt.0.to_vec();
    bytes.extend(canonical::to_bytes(detail)?);
    Ok(canonical::tagged_hash("collabtrack/detail/1", &bytes))
}

/// What an entry names as the session: enough to tell sessions apart, too little to use one.
#[must_use]
pub fn session_mark(session_id: &str) -> String {
    ObjectHash::of(session_id.as_bytes()).to_string().chars().take(16).collect()
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`
fn is_time(text: &str) -> bool {
    let shape = text.len() == 24
        && text
            .bytes()
            .zip(*b"0000-00-00T00:00:00.000Z")
            .all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form });
    shape && text.parse::<jiff::Timestamp>().is_ok()
}

impl Entry {
    /// The exact bytes to store, hash and send.
    /// # Errors
    /// When a field is not of its form.
    pub fn bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.check()?;
        let value = serde_json::to_value(self).map_err(|error| EntryError::Malformed { what: error.to_string() })?;
        let bytes = canonical::to_bytes(&value).map_err(|error| EntryError::Malformed { what: error.to_string() })?;
        if bytes.len() > MAX_ENTRY_BYTES { Err(EntryError::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
    }

    /// Reads stored bytes, which must be exactly in the stored form.
    /// # Errors
    /// Why they are not an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLarge { bytes: bytes.len() });
        }
        let entry: Self = serde_json::from_slice(bytes).map_err(|error| EntryError::Malformed { what: error.to_string() })?;
        if entry.bytes()? == bytes { Ok(entry) } else { Err(EntryError::NotCanonical) }
    }

    fn check(&self) -> Result<(), EntryError> {
        let hash_or_empty = |text: &str| text.is_empty() || ObjectHash::parse(text).is_ok();
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let word = |text: &str| {
            !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_'))
        };
        for (field, fits) in [
            ("v", self.v == 1),
            ("seq", (1..=MAX_INTEGER).contains(&self.seq)),
            ("action", word(&self.action)),
            ("chain", !self.chain.is_empty()),
            ("prev", ObjectHash::parse(&self.prev).is_ok()),
            ("details", hash_or_empty(&self.details)),
            ("head_before", hash_or_empty(&self.head_before)),
            ("head_after", hash_or_empty(&self.head_after)),
            ("revision", hash_or_empty(&self.revision)),
            ("session", self.session.is_empty() || (self.session.len() == 16 && hex(&self.session))),
            ("time", is_time(&self.time)),
        ] {
            if !fits {
                return Err(EntryError::Field { field });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = r#"{"action":"project.create","actor":"acc_bbbbbbbbbbbbbbbbbbbbbbbbbb","chain":"prj_dddddddddddddddddddddddddd","details":"","head_after":"49ab8e560b4d3cca4bd16d6cd612b49a2ebf99f9f7acca8cfb57fa0cb7641731","head_before":"","prev":"0000000000000000000000000000000000000000000000000000000000000000","revision":"","seq":1,"session":"0011223344556677","target":"prj_dddddddddddddddddddddddddd","time":"2026-05-03T12:00:00.000Z","v":1}"#;

    #[test]
    fn the_entry_of_the_published_vector_has_its_hash_and_its_bytes() {
        assert_eq!(hash(VECTOR.as_bytes()).to_string(), "54e645ba1a349483e42a7c235329d9155d2e09ef0c18d1c4dfac9d7408923714");
        let entry = Entry::parse(VECTOR.as_bytes()).expect("an entry");
        assert_eq!(entry.bytes().expect("bytes"), VECTOR.as_bytes());
        assert_eq!(entry.prev, no_previous());
    }

    #[test]
    fn bytes_of_another_form_are_no_entry() {
        for (bad, what) in [
            (VECTOR.replace("\"v\":1", "\"v\":2"), "another version"),
            (VECTOR.replace("\"seq\":1", "\"seq\":0"), "a place before the first"),
            (VECTOR.replace(",\"v\":1", ", \"v\":1"), "white space"),
            (VECTOR.replace(",\"v\":1", ",\"v\":1,\"w\":1"), "an unknown field"),
            (VECTOR.replace("\"details\":\"\",", ""), "a missing field"),
            (VECTOR.replace("\"details\":\"\"", "\"details\":\"x\""), "a commitment of another form"),
            (VECTOR.replace("12:00:00.000Z", "12:00:00Z"), "a time without milliseconds"),
            (VECTOR.replace("05-03T12", "02-30T12"), "a day that does not exist"),
            (VECTOR.replace("\"v\":1", "\"v\":1,\"v\":1"), "a field twice"),
        ] {
            assert_ne!(bad, VECTOR, "{what}");
            assert!(Entry::parse(bad.as_bytes()).is_err(), "{what} must be refused");
        }
    }

    #[test]
    fn details_are_committed_to_with_their_salt() {
        let detail = serde_json::json!({"reason": "too loud", "count": 2});
        let commitment = detail_commitment(Salt([7; 16]), &detail).expect("canonical");
        assert_eq!(
            commitment,
            detail_commitment(Salt([7; 16]), &serde_json::json!({"count": 2, "reason": "too loud"})).expect("canonical")
        );
        assert_ne!(commitment, detail_commitment(Salt([8; 16]), &detail).expect("canonical"));
        assert!(detail_commitment(Salt([7; 16]), &serde_json::json!({"gain": 0.5})).is_err());
        assert_eq!(session_mark("x").len(), 16);
    }
}
