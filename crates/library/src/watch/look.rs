//! One look at the watched folders: what is new, whether it is finished, and capturing what is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collabtrack_audio::container;
use collabtrack_domain::id::VersionId;

use super::debounce::Look;
use super::marker;
use super::scan::{self, Found, ScanKey};
use super::settle::{Settling, Structure, Verdict};
use crate::capture;
use crate::error::{LibraryError, Result};
use crate::grouping;
use crate::library::Library;
use crate::paths;
use crate::record::{Recorded, blocking};
use crate::store::roots::{self, Root, RootId};
use crate::store::seen::{self, Outcome, Seen};
use crate::view::{AppEvent, CandidateState, CandidateView, RootState};

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

/// Files that are not versions yet, and what folders are there.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    settling: BTreeMap<Place, Settling>,
    notes: BTreeMap<Place, (CandidateState, String)>,
    roots: HashMap<RootId, RootState>,
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

/// The id of a candidate as screens send it back.
fn candidate_id(place: &Place) -> String {
    let hash = blake3::hash(&paths::to_bytes(&place.1));
    format!("cand_{}_{}", place.0.0, &hash.to_hex()[..16])
}

impl Library {
    /// Looks at what `look` names and at everything that is settling; captures what is finished.
    pub(crate) async fn look(&self, look: Look) -> Result<Looked> {
        let _one_at_a_time = self.looking().lock().await;
        let roots = self.present_roots().await?;
        let mut looked = Looked::default();
        let mut ready: Vec<(Root, Found)> = Vec::new();
        for root in roots {
            let known = self.seen_of(&root).await?;
            let found = self.find(&root, &look).await?;
            let now = self.clock().elapsed();
            self.forget_gone(&root, &found);
            for file in found {
                if known.get(&file.path).is_some_and(|seen| seen.key == file.key) {
                    self.candidates_state().settling.remove(&(root.id, file.path));
                    continue;
                }
                match self.settle(&root, &file, now).await {
                    Verdict::Ready => ready.push((root.clone(), file)),
                    Verdict::Wait(at) => {
                        looked.next = Some(looked.next.map_or(at, |next| next.min(at)));
                        let unfinished =
                            self.note_of(&(root.id, file.path.clone())).is_some_and(|note| note == CandidateState::StillBeingWritten);
                        if unfinished { looked.waiting += 1 } else { looked.settling += 1 }
                    }
                    Verdict::Unsettled(at) => {
                        looked.next = Some(looked.next.map_or(at, |next| next.min(at)));
                        looked.waiting += 1;
                    }
                    Verdict::LookInside => {}
                }
            }
        }
        ready.sort_by_cached_key(|(_, file)| (file.key.mtime_ns, grouping::number_in_name(&paths::name(&file.path)), file.path.clone()));
        for (root, file) in ready {
            if self.cancel().is_cancelled() {
                break;
            }
            self.take(&root, &file, &mut looked).await?;
        }
        Ok(looked)
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

    async fn seen_of(&self, root: &Root) -> Result<HashMap<PathBuf, Seen>> {
        let seen = seen::of_root(&mut *self.store().read().await?, root.id).await?;
        Ok(seen.into_iter().map(|seen| (seen.path.clone(), seen)).collect())
    }

    /// The files of `root` that this look is about, each once.
    async fn find(&self, root: &Root, look: &Look) -> Result<Vec<Found>> {
        let folder = root.path.clone();
        let inside = |path: &PathBuf| path.strip_prefix(&folder).map(Path::to_path_buf).ok();
        let paths: BTreeSet<PathBuf> = look.paths.iter().filter_map(inside).collect();
        let folders: BTreeSet<PathBuf> = look.folders.iter().filter_map(inside).collect();
        let settling: Vec<PathBuf> =
            self.candidates_state().settling.keys().filter(|place| place.0 == root.id).map(|place| place.1.clone()).collect();
        let everything = look.everything;
        blocking(move || {
            if everything {
                return Ok(scan::walk(&folder, Path::new("")));
            }
            let mut found: BTreeMap<PathBuf, Found> = BTreeMap::new();
            let mut add = |file: Found| {
                found.insert(file.path.clone(), file);
            };
            for path in folders.iter().chain(paths.iter().filter(|path| folder.join(path).is_dir())) {
                scan::walk(&folder, path).into_iter().for_each(&mut add);
            }
            for path in paths.iter().chain(&settling) {
                scan::look_at(&folder, path).into_iter().for_each(&mut add);
            }
            Ok(found.into_values().collect())
        })
        .await
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
                let structure = blocking(move || Ok(structure(&path))).await.unwrap_or(Structure::Sane);
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

    /// Captures and records a finished file.
    async fn take(&self, root: &Root, file: &Found, looked: &mut Looked) -> Result<()> {
        let place = (root.id, file.path.clone());
        if file.key.size == 0 {
            self.remember_unreadable(root, &file.path, file.key, EMPTY).await?;
            self.settled(&place);
            looked.waiting += 1;
            return Ok(());
        }
        self.note(place.clone(), CandidateState::Capturing, "It is being copied and measured.".to_owned());
        let store = self.content().clone();
        let path = root.path.join(&file.path);
        let cancel = self.cancel().clone();
        let captured = blocking(move || capture::capture(&store, &path, &mut |_| !cancel.is_cancelled())).await;
        let recorded = match captured {
            Ok(captured) => self.record(root, &file.path, captured).await,
            Err(error) => Err(error),
        };
        match recorded {
            Ok(Recorded::Version(version)) => {
                self.settled(&place);
                looked.captured.push(version);
                self.wake_sync();
            }
            Ok(Recorded::Identical { number, .. }) => {
                self.settled(&place);
                looked.identical += 1;
                let name = paths::name(&file.path);
                self.tell(AppEvent::Notice {
                    message: format!("{name} was exported again, identical to version {number}. Nothing new to keep."),
                });
            }
            Ok(Recorded::NotReadable(_)) => {
                self.settled(&place);
                looked.waiting += 1;
            }
            Err(error) => self.not_taken(root, file, place, error, looked).await?,
        }
        Ok(())
    }

    /// What a failed capture means: look again, wait for room, or wait for the file to change.
    async fn not_taken(&self, root: &Root, file: &Found, place: Place, error: LibraryError, looked: &mut Looked) -> Result<()> {
        let again = self.clock().elapsed() + self.patience().still;
        match error {
            LibraryError::ChangedMeanwhile { .. } => {
                self.restart(&place, file.key);
                self.note(place, CandidateState::StillBeingWritten, STILL_WRITTEN.to_owned());
                looked.next = Some(looked.next.map_or(again, |next| next.min(again)));
                looked.settling += 1;
            }
            LibraryError::NoSpace { .. } => {
                let view = error.view();
                self.note(place, CandidateState::NoSpace, format!("{} {}", view.message, view.hint.unwrap_or_default()));
                let later = self.clock().elapsed() + self.patience().longest;
                looked.next = Some(looked.next.map_or(later, |next| next.min(later)));
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
                let later = self.clock().elapsed() + self.patience().longest;
                looked.next = Some(looked.next.map_or(later, |next| next.min(later)));
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

    fn note(&self, place: Place, state: CandidateState, message: String) {
        let news = self.candidates_state().notes.insert(place, (state, message.clone())) != Some((state, message));
        if news {
            self.changed();
        }
    }

    fn note_of(&self, place: &Place) -> Option<CandidateState> {
        self.candidates_state().notes.get(place).map(|note| note.0)
    }

    fn settled(&self, place: &Place) {
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
        self.make_previews().await
    }
}

const STILL_WRITTEN: &str = "Another program is still writing it. It becomes a version by itself as soon as it is finished.";
const UNSETTLED: &str = "It does not settle: it keeps changing, or its header speaks of more sound than it holds. Take a version now anyway, or export it again.";
const EMPTY: &str = "It is empty, so there is nothing to hear. Export it again; it is then taken by itself.";

/// What the header of a file says of its length.
fn structure(path: &Path) -> Structure {
    match container::layout(path) {
        Ok(Some(layout)) if layout.truncated || layout.unsized_audio => Structure::Unfinished,
        _ => Structure::Sane,
    }
}
