//! The columns of a project: one JSON document that says which fields a track and a split have and what a value must look like.
//!
//! A column added to the document needs no code. The document checks itself: an unknown or misplaced key is an error, because a typo
//! must not switch a check off in silence.

mod parse;
mod rules;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical;
use crate::catalogue::cells::{CellValue, Cells};
use crate::hash::ObjectHash;
use crate::role::Role;

pub use parse::SchemaError;
pub use rules::Rule;

/// Largest schema document in bytes.
pub const MAX_SCHEMA_BYTES: usize = 256 * 1024;
/// Deepest nesting of the document.
pub const MAX_SCHEMA_DEPTH: usize = 16;
/// Most fields of one table.
pub const MAX_FIELDS: usize = 200;
/// Longest pattern in characters.
pub const MAX_PATTERN_CHARS: usize = 500;
/// Most decimals of a decimal column.
pub const MAX_SCALE: u8 = 9;

/// The document every project starts with.
pub const DEFAULT_SCHEMA_JSON: &str = include_str!("default_schema.json");

/// One of the two tables of a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// One row per track.
    Tracks,
    /// One row per share of a party in a right of a track.
    Splits,
}

impl Table {
    /// Both tables.
    pub const ALL: [Self; 2] = [Self::Tracks, Self::Splits];

    /// The word for this table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tracks => "tracks",
            Self::Splits => "splits",
        }
    }

    /// The table of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.as_str() == word)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in the document.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one of that word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What a column holds.
    FieldType {
        /// One line of text.
        Text = "text",
        /// Text with line ends.
        Longtext = "longtext",
        /// A whole number.
        Integer = "integer",
        /// An exact number with a fixed count of decimals.
        Decimal = "decimal",
        /// Yes or no.
        Boolean = "boolean",
        /// A day, a month or a year.
        Date = "date",
        /// A length of time in milliseconds.
        Duration = "duration",
        /// One of a list of words.
        Choice = "choice",
        /// Several texts.
        List = "list",
        /// A web address.
        Url = "url",
        /// A row of another table.
        Reference = "reference",
    }
}

words! {
    /// A form that the text of a column must have.
    Format {
        /// International Standard Recording Code.
        Isrc = "isrc",
        /// International Standard Musical Work Code.
        Iswc = "iswc",
        /// Barcode: UPC or EAN.
        Gtin = "gtin",
        /// IPI name number.
        IpiName = "ipi_name",
        /// IPI base number.
        IpiBase = "ipi_base",
        /// International Standard Name Identifier.
        Isni = "isni",
        /// Id of the `MusicBrainz` database.
        Mbid = "mbid",
        /// Key of a piece.
        MusicalKey = "musical_key",
        /// 0 to 100 per cent, on a decimal column.
        Percent = "percent",
        /// Language tag of BCP 47.
        Language = "language",
        /// Two-letter territory code of ISO 3166-1.
        Territory = "territory",
        /// E-mail address.
        Email = "email",
    }
}

words! {
    /// When a column must be filled.
    Required {
        /// It may stay empty.
        Never = "never",
        /// The release check asks for it.
        Release = "release",
        /// A row without it cannot be approved.
        Always = "always",
    }
}

words! {
    /// What an unacceptable new value does.
    OnInvalid {
        /// It cannot be proposed.
        Error = "error",
        /// It is pointed out.
        Warn = "warn",
    }
}

/// A compiled pattern that must match a whole value.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: regex::Regex,
}

impl Pattern {
    /// The pattern as written in the document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// One column.
#[derive(Debug, Clone)]
pub struct Field {
    /// Name in data and in the first row of a CSV file.
    pub name: Arc<str>,
    /// Name as shown; the field name when the document gives none.
    pub label: String,
    /// A sentence of help.
    pub help: Option<String>,
    /// What it holds.
    pub field_type: FieldType,
    /// The form of its text, or of a list's items.
    pub format: Option<Format>,
    /// When it must be filled.
    pub required: Required,
    /// Whether no two rows may have the same value.
    pub unique: bool,
    /// Smallest value.
    pub min: Option<CellValue>,
    /// Largest value.
    pub max: Option<CellValue>,
    /// Decimals of a decimal column; 0 otherwise.
    pub scale: u8,
    /// Longest text, or item of a list, in UTF-16 units.
    pub max_length: usize,
    /// What a text, or each item of a list, must match.
    pub pattern: Option<Pattern>,
    /// The words of a choice column.
    pub choices: Vec<String>,
    /// What separates the items of a list in CSV.
    pub separator: char,
    /// Most items of a list.
    pub max_items: usize,
    /// The table that a reference names a row of.
    pub to: Option<Table>,
    /// Value of a new row that gives none.
    pub default: Option<CellValue>,
    /// Other names accepted in the first row of a CSV file.
    pub aliases: Vec<String>,
    /// Lowest role that may read it.
    pub read_role: Role,
    /// Lowest role that may change it.
    pub write_role: Role,
    /// Whether only the server writes it.
    pub read_only: bool,
    /// What an unacceptable value does.
    pub on_invalid: OnInvalid,
    /// Tags of audio files that suggest a value: tag system and tag name.
    pub map: BTreeMap<String, String>,
    /// The name this column had before.
    pub renamed_from: Option<String>,
}

impl Field {
    /// Whether `role` may read this column.
    #[must_use]
    pub fn readable_by(&self, role: Role) -> bool {
        role >= self.read_role
    }

    /// Whether `role` may propose changes of this column.
    #[must_use]
    pub fn writable_by(&self, role: Role) -> bool {
        !self.read_only && role >= self.write_role && self.readable_by(role)
    }

    /// Whether CSV writes its values in quotes and with the formula guard.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        !matches!(self.field_type, FieldType::Integer | FieldType::Decimal | FieldType::Boolean | FieldType::Date | FieldType::Duration)
    }
}

/// The columns of one table.
#[derive(Debug, Clone, Default)]
pub struct TableSchema {
    /// The columns in the order of the document.
    pub fields: Vec<Field>,
    /// Groups of columns that together tell rows apart.
    pub natural_keys: Vec<Vec<String>>,
}

/// The columns and rules of a project. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    document: Value,
    hash: ObjectHash,
    version: i64,
    tables: BTreeMap<Table, TableSchema>,
    rules: Vec<Rule>,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

impl Eq for Schema {}

impl Schema {
    /// Reads and checks a document.
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(json: &str) -> Result<Self, SchemaError> {
        parse::document(json)
    }

    /// Reads and checks a document that is already JSON.
    /// # Errors
    /// As [`Schema::parse`]; duplicate keys can no longer be seen here.
    pub fn from_value(document: &Value) -> Result<Self, SchemaError> {
        parse::document(&document.to_string())
    }

    pub(crate) fn assemble(
        document: Value,
        version: i64,
        tables: BTreeMap<Table, TableSchema>,
        rules: Vec<Rule>,
    ) -> Result<Self, canonical::CanonicalError> {
        let hash = canonical::tagged_hash("collabtrack/schema/1", &canonical::to_bytes(&document)?);
        Ok(Self(Arc::new(Inner { document, hash, version, tables, rules })))
    }

    /// The document, as it was written.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.0.document.clone()
    }

    /// Schema hash of the document.
    #[must_use]
    pub fn hash(&self) -> ObjectHash {
        self.0.hash
    }

    /// `schema_version` of the document.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.0.version
    }

    /// Columns and natural keys of a table.
    #[must_use]
    pub fn table(&self, table: Table) -> &TableSchema {
        self.0.tables.get(&table).expect("parsing puts both tables there")
    }

    /// The columns of a table, in order.
    #[must_use]
    pub fn fields(&self, table: Table) -> &[Field] {
        &self.table(table).fields
    }

    /// The column of that name.
    #[must_use]
    pub fn field(&self, table: Table, name: &str) -> Option<&Field> {
        self.fields(table).iter().find(|field| &*field.name == name)
    }

    /// The column that now stands for `name`, which may be a name from before a rename.
    #[must_use]
    pub fn field_now(&self, table: Table, name: &str) -> Option<&Field> {
        self.field(table, name).or_else(|| self.fields(table).iter().find(|field| field.renamed_from.as_deref() == Some(name)))
    }

    /// The columns `role` may read, in order.
    pub fn readable_fields(&self, table: Table, role: Role) -> impl Iterator<Item = &Field> {
        self.fields(table).iter().filter(move |field| field.readable_by(role))
    }

    /// The rules over several rows.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.0.rules
    }

    /// The default values of a new row.
    #[must_use]
    pub fn defaults(&self, table: Table) -> Cells {
        self.fields(table).iter().filter_map(|field| field.default.clone().map(|value| (Arc::clone(&field.name), value))).collect()
    }
}

/// The columns every project starts with.
#[must_use]
pub fn default_schema() -> Schema {
    static DEFAULT: OnceLock<Schema> = OnceLock::new();
    DEFAULT.get_or_init(|| Schema::parse(DEFAULT_SCHEMA_JSON).expect("the default schema is checked by a test")).clone()
}
