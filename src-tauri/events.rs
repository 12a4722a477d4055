//! The one event of the web view, `app`: what changed, to which revision.

use std::time::Duration;

use collabtrack_library::view::AppEvent;
use tauri::{AppHandle, Emitter, Manager, Runtime};
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;

/// How often the web view hears of a running player; it extrapolates between.
const PLAYER_PERIOD: Duration = Duration::from_millis(250);

/// Periods between two looks at what to remember for the next start.
const REMEMBER_EVERY: u64 = 20;

/// Sends one event. A window that is gone misses nothing.
pub(crate) fn send<R: Runtime>(handle: &AppHandle<R>, event: &AppEvent) {
    if let Err(error) = handle.emit("app", event) {
        tracing::debug!(%error, "no window took an event");
    }
}

/// Passes on what the library and the player tell, until the app ends.
pub(crate) fn forward<R: Runtime>(handle: AppHandle<R>, app: &App) {
    let mut events = app.library.events();
    let for_library = handle.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    send(&for_library, &event);
                    if let (AppEvent::Library { .. }, Some(app)) = (&event, for_library.try_state::<App>()) {
                        app.player.originals_arrived().await;
                    }
                }
                // The web view fetches whole states, so a missed event only needs one more of its kind.
                Err(RecvError::Lagged(_)) => send(&for_library, &AppEvent::Library { revision: 0 }),
                Err(RecvError::Closed) => return,
            }
        }
    });
    tauri::async_runtime::spawn(async move {
        let mut tick = tokio::time::interval(PLAYER_PERIOD);
        let mut last = None;
        for turn in 1_u64.. {
            tick.tick().await;
            let Some(app) = handle.try_state::<App>() else { continue };
            let view = app.player.view();
            if last.as_ref() != Some(&view) {
                send(&handle, &AppEvent::Player { player: view.clone() });
                app.media_keys.tell(&view);
                last = Some(view);
            }
            if turn.is_multiple_of(REMEMBER_EVERY) {
                app.player.remember().await;
            }
        }
    });
}
