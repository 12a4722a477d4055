//! A version's files as a recipe: what the store holds already is named, everything else goes in file order into one object, coded in
//! extents of about 1 MiB, with a footer that lists them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::recipe::{Codec, Extent, MAX_EXTENTS_PER_FILE, MAX_SPANS_PER_FILE, Recipe, RecipeError, RecipeFile, Span};

use crate::codec::{self, Coded};
use crate::layout::{self, Layout, Pcm};
use crate::runs::{self, Run};
use crate::source::Source;

pub mod footer;
mod predict;

/// Raw length of an extent, doubled until a file needs few enough.
const EXTENT: u64 = 1 << 20;
/// New extents a file may add; the rest of what readers accept is left to those it shares.
const MOST_NEW: usize = MAX_EXTENTS_PER_FILE / 2;

/// A file whose bytes this device holds, as the store has it.
pub struct Base<'a> {
    /// The bytes.
    pub source: &'a dyn Source,
    /// Its version's recipe.
    pub recipe: &'a Recipe,
    /// Which file of it.
    pub file: usize,
}

/// A file to be sent.
pub struct NewFile<'a> {
    /// Relative path; for a single file its name.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: ObjectHash,
    /// The bytes.
    pub source: &'a dyn Source,
    /// Files it may share bytes with, the likeliest first.
    pub bases: Vec<Base<'a>>,
}

/// A version ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// Its recipe; new extents have no object yet.
    pub recipe: Recipe,
    /// Bytes of the object that holds them, 0 where nothing is new.
    pub length: u64,
}

/// Why a version cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Reading a file or writing the object failed.
    #[error("a file cannot be read or the packed bytes not written")]
    Io(#[from] io::Error),
    /// The recipe would not be acceptable.
    #[error("the files make no acceptable recipe")]
    Recipe(#[source] RecipeError),
}

impl Packed {
    /// The recipe with the key of the object that holds the new extents.
    #[must_use]
    pub fn with_object(mut self, key: &str) -> Recipe {
        self.recipe.extents.iter_mut().filter(|extent| extent.object.is_empty()).for_each(|extent| key.clone_into(&mut extent.object));
        self.recipe
    }
}

/// Packs the files of a version; the new object goes to `target`. `go_on` is asked now and then.
/// # Errors
/// `Interrupted` as `Io` when `go_on` answered no.
pub fn pack(files: &[NewFile<'_>], target: &mut dyn Write, go_on: &(dyn Fn() -> bool + Sync)) -> Result<Packed, PackError> {
    let mut packing = Packing { extents: Vec::new(), places: BTreeMap::new(), target, length: 0, go_on };
    let mut recipes = Vec::with_capacity(files.len());
    for file in files {
        let spans = packing.file(file)?;
        recipes.push(RecipeFile { path: file.path.clone(), length: file.source.len(), sha256: file.sha256, plain_object: None, spans });
    }
    let fresh: Vec<&Extent> = packing.extents.iter().filter(|extent| extent.object.is_empty()).collect();
    if !fresh.is_empty() {
        let footer = footer::write(&fresh);
        packing.target.write_all(&footer)?;
        packing.length += footer.len() as u64;
    }
    let length = packing.length;
    let packed = Packed { recipe: Recipe { files: recipes, extents: packing.extents }, length };
    // Checked with a stand-in for the key that is not known yet.
    packed.clone().with_object("?").check().map_err(PackError::Recipe)?;
    Ok(packed)
}

struct Packing<'t> {
    extents: Vec<Extent>,
    /// Extents of known objects by object and offset.
    places: BTreeMap<(String, u64), u32>,
    target: &'t mut dyn Write,
    length: u64,
    go_on: &'t (dyn Fn() -> bool + Sync),
}

/// A stretch of a file that becomes one extent.
#[derive(Clone, Copy)]
struct Piece {
    at: u64,
    len: u64,
    pcm: Option<Pcm>,
}

impl Packing<'_> {
    fn file(&mut self, file: &NewFile<'_>) -> Result<Vec<Span>, PackError> {
        let layout = layout::of(file.source)?;
        let sources: Vec<&dyn Source> = file.bases.iter().map(|base| base.source).collect();
        let mut runs = if sources.is_empty() { Vec::new() } else { runs::find(file.source, &layout, &sources)? };
        thin(&mut runs, &file.bases);
        let pieces = pieces(&layout, &runs);
        let fresh = self.code(file, &layout, &runs, &pieces)?;
        let mut spans: Vec<Span> =
            pieces.iter().zip(fresh).map(|(piece, extent)| Span { at: piece.at, len: piece.len, extent, from: 0 }).collect();
        for run in &runs {
            let base = &file.bases[run.base];
            for (known, span) in covering(base, run.from, run.len) {
                let extent = self.known(base.recipe, known);
                spans.push(Span { at: run.at + (span.at - run.from), extent, ..span });
            }
        }
        spans.sort_by_key(|span| span.at);
        Ok(spans)
    }

    /// The place of a known extent in the new recipe, with those it rests on.
    fn known(&mut self, recipe: &Recipe, index: u32) -> u32 {
        let extent = &recipe.extents[index as usize];
        let key = (extent.object.clone(), extent.offset);
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        for base in predict::bases(recipe, extent) {
            self.known(recipe, base);
        }
        self.extents.push(extent.clone());
        let place = u32::try_from(self.extents.len() - 1).unwrap_or(u32::MAX);
        self.places.insert(key, place);
        place
    }

    /// Codes and writes the pieces, several at a time; the places of their extents.
    fn code(&mut self, file: &NewFile<'_>, layout: &Layout, runs: &[Run], pieces: &[Piece]) -> Result<Vec<u32>, PackError> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let mut places = Vec::with_capacity(pieces.len());
        for batch in pieces.chunks(workers * 2) {
            if !(self.go_on)() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped").into());
            }
            let coded = in_parallel(batch, workers, |piece| code_piece(file, layout, runs, *piece))?;
            for (piece, (coded, sha256, rests)) in batch.iter().zip(coded) {
                for (base, index) in rests {
                    self.known(file.bases[base].recipe, index);
                }
                self.target.write_all(&coded.bytes)?;
                self.extents.push(Extent {
                    object: String::new(),
                    offset: self.length,
                    stored_len: coded.bytes.len() as u64,
                    raw_len: piece.len,
                    sha256,
                    codec: coded.codec,
                    params: coded.params,
                });
                self.length += coded.bytes.len() as u64;
                places.push(u32::try_from(self.extents.len() - 1).unwrap_or(u32::MAX));
            }
        }
        Ok(places)
    }
}

type CodedPiece = (Coded, ObjectHash, Vec<(usize, u32)>);

fn code_piece(file: &NewFile<'_>, layout: &Layout, runs: &[Run], piece: Piece) -> io::Result<CodedPiece> {
    let raw = file.source.bytes(piece.at, piece.len)?;
    let sha256 = ObjectHash::of(&raw);
    let coded = codec::encode(&raw, piece.pcm);
    if !matches!(coded.codec, Codec::Flac | Codec::FlacFloats) || piece.len < 4_096 {
        return Ok((coded, sha256, Vec::new()));
    }
    match predict::against(file, layout, runs, piece.at, &raw, &coded)? {
        Some(predicted) => Ok((predicted.coded, sha256, predicted.rests)),
        None => Ok((coded, sha256, Vec::new())),
    }
}

/// Runs `work` on every item, `workers` at a time; results in order, or the first failure.
fn in_parallel<T: Sync, R: Send>(items: &[T], workers: usize, work: impl Fn(&T) -> io::Result<R> + Sync) -> io::Result<Vec<R>> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = std::sync::Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..workers.min(items.len()) {
            scope.spawn(|| {
                while let Some((place, item)) =
                    Some(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).and_then(|n| Some((n, items.get(n)?)))
                {
                    let result = work(item);
                    if let Ok(mut done) = done.lock() {
                        done.push((place, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Drops the shortest runs until a reader accepts the spans and extents they make.
fn thin(runs: &mut Vec<Run>, bases: &[Base<'_>]) {
    loop {
        let spans: usize = runs.iter().map(|run| covering(&bases[run.base], run.from, run.len).len()).sum();
        let gaps = runs.len() + 1;
        let known: std::collections::BTreeSet<(usize, u32)> = runs
            .iter()
            .flat_map(|run| covering(&bases[run.base], run.from, run.len).into_iter().map(|(extent, _)| (run.base, extent)))
            .collect();
        if spans + gaps + MOST_NEW <= MAX_SPANS_PER_FILE && known.len() + gaps + MOST_NEW <= MAX_EXTENTS_PER_FILE {
            return;
        }
        let Some(shortest) = (0..runs.len()).min_by_key(|place| runs[*place].len) else { return };
        runs.remove(shortest);
    }
}

/// The spans of a base file that cover `[from, from + len)`, cut to it, each with the index of its extent.
fn covering(base: &Base<'_>, from: u64, len: u64) -> Vec<(u32, Span)> {
    let end = from + len;
    let spans = &base.recipe.files[base.file].spans;
    let first = spans.partition_point(|span| span.at + span.len <= from);
    spans[first..]
        .iter()
        .take_while(|span| span.at < end)
        .map(|span| {
            let at = span.at.max(from);
            let len = (span.at + span.len).min(end) - at;
            (span.extent, Span { at, len, extent: span.extent, from: span.from + (at - span.at) })
        })
        .collect()
}

/// What no run covers, cut at header, samples and trailer, and into extents.
fn pieces(layout: &Layout, runs: &[Run]) -> Vec<Piece> {
    let mut size = EXTENT;
    loop {
        let pieces = pieces_of(layout, runs, size);
        if pieces.len() <= MOST_NEW + 2 * (runs.len() + 1) || size > codec::MAX_RAW / 2 {
            return pieces;
        }
        size *= 2;
    }
}

fn pieces_of(layout: &Layout, runs: &[Run], size: u64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let ends = runs.iter().map(|run| (run.at, run.at + run.len)).chain([(layout.length, layout.length)]);
    for (start, after) in ends {
        for (from, to, pcm) in layout.parts() {
            let (mut from, to) = (from.max(at), to.min(start));
            let step = pcm.map_or(size, |pcm| (size - size % pcm.frame()).max(pcm.frame()));
            while from < to {
                let len = step.min(to - from);
                pieces.push(Piece { at: from, len, pcm });
                from += len;
            }
        }
        at = after;
    }
    pieces
}

#[cfg(test)]
mod tests;
