//! Which older samples a new piece is predicted from, and whether that is worth it.

use std::io;

use collabtrack_domain::recipe::{BasePart, Codec, Extent, MAX_CHAIN, Recipe};
use serde_json::json;

use super::{NewFile, Run, covering};
use crate::codec::{Coded, residual};
use crate::layout::{self, Layout};

/// Predicted only where it saves at least a fifth.
const WORTH: f64 = 0.8;
/// Older files a piece is predicted from; each costs a coding of the piece.
const BASES: usize = 2;

/// A piece as what is left of older samples.
pub(super) struct Predicted {
    pub(super) coded: Coded,
    /// The extents the older samples lie in: base and index into its recipe.
    pub(super) rests: Vec<(usize, u32)>,
}

/// Predicts the piece at `at` from each base where samples line up; the smallest, if it is small enough.
pub(super) fn against(
    file: &NewFile<'_>,
    layout: &Layout,
    runs: &[Run],
    at: u64,
    raw: &[u8],
    plain: &Coded,
) -> io::Result<Option<Predicted>> {
    let Some((pcm, start, _)) = layout.samples else { return Ok(None) };
    let mut best: Option<Predicted> = None;
    for (index, base) in file.bases.iter().enumerate().take(BASES) {
        let Some((form, base_start, base_end)) = layout::of(base.source)?.samples else { continue };
        if form != pcm {
            continue;
        }
        let mut places: Vec<u64> = lags(runs, index, at).chain((at - start).checked_add(base_start)).collect();
        places.sort_unstable();
        places.dedup();
        for from in places {
            let len = raw.len() as u64;
            let aligned = from >= base_start
                && from.checked_add(len).is_some_and(|end| end <= base_end)
                && (from - base_start).is_multiple_of(pcm.frame());
            if !aligned {
                continue;
            }
            let spans = covering(base, from, len);
            if spans.iter().any(|(extent, _)| depth(base.recipe, &base.recipe.extents[*extent as usize]) >= MAX_CHAIN) {
                continue;
            }
            let old = base.source.bytes(from, len)?;
            let Some(mut coded) = residual::encode(raw, &old, pcm) else { continue };
            let names: Vec<_> = spans
                .iter()
                .map(|(extent, span)| {
                    let extent = &base.recipe.extents[*extent as usize];
                    json!({"object": extent.object, "offset": extent.offset, "from": span.from, "len": span.len})
                })
                .collect();
            coded.params["base"] = json!(names);
            let most = best.as_ref().map_or(plain.bytes.len() as f64 * WORTH, |best| best.coded.bytes.len() as f64);
            if (coded.bytes.len() as f64) < most {
                best = Some(Predicted { coded, rests: spans.iter().map(|(extent, _)| (index, *extent)).collect() });
            }
        }
    }
    Ok(best)
}

/// Where in the base the piece would lie if it went on as the runs before and behind it do.
fn lags(runs: &[Run], base: usize, at: u64) -> impl Iterator<Item = u64> {
    let before = runs.iter().filter(move |run| run.base == base && run.at <= at).max_by_key(|run| run.at).copied();
    let behind = runs.iter().filter(move |run| run.base == base && run.at > at).min_by_key(|run| run.at).copied();
    let place = move |run: Run| i128::from(run.from) - i128::from(run.at) + i128::from(at);
    [before, behind].into_iter().flatten().filter_map(move |run| u64::try_from(place(run)).ok())
}

/// How many predicted extents an extent rests on, itself counted.
pub(super) fn depth(recipe: &Recipe, extent: &Extent) -> usize {
    if extent.codec != Codec::FlacResidual {
        return 0;
    }
    // A recipe that names itself in a circle ends here as deep as any.
    fn down(recipe: &Recipe, extent: &Extent, left: usize) -> usize {
        if extent.codec != Codec::FlacResidual || left == 0 {
            return 0;
        }
        1 + bases(recipe, extent).iter().map(|base| down(recipe, &recipe.extents[*base as usize], left - 1)).max().unwrap_or(0)
    }
    down(recipe, extent, MAX_CHAIN + 1)
}

/// Indices of the extents a predicted one names.
pub(super) fn bases(recipe: &Recipe, extent: &Extent) -> Vec<u32> {
    let place = |part: BasePart| recipe.extents.iter().position(|known| known.object == part.object && known.offset == part.offset);
    extent.bases().into_iter().filter_map(place).filter_map(|place| u32::try_from(place).ok()).collect()
}
