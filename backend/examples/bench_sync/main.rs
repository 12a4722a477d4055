//! Syncing against its peers: bytes sent per kind of change, what a death costs, and the time until a bounce is heard elsewhere, as
//! Markdown. `./dev bench sync [SECONDS]` runs it; SECONDS is the length of the songs (default 60).
//!
//! Real libraries, a real server with its own Postgres and S3 store, and between them a link that counts every byte both ways, and delays
//! and limits where that matters: not every kernel has `netem`. Every version is fetched by a second computer and compared; a figure
//! whose bytes do not come back ends the run.
#![expect(clippy::print_stdout, reason = "the tables are its output")]

mod cases;
mod killed;
mod listening;
mod music;
mod peers;
mod relay;
mod studio;

use anyhow::{Context, ensure};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, folder] = arguments.as_slice()
        && first == killed::CHILD
    {
        return killed::child(folder.as_ref()).await;
    }
    let seconds: f64 = match arguments.first() {
        Some(seconds) => seconds.parse().context("a number of seconds")?,
        None => 60.0,
    };
    ensure!(seconds >= 10.0, "a song of which 5 s are cut out has at least 10 s");
    // A trial run with short songs is short altogether.
    let (megabytes, listened) = if seconds < 30.0 { (40, seconds) } else { (500, 240.0) };
    let scratch = tempfile::tempdir()?;
    println!("## Syncing\n");
    cases::bytes_sent(scratch.path(), seconds).await?;
    killed::run(scratch.path(), megabytes).await?;
    listening::time_to_listen(scratch.path(), listened).await?;
    listening::time_to_complete(scratch.path(), seconds).await
}

/// A number with its thousands apart.
fn thousands(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(" ")
}
