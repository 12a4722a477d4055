//! Sidecars: `p/<project>/v/<version>.json` beside the objects says how the version is called, numbered and rebuilt, so that the bucket
//! alone is enough to have everything back. The database names what is to be written (triggers fill its outbox), the server writes it.

pub mod document;
pub mod rebuild;
pub mod write;

use collabtrack_domain::id::{ProjectId, VersionId};

/// Most bytes of a sidecar that are read: a version of 20,000 files in thousands of extents stays below.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Key of a version's sidecar.
#[must_use]
pub fn key(project: &ProjectId, version: &VersionId) -> String {
    format!("p/{project}/v/{version}.json")
}

/// The project and version a key names, if it is a sidecar's.
#[must_use]
pub fn parse_key(key: &str) -> Option<(ProjectId, VersionId)> {
    let (project, rest) = key.strip_prefix("p/")?.split_once('/')?;
    let version = rest.strip_prefix("v/")?.strip_suffix(".json")?;
    Some((project.parse().ok()?, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_sidecars_are_read_as_such() {
        let (project, version) = (ProjectId::from_random([1; 17]), VersionId::from_random([2; 17]));
        assert_eq!(parse_key(&key(&project, &version)), Some((project.clone(), version)));
        for other in [format!("p/{project}/o/abc"), format!("p/{project}/v/x.json"), "t/self-test/x".to_owned(), "p//v/.json".to_owned()] {
            assert_eq!(parse_key(&other), None, "{other}");
        }
    }
}
