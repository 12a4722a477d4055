//! Names written alike: which cells may mean the same artist, and one spelling for all of them. Only ever an offer; two people can be
//! called alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::catalogue::cells::{CellValue, nfc};
use crate::catalogue::row::{RowContent, RowId};
use crate::catalogue::schema::{Field, FieldType, Schema, Table};
use crate::catalogue::steps;

/// Columns of the shipped document that name people or bands.
const NAMES: [&str; 8] = ["main_artist", "featured_artists", "remixer", "composers", "lyricists", "producers", "publishers", "party"];
/// Vorbis tags of columns that do.
const TAGS: [&str; 10] =
    ["ARTIST", "ALBUMARTIST", "PERFORMER", "COMPOSER", "LYRICIST", "ARRANGER", "PRODUCER", "REMIXER", "CONDUCTOR", "PUBLISHER"];
/// Shorter names are too easily one letter apart: Ann, Anna, Anne.
const SHORTEST_ALIKE: usize = 6;
/// Most groups offered at once.
pub const MOST_GROUPS: usize = 200;

/// Whether a column names people or bands: one of the shipped columns, or a text column that fills an artist's tag.
#[must_use]
pub fn names_people(field: &Field) -> bool {
    matches!(field.field_type, FieldType::Text | FieldType::List)
        && field.format.is_none()
        && (NAMES.contains(&&*field.name) || field.map.get("vorbis").is_some_and(|tag| TAGS.contains(&tag.as_str())))
}

/// One way to write a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// As written, in NFC.
    pub text: String,
    /// In how many cells.
    pub cells: usize,
}

/// The name without case, accents, width, marks and spaces, `&` read as “and”, a “the” in front left out.
fn folded(name: &str) -> String {
    let plain: String = name
        .nfkd()
        .filter(|character| !is_combining_mark(*character))
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .replace('&', " and ");
    let words: Vec<&str> = plain.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let words = if words.len() > 1 && words[0] == "the" { &words[1..] } else { &words[..] };
    words.concat()
}

/// Every name that one letter less of `name` gives, and the name itself: two names one letter apart share one of them.
fn neighbours(name: &str) -> Vec<String> {
    steps::count(name.chars().count());
    let places = name.char_indices().map(|(place, character)| [&name[..place], &name[place + character.len_utf8()..]].concat());
    places.chain([name.to_owned()]).collect()
}

/// Whether both names are the same but for one letter more, less, other or swapped. Numbers are never a slip: Part 1 is not Part 2.
fn is_slip(a: &str, b: &str) -> bool {
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    a.chars().count().min(b.chars().count()) >= SHORTEST_ALIKE && digits(a) == digits(b) && strsim::osa_distance(a, b) == 1
}

fn names<'a>(schema: &Schema, row: &'a RowContent) -> impl Iterator<Item = (String, &'a str)> {
    let fields = schema.fields(row.id.table()).iter().filter(|field| names_people(field));
    let cells: Vec<(String, &CellValue)> =
        fields.filter_map(|field| row.cells.get(&field.name).map(|value| (field.name.to_string(), value))).collect();
    cells.into_iter().flat_map(|(field, value)| {
        let items: Vec<&str> = match value {
            CellValue::Text(text) => vec![&**text],
            CellValue::List(items) => items.iter().map(|item| &**item).collect(),
            CellValue::Integer(_) | CellValue::Boolean(_) => Vec::new(),
        };
        items.into_iter().map(move |item| (field.clone(), item))
    })
}

/// Groups of names of one table that are written alike, the most frequent spelling first in each, the largest group first.
#[must_use]
pub fn alike<'a>(schema: &Schema, table: Table, rows: impl Iterator<Item = &'a RowContent>) -> Vec<Vec<Spelling>> {
    let mut written: HashMap<String, usize> = HashMap::new();
    for row in rows.filter(|row| row.id.table() == table) {
        for (_, name) in names(schema, row) {
            *written.entry(nfc(name).into_owned()).or_default() += 1;
        }
    }
    // Spellings that fold to the same are one name; names one letter apart join the more frequent one.
    let mut same: BTreeMap<String, Vec<Spelling>> = BTreeMap::new();
    for (text, cells) in written {
        let key = folded(&text);
        if !key.is_empty() {
            same.entry(key).or_default().push(Spelling { text, cells });
        }
    }
    let frequency = |spellings: &[Spelling]| spellings.iter().map(|spelling| spelling.cells).sum::<usize>();
    let mut by_frequency: Vec<&str> = same.keys().map(String::as_str).collect();
    by_frequency.sort_by_key(|key| std::cmp::Reverse(frequency(&same[*key])));
    let mut near: HashMap<String, Vec<&str>> = HashMap::new();
    for key in by_frequency.iter().filter(|key| key.chars().count() >= SHORTEST_ALIKE) {
        for neighbour in neighbours(key) {
            near.entry(neighbour).or_default().push(key);
        }
    }
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut groups = Vec::new();
    for key in &by_frequency {
        if !taken.insert(key) {
            continue;
        }
        let mut group = same[*key].clone();
        let close: BTreeSet<&str> = if key.chars().count() < SHORTEST_ALIKE {
            BTreeSet::new()
        } else {
            neighbours(key).iter().filter_map(|neighbour| near.get(neighbour)).flatten().copied().collect()
        };
        steps::count(close.len());
        for other in close {
            if !taken.contains(other) && is_slip(key, other) {
                taken.insert(other);
                group.extend(same[other].iter().cloned());
            }
        }
        if group.len() > 1 {
            group.sort_by(|a, b| b.cells.cmp(&a.cells).then_with(|| a.text.cmp(&b.text)));
            groups.push(group);
        }
    }
    groups.sort_by(|a, b| frequency(b).cmp(&frequency(a)).then_with(|| a[0].text.cmp(&b[0].text)));
    groups.truncate(MOST_GROUPS);
    groups
}

/// A cell with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respelt {
    /// The row.
    pub row: RowId,
    /// The column.
    pub field: String,
    /// Its new value.
    pub to: CellValue,
}

/// The cells of one table that write a name in one of the spellings `from`, with `to` in its place. A list that would name somebody twice
/// names them once.
#[must_use]
pub fn respelt<'a>(schema: &Schema, table: Table, rows: impl Iterator<Item = &'a RowContent>, from: &[String], to: &str) -> Vec<Respelt> {
    let from: BTreeSet<String> = from.iter().map(|name| nfc(name).into_owned()).filter(|name| name != to).collect();
    let is_meant = |name: &str| from.contains(&*nfc(name));
    let mut changed = Vec::new();
    for row in rows.filter(|row| row.id.table() == table) {
        for field in schema.fields(table).iter().filter(|field| names_people(field)) {
            let to = match row.cells.get(&field.name) {
                Some(CellValue::Text(text)) if is_meant(text) => CellValue::text(to),
                Some(CellValue::List(items)) if items.iter().any(|item| is_meant(item)) => {
                    let mut names: Vec<&str> = Vec::with_capacity(items.len());
                    for item in items {
                        let name = if is_meant(item) { to } else { item };
                        if !(name == to && names.contains(&to)) {
                            names.push(name);
                        }
                    }
                    CellValue::list(names)
                }
                _ => continue,
            };
            changed.push(Respelt { row: row.id.clone(), field: field.name.to_string(), to });
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::samples::{cells, schema_of, split, track};
    use crate::catalogue::schema::default_schema;

    fn rows(names: &[(&str, &[&str])]) -> Vec<RowContent> {
        let row = |(place, (artist, composers)): (usize, &(&str, &[&str]))| {
            let id = track(u8::try_from(place).expect("few rows") + 1);
            RowContent::new(id, cells(serde_json::json!({"title": artist, "main_artist": artist, "composers": composers})))
        };
        names.iter().enumerate().map(row).collect()
    }

    fn groups(rows: &[RowContent]) -> Vec<Vec<(String, usize)>> {
        let groups = alike(&default_schema(), Table::Tracks, rows.iter());
        groups.into_iter().map(|group| group.into_iter().map(|spelling| (spelling.text, spelling.cells)).collect()).collect()
    }

    fn pairs(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
        pairs.iter().map(|(text, cells)| ((*text).to_owned(), *cells)).collect()
    }

    #[test]
    fn names_written_alike_are_offered_the_most_frequent_first() {
        let rows = rows(&[
            ("Beyoncé", &["Ada Osei"]),
            ("Beyonce", &["Ada Osei", "Mara Lindqvist"]),
            ("BEYONCE\u{301}", &["ada osei", "Mara Lindquist"]),
            ("Beyoncé", &["Mara Lindqvist"]),
            ("The Kites & Co", &["Kites and Co."]),
        ]);
        let expected = [
            pairs(&[("Beyoncé", 2), ("BEYONCÉ", 1), ("Beyonce", 1)]),
            pairs(&[("Ada Osei", 2), ("ada osei", 1)]),
            pairs(&[("Mara Lindqvist", 2), ("Mara Lindquist", 1)]),
            pairs(&[("Kites and Co.", 1), ("The Kites & Co", 1)]),
        ];
        assert_eq!(groups(&rows), expected);
    }

    #[test]
    fn other_people_titles_short_names_and_numbers_are_left_alone() {
        let rows = rows(&[
            ("Ann", &["Anna"]),
            ("Anne", &["Mara Lindqvist"]),
            ("Unit 4711", &["Unit 4712"]),
            ("Ada Osei", &["Ida Lund", "李娜", "李宁"]),
        ]);
        assert_eq!(groups(&rows), Vec::<Vec<(String, usize)>>::new());
    }

    #[test]
    fn one_spelling_is_written_into_texts_and_lists_and_nobody_stands_twice() {
        let rows = rows(&[("Beyonce", &["Beyonce", "Ada", "BEYONCÉ"]), ("Beyoncé", &["Ada"])]);
        let from = ["Beyonce".to_owned(), "BEYONCE\u{301}".to_owned(), "Beyoncé".to_owned()];
        let changed = respelt(&default_schema(), Table::Tracks, rows.iter(), &from, "Beyoncé");
        let changed: Vec<(RowId, &str, CellValue)> = changed.iter().map(|cell| (cell.row.clone(), &*cell.field, cell.to.clone())).collect();
        let expected =
            [(track(1), "main_artist", CellValue::text("Beyoncé")), (track(1), "composers", CellValue::list(["Beyoncé", "Ada"]))];
        assert_eq!(changed, expected, "titles stay, as does what is right already");
    }

    #[test]
    fn a_column_by_json_alone_counts_when_it_fills_the_tag_of_an_artist() {
        let schema = schema_of(serde_json::json!([
            {"name": "arranger", "type": "text", "map": {"vorbis": "ARRANGER"}}, {"name": "mood", "type": "text"}]));
        let people: Vec<&str> = schema.fields(Table::Tracks).iter().filter(|field| names_people(field)).map(|field| &*field.name).collect();
        assert_eq!(people, ["arranger"]);
        let party = RowContent::new(split(1), cells(serde_json::json!({"party": "Ada Osei"})));
        let other = RowContent::new(split(2), cells(serde_json::json!({"party": "Ada  Osei"})));
        assert_eq!(alike(&default_schema(), Table::Splits, [&party, &other].into_iter()).len(), 1);
    }

    #[test]
    fn p12_finding_names_written_alike_takes_steps_by_the_number_of_names() {
        let letters = |mut number: usize| -> String {
            (0..8)
                .map(|_| {
                    number = number.wrapping_mul(7919).wrapping_add(13) % 1_000_003;
                    char::from(b'a' + u8::try_from(number % 26).expect("a letter"))
                })
                .collect()
        };
        let party = |place: usize| RowContent::new(split(1), cells(serde_json::json!({"party": format!("Studio {}", letters(place))})));
        let work = |count: usize| {
            let rows: Vec<RowContent> = (0..count).map(party).collect();
            steps::of(|| drop(alike(&default_schema(), Table::Splits, rows.iter())))
        };
        let (once, twice) = (work(1_000), work(2_000));
        assert!(once > 1_000 && twice <= once * 21 / 10, "{once} steps for 1,000 names, {twice} for 2,000");
    }
}
