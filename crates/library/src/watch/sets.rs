//! Which finished files are one version together: pure, so that every rule is a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use collabtrack_domain::recipe::name_key;

use super::scan::Found;
use crate::grouping::parts::{self, Part};
use crate::paths;
use crate::store::seen::SetMember;

/// What becomes one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// One file, or one session in package form.
    Single(Found),
    /// Stems that belong together.
    Stems {
        /// What they share.
        set: Part,
        /// Files to capture.
        ready: Vec<Found>,
        /// Files of the set that were captured before and lie there unchanged.
        kept: Vec<SetMember>,
        /// Files that cannot stand beside one of the same name but for capitals or Unicode form.
        twins: Vec<Found>,
    },
}

type Group = (PathBuf, String);

fn group_of(root: &Path, path: &Path) -> Option<(Group, Part)> {
    let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let part = parts::part(&paths::name(path), &paths::name(&root.join(&folder)))?;
    Some(((folder, part.base.clone()), part))
}

/// Puts finished files of one root together. Files whose set has a part that is still being written wait with it. `chosen` are files that
/// a person gave an order and a track: those of one place are one version, all others single. `members` lie there unchanged.
#[must_use]
pub fn units(
    root: &Path,
    ready: Vec<Found>,
    waiting: &[PathBuf],
    members: &[SetMember],
    chosen: &dyn Fn(&Path) -> Option<i64>,
) -> Vec<Unit> {
    let held: BTreeSet<Group> = waiting.iter().filter_map(|path| group_of(root, path)).map(|(group, _)| group).collect();
    let mut units = Vec::new();
    let mut sets: BTreeMap<Group, Vec<(Part, Found)>> = BTreeMap::new();
    let mut places: BTreeMap<i64, Vec<Found>> = BTreeMap::new();
    for file in ready {
        if let Some(place) = chosen(&file.path) {
            places.entry(place).or_default().push(file);
            continue;
        }
        match group_of(root, &file.path).filter(|_| !file.is_package) {
            Some((group, part)) => sets.entry(group).or_default().push((part, file)),
            None => units.push(Unit::Single(file)),
        }
    }
    for mut files in places.into_values() {
        match (files.len(), files.first().and_then(|file| group_of(root, &file.path))) {
            (2.., Some((_, set))) => units.push(stems(set, files, Vec::new())),
            _ => units.extend(files.drain(..).map(Unit::Single)),
        }
    }
    for (group, files) in sets {
        if held.contains(&group) {
            continue;
        }
        let words: BTreeSet<&str> = files.iter().map(|(part, _)| part.part.as_str()).collect();
        let kept: Vec<SetMember> = members
            .iter()
            .filter(|member| {
                group_of(root, &member.path).is_some_and(|(other, part)| other == group && !words.contains(part.part.as_str()))
            })
            .cloned()
            .collect();
        // Two files for one part are two exports of that part, not one set.
        let is_set = words.len() == files.len() && files.len() + kept.len() > 1;
        let set = files.first().map(|(part, _)| part.clone());
        let files: Vec<Found> = files.into_iter().map(|(_, file)| file).collect();
        match set.filter(|_| is_set) {
            Some(set) => units.push(stems(set, files, kept)),
            None => units.extend(files.into_iter().map(Unit::Single)),
        }
    }
    units
}

fn stems(set: Part, files: Vec<Found>, kept: Vec<SetMember>) -> Unit {
    let mut names: BTreeSet<String> = kept.iter().map(|member| name_key(&member.name)).collect();
    let (ready, twins) = files.into_iter().partition(|file| names.insert(name_key(&paths::name(&file.path))));
    Unit::Stems { set, ready, kept, twins }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::scan::ScanKey;
    use collabtrack_domain::hash::ObjectHash;

    fn file(path: &str) -> Found {
        Found { path: path.into(), key: ScanKey { size: 1, mtime_ns: 0, ctime_ns: 0, inode: 0 }, is_package: false }
    }

    fn member(path: &str) -> SetMember {
        let name = paths::name(Path::new(path));
        SetMember { path: path.into(), key: file(path).key, name, length: 1, sha256: ObjectHash::of(path.as_bytes()) }
    }

    fn shape(units: &[Unit]) -> Vec<String> {
        let names = |files: &[Found]| files.iter().map(|file| paths::name(&file.path)).collect::<Vec<_>>().join("+");
        let mut shapes: Vec<String> = units
            .iter()
            .map(|unit| match unit {
                Unit::Single(file) => paths::name(&file.path),
                Unit::Stems { set, ready, kept, twins } => {
                    format!("{}: {} kept {} twins {}", set.base, names(ready), kept.len(), names(twins))
                }
            })
            .collect();
        shapes.sort();
        shapes
    }

    fn together(ready: &[&str], waiting: &[&str], members: &[SetMember]) -> Vec<String> {
        let ready = ready.iter().map(|path| file(path)).collect();
        let waiting: Vec<PathBuf> = waiting.iter().map(PathBuf::from).collect();
        shape(&units(Path::new("/m"), ready, &waiting, members, &|_| None))
    }

    #[test]
    fn parts_finishing_together_are_one_version_and_everything_else_is_its_own() {
        assert_eq!(
            together(&["a/Song_drums.wav", "a/Song_bass.wav", "a/Song.wav", "b/Song_keys.wav"], &[], &[]),
            ["Song.wav", "Song_keys.wav", "song: Song_drums.wav+Song_bass.wav kept 0 twins "],
        );
    }

    #[test]
    fn a_part_that_is_still_written_holds_its_whole_set_and_nothing_else() {
        assert_eq!(
            together(&["a/Song_drums.wav", "a/Rain_bass.wav", "a/Rain_drums.wav"], &["a/Song_bass.wav"], &[]),
            ["rain: Rain_bass.wav+Rain_drums.wav kept 0 twins "]
        );
    }

    #[test]
    fn one_part_exported_again_is_a_new_version_of_the_whole_set() {
        let members = [member("a/Song_drums.wav"), member("a/Song_bass.wav"), member("b/Song_vox.wav")];
        assert_eq!(together(&["a/Song_drums.wav"], &[], &members), ["song: Song_drums.wav kept 1 twins "]);
        assert_eq!(together(&["c/Song_drums.wav"], &[], &members), ["Song_drums.wav"]);
    }

    #[test]
    fn two_exports_of_one_part_are_no_set() {
        assert_eq!(together(&["a/Song_drums_v1.wav", "a/Song_drums_v2.wav"], &[], &[]), ["Song_drums_v1.wav", "Song_drums_v2.wav"]);
    }

    #[test]
    fn a_twin_but_for_capitals_is_set_aside() {
        let ready = vec![file("a/Song_Drums.wav"), file("a/song_bass.wav"), file("a/SONG_BASS.wav")];
        // Chosen by hand as one version, so that both spellings of one part stand in it.
        let found = units(Path::new("/m"), ready, &[], &[], &|_| Some(1));
        assert_eq!(shape(&found), ["song: Song_Drums.wav+song_bass.wav kept 0 twins SONG_BASS.wav"]);
    }

    #[test]
    fn what_a_person_chose_is_taken_as_chosen() {
        let ready = vec![file("a/Song_drums.wav"), file("a/Song_bass.wav")];
        let found = units(Path::new("/m"), ready, &[], &[], &|path| Some(if path.ends_with("Song_bass.wav") { 1 } else { 2 }));
        assert_eq!(shape(&found), ["Song_bass.wav", "Song_drums.wav"]);
    }
}
