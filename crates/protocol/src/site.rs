//! What site admins see and do. They see accounts, and of projects only ids, names and sizes.

use collabtrack_domain::id::{AccountId, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account as site admins see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteAccount {
    /// Id.
    #[schema(value_type = String)]
    pub id: AccountId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// When it was made.
    pub created_at: String,
    /// Since when it is disabled.
    pub disabled_at: Option<String>,
    /// Whether it administers this server.
    pub site_admin: bool,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// When it was last used, if it has a session.
    pub last_used_at: Option<String>,
    /// Number of projects it is in.
    pub projects: i64,
}

/// `GET /site/accounts`: one page, by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteAccounts {
    /// Accounts.
    pub accounts: Vec<SiteAccount>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// A project as site admins see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SiteProject {
    /// Id.
    #[schema(value_type = String)]
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// When it was created.
    pub created_at: String,
    /// Number of members.
    pub members: i64,
    /// Bytes of its objects in the store.
    pub stored_bytes: i64,
}

/// A code for setting a new password, made by a site admin; shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ResetCode {
    /// The code, `ctr_…`, single use.
    pub code: String,
    /// When it ends.
    pub expires_at: String,
}
