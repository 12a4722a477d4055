//! Without any server.

use crate::computer::{Computer, wav, write_wav};

#[test]
fn an_overwritten_export_becomes_version_2_and_version_1_can_still_be_fetched() {
    let computer = Computer::new();
    let folder = computer.bounces();
    let folder = folder.to_str().expect("a text path");
    let wav = computer.bounces().join("Night Drive.wav");
    computer.run(&["init", folder]).expect("init");
    write_wav(&wav, 220.0);
    let first = std::fs::read(&wav).expect("the export");
    let versions = computer.capture("Night Drive", 1);
    assert_eq!(versions[0]["number"], 1);
    write_wav(&wav, 440.0);
    let versions = computer.capture("Night Drive", 2);
    assert_eq!(versions[0]["number"], 2);

    let fetched = computer.path("first.wav");
    computer.run(&["fetch", "Night Drive:1", "-o", fetched.to_str().expect("a text path")]).expect("fetch");
    assert_eq!(std::fs::read(&fetched).expect("the fetched file"), first);

    let known = computer.run(&["identify", fetched.to_str().expect("a text path")]).expect("identify");
    assert_eq!(known["versions"][0]["number"], 1);
    assert_eq!(known["versions"][0]["approved"], false);

    let restored = computer.run(&["restore", "Night Drive:1"]).expect("restore");
    assert_eq!(restored["number"], 3);
    assert_eq!(restored["same_as"], 1);
    assert_ne!(std::fs::read(&wav).expect("the export"), first, "going back touches no file");
}

#[test]
fn render_writes_what_plays() {
    let computer = Computer::new();
    let folder = computer.bounces();
    computer.run(&["init", folder.to_str().expect("a text path")]).expect("init");
    write_wav(&folder.join("Rain.wav"), 330.0);
    computer.capture("Rain", 1);
    let target = computer.path("played.wav");
    let target = target.to_str().expect("a text path");
    computer.run(&["render", "Rain:1", "-o", target]).expect("render");
    let analysed = computer.run(&["analyse", target]).expect("analyse");
    let original = computer.run(&["analyse", folder.join("Rain.wav").to_str().expect("a text path")]).expect("analyse");
    assert_eq!(analysed["frames"], original["frames"]);
    let difference = analysed["loudness_lufs"].as_f64().expect("loudness") - original["loudness_lufs"].as_f64().expect("loudness");
    assert!(difference.abs() < 0.01, "the same loudness, not {difference} LU apart");
    computer.run(&["render", "Rain:1", "-o", target, "--from", "0.5", "--to", "0.75"]).expect("render a part");
    let part = computer.run(&["analyse", target]).expect("analyse");
    assert_eq!(part["frames"], 11_025);
}

#[test]
fn analyse_tells_what_stands_beside_the_sound() {
    let computer = Computer::new();
    let path = computer.path("noted.wav");
    let mut bytes = wav(330.0);
    bytes.extend(b"LIST\x12\0\0\0INFOINAM\x05\0\0\0Rain\0\0acid\x18\0\0\0");
    bytes.extend([0; 20]);
    bytes.extend(96.5_f32.to_le_bytes());
    let length = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    std::fs::write(&path, bytes).expect("a WAV is written");
    let analysed = computer.run(&["analyse", path.to_str().expect("a text path")]).expect("analyse");
    assert_eq!((&analysed["channels"], &analysed["decoder_version"]), (&2.into(), &1.into()));
    assert_eq!(analysed["notes"]["info"], serde_json::json!([["INAM", "Rain"]]));
    assert_eq!(analysed["notes"]["tempo_bpm"], 96.5);
    assert_eq!(analysed["tags"], serde_json::json!([]), "those are of coded files");
}

#[test]
fn files_that_are_not_audio_are_named_and_left_alone() {
    let computer = Computer::new();
    let folder = computer.bounces();
    computer.run(&["init", folder.to_str().expect("a text path")]).expect("init");
    for (name, bytes) in [("empty.wav", &b""[..]), ("random.wav", &b"this is no sound at all, whatever its name says"[..])] {
        std::fs::write(folder.join(name), bytes).expect("a file");
        let trouble = computer.run(&["analyse", folder.join(name).to_str().expect("a text path")]).expect_trouble(name);
        assert!(trouble.starts_with("not_audio"), "{trouble}");
    }
    let candidates = computer.run(&["watch", "--once"]).expect("watch");
    let listed = candidates.as_array().expect("a list");
    assert_eq!(listed.len(), 2, "both files are told: {candidates}");
    assert!(computer.run(&["versions"]).expect("versions").as_array().expect("a list").is_empty(), "no version of either");
}

#[test]
fn trouble_has_three_parts_and_an_exit_code() {
    let computer = Computer::new();
    for arguments in [
        &["fetch", "Night Drive:1", "-o", "/tmp/never.wav"][..],
        &["versions", "Nobody's Song"],
        &["init", "/nonexistent/folder"],
        &["connect", "http://127.0.0.1:9"],
        &["connect", "not an address"],
        &["sign-in", "jon@example.org"],
        &["changes", "list"],
        &["identify", "/nonexistent.wav"],
    ] {
        computer.run(arguments).expect_trouble(&arguments.join(" "));
    }
}
