//! Follows the player and remembers which parts of a version were heard.

use std::time::{Duration, Instant};

use collabtrack_domain::id::VersionId;
use collabtrack_library::view::PlayerView;
use tauri::{AppHandle, Manager, Runtime};

use crate::app::App;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How much further than the clock the position may have moved, as the device buffers.
const SLACK_MS: i64 = 400;

/// What is heard at a moment.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    version: String,
    is_preview: bool,
    position_ms: i64,
}

/// Follows the player until the app ends.
pub(crate) fn follow<R: Runtime>(handle: AppHandle<R>) {
    tauri::async_runtime::spawn(async move {
        let mut last: Option<(Heard, Instant)> = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(app) = handle.try_state::<App>() else { return };
            let now = audible(&app.player.view());
            let at = Instant::now();
            if let (Some((before, then)), Some(now)) = (&last, &now)
                && let Some((from, to)) = passed(before, now, at.duration_since(*then))
                && let Ok(version) = VersionId::parse(&now.version)
                && let Err(error) = app.library.add_heard(&version, from, to, now.is_preview).await
            {
                tracing::debug!(%error, "what was heard could not be remembered");
            }
            last = now.map(|now| (now, at));
        }
    });
}

fn audible(player: &PlayerView) -> Option<Heard> {
    let lane = player.lanes.iter().find(|lane| lane.slot == player.active).filter(|_| player.playing)?;
    let position_ms = (player.position_s * 1_000.0) as i64;
    (player.position_s < lane.duration_s).then(|| Heard { version: lane.version.clone(), is_preview: lane.is_preview, position_ms })
}

/// The part between two looks, if it was played through and not jumped over.
fn passed(before: &Heard, now: &Heard, elapsed: Duration) -> Option<(i64, i64)> {
    let same = before.version == now.version && before.is_preview == now.is_preview;
    let moved = now.position_ms - before.position_ms;
    let most = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX).saturating_add(SLACK_MS);
    (same && moved > 0 && moved <= most).then_some((before.position_ms, now.position_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: &str, position_ms: i64) -> Heard {
        Heard { version: version.into(), is_preview: false, position_ms }
    }

    #[test]
    fn only_what_was_played_through_counts() {
        let half = Duration::from_millis(500);
        assert_eq!(passed(&at("a", 1_000), &at("a", 1_500), half), Some((1_000, 1_500)));
        assert_eq!(passed(&at("a", 1_000), &at("a", 60_000), half), None, "a jump ahead");
        assert_eq!(passed(&at("a", 60_000), &at("a", 1_000), half), None, "a jump back");
        assert_eq!(passed(&at("a", 1_000), &at("b", 1_500), half), None, "a flip");
        let preview = Heard { is_preview: true, ..at("a", 1_500) };
        assert_eq!(passed(&at("a", 1_000), &preview, half), None, "the original came meanwhile");
    }
}
