//! Random access to lossy files: decoded once, front to back, into a file that vanishes with its lane.
//!
//! Lossy decoders carry state from packet to packet, and some (AAC with noise substitution) give the same samples again only
//! when decoded from the start. One linear decode, trimmed once, makes every later seek exact and cheap.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::decode::Decoder;
use crate::downmix::Downmix;
use crate::error::AudioError;

/// Frames decoded and stored in one step.
const STEP_FRAMES: usize = 16_384;
/// Bytes of a stored frame: two floats.
const FRAME_BYTES: u64 = 8;
/// Most bytes a proxy may take.
const MAX_BYTES: u64 = 4 << 30;

/// The decoded copy of a lossy file, as far as it has been made.
pub(super) struct Proxy {
    file: File,
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
    /// Room for a proxy of a file of `frames` frames, if there is any.
    pub(super) fn room(frames: Option<u64>) -> Option<File> {
        frames.is_none_or(|frames| frames < MAX_BYTES / FRAME_BYTES).then(|| tempfile::tempfile().ok()).flatten()
    }

    /// Starts a proxy of `decoder`, which stands at its start, in `file`.
    pub(super) fn start(file: File, decoder: Decoder) -> Self {
        let info = decoder.info();
        let downmix = Downmix::new(info.channels, info.channel_mask);
        let planes = vec![Vec::with_capacity(STEP_FRAMES); usize::from(info.channels)];
        Proxy { file, decoder, downmix, planes, left: Vec::new(), right: Vec::new(), buffer: Vec::new(), ready: 0, done: false }
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
        let stored = self.file.seek(SeekFrom::Start(self.ready * FRAME_BYTES)).and_then(|_| self.file.write_all(&self.buffer));
        stored.map_err(|error| AudioError::Internal { what: format!("storing a decoded copy: {error}") })?;
        self.ready += got as u64;
        Ok(())
    }

    /// Appends up to `frames` stored frames from `from` on; returns how many there were.
    pub(super) fn read(&mut self, from: u64, frames: usize, left: &mut Vec<f32>, right: &mut Vec<f32>) -> Result<usize, AudioError> {
        let frames = (self.ready.saturating_sub(from)).min(frames as u64) as usize;
        self.buffer.resize(frames * FRAME_BYTES as usize, 0);
        let loaded = self.file.seek(SeekFrom::Start(from * FRAME_BYTES)).and_then(|_| self.file.read_exact(&mut self.buffer));
        loaded.map_err(|error| AudioError::Internal { what: format!("reading a decoded copy: {error}") })?;
        for [a, b, c, d, e, f, g, h] in self.buffer.as_chunks::<8>().0 {
            left.push(f32::from_le_bytes([*a, *b, *c, *d]));
            right.push(f32::from_le_bytes([*e, *f, *g, *h]));
        }
        Ok(frames)
    }
}
