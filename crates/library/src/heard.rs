//! Which parts of a version somebody has listened to here: shown beside an approval, never in its way.

use collabtrack_domain::id::VersionId;

use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{commit, heard, versions};
use crate::view::{HeardRange, HeardView};

/// Ranges nearer to each other than this are one, in ms: the player is looked at from time to time.
const JOIN_MS: i64 = 50;
/// Ranges kept per version; beyond it the shortest are forgotten.
const MAX_RANGES: usize = 500;

/// Ranges in order, without overlap, joined where they all but touch.
fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.retain(|(from, to)| to > from);
    ranges.sort_unstable();
    let mut whole: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match whole.last_mut() {
            Some(last) if from <= last.1 + JOIN_MS => last.1 = last.1.max(to),
            _ => whole.push((from, to)),
        }
    }
    while whole.len() > MAX_RANGES {
        // The shortest is forgotten: joining over a gap would claim that something was heard which was not.
        let Some(shortest) = (0..whole.len()).min_by_key(|index| whole[*index].1 - whole[*index].0) else { break };
        whole.remove(shortest);
    }
    whole
}

/// What was heard as the original, and what only as a preview, without overlap.
fn parts(original: &[(i64, i64)], preview: &[(i64, i64)]) -> Vec<HeardRange> {
    let range = |(from, to): (i64, i64), is_preview| HeardRange { from_ms: from, to_ms: to, is_preview };
    let mut all: Vec<HeardRange> = original.iter().map(|heard| range(*heard, false)).collect();
    for &(from, to) in preview {
        let mut at = from;
        for &(start, end) in original.iter().filter(|(start, end)| *end > from && *start < to) {
            if start > at {
                all.push(range((at, start), true));
            }
            at = at.max(end);
        }
        if at < to {
            all.push(range((at, to), true));
        }
    }
    all.sort_unstable_by_key(|range| range.from_ms);
    all
}

impl Library {
    /// Remembers that a part of a version was heard, from and to in ms.
    /// # Errors
    /// `Unknown` version.
    pub async fn add_heard(&self, version: &VersionId, from_ms: i64, to_ms: i64, is_preview: bool) -> Result<()> {
        let mut transaction = self.store().write().await?;
        let known = versions::get(&mut transaction, version).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "version", id: version.to_string() })?;
        let mut ranges = heard::ranges(&mut transaction, &known.id, is_preview).await?;
        ranges.push((from_ms.max(0), to_ms));
        heard::put(&mut transaction, &known.id, is_preview, &joined(ranges)).await?;
        Ok(commit(transaction).await?)
    }

    /// Which parts of a version were heard here.
    /// # Errors
    /// `Unknown` version.
    pub async fn heard_parts(&self, version: &VersionId) -> Result<HeardView> {
        let mut connection = self.store().read().await?;
        let known = versions::get(&mut connection, version).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "version", id: version.to_string() })?;
        let original = heard::ranges(&mut connection, &known.id, false).await?;
        let preview = heard::ranges(&mut connection, &known.id, true).await?;
        let number = |field: &str| known.summary.get(field).and_then(serde_json::Value::as_i64);
        let duration_ms = number("frames")
            .zip(number("sample_rate"))
            .filter(|(_, rate)| *rate > 0)
            .map_or(0, |(frames, rate)| frames.saturating_mul(1_000) / rate);
        let ranges = parts(&original, &preview);
        let length = |wanted: Option<bool>| -> i64 {
            let of = |range: &&HeardRange| wanted.is_none_or(|wanted| range.is_preview == wanted);
            ranges.iter().filter(of).map(|range| range.to_ms - range.from_ms).sum()
        };
        Ok(HeardView { version: known.id.to_string(), duration_ms, heard_ms: length(None), preview_ms: length(Some(true)), ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_in_any_order_and_never_count_twice() {
        assert_eq!(joined(vec![(500, 900), (0, 100), (120, 300), (80, 110), (10, 10), (9, 3)]), [(0, 300), (500, 900)]);
        let many: Vec<(i64, i64)> = (0..2_000).map(|number| (number * 10_000, number * 10_000 + 100 + number)).collect();
        let kept = joined(many.clone());
        assert_eq!(kept, many[many.len() - MAX_RANGES..], "the longest are kept as they were");
    }

    #[test]
    fn what_was_heard_as_the_original_does_not_count_as_a_preview_too() {
        let range = |from_ms, to_ms, is_preview| HeardRange { from_ms, to_ms, is_preview };
        assert_eq!(
            parts(&[(100, 200), (300, 400)], &[(0, 350), (500, 600)]),
            [range(0, 100, true), range(100, 200, false), range(200, 300, true), range(300, 400, false), range(500, 600, true)]
        );
        assert_eq!(parts(&[(0, 1_000)], &[(100, 200)]), [range(0, 1_000, false)]);
    }
}
