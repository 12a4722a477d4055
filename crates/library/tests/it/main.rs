//! The library on real folders and a real SQLite file.

mod bindings;
