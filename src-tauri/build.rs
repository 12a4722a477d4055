//! Embeds the user interface and the window's configuration.

fn main() {
    tauri_build::build();
}
