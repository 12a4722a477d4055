//! A server with its own Postgres and S3 store behind counting links, and computers that work with it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::view::VersionView;
use collabtrack_library::watch::settle::Patience;
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;
use sqlx::PgPool;

use crate::network::Network;
use crate::relay::Link;

const PASSWORD: &str = "correct horse battery staple";

/// No waiting for a file to stand still: only the syncing is looked at.
pub(crate) const AT_ONCE: fn() -> Patience = || Patience { still: Duration::ZERO, still_large: Duration::ZERO, ..Patience::default() };

/// A server behind links through the network.
pub(crate) struct Bench {
    services: embedded::Services,
    running: app::Running,
    pub(crate) api: Link,
    pub(crate) store: Link,
    pub(crate) url: String,
}

impl Bench {
    pub(crate) async fn start(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let settings = Environment::new(std::collections::BTreeMap::new())?.service(Registration::Open)?;
        let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 16, ..settings };
        let services = embedded::start_services(folder, service).await?;
        let mut config = services.config().clone();
        let endpoint = config.store.endpoint.as_ref().context("the store has an address")?;
        let target = format!("127.0.0.1:{}", endpoint.port().context("a port")?).parse()?;
        let store = Link::to(network, target)?;
        config.store.endpoint = Some(format!("http://{}/", store.address).parse()?);
        let running = app::start_with(&config, StoreTest::Skip).await?;
        let api = Link::to(network, running.url.trim_start_matches("http://").parse()?)?;
        let url = format!("http://{}", api.address);
        Ok(Self { services, running, api, store, url })
    }

    pub(crate) fn database(&self) -> &PgPool {
        self.running.database()
    }

    /// Bytes of objects of these formats in the store.
    pub(crate) async fn stored(&self, formats: &[&str]) -> anyhow::Result<u64> {
        let statement = "select coalesce(sum(length), 0)::bigint from object where format = any($1) and state = 'verified'";
        let length: i64 = sqlx::query_scalar(statement).bind(formats).fetch_one(self.database()).await?;
        Ok(u64::try_from(length)?)
    }

    /// Keys of objects of these formats.
    pub(crate) async fn keys(&self, formats: &[&str]) -> anyhow::Result<Vec<String>> {
        let statement = "select key from object where format = any($1)";
        Ok(sqlx::query_scalar(statement).bind(formats).fetch_all(self.database()).await?)
    }

    /// The coarse waveform of the version that was announced last.
    pub(crate) async fn overview(&self) -> anyhow::Result<String> {
        let newest = "select overview from version order by seq desc limit 1";
        Ok(sqlx::query_scalar(newest).fetch_one(self.database()).await?)
    }

    /// Every byte up so far.
    pub(crate) fn up(&self) -> u64 {
        self.api.passed().0 + self.store.passed().0
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.services.stop().await;
    }
}

/// A computer with a watched folder.
pub(crate) struct Computer {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) library: Library,
}

/// What this program is called with to sync the library of a folder: the one that is measured, and the one that is killed.
pub(crate) const SYNC: &str = "--sync-until-killed";

/// Syncs the library of a folder, once.
pub(crate) async fn sync_alone(folder: &Path) -> anyhow::Result<()> {
    let library = open(folder, AT_ONCE()).await?;
    let outcome = library.sync_once().await?;
    ensure!(outcome.problems.is_empty() && outcome.waiting == 0, "syncing: {outcome:?}");
    library.shutdown().await;
    Ok(())
}

/// The library in a folder, as a program that is started again finds it.
pub(crate) async fn open(folder: &Path, patience: Patience) -> anyhow::Result<Library> {
    let mut options = LibraryOptions::new(folder.join("library"));
    options.credentials = CredentialChoice::File { path: folder.join("session"), passphrase: PASSWORD.to_owned().into() };
    options.patience = patience;
    Ok(Library::open(options).await?)
}

impl Computer {
    pub(crate) async fn new(url: &str, name: &str, patience: Patience) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("Bounces"))?;
        let library = open(folder.path(), patience).await?;
        let email = format!("{name}-{}@example.com", collabtrack_server::random::hex128());
        library.register(url, name, &email, PASSWORD.to_owned().into(), None).await?;
        Ok(Self { folder, library })
    }

    pub(crate) async fn bounce(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        std::fs::write(self.folder.path().join("Bounces").join(name), bytes)?;
        self.library.scan_until_settled().await?;
        Ok(())
    }

    pub(crate) async fn sync(&self) -> anyhow::Result<()> {
        let outcome = self.library.sync_once().await?;
        ensure!(outcome.problems.is_empty() && outcome.waiting == 0, "syncing: {outcome:?}");
        Ok(())
    }

    pub(crate) async fn newest(&self, track: &str) -> anyhow::Result<Option<VersionView>> {
        let tracks = self.library.tracks(None).await?;
        let Some(track) = tracks.iter().find(|known| known.name == track) else { return Ok(None) };
        Ok(self.library.track(&TrackId::parse(&track.id)?).await?.versions.into_iter().next())
    }

    /// Whether the newest version of a track has exactly these bytes here.
    pub(crate) async fn has(&self, track: &str, bytes: &[u8]) -> anyhow::Result<bool> {
        let version = self.newest(track).await?.context("the version arrived")?;
        let (path, _) = self.library.original(&VersionId::parse(&version.id)?).await?;
        Ok(std::fs::read(path)? == bytes)
    }
}

/// Two computers in one project.
pub(crate) async fn pair(url: &str, patience: Patience) -> anyhow::Result<(Computer, Computer)> {
    let first = Computer::new(url, "Jon", patience).await?;
    let project = first.library.add_folder(None, &first.folder.path().join("Bounces")).await?;
    let project = ProjectId::parse(&project.id)?;
    first.library.put_on_server(&project).await?;
    let code = first.library.invite(&project, "member", None, None).await?.code;
    let second = Computer::new(url, "Ada", patience).await?;
    second.library.join(&code).await?;
    Ok((first, second))
}
