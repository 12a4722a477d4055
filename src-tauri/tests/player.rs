//! The player behind its commands, on a real library with two versions and no sound device running.

use std::path::Path;

use collabtrack_library::{CredentialChoice, Library, LibraryOptions};
use serde_json::{Value, json};

use crate::{Window, call, open};

/// A library whose only track has two versions of 3 s, the second one half as loud.
fn two_versions() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bounces = folder.path().join("Bounces");
    std::fs::create_dir(&bounces).expect("made");
    tauri::async_runtime::block_on(async {
        let mut options = LibraryOptions::new(folder.path().join("library"));
        options.credentials = CredentialChoice::Memory;
        let library = Library::open(options).await.expect("the library opens");
        library.add_folder(None, &bounces).await.expect("the folder is watched");
        for (level, versions) in [(0.5, 1), (0.25, 2)] {
            write_wav(&bounces.join("Night Drive.wav"), level);
            library.scan_until_settled().await.expect("it is captured");
            let tracks = library.tracks(None).await.expect("tracks");
            assert_eq!(tracks[0].versions, versions);
        }
        library.shutdown().await;
    });
    folder
}

fn write_wav(path: &Path, level: f32) {
    use collabtrack_audio::wav::{WavDepth, WavWriter};
    let mut writer = WavWriter::create(path, 48_000, 2, WavDepth::Int16).expect("it opens");
    let tone: Vec<f32> = (0..144_000_u32).map(|frame| ((frame as f32 * 0.05).sin() + (frame as f32 * 0.21).sin()) * 0.5 * level).collect();
    writer.write(&[&tone, &tone]).expect("it writes");
    writer.finish().expect("it closes");
}

fn versions(window: &Window) -> Vec<Value> {
    let tracks = call(window, "tracks", json!({ "project": null })).expect("tracks");
    let track = call(window, "track", json!({ "track": tracks[0]["id"] })).expect("the track");
    track["versions"].as_array().expect("a list").clone()
}

fn load_both(window: &Window) -> Vec<Value> {
    let versions = versions(window);
    for (slot, version) in ["a", "b"].iter().zip(&versions) {
        call(window, "player_load", json!({ "slot": slot, "version": version["id"] })).expect("it loads");
    }
    versions
}

#[test]
fn what_the_player_held_is_there_after_a_restart() {
    let window = open(two_versions());
    let versions = load_both(&window);
    call(&window, "player_flip", json!({ "slot": "b" })).expect("it flips");
    call(&window, "player_seek", json!({ "seconds": 1.25 })).expect("it seeks");
    call(&window, "player_loop", json!({ "range": [0.5, 2.5] })).expect("it loops");
    call(&window, "player_volume", json!({ "volume": 0.4 })).expect("it turns down");
    call(&window, "player_level_match", json!({ "on": false })).expect("it stops matching");
    let Window { app, webview, folder } = window;
    collabtrack::close(app.handle());
    drop((webview, app));
    let window = open(folder);
    let player = call(&window, "player", json!({})).expect("the player answers");
    let held: Vec<&Value> = player["lanes"].as_array().expect("lanes").iter().map(|lane| &lane["version"]).collect();
    assert_eq!(held, [&versions[0]["id"], &versions[1]["id"]]);
    assert_eq!(player["active"], "b");
    assert!((player["position_s"].as_f64().expect("a position") - 1.3).abs() < 0.06, "{player}");
    assert_eq!((&player["loop_s"], &player["volume"], &player["level_match"]), (&json!([0.5, 2.5]), &json!(0.4), &json!(false)));
    assert_eq!(player["playing"], false, "nothing plays by itself");
}

#[test]
fn a_blind_test_tells_nothing_until_it_is_revealed() {
    let window = open(two_versions());
    let versions = load_both(&window);
    let numbers: Vec<&Value> = versions.iter().map(|version| &version["number"]).collect();
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let mut view = call(&window, "blind_start", json!({ "kind": "compare", "trials": 1 })).expect("it starts");
        for button in ["y", "x", "y"] {
            assert!(view["blind"]["result"].is_null());
            for lane in view["lanes"].as_array().expect("lanes") {
                assert_eq!((&lane["version"], &lane["number"], &lane["gain_db"]), (&json!(""), &json!(0), &json!(0.0)), "{lane}");
            }
            assert_eq!(view["active"], if view["blind"]["heard"] == "y" { "b" } else { "a" }, "the button, not the slot");
            view = call(&window, "blind_hear", json!({ "button": button })).expect("it is heard");
        }
        let refused = call(&window, "player_load", json!({ "slot": "a", "version": versions[0]["id"] })).expect_err("not now");
        assert_eq!(refused["code"], "blind_test");
        let revealed = call(&window, "blind_reveal", json!({})).expect("it tells");
        let (x, y) = (&revealed["blind"]["result"]["x"], &revealed["blind"]["result"]["y"]);
        assert!(x != y && numbers.contains(&x) && numbers.contains(&y), "{revealed}");
        orders.insert(x.to_string());
        assert!(call(&window, "blind_end", json!({})).expect("it ends")["blind"].is_null());
    }
    assert_eq!(orders.len(), 2, "both orders occur");
}

#[test]
fn the_difference_needs_two_versions_and_says_so() {
    let window = open(two_versions());
    let refused = call(&window, "player_difference", json!({ "on": true })).expect_err("the slots are empty");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("two versions")), "{refused}");
    load_both(&window);
    assert_eq!(call(&window, "player_difference", json!({ "on": true })).expect("it plays")["difference"], true);
    assert_eq!(call(&window, "player_flip", json!({ "slot": "b" })).expect("it flips")["difference"], false);
}

#[test]
fn a_version_is_exported_handed_out_and_named_for_others() {
    let window = open(two_versions());
    let versions = versions(&window);
    // Without a window system the clipboard may refuse; the copy is made all the same.
    let copied = call(&window, "copy_file", json!({ "version": versions[0]["id"] }));
    let error = copied.err().map(|error| error["hint"].to_string());
    let handed = window.folder.path().join("library/handed out");
    let found = std::fs::read_dir(&handed).expect("the folder of copies").flatten().next().expect("a copy");
    let file = std::fs::read_dir(found.path()).expect("its folder").flatten().next().expect("the file");
    assert_eq!(file.file_name(), "Night Drive - version 2 (not final).wav", "{error:?}");
}
