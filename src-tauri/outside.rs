//! Other programs: the clipboard, the file manager, a drag out of the window.

#[cfg(target_os = "linux")]
mod gtk_drag;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager, Runtime};

use crate::error::{CommandError, CommandResult};

/// Ways of handing a file to another program.
pub(crate) trait Outside: Send + Sync {
    /// Puts the file on the clipboard.
    fn copy(&self, file: PathBuf) -> CommandResult<()>;
    /// Shows it in the file manager.
    fn reveal(&self, file: PathBuf) -> CommandResult<()>;
    /// Starts dragging it out of the window.
    fn drag(&self, file: PathBuf) -> CommandResult<()>;
}

/// The system's own ways.
pub(crate) struct SystemOutside<R: Runtime> {
    handle: AppHandle<R>,
    /// Kept open: on some systems the clipboard's content goes with the program that owns it.
    clipboard: Mutex<Option<arboard::Clipboard>>,
}

impl<R: Runtime> SystemOutside<R> {
    pub(crate) fn new(handle: AppHandle<R>) -> Self {
        Self { handle, clipboard: Mutex::new(None) }
    }
}

fn refused(what: &str, error: &dyn std::fmt::Display, file: &Path) -> CommandError {
    tracing::warn!(%error, what, "a file could not be handed out");
    CommandError::new(
        "outside",
        format!("{what}. The file is ready all the same."),
        format!("Use Export… instead, or open {} yourself.", file.display()),
    )
}

impl<R: Runtime> Outside for SystemOutside<R> {
    fn copy(&self, file: PathBuf) -> CommandResult<()> {
        let failed = |error: arboard::Error| refused("The clipboard did not take the file", &error, &file);
        let mut clipboard = self.clipboard.lock().unwrap_or_else(PoisonError::into_inner);
        let clipboard = match &mut *clipboard {
            Some(clipboard) => clipboard,
            closed => closed.insert(arboard::Clipboard::new().map_err(failed)?),
        };
        clipboard.set().file_list(&[&file]).map_err(failed)
    }

    fn reveal(&self, file: PathBuf) -> CommandResult<()> {
        tauri_plugin_opener::reveal_item_in_dir(&file).map_err(|error| refused("No file manager answered", &error, &file))
    }

    fn drag(&self, file: PathBuf) -> CommandResult<()> {
        let handle = self.handle.clone();
        let dragged = file.clone();
        let started = self.handle.run_on_main_thread(move || start_drag(&handle, &dragged));
        started.map_err(|error| refused("The drag could not begin", &error, &file))
    }
}

/// The picture under the pointer while dragging.
const DRAG_PICTURE: &[u8] = include_bytes!("../icons/32x32.png");

/// Runs on the thread of the window.
fn start_drag<R: Runtime>(handle: &AppHandle<R>, file: &Path) {
    let Some(window) = handle.get_webview_window("main") else { return };
    #[cfg(target_os = "linux")]
    let started = window.gtk_window().map_err(|error| error.to_string()).and_then(|window| gtk_drag::start(&window, file, DRAG_PICTURE));
    #[cfg(not(target_os = "linux"))]
    let started = {
        let item = drag::DragItem::Files(vec![file.to_path_buf()]);
        let done = |result, _position| tracing::debug!(?result, "a drag out of the window ended");
        drag::start_drag(&window, item, drag::Image::Raw(DRAG_PICTURE.to_vec()), done, drag::Options::default())
            .map_err(|error| error.to_string())
    };
    if let Err(error) = started {
        tracing::warn!(error, "a drag could not begin");
    }
}
