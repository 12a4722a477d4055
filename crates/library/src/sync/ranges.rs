//! Which bytes of which objects a version needs beyond what this computer holds, and the supply for rebuilding it from both.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use collabtrack_content::rebuild::Supply;
use collabtrack_content::source::{Source, StoredFile};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::recipe::{Extent, MAX_CHAIN, Recipe};

use crate::store::recipes::Held;

/// Gaps shorter than this are fetched along.
const GAP: u64 = 64 * 1024;

/// Runs of raw bytes held here, per extent.
pub(super) type Known = HashMap<(String, u64), Vec<Held>>;

fn key(extent: &Extent) -> (String, u64) {
    (extent.object.clone(), extent.offset)
}

/// Whether all of `[from, from + len)` of an extent is held here.
fn holds(known: &Known, extent: &Extent, mut from: u64, len: u64) -> bool {
    let end = from.saturating_add(len);
    let Some(held) = known.get(&key(extent)) else { return false };
    while from < end {
        let Some(run) = held.iter().filter(|run| run.from <= from && run.from + run.len > from).max_by_key(|run| run.from + run.len) else {
            return false;
        };
        from = run.from + run.len;
    }
    true
}

/// Byte ranges to fetch, per object: start and length, merged over short gaps.
pub(super) fn wanted(recipe: &Recipe, known: &Known) -> BTreeMap<String, Vec<(u64, u64)>> {
    let mut extents = BTreeSet::new();
    for span in recipe.files.iter().flat_map(|file| &file.spans) {
        need(recipe, known, span.extent as usize, (span.from, span.len), MAX_CHAIN, &mut extents);
    }
    let mut ranges: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    let mut fetched: Vec<&Extent> = extents.into_iter().filter_map(|index| recipe.extents.get(index)).collect();
    fetched.sort_by(|a, b| (&a.object, a.offset).cmp(&(&b.object, b.offset)));
    for extent in fetched {
        let end = extent.offset + extent.stored_len;
        let of_object = ranges.entry(extent.object.clone()).or_default();
        match of_object.last_mut() {
            Some((start, length)) if extent.offset < *start + *length + GAP => *length = (*length).max(end - *start),
            _ => of_object.push((extent.offset, extent.stored_len)),
        }
    }
    ranges
}

/// Adds an extent whose bytes are needed and not held, and what it rests on.
fn need(recipe: &Recipe, known: &Known, index: usize, (from, len): (u64, u64), depth: usize, into: &mut BTreeSet<usize>) {
    let Some(extent) = recipe.extents.get(index).filter(|extent| !holds(known, extent, from, len)) else { return };
    into.insert(index);
    for part in extent.bases().into_iter().filter(|_| depth > 0) {
        let base = recipe.extents.iter().position(|base| base.object == part.object && base.offset == part.offset);
        if let Some(base) = base {
            need(recipe, known, base, (part.from, part.len), depth - 1, into);
        }
    }
}

/// A fetched range of an object.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) from: u64,
    pub(super) length: u64,
    pub(super) path: PathBuf,
}

/// What was fetched and what is held, for rebuilding.
pub(super) struct Both {
    known: Known,
    files: HashMap<ObjectHash, StoredFile>,
    fetched: HashMap<String, Vec<Fetched>>,
}

impl Both {
    /// Opens the held files under `path`.
    pub(super) fn new(known: Known, fetched: HashMap<String, Vec<Fetched>>, path: impl Fn(&ObjectHash) -> PathBuf) -> io::Result<Self> {
        let mut files = HashMap::new();
        for held in known.values().flatten() {
            if let std::collections::hash_map::Entry::Vacant(new) = files.entry(held.file) {
                new.insert(StoredFile::open(&path(&held.file))?);
            }
        }
        Ok(Self { known, files, fetched })
    }
}

impl Supply for Both {
    fn known(&self, extent: &Extent, mut from: u64, buffer: &mut [u8]) -> io::Result<bool> {
        if !holds(&self.known, extent, from, buffer.len() as u64) {
            return Ok(false);
        }
        let mut rest = buffer;
        while !rest.is_empty() {
            let held = self.known.get(&key(extent)).into_iter().flatten();
            let run = held.filter(|run| run.from <= from && run.from + run.len > from).max_by_key(|run| run.from + run.len);
            let Some((run, file)) = run.and_then(|run| Some((run, self.files.get(&run.file)?))) else { return Ok(false) };
            let length = usize::try_from(run.from + run.len - from).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(length);
            file.read_at(run.at + (from - run.from), now)?;
            from += length as u64;
            rest = later;
        }
        Ok(true)
    }

    fn stored(&self, extent: &Extent, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = extent.offset + at;
        let end = from + buffer.len() as u64;
        let ranges = self.fetched.get(&extent.object).into_iter().flatten();
        let range =
            ranges.into_iter().find(|range| range.from <= from && end <= range.from + range.length).ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(&range.path)?;
        file.seek(SeekFrom::Start(from - range.from))?;
        file.read_exact(buffer)
    }
}
