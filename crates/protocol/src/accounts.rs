//! Registration, sign-in, and the account itself.

use collabtrack_domain::id::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /auth/register`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Register {
    /// Name shown to other members.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Password, used exactly as given: 8 to 256 characters.
    pub password: String,
    /// An invitation code, where the server registers by invitation; it is not spent by registering.
    #[serde(default)]
    pub invitation: Option<String>,
    /// What the person calls this device.
    #[serde(default)]
    pub device_name: String,
}

/// `POST /auth/sign-in`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
    /// What the person calls this device.
    #[serde(default)]
    pub device_name: String,
}

/// An account as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Id.
    #[schema(value_type = String)]
    pub id: AccountId,
    /// Name shown to other members.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// Answer to registering and signing in. The token is shown this once and stored only as a hash.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// Session token, `cts_…`; sent back as `Authorization: Bearer`.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: String,
}

/// Somebody, as other members see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Id.
    #[schema(value_type = String)]
    pub id: AccountId,
    /// Name.
    pub name: String,
}

/// `GET /server`: what this server is and allows; needs no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerInfo {
    /// Always `collabtrack`.
    pub service: String,
    /// Version of the server program.
    pub version: String,
    /// `invite`, `open` or `closed`.
    pub registration: String,
}
