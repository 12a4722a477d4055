//! Taking over a folder, correcting, what stays here, limits and the trash, worked through the real program.

use crate::computer::{Computer, text, write_wav};

#[test]
fn a_folder_is_proposed_edited_in_a_file_and_taken_over_by_that_plan() {
    let computer = Computer::new();
    let folder = computer.bounces();
    for (name, pitch, age) in [("Tide v1.wav", 200.0, 30_u64), ("Tide v2.wav", 300.0, 20), ("Scratch.wav", 400.0, 10)] {
        write_wav(&folder.join(name), pitch);
        let file = std::fs::File::options().write(true).open(folder.join(name)).expect("open");
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(age * 1_000)).expect("an older time");
    }
    let mut plan = computer.run(&["import", text(&folder)]).expect("a proposal");
    assert_eq!(plan["tracks"].as_array().map(Vec::len), Some(2));
    assert!(!folder.join(".collabtrack").exists(), "a proposal writes nothing");
    let tracks = plan["tracks"].as_array_mut().expect("tracks");
    tracks.retain(|track| track["name"] == "Tide");
    tracks[0]["name"] = "Low Tide".into();
    tracks[0]["versions"].as_array_mut().expect("versions").reverse();
    tracks[0]["versions"][0]["kind"] = "master".into();
    let file = computer.path("plan.json");
    std::fs::write(&file, plan.to_string()).expect("written");
    computer.run(&["import", text(&folder), "--plan", text(&file)]).expect("taken over");
    let versions = computer.run(&["versions", "Low Tide"]).expect("versions");
    let shown: Vec<(i64, &str, &str)> = versions
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| (v["number"].as_i64().unwrap_or(0), v["file_name"].as_str().unwrap_or(""), v["kind"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(shown, [(2, "Tide v1.wav", "mix"), (1, "Tide v2.wav", "master")]);
    std::fs::write(&file, "no plan").expect("written");
    let trouble = computer.run(&["import", text(&folder), "--plan", text(&file)]).expect_trouble("a broken plan");
    assert!(trouble.contains("is not a plan"), "{trouble}");
}

#[test]
fn tracks_are_renamed_split_merged_and_their_versions_noted_moved_and_trashed() {
    let computer = Computer::new();
    let folder = computer.bounces();
    computer.run(&["init", text(&folder)]).expect("init");
    let wav = folder.join("Rain.wav");
    for (count, pitch) in [(1, 200.0), (2, 300.0), (3, 400.0)] {
        write_wav(&wav, pitch);
        computer.capture("Rain", count);
    }
    computer.run(&["track", "rename", "Rain", "Heavy Rain"]).expect("renamed");
    let noted = computer.run(&["track", "note", "Heavy Rain:1", "the first"]).expect("noted");
    assert_eq!(noted["versions"][2]["note"], "the first");
    let kind = computer.run(&["track", "kind", "Heavy Rain:1", "demo"]).expect("another kind");
    assert_eq!(kind["versions"][2]["kind"], "demo");
    computer.run(&["track", "kind", "Heavy Rain:1", "hologram"]).expect_trouble("no kind");
    let split = computer.run(&["track", "split", "Heavy Rain:3", "--name", "Rain live"]).expect("split");
    assert_eq!(split["versions"].as_array().map(Vec::len), Some(1));
    computer.run(&["track", "move", "Heavy Rain:2", "--to", "Rain live"]).expect("moved");
    let merged = computer.run(&["track", "merge", "Rain live", "Heavy Rain"]).expect("merged");
    assert_eq!(merged["versions"].as_array().map(Vec::len), Some(3));

    let trash = computer.run(&["trash", "put", "Heavy Rain:2"]).expect("trashed");
    let id = trash["versions"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(computer.run(&["versions", "Heavy Rain"]).expect("versions").as_array().map(Vec::len), Some(2));
    let empty = computer.run(&["trash", "back", &id]).expect("back");
    assert_eq!(empty["versions"].as_array().map(Vec::len), Some(0));
    computer.run(&["trash", "track", "Heavy Rain"]).expect("the whole track");
    assert_eq!(computer.run(&["trash", "list"]).expect("the trash")["versions"].as_array().map(Vec::len), Some(3));
    assert_eq!(computer.run(&["versions"]).expect("versions").as_array().map(Vec::len), Some(0));
    let trouble = computer.run(&["trash", "project", "Night Drive EP"]).expect_trouble("a project of this computer alone");
    assert!(trouble.contains("only"), "{trouble}");
}

#[test]
fn rules_policies_pins_and_limits_are_shown_and_set() {
    let computer = Computer::new();
    let folder = computer.bounces();
    computer.run(&["init", text(&folder)]).expect("init");
    let rules = computer.run(&["project", "rules", "Night Drive EP", "--leave-out", "*_ref.wav", "--sessions", "true"]).expect("set");
    assert_eq!((&rules["left_out"][0], &rules["sessions"]), (&"*_ref.wav".into(), &true.into()));
    write_wav(&folder.join("Rain_ref.wav"), 200.0);
    write_wav(&folder.join("Rain.wav"), 300.0);
    computer.capture("Rain", 1);
    assert_eq!(computer.run(&["versions"]).expect("versions").as_array().map(Vec::len), Some(1), "what is left out is passed over");
    let kept = computer.run(&["project", "keep", "Night Drive EP", "latest:2", "--budget", "1000000"]).expect("set");
    assert_eq!((&kept["originals"], &kept["budget_bytes"]), (&"latest:2".into(), &1_000_000.into()));
    let shown = computer.run(&["project", "keep", "Night Drive EP"]).expect("shown");
    assert_eq!(shown["originals"], "latest:2");
    computer.run(&["project", "keep", "Night Drive EP", "some"]).expect_trouble("no such policy");
    computer.run(&["project", "pin", "Rain:1"]).expect("pinned");
    let limits = computer.run(&["limit", "--up", "100000"]).expect("set");
    assert_eq!((&limits["up_bytes_per_s"], &limits["down_bytes_per_s"]), (&100_000.into(), &serde_json::Value::Null));
    assert_eq!(computer.run(&["limit", "--up", "0"]).expect("no limit")["up_bytes_per_s"], serde_json::Value::Null);
}
