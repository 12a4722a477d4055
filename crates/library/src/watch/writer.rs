//! Which programs still have files open for writing, where the system can tell: on Linux from `/proc`. A file that is open for writing is
//! not finished, however long it has been still.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files among `paths` that a program of this user has open for writing, each with the name of the program; empty where the system
/// does not tell.
#[cfg(target_os = "linux")]
#[must_use]
pub fn open_for_writing(paths: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    use std::collections::HashMap;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    let places: HashMap<(u64, u64), &PathBuf> =
        paths.iter().filter_map(|path| fs::symlink_metadata(path).ok().map(|data| ((data.dev(), data.ino()), path))).collect();
    let mut found = BTreeMap::new();
    let Ok(processes) = fs::read_dir("/proc") else { return found };
    let own = std::process::id().to_string();
    for process in processes.flatten() {
        let name = process.file_name();
        let is_other = name.to_str().is_some_and(|name| name != own && name.bytes().all(|byte| byte.is_ascii_digit()));
        // Processes of other users do not tell; those that end meanwhile do not matter.
        let Some(open) = is_other.then(|| fs::read_dir(process.path().join("fd")).ok()).flatten() else { continue };
        for descriptor in open.flatten() {
            let place = fs::metadata(descriptor.path()).ok().map(|data| (data.dev(), data.ino()));
            if let Some(path) = place.and_then(|place| places.get(&place))
                && is_for_writing(&process.path().join("fdinfo").join(descriptor.file_name()))
            {
                let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                found.insert((*path).clone(), program.trim().to_owned());
            }
        }
    }
    found
}

/// Whether an open file was opened for writing: the low bits of its flags, in octal, are 1 or 2.
#[cfg(target_os = "linux")]
fn is_for_writing(info: &std::path::Path) -> bool {
    let text = std::fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 3 != 0)
}

/// This system does not tell who writes a file.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn open_for_writing(_paths: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    BTreeMap::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_file_that_another_program_holds_open_for_writing_is_told_with_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("mix.wav"), folder.path().join("other.wav"));
        for path in [&path, &other] {
            std::fs::write(path, b"x").expect("written");
        }
        let paths = [path.clone(), other.clone()];
        assert!(open_for_writing(&paths).is_empty(), "nobody has them open");
        let writer = std::fs::File::options().append(true).open(&path).expect("open");
        let reader = std::fs::File::open(&other).expect("open");
        let mut child = Command::new("sleep").arg("30").stdin(reader).stdout(writer).stderr(Stdio::null()).spawn().expect("a program");
        let found = open_for_writing(&paths);
        child.kill().expect("ended");
        child.wait().expect("gone");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(path, "sleep".to_owned())], "only what is open for writing");
        assert!(open_for_writing(&paths).is_empty());
    }
}
