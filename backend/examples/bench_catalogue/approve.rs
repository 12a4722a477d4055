//! Approving large proposals on a real server with a real Postgres, from the request to the answer; the catalogue is looked at afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_library::catalogue::{CellEdit, SheetEdits};
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;

const PASSWORD: &str = "correct horse battery staple";

struct Bench {
    library: Library,
    project: ProjectId,
}

impl Bench {
    /// Approves what was proposed; the time of the request alone.
    async fn approve(&self, id: &str) -> anyhow::Result<Duration> {
        let id = ChangeSetId::parse(id)?;
        let shown = self.library.proposal(&id).await?;
        let effect = shown.effect_digest.with_context(|| format!("it cannot be approved: {:?}", shown.problems.first()))?;
        let start = Instant::now();
        self.library.approve(&id, &shown.revision_digest, &shown.expected_head, &effect).await?;
        Ok(start.elapsed())
    }

    /// Adds tracks.
    async fn add(&self, from: usize, count: usize) -> anyhow::Result<Duration> {
        let key = |number: usize| format!("new {number}");
        let cell = |number: usize, field: &str, to: String| CellEdit { row: key(number), field: field.into(), to };
        let cells = (from..from + count).flat_map(|number| {
            [
                cell(number, "title", format!("Song {number}")),
                cell(number, "isrc", format!("USS1Z{number:07}")),
                cell(number, "main_artist", "Ada Osei".into()),
                cell(number, "bpm", format!("{}.50", 60 + number % 120)),
            ]
        });
        let edits = SheetEdits { cells: cells.collect(), added: (from..from + count).map(key).collect(), deleted: Vec::new() };
        let proposal = self.library.propose_cells(&self.project, "tracks", "Back catalogue", "", edits).await?;
        self.approve(&proposal.id).await
    }

    /// Gives one cell of `count` rows another value.
    async fn edit(&self, count: usize, label: &str) -> anyhow::Result<Duration> {
        let rows = self.library.catalogue(&self.project, "tracks").await?.rows;
        let edit = |row: &str| CellEdit { row: row.to_owned(), field: "label".into(), to: label.to_owned() };
        let edits: Vec<CellEdit> = rows.iter().take(count).map(|row| edit(&row.id)).collect();
        ensure!(edits.len() == count, "{count} rows are there");
        let proposal = self.library.propose_cells(&self.project, "tracks", label, "", edits).await?;
        let took = self.approve(&proposal.id).await?;
        let after = self.library.catalogue(&self.project, "tracks").await?;
        let changed = after.rows.iter().filter(|row| row.cells.get("label").is_some_and(|value| value == label)).count();
        ensure!(changed == count, "{changed} of {count} cells changed");
        Ok(took)
    }
}

/// Prints the table.
pub(crate) async fn measure(scratch: &Path, rows: usize) -> anyhow::Result<()> {
    let settings = Environment::new(std::collections::BTreeMap::new())?.service(Registration::Open)?;
    let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 8, ..settings };
    let studio = embedded::start(&scratch.join("studio"), service).await?;
    let mut options = LibraryOptions::new(scratch.join("library"));
    options.credentials = CredentialChoice::Memory;
    let library = Library::open(options).await?;
    library.register(&studio.url, "Jon", "jon@example.org", PASSWORD.to_owned().into(), None).await?;
    let project = ProjectId::parse(&library.create_project("Back catalogue").await?.id)?;
    library.put_on_server(&project).await?;
    let bench = Bench { library, project };

    println!("Approving on Postgres with its usual durability, from the request to the answer; the catalogue is checked afterwards.\n");
    println!("| proposal | catalogue | time | limit |");
    println!("|---|---:|---:|---:|");
    let seconds = |took: Duration| format!("{:.2} s", took.as_secs_f64());
    let first = bench.add(0, 10_000.min(rows)).await?;
    println!("| 10,000 new rows | empty | {} | 2 s |", seconds(first));
    let mut there = 10_000.min(rows);
    while there < rows {
        let count = 10_000.min(rows - there);
        bench.add(there, count).await?;
        there += count;
    }
    println!("| 10,000 cells of 10,000 rows | {rows} rows | {} | 2 s |", seconds(bench.edit(10_000.min(rows), "Moon Records").await?));
    let mut times = Vec::new();
    for round in 0..20 {
        times.push(bench.edit(1_000.min(rows), &format!("Label {round}")).await?);
    }
    times.sort();
    println!("| 1,000 cells of 1,000 rows, p95 of 20 | {rows} rows | {} | 0.5 s |", seconds(times[18]));
    println!("| the same, median | {rows} rows | {} | |", seconds(times[10]));
    println!();
    bench.library.shutdown().await;
    studio.stop().await;
    Ok(())
}
