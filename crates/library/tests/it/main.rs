//! The library on real folders and a real SQLite file.

mod bindings;
mod capture;
mod held;
mod keeping;
mod remote;
mod rules;
mod studio;
mod sync;
