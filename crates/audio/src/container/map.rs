//! The one memory mapping of this crate, and its only `unsafe` code: immutable files of our own store.
#![expect(unsafe_code, reason = "mapping a file is unsafe by nature; callers promise that the file is immutable")]

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap};

/// A read-only mapping.
pub(super) struct Map(Mmap);

impl Map {
    /// Maps a whole file that nobody changes or truncates while it is mapped.
    pub(super) fn of_immutable(file: &File) -> io::Result<Self> {
        // SAFETY: only files of our own content-addressed store come here; they are written once, renamed into place and
        // never changed afterwards, so the mapped bytes stay as they are.
        let map = unsafe { Mmap::map(file)? };
        // A hint only: a system that does not take it reads a little slower.
        let _ = map.advise(Advice::Sequential);
        Ok(Map(map))
    }

    /// The bytes of the file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
