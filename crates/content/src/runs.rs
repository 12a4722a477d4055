//! Which bytes of a new file are those of files this device has already: chunks found again, merged, then stretched byte by byte into the
//! changed ones, so that a cut, an insertion or a re-rendered region costs the changed samples alone. Only bytes that this device itself
//! holds and verified are compared; a list from elsewhere could poison later versions.

use std::collections::HashMap;
use std::io;

use crate::cut::{self, Chunk};
use crate::layout::Layout;
use crate::source::Source;

/// Shortest run taken from another file, unless it touches an end of the new one: below, naming it costs more than sending it saves.
pub const LEAST: u64 = 128 * 1024;
/// Shortest run at an end of the file.
pub const LEAST_AT_END: u64 = 512;
const COMPARED: usize = 64 * 1024;

/// Bytes of a new file that are those of a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First byte in the new file.
    pub at: u64,
    /// Length in bytes.
    pub len: u64,
    /// Index of the base.
    pub base: usize,
    /// First byte in the base.
    pub from: u64,
}

impl Run {
    fn end(&self) -> u64 {
        self.at + self.len
    }
}

/// Chunks of the bases by their hash and by their place.
#[derive(Default)]
struct Index {
    by_hash: HashMap<[u8; 32], (usize, u64)>,
    by_place: HashMap<(usize, u64), [u8; 32]>,
}

/// The runs of `new` that lie in one of `bases`, in file order, not overlapping, on whole frames inside samples. Earlier bases are preferred.
/// # Errors
/// What reading said.
pub fn find(new: &dyn Source, layout: &Layout, bases: &[&dyn Source]) -> io::Result<Vec<Run>> {
    let mut index = Index::default();
    for (base, source) in bases.iter().enumerate() {
        let layout = crate::layout::of(*source)?;
        cut::chunks(*source, &layout, &mut |chunk| {
            index.by_hash.entry(chunk.hash).or_insert((base, chunk.at));
            index.by_place.insert((base, chunk.at), chunk.hash);
        })?;
    }
    let mut runs: Vec<Run> = Vec::new();
    cut::chunks(new, layout, &mut |chunk| take(&index, &mut runs, chunk))?;
    add_ends(new.len(), bases, &mut runs);
    stretch(new, bases, &mut runs)?;
    Ok(runs.into_iter().filter_map(|run| settle(run, layout)).collect())
}

/// Appends a chunk that is known: behind the last run if the base goes on the same way, else as a new run.
fn take(index: &Index, runs: &mut Vec<Run>, chunk: Chunk) {
    if let Some(last) = runs.last_mut()
        && last.end() == chunk.at
        && index.by_place.get(&(last.base, last.from + last.len)) == Some(&chunk.hash)
    {
        last.len += chunk.len;
        return;
    }
    if let Some((base, from)) = index.by_hash.get(&chunk.hash) {
        runs.push(Run { at: chunk.at, len: chunk.len, base: *base, from: *from });
    }
}

/// Both ends of the newest base, as runs of no length that stretching may grow.
fn add_ends(length: u64, bases: &[&dyn Source], runs: &mut Vec<Run>) {
    let Some(base) = bases.first() else { return };
    if runs.first().is_none_or(|run| run.at > 0) {
        runs.insert(0, Run { at: 0, len: 0, base: 0, from: 0 });
    }
    if runs.last().is_none_or(|run| run.end() < length) {
        runs.push(Run { at: length, len: 0, base: 0, from: base.len() });
    }
}

fn stretch(new: &dyn Source, bases: &[&dyn Source], runs: &mut [Run]) -> io::Result<()> {
    for place in 0..runs.len() {
        let run = runs[place];
        let limit = runs.get(place + 1).map_or(new.len(), |next| next.at);
        let room = (limit - run.end()).min(bases[run.base].len() - (run.from + run.len));
        runs[place].len += equal_after(new, run.end(), bases[run.base], run.from + run.len, room)?;
    }
    for place in 0..runs.len() {
        let run = runs[place];
        let limit = if place == 0 { 0 } else { runs[place - 1].end() };
        let room = (run.at - limit).min(run.from);
        let more = equal_before(new, run.at, bases[run.base], run.from, room)?;
        runs[place] = Run { at: run.at - more, len: run.len + more, from: run.from - more, ..run };
    }
    Ok(())
}

/// How many bytes are equal from two places on, at most `room`.
fn equal_after(a: &dyn Source, mut at: u64, b: &dyn Source, mut from: u64, room: u64) -> io::Result<u64> {
    let (mut left, mut right, mut equal) = (vec![0; COMPARED], vec![0; COMPARED], 0);
    while equal < room {
        let length = usize::try_from(room - equal).unwrap_or(COMPARED).min(COMPARED);
        a.read_at(at, &mut left[..length])?;
        b.read_at(from, &mut right[..length])?;
        let same = left[..length].iter().zip(&right[..length]).take_while(|(a, b)| a == b).count();
        equal += same as u64;
        if same < length {
            break;
        }
        (at, from) = (at + length as u64, from + length as u64);
    }
    Ok(equal)
}

/// How many bytes are equal up to two places, at most `room`.
fn equal_before(a: &dyn Source, mut end: u64, b: &dyn Source, mut until: u64, room: u64) -> io::Result<u64> {
    let (mut left, mut right, mut equal) = (vec![0; COMPARED], vec![0; COMPARED], 0);
    while equal < room {
        let length = usize::try_from(room - equal).unwrap_or(COMPARED).min(COMPARED);
        (end, until) = (end - length as u64, until - length as u64);
        a.read_at(end, &mut left[..length])?;
        b.read_at(until, &mut right[..length])?;
        let same = left[..length].iter().rev().zip(right[..length].iter().rev()).take_while(|(a, b)| a == b).count();
        equal += same as u64;
        if same < length {
            break;
        }
    }
    Ok(equal)
}

/// Draws a run in to whole frames of the new file, and drops one that is not worth its naming.
fn settle(run: Run, layout: &Layout) -> Option<Run> {
    let at = layout.frame_up(run.at).min(run.end());
    let end = layout.frame_down(run.end()).max(at);
    let len = end - at;
    let least = if at == 0 || end == layout.length { LEAST_AT_END } else { LEAST };
    (len >= least || (len > 0 && len == layout.length)).then_some(Run { at, len, base: run.base, from: run.from + (at - run.at) })
}
