//! P0 and the time of P1: over a home link.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use collabtrack_domain::id::VersionId;
use collabtrack_library::view::Here;
use collabtrack_library::watch::settle::Patience;

use crate::music::{Form, samples, song, wav};
use crate::relay::Shape;
use crate::studio::{AT_ONCE, Bench, pair};

const RUNS: usize = 5;

/// P0: from the end of a bounce to its being playable on the other computer.
pub(crate) async fn time_to_listen(scratch: &Path, seconds: f64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::HOME).await?;
    let (first, second) = pair(&bench.url, Patience::default()).await?;
    first.library.start().await?;
    second.library.start().await?;
    let (mut times, mut size) = (Vec::new(), 0);
    for run in 0..RUNS {
        let track = format!("Song {}", ["A", "B", "C", "D", "E"][run]);
        let file = wav(Form::Int24, &samples(Form::Int24, &song(100 + run as u64, seconds, 48_000), None), "mix");
        size = file.len();
        std::fs::write(first.folder.path().join("Bounces").join(format!("{track}.wav")), &file)?;
        let closed = Instant::now();
        loop {
            if let Some(version) = second.newest(&track).await?
                && version.here != Here::Nothing
                && second.library.playable(&VersionId::parse(&version.id)?).await.is_ok()
            {
                break;
            }
            ensure!(closed.elapsed() < Duration::from_secs(120), "a bounce is heard within two minutes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        times.push(closed.elapsed().as_secs_f64());
    }
    first.library.shutdown().await;
    second.library.shutdown().await;
    bench.stop().await;
    let cold = times[0];
    times.sort_by(f64::total_cmp);
    println!(
        "Time to listen (P0), a bounce of {seconds} s at 24/48, {:.0} MB, over 10 Mbit/s up, 50 down, 40 ms: median {:.1} s, {:.1} to {:.1} s, the\nfirst {cold:.1} s (limit 15 s, goal 10 s; the file alone takes {:.0} s). While later runs are heard, originals of earlier ones still go out.\n",
        size as f64 / 1e6,
        times[RUNS / 2],
        times[0],
        times[RUNS - 1],
        size as f64 / Shape::HOME.up.unwrap_or(f64::INFINITY),
    );
    Ok(())
}

/// The time of P1: everything of a first upload, against what its bytes need on the link.
pub(crate) async fn time_to_complete(scratch: &Path, seconds: f64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(folder.path(), Shape::HOME).await?;
    let (first, second) = pair(&bench.url, AT_ONCE()).await?;
    let file = wav(Form::Int24, &samples(Form::Int24, &song(1, seconds, 48_000), None), "mix");
    first.bounce("Night Drive.wav", &file).await?;
    let up = bench.store.passed().0 + bench.api.passed().0;
    let start = Instant::now();
    first.sync().await?;
    let took = start.elapsed().as_secs_f64();
    let up = bench.store.passed().0 + bench.api.passed().0 - up;
    second.sync().await?;
    ensure!(second.has("Night Drive", &file).await?, "other bytes came back");
    bench.stop().await;
    let needs = up as f64 / Shape::HOME.up.unwrap_or(f64::INFINITY);
    println!(
        "Time until complete (P1), {seconds} s at 24/48 over the same link: {took:.1} s for {up} bytes up, preview and tables among them, which need\n{needs:.1} s on the link (limit 1.05 × and 2 s: {:.1} s).",
        needs.mul_add(1.05, 2.0)
    );
    Ok(())
}
