//! The hosted service of CollabTrack: accounts, projects, uploads, versions, the change feed, the catalogue and its approval.
//!
//! `http/<noun>` takes requests apart and answers; `<noun>` holds the rules and the SQL; [`blobs`] talks to the S3 store; [`embedded`]
//! brings a private Postgres and a private store for studios without an operator. The service is stateless between requests, and file
//! bytes never pass through it.
#![forbid(unsafe_code)]

pub mod access;
pub mod accounts;
pub mod app;
pub mod audit;
pub mod blobs;
pub mod catalogue;
pub mod change_sets;
pub mod client;
pub mod collect;
pub mod comments;
pub mod config;
pub mod db;
#[cfg(unix)]
pub mod embedded;
pub mod error;
pub mod export;
pub mod feed;
pub mod hints;
pub mod http;
pub mod invitations;
pub mod limits;
pub mod logging;
pub mod mail;
pub mod materialise;
pub mod members;
pub mod problem;
pub mod projects;
pub mod random;
pub mod recovery;
pub mod repack;
pub mod serve;
pub mod sessions;
pub mod sidecars;
pub mod site;
pub mod tidy;
pub mod uploads;
pub mod versions;
