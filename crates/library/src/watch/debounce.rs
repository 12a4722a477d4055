//! Events of the system, gathered into one look: pure, with the time as an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long events are gathered after the first one.
pub const GATHER: Duration = Duration::from_millis(250);
const MOST_FILES: usize = 512;
const MOST_FILES_PER_FOLDER: usize = 128;

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Single paths.
    pub paths: BTreeSet<PathBuf>,
    /// Folders to be looked through wholly.
    pub folders: BTreeSet<PathBuf>,
    /// Everything: the system lost events.
    pub everything: bool,
}

/// Gathers events.
#[derive(Debug, Default)]
pub struct Gathering {
    since: Option<Duration>,
    look: Look,
    per_folder: BTreeMap<PathBuf, usize>,
}

impl Gathering {
    /// Something happened at `path`.
    pub fn path(&mut self, path: &Path, now: Duration) {
        self.since.get_or_insert(now);
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if self.look.everything || self.look.folders.contains(&folder) || !self.look.paths.insert(path.to_path_buf()) {
            return;
        }
        let count = self.per_folder.entry(folder.clone()).or_insert(0);
        *count += 1;
        if *count > MOST_FILES_PER_FOLDER {
            self.look.paths.retain(|known| known.parent() != Some(folder.as_path()));
            self.look.folders.insert(folder);
        } else if self.look.paths.len() > MOST_FILES {
            let folders: BTreeSet<PathBuf> = self.look.paths.iter().filter_map(|known| known.parent().map(Path::to_path_buf)).collect();
            self.look.paths.clear();
            self.look.folders.extend(folders);
        }
    }

    /// The system lost events or says that it did.
    pub fn everything(&mut self, now: Duration) {
        self.since.get_or_insert(now);
        self.look = Look { everything: true, ..Look::default() };
        self.per_folder.clear();
    }

    /// When the gathered events are due, if there are any.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.since.map(|since| since + GATHER)
    }

    /// The gathered look, once it is due.
    pub fn take(&mut self, now: Duration) -> Option<Look> {
        if self.due()? > now {
            return None;
        }
        self.since = None;
        self.per_folder.clear();
        Some(std::mem::take(&mut self.look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_one_look_and_never_put_off_for_ever() {
        let mut gathering = Gathering::default();
        for at in (0..1_000).step_by(10) {
            gathering.path(Path::new("/m/a.wav"), ms(at));
            if let Some(look) = gathering.take(ms(at)) {
                assert_eq!(at, 250, "events that go on do not put the look off");
                assert_eq!(look.paths.len(), 1);
                return;
            }
        }
        panic!("no look came");
    }

    #[test]
    fn many_files_become_a_look_through_their_folder() {
        let mut gathering = Gathering::default();
        for index in 0..200 {
            gathering.path(Path::new(&format!("/m/{index}.wav")), ms(0));
        }
        let look = gathering.take(ms(250)).expect("due");
        assert_eq!((look.paths.len(), look.folders.len()), (0, 1));
        for index in 0..600 {
            gathering.path(Path::new(&format!("/m/{index}/x.wav")), ms(0));
        }
        let look = gathering.take(ms(250)).expect("due");
        assert!(look.paths.len() <= 512 && look.paths.len() + look.folders.len() >= 600);
    }

    #[test]
    fn f22_lost_events_mean_looking_at_everything() {
        let mut gathering = Gathering::default();
        gathering.path(Path::new("/m/a.wav"), ms(0));
        gathering.everything(ms(1));
        gathering.path(Path::new("/m/b.wav"), ms(2));
        assert_eq!(gathering.take(ms(250)), Some(Look { everything: true, ..Look::default() }));
        assert_eq!(gathering.take(ms(500)), None);
    }
}
