//! The database: connecting, migrating, and reading typed values out of rows.

use std::str::FromStr;
use std::time::Duration;

use collabtrack_domain::hash::ObjectHash;
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Connection, Row};

use crate::config::{SecondFactor, ServiceConfig};

/// A transaction; writes that belong together share one.
pub type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/server");

/// The role the service takes, where it may: row-level security counts for it, and the log is closed to it but for reading and adding.
const SERVICE_ROLE: &str = "collabtrack_app";
const SERVICE_ROLE_RIGHTS: &str = include_str!("db/service_role.sql");

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The address is not one of a Postgres database.
    #[error("DATABASE_URL is not the address of a Postgres database, such as postgres://user:password@host/name")]
    Address,
    /// No connection.
    #[error("the database does not answer; check that it runs and that DATABASE_URL is right")]
    Connect(#[source] sqlx::Error),
    /// A migration failed; it was rolled back.
    #[error("the database could not be brought up to date; nothing of the failed step was kept")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Migrations are missing.
    #[error("the database is not up to date ({missing} steps missing); run `collabtrack-server migrate` first")]
    Outdated {
        /// How many.
        missing: usize,
    },
    /// The database was migrated by a newer program.
    #[error("the database was written by a newer CollabTrack server; start that one, nothing was changed")]
    TooNew,
}

/// Connects a pool.
/// # Errors
/// When the address is malformed or nothing answers.
pub async fn connect(url: &SecretString, connections: u32) -> Result<PgPool, DatabaseError> {
    connect_with(options(url)?, connections).await
}

/// Connects the pool of the service. Its connections know whether the server demands second factors, so that the question of who may do
/// what is one statement, and begin in the service's own role, which costs no statement either.
/// # Errors
/// As [`connect`].
pub async fn connect_service(url: &SecretString, service: &ServiceConfig) -> Result<PgPool, DatabaseError> {
    let required = if service.second_factor == SecondFactor::Required { "on" } else { "off" };
    let mut options = options(url)?.options([("collabtrack.totp_required", required)]);
    match service_schema(url).await? {
        // Named, because the schema may be found by the login's own name, which the role does not have.
        Some(schema) => options = options.options([("role", SERVICE_ROLE), ("search_path", schema.as_str())]),
        None => tracing::warn!("{NO_SERVICE_ROLE}"),
    }
    connect_with(options, service.database_connections).await
}

/// What an operator reads whose login cannot take the service's role.
pub const NO_SERVICE_ROLE: &str = "the database login cannot take the role collabtrack_app, so that projects are kept apart and the log is kept whole by the server alone; \
     have the database's administrator run `create role collabtrack_app nologin; grant collabtrack_app to <login>`, then `collabtrack-server migrate`";

/// Whether the service can take its own role in this database: it is there, has its rights here, and the login belongs to it.
/// # Errors
/// As [`connect`].
pub async fn has_service_role(url: &SecretString) -> Result<bool, DatabaseError> {
    Ok(service_schema(url).await?.is_some())
}

/// The schema of the tables, where the service can take its own role.
async fn service_schema(url: &SecretString) -> Result<Option<String>, DatabaseError> {
    let mut connection = options(url)?.connect().await.map_err(DatabaseError::Connect)?;
    let schema: Option<String> = sqlx::query_scalar(
        "select current_schema()::text from pg_roles where rolname = $1 and has_table_privilege(oid, to_regclass('project'), 'insert')",
    )
    .bind(SERVICE_ROLE)
    .fetch_optional(&mut connection)
    .await
    .map_err(DatabaseError::Connect)?;
    let taken = sqlx::query("set role collabtrack_app").execute(&mut connection).await.is_ok();
    connection.close().await.map_err(DatabaseError::Connect)?;
    // Other names would have to be quoted on the way.
    let plain = |schema: &String| schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    Ok(schema.filter(|schema| taken && plain(schema)))
}

fn options(url: &SecretString) -> Result<PgConnectOptions, DatabaseError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| DatabaseError::Address)?;
    Ok(options
        .application_name("collabtrack-server")
        .options([("statement_timeout", "60s"), ("lock_timeout", "20s"), ("idle_in_transaction_session_timeout", "60s")])
        .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(2))
        .log_statements(tracing::log::LevelFilter::Off))
}

async fn connect_with(options: PgConnectOptions, connections: u32) -> Result<PgPool, DatabaseError> {
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(Duration::from_secs(10));
    pool.connect_with(options).await.map_err(DatabaseError::Connect)
}

/// Brings the schema up to date, and gives the service's role its rights on it.
/// # Errors
/// When a step fails; it is rolled back.
pub async fn migrate(pool: &PgPool) -> Result<(), DatabaseError> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::VersionMissing(_) => DatabaseError::TooNew,
        other => DatabaseError::Migrate(other),
    })?;
    let rights = sqlx::raw_sql(SERVICE_ROLE_RIGHTS).execute(pool).await;
    rights.map(drop).map_err(|error| DatabaseError::Migrate(sqlx::migrate::MigrateError::Execute(error)))
}

/// Checks that the schema is the one this program was built with.
/// # Errors
/// When steps are missing, or when there are steps this program does not know.
pub async fn check(pool: &PgPool) -> Result<(), DatabaseError> {
    let known: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let exists: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(pool).await.map_err(DatabaseError::Connect)?;
    let applied: Vec<i64> = if exists {
        sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool).await.map_err(DatabaseError::Connect)?
    } else {
        Vec::new()
    };
    if applied.iter().any(|version| !known.contains(version)) {
        return Err(DatabaseError::TooNew);
    }
    match known.iter().filter(|version| !applied.contains(version)).count() {
        0 => Ok(()),
        missing => Err(DatabaseError::Outdated { missing }),
    }
}

/// Typed values out of a row; a value that does not parse is a damaged database, reported as a decoding error.
pub(crate) trait RowExt {
    /// A value kept as its text: an id, a role, a word.
    fn text_as<T>(&self, column: &'static str) -> Result<T, sqlx::Error>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static;
    /// An optional value kept as its text.
    fn optional_text_as<T>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static;
    /// A SHA-256 value.
    fn hash(&self, column: &'static str) -> Result<ObjectHash, sqlx::Error>;
    /// A role.
    fn role(&self, column: &'static str) -> Result<collabtrack_domain::role::Role, sqlx::Error>;
    /// A length or offset, never negative.
    fn unsigned(&self, column: &'static str) -> Result<u64, sqlx::Error>;
}

#[derive(Debug, thiserror::Error)]
#[error("the stored value is not of its form")]
struct NotOfItsForm;

pub(crate) fn damaged(column: &'static str) -> sqlx::Error {
    decode(column, NotOfItsForm)
}

fn decode(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}

impl RowExt for PgRow {
    fn text_as<T>(&self, column: &'static str) -> Result<T, sqlx::Error>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.try_get::<&str, _>(column)?.parse().map_err(|e| decode(column, e))
    }

    fn optional_text_as<T>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        self.try_get::<Option<&str>, _>(column)?.map(|text| text.parse().map_err(|e| decode(column, e))).transpose()
    }

    fn hash(&self, column: &'static str) -> Result<ObjectHash, sqlx::Error> {
        let bytes: [u8; 32] = self.try_get::<&[u8], _>(column)?.try_into().map_err(|e| decode(column, e))?;
        Ok(ObjectHash::from_bytes(bytes))
    }

    fn role(&self, column: &'static str) -> Result<collabtrack_domain::role::Role, sqlx::Error> {
        collabtrack_domain::role::Role::from_word(self.try_get(column)?).ok_or_else(|| damaged(column))
    }

    fn unsigned(&self, column: &'static str) -> Result<u64, sqlx::Error> {
        u64::try_from(self.try_get::<i64, _>(column)?).map_err(|e| decode(column, e))
    }
}
