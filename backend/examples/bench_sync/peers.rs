//! What others send for the same change, and what no lossless codec goes below.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use collabtrack_server::embedded::store::{BUCKET, DiskStore, REGION, StoreKeys, StoreServer};
use secrecy::ExposeSecret;

use crate::music::Form;
use crate::relay::{Link, Shape};

/// A peer and the bytes it sent, or that it is not installed.
pub(crate) type Sent = (&'static str, Option<u64>);

fn run(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    // Certificates are of no use on this machine alone, and some programs refuse to start over them.
    command.args(arguments).current_dir(folder).env_remove("AWS_CA_BUNDLE").envs(environment.iter().copied());
    let output = command.output();
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

/// The peers, in the order of the table.
pub(crate) const NAMES: [&str; 6] = ["rsync -z", "casync", "restic", "borg", "rclone", "git-lfs"];

/// Fresh repositories that restic's figure is the median of.
pub(crate) const RESTIC_RUNS: usize = 3;

/// Bytes each installed peer sends for `second` when it has `first`; for `first` alone when there is no second.
pub(crate) async fn all(scratch: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<Vec<Sent>> {
    let folder = tempfile::tempdir_in(scratch)?;
    let mut sent = Vec::new();
    for name in NAMES {
        let program = name.split(' ').next().unwrap_or(name);
        if !is_installed(program) {
            sent.push((name, None));
            continue;
        }
        let own = folder.path().join(program);
        std::fs::create_dir(&own)?;
        let bytes = match program {
            "rsync" => rsync(&own, first, second)?,
            "casync" => casync(&own, first, second)?,
            "restic" => restic_median(&own, first, second)?,
            "borg" => borg(&own, first, second)?,
            "rclone" => rclone(&own, first, second).await?,
            _ => git_lfs(&own, first, second)?,
        };
        sent.push((name, Some(bytes)));
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

fn restic_median(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let mut sent = Vec::new();
    for run in 0..RESTIC_RUNS {
        let own = folder.join(run.to_string());
        std::fs::create_dir(&own)?;
        sent.push(restic(&own, first, second)?);
    }
    sent.sort_unstable();
    Ok(sent[RESTIC_RUNS / 2])
}

/// rclone to an S3 store of its own behind a counting link: every byte both ways.
async fn rclone(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let keys = StoreKeys { access_key_id: "CTbench".to_owned(), secret_access_key: collabtrack_server::random::secret() };
    let store = StoreServer::start(DiskStore::open(&folder.join("store"))?, &keys).await?;
    let link = Link::to(store.endpoint().trim_start_matches("http://").trim_end_matches('/').parse()?, Shape::FREE).await?;
    let endpoint = format!("http://{}", link.address);
    let secret = keys.secret_access_key.expose_secret().to_owned();
    let config = folder.join("rclone.conf").display().to_string();
    let settings = format!(
        "[s]\ntype = s3\nprovider = Other\naccess_key_id = {}\nsecret_access_key = {secret}\nendpoint = {endpoint}\nregion = {REGION}\nlist_version = 2\nno_check_bucket = true\n",
        keys.access_key_id
    );
    std::fs::write(&config, settings)?;
    std::fs::create_dir(folder.join("in"))?;
    let mut last = 0;
    for bytes in [Some(first), second].into_iter().flatten() {
        std::fs::write(folder.join("in/song.wav"), bytes)?;
        let before = link.passed();
        let (folder, config, target) = (folder.to_path_buf(), config.clone(), format!("s:{BUCKET}/bench"));
        // In a thread of its own: the store and the link live in this process.
        tokio::task::spawn_blocking(move || run("rclone", &["--config", &config, "sync", "in", &target], &folder, &[])).await??;
        let after = link.passed();
        last = after.0 - before.0 + after.1 - before.1;
    }
    let back = folder.join("back");
    let (own, config, source) = (folder.to_path_buf(), config, format!("s:{BUCKET}/bench"));
    tokio::task::spawn_blocking(move || run("rclone", &["--config", &config, "copy", &source, "back"], &own, &[])).await??;
    ensure!(std::fs::read(back.join("song.wav"))? == second.unwrap_or(first), "rclone brought other bytes");
    store.stop().await;
    Ok(last)
}

/// git-lfs to a remote of its own: what its storage grows.
fn git_lfs(folder: &Path, first: &[u8], second: Option<&[u8]>) -> anyhow::Result<u64> {
    let home = folder.display().to_string();
    let environment = [
        ("HOME", home.as_str()),
        ("GIT_AUTHOR_NAME", "bench"),
        ("GIT_AUTHOR_EMAIL", "bench@example.com"),
        ("GIT_COMMITTER_NAME", "bench"),
        ("GIT_COMMITTER_EMAIL", "bench@example.com"),
    ];
    let git = |arguments: &[&str], at: &Path| run("git", arguments, at, &environment);
    std::fs::create_dir(folder.join("there"))?;
    git(&["init", "--quiet", "--bare", "."], &folder.join("there"))?;
    std::fs::create_dir(folder.join("here"))?;
    let here = folder.join("here");
    git(&["init", "--quiet", "."], &here)?;
    git(&["lfs", "install", "--local"], &here)?;
    git(&["lfs", "track", "*.wav"], &here)?;
    git(&["remote", "add", "origin", &format!("file://{}", folder.join("there").display())], &here)?;
    let mut before = size_of(&folder.join("there"))?;
    let mut last = 0;
    for bytes in [Some(first), second].into_iter().flatten() {
        std::fs::write(here.join("song.wav"), bytes)?;
        git(&["add", "."], &here)?;
        git(&["commit", "--quiet", "--allow-empty", "-m", "mix"], &here)?;
        git(&["push", "--quiet", "origin", "HEAD:main"], &here)?;
        let after = size_of(&folder.join("there"))?;
        last = after.saturating_sub(before);
        before = after;
    }
    Ok(last)
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
