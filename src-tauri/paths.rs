//! Where the app keeps its library, and what whoever starts it may set.

use std::path::PathBuf;

/// Settings of one start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the local library.
    pub library: PathBuf,
    /// Address of a server to offer on the connect screen, such as the studio that `./dev run` starts.
    pub suggested_server: Option<String>,
}

/// The platform names no folder for an application's data.
#[derive(Debug, thiserror::Error)]
#[error("this system names no folder for application data; set COLLABTRACK_LIBRARY to a folder CollabTrack may use")]
pub struct NoDataFolder;

impl Settings {
    /// From `COLLABTRACK_LIBRARY` and `COLLABTRACK_STUDIO_URL`, else the platform's data folder and no server.
    /// # Errors
    /// When neither names a folder.
    pub fn from_environment() -> Result<Self, NoDataFolder> {
        let library =
            std::env::var_os("COLLABTRACK_LIBRARY").map(PathBuf::from).or_else(collabtrack_library::default_dir).ok_or(NoDataFolder)?;
        Ok(Self { library, suggested_server: std::env::var("COLLABTRACK_STUDIO_URL").ok().filter(|url| !url.is_empty()) })
    }
}

/// Makes the file that `COLLABTRACK_READY_FILE` names, for whoever waits for the window, such as `./dev run`.
pub(crate) fn tell_ready() {
    if let Some(file) = std::env::var_os("COLLABTRACK_READY_FILE")
        && let Err(error) = std::fs::write(&file, b"")
    {
        tracing::warn!(%error, "the file of COLLABTRACK_READY_FILE cannot be made");
    }
}
