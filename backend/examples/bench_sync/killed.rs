//! P6: the program dies as by `kill -9` when half of a large file is out, and goes on after its restart.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::music::{Form, Noise, wav};
use crate::network::Network;
use crate::studio::{AT_ONCE, Bench, SYNC, open, pair};
use crate::thousands;

/// Sends a file of that many megabytes, dying half-way.
pub(crate) async fn run(network: &Network, scratch: &Path, megabytes: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(network, folder.path()).await?;
    let (first, second) = pair(&bench.url, AT_ONCE()).await?;
    // Noise: no codec shrinks it, so that the wire carries the file itself.
    let mut noise = Noise::new(77);
    let data: Vec<u8> = std::iter::repeat_with(|| noise.bits().to_le_bytes()).take(megabytes * 125_000).flatten().collect();
    let file = wav(Form::Int24, &data[..data.len() / 6 * 6], "noise");
    first.bounce("Noise.wav", &file).await?;
    let home = first.folder.path().to_path_buf();
    first.library.shutdown().await;
    drop(first.library);

    let mut child = Command::new(std::env::current_exe()?).arg(SYNC).arg(&home).stdout(Stdio::null()).spawn()?;
    let (start, half) = (Instant::now(), file.len() as u64 / 2);
    loop {
        let small = bench.stored(&["preview", "tables"]).await?;
        if bench.store.passed().0.saturating_sub(small) >= half {
            break;
        }
        ensure!(child.try_wait()?.is_none(), "the program ended before half of the file was out");
        ensure!(start.elapsed() < Duration::from_secs(900), "half of the file is out within 15 minutes");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill()?;
    child.wait()?;

    let library = open(&home, AT_ONCE()).await?;
    let outcome = library.sync_once().await?;
    ensure!(outcome.problems.is_empty() && outcome.waiting == 0, "syncing: {outcome:?}");
    let small = bench.stored(&["preview", "tables"]).await?;
    let sent = bench.store.passed().0.saturating_sub(small);
    second.sync().await?;
    ensure!(second.has("Noise", &file).await?, "P6: other bytes came back");
    library.shutdown().await;
    bench.stop().await;
    println!(
        "Killed (P6) with `kill -9` when half of a file of {} bytes was out: {} bytes went up in all, {:.3} of the file, {} more than it\n(limit 1.00 and the parts in flight, 3 of 8 MiB); the second computer has every byte.\n",
        thousands(file.len() as u64),
        thousands(sent),
        sent as f64 / file.len() as f64,
        thousands(sent.saturating_sub(file.len() as u64)),
    );
    Ok(())
}
