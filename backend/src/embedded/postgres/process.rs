//! The cluster's process: started and waited for by a thread of its own, which lives as long as the process, so that the system's
//! promise to end it with its parent holds.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use super::PostgresError;
use super::user::RunAs;

/// How long a clean stop may take before it becomes an immediate one, which the next start repairs.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// The running process.
#[derive(Debug)]
pub(super) struct ServerProcess {
    process: Pid,
    ended: watch::Receiver<bool>,
}

impl ServerProcess {
    /// Starts `postgres` on a cluster, reachable through `socket` only.
    pub(super) fn spawn(bin: &Path, data: &Path, socket: &Path, log: &Path, run_as: &RunAs) -> Result<Self, PostgresError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| PostgresError::Io { path, source }
        };
        let output = OpenOptions::new().create(true).append(true).mode(0o600).open(log).map_err(at(log))?;
        let errors = output.try_clone().map_err(at(log))?;
        let mut command = run_as.command(&bin.join("postgres"));
        command
            .arg("-D")
            .arg(data)
            .arg("-c")
            .arg(format!("unix_socket_directories={}", quoted(socket)))
            .args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=120"])
            // Ctrl-C in a terminal is for the server, which stops its database last.
            .process_group(0)
            .current_dir("/")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let (tell_started, started) = std::sync::mpsc::channel();
        let (tell_ended, ended) = watch::channel(false);
        let thread = std::thread::Builder::new().name("postgres".to_owned()).spawn(move || {
            let child = command.spawn();
            let _ = match child {
                Err(error) => tell_started.send(Err(error)),
                Ok(mut child) => {
                    let sent = tell_started.send(Ok(child.id()));
                    let _ = child.wait();
                    sent
                }
            };
            tell_ended.send_replace(true);
        });
        thread.map_err(at(bin))?;
        let id = started.recv().map_err(|_| PostgresError::NotInstalled)?.map_err(at(&bin.join("postgres")))?;
        let process = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(PostgresError::NotInstalled)?;
        Ok(Self { process, ended })
    }

    /// Whether the process is over.
    pub(super) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Asks for a clean stop and waits for it.
    pub(super) async fn stop(&self) {
        for signal in [Signal::INT, Signal::QUIT] {
            self.signal(signal);
            let mut ended = self.ended.clone();
            if tokio::time::timeout(STOP_WITHIN, ended.wait_for(|ended| *ended)).await.is_ok() {
                return;
            }
        }
        tracing::error!("the private database does not stop; its next start repairs what it left");
    }

    fn signal(&self, signal: Signal) {
        // Once the process has been waited for, its number may belong to another.
        if !self.has_ended() {
            let _ = kill_process(self.process, signal);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.signal(Signal::INT);
    }
}

/// Postgres takes a list here, in which commas separate and quotes protect.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('"', "\"\""))
}
