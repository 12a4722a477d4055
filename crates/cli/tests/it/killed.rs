//! The program dies as by `kill -9` at every step of a version's way, again and again, on a real server. Afterwards everything is there,
//! once, and byte for byte on another computer.

use crate::computer::{Computer, noise, samples, write_wav};
use crate::studio::Studio;

/// Steps of the way out, in the order the program passes them; the names stand in the library.
const CAPTURE: [&str; 6] =
    ["capture.copied", "capture.kept", "record.before_commit", "record.committed", "preview.kept", "preview.recorded"];
const OUT: [&str; 10] = [
    "upload.recorded",
    "upload.opened",
    "upload.part_sent",
    "upload.part_recorded",
    "announce.told",
    "announce.recorded",
    "upload.before_complete",
    "upload.completed",
    "commit.told",
    "commit.recorded",
];
const IN: [&str; 3] = ["feed.applied", "fetch.partial", "fetch.kept"];

#[test]
fn f1_i6_killed_at_every_step_of_a_real_upload_the_second_desktop_has_every_byte_once() {
    let studio = Studio::start();
    let (jon, mira) = (Computer::new(), Computer::new());
    let bounces = jon.bounces();
    let text = |path: &std::path::Path| path.to_str().expect("a text path").to_owned();
    jon.run(&["init", &text(&bounces)]).expect("init");
    for (computer, name) in [(&jon, "Jon"), (&mira, "Mira")] {
        computer.run(&["connect", &studio.url]).expect("connect");
        computer.run(&["sign-up", &format!("{name}@example.org"), "--name", name]).expect("sign-up");
    }
    jon.run(&["publish", "Night Drive EP"]).expect("publish");
    let code = jon.run(&["invite", "Night Drive EP", "--role", "admin"]).expect("invite")["code"].as_str().expect("a code").to_owned();
    mira.run(&["join", &code]).expect("join");

    // One track per death, so that each finds something to die in.
    let names: Vec<String> = (0..CAPTURE.len() + OUT.len()).map(|number| format!("Song of {}", spelled(number))).collect();
    for (number, name) in names.iter().enumerate() {
        write_wav(&bounces.join(format!("{name}.wav")), 200.0 + number as f32 * 31.0);
    }
    // Only what goes out in several parts is put together by a call of its own.
    let long = names.last().expect("there are some");
    std::fs::write(bounces.join(format!("{long}.wav")), noise()).expect("a WAV is written");
    for step in CAPTURE {
        jon.dies(&["watch", "--once"], step);
    }
    jon.run(&["watch", "--once"]).expect("watch");
    assert_eq!(jon.run(&["versions"]).expect("versions").as_array().map(Vec::len), Some(names.len()), "each export is one version");
    for step in OUT {
        jon.dies(&["sync", "--once"], step);
    }
    jon.run(&["sync", "--once"]).expect("sync");
    for step in IN {
        mira.dies(&["sync", "--once"], step);
    }
    mira.run(&["sync", "--once"]).expect("sync");

    for computer in [&jon, &mira] {
        let versions = computer.run(&["versions"]).expect("versions");
        let versions = versions.as_array().expect("a list");
        assert_eq!(versions.len(), names.len(), "nothing is there twice, nothing is missing");
        for version in versions {
            assert_eq!(version["number"], 1);
            assert_eq!(version["sync"]["state"], "synced", "{version}");
            assert_eq!(version["here"], "original");
        }
    }
    for name in &names {
        let target = mira.path(&format!("{name}.out.wav"));
        mira.run(&["fetch", &format!("{name}:1"), "-o", &text(&target)]).expect("fetch");
        let exported = bounces.join(format!("{name}.wav"));
        assert_eq!(std::fs::read(&target).expect("fetched"), std::fs::read(&exported).expect("the export"), "{name}, byte for byte");
        assert!(!samples(&target).is_empty());
    }
}

/// A number as letters, so that no name ends in a digit.
fn spelled(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(b'a' + (digit - b'0'))).collect::<String>() + "x"
}
