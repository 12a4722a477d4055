//! Folders dropped on the window. The web view never learns their paths.

use std::path::PathBuf;

use collabtrack_library::view::AppEvent;
use tauri::{AppHandle, Manager, Runtime};

use crate::app::App;
use crate::events;

/// Watches every dropped folder; says what to do with anything else.
pub(crate) fn take<R: Runtime>(handle: AppHandle<R>, paths: Vec<PathBuf>) {
    tauri::async_runtime::spawn(async move {
        let app = handle.state::<App>();
        for path in paths {
            let message = if path.is_dir() {
                match app.library.add_folder(None, &path).await {
                    Ok(_) => continue,
                    Err(error) => error.view().message,
                }
            } else {
                let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                format!(
                    "{name} is a file. CollabTrack watches folders: drop the folder you bounce into, and every export in it becomes a version."
                )
            };
            events::send(&handle, &AppEvent::Notice { message });
        }
    });
}
