//! Programs that compare two tables, each in a process of its own: its time from start to end, and its peak of memory.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

/// A peer that takes longer is ended; its figure is this one then.
pub(crate) const LONGEST: Duration = Duration::from_secs(180);

/// A peer; without figures where it is not installed.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Time, and peak of resident memory in KiB.
    pub(crate) measured: Option<(Duration, u64)>,
}

/// Every peer on `exported.csv` and `edited.csv` of `folder`. `COLLABTRACK_BENCH_DAFF` and `COLLABTRACK_BENCH_CSV_DIFF` name the programs that
/// no distribution has.
pub(crate) fn all(folder: &Path) -> anyhow::Result<Vec<Peer>> {
    let from_environment = |name: &str| std::env::var(name).ok().filter(|path| !path.is_empty());
    let query = "create table a as select * from csv_a; select count(*) from (select * from csv_b except select * from csv_a);";
    std::fs::write(folder.join("query.sql"), format!(".import --csv exported.csv csv_a\n.import --csv edited.csv csv_b\n{query}\n"))?;
    let mut peers = Vec::new();
    for (name, program, arguments) in [
        ("csv-diff (the engine of `qsv diff`)", from_environment("COLLABTRACK_BENCH_CSV_DIFF"), vec!["exported.csv", "edited.csv"]),
        (
            "daff",
            from_environment("COLLABTRACK_BENCH_DAFF"),
            vec!["diff", "--id", "_id", "--context", "0", "--output", "daff.csv", "exported.csv", "edited.csv"],
        ),
        ("sqlite3, `except` over both tables", Some("sqlite3".to_owned()), vec![":memory:", ".read query.sql"]),
    ] {
        let measured = match program {
            Some(program) if is_there(&program) => Some(run(&program, &arguments, folder)?),
            _ => None,
        };
        peers.push(Peer { name, measured });
    }
    Ok(peers)
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> anyhow::Result<(Duration, u64)> {
    let start = Instant::now();
    let mut child = Command::new(program).args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    let mut peak = 0;
    let status = loop {
        // The peak of a process only grows, so the last look before it ends counts.
        peak = peak.max(peak_kib(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill()?;
            child.wait()?;
            return Ok((LONGEST, peak));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = start.elapsed();
    ensure!(status.success() || status.code() == Some(1), "{program} {arguments:?} failed: {status}");
    Ok((took, peak))
}

fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
