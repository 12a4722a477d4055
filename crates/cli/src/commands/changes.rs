//! Proposing and deciding.

use collabtrack_domain::id::{ChangeSetId, VersionId};
use collabtrack_library::Library;
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
        Changes::Approve { change_set, revision } => approve(library, &change_set, revision, output).await?,
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

async fn approve(library: &Library, change_set: &str, revision: Option<String>, output: &Output) -> Result<(), Trouble> {
    let id = ChangeSetId::parse(change_set)?;
    let shown = library.proposal(&id).await?;
    let Some(effect) = &shown.effect_digest else {
        let why = if shown.problems.is_empty() { shown.mergeability.clone() } else { shown.problems.join("; ") };
        return Err(Trouble::new(
            format!("This proposal cannot be approved now: {why}"),
            "Nothing was approved.",
            "Ask its author to propose again.",
        ));
    };
    let revision = revision.unwrap_or_else(|| shown.revision_digest.clone());
    let decided = library.approve(&id, &revision, &shown.expected_head, effect).await?;
    output.answer(&decided, |proposal| format!("Approved: {}", proposal.title));
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
    for op in &detail.ops {
        let place = detail.changes.iter().find(|change| change.row == op.row && change.field == op.field);
        let label = place.map_or_else(|| op.row.clone(), |change| change.row_label.clone());
        text.push_str(&format!("  [{}] {label} · {}\n", op.index, op.field));
    }
    text.push_str(&changes_words(&detail.changes));
    for conflict in &detail.conflicts {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(empty)".to_owned());
        let values = format!("was {}, proposed {}, now {}", value(&conflict.was), value(&conflict.proposed), value(&conflict.now));
        text.push_str(&format!("  ⚠ {}:{} ({}): {values}\n", conflict.row, conflict.field, conflict.row_label));
    }
    for problem in &detail.problems {
        text.push_str(&format!("  ! {problem}\n"));
    }
    if let Some(why) = &detail.may_not_because {
        text.push_str(&format!("  You cannot decide this: {why}\n"));
    }
    text
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
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(empty)".to_owned());
        text.push_str(&format!(
            "  {mark} {} · {}: {} → {}\n",
            change.row_label,
            change.field_label,
            value(&change.from),
            value(&change.to)
        ));
    }
    text
}
