//! The catalogue against its peers: a CSV of 50,000 rows and 40 columns read, merged and compared, and proposals of 10,000 changes approved
//! on Postgres, as Markdown tables. `./dev bench catalogue [ROWS] [COLUMNS]` runs it.
//!
//! Every result is checked: a figure for a wrong answer ends the run.
#![expect(clippy::print_stdout, reason = "the tables are its output")]

mod approve;
mod own;
mod peers;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Argument under which the program measures itself in a process of its own.
const MEASURE: &str = "--measure";

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == MEASURE).is_some() {
        let rest: Vec<String> = arguments.collect();
        let [rows, columns, folder] = rest.as_slice() else { anyhow::bail!("rows, columns and a folder are needed") };
        println!("{}", serde_json::to_string(&own::measure(rows.parse()?, columns.parse()?, Path::new(folder))?)?);
        return Ok(());
    }
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |text| text.parse()).context("a number");
    let (rows, columns) = (number(50_000)?, number(40)?);
    let scratch = tempfile::tempdir()?;
    println!("## Catalogue\n");
    csv(rows, columns, scratch.path())?;
    tokio::runtime::Runtime::new()?.block_on(approve::measure(scratch.path(), rows))
}

fn csv(rows: usize, columns: usize, folder: &Path) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let arguments =
        [own.to_string_lossy().into_owned(), MEASURE.into(), rows.to_string(), columns.to_string(), folder.display().to_string()];
    // One core, as a busy studio computer has one to spare.
    let mut command = if Command::new("taskset").arg("--version").output().is_ok() {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]);
        command.args(&arguments);
        command
    } else {
        let mut command = Command::new(&own);
        command.args(&arguments[1..]);
        command
    };
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ours: own::Measured = serde_json::from_slice(&output.stdout)?;
    let total = ours.import_ms + ours.merge_ms;
    println!(
        "A CSV of {rows} rows × {columns} columns ({:.1} MB), {} cells edited, on one core. Ours is read against the catalogue in memory: every\ncell is told apart from what a spreadsheet does by itself, parsed by its type, merged three ways, and the result judged by every rule.\nThe others compare the exported with the edited file, cell by cell or line by line, told apart by `_id`; types and merges they do not know.\n",
        ours.file_bytes as f64 / 1e6,
        ours.operations
    );
    println!("| program | time | peak memory | time ÷ ours |");
    println!("|---|---:|---:|---:|");
    println!("| CollabTrack: read, merge, judge | {:.2} s | {} MB | 1.0 |", total as f64 / 1e3, ours.peak_kib / 1024);
    for peer in peers::all(folder)? {
        match peer.measured {
            Some((took, peak_kib)) => println!(
                "| {} | {}{:.2} s | {} MB | {:.1} |",
                peer.name,
                if took == peers::LONGEST { "ended after " } else { "" },
                took.as_secs_f64(),
                peak_kib / 1024,
                took.as_secs_f64() * 1e3 / total as f64
            ),
            None => println!("| {} | not installed | | |", peer.name),
        }
    }
    println!(
        "\nOf ours: reading and merging {:.2} s, judging {:.2} s; writing the file takes {:.2} s. Limits: 3 s and 300 MB: {}.\n",
        ours.import_ms as f64 / 1e3,
        ours.merge_ms as f64 / 1e3,
        ours.export_ms as f64 / 1e3,
        if total < 3_000 && ours.peak_kib < 300 * 1024 { "kept" } else { "**not kept**" }
    );
    Ok(())
}
