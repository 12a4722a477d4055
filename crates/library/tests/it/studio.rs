//! A computer for tests: a folder that exports go to, a library beside it, a clock that is moved by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use collabtrack_domain::id::{ProjectId, TrackId};
use collabtrack_library::clock::ManualClock;
use collabtrack_library::faults::Faults;
use collabtrack_library::sync::remote::Remote;
use collabtrack_library::view::{CandidateView, TrackDetail};
use collabtrack_library::watch::look::Looked;
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

/// A computer.
pub(crate) struct Studio {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) library: Library,
    pub(crate) project: ProjectId,
    remote: Option<Arc<dyn Remote>>,
}

fn options(folder: &Path, clock: &Arc<ManualClock>, remote: Option<Arc<dyn Remote>>) -> LibraryOptions {
    let mut options = LibraryOptions::new(folder.join("library"));
    options.credentials = CredentialChoice::Memory;
    options.clock = clock.clone();
    options.remote = remote;
    options
}

impl Studio {
    /// A computer without server.
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// A computer whose disk fails by script.
    pub(crate) async fn with_faults(faults: Faults) -> Self {
        Self::with_faults_and(faults, None).await
    }

    /// A computer that syncs with `remote`.
    pub(crate) async fn with(remote: Option<Arc<dyn Remote>>) -> Self {
        Self::with_faults_and(Faults::default(), remote).await
    }

    /// Both.
    pub(crate) async fn with_faults_and(faults: Faults, remote: Option<Arc<dyn Remote>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("Bounces")).expect("made");
        let clock = Arc::new(ManualClock::default());
        let opened = LibraryOptions { faults, ..options(folder.path(), &clock, remote.clone()) };
        let library = Library::open(opened).await.expect("the library opens");
        let project = library.add_folder(None, &folder.path().join("Bounces")).await.expect("the folder is watched");
        let project = ProjectId::parse(&project.id).expect("an id");
        Self { folder, clock, library, project, remote }
    }

    /// The program ends and starts again, with another server if one is given.
    pub(crate) async fn restart(&mut self, remote: Option<Arc<dyn Remote>>) {
        self.library.shutdown().await;
        if remote.is_some() {
            self.remote = remote;
        }
        self.library = Library::open(options(self.folder.path(), &self.clock, self.remote.clone())).await.expect("the library opens again");
    }

    /// Every file is looked at again, as after a start.
    pub(crate) async fn restart_library(&self) {
        self.library.rescan(&self.project).await.expect("looked through again");
    }

    /// The folder exports go to.
    pub(crate) fn bounces(&self) -> PathBuf {
        self.folder.path().join("Bounces")
    }

    /// Writes an export.
    pub(crate) fn export(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.bounces().join(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("made");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Looks, waits until everything is still, looks again.
    pub(crate) async fn capture(&self) -> Looked {
        self.library.scan_once().await.expect("a look");
        self.clock.advance(Duration::from_secs(6));
        self.library.scan_once().await.expect("another look")
    }

    /// Syncs until nothing is left, with the clock running.
    pub(crate) async fn sync(&self) -> collabtrack_library::error::Result<collabtrack_library::sync::SyncOutcome> {
        let ticking = async {
            loop {
                self.clock.advance(Duration::from_millis(500));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            outcome = self.library.sync_once() => outcome,
            () = ticking => unreachable!("the clock never ends"),
        }
    }

    /// The only track.
    pub(crate) async fn track(&self) -> TrackDetail {
        let tracks = self.library.tracks(None).await.expect("tracks");
        assert_eq!(tracks.len(), 1, "one track: {:?}", tracks.iter().map(|track| &track.name).collect::<Vec<_>>());
        self.library.track(&TrackId::parse(&tracks[0].id).expect("an id")).await.expect("the track")
    }

    /// Numbers of the versions of the only track, newest first.
    pub(crate) async fn numbers(&self) -> Vec<i64> {
        self.track().await.versions.iter().map(|version| version.number).collect()
    }

    /// The only candidate.
    pub(crate) async fn candidate(&self) -> CandidateView {
        let mut candidates = self.library.candidates().await.expect("candidates");
        assert_eq!(candidates.len(), 1, "one candidate: {candidates:?}");
        candidates.remove(0)
    }
}

/// A 16-bit stereo WAV of `frames` frames at 48 kHz; another `seed` is another sound.
pub(crate) fn wav(seed: u32, frames: u32) -> Vec<u8> {
    let data_len = frames * 4;
    let mut bytes = Vec::with_capacity(44 + data_len as usize);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data_len).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&1_u16.to_le_bytes());
    bytes.extend_from_slice(&2_u16.to_le_bytes());
    bytes.extend_from_slice(&48_000_u32.to_le_bytes());
    bytes.extend_from_slice(&(48_000_u32 * 4).to_le_bytes());
    bytes.extend_from_slice(&4_u16.to_le_bytes());
    bytes.extend_from_slice(&16_u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data_len.to_le_bytes());
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    for frame in 0..frames {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let tone = (f64::from(frame) * f64::from(200 + seed * 30) * std::f64::consts::TAU / 48_000.0).sin() * 9_000.0;
        let noise = f64::from((state >> 24) as u8) - 128.0;
        let sample = (tone + noise) as i16;
        bytes.extend_from_slice(&sample.to_le_bytes());
        bytes.extend_from_slice(&sample.to_le_bytes());
    }
    bytes
}

/// One second.
pub(crate) const SECOND: u32 = 48_000;
