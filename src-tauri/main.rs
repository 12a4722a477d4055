//! The desktop program.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

/// Decoding gives a piece of memory back for every packet: this allocator keeps it at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    collabtrack::run()
}
