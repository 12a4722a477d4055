//! The marker `.collabtrack` in a watched folder: it names the project. The one file CollabTrack writes there by itself.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use collabtrack_domain::id::ProjectId;
use serde::{Deserialize, Serialize};

use super::scan;
use crate::store::roots::Root;

/// Its name.
pub const NAME: &str = ".collabtrack";
const MOST_BYTES: u64 = 4_096;

#[derive(Serialize, Deserialize)]
struct Marker {
    collabtrack: u32,
    project: ProjectId,
}

/// The project named by the marker of a folder; none without a marker that can be read.
#[must_use]
pub fn read(folder: &Path) -> Option<ProjectId> {
    let path = folder.join(NAME);
    let data = fs::symlink_metadata(&path).ok()?;
    if !data.is_file() || data.len() > MOST_BYTES {
        return None;
    }
    let marker: Marker = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Some(marker.project)
}

/// Writes the marker, unless there is one.
/// # Errors
/// What the system said, such as `PermissionDenied` or `ReadOnlyFilesystem`.
pub fn write(folder: &Path, project: &ProjectId) -> io::Result<()> {
    let mut text = serde_json::to_vec(&Marker { collabtrack: 1, project: project.clone() })?;
    text.push(b'\n');
    match fs::File::create_new(folder.join(NAME)) {
        Ok(mut file) => {
            file.write_all(&text)?;
            file.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the folder of `root` is there and is the same one.
#[must_use]
pub fn is_present(root: &Root) -> bool {
    if !root.path.is_dir() {
        return false;
    }
    if root.has_marker { read(&root.path).as_ref() == Some(&root.project) } else { scan::place(&root.path) == root.place }
}
