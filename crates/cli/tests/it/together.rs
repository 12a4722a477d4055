//! Two computers and a server: everything through the program.

use crate::computer::{Computer, samples, text, write_wav};
use crate::studio::Studio;

#[test]
fn from_a_bounce_to_an_approval_and_a_csv_round_trip() {
    let studio = Studio::start();
    let (jon, mira) = (Computer::new(), Computer::new());
    let bounce = jon.bounces().join("Night Drive.wav");
    jon.run(&["init", text(&jon.bounces())]).expect("init");
    write_wav(&bounce, 220.0);
    jon.capture("Night Drive", 1);

    for (computer, name) in [(&jon, "Jon"), (&mira, "Mira")] {
        computer.run(&["connect", &studio.url]).expect("connect");
        computer.run(&["sign-up", &format!("{name}@example.org"), "--name", name]).expect("sign-up");
    }
    let token = std::fs::metadata(jon.path("token")).expect("the token file");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&token.permissions()) & 0o777, 0o600, "only its owner reads the token");

    jon.run(&["publish", "Night Drive EP"]).expect("publish");
    jon.run(&["sync", "--once"]).expect("sync");
    let code = jon.run(&["invite", "Night Drive EP", "--role", "admin"]).expect("invite")["code"].as_str().expect("a code").to_owned();
    mira.run(&["join", &code]).expect("join");
    jon.run(&["join", &code]).expect_trouble("a used code");
    mira.run(&["sync", "--once"]).expect("sync");
    let fetched = mira.path("fetched.wav");
    mira.run(&["fetch", "Night Drive:1", "-o", text(&fetched)]).expect("fetch");
    assert_eq!(samples(&fetched), samples(&bounce));

    let proposal = jon.run(&["propose", "Night Drive:1", "--reason", "first mix"]).expect("propose");
    let id = proposal["id"].as_str().expect("an id").to_owned();
    jon.approve(&id).expect_trouble("approving one's own proposal");
    let shown = mira.run(&["changes", "show", &id]).expect("show");
    assert_eq!(shown["versions"][0]["proposed"]["number"], 1);
    mira.run(&["changes", "approve", &id]).expect_trouble("approving what nobody saw");
    mira.run(&["changes", "approve", &id, "--seen", "0123456789abcdef"]).expect_trouble("something else than what is there");
    mira.approve(&id).expect("approve");
    mira.approve(&id).expect_trouble("approving twice");

    jon.run(&["sync", "--once"]).expect("sync");
    let known = jon.run(&["identify", text(&bounce)]).expect("identify");
    assert_eq!(known["versions"][0]["approved"], true);

    let csv = jon.path("tracks.csv");
    jon.run(&["catalogue", "export", "Night Drive EP", "-o", text(&csv)]).expect("export");
    let exported = std::fs::read_to_string(&csv).expect("the export");
    let untouched = jon.run(&["catalogue", "diff", "Night Drive EP", text(&csv)]).expect("diff");
    assert_eq!(untouched["changes"].as_array().map(Vec::len), Some(0), "an untouched file changes nothing: {untouched}");
    std::fs::write(&csv, exported.replace("Night Drive", "Night Drive (Edit)")).expect("an edit");
    let diff = jon.run(&["catalogue", "diff", "Night Drive EP", text(&csv)]).expect("diff");
    assert_eq!(diff["changes"][0]["to"], "Night Drive (Edit)");
    jon.run(&["catalogue", "propose", "Night Drive EP", text(&csv), "--title", "Title"]).expect("propose");
    let waiting = mira.run(&["changes", "list"]).expect("list");
    let id = waiting["to_review"][0]["id"].as_str().expect("it waits for Mira").to_owned();
    mira.run(&["changes", "reject", &id, "--reason", "x"]).expect_trouble("a reason of one letter");
    mira.run(&["changes", "reject", &id, "--reason", "keep the old title"]).expect("reject");
    jon.run(&["catalogue", "export", "Night Drive EP", "-o", text(&csv)]).expect("export");
    assert_eq!(std::fs::read_to_string(&csv).expect("the export"), exported, "a rejected change leaves the catalogue as it was");
}

#[test]
fn csv_with_unknown_missing_or_doubled_columns_is_told_and_changes_nothing() {
    let studio = Studio::start();
    let jon = Computer::new();
    jon.run(&["init", text(&jon.bounces())]).expect("init");
    write_wav(&jon.bounces().join("Rain.wav"), 220.0);
    jon.capture("Rain", 1);
    jon.run(&["connect", &studio.url]).expect("connect");
    jon.run(&["sign-up", "jon@example.org", "--name", "Jon"]).expect("sign-up");
    jon.run(&["publish", "Night Drive EP"]).expect("publish");
    jon.run(&["sync", "--once"]).expect("sync");
    let id = jon.run(&["propose", "Rain:1"]).expect("propose")["id"].as_str().expect("an id").to_owned();
    jon.approve(&id).expect("the only approver approves");
    let csv = jon.path("tracks.csv");
    jon.run(&["catalogue", "export", "Night Drive EP", "-o", text(&csv)]).expect("export");
    let exported = std::fs::read_to_string(&csv).expect("the export");

    std::fs::write(&csv, exported.replacen("title", "isrc", 1)).expect("a doubled column");
    let doubled = jon.run(&["catalogue", "diff", "Night Drive EP", text(&csv)]);
    let told = if doubled.ok { doubled.answer["errors"].to_string() } else { doubled.trouble };
    assert!(told.contains("isrc"), "the doubled column is named: {told}");
    jon.run(&["catalogue", "propose", "Night Drive EP", text(&csv)]).expect_trouble("a doubled column");

    std::fs::write(&csv, exported.replacen("title", "colour", 1)).expect("an unknown and a missing column");
    let unknown = jon.run(&["catalogue", "diff", "Night Drive EP", text(&csv)]).expect("diff");
    assert!(unknown.to_string().contains("colour"), "the unknown column is named: {unknown}");
    assert_eq!(unknown["changes"].as_array().map(Vec::len), Some(0), "a missing column changes nothing: {unknown}");

    std::fs::write(&csv, "\u{0}\u{1}not a table").expect("rubbish");
    let rubbish = jon.run(&["catalogue", "diff", "Night Drive EP", text(&csv)]);
    assert!(!rubbish.ok || rubbish.answer["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "rubbish is refused");
}
