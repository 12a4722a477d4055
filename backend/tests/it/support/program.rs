//! The real program as a process of its own: for what only a process has, its log and its memory.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use secrecy::ExposeSecret;

use super::Server;

/// A running `collabtrack-server` on the database and store of a test server.
pub(crate) struct Program {
    pub(crate) url: String,
    child: Child,
    log: JoinHandle<String>,
}

fn command(server: &Server, settings: &[(&str, &str)]) -> Command {
    let store = &server.config.store;
    let mut command = Command::new(env!("CARGO_BIN_EXE_collabtrack-server"));
    command
        .current_dir(std::env::temp_dir())
        .env_clear()
        .env("DATABASE_URL", server.config.database_url.expose_secret())
        .env("COLLABTRACK_S3_ENDPOINT", store.endpoint.as_ref().expect("an endpoint").as_str())
        .env("COLLABTRACK_S3_REGION", &store.region)
        .env("COLLABTRACK_S3_BUCKET", &store.bucket)
        .env("COLLABTRACK_S3_ACCESS_KEY_ID", &store.access_key_id)
        .env("COLLABTRACK_S3_SECRET_ACCESS_KEY", store.secret_access_key.expose_secret())
        .env("COLLABTRACK_LISTEN", "127.0.0.1:0")
        .env("COLLABTRACK_REGISTRATION", "open")
        .env("COLLABTRACK_REQUESTS_PER_MINUTE", "1000000")
        .envs(settings.iter().copied());
    command
}

impl Program {
    /// Starts it. Its store answers from this process, so nothing here may block.
    pub(crate) async fn start(server: &Server, settings: &[(&str, &str)]) -> Self {
        let mut child =
            command(server, settings).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut errors = child.stderr.take().expect("its log");
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("its log is text");
            text
        });
        let output = child.stdout.take().expect("its output");
        let line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        let line = line.await.expect("read").expect("a line");
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { url: said["url"].as_str().expect("an address").to_owned(), child, log }
    }

    /// Runs a command of the program on the database and store of a test server: whether it worked, what it printed, and its log.
    pub(crate) async fn run(server: &Server, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String, String) {
        let mut command = command(server, settings);
        command.args(arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("waited").expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }

    /// The most memory it held at any moment so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Ends it politely; answers its whole log.
    pub(crate) async fn stop(mut self) -> String {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("told to stop");
        let ended = tokio::task::spawn_blocking(move || (self.child.wait(), self.log.join()));
        let (status, log) = ended.await.expect("waited");
        assert!(status.expect("it ends").success());
        log.expect("its log was read")
    }
}
