//! Everything as one zip, and checking it offline.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use collabtrack_library::catalogue::CellEdit;
use zip::write::SimpleFileOptions;

use crate::support::Server;
use crate::sync_approval::{approve, jon_and_mira};
use crate::sync_computers::Computer;

fn unpacked(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(path).expect("the export")).expect("a zip");
    let names: Vec<String> = archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let mut files = BTreeMap::new();
    for name in names {
        let mut bytes = Vec::new();
        archive.by_name(&name).expect("a file of the zip").read_to_end(&mut bytes).expect("readable");
        files.insert(name, bytes);
    }
    files
}

fn packed(path: &Path, files: &BTreeMap<String, Vec<u8>>) {
    let mut archive = zip::ZipWriter::new(File::create(path).expect("made"));
    for (name, bytes) in files {
        archive.start_file(name.as_str(), SimpleFileOptions::default()).expect("started");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("finished");
}

/// The verdict on an export changed by `change`.
async fn verdict_after(computer: &Computer, export: &Path, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> (String, Option<i64>) {
    let mut files = unpacked(export);
    change(&mut files);
    let path = computer.folder.path().join("changed.zip");
    packed(&path, &files);
    let check = computer.library.verify_export(&path).await.expect("checked").remove(0);
    (check.verdict, check.entry)
}

fn lines(files: &mut BTreeMap<String, Vec<u8>>, change: impl FnOnce(&mut Vec<String>)) {
    let log = files.get_mut("audit.jsonl").expect("the log");
    let mut lines: Vec<String> = String::from_utf8(log.clone()).expect("text").lines().map(str::to_owned).collect();
    change(&mut lines);
    *log = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
}

#[tokio::test]
async fn an_export_holds_everything_and_verifies_offline_and_every_change_of_it_is_found() {
    let server = Server::start().await;
    let (jon, mira, project) = jon_and_mira(&server).await;
    let row = jon.track("Night Drive").await.track.id;
    for (field, to) in [("label", "Moon Records"), ("writer_notes", "only for admins")] {
        let edits = vec![CellEdit { row: row.clone(), field: field.into(), to: to.into() }];
        let proposed = jon.library.propose_cells(&project, "tracks", field, "", edits).await.expect("proposed");
        approve(&mira, &proposed.id).await.expect("approved");
    }
    let kim = Computer::of(&server.url, "Kim").await;
    kim.library.join(&jon.library.invite(&project, "member", None, None).await.expect("a code").code).await.expect("joined");
    let lis = Computer::of(&server.url, "Lis").await;
    lis.library.join(&jon.library.invite(&project, "listener", None, None).await.expect("a code").code).await.expect("joined");

    let export = jon.folder.path().join("export.zip");
    jon.library.export_everything(Some(&project), &export).await.expect("exported");
    let files = unpacked(&export);
    for name in [
        "tracks.csv",
        "splits.csv",
        "schema.json",
        "catalogue.json",
        "versions.csv",
        "change_sets.csv",
        "audit.csv",
        "audit.jsonl",
        "manifest.json",
    ] {
        assert!(files.contains_key(name), "{name} in {:?}", files.keys());
    }
    assert_eq!(files.keys().filter(|name| name.starts_with("change_sets/")).count(), 2);
    let csv = jon.folder.path().join("tracks.csv");
    std::fs::write(&csv, &files["tracks.csv"]).expect("written");
    let back = jon.library.import_catalogue(&project, "tracks", &csv).await.expect("read");
    assert!(back.changes.is_empty() && back.errors.is_empty(), "{back:?}");

    let members = kim.folder.path().join("export.zip");
    kim.library.export_everything(Some(&project), &members).await.expect("exported");
    for (name, bytes) in unpacked(&members) {
        assert!(!String::from_utf8_lossy(&bytes).contains("only for admins"), "{name}");
    }
    let listeners = lis.folder.path().join("export.zip");
    lis.library.export_everything(None, &listeners).await.expect("exported");
    let files = unpacked(&listeners);
    assert!(files.contains_key("projects.csv") && files.keys().any(|name| name.ends_with("/tracks.csv")), "{:?}", files.keys());
    assert!(!files.keys().any(|name| name.contains("audit") || name.contains("change_sets")), "{:?}", files.keys());
    let all = jon.folder.path().join("all.zip");
    jon.library.export_everything(None, &all).await.expect("exported");
    // From here on nobody asks the server.
    server.stop().await;

    assert!(lis.library.verify_export(&listeners).await.is_err(), "a listener's export holds no log");
    let checked = kim.library.verify_export(&members).await.expect("checked").remove(0);
    assert_eq!((checked.verdict.as_str(), checked.notices.len()), ("ok", 1), "{checked:?}");
    for (change, want) in [
        ("drop", ("seq_gap".to_owned(), Some(3))),
        ("edit", ("prev_mismatch".to_owned(), None)),
        ("cell", ("catalogue_mismatch".to_owned(), None)),
        ("cut", ("catalogue_mismatch".to_owned(), None)),
        ("bytes", ("malformed".to_owned(), Some(1))),
    ] {
        let found = verdict_after(&mira, &export, |files| match change {
            "drop" => lines(files, |lines| drop(lines.remove(2))),
            "edit" => lines(files, |lines| {
                let invited = lines.iter_mut().find(|line| line.contains("member.invite")).expect("an invitation");
                *invited = invited.replacen("member.invite", "member.revoke", 1);
            }),
            "cell" => {
                let rows = files.get_mut("catalogue.json").expect("the rows");
                *rows = String::from_utf8(rows.clone()).expect("text").replace("Moon Records", "Mine Records").into_bytes();
            }
            "cut" => lines(files, |lines| lines.truncate(5)),
            _ => lines(files, |lines| lines[0].insert(0, 'x')),
        })
        .await;
        assert_eq!(found.0, want.0, "{change}");
        assert!(want.1.is_none() || found.1 == want.1, "{change}: {found:?}");
    }
    let checked = mira.library.verify_export(&export).await.expect("checked").remove(0);
    assert_eq!((checked.verdict.as_str(), checked.catalogue_checked, checked.notices.len()), ("ok", true, 0), "{checked:?}");
    // Only somebody who saw the longer log knows that its last entry, which changed nothing, is missing.
    let shorter = |files: &mut BTreeMap<String, Vec<u8>>| lines(files, |lines| drop(lines.pop()));
    assert_eq!(verdict_after(&mira, &export, shorter).await.0, "truncated");
    assert_eq!(verdict_after(&lis, &export, shorter).await.0, "ok");
    assert_eq!(jon.library.verify_export(&all).await.expect("checked").remove(0).verdict, "ok");
    let nothing = jon.folder.path().join("nothing.zip");
    std::fs::write(&nothing, b"PK").expect("written");
    assert!(jon.library.verify_export(&nothing).await.is_err());
}
