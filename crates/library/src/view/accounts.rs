//! Read models of the screens about accounts: the account, its sessions and devices, second factors, members and invitations.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The signed-in account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AccountView {
    /// Id.
    pub id: String,
    /// Name shown to others.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Whether a code mailed to the address came back.
    pub email_confirmed: bool,
    /// Whether the server sends mail, so that addresses can be confirmed.
    pub mail: bool,
    /// Whether it administers the server.
    pub site_admin: bool,
    /// Whether a second factor is set up.
    pub second_factor: bool,
    /// Recovery codes left.
    #[ts(type = "number")]
    pub recovery_codes_left: i64,
    /// What the server says of second factors: `off`, `offered` or `required`.
    pub second_factor_policy: String,
}

/// A session of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SessionView {
    /// Id, for ending it.
    pub id: String,
    /// Name of the device.
    pub device_name: String,
    /// When it began.
    pub created_at: String,
    /// When it was last used, to within ten minutes.
    pub last_used_at: String,
    /// When it ends at the latest.
    pub expires_at: String,
    /// Whether it is the one of this computer.
    pub current: bool,
}

/// A device that signs in without being slowed down by what strangers try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceView {
    /// Id, for forgetting it.
    pub id: String,
    /// Name of the device.
    pub name: String,
    /// Since when it is known.
    pub created_at: String,
    /// When it last signed in.
    pub last_used_at: String,
    /// Until when it is known.
    pub expires_at: String,
}

/// A key that a computer of the account signs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceKeyView {
    /// Its fingerprint, for comparing and for revoking it: 32 hexadecimal digits.
    pub id: String,
    /// Name of the computer.
    pub name: String,
    /// Since when it counts.
    pub created_at: String,
    /// Since when it no longer counts.
    pub revoked_at: Option<String>,
    /// Whether it is the one of this computer.
    pub here: bool,
}

/// A second factor being set up: shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TotpSecretView {
    /// The secret in base32, to type.
    pub secret: String,
    /// The same as `otpauth://totp/…`.
    pub uri: String,
    /// The same as a QR code, to scan.
    pub qr: QrView,
}

/// A QR code to draw: dark squares on light ground, with four squares of light ground around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QrView {
    /// Squares on a side.
    pub size: u32,
    /// The dark squares as the path of an SVG, one unit a square.
    pub path: String,
}

/// An invitation that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OpenInvitationView {
    /// Id, for taking it back.
    pub id: String,
    /// Role it grants.
    pub role: String,
    /// The address it is bound to.
    pub email: Option<String>,
    /// Who invited.
    pub inviter: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
}

/// The switches of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PoliciesView {
    /// Listeners may fetch originals.
    pub listeners_fetch_originals: bool,
    /// Listeners may comment.
    pub listeners_comment: bool,
    /// Members may make sharing links.
    pub members_share: bool,
    /// A version of somebody who does not approve is put up for review by itself.
    pub review_new_versions: bool,
    /// A sole approver may approve their own proposals.
    pub self_approval: bool,
}

/// How the system's keyring stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KeyringState {
    /// It keeps what it is given.
    Usable,
    /// It is there, but asks to be unlocked.
    Locked,
    /// There is none.
    None,
}

/// Where sessions are kept on this computer, and what there is to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CredentialsView {
    /// Where they are kept now.
    pub place: super::CredentialPlace,
    /// The system's keyring.
    pub keyring: KeyringState,
    /// There is a file of sessions that waits for its passphrase.
    pub file_locked: bool,
}

/// An account as site admins see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SiteAccountView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// When it was made.
    pub created_at: String,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether it administers the server.
    pub site_admin: bool,
    /// Whether it has a second factor.
    pub second_factor: bool,
    /// When it was last used, if it has a session.
    pub last_used_at: Option<String>,
}

/// A code for a new password: shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ResetCodeView {
    /// The code to hand over.
    pub code: String,
    /// When it ends.
    pub expires_at: String,
}
