//! The tables of the report.

use crate::cases::{Case, Cost};
use crate::music::Form;
use crate::network::UP;
use crate::ours::Ours;
use crate::peers::{NAMES, Sent};
use crate::thousands;
use crate::used::{Spread, Used};

const NONE: &str = "–";

/// Everything of one case in one form.
pub(crate) struct Row {
    pub(crate) source: String,
    pub(crate) form: Form,
    pub(crate) case: Case,
    pub(crate) cost: Cost,
    /// Runs at home, ours first and then each peer; none where time was not measured.
    pub(crate) times: Option<(Vec<Ours>, Vec<Vec<Sent>>)>,
}

fn ratio(ours: u64, of: Option<u64>) -> String {
    of.filter(|of| *of > 0).map_or_else(|| NONE.to_owned(), |of| format!("{:.3}", ours as f64 / of as f64))
}

fn held(held: Option<bool>) -> &'static str {
    match held {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => NONE,
    }
}

pub(crate) fn bytes(rows: &[Row]) {
    println!(
        "| music | case | form | ours | floor | ours ÷ floor | best peer | ours ÷ best | limit | held | {} | preview, tables | wire | fetched (P8) | held |",
        NAMES.join(" | ")
    );
    println!("|---|---|---|---:|---:|---:|---|---:|---|---|{}---:|---:|---:|---|", "---:|".repeat(NAMES.len()));
    for Row { source, form, case, cost, .. } in rows {
        let (best, (limit, inside)) = (cost.best(), case.judged(cost));
        let peers: Vec<String> =
            cost.peers.iter().map(|(_, sent)| sent.as_ref().map_or_else(|| NONE.to_owned(), |sent| thousands(sent.bytes))).collect();
        println!(
            "| {source} | {} {} | {} | {} | {} | {} | {} | {} | {limit} | {} | {} | {} | {} | {} | {} |",
            case.code,
            case.name,
            form.name(),
            thousands(cost.ours.original),
            cost.floor.map_or_else(|| NONE.to_owned(), thousands),
            ratio(cost.ours.original, cost.floor),
            best.map_or(NONE, |(name, _)| name),
            ratio(cost.ours.original, best.map(|(_, bytes)| bytes)),
            held(inside),
            peers.join(" | "),
            thousands(cost.ours.small),
            thousands(cost.ours.wire),
            thousands(cost.ours.fetched),
            held(case.fetch_judged(cost)),
        );
    }
    println!();
}

pub(crate) fn times(rows: &[Row]) {
    println!("| case | form | ours, s | of its bytes on the link | {} |", NAMES.join(" | "));
    println!("|---|---|---:|---:|{}", "---:|".repeat(NAMES.len()));
    for Row { form, case, times, .. } in rows {
        let Some((ours, peers)) = times else { continue };
        let Some(spread) = Spread::of(ours.iter().map(|run| run.used.seconds)) else { continue };
        let needs = Spread::of(ours.iter().map(|run| run.up as f64 / UP)).map_or(0.0, |needs| needs.median);
        let peers: Vec<String> = peers
            .iter()
            .map(|runs| Spread::of(runs.iter().map(|run| run.used.seconds)).map_or_else(|| NONE.to_owned(), |spread| spread.text()))
            .collect();
        println!("| {} {} | {} | {} | {needs:.1} | {} |", case.code, case.name, form.name(), spread.text(), peers.join(" | "));
    }
    println!();
}

pub(crate) fn machine(rows: &[Row]) {
    println!("| case | form | ours | {} |", NAMES.join(" | "));
    println!("|---|---|---:|{}", "---:|".repeat(NAMES.len()));
    let of = |used: &[Used]| {
        let cpu = Spread::of(used.iter().map(|used| used.cpu));
        let memory = Spread::of(used.iter().map(|used| used.memory));
        cpu.zip(memory).map_or_else(|| NONE.to_owned(), |(cpu, memory)| format!("{:.1} s, {:.0} MB", cpu.median, memory.most))
    };
    for Row { form, case, times, .. } in rows {
        let Some((ours, peers)) = times else { continue };
        let ours: Vec<Used> = ours.iter().map(|run| run.used).collect();
        let peers: Vec<String> = peers.iter().map(|runs| of(&runs.iter().map(|run| run.used).collect::<Vec<_>>())).collect();
        println!("| {} {} | {} | {} | {} |", case.code, case.name, form.name(), of(&ours), peers.join(" | "));
    }
    println!();
}

/// Whether P1 was through in the time its bytes need, as the design limits it.
pub(crate) fn first_upload(rows: &[Row]) {
    for Row { form, case, times, .. } in rows.iter().filter(|row| row.case.code == "P1") {
        let Some((ours, _)) = times else { continue };
        let (Some(took), Some(needs)) =
            (Spread::of(ours.iter().map(|run| run.used.seconds)), Spread::of(ours.iter().map(|run| run.up as f64 / UP)))
        else {
            continue;
        };
        let limit = needs.median.mul_add(1.05, 2.0);
        println!(
            "P1, {}, {}: {:.1} s; its bytes need {:.1} s on the link (limit 1.05 × and 2 s: {limit:.1} s, {}).",
            case.name,
            form.name(),
            took.median,
            needs.median,
            if took.median <= limit { "held" } else { "**not held**" },
        );
    }
    println!();
}
