//! What answers to requests of this computer told already, so that the feed need not tell it again; and which projects have news of its own.
//! Nothing of this outlives the program: what is forgotten is read once more.

use std::collections::{BTreeSet, HashMap};

use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::limits::MAX_CHANGES_HAD;
use collabtrack_protocol::versions::Version;

/// Places of feeds whose documents came as answers, and projects that were changed from here.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    places: HashMap<ProjectId, BTreeSet<i64>>,
    changed: BTreeSet<ProjectId>,
}

impl Answered {
    /// The server answered with this version, and the database here has it so.
    pub(crate) fn version(&mut self, told: &Version) {
        self.places.entry(told.project.clone()).or_default().insert(told.seq);
        self.changed(&told.project);
    }

    /// Something of this project was changed from here.
    pub(crate) fn changed(&mut self, project: &ProjectId) {
        self.changed.insert(project.clone());
    }

    /// The projects changed from here since the last question.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<ProjectId> {
        std::mem::take(&mut self.changed)
    }

    /// Places after `since` whose documents are here.
    pub(crate) fn after(&self, project: &ProjectId, since: i64) -> Vec<i64> {
        let places = self.places.get(project);
        places.map_or_else(Vec::new, |places| places.range(since + 1..).copied().take(MAX_CHANGES_HAD).collect())
    }

    /// Places that a feed which ends at `head` does not reach.
    pub(crate) fn beyond(&self, project: &ProjectId, head: i64) -> Vec<i64> {
        self.places.get(project).map_or_else(Vec::new, |places| places.range(head + 1..).copied().collect())
    }

    /// The feed was read up to that place.
    pub(crate) fn read_to(&mut self, project: &ProjectId, seq: i64) {
        if let Some(places) = self.places.get_mut(project) {
            *places = places.split_off(&(seq + 1));
        }
    }

    /// The feed of a project is read from the start.
    pub(crate) fn forget(&mut self, project: &ProjectId) {
        self.places.remove(project);
    }
}
