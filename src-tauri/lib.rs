//! The desktop app: library, player and sync behind thin commands, and one window.
//!
//! Everything with a rule in it lives in the libraries; this package puts them together.

mod app;
mod commands;
mod dialogs;
#[cfg(target_os = "linux")]
mod drawing;
mod drops;
mod error;
mod events;
mod heard;
mod media_keys;
mod outside;
mod paths;
mod player;
mod start;

use std::process::ExitCode;

use tauri::{Manager, Runtime, WindowEvent};

pub use commands::NAMES as COMMAND_NAMES;
pub use paths::Settings;

/// The app on any runtime: the window's one, or the mock one of tests.
pub fn builder<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    builder
        .plugin(tauri_plugin_dialog::init())
        .invoke_handler(commands::handler())
        .on_page_load(|_window, load| {
            if load.event() == tauri::webview::PageLoadEvent::Finished {
                paths::tell_ready();
            }
        })
        .on_window_event(|window, event| {
            if let WindowEvent::DragDrop(tauri::DragDropEvent::Drop { paths, .. }) = event {
                drops::take(window.app_handle().clone(), paths.clone());
            }
        })
}

/// Opens the library and gives the commands what they work with.
/// # Errors
/// When the library cannot be opened; its files are then untouched.
pub fn prepare<R: Runtime>(handle: &tauri::AppHandle<R>, settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let app = tauri::async_runtime::block_on(app::App::open(handle.clone(), settings))?;
    events::forward(handle.clone(), &app);
    handle.manage(app);
    heard::follow(handle.clone());
    Ok(())
}

/// Stops sound and background work, and keeps what the player holds for the next start.
pub fn close<R: Runtime>(handle: &tauri::AppHandle<R>) {
    if let Some(app) = handle.try_state::<app::App>() {
        tauri::async_runtime::block_on(app.close());
    }
}

/// Runs the app until its window closes.
#[must_use]
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,zbus=warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(%error, "CollabTrack cannot start");
            return ExitCode::FAILURE;
        }
    };
    // A second launch shows the first one's window; two programs must not work on one library.
    let single = tauri_plugin_single_instance::init(|handle, _arguments, _folder| {
        if let Some(window) = handle.get_webview_window("main") {
            let _ = window.unminimize();
            let _ = window.set_focus();
        }
    });
    let app = match builder(tauri::Builder::default().plugin(single))
        .setup(move |app| {
            #[cfg(target_os = "linux")]
            drawing::suit_this_computer(app.handle());
            if let Err(error) = prepare(app.handle(), settings) {
                start::explain(app.handle(), error.as_ref());
            }
            Ok(())
        })
        .build(tauri::generate_context!())
    {
        Ok(app) => app,
        Err(error) => return start::again_after_the_one_before(&error),
    };
    app.run(|handle, event| {
        if let tauri::RunEvent::Exit = event {
            close(handle);
        }
    });
    ExitCode::SUCCESS
}
