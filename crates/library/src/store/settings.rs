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
    /// How often this device was started.
    Generation,
    /// `1` while a database that is not the one last used here looks at everything again.
    CatchingUp,
    /// Room for originals in bytes; no limit without it.
    DiskBudget,
    /// Most bytes sent per second; no limit without it.
    UpLimit,
    /// Most bytes fetched per second; no limit without it.
    DownLimit,
    /// Address of the server.
    Server,
    /// Id of the signed-in account.
    AccountId,
    /// Its name.
    AccountName,
    /// Its e-mail address.
    AccountEmail,
    /// When the session's token was renewed last, in milliseconds since 1970.
    TokenSince,
    /// `1` while the user paused syncing.
    Paused,
    /// What the player held when the program ended, as JSON.
    Player,
    /// Approvals decided here and not sent yet, as JSON.
    HeldApprovals,
}

impl Setting {
    fn key(self) -> &'static str {
        match self {
            Self::AppVersion => "app_version",
            Self::DeviceId => "device_id",
            Self::Generation => "generation",
            Self::CatchingUp => "catching_up",
            Self::DiskBudget => "disk_budget",
            Self::UpLimit => "up_limit",
            Self::DownLimit => "down_limit",
            Self::Server => "server",
            Self::AccountId => "account_id",
            Self::AccountName => "account_name",
            Self::AccountEmail => "account_email",
            Self::TokenSince => "token_since",
            Self::Paused => "paused",
            Self::Player => "player",
            Self::HeldApprovals => "held_approvals",
        }
    }
}

/// The value of a setting.
pub async fn get(connection: &mut SqliteConnection, setting: Setting) -> StoreResult<Option<String>> {
    Ok(sqlx::query_scalar("SELECT value FROM setting WHERE key = ?").bind(setting.key()).fetch_optional(connection).await?)
}

/// The value of a setting that is a number.
pub async fn number(connection: &mut SqliteConnection, setting: Setting) -> StoreResult<Option<u64>> {
    Ok(get(connection, setting).await?.and_then(|text| text.parse().ok()))
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
