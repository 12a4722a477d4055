//! Accounts as the desktop works them: tokens renewed daily and kept before they are used, second factors, members, and where sessions
//! lie on the disk.

use std::sync::Arc;
use std::time::Duration;

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_library::clock::ManualClock;
use collabtrack_library::view::{ConnectionState, CredentialPlace};
use collabtrack_library::{CredentialChoice, Library, LibraryOptions};

use crate::support::person::PASSWORD;
use crate::support::post_office::PostOffice;
use crate::support::{Person, Server};
use crate::sync_computers::Computer;

async fn count(server: &Server, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(server.database()).await.expect("counted")
}

#[tokio::test]
async fn the_desktop_renews_its_token_daily_and_two_programs_on_one_keyring_stay_signed_in() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::default());
    let keyring: Arc<keyring_core::CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
    let open = async |name: &str| {
        let mut options = LibraryOptions::new(folder.path().join(name));
        options.credentials = CredentialChoice::Given(keyring.clone());
        options.clock = clock.clone();
        Library::open(options).await.expect("the library opens")
    };
    let desktop = open("library").await;
    desktop.register(&server.url, "Ann", "ann@example.com", PASSWORD.to_owned().into(), None).await.expect("registered");
    desktop.sync_once().await.expect("synced");
    assert_eq!(count(&server, "select count(*) from retired_token").await, 0, "not a day yet");
    clock.advance(Duration::from_secs(25 * 3600));
    desktop.sync_once().await.expect("synced");
    assert_eq!(count(&server, "select count(*) from retired_token").await, 1, "renewed, and the new one is in use");
    desktop.sync_once().await.expect("synced");
    assert_eq!(count(&server, "select count(*) from retired_token").await, 1, "once a day");

    // Another run finds the new token in the keyring.
    desktop.shutdown().await;
    let next_run = open("library").await;
    assert_eq!(next_run.status().await.expect("a status").connection.credential, Some(CredentialPlace::Keyring));
    next_run.sync_once().await.expect("synced");
    // The server ends every session; the desktop says so, and goes on after signing in.
    sqlx::query("delete from session").execute(server.database()).await.expect("ended");
    let error = next_run.sync_once().await.expect_err("signed out").view();
    assert_eq!(error.code, "unauthorized");
    assert_eq!(next_run.status().await.expect("a status").connection.state, ConnectionState::NeedsYou);
    next_run.sign_in(&server.url, "ann@example.com", PASSWORD.to_owned().into(), None).await.expect("signed in");
    next_run.sync_once().await.expect("synced");
    assert_eq!(count(&server, "select count(*) from known_device").await, 1, "the device is known from the first time");
    next_run.shutdown().await;
    server.stop().await;
}

#[tokio::test]
async fn sessions_password_and_second_factor_are_worked_from_the_desktop() {
    let server = Server::start().await;
    let ann = Computer::new().await;
    let email = "ann@example.com";
    ann.library.register(&server.url, "Ann", email, PASSWORD.to_owned().into(), None).await.expect("registered");
    let other = Computer::new().await;
    other.library.sign_in(&server.url, email, PASSWORD.to_owned().into(), None).await.expect("signed in");
    let sessions = ann.library.sessions().await.expect("listed");
    assert_eq!((sessions.len(), sessions.iter().filter(|session| session.current).count()), (2, 1));
    let theirs = sessions.iter().find(|session| !session.current).expect("the other");
    ann.library.end_session(&theirs.id).await.expect("ended");
    assert_eq!(other.library.account().await.expect_err("over").view().code, "unauthorized");

    let wrong = ann.library.change_password("not it".to_owned().into(), "a brand new secret".to_owned().into(), None).await;
    assert_eq!(wrong.expect_err("refused").view().code, "wrong_credentials");
    ann.library.change_password(PASSWORD.to_owned().into(), "a brand new secret".to_owned().into(), None).await.expect("changed");
    let secret = ann.library.totp_begin().await.expect("a secret").secret;
    let app = totp_rs::Builder::new()
        .with_secret(data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32"))
        .build()
        .expect("an app");
    let code = |later: u64| app.generate(jiff::Timestamp::now().as_second().unsigned_abs() + later).to_string();
    let recovery = ann.library.totp_confirm(&code(0)).await.expect("on");
    assert_eq!(recovery.len(), 10);
    let account = ann.library.account().await.expect("an account");
    assert!(account.second_factor);
    assert_eq!(account.second_factor_policy, "offered");

    let sign_in = |code: Option<String>| {
        let library = other.library.clone();
        let url = server.url.clone();
        async move { library.sign_in(&url, email, "a brand new secret".to_owned().into(), code.as_deref()).await }
    };
    assert_eq!(sign_in(None).await.expect_err("asked").view().code, "second_factor_needed");
    sign_in(Some(code(30))).await.expect("signed in");
    ann.library.step_up("a brand new secret".to_owned().into(), Some(&recovery[0])).await.expect("confirmed");
    ann.library.totp_off().await.expect("off");
    assert!(!other.library.account().await.expect("an account").second_factor);
    // Nothing of it stands in the clear on the disk.
    for computer in [&ann, &other] {
        let file = std::fs::read_to_string(computer.folder.path().join("tokens")).expect("the sealed file");
        assert!(!file.contains("cts_") && !file.contains(email));
    }
    server.stop().await;
}

#[tokio::test]
async fn the_desktop_makes_a_key_that_signs_for_its_account_and_keeps_it() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let keyring: Arc<keyring_core::CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
    let open = async |credentials: CredentialChoice| {
        let mut options = LibraryOptions::new(folder.path().join("library"));
        options.credentials = credentials;
        Library::open(options).await.expect("the library opens")
    };
    let desktop = open(CredentialChoice::Given(keyring.clone())).await;
    desktop.register(&server.url, "Ann", "ann@example.com", PASSWORD.to_owned().into(), None).await.expect("registered");
    assert!(desktop.device_keys().await.expect("listed").is_empty());
    let made = desktop.make_device_key().await.expect("made");
    assert!(matches!(made.as_slice(), [key] if key.here && key.revoked_at.is_none() && key.id.len() == 32), "{made:?}");
    assert_eq!(desktop.make_device_key().await.expect("there already"), made, "a second one is not made");

    // The secret half lies in the keyring, never on the disk; another run signs with the same key.
    let account = desktop.account().await.expect("an account").id;
    let kept = keyring.build("collabtrack", &format!("{} key {account}", server.url), None).expect("an entry").get_password();
    let secret: [u8; 32] = data_encoding::HEXLOWER.decode(kept.expect("kept").as_bytes()).expect("hex").try_into().expect("32 bytes");
    let key = collabtrack_domain::device_key::DeviceKey::of_secret(&secret);
    assert_eq!(data_encoding::HEXLOWER.encode(&key.fingerprint()), made[0].id);
    let public: Vec<u8> = sqlx::query_scalar("select public_key from device_key").fetch_one(server.database()).await.expect("one");
    assert_eq!(public, key.public());
    desktop.shutdown().await;
    let next_run = open(CredentialChoice::Given(keyring.clone())).await;
    assert_eq!(next_run.device_keys().await.expect("listed"), made);

    // Revoked, it is forgotten here, and the next one is another.
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    assert_eq!(next_run.revoke_device_key(&made[0].id).await.expect_err("asked").view().code, "step_up_required");
    next_run.step_up(PASSWORD.to_owned().into(), None).await.expect("confirmed");
    let after = next_run.revoke_device_key(&made[0].id).await.expect("revoked");
    assert!(matches!(after.as_slice(), [key] if !key.here && key.revoked_at.is_some()), "{after:?}");
    let again = next_run.make_device_key().await.expect("made");
    assert_eq!((again.len(), again.iter().filter(|key| key.here && key.id != made[0].id).count()), (2, 1));
    next_run.shutdown().await;

    // Where nothing is kept beyond a run, no key is made.
    let forgetful = open(CredentialChoice::Memory).await;
    forgetful.sign_in(&server.url, "ann@example.com", PASSWORD.to_owned().into(), None).await.expect("signed in");
    let error = forgetful.make_device_key().await.expect_err("refused").view();
    assert!(error.message.contains("keeps nothing secret") && error.hint.is_some_and(|hint| hint.contains("keyring")), "{}", error.message);
    assert_eq!(forgetful.device_keys().await.expect("listed").len(), 2);
    forgetful.shutdown().await;
    server.stop().await;
}

#[tokio::test]
async fn members_and_invitations_are_worked_from_the_desktop() {
    let server = Server::start().await;
    let ann = Computer::of(&server.url, "Ann").await;
    let project = ann.watch(None).await;
    ann.library.put_on_server(&project).await.expect("on the server");
    let invitation = ann.library.invite(&project, "member", None, Some(3)).await.expect("a code");
    assert!(invitation.link.ends_with(&invitation.code));
    assert_eq!(ann.library.invitations(&project).await.expect("listed").len(), 1);
    let ben = Person::register(&server.url, "Ben").await;
    ben.accept(&invitation.code).await.ok::<serde_json::Value>();
    assert!(ann.library.invitations(&project).await.expect("listed").is_empty());
    let role_of = |members: &[collabtrack_library::view::MemberView], id: &AccountId| {
        members.iter().find(|member| member.id == id.as_str()).map(|member| member.role.clone())
    };
    let members = ann.library.change_role(&project, &ben.id, "admin").await.expect("changed");
    assert_eq!(role_of(&members, &ben.id).as_deref(), Some("admin"));
    let members = ann.library.transfer_ownership(&project, &ben.id).await.expect("handed over");
    assert_eq!(role_of(&members, &ben.id).as_deref(), Some("owner"));
    let shown = ann.library.project(&ProjectId::parse(project.as_str()).expect("an id")).await.expect("a project");
    assert_eq!(shown.role.as_deref(), Some("admin"), "the own role is the new one at once");
    assert!(!shown.may.contains(&"transfer_ownership".to_owned()) && shown.may.contains(&"decide".to_owned()));
    ann.library.leave_project(&project).await.expect("left");
    assert_eq!(ann.library.members(&project).await.expect_err("gone").view().code, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn the_desktop_registers_resets_and_moves_through_a_mailbox_and_leaves_the_server() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    let ann = Computer::new().await;
    assert!(ann.library.connect(&mailing.url).await.expect("a server").mail);
    let register = ann.library.register(&mailing.url, "Ann", "ann@example.com", PASSWORD.to_owned().into(), None);
    assert_eq!(register.await.expect("asked"), None, "nobody is signed in before the code comes back");
    let link = office.letter_to("ann@example.com", 1).await.link();
    let wrong = ann.library.confirm_registration(&mailing.url, &link, "not it".to_owned().into()).await;
    assert_eq!(wrong.expect_err("refused").view().code, "wrong_credentials");
    let connection = ann.library.confirm_registration(&mailing.url, &link, PASSWORD.to_owned().into()).await.expect("an account");
    assert_eq!(connection.account_name.as_deref(), Some("Ann"));

    assert_eq!(ann.library.change_address("ann@music.example").await.expect("asked"), None);
    let code = office.letter_to("ann@music.example", 1).await.code();
    let account = ann.library.confirm_address(&code).await.expect("moved");
    assert_eq!((account.email.as_str(), account.email_confirmed, account.mail), ("ann@music.example", true, true));

    ann.library.request_reset(&mailing.url, "ann@music.example").await.expect("asked");
    let code = office.letter_to("ann@music.example", 2).await.code();
    ann.library.reset_password(&mailing.url, &code, "a brand new secret".to_owned().into()).await.expect("set");
    assert_eq!(ann.library.account().await.expect_err("over").view().code, "unauthorized");
    ann.library.sign_in(&mailing.url, "ann@music.example", "a brand new secret".to_owned().into(), None).await.expect("signed in");

    let project = ann.watch(None).await;
    ann.library.put_on_server(&project).await.expect("on the server");
    assert_eq!(ann.library.delete_account().await.expect_err("the last owner").view().code, "last_owner");
    ann.library.trash_project(&project).await.expect("in the trash");
    let gone = ann.library.delete_account().await.expect("deleted");
    assert_eq!((gone.account_name, gone.state), (None, ConnectionState::SignedOut));
    let file = std::fs::read_to_string(ann.folder.path().join("tokens")).expect("the sealed file");
    assert!(!file.contains("cts_"));
    mailing.stop().await;
    server.stop().await;
}
