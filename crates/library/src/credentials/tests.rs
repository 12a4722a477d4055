//! Every way a keyring can fail, and the sealed file: nothing is lost, nothing is ever written in the clear.

use std::sync::mpsc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error as Refusal};

use super::*;

const SERVER: &str = "https://a.example";
const TOKEN: &str = "cts_secret_of_the_session";

async fn opened(choice: CredentialChoice, dir: &Path) -> Credentials {
    Credentials::open(choice, dir).await.expect("opened")
}

fn file(dir: &Path, passphrase: &str) -> CredentialChoice {
    CredentialChoice::File { path: dir.join("tokens"), passphrase: passphrase.into() }
}

async fn round_trip(choice: CredentialChoice, dir: &Path, place: CredentialPlace) -> Credentials {
    let credentials = opened(choice, dir).await;
    assert_eq!(credentials.place(), place);
    credentials.set(SERVER, "acc_1", TOKEN.into()).await.expect("kept");
    credentials.set(SERVER, "device 1", "ctd_device".into()).await.expect("kept");
    let token = credentials.read_back(SERVER, "acc_1").await.expect("asked").expect("there");
    assert_eq!(token.expose_secret(), TOKEN);
    assert!(credentials.get("https://b.example", "acc_1").await.expect("asked").is_none(), "another server gets nothing");
    credentials
}

/// Every file in a folder as text.
fn files(dir: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        text.push_str(&String::from_utf8_lossy(&std::fs::read(entry.expect("an entry").path()).expect("readable")));
    }
    text
}

#[tokio::test]
async fn a_keyring_keeps_tokens_beyond_this_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let store: Arc<CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
    round_trip(CredentialChoice::Given(store.clone()), dir.path(), CredentialPlace::Keyring).await;
    let next_run = opened(CredentialChoice::Given(store.clone()), dir.path()).await;
    assert!(next_run.get(SERVER, "acc_1").await.expect("asked").is_some());
    // Another program renewed the token meanwhile.
    let entry = store.build(SERVICE, &entry(SERVER, "acc_1"), None).expect("an entry");
    assert!(!next_run.reload(SERVER, "acc_1").await.expect("asked"));
    entry.set_password("cts_successor").expect("set");
    assert!(next_run.reload(SERVER, "acc_1").await.expect("asked"), "the successor is another one");
    assert_eq!(next_run.get(SERVER, "acc_1").await.expect("asked").expect("there").expose_secret(), "cts_successor");
    next_run.forget(SERVER, "acc_1").await.expect("forgotten");
    next_run.forget(SERVER, "acc_1").await.expect("forgetting twice is fine");
    assert!(next_run.get(SERVER, "acc_1").await.expect("asked").is_none());
    assert_eq!(files(dir.path()), "", "nothing stands on the disk");
}

#[tokio::test]
async fn an_entry_that_is_no_text_counts_as_none_and_an_oversized_value_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let store: Arc<CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
    let credentials = opened(CredentialChoice::Given(store.clone()), dir.path()).await;
    store.build(SERVICE, &entry(SERVER, "acc_1"), None).expect("an entry").set_secret(&[0xff, 0xfe, 0x00]).expect("set");
    assert!(credentials.get(SERVER, "acc_1").await.expect("asked").is_none());
    let refused = credentials.set(SERVER, "acc_1", "x".repeat(1_025).into()).await.expect_err("too long");
    assert!(matches!(refused, CredentialError::Keyring(Refusal::TooLong(..))), "{refused}");
}

#[tokio::test]
async fn without_a_keyring_tokens_live_in_memory_only_until_a_file_is_chosen() {
    let dir = tempfile::tempdir().expect("a folder");
    let credentials = round_trip(CredentialChoice::Memory, dir.path(), CredentialPlace::Memory).await;
    assert_eq!(files(dir.path()), "");
    let next_run = opened(CredentialChoice::Memory, dir.path()).await;
    assert!(next_run.get(SERVER, "acc_1").await.expect("asked").is_none(), "asked at each launch");

    assert!(matches!(credentials.keep_in_file("short".into()).await, Err(CredentialError::ShortPassphrase)));
    credentials.keep_in_file("tall ships and a harbour".into()).await.expect("a file");
    assert_eq!(credentials.place(), CredentialPlace::File);
    let written = files(dir.path());
    assert!(!written.contains(TOKEN) && !written.contains("acc_1") && !written.contains("tall ships"), "{written}");
    credentials.ask_each_launch().expect("the file goes");
    assert_eq!((credentials.place(), files(dir.path())), (CredentialPlace::Memory, String::new()));
    assert_eq!(credentials.get(SERVER, "acc_1").await.expect("asked").expect("this run knows it").expose_secret(), TOKEN);
}

#[cfg(unix)]
#[tokio::test]
async fn the_sealed_file_opens_with_its_passphrase_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tokens");
    round_trip(file(dir.path(), "tall ships and a harbour"), dir.path(), CredentialPlace::File).await;
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!files(dir.path()).contains(TOKEN));
    let next_run = opened(file(dir.path(), "tall ships and a harbour"), dir.path()).await;
    assert_eq!(next_run.get(SERVER, "acc_1").await.expect("asked").expect("there").expose_secret(), TOKEN);
    assert_eq!(next_run.get(SERVER, "device 1").await.expect("asked").expect("there").expose_secret(), "ctd_device");

    let wrong = Credentials::open(file(dir.path(), "tall ships and a harbor"), dir.path()).await;
    assert!(matches!(wrong, Err(CredentialError::Passphrase { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    let open_to_all = Credentials::open(file(dir.path(), "tall ships and a harbour"), dir.path()).await;
    assert!(matches!(open_to_all, Err(CredentialError::FileOpen { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn a_damaged_file_is_named_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("tokens");
    round_trip(file(dir.path(), "tall ships and a harbour"), dir.path(), CredentialPlace::File).await;
    let good = std::fs::read_to_string(&path).expect("readable");
    let cheap = good.replace("\"m\":65536", "\"m\":8");
    let endless = good.replace("\"t\":3", "\"t\":4000000000");
    let newer = good.replace("\"v\":1", "\"v\":2");
    let cut = good[..good.len() / 2].to_owned();
    let flipped = good.replacen("\"sealed\":\"", "\"sealed\":\"AAAA", 1);
    for bad in [String::new(), "{}".to_owned(), cut, cheap, endless, newer, flipped, "x".repeat(300_000)] {
        std::fs::write(&path, &bad).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("private");
        let error = Credentials::open(file(dir.path(), "tall ships and a harbour"), dir.path()).await.err().expect("refused");
        assert!(matches!(error, CredentialError::Damaged { .. } | CredentialError::Passphrase { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), bad, "left as it is");
    }
}

/// A keyring that refuses as told, and works as long as it is not.
#[derive(Debug)]
struct Scripted {
    refusal: Mutex<Option<fn() -> Refusal>>,
    blocked: Mutex<Option<mpsc::Receiver<()>>>,
    works: Arc<CredentialStore>,
}

impl Scripted {
    fn new(refusal: Option<fn() -> Refusal>, blocked: Option<mpsc::Receiver<()>>) -> Arc<Self> {
        let works: Arc<CredentialStore> = keyring_core::mock::Store::new().expect("a mock");
        Arc::new(Self { refusal: Mutex::new(refusal), blocked: Mutex::new(blocked), works })
    }

    fn refuse(&self, refusal: Option<fn() -> Refusal>) {
        *self.refusal.lock().expect("not poisoned") = refusal;
    }
}

impl CredentialStoreApi for Scripted {
    fn vendor(&self) -> String {
        "scripted".to_owned()
    }

    fn id(&self) -> String {
        "scripted".to_owned()
    }

    fn build(&self, service: &str, user: &str, modifiers: Option<&HashMap<&str, &str>>) -> keyring_core::Result<Entry> {
        if let Some(blocked) = self.blocked.lock().expect("not poisoned").take() {
            // Until the test lets go, as a prompt that is open does.
            let _ = blocked.recv();
        }
        match *self.refusal.lock().expect("not poisoned") {
            Some(refusal) => Err(refusal()),
            None => self.works.build(service, user, modifiers),
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn locked() -> Refusal {
    Refusal::NoStorageAccess("locked".into())
}

fn dismissed() -> Refusal {
    Refusal::NoStorageAccess("the prompt was dismissed".into())
}

fn no_bus() -> Refusal {
    Refusal::PlatformFailure("no D-Bus".into())
}

fn no_daemon() -> Refusal {
    Refusal::NoDefaultStore
}

#[tokio::test]
async fn a_locked_keyring_is_told_apart_from_none_and_neither_writes_to_the_disk() {
    for (answer, state, place) in [
        (locked as fn() -> Refusal, KeyringState::Locked, CredentialPlace::Keyring),
        (dismissed, KeyringState::Locked, CredentialPlace::Keyring),
        (no_bus, KeyringState::None, CredentialPlace::Memory),
        (no_daemon, KeyringState::None, CredentialPlace::Memory),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let credentials = opened(CredentialChoice::Given(Scripted::new(Some(answer), None)), dir.path()).await;
        assert_eq!((credentials.view().keyring, credentials.place()), (state, place));
        let kept = credentials.set(SERVER, "acc_1", TOKEN.into()).await;
        assert_eq!(kept.is_err(), state == KeyringState::Locked, "a locked keyring says so");
        assert_eq!(files(dir.path()), "");
    }
}

#[tokio::test]
async fn a_prompt_that_is_dismissed_is_an_error_with_a_way_on_and_the_next_answer_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    let keyring = Scripted::new(None, None);
    round_trip(CredentialChoice::Given(keyring.clone()), dir.path(), CredentialPlace::Keyring).await;
    let next_run = opened(CredentialChoice::Given(keyring.clone()), dir.path()).await;
    for refusal in [dismissed as fn() -> Refusal, locked, no_bus] {
        keyring.refuse(Some(refusal));
        let error = next_run.get(SERVER, "acc_1").await.expect_err("refused");
        let (message, hint) = error.texts();
        assert!(message.contains("Your music on this computer is not touched") && hint.contains("Unlock the keyring"), "{message} {hint}");
    }
    keyring.refuse(Some(dismissed));
    assert!(next_run.get(SERVER, "acc_1").await.is_err());
    assert_eq!(next_run.view().keyring, KeyringState::Locked);
    keyring.refuse(None);
    assert_eq!(next_run.get(SERVER, "acc_1").await.expect("asked").expect("still there").expose_secret(), TOKEN);
    assert_eq!(next_run.view().keyring, KeyringState::Usable);
    assert!(next_run.get(SERVER, "acc_2").await.expect("asked").is_none(), "an entry that is not there");
    assert_eq!(files(dir.path()), "", "nothing stands on the disk");
}

#[tokio::test(start_paused = true)]
async fn a_keyring_whose_prompt_nobody_answers_is_waited_for_ten_seconds_and_no_longer() {
    let dir = tempfile::tempdir().expect("a folder");
    let (let_go, blocked) = mpsc::channel();
    let store = Scripted::new(Some(locked), Some(blocked));
    let began = tokio::time::Instant::now();
    let credentials = opened(CredentialChoice::Given(store), dir.path()).await;
    assert_eq!(credentials.view().keyring, KeyringState::Locked);
    assert_eq!(began.elapsed().as_secs(), 10);
    let began = tokio::time::Instant::now();
    let answer = credentials.get(SERVER, "acc_1").await;
    assert!(matches!(answer, Err(CredentialError::NoAnswer { .. })));
    assert_eq!(began.elapsed().as_secs(), 60, "a prompt may be open");
    drop(let_go);
}
