//! Rules of CollabTrack without input or output.
//!
//! Ids, roles, the catalogue, change sets and the audit chain are plain values and pure functions here, so that the desktop and the
//! backend decide with the same code. Nothing in this crate reads a clock, a file, the network or a random source: such things come in
//! as arguments.
#![forbid(unsafe_code)]

pub mod audit;
pub mod canonical;
pub mod catalogue;
pub mod change_set;
pub mod device_key;
pub mod hash;
pub mod id;
pub mod kind;
pub mod recipe;
pub mod role;
