//! Looking through a folder of 100,000 files against `find` with the same `stat`, as a Markdown table of ratios.
//! `./dev bench scan [FILES]` runs it.
//!
//! Warm means that the folder is in the system's cache and every file is known; cold means that the library has never seen it.
#![expect(clippy::print_stdout, reason = "the table is its output")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use collabtrack_domain::id::ProjectId;
use collabtrack_library::clock::ManualClock;
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let files = match std::env::args().nth(1) {
        Some(text) => text.parse().context("a number of files")?,
        None => 100_000,
    };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(bench(files))
}

fn options(folder: &Path) -> LibraryOptions {
    let mut options = LibraryOptions::new(folder.to_path_buf());
    options.credentials = CredentialChoice::Memory;
    options.clock = Arc::new(ManualClock::default());
    options
}

/// `find -printf` of what the scan key holds: size, times, inode.
fn find(folder: &Path) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = Command::new("find").arg(folder).args(["-type", "f", "-printf", "%s %T@ %C@ %i %p\\n"]).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "find failed");
    Ok(start.elapsed())
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// CPU seconds of this process so far.
fn cpu() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / 100.0)
}

async fn bench(files: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let music = folder.path().join("Music");
    for number in 0..files {
        let inside = music.join(format!("Album {:03}", number / 500)).join(format!("Take {:02}", number / 25 % 20));
        if number % 25 == 0 {
            std::fs::create_dir_all(&inside)?;
        }
        std::fs::write(inside.join(format!("Song {number:06}.wav")), b"x")?;
    }
    find(&music)?;
    let place = folder.path().join("library");
    let library = Library::open(options(&place)).await?;
    let project = library.add_folder(None, &music).await?;
    let project = ProjectId::parse(&project.id)?;
    let start = Instant::now();
    library.scan_once().await?;
    let cold = start.elapsed();
    // Every file is left out as it is, so that the library knows each one without capturing 100,000 of them.
    library.take_over_folder(Some(&project), &music, &[]).await?;
    library.shutdown().await;

    let (mut peers, mut starting, mut warm, mut changed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for turn in 0..RUNS {
        peers.push(find(&music)?);
        let library = Library::open(options(&place)).await?;
        let start = Instant::now();
        let looked = library.scan_once().await?;
        starting.push(start.elapsed());
        ensure!(looked.settling + looked.waiting + looked.captured.len() == 0, "everything is known");
        let start = Instant::now();
        library.scan_once().await?;
        warm.push(start.elapsed());
        let one = music.join("Album 000/Take 00/Song 000001.wav");
        std::fs::write(&one, format!("changed {turn}"))?;
        let start = Instant::now();
        let looked = library.scan_once().await?;
        changed.push(start.elapsed());
        ensure!(looked.settling + looked.waiting == 1, "the change is seen: {looked:?}");
        std::fs::write(&one, b"x")?;
        library.take_over_folder(Some(&project), &music, &[]).await?;
        library.shutdown().await;
    }
    let library = Library::open(options(&place)).await?;
    library.start().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = cpu()?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let idle = (cpu()? - before) / 20.0 * 100.0;
    library.shutdown().await;

    let (peer, starting, warm, changed) = (median(&mut peers), median(&mut starting), median(&mut warm), median(&mut changed));
    println!("## Looking through a folder\n");
    println!(
        "{files} files in {} folders, in the system's cache; medians of {RUNS}. `find` prints size, times and inode of each.\n",
        files / 25 + files / 500
    );
    println!("| | ms | ÷ `find` |\n|---|---:|---:|");
    println!("| `find -printf` | {peer:.0} | 1.00 |");
    println!("| CollabTrack, running, nothing changed | {warm:.0} | {:.2} |", warm / peer);
    println!("| CollabTrack, running, one file changed | {changed:.0} | {:.2} |", changed / peer);
    println!("| CollabTrack, first look after its start | {starting:.0} | {:.2} |", starting / peer);
    println!("| CollabTrack, never seen before | {:.0} | {:.2} |", cold.as_secs_f64() * 1e3, cold.as_secs_f64() * 1e3 / peer);
    println!("\nIdle while watching all of it: {idle:.2} % of one core.");
    ensure!(warm <= 1.5 * peer, "a warm look takes {:.2} times as long as find", warm / peer);
    Ok(())
}
