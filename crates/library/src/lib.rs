//! The local library: SQLite store, watched folders, capture, sync; no window and no sound card.
#![forbid(unsafe_code)]

pub mod view;
