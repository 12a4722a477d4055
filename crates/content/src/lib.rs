//! How the files of a version are stored: hashing, content ids, plain recipes, rebuilding.
//!
//! Nothing here talks to a network or a database, and nothing reads a clock.
#![forbid(unsafe_code)]

pub mod hashing;
pub mod plain;
pub mod rebuild;
pub mod tables;
