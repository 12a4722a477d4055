//! The embedded studio: the program itself, with its own Postgres and store in a folder.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use collabtrack_protocol::accounts::ServerInfo;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::embedded;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::support::Person;
use crate::support::music::{bytes, claim};
use crate::support::person::anonymous;

struct Program {
    child: Child,
    url: String,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collabtrack-server"));
    command.arg("--embedded").arg(folder).args(["--listen", "127.0.0.1:0", "--json"]).current_dir(folder.parent().expect("a parent"));
    command.env_remove("COLLABTRACK_LISTEN").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    fn start(folder: &Path) -> Self {
        let mut child = command(folder).stderr(Stdio::inherit()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, url: said["url"].as_str().expect("an address").to_owned() }
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.child.id()).expect("small")).expect("not 0");
        kill_process(process, signal).expect("it runs");
    }

    /// Ends it by a signal and says whether it ended well.
    fn end(mut self, signal: Signal) -> bool {
        self.signal(signal);
        self.child.wait().expect("it ends").success()
    }
}

fn database_process(folder: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(folder.join("postgres/data/postmaster.pid")).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

/// Waits until something is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} within 60 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_studio_keeps_everything_over_polite_ends_and_a_kill_and_stops_its_database_each_time() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("studio");
    let studio = Program::start(&folder);
    let info: ServerInfo = anonymous(&studio.url, Method::GET, "/server", &serde_json::Value::Null).await.ok();
    assert_eq!((info.service.as_str(), info.registration.as_str()), ("collabtrack", "open"));
    let ann = Person::register(&studio.url, "Ann").await;
    let project = ann.project("EP").await;
    let data = bytes(1, 9_000_000);
    let version = ann.bounce(&project, &claim("Night Drive"), &data).await;
    let database = database_process(&folder).expect("a database");
    assert!(studio.end(Signal::TERM), "it ends well");
    until("the database has stopped", || test_kill_process(database).is_err()).await;

    let again = Program::start(&folder);
    let ann = Person { server: again.url.clone(), ..ann };
    assert_eq!(ann.original(&version.id).await, data);
    again.signal(Signal::KILL);
    let mut again = again;
    again.child.wait().expect("it is gone");

    let third = Program::start(&folder);
    let ann = Person { server: third.url.clone(), ..ann };
    assert_eq!(ann.original(&version.id).await, data);
    let database = database_process(&folder).expect("a database");
    assert!(third.end(Signal::INT), "it ends well");
    until("the database has stopped", || test_kill_process(database).is_err()).await;
    assert!(database_process(&folder).is_none(), "nothing of it is left");
}

#[tokio::test]
async fn secrets_are_their_owners_alone_and_a_second_server_on_the_folder_is_refused_in_words() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("studio");
    let studio = Program::start(&folder);
    let mode = |path: &str| std::fs::metadata(folder.join(path)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("secrets.json"), mode("store"), mode("postgres"), mode("lock")), (0o600, 0o700, 0o700, 0o600));
    assert_eq!(mode("") & 0o066, 0, "nobody else may look into the folder");
    let second = command(&folder).output().expect("it runs");
    assert!(!second.status.success());
    let words = String::from_utf8(second.stderr).expect("text");
    assert!(words.contains("in use by another collabtrack-server") && words.contains(&studio.child.id().to_string()), "{words}");
    assert!(studio.end(Signal::TERM));
}

#[tokio::test]
async fn the_studio_starts_inside_a_process_and_checks_itself() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("a folder with spaces, a comma and ümlauts, and a name so long that no socket would fit below it");
    let settings = Environment::new(std::collections::BTreeMap::new()).and_then(|settings| settings.service(Registration::Open));
    let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 8, ..settings.expect("the defaults") };
    let studio = embedded::start(&folder, service).await.expect("it starts");
    let ann = Person::register(&studio.url, "Ann").await;
    let project = ann.project("EP").await;
    ann.upload(&project, ObjectFormat::Plain, &bytes(1, 1_000)).await;
    studio.stop().await;
    let mut check = Command::new(env!("CARGO_BIN_EXE_collabtrack-server"));
    let output = check.arg("check").arg("--embedded").arg(&folder).current_dir(parent.path()).output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        said.contains("Database: up to date.") && said.contains("refuse a body whose SHA-256 differs from the signed one: yes."),
        "{said}"
    );
}

#[tokio::test]
async fn the_log_tells_every_request_and_no_secret_even_when_it_tells_everything() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("studio");
    let log = parent.path().join("log");
    let to_log = std::fs::File::create(&log).expect("made");
    let mut child = command(&folder).env("COLLABTRACK_LOG", "trace").stderr(to_log).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let studio = Program { child, url: said["url"].as_str().expect("an address").to_owned() };
    let ann = Person::register(&studio.url, "Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, collabtrack_domain::role::Role::Member).await;
    let ben = Person::register(&studio.url, "Ben").await;
    ben.accept(&invitation.code).await.ok::<serde_json::Value>();
    let data = bytes(1, 9_000_000);
    let version = ann.bounce(&project, &claim("Night Drive"), &data).await;
    assert_eq!(ben.original(&version.id).await, data);
    assert!(studio.end(Signal::TERM));
    let text = std::fs::read_to_string(&log).expect("readable");
    assert!(text.contains("POST /api/v1/projects/{project}/versions answered 200"), "{text}");
    let secrets: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.join("secrets.json")).expect("there")).expect("JSON");
    let mut hidden: Vec<&str> = secrets.as_object().expect("secrets").values().filter_map(|secret| secret.as_str()).collect();
    hidden.extend([
        ann.token.as_str(),
        &ann.email,
        &ben.token,
        &ben.email,
        crate::support::person::PASSWORD,
        &invitation.code,
        "X-Amz-Signature",
    ]);
    for secret in hidden {
        assert!(!text.contains(secret), "the log holds {secret}");
    }
}
