//! The audit log: entries as exact bytes, their chain, the Merkle tree over them, and checkpoints of that tree.
//!
//! Everything is verified from bytes as they were received; nothing is ever serialised again to be checked.

pub mod chain;
pub mod checkpoint;
pub mod entry;
pub mod export;
pub mod merkle;
#[cfg(test)]
mod samples;
