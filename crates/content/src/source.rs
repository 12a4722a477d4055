//! Bytes that are read at any place: a stored file, or memory.

use std::fs::File;
use std::io;

/// Bytes that do not change while they are read.
pub trait Source: Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Reads exactly `buffer` from `at`.
    /// # Errors
    /// What reading said; `UnexpectedEof` beyond the end.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes `[at, at + length)`.
    /// # Errors
    /// As [`Source::read_at`].
    fn bytes(&self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut buffer = vec![0; length];
        self.read_at(at, &mut buffer)?;
        Ok(buffer)
    }
}

impl Source for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = usize::try_from(at).ok().and_then(|at| Some(at..at.checked_add(buffer.len())?));
        let found = range.and_then(|range| self.get(range)).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn len(&self) -> u64 {
        Source::len(self.as_slice())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(at, buffer)
    }
}

/// A file of our own store.
#[derive(Debug)]
pub struct StoredFile {
    file: File,
    length: u64,
}

impl StoredFile {
    /// Opens a file for reading.
    /// # Errors
    /// What the system said.
    pub fn open(path: &std::path::Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl Source for StoredFile {
    fn len(&self) -> u64 {
        self.length
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buffer, at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                got => {
                    at += got as u64;
                    buffer = &mut buffer[got..];
                }
            }
        }
        Ok(())
    }
}
