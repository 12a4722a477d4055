//! Level matching: which lane is turned down, and by how much. Pure arithmetic over loudness tables.

use crate::analysis::loudness::{ABSOLUTE_GATE, LoudnessTable};
use crate::engine::lane::Placement;
use crate::engine::link::LoopRange;

/// What matching came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Match {
    /// Gains in dB, none above 0, in the order of the lanes given.
    Gains,
    /// The region is too short to measure: the gains before stay.
    Keep,
    /// A side is silent, or there is nothing to compare: no gain.
    Nothing,
}

/// A lane as matching sees it.
pub(super) struct Side<'a> {
    pub(super) placement: &'a Placement,
    pub(super) table: &'a LoudnessTable,
}

/// Writes the gain of every side, in dB: the quietest side keeps 0, the others come down to it.
pub(super) fn match_levels(sides: &[Side<'_>], region: Option<LoopRange>, gains: &mut [f64]) -> Match {
    if sides.len() < 2 {
        return Match::Nothing;
    }
    let common = region.unwrap_or_else(|| {
        let start = sides.iter().map(|side| side.placement.timeline_of(0)).max().unwrap_or(0);
        let end = sides.iter().map(|side| side.placement.timeline_frames()).min().unwrap_or(0);
        LoopRange { start, end: end.max(start) }
    });
    let rate = sides.first().map_or(1, |side| side.placement.timeline_rate);
    if (common.end - common.start) * 10 < 4 * u64::from(rate) {
        return Match::Keep;
    }
    let mut quietest = f64::INFINITY;
    for (side, gain) in sides.iter().zip(gains.iter_mut()) {
        // The table may have been made at another rate than the file that plays (a preview of the same version).
        let scale = |frame: u64| {
            let lane = u64::try_from(side.placement.lane_frame(frame)).unwrap_or(0);
            (u128::from(lane) * u128::from(side.table.rate()) / u128::from(side.placement.lane_rate)) as u64
        };
        match side.table.region(scale(common.start), scale(common.end)) {
            Some(loudness) if loudness >= ABSOLUTE_GATE => {
                *gain = loudness;
                quietest = quietest.min(loudness);
            }
            _ => return Match::Nothing,
        }
    }
    gains.iter_mut().for_each(|gain| *gain = (quietest - *gain).min(0.0));
    Match::Gains
}
