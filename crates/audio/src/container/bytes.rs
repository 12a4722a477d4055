//! Positioned reads of a file: ordinary reads for files somebody may still write to, a mapping for our own immutable ones.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::container::map::Map;
use crate::error::AudioError;

enum Source {
    File(File),
    Map(Map),
}

/// An open file of known length.
pub(crate) struct Bytes {
    source: Source,
    path: PathBuf,
    length: u64,
}

impl Bytes {
    /// Opens `path` for ordinary reads.
    pub(crate) fn open(path: &Path) -> Result<Self, AudioError> {
        let file = File::open(path).map_err(|source| AudioError::io("open", path, source))?;
        let metadata = file.metadata().map_err(|source| AudioError::io("open", path, source))?;
        if metadata.is_dir() {
            return Err(AudioError::NotAudio { reason: "it is a folder" });
        }
        Ok(Bytes { source: Source::File(file), path: path.to_path_buf(), length: metadata.len() })
    }

    /// Maps `path`, which must be an immutable file of our own store.
    pub(crate) fn open_stored(path: &Path) -> Result<Self, AudioError> {
        let mut bytes = Bytes::open(path)?;
        if let Source::File(file) = &bytes.source
            && bytes.length > 0
        {
            let map = Map::of_immutable(file).map_err(|source| AudioError::io("map", path, source))?;
            bytes.source = Source::Map(map);
        }
        Ok(bytes)
    }

    /// Length in bytes when opened.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the bytes are mapped.
    pub(crate) fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        match &self.source {
            Source::Map(map) => map.bytes().get(usize::try_from(offset).ok()?..)?.get(..length),
            Source::File(_) => None,
        }
    }

    /// Reads at `offset` until `buf` is full or the file ends; returns the bytes read.
    pub(crate) fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, AudioError> {
        match &mut self.source {
            Source::Map(map) => {
                let rest = usize::try_from(offset).ok().and_then(|start| map.bytes().get(start..)).unwrap_or(&[]);
                let count = rest.len().min(buf.len());
                buf[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Source::File(file) => read_file(file, offset, buf).map_err(|source| AudioError::io("read", &self.path, source)),
        }
    }

    /// Reads up to `length` bytes at `offset` into a vector that is never larger than what the file holds there.
    pub(crate) fn read_vec(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, AudioError> {
        let length = length.min(self.length.saturating_sub(offset));
        let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
        let got = self.read_at(offset, &mut data)?;
        data.truncate(got);
        Ok(data)
    }

    /// Reads exactly `N` bytes, or `None` at the end of the file.
    pub(crate) fn array<const N: usize>(&mut self, offset: u64) -> Result<Option<[u8; N]>, AudioError> {
        let mut data = [0; N];
        let got = self.read_at(offset, &mut data)?;
        Ok((got == N).then_some(data))
    }
}

fn read_file(file: &mut File, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
    file.seek(SeekFrom::Start(offset))?;
    let mut got = 0;
    while got < buf.len() {
        match file.read(&mut buf[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
