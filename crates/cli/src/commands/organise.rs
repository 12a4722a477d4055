//! Taking over folders, correcting where versions belong, and what stays on this computer.

use std::path::Path;

use collabtrack_domain::id::{TrackId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::{CaptureRulesView, FolderProposal, LimitsView, TrackDetail};

use crate::arguments::{ProjectCommand, TrackCommand};
use crate::output::{Output, Trouble};
use crate::select;

/// Proposes what a folder would become, or takes it over.
pub(crate) async fn import(
    library: &Library,
    dir: &Path,
    take: bool,
    plan: Option<&Path>,
    project: Option<&str>,
    output: &Output,
) -> Result<(), Trouble> {
    let project = match project {
        Some(project) => Some(select::project(library, project).await?),
        None => None,
    };
    let proposal = match plan {
        Some(file) => read_plan(file)?,
        None => library.propose_folder(dir).await?,
    };
    if !take && plan.is_none() {
        output.answer(&proposal, words);
        return Ok(());
    }
    let view = library.take_over_folder(project.as_ref(), dir, &proposal.tracks).await?;
    let captured = library.scan_until_settled().await?.captured.len();
    output.answer(&view, |view| format!("{}  {}\n{captured} captured in the order of the plan.", view.id, view.name));
    Ok(())
}

fn read_plan(file: &Path) -> Result<FolderProposal, Trouble> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Trouble::new(format!("{} cannot be read: {error}", file.display()), "Nothing was taken over.", "Check its name.")
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Trouble::new(
            format!("{} is not a plan: {error}", file.display()),
            "Nothing was taken over.",
            "Start from the answer of `import DIR --json` and change names and order only.",
        )
    })
}

fn words(proposal: &FolderProposal) -> String {
    let mut text = String::new();
    for track in &proposal.tracks {
        let check = if track.please_check { "  (please check the name)" } else { "" };
        let merge = track.merge_with.as_ref().map(|other| format!("  (the same as {other}?)")).unwrap_or_default();
        text.push_str(&format!("{}{check}{merge}\n", track.name));
        for (number, version) in (1..).zip(&track.versions) {
            let also = if version.also.is_empty() { String::new() } else { format!("  = {}", version.also.join(", ")) };
            text.push_str(&format!("  {number:<3} {:<10} {}{also}\n", version.kind, version.files.join(" + ")));
        }
    }
    text.push_str(
        "Nothing is recorded yet. `import DIR --take` takes it over like this; with `--json`, edit the plan and give it to `--plan`.",
    );
    text
}

/// Corrects where versions belong, and what things are called.
pub(crate) async fn track(library: &Library, command: TrackCommand, output: &Output) -> Result<(), Trouble> {
    let detail = match command {
        TrackCommand::Rename { track, name } => {
            let id = track_id(library, &track).await?;
            library.rename_track(&id, &name).await?;
            library.track(&id).await?
        }
        TrackCommand::Merge { from, into } => {
            library.merge_tracks(&track_id(library, &from).await?, &track_id(library, &into).await?).await?
        }
        TrackCommand::Split { versions, name } => library.split_track(&version_ids(library, &versions).await?, &name).await?,
        TrackCommand::Move { versions, to } => {
            library.move_versions(&version_ids(library, &versions).await?, &track_id(library, &to).await?).await?
        }
        TrackCommand::Note { version, note } => {
            let id = version_id(library, &version).await?;
            let version = library.set_note(&id, &note).await?;
            library.track(&TrackId::parse(&version.track)?).await?
        }
        TrackCommand::Kind { version, kind } => {
            let id = version_id(library, &version).await?;
            let version = library.set_kind(&id, &kind).await?;
            library.track(&TrackId::parse(&version.track)?).await?
        }
    };
    output.answer(&detail, history);
    Ok(())
}

fn history(detail: &TrackDetail) -> String {
    let mut text = format!("{}  {}\n", detail.track.id, detail.track.name);
    for version in &detail.versions {
        text.push_str(&format!("  {:<4} {:<10} {}  {}\n", version.number, version.kind, version.file_name, version.note));
    }
    text
}

async fn track_id(library: &Library, text: &str) -> Result<TrackId, Trouble> {
    Ok(TrackId::parse(&select::track(library, text).await?.track.id)?)
}

async fn version_id(library: &Library, text: &str) -> Result<VersionId, Trouble> {
    Ok(VersionId::parse(&select::version(library, text).await?.id)?)
}

async fn version_ids(library: &Library, texts: &[String]) -> Result<Vec<VersionId>, Trouble> {
    let mut ids = Vec::new();
    for text in texts {
        ids.push(version_id(library, text).await?);
    }
    Ok(ids)
}

/// What a project takes, leaves out and keeps on this computer.
pub(crate) async fn project(library: &Library, command: ProjectCommand, output: &Output) -> Result<(), Trouble> {
    match command {
        ProjectCommand::Rules { project, leave_out, leave_out_nothing, sessions } => {
            let id = select::project(library, &project).await?;
            let now = library.capture_rules(&id).await?;
            let left_out = if leave_out.is_empty() && !leave_out_nothing { now.left_out.clone() } else { leave_out };
            let wanted = CaptureRulesView { left_out, sessions: sessions.unwrap_or(now.sessions) };
            let rules = if wanted == now { now } else { library.set_capture_rules(&id, &wanted).await? };
            output.answer(&rules, |rules| {
                format!("Left out: {}\nDAW sessions: {}", list(&rules.left_out), if rules.sessions { "kept" } else { "not kept" })
            });
        }
        ProjectCommand::Keep { project, originals, budget } => {
            let id = select::project(library, &project).await?;
            let now = library.keeping(&id).await?;
            let rule = originals.clone().unwrap_or_else(|| now.originals.clone());
            let room = budget.map_or(now.budget_bytes, |bytes| (bytes > 0).then_some(bytes));
            let keeping = if originals.is_none() && budget.is_none() { now } else { library.set_keeping(&id, &rule, room).await? };
            output.answer(&keeping, |keeping| {
                let room = keeping.budget_bytes.map_or_else(|| "no limit".to_owned(), |bytes| format!("{bytes} bytes"));
                format!("Originals here: {} (room: {room}; used: {} bytes)", keeping.originals, keeping.used_bytes)
            });
        }
        ProjectCommand::Pin { version, off } => {
            let version = select::version(library, &version).await?;
            library.pin(&VersionId::parse(&version.id)?, !off).await?;
            output.answer(&version, |version| {
                format!("The original of version {} {}.", version.number, if off { "follows the rule again" } else { "stays here" })
            });
        }
    }
    Ok(())
}

fn list(texts: &[String]) -> String {
    if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
}

/// Shows or sets how many bytes per second syncing may use.
pub(crate) async fn limit(library: &Library, up: Option<u64>, down: Option<u64>, output: &Output) -> Result<(), Trouble> {
    let now = library.limits().await?;
    let of = |wanted: Option<u64>, now: Option<u64>| wanted.map_or(now, |rate| (rate > 0).then_some(rate));
    let wanted = LimitsView { up_bytes_per_s: of(up, now.up_bytes_per_s), down_bytes_per_s: of(down, now.down_bytes_per_s) };
    let limits = if wanted == now { now } else { library.set_limits(wanted).await? };
    output.answer(&limits, |limits| {
        let word = |rate: Option<u64>| rate.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate} bytes per second"));
        format!("Sending: {}\nFetching: {}", word(limits.up_bytes_per_s), word(limits.down_bytes_per_s))
    });
    Ok(())
}
