//! Taking over a folder that holds exports already: first a proposal that a person can edit, then its versions in that order.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use collabtrack_domain::id::{ProjectId, TrackId};
use collabtrack_domain::kind::Kind;
use jiff::Timestamp;

use crate::clock;
use crate::error::{LibraryError, Result};
use crate::grouping::{self, Grouped, parts};
use crate::library::Library;
use crate::paths;
use crate::projects::name;
use crate::record::{blocking, new_track};
use crate::store::roots::Root;
use crate::store::seen::{Outcome, Seen};
use crate::store::tracks::Track;
use crate::store::{commit, imports, roots, rules, seen, tracks};
use crate::view::{FolderProposal, ProjectView, ProposedTrack, ProposedVersion};
use crate::watch::ignore::Rules;
use crate::watch::scan::{self, Found};

/// Most proposals remembered for the screens.
const MOST_PROPOSALS: usize = 8;

impl Library {
    /// Looks through a folder and proposes tracks and the order of their versions. Nothing is recorded or written.
    /// # Errors
    /// `File`, `NotAFolder`.
    pub async fn propose_folder(&self, folder: &Path) -> Result<FolderProposal> {
        let path = folder.to_path_buf();
        let (whole, tracks) = blocking(move || {
            let whole = std::fs::canonicalize(&path).map_err(|error| LibraryError::file("open", &path, error))?;
            if !whole.is_dir() {
                return Err(LibraryError::NotAFolder { path: whole });
            }
            let found = scan::walk(&whole, Path::new(""), &Rules::default());
            let tracks = propose(&whole, found);
            Ok((whole, tracks))
        })
        .await?;
        let id = format!("fol_{:032x}", rand::random::<u128>());
        let mut proposals = self.proposals();
        if proposals.len() >= MOST_PROPOSALS {
            proposals.clear();
        }
        proposals.insert(id.clone(), whole.clone());
        Ok(FolderProposal { id, folder: whole.to_string_lossy().into_owned(), tracks })
    }

    /// Takes over a proposed folder as edited: it is watched, its files become versions in this order, whatever was left out stays out
    /// until it changes.
    /// # Errors
    /// `Unknown` proposal, `Invalid` for a file that is not there, and as [`Library::add_folder`].
    pub async fn take_over(&self, proposal: &str, project: Option<&ProjectId>, tracks: &[ProposedTrack]) -> Result<ProjectView> {
        let folder = self.proposals().get(proposal).cloned();
        let folder = folder.ok_or_else(|| LibraryError::Unknown { what: "proposal", id: proposal.chars().take(64).collect() })?;
        let view = self.take_over_folder(project, &folder, tracks).await?;
        self.proposals().remove(proposal);
        Ok(view)
    }

    /// As [`Library::take_over`], for a folder by its path.
    /// # Errors
    /// As [`Library::take_over`].
    pub async fn take_over_folder(&self, project: Option<&ProjectId>, folder: &Path, tracks: &[ProposedTrack]) -> Result<ProjectView> {
        self.work_alone().await?;
        // Nothing is captured between watching the folder and knowing the order.
        let _nobody_looks = self.looking().lock().await;
        let path = folder.to_path_buf();
        let found = blocking(move || Ok(scan::walk(&path, Path::new(""), &Rules::default()))).await?;
        let mut here: BTreeMap<String, Found> = found.into_iter().map(|file| (text(&file.path), file)).collect();
        for file in tracks.iter().flat_map(|track| &track.versions).flat_map(|version| version.files.iter().chain(&version.also)) {
            if !here.contains_key(file) {
                return Err(LibraryError::Invalid { what: format!("{file} is not in the folder any more. Look through it again.") });
            }
        }
        for track in tracks {
            name("track", &track.name)?;
        }
        let view = self.add_folder(project, folder).await?;
        let id = ProjectId::parse(&view.id)?;
        let whole = std::fs::canonicalize(folder).map_err(|error| LibraryError::file("open", folder, error))?;
        let root = roots::all(&mut *self.store().read().await?).await?.into_iter().find(|root| root.path == whole);
        let root = root.ok_or_else(|| LibraryError::Unknown { what: "folder", id: text(&whole) })?;
        let noted = self.plan_take_over(&id, &root, tracks, &mut here).await?;
        self.note_seen(&noted);
        self.changed();
        self.wake_watcher();
        self.project(&id).await
    }

    /// How many files of a plan are still to be taken.
    /// # Errors
    /// What the database said.
    pub async fn taking_over(&self, project: &ProjectId) -> Result<usize> {
        Ok(imports::left(&mut *self.store().read().await?, project).await?.len())
    }

    /// Ends taking over: what was taken stays, and the rest of the plan stays out until it changes.
    /// # Errors
    /// What the database said.
    pub async fn stop_taking_over(&self, project: &ProjectId) -> Result<ProjectView> {
        self.work_alone().await?;
        // The look that is taking the plan ends after its next version.
        self.candidates_state().interrupted = true;
        let nobody_looks = self.looking().lock().await;
        let stopped = self.leave_out_the_rest(project).await;
        self.candidates_state().interrupted = false;
        drop(nobody_looks);
        self.note_seen(&stopped?);
        self.changed();
        self.wake_watcher();
        self.project(project).await
    }

    async fn leave_out_the_rest(&self, project: &ProjectId) -> Result<Vec<(roots::RootId, PathBuf, scan::ScanKey)>> {
        let (left_over, roots) = {
            let mut connection = self.store().read().await?;
            (imports::left(&mut connection, project).await?, roots::all(&mut connection).await?)
        };
        let mut noted = Vec::new();
        let mut transaction = self.store().write().await?;
        for (id, path) in left_over {
            let root = roots.iter().find(|root| root.id == id);
            let found = root.and_then(|root| scan::look_at(&root.path, &path, &Rules::default()));
            if let Some(file) = found {
                seen::put(&mut transaction, id, &left(&file, Outcome::LeftOut, None)).await?;
                noted.push((id, file.path, file.key));
            }
            imports::done(&mut transaction, id, &path).await?;
        }
        commit(transaction).await?;
        for (root, path, _) in &noted {
            self.settled(&(*root, path.clone()));
        }
        Ok(noted)
    }

    /// Writes the plan in one transaction: a crash leaves a watched folder with its whole plan, or with none.
    async fn plan_take_over(
        &self,
        project: &ProjectId,
        root: &Root,
        wanted: &[ProposedTrack],
        here: &mut BTreeMap<String, Found>,
    ) -> Result<Vec<(roots::RootId, PathBuf, scan::ScanKey)>> {
        let now = clock::text(self.clock().now());
        let mut noted = Vec::new();
        let mut transaction = self.store().write().await?;
        let mut position = 0_i64;
        for proposed in wanted.iter().filter(|track| !track.versions.is_empty()) {
            let track = planned_track(project, root, proposed);
            let track = match tracks::with_key(&mut transaction, project, &track.key).await? {
                Some(known) if known.name == track.name => known,
                _ => {
                    tracks::insert(&mut transaction, &track, &now).await?;
                    track
                }
            };
            for version in &proposed.versions {
                position += 1;
                for file in version.files.iter().filter_map(|file| here.remove(file)) {
                    let key = group(&root.path, &file.path).key;
                    if key != track.key {
                        rules::put(&mut transaction, project, &key, &track.id, &now).await?;
                    }
                    let kind = Kind::from_word(&version.kind);
                    imports::put(&mut transaction, root.id, &file.path, &imports::Choice { position, track: &track.id, kind }).await?;
                }
                for file in version.also.iter().filter_map(|file| here.remove(file)) {
                    seen::put(&mut transaction, root.id, &left(&file, Outcome::Identical, Some(&track.id))).await?;
                    noted.push((root.id, file.path, file.key));
                }
            }
        }
        for file in std::mem::take(here).into_values() {
            if seen::track_of(&mut transaction, root.id, &file.path).await?.is_none() {
                seen::put(&mut transaction, root.id, &left(&file, Outcome::LeftOut, None)).await?;
                noted.push((root.id, file.path, file.key));
            }
        }
        commit(transaction).await?;
        Ok(noted)
    }
}

fn left(file: &Found, outcome: Outcome, track: Option<&TrackId>) -> Seen {
    Seen { path: file.path.clone(), key: file.key, outcome, message: String::new(), track: track.cloned(), version: None }
}

/// The track as proposed; with another name than its files suggest it is a person's.
fn planned_track(project: &ProjectId, root: &Root, proposed: &ProposedTrack) -> Track {
    let first = proposed.versions.first().and_then(|version| version.files.first());
    let grouped = first.map(|file| group(&root.path, Path::new(file)));
    let grouped = grouped.unwrap_or_else(|| grouping::group(&proposed.name, ""));
    let auto = grouped.name == proposed.name;
    let key = if auto { grouped.key.clone() } else { grouping::group(&proposed.name, "").key };
    Track { auto, name: proposed.name.trim().to_owned(), ..new_track(project, &Grouped { key, ..grouped }, false) }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What the name of a file says, as a part of a set or alone.
fn group(root: &Path, path: &Path) -> Grouped {
    let folder = root.join(path).parent().map(paths::name).unwrap_or_default();
    grouping::group(&paths::name(path), &folder)
}

/// Tracks and versions for the files of a folder: by file time, then by the number in the name. Stems that lie together are one version;
/// equal bytes of one track are one version with two names.
fn propose(root: &Path, mut found: Vec<Found>) -> Vec<ProposedTrack> {
    found.sort_by_cached_key(|file| (file.key.mtime_ns, grouping::number_in_name(&paths::name(&file.path)), file.path.clone()));
    let sets = stem_sets(root, &found);
    let mut tracks: Vec<(Grouped, Vec<ProposedVersion>)> = Vec::new();
    let mut set_places: BTreeMap<(PathBuf, String), (usize, usize)> = BTreeMap::new();
    for file in &found {
        let set = sets.get(&file.path);
        let grouped = match set {
            Some((_, part)) => parts::group_of(part),
            None => group(root, &file.path),
        };
        if let Some((place, _)) = set
            && let Some((track, version)) = set_places.get(place)
        {
            let version = &mut tracks[*track].1[*version];
            version.files.push(text(&file.path));
            version.size_bytes += file.key.size;
            continue;
        }
        let track = match tracks.iter().position(|(known, _)| known.key == grouped.key) {
            Some(track) => track,
            None => {
                tracks.push((grouped.clone(), Vec::new()));
                tracks.len() - 1
            }
        };
        if set.is_none()
            && let Some(twin) = tracks[track].1.iter_mut().find(|version| is_twin(root, version, file))
        {
            twin.also.push(text(&file.path));
            continue;
        }
        if let Some((place, _)) = set {
            set_places.insert(place.clone(), (track, tracks[track].1.len()));
        }
        tracks[track].1.push(ProposedVersion {
            files: vec![text(&file.path)],
            also: Vec::new(),
            kind: grouped.kind.as_str().to_owned(),
            modified_at: modified(file),
            size_bytes: file.key.size,
        });
    }
    let keys: BTreeMap<String, String> = tracks.iter().map(|(grouped, _)| (grouped.key.clone(), grouped.name.clone())).collect();
    tracks
        .into_iter()
        .map(|(grouped, versions)| ProposedTrack {
            merge_with: grouped.without_number.as_ref().and_then(|key| keys.get(key)).cloned(),
            please_check: grouped.please_check,
            name: grouped.name,
            versions,
        })
        .collect()
}

type SetPlace = (PathBuf, String);

/// The files that are parts of a set of at least two different parts in one folder.
fn stem_sets(root: &Path, found: &[Found]) -> BTreeMap<PathBuf, (SetPlace, parts::Part)> {
    let mut sets: BTreeMap<SetPlace, Vec<(PathBuf, parts::Part)>> = BTreeMap::new();
    for file in found {
        let folder = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
        if let Some(part) = parts::part(&paths::name(&file.path), &paths::name(&root.join(&folder))) {
            sets.entry((folder, part.base.clone())).or_default().push((file.path.clone(), part));
        }
    }
    sets.retain(|_, files| {
        let words: std::collections::BTreeSet<&str> = files.iter().map(|(_, part)| part.part.as_str()).collect();
        files.len() > 1 && words.len() == files.len()
    });
    let members = |(place, files): (SetPlace, Vec<(PathBuf, parts::Part)>)| {
        files.into_iter().map(move |(path, part)| (path, (place.clone(), part))).collect::<Vec<_>>()
    };
    sets.into_iter().flat_map(members).collect()
}

fn modified(file: &Found) -> String {
    Timestamp::from_nanosecond(i128::from(file.key.mtime_ns)).map(clock::text).unwrap_or_default()
}

/// Whether `file` has the bytes of a proposed version of one file.
fn is_twin(root: &Path, version: &ProposedVersion, file: &Found) -> bool {
    match version.files.as_slice() {
        [one] if version.size_bytes == file.key.size => match (digest(&root.join(one)), digest(&root.join(&file.path))) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        },
        _ => false,
    }
}

fn digest(path: &Path) -> Option<blake3::Hash> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hasher.finalize()),
            got => hasher.update(&buffer[..got]),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_folder_is_proposed_by_time_and_number_with_stems_together_and_twins_once() {
        let root = tempfile::tempdir().expect("a folder");
        let put = |path: &str, bytes: &[u8], age: u64| {
            let whole = root.path().join(path);
            std::fs::create_dir_all(whole.parent().expect("inside")).expect("made");
            std::fs::write(&whole, bytes).expect("written");
            let file = std::fs::File::options().write(true).open(whole).expect("open");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 - age)).expect("an older time");
        };
        put("Night Drive final.wav", b"three", 10);
        put("Night Drive v2.wav", b"two", 20);
        put("Night Drive v1.wav", b"one", 20);
        put("old/Night Drive v2 copy.wav", b"two", 5);
        put("Rain.wav", b"rain", 50);
        put("Rain 2.wav", b"rain2", 40);
        put("Stems/Rain_drums.wav", b"drums", 30);
        put("Stems/Rain_bass.wav", b"bass", 29);
        let tracks = propose(root.path(), scan::walk(root.path(), Path::new(""), &Rules::default()));
        let shape: Vec<(&str, Vec<String>, Option<&str>)> = tracks
            .iter()
            .map(|track| {
                let versions = track.versions.iter().map(|version| format!("{} / {}", version.files.join("+"), version.also.join("+")));
                (track.name.as_str(), versions.collect(), track.merge_with.as_deref())
            })
            .collect();
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shape,
            [
                ("Rain", strings(&["Rain.wav / ", "Stems/Rain_drums.wav+Stems/Rain_bass.wav / "]), None),
                ("Rain 2", strings(&["Rain 2.wav / "]), Some("Rain")),
                (
                    "Night Drive",
                    strings(&["Night Drive v1.wav / ", "Night Drive v2.wav / old/Night Drive v2 copy.wav", "Night Drive final.wav / "]),
                    None
                ),
            ]
        );
    }
}
