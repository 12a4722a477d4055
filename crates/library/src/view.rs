//! Read models: what the screens and the companion show, and nothing they would have to compute.
//!
//! Ids cross as text, times as RFC 3339 in UTC, paths only as text to show. The TypeScript twins of these types stand in
//! `ui/src/lib/ipc/generated` and are compared with these by a test.

pub mod accounts;
pub mod activity;
pub mod capture;
pub mod catalogue;
pub mod columns;
pub mod connection;
pub mod imports;
pub mod player;
pub mod projects;
pub mod review;
pub mod trash;
pub mod versions;

pub use activity::*;
pub use capture::*;
pub use catalogue::*;
pub use connection::*;
pub use player::*;
pub use projects::*;
pub use review::*;
pub use versions::*;
