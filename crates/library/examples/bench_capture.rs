//! Capture against `cp` and `sha256sum` on the same file, as a Markdown table of ratios. `./dev bench capture [MEGABYTES]` runs it.
//!
//! Both sides start from a file in the page cache, five times in turn; the table has the medians. Peak memory is that of a process of its
//! own which captures and measures the file and does nothing else.
#![expect(clippy::print_stdout, reason = "the table is its output")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use collabtrack_audio::analysis;
use collabtrack_audio::cancel::Cancel;
use collabtrack_library::capture::capture;
use collabtrack_library::content_store::ContentStore;

const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [mode, file, folder] if mode == "--once" => once(Path::new(file), Path::new(folder)),
        [] => bench(500),
        [megabytes] => bench(megabytes.parse().context("a number of megabytes")?),
        _ => bail!("bench_capture [MEGABYTES]"),
    }
}

/// Captures and measures, then says the most memory this process ever had, in KiB.
fn once(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let captured = capture(&ContentStore::open(folder)?, file, &mut |_| true)?;
    analysis::analyse(&captured.stored, &Cancel::default(), &mut |_| {})?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("this system tells no peak memory")?;
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

/// A 24-bit stereo WAV of that many megabytes: tones and noise, so that nothing compresses it away.
fn write_wav(path: &Path, megabytes: u32) -> anyhow::Result<u64> {
    let frames = megabytes * 1_000_000 / 6;
    let data_len = frames * 6;
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(b"RIFF")?;
    file.write_all(&(36 + data_len).to_le_bytes())?;
    file.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x02\0")?;
    file.write_all(&48_000_u32.to_le_bytes())?;
    file.write_all(&(48_000_u32 * 6).to_le_bytes())?;
    file.write_all(&[6, 0, 24, 0])?;
    file.write_all(b"data")?;
    file.write_all(&data_len.to_le_bytes())?;
    let mut state = 1_u64;
    for frame in 0..frames {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let tone = (f64::from(frame % 48_000) * 440.0 * std::f64::consts::TAU / 48_000.0).sin() * 2_000_000.0;
        let noise = (state >> 46) as f64 - 131_072.0;
        let sample = ((tone + noise) as i32).to_le_bytes();
        file.write_all(&[sample[0], sample[1], sample[2], sample[0], sample[1], sample[2]])?;
    }
    file.flush()?;
    Ok(44 + u64::from(data_len))
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn run(program: &str, arguments: &[&Path]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn bench(megabytes: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let (file, copy) = (folder.path().join("mix.wav"), folder.path().join("copy.wav"));
    let length = write_wav(&file, megabytes)?;
    // Into the page cache, for both sides.
    run("sha256sum", &[&file])?;
    let (mut ours, mut plain, mut durable) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..RUNS {
        let place = folder.path().join(format!("library-{turn}"));
        let store = ContentStore::open(&place)?;
        ours.push(timed(|| Ok(capture(&store, &file, &mut |_| true).map(drop)?))?);
        std::fs::remove_dir_all(&place)?;
        plain.push(timed(|| run("cp", &[&file, &copy]).and_then(|()| run("sha256sum", &[&copy])))?);
        std::fs::remove_file(&copy)?;
        durable.push(timed(|| {
            run("cp", &[&file, &copy])?;
            run("sync", &[&copy])?;
            run("sha256sum", &[&copy])
        })?);
        std::fs::remove_file(&copy)?;
    }
    let place = folder.path().join("library-memory");
    let output = Command::new(std::env::current_exe()?).arg("--once").arg(&file).arg(&place).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let peak_mb = String::from_utf8(output.stdout)?.trim().parse::<f64>()? * 1.024e-3;
    let (ours, plain, durable) = (median(&mut ours), median(&mut plain), median(&mut durable));
    let speed = |seconds: f64| length as f64 / 1e6 / seconds;
    println!("## Capture\n");
    println!(
        "A {:.0} MB WAV file, from the page cache; medians of {RUNS}. Capture copies, takes the SHA-256 of the file and of every 8 MiB part,",
        length as f64 / 1e6
    );
    println!("syncs the copy to the disk and looks at the source again; `cp` and `sha256sum` alone leave the copy in memory.\n");
    println!("| | seconds | MB/s | capture ÷ this |\n|---|---:|---:|---:|");
    println!("| CollabTrack capture | {ours:.2} | {:.0} | 1.00 |", speed(ours));
    println!("| `cp` + `sha256sum` | {plain:.2} | {:.0} | {:.2} |", speed(plain), ours / plain);
    println!("| `cp` + `sync` + `sha256sum` (as durable) | {durable:.2} | {:.0} | {:.2} |", speed(durable), ours / durable);
    println!("\nPeak memory of capturing and measuring it: {peak_mb:.0} MB (limit 200 MB).");
    ensure!(peak_mb < 200.0, "capture used {peak_mb:.0} MB of memory");
    Ok(())
}
