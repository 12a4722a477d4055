//! Rows, their hashes and tokens, and the catalogue as a whole with its state and head.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::canonical::{tagged_hash, write_integer, write_string};
use crate::catalogue::cells::Cells;
use crate::catalogue::schema::{Schema, Table};
use crate::hash::ObjectHash;
use crate::id::{IdError, SplitId, TrackId, VersionId};
use crate::role::Role;

/// Id of a row: a track id or a split id, as text in JSON; ordered by its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(Box<str>);

impl RowId {
    /// Reads a track id or a split id.
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.starts_with(SplitId::PREFIX) { SplitId::parse(text).map(Self::from) } else { TrackId::parse(text).map(Self::from) }
    }

    /// The table whose rows have such ids.
    #[must_use]
    pub fn table(&self) -> Table {
        if self.0.starts_with(SplitId::PREFIX) { Table::Splits } else { Table::Tracks }
    }

    /// The track id, if this is one.
    #[must_use]
    pub fn track(&self) -> Option<TrackId> {
        TrackId::parse(&self.0).ok()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<TrackId> for RowId {
    fn from(id: TrackId) -> Self {
        Self(id.as_str().into())
    }
}

impl From<SplitId> for RowId {
    fn from(id: SplitId) -> Self {
        Self(id.as_str().into())
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Token of one state of a row (`_rev`): the first 10 bytes of its hash, each half-byte as one letter `a`–`p`, so that no spreadsheet
/// takes it for a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rev([u8; 10]);

/// A text that is not a row token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row token has 20 letters from a to p")]
pub struct RevError;

impl Rev {
    /// The token of a row hash.
    #[must_use]
    pub fn of(hash: &ObjectHash) -> Self {
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&hash.as_bytes()[..10]);
        Self(bytes)
    }

    /// Reads a token.
    /// # Errors
    /// When the text is not 20 letters `a`–`p`.
    pub fn parse(text: &str) -> Result<Self, RevError> {
        let letters: &[u8; 20] = text.as_bytes().try_into().map_err(|_| RevError)?;
        let mut bytes = [0; 10];
        for (byte, pair) in bytes.iter_mut().zip(letters.chunks_exact(2)) {
            if !pair.iter().all(|letter| (b'a'..=b'p').contains(letter)) {
                return Err(RevError);
            }
            *byte = ((pair[0] - b'a') << 4) | (pair[1] - b'a');
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Rev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            for half in [byte >> 4, byte & 15] {
                fmt::Write::write_char(f, char::from(b'a' + half))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Rev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Rev {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rev {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Sixteen random bytes, new for every state of a row, that keep its hash from being a guessing oracle; 32 hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a salt has 32 lower-case hexadecimal digits"))
    }
}

/// The approved version of a track: approval is bound to the bytes, never to a number alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ApprovedVersion {
    /// Its number within the track.
    pub number: i64,
    /// Its content id.
    pub sha256: ObjectHash,
    /// The version.
    pub version: VersionId,
}

/// What a row says, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowContent {
    /// The row.
    pub id: RowId,
    /// Its cells.
    pub cells: Cells,
    /// The approved version; only tracks have one.
    #[serde(default)]
    pub approved: Option<ApprovedVersion>,
    /// Retired versions in order of their ids; only tracks have them.
    #[serde(default)]
    pub retired: Vec<VersionId>,
}

impl RowContent {
    /// A row with cells and nothing approved.
    #[must_use]
    pub fn new(id: impl Into<RowId>, cells: Cells) -> Self {
        Self { id: id.into(), cells, approved: None, retired: Vec::new() }
    }

    /// Whether both rows say the same, text compared in NFC.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.id == other.id && self.approved == other.approved && self.retired == other.retired && self.cells.same(&other.cells)
    }

    /// Row hash of this content with `salt`.
    #[must_use]
    pub fn hash(&self, salt: Salt) -> ObjectHash {
        let table = self.id.table();
        let mut out = Vec::with_capacity(512);
        out.push(b'{');
        if table == Table::Tracks {
            out.extend_from_slice(b"\"approved\":");
            match &self.approved {
                None => out.extend_from_slice(b"null"),
                Some(approved) => {
                    out.extend_from_slice(b"{\"number\":");
                    write_integer(&mut out, approved.number);
                    out.extend_from_slice(b",\"sha256\":");
                    write_string(&mut out, &approved.sha256.to_string());
                    out.extend_from_slice(b",\"version\":");
                    write_string(&mut out, approved.version.as_str());
                    out.push(b'}');
                }
            }
            out.push(b',');
        }
        out.extend_from_slice(b"\"cells\":");
        self.cells.write_canonical(&mut out);
        out.extend_from_slice(b",\"id\":");
        write_string(&mut out, self.id.as_str());
        if table == Table::Tracks {
            let mut retired: Vec<&str> = self.retired.iter().map(VersionId::as_str).collect();
            retired.sort_unstable();
            out.extend_from_slice(b",\"retired\":[");
            for (index, version) in retired.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(&mut out, version);
            }
            out.push(b']');
        }
        out.extend_from_slice(b",\"salt\":");
        write_string(&mut out, &salt.to_string());
        out.extend_from_slice(b",\"table\":");
        write_string(&mut out, table.as_str());
        out.push(b'}');
        tagged_hash("collabtrack/row/1", &out)
    }
}

/// One state of a row, with the token that names it.
///
/// On the server a row is sealed: it has its salt and hash. A reader who may not see every column gets content and token only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    // Shared between the catalogues before and after a change: most rows stay as they are.
    content: Arc<RowContent>,
    rev: Rev,
    seal: Option<(Salt, ObjectHash)>,
}

impl Row {
    /// A new state with a fresh random salt; computes the hash.
    #[must_use]
    pub fn seal(content: RowContent, salt: Salt) -> Self {
        let hash = content.hash(salt);
        Self { content: Arc::new(content), rev: Rev::of(&hash), seal: Some((salt, hash)) }
    }

    /// A stored state whose hash is kept beside it and trusted.
    #[must_use]
    pub fn stored(content: RowContent, salt: Salt, hash: ObjectHash) -> Self {
        Self { content: Arc::new(content), rev: Rev::of(&hash), seal: Some((salt, hash)) }
    }

    /// A state as a reader got it, without salt.
    #[must_use]
    pub fn received(content: RowContent, rev: Rev) -> Self {
        Self { content: Arc::new(content), rev, seal: None }
    }

    /// The row as `role` may read it: other columns and the salt are gone, the token stays.
    #[must_use]
    pub fn readable_by(&self, schema: &Schema, role: Role) -> Self {
        let table = self.content.id.table();
        let readable = |name: &str| schema.field(table, name).is_some_and(|field| field.readable_by(role));
        if self.content.cells.iter().all(|(name, _)| readable(name)) {
            return Self { content: Arc::clone(&self.content), rev: self.rev, seal: None };
        }
        let RowContent { id, approved, retired, .. } = &*self.content;
        let content = RowContent {
            id: id.clone(),
            cells: self.content.cells.filtered(readable),
            approved: approved.clone(),
            retired: retired.clone(),
        };
        Self { content: Arc::new(content), rev: self.rev, seal: None }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &RowId {
        &self.content.id
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        self.content.id.table()
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> &Cells {
        &self.content.cells
    }

    /// The approved version.
    #[must_use]
    pub fn approved(&self) -> Option<&ApprovedVersion> {
        self.content.approved.as_ref()
    }

    /// The retired versions.
    #[must_use]
    pub fn retired(&self) -> &[VersionId] {
        &self.content.retired
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> &RowContent {
        &self.content
    }

    /// The token.
    #[must_use]
    pub fn rev(&self) -> Rev {
        self.rev
    }

    /// The salt, on the server.
    #[must_use]
    pub fn salt(&self) -> Option<Salt> {
        self.seal.map(|(salt, _)| salt)
    }

    /// The row hash, on the server.
    #[must_use]
    pub fn hash(&self) -> Option<ObjectHash> {
        self.seal.map(|(_, hash)| hash)
    }
}

/// A catalogue in one state: columns, and the rows of both tables in order of approval.
#[derive(Debug, Clone)]
pub struct Catalogue {
    schema: Schema,
    rows: Vec<Row>,
    places: HashMap<RowId, usize>,
}

/// Two rows with one id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue has two rows with the id {id}")]
pub struct TwinRows {
    /// The id.
    pub id: RowId,
}

impl Catalogue {
    /// A catalogue of rows in order of approval.
    /// # Errors
    /// When an id stands twice.
    pub fn new(schema: Schema, mut rows: Vec<Row>) -> Result<Self, TwinRows> {
        let mut names = HashSet::new();
        let mut places = HashMap::with_capacity(rows.len());
        for (place, row) in rows.iter_mut().enumerate() {
            // A row shared with another catalogue shares its names already.
            if let Some(content) = Arc::get_mut(&mut row.content) {
                content.cells.share_names(&mut names);
            }
            if places.insert(row.id().clone(), place).is_some() {
                return Err(TwinRows { id: row.id().clone() });
            }
        }
        Ok(Self { schema, rows, places })
    }

    /// A catalogue without rows.
    #[must_use]
    pub fn empty(schema: Schema) -> Self {
        Self { schema, rows: Vec::new(), places: HashMap::new() }
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Every row, in order of approval.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows of one table, in order of approval.
    pub fn table(&self, table: Table) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.table() == table)
    }

    /// The row of that id.
    #[must_use]
    pub fn row(&self, id: &RowId) -> Option<&Row> {
        self.places.get(id).map(|&place| &self.rows[place])
    }

    /// The catalogue as `role` may read it.
    #[must_use]
    pub fn readable_by(&self, role: Role) -> Self {
        let rows = self.rows.iter().map(|row| row.readable_by(&self.schema, role)).collect();
        Self { schema: self.schema.clone(), rows, places: self.places.clone() }
    }

    /// State hash: of the schema and every row. `None` when a row came without its hash.
    #[must_use]
    pub fn state(&self) -> Option<ObjectHash> {
        let rows: Option<Vec<(&RowId, ObjectHash)>> = self.rows.iter().map(|row| row.hash().map(|hash| (row.id(), hash))).collect();
        rows.map(|rows| state_hash(&self.schema.hash(), rows))
    }

    /// Id of this state after the state with id `parent`; the first parent is [`no_parent`].
    #[must_use]
    pub fn head(&self, parent: &ObjectHash) -> Option<ObjectHash> {
        self.state().map(|state| head_hash(parent, &state))
    }
}

/// The parent of the first head: 32 zero bytes.
#[must_use]
pub fn no_parent() -> ObjectHash {
    ObjectHash::from_bytes([0; 32])
}

/// State hash from stored row hashes, given in any order.
#[must_use]
pub fn state_hash<'a>(schema: &ObjectHash, rows: impl IntoIterator<Item = (&'a RowId, ObjectHash)>) -> ObjectHash {
    let mut rows: Vec<(&RowId, ObjectHash)> = rows.into_iter().collect();
    rows.sort_unstable_by(|a, b| a.0.cmp(b.0));
    let mut bytes = Vec::with_capacity(32 + rows.len() * 63);
    bytes.extend_from_slice(schema.as_bytes());
    for (id, hash) in rows {
        bytes.extend_from_slice(id.as_str().as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(hash.as_bytes());
    }
    tagged_hash("collabtrack/state/1", &bytes)
}

/// Head: id of the catalogue state `state` that follows the head `parent`.
#[must_use]
pub fn head_hash(parent: &ObjectHash, state: &ObjectHash) -> ObjectHash {
    tagged_hash("collabtrack/head/1", &[parent.as_bytes().as_slice(), state.as_bytes().as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;
    use crate::catalogue::cells::CellValue;

    fn night_drive() -> RowContent {
        let id = TrackId::parse("trk_aaaaaaaaaaaaaaaaaaaaaaaaaa").expect("an id");
        let cells = [("title", CellValue::text("Night Drive")), ("bpm", CellValue::text("120.50"))].into_iter().collect();
        RowContent::new(id, cells)
    }

    fn counting_salt() -> Salt {
        Salt::parse("000102030405060708090a0b0c0d0e0f").expect("a salt")
    }

    #[test]
    fn row_hash_and_token_are_those_of_the_published_vector() {
        let row = Row::seal(night_drive(), counting_salt());
        let hash = row.hash().expect("sealed");
        assert_eq!(hash.to_string(), "8e3f75be534a94810733a7b304cdb6d45a71a1cc71de01b3b1dede81255f75b0");
        assert_eq!(row.rev().to_string(), "iodphflofdekjeibahdd");
        assert_eq!(Rev::parse("iodphflofdekjeibahdd"), Ok(row.rev()));
        let text = r#"{"approved":null,"cells":{"bpm":"120.50","title":"Night Drive"},"id":"trk_aaaaaaaaaaaaaaaaaaaaaaaaaa","retired":[],"salt":"000102030405060708090a0b0c0d0e0f","table":"tracks"}"#;
        assert_eq!(tagged_hash("collabtrack/row/1", text.as_bytes()), hash);
    }

    #[test]
    fn the_hash_is_that_of_the_canonical_json_also_with_an_approved_version_and_for_splits() {
        let version = VersionId::from_random([1; 17]);
        let older = VersionId::from_random([0; 17]);
        let mut content = night_drive();
        content.approved = Some(ApprovedVersion { number: 12, sha256: ObjectHash::of(b"mix"), version: version.clone() });
        content.retired = vec![version.clone(), older.clone()];
        let value = serde_json::json!({"table": "tracks", "salt": counting_salt(), "retired": [older, version], "id": content.id, "cells": content.cells, "approved": content.approved});
        assert_eq!(content.hash(counting_salt()), tagged_hash("collabtrack/row/1", &canonical::to_bytes(&value).expect("canonical")));

        let cells: Cells = [("party", CellValue::text("A \"B\" \u{1}"))].into_iter().collect();
        let split = RowContent::new(SplitId::from_random([3; 17]), cells);
        let value = serde_json::json!({"table": "splits", "salt": counting_salt(), "id": split.id, "cells": split.cells});
        assert_eq!(split.hash(counting_salt()), tagged_hash("collabtrack/row/1", &canonical::to_bytes(&value).expect("canonical")));
    }

    #[test]
    fn heads_are_those_of_the_published_vector() {
        let text = r#"{"rules":[],"schema_version":1,"tables":{"splits":{"fields":[],"natural_keys":[]},"tracks":{"fields":[{"name":"title","required":"always","type":"text"}],"natural_keys":[]}}}"#;
        let schema = Schema::parse(text).expect("a schema");
        let empty = Catalogue::empty(schema.clone()).head(&no_parent()).expect("sealed");
        assert_eq!(empty.to_string(), "49ab8e560b4d3cca4bd16d6cd612b49a2ebf99f9f7acca8cfb57fa0cb7641731");
        let one = Catalogue::new(schema, vec![Row::seal(night_drive(), counting_salt())]).expect("one row");
        let head = one.head(&empty).expect("sealed");
        assert_eq!(head.to_string(), "f24df2e52362e59f0ea3640b521502dedd1cd8d2f8dbcd1e6cf8d588e4e7b9e5");
    }

    #[test]
    fn tokens_of_another_form_are_refused() {
        for text in ["", "iodphflofdekjeibahd", "iodphflofdekjeibahdq", "IODPHFLOFDEKJEIBAHDD", "iodphflofdekjeibahddd"] {
            assert_eq!(Rev::parse(text), Err(RevError), "{text}");
        }
    }
}
