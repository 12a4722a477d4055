//! Dragging a file out of the window with GTK.
//!
//! The other program asks for the file after it was dropped, so the answer stays connected until the drag has ended. The `drag` crate, which
//! serves the other systems, lets go of it with the drop: nothing arrives (<https://github.com/crabnebula-dev/drag-rs/issues/84>).

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use gtk::gdk::DragAction;
use gtk::gdk_pixbuf::PixbufLoader;
use gtk::prelude::*;

/// The pointer button that is down.
const LEFT: i32 = 1;

/// Starts dragging `file`, an absolute path, with `picture` (a PNG) under the pointer. The left button is down over `window`.
pub(super) fn start(window: &gtk::ApplicationWindow, file: &Path, picture: &[u8]) -> Result<(), String> {
    let targets = gtk::TargetList::new(&[]);
    targets.add_uri_targets(0);
    let drag =
        window.drag_begin_with_coordinates(&targets, DragAction::COPY, LEFT, None, -1, -1).ok_or("the window system began no drag")?;
    let loader = PixbufLoader::new();
    if loader.write(picture).and_then(|()| loader.close()).is_ok()
        && let Some(picture) = loader.pixbuf()
    {
        drag.drag_set_icon_pixbuf(&picture, 0, 0);
    }
    let address = address_of(file);
    let asked_in = drag.clone();
    let answer = window.connect_drag_data_get(move |_, context, data, _, _| {
        if *context == asked_in {
            data.set_uris(&[&address]);
        }
    });
    let connected = Rc::new(RefCell::new(vec![answer]));
    let ending = Rc::clone(&connected);
    let end = window.connect_drag_end(move |window, context| {
        if *context == drag {
            tracing::debug!("a drag out of the window ended");
            ending.borrow_mut().drain(..).for_each(|handler| window.disconnect(handler));
        }
    });
    connected.borrow_mut().push(end);
    Ok(())
}

/// The `file://` address of a path.
fn address_of(file: &Path) -> String {
    format!("file://{}", percent_encoded(file.as_os_str().as_bytes()))
}

/// Bytes that may stand in the path of an address as they are; everything else becomes `%XX`.
fn percent_encoded(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_addresses_that_every_program_reads() {
        for (path, expected) in [
            ("/tmp/Night Drive - version 12.wav", "/tmp/Night%20Drive%20-%20version%2012.wav"),
            ("/tmp/100 % #1 é.wav", "/tmp/100%20%25%20%231%20%C3%A9.wav"),
            ("/tmp/\u{1F3B8}\"'.wav", "/tmp/%F0%9F%8E%B8%22%27.wav"),
        ] {
            assert_eq!(percent_encoded(path.as_bytes()), expected);
        }
    }
}
