//! Proposing and deciding.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use collabtrack_domain::catalogue::guard::is_format_character;
use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::catalogue::CellEdit;
use collabtrack_library::view::{CellChangeView, ChangeWord, ChoiceWord, ConflictChoice, InboxView, ProposalDetail, ProposalView};

use crate::arguments::Changes;
use crate::output::{Output, Trouble};
use crate::select;

/// Runs a `changes` command.
pub(crate) async fn run(library: &Library, command: Changes, output: &Output) -> Result<(), Trouble> {
    match command {
        Changes::List => {
            output.answer(&library.inbox().await?, inbox_words);
        }
        Changes::Show { change_set } => {
            output.answer(&library.proposal(&ChangeSetId::parse(&change_set)?).await?, proposal_words);
        }
        Changes::Approve { change_set, seen } => approve(library, &change_set, seen, output).await?,
        Changes::Revise { change_set, cells, drop, csv, table, reason } => {
            let id = ChangeSetId::parse(&change_set)?;
            let revised = match csv {
                Some(file) => revise_from(library, &id, &file, table.as_str(), &reason).await?,
                None => {
                    let cells = cells.iter().map(|text| cell(text)).collect::<Result<Vec<_>, _>>()?;
                    let shown = library.proposal(&id).await?;
                    library.revise(&id, &shown.revision_digest, &cells, &drop, &reason).await?
                }
            };
            output.answer(&revised, waiting_words);
        }
        Changes::Reject { change_set, reason } => {
            let id = ChangeSetId::parse(&change_set)?;
            let shown = library.proposal(&id).await?;
            let decided = library.reject(&id, &shown.revision_digest, &reason).await?;
            output.answer(&decided, |proposal| format!("Rejected: {}", proposal.title));
        }
        Changes::Ask { change_set, reason } => {
            let id = ChangeSetId::parse(&change_set)?;
            let shown = library.proposal(&id).await?;
            let asked = library.ask_for_changes(&id, &shown.revision_digest, &reason).await?;
            output.answer(&asked, |proposal| format!("Sent back to {}: {}", proposal.author, proposal.title));
        }
        Changes::Withdraw { change_set } => {
            let withdrawn = library.withdraw(&ChangeSetId::parse(&change_set)?).await?;
            output.answer(&withdrawn, |proposal| format!("Withdrawn: {}", proposal.title));
        }
        Changes::Submit { change_set } => {
            output.answer(&library.submit(&ChangeSetId::parse(&change_set)?).await?, waiting_words);
        }
        Changes::Split { change_set, keep } => {
            let id = ChangeSetId::parse(&change_set)?;
            let shown = library.proposal(&id).await?;
            let split = library.split(&id, &shown.revision_digest, keep).await?;
            output.answer(&split, |split| format!("Kept together:\n{}The rest:\n{}", line(&split.kept), line(&split.rest)));
        }
        Changes::Resolve { change_set, choices } => {
            let id = ChangeSetId::parse(&change_set)?;
            let choices = choices.iter().map(|text| choice(text)).collect::<Result<_, _>>()?;
            let shown = library.proposal(&id).await?;
            let settled = library.resolve(&id, &shown.revision_digest, &shown.expected_head, choices).await?;
            output.answer(&settled, |proposal| format!("Settled; look at it again before deciding: {}", proposal.title));
        }
        Changes::Revert { change_set, reason, draft } => {
            let reverted = library.revert(&ChangeSetId::parse(&change_set)?, &reason, !draft).await?;
            output.answer(&reverted, |reverted| {
                let left: String = reverted.left.iter().map(|left| format!("  {left}\n")).collect();
                format!("{}\n{left}", waiting_words(&reverted.proposal))
            });
        }
    }
    Ok(())
}

fn waiting_words(proposal: &ProposalView) -> String {
    let status = if proposal.status == "draft" { "Draft" } else { "Waiting for review" };
    format!("{status}: {}  {}", proposal.id, proposal.title)
}

/// `ROW:FIELD=proposed`, `ROW:FIELD=current` or `ROW:FIELD=typed:TEXT`.
fn choice(text: &str) -> Result<ConflictChoice, Trouble> {
    let wrong = || {
        Trouble::new(
            format!("{text:?} is no choice"),
            "Nothing was settled.",
            "Write ROW:FIELD=proposed, ROW:FIELD=current or ROW:FIELD=typed:TEXT, with row and field as `changes show --json` names them.",
        )
    };
    let (place, chosen) = text.split_once('=').ok_or_else(wrong)?;
    let (row, field) = place.split_once(':').ok_or_else(wrong)?;
    let (choice, value) = match chosen {
        "proposed" => (ChoiceWord::Proposed, None),
        "current" => (ChoiceWord::Current, None),
        typed => (ChoiceWord::Typed, Some(typed.strip_prefix("typed:").ok_or_else(wrong)?.to_owned())),
    };
    Ok(ConflictChoice { row: row.to_owned(), field: field.to_owned(), choice, value })
}

async fn approve(library: &Library, change_set: &str, seen: Option<String>, output: &Output) -> Result<(), Trouble> {
    let id = ChangeSetId::parse(change_set)?;
    let shown = library.proposal(&id).await?;
    let (Some(effect), Some(fingerprint)) = (&shown.effect_digest, &shown.fingerprint) else {
        let why = if shown.problems.is_empty() { shown.mergeability.clone() } else { shown.problems.join("; ") };
        return Err(Trouble::new(
            format!("This proposal cannot be approved now: {why}"),
            "Nothing was approved.",
            "Ask its author to correct it.",
        ));
    };
    match seen {
        Some(seen) if seen.trim() == fingerprint => {}
        Some(_) => {
            return Err(Trouble::new(
                "This proposal is not what you saw any more, or was never that",
                "Nothing was approved.",
                "Look at it again with `changes show`, then approve with the fingerprint that it ends with.",
            ));
        }
        None => {
            if !output.asks(&proposal_words(&shown), &format!("Approve exactly this ({fingerprint})?"))? {
                return Err(Trouble::new(
                    "Nobody said to have seen this",
                    "Nothing was approved.",
                    "Look at it with `changes show`, then approve with --seen and the fingerprint that it ends with.",
                ));
            }
        }
    }
    let decided = library.approve(&id, &shown.revision_digest, &shown.expected_head, effect).await?;
    output.answer(&decided, |proposal| format!("Approved: {}", proposal.title));
    Ok(())
}

/// `ROW:FIELD=TEXT`.
fn cell(text: &str) -> Result<CellEdit, Trouble> {
    let wrong = || {
        Trouble::new(
            format!("{text:?} names no cell"),
            "Nothing was changed.",
            "Write ROW:FIELD=TEXT, with row and field as `changes show --json` names them.",
        )
    };
    let (place, to) = text.split_once('=').ok_or_else(wrong)?;
    let (row, field) = place.split_once(':').ok_or_else(wrong)?;
    Ok(CellEdit { row: row.to_owned(), field: field.to_owned(), to: to.to_owned() })
}

/// Puts the changes of a CSV in place of what a proposal says.
async fn revise_from(library: &Library, id: &ChangeSetId, file: &Path, table: &str, reason: &str) -> Result<ProposalView, Trouble> {
    let before = library.proposal(id).await?;
    let project = ProjectId::parse(&before.proposal.project)?;
    let import = library.import_catalogue(&project, table, file).await?;
    if !import.may_propose {
        let why = import.errors.iter().chain(&import.questions).next();
        let why = why.map_or_else(|| "The file changes nothing".to_owned(), |error| error.message.clone());
        return Err(Trouble::new(why, "Nothing was changed.", "`catalogue diff` shows everything about this file."));
    }
    let reason = if reason.trim().is_empty() { &before.reason } else { reason };
    Ok(library.import_revise(&import.import, id, &before.proposal.title, reason).await?)
}

/// Proposes to retire a version.
pub(crate) async fn retire(library: &Library, version: &str, reason: &str, output: &Output) -> Result<(), Trouble> {
    let version = VersionId::parse(&select::version(library, version).await?.id)?;
    output.answer(&library.propose_retire(&version, reason).await?, waiting_words);
    Ok(())
}

/// Proposes a version.
pub(crate) async fn propose(library: &Library, version: &str, reason: &str, approve: bool, output: &Output) -> Result<(), Trouble> {
    let version = VersionId::parse(&select::version(library, version).await?.id)?;
    if approve {
        let approved = library.propose_and_approve(&version, reason).await?;
        output.answer(&approved, |proposal| format!("Approved by its author: {}  {}", proposal.id, proposal.title));
    } else {
        output.answer(&library.propose_version(&version, reason).await?, waiting_words);
    }
    Ok(())
}

fn line(proposal: &ProposalView) -> String {
    format!("  {}  {:<18} {}  by {}, {}\n", proposal.id, proposal.status, proposal.title, proposal.author, proposal.created_at)
}

fn inbox_words(inbox: &InboxView) -> String {
    let mut text = String::new();
    for (title, proposals) in [("To review", &inbox.to_review), ("Mine", &inbox.mine), ("Closed", &inbox.closed)] {
        text.push_str(&format!("{title} ({})\n", proposals.len()));
        text.extend(proposals.iter().map(line));
    }
    text
}

fn proposal_words(detail: &ProposalDetail) -> String {
    let mut text = format!("{}\n  {}\n  revision {}\n", detail.proposal.title, detail.mergeability, detail.revision_digest);
    for version in &detail.versions {
        let before = version.approved.as_ref().map_or_else(|| "none".to_owned(), |approved| approved.number.to_string());
        text.push_str(&format!("  {}: approved version {before} → {}\n", version.track_name, version.proposed.number));
    }
    let field = |change: &CellChangeView| change.part_of.clone().unwrap_or_else(|| change.field.clone());
    let fields: Vec<String> = detail.changes.iter().map(field).collect();
    let changes: HashMap<(&str, &str), &CellChangeView> =
        detail.changes.iter().zip(&fields).map(|(change, field)| ((change.row.as_str(), field.as_str()), change)).collect();
    for op in &detail.ops {
        let place = changes.get(&(op.row.as_str(), op.field.as_str()));
        let label = place.map_or_else(|| op.row.clone(), |change| change.row_label.clone());
        text.push_str(&format!("  [{}] {label} · {}\n", op.index, op.field));
    }
    text.push_str(&changes_words(&detail.changes));
    for conflict in &detail.conflicts {
        let value = |value: &Option<String>| value.as_deref().map_or_else(|| "(empty)".to_owned(), visible);
        let values = format!("was {}, proposed {}, now {}", value(&conflict.was), value(&conflict.proposed), value(&conflict.now));
        text.push_str(&format!("  ⚠ {}:{} ({}): {values}\n", conflict.row, conflict.field, conflict.row_label));
    }
    for problem in &detail.problems {
        text.push_str(&format!("  ! {problem}\n"));
    }
    if let Some(why) = &detail.may_not_because {
        text.push_str(&format!("  You cannot decide this: {why}\n"));
    }
    if let Some(fingerprint) = &detail.fingerprint {
        text.push_str(&format!("fingerprint of what is shown: {fingerprint}\n"));
    }
    text
}

/// How many things change: a row that comes or goes is one, whatever it says.
pub(crate) fn count(changes: &[CellChangeView]) -> usize {
    let key = |change: &CellChangeView| match &change.part_of {
        Some(whole) => (change.row.clone(), whole.clone(), change.row_label.clone()),
        None => (change.row.clone(), change.field.clone(), String::new()),
    };
    changes.iter().map(key).collect::<HashSet<_>>().len()
}

/// Text with what no terminal draws, or what turns the line around, as its number.
fn visible(text: &str) -> String {
    let is_hidden = |character: char| {
        (is_format_character(character) && !matches!(character, '\u{200c}' | '\u{200d}'))
            || character.is_control()
            || (character.is_whitespace() && character != ' ')
    };
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            out.push_str(&format!("⟨U+{:04X}⟩", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

/// Changed cells, a line each.
pub(crate) fn changes_words(changes: &[CellChangeView]) -> String {
    let mut text = String::new();
    for change in changes {
        let mark = match change.change {
            ChangeWord::Added => '+',
            ChangeWord::Changed => '~',
            ChangeWord::Cleared => '⌀',
            ChangeWord::Deleted => '-',
        };
        let value = |value: &Option<String>| value.as_deref().map_or_else(|| "(empty)".to_owned(), visible);
        text.push_str(&format!(
            "  {mark} {} · {}: {} → {}\n",
            visible(&change.row_label),
            change.field_label,
            value(&change.from),
            value(&change.to)
        ));
    }
    text
}
