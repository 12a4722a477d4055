//! The SQLite file of the library: opening it safely, and its connections.
//!
//! Statements stand in the modules below, one noun each; rows never leave them. One connection writes, a few others read.

/// The condition of a row of `version` that the server was told of, and has not lost since.
macro_rules! is_told {
    () => {
        "(numbered = 1 OR ifnull(trashed_from, state) IN ('announced', 'complete', 'damaged'))"
    };
}

pub mod blobs;
pub mod change_sets;
pub mod comments;
pub mod csv_drafts;
pub mod edits;
pub mod heard;
pub mod imports;
pub mod kept;
pub mod members;
pub mod outbox;
pub mod packed;
pub mod projects;
pub mod recipes;
pub mod retained;
pub mod retired;
pub mod roots;
pub mod rules;
pub mod seen;
pub mod settings;
pub mod shown;
pub mod tracks;
pub mod trash;
pub mod uploads;
pub mod versions;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/library");

/// Name of the database file inside the library's folder.
pub const DATABASE_FILE: &str = "library.sqlite";
const BACKUP_FOLDER: &str = "backups";
const READERS: u32 = 4;

/// What can go wrong with the library's database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("the library's database did not do what was asked")]
    Sql(#[source] sqlx::Error),
    /// Bringing the database to this program's schema failed.
    #[error("the library's database could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database was written by a newer program.
    #[error("the library was written by a newer CollabTrack (schema {found}, this program knows {known})")]
    Newer {
        /// Newest migration in the file.
        found: i64,
        /// Newest migration this program has.
        known: i64,
    },
    /// A SQLite with known faults.
    #[error("SQLite {version} has faults that can damage a library")]
    UnsafeSqlite {
        /// Its version.
        version: String,
    },
    /// The copy made before bringing the database up to date failed.
    #[error("the library could not be copied to {} before bringing it up to date", path.display())]
    Backup {
        /// Where the copy should have gone.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// A value in the database that this program cannot have written.
    #[error("the library's database holds {text:?} as {what}")]
    Corrupt {
        /// What it should be.
        what: &'static str,
        /// What was found, cut to 100 characters.
        text: String,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        Self::Sql(source)
    }
}

/// Result of a statement.
pub type StoreResult<T> = Result<T, StoreError>;

/// Reads text of the database as a typed value.
pub(crate) fn parsed<T: FromStr>(what: &'static str, text: &str) -> StoreResult<T> {
    text.parse().map_err(|_| StoreError::Corrupt { what, text: text.chars().take(100).collect() })
}

/// As [`parsed`], for a column that may be empty.
pub(crate) fn parsed_maybe<T: FromStr>(what: &'static str, text: Option<&str>) -> StoreResult<Option<T>> {
    text.map(|text| parsed(what, text)).transpose()
}

/// A count or length as SQLite keeps it; lengths of files stay far below its limit.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count or length from SQLite, where checks keep it from being negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The open database.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens or makes the database in `folder`, brings it to this program's schema, and copies it first if that changes anything.
    /// # Errors
    /// `Newer`, `UnsafeSqlite`, `Backup`, or what SQLite said; nothing was changed then.
    pub async fn open(folder: &Path) -> StoreResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join(DATABASE_FILE))
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_millis(5_000));
        let mut first = SqliteConnection::connect_with(&options).await?;
        let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut first).await?;
        check_sqlite(&version)?;
        migrate(&mut first, folder).await?;
        first.close().await?;
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.pragma("query_only", "1")).await?;
        Ok(Self { writer, readers })
    }

    /// A transaction of the one writer; dropped without `commit` it changes nothing.
    /// # Errors
    /// When another program holds the database for more than 5 s.
    pub async fn write(&self) -> StoreResult<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A connection that only reads.
    /// # Errors
    /// When the database cannot be opened any more.
    pub async fn read(&self) -> StoreResult<PoolConnection<Sqlite>> {
        Ok(self.readers.acquire().await?)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Commits, with this module's error.
/// # Errors
/// What SQLite said; nothing was changed then.
pub async fn commit(transaction: Transaction<'static, Sqlite>) -> StoreResult<()> {
    Ok(transaction.commit().await?)
}

/// Versions before 3.51.3 and those of 3.52 can damage a database in WAL mode.
fn check_sqlite(version: &str) -> StoreResult<()> {
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let faulty = found < (3, 51, 3) || ((3, 52, 0)..(3, 53, 0)).contains(&found);
    if faulty { Err(StoreError::UnsafeSqlite { version: version.to_owned() }) } else { Ok(()) }
}

async fn migrate(connection: &mut SqliteConnection, folder: &Path) -> StoreResult<()> {
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    let table: Option<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE name = '_sqlx_migrations'").fetch_optional(&mut *connection).await?;
    if table.is_some() {
        let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(&mut *connection).await?;
        let found = found.unwrap_or(0);
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        if found < known {
            back_up(connection, folder, found).await?;
        }
    }
    MIGRATIONS.run(&mut *connection).await.map_err(StoreError::Migrate)
}

/// Copies the database as it is, once per schema it leaves behind.
async fn back_up(connection: &mut SqliteConnection, folder: &Path, schema: i64) -> StoreResult<()> {
    let path = folder.join(BACKUP_FOLDER).join(format!("library-{schema}.sqlite"));
    let failed = |source| StoreError::Backup { path: path.clone(), source };
    std::fs::create_dir_all(folder.join(BACKUP_FOLDER)).map_err(|error| failed(sqlx::Error::Io(error)))?;
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(sqlx::Error::Io(error))),
        _ => {}
    }
    sqlx::query("VACUUM INTO ?").bind(path.to_string_lossy().into_owned()).execute(connection).await.map_err(failed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f24_faulty_sqlite_versions_are_refused() {
        for version in ["3.45.0", "3.51.2", "3.52.0", "3.52.4", "garbage"] {
            assert!(matches!(check_sqlite(version), Err(StoreError::UnsafeSqlite { .. })), "{version}");
        }
        for version in ["3.51.3", "3.51.4", "3.53.0", "4.0.0"] {
            assert!(check_sqlite(version).is_ok(), "{version}");
        }
    }

    #[tokio::test]
    async fn a_library_of_a_newer_program_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).await.expect("it opens");
        let mut transaction = store.write().await.expect("a transaction");
        sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99991231000000, 'later', 1, x'00', 0)")
            .execute(&mut *transaction)
            .await
            .expect("inserted");
        commit(transaction).await.expect("committed");
        store.close().await;
        assert!(matches!(Store::open(folder.path()).await, Err(StoreError::Newer { found: 99_991_231_000_000, .. })));
    }

    #[tokio::test]
    async fn an_older_library_is_copied_before_it_is_brought_up_to_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(DATABASE_FILE);
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut old = SqliteConnection::connect_with(&options).await.expect("connected");
        sqlx::raw_sql(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
             success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL); CREATE TABLE treasure (song TEXT); INSERT INTO treasure VALUES ('Night Drive');",
        )
        .execute(&mut old)
        .await
        .expect("an old library");
        old.close().await.expect("closed");
        Store::open(folder.path()).await.expect("it is brought up to date").close().await;
        let copy = SqliteConnectOptions::new().filename(folder.path().join("backups/library-0.sqlite"));
        let mut copy = SqliteConnection::connect_with(&copy).await.expect("the copy opens");
        let song: String = sqlx::query_scalar("SELECT song FROM treasure").fetch_one(&mut copy).await.expect("it holds the old rows");
        assert_eq!(song, "Night Drive");
    }

    #[tokio::test]
    async fn readers_cannot_write_and_writes_are_durable_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).await.expect("it opens");
        let mut reader = store.read().await.expect("a reader");
        assert!(sqlx::query("INSERT INTO setting VALUES ('a', 'b')").execute(&mut *reader).await.is_err());
        let mut writer = store.write().await.expect("the writer");
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *writer).await.expect("a value");
        assert_eq!(synchronous, 2, "FULL");
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *writer).await.expect("a value");
        assert_eq!(journal, "wal");
        let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut *writer).await.expect("a value");
        assert!(version.as_str() >= "3.51.3", "the bundled SQLite is {version}");
    }
}
