//! A server of its own for every test: a fresh database on the test cluster, the embedded store in this process, port 0.

pub(crate) mod music;
pub(crate) mod person;
pub(crate) mod post_office;
pub(crate) mod program;
pub(crate) mod proposals;

use std::path::Path;
use std::str::FromStr;

use collabtrack_server::app::{self, Running, StoreTest};
use collabtrack_server::config::{Config, Environment, Registration, ServiceConfig, StoreConfig};
use collabtrack_server::db;
use collabtrack_server::embedded::store::{BUCKET, DiskStore, REGION, StoreKeys, StoreServer};
use collabtrack_server::mail::MailConfig;
use collabtrack_server::random;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use tempfile::TempDir;
use url::Url;

pub(crate) use person::{Answer, Person};

/// A server with its own database and store.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) config: Config,
    database: String,
    owner: PgPool,
    running: Running,
    store: StoreServer,
    _folder: TempDir,
}

/// A variable that `./dev test` sets.
pub(crate) fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run these tests through `./dev test`, or one of them with `./dev with-services cargo nextest run -p collabtrack-server`"))
}

/// Address of a database of that name on the test cluster.
pub(crate) fn database_url(name: &str) -> String {
    let mut url = Url::parse(&required("COLLABTRACK_TEST_DATABASE_URL")).expect("COLLABTRACK_TEST_DATABASE_URL is an address");
    url.set_path(name);
    url.into()
}

async fn on_cluster(statement: String) {
    let options = PgConnectOptions::from_str(&required("COLLABTRACK_TEST_DATABASE_URL")).expect("an address");
    let mut connection: PgConnection = options.connect().await.expect("the test cluster answers");
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("the test cluster does as told");
    connection.close().await.expect("closed");
}

/// A fresh, migrated database, and its name.
pub(crate) async fn fresh_database() -> String {
    let name = format!("t_{}", random::hex128());
    on_cluster(format!("create database {name}")).await;
    let pool = db::connect(&database_url(&name).into(), 1).await.expect("the new database answers");
    db::migrate(&pool).await.expect("it migrates");
    pool.close().await;
    name
}

pub(crate) async fn drop_database(name: &str) {
    on_cluster(format!("drop database {name} with (force)")).await;
}

/// A copy of a database as it is at this moment, as a backup has it, and its name. Whoever is connected is cut off for that moment.
pub(crate) async fn back_up(database: &str) -> String {
    let name = format!("t_{}", random::hex128());
    on_cluster(format!("alter database {database} with allow_connections false")).await;
    // Who was cut off may take a moment to be gone.
    on_cluster(format!(
        "do $$ begin
             loop
                 perform pg_stat_clear_snapshot();
                 exit when not exists (select from pg_stat_activity where datname = '{database}');
                 perform pg_terminate_backend(pid, 1000) from pg_stat_activity where datname = '{database}';
             end loop;
         end $$"
    ))
    .await;
    on_cluster(format!("create database {name} template {database}")).await;
    for database in [database, &name] {
        on_cluster(format!("alter database {database} with allow_connections true")).await;
    }
    name
}

/// The embedded store in a folder, with fresh keys.
pub(crate) async fn start_store(folder: &Path) -> (StoreServer, StoreConfig) {
    let keys = StoreKeys { access_key_id: "CTtest".to_owned(), secret_access_key: random::secret() };
    let store = StoreServer::start(DiskStore::open(folder).expect("a store"), &keys).await.expect("it serves");
    let config = StoreConfig {
        endpoint: Some(Url::parse(&store.endpoint()).expect("an address")),
        region: REGION.to_owned(),
        bucket: BUCKET.to_owned(),
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key,
    };
    (store, config)
}

pub(crate) fn config(database: &str, store: StoreConfig, registration: Registration) -> Config {
    let settings = [("COLLABTRACK_SECRET_KEY", "a key of the tests, 32 characters or more"), ("COLLABTRACK_DATABASE_CONNECTIONS", "16")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let service = Environment::new(settings).and_then(|settings| settings.service(registration)).expect("settings");
    let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), requests_per_minute: 1_000_000, ..service };
    Config { database_url: database_url(database).into(), store, service }
}

impl Server {
    /// A server where everybody may register.
    pub(crate) async fn start() -> Self {
        Self::start_with(Registration::Open).await
    }

    pub(crate) async fn start_with(registration: Registration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, store_config) = start_store(folder.path()).await;
        let database = fresh_database().await;
        let config = config(&database, store_config, registration);
        let running = app::start_with(&config, StoreTest::Skip).await.expect("the server starts");
        let owner = db::connect(&config.database_url, 4).await.expect("the database answers");
        Self { url: running.url.clone(), config, database, owner, running, store, _folder: folder }
    }

    /// The database behind the server, as its owner, who may do everything.
    pub(crate) fn database(&self) -> &PgPool {
        &self.owner
    }

    /// The database as the service has it: in its own role.
    pub(crate) fn service_database(&self) -> &PgPool {
        self.running.database()
    }

    /// An instance on the same database and store that sends mail through that post office.
    pub(crate) async fn instance_with_mail(&self, smtp_url: &str) -> Running {
        let mut config = self.config.clone();
        let sender = MailConfig::sender("CollabTrack <music@example.com>").expect("a sender");
        config.service.mail = Some(MailConfig::new(smtp_url, sender).expect("a mail server"));
        config.service.public_url = Some(Url::parse("https://music.example.com").expect("an address"));
        app::start_with(&config, StoreTest::Skip).await.expect("an instance with mail starts")
    }

    /// A backup of the database behind the server: the name of a database that stays as this one is now.
    pub(crate) async fn back_up(&self) -> String {
        back_up(&self.database).await
    }

    /// A second instance on the same database and store.
    pub(crate) async fn another_instance(&self) -> Running {
        app::start_with(&self.config, StoreTest::Skip).await.expect("a second instance starts")
    }

    /// Somebody with an account and a session.
    pub(crate) async fn person(&self, name: &str) -> Person {
        Person::register(&self.url, name).await
    }

    /// Somebody who administers the server.
    pub(crate) async fn site_admin(&self, name: &str) -> Person {
        let person = self.person(name).await;
        sqlx::query("update account set site_admin = true where id = $1")
            .bind(person.id.as_str())
            .execute(self.database())
            .await
            .expect("appointed");
        person
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.store.stop().await;
        self.owner.close().await;
        drop_database(&self.database).await;
    }
}
