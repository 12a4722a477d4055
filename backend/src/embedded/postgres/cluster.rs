//! Making a cluster, finding its programs, and ending one that an earlier server left running.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use secrecy::{ExposeSecret, SecretString};

use super::PostgresError;
use super::user::{RunAs, on_path};
use crate::embedded::folder::write_private;

/// How long an orphan may take to stop before it is stopped hard.
const ORPHAN_WITHIN: Duration = Duration::from_secs(60);

/// The folder with `initdb` and `postgres`: that on PATH, else the newest the distribution has.
pub(super) fn programs() -> Option<PathBuf> {
    let complete = |folder: &Path| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(found) = on_path("initdb").and_then(|path| path.canonicalize().ok())
        && let Some(folder) = found.parent()
        && complete(folder)
    {
        return Some(folder.to_owned());
    }
    let mut found: Vec<(u32, PathBuf)> = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
        .into_iter()
        .filter_map(|parent| std::fs::read_dir(parent).ok())
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let version = name.trim_start_matches("postgresql@").parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| complete(folder))
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

/// Makes the cluster beside its final place and moves it there when it is whole.
pub(super) fn make(bin: &Path, root: &Path, data: &Path, run_as: &RunAs, user: &str, password: &SecretString) -> Result<(), PostgresError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| PostgresError::Io { path, source }
    };
    let unfinished = root.join("data.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(at(&unfinished))?;
    }
    let password_file = root.join("password");
    write_private(&password_file, password.expose_secret().as_bytes()).map_err(at(&password_file))?;
    run_as.give(&password_file)?;
    let made = run_as
        .command(&bin.join("initdb"))
        .arg("-D")
        .arg(&unfinished)
        .args(["-U", user, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"])
        .arg(format!("--pwfile={}", password_file.display()))
        .current_dir("/")
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", "/")
        .output();
    let removed = std::fs::remove_file(&password_file);
    let output = made.map_err(at(&bin.join("initdb")))?;
    removed.map_err(at(&password_file))?;
    if !output.status.success() {
        let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let _ = std::fs::remove_dir_all(&unfinished);
        return Err(PostgresError::Initdb { words });
    }
    std::fs::rename(&unfinished, data).map_err(at(data))
}

/// Stops the cluster if an earlier server was killed and left it running, and removes a process file that names nobody. The data
/// folder's lock is held, so nobody else can be using it.
pub(super) async fn stop_orphan(data: &Path) -> Result<(), PostgresError> {
    let path = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let process = text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(process) = process.filter(|process| serves(*process, data)) {
        tracing::warn!("an earlier server left its database running; it is stopped first");
        let mut signal = Signal::INT;
        while test_kill_process(process).is_ok() && serves(process, data) {
            let _ = kill_process(process, signal);
            let began = Instant::now();
            while began.elapsed() < ORPHAN_WITHIN && test_kill_process(process).is_ok() && serves(process, data) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            signal = Signal::QUIT;
        }
    }
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(PostgresError::Io { path, source }),
        _ => Ok(()),
    }
}

/// Whether the process of that number is the cluster's: numbers are used again after a restart of the machine.
fn serves(process: Pid, data: &Path) -> bool {
    if !Path::new("/proc/self").exists() {
        return test_kill_process(process).is_ok();
    }
    let folder = std::fs::read_link(format!("/proc/{}/cwd", process.as_raw_nonzero()));
    folder.is_ok_and(|folder| folder == data)
}
