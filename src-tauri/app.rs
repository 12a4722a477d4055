//! The composition root: what the commands work with. No globals.

use collabtrack_library::{Library, LibraryOptions};
use tauri::{AppHandle, Runtime};

use crate::dialogs::{Dialogs, ScriptedDialogs, SystemDialogs};
use crate::media_keys::MediaKeys;
use crate::outside::{Outside, SystemOutside};
use crate::paths::Settings;
use crate::player::Player;
use crate::start::start_work;

/// State of the running app.
pub(crate) struct App {
    /// The local library with its watching and syncing.
    pub(crate) library: Library,
    /// The player.
    pub(crate) player: Player,
    /// How paths are asked for.
    pub(crate) dialogs: Box<dyn Dialogs>,
    /// How files are handed to other programs.
    pub(crate) outside: Box<dyn Outside>,
    /// The system's media keys.
    pub(crate) media_keys: MediaKeys,
}

impl App {
    /// Opens the library and starts its background work.
    /// # Errors
    /// When the library cannot be opened; its files are then untouched.
    pub(crate) async fn open<R: Runtime>(handle: AppHandle<R>, settings: Settings) -> Result<Self, Box<dyn std::error::Error>> {
        let mut options = LibraryOptions::new(settings.library);
        options.suggested_server = settings.suggested_server;
        let library = Library::open(options).await?;
        start_work(&library).await?;
        let dialogs: Box<dyn Dialogs> = match ScriptedDialogs::from_environment() {
            Some(scripted) => Box::new(scripted),
            None => Box::new(SystemDialogs(handle.clone())),
        };
        let player = Player::new(library.clone());
        player.restore().await;
        let media_keys = MediaKeys::attach(player.clone(), window_handle(&handle));
        Ok(Self { player, library, dialogs, outside: Box::new(SystemOutside::new(handle)), media_keys })
    }

    /// Stops sound and background work; whatever is unfinished goes on at the next start.
    pub(crate) async fn close(&self) {
        self.player.remember().await;
        self.player.stop();
        self.library.send_held_approvals().await;
        self.library.shutdown().await;
    }
}

/// The window the media keys belong to, which only Windows asks for.
#[cfg(windows)]
fn window_handle<R: Runtime>(handle: &AppHandle<R>) -> Option<*mut std::ffi::c_void> {
    use tauri::Manager;
    handle.get_webview_window("main").and_then(|window| window.hwnd().ok()).map(|hwnd| hwnd.0)
}

#[cfg(not(windows))]
fn window_handle<R: Runtime>(_handle: &AppHandle<R>) -> Option<*mut std::ffi::c_void> {
    None
}
