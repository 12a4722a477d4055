//! What CollabTrack needs for a change: two computers, a server and a store, each version restored and compared.

use std::path::Path;

use anyhow::ensure;

use crate::ledger::{apart, of_waveform};
use crate::network::{Network, Speed};
use crate::peers::Change;
use crate::studio::{AT_ONCE, Bench, SYNC, pair};
use crate::used::{Used, timed};

/// Bytes of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours {
    /// Bytes of objects that hold what is new of the original.
    pub(crate) original: u64,
    /// What sending preview and tables cost: their requests whole, both ways.
    pub(crate) small: u64,
    /// Every other byte of the author's computer both ways, requests and answers too.
    pub(crate) wire: u64,
    /// Every byte up, preview and tables among them.
    pub(crate) up: u64,
    /// Every byte the second computer then reads from the store, preview and tables left out.
    pub(crate) fetched: u64,
    pub(crate) used: Used,
}

/// One run. The program that sends is one of its own, started for it; what comes before is sent as fast as this machine can.
pub(crate) async fn measure(network: &Network, scratch: &Path, change: &Change<'_>, speed: Speed, tell: bool) -> anyhow::Result<Ours> {
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
    bench.api.ledger.take();
    bench.store.ledger.take();
    let up = bench.up();
    network.set(speed)?;
    let used = timed(&std::env::current_exe()?.display().to_string(), &[SYNC, &home], scratch, &[]).await;
    network.set(Speed::Free)?;
    let (used, up) = (used?, bench.up() - up);
    let original = bench.stored(&["plain", "packed"]).await? - original;
    let fetched_small = bench.stored(&["preview", "tables"]).await? - small;
    let (small, wire) = costs(&bench, tell).await?;

    let fetched = bench.store.passed().1;
    second.sync().await?;
    let fetched = bench.store.passed().1 - fetched;
    let track = name.trim_end_matches(".wav");
    ensure!(second.has(track, bytes).await?, "other bytes came back");
    second.library.shutdown().await;
    bench.stop().await;
    Ok(Ours { original, small, wire, up, fetched: fetched.saturating_sub(fetched_small), used })
}

/// What sending preview and tables cost, and everything else of the author's computer; tells each kind of request, where that is wanted.
async fn costs(bench: &Bench, tell: bool) -> anyhow::Result<(u64, u64)> {
    let mut costs = bench.api.ledger.take();
    costs.append(&mut bench.store.ledger.take());
    for (asked, cost) in costs.iter().filter(|_| tell) {
        eprintln!("  {:>9} up {:>9} down {:>3} × {asked}", cost.up, cost.down, cost.times);
    }
    Ok(apart(&costs, &bench.keys(&["preview", "tables"]).await?, of_waveform(&bench.overview().await?)))
}
