//! Taking what is finished: captured, captured again if it moved meanwhile, recorded as one version.

use std::path::{Path, PathBuf};

use collabtrack_domain::recipe::MAX_FILES;

use super::ignore;
use super::look::Looked;
use super::scan::{self, Found, ScanKey};
use super::sets::Unit;
use crate::capture::{self, Captured};
use crate::error::{LibraryError, Result};
use crate::grouping::{self, Grouped, parts};
use crate::library::Library;
use crate::paths;
use crate::record::{Export, ExportFile, Form, Recorded, blocking};
use crate::store::roots::Root;
use crate::store::seen::SetMember;
use crate::view::{AppEvent, CandidateState};
use collabtrack_domain::kind::Kind;

const EMPTY: &str = "It is empty, so there is nothing to hear. Export it again; it is then taken by itself.";
const TWIN: &str = "Another file of this set has the same name but for capitals or accents, and other computers cannot keep both. \
                    Rename one of them; it is then taken by itself.";

impl Library {
    /// Captures and records what is one version.
    pub(super) async fn take(&self, root: &Root, unit: Unit, catching_up: bool, looked: &mut Looked) -> Result<()> {
        match unit {
            Unit::Single(file) if file.is_package => self.take_package(root, &file, catching_up, looked).await,
            Unit::Single(file) => self.take_single(root, &file, catching_up, looked).await,
            Unit::Stems { set, ready, kept, twins } => {
                for twin in twins {
                    self.refuse(root, &twin, TWIN, looked).await?;
                }
                self.take_stems(root, &parts::group_of(&set), &ready, kept, catching_up, looked).await
            }
        }
    }

    /// Says why a file is no version, until it changes.
    async fn refuse(&self, root: &Root, file: &Found, why: &str, looked: &mut Looked) -> Result<()> {
        self.remember_unreadable(root, &file.path, file.key, why).await?;
        self.settled(&(root.id, file.path.clone()));
        looked.waiting += 1;
        Ok(())
    }

    async fn take_single(&self, root: &Root, file: &Found, catching_up: bool, looked: &mut Looked) -> Result<()> {
        if file.key.size == 0 {
            return self.refuse(root, file, EMPTY, looked).await;
        }
        let is_sound = ignore::is_export(Path::new(&paths::name(&file.path)));
        let captured = match self.capture_file(root, file).await {
            Ok(captured) => captured,
            Err(error) => return self.not_taken(root, file, error, looked).await,
        };
        let mut grouped = group(root, &file.path);
        if !is_sound {
            grouped.kind = Kind::Multitrack;
        }
        let key = captured.key;
        let export = Export {
            project: root.project.clone(),
            form: if is_sound { Form::Sound } else { Form::Kept },
            grouped,
            track: None,
            files: vec![ExportFile::new(paths::name(&file.path), captured)],
            seen: vec![(root.id, file.path.clone(), key)],
            catching_up,
        };
        self.finish(root, &[file], export, looked).await
    }

    /// Stems become one version: those that are ready are captured, those that lie there unchanged are kept.
    async fn take_stems(
        &self,
        root: &Root,
        grouped: &Grouped,
        ready: &[Found],
        kept: Vec<SetMember>,
        catching_up: bool,
        looked: &mut Looked,
    ) -> Result<()> {
        let mut files = Vec::new();
        let mut seen = Vec::new();
        let mut taken: Vec<&Found> = Vec::new();
        for file in ready {
            if file.key.size == 0 {
                self.refuse(root, file, EMPTY, looked).await?;
                continue;
            }
            match self.capture_file(root, file).await {
                Ok(captured) => {
                    seen.push((root.id, file.path.clone(), captured.key));
                    files.push(ExportFile::new(paths::name(&file.path), captured));
                    taken.push(file);
                }
                // The others wait for it: half a set is no version.
                Err(error) => return self.not_taken(root, file, error, looked).await,
            }
        }
        for member in kept {
            seen.push((root.id, member.path, member.key));
            files.push(ExportFile { name: member.name, length: member.length, sha256: member.sha256, captured: None });
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(moved) = self.moved_meanwhile(root, &seen).await? {
            let file = ready.iter().find(|file| file.path == moved).or(ready.first());
            let error = LibraryError::ChangedMeanwhile { path: root.path.join(&moved) };
            return match file {
                Some(file) => self.not_taken(root, file, error, looked).await,
                None => Ok(()),
            };
        }
        if taken.is_empty() {
            return Ok(());
        }
        let form = if files.len() > 1 { Form::Stems } else { Form::Sound };
        let grouped = if files.len() > 1 { grouped.clone() } else { group(root, &taken[0].path) };
        let export = Export { project: root.project.clone(), form, grouped, track: None, files, seen, catching_up };
        self.finish(root, &taken, export, looked).await
    }

    /// A session in package form becomes one version of all its files, if none of them moved until all were captured.
    async fn take_package(&self, root: &Root, package: &Found, catching_up: bool, looked: &mut Looked) -> Result<()> {
        let (folder, path) = (root.path.clone(), package.path.clone());
        let inside = blocking(move || Ok(scan::package_files(&folder, &path))).await?;
        if inside.len() > MAX_FILES {
            let why = format!(
                "It has {} files; a version has at most {MAX_FILES}. It is not a version. Let your audio program clean up the session.",
                inside.len()
            );
            return self.refuse(root, package, &why, looked).await;
        }
        let mut files = Vec::new();
        for file in &inside {
            match self.capture_file(root, file).await {
                Ok(captured) => {
                    let name = file.path.strip_prefix(&package.path).unwrap_or(&file.path);
                    files.push(ExportFile::new(with_slashes(name), captured));
                }
                Err(error) => return self.not_taken(root, package, error, looked).await,
            }
        }
        let (folder, path) = (root.path.clone(), package.path.clone());
        let rules = self.rules_of(&root.project).await?;
        let after = blocking(move || Ok(scan::look_at(&folder, &path, &rules))).await?;
        if after.as_ref() != Some(package) {
            return self.not_taken(root, package, LibraryError::ChangedMeanwhile { path: root.path.join(&package.path) }, looked).await;
        }
        let mut names = std::collections::BTreeSet::new();
        if let Some(twin) = files.iter().find(|file| !names.insert(collabtrack_domain::recipe::name_key(&file.name))) {
            let why = format!("{}: {TWIN}", twin.name);
            return self.refuse(root, package, &why, looked).await;
        }
        let grouped = Grouped { kind: Kind::Multitrack, ..group(root, &package.path) };
        let export = Export {
            project: root.project.clone(),
            form: Form::Kept,
            grouped,
            track: None,
            files,
            seen: vec![(root.id, package.path.clone(), package.key)],
            catching_up,
        };
        self.finish(root, &[package], export, looked).await
    }

    async fn capture_file(&self, root: &Root, file: &Found) -> Result<Captured> {
        let place = (root.id, file.path.clone());
        self.note(place, CandidateState::Capturing, "It is being copied and measured.".to_owned());
        let (store, path, cancel) = (self.content().clone(), root.path.join(&file.path), self.cancel().clone());
        blocking(move || capture::capture(&store, &path, &mut |_| !cancel.is_cancelled())).await
    }

    /// The first of the files that is not as it was when it was captured.
    async fn moved_meanwhile(&self, root: &Root, seen: &[(crate::store::roots::RootId, PathBuf, ScanKey)]) -> Result<Option<PathBuf>> {
        let (folder, seen) = (root.path.clone(), seen.to_vec());
        blocking(move || {
            let moved = seen
                .into_iter()
                .find(|(_, path, key)| !std::fs::symlink_metadata(folder.join(path)).is_ok_and(|data| ScanKey::of(&data).same_file(key)));
            Ok(moved.map(|(_, path, _)| path))
        })
        .await
    }

    /// Records a captured export and says what came of it.
    async fn finish(&self, root: &Root, files: &[&Found], export: Export, looked: &mut Looked) -> Result<()> {
        let unrecorded = export.clone();
        let recorded = match self.record(export).await {
            Ok(recorded) => recorded,
            Err(error) => {
                self.drop_unrecorded(&unrecorded).await?;
                return match files.first() {
                    Some(file) => self.not_taken(root, file, error, looked).await,
                    None => Err(error),
                };
            }
        };
        for file in files {
            self.settled(&(root.id, file.path.clone()));
        }
        match recorded {
            Recorded::Version(version) => {
                looked.captured.push(version);
                self.wake_sync();
            }
            Recorded::Identical { number } => {
                looked.identical += 1;
                let name = files.first().map(|file| paths::name(&file.path)).unwrap_or_default();
                self.tell(AppEvent::Notice {
                    message: format!("{name} was exported again, identical to version {number}. Nothing new to keep."),
                });
            }
            Recorded::NotReadable(_) => looked.waiting += 1,
        }
        Ok(())
    }
}

/// What the name of a file says; the folder's name helps where the file's says nothing.
pub(crate) fn group(root: &Root, path: &Path) -> Grouped {
    let whole = root.path.join(path);
    let folder = whole.parent().map(paths::name).unwrap_or_default();
    grouping::group(&paths::name(path), &folder)
}

/// A path inside a version: `/` between its parts on every system.
fn with_slashes(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}
