//! How the web view draws on Linux.
//!
//! The web view of GTK composites through OpenGL. Without a graphics card Mesa computes that on the processor, and every frame of a window
//! full of text takes 0.15 s. Told to draw without compositing, the same web view paints only what changed, at the rate of the screen
//! (`docs/benchmarks.md`, table and waveform).

use std::ffi::OsStr;
use std::path::Path;

use tauri::{AppHandle, Manager, Runtime};
use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};

/// Where the kernel shows what can render.
const DEVICES: &str = "/dev/dri";

/// Lets the web view draw by itself where OpenGL would be computed anyway.
pub(crate) fn suit_this_computer<R: Runtime>(handle: &AppHandle<R>) {
    if renders_in_hardware(Path::new(DEVICES), std::env::var_os("LIBGL_ALWAYS_SOFTWARE").as_deref()) {
        return;
    }
    let Some(window) = handle.get_webview_window("main") else { return };
    let told = window.with_webview(|view| {
        if let Some(settings) = WebViewExt::settings(&view.inner()) {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
        }
    });
    match told {
        Ok(()) => tracing::info!("no graphics card: the window is drawn without compositing"),
        Err(error) => tracing::warn!(%error, "the web view could not be told that there is no graphics card"),
    }
}

/// Whether OpenGL has a device to render on (a node `renderD…`), and nobody asked Mesa to leave it alone.
fn renders_in_hardware(devices: &Path, always_software: Option<&OsStr>) -> bool {
    let refused = always_software.and_then(OsStr::to_str).is_some_and(|value| matches!(value, "1" | "true" | "yes" | "y"));
    let node = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("renderD");
    !refused && std::fs::read_dir(devices).is_ok_and(|entries| entries.flatten().any(node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_render_node_is_hardware_unless_mesa_is_told_to_compute() {
        let devices = tempfile::tempdir().unwrap();
        let absent = devices.path().join("nothing");
        assert!(!renders_in_hardware(&absent, None));
        std::fs::write(devices.path().join("card0"), b"").unwrap();
        assert!(!renders_in_hardware(devices.path(), None), "a card that only shows pictures");
        std::fs::write(devices.path().join("renderD128"), b"").unwrap();
        assert!(renders_in_hardware(devices.path(), None));
        assert!(renders_in_hardware(devices.path(), Some(OsStr::new("0"))));
        assert!(!renders_in_hardware(devices.path(), Some(OsStr::new("1"))));
    }
}
