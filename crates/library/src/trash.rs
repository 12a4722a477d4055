//! The trash: versions, whole tracks and whole projects go there and come back as they were. Versions go without a server too; what the
//! server knows is told to it in the order it was done. Nothing is removed before 35 days are over, and on this computer alone never.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_domain::role::{Action, Actor, Assurance, Facts, Role, Settings, Target, may};
use collabtrack_protocol::limits::TRASH_DAYS;
use collabtrack_protocol::projects::{Project, TrashedProject};
use jiff::{SignedDuration, Timestamp};
use sqlx::SqliteConnection;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::store::edits::{self, Edit};
use crate::store::outbox::{self, Step};
use crate::store::trash::{self, Trashed};
use crate::store::versions::{State, Version};
use crate::store::{blobs, commit, projects, tracks, versions};
use crate::view::ProjectView;
use crate::view::trash::{TrashedProjectView, TrashedVersionView};

fn unknown(what: &'static str, id: impl ToString) -> LibraryError {
    LibraryError::Unknown { what, id: id.to_string() }
}

/// Whether a role may trash and restore a version; where there is no server, its owner may.
fn may_trash(role: Option<Role>, is_own: bool) -> bool {
    let Some(role) = role else { return true };
    let assurance = Assurance { recent_password: true, second_factor: true };
    let facts = Facts { settings: Settings::default(), owners: 1, second_factor_required: false, credited: false };
    let target = if is_own { Target::Own } else { Target::Others };
    may(&Actor { role: Some(role), assurance }, Action::TrashVersions, &target, &facts).is_allowed()
}

fn kept_until(trashed_at: &str) -> Option<String> {
    let since: Timestamp = trashed_at.parse().ok()?;
    since.checked_add(SignedDuration::from_hours(24 * TRASH_DAYS)).ok().map(clock::text)
}

impl Library {
    /// The trash of a project, or of all, newest first.
    /// # Errors
    /// What the database said.
    pub async fn trash(&self, project: Option<&ProjectId>) -> Result<Vec<TrashedVersionView>> {
        let own = self.own_account();
        let rows = trash::list(&mut *self.store().read().await?, project).await?;
        Ok(rows.into_iter().map(|row| shown(row, own.as_deref())).collect())
    }

    fn own_account(&self) -> Option<String> {
        self.connection().account.as_ref().map(|account| account.0.to_string())
    }

    /// Puts versions into the trash; all of them, or none. They keep their numbers.
    /// # Errors
    /// `Unknown`; `Invalid` for the approved version of a track, or somebody else's without the right.
    pub async fn trash_versions(&self, ids: &[VersionId]) -> Result<()> {
        let own = self.own_account();
        let now = clock::text(self.clock().now());
        let mut transaction = self.store().write().await?;
        for id in ids {
            let version = versions::get(&mut transaction, id).await?.ok_or_else(|| unknown("version", id))?;
            self.check_trashable(&mut transaction, &version, own.as_deref()).await?;
            if matches!(version.state, State::Trashed | State::Purged) {
                continue;
            }
            trash::put(&mut transaction, &version.id, &now).await?;
            tell(&mut transaction, &version, true).await?;
        }
        commit(transaction).await?;
        self.changed();
        self.wake_sync();
        Ok(())
    }

    async fn check_trashable(&self, connection: &mut SqliteConnection, version: &Version, own: Option<&str>) -> Result<()> {
        let track = tracks::get(connection, &version.track).await?.ok_or_else(|| unknown("track", &version.track))?;
        if track.approved.as_ref() == Some(&version.id) {
            let what = format!(
                "Version {} is the approved one of {}, so it stays. Approve another version first, then trash this one.",
                version.number, track.name
            );
            return Err(LibraryError::Invalid { what });
        }
        let role = projects::get(connection, &version.project).await?.and_then(|project| project.role);
        let is_own = version.author_id.is_none() || version.author_id.as_ref().map(|id| id.as_str()) == own;
        if !may_trash(role, is_own) {
            let what =
                format!("Version {} is {}'s, so it stays. Ask them, or an admin of the project.", version.number, version.author_name);
            return Err(LibraryError::Invalid { what });
        }
        Ok(())
    }

    /// Puts every version of a track into the trash: the track is gone from the lists until one of them is put back or a new one comes.
    /// # Errors
    /// As [`Library::trash_versions`].
    pub async fn trash_track(&self, id: &TrackId) -> Result<()> {
        let ids = {
            let mut connection = self.store().read().await?;
            let track = tracks::get(&mut connection, id).await?.ok_or_else(|| unknown("track", id))?;
            versions::of_track(&mut connection, &track.id).await?
        };
        self.trash_versions(&ids).await
    }

    /// Brings versions back from the trash as they were; all of them, or none.
    /// # Errors
    /// `Unknown`, `Invalid` for a version that is purged.
    pub async fn put_back(&self, ids: &[VersionId]) -> Result<()> {
        let mut transaction = self.store().write().await?;
        for id in ids {
            let version = versions::get(&mut transaction, id).await?.ok_or_else(|| unknown("version", id))?;
            match version.state {
                State::Trashed => {}
                State::Purged => {
                    let what = format!("Version {} was in the trash for {TRASH_DAYS} days and is gone; its record stays.", version.number);
                    return Err(LibraryError::Invalid { what });
                }
                _ => continue,
            }
            trash::put_back(&mut transaction, &version.id).await?;
            tell(&mut transaction, &version, false).await?;
            self.send_what_is_missing(&mut transaction, &version.id).await?;
        }
        commit(transaction).await?;
        self.changed();
        self.wake_sync();
        Ok(())
    }

    /// A version that went into the trash before it was wholly sent goes on from where it was.
    async fn send_what_is_missing(&self, connection: &mut SqliteConnection, id: &VersionId) -> Result<()> {
        let Some(version) = versions::get(connection, id).await? else { return Ok(()) };
        let mut is_here = true;
        for file in versions::files(connection, id).await? {
            is_here &= blobs::is_here(connection, &file.sha256).await?;
        }
        match version.state {
            State::Announced | State::Damaged if is_here && version.numbered => outbox::put(connection, id, Step::Announced).await?,
            // Its preview was passed over while it was in the trash.
            State::Local if outbox::step_of(connection, id).await? == Some(Step::PreviewSent) => {
                outbox::put(connection, id, Step::PreviewReady).await?
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts a whole project into the trash of the server: nobody reaches it, and its owners bring it back within 35 days. What is on this
    /// computer stays here.
    /// # Errors
    /// `OnlyHere`, `forbidden`, `step_up_required`.
    pub async fn trash_project(&self, id: &ProjectId) -> Result<TrashedProjectView> {
        let known = projects::get(&mut *self.store().read().await?, id).await?.ok_or_else(|| unknown("project", id))?;
        if known.server.is_none() {
            return Err(LibraryError::OnlyHere);
        }
        let api = self.api().await?;
        let trashed: TrashedProject = self.heard(api.post_empty(&format!("/projects/{id}/trash")).await)?;
        let mut transaction = self.store().write().await?;
        projects::set_away(&mut transaction, id, true).await?;
        commit(transaction).await?;
        self.project_changed(id);
        self.changed();
        Ok(project_view(trashed))
    }

    /// The projects in the trash that this account owns.
    /// # Errors
    /// What the server said.
    pub async fn trashed_projects(&self) -> Result<Vec<TrashedProjectView>> {
        let api = self.api().await?;
        let listed: Vec<TrashedProject> = self.heard(api.get("/trash", &[]).await)?;
        Ok(listed.into_iter().map(project_view).collect())
    }

    /// Brings a whole project back from the trash.
    /// # Errors
    /// `forbidden`, `not_found` when its time there is over.
    pub async fn put_back_project(&self, id: &ProjectId) -> Result<ProjectView> {
        let api = self.api().await?;
        let told: Project = self.heard(api.post_empty(&format!("/projects/{id}/restore")).await)?;
        let server = self.connection().server.clone().unwrap_or_default();
        let mut transaction = self.store().write().await?;
        // It may have come from another computer of the same account.
        projects::insert(&mut transaction, id, &told.name, &clock::text(self.clock().now())).await?;
        projects::connect(&mut transaction, id, &server).await?;
        projects::confirm(&mut transaction, id, &told.name, told.role).await?;
        projects::set_away(&mut transaction, id, false).await?;
        commit(transaction).await?;
        self.project_changed(id);
        self.changed();
        self.wake_sync();
        self.project(id).await
    }

    /// Notes which projects of this server it names to this account, and which not.
    pub(crate) async fn note_named(&self, server: &str, named: &BTreeSet<ProjectId>) -> Result<()> {
        let all = projects::all(&mut *self.store().read().await?).await?;
        let news = all.into_iter().filter(|project| project.on_server && project.server.as_deref() == Some(server));
        let news: Vec<_> = news.filter(|project| project.away == named.contains(&project.id)).collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store().write().await?;
        for project in &news {
            projects::set_away(&mut transaction, &project.id, !project.away).await?;
        }
        commit(transaction).await?;
        news.iter().for_each(|project| self.project_changed(&project.id));
        self.changed();
        Ok(())
    }
}

/// Queues what the server has to hear; of a version that it does not know it hears with the announcement.
async fn tell(connection: &mut SqliteConnection, version: &Version, trashed: bool) -> Result<()> {
    if versions::is_told(connection, &version.id).await? {
        edits::put(connection, &version.project, &Edit::Trash { version: version.id.clone(), trashed }).await?;
    }
    Ok(())
}

fn project_view(project: TrashedProject) -> TrashedProjectView {
    TrashedProjectView {
        id: project.id.to_string(),
        name: project.name,
        trashed_by: project.trashed_by.name,
        trashed_at: project.trashed_at,
        kept_until: project.purged_after,
    }
}

fn shown(row: Trashed, own: Option<&str>) -> TrashedVersionView {
    let is_own = row.author_id.is_none() || row.author_id.as_deref() == own;
    TrashedVersionView {
        kept_until: if row.has_server == 1 { row.trashed_at.as_deref().and_then(kept_until) } else { None },
        may_put_back: may_trash(row.role.as_deref().and_then(Role::from_word), is_own),
        is_final: row.numbered == 1 || row.has_server == 0,
        id: row.id,
        number: row.number,
        kind: row.kind,
        track: row.track,
        track_name: row.track_name,
        project: row.project,
        project_name: row.project_name,
        file_name: row.file_name.unwrap_or_default(),
        size_bytes: u64::try_from(row.size_bytes.unwrap_or(0)).unwrap_or(0),
        author: row.author_name,
        trashed_at: row.trashed_at,
    }
}
