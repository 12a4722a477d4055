//! Projects and their folders on this computer.

use std::path::Path;

use collabtrack_domain::id::ProjectId;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::paths;
use crate::record::{blocking, random_bits};
use crate::store::roots::{self, Root};
use crate::store::{commit, projects, rules};
use crate::view::{CaptureRulesView, ProjectView};
use crate::views;
use crate::watch::{marker, scan};

/// Longest name of a project, track or note, as the server has it.
const MOST_NAME_BYTES: usize = collabtrack_protocol::limits::MAX_NAME_BYTES;

/// Most patterns a project leaves out.
const MOST_PATTERNS: usize = 200;

/// A name somebody typed, trimmed.
pub(crate) fn name(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(LibraryError::Invalid { what: format!("A {what} needs a name of one line.") });
    }
    if text.len() > MOST_NAME_BYTES {
        return Err(LibraryError::Invalid {
            what: format!("The name of a {what} has at most {MOST_NAME_BYTES} bytes; this one has {}.", text.len()),
        });
    }
    Ok(text.to_owned())
}

impl Library {
    /// All projects, oldest first.
    /// # Errors
    /// What the database said.
    pub async fn projects(&self) -> Result<Vec<ProjectView>> {
        let mut connection = self.store().read().await?;
        let mut shown = Vec::new();
        for project in projects::all(&mut connection).await? {
            shown.push(views::project(self, &mut connection, project).await?);
        }
        Ok(shown)
    }

    /// One project.
    /// # Errors
    /// `Unknown`.
    pub async fn project(&self, id: &ProjectId) -> Result<ProjectView> {
        let mut connection = self.store().read().await?;
        let project = projects::get(&mut connection, id).await?;
        let project = project.ok_or_else(|| LibraryError::Unknown { what: "project", id: id.to_string() })?;
        views::project(self, &mut connection, project).await
    }

    /// Makes a project without a folder.
    /// # Errors
    /// `Invalid` for a name that is empty or too long.
    pub async fn create_project(&self, text: &str) -> Result<ProjectView> {
        let name = name("project", text)?;
        let id = ProjectId::from_random(random_bits());
        let mut transaction = self.store().write().await?;
        projects::insert(&mut transaction, &id, &name, &clock::text(self.clock().now())).await?;
        commit(transaction).await?;
        self.changed();
        self.project(&id).await
    }

    /// Watches a folder: as one more folder of `project`, or as the project its marker names, or as a new project named like the folder.
    /// # Errors
    /// `NotAFolder`, `Nested`, `OtherProject`, `Unknown` project.
    pub async fn add_folder(&self, project: Option<&ProjectId>, folder: &Path) -> Result<ProjectView> {
        self.add_folder_named(project, folder, None).await
    }

    /// As [`Library::add_folder`], with a name for a new project.
    /// # Errors
    /// As [`Library::add_folder`].
    pub async fn add_folder_named(&self, project: Option<&ProjectId>, folder: &Path, wanted_name: Option<&str>) -> Result<ProjectView> {
        let path = folder.to_path_buf();
        let (path, marked) = blocking(move || {
            let whole = std::fs::canonicalize(&path).map_err(|error| LibraryError::file("open", &path, error))?;
            if !whole.is_dir() {
                return Err(LibraryError::NotAFolder { path: whole });
            }
            let marked = marker::read(&whole);
            Ok((whole, marked))
        })
        .await?;
        let mut transaction = self.store().write().await?;
        let known = roots::all(&mut transaction).await?;
        if let Some(root) = known.iter().find(|root| root.path == path) {
            if project.is_some_and(|wanted| *wanted != root.project) {
                return Err(LibraryError::OtherProject { path });
            }
            let id = root.project.clone();
            drop(transaction);
            self.wake_watcher();
            return self.project(&id).await;
        }
        if let Some(root) = known.iter().find(|root| root.path.starts_with(&path) || path.starts_with(&root.path)) {
            return Err(LibraryError::Nested { path, watched: root.path.clone() });
        }
        let id = match (project, &marked) {
            (Some(wanted), Some(marked)) if wanted != marked => return Err(LibraryError::OtherProject { path }),
            (Some(wanted), _) => {
                let found = projects::get(&mut transaction, wanted).await?;
                found.ok_or_else(|| LibraryError::Unknown { what: "project", id: wanted.to_string() })?.id
            }
            (None, Some(marked)) => marked.clone(),
            (None, None) => ProjectId::from_random(random_bits()),
        };
        let now = clock::text(self.clock().now());
        let fallback = paths::name(&path);
        let project_name = name("project", wanted_name.unwrap_or(if fallback.is_empty() { "Music" } else { &fallback }))?;
        projects::insert(&mut transaction, &id, &project_name, &now).await?;
        let has_marker = write_marker(&path, &id);
        let place = scan::place(&path);
        // A folder that was moved brings its marker along: it is the same root at another place.
        match moved_from(&known, &id, place) {
            Some(root) => roots::set_path(&mut transaction, root.id, &path).await?,
            None => {
                roots::insert(&mut transaction, &id, &path, has_marker, place, &now).await?;
            }
        }
        commit(transaction).await?;
        self.changed();
        self.wake_watcher();
        self.project(&id).await
    }

    /// What a project takes and leaves out.
    /// # Errors
    /// `Unknown`.
    pub async fn capture_rules(&self, project: &ProjectId) -> Result<CaptureRulesView> {
        self.project(project).await?;
        let mut connection = self.store().read().await?;
        let left_out = rules::ignored(&mut connection, project).await?;
        Ok(CaptureRulesView { left_out, sessions: rules::keeps_sessions(&mut connection, project).await? })
    }

    /// Sets what a project takes and leaves out. Nothing that is a version already changes.
    /// # Errors
    /// `Unknown`, `Invalid` for a pattern that is empty or too long.
    pub async fn set_capture_rules(&self, project: &ProjectId, wanted: &CaptureRulesView) -> Result<CaptureRulesView> {
        self.project(project).await?;
        if wanted.left_out.len() > MOST_PATTERNS {
            return Err(LibraryError::Invalid { what: format!("A project leaves out at most {MOST_PATTERNS} patterns.") });
        }
        let patterns: Vec<String> = wanted.left_out.iter().map(|text| name("pattern", text)).collect::<Result<_>>()?;
        let mut transaction = self.store().write().await?;
        rules::set_ignored(&mut transaction, project, &patterns).await?;
        rules::set_sessions(&mut transaction, project, wanted.sessions).await?;
        commit(transaction).await?;
        self.changed();
        self.wake_watcher();
        self.capture_rules(project).await
    }

    /// Looks through the folders of a project now.
    /// # Errors
    /// `Unknown`.
    pub async fn rescan(&self, project: &ProjectId) -> Result<()> {
        self.project(project).await?;
        self.wake_watcher();
        Ok(())
    }
}

fn write_marker(folder: &Path, project: &ProjectId) -> bool {
    match marker::write(folder, project) {
        Ok(()) => true,
        Err(error) => {
            tracing::info!(%error, "a folder takes no marker; it is known by its place on the disk instead");
            false
        }
    }
}

fn moved_from<'r>(known: &'r [Root], project: &ProjectId, place: (i64, i64)) -> Option<&'r Root> {
    known.iter().find(|root| root.project == *project && root.place == place && place != (0, 0) && !root.path.is_dir())
}
