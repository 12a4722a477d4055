//! Random access to lossy files: decoded once, front to back, into a file that vanishes with its lane.
//!
//! Lossy decoders carry state from packet to packet, and some (AAC with noise substitution) give the same samples again only
//! when decoded from the start. One linear decode, trimmed once, makes every later seek exact and cheap.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::decode::Decoder;
use crate::downmix::Downmix;
use crate::error::AudioError;

/// Frames decoded and stored in one step.
const STEP_FRAMES: usize = 16_384;
/// Bytes of a stored frame: two floats.
const FRAME_BYTES: u64 = 8;

/// The room all proxies of an engine share. Clones share it.
#[derive(Clone)]
pub(super) struct ProxyRoom {
    folder: Option<PathBuf>,
    most: u64,
    taken: Arc<AtomicU64>,
}

/// A file for one proxy, and its share of the room, which comes back when the file goes.
pub(super) struct ProxyPlace {
    file: File,
    bytes: u64,
    taken: Arc<AtomicU64>,
}

impl ProxyRoom {
    /// Room for `most` bytes in `folder`, or where the system keeps temporary files.
    pub(super) fn new(folder: Option<PathBuf>, most: u64) -> Self {
        ProxyRoom { folder, most, taken: Arc::default() }
    }

    /// Bytes that are given away.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Acquire)
    }

    /// A place for a file of `frames` frames, if there is room for all of it.
    pub(super) fn place(&self, frames: u64) -> Option<ProxyPlace> {
        let bytes = frames.checked_mul(FRAME_BYTES)?;
        let fits = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= self.most);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        let made = self.folder.as_ref().map_or_else(tempfile::tempfile, tempfile::tempfile_in);
        match made {
            Ok(file) => Some(ProxyPlace { file, bytes, taken: Arc::clone(&self.taken) }),
            Err(error) => {
                tracing::warn!(%error, "there is no place for a decoded copy; playing from the file itself");
                self.taken.fetch_sub(bytes, Ordering::AcqRel);
                None
            }
        }
    }
}

#[cfg(test)]
impl ProxyPlace {
    /// A file of another kind, for `frames` frames.
    pub(super) fn in_file(file: File, frames: u64) -> Self {
        ProxyPlace { file, bytes: frames * FRAME_BYTES, taken: Arc::new(AtomicU64::new(frames * FRAME_BYTES)) }
    }
}

impl Drop for ProxyPlace {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// The decoded copy of a lossy file, as far as it has been made.
pub(super) struct Proxy {
    place: ProxyPlace,
    decoder: Decoder,
    downmix: Downmix,
    planes: Vec<Vec<f32>>,
    left: Vec<f32>,
    right: Vec<f32>,
    buffer: Vec<u8>,
    ready: u64,
    done: bool,
}

impl Proxy {
    /// Starts a proxy of `decoder`, which stands at its start, in `place`.
    pub(super) fn start(place: ProxyPlace, decoder: Decoder) -> Self {
        let info = decoder.info();
        let downmix = Downmix::new(info.channels, info.channel_mask);
        let planes = vec![Vec::with_capacity(STEP_FRAMES); usize::from(info.channels)];
        Proxy { place, decoder, downmix, planes, left: Vec::new(), right: Vec::new(), buffer: Vec::new(), ready: 0, done: false }
    }

    /// Frames that can be read.
    pub(super) fn ready(&self) -> u64 {
        self.ready
    }

    /// Whether the whole file has been decoded.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Decodes and stores some more frames.
    pub(super) fn advance(&mut self) -> Result<(), AudioError> {
        if self.done {
            return Ok(());
        }
        self.planes.iter_mut().for_each(Vec::clear);
        let got = self.decoder.read(&mut self.planes, STEP_FRAMES)?;
        if got == 0 {
            self.done = true;
            return Ok(());
        }
        self.left.clear();
        self.right.clear();
        self.downmix.mix(&self.planes, &mut self.left, &mut self.right);
        self.buffer.clear();
        for (left, right) in self.left.iter().zip(&self.right) {
            self.buffer.extend_from_slice(&left.to_le_bytes());
            self.buffer.extend_from_slice(&right.to_le_bytes());
        }
        let at = self.ready * FRAME_BYTES;
        // A file that holds more than it says is played as long as it says.
        let room = self.place.bytes / FRAME_BYTES - self.ready;
        let got = (got as u64).min(room);
        self.done = got == room;
        self.buffer.truncate((got * FRAME_BYTES) as usize);
        let file = &mut self.place.file;
        let stored = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&self.buffer));
        stored.map_err(|error| AudioError::Internal { what: format!("storing a decoded copy: {error}") })?;
        self.ready += got;
        Ok(())
    }

    /// Appends up to `frames` stored frames from `from` on; returns how many there were.
    pub(super) fn read(&mut self, from: u64, frames: usize, left: &mut Vec<f32>, right: &mut Vec<f32>) -> Result<usize, AudioError> {
        let frames = (self.ready.saturating_sub(from)).min(frames as u64) as usize;
        self.buffer.resize(frames * FRAME_BYTES as usize, 0);
        let file = &mut self.place.file;
        let loaded = file.seek(SeekFrom::Start(from * FRAME_BYTES)).and_then(|_| file.read_exact(&mut self.buffer));
        loaded.map_err(|error| AudioError::Internal { what: format!("reading a decoded copy: {error}") })?;
        for [a, b, c, d, e, f, g, h] in self.buffer.as_chunks::<8>().0 {
            left.push(f32::from_le_bytes([*a, *b, *c, *d]));
            right.push(f32::from_le_bytes([*e, *f, *g, *h]));
        }
        Ok(frames)
    }
}
