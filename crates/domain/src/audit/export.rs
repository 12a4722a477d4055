//! The exported form of a project's log and catalogue, and checking one against the other offline, line by line, in bounded memory.
//!
//! `audit.jsonl` holds one [`LogLine`] per line: the exact bytes of an entry as text, with its details and their salt. `catalogue.json` is
//! an [`ExportedCatalogue`]: the rows as they were hashed, or their hashes alone where the reader may not read every column.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::chain::{Finding, Tail, Verdict, Verifier};
use crate::audit::entry::{Entry, MAX_ENTRY_BYTES, detail_commitment};
use crate::catalogue::row::{Catalogue, Row, RowContent, RowId, Salt, head_hash, no_parent, state_hash};
use crate::catalogue::schema::Schema;
use crate::hash::ObjectHash;

/// Longest line that is read: an entry with its details.
pub const MAX_LINE_BYTES: usize = 4 * MAX_ENTRY_BYTES;

/// One entry in an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// The exact bytes of the entry, as text.
    pub entry: String,
    /// Its details, unless erased.
    #[serde(default)]
    pub detail: Option<Value>,
    /// Salt of the details.
    #[serde(default)]
    pub salt: Option<Salt>,
}

/// A row in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ExportedRow {
    /// As it was hashed.
    Whole {
        /// What it says.
        content: RowContent,
        /// Its salt.
        salt: Salt,
    },
    /// Its hash alone: a column in it is hidden from this reader.
    Hashed {
        /// The row.
        id: RowId,
        /// Its hash.
        hash: ObjectHash,
    },
}

/// The catalogue in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedCatalogue {
    /// Id of the state.
    pub head: ObjectHash,
    /// Its number.
    pub number: i64,
    /// The column schema document.
    pub schema: Value,
    /// The rows, in order of approval.
    pub rows: Vec<ExportedRow>,
}

/// Something that is no failure, and worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "notice")]
pub enum Notice {
    /// The details of an entry are not there any more.
    ErasedBy {
        /// The entry.
        seq: i64,
        /// The entry that erased them, where one says so.
        by: Option<i64>,
    },
    /// Some columns are hidden from the reader, so what these rows say was not checked, only that they are unchanged.
    HiddenColumns {
        /// How many rows.
        rows: usize,
    },
}

/// What checking an export found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// End of the log.
    pub tail: Tail,
    /// Entries.
    pub entries: i64,
    /// Whether the catalogue at hand was compared with the log.
    pub catalogue_checked: bool,
    /// What is worth knowing.
    pub notices: Vec<Notice>,
}

/// Checks the log of an export, line by line.
#[derive(Debug, Clone)]
pub struct LogCheck {
    verifier: Verifier,
    chain: String,
    remembered: Option<Tail>,
    /// Head before the last entry that changed the catalogue; empty for the first state.
    parent: String,
    missing: Vec<i64>,
    erasures: Vec<(i64, String)>,
}

impl LogCheck {
    /// Begins at the first entry of `chain`; `remembered` is how far this reader has seen it before.
    #[must_use]
    pub fn new(chain: &str, remembered: Option<Tail>) -> Self {
        Self {
            verifier: Verifier::new(chain),
            chain: chain.to_owned(),
            remembered,
            parent: String::new(),
            missing: Vec::new(),
            erasures: Vec::new(),
        }
    }

    fn finding(&self, seq: i64, verdict: Verdict, why: impl Into<String>) -> Finding {
        Finding { verdict, chain: self.chain.clone(), seq, why: why.into() }
    }

    /// Takes the next line of the log.
    /// # Errors
    /// What does not fit.
    pub fn line(&mut self, line: &str) -> Result<Entry, Finding> {
        let next = self.verifier.tail().seq + 1;
        if line.len() > MAX_LINE_BYTES {
            return Err(self.finding(
                next,
                Verdict::Malformed,
                format!("a line of {} bytes; at most {MAX_LINE_BYTES} are read", line.len()),
            ));
        }
        let line: LogLine = serde_json::from_str(line).map_err(|error| self.finding(next, Verdict::Malformed, error.to_string()))?;
        let entry = self.verifier.next(line.entry.as_bytes())?;
        match (&line.detail, line.salt, entry.details.is_empty()) {
            (None, _, true) => {}
            (None, _, false) => self.missing.push(entry.seq),
            (Some(_), _, true) | (Some(_), None, _) => {
                return Err(self.finding(entry.seq, Verdict::Malformed, "details stand beside an entry that names none"));
            }
            (Some(detail), Some(salt), false) => {
                let fits = detail_commitment(salt, detail).is_ok_and(|commitment| commitment.to_string() == entry.details);
                if !fits {
                    return Err(self.finding(entry.seq, Verdict::Malformed, "its details are not those it was written with"));
                }
            }
        }
        if entry.action == "audit.erase" {
            self.erasures.push((entry.seq, entry.target.clone()));
        }
        if !entry.head_after.is_empty() {
            self.parent.clone_from(&entry.head_before);
        }
        let tail = self.verifier.tail();
        if let Some(remembered) = &self.remembered
            && remembered.seq == tail.seq
            && remembered.last != tail.last
        {
            let why = format!("it had the hash {} when it was seen before", remembered.last);
            return Err(self.finding(entry.seq, Verdict::Inconsistent, why));
        }
        Ok(entry)
    }

    /// Ends: compares with what this reader remembers, and with the catalogue of the export where it holds one.
    /// # Errors
    /// `truncated`, `catalogue_mismatch`, or `malformed` for a catalogue that is none.
    pub fn finish(self, catalogue: Option<&ExportedCatalogue>) -> Result<Checked, Finding> {
        let mut notices: Vec<Notice> = self.missing.iter().map(|seq| Notice::ErasedBy { seq: *seq, by: self.erased_by(*seq) }).collect();
        let seq = self.verifier.tail().seq;
        if let Some(catalogue) = catalogue {
            let (computed, hidden) = self.computed_head(catalogue)?;
            if computed != catalogue.head || computed.to_string() != self.verifier.tail().head {
                let why = format!(
                    "the log leads to the catalogue {:?}, the exported rows are the catalogue {computed}, and the export names it {}",
                    self.verifier.tail().head,
                    catalogue.head
                );
                return Err(self.finding(seq, Verdict::CatalogueMismatch, why));
            }
            if hidden > 0 {
                notices.push(Notice::HiddenColumns { rows: hidden });
            }
        }
        let remembered = self.remembered.clone();
        let tail = self.verifier.finish(None, remembered.as_ref())?;
        Ok(Checked { entries: tail.seq, tail, catalogue_checked: catalogue.is_some(), notices })
    }

    fn erased_by(&self, seq: i64) -> Option<i64> {
        let target = format!("{}#{seq}", self.chain);
        self.erasures.iter().find(|(_, erased)| *erased == target).map(|(by, _)| *by)
    }

    /// Head of the exported rows, computed anew, and how many rows gave only their hash.
    fn computed_head(&self, catalogue: &ExportedCatalogue) -> Result<(ObjectHash, usize), Finding> {
        let seq = self.verifier.tail().seq;
        let schema = Schema::from_value(&catalogue.schema)
            .map_err(|error| self.finding(seq, Verdict::Malformed, format!("the exported columns are none: {error}")))?;
        let parent = match self.parent.as_str() {
            "" => no_parent(),
            text => ObjectHash::parse(text).map_err(|_| self.finding(seq, Verdict::Malformed, "a catalogue state without a name"))?,
        };
        let mut hidden = 0;
        let mut ids = BTreeSet::new();
        let mut rows = Vec::with_capacity(catalogue.rows.len());
        for row in &catalogue.rows {
            let (id, hash) = match row {
                ExportedRow::Whole { content, salt } => (&content.id, content.hash(*salt)),
                ExportedRow::Hashed { id, hash } => {
                    hidden += 1;
                    (id, *hash)
                }
            };
            if !ids.insert(id) {
                return Err(self.finding(seq, Verdict::Malformed, format!("the row {id} stands twice in the exported catalogue")));
            }
            rows.push((id, hash));
        }
        Ok((head_hash(&parent, &state_hash(&schema.hash(), rows)), hidden))
    }
}

impl ExportedCatalogue {
    /// A catalogue as it is exported: whole rows for who may read every column, else their hashes. `None` when a row came without its hash.
    #[must_use]
    pub fn of(catalogue: &Catalogue, head: ObjectHash, number: i64, reads_everything: bool) -> Option<Self> {
        let row = |row: &Row| {
            Some(if reads_everything {
                ExportedRow::Whole { content: row.content().clone(), salt: row.salt()? }
            } else {
                ExportedRow::Hashed { id: row.id().clone(), hash: row.hash()? }
            })
        };
        let rows: Option<Vec<ExportedRow>> = catalogue.rows().iter().map(row).collect();
        Some(Self { head, number, schema: catalogue.schema().to_value(), rows: rows? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::entry::{self, no_previous};
    use crate::audit::samples::{CHAIN, sample};
    use crate::catalogue::samples::band;

    struct Log {
        lines: Vec<String>,
        catalogue: ExportedCatalogue,
    }

    /// A log of five entries whose last change of the catalogue leads to the sample catalogue.
    fn log() -> Log {
        let band = band();
        let first = band.schema().hash();
        let empty = head_hash(&no_parent(), &state_hash(&first, std::iter::empty()));
        let full = head_hash(&empty, &band.state().expect("sealed"));
        let mut prev = no_previous();
        let mut lines = Vec::new();
        for (seq, action, moved, detail) in [
            (1, "project.create", Some((String::new(), empty.to_string())), None),
            (2, "member.join", None, Some(serde_json::json!({"role": "admin"}))),
            (3, "change_set.propose", None, Some(serde_json::json!({"title": "All songs"}))),
            (4, "change_set.approve", Some((empty.to_string(), full.to_string())), None),
            (5, "member.join", None, None),
        ] {
            let salt = Salt([7; 16]);
            let (head_before, head_after) = moved.unwrap_or_default();
            let details = detail.as_ref().map(|detail| detail_commitment(salt, detail).expect("canonical").to_string());
            let entry = Entry { details: details.unwrap_or_default(), head_before, head_after, ..sample(action, seq, &prev) };
            let bytes = entry.bytes().expect("an entry");
            prev = entry::hash(&bytes).to_string();
            let line = LogLine { entry: String::from_utf8(bytes).expect("text"), salt: detail.is_some().then_some(salt), detail };
            lines.push(serde_json::to_string(&line).expect("JSON"));
        }
        Log { lines, catalogue: ExportedCatalogue::of(&band, full, 1, true).expect("sealed") }
    }

    fn check(lines: &[String], catalogue: Option<&ExportedCatalogue>, remembered: Option<Tail>) -> Result<Checked, Finding> {
        let mut check = LogCheck::new(CHAIN, remembered);
        for line in lines {
            check.line(line)?;
        }
        check.finish(catalogue)
    }

    fn verdict(lines: &[String], catalogue: Option<&ExportedCatalogue>, remembered: Option<Tail>) -> (Verdict, i64) {
        check(lines, catalogue, remembered).map_or_else(|finding| (finding.verdict, finding.seq), |checked| (Verdict::Ok, checked.entries))
    }

    #[test]
    fn an_untouched_export_fits_and_says_what_it_could_not_see() {
        let log = log();
        let checked = check(&log.lines, Some(&log.catalogue), None).expect("untouched");
        assert_eq!((checked.entries, checked.catalogue_checked, checked.notices.len()), (5, true, 0));
        let hashed = ExportedCatalogue::of(&band(), log.catalogue.head, 1, false).expect("sealed");
        assert_eq!(check(&log.lines, Some(&hashed), None).expect("untouched").notices, [Notice::HiddenColumns { rows: 5 }]);
        let mut erased = log.lines.clone();
        let mut line: LogLine = serde_json::from_str(&erased[1]).expect("a line");
        (line.detail, line.salt) = (None, None);
        erased[1] = serde_json::to_string(&line).expect("JSON");
        assert_eq!(check(&erased, None, None).expect("still a chain").notices, [Notice::ErasedBy { seq: 2, by: None }]);
    }

    #[test]
    fn every_kind_of_damage_has_its_name_and_its_entry() {
        let Log { lines, catalogue } = log();
        let changed = |place: usize, from: &str, to: &str| {
            let mut lines = lines.clone();
            assert!(lines[place].contains(from), "{}", lines[place]);
            lines[place] = lines[place].replacen(from, to, 1);
            lines
        };
        for (bad, expected) in [
            (changed(1, "member.join", "member join"), (Verdict::Malformed, 2)),
            (changed(1, "\"role\":\"admin\"", "\"role\":\"owner\""), (Verdict::Malformed, 2)),
            (changed(2, "\"v\\\":1", "\"v\\\": 1"), (Verdict::Malformed, 3)),
            (changed(1, "12:00:00.000Z", "12:00:00.001Z"), (Verdict::PrevMismatch, 3)),
            (["{".to_owned()].into_iter().chain(lines.clone()).collect(), (Verdict::Malformed, 1)),
            ([&lines[..1], &lines[2..]].concat(), (Verdict::SeqGap, 2)),
            ([&lines[..2], &lines[1..]].concat(), (Verdict::SeqGap, 3)),
        ] {
            assert_eq!(verdict(&bad, Some(&catalogue), None), expected);
        }
        assert_eq!(verdict(&lines[..3], Some(&catalogue), None), (Verdict::CatalogueMismatch, 3), "the approval is cut off");
        assert_eq!(verdict(&lines[..4], Some(&catalogue), None), (Verdict::Ok, 4), "a cut tail without effect");
        let whole = check(&lines, None, None).expect("untouched").tail;
        assert_eq!(verdict(&lines[..4], None, Some(whole.clone())), (Verdict::Truncated, 5), "shows to who remembers it");
        let other = Tail { last: ObjectHash::of(b"other"), ..whole };
        assert_eq!(verdict(&lines, None, Some(other)), (Verdict::Inconsistent, 5));
        let long = format!("{{\"entry\":\"{}\"}}", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(verdict(&[long], None, None), (Verdict::Malformed, 1));
    }

    #[test]
    fn a_changed_cell_a_missing_row_and_other_columns_do_not_explain_the_log() {
        let Log { lines, catalogue } = log();
        let mut cell = catalogue.clone();
        let ExportedRow::Whole { content, .. } = &mut cell.rows[0] else { panic!("a whole row") };
        content.cells.set("title", Some(crate::catalogue::cells::CellValue::text("Day Drive")));
        let mut gone = catalogue.clone();
        gone.rows.pop();
        let mut columns = catalogue.clone();
        columns.schema["tables"]["tracks"]["fields"].as_array_mut().expect("fields").pop();
        let mut named = catalogue.clone();
        named.head = ObjectHash::of(b"other");
        for other in [cell, gone, columns, named] {
            assert_eq!(verdict(&lines, Some(&other), None).0, Verdict::CatalogueMismatch);
        }
        let mut twice = catalogue.clone();
        twice.rows.push(twice.rows[0].clone());
        let mut nothing = catalogue;
        nothing.schema = Value::Null;
        for other in [twice, nothing] {
            assert_eq!(verdict(&lines, Some(&other), None).0, Verdict::Malformed);
        }
    }
}
