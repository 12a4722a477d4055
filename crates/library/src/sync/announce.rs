//! Telling the server of projects and versions: a version gets its number here.

use collabtrack_domain::id::{ProjectId, VersionId};
use collabtrack_protocol::projects::CreateProject;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_protocol::versions::{Announce, TrackClaim, VersionFile, VersionState};

use super::remote::{Remote, RemoteError};
use super::upload::not_with_the_store;
use super::{feed, overview};
use crate::clock;
use crate::error::{LibraryError, Result};
use crate::faults;
use crate::library::Library;
use crate::store::outbox::{self, Announced, Step};
use crate::store::versions::{self, State, Version};
use crate::store::{commit, members, projects, tracks, uploads};

impl Library {
    /// Tells the server of a project of this computer.
    pub(crate) async fn create_on_server(&self, remote: &dyn Remote, id: &ProjectId) -> Result<()> {
        let known = projects::get(&mut *self.store().read().await?, id).await?;
        let known = known.ok_or_else(|| LibraryError::Unknown { what: "project", id: id.to_string() })?;
        let answer = self.heard(remote.create_project(&CreateProject { id: id.clone(), name: known.name }).await)?;
        let mut transaction = self.store().write().await?;
        projects::confirm(&mut transaction, id, &answer.name, answer.role).await?;
        projects::set_plain(&mut transaction, id, answer.plain).await?;
        for member in &answer.members {
            members::put(&mut transaction, id, member).await?;
        }
        commit(transaction).await?;
        self.sync_state().answered().changed(id);
        self.project_changed(id);
        Ok(())
    }

    /// Announces a version; takes over its number, and whatever else the server decided.
    pub(crate) async fn announce(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let (version, body) = self.announcement(id).await?;
        let with = Announced { note: body.note.clone(), kind: body.kind, claim: body.track.clone() };
        let mut transaction = self.store().write().await?;
        outbox::set_announced(&mut transaction, &version.id, &with).await?;
        commit(transaction).await?;
        let told = match self.heard(remote.announce(&version.project, &body).await) {
            Err(RemoteError::Refused(problem)) if not_with_the_store(&problem) && (body.preview.is_some() || body.sound_as.is_some()) => {
                self.send_preview_again(&version.id, body.sound_as.is_some()).await?;
                return Err(RemoteError::Refused(problem).into());
            }
            Err(RemoteError::Refused(problem)) => {
                let mut transaction = self.store().write().await?;
                outbox::forget_announced(&mut transaction, &version.id).await?;
                commit(transaction).await?;
                return Err(RemoteError::Refused(problem).into());
            }
            answer => answer?.version,
        };
        faults::step("announce.told");
        let now = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        if told.track != version.track {
            let info = tracks::get(&mut transaction, &version.track).await?;
            feed::apply_answer(&mut transaction, &version.project, &told, &now).await?;
            // Two automatic tracks with one key are one track: the server says which.
            if info.is_some_and(|track| track.id == version.track) {
                tracks::absorb(&mut transaction, &version.track, &told.track).await?;
            }
        } else {
            feed::apply_answer(&mut transaction, &version.project, &told, &now).await?;
        }
        if told.id != version.id {
            versions::become_alias(&mut transaction, &version.id, &told.id).await?;
        } else if told.state == VersionState::Complete {
            outbox::confirm(&mut transaction, &version.id).await?;
        } else {
            outbox::advance(&mut transaction, &version.id, Step::Announced).await?;
        }
        versions::renumber_provisional(&mut transaction, &told.track).await?;
        commit(transaction).await?;
        self.sync_state().answered().version(&told);
        faults::step("announce.recorded");
        self.changed();
        Ok(())
    }

    /// The preview is not where the announcement said: its upload was cleared away before it was named, or the version whose preview this
    /// one would share has none. Its own is sent, from the start.
    async fn send_preview_again(&self, id: &VersionId, was_shared: bool) -> Result<()> {
        tracing::info!(version.id = %id, was_shared, "the preview of a version is not with the store; it is sent again");
        if was_shared {
            self.sync_state().sends_own_preview(id);
        }
        let mut transaction = self.store().write().await?;
        outbox::forget_announced(&mut transaction, id).await?;
        if let Some(upload) = uploads::get(&mut transaction, id, ObjectFormat::Preview, 0).await? {
            uploads::forget(&mut transaction, &upload.id).await?;
        }
        outbox::advance(&mut transaction, id, Step::PreviewReady).await?;
        Ok(commit(transaction).await?)
    }

    async fn announcement(&self, id: &VersionId) -> Result<(Version, Announce)> {
        let mut connection = self.store().read().await?;
        let unknown = || LibraryError::Unknown { what: "version", id: id.to_string() };
        let version = versions::get(&mut connection, id).await?.ok_or_else(unknown)?;
        let track = tracks::get(&mut connection, &version.track).await?.ok_or_else(unknown)?;
        let files = versions::files(&mut connection, &version.id).await?;
        let preview = uploads::get(&mut connection, &version.id, ObjectFormat::Preview, 0).await?.map(|upload| upload.id);
        let same_as = self.announced_twin(&mut connection, &version).await?;
        let reason = match (&version.no_preview_reason, version.state) {
            (Some(reason), _) => reason.clone(),
            (None, State::Trashed) => "It was in the trash before it was sent.".to_owned(),
            (None, _) => "The preview could not be sent.".to_owned(),
        };
        // While nobody knows whether it arrived, it says the same again; what people did since is told once its answer came.
        let said = match outbox::announced(&mut connection, &version.id).await? {
            Some(said) => said,
            None => Announced {
                note: version.note.clone(),
                kind: version.kind,
                claim: TrackClaim { id: track.id, name: track.name, key: track.key, auto: track.auto },
            },
        };
        let sound_as = if preview.is_none() { self.sound_twin(&mut connection, &version).await? } else { None };
        let overview = if sound_as.is_some() { String::new() } else { overview::to_wire(&version.overview) };
        let body = Announce {
            version: version.id.clone(),
            track: said.claim,
            kind: said.kind,
            note: said.note,
            content_id: version.content_id,
            parent: version.parent.clone(),
            no_preview_reason: (preview.is_none() && same_as.is_none() && sound_as.is_none()).then_some(reason),
            same_as,
            sound_as,
            files: files.into_iter().map(|file| VersionFile { path: file.path, length: file.length, sha256: file.sha256 }).collect(),
            preview,
            summary: version.summary.clone(),
            overview,
            captured_at: version.captured_at.clone(),
        };
        Ok((version, body))
    }

    /// The older version with the same bytes, if the server knows it: then neither preview nor original is sent.
    pub(super) async fn announced_twin(&self, connection: &mut sqlx::SqliteConnection, version: &Version) -> Result<Option<VersionId>> {
        let Some(same_as) = &version.same_as else { return Ok(None) };
        let twin = versions::get(connection, same_as).await?;
        Ok(twin.filter(|twin| twin.numbered && matches!(twin.state, State::Announced | State::Complete)).map(|twin| twin.id))
    }

    /// A version of the project that the server knows and that sounds the same, with a preview of which this one would be a copy: nothing
    /// that is about the sound is sent again.
    pub(super) async fn sound_twin(&self, connection: &mut sqlx::SqliteConnection, version: &Version) -> Result<Option<VersionId>> {
        if version.state == State::Trashed || self.sync_state().has_own_preview(&version.id) {
            return Ok(None);
        }
        Ok(versions::told_with_sound(connection, version).await?)
    }
}
