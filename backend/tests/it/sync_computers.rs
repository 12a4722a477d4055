//! Computers for the syncing tests: a library with a bounce folder each, and the server in the same process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::{TrackDetail, VersionView};
use collabtrack_library::watch::settle::Patience;
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

use crate::support::person::PASSWORD;

/// A computer with a library.
pub(crate) struct Computer {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) library: Library,
}

fn options(folder: &Path) -> LibraryOptions {
    let mut options = LibraryOptions::new(folder.join("library"));
    options.credentials = CredentialChoice::File { path: folder.join("tokens"), passphrase: "a passphrase of the studio".into() };
    options.patience = Patience { still: Duration::ZERO, still_large: Duration::ZERO, ..Patience::default() };
    options.poll = Duration::from_secs(2);
    options
}

impl Computer {
    /// A computer on which nobody is signed in.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("Night Drive EP")).expect("made");
        let library = Library::open(options(folder.path())).await.expect("the library opens");
        Self { folder, library }
    }

    /// A computer of somebody new with an account.
    pub(crate) async fn of(server: &str, name: &str) -> Self {
        let computer = Self::new().await;
        let email = format!("{name}-{}@example.com", collabtrack_server::random::hex128());
        computer.library.register(server, name, &email, PASSWORD.to_owned().into(), None).await.expect("registered");
        computer
    }

    /// The program ends and starts again.
    pub(crate) async fn restart(&mut self) {
        self.library.shutdown().await;
        self.library = Library::open(options(self.folder.path())).await.expect("the library opens again");
    }

    pub(crate) fn bounces(&self) -> PathBuf {
        self.folder.path().join("Night Drive EP")
    }

    /// Watches the bounce folder as a folder of `project`, or of a new one.
    pub(crate) async fn watch(&self, project: Option<&ProjectId>) -> ProjectId {
        let project = self.library.add_folder(project, &self.bounces()).await.expect("watched");
        ProjectId::parse(&project.id).expect("an id")
    }

    /// Exports and captures.
    pub(crate) async fn bounce(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.bounces().join(name), bytes).expect("exported");
        let looked = self.library.scan_until_settled().await.expect("captured");
        assert_eq!(looked.captured.len(), 1, "{name} is a new version");
    }

    /// Sends and fetches until nothing is left.
    pub(crate) async fn sync(&self) {
        let outcome = self.library.sync_once().await.expect("synced");
        assert_eq!((outcome.waiting, outcome.fetching, outcome.problems), (0, 0, vec![]));
    }

    pub(crate) async fn track(&self, name: &str) -> TrackDetail {
        let tracks = self.library.tracks(None).await.expect("tracks");
        let track = tracks.iter().find(|track| track.name == name).unwrap_or_else(|| panic!("no track {name}"));
        self.library.track(&TrackId::parse(&track.id).expect("an id")).await.expect("the track")
    }

    pub(crate) async fn version(&self, track: &str, number: i64) -> VersionView {
        let versions = self.track(track).await.versions;
        versions.into_iter().find(|version| version.number == number).unwrap_or_else(|| panic!("{track} has no version {number}"))
    }

    /// The stored bytes of a version's original.
    pub(crate) async fn original(&self, version: &VersionView) -> Vec<u8> {
        let (path, _) = self.library.original(&VersionId::parse(&version.id).expect("an id")).await.expect("the original is here");
        std::fs::read(path).expect("readable")
    }
}

/// A 16-bit stereo WAV of `seconds` at 48 kHz; another `seed` is another sound.
pub(crate) fn wav(seed: u64, seconds: u32) -> Vec<u8> {
    let frames = seconds * 48_000;
    let data_len = frames * 4;
    let mut bytes = Vec::with_capacity(44 + data_len as usize);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data_len).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    bytes.extend_from_slice(&48_000_u32.to_le_bytes());
    bytes.extend_from_slice(&(48_000_u32 * 4).to_le_bytes());
    bytes.extend_from_slice(&[4, 0, 16, 0]);
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_len.to_le_bytes());
    bytes.extend(
        crate::support::music::bytes(seed, data_len as usize).chunks(2).flat_map(|pair| [pair[0], pair[1] & 0x9f | (pair[1] & 0x80)]),
    );
    bytes
}
