//! For tests of this crate and of the server: a server in memory, faults on demand, and the suite that every `Remote` passes.

pub mod conformance;
pub mod faulty;
pub mod memory;
