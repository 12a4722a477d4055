//! The local library: SQLite store, watched folders, capture, sync; no window and no sound card.
//!
//! [`Library`] is the one handle the app and the companion use. Read models stand in [`view`], errors in [`error`].
#![forbid(unsafe_code)]

mod approval;
pub mod capture;
pub mod catalogue;
pub mod clock;
mod comments;
pub mod content_store;
pub mod credentials;
pub mod error;
mod export;
pub mod faults;
pub mod grouping;
pub mod hand_out;
pub mod paths;
pub mod retention;
pub mod store;
pub mod sync;
pub mod view;
pub mod watch;
pub mod write_out;

mod account;
mod chance;
mod connection;
mod device;
mod device_keys;
mod heard;
mod library;
mod members;
mod organise;
mod previews;
mod projects;
mod record;
mod server;
mod site;
mod sound;
mod tables;
mod take_over;
mod trash;
mod versions;
mod views;

#[cfg(any(test, feature = "testing"))]
pub use chance::seed_random;
pub use credentials::CredentialChoice;
pub use library::{Library, LibraryOptions};
pub use server::normal_address;
pub use sound::Playable;
pub use versions::{Identified, IdentifiedVersion};

/// The platform's folder for the library; none where the platform names none.
#[must_use]
pub fn default_dir() -> Option<std::path::PathBuf> {
    directories::ProjectDirs::from("", "", "CollabTrack").map(|folders| folders.data_local_dir().join("library"))
}
