//! The embedded S3 store: one bucket of immutable objects on the local disk, served over loopback to this server and its clients.
//!
//! It keeps the promises CollabTrack asks of any store: a body is checked for length and SHA-256 before it becomes an object, an object
//! appears whole or not at all, and nothing is served without a valid signature. It never changes an object in place.

mod api;
mod disk;
mod multipart;
mod objects;
mod receive;
mod serve;

pub use disk::DiskStore;
pub use serve::{StoreKeys, StoreServer};

/// Name of the one bucket.
pub const BUCKET: &str = "collabtrack";
/// Region the store answers for.
pub const REGION: &str = "local";
