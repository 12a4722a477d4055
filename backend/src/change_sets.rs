//! Change sets: proposed, read, decided. Everything about what they mean is [`collabtrack_domain`]'s; here are who may, when, and the
//! one transaction in which an approval happens.

pub mod approve;
mod begin;
pub mod decide;
pub(crate) mod idempotency;
pub(crate) mod new_version;
pub mod propose;
pub mod resolve;
pub mod revert;
pub mod review;
pub(crate) mod rows;
pub mod split;
mod stale;
mod versions;
