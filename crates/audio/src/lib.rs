//! Reading, measuring, playing and comparing sound.
//!
//! The crate takes bytes, paths and settings and returns values that callers store. It never talks to a database, a
//! network or a window, and it never changes the files it reads. A *frame* is one sample per channel; full scale is ±1.0.
#![deny(unsafe_code)]

pub mod analysis;
pub mod cancel;
pub mod container;
pub mod decode;

pub mod downmix;
pub mod engine;
pub mod error;
mod guard;
pub mod limits;
pub mod listening;
pub mod preview;
pub mod resample;
pub mod wav;
