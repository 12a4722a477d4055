//! Files, folders and servers that are not as they should be: each is told, nothing is lost, nothing is half done.

use std::io::Write;
use std::time::Duration;

use serde_json::Value;

use crate::computer::{Computer, text, wav, write_wav};
use crate::studio::Studio;

/// The versions of the only track, newest first; none when there is no track.
fn versions(computer: &Computer) -> Vec<Value> {
    computer.run(&["versions"]).expect("versions").as_array().expect("a list").clone()
}

/// A computer that watches its bounce folder and is signed in as the owner of the project.
fn signed_in(studio: &Studio) -> Computer {
    let computer = Computer::new();
    computer.run(&["init", text(&computer.bounces())]).expect("init");
    write_wav(&computer.bounces().join("Rain.wav"), 220.0);
    computer.capture("Rain", 1);
    computer.run(&["connect", &studio.url]).expect("connect");
    computer.run(&["sign-up", "jon@example.org", "--name", "Jon"]).expect("sign-up");
    computer.run(&["publish", "Night Drive EP"]).expect("publish");
    computer
}

#[test]
fn a_file_cut_off_in_the_middle_is_told_and_taken_when_it_is_whole() {
    let computer = Computer::new();
    computer.run(&["init", text(&computer.bounces())]).expect("init");
    let (path, whole) = (computer.bounces().join("Rain.wav"), wav(220.0));
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("half a file");
    let waiting = computer.run(&["watch", "--once"]).expect("watch");
    let told = &waiting.as_array().expect("a list")[0];
    assert!(told["message"].as_str().is_some_and(|message| message.len() > 20), "it is told why it waits: {waiting}");
    assert!(versions(&computer).is_empty(), "half a file is no version");

    std::fs::write(&path, &whole).expect("the whole file");
    computer.capture("Rain", 1);
    let fetched = computer.path("fetched.wav");
    computer.run(&["fetch", "Rain:1", "-o", text(&fetched)]).expect("fetch");
    assert_eq!(std::fs::read(fetched).expect("the version"), whole);
}

#[test]
fn a_file_that_still_grows_becomes_one_version_when_it_is_whole() {
    let computer = Computer::new();
    computer.run(&["init", text(&computer.bounces())]).expect("init");
    let (path, whole) = (computer.bounces().join("Rain.wav"), wav(220.0));
    let written = whole.clone();
    let mut file = std::fs::File::create(&path).expect("an export begins");
    let writer = std::thread::spawn(move || {
        for piece in written.chunks(written.len() / 8) {
            file.write_all(piece).expect("the export goes on");
            file.flush().expect("the export goes on");
            std::thread::sleep(Duration::from_millis(400));
        }
    });
    computer.run(&["watch", "--once"]).expect("watch");
    writer.join().expect("the export ends");
    let taken = computer.capture("Rain", 1);
    assert_eq!(taken.len(), 1, "one version, not one for every look: {taken:?}");
    let fetched = computer.path("fetched.wav");
    computer.run(&["fetch", "Rain:1", "-o", text(&fetched)]).expect("fetch");
    assert_eq!(std::fs::read(fetched).expect("the version"), whole);
}

#[test]
fn a_folder_that_goes_away_pauses_and_loses_nothing() {
    let computer = Computer::new();
    computer.run(&["init", text(&computer.bounces())]).expect("init");
    write_wav(&computer.bounces().join("Rain.wav"), 220.0);
    computer.capture("Rain", 1);

    std::fs::rename(computer.bounces(), computer.path("unplugged")).expect("the drive is pulled out");
    computer.run(&["watch", "--once"]).expect("watch");
    assert_eq!(versions(&computer).len(), 1, "absence deletes nothing");
    let fetched = computer.path("fetched.wav");
    computer.run(&["fetch", "Rain:1", "-o", text(&fetched)]).expect("the version is still whole");
    let checks = computer.run(&["doctor"]);
    let said = format!("{}{}", checks.answer, checks.trouble);
    assert!(said.contains("Night Drive EP"), "the doctor names the missing folder: {said}");

    std::fs::rename(computer.path("unplugged"), computer.bounces()).expect("the drive is back");
    write_wav(&computer.bounces().join("Rain.wav"), 330.0);
    assert_eq!(computer.capture("Rain", 2).len(), 2, "it goes on where it was");
}

#[test]
fn a_wrong_password_signs_nobody_in() {
    let studio = Studio::start();
    let computer = signed_in(&studio);
    computer.run(&["sign-out"]).expect("sign-out");
    let told =
        computer.run_with_password("four walls and no amplifier", &["sign-in", "jon@example.org"]).expect_trouble("a wrong password");
    assert!(!told.contains("amplifier"), "no password is repeated: {told}");
    computer.run(&["sync", "--once"]).expect_trouble("nobody is signed in");
    assert_eq!(versions(&computer).len(), 1, "the library works on without an account");
    computer.run(&["sign-in", "jon@example.org"]).expect("the right password");
}

#[test]
fn without_its_server_the_library_goes_on_and_nothing_is_lost() {
    let mut studio = Studio::start();
    let computer = signed_in(&studio);
    studio.end();
    let told = computer.run(&["sync", "--once"]).expect_trouble("the server is gone");
    assert!(told.starts_with("offline") || told.starts_with("unreachable") || told.contains("reach"), "{told}");
    write_wav(&computer.bounces().join("Rain.wav"), 330.0);
    assert_eq!(computer.capture("Rain", 2).len(), 2, "capture needs no server");
    computer.run(&["fetch", "Rain:1", "-o", text(&computer.path("fetched.wav"))]).expect("fetch needs no server");
}

#[test]
fn a_store_that_refuses_is_told_and_the_version_goes_up_when_it_accepts() {
    let studio = Studio::start();
    let computer = signed_in(&studio);
    let receiving = studio.receiving_folder();
    std::fs::remove_dir_all(&receiving).expect("the store loses its disk");
    std::fs::write(&receiving, b"").expect("the store loses its disk");

    let refused = computer.run(&["sync", "--once"]);
    let said = format!("{}{}", refused.answer, refused.trouble);
    assert!(!said.contains("safe on the server"), "nothing is called safe that is not: {said}");
    let state = versions(&computer)[0]["sync"].to_string();
    assert!(!state.contains("synced"), "the version is shown as waiting: {state}");

    std::fs::remove_file(&receiving).expect("the disk is back");
    std::fs::create_dir(&receiving).expect("the disk is back");
    let accepted = computer.run(&["sync", "--once"]).expect("sync");
    assert!(accepted.to_string().contains("safe"), "{accepted}");
    let state = versions(&computer)[0]["sync"].to_string();
    assert!(state.contains("synced"), "{state}");
}
