//! What happens when the app cannot start: a musician has no terminal, so it is said in a dialog, and a launch that comes while the last
//! one is still ending waits for it.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use collabtrack_library::Library;
use collabtrack_library::error::{LibraryError, chain};
use tauri::{AppHandle, Manager, Runtime};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

/// How often, and how far apart, a start tries again while the app before it writes its last things down: 10 s in all.
const TRIES: u32 = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// Counts the launches made for one wish to start; set by [`again_after_the_one_before`] only.
const LAUNCHES: &str = "COLLABTRACK_LAUNCHES";

/// Starts the library's work, waiting for a CollabTrack that is still closing.
/// # Errors
/// As [`Library::start`]; `InUse` when the other one goes on working.
pub(crate) async fn start_work(library: &Library) -> Result<(), LibraryError> {
    for _ in 0..TRIES {
        match library.start().await {
            Err(LibraryError::InUse { .. }) => tokio::time::sleep(BETWEEN_TRIES).await,
            other => return other,
        }
    }
    library.start().await
}

/// Says in a dialog why nothing opens, and ends the app when it was read.
pub(crate) fn explain<R: Runtime>(handle: &AppHandle<R>, error: &(dyn Error + 'static)) {
    tracing::error!(error = %chain(error), "CollabTrack cannot start");
    if let Some(window) = handle.get_webview_window("main")
        && let Err(error) = window.hide()
    {
        tracing::warn!(%error, "the empty window could not be hidden");
    }
    let ended = handle.clone();
    handle.dialog().message(words(error)).title("CollabTrack cannot start").kind(MessageDialogKind::Error).show(move |_| ended.exit(1));
}

fn words(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<LibraryError>() {
        Some(error) => {
            let view = error.view();
            [view.message, view.hint.unwrap_or_default()].join("\n\n")
        }
        None => format!("{}. Your own files are untouched.", chain(error)),
    }
}

/// The single-instance plug-in found another CollabTrack that went away before it could be asked to show its window: it was ending, so
/// this one takes its place by starting afresh. Returns only when that did not help.
pub(crate) fn again_after_the_one_before(error: &tauri::Error) -> ExitCode {
    #[cfg(target_os = "linux")]
    if error.to_string().contains("forward arguments to the running instance") {
        use std::os::unix::process::CommandExt;

        let launches = std::env::var(LAUNCHES).ok().and_then(|count| count.parse().ok()).unwrap_or(0_u32);
        if launches < TRIES
            && let Ok(program) = std::env::current_exe()
        {
            std::thread::sleep(BETWEEN_TRIES);
            let failed =
                std::process::Command::new(program).args(std::env::args_os().skip(1)).env(LAUNCHES, (launches + 1).to_string()).exec();
            tracing::error!(error = %failed, "the second launch failed");
        }
    }
    tracing::error!(%error, "CollabTrack cannot start");
    ExitCode::FAILURE
}
