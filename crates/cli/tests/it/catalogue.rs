//! The catalogue and its proposals through the program alone: columns, CSV, conflicts, parts, taking back, everything as one zip.

use serde_json::Value;

use crate::computer::{Computer, text, write_wav};
use crate::studio::Studio;

const PROJECT: &str = "Night Drive EP";

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("an id in {answer}")).to_owned()
}

/// Jon with a song in the catalogue, and Mira who decides too.
fn jon_and_mira(studio: &Studio) -> (Computer, Computer) {
    let (jon, mira) = (Computer::new(), Computer::new());
    jon.run(&["init", text(&jon.bounces())]).expect("init");
    write_wav(&jon.bounces().join("Night Drive.wav"), 220.0);
    jon.capture("Night Drive", 1);
    for (computer, name) in [(&jon, "Jon"), (&mira, "Mira")] {
        computer.run(&["connect", &studio.url]).expect("connect");
        computer.run(&["sign-up", &format!("{name}@example.org"), "--name", name]).expect("sign-up");
    }
    jon.run(&["publish", PROJECT]).expect("publish");
    jon.run(&["sync", "--once"]).expect("sync");
    let approved = jon.run(&["propose", "Night Drive:1", "--approve"]).expect("the only approver proposes and approves");
    assert_eq!(approved["status"], "approved");
    let code = jon.run(&["invite", PROJECT, "--role", "admin"]).expect("invite")["code"].as_str().expect("a code").to_owned();
    mira.run(&["join", &code]).expect("join");
    mira.run(&["sync", "--once"]).expect("sync");
    (jon, mira)
}

/// The exported table with one text replaced, as a file of that computer.
fn edited(computer: &Computer, name: &str, edit: impl FnOnce(String) -> String) -> std::path::PathBuf {
    let file = computer.path(name);
    computer.run(&["catalogue", "export", PROJECT, "-o", text(&file)]).expect("export");
    let csv = std::fs::read_to_string(&file).expect("the export");
    std::fs::write(&file, edit(csv)).expect("edited");
    file
}

/// Puts `value` into the column of that name in the first row.
fn with_cell(csv: &str, column: &str, value: &str) -> String {
    let mut lines: Vec<Vec<String>> = csv.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let at = lines[0].iter().position(|name| name.trim_matches(['"', '\u{feff}']) == column).expect("the column");
    lines[1][at] = format!("\"{value}\"");
    lines.iter().map(|cells| cells.join(",") + "\r\n").collect()
}

#[test]
fn columns_are_read_tried_out_and_proposed() {
    let studio = Studio::start();
    let (jon, mira) = jon_and_mira(&studio);
    let shown = jon.run(&["catalogue", "schema", PROJECT]).expect("schema");
    let mut document: Value = serde_json::from_str(shown.as_str().expect("the document as text")).expect("JSON");
    let file = jon.path("columns.json");
    let write = |document: &Value| std::fs::write(&file, document.to_string()).expect("written");

    write(&document);
    assert_eq!(jon.run(&["catalogue", "schema", PROJECT, "--check", text(&file)]).expect("check")["is_same"], true);
    let fields = document["tables"]["tracks"]["fields"].as_array_mut().expect("fields");
    fields.push(serde_json::json!({"name": "mastered_by", "label": "Mastered by", "type": "txt"}));
    let place = fields.len() - 1;
    write(&document);
    let wrong = jon.run(&["catalogue", "schema", PROJECT, "--check", text(&file)]).expect("check");
    assert_eq!(wrong["error"]["path"], format!("$.tables.tracks.fields[{place}].type"));
    jon.run(&["catalogue", "schema", PROJECT, "--propose", text(&file)]).expect_trouble("a type nobody knows");

    document["tables"]["tracks"]["fields"][place]["type"] = "text".into();
    // The only track is a demo: a word it has cannot go.
    let fields = document["tables"]["tracks"]["fields"].as_array_mut().expect("fields");
    let stage = fields.iter_mut().find(|field| field["name"] == "stage").and_then(Value::as_object_mut).expect("stage");
    stage.insert("choices".into(), serde_json::json!(["mix", "master"]));
    stage.remove("default");
    write(&document);
    let narrowed = jon.run(&["catalogue", "schema", PROJECT, "--check", text(&file)]).expect("check");
    assert_eq!((&narrowed["error"], narrowed["failing_count"].as_u64()), (&Value::Null, Some(1)), "{narrowed}");
    let fates: Vec<_> =
        narrowed["columns"].as_array().expect("columns").iter().map(|column| column["fate"].as_str().expect("a fate")).collect();
    assert_eq!(fates, ["changed", "added"]);

    let mut wanted: Value = serde_json::from_str(shown.as_str().expect("text")).expect("JSON");
    let column = serde_json::json!({"name": "mastered_by", "label": "Mastered by", "type": "text"});
    wanted["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(column);
    write(&wanted);
    let id = id_of(&jon.run(&["catalogue", "schema", PROJECT, "--propose", text(&file), "--reason", "credits"]).expect("propose"));
    mira.approve(&id).expect("approve");
    let csv = edited(&jon, "tracks.csv", |csv| with_cell(&csv, "mastered_by", "Kim Ono"));
    let diff = jon.run(&["catalogue", "diff", PROJECT, text(&csv)]).expect("diff");
    assert_eq!((&diff["changes"][0]["field_label"], &diff["changes"][0]["to"]), (&"Mastered by".into(), &"Kim Ono".into()));
    let id = id_of(&jon.run(&["catalogue", "propose", PROJECT, text(&csv)]).expect("propose"));
    mira.approve(&id).expect("approve");
    let hits = mira.run(&["catalogue", "search", "kim ono"]).expect("search");
    assert_eq!(hits[0]["field"], "mastered_by", "{hits}");
}

#[test]
fn conflicts_parts_and_taking_back_are_decided_without_a_window() {
    let studio = Studio::start();
    let (jon, mira) = jon_and_mira(&studio);
    let late = edited(&jon, "late.csv", |csv| with_cell(&with_cell(&csv, "label", "Moon"), "p_line", "2026 Moon"));
    let winner = edited(&jon, "winner.csv", |csv| with_cell(&csv, "label", "Sun"));
    let late = id_of(&jon.run(&["catalogue", "propose", PROJECT, text(&late), "--title", "Late"]).expect("propose"));
    let winner = id_of(&jon.run(&["catalogue", "propose", PROJECT, text(&winner), "--title", "First"]).expect("propose"));
    mira.approve(&winner).expect("approve");
    mira.approve(&late).expect_trouble("a conflict");
    let shown = mira.run(&["changes", "show", &late]).expect("show");
    let conflict = &shown["conflicts"][0];
    assert_eq!((&conflict["proposed"], &conflict["now"]), (&"Moon".into(), &"Sun".into()), "{shown}");
    let place = format!("{}:label", conflict["row"].as_str().expect("a row"));
    mira.run(&["changes", "resolve", &late, &format!("{place}=perhaps")]).expect_trouble("no choice");
    mira.run(&["changes", "resolve", &late, &format!("{place}=proposed")]).expect("settled");
    let shown = mira.run(&["changes", "show", &late]).expect("show");
    assert_eq!((shown["conflicts"].as_array().map(Vec::len), shown["revision"].as_i64()), (Some(0), Some(2)));

    let index =
        shown["ops"].as_array().expect("operations").iter().find(|op| op["field"] == "p_line").expect("p_line")["index"].to_string();
    let parts = mira.run(&["changes", "split", &late, "--keep", &index]).expect("split");
    mira.approve(&id_of(&parts["kept"])).expect("approve");
    mira.run(&["changes", "ask", &id_of(&parts["rest"]), "--reason", "which label now?"]).expect("ask");
    let label = format!("{}:label", conflict["row"].as_str().expect("a row"));
    let rest = id_of(&parts["rest"]);
    let before = jon.run(&["changes", "show", &rest]).expect("show")["revision"].as_i64().expect("a number");
    mira.run(&["changes", "revise", &rest, "--set", &format!("{label}=Stars")]).expect_trouble("somebody else's proposal");
    jon.run(&["changes", "revise", &rest, "--set", "nowhere"]).expect_trouble("no cell");
    jon.run(&["changes", "revise", &rest, "--set", &format!("{label}=Stars"), "--reason", "Stars, they say"]).expect("revise");
    let shown = mira.run(&["changes", "show", &rest]).expect("show");
    assert_eq!((shown["revision"].as_i64(), &shown["changes"][0]["to"]), (Some(before + 1), &"Stars".into()), "{shown}");
    jon.run(&["changes", "withdraw", &id_of(&parts["rest"])]).expect("withdraw");
    let back = jon.run(&["changes", "revert", &winner, "--reason", "not Sun"]).expect("revert");
    mira.approve(&id_of(&back["proposal"])).expect("approve");
    let csv = edited(&jon, "after.csv", |csv| csv);
    let csv = std::fs::read_to_string(csv).expect("the export");
    assert!(csv.contains("2026 Moon") && !csv.contains("\"Sun\"") && !csv.contains("\"Moon\""), "{csv}");
    let list = mira.run(&["changes", "list"]).expect("list");
    assert_eq!(list["to_review"].as_array().map(Vec::len), Some(0), "{list}");
    assert!(list["closed"].as_array().is_some_and(|closed| closed.len() >= 5), "{list}");
}

#[test]
fn everything_goes_into_one_zip_that_verifies_and_a_strange_file_is_no_version() {
    let studio = Studio::start();
    let (jon, _mira) = jon_and_mira(&studio);
    let zip = jon.path("everything.zip");
    jon.run(&["catalogue", "export", "--all", "-o", text(&zip)]).expect("export");
    assert!(std::fs::read(&zip).expect("the zip").starts_with(b"PK"));
    let checked = jon.run(&["verify", "audit", text(&zip)]).expect("verify");
    assert_eq!(checked[0]["verdict"], "ok", "{checked}");
    let nothing_named = jon.run(&["catalogue", "export", "-o", text(&zip)]);
    assert!(!nothing_named.ok && nothing_named.trouble.contains("PROJECT"), "{}", nothing_named.trouble);
}

#[test]
fn identify_tells_a_version_of_the_approved_one_and_of_no_version() {
    let studio = Studio::start();
    let (jon, mira) = jon_and_mira(&studio);
    let bounce = jon.bounces().join("Night Drive.wav");
    let first = jon.path("first.wav");
    std::fs::copy(&bounce, &first).expect("kept");
    write_wav(&bounce, 330.0);
    jon.capture("Night Drive", 2);
    jon.run(&["sync", "--once"]).expect("sync");
    mira.run(&["sync", "--once"]).expect("sync");
    for computer in [&jon, &mira] {
        let approved = computer.run(&["identify", text(&first)]).expect("identify");
        assert_eq!((&approved["versions"][0]["number"], &approved["versions"][0]["approved"]), (&1.into(), &true.into()), "{approved}");
        let newer = computer.run(&["identify", text(&bounce)]).expect("identify");
        assert_eq!((&newer["versions"][0]["number"], &newer["versions"][0]["approved"]), (&2.into(), &false.into()), "{newer}");
    }
    let mut cut = std::fs::read(&first).expect("bytes");
    cut.pop();
    let strange = jon.path("strange.wav");
    std::fs::write(&strange, cut).expect("written");
    let unknown = jon.run(&["identify", text(&strange)]).expect("identify");
    assert_eq!(unknown["versions"].as_array().map(Vec::len), Some(0));
    assert_eq!(unknown["fingerprint"].as_str().map(str::len), Some(64));
}
