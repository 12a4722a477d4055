//! Catalogue states read lately. Deciding about a large catalogue reads every row of it; the next decision finds them here. A state never
//! changes and its head names it, so what is found is right whichever instance made it; nothing depends on its being found.

use std::sync::{Arc, Mutex, PoisonError};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::ProjectId;

use super::rows::Snapshot;

/// Most rows kept, of all projects together: some 100 MB of full ones.
const MOST_ROWS: usize = 100_000;

/// The newest use first, one state for each project.
static RECENT: Mutex<Vec<(ProjectId, Arc<Snapshot>)>> = Mutex::new(Vec::new());

/// The state of a project with that head, if it was read lately.
pub(crate) fn find(project: &ProjectId, head: &ObjectHash) -> Option<Arc<Snapshot>> {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    let place = recent.iter().position(|(id, snapshot)| id == project && snapshot.head == *head)?;
    recent[..=place].rotate_right(1);
    Some(Arc::clone(&recent[0].1))
}

/// Keeps a state of a project in place of the one before; what was used longest ago goes when there are too many rows.
pub(crate) fn keep(project: &ProjectId, snapshot: &Arc<Snapshot>) {
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.retain(|(id, _)| id != project);
    recent.insert(0, (project.clone(), Arc::clone(snapshot)));
    let mut rows = 0;
    recent.retain(|(_, snapshot)| {
        rows += snapshot.catalogue.rows().len();
        rows <= MOST_ROWS
    });
}
