//! How the files of a version are stored: hashing, content ids, plain recipes, rebuilding.
//!
//! Nothing here talks to a network or a database, and nothing reads a clock.
#![forbid(unsafe_code)]

pub mod codec;
pub mod cut;
pub mod hashing;
pub mod layout;
pub mod pack;
pub mod plain;
pub mod rebuild;
pub mod runs;
pub mod source;
pub mod tables;
