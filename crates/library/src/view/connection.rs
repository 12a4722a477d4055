//! Read models of the connection to a server, what syncing does, and its limits.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Connection to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// No server was ever named.
    None,
    /// A server is known, nobody is signed in.
    SignedOut,
    /// Signed in, and the server answered the last call.
    Connected,
    /// Signed in; the server does not answer.
    Offline,
    /// Something only the user can mend, such as an ended session.
    NeedsYou,
}

/// Where the session token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CredentialPlace {
    /// In the system's keyring.
    Keyring,
    /// In memory only: asked again at each start.
    Memory,
    /// In a file sealed with a passphrase, where the user chose so.
    File,
}

/// The server this computer works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ConnectionView {
    /// State.
    pub state: ConnectionState,
    /// Address of the server, if one is known.
    pub server: Option<String>,
    /// Name of the signed-in account.
    pub account_name: Option<String>,
    /// Id of the signed-in account.
    pub account_id: Option<String>,
    /// Where the session is kept.
    pub credential: Option<CredentialPlace>,
    /// What is wrong and what to do, when something is.
    pub message: Option<String>,
    /// Since when the server does not answer.
    pub offline_since: Option<String>,
}

/// What the syncing is doing as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SyncView {
    /// Versions not confirmed by the server yet.
    #[ts(type = "number")]
    pub waiting: i64,
    /// Versions whose preview or original is still to be fetched.
    #[ts(type = "number")]
    pub fetching: i64,
    /// Paused by the user.
    pub paused: bool,
    /// One sentence, such as "Everything is safe on the server".
    pub sentence: String,
}

/// The top of every screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StatusView {
    /// Version of the program.
    pub app_version: String,
    /// The server.
    pub connection: ConnectionView,
    /// The syncing.
    pub sync: SyncView,
    /// Change sets waiting for a decision of this account.
    #[ts(type = "number")]
    pub inbox: i64,
    /// Rises with every change of the library.
    #[ts(type = "number")]
    pub revision: i64,
    /// Address of a server offered by the program that started the app, such as the studio of `./dev run`.
    pub suggested_server: Option<String>,
}

/// What a server says of itself before anybody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ServerView {
    /// Its address in the form it will be kept.
    pub address: String,
    /// `invite`, `open` or `closed`.
    pub registration: String,
    /// Version of its program.
    pub version: String,
    /// Whether it sends mail: codes for a new account and a new password.
    pub mail: bool,
}

/// Most bytes per second that syncing uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LimitsView {
    /// Sending; no limit without it.
    #[ts(type = "number | null")]
    pub up_bytes_per_s: Option<u64>,
    /// Fetching; no limit without it.
    #[ts(type = "number | null")]
    pub down_bytes_per_s: Option<u64>,
}
