//! Folders on network shares: the system accepts a watch there and then tells nothing of what other computers write.

use std::path::Path;

/// Kinds of file systems, by the number Linux gives them, whose changes made elsewhere raise no events here: NFS, SMB (two forms), CIFS,
/// AFS, Coda, Ceph, 9P, FUSE (sshfs, rclone and others).
#[cfg(target_os = "linux")]
const WITHOUT_EVENTS: [u64; 9] =
    [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x5346_414F, 0x7375_7245, 0x00C3_6400, 0x0102_1997, 0x6573_5546];

/// Whether changes inside `folder` may raise no events, so that it has to be looked through from time to time.
#[cfg(target_os = "linux")]
#[must_use]
pub fn needs_polling(folder: &Path) -> bool {
    let Ok(found) = rustix::fs::statfs(folder) else { return false };
    // The type is signed on some machines and unsigned on others; the numbers are 32 bits wide.
    WITHOUT_EVENTS.contains(&(u64::try_from(i128::from(found.f_type) & 0xFFFF_FFFF).unwrap_or(0)))
}

/// Whether changes inside `folder` may raise no events; here the watch itself fails for such folders.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn needs_polling(_folder: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_computer_needs_no_polling() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!needs_polling(folder.path()));
        assert!(!needs_polling(&folder.path().join("nowhere")));
    }
}
