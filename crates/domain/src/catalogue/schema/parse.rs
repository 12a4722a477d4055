//! Reading and checking a schema document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::canonical;
use crate::catalogue::cells::CellValue;
use crate::catalogue::schema::{
    Field, FieldType, Format, MAX_FIELDS, MAX_PATTERN_CHARS, MAX_SCALE, MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, OnInvalid, Pattern, Required,
    Rule, Schema, Table, TableSchema,
};
use crate::catalogue::words;
use crate::role::Role;

/// Why a schema document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the column schema is not acceptable at {path}: {problem}")]
pub struct SchemaError {
    /// Where, as a JSON path beginning with `$`.
    pub path: String,
    /// What is wrong and what would be right, in words.
    pub problem: String,
}

fn error(path: impl Into<String>, problem: impl Into<String>) -> SchemaError {
    SchemaError { path: path.into(), problem: problem.into() }
}

pub(super) fn document(json: &str) -> Result<Schema, SchemaError> {
    if json.len() > MAX_SCHEMA_BYTES {
        return Err(error("$", format!("the document has {} bytes; at most {MAX_SCHEMA_BYTES} are read", json.len())));
    }
    let document = canonical::parse_strict(json, MAX_SCHEMA_DEPTH).map_err(|wrong| error(wrong.path, wrong.what))?;
    let top = Object::of(&document, "$")?;
    top.only(&["schema_version", "tables", "rules"])?;
    let version = top.integer("schema_version")?.ok_or_else(|| error("$.schema_version", "the version is missing; write 1"))?;
    if version < 1 {
        return Err(error("$.schema_version", "a version counts from 1"));
    }
    let tables_value = top.map.get("tables").ok_or_else(|| error("$.tables", "the tables are missing; there are tracks and splits"))?;
    let both = Object::of(tables_value, "$.tables")?;
    both.only(&["tracks", "splits"])?;
    let mut tables = BTreeMap::new();
    for table in Table::ALL {
        let path = format!("$.tables.{}", table.as_str());
        let value = both.map.get(table.as_str()).ok_or_else(|| error(&path, "this table is missing; a catalogue has tracks and splits"))?;
        tables.insert(table, table_schema(value, &path)?);
    }
    let rules = rules(&top, &tables)?;
    Schema::assemble(document.clone(), version, tables, rules).map_err(|wrong| error("$", wrong.to_string()))
}

/// A JSON object with its place in the document.
struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Object<'a> {
    fn of(value: &'a Value, path: &str) -> Result<Self, SchemaError> {
        let map = value.as_object().ok_or_else(|| error(path, "an object is expected here"))?;
        Ok(Self { map, path: path.to_owned() })
    }

    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    fn only(&self, known: &[&str]) -> Result<(), SchemaError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let shown: String = key.chars().take(80).collect();
                Err(error(self.at(&shown), format!("this key is unknown and would have no effect; known here are {}", known.join(", "))))
            }
        }
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, SchemaError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| error(self.at(key), "text in quotes is expected here"))?;
        if text.is_empty() || text.chars().any(|character| character.is_control() && character != '\n') {
            return Err(error(self.at(key), "text without control characters is expected here, and not an empty one"));
        }
        Ok(Some(text))
    }

    fn flag(&self, key: &str) -> Result<bool, SchemaError> {
        self.map
            .get(key)
            .map_or(Ok(false), |value| value.as_bool().ok_or_else(|| error(self.at(key), "true or false is expected here, without quotes")))
    }

    fn integer(&self, key: &str) -> Result<Option<i64>, SchemaError> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| error(self.at(key), "a whole number is expected here, without quotes"))
    }

    fn count(&self, key: &str, default: usize, most: usize) -> Result<usize, SchemaError> {
        match self.integer(key)? {
            None => Ok(default),
            Some(count) => usize::try_from(count)
                .ok()
                .filter(|count| (1..=most).contains(count))
                .ok_or_else(|| error(self.at(key), format!("a whole number from 1 to {most} is expected here"))),
        }
    }

    fn word<T: Copy>(&self, key: &str, default: T, known: &[(&str, T)]) -> Result<T, SchemaError> {
        let Some(word) = self.text(key)? else { return Ok(default) };
        known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            error(self.at(key), format!("{word:?} is not known here; known are {}", names.join(", ")))
        })
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, SchemaError> {
        let Some(value) = self.map.get(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(|| error(self.at(key), "a list of texts is expected here"))?;
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let text = item.as_str().filter(|text| !text.is_empty() && text.trim() == *text && !text.chars().any(char::is_control));
            texts.push(
                text.ok_or_else(|| error(format!("{}[{index}]", self.at(key)), "a text without spaces at its ends is expected here"))?
                    .to_owned(),
            );
        }
        Ok(texts)
    }
}

fn table_schema(value: &Value, path: &str) -> Result<TableSchema, SchemaError> {
    let object = Object::of(value, path)?;
    object.only(&["fields", "natural_keys"])?;
    let list = object
        .map
        .get("fields")
        .and_then(Value::as_array)
        .ok_or_else(|| error(object.at("fields"), "a list of fields is expected here"))?;
    if list.len() > MAX_FIELDS {
        return Err(error(object.at("fields"), format!("this table has {} fields; at most {MAX_FIELDS} are allowed", list.len())));
    }
    let mut fields = Vec::with_capacity(list.len());
    let mut headings: BTreeMap<String, usize> = BTreeMap::new();
    for (index, value) in list.iter().enumerate() {
        let path = format!("{path}.fields[{index}]");
        let field = field(value, &path)?;
        let mut own: BTreeSet<String> = field.aliases.iter().map(|alias| words::fold(alias)).collect();
        own.insert(words::fold(&field.name));
        for heading in own {
            if let Some(other) = headings.insert(heading.clone(), index) {
                return Err(error(path, format!("the name or alias {heading:?} already stands for field number {}", other + 1)));
            }
        }
        fields.push(field);
    }
    renames(&fields, path)?;
    let mut natural_keys = Vec::new();
    if let Some(keys) = object.map.get("natural_keys") {
        let keys = keys.as_array().ok_or_else(|| error(object.at("natural_keys"), "a list of lists of field names is expected here"))?;
        for (index, key) in keys.iter().enumerate() {
            let path = format!("{}[{index}]", object.at("natural_keys"));
            let names: Option<Vec<String>> =
                key.as_array().and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
            let names = names.filter(|names| !names.is_empty()).ok_or_else(|| error(&path, "a list of field names is expected here"))?;
            known_fields(&fields, &names, &path)?;
            natural_keys.push(names);
        }
    }
    Ok(TableSchema { fields, natural_keys })
}

fn known_fields(fields: &[Field], names: &[String], path: &str) -> Result<(), SchemaError> {
    for (index, name) in names.iter().enumerate() {
        if !fields.iter().any(|field| *field.name == **name) {
            return Err(error(path, format!("there is no field {name:?} in this table")));
        }
        if names[..index].contains(name) {
            return Err(error(path, format!("the field {name:?} stands here twice")));
        }
    }
    Ok(())
}

fn renames(fields: &[Field], path: &str) -> Result<(), SchemaError> {
    let mut old_names = BTreeSet::new();
    for (index, field) in fields.iter().enumerate() {
        let Some(old) = &field.renamed_from else { continue };
        let path = format!("{path}.fields[{index}].renamed_from");
        if fields.iter().any(|other| *other.name == **old) {
            return Err(error(path, format!("{old:?} still is a field of this table, so nothing can have been renamed from it")));
        }
        if !old_names.insert(old) {
            return Err(error(path, format!("two fields cannot both have been renamed from {old:?}")));
        }
    }
    Ok(())
}

/// `^[a-z][a-z0-9_]{0,62}$`
fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

const ROLES: [(&str, Role); 3] = [("listener", Role::Listener), ("member", Role::Member), ("admin", Role::Admin)];

fn field(value: &Value, path: &str) -> Result<Field, SchemaError> {
    let object = Object::of(value, path)?;
    object.only(&[
        "name",
        "label",
        "help",
        "type",
        "format",
        "required",
        "unique",
        "min",
        "max",
        "scale",
        "max_length",
        "pattern",
        "choices",
        "of",
        "separator",
        "max_items",
        "to",
        "default",
        "aliases",
        "read_role",
        "write_role",
        "read_only",
        "on_invalid",
        "map",
        "renamed_from",
    ])?;
    let name = object.text("name")?.ok_or_else(|| error(object.at("name"), "the name is missing"))?;
    if !is_name(name) {
        return Err(error(
            object.at("name"),
            format!("{name:?} is no field name: a small letter, then small letters, digits and _, at most 63 in all"),
        ));
    }
    let types: Vec<(&str, FieldType)> = FieldType::ALL.iter().map(|one| (one.as_str(), *one)).collect();
    if !object.map.contains_key("type") {
        return Err(error(object.at("type"), "the type is missing"));
    }
    let field_type = object.word("type", FieldType::Text, &types)?;
    effective_keys(&object, field_type)?;
    let formats: Vec<(&str, Option<Format>)> = Format::ALL.iter().map(|one| (one.as_str(), Some(*one))).collect();
    let format = object.word("format", None, &formats)?;
    if format.is_some_and(|format| (format == Format::Percent) != (field_type == FieldType::Decimal)) {
        return Err(error(object.at("format"), format!("this format does not go with the type {}", field_type.as_str())));
    }
    let scale = object.integer("scale")?.unwrap_or(if field_type == FieldType::Decimal { 2 } else { 0 });
    let scale = u8::try_from(scale).ok().filter(|scale| *scale <= MAX_SCALE && (field_type != FieldType::Decimal || *scale > 0));
    let scale = scale.ok_or_else(|| error(object.at("scale"), format!("a whole number from 1 to {MAX_SCALE} is expected here")))?;
    if format == Some(Format::Percent) && scale != 2 {
        return Err(error(object.at("scale"), "a percent column has two decimals"));
    }
    let (length, longest) = match field_type {
        FieldType::Longtext => (10_000, 32_000),
        FieldType::Url => (2_000, 4_000),
        _ => (300, 4_000),
    };
    let words = |one: &'static [Required]| one.iter().map(|one| (one.as_str(), *one)).collect::<Vec<_>>();
    let on_invalid: Vec<(&str, OnInvalid)> = OnInvalid::ALL.iter().map(|one| (one.as_str(), *one)).collect();
    let mut field = Field {
        name: Arc::from(name),
        label: object.text("label")?.unwrap_or(name).to_owned(),
        help: object.text("help")?.map(str::to_owned),
        field_type,
        format,
        required: object.word("required", Required::Never, &words(Required::ALL))?,
        unique: object.flag("unique")?,
        min: None,
        max: None,
        scale,
        max_length: object.count("max_length", length, longest)?,
        pattern: pattern(&object)?,
        choices: choices(&object, field_type)?,
        separator: separator(&object)?,
        max_items: object.count("max_items", 200, 1_000)?,
        to: object.word("to", None, &[("tracks", Some(Table::Tracks)), ("splits", Some(Table::Splits))])?,
        default: None,
        aliases: object.texts("aliases")?,
        read_role: object.word("read_role", Role::Listener, &ROLES)?,
        write_role: object.word("write_role", Role::Member, &ROLES[1..])?,
        read_only: object.flag("read_only")?,
        on_invalid: object.word("on_invalid", OnInvalid::Error, &on_invalid)?,
        map: tags(&object)?,
        renamed_from: object.text("renamed_from")?.map(str::to_owned),
    };
    if field.renamed_from.as_deref().is_some_and(|old| !is_name(old) || old == name) {
        return Err(error(object.at("renamed_from"), "the earlier name of this field is expected here"));
    }
    if field_type == FieldType::Reference && field.to.is_none() {
        return Err(error(object.at("to"), "a reference names the table of the row: tracks or splits"));
    }
    if field.aliases.iter().any(|alias| alias.starts_with('_')) {
        return Err(error(object.at("aliases"), "names that begin with _ are reserved"));
    }
    bounds(&object, &mut field)?;
    if let Some(value) = object.map.get("default") {
        let value = typed(value).ok_or_else(|| error(object.at("default"), "a value of this column is expected here"))?;
        let wrong = |problem| error(object.at("default"), format!("the default does not satisfy its own field: {problem}"));
        let warnings = field.check(&value).map_err(wrong)?;
        warnings.into_iter().next().map_or(Ok(()), |warning| Err(wrong(warning)))?;
        field.default = Some(value);
    }
    Ok(field)
}

/// Refuses keys that would have no effect on a column of this type.
fn effective_keys(object: &Object<'_>, field_type: FieldType) -> Result<(), SchemaError> {
    use FieldType::{Choice, Date, Decimal, Duration, Integer, List, Longtext, Reference, Text, Url};
    let known: [(&str, &[FieldType]); 11] = [
        ("format", &[Text, List, Decimal]),
        ("min", &[Integer, Decimal, Date, Duration]),
        ("max", &[Integer, Decimal, Date, Duration]),
        ("scale", &[Decimal]),
        ("max_length", &[Text, Longtext, List, Url]),
        ("pattern", &[Text, Longtext, List, Url]),
        ("choices", &[Choice]),
        ("of", &[List]),
        ("separator", &[List]),
        ("max_items", &[List]),
        ("to", &[Reference]),
    ];
    for (key, types) in known {
        if object.map.contains_key(key) && !types.contains(&field_type) {
            return Err(error(object.at(key), format!("this key has no effect on a column of the type {}", field_type.as_str())));
        }
    }
    if object.text("of")?.is_some_and(|of| of != "text") {
        return Err(error(object.at("of"), "lists hold text; write \"text\""));
    }
    Ok(())
}

fn pattern(object: &Object<'_>) -> Result<Option<Pattern>, SchemaError> {
    let Some(text) = object.text("pattern")? else { return Ok(None) };
    if text.chars().count() > MAX_PATTERN_CHARS {
        return Err(error(object.at("pattern"), format!("a pattern has at most {MAX_PATTERN_CHARS} characters")));
    }
    // Compiled alone first, so that a pattern cannot close the group it is put into.
    let alone = regex::RegexBuilder::new(text).size_limit(1 << 20).nest_limit(50).build();
    let anchored = regex::RegexBuilder::new(&format!(r"\A(?:{text})\z")).size_limit(1 << 20).dfa_size_limit(1 << 20).nest_limit(60).build();
    match alone.and(anchored) {
        Ok(regex) => Ok(Some(Pattern { text: text.to_owned(), regex })),
        Err(wrong) => Err(error(object.at("pattern"), format!("this pattern cannot be used: {}", wrong.to_string().replace('\n', " ")))),
    }
}

fn choices(object: &Object<'_>, field_type: FieldType) -> Result<Vec<String>, SchemaError> {
    let choices = object.texts("choices")?;
    if field_type == FieldType::Choice && choices.is_empty() {
        return Err(error(object.at("choices"), "a choice column needs at least one word"));
    }
    if choices.len() > 1_000 {
        return Err(error(object.at("choices"), format!("{} words are given; at most 1000 are allowed", choices.len())));
    }
    let mut seen = BTreeSet::new();
    for choice in &choices {
        if !seen.insert(words::fold(choice)) {
            return Err(error(object.at("choices"), format!("{choice:?} stands twice; capital letters make no difference")));
        }
    }
    Ok(choices)
}

fn separator(object: &Object<'_>) -> Result<char, SchemaError> {
    let Some(text) = object.text("separator")? else { return Ok('|') };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(one @ ('|' | ';' | ',' | '/' | '~' | '^' | '&' | '*')), None) => Ok(one),
        _ => Err(error(object.at("separator"), "one of | ; , / ~ ^ & * is expected here")),
    }
}

fn tags(object: &Object<'_>) -> Result<BTreeMap<String, String>, SchemaError> {
    let Some(value) = object.map.get("map") else { return Ok(BTreeMap::new()) };
    let inner = Object::of(value, &object.at("map"))?;
    inner.only(&["id3", "vorbis"])?;
    let mut tags = BTreeMap::new();
    for key in inner.map.keys() {
        tags.insert(key.clone(), inner.text(key)?.unwrap_or_default().to_owned());
    }
    Ok(tags)
}

fn typed(value: &Value) -> Option<CellValue> {
    serde_json::from_value(value.clone()).ok()
}

fn bounds(object: &Object<'_>, field: &mut Field) -> Result<(), SchemaError> {
    let on_invalid = std::mem::replace(&mut field.on_invalid, OnInvalid::Error);
    for key in ["min", "max"] {
        let Some(value) = object.map.get(key) else { continue };
        let expected = match field.field_type {
            FieldType::Integer | FieldType::Duration => "a whole number without quotes is expected here",
            FieldType::Decimal => "a number in quotes, such as \"0.00\", is expected here",
            _ => "a date in quotes, such as \"2026-01-31\", is expected here",
        };
        let bound = typed(value).and_then(|value| field.accept(value).ok()).and_then(|parsed| parsed.value);
        let bound = bound
            .ok_or_else(|| error(object.at(key), if key == "max" { format!("{expected}, not below min") } else { expected.to_owned() }))?;
        // With min already set, a max below it is out of range and was refused above.
        *(if key == "min" { &mut field.min } else { &mut field.max }) = Some(bound);
    }
    field.on_invalid = on_invalid;
    Ok(())
}

fn rules(top: &Object<'_>, tables: &BTreeMap<Table, TableSchema>) -> Result<Vec<Rule>, SchemaError> {
    let Some(value) = top.map.get("rules") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| error("$.rules", "a list of rules is expected here"))?;
    let mut rules = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let path = format!("$.rules[{index}]");
        let rule: Rule = serde_json::from_value(value.clone()).map_err(|wrong| error(&path, wrong.to_string()))?;
        let fields = &tables.get(&rule.table()).ok_or_else(|| error(&path, "no such table"))?.fields;
        match &rule {
            Rule::UniqueTogether { fields: names, .. } => {
                if names.is_empty() {
                    return Err(error(path, "at least one field is expected"));
                }
                known_fields(fields, names, &path)?;
            }
            Rule::Sum { group_by, field: name, equals, .. } => {
                known_fields(fields, group_by, &path)?;
                known_fields(fields, std::slice::from_ref(name), &path)?;
                let field = fields.iter().find(|field| *field.name == **name);
                let summable = field.filter(|field| matches!(field.field_type, FieldType::Decimal | FieldType::Integer));
                let field = summable.ok_or_else(|| error(&path, format!("{name:?} is no column of numbers")))?;
                if crate::catalogue::number::units(equals, field.scale).is_none() {
                    return Err(error(format!("{path}.equals"), format!("{equals:?} is no number with {} decimals", field.scale)));
                }
            }
        }
        rules.push(rule);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests;
