//! What others send for the same change, and what no lossless codec goes below.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::music::Form;

/// A peer and the bytes it sent, or that it is not installed.
pub(crate) type Sent = (&'static str, Option<u64>);

fn run(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).current_dir(folder).envs(environment.iter().copied()).output();
    let output = output.with_context(|| format!("starting {program}"))?;
    ensure!(output.status.success(), "{program} {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn size_of(folder: &Path) -> anyhow::Result<u64> {
    let mut size = 0;
    let mut left: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(path) = left.pop() {
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            let data = entry.metadata()?;
            if data.is_dir() { left.push(entry.path()) } else { size += data.len() }
        }
    }
    Ok(size)
}

/// Bytes each installed peer sends for `second` when it has `first`; for `first` alone when there is no second.
pub(crate) fn all(scratch: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<Vec<Sent>> {
    let folder = tempfile::tempdir_in(scratch)?;
    let folder = folder.path();
    let mut sent = Vec::new();
    for (name, peer) in [
        ("rsync -z", rsync as fn(&Path, &[u8], Option<&[u8]>) -> anyhow::Result<u64>),
        ("casync", casync),
        ("restic", restic),
        ("borg", borg),
        ("rclone", whole),
        ("git-lfs", whole),
    ] {
        let program = name.split(' ').next().unwrap_or(name);
        let own = folder.join(program);
        std::fs::create_dir(&own)?;
        let bytes = if is_installed(program) { Some(peer(&own, first, second)?) } else { None };
        sent.push((name, bytes));
    }
    Ok(sent)
}

/// rsync through its own wire protocol; a shell in place of ssh, so that only its bytes count.
fn rsync(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let shell = folder.join("shell");
    std::fs::write(&shell, "#!/bin/sh\nshift\nexec \"$@\"\n")?;
    run("chmod", &["+x", "shell"], folder, &[])?;
    std::fs::create_dir(folder.join("there"))?;
    let (source, target) = (folder.join("song.wav"), format!("host:{}/", folder.join("there").display()));
    let shell = shell.display().to_string();
    let mut last = 0;
    for bytes in [Some(first), second].into_iter().flatten() {
        std::fs::write(&source, bytes)?;
        let text = run("rsync", &["-z", "--ignore-times", "--stats", "-e", &shell, &source.display().to_string(), &target], folder, &[])?;
        let number = |label: &str| -> anyhow::Result<u64> {
            let line = text.lines().find_map(|line| line.strip_prefix(label)).context("rsync tells its bytes")?;
            Ok(line.chars().filter(char::is_ascii_digit).collect::<String>().parse()?)
        };
        last = number("Total bytes sent:")? + number("Total bytes received:")?;
        ensure!(std::fs::read(folder.join("there/song.wav"))? == bytes, "rsync brought other bytes");
    }
    Ok(last)
}

fn grown(
    folder: &Path,
    repository: &str,
    first: &[u8],
    second: Option<&[u8]>,
    put: &dyn Fn() -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let mut before = size_of(&folder.join(repository))?;
    let mut last = 0;
    std::fs::create_dir_all(folder.join("in"))?;
    for bytes in [Some(first), second].into_iter().flatten() {
        std::fs::write(folder.join("in/song.wav"), bytes)?;
        put()?;
        let after = size_of(&folder.join(repository))?;
        last = after.saturating_sub(before);
        before = after;
    }
    Ok(last)
}

/// New chunks and the index.
fn casync(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    std::fs::create_dir_all(folder.join("store"))?;
    let added = grown(folder, "store", first, second, &|| {
        run("casync", &["make", "--store=store/chunks", "song.caibx", "in/song.wav"], folder, &[]).map(drop)
    })?;
    Ok(added + std::fs::metadata(folder.join("song.caibx"))?.len())
}

fn restic(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let cache = folder.join("cache").display().to_string();
    let environment = [("RESTIC_PASSWORD", "bench"), ("RESTIC_CACHE_DIR", cache.as_str())];
    run("restic", &["-q", "-r", "repo", "init"], folder, &environment)?;
    grown(folder, "repo", first, second, &|| {
        run("restic", &["-q", "-r", "repo", "--compression", "max", "backup", "in/song.wav"], folder, &environment).map(drop)
    })
}

fn borg(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let base = folder.join("base").display().to_string();
    let environment = [("BORG_BASE_DIR", base.as_str()), ("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")];
    run("borg", &["init", "-e", "none", "repo"], folder, &environment)?;
    let turn = std::cell::Cell::new(0);
    grown(folder, "repo", first, second, &|| {
        turn.set(turn.get() + 1);
        run("borg", &["create", "-C", "zstd,9", &format!("repo::{}", turn.get()), "in/song.wav"], folder, &environment).map(drop)
    })
}

/// rclone and git-lfs send a changed file whole.
fn whole(_: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    Ok(match second {
        Some(second) if second == first => 0,
        Some(second) => second.len() as u64,
        None => first.len() as u64,
    })
}

/// The smallest of what the field's own codecs make of a file: `flac -8` for integers, `wavpack -hx` for floats.
pub(crate) fn floor(scratch: &Path, form: Form, file: &[u8]) -> anyhow::Result<u64> {
    let folder = tempfile::tempdir_in(scratch)?;
    let folder = folder.path();
    std::fs::write(folder.join("in.wav"), file)?;
    if form == Form::Float32 {
        run("wavpack", &["-q", "-hx", "in.wav", "-o", "out"], folder, &[])?;
    } else {
        run("flac", &["-8", "--no-padding", "--no-seektable", "-s", "-o", "out", "in.wav"], folder, &[])?;
    }
    let out = if folder.join("out").exists() { folder.join("out") } else { folder.join("out.wv") };
    Ok(std::fs::metadata(out)?.len())
}
