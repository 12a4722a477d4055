//! What the server tells: projects joined elsewhere, feeds, members, and the change sets that moved.

use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_domain::role::Action;

use super::remote::{Remote, RemoteError};
use crate::error::Result;
use crate::library::Library;
use crate::store::{change_sets, commit, members, projects};

impl Library {
    /// Learns of projects joined elsewhere, follows every feed, and reads the change sets that moved.
    pub(super) async fn pull_all(&self, remote: &dyn Remote) -> Result<()> {
        let now = crate::clock::text(self.clock().now());
        let server = self.connection().server.clone().unwrap_or_default();
        let told = match self.tell_generation(remote).await? {
            Some(told) => told,
            None => self.heard(remote.projects().await)?,
        };
        self.sync_state().waits().server_back();
        let mut transaction = self.store().write().await?;
        for project in &told {
            projects::insert(&mut transaction, &project.id, &project.name, &now).await?;
            projects::connect(&mut transaction, &project.id, &server).await?;
            projects::confirm(&mut transaction, &project.id, &project.name, project.role).await?;
            projects::set_plain(&mut transaction, &project.id, project.plain).await?;
        }
        commit(transaction).await?;
        self.note_named(&server, &told.iter().map(|project| project.id.clone()).collect()).await?;
        for project in &told {
            let known = projects::get(&mut *self.store().read().await?, &project.id).await?;
            let place = known.map(|known| known.feed).unwrap_or_default();
            if place.cursor != project.head_seq || place.epoch.as_ref() != Some(&project.epoch) {
                self.follow(remote, &project.id).await?;
            }
        }
        self.read_change_sets(remote).await
    }

    /// Follows the feeds of projects that were changed from here.
    pub(super) async fn pull_changed(&self, remote: &dyn Remote) -> Result<()> {
        let changed = self.sync_state().answered().take_changed();
        for project in &changed {
            let known = projects::get(&mut *self.store().read().await?, project).await?;
            if known.is_some_and(|known| known.on_server) {
                self.follow(remote, project).await?;
            }
        }
        if changed.is_empty() { Ok(()) } else { self.read_change_sets(remote).await }
    }

    async fn follow(&self, remote: &dyn Remote, project: &ProjectId) -> Result<()> {
        if self.pull(remote, project).await?.of_members {
            self.read_members(remote, project).await?;
        }
        Ok(())
    }

    pub(crate) async fn read_members(&self, remote: &dyn Remote, id: &ProjectId) -> Result<()> {
        let project = self.heard(remote.project(id).await)?;
        let mut transaction = self.store().write().await?;
        members::replace(&mut transaction, id, &project.members).await?;
        Ok(commit(transaction).await?)
    }

    async fn read_change_sets(&self, remote: &dyn Remote) -> Result<()> {
        let stale = change_sets::stale(&mut *self.store().read().await?).await?;
        for (id, project) in stale {
            let role = projects::get(&mut *self.store().read().await?, &project).await?.and_then(|project| project.role);
            if !role.is_some_and(|role| role.allows(Action::ReadChangeSets)) {
                continue;
            }
            match self.heard(remote.change_set(&id).await) {
                Ok(detail) => self.note_change_set(&id, &detail).await?,
                Err(RemoteError::Refused(problem)) => {
                    tracing::info!(change_set.id = %id, code = ?problem.code, "a change set could not be read");
                    let mut transaction = self.store().write().await?;
                    change_sets::refresh(&mut transaction, &id, &[], None).await?;
                    commit(transaction).await?;
                }
                Err(error) => return Err(error.into()),
            }
            self.project_changed(&project);
            self.changed();
        }
        Ok(())
    }

    /// Remembers which versions a change set would approve.
    pub(crate) async fn note_change_set(&self, id: &ChangeSetId, detail: &collabtrack_protocol::approval::ChangeSetDetail) -> Result<()> {
        let named: Vec<String> = detail
            .ops
            .iter()
            .filter(|op| op.get("op").and_then(serde_json::Value::as_str) == Some("version.approve"))
            .filter_map(|op| op.get("version").and_then(serde_json::Value::as_str).map(str::to_owned))
            .collect();
        let summary = serde_json::to_string(&detail.summary).ok();
        let mut transaction = self.store().write().await?;
        change_sets::refresh(&mut transaction, id, &named, summary.as_deref()).await?;
        Ok(commit(transaction).await?)
    }
}
