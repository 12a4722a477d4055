//! Facts about this library as a whole.

use sqlx::SqliteConnection;

use super::StoreResult;

/// Name of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Version of the program that opened the library last.
    AppVersion,
    /// Random id of this device.
    DeviceId,
    /// Address of the server.
    Server,
    /// Id of the signed-in account.
    AccountId,
    /// Its name.
    AccountName,
    /// Its e-mail address.
    AccountEmail,
    /// `1` while the user paused syncing.
    Paused,
}

impl Setting {
    fn key(self) -> &'static str {
        match self {
            Self::AppVersion => "app_version",
            Self::DeviceId => "device_id",
            Self::Server => "server",
            Self::AccountId => "account_id",
            Self::AccountName => "account_name",
            Self::AccountEmail => "account_email",
            Self::Paused => "paused",
        }
    }
}

/// The value of a setting.
pub async fn get(connection: &mut SqliteConnection, setting: Setting) -> StoreResult<Option<String>> {
    Ok(sqlx::query_scalar("SELECT value FROM setting WHERE key = ?").bind(setting.key()).fetch_optional(connection).await?)
}

/// Sets or removes a setting.
pub async fn set(connection: &mut SqliteConnection, setting: Setting, value: Option<&str>) -> StoreResult<()> {
    match value {
        Some(value) => {
            sqlx::query("INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
                .bind(setting.key())
                .bind(value)
                .execute(connection)
                .await?
        }
        None => sqlx::query("DELETE FROM setting WHERE key = ?").bind(setting.key()).execute(connection).await?,
    };
    Ok(())
}
