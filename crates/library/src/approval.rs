//! Reviewing and deciding proposals, and the activity of a project. Every decision names exactly what was shown.

mod activity;
mod columns;
mod held;
mod revise;
mod shown;

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::value::ParseContext;
use collabtrack_domain::change_set::inverse::{InverseNote, NotTakenBack};
use collabtrack_domain::change_set::resolve::{Choice, Resolution};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, VersionId};
use collabtrack_domain::role::Action;
use collabtrack_protocol::approval::{
    Approve, Approved, ChangeSetDetail, ChangeSetList, ChangeSetStatus, ChangeSetSummary, DecideWithReason, Resolve, Revert, Reverted,
    Split, SplitUp,
};

pub(crate) use revise::Revised;

use crate::catalogue::Known;
use crate::error::{LibraryError, Result, sentence};
use crate::library::Library;
use crate::record::random_bits;
use crate::store::{change_sets, commit, members, projects};
use crate::view::{ChoiceWord, ConflictChoice, InboxView, ProposalView, RevertView, SplitView};

fn digest(text: &str) -> Result<ObjectHash> {
    ObjectHash::parse(text)
        .map_err(|_| LibraryError::Invalid { what: "What was shown is not named rightly. Open the proposal again.".into() })
}

fn status_word(status: ChangeSetStatus) -> String {
    serde_json::to_value(status).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Library {
    /// Proposals of all projects: to review, one's own, decided.
    /// # Errors
    /// `SignedOut`, or that the server does not answer.
    pub async fn inbox(&self) -> Result<InboxView> {
        let api = self.api().await?;
        let own = self.connection().account.as_ref().map(|account| account.0.clone());
        let known = projects::all(&mut *self.store().read().await?).await?;
        let mut inbox =
            InboxView { to_review: Vec::new(), mine: Vec::new(), closed: Vec::new(), in_conflict: Vec::new(), may_approve_own: Vec::new() };
        for project in known.into_iter().filter(|project| project.on_server) {
            let Some(role) = project.role.filter(|role| role.allows(Action::ReadChangeSets)) else { continue };
            let list: ChangeSetList = self.heard(api.get(&format!("/projects/{}/change-sets", project.id), &[]).await)?;
            let deciders = members::list(&mut *self.store().read().await?, &project.id).await?;
            let alone = deciders.iter().filter(|member| matches!(member.2.as_str(), "admin" | "owner")).count() < 2;
            inbox.in_conflict.extend(list.in_conflict.iter().map(ChangeSetId::to_string));
            if list.may_approve_own {
                inbox.may_approve_own.push(project.id.to_string());
            }
            for summary in list.items {
                let is_own = own.as_ref().is_some_and(|own| [&summary.created_by.id, &summary.author.id].contains(&own));
                let status = summary.status;
                let view = self.proposal_view(&summary, &project.name);
                match status {
                    ChangeSetStatus::Open if role.allows(Action::Decide) && (!is_own || alone) => inbox.to_review.push(view),
                    ChangeSetStatus::Draft | ChangeSetStatus::Open | ChangeSetStatus::ChangesRequested if is_own => inbox.mine.push(view),
                    ChangeSetStatus::Approved | ChangeSetStatus::Rejected | ChangeSetStatus::Withdrawn | ChangeSetStatus::Split => {
                        inbox.closed.push(view)
                    }
                    _ => {}
                }
            }
        }
        Ok(inbox)
    }

    pub(crate) fn proposal_view(&self, summary: &ChangeSetSummary, project_name: &str) -> ProposalView {
        let own = self.connection().account.as_ref().map(|account| account.0.clone());
        ProposalView {
            id: summary.id.to_string(),
            project: summary.project.to_string(),
            project_name: project_name.to_owned(),
            title: summary.title.clone(),
            author: summary.created_by.name.clone(),
            is_yours: Some(&summary.created_by.id) == own.as_ref(),
            status: status_word(summary.status),
            created_at: summary.created_at.clone(),
            op_count: summary.op_count,
            decided_by: summary.decided_by.as_ref().map(|person| person.name.clone()),
            decided_at: summary.decided_at.clone(),
            decision_reason: summary.decision_reason.clone(),
        }
    }

    /// Takes over that a change set moved; the feed tells the same a moment later.
    pub(crate) async fn change_set_moved(&self, summary: &ChangeSetSummary) -> Result<ProposalView> {
        let mut transaction = self.store().write().await?;
        let known = projects::get(&mut transaction, &summary.project).await?;
        if known.is_some() {
            change_sets::moved(&mut transaction, &summary.project, &summary.id, &status_word(summary.status), summary.revision).await?;
        }
        commit(transaction).await?;
        self.project_changed(&summary.project);
        self.wake_sync();
        Ok(self.proposal_view(summary, &known.map(|known| known.name).unwrap_or_default()))
    }

    pub(super) async fn detail(&self, id: &ChangeSetId) -> Result<ChangeSetDetail> {
        let api = self.api().await?;
        Ok(self.heard(api.get(&format!("/change-sets/{id}"), &[]).await)?)
    }

    /// Approves exactly what was shown.
    /// # Errors
    /// `revision_changed` or `effect_changed` when it is no longer what was shown, `self_approval`, `forbidden`, `version_incomplete`.
    pub async fn approve(&self, id: &ChangeSetId, revision_digest: &str, expected_head: &str, effect_digest: &str) -> Result<ProposalView> {
        let approved = self.send_approval(id, revision_digest, expected_head, effect_digest).await;
        // Whatever came of it is told now; what was held back for it has served.
        self.release_approval(id).await?;
        approved
    }

    async fn send_approval(
        &self,
        id: &ChangeSetId,
        revision_digest: &str,
        expected_head: &str,
        effect_digest: &str,
    ) -> Result<ProposalView> {
        let body = Approve {
            revision_digest: digest(revision_digest)?,
            expected_head: expected_head.to_owned(),
            effect_digest: digest(effect_digest)?,
        };
        let api = self.api().await?;
        let approved: Approved = self.heard(api.post_once(&format!("/change-sets/{id}/approve"), &body).await)?;
        self.change_set_moved(&approved.summary).await
    }

    /// Rejects, with a reason.
    /// # Errors
    /// As [`Library::approve`].
    pub async fn reject(&self, id: &ChangeSetId, revision_digest: &str, reason: &str) -> Result<ProposalView> {
        self.decide(id, "reject", revision_digest, reason).await
    }

    /// Sends back, with a reason.
    /// # Errors
    /// As [`Library::approve`].
    pub async fn ask_for_changes(&self, id: &ChangeSetId, revision_digest: &str, reason: &str) -> Result<ProposalView> {
        self.decide(id, "ask", revision_digest, reason).await
    }

    async fn decide(&self, id: &ChangeSetId, verb: &str, revision_digest: &str, reason: &str) -> Result<ProposalView> {
        if reason.trim().chars().count() < 3 {
            return Err(LibraryError::Invalid {
                what: "A decision like this needs a reason of at least 3 characters: its author reads it.".into(),
            });
        }
        let body = DecideWithReason { revision_digest: digest(revision_digest)?, reason: reason.to_owned() };
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post(&format!("/change-sets/{id}/{verb}"), &body).await)?;
        self.change_set_moved(&summary).await
    }

    /// Takes one's own proposal back.
    /// # Errors
    /// `forbidden` for somebody else's, `already_decided`.
    pub async fn withdraw(&self, id: &ChangeSetId) -> Result<ProposalView> {
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post(&format!("/change-sets/{id}/withdraw"), &serde_json::json!({})).await)?;
        self.change_set_moved(&summary).await
    }

    /// Puts one's own draft up for review, or a proposal that was sent back.
    /// # Errors
    /// `forbidden` for somebody else's, `already_decided`.
    pub async fn submit(&self, id: &ChangeSetId) -> Result<ProposalView> {
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post(&format!("/change-sets/{id}/submit"), &serde_json::json!({})).await)?;
        self.change_set_moved(&summary).await
    }

    /// Proposes a version and approves it, where this account may approve its own proposals: both are recorded.
    /// # Errors
    /// As proposing and approving; what was proposed stays proposed when it cannot be approved.
    pub async fn propose_and_approve(&self, version: &VersionId, reason: &str) -> Result<ProposalView> {
        let proposed = self.propose_version(version, reason).await?;
        let id = ChangeSetId::parse(&proposed.id)?;
        let shown = self.proposal(&id).await?;
        match (&shown.may_not_because, &shown.effect_digest) {
            (None, Some(effect)) => self.approve(&id, &shown.revision_digest, &shown.expected_head, effect).await,
            (why, _) => {
                let why = why.clone().unwrap_or_else(|| shown.problems.join(" "));
                Err(LibraryError::Invalid { what: format!("It is proposed, but could not be approved at once: {}", sentence(&why)) })
            }
        }
    }

    /// Divides a proposal: what `keep` names stays together in one, the rest becomes another. Both wait for review.
    /// # Errors
    /// `revision_changed`, `already_decided`, `invalid` when a part would be empty or a row torn apart.
    pub async fn split(&self, id: &ChangeSetId, revision_digest: &str, keep: Vec<u32>) -> Result<SplitView> {
        let body = Split { revision_digest: digest(revision_digest)?, keep };
        let api = self.api().await?;
        let split: SplitUp = self.heard(api.post_once(&format!("/change-sets/{id}/split"), &body).await)?;
        self.change_set_moved(&split.summary).await?;
        Ok(SplitView { kept: self.change_set_moved(&split.kept).await?, rest: self.change_set_moved(&split.rest).await? })
    }

    /// Settles every conflict of a proposal; it gets a further revision on the catalogue of now.
    /// # Errors
    /// `resolution_missing`, `resolution_unneeded`, `effect_changed` when the catalogue moved; `Invalid` for a value its column does not take.
    pub async fn resolve(
        &self,
        id: &ChangeSetId,
        revision_digest: &str,
        expected_head: &str,
        choices: Vec<ConflictChoice>,
    ) -> Result<ProposalView> {
        let project = self.detail(id).await?.summary.project;
        let known = self.known_catalogue(&project, false).await?;
        let resolutions = choices.iter().map(|choice| resolution(&known, choice)).collect::<Result<_>>()?;
        let body = Resolve { revision_digest: digest(revision_digest)?, expected_head: expected_head.to_owned(), resolutions };
        let api = self.api().await?;
        let summary: ChangeSetSummary = self.heard(api.post_once(&format!("/change-sets/{id}/resolve"), &body).await)?;
        self.change_set_moved(&summary).await
    }

    /// Opens a proposal that takes back what an approved one did; with `submit` it waits for review at once.
    /// # Errors
    /// `invalid` for one that was not approved, `empty_change_set` when nothing of it can be taken back.
    pub async fn revert(&self, id: &ChangeSetId, reason: &str, submit: bool) -> Result<RevertView> {
        let body = Revert { change_set: ChangeSetId::from_random(random_bits()), reason: reason.to_owned(), submit };
        let api = self.api().await?;
        let reverted: Reverted = self.heard(api.post(&format!("/change-sets/{id}/revert"), &body).await)?;
        let known = self.known_catalogue(&reverted.summary.project, true).await?;
        let left = reverted.left.iter().filter_map(|note| serde_json::from_value::<InverseNote>(note.clone()).ok());
        let left = left.map(|note| left_words(&known, &note)).collect();
        Ok(RevertView { proposal: self.change_set_moved(&reverted.summary).await?, left })
    }
}

fn resolution(known: &Known, choice: &ConflictChoice) -> Result<Resolution> {
    let chosen = match choice.choice {
        ChoiceWord::Proposed => Choice::Proposed,
        ChoiceWord::Current => Choice::Current,
        ChoiceWord::Typed => Choice::Typed { value: typed(known, choice)? },
    };
    Ok(Resolution { row: choice.row.clone(), field: choice.field.clone(), choice: chosen })
}

/// The typed text as a value of its column.
fn typed(known: &Known, choice: &ConflictChoice) -> Result<Option<CellValue>> {
    let invalid = |what: String| LibraryError::Invalid { what };
    let field = known.field(&choice.row, &choice.field).ok_or_else(|| invalid(format!("There is no column {:?}.", choice.field)))?;
    let text = choice.value.as_deref().unwrap_or_default();
    Ok(field.parse(text, &ParseContext::PLAIN).map_err(|problem| invalid(sentence(&problem.to_string())))?.value)
}

/// What a proposal that takes another one back leaves, in words.
fn left_words(known: &Known, note: &InverseNote) -> String {
    let why = match note.why {
        NotTakenBack::NothingApprovedBefore => "it had no approved version before; retire the version to leave it without one",
        NotTakenBack::EarlierVersionRetired => "the version approved before is retired by now",
        NotTakenBack::Retired => "retiring a version is final",
        NotTakenBack::UnknownSchema => "the earlier columns are not known any more",
        NotTakenBack::RowGone => "the row is gone by now",
        NotTakenBack::Malformed => "it is not of the known form",
    };
    format!("{} stays as it is: {why}.", known.label(&note.row))
}
