//! `docs/security.md`: every requirement of ASVS level 1 stands there, and every test it names is one of this repository.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Level 1 of ASVS 5.0.0.
const LEVEL_1: &str = "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1 2.1.1 2.2.1 2.2.2 2.3.1 3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1 3.5.2 \
     3.5.3 4.1.1 4.4.1 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 \
     7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1 10.4.2 10.4.3 10.4.4 10.4.5 11.3.1 11.3.2 11.4.1 12.1.1 \
     12.2.1 12.2.2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1 15.3.1";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() && !matches!(name.as_ref(), "node_modules" | "dist" | "target") {
            sources(&path, into);
        } else if name.ends_with(".rs") || name.ends_with(".ts") {
            into.push_str(&std::fs::read_to_string(&path).expect("readable"));
        }
    }
}

#[test]
fn every_line_of_level_1_is_there_and_every_test_named_exists() {
    let document = std::fs::read_to_string(root().join("docs/security.md")).expect("readable");
    let mut text = String::new();
    for folder in ["backend", "crates", "src-tauri", "ui/src", "ui/e2e"] {
        sources(&root().join(folder), &mut text);
    }
    let exists = |name: &str| text.contains(&format!("fn {name}()")) || text.contains(&format!("('{name}'"));
    let mut listed = BTreeSet::new();
    let (threats, rest) = document.split_once("\n## 3. Threats\n").expect("threats").1.split_once("\n## 4. ").expect("ASVS");
    let level_1 = rest.split_once("\n### Level 2").expect("level 2").0;
    for line in threats.lines().chain(level_1.lines()).filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (first, shown) = (cells[0], cells[cells.len() - 1].trim_end_matches('|').trim());
        if ["attack", "input", ""].contains(&first) {
            continue;
        }
        if first.starts_with(|c: char| c.is_ascii_digit()) {
            assert!(listed.insert(first), "{first} stands there twice");
        }
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        let excused = line.contains("n/a: ");
        assert!(excused || !names.is_empty(), "no test shows: {line}");
        for name in &names {
            assert!(exists(name), "there is no test {name}");
        }
    }
    assert_eq!(listed, LEVEL_1.split_whitespace().collect::<BTreeSet<_>>());
    assert_eq!(listed.len(), 70);
}
