//! Registration, sign-in, sessions, second factors, and the account itself.

use collabtrack_domain::id::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::projects::Project;

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
    /// A setup code, `ctu_…`: makes the account named by the server's settings the first site admin.
    #[serde(default)]
    pub setup_code: Option<String>,
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
    /// Code of the second factor or a recovery code, after `second_factor_needed`.
    #[serde(default)]
    pub code: Option<String>,
    /// The token of a known device, `ctd_…`: its holder is not slowed down by what strangers try.
    #[serde(default)]
    pub device_token: Option<String>,
    /// What the person calls this device.
    #[serde(default)]
    pub device_name: String,
}

/// Answer to registering: signed in, or a code on its way by mail where the server sends mail.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Registered {
    /// The account is there and signed in.
    SignedIn(Box<SignedIn>),
    /// A mail tells how it goes on; the answer is the same for every address.
    Mailed(Mailed),
}

/// A mail is on its way, if there is anything to write to that address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mailed {
    /// Always true.
    pub mailed: bool,
}

/// `POST /auth/confirm`: makes the account that was asked for, with the code that was mailed to its address.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmRegistration {
    /// The code, `ctv_…`; letter case, spaces and hyphens do not matter.
    pub code: String,
    /// The password given when registering: whoever reads the mail alone gets no account that somebody else asked for.
    pub password: String,
    /// What the person calls this device.
    #[serde(default)]
    pub device_name: String,
}

/// `POST /account/address`: another e-mail address, or the same one to confirm it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangeAddress {
    /// E-mail address.
    pub email: String,
}

/// Answer to changing the address: changed, or a code on its way to the new one where the server sends mail.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AddressChanged {
    /// The account with its new address.
    Changed(Box<Account>),
    /// A mail to the new address tells how it goes on.
    Mailed(Mailed),
}

/// `POST /account/address/confirm`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmAddress {
    /// The code, `ctv_…`, mailed to the new address.
    pub code: String,
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
    /// Whether a code mailed to the address came back. Without mail no address is confirmed, and nothing depends on it.
    #[serde(default)]
    pub email_confirmed: bool,
    /// Whether it administers this server.
    #[serde(default)]
    pub site_admin: bool,
    /// Whether a second factor is set up.
    #[serde(default)]
    pub second_factor: bool,
    /// Recovery codes left.
    #[serde(default)]
    pub recovery_codes_left: i64,
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
    /// Token of this device, `ctd_…`, to send with later sign-ins; it survives signing out. Missing where the device was known already.
    #[serde(default)]
    pub device_token: Option<String>,
}

/// A new token for the same session. It counts from its first use; until then, and for a minute beyond, the old one does too.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Renewed {
    /// Session token, `cts_…`.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: String,
}

/// `POST /auth/step-up`: the password again, for what a stolen session must not do. Holds for ten minutes.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct StepUp {
    /// Password.
    pub password: String,
    /// Code of the second factor or a recovery code, where one is set up.
    #[serde(default)]
    pub code: Option<String>,
}

/// `POST /auth/password`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The password so far.
    pub current: String,
    /// The new one.
    pub new: String,
    /// Code of the second factor or a recovery code, where one is set up.
    #[serde(default)]
    pub code: Option<String>,
}

/// `POST /auth/reset/request`: mails a reset code where the server sends mail. The answer is the same for every address.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RequestReset {
    /// E-mail address.
    pub email: String,
}

/// `POST /auth/reset`: sets a new password; all sessions end, nobody is signed in by it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Reset {
    /// The code, `ctr_…`; letter case, spaces and hyphens do not matter.
    pub code: String,
    /// The new password.
    pub new: String,
}

/// `POST /auth/setup`: makes the signed-in account the first site admin.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    /// The code, `ctu_…`.
    pub code: String,
}

/// `POST /auth/totp`: a secret that counts once a code of it was confirmed; shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpSecret {
    /// The secret in base32, to type.
    pub secret: String,
    /// The same as `otpauth://totp/…`, to scan.
    pub uri: String,
}

/// `POST /auth/totp/confirm`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmTotp {
    /// A code of the new secret.
    pub code: String,
}

/// Recovery codes, each good for one sign-in; shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}

/// A session of one's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionInfo {
    /// Id, for ending it: 32 hexadecimal digits.
    pub id: String,
    /// What the person called the device.
    pub device_name: String,
    /// When it began.
    pub created_at: String,
    /// When it was last used, to within ten minutes.
    pub last_used_at: String,
    /// When it ends at the latest.
    pub expires_at: String,
    /// Whether it is the asking one.
    pub current: bool,
}

/// A device that signs in without being slowed down by what strangers try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceInfo {
    /// Id, for forgetting it: 32 hexadecimal digits.
    pub id: String,
    /// What the person called it.
    pub name: String,
    /// Since when it is known.
    pub created_at: String,
    /// When it last signed in.
    pub last_used_at: String,
    /// Until when it is known.
    pub expires_at: String,
}

/// A key that a computer of the account signs with: its public half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceKeyInfo {
    /// Its fingerprint, for comparing and for revoking it: 32 hexadecimal digits.
    pub id: String,
    /// What the person called the computer.
    pub name: String,
    /// The Ed25519 public key: 64 hexadecimal digits.
    pub public_key: String,
    /// Since when it counts.
    pub created_at: String,
    /// Since when it no longer counts.
    pub revoked_at: Option<String>,
}

/// `POST /device-keys`: a key made on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddDeviceKey {
    /// What the person calls the computer.
    pub name: String,
    /// The Ed25519 public key: 64 hexadecimal digits.
    pub public_key: String,
    /// The secret half's signature of `collabtrack/device-key/1`, the account's id and the public key, each with a line feed behind it:
    /// 128 hexadecimal digits.
    pub signature: String,
}

/// `POST /devices/generation`: how often a library was started on its device, told once per start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceGeneration {
    /// Id of the library's device, chosen by it; at most 64 bytes.
    pub device: String,
    /// How often it was started, from 1.
    pub generation: i64,
    /// Random for this start; at most 64 bytes.
    pub run: String,
}

/// Answer to `POST /devices/generation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GenerationKnown {
    /// Whether the library goes on from what the server last heard of it. If not, it is an older image: it takes a new id, looks at
    /// everything again, and deletes nothing.
    pub current: bool,
    /// What `GET /projects` would answer now: a library that was started asks for both.
    pub projects: Vec<Project>,
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
    /// `off`, `offered` or `required`: second factors.
    #[serde(default)]
    pub second_factor: String,
    /// Whether reset codes can be mailed; else a site admin makes them.
    #[serde(default)]
    pub mail: bool,
}
