//! SHA-256 of a file and of its equal parts, in one pass over the bytes.

use std::io::{self, Read, Write};

use collabtrack_domain::hash::ObjectHash;
use sha2::{Digest, Sha256};

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

/// What one pass over a file found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHashes {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of all bytes.
    pub sha256: ObjectHash,
    /// Length of every part but the last, in bytes.
    pub part_size: u64,
    /// SHA-256 of each part, in order; one part for an empty file.
    pub parts: Vec<ObjectHash>,
}

/// Hashes bytes as they pass by.
pub struct PartHasher {
    whole: Sha256,
    part: Sha256,
    part_size: u64,
    in_part: u64,
    length: u64,
    parts: Vec<ObjectHash>,
}

impl PartHasher {
    /// A hasher that cuts parts of `part_size` bytes; at least 1.
    #[must_use]
    pub fn new(part_size: u64) -> Self {
        Self { whole: Sha256::new(), part: Sha256::new(), part_size: part_size.max(1), in_part: 0, length: 0, parts: Vec::new() }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = usize::try_from(self.part_size - self.in_part).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.part.update(now);
            self.in_part += now.len() as u64;
            if self.in_part == self.part_size {
                self.cut();
            }
            bytes = later;
        }
    }

    fn cut(&mut self) {
        let digest = std::mem::take(&mut self.part).finalize();
        self.parts.push(ObjectHash::from_bytes(digest.into()));
        self.in_part = 0;
    }

    /// The hashes of everything taken.
    #[must_use]
    pub fn finish(mut self) -> FileHashes {
        if self.in_part > 0 || self.parts.is_empty() {
            self.cut();
        }
        FileHashes {
            length: self.length,
            sha256: ObjectHash::from_bytes(self.whole.finalize().into()),
            part_size: self.part_size,
            parts: self.parts,
        }
    }
}

/// Reads `source` to its end and hashes it, in constant memory. `go_on` is asked once per mebibyte.
/// # Errors
/// What reading said, or `Interrupted` when `go_on` answered no.
pub fn hash_reader(source: &mut dyn Read, part_size: u64, go_on: &mut dyn FnMut(u64) -> bool) -> io::Result<FileHashes> {
    copy_hashing(source, &mut io::sink(), part_size, go_on)
}

/// Copies `source` into `target` while hashing, in constant memory. `go_on` is asked once per mebibyte with the bytes so far.
/// # Errors
/// What reading or writing said, or `Interrupted` when `go_on` answered no.
pub fn copy_hashing(
    source: &mut dyn Read,
    target: &mut dyn Write,
    part_size: u64,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> io::Result<FileHashes> {
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    let mut hasher = PartHasher::new(part_size);
    loop {
        let got = match source.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        target.write_all(&buffer[..got])?;
        hasher.update(&buffer[..got]);
        if !go_on(hasher.length) {
            return Err(io::Error::new(io::ErrorKind::Interrupted, "stopped"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_do_not_depend_on_how_bytes_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..4_000), part in 1_u64..700, cut in 0_usize..4_000) {
            let mut hasher = PartHasher::new(part);
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            hasher.update(first);
            hasher.update(second);
            let found = hasher.finish();
            let mut want: Vec<ObjectHash> = bytes.chunks(usize::try_from(part).expect("small")).map(ObjectHash::of).collect();
            if want.is_empty() {
                want.push(ObjectHash::of(b""));
            }
            prop_assert_eq!(found.parts, want);
            prop_assert_eq!(found.sha256, ObjectHash::of(&bytes));
            prop_assert_eq!(found.length, bytes.len() as u64);
        }
    }

    #[test]
    fn copying_gives_the_same_bytes_and_hashes_and_can_be_stopped() {
        let bytes = vec![7_u8; 3 << 20];
        let mut copy = Vec::new();
        let found = copy_hashing(&mut bytes.as_slice(), &mut copy, 1 << 20, &mut |_| true).expect("memory does not fail");
        assert_eq!(copy, bytes);
        assert_eq!(found, hash_reader(&mut bytes.as_slice(), 1 << 20, &mut |_| true).expect("memory does not fail"));
        assert_eq!(found.parts.len(), 3);
        let stopped = hash_reader(&mut bytes.as_slice(), 1 << 20, &mut |so_far| so_far < 2 << 20);
        assert_eq!(stopped.expect_err("it was stopped").kind(), io::ErrorKind::Interrupted);
    }
}
