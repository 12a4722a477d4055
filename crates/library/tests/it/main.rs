//! The library on real folders and a real SQLite file.

mod bindings;
mod capture;
mod disk;
mod held;
mod hostile;
mod index;
mod keeping;
mod network;
mod promises;
mod remote;
mod rules;
mod simulation;
mod studio;
mod sync;
mod trash;
mod wire;
