//! What others send for the same change, over the same network, and what no lossless codec goes below.

mod archives;
mod lfs;
mod s3;
mod streams;
mod syncthing;

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::music::Form;
use crate::network::{Network, Speed};
use crate::used::{Used, run, timed};

/// One change of a folder: what lay there before, and what lies there then.
pub(crate) struct Change<'a> {
    /// None where the other side has nothing.
    pub(crate) before: Option<(&'a str, &'a [u8])>,
    pub(crate) after: (&'a str, &'a [u8]),
}

/// What a peer needed for a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// Both ways.
    pub(crate) bytes: u64,
    pub(crate) used: Used,
}

/// A program that brings a folder to the other side of the network.
#[async_trait]
trait Peer: Send {
    /// Brings what lies in [`inbox`] now.
    async fn put(&mut self) -> anyhow::Result<Used>;
    /// Every byte both ways so far.
    fn passed(&self) -> u64;
    /// What the other side gives back under a name.
    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>>;
}

/// The folder that is brought.
fn inbox(folder: &Path) -> PathBuf {
    folder.join("in")
}

/// The peers, in the order of the tables.
pub(crate) const NAMES: [&str; 7] = ["rsync -z", "casync", "restic", "borg", "rclone", "git-lfs", "syncthing"];

/// The program behind a name.
pub(crate) fn program(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}

pub(crate) fn is_installed(name: &str) -> bool {
    std::process::Command::new(program(name)).arg("--version").output().is_ok()
}

/// What one peer needs for a change at a speed; what comes before is brought as fast as this machine can.
pub(crate) async fn measure(name: &str, network: &Network, scratch: &Path, change: &Change<'_>, speed: Speed) -> anyhow::Result<Sent> {
    let folder = tempfile::tempdir_in(scratch)?;
    let place = folder.path();
    std::fs::create_dir(inbox(place))?;
    let mut peer: Box<dyn Peer> = match program(name) {
        "rsync" => Box::new(streams::Rsync::new(network, place).await?),
        "casync" => Box::new(streams::Casync::new(network, place).await?),
        "restic" => Box::new(s3::Restic::new(network, place).await?),
        "borg" => Box::new(archives::Borg::new(network, place).await?),
        "rclone" => Box::new(s3::Rclone::new(network, place).await?),
        "syncthing" => Box::new(syncthing::Syncthing::new(network, place).await?),
        _ => Box::new(lfs::Lfs::new(network, place).await?),
    };
    if let Some((name, bytes)) = change.before {
        std::fs::write(inbox(place).join(name), bytes)?;
        peer.put().await?;
        if name != change.after.0 {
            std::fs::rename(inbox(place).join(name), inbox(place).join(change.after.0))?;
        }
    }
    std::fs::write(inbox(place).join(change.after.0), change.after.1)?;
    let before = peer.passed();
    network.set(speed)?;
    let used = peer.put().await;
    network.set(Speed::Free)?;
    let (used, bytes) = (used?, peer.passed() - before);
    anyhow::ensure!(peer.back(change.after.0).await? == change.after.1, "{name} brought other bytes");
    Ok(Sent { bytes, used })
}

/// The smallest of what the field's own codecs make of a file: `flac -8` for integers, `wavpack -hx` for floats.
pub(crate) async fn floor(scratch: &Path, form: Form, file: &[u8]) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir_in(scratch)?;
    let folder = folder.path();
    std::fs::write(folder.join("in.wav"), file)?;
    if form == Form::Float32 {
        run("wavpack", &["-q", "-hx", "in.wav", "-o", "out"], folder, &[]).await?;
    } else {
        run("flac", &["-8", "--no-padding", "--no-seektable", "-s", "-o", "out", "in.wav"], folder, &[]).await?;
    }
    let out = if folder.join("out").exists() { folder.join("out") } else { folder.join("out.wv") };
    Ok(std::fs::metadata(out)?.len())
}
