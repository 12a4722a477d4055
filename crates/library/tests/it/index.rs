//! The lists of tests in `docs` name tests that exist, and have a line for every promise of the design.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all functions of this repository.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<PathBuf> = ["crates", "backend", "src-tauri"].iter().map(|folder| root().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).expect("a source file");
                let names = text.split("fn ").skip(1).map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
                found.extend(names.flatten().map(str::to_owned));
            }
        }
    }
    found
}

/// Every function a list names exists, and its promises are numbered through; `wanted` says how many of each letter there are.
fn is_true_and_whole(list: &str, wanted: &[(&str, u32)]) {
    let text = std::fs::read_to_string(root().join("docs").join(list)).expect("the list");
    let known = functions();
    let mut promises = BTreeSet::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| rule") && !line.starts_with("| |")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let shown = cells.last().expect("a cell");
        let named: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || *shown == "missing", "{line} names its tests or says that they are missing");
        for name in named.into_iter().filter(|name| !name.starts_with("./")) {
            assert!(known.contains(name), "there is no test {name}");
        }
        if let [promise, _, _] = cells.as_slice()
            && !promise.is_empty()
        {
            assert!(promises.insert((*promise).to_owned()), "{promise} has one line");
        }
    }
    let wanted: BTreeSet<String> = wanted.iter().flat_map(|(letter, most)| (1..=*most).map(move |n| format!("{letter}{n}"))).collect();
    assert_eq!(promises, wanted);
}

#[test]
fn the_list_of_sync_tests_is_true_and_whole() {
    is_true_and_whole("sync-tests.md", &[("I", 28), ("F", 32), ("B", 13)]);
}

#[test]
fn the_list_of_catalogue_tests_is_true_and_whole() {
    let wanted = [("P", 13), ("D", 15), ("C", 8), ("H", 4), ("R", 6), ("K", 5), ("N", 2), ("U", 4), ("S", 2), ("G", 12)];
    is_true_and_whole("catalogue-tests.md", &wanted);
}
