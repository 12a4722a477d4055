//! Verifying a chain of entries from its bytes alone, entry by entry, in bounded memory.

use serde::{Deserialize, Serialize};

use crate::audit::entry::{self, Entry, EntryError};
use crate::hash::ObjectHash;

/// Result of verifying a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything fits.
    Ok,
    /// Bytes that are no entry.
    Malformed,
    /// An entry is missing or stands twice.
    SeqGap,
    /// An entry does not follow from the one before.
    PrevMismatch,
    /// An entry is not in the tree of the log.
    NotIncluded,
    /// A checkpoint's signature is wrong.
    BadSignature,
    /// A checkpoint is signed by a key nobody pinned.
    UnknownKey,
    /// Two checkpoints tell different histories.
    Inconsistent,
    /// An entry does not lead from the catalogue state before it.
    StateMismatch,
    /// The log does not lead to the catalogue at hand.
    CatalogueMismatch,
    /// Entries this reader has seen before are missing at the end.
    Truncated,
}

impl Verdict {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Malformed => "malformed",
            Self::SeqGap => "seq_gap",
            Self::PrevMismatch => "prev_mismatch",
            Self::NotIncluded => "not_included",
            Self::BadSignature => "bad_signature",
            Self::UnknownKey => "unknown_key",
            Self::Inconsistent => "inconsistent",
            Self::StateMismatch => "state_mismatch",
            Self::CatalogueMismatch => "catalogue_mismatch",
            Self::Truncated => "truncated",
        }
    }
}

/// The first thing that does not fit, with its entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("entry {seq} of {chain}: {}", verdict.as_str())]
pub struct Finding {
    /// What does not fit.
    pub verdict: Verdict,
    /// The chain.
    pub chain: String,
    /// Place of the entry in the chain as it should be, from 1.
    pub seq: i64,
    /// More about it.
    pub why: String,
}

/// What a verified chain says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Entries so far.
    pub seq: i64,
    /// Hash of the last entry; 64 zeros for none.
    pub last: ObjectHash,
    /// Catalogue head after the last entry that names one; empty for none.
    pub head: String,
}

/// Verifies one chain, entry by entry.
#[derive(Debug, Clone)]
pub struct Verifier {
    chain: String,
    tail: Tail,
}

impl Verifier {
    /// Begins at the first entry of `chain`.
    #[must_use]
    pub fn new(chain: &str) -> Self {
        Self { chain: chain.to_owned(), tail: Tail { seq: 0, last: ObjectHash::from_bytes([0; 32]), head: String::new() } }
    }

    /// Goes on after a tail this reader verified earlier.
    #[must_use]
    pub fn after(chain: &str, tail: Tail) -> Self {
        Self { chain: chain.to_owned(), tail }
    }

    fn finding(&self, verdict: Verdict, why: impl Into<String>) -> Finding {
        Finding { verdict, chain: self.chain.clone(), seq: self.tail.seq + 1, why: why.into() }
    }

    /// Takes the bytes of the next entry and gives it back read.
    /// # Errors
    /// What does not fit.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Entry, Finding> {
        let entry = Entry::parse(bytes).map_err(|error: EntryError| self.finding(Verdict::Malformed, error.to_string()))?;
        if entry.chain != self.chain {
            return Err(self.finding(Verdict::Malformed, format!("this entry belongs to {}", entry.chain)));
        }
        if entry.seq != self.tail.seq + 1 {
            return Err(self.finding(Verdict::SeqGap, format!("expected entry {}, found entry {}", self.tail.seq + 1, entry.seq)));
        }
        if entry.prev != self.tail.last.to_string() {
            return Err(self.finding(
                Verdict::PrevMismatch,
                format!("it follows an entry with the hash {}, and the one before has {}", entry.prev, self.tail.last),
            ));
        }
        // Entries without effect on the catalogue name no heads; one that names the state after also names the state before.
        if !(entry.head_before.is_empty() && entry.head_after.is_empty()) {
            if entry.head_before != self.tail.head {
                let why = format!(
                    "it leads from the catalogue state {:?}, and the entries before lead to {:?}",
                    entry.head_before, self.tail.head
                );
                return Err(self.finding(Verdict::StateMismatch, why));
            }
            self.tail.head.clone_from(&entry.head_after);
        }
        self.tail.seq = entry.seq;
        self.tail.last = entry::hash(bytes);
        Ok(entry)
    }

    /// What the chain says so far.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Ends: compares with the catalogue head at hand and with the tail this reader remembers from earlier, where there are such.
    /// # Errors
    /// `truncated` when entries seen before are missing, `catalogue_mismatch` when the log does not lead to `head`.
    pub fn finish(self, head: Option<&ObjectHash>, remembered: Option<&Tail>) -> Result<Tail, Finding> {
        if let Some(remembered) = remembered.filter(|remembered| remembered.seq > self.tail.seq) {
            return Err(self.finding(
                Verdict::Truncated,
                format!("{} entries were seen here before, now there are {}", remembered.seq, self.tail.seq),
            ));
        }
        if let Some(head) = head.filter(|head| head.to_string() != self.tail.head) {
            return Err(self.finding(Verdict::CatalogueMismatch, format!("the log leads to {:?}, the catalogue is {head}", self.tail.head)));
        }
        Ok(self.tail)
    }
}

/// Verifies a whole chain.
/// # Errors
/// The first thing that does not fit.
pub fn verify<'a>(
    chain: &str,
    entries: impl IntoIterator<Item = &'a [u8]>,
    head: Option<&ObjectHash>,
    remembered: Option<&Tail>,
) -> Result<Tail, Finding> {
    let mut verifier = Verifier::new(chain);
    for bytes in entries {
        verifier.next(bytes)?;
        if let Some(remembered) =
            remembered.filter(|remembered| remembered.seq == verifier.tail.seq && remembered.last != verifier.tail.last)
        {
            let why = format!("entry {} had the hash {} when it was seen before", remembered.seq, remembered.last);
            return Err(Finding { verdict: Verdict::Inconsistent, chain: chain.to_owned(), seq: remembered.seq, why });
        }
    }
    verifier.finish(head, remembered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::samples::{CHAIN, sample};

    fn chain_of(count: i64) -> Vec<Vec<u8>> {
        let mut prev = entry::no_previous();
        let mut head = String::new();
        (1..=count)
            .map(|seq| {
                // Every third entry changes the catalogue.
                let (head_before, head_after) = if seq % 3 == 0 {
                    (head.clone(), ObjectHash::of(&seq.to_be_bytes()).to_string())
                } else {
                    (String::new(), String::new())
                };
                if !head_after.is_empty() {
                    head.clone_from(&head_after);
                }
                let entry = Entry { head_before, head_after, ..sample("catalogue.approve", seq, &prev) };
                let bytes = entry.bytes().expect("an entry");
                prev = entry::hash(&bytes).to_string();
                bytes
            })
            .collect()
    }

    fn verdict(entries: &[Vec<u8>]) -> Verdict {
        verify(CHAIN, entries.iter().map(Vec::as_slice), None, None).map_or_else(|finding| finding.verdict, |_| Verdict::Ok)
    }

    #[test]
    fn an_untouched_chain_verifies_and_leads_to_its_head() {
        let entries = chain_of(7);
        let tail = verify(CHAIN, entries.iter().map(Vec::as_slice), None, None).expect("untouched");
        assert_eq!((tail.seq, tail.last), (7, entry::hash(&entries[6])));
        let head = ObjectHash::of(&6i64.to_be_bytes());
        assert!(verify(CHAIN, entries.iter().map(Vec::as_slice), Some(&head), Some(&tail)).is_ok());
        let other = verify(CHAIN, entries.iter().map(Vec::as_slice), Some(&ObjectHash::of(b"other")), None);
        assert_eq!(other.map_err(|finding| finding.verdict), Err(Verdict::CatalogueMismatch));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let entries = chain_of(3);
        for place in 0..entries[1].len() {
            for bit in 0..8 {
                let mut changed = entries.clone();
                changed[1][place] ^= 1 << bit;
                assert_ne!(verdict(&changed), Verdict::Ok, "byte {place} bit {bit}");
            }
        }
    }

    #[test]
    fn dropped_doubled_and_swapped_entries_are_found() {
        let entries = chain_of(5);
        for dropped in 0..4 {
            let mut changed = entries.clone();
            changed.remove(dropped);
            assert_eq!(verdict(&changed), Verdict::SeqGap, "entry {} dropped", dropped + 1);
        }
        let mut doubled = entries.clone();
        doubled.insert(2, entries[2].clone());
        assert_eq!(verdict(&doubled), Verdict::SeqGap);
        let mut swapped = entries.clone();
        swapped.swap(1, 2);
        assert_eq!(verdict(&swapped), Verdict::SeqGap);
    }

    #[test]
    fn a_rebuilt_chain_shows_to_who_remembers_the_old_one() {
        let entries = chain_of(5);
        let remembered = verify(CHAIN, entries.iter().map(Vec::as_slice), None, None).expect("untouched");
        let cut = verify(CHAIN, entries[..4].iter().map(Vec::as_slice), None, Some(&remembered));
        assert_eq!(cut.map_err(|finding| finding.verdict), Err(Verdict::Truncated));
        assert_eq!(verdict(&entries[..4]), Verdict::Ok, "a cut tail shows only to who remembers it");

        let mut prev = entry::hash(&entries[3]).to_string();
        let mut forged = entries[..4].to_vec();
        for seq in 5..=6 {
            let mut entry = Entry::parse(&entries[4]).expect("an entry");
            (entry.seq, entry.prev, entry.action) = (seq, prev, "catalogue.reject".into());
            let bytes = entry.bytes().expect("an entry");
            prev = entry::hash(&bytes).to_string();
            forged.push(bytes);
        }
        assert_eq!(verdict(&forged), Verdict::Ok);
        let found = verify(CHAIN, forged.iter().map(Vec::as_slice), None, Some(&remembered));
        assert_eq!(found.map_err(|finding| finding.verdict), Err(Verdict::Inconsistent));
    }

    #[test]
    fn a_forged_previous_hash_or_state_is_named_as_such() {
        let entries = chain_of(6);
        let forge = |place: usize, change: &dyn Fn(&mut Entry)| {
            let mut changed = entries.clone();
            let mut entry = Entry::parse(&changed[place]).expect("an entry");
            change(&mut entry);
            changed[place] = entry.bytes().expect("an entry");
            verdict(&changed)
        };
        assert_eq!(forge(1, &|entry| entry.prev = entry::no_previous()), Verdict::PrevMismatch);
        assert_eq!(forge(1, &|entry| entry.time = "2026-05-03T12:00:00.001Z".into()), Verdict::PrevMismatch);
        assert_eq!(forge(5, &|entry| entry.head_before = ObjectHash::of(b"other").to_string()), Verdict::StateMismatch);
        assert_eq!(forge(1, &|entry| entry.chain = "site".into()), Verdict::Malformed);
    }
}
