//! The background task that syncs: when something is to be sent, when the server hints, and from time to time.

use std::time::Duration;

use super::engine::Patience;
use super::hints;
use crate::error::{LibraryError, Result, chain};
use crate::library::Library;

/// How often the server is asked while hints come.
const WITH_HINTS: Duration = Duration::from_secs(300);
/// How often a library without session looks whether there is one now; signing in wakes it anyway.
const IDLE: Duration = Duration::from_secs(60);

/// Runs until the library shuts down.
pub(crate) async fn run(library: Library) {
    let (alive, mut hinted) = tokio::sync::watch::channel(false);
    let listener = listen(library.clone(), alive);
    let looper = async {
        loop {
            let pause = match one_round(&library).await {
                Ok(true) if *hinted.borrow_and_update() => jittered(WITH_HINTS),
                Ok(true) => jittered(library.options().poll),
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::info!(error = %chain(&error), "syncing waits");
                    IDLE.min(library.options().poll)
                }
            };
            if library.sync_state().take_news() {
                continue;
            }
            let now = library.clock().elapsed();
            let retry = library.sync_state().waits().next(now).map(|until| until.saturating_sub(now));
            let pause = retry.map_or(pause, |retry| retry.min(pause)).max(Duration::from_millis(50));
            tokio::select! {
                () = library.sync_wanted() => {}
                () = tokio::time::sleep(pause) => {}
                // The hints ended: what was to be asked in minutes is asked sooner from now on.
                Ok(()) = hinted.changed() => {}
            }
        }
    };
    tokio::join!(listener, looper);
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.9 + 0.2 * crate::chance::fraction())
}

/// Whether there was a server to sync with.
async fn one_round(library: &Library) -> Result<bool> {
    if library.connection().paused {
        return Ok(false);
    }
    if library.options().remote.is_none() && library.connection().account.is_none() {
        return Ok(false);
    }
    if !library.sync_state().waits().server_answers(library.clock().elapsed()) {
        return Ok(true);
    }
    let remote = match library.remote().await {
        Err(LibraryError::SignedOut) => return Ok(false),
        remote => remote?,
    };
    let result = library.round_with_session(remote, Patience::Leave).await;
    if let Err(LibraryError::Remote(error)) = &result
        && let super::retry::Reaction::ServerAway { at_least } = super::retry::reaction(error)
        && library.sync_state().waits().server_answers(library.clock().elapsed())
    {
        library.sync_state().waits().server_away(library.clock().elapsed(), at_least, crate::chance::fraction());
    }
    result.map(|_| true)
}

/// Keeps listening for hints while there is a session.
async fn listen(library: Library, alive: tokio::sync::watch::Sender<bool>) {
    loop {
        if library.options().remote.is_none()
            && library.connection().account.is_some()
            && let Ok(api) = library.api().await
        {
            // A round that goes on looks at it too: it may be busy with originals for long.
            let news = || {
                library.sync_state().has_news();
                library.wake_sync();
            };
            let opened = || {
                alive.send_replace(true);
            };
            if let Err(error) = hints::listen(&api, opened, news).await {
                tracing::debug!(%error, "no hints from the server; it is asked from time to time");
            }
            alive.send_replace(false);
        }
        tokio::time::sleep(jittered(library.options().poll)).await;
    }
}
