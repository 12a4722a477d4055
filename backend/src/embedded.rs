//! The embedded studio: a private Postgres cluster and a private S3 store in one folder, for studios without an operator. From there on
//! the server is the same as any other.

use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use crate::app::{self, Running, StartError, StoreTest};
use crate::config::{Config, ServiceConfig, StoreConfig};
use crate::db;
use crate::embedded::folder::{DataFolder, FolderError};
use crate::embedded::postgres::{Postgres, PostgresError};
use crate::embedded::store::{BUCKET, DiskStore, REGION, StoreKeys, StoreServer};

pub mod folder;
pub mod postgres;
pub mod store;

/// The studio did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Postgres did not start.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The store did not start.
    #[error("the store in {} cannot be opened; its files are untouched", folder.display())]
    Store {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server itself did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// A running studio: server, store, database. Dropping it stops all three at once; [`Studio::stop`] does so in order.
#[derive(Debug)]
pub struct Studio {
    /// Address of the server.
    pub url: String,
    server: Running,
    parts: Services,
}

/// The private database and store, without the server.
#[derive(Debug)]
pub struct Services {
    store: StoreServer,
    postgres: Postgres,
    config: Config,
    // Last, so that the folder is free only when everything in it has stopped.
    _folder: DataFolder,
}

impl Studio {
    /// Lets requests end, then stops the store, then the database cleanly.
    pub async fn stop(self) {
        self.server.stop().await;
        self.parts.stop().await;
    }

    /// The running server.
    #[must_use]
    pub fn server(&self) -> &Running {
        &self.server
    }

    /// What the server was started with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.parts.config
    }
}

impl Services {
    /// What a server needs to use them.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Stops the store, then the database cleanly.
    pub async fn stop(self) {
        self.store.stop().await;
        self.postgres.stop().await;
    }
}

/// Starts a studio in `data_dir`, which is made if it is not there.
/// # Errors
/// When the folder is in use or unusable, or a part does not start.
pub async fn start(data_dir: &Path, service: ServiceConfig) -> Result<Studio, EmbeddedError> {
    let parts = start_services(data_dir, service).await?;
    let server = app::start_with(&parts.config, StoreTest::Run).await?;
    Ok(Studio { url: server.url.clone(), server, parts })
}

/// Starts only database and store, and brings the database up to date.
/// # Errors
/// As [`start`].
pub async fn start_services(data_dir: &Path, service: ServiceConfig) -> Result<Services, EmbeddedError> {
    let folder = DataFolder::open(data_dir)?;
    let secrets = folder.secrets()?;
    let store_folder = folder.path().join("store");
    let failed = |source| EmbeddedError::Store { folder: store_folder.clone(), source };
    let keys = StoreKeys { access_key_id: secrets.store_access_key_id.clone(), secret_access_key: secrets.store_secret_access_key.clone() };
    let store = StoreServer::start(DiskStore::open(&store_folder).map_err(failed)?, &keys).await.map_err(failed)?;
    let postgres = Postgres::start(&folder, &secrets.postgres_password).await?;
    let config = Config {
        database_url: postgres.url(),
        store: StoreConfig {
            endpoint: Url::parse(&store.endpoint()).ok(),
            region: REGION.to_owned(),
            bucket: BUCKET.to_owned(),
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
        },
        // Given from outside, the key is the operator's; else the studio has its own.
        service: ServiceConfig { secret_key: service.secret_key.clone().or(Some(secrets.secret_key)), ..service },
    };
    let pool = db::connect(&config.database_url, 2).await.map_err(StartError::from)?;
    let migrated = db::migrate(&pool).await;
    pool.close().await;
    migrated.map_err(StartError::from)?;
    Ok(Services { store, postgres, config, _folder: folder })
}
