//! The typed contract of the HTTP API `/api/v1`: shapes, error codes and limits, no logic.
//!
//! Types only grow: readers ignore unknown fields, and unknown words become `Unknown`. All times are RFC 3339 in UTC and come from the
//! server's clock; lengths are bytes; hashes are SHA-256 in lower-case hexadecimal.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod approval;
pub mod catalogue;
pub mod changes;
pub mod comments;
pub mod limits;
pub mod problem;
pub mod projects;
pub mod recipes;
pub mod site;
pub mod uploads;
pub mod versions;
