//! File containers: where every chunk of a RIFF, RF64, BW64, W64, AIFF, AIFC or CAF file lies and what its samples look like.
//!
//! A walk reads headers only. It never changes a file, never trusts a declared size, and never reads the audio itself.

pub mod layout;
pub mod notes;

mod aiff;
mod bytes;
mod caf;
pub(crate) mod fmt;
mod map;
pub(crate) mod mp4;
mod riff;
mod speakers;

use std::path::Path;

use crate::error::AudioError;
use crate::guard::guarded;

pub(crate) use bytes::Bytes;
pub use layout::{Chunk, ContainerKind, Layout, PcmFormat, SampleCode};

/// Walks the container at `path` and locates every chunk; `None` when the bytes are of no container this module walks.
/// # Errors
/// `Io`, `Damaged` when the header contradicts itself, `Limit`.
pub fn layout(path: &Path) -> Result<Option<Layout>, AudioError> {
    let mut bytes = Bytes::open(path)?;
    guarded("walking the container", || walk(&mut bytes))
}

/// Walks an open file.
pub(crate) fn walk(bytes: &mut Bytes) -> Result<Option<Layout>, AudioError> {
    let mut head = [0_u8; 16];
    let got = bytes.read_at(0, &mut head)?;
    let head = &head[..got];
    if got < 12 {
        return Ok(None);
    }
    let layout = match (&head[..4], &head[8..12]) {
        (b"RIFF" | b"RF64" | b"BW64" | b"RIFX", b"WAVE") => riff::walk_riff(bytes)?,
        (b"FORM", b"AIFF" | b"AIFC") => aiff::walk_aiff(bytes)?,
        (b"caff", _) => caf::walk_caf(bytes)?,
        _ if head == riff::W64_RIFF_GUID => riff::walk_w64(bytes)?,
        _ => return Ok(None),
    };
    Ok(Some(layout))
}
