//! The fence around code that reads untrusted media: panics become errors, and reading stops when nothing comes out of it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// Ends decoding that delivers nothing, whether it takes its time or reads in circles: `feed` it whenever frames come out.
#[derive(Clone, Debug)]
pub(crate) struct Watchdog {
    start: Instant,
    patience: Duration,
    fed_ms: Arc<AtomicU64>,
    /// Bytes read since it was fed.
    hungry_bytes: Arc<AtomicU64>,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        Self::with_patience(Duration::from_secs(limits::WATCHDOG_SECONDS))
    }

    fn with_patience(patience: Duration) -> Self {
        Watchdog { start: Instant::now(), patience, fed_ms: Arc::default(), hungry_bytes: Arc::default() }
    }

    /// Notes progress.
    pub(crate) fn feed(&self) {
        self.fed_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.hungry_bytes.store(0, Ordering::Relaxed);
    }

    /// Whether nothing has come out for too long.
    pub(crate) fn expired(&self) -> bool {
        let now = self.start.elapsed().as_millis() as u64;
        u128::from(now.saturating_sub(self.fed_ms.load(Ordering::Relaxed))) > self.patience.as_millis()
    }
}

/// What of a file a demuxer is not to see, because it would keep more of it in memory than it is worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Bytes passed over at the start.
    pub(crate) start: u64,
    /// Bytes left out at the end.
    pub(crate) end: u64,
    /// Single bytes that read otherwise, so that a part is taken for one of no meaning: its offset from the start of the file.
    pub(crate) bytes: Vec<(u64, u8)>,
}

/// A file whose reads fail once its watchdog has expired, so that no demuxer can read in circles for ever.
pub(crate) struct GuardedFile {
    file: File,
    length: u64,
    watchdog: Watchdog,
    hidden: Hidden,
    /// Where in the file the next read begins.
    at: u64,
}

impl GuardedFile {
    /// The `file` of `length` bytes, at its start.
    pub(crate) fn new(mut file: File, length: u64, watchdog: Watchdog, hidden: Hidden) -> io::Result<Self> {
        let at = file.seek(SeekFrom::Start(hidden.start))?;
        Ok(GuardedFile { file, length, watchdog, hidden, at })
    }

    /// Where in the file it is over.
    fn end(&self) -> u64 {
        self.length.saturating_sub(self.hidden.end)
    }

    fn check(&self) -> io::Result<()> {
        let most = self.length.saturating_mul(limits::MAX_REREADS).saturating_add(limits::MAX_WORKER_BYTES as u64);
        let in_circles = self.watchdog.hungry_bytes.load(Ordering::Relaxed) > most;
        let why = if in_circles { "the same bytes are read over and over" } else { "no progress while reading" };
        if in_circles || self.watchdog.expired() { Err(io::Error::new(io::ErrorKind::TimedOut, why)) } else { Ok(()) }
    }
}

impl Read for GuardedFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let left = usize::try_from(self.end().saturating_sub(self.at)).unwrap_or(usize::MAX);
        let buf = if left < buf.len() { &mut buf[..left] } else { buf };
        let got = self.file.read(buf)?;
        for (offset, byte) in &self.hidden.bytes {
            let place = offset.checked_sub(self.at).and_then(|place| buf[..got].get_mut(usize::try_from(place).ok()?));
            if let Some(place) = place {
                *place = *byte;
            }
        }
        self.at += got as u64;
        self.watchdog.hungry_bytes.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Seek for GuardedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.check()?;
        let to = match to {
            SeekFrom::Start(offset) => SeekFrom::Start(offset.saturating_add(self.hidden.start)),
            SeekFrom::End(distance) => SeekFrom::End(distance.saturating_sub_unsigned(self.hidden.end)),
            SeekFrom::Current(distance) => SeekFrom::Current(distance),
        };
        self.at = self.file.seek(to)?;
        self.at.checked_sub(self.hidden.start).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    }
}

impl MediaSource for GuardedFile {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.end().saturating_sub(self.hidden.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded_file(bytes: usize, watchdog: Watchdog) -> GuardedFile {
        let mut file = tempfile::tempfile().expect("a temporary file");
        io::Write::write_all(&mut file, &vec![7; bytes]).expect("it takes bytes");
        GuardedFile::new(file, bytes as u64, watchdog, Hidden::default()).expect("it has a start")
    }

    /// Reads the file from its start, again and again, as a demuxer does that lost its way; returns the rounds until it was stopped.
    fn rounds(mut file: GuardedFile, most: usize, mut after_each: impl FnMut()) -> usize {
        let mut buffer = vec![0; 1 << 20];
        for round in 0..most {
            let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut buffer));
            if let Err(error) = read {
                assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                return round;
            }
            after_each();
        }
        most
    }

    #[test]
    fn reading_in_circles_is_stopped_after_a_bounded_number_of_bytes() {
        let stopped = rounds(guarded_file(1 << 20, Watchdog::new()), 10_000, || {});
        assert!((8..200).contains(&stopped), "stopped after {stopped} rounds");
    }

    #[test]
    fn reading_goes_on_as_long_as_frames_come_out() {
        let watchdog = Watchdog::new();
        let file = guarded_file(1 << 20, watchdog.clone());
        assert_eq!(rounds(file, 300, || watchdog.feed()), 300);
    }

    #[test]
    fn a_decoder_that_takes_its_time_without_a_frame_is_stopped() {
        let watchdog = Watchdog::with_patience(Duration::from_millis(30));
        let file = guarded_file(1 << 20, watchdog.clone());
        let start = Instant::now();
        while !watchdog.expired() {
            assert!(start.elapsed() < Duration::from_secs(10), "it never ran out of patience");
            std::hint::spin_loop();
        }
        assert_eq!(rounds(file, 10, || {}), 0);
        watchdog.feed();
        assert!(!watchdog.expired());
    }

    #[test]
    fn what_is_hidden_reads_as_if_it_were_otherwise() {
        let mut file = tempfile::tempfile().expect("a temporary file");
        io::Write::write_all(&mut file, b"0123456789ab").expect("it takes bytes");
        let hidden = Hidden { start: 3, end: 2, bytes: vec![(1, b'x'), (4, b'x'), (9, b'y'), (10, b'z')] };
        let mut file = GuardedFile::new(file, 12, Watchdog::new(), hidden).expect("it has a start");
        assert_eq!(file.byte_len(), Some(7));
        let mut all = Vec::new();
        file.read_to_end(&mut all).expect("it reads");
        assert_eq!(all, b"3x5678y");
        assert_eq!(file.seek(SeekFrom::Start(1)).expect("it seeks"), 1);
        let mut two = [0; 2];
        file.read_exact(&mut two).expect("it reads");
        assert_eq!((&two, file.stream_position().expect("it seeks")), (b"x5", 3));
        assert_eq!(file.seek(SeekFrom::End(-1)).expect("it seeks"), 6);
        assert_eq!(file.seek(SeekFrom::Current(-9)).expect_err("before the start").kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_panic_becomes_an_error_that_says_what_was_being_done() {
        let error = guarded::<()>("opening the file", || panic!("as a decoder might")).expect_err("it panicked");
        assert!(matches!(&error, AudioError::Damaged { what } if what.contains("opening the file")), "{error}");
    }
}
