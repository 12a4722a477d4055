//! The private Postgres cluster of an embedded studio: made at the first start, reached through a socket only its owner may use, stopped
//! with the server.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::embedded::folder::DataFolder;
use crate::embedded::postgres::process::ServerProcess;
use crate::embedded::postgres::user::RunAs;

mod cluster;
mod process;
mod user;

const USER: &str = "collabtrack";
const DATABASE: &str = "collabtrack";
/// Longest wait for a start: a cluster that was cut off first replays its log.
const START_WITHIN: Duration = Duration::from_secs(300);
/// Longest path of the socket's folder: the system takes 107 bytes for the socket itself.
const MAX_SOCKET_FOLDER_BYTES: usize = 85;

/// Postgres did not start.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Its programs are not there.
    #[error(
        "PostgreSQL is not installed: initdb and postgres are neither on PATH nor in /usr/lib/postgresql; install the package postgresql and start again"
    )]
    NotInstalled,
    /// It refuses to run as root and there is no way to another user.
    #[error(
        "Postgres refuses to run as root, and setpriv (package util-linux) with the user nobody is not available; start the server as an ordinary user"
    )]
    NoOtherUser,
    /// A file or folder.
    #[error("{} cannot be used for the private database", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The cluster could not be made.
    #[error("the private database could not be made; the folder is as it was before. initdb says:\n{words}")]
    Initdb {
        /// Its words.
        words: String,
    },
    /// It came up and went down again.
    #[error("the private database did not start; its data is untouched. The end of {} says:\n{words}", log.display())]
    Died {
        /// Its log.
        log: PathBuf,
        /// The end of it.
        words: String,
    },
    /// It did not answer in time.
    #[error("the private database did not answer within {} s; see {}", START_WITHIN.as_secs(), log.display())]
    Silent {
        /// Its log.
        log: PathBuf,
    },
    /// Its database could not be made.
    #[error("the private database answers but cannot be used")]
    Use(#[source] sqlx::Error),
}

/// A running cluster. Dropping it tells it to stop; [`Postgres::stop`] waits until it has.
#[derive(Debug)]
pub struct Postgres {
    process: ServerProcess,
    url: SecretString,
    // Kept for its removal, where the data folder's path is too long for a socket.
    _socket_folder: Option<tempfile::TempDir>,
}

impl Postgres {
    /// Makes the cluster if there is none, and starts it.
    /// # Errors
    /// When Postgres is not installed, cannot run here, or does not start.
    pub async fn start(folder: &DataFolder, password: &SecretString) -> Result<Self, PostgresError> {
        let bin = cluster::programs().ok_or(PostgresError::NotInstalled)?;
        let root = folder.path().join("postgres");
        let run_as = RunAs::find(folder.path())?;
        run_as.make_folder(&root)?;
        let data = root.join("data");
        if !data.join("PG_VERSION").exists() {
            cluster::make(&bin, &root, &data, &run_as, USER, password)?;
        }
        cluster::stop_orphan(&data).await?;
        let (socket, temporary) = socket_folder(&root, &run_as)?;
        let log = root.join("postgres.log");
        let process = ServerProcess::spawn(&bin, &data, &socket, &log, &run_as)?;
        let url = url(&socket, password, DATABASE);
        let postgres = Self { process, url, _socket_folder: temporary };
        postgres.wait_until_ready(&socket, password, &log).await?;
        Ok(postgres)
    }

    /// Address of the database; holds the password.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.url.clone()
    }

    /// Stops the cluster cleanly and waits until it has stopped.
    pub async fn stop(self) {
        self.process.stop().await;
    }

    async fn wait_until_ready(&self, socket: &Path, password: &SecretString, log: &Path) -> Result<(), PostgresError> {
        let began = Instant::now();
        let mut connection = loop {
            if self.process.has_ended() {
                return Err(PostgresError::Died { log: log.to_owned(), words: end_of(log) });
            }
            match connect(&url(socket, password, "postgres")).await {
                Ok(connection) => break connection,
                Err(_) if began.elapsed() < START_WITHIN => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(_) => return Err(PostgresError::Silent { log: log.to_owned() }),
            }
        };
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = 'collabtrack')")
            .fetch_one(&mut connection)
            .await
            .map_err(PostgresError::Use)?;
        if !exists {
            sqlx::query("create database collabtrack").execute(&mut connection).await.map_err(PostgresError::Use)?;
        }
        connection.close().await.map_err(PostgresError::Use)
    }
}

fn url(socket: &Path, password: &SecretString, database: &str) -> SecretString {
    let mut host = String::new();
    for byte in socket.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(byte) {
            host.push(char::from(*byte));
        } else {
            host.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("postgres://{USER}:{}@{host}/{database}", password.expose_secret()).into()
}

async fn connect(url: &SecretString) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::from_str(url.expose_secret())?.log_statements(tracing::log::LevelFilter::Off).connect().await
}

/// A folder for the socket that only the cluster's user may enter: in the data folder, or where paths are shorter.
fn socket_folder(root: &Path, run_as: &RunAs) -> Result<(PathBuf, Option<tempfile::TempDir>), PostgresError> {
    let inside = root.join("run");
    if inside.as_os_str().len() <= MAX_SOCKET_FOLDER_BYTES {
        run_as.make_folder(&inside)?;
        return Ok((inside, None));
    }
    let temporary = tempfile::Builder::new().prefix("collabtrack-").tempdir();
    let temporary = temporary.map_err(|source| PostgresError::Io { path: std::env::temp_dir(), source })?;
    run_as.make_folder(temporary.path())?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

/// The last lines of a log.
fn end_of(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
