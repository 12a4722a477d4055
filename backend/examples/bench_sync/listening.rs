//! P0: over a home link, from the end of a bounce to its being playable on the other computer.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use collabtrack_domain::id::VersionId;
use collabtrack_library::view::Here;
use collabtrack_library::watch::settle::Patience;

use crate::music::{Form, samples, song, wav};
use crate::network::{Network, Speed, UP};
use crate::studio::{Bench, Computer, pair};
use crate::used::Spread;

/// When the steps on the author's side were done, in seconds after the bounce was closed.
#[derive(Default)]
struct Steps {
    captured: Option<f64>,
    preview_made: Option<f64>,
    announced: Option<f64>,
}

impl Steps {
    async fn look(&mut self, bench: &Bench, author: &Computer, track: &str, run: usize, closed: Instant) -> anyhow::Result<()> {
        let now = closed.elapsed().as_secs_f64();
        if self.captured.is_none() || self.announced.is_none() {
            let version = author.newest(track).await?;
            self.captured = self.captured.or_else(|| version.as_ref().map(|_| now));
            self.announced = self.announced.or_else(|| version.filter(|version| version.is_final).map(|_| now));
        }
        if self.preview_made.is_none() && bench.keys(&["preview"]).await?.len() > run {
            self.preview_made = Some(now);
        }
        Ok(())
    }

    fn told(&self) -> String {
        let at = |time: Option<f64>| time.map_or_else(|| "–".to_owned(), |time| format!("{time:.1}"));
        format!(
            "captured after {}, its preview on the way after {}, announced after {}",
            at(self.captured),
            at(self.preview_made),
            at(self.announced)
        )
    }
}

/// Bounces of that length, one after the other.
pub(crate) async fn time_to_listen(network: &Network, scratch: &Path, seconds: f64, runs: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(scratch)?;
    let bench = Bench::start(network, folder.path()).await?;
    let (first, second) = pair(&bench.url, Patience::default()).await?;
    first.library.start().await?;
    second.library.start().await?;
    network.set(Speed::Home)?;
    let (mut times, mut size) = (Vec::new(), 0);
    for run in 0..runs {
        let track = format!("Song {}", char::from(b'A' + u8::try_from(run % 26)?));
        let file = wav(Form::Int24, &samples(Form::Int24, &song(100 + run as u64, seconds, 48_000), None), "mix");
        size = file.len();
        std::fs::write(first.folder.path().join("Bounces").join(format!("{track}.wav")), &file)?;
        let closed = Instant::now();
        let mut steps = Steps::default();
        loop {
            steps.look(&bench, &first, &track, run, closed).await?;
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
        eprintln!("P0 run {}: {:.1} s; {}", run + 1, closed.elapsed().as_secs_f64(), steps.told());
    }
    network.set(Speed::Free)?;
    first.library.shutdown().await;
    second.library.shutdown().await;
    bench.stop().await;
    let cold = times[0];
    let Some(spread) = Spread::of(times) else { return Ok(()) };
    println!(
        "Time to listen (P0), a bounce of {seconds} s at 24/48, {:.0} MB, over 10 Mbit/s up, 50 down, 40 ms, both programs running as they\nalways do: median {:.1} s of {runs}, {:.1} to {:.1} s, the first {cold:.1} s (limit 15 s, goal 10 s; the file alone takes {:.0} s). While later\nruns are heard, originals of earlier ones still go out.\n",
        size as f64 / 1e6,
        spread.median,
        spread.least,
        spread.most,
        size as f64 / UP,
    );
    Ok(())
}
