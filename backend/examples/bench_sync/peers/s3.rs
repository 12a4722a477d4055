//! rclone and restic, each to an S3 store of its own at the far end.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use collabtrack_server::embedded::store::{BUCKET, DiskStore, REGION, StoreKeys, StoreServer};
use secrecy::ExposeSecret;

use super::{Peer, run, timed};
use crate::network::Network;
use crate::relay::Link;
use crate::used::Used;

/// A store behind a counting link.
pub(super) struct Store {
    pub(super) keys: StoreKeys,
    pub(super) link: Link,
    server: StoreServer,
}

impl Store {
    pub(super) async fn start(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let keys = StoreKeys { access_key_id: "CTbench".to_owned(), secret_access_key: collabtrack_server::random::secret() };
        let server = StoreServer::start(DiskStore::open(&folder.join("store"))?, &keys).await?;
        let link = Link::to(network, server.endpoint().trim_start_matches("http://").parse()?)?;
        Ok(Self { keys, link, server })
    }

    /// Its address through the network.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.link.address)
    }

    /// Its address for a server that stands beside it.
    pub(super) fn beside(&self) -> String {
        self.server.endpoint()
    }
}

/// rclone, making the far folder like this one.
pub(super) struct Rclone {
    folder: PathBuf,
    store: Store,
}

impl Rclone {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let store = Store::start(network, folder).await?;
        let settings = format!(
            "[s]\ntype = s3\nprovider = Other\naccess_key_id = {}\nsecret_access_key = {}\nendpoint = {}\nregion = {REGION}\nlist_version = 2\nno_check_bucket = true\n",
            store.keys.access_key_id,
            store.keys.secret_access_key.expose_secret(),
            store.endpoint()
        );
        std::fs::write(folder.join("rclone.conf"), settings)?;
        Ok(Self { folder: folder.to_path_buf(), store })
    }
}

#[async_trait]
impl Peer for Rclone {
    async fn put(&mut self) -> anyhow::Result<Used> {
        // `--track-renames` is its answer to a new name.
        let target = format!("s:{BUCKET}/bench");
        timed("rclone", &["--config", "rclone.conf", "--track-renames", "sync", "in", &target], &self.folder, &[]).await
    }

    fn passed(&self) -> u64 {
        self.store.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        run("rclone", &["--config", "rclone.conf", "cat", &format!("s:{BUCKET}/bench/{name}")], &self.folder, &[]).await
    }
}

/// restic, with its best compression.
pub(super) struct Restic {
    folder: PathBuf,
    store: Store,
    cache: String,
    repository: String,
}

impl Restic {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let store = Store::start(network, folder).await?;
        let repository = format!("s3:{}/{BUCKET}/restic", store.endpoint());
        let own = Self { folder: folder.to_path_buf(), store, cache: folder.join("cache").display().to_string(), repository };
        own.with(&["init"]).await?;
        Ok(own)
    }

    fn environment(&self) -> [(&str, &str); 6] {
        [
            ("RESTIC_PASSWORD", "bench"),
            ("RESTIC_CACHE_DIR", &self.cache),
            ("RESTIC_REPOSITORY", &self.repository),
            ("AWS_ACCESS_KEY_ID", &self.store.keys.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.store.keys.secret_access_key.expose_secret()),
            ("AWS_DEFAULT_REGION", REGION),
        ]
    }

    async fn with(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let arguments = [&["-q", "-o", "s3.bucket-lookup=path"], arguments].concat();
        run("restic", &arguments, &self.folder, &self.environment()).await
    }
}

#[async_trait]
impl Peer for Restic {
    async fn put(&mut self) -> anyhow::Result<Used> {
        let arguments = ["-q", "-o", "s3.bucket-lookup=path", "--compression", "max", "backup", "in"];
        timed("restic", &arguments, &self.folder, &self.environment()).await
    }

    fn passed(&self) -> u64 {
        self.store.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        self.with(&["dump", "latest", &format!("/in/{name}")]).await
    }
}
