//! The fence around code that reads untrusted media: panics become errors, and reading stops when nothing comes out of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use symphonia::core::io::MediaSource;

use crate::error::AudioError;
use crate::limits;

/// Runs `work`; a panic inside becomes [`AudioError::Damaged`] naming `what` was being done.
pub(crate) fn guarded<T>(what: &'static str, work: impl FnOnce() -> Result<T, AudioError>) -> Result<T, AudioError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::warn!(what, "a decoder panicked on this file");
        Err(AudioError::damaged(format!("the decoder gave up while {what}")))
    })
}

/// Ends decoding that delivers nothing: `feed` it whenever frames come out.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    start: Instant,
    fed_ms: Arc<AtomicU64>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        Watchdog { start: Instant::now(), fed_ms: Arc::new(AtomicU64::new(0)) }
    }

    /// Notes progress.
    pub(crate) fn feed(&self) {
        self.fed_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether nothing has come out for too long.
    pub(crate) fn expired(&self) -> bool {
        let now = self.start.elapsed().as_millis() as u64;
        now.saturating_sub(self.fed_ms.load(Ordering::Relaxed)) > limits::WATCHDOG_SECONDS * 1000
    }
}

/// A file whose reads fail once its watchdog has expired, so that no demuxer can read in circles for ever.
pub(crate) struct GuardedFile {
    file: File,
    length: u64,
    watchdog: Watchdog,
}

impl GuardedFile {
    pub(crate) fn new(file: File, length: u64, watchdog: Watchdog) -> Self {
        GuardedFile { file, length, watchdog }
    }

    fn check(&self) -> io::Result<()> {
        if self.watchdog.expired() { Err(io::Error::new(io::ErrorKind::TimedOut, "no progress while reading")) } else { Ok(()) }
    }
}

impl Read for GuardedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.file.read(buf)
    }
}

impl Seek for GuardedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.check()?;
        self.file.seek(to)
    }
}

impl MediaSource for GuardedFile {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
