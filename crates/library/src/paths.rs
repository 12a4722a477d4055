//! Paths in the database: the exact bytes where the system has bytes, and text to show.

use std::path::{Path, PathBuf};

/// A path as kept in the database.
#[cfg(unix)]
#[must_use]
pub fn to_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

/// A path from the database.
#[cfg(unix)]
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// A path as kept in the database.
#[cfg(not(unix))]
#[must_use]
pub fn to_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

/// A path from the database.
#[cfg(not(unix))]
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

/// The file name as text to show; empty for a path without one.
#[must_use]
pub fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
