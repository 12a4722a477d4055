//! The trash.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::trash::{TrashedProjectView, TrashedVersionView};
use serde::Serialize;

use crate::arguments::TrashCommand;
use crate::output::{Output, Trouble};
use crate::select;

/// What is in the trash.
#[derive(Serialize)]
struct Trash {
    versions: Vec<TrashedVersionView>,
    /// Whole projects this account owns; empty where the server cannot be asked.
    projects: Vec<TrashedProjectView>,
}

/// Puts things into the trash, lists it, and brings them back.
pub(crate) async fn trash(library: &Library, command: TrashCommand, output: &Output) -> Result<(), Trouble> {
    match command {
        TrashCommand::List { project } => return list(library, project.as_deref(), output).await,
        TrashCommand::Put { versions } => {
            let mut ids = Vec::new();
            for version in &versions {
                ids.push(VersionId::parse(&select::version(library, version).await?.id)?);
            }
            library.trash_versions(&ids).await?;
        }
        TrashCommand::Track { track } => {
            let id = TrackId::parse(&select::track(library, &track).await?.track.id)?;
            library.trash_track(&id).await?;
        }
        TrashCommand::Back { versions } => {
            let ids = versions.iter().map(|id| VersionId::parse(id)).collect::<Result<Vec<_>, _>>()?;
            library.put_back(&ids).await?;
        }
        TrashCommand::Project { project } => {
            let id = select::project(library, &project).await?;
            let trashed = library.trash_project(&id).await?;
            output.answer(&trashed, |trashed| {
                format!(
                    "{} is in the trash until {}; `trash project-back {}` brings it back.",
                    trashed.name, trashed.kept_until, trashed.id
                )
            });
            return Ok(());
        }
        TrashCommand::ProjectBack { project } => {
            let view = library.put_back_project(&ProjectId::parse(&project)?).await?;
            output.answer(&view, |view| format!("{}  {}", view.id, view.name));
            return Ok(());
        }
    }
    list(library, None, output).await
}

async fn list(library: &Library, project: Option<&str>, output: &Output) -> Result<(), Trouble> {
    let project = match project {
        Some(project) => Some(select::project(library, project).await?),
        None => None,
    };
    let versions = library.trash(project.as_ref()).await?;
    // Whole projects are known to the server alone.
    let projects = if project.is_none() { library.trashed_projects().await.unwrap_or_default() } else { Vec::new() };
    output.answer(&Trash { versions, projects }, words);
    Ok(())
}

fn words(trash: &Trash) -> String {
    let mut lines: Vec<String> =
        trash.projects.iter().map(|project| format!("{}  {}  kept until {}", project.id, project.name, project.kept_until)).collect();
    lines.extend(trash.versions.iter().map(|version| {
        let kept = version.kept_until.as_ref().map_or_else(|| "kept".to_owned(), |until| format!("kept until {until}"));
        format!("{}  {} / {} {}  {}  {kept}", version.id, version.project_name, version.track_name, version.number, version.file_name)
    }));
    if lines.is_empty() { "The trash is empty.".to_owned() } else { lines.join("\n") }
}
