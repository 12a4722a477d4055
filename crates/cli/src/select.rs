//! What a user names on the command line: a project, track or version, by name or by id.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_library::Library;
use collabtrack_library::view::{TrackDetail, VersionView};

use crate::output::Trouble;

/// The project of that name or id.
pub(crate) async fn project(library: &Library, text: &str) -> Result<ProjectId, Trouble> {
    let found: Vec<_> = library.projects().await?.into_iter().filter(|project| project.id == text || project.name == text).collect();
    match found.as_slice() {
        [one] => Ok(ProjectId::parse(&one.id)?),
        [] => Err(Trouble::new(
            format!("There is no project {text:?} in this library"),
            "Nothing was done.",
            "`versions` lists what is here.",
        )),
        _ => Err(Trouble::new(format!("Several projects are called {text:?}"), "Nothing was done.", "Use the id (prj_…).")),
    }
}

/// The track of that name or id.
pub(crate) async fn track(library: &Library, text: &str) -> Result<TrackDetail, Trouble> {
    let found: Vec<_> = library.tracks(None).await?.into_iter().filter(|track| track.id == text || track.name == text).collect();
    match found.as_slice() {
        [one] => Ok(library.track(&TrackId::parse(&one.id)?).await?),
        [] => {
            Err(Trouble::new(format!("There is no track {text:?} in this library"), "Nothing was done.", "`versions` lists what is here."))
        }
        _ => Err(Trouble::new(format!("Several tracks are called {text:?}"), "Nothing was done.", "Use the id (trk_…).")),
    }
}

/// The version of that id, or TRACK:NUMBER.
pub(crate) async fn version(library: &Library, text: &str) -> Result<VersionView, Trouble> {
    if let Ok(id) = VersionId::parse(text) {
        for row in library.tracks(None).await? {
            let detail = library.track(&TrackId::parse(&row.id)?).await?;
            if let Some(found) = detail.versions.into_iter().find(|version| version.id == id.as_str()) {
                return Ok(found);
            }
        }
    } else if let Some((name, number)) = text.rsplit_once(':')
        && let Ok(number) = number.trim().parse::<i64>()
        && let Some(found) = track(library, name.trim()).await?.versions.into_iter().find(|version| version.number == number)
    {
        return Ok(found);
    }
    Err(Trouble::new(
        format!("There is no version {text:?} in this library"),
        "Nothing was done.",
        "Name it by id (ver_…) or as TRACK:NUMBER, such as \"Night Drive:2\".",
    ))
}
