//! `collabtrack-cli`: the headless companion, for studio machines, scripts and tests.
//!
//! It works on the same library as the desktop app and holds no rule of its own. Answers go to standard output, as words or with `--json`
//! as one JSON document; errors go to standard error in three parts, with exit code 1.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod output;
mod select;

use std::process::ExitCode;

use clap::Parser;
use collabtrack_library::credentials::CredentialChoice;
use collabtrack_library::{Library, LibraryOptions};

use arguments::{Arguments, Command};
use output::{Output, Trouble};

/// Decoding gives a piece of memory back for every packet: this allocator keeps it at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match run(arguments, &output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            output.trouble(&trouble);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, output: &Output) -> Result<(), Trouble> {
    if let Command::Analyse(analyse) = &arguments.command {
        return commands::sound::analyse(analyse, output);
    }
    let dir = match arguments.library.or_else(collabtrack_library::default_dir) {
        Some(dir) => dir,
        None => {
            return Err(Trouble::new(
                "this system names no folder for application data",
                "No library was opened.",
                "Name one with --library DIR.",
            ));
        }
    };
    let mut options = LibraryOptions::new(dir);
    if let Some(path) = arguments.token_file {
        options.credentials = CredentialChoice::File { path, passphrase: commands::account::passphrase()? };
    }
    let library = Library::open(options).await?;
    let result = commands::run(&library, arguments.command, output).await;
    library.shutdown().await;
    result
}
