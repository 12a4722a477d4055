//! The server as its clients meet it: real requests against real Postgres and a real S3 server, in one process on port 0.

mod approval;
mod approval_parts;
mod audit;
mod auth;
mod authorisation;
mod catalogue;
mod collection;
mod comments;
mod config;
mod edits;
mod embedded;
mod feed;
mod openapi;
mod projects;
mod rebuild;
mod storage;
mod store_faults;
mod support;
mod sync_approval;
mod sync_catalogue;
mod sync_computers;
mod sync_export;
mod sync_tables;
mod sync_two_desktops;
mod uploads;
mod versions;
