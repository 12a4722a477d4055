//! Mail: accounts, new passwords, addresses and invitations through a mailbox; answers that tell nothing; and a mail server that is down.

use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::{Account, ServerInfo, SignedIn};
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{Invitation, Project};
use collabtrack_server::config::TlsFiles;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::person::{CLIENT, PASSWORD, anonymous, send};
use crate::support::post_office::{Line, PostOffice};
use crate::support::program::Program;
use crate::support::{Answer, Person, Server};

async fn post(url: &str, path: &str, body: Value) -> Answer {
    anonymous(url, Method::POST, path, &body).await
}

async fn register(url: &str, email: &str) -> Answer {
    post(url, "/auth/register", json!({"name": "Ann", "email": email, "password": PASSWORD})).await
}

/// Somebody who registered through a mailbox.
async fn newcomer(url: &str, office: &PostOffice, email: &str) -> Person {
    assert_eq!(register(url, email).await.status.as_u16(), 202);
    let code = office.letter_to(email, 1).await.code();
    let made: SignedIn = post(url, "/auth/confirm", json!({"code": code, "password": PASSWORD})).await.ok();
    Person { server: url.to_owned(), id: made.account.id, email: email.to_owned(), token: made.token }
}

#[tokio::test]
async fn registering_answers_alike_for_known_and_unknown_addresses_and_the_mail_tells_the_truth() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    let ann = server.person("Ann").await;
    let info: ServerInfo = anonymous(&mailing.url, Method::GET, "/server", &Value::Null).await.ok();
    assert!(info.mail);

    let known = register(&mailing.url, &ann.email.to_uppercase()).await;
    let unknown = register(&mailing.url, "new@example.com").await;
    for answer in [&known, &unknown] {
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, r#"{"mailed":true}"#));
    }
    let told = office.letter_to(&ann.email, 1).await;
    assert!(told.text.contains("You have one already") && !told.text.contains("ctv_"), "{told:?}");
    let letter = office.letter_to("new@example.com", 1).await;
    assert!(letter.head.contains("music@example.com") && letter.head.contains("Message-ID: <"), "{}", letter.head);
    assert!(letter.link().starts_with("https://music.example.com/confirm#ctv_"), "{letter:?}");
    let accounts: i64 = sqlx::query_scalar("select count(*) from account").fetch_one(server.database()).await.expect("counted");
    assert_eq!(accounts, 1, "no account before the code comes back");

    // The code alone is not enough: whoever reads the mail need not be who asked.
    let (code, link) = (letter.code(), letter.link());
    post(&mailing.url, "/auth/confirm", json!({"code": code, "password": "not the password"}))
        .await
        .problem(401, ErrorCode::WrongCredentials);
    post(&mailing.url, "/auth/sign-in", json!({"email": "new@example.com", "password": PASSWORD}))
        .await
        .problem(401, ErrorCode::WrongCredentials);
    let made: SignedIn = post(&mailing.url, "/auth/confirm", json!({"code": link, "password": PASSWORD})).await.ok();
    assert_eq!((made.account.email.as_str(), made.account.email_confirmed), ("new@example.com", true));
    assert!(made.device_token.is_some());
    post(&mailing.url, "/auth/confirm", json!({"code": code, "password": PASSWORD})).await.problem(422, ErrorCode::CodeInvalid);
    post(&mailing.url, "/auth/confirm", json!({"code": "ctv_aaaaaaaaaaaaaaaaaaaaaaaaaa", "password": PASSWORD}))
        .await
        .problem(422, ErrorCode::CodeInvalid);

    // Two who asked for one address: the second code comes too late. And a code ends after a day.
    for _ in 0..2 {
        assert_eq!(register(&mailing.url, "twice@example.com").await.status.as_u16(), 202);
    }
    office.letter_to("twice@example.com", 2).await;
    let codes: Vec<String> =
        office.letters().iter().filter(|letter| letter.to == "twice@example.com").map(|letter| letter.code()).collect();
    post(&mailing.url, "/auth/confirm", json!({"code": codes[0], "password": PASSWORD})).await.ok::<SignedIn>();
    post(&mailing.url, "/auth/confirm", json!({"code": codes[1], "password": PASSWORD})).await.problem(409, ErrorCode::AddressTaken);
    assert_eq!(register(&mailing.url, "late@example.com").await.status.as_u16(), 202);
    let late = office.letter_to("late@example.com", 1).await.code();
    sqlx::query("update pending_address set expires_at = now() - interval '1 second'").execute(server.database()).await.expect("aged");
    post(&mailing.url, "/auth/confirm", json!({"code": late, "password": PASSWORD})).await.problem(422, ErrorCode::CodeInvalid);
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn nobody_has_a_mailbox_filled_whether_it_has_an_account_or_not() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    let ann = server.person("Ann").await;
    for email in [ann.email.as_str(), "nobody@example.com"] {
        for n in 0..3 {
            let path = if n == 0 { "/auth/register" } else { "/auth/reset/request" };
            let answer = post(&mailing.url, path, json!({"name": "Ann", "email": email, "password": PASSWORD})).await;
            assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, r#"{"mailed":true}"#), "{path}");
        }
        let refused = post(&mailing.url, "/auth/reset/request", json!({"email": email})).await;
        assert!(refused.problem(429, ErrorCode::TooManyRequests).retry_after_s.is_some_and(|wait| wait > 500));
        register(&mailing.url, email).await.problem(429, ErrorCode::TooManyRequests);
    }
    office.letter_to(&ann.email, 3).await;
    post(&mailing.url, "/auth/reset/request", json!({"email": "no address"})).await.problem(422, ErrorCode::Invalid);
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_with_the_mailed_code_and_only_accounts_that_may_sign_in_get_one() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    sqlx::query("update account set disabled_at = now() where id = $1")
        .bind(ben.id.as_str())
        .execute(server.database())
        .await
        .expect("off");
    for email in [ben.email.as_str(), "nobody@example.com", ann.email.as_str()] {
        let answer = post(&mailing.url, "/auth/reset/request", json!({"email": email})).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, r#"{"mailed":true}"#));
    }
    let letter = office.letter_to(&ann.email, 1).await;
    let code = letter.code();
    assert!(code.starts_with("ctr_") && letter.link().ends_with(&format!("/reset#{code}")), "{letter:?}");
    let page = send(CLIENT.get(format!("{}/reset", mailing.url))).await;
    assert!(page.status.is_success() && page.text().contains("Copy the whole address"), "{}", page.text());
    assert_eq!(page.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");

    post(&mailing.url, "/auth/reset", json!({"code": code, "new": "short"})).await.problem(422, ErrorCode::PasswordRefused);
    assert_eq!(post(&mailing.url, "/auth/reset", json!({"code": letter.link(), "new": "brand new password"})).await.status.as_u16(), 204);
    post(&mailing.url, "/auth/reset", json!({"code": code, "new": "brand new password"})).await.problem(422, ErrorCode::CodeInvalid);
    ann.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let again: SignedIn = post(&mailing.url, "/auth/sign-in", json!({"email": ann.email, "password": "brand new password"})).await.ok();
    let log: AuditPage = Person { token: again.token, ..ann }.get("/account/audit").await.ok();
    let made = log.entries.iter().find(|entry| entry.entry.contains("account.reset_code")).expect("an entry");
    assert!(made.entry.contains(r#""actor":"mail""#), "{}", made.entry);
    assert_eq!(office.letters().len(), 1, "nobody else was written to");
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn another_address_counts_when_its_code_comes_back_and_the_one_before_is_told() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    let ann = newcomer(&mailing.url, &office, "ann@example.com").await;
    let ben = newcomer(&mailing.url, &office, "ben@example.com").await;

    assert_eq!(ann.post("/account/address", &json!({"email": "ann@music.example"})).await.status.as_u16(), 202);
    let code = office.letter_to("ann@music.example", 1).await.code();
    assert_eq!(ann.get("/account").await.ok::<Account>().email, "ann@example.com", "nothing before the code comes back");
    ben.post("/account/address/confirm", &json!({"code": code})).await.problem(422, ErrorCode::CodeInvalid);
    let moved: Account = ann.post("/account/address/confirm", &json!({"code": code})).await.ok();
    assert_eq!((moved.email.as_str(), moved.email_confirmed), ("ann@music.example", true));
    ann.post("/account/address/confirm", &json!({"code": code})).await.problem(422, ErrorCode::CodeInvalid);
    let told = office.letter_to("ann@example.com", 2).await;
    assert!(told.text.contains("another address") && !told.text.contains("ann@music.example"), "{told:?}");
    post(&mailing.url, "/auth/sign-in", json!({"email": "ann@music.example", "password": PASSWORD})).await.ok::<SignedIn>();
    post(&mailing.url, "/auth/sign-in", json!({"email": "ann@example.com", "password": PASSWORD}))
        .await
        .problem(401, ErrorCode::WrongCredentials);

    // An address of somebody else: the same answer, and the mail tells them, without a code.
    let answer = ann.post("/account/address", &json!({"email": "BEN@example.com"})).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, r#"{"mailed":true}"#));
    let told = office.letter_to("ben@example.com", 2).await;
    assert!(!told.text.contains("ctv_") && told.text.contains("belongs to your account"), "{told:?}");

    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    ann.post("/account/address", &json!({"email": "x@example.com"})).await.problem(403, ErrorCode::StepUpRequired);
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn an_invitation_goes_by_mail_and_one_bound_to_an_address_takes_a_confirmed_one() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let mailing = server.instance_with_mail(&office.url).await;
    // Both had their accounts before there was mail.
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let (ann, ben) = (Person { server: mailing.url.clone(), ..ann }, Person { server: mailing.url.clone(), ..ben });
    let project = ann.project("EP").await;
    let path = format!("/projects/{project}/invitations");
    ann.post(&path, &json!({"role": "member", "mail": true})).await.problem(422, ErrorCode::Invalid);
    let made: Invitation = ann.post(&path, &json!({"role": "member", "email": ben.email, "mail": true})).await.ok();
    assert!(made.mailed);
    let letter = office.letter_to(&ben.email, 1).await;
    assert_eq!((letter.code(), letter.link()), (made.code.clone(), made.link.clone()));
    assert!(!letter.text.contains("EP") && !letter.text.contains("Ann"), "only a signed-in holder sees project and inviter: {letter:?}");

    ben.accept(&made.code).await.problem(403, ErrorCode::AddressUnconfirmed);
    assert_eq!(ben.post("/account/address", &json!({"email": ben.email})).await.status.as_u16(), 202);
    let code = office.letter_to(&ben.email, 2).await.code();
    assert!(ben.post("/account/address/confirm", &json!({"code": code})).await.ok::<Account>().email_confirmed);
    assert_eq!(ben.accept(&made.link).await.ok::<Project>().role, Role::Member);
    // One that is bound to nobody asks for nothing.
    let free = ann.invite(&project, Role::Listener).await;
    let cleo = server.person("Cleo").await;
    Person { server: mailing.url.clone(), ..cleo }.accept(&free.code).await.ok::<Project>();
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn without_mail_nothing_depends_on_it() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    assert!(!anonymous(&server.url, Method::GET, "/server", &Value::Null).await.ok::<ServerInfo>().mail);
    post(&server.url, "/auth/reset/request", json!({"email": ann.email})).await.problem(422, ErrorCode::Invalid);
    let project = ann.project("EP").await;
    let path = format!("/projects/{project}/invitations");
    ann.post(&path, &json!({"role": "member", "email": "ben@example.com", "mail": true})).await.problem(422, ErrorCode::Invalid);
    let ben = server.person("Ben").await;
    let bound: Invitation = ann.post(&path, &json!({"role": "member", "email": ben.email})).await.ok();
    ben.accept(&bound.code).await.ok::<Project>();
    let moved: Account = ann.post("/account/address", &json!({"email": "Ann@music.example"})).await.ok();
    assert_eq!((moved.email.as_str(), moved.email_confirmed), ("Ann@music.example", false));
    ann.post("/account/address", &json!({"email": ben.email})).await.problem(409, ErrorCode::AddressTaken);
    server.stop().await;
}

#[tokio::test]
async fn a_mail_server_that_is_away_changes_no_answer_and_gets_the_mail_when_it_is_back() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    // Nobody listens there any more.
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("smtp://{}", listener.local_addr().expect("an address"))
    };
    let cut_off = server.instance_with_mail(&gone).await;
    let ann = server.person("Ann").await;
    for email in [ann.email.as_str(), "new@example.com"] {
        assert_eq!(register(&cut_off.url, email).await.status.as_u16(), 202);
        assert_eq!(post(&cut_off.url, "/auth/reset/request", json!({"email": email})).await.status.as_u16(), 202);
    }
    let ann = Person { server: cut_off.url.clone(), ..ann };
    ann.get("/account").await.ok::<Account>();
    assert!(send(CLIENT.get(format!("{}/readyz", cut_off.url))).await.status.is_success());
    cut_off.stop().await;

    // "Come back later" is tried again; "never" is not.
    let mailing = server.instance_with_mail(&office.url).await;
    sqlx::query("delete from throttle").execute(server.database()).await.expect("forgiven");
    office.answer_with(451);
    assert_eq!(register(&mailing.url, "new@example.com").await.status.as_u16(), 202);
    office.refused("new@example.com").await;
    assert!(office.letters().is_empty());
    office.answer_with(250);
    let code = office.letter_to("new@example.com", 1).await.code();
    post(&mailing.url, "/auth/confirm", json!({"code": code, "password": PASSWORD})).await.ok::<SignedIn>();
    mailing.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn the_program_signs_in_to_its_mail_server_and_logs_neither_codes_nor_addresses_nor_its_password() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let url = office.url.replace("smtp://", "smtp://music:geheim7Kpw@");
    let settings = [
        ("COLLABTRACK_SMTP_URL", url.as_str()),
        ("COLLABTRACK_MAIL_FROM", "music@example.com"),
        ("COLLABTRACK_LOG", "trace"),
        ("COLLABTRACK_LOG_FORMAT", "json"),
    ];
    let program = Program::start(&server, &settings).await;
    let ann = newcomer(&program.url, &office, "ann@secret.example").await;
    assert_eq!(post(&program.url, "/auth/reset/request", json!({"email": ann.email})).await.status.as_u16(), 202);
    let reset = office.letter_to(&ann.email, 2).await;
    office.answer_with(550);
    assert_eq!(register(&program.url, "refused@secret.example").await.status.as_u16(), 202);
    office.refused("refused@secret.example").await;
    office.answer_with(451);
    assert_eq!(register(&program.url, "later@secret.example").await.status.as_u16(), 202);
    office.refused("later@secret.example").await;
    // The program hears the answer a moment after it was given; a line about it stands in the log at the next try at the latest.
    assert_eq!(post(&program.url, "/auth/sign-in", json!({"email": "x@example.com", "password": PASSWORD})).await.status.as_u16(), 401);
    let log = program.stop().await;
    assert_eq!(
        office.signed_in().first().map(String::as_str),
        Some("AG11c2ljAGdlaGVpbTdLcHc="),
        "music and its password, as SMTP says them"
    );
    assert!(log.contains("/api/v1/auth/confirm"), "requests stand in it: {log}");
    assert!(log.contains("refused a mail for good") && log.contains("550"), "a refusal stands in it");
    for secret in ["geheim7Kpw", "AG11c2ljAGdlaGVpbTdLcHc", "secret.example", "ctv_", "ctr_", &reset.code()[4..], PASSWORD] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    server.stop().await;
}

/// An authority, and mail servers with a certificate it issued for that name.
struct Authority {
    pem: tempfile::NamedTempFile,
    acceptor: tokio_rustls::TlsAcceptor,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut own = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        own.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        own.distinguished_name.push(rcgen::DnType::CommonName, "an authority of the tests");
        let issuer = rcgen::CertifiedIssuer::self_signed(own, rcgen::KeyPair::generate().expect("a key")).expect("an authority");
        let key = rcgen::KeyPair::generate().expect("a key");
        let issued = rcgen::CertificateParams::new([name.to_owned()]).and_then(|params| params.signed_by(&key, &issuer)).expect("issued");
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("written");
            folder.path().join(name)
        };
        let files = TlsFiles { certificate: file("certificate", issued.pem()), key: file("key", key.serialize_pem()) };
        let pem = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(pem.path(), issuer.pem()).expect("written");
        Self { pem, acceptor: collabtrack_server::serve::tls(&files).expect("a certificate") }
    }

    fn path(&self) -> &str {
        self.pem.path().to_str().expect("text")
    }

    /// A mail server of each kind, with its address.
    async fn offices(&self) -> [(PostOffice, String); 2] {
        let at_once = PostOffice::open_on(Line::Tls(self.acceptor.clone())).await;
        let later = PostOffice::open_on(Line::StartTls(self.acceptor.clone())).await;
        let url =
            |office: &PostOffice, scheme: &str| office.url.replace("smtp://127.0.0.1", &format!("{scheme}://music:geheim7Kpw@localhost"));
        let urls = (url(&at_once, "smtps"), format!("{}?tls=required", url(&later, "smtp")));
        [(at_once, urls.0), (later, urls.1)]
    }
}

fn settings<'a>(url: &'a str, authority: &'a Authority) -> [(&'a str, &'a str); 3] {
    [("COLLABTRACK_SMTP_URL", url), ("COLLABTRACK_MAIL_FROM", "music@example.com"), ("COLLABTRACK_SMTP_CA_PATH", authority.path())]
}

#[tokio::test]
async fn mail_travels_encrypted_at_once_or_after_starttls_and_the_password_never_in_the_clear() {
    let server = Server::start().await;
    let authority = Authority::new("localhost");
    for (n, (office, url)) in authority.offices().await.into_iter().enumerate() {
        let (ok, said, error) = Program::run(&server, &["check"], &settings(&url, &authority)).await;
        assert!(ok && said.contains("Mail: the mail server answers"), "{url}: {said}{error}");
        let program = Program::start(&server, &settings(&url, &authority)).await;
        newcomer(&program.url, &office, &format!("tls{n}@example.com")).await;
        program.stop().await;
        assert_eq!(office.signed_in()[0], "AG11c2ljAGdlaGVpbTdLcHc=", "music and its password");
        assert_eq!(office.overheard(), Vec::<String>::new());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_mail_server_with_a_foreign_certificate_another_name_or_no_encryption_is_told_nothing() {
    let server = Server::start().await;
    let (authority, foreign, elsewhere) = (Authority::new("localhost"), Authority::new("localhost"), Authority::new("mail.example.com"));
    let refused = async |url: &str, trusted: &Authority| {
        let (ok, _, error) = Program::run(&server, &["check"], &settings(url, trusted)).await;
        assert!(!ok && error.contains("it was told nothing") && !error.contains("geheim"), "{error}");
        error
    };
    let mut offices = Vec::new();
    for (office, url) in foreign.offices().await {
        assert!(refused(&url, &authority).await.contains("COLLABTRACK_SMTP_CA_PATH"));
        offices.push(office);
    }
    for (office, url) in elsewhere.offices().await {
        // Trusted, but as somebody else.
        assert!(refused(&url, &elsewhere).await.contains("certificate"));
        offices.push(office);
    }
    let open = PostOffice::open().await;
    let url = open.url.replace("smtp://127.0.0.1", "smtp://music:geheim7Kpw@localhost") + "?tls=required";
    assert!(refused(&url, &authority).await.contains("STARTTLS"));
    offices.push(open);
    for office in offices {
        assert!(office.signed_in().is_empty() && office.overheard().is_empty() && office.letters().is_empty());
    }
    let (ok, _, error) = Program::run(
        &server,
        &["check"],
        &[
            ("COLLABTRACK_SMTP_URL", "smtps://mail.example.com"),
            ("COLLABTRACK_MAIL_FROM", "music@example.com"),
            ("COLLABTRACK_SMTP_CA_PATH", "/nowhere/at/all"),
        ],
    )
    .await;
    assert!(!ok && error.contains("COLLABTRACK_SMTP_CA_PATH"), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn the_check_of_the_operator_says_whether_mail_goes_out() {
    let (server, office) = (Server::start().await, PostOffice::open().await);
    let check = async |smtp: Option<&str>| match smtp {
        None => Program::run(&server, &["check"], &[]).await,
        Some(smtp) => {
            let settings = [("COLLABTRACK_SMTP_URL", smtp), ("COLLABTRACK_MAIL_FROM", "music@example.com")];
            Program::run(&server, &["check"], &settings).await
        }
    };
    let (ok, said, _) = check(None).await;
    assert!(ok && said.contains("Mail: none is sent"), "{said}");
    let (ok, said, error) = check(Some(&office.url)).await;
    assert!(ok && said.contains("Mail: the mail server answers"), "{said}{error}");
    let (ok, _, error) = check(Some("smtp://127.0.0.1:1")).await;
    assert!(!ok && error.contains("mail server"), "{error}");
    server.stop().await;
}
