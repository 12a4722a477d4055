//! A person at a computer: a library, a bounce folder, an account.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use collabtrack_audio::cancel::Cancel;
use collabtrack_audio::engine::render::{RenderOrder, render_offline};
use collabtrack_audio::engine::{LaneId, LaneSource};
use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId, VersionId};
use collabtrack_library::view::imports::ImportView;
use collabtrack_library::view::{ActivityView, ProjectView, ProposalDetail, ProposalView, TrackDetail, TrackView, VersionView};
use collabtrack_library::{Library, LibraryOptions};

const PASSWORD: &str = "four walls and an amplifier";

/// A person at a computer.
pub(crate) struct Person {
    name: &'static str,
    folder: PathBuf,
    bounces: PathBuf,
    /// The library on that computer.
    pub(crate) library: Library,
}

/// SHA-256 of a file, as text.
pub(crate) fn fingerprint(path: &Path) -> anyhow::Result<String> {
    Ok(ObjectHash::of(&std::fs::read(path)?).to_string())
}

/// A copy of an exported tracks table with the ISRC of its first row filled in, as somebody's spreadsheet would write it.
pub(crate) fn csv_with_isrc(exported: &Path, isrc: &str) -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(exported)?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let column = headers.iter().position(|name| name == "isrc").context("the export has a column isrc")?;
    let edited = exported.with_file_name("edited.csv");
    let mut writer = csv::Writer::from_path(&edited)?;
    writer.write_record(&headers)?;
    for (index, record) in reader.records().enumerate() {
        let record = record?;
        writer.write_record(record.iter().enumerate().map(|(field, value)| if index == 0 && field == column { isrc } else { value }))?;
    }
    writer.flush()?;
    Ok(edited)
}

impl Person {
    /// Opens an empty library in a folder of its own.
    pub(crate) async fn open(name: &'static str, folder: &Path) -> anyhow::Result<Self> {
        let folder = folder.join(name);
        let bounces = folder.join("Night Drive EP");
        std::fs::create_dir_all(&bounces)?;
        let mut options = LibraryOptions::new(folder.join("library"));
        // The demo's sessions end with it; they do not belong into this computer's keyring.
        options.credentials = collabtrack_library::credentials::CredentialChoice::Memory;
        let library = Library::open(options).await?;
        Ok(Self { name, folder, bounces, library })
    }

    /// Ends the work of this computer.
    pub(crate) async fn close(self) {
        self.library.shutdown().await;
    }

    /// Chooses the bounce folder.
    pub(crate) async fn watch(&self, name: &str) -> anyhow::Result<ProjectView> {
        let project = self.library.add_folder(None, &self.bounces).await?;
        ensure!(project.name == name, "the project is called like its folder: {}", project.name);
        Ok(project)
    }

    /// Puts a file into the watched folder, as a DAW does: written beside, then in place.
    pub(crate) fn bounce(&self, source: &Path, name: &str) -> anyhow::Result<()> {
        std::fs::copy(source, self.bounces.join(name)).with_context(|| format!("bouncing {name}"))?;
        Ok(())
    }

    /// Captures every export that settles; there must then be that many tracks.
    pub(crate) async fn capture_tracks(&self, tracks: usize) -> anyhow::Result<Vec<TrackView>> {
        self.library.scan_until_settled().await?;
        let found = self.library.tracks(None).await?;
        ensure!(found.len() == tracks, "{tracks} tracks, found {}: {:?}", found.len(), self.library.candidates().await?);
        Ok(found)
    }

    /// Captures every export that settles; the track must then have that many versions.
    pub(crate) async fn capture_versions(&self, track: &str, versions: usize) -> anyhow::Result<TrackDetail> {
        self.library.scan_until_settled().await?;
        let detail = self.track(track).await?;
        ensure!(detail.versions.len() == versions, "{versions} versions, found {}", detail.versions.len());
        Ok(detail)
    }

    /// The track of that name, or of that name's beginning.
    pub(crate) async fn track(&self, name: &str) -> anyhow::Result<TrackDetail> {
        let tracks = self.library.tracks(None).await?;
        let Some(track) = tracks.iter().find(|track| track.name == name) else { bail!("{} has no track {name}", self.name) };
        Ok(self.library.track(&TrackId::parse(&track.id)?).await?)
    }

    async fn version(&self, track: &str, number: i64) -> anyhow::Result<VersionView> {
        let detail = self.track(track).await?;
        detail.versions.into_iter().find(|version| version.number == number).with_context(|| format!("{track} has no version {number}"))
    }

    /// What the player would play, as a file; with `other`, flipping between both every second.
    pub(crate) async fn render(&self, version: &str, other: Option<&str>) -> anyhow::Result<PathBuf> {
        let mut lanes = Vec::new();
        for id in std::iter::once(version).chain(other) {
            let playable = self.library.playable(&VersionId::parse(id)?).await?;
            ensure!(!playable.is_preview, "the original plays, not its preview");
            lanes.push(LaneSource { table: playable.loudness, ..LaneSource::new(playable.path) });
        }
        let target = self.folder.join(format!("{version}.wav"));
        let flips = if other.is_some() {
            (1..6).map(|second| (f64::from(second), if second % 2 == 1 { LaneId::B } else { LaneId::A })).collect()
        } else {
            Vec::new()
        };
        let order = RenderOrder { lanes, from_seconds: 0.0, to_seconds: None, flips, level_match: true, rate: None, depth: None };
        let to = target.clone();
        tokio::task::spawn_blocking(move || render_offline(&order, &to, &Cancel::default(), &mut |_| {})).await??;
        Ok(target)
    }

    /// Makes an account at the studio and signs in.
    pub(crate) async fn register(&self, address: &str) -> anyhow::Result<()> {
        let email = format!("{}@example.org", self.name.to_lowercase());
        self.library.register(address, self.name, &email, PASSWORD.to_owned().into(), None).await?;
        Ok(())
    }

    async fn project(&self) -> anyhow::Result<ProjectId> {
        let projects = self.library.projects().await?;
        let project = projects.first().with_context(|| format!("{} has no project", self.name))?;
        Ok(ProjectId::parse(&project.id)?)
    }

    /// Puts the project on the server.
    pub(crate) async fn put_on_server(&self) -> anyhow::Result<()> {
        self.library.put_on_server(&self.project().await?).await?;
        Ok(())
    }

    /// A code for somebody else.
    pub(crate) async fn invite(&self, role: &str) -> anyhow::Result<String> {
        Ok(self.library.invite(&self.project().await?, role, None, None).await?.code)
    }

    /// Joins with a code.
    pub(crate) async fn join(&self, code: &str) -> anyhow::Result<()> {
        self.library.join(code).await?;
        Ok(())
    }

    /// Versions the server has not confirmed.
    pub(crate) async fn waiting(&self) -> anyhow::Result<i64> {
        Ok(self.library.status().await?.sync.waiting)
    }

    /// Sends and fetches until nothing is left.
    pub(crate) async fn sync(&self) -> anyhow::Result<()> {
        self.library.sync_once().await?;
        Ok(())
    }

    /// Writes the exact bytes of the version with that fingerprint.
    pub(crate) async fn fetch(&self, fingerprint: &str) -> anyhow::Result<PathBuf> {
        for track in self.library.tracks(None).await? {
            let detail = self.library.track(&TrackId::parse(&track.id)?).await?;
            if let Some(version) = detail.versions.iter().find(|version| version.fingerprint == fingerprint) {
                let target = self.folder.join("fetched.wav");
                self.library.fetch(&VersionId::parse(&version.id)?, &target).await?;
                return Ok(target);
            }
        }
        bail!("{} has no version with these bytes", self.name)
    }

    /// Proposes a version.
    pub(crate) async fn propose_version(&self, track: &str, number: i64, reason: &str) -> anyhow::Result<ProposalView> {
        let version = self.version(track, number).await?;
        Ok(self.library.propose_version(&VersionId::parse(&version.id)?, reason).await?)
    }

    /// A proposal as reviewed.
    pub(crate) async fn proposal(&self, id: &str) -> anyhow::Result<ProposalDetail> {
        Ok(self.library.proposal(&ChangeSetId::parse(id)?).await?)
    }

    /// Approves exactly what is shown now.
    pub(crate) async fn approve(&self, id: &str) -> anyhow::Result<ProposalView> {
        let shown = self.proposal(id).await?;
        let effect = shown.effect_digest.with_context(|| format!("it cannot be approved: {}", shown.problems.join("; ")))?;
        Ok(self.library.approve(&ChangeSetId::parse(id)?, &shown.revision_digest, &shown.expected_head, &effect).await?)
    }

    /// Writes the tracks table.
    pub(crate) async fn export(&self, name: &str) -> anyhow::Result<PathBuf> {
        let target = self.folder.join(name);
        self.library.export_catalogue(&self.project().await?, "tracks", Delimiter::Comma, &target).await?;
        Ok(target)
    }

    /// Checks an edited tracks table.
    pub(crate) async fn import(&self, file: &Path) -> anyhow::Result<ImportView> {
        Ok(self.library.import_catalogue(&self.project().await?, "tracks", file).await?)
    }

    /// The audit log.
    pub(crate) async fn activity(&self) -> anyhow::Result<Vec<ActivityView>> {
        Ok(self.library.activity(&self.project().await?).await?)
    }
}
