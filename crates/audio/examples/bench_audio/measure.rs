//! Programs timed against each other: in turn, each pinned to one core or free, without what starting takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A program that is timed: ours or a rival's, as arguments with the file in place of `FILE`; `SELF` is this program.
pub(crate) type Program = &'static [&'static str];

/// How a program is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// Pinned to one core, the file in the page cache.
    OneCore,
    /// On all cores, the file in the page cache.
    AllCores,
    /// Pinned to one core, the file dropped from the page cache first.
    Cold,
}

/// A line of the table: what we do, and the programs that together do the same.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) rival: &'static str,
    pub(crate) ours: Program,
    pub(crate) theirs: &'static [Program],
}

/// Ours ÷ theirs.
pub(crate) struct Outcome {
    pub(crate) ratio: f64,
    pub(crate) interval: (f64, f64),
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
}

/// Times every program of `tasks` on `file`, `runs` rounds of each once; programs that several tasks name are timed once a round.
/// What each takes for `tiny` is subtracted.
pub(crate) fn compare(tasks: &[Task], file: &Path, tiny: &Path, runs: usize, how: Run) -> Vec<Outcome> {
    let mut programs: Vec<Program> = Vec::new();
    for program in tasks.iter().flat_map(|task| std::iter::once(&task.ours).chain(task.theirs)) {
        if !programs.contains(program) {
            programs.push(program);
        }
    }
    let starts: Vec<f64> = programs
        .iter()
        .map(|program| {
            // Warm: everybody has read the file once before anything counts.
            time(program, file, Run::OneCore);
            median((0..5).map(|_| time(program, tiny, Run::OneCore)))
        })
        .collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::with_capacity(runs); programs.len()];
    for _ in 0..runs {
        for ((program, start), times) in programs.iter().zip(&starts).zip(&mut times) {
            times.push((time(program, file, how) - start).max(1e-4));
        }
    }
    let of = |program: &Program| programs.iter().position(|other| other == program).map(|at| &times[at]);
    let outcome = |task: &Task| {
        let ours = of(&task.ours)?;
        let theirs: Option<Vec<f64>> =
            (0..runs).map(|run| task.theirs.iter().map(|program| of(program).map(|times| times[run])).sum()).collect();
        let theirs = theirs?;
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        Some(Outcome {
            ratio: median(ratios.iter().copied()),
            interval: bootstrap(&ratios),
            ours: median(ours.iter().copied()),
            theirs: median(theirs.iter().copied()),
        })
    };
    tasks.iter().filter_map(outcome).collect()
}

/// Seconds a program takes.
fn time(program: Program, file: &Path, how: Run) -> f64 {
    if how == Run::Cold {
        forget(file);
    }
    let me = std::env::current_exe().expect("the program knows itself");
    let mut command = if how == Run::AllCores { Command::new("env") } else { Command::new("taskset") };
    if how != Run::AllCores {
        command.args(["-c", "0"]);
    }
    for part in program {
        match *part {
            "FILE" => command.arg(file),
            "SELF" => command.arg(&me),
            "THREADS" => command.arg(if how == Run::AllCores { "0" } else { "1" }),
            other => command.arg(other),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let seconds = start.elapsed().as_secs_f64();
    assert!(status.is_ok_and(|status| status.success()), "{program:?} {}", file.display());
    seconds
}

/// Drops a file from the page cache (`dd` tells the system so, by `posix_fadvise`).
fn forget(file: &Path) {
    let status = Command::new("dd")
        .arg(format!("of={}", file.display()))
        .args(["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"])
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the file is dropped from the page cache");
}

/// The middle value.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The 95 % interval of the median.
fn bootstrap(values: &[f64]) -> (f64, f64) {
    let mut seed = 7_u64;
    let mut medians: Vec<f64> = (0..1_000)
        .map(|_| {
            median((0..values.len()).map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                values[(seed >> 33) as usize % values.len()]
            }))
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[25], medians[974])
}
