//! One look at the watched folders: what is new, whether it is finished, and capturing what is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use collabtrack_audio::container;
use collabtrack_domain::id::{ProjectId, VersionId};

use super::debounce::Look;
use super::ignore::{self, Rules};
use super::scan::{self, Found, Known, ScanKey};
use super::sets::{self, Unit};
use super::settle::{Settling, Structure, Verdict};
use super::{marker, writer};
use crate::error::{LibraryError, Result};
use crate::grouping;
use crate::library::Library;
use crate::paths;
use crate::record::blocking;
use crate::store::roots::{self, Root, RootId};
use crate::store::seen::{self, Outcome, SetMember};
use crate::store::{imports, rules};
use crate::view::{CandidateState, CandidateView, RootState};

/// A file inside a watched folder.
pub(crate) type Place = (RootId, PathBuf);

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// Versions made.
    pub captured: Vec<VersionId>,
    /// Files that had the bytes of their newest version.
    pub identical: usize,
    /// Files that are still settling and will be taken by a later look.
    pub settling: usize,
    /// Files that wait for something else: unfinished, unsettled, not readable, no space.
    pub waiting: usize,
    /// When the next look is worth it, on the library's clock.
    pub next: Option<Duration>,
}

impl Looked {
    /// Another look is worth it at this time.
    pub(super) fn come_back(&mut self, at: Duration) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// Files that are not versions yet, what folders are there, and the files of each as last seen.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    known: HashMap<RootId, Arc<RwLock<Known>>>,
    settling: BTreeMap<Place, Settling>,
    notes: BTreeMap<Place, (CandidateState, String)>,
    roots: HashMap<RootId, RootState>,
    /// Whether the look under way is to end after its next version.
    pub(crate) interrupted: bool,
}

impl Candidates {
    /// How a root is watched, as last seen.
    pub(crate) fn root_state(&self, root: RootId) -> Option<RootState> {
        self.roots.get(&root).copied()
    }

    /// Whether some root is watched in this way.
    pub(crate) fn has_state(&self, state: RootState) -> bool {
        self.roots.values().any(|known| *known == state)
    }

    /// Sets how a root is watched; whether that is news.
    pub(crate) fn set_root_state(&mut self, root: RootId, state: RootState) -> bool {
        self.roots.insert(root, state) != Some(state)
    }
}

fn first_of(unit: &Unit) -> &Found {
    match unit {
        Unit::Single(file) => file,
        Unit::Stems { ready, twins, .. } => ready.first().or(twins.first()).expect("a set has a file that is ready"),
    }
}

fn newest_time(unit: &Unit) -> i64 {
    match unit {
        Unit::Single(file) => file.key.mtime_ns,
        Unit::Stems { ready, .. } => ready.iter().map(|file| file.key.mtime_ns).max().unwrap_or(0),
    }
}

/// The id of a candidate as screens send it back.
fn candidate_id(place: &Place) -> String {
    let hash = blake3::hash(&paths::to_bytes(&place.1));
    format!("cand_{}_{}", place.0.0, &hash.to_hex()[..16])
}

impl Library {
    /// Looks at what `look` names and at everything that is settling; captures what is finished.
    pub(crate) async fn look(&self, look: Look) -> Result<Looked> {
        let _one_at_a_time = self.looking().lock().await;
        let catching_up = self.is_catching_up().await?;
        let mut looked = Looked::default();
        let mut work: Vec<(Root, Unit)> = Vec::new();
        let positions = imports::positions(&mut *self.store().read().await?).await?;
        for root in self.present_roots().await? {
            let rules = self.rules_of(&root.project).await?;
            let found = self.find(&root, &look, &rules).await?;
            let (ready, waiting) = self.sort_out(&root, found, &mut looked).await;
            let ready = self.hold_open_ones(&root, ready, &mut looked).await?;
            let members = if ready.is_empty() { Vec::new() } else { self.set_members(&root).await? };
            let chosen = |path: &Path| positions.get(&(root.id, path.to_path_buf())).copied();
            let units = sets::units(&root.path, ready, &waiting, &members, &chosen);
            work.extend(units.into_iter().map(|unit| (root.clone(), unit)));
        }
        work.sort_by_cached_key(|(root, unit)| {
            let first = first_of(unit);
            let chosen = positions.get(&(root.id, first.path.clone())).copied().unwrap_or(i64::MAX);
            (chosen, newest_time(unit), grouping::number_in_name(&paths::name(&first.path)), first.path.clone())
        });
        for (root, unit) in work {
            if self.cancel().is_cancelled() || self.candidates_state().interrupted {
                return Ok(looked);
            }
            self.take(&root, unit, catching_up, &mut looked).await?;
        }
        if catching_up && look.everything && looked.settling == 0 {
            self.caught_up().await?;
        }
        Ok(looked)
    }

    /// Which of the files are finished, and which wait; those that wait are counted.
    async fn sort_out(&self, root: &Root, found: Vec<Found>, looked: &mut Looked) -> (Vec<Found>, Vec<PathBuf>) {
        let now = self.clock().elapsed();
        self.forget_gone(root, &found);
        let (mut ready, mut waiting) = (Vec::new(), Vec::new());
        for file in found {
            match self.settle(root, &file, now).await {
                Verdict::Ready => ready.push(file),
                Verdict::Wait(at) => {
                    looked.come_back(at);
                    let unfinished =
                        self.note_of(&(root.id, file.path.clone())).is_some_and(|note| note == CandidateState::StillBeingWritten);
                    if unfinished {
                        looked.waiting += 1
                    } else {
                        looked.settling += 1
                    }
                    waiting.push(file.path);
                }
                Verdict::Unsettled(at) => {
                    looked.come_back(at);
                    looked.waiting += 1;
                }
                Verdict::LookInside => {}
            }
        }
        (ready, waiting)
    }

    /// Leaves out the files that another program still has open for writing, unless the user wants them as they are.
    async fn hold_open_ones(&self, root: &Root, ready: Vec<Found>, looked: &mut Looked) -> Result<Vec<Found>> {
        let wanted_anyway = |file: &Found| {
            let candidates = self.candidates_state();
            candidates.settling.get(&(root.id, file.path.clone())).is_some_and(|settling| settling.is_wanted_anyway())
        };
        let paths: Vec<PathBuf> =
            ready.iter().filter(|file| !file.is_package && !wanted_anyway(file)).map(|file| root.path.join(&file.path)).collect();
        if paths.is_empty() {
            return Ok(ready);
        }
        let open = blocking(move || Ok(writer::open_for_writing(&paths))).await?;
        let now = self.clock().elapsed();
        let patience = self.patience();
        let mut finished = Vec::new();
        for file in ready {
            let Some(program) = open.get(&root.path.join(&file.path)) else {
                finished.push(file);
                continue;
            };
            let place = (root.id, file.path.clone());
            let verdict = {
                let mut candidates = self.candidates_state();
                candidates.settling.get_mut(&place).map(|settling| settling.judge(Structure::Unfinished, now, &patience))
            };
            let (state, message) = match verdict {
                Some(Verdict::Unsettled(at)) => {
                    looked.come_back(at);
                    (CandidateState::Unsettled, format!("{program} has had it open for writing for long. {ANYWAY}"))
                }
                Some(Verdict::Wait(at)) => {
                    looked.come_back(at);
                    (CandidateState::StillBeingWritten, format!("{program} still has it open. {BY_ITSELF}"))
                }
                _ => continue,
            };
            self.note(place, state, message);
            looked.waiting += 1;
        }
        Ok(finished)
    }

    /// Captured stems of a root that lie there unchanged.
    async fn set_members(&self, root: &Root) -> Result<Vec<SetMember>> {
        let members = seen::set_members(&mut *self.store().read().await?, root.id).await?;
        let folder = root.path.clone();
        blocking(move || {
            let is_there = |member: &SetMember| {
                std::fs::symlink_metadata(folder.join(&member.path)).is_ok_and(|data| ScanKey::of(&data) == member.key)
            };
            Ok(members.into_iter().filter(is_there).collect())
        })
        .await
    }

    /// Roots that are there; says so when one went or came back.
    async fn present_roots(&self) -> Result<Vec<Root>> {
        let roots = roots::all(&mut *self.store().read().await?).await?;
        let (roots, presence) = blocking(move || {
            let presence: Vec<bool> = roots.iter().map(marker::is_present).collect();
            Ok((roots, presence))
        })
        .await?;
        let mut news = false;
        let mut present = Vec::new();
        for (root, is_here) in roots.into_iter().zip(presence) {
            let before = self.candidates_state().root_state(root.id);
            let state = match (is_here, before) {
                (false, _) => RootState::Missing,
                (true, Some(RootState::Polling)) => RootState::Polling,
                (true, _) => RootState::Watching,
            };
            if self.candidates_state().set_root_state(root.id, state) && before.is_some() {
                news = true;
            }
            if is_here {
                present.push(root);
            }
        }
        if news {
            self.changed();
            self.wake_watcher();
        }
        Ok(present)
    }

    /// What is in `root` that this look is about and is not as it was last seen, each once.
    async fn find(&self, root: &Root, look: &Look, rules: &Rules) -> Result<Vec<Found>> {
        let known = self.known_of(root.id).await?;
        let (folder, rules) = (root.path.clone(), rules.clone());
        let inside = |path: &PathBuf| path.strip_prefix(&folder).map(Path::to_path_buf).ok();
        let paths: BTreeSet<PathBuf> = look.paths.iter().filter_map(inside).collect();
        let folders: BTreeSet<PathBuf> = look.folders.iter().filter_map(inside).collect();
        let settling: Vec<PathBuf> =
            self.candidates_state().settling.keys().filter(|place| place.0 == root.id).map(|place| place.1.clone()).collect();
        let everything = look.everything;
        blocking(move || {
            let known = known.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            if everything {
                return Ok(scan::changed(&folder, Path::new(""), &rules, &known));
            }
            let mut found: BTreeMap<PathBuf, Found> = BTreeMap::new();
            let mut add = |file: Found| {
                if known.get(&file.path) != Some(&file.key) {
                    found.insert(file.path.clone(), file);
                }
            };
            for path in folders.iter().chain(paths.iter().filter(|path| folder.join(path).is_dir())) {
                match scan::look_at(&folder, path, &rules) {
                    // A package, or something inside one.
                    Some(package) => add(package),
                    None => scan::changed(&folder, path, &rules, &known).into_iter().for_each(&mut add),
                }
            }
            for path in paths.iter().chain(&settling) {
                scan::look_at(&folder, path, &rules).into_iter().for_each(&mut add);
            }
            Ok(found.into_values().collect())
        })
        .await
    }

    /// The states of the files of a root as last seen: read once, then kept beside the database.
    async fn known_of(&self, root: RootId) -> Result<Arc<RwLock<Known>>> {
        if let Some(known) = self.candidates_state().known.get(&root) {
            return Ok(known.clone());
        }
        let keys = seen::keys(&mut *self.store().read().await?, root).await?;
        Ok(self.candidates_state().known.entry(root).or_insert_with(|| Arc::new(RwLock::new(keys))).clone())
    }

    /// Files were recorded with these states.
    pub(crate) fn note_seen(&self, seen: &[(RootId, PathBuf, ScanKey)]) {
        for (root, path, key) in seen {
            let known = self.candidates_state().known.get(root).cloned();
            if let Some(known) = known {
                known.write().unwrap_or_else(std::sync::PoisonError::into_inner).insert(path, *key);
            }
        }
    }

    /// Every file is looked at again at the next look.
    pub(crate) fn forget_known(&self) {
        self.candidates_state().known.clear();
    }

    /// What a project takes and leaves out.
    pub(crate) async fn rules_of(&self, project: &ProjectId) -> Result<Rules> {
        let mut connection = self.store().read().await?;
        let ignored = rules::ignored(&mut connection, project).await?;
        let sessions = rules::keeps_sessions(&mut connection, project).await?;
        Ok(Rules::new(&ignored, sessions))
    }

    /// Files that were settling and are no longer there are no candidates any more.
    fn forget_gone(&self, root: &Root, found: &[Found]) {
        let here: BTreeSet<&Path> = found.iter().map(|file| file.path.as_path()).collect();
        let mut candidates = self.candidates_state();
        candidates.settling.retain(|place, _| place.0 != root.id || here.contains(place.1.as_path()));
        let Candidates { settling, notes, .. } = &mut *candidates;
        notes.retain(|place, _| place.0 != root.id || settling.contains_key(place));
    }

    async fn settle(&self, root: &Root, file: &Found, now: Duration) -> Verdict {
        let place = (root.id, file.path.clone());
        let patience = self.patience();
        let verdict = {
            let mut candidates = self.candidates_state();
            let settling = candidates.settling.entry(place.clone()).or_insert_with(|| Settling::new(file.key, now, &patience));
            settling.observe(file.key, now, &patience);
            settling.verdict(now, &patience)
        };
        let verdict = match verdict {
            Verdict::LookInside => {
                let path = root.path.join(&file.path);
                let is_sound = !file.is_package && ignore::is_export(Path::new(&paths::name(&file.path)));
                let structure = match is_sound {
                    true => blocking(move || Ok(structure(&path))).await.unwrap_or(Structure::Sane),
                    false => Structure::Sane,
                };
                self.candidates_state()
                    .settling
                    .get_mut(&place)
                    .map_or(Verdict::Ready, |settling| settling.judge(structure, now, &patience))
            }
            verdict => verdict,
        };
        let note = match verdict {
            Verdict::Unsettled(_) => Some((CandidateState::Unsettled, UNSETTLED)),
            Verdict::Wait(_) if self.candidates_state().settling.get(&place).is_some_and(|settling| settling.being_written) => {
                Some((CandidateState::StillBeingWritten, STILL_WRITTEN))
            }
            _ => None,
        };
        if let Some((state, message)) = note {
            self.note(place, state, message.to_owned());
        }
        verdict
    }

    /// What a failed capture means: look again, wait for room, or wait for the file to change.
    pub(super) async fn not_taken(&self, root: &Root, file: &Found, error: LibraryError, looked: &mut Looked) -> Result<()> {
        let place = (root.id, file.path.clone());
        let again = self.clock().elapsed() + self.patience().still;
        match error {
            LibraryError::ChangedMeanwhile { .. } => {
                self.restart(&place, file.key);
                self.note(place, CandidateState::StillBeingWritten, STILL_WRITTEN.to_owned());
                looked.come_back(again);
                looked.settling += 1;
            }
            LibraryError::NoSpace { .. } => {
                let view = error.view();
                self.note(place, CandidateState::NoSpace, format!("{} {}", view.message, view.hint.unwrap_or_default()));
                looked.come_back(self.clock().elapsed() + self.patience().longest);
                looked.waiting += 1;
            }
            LibraryError::File { action: "capture" | "read", source, .. } if source.kind() == io::ErrorKind::NotFound => {
                self.settled(&place)
            }
            LibraryError::File { action: "capture" | "read", source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                let message = format!(
                    "It cannot be read: {source}. It is not a version yet. Give yourself the right to read it, then save it again."
                );
                self.remember_unreadable(root, &file.path, file.key, &message).await?;
                self.settled(&place);
                looked.waiting += 1;
            }
            // Not about this file: the library itself cannot go on.
            LibraryError::Store(error) => {
                self.settled(&place);
                return Err(error.into());
            }
            error => {
                let view = error.view();
                tracing::warn!(error = %crate::error::chain(&error), "a file could not be captured; it is tried again");
                self.note(place, CandidateState::NotReadable, format!("{} {}", view.message, view.hint.unwrap_or_default()));
                looked.come_back(self.clock().elapsed() + self.patience().longest);
                looked.waiting += 1;
            }
        }
        Ok(())
    }

    /// The settling of a file starts over.
    fn restart(&self, place: &Place, key: ScanKey) {
        let now = self.clock().elapsed();
        let patience = self.patience();
        let mut settling = Settling::new(key, now, &patience);
        settling.being_written = true;
        self.candidates_state().settling.insert(place.clone(), settling);
    }

    pub(super) fn note(&self, place: Place, state: CandidateState, message: String) {
        let news = self.candidates_state().notes.insert(place, (state, message.clone())) != Some((state, message));
        if news {
            self.changed();
        }
    }

    fn note_of(&self, place: &Place) -> Option<CandidateState> {
        self.candidates_state().notes.get(place).map(|note| note.0)
    }

    pub(crate) fn settled(&self, place: &Place) {
        let mut candidates = self.candidates_state();
        candidates.settling.remove(place);
        if candidates.notes.remove(place).is_some() {
            drop(candidates);
            self.changed();
        }
    }

    /// Files that are not versions (yet), and why.
    /// # Errors
    /// What the database said.
    pub async fn candidates(&self) -> Result<Vec<CandidateView>> {
        let mut connection = self.store().read().await?;
        let mut shown = Vec::new();
        for root in roots::all(&mut connection).await? {
            for seen in seen::of_root(&mut connection, root.id).await?.into_iter().filter(|seen| seen.outcome == Outcome::NotReadable) {
                // A file that is gone is no candidate; it stays remembered in case it comes back unchanged.
                if root.path.join(&seen.path).exists() {
                    let place = (root.id, seen.path);
                    shown.push((place, root.project.clone(), CandidateState::NotReadable, seen.message));
                }
            }
            let notes: Vec<(Place, (CandidateState, String))> = {
                let candidates = self.candidates_state();
                candidates.notes.iter().filter(|(place, _)| place.0 == root.id).map(|(place, note)| (place.clone(), note.clone())).collect()
            };
            for (place, (state, message)) in notes {
                shown.retain(|(other, ..)| *other != place);
                shown.push((place, root.project.clone(), state, message));
            }
        }
        Ok(shown
            .into_iter()
            .map(|(place, project, state, message)| CandidateView {
                id: candidate_id(&place),
                project: project.to_string(),
                path: place.1.to_string_lossy().into_owned(),
                state,
                message,
            })
            .collect())
    }

    /// Takes a version of a file that does not settle, as it is now.
    /// # Errors
    /// `Unknown` when there is no such candidate any more, or what went wrong while it was taken.
    pub async fn take_now(&self, candidate: &str) -> Result<()> {
        let place = {
            let mut candidates = self.candidates_state();
            let place = candidates.settling.keys().find(|place| candidate_id(place) == candidate).cloned();
            let place = place.ok_or_else(|| LibraryError::Unknown { what: "candidate", id: candidate.chars().take(64).collect() })?;
            if let Some(settling) = candidates.settling.get_mut(&place) {
                settling.take_anyway();
            }
            place
        };
        let looked = self.look(Look::default()).await?;
        if looked.captured.is_empty() && self.candidates_state().settling.contains_key(&place) {
            return Err(LibraryError::Invalid {
                what: "The file changes so fast that not even a moment of it can be kept. Stop the program that writes it, then try again."
                    .into(),
            });
        }
        self.make_previews_now().await
    }
}

const ANYWAY: &str = "Take a version now anyway, or close it there.";
const BY_ITSELF: &str = "It becomes a version by itself as soon as it is finished.";
const STILL_WRITTEN: &str = "Another program is still writing it. It becomes a version by itself as soon as it is finished.";
const UNSETTLED: &str = "It does not settle: it keeps changing, or its header speaks of more sound than it holds. Take a version now anyway, or export it again.";

/// What the header of a file says of its length.
fn structure(path: &Path) -> Structure {
    match container::layout(path) {
        Ok(Some(layout)) if layout.truncated || layout.unsized_audio => Structure::Unfinished,
        _ => Structure::Sane,
    }
}
