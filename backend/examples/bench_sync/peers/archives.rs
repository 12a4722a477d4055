//! borg, with `borg serve` at the far end.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{Peer, run, timed};
use crate::network::Network;
use crate::shell::Shell;
use crate::used::Used;

/// A repository without encryption, compressed as hard as is usual.
pub(super) struct Borg {
    folder: PathBuf,
    link: Shell,
    shell: String,
    base: String,
    repository: String,
    turn: u32,
}

impl Borg {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let far = folder.join("far").display().to_string();
        let link = Shell::start(network, folder, &[("BORG_BASE_DIR", far.as_str())]).await?;
        let own = Self {
            folder: folder.to_path_buf(),
            shell: link.program.display().to_string(),
            link,
            base: folder.join("near").display().to_string(),
            repository: format!("ssh://host{}", folder.join("repository").display()),
            turn: 0,
        };
        run("borg", &["init", "-e", "none", &own.repository], folder, &own.environment()).await?;
        Ok(own)
    }

    fn environment(&self) -> [(&str, &str); 3] {
        [("BORG_BASE_DIR", &self.base), ("BORG_RSH", &self.shell), ("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")]
    }

    fn archive(&self) -> String {
        format!("{}::{}", self.repository, self.turn)
    }
}

#[async_trait]
impl Peer for Borg {
    async fn put(&mut self) -> anyhow::Result<Used> {
        self.turn += 1;
        timed("borg", &["create", "-C", "zstd,9", &self.archive(), "in"], &self.folder, &self.environment()).await
    }

    fn passed(&self) -> u64 {
        self.link.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        run("borg", &["extract", "--stdout", &self.archive(), &format!("in/{name}")], &self.folder, &self.environment()).await
    }
}
