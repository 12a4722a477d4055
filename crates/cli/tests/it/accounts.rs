//! Accounts through the program: signing up and in, sessions, passwords, members, invitations, leaving, and the first site admin.

use serde_json::Value;

use crate::computer::{Computer, text, write_wav};
use crate::studio::Studio;

/// A computer whose user has an account and owns the project.
fn owner(studio: &Studio) -> Computer {
    owner_of(studio).0
}

/// The same, with the project's id.
fn owner_of(studio: &Studio) -> (Computer, String) {
    let jon = Computer::new();
    jon.run(&["init", text(&jon.bounces())]).expect("init");
    write_wav(&jon.bounces().join("Rain.wav"), 220.0);
    jon.capture("Rain", 1);
    sign_up(&jon, studio, "Jon");
    let project = jon.run(&["publish", "Night Drive EP"]).expect("publish");
    (jon, project["id"].as_str().expect("an id").to_owned())
}

fn sign_up(computer: &Computer, studio: &Studio, name: &str) {
    computer.run(&["connect", &studio.url]).expect("connect");
    computer.run(&["sign-up", &format!("{name}@example.org"), "--name", name]).expect("sign-up");
}

fn id_of(list: &Value, name: &str) -> String {
    let list = list.as_array().expect("a list");
    let found = list.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name} is not in {list:?}"));
    found["id"].as_str().expect("an id").to_owned()
}

#[test]
fn members_come_by_invitation_get_roles_and_go() {
    let studio = Studio::start();
    let jon = owner(&studio);
    let (mira, noa) = (Computer::new(), Computer::new());
    sign_up(&mira, &studio, "Mira");
    sign_up(&noa, &studio, "Noa");

    let bound = jon.run(&["invite", "Night Drive EP", "--email", "Mira@example.org", "--days", "2"]).expect("invite");
    let open = jon.run(&["members", "invitations", "Night Drive EP"]).expect("invitations");
    assert_eq!(open[0]["email"], "mira@example.org");
    noa.run(&["join", bound["code"].as_str().expect("a code")]).expect_trouble("an invitation for somebody else");
    mira.run(&["join", bound["link"].as_str().expect("a link")]).expect("the whole link counts too");
    let told = jon.run(&["invite", "Night Drive EP", "--email", "noa@example.org", "--mail"]).expect_trouble("a server without mail");
    assert!(told.contains("sends no mail"), "{told}");
    jon.run(&["invite", "Night Drive EP", "--role", "king"]).expect_trouble("a role that is none");

    let code = jon.run(&["invite", "Night Drive EP", "--role", "listener"]).expect("invite")["code"].as_str().expect("a code").to_owned();
    let open = jon.run(&["members", "invitations", "Night Drive EP"]).expect("invitations");
    jon.run(&["members", "uninvite", "Night Drive EP", open[0]["id"].as_str().expect("an id")]).expect("uninvite");
    noa.run(&["join", &code]).expect_trouble("an invitation that was taken back");

    let members = jon.run(&["members", "list", "Night Drive EP"]).expect("list");
    let (own, other) = (id_of(&members, "Jon"), id_of(&members, "Mira"));
    jon.run(&["members", "role", "Night Drive EP", &other, "admin"]).expect("a role");
    let told = jon.run(&["members", "leave", "Night Drive EP"]).expect_trouble("the last owner");
    assert!(told.starts_with("last_owner"), "{told}");
    mira.run(&["sync", "--once"]).expect("sync");
    let told = mira.run(&["members", "remove", "Night Drive EP", &own]).expect_trouble("an admin does not reach the owner");
    assert!(told.starts_with("forbidden"), "{told}");
    jon.run(&["members", "transfer", "Night Drive EP", &other]).expect("transfer");
    let members = mira.run(&["members", "list", "Night Drive EP"]).expect("list");
    let roles: Vec<(&str, &str)> = members
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str().unwrap_or(""), one["role"].as_str().unwrap_or("")))
        .collect();
    assert!(roles.contains(&("Mira", "owner")) && roles.contains(&("Jon", "admin")), "{roles:?}");
    jon.run(&["members", "leave", "Night Drive EP"]).expect("an admin leaves");
    assert_eq!(jon.run(&["versions"]).expect("versions").as_array().map(Vec::len), Some(1), "what is on this computer stays");
}

#[test]
fn sessions_are_listed_and_ended_and_a_new_password_ends_the_others() {
    let studio = Studio::start();
    let (home, road) = (Computer::new(), Computer::new());
    sign_up(&home, &studio, "Jon");
    road.run(&["connect", &studio.url]).expect("connect");
    road.run(&["sign-in", "JON@example.org"]).expect("the same account");
    let sessions = home.run(&["account", "sessions"]).expect("sessions");
    let other = sessions.as_array().expect("a list").iter().find(|one| one["current"] == false).expect("the other one");
    home.run(&["account", "end-session", other["id"].as_str().expect("an id")]).expect("ended");
    let told = road.run(&["account", "show"]).expect_trouble("a session that was ended");
    assert!(told.starts_with("unauthorized") || told.contains("sign in") || told.contains("signed in"), "{told}");

    road.run(&["sign-in", "jon@example.org"]).expect("again");
    let changed = home.run_changing_password("four walls and no amplifier", &["account", "password"]);
    changed.expect("a new password");
    road.run(&["account", "show"]).expect_trouble("every other session has ended");
    road.run(&["sign-in", "jon@example.org"]).expect_trouble("the old password");
    road.run_with_password("four walls and no amplifier", &["sign-in", "jon@example.org"]).expect("the new one");
    home.run(&["account", "step-up"]).expect_trouble("the old password proves nothing");
    home.run_with_password("four walls and no amplifier", &["account", "step-up"]).expect("the new one does");
    road.run(&["account", "end-others"]).expect("ended");
    home.run(&["account", "show"]).expect_trouble("ended from the road");
}

#[test]
fn a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code_that_works_once() {
    let studio = Studio::start();
    let (home, road) = (Computer::new(), Computer::new());
    sign_up(&home, &studio, "Jon");
    road.run(&["connect", &studio.url]).expect("connect");
    let begun = home.run(&["account", "totp-begin"]).expect("a secret");
    let secret = begun["secret"].as_str().expect("text");
    assert!(begun["uri"].as_str().is_some_and(|uri| uri.starts_with("otpauth://totp/") && uri.contains(secret)), "{begun}");
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let app = totp_rs::Builder::new().with_secret(secret).build().expect("an app");
    // The code of a moment later counts too, and has not been used.
    let code = |later: u64| app.generate(jiff::Timestamp::now().as_second().unsigned_abs() + later).to_string();

    home.run(&["account", "totp-confirm", "000000"]).expect_trouble("a guess");
    road.run(&["sign-in", "jon@example.org"]).expect("the factor does not count before it is confirmed");
    let answer = home.run(&["account", "totp-confirm", &code(0)]).expect("confirmed");
    let recovery: Vec<&str> = answer.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(recovery.len(), 10);
    assert_eq!(home.run(&["account", "show"]).expect("show")["second_factor"], true);
    road.run(&["account", "show"]).expect_trouble("the session without the factor has ended");

    let told = road.run(&["sign-in", "jon@example.org"]).expect_trouble("the password alone");
    assert!(told.starts_with("second_factor_needed") && told.contains("--code"), "{told}");
    let told = road.run(&["sign-in", "jon@example.org", "--code", "000000"]).expect_trouble("a guess");
    assert!(told.starts_with("wrong_second_factor"), "{told}");
    let later = code(30);
    road.run(&["sign-in", "jon@example.org", "--code", &later]).expect("the code of the app");
    home.run(&["account", "step-up", "--code", &later]).expect_trouble("the same code again");
    road.run(&["sign-out"]).expect("sign-out");
    road.run(&["sign-in", "jon@example.org", "--code", recovery[0]]).expect("a recovery code");
    road.run(&["sign-out"]).expect("sign-out");
    road.run(&["sign-in", "jon@example.org", "--code", recovery[0]]).expect_trouble("the same recovery code again");
    road.run(&["sign-in", "jon@example.org", "--code", recovery[1]]).expect("another one");
    assert_eq!(road.run(&["account", "show"]).expect("show")["recovery_codes_left"], 8);
    road.run(&["account", "totp-off"]).expect("switched off");
    home.run(&["sign-out"]).expect("sign-out");
    home.run(&["sign-in", "jon@example.org"]).expect("the password alone is enough again");
}

#[test]
fn a_computer_makes_its_signing_key_shows_its_fingerprint_and_revokes_it() {
    let studio = Studio::start();
    let jon = Computer::new();
    sign_up(&jon, &studio, "Jon");
    assert_eq!(jon.run(&["account", "keys"]).expect("none yet").as_array().map(Vec::len), Some(0));
    let made = jon.run(&["account", "make-key"]).expect("made");
    let id = made[0]["id"].as_str().expect("a fingerprint").to_owned();
    assert_eq!((id.len(), &made[0]["here"]), (32, &Value::Bool(true)));
    assert!(!std::fs::read_to_string(jon.path("token")).expect("the sealed file").contains(&id));
    assert_eq!(jon.run(&["account", "keys"]).expect("another run knows it"), made);
    jon.run(&["account", "revoke-key", "0000"]).expect_trouble("a key that is none");
    let revoked = jon.run(&["account", "revoke-key", &id]).expect("revoked");
    assert!(revoked[0]["revoked_at"].is_string() && revoked[0]["here"] == false, "{revoked}");
}

#[test]
fn codes_that_are_none_change_nothing_and_without_mail_nothing_waits_for_one() {
    let studio = Studio::start();
    let jon = Computer::new();
    jon.run(&["connect", &studio.url]).expect("connect");
    jon.run(&["sign-up", "jon@example.org", "--name", "Jon"]).expect("sign-up without mail signs in at once");
    for arguments in [
        &["site", "claim", "ctu_aaaaaaaaaaaaaaaaaaaaaaaaaa"][..],
        &["account", "confirm-address", "ctv_aaaaaaaaaaaaaaaaaaaaaaaaaa"],
        &["confirm", "ctv_aaaaaaaaaaaaaaaaaaaaaaaaaa"],
    ] {
        let told = jon.run(arguments).expect_trouble("a code that is none");
        assert!(told.starts_with("code_invalid"), "{arguments:?}: {told}");
    }
    let reset = jon.run_changing_password("four walls and no amplifier", &["account", "reset", "ctr_aaaaaaaaaaaaaaaaaaaaaaaaaa"]);
    assert!(reset.expect_trouble("a code that is none").starts_with("code_invalid"));
    assert!(jon.run(&["forgot", "jon@example.org"]).expect_trouble("no mail").contains("site admin"));
    jon.run(&["site", "accounts"]).expect_trouble("nobody but site admins");
    assert_eq!(jon.run(&["account", "address", "jon@music.example"]).expect("at once")["email"], "jon@music.example");
    jon.run(&["sign-out"]).expect("sign-out");
    jon.run(&["sign-in", "jon@example.org"]).expect_trouble("the address before");
    jon.run(&["sign-in", "jon@music.example"]).expect("the new one");
}

#[test]
fn account_and_project_are_deleted_on_the_server_and_stay_on_the_computer() {
    let studio = Studio::start();
    let (jon, id) = owner_of(&studio);
    jon.run(&["account", "delete", "mira@example.org"]).expect_trouble("another address");
    let told = jon.run(&["account", "delete", "jon@example.org"]).expect_trouble("the last owner of a project");
    assert!(told.starts_with("last_owner"), "{told}");
    jon.run(&["trash", "project", &id]).expect("the project goes");
    jon.run(&["account", "delete", "Jon@example.org"]).expect("the account goes");
    jon.run(&["sign-in", "jon@example.org"]).expect_trouble("there is no such account");
    assert_eq!(jon.run(&["versions"]).expect("versions").as_array().map(Vec::len), Some(1), "what is on this computer stays");
}
