//! The service put together: from a configuration to a running server. The program, the tests and the demo all start it here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::accounts::password::Passwords;
use crate::accounts::secrets::Seal;
use crate::blobs::self_test::SelfTestError;
use crate::blobs::{Blobs, self_test};
use crate::catalogue::recent::Recent;
use crate::config::{Config, ServiceConfig};
use crate::db::{self, DatabaseError};
use crate::hints::Hints;
use crate::limits::Limits;
use crate::mail::Mail;
use crate::serve::{self, TlsError};
use crate::{collect, http, recovery, sidecars, tidy};

/// Most password hashes at a time.
const MAX_HASH_THREADS: usize = 4;

/// How long open requests may take to end when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// What every request may use. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct App(Arc<Parts>);

/// The parts of the service.
#[derive(Debug)]
pub struct Parts {
    /// Connections to the database.
    pub db: PgPool,
    /// The S3 store.
    pub blobs: Blobs,
    /// The hashing threads.
    pub passwords: Passwords,
    /// Settings.
    pub service: ServiceConfig,
    /// Seals what only the server may read, where it has a key.
    pub seal: Option<Seal>,
    /// Requests of each block of addresses.
    pub limits: Limits,
    /// The way out for mail, where there is one.
    pub mail: Option<Mail>,
    /// Catalogue states read lately.
    pub recent: Recent,
    /// News for open streams.
    pub hints: Hints,
    /// Set when the server is going down: open streams end.
    pub stop: CancellationToken,
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] SelfTestError),
    /// Whether the database is behind the bucket cannot be told.
    #[error("the bucket could not be compared with the database, so the server does not know whether it may take changes")]
    Compare(#[source] crate::error::Error),
    /// The files of the built-in TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}; another program may use it, choose another with COLLABTRACK_LISTEN or --listen")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Whether the store is tested before it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreTest {
    /// Yes: the server refuses a store that cannot vouch for its bytes.
    Run,
    /// No: the same process has just tested it.
    Skip,
}

/// A running server. Dropping it stops it at once; [`Running::stop`] lets requests end first.
#[derive(Debug)]
pub struct Running {
    /// Address of the server, such as `http://127.0.0.1:8000`.
    pub url: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
    db: PgPool,
}

impl Running {
    /// Lets open requests end, then closes the database connections. Requests that take too long are cut off.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_WITHIN, &mut self.task).await.is_err() {
            tracing::warn!("open requests were cut off");
            self.task.abort();
        }
        let _ = tokio::time::timeout(STOP_WITHIN, self.db.close()).await;
    }

    /// The database, for tests that look behind the service.
    #[must_use]
    pub fn database(&self) -> &PgPool {
        &self.db
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Connects, checks database and store, and serves.
/// # Errors
/// When the database is missing or not up to date, the store fails its self-test, or the address cannot be had.
pub async fn start_with(config: &Config, test: StoreTest) -> Result<Running, StartError> {
    let db = db::connect_service(&config.database_url, &config.service).await?;
    db::check(&db).await?;
    let blobs = Blobs::new(&config.store).with_url_life(config.service.url_life_s);
    if test == StoreTest::Run {
        self_test::run(&blobs).await?;
    }
    match recovery::look(&db, &blobs).await {
        Err(error) if test == StoreTest::Run => return Err(StartError::Compare(error)),
        // Nobody has asked whether this store works; collecting compares before it does anything.
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the bucket could not be compared with the database"),
        Ok(_) => {}
    }
    run(db, blobs, &config.service).await
}

/// Serves on the configured address.
/// # Errors
/// When the address cannot be had.
pub async fn run(db: PgPool, blobs: Blobs, service: &ServiceConfig) -> Result<Running, StartError> {
    let failed = |source| StartError::Listen { listen: service.listen, source };
    let listener = TcpListener::bind(service.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let stop = CancellationToken::new();
    let tls = service.tls.as_ref().map(serve::tls).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = build(db.clone(), blobs, service, &stop);
    tidy::start(db.clone(), stop.clone());
    let collector = tokio::spawn(collect::run(db.clone(), app.blobs.clone(), stop.clone()));
    let sidecars = tokio::spawn(sidecars::write::run(db.clone(), app.blobs.clone(), app.hints.clone(), stop.clone()));
    let served = serve::serve(listener, http::router(app), tls, stop.clone());
    let task = tokio::spawn(async move {
        served.await;
        for work in [sidecars, collector] {
            if let Err(error) = work.await {
                tracing::error!(error = &error as &dyn std::error::Error, "work behind the scenes ended");
            }
        }
    });
    Ok(Running { url: format!("{scheme}://{address}"), stop, task, db })
}

/// The parts of the service, ready for requests.
#[must_use]
pub fn build(db: PgPool, blobs: Blobs, service: &ServiceConfig, stop: &CancellationToken) -> App {
    let threads = available_parallelism().map_or(1, usize::from).min(MAX_HASH_THREADS);
    App(Arc::new(Parts {
        recent: Recent::default(),
        hints: Hints::start(db.clone(), stop.clone()),
        passwords: Passwords::new(threads, service.hash_cost),
        seal: service.secret_key.as_ref().map(Seal::new),
        limits: Limits::new(service.requests_per_minute),
        mail: service.mail.as_ref().map(|config| Mail::new(config, service.public_url.clone(), stop.clone())),
        service: service.clone(),
        stop: stop.clone(),
        db,
        blobs,
    }))
}
