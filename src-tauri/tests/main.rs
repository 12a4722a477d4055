//! Every command without a window: the mock runtime, a real library in a temporary folder.
#![recursion_limit = "256"]

use std::collections::BTreeSet;
use std::path::Path;

use collabtrack::{COMMAND_NAMES, Settings};
use serde_json::{Value, json};
use tauri::WebviewWindowBuilder;
use tauri::ipc::{CallbackFn, InvokeBody};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets};
use tauri::webview::InvokeRequest;

mod player;

struct Window {
    app: tauri::App<MockRuntime>,
    webview: tauri::WebviewWindow<MockRuntime>,
    folder: tempfile::TempDir,
}

fn window() -> Window {
    open(tempfile::tempdir().expect("a temporary folder"))
}

fn open(folder: tempfile::TempDir) -> Window {
    let settings = Settings { library: folder.path().join("library"), suggested_server: None };
    let app = collabtrack::builder(mock_builder()).build(mock_context(noop_assets())).expect("the app is built");
    collabtrack::prepare(app.handle(), settings).expect("the library opens");
    let webview = WebviewWindowBuilder::new(&app, "main", Default::default()).build().expect("a window");
    Window { app, webview, folder }
}

fn call(window: &Window, command: &str, arguments: Value) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: command.into(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: "tauri://localhost".parse().expect("an address"),
        body: InvokeBody::Json(arguments),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_string(),
    };
    get_ipc_response(&window.webview, request).map(|body| body.deserialize::<Value>().unwrap_or(Value::Null))
}

#[test]
fn the_typescript_command_map_names_exactly_the_registered_commands() {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/lib/ipc/commands.ts");
    let text = std::fs::read_to_string(map).expect("the command map is there");
    let listed: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once(": {").map(|(name, _)| name))
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .filter(|name| *name != "args")
        .collect();
    let registered: BTreeSet<&str> = COMMAND_NAMES.iter().copied().collect();
    assert_eq!(listed, registered);
}

#[test]
fn every_command_answers_without_a_window_and_errors_have_three_parts() {
    let window = window();
    let mut arguments = json!({
        "project": "prj_aaaaaaaaaaaaaaaaaaaaaaaaaa", "track": "trk_aaaaaaaaaaaaaaaaaaaaaaaaaa", "version": "ver_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "changeSet": "chg_aaaaaaaaaaaaaaaaaaaaaaaaaa", "candidate": "none", "name": "Night Drive", "note": "n", "slot": "a", "seconds": 1.0,
        "on": true, "range": null, "volume": 0.5, "device": null, "address": "http://127.0.0.1:9", "email": "a@example.org",
        "password": "long enough words", "code": "cti_x", "role": "member", "paused": true, "table": "tracks", "seen": "",
        "import": "none", "answers": {}, "title": "t", "reason": "because", "edits": {"cells": [], "added": [], "deleted": []}, "revisionDigest": "00", "expectedHead": "00",
        "kind": "demo", "versions": ["ver_aaaaaaaaaaaaaaaaaaaaaaaaaa"], "from": "trk_aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "into": "trk_bbbbbbbbbbbbbbbbbbbbbbbbbb", "proposal": "none", "tracks": [], "rules": { "left_out": [], "sessions": true },
        "originals": "all", "budgetBytes": null, "pinned": true, "limits": { "up_bytes_per_s": null, "down_bytes_per_s": null },
        "effectDigest": "00", "fromFrame": 0, "toFrame": 1, "width": 1,
        "keep": [0], "choices": [], "submit": false, "comment": "cmt_aaaaaaaaaaaaaaaaaaaaaaaaaa", "fromMs": 0, "toMs": null,
        "text": "x", "replyTo": null, "resolved": true,
        "kind": "abx", "trials": 5, "button": "x",
        "account": "acc_aaaaaaaaaaaaaaaaaaaaaaaaaa", "invitation": "inv_aaaaaaaaaaaaaaaaaaaaaaaaaa", "current": "long enough words",
        "new": "other long words", "session": "00", "id": "00", "passphrase": "tall ships and a harbour",

    });
    arguments["held"] = json!({
        "change_set": "chg_aaaaaaaaaaaaaaaaaaaaaaaaaa", "title": "t", "revision_digest": "00", "expected_head": "00", "effect_digest": "00", "held_at": "",
    });
    arguments["policies"] = json!({
        "listeners_fetch_originals": false, "listeners_comment": false, "members_share": false, "review_new_versions": true, "self_approval": true,
    });
    // One macro call takes only so many names.
    for (name, value) in [("document", "{}"), ("query", "x")] {
        arguments[name] = json!(value);
    }
    for name in ["cells", "leftOut"] {
        arguments[name] = json!([]);
    }
    // These would open a dialog and wait for a person.
    let asks_a_person =
        ["choose_folder", "propose_folder", "export_catalogue", "export_everything", "import_catalogue", "import_problems", "check_file"];
    for command in COMMAND_NAMES.iter().filter(|name| !asks_a_person.contains(name)) {
        let mut arguments = arguments.clone();
        if *command == "respell" {
            // Here these are names, elsewhere a track.
            arguments["from"] = json!(["Artist", "artist"]);
            arguments["to"] = json!("Artist");
        }
        if let Err(error) = call(&window, command, arguments) {
            assert!(error.get("code").and_then(Value::as_str).is_some_and(|code| !code.is_empty()), "{command}: no code in {error}");
            assert!(error.get("message").and_then(Value::as_str).is_some_and(|text| text.len() > 10), "{command}: no message in {error}");
            assert!(error.get("hint").and_then(Value::as_str).is_some_and(|text| text.len() > 5), "{command}: no hint in {error}");
        }
    }
}

#[test]
fn a_project_made_by_command_is_in_the_dashboard() {
    let window = window();
    let made = call(&window, "create_project", json!({ "name": "Night Drive EP" })).expect("a project is made");
    assert_eq!(made["name"], "Night Drive EP");
    let all = call(&window, "projects", json!({})).expect("the dashboard answers");
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    assert_eq!(all[0]["id"], made["id"]);
    assert_eq!(all[0]["on_server"], false);
}

#[test]
fn ids_of_another_form_are_refused_with_words() {
    let window = window();
    let error = call(&window, "track", json!({ "track": "../../etc/passwd" })).expect_err("no such id");
    assert_eq!(error["code"], "bad_request");
}
