//! The audit log of a project in words.

use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_protocol::approval::{AuditPage, AuditRecord};
use serde_json::Value;

use crate::error::Result;
use crate::library::Library;
use crate::view::ActivityView;

impl Library {
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
        change_set: Some(text("target")).filter(|target| ChangeSetId::parse(target).is_ok()),
        revision: Some(text("revision")).filter(|revision| !revision.is_empty()),
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
        "project.trash" => "put the project into the trash".to_owned(),
        "project.restore" => "brought the project back from the trash".to_owned(),
        "version.trash" => with("put a version into the trash", "number", ("number ", "")),
        "version.restore" => with("brought a version back from the trash", "number", ("number ", "")),
        "version.hand_out" => with("made addresses for the files of a version", "number", ("number ", "")),
        "version.purge" => with("removed a version that was in the trash for 35 days", "number", ("number ", "")),
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
        "change_set.split" => with("split a proposal in two", "title", ("“", "”")),
        "change_set.resolve" => with("settled the conflicts of a proposal", "title", ("“", "”")),
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
