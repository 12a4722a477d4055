//! What CollabTrack needs for a change: two computers, a server and a store, each version restored and compared.

use std::path::Path;

use anyhow::ensure;

use crate::network::{Network, Speed};
use crate::peers::Change;
use crate::studio::{AT_ONCE, Bench, SYNC, pair};
use crate::used::{Used, timed};

/// Bytes of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours {
    /// Bytes of objects that hold what is new of the original.
    pub(crate) original: u64,
    /// Preview and tables.
    pub(crate) small: u64,
    /// Every byte of the author's computer both ways, requests and answers too, preview and tables left out.
    pub(crate) wire: u64,
    /// Every byte up, preview and tables among them.
    pub(crate) up: u64,
    /// Every byte the second computer then reads from the store, preview and tables left out.
    pub(crate) fetched: u64,
    pub(crate) used: Used,
}

/// One run. The program that sends is one of its own, started for it; what comes before is sent as fast as this machine can.
pub(crate) async fn measure(network: &Network, scratch: &Path, change: &Change<'_>, speed: Speed) -> anyhow::Result<Ours> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(network, folder.path()).await?;
    let (first, second) = pair(&bench.url, AT_ONCE()).await?;
    if let Some((name, bytes)) = change.before {
        first.bounce(name, bytes).await?;
        first.sync().await?;
        second.sync().await?;
    }
    let (name, bytes) = change.after;
    first.bounce(name, bytes).await?;
    let home = first.folder.path().display().to_string();
    first.library.shutdown().await;
    drop(first.library);

    let (original, small) = (bench.stored(&["plain", "packed"]).await?, bench.stored(&["preview", "tables"]).await?);
    let (wire, up) = (bench.wire(), bench.up());
    network.set(speed)?;
    let used = timed(&std::env::current_exe()?.display().to_string(), &[SYNC, &home], scratch, &[]).await;
    network.set(Speed::Free)?;
    let (used, wire, up) = (used?, bench.wire() - wire, bench.up() - up);
    let original = bench.stored(&["plain", "packed"]).await? - original;
    let small = bench.stored(&["preview", "tables"]).await? - small;

    let fetched = bench.store.passed().1;
    second.sync().await?;
    let fetched = bench.store.passed().1 - fetched;
    let track = name.trim_end_matches(".wav");
    ensure!(second.has(track, bytes).await?, "other bytes came back");
    second.library.shutdown().await;
    bench.stop().await;
    Ok(Ours { original, small, wire: wire.saturating_sub(small), up, fetched: fetched.saturating_sub(small), used })
}
