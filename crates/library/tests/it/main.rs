//! The library on real folders and a real SQLite file.

mod bindings;
mod capture;
mod remote;
mod studio;
mod sync;
