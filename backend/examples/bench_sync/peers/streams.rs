//! rsync and casync, each with its own program at the far end.

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::{Peer, inbox, run, timed};
use crate::network::Network;
use crate::shell::Shell;
use crate::used::Used;

/// rsync with its compression, looking into every file as it must after a bounce over the same name.
pub(super) struct Rsync {
    folder: PathBuf,
    shell: Shell,
}

impl Rsync {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir(folder.join("there"))?;
        Ok(Self { folder: folder.to_path_buf(), shell: Shell::start(network, folder, &[]).await? })
    }
}

#[async_trait]
impl Peer for Rsync {
    async fn put(&mut self) -> anyhow::Result<Used> {
        let (shell, from) = (self.shell.program.display().to_string(), format!("{}/", inbox(&self.folder).display()));
        let to = format!("host:{}/", self.folder.join("there").display());
        // `--fuzzy` is its answer to a new name.
        let arguments = ["-r", "-z", "--ignore-times", "--delete-after", "--fuzzy", "-e", &shell, &from, &to];
        timed("rsync", &arguments, &self.folder, &[]).await
    }

    fn passed(&self) -> u64 {
        self.shell.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        Ok(std::fs::read(self.folder.join("there").join(name))?)
    }
}

/// casync, pushing its chunks and the index of the folder.
pub(super) struct Casync {
    folder: PathBuf,
    shell: Shell,
}

impl Casync {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir(folder.join("there"))?;
        Ok(Self { folder: folder.to_path_buf(), shell: Shell::start(network, folder, &[]).await? })
    }

    fn there(&self) -> String {
        self.folder.join("there").display().to_string()
    }
}

#[async_trait]
impl Peer for Casync {
    async fn put(&mut self) -> anyhow::Result<Used> {
        let (shell, there) = (self.shell.program.display().to_string(), self.there());
        let (store, index) = (format!("--store=host:{there}/chunks"), format!("host:{there}/folder.caidx"));
        // Times and owners of the folder are of no account to the others either.
        let arguments = ["make", "--without=all", &store, &index, "in"];
        timed("casync", &arguments, &self.folder, &[("CASYNC_SSH_PATH", &shell)]).await
    }

    fn passed(&self) -> u64 {
        self.shell.link.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        let there = self.there();
        let (store, index) = (format!("--store={there}/chunks"), format!("{there}/folder.caidx"));
        run("casync", &["extract", "--without=all", &store, &index, "back"], &self.folder, &[]).await?;
        Ok(std::fs::read(self.folder.join("back").join(name))?)
    }
}
