//! Reviewing and deciding proposals, and the activity of a project. Every decision names exactly what was shown.

use collabtrack_domain::change_set::effect::EffectItem;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, VersionId};
use collabtrack_domain::role::{Action, may};
use collabtrack_protocol::approval::{
    Approve, Approved, AuditPage, AuditRecord, ChangeSetDetail, ChangeSetList, ChangeSetStatus, ChangeSetSummary, DecideWithReason,
};
use serde_json::Value;

use crate::catalogue::{Known, whole_row, word};
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::{change_sets, commit, members, projects, shown, tracks, versions};
use crate::view::{ActivityView, CellChangeView, ChangeWord, InboxView, ProposalDetail, ProposalView, ProposedVersionView};
use crate::views;

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
        let mut inbox = InboxView { to_review: Vec::new(), mine: Vec::new(), closed: Vec::new() };
        for project in known.into_iter().filter(|project| project.on_server) {
            let Some(role) = project.role.filter(|role| may(*role, Action::ReadChangeSets)) else { continue };
            let list: ChangeSetList = self.heard(api.get(&format!("/projects/{}/change-sets", project.id), &[]).await)?;
            let deciders = members::list(&mut *self.store().read().await?, &project.id).await?;
            let alone = deciders.iter().filter(|member| matches!(member.2.as_str(), "admin" | "owner")).count() < 2;
            for summary in list.items {
                let is_own = Some(&summary.author.id) == own.as_ref();
                let status = summary.status;
                let view = self.proposal_view(&summary, &project.name);
                match status {
                    ChangeSetStatus::Open if may(role, Action::Decide) && (!is_own || alone) => inbox.to_review.push(view),
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

    fn proposal_view(&self, summary: &ChangeSetSummary, project_name: &str) -> ProposalView {
        let own = self.connection().account.as_ref().map(|account| account.0.clone());
        ProposalView {
            id: summary.id.to_string(),
            project: summary.project.to_string(),
            project_name: project_name.to_owned(),
            title: summary.title.clone(),
            author: summary.author.name.clone(),
            is_yours: Some(&summary.author.id) == own.as_ref(),
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

    async fn detail(&self, id: &ChangeSetId) -> Result<ChangeSetDetail> {
        let api = self.api().await?;
        Ok(self.heard(api.get(&format!("/change-sets/{id}"), &[]).await)?)
    }

    /// A proposal as reviewed: what approving it now would do.
    /// # Errors
    /// `SignedOut`, `not_found`, or that the server does not answer.
    pub async fn proposal(&self, id: &ChangeSetId) -> Result<ProposalDetail> {
        let detail = self.detail(id).await?;
        let known = self.known_catalogue(&detail.summary.project, false).await?;
        let name =
            projects::get(&mut *self.store().read().await?, &detail.summary.project).await?.map(|project| project.name).unwrap_or_default();
        let effect: Vec<EffectItem> = detail.effect.iter().filter_map(|item| serde_json::from_value(item.clone()).ok()).collect();
        let mut problems: Vec<String> = detail.conflicts.iter().map(|conflict| conflict_words(&known, conflict)).collect();
        problems.extend(detail.problems.iter().cloned());
        Ok(ProposalDetail {
            proposal: self.proposal_view(&detail.summary, &name),
            versions: self.proposed_versions(&detail).await?,
            changes: effect.iter().map(|item| change_view(&known, item)).collect(),
            reason: detail.reason,
            revision_digest: detail.revision_digest.to_string(),
            expected_head: detail.head,
            effect_digest: detail.effect_digest.map(|digest| digest.to_string()),
            catalogue_number: detail.catalogue_number,
            mergeability: detail.mergeability,
            problems,
            may_decide: detail.may_decide,
            may_not_because: detail.may_not_because,
        })
    }

    /// The versions a proposal would approve, as far as this library knows them.
    async fn proposed_versions(&self, detail: &ChangeSetDetail) -> Result<Vec<ProposedVersionView>> {
        let mut connection = self.store().read().await?;
        let mut found = Vec::new();
        for op in detail.ops.iter().filter(|op| op.get("op").and_then(Value::as_str) == Some("version.approve")) {
            let Some(id) = op.get("version").and_then(Value::as_str).and_then(|id| VersionId::parse(id).ok()) else { continue };
            let Some(version) = versions::get(&mut connection, &id).await? else { continue };
            let Some(track) = tracks::get(&mut connection, &version.track).await? else { continue };
            let Some(row) = shown::version(&mut connection, &version.id).await? else { continue };
            let approved = match &track.approved {
                Some(approved) => shown::version(&mut connection, approved).await?,
                None => None,
            };
            found.push(ProposedVersionView {
                track: track.id.to_string(),
                track_name: track.name,
                proposed: views::version(self, row),
                approved: approved.map(|row| views::version(self, row)),
            });
        }
        Ok(found)
    }

    /// Approves exactly what was shown.
    /// # Errors
    /// `revision_changed` or `effect_changed` when it is no longer what was shown, `self_approval`, `forbidden`, `version_incomplete`.
    pub async fn approve(&self, id: &ChangeSetId, revision_digest: &str, expected_head: &str, effect_digest: &str) -> Result<ProposalView> {
        let body = Approve {
            revision_digest: digest(revision_digest)?,
            expected_head: expected_head.to_owned(),
            effect_digest: digest(effect_digest)?,
        };
        let api = self.api().await?;
        let approved: Approved = self.heard(api.post(&format!("/change-sets/{id}/approve"), &body).await)?;
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

    /// Everything that happened in a project, newest first.
    /// # Errors
    /// `OnlyHere`, `forbidden`, or that the server does not answer.
    pub async fn activity(&self, project: &ProjectId) -> Result<Vec<ActivityView>> {
        self.on_server(project).await?;
        let api = self.api().await?;
        let mut entries = Vec::new();
        let mut since = 0;
        loop {
            let place = since.to_string();
            let page: AuditPage = self.heard(api.get(&format!("/projects/{project}/audit"), &[("since", place.as_str())]).await)?;
            let Some(last) = page.entries.last().map(|entry| entry.seq) else { break };
            entries.extend(page.entries);
            if !page.more || last <= since {
                break;
            }
            since = last;
        }
        entries.reverse();
        Ok(entries.iter().map(activity_view).collect())
    }
}

fn change_view(known: &Known, item: &EffectItem) -> CellChangeView {
    let title = |value: &Value| ["title", "party"].iter().find_map(|field| value.get(field)).and_then(Value::as_str).map(str::to_owned);
    match item.field.as_str() {
        "_row" => {
            let (from, to) = (title(&item.from), title(&item.to));
            let label = to.clone().or_else(|| from.clone()).unwrap_or_else(|| known.label(&item.row));
            let change = if item.to.is_null() { ChangeWord::Deleted } else { ChangeWord::Added };
            whole_row(&item.row, label, from, to, change)
        }
        "_approved" => {
            let version = |value: &Value| value.get("number").and_then(Value::as_i64).map(|number| format!("version {number}"));
            special(known, item, "Approved version", version(&item.from), version(&item.to))
        }
        "_retired" => {
            let count = |value: &Value| value.as_array().map(|list| format!("{} retired", list.len()));
            special(known, item, "Retired versions", count(&item.from), count(&item.to))
        }
        "_schema" => special(known, item, "Columns", Some("as they are".into()), Some("as proposed".into())),
        name => {
            let label = known.field(&item.row, name).map_or_else(|| name.to_owned(), |field| field.label.clone());
            special(known, item, &label, known.shown(&item.row, name, &item.from), known.shown(&item.row, name, &item.to))
        }
    }
}

fn special(known: &Known, item: &EffectItem, label: &str, from: Option<String>, to: Option<String>) -> CellChangeView {
    CellChangeView {
        row: item.row.clone(),
        row_label: known.label(&item.row),
        field: item.field.clone(),
        field_label: label.to_owned(),
        change: word(from.is_some(), to.is_some()),
        from,
        to,
    }
}

fn conflict_words(known: &Known, conflict: &Value) -> String {
    let text = |field: &str| conflict.get(field).and_then(Value::as_str).unwrap_or_default();
    let (row, field) = (text("row"), text("field"));
    let value = |name: &str| conflict.get(name).and_then(|value| known.shown(row, field, value)).unwrap_or_else(|| "(empty)".to_owned());
    format!("{} · {field}: proposed {}, but it is {} by now.", known.label(row), value("proposed"), value("current"))
}

/// An audit entry in words.
fn activity_view(record: &AuditRecord) -> ActivityView {
    let entry: Value = serde_json::from_str(&record.entry).unwrap_or_default();
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    ActivityView {
        seq: record.seq,
        time: text("time"),
        actor: record.actor_name.clone(),
        sentence: words(&text("action"), record.detail.as_ref()),
        fingerprint: record.hash.to_string(),
    }
}

fn words(action: &str, detail: Option<&Value>) -> String {
    let said = |field: &str| {
        let value = detail.and_then(|detail| detail.get(field))?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let with = |sentence: &str, field: &str, around: (&str, &str)| match said(field) {
        Some(value) => format!("{sentence} {}{value}{}", around.0, around.1),
        None => sentence.to_owned(),
    };
    match action {
        "project.create" => with("created the project", "name", ("“", "”")),
        "project.rename" => with("renamed the project", "name", ("“", "”")),
        "member.invite" => with("invited somebody", "role", ("as ", "")),
        "member.join" => with("joined the project", "role", ("as ", "")),
        "version.add" => with("added a version", "number", ("number ", "")),
        "version.complete" => "sent every byte of a version".to_owned(),
        "change_set.propose" => with("proposed a change", "title", ("“", "”")),
        "change_set.draft" => with("drafted a change", "title", ("“", "”")),
        "change_set.submit" => with("proposed a change", "title", ("“", "”")),
        "change_set.revise" => with("revised a proposal", "title", ("“", "”")),
        "change_set.approve" => with("approved a proposal", "title", ("“", "”")),
        "change_set.reject" => with("rejected a proposal", "reason", ("because: ", "")),
        "change_set.ask" => with("asked for changes", "reason", ("because: ", "")),
        "change_set.withdraw" => "withdrew a proposal".to_owned(),
        other => other.replace(['.', '_'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_in_words_and_unknown_ones_are_not_hidden() {
        let detail = serde_json::json!({"name": "Night Drive EP", "number": 3});
        assert_eq!(words("project.create", Some(&detail)), "created the project “Night Drive EP”");
        assert_eq!(words("version.add", Some(&detail)), "added a version number 3");
        assert_eq!(words("change_set.approve", None), "approved a proposal");
        assert_eq!(words("hologram.spin", None), "hologram spin");
    }
}
