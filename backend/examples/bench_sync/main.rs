//! Syncing against its peers: bytes and time per kind of change, what a death costs, and the time until a bounce is heard elsewhere, as
//! Markdown. `./dev bench sync` runs it; `./dev bench sync --help` tells how to bound it.
//!
//! Real libraries, a real server with its own Postgres and S3 store, and between them a network that counts every byte both ways and is
//! as slow as one at home where that matters. Every version is fetched by a second computer and compared, and so is what every peer
//! brought; a figure whose bytes do not come back ends the run.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the tables are its output; how far it is goes to the other")]

mod cases;
mod killed;
mod ledger;
mod listening;
mod music;
mod network;
mod ours;
mod peers;
mod relay;
mod shell;
mod studio;
mod tables;
mod used;

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Parser;

use crate::cases::{Case, Cost, cases};
use crate::music::{Form, Source};
use crate::network::{Network, Speed};
use crate::peers::{Change, NAMES, Sent};
use crate::tables::Row;

/// Syncing against its peers over a home link, as Markdown.
#[derive(Parser)]
#[command(name = "bench_sync")]
struct Options {
    /// Length of the songs. Below 30 it is a trial run: short altogether, of no meaning.
    #[arg(long, default_value_t = 180.0)]
    seconds: f64,
    /// Runs of ours over the home link, and of P0.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Runs of each peer over the home link.
    #[arg(long, default_value_t = 5)]
    peer_runs: usize,
    /// Fresh repositories that restic's bytes are the median of: it cuts by a random polynomial.
    #[arg(long, default_value_t = 9)]
    restic_runs: usize,
    /// Cases to run: P0 to P6 and P9 to P11 (P8 is a column of P2). All when none is named.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Forms: 16/44.1, 24/48, 32-float/48.
    #[arg(long, value_delimiter = ',', default_values_t = Form::ALL.map(|form| form.name().to_owned()))]
    forms: Vec<String>,
    /// Forms of which the time over the home link is taken too.
    #[arg(long, value_delimiter = ',', default_values_t = [Form::Int24.name().to_owned()])]
    timed: Vec<String>,
    /// Peers by the name of their program; all that are installed when none is named.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Tell of every run of ours which request cost which bytes.
    #[arg(long)]
    ledger: bool,
    /// Real music, in any form ffmpeg reads, beside the songs from a seed: bytes only.
    #[arg(long)]
    music: Vec<PathBuf>,
}

impl Options {
    fn wants(&self, code: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|wanted| wanted == code)
    }

    fn wants_peer(&self, name: &str) -> bool {
        (self.peers.is_empty() || self.peers.iter().any(|wanted| wanted == peers::program(name))) && peers::is_installed(name)
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [first, folder] if first == studio::SYNC => return runtime()?.block_on(studio::sync_alone(folder.as_ref())),
        [first, address, door] if first == network::FAR_END => return runtime()?.block_on(network::far_end(address, door.as_ref())),
        [first, address, command @ ..] if first == shell::CLIENT => return shell::client(address, command),
        _ => {}
    }
    let options = Options::parse();
    ensure!(options.seconds >= 10.0, "a song of which 5 s are cut out has at least 10 s");
    if let Some(code) = network::enter()? {
        std::process::exit(code);
    }
    runtime()?.block_on(bench(&options))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn bench(options: &Options) -> anyhow::Result<()> {
    let network = Network::make()?;
    let scratch = tempfile::tempdir()?;
    let scratch = scratch.path();
    // A trial run with short songs is short altogether.
    let (megabytes, listened) = if options.seconds < 30.0 { (40, options.seconds) } else { (500, 240.0) };
    println!("## Syncing\n");
    println!(
        "Songs of {} s made from a seed, and real pieces where one is named. The floor is `flac -8` (floats: `wavpack -hx`) of what really\nchanged. *Ours* and the floor are bytes of the original; *wire* is every byte of the author's\ncomputer both ways (requests, answers, their headers) but for what sends preview, tables and the coarse\nwaveform ahead of them, which have their own column; *fetched* is what the second computer then reads from the store but for those two. Of each peer every\nbyte both ways is counted: rsync, casync and borg through a remote shell without encryption, rclone, restic and git-lfs to an S3 store,\nsyncthing to a second node. Of restic, which cuts by a random polynomial, the median of {} fresh repositories.\nThe home link is {}: 10 Mbit/s up, 50 down, 40 ms.\n",
        options.seconds,
        options.restic_runs,
        network.told()
    );
    if options.wants("P0") {
        listening::time_to_listen(&network, scratch, listened, options.runs).await?;
    }
    let mut sources = vec![Source::Seed];
    sources.extend(options.music.iter().cloned().map(Source::Piece));
    let mut rows = Vec::new();
    for source in &sources {
        for form in Form::ALL.into_iter().filter(|form| options.forms.iter().any(|wanted| wanted == form.name())) {
            for case in cases(form, source, options.seconds)?.into_iter().filter(|case| options.wants(case.code)) {
                rows.push(one(options, &network, scratch, source, form, case).await?);
            }
        }
    }
    if !rows.is_empty() {
        println!("### Bytes\n");
        tables::bytes(&rows);
        println!("### Seconds over the home link\n");
        println!(
            "Until everything is durable and complete, preview and tables of ours among it; median, and the least and the most of several runs.\n"
        );
        tables::times(&rows);
        tables::first_upload(&rows);
        println!("### Processor time and peak memory of the sending program\n");
        tables::machine(&rows);
    }
    if options.wants("P6") {
        killed::run(&network, scratch, megabytes).await?;
    }
    Ok(())
}

/// One case, ours and theirs.
async fn one(options: &Options, network: &Network, scratch: &Path, source: &Source, form: Form, case: Case) -> anyhow::Result<Row> {
    let is_timed = matches!(source, Source::Seed) && options.timed.iter().any(|wanted| wanted == form.name());
    let speed = if is_timed { Speed::Home } else { Speed::Free };
    let (before, after) = ("Night Drive.wav", if case.renamed { "Quite Another Name.wav" } else { "Night Drive.wav" });
    let change = Change { before: case.before.as_deref().map(|bytes| (before, bytes)), after: (after, &case.after) };
    eprintln!("{} {} {} {}", source.name(), case.code, case.name, form.name());

    let mut ours = Vec::new();
    for _ in 0..if is_timed { options.runs.max(1) } else { 1 } {
        ours.push(ours::measure(network, scratch, &change, speed, options.ledger).await?);
        eprintln!("  ours: {:?}", ours.last());
    }
    let (mut peers, mut all) = (Vec::new(), Vec::new());
    for name in NAMES {
        if !options.wants_peer(name) {
            peers.push((name, None));
            all.push(Vec::new());
            continue;
        }
        let mut runs = Vec::new();
        for _ in 0..if is_timed { options.peer_runs.max(1) } else { 1 } {
            runs.push(peers::measure(name, network, scratch, &change, speed).await?);
        }
        let mut bytes: Vec<u64> = runs.iter().map(|run| run.bytes).collect();
        while name == "restic" && bytes.len() < options.restic_runs {
            bytes.push(peers::measure(name, network, scratch, &change, Speed::Free).await?.bytes);
        }
        bytes.sort_unstable();
        eprintln!("  {name}: {} bytes, {:.1} s", bytes[bytes.len() / 2], runs[0].used.seconds);
        peers.push((name, Some(Sent { bytes: bytes[bytes.len() / 2], used: runs[0].used })));
        all.push(runs);
    }
    let floor = match &case.changed {
        Some((form, file)) => Some(peers::floor(scratch, *form, file).await?),
        None => None,
    };
    let cost = Cost { ours: ours[0], floor, peers };
    Ok(Row { source: source.name(), form, case, cost, times: is_timed.then_some((ours, all)) })
}

/// A number with its thousands apart.
fn thousands(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(" ")
}
