//! Proposing and deciding.

use collabtrack_domain::id::{ChangeSetId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::{CellChangeView, ChangeWord, InboxView, ProposalDetail, ProposalView};

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
    }
    Ok(())
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
pub(crate) async fn propose(library: &Library, version: &str, reason: &str, output: &Output) -> Result<(), Trouble> {
    let version = select::version(library, version).await?;
    let proposal = library.propose_version(&VersionId::parse(&version.id)?, reason).await?;
    output.answer(&proposal, |proposal| format!("Waiting for review: {}  {}", proposal.id, proposal.title));
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
    text.push_str(&changes_words(&detail.changes));
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
