//! Finding rows by what their cells say. Give it the catalogue as its reader may read it: what they may not read, they do not find.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::catalogue::row::{Catalogue, RowId};

/// Longest query that is looked at, in characters.
const MAX_QUERY_CHARS: usize = 200;

/// A row that says every word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The row.
    pub row: RowId,
    /// The first column, in the order of the schema, that says one of the words.
    pub field: String,
    /// What it says, as shown.
    pub text: String,
}

/// Text without case, accents and width: what people mean to find.
fn folded(text: &str) -> String {
    text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase).collect()
}

/// Rows whose cells say every word of `query`, in the order of the catalogue, at most `most`.
#[must_use]
pub fn search(catalogue: &Catalogue, query: &str, most: usize) -> Vec<Hit> {
    let query: String = query.chars().take(MAX_QUERY_CHARS).collect();
    let query = folded(&query);
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits = Vec::new();
    for row in catalogue.rows() {
        if hits.len() >= most {
            break;
        }
        let mut found: Vec<bool> = vec![false; words.len()];
        let mut first = None;
        for field in catalogue.schema().fields(row.table()) {
            let Some(value) = row.cells().get(&field.name) else { continue };
            let text = field.display(value);
            let cell = folded(&text);
            let mut says = false;
            for (word, found) in words.iter().zip(&mut found) {
                if cell.contains(word) {
                    (*found, says) = (true, true);
                }
            }
            if says && first.is_none() {
                first = Some((field.name.to_string(), text));
            }
        }
        if let Some((field, text)) = first.filter(|_| found.iter().all(|found| *found)) {
            hits.push(Hit { row: row.id().clone(), field, text });
        }
    }
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::samples::{band, track};
    use crate::role::Role;

    fn found(query: &str, role: Role) -> Vec<(RowId, String)> {
        search(&band().readable_by(role), query, 10).into_iter().map(|hit| (hit.row, hit.field)).collect()
    }

    #[test]
    fn words_are_found_in_any_cell_without_case_and_accents() {
        assert_eq!(found("NIGHT beyonce", Role::Admin), [(track(1), "title".to_owned())]);
        assert_eq!(found("usS1z9900002", Role::Admin), [(track(3), "isrc".to_owned())]);
        assert_eq!(found("night nowhere", Role::Admin), []);
        assert_eq!(found("   ", Role::Admin), []);
        assert_eq!(search(&band(), "a", 1).len(), 1);
    }

    #[test]
    fn p10_what_a_role_may_not_read_it_does_not_find() {
        assert_eq!(found("secret", Role::Admin).len(), 1);
        assert_eq!(found("secret", Role::Member), []);
    }
}
