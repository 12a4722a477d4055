//! Watched folders: what is in them, what changed, and whether a file is finished.
//!
//! Events of the system are hints to look, never facts. A missing folder pauses; absence never deletes anything.

pub mod debounce;
pub mod ignore;
pub mod look;
pub mod marker;
pub mod network;
pub mod scan;
pub mod sets;
pub mod settle;
mod take;
pub mod worker;
pub mod writer;
