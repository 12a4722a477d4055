//! The front door: who is slowed down and who is not, what a site admin's first code does, limits of requests, TLS, and a log without
//! secrets.

use std::time::Duration;

use collabtrack_protocol::accounts::{Account, SignedIn};
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_server::accounts::address::Address;
use collabtrack_server::accounts::codes;
use collabtrack_server::accounts::password::HashCost;
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::config::{Registration, TlsFiles};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::person::{CLIENT, PASSWORD, anonymous, send};
use crate::support::program::Program;
use crate::support::{Answer, Person, Server};

async fn sql(server: &Server, statement: &'static str) {
    sqlx::query(statement).execute(server.database()).await.expect("done");
}

async fn sign_in(url: &str, email: &str, password: &str, device: Option<&str>, from: &str) -> Answer {
    let body = json!({"email": email, "password": password, "device_token": device});
    send(CLIENT.post(format!("{url}/api/v1/auth/sign-in")).header("x-forwarded-for", from).json(&body)).await
}

/// A second instance that takes its proxy's word for where a request came from.
async fn behind_proxy(server: &Server) -> app::Running {
    let mut config = server.config.clone();
    config.service.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a net")];
    app::start_with(&config, StoreTest::Skip).await.expect("starts")
}

#[tokio::test]
async fn a_thousand_wrong_sign_ins_keep_no_member_out_who_comes_on_a_known_device() {
    let server = Server::start().await;
    let proxied = behind_proxy(&server).await;
    let ann = server.person("Ann").await;
    let known: SignedIn = sign_in(&proxied.url, &ann.email, PASSWORD, None, "192.0.2.1").await.ok();
    let device = known.device_token.expect("a new device");
    for round in 0..20 {
        let guesses = (0..50).map(|n| {
            sign_in(&proxied.url, &ann.email, "wrong horse battery", None, if n % 2 == 0 { "203.0.113.9" } else { "198.51.100.9" })
        });
        let answers = futures::future::join_all(guesses).await;
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 401 | 429)), "round {round}");
    }
    let stranger = sign_in(&proxied.url, &ann.email, PASSWORD, None, "192.0.2.1").await;
    stranger.problem(429, ErrorCode::TooManyRequests);
    let back: SignedIn = sign_in(&proxied.url, &ann.email, PASSWORD, Some(&device), "203.0.113.9").await.ok();
    assert_eq!((back.account.id, back.device_token), (ann.id.clone(), None));
    // The token proves nothing for another account, and is slowed down by itself.
    let ben = server.person("Ben").await;
    for _ in 0..10 {
        sign_in(&proxied.url, &ann.email, "wrong horse battery", Some(&device), "192.0.2.1")
            .await
            .problem(401, ErrorCode::WrongCredentials);
    }
    sign_in(&proxied.url, &ann.email, PASSWORD, Some(&device), "192.0.2.1").await.problem(429, ErrorCode::TooManyRequests);
    sign_in(&proxied.url, &ben.email, PASSWORD, Some(&device), "192.0.2.77").await.ok::<SignedIn>();

    // The failures became one entry each ten minutes, with a count.
    let log: AuditPage = Person { token: back.token, ..ann }.get("/account/audit").await.ok();
    let failed: Vec<i64> = log
        .entries
        .iter()
        .filter(|entry| entry.entry.contains("sign_in.failed"))
        .map(|entry| entry.detail.as_ref().expect("a detail")["count"].as_i64().expect("a count"))
        .collect();
    assert_eq!(failed.len(), 1, "written when the member came back");
    assert!(failed[0] >= 5, "{failed:?}");
    collabtrack_server::tidy::once(server.database()).await.expect("tidied");
    let waiting: i64 = sqlx::query_scalar("select count(*) from audit_pending").fetch_one(server.database()).await.expect("counted");
    assert_eq!(waiting, 1, "ten minutes are not over");
    sql(&server, "update audit_pending set since = now() - interval '11 minutes'").await;
    collabtrack_server::tidy::once(server.database()).await.expect("tidied");
    let waiting: i64 = sqlx::query_scalar("select count(*) from audit_pending").fetch_one(server.database()).await.expect("counted");
    assert_eq!(waiting, 0);
    proxied.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_block_that_tries_many_addresses_is_slowed_down_and_the_next_block_is_not() {
    let server = Server::start().await;
    let proxied = behind_proxy(&server).await;
    let ann = server.person("Ann").await;
    for n in 0..30 {
        let email = format!("nobody{n}@example.com");
        sign_in(&proxied.url, &email, PASSWORD, None, "203.0.113.9").await.problem(401, ErrorCode::WrongCredentials);
    }
    sign_in(&proxied.url, &ann.email, PASSWORD, None, "203.0.113.200").await.problem(429, ErrorCode::TooManyRequests);
    sign_in(&proxied.url, &ann.email, PASSWORD, None, "203.0.114.9").await.ok::<SignedIn>();
    // A word about the client from somebody who is no proxy counts for nothing.
    sign_in(&server.url, &ann.email, PASSWORD, None, "203.0.113.9").await.ok::<SignedIn>();
    proxied.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn only_the_code_of_the_operator_makes_the_first_site_admin_and_it_works_once() {
    let server = Server::start_with(Registration::Closed).await;
    let boss = Address::parse("Boss@example.com").expect("an address");
    let issue = async || {
        let mut tx = server.database().begin().await.expect("a transaction");
        let made = codes::issue_setup(&mut tx, &boss).await;
        tx.commit().await.expect("kept");
        made
    };
    let dead = issue().await.expect("a code").code;
    let code = issue().await.expect("a code").code;
    let register = async |email: &str, code: Option<&str>| {
        let body = json!({"name": "Boss", "email": email, "password": PASSWORD, "setup_code": code});
        anonymous(&server.url, Method::POST, "/auth/register", &body).await
    };
    register("boss@example.com", None).await.problem(403, ErrorCode::RegistrationClosed);
    register("boss@example.com", Some(&dead)).await.problem(422, ErrorCode::CodeInvalid);
    register("other@example.com", Some(&code)).await.problem(422, ErrorCode::CodeInvalid);
    let signed_in: SignedIn = register("boss@example.com", Some(&code)).await.ok();
    assert!(signed_in.account.site_admin);
    register("late@example.com", Some(&code)).await.problem(422, ErrorCode::CodeInvalid);
    assert!(issue().await.is_err_and(|error| error.is(ErrorCode::AlreadyDecided)), "claimed");
    server.stop().await;

    // An account that is there already claims it signed in; the address alone gives no rights.
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let ben = server.person("Ben").await;
    let mut tx = server.database().begin().await.expect("a transaction");
    let code = codes::issue_setup(&mut tx, &Address::parse(&ann.email).expect("an address")).await.expect("a code").code;
    tx.commit().await.expect("kept");
    ann.get("/site/accounts").await.problem(404, ErrorCode::NotFound);
    ben.post("/auth/setup", &json!({"code": code})).await.problem(422, ErrorCode::CodeInvalid);
    sql(&server, "update one_time_code set expires_at = now() - interval '1 second'").await;
    ann.post("/auth/setup", &json!({"code": code})).await.problem(422, ErrorCode::CodeInvalid);
    sql(&server, "update one_time_code set expires_at = now() + interval '1 hour'").await;
    assert_eq!(ann.post("/auth/setup", &json!({"code": code})).await.status.as_u16(), 204);
    ann.get("/site/accounts").await.ok::<Value>();
    ann.post("/auth/setup", &json!({"code": code})).await.problem(409, ErrorCode::AlreadyDecided);
    server.stop().await;
}

#[tokio::test]
async fn the_operator_prints_codes_for_the_first_site_admin_and_for_a_forgotten_password() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (ok, _, said) = Program::run(&server, &["setup-code"], &[]).await;
    assert!(!ok && said.contains("COLLABTRACK_ADMIN_EMAIL is not set"), "{said}");
    let settings = [("COLLABTRACK_ADMIN_EMAIL", ann.email.as_str())];
    let (ok, dead, _) = Program::run(&server, &["setup-code"], &settings).await;
    assert!(ok && dead.starts_with("ctu_"), "{dead}");
    let (_, printed, _) = Program::run(&server, &["setup-code"], &settings).await;
    let code = |printed: &str| printed.lines().next().expect("a line").to_owned();
    ann.post("/auth/setup", &json!({"code": code(&dead)})).await.problem(422, ErrorCode::CodeInvalid);
    assert_eq!(ann.post("/auth/setup", &json!({"code": code(&printed)})).await.status.as_u16(), 204);
    let (ok, _, said) = Program::run(&server, &["setup-code"], &settings).await;
    assert!(!ok && said.contains("has a site admin already"), "{said}");

    let (ok, _, said) = Program::run(&server, &["reset-code", "nobody@example.com"], &[]).await;
    assert!(!ok && said.contains("no account with this address"), "{said}");
    let (ok, printed, _) = Program::run(&server, &["reset-code", &ann.email.to_uppercase()], &[]).await;
    assert!(ok && printed.starts_with("ctr_"), "{printed}");
    let body = json!({"code": code(&printed), "new": "brand new password"});
    assert_eq!(anonymous(&server.url, Method::POST, "/auth/reset", &body).await.status.as_u16(), 204);
    sign_in(&server.url, &ann.email, "brand new password", None, "").await.ok::<SignedIn>();
    server.stop().await;
}

#[tokio::test]
async fn a_hash_below_todays_cost_is_made_anew_at_sign_in_and_still_fits() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let mut config = server.config.clone();
    config.service.hash_cost = HashCost { passes: 3, ..HashCost::FLOOR };
    let dearer = app::start_with(&config, StoreTest::Skip).await.expect("starts");
    let stored =
        async || -> String { sqlx::query_scalar("select password_hash from account").fetch_one(server.database()).await.expect("one") };
    assert!(stored().await.contains("$m=19456,t=2,p=1$"));
    sign_in(&dearer.url, &ann.email, PASSWORD, None, "").await.ok::<SignedIn>();
    assert!(stored().await.contains("$m=19456,t=3,p=1$"), "{}", stored().await);
    sign_in(&server.url, &ann.email, PASSWORD, None, "").await.ok::<SignedIn>();
    assert!(stored().await.contains("$m=19456,t=3,p=1$"), "never cheaper again");
    dearer.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn passwords_of_every_acceptable_kind_count_exactly_as_given() {
    let server = Server::start().await;
    for (n, password) in [
        "12 shärp",
        &"ab3 ".repeat(16),
        &"ab3 ".repeat(64),
        "  spaces around  ",
        "caf\u{e9} caf\u{e9} caf\u{e9}",
        "\u{1f3b8}\u{1f941}\u{1f3b9}\u{1f3ba}\u{1f3bb}\u{1f3a4}\u{1f3a7}\u{1f3bc}",
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("p{n}@example.com");
        let body = json!({"name": "Somebody", "email": email, "password": password});
        anonymous(&server.url, Method::POST, "/auth/register", &body).await.ok::<SignedIn>();
        sign_in(&server.url, &email, password, None, "").await.ok::<SignedIn>();
        for other in [password.trim(), &password.to_uppercase(), &password.replace('\u{e9}', "e\u{301}"), &format!("{password}x")] {
            if other != password {
                sign_in(&server.url, &email, other, None, "").await.problem(401, ErrorCode::WrongCredentials);
                sql(&server, "delete from throttle").await;
            }
        }
    }
    let body = json!({"email": "p0@example.com", "password": "x".repeat(1_000_000)});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.problem(413, ErrorCode::TooLarge);
    server.stop().await;
}

#[tokio::test]
async fn plus_tags_and_dots_are_other_addresses_and_case_spaces_and_international_domains_are_not() {
    let server = Server::start().await;
    let register = async |email: &str| {
        let body = json!({"name": "Somebody", "email": email, "password": PASSWORD});
        anonymous(&server.url, Method::POST, "/auth/register", &body).await
    };
    for email in ["ann.b@bücher.example", "annb@bücher.example", "ann.b+mix@bücher.example"] {
        register(email).await.ok::<SignedIn>();
    }
    for email in ["ANN.B@bücher.example", " ann.b@xn--bcher-kva.example ", "ann.b@BÜCHER.example"] {
        register(email).await.problem(409, ErrorCode::AddressTaken);
        sign_in(&server.url, email, PASSWORD, None, "").await.ok::<SignedIn>();
    }
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_requests_is_answered_with_a_time_to_wait() {
    let server = Server::start().await;
    let mut config = server.config.clone();
    config.service.requests_per_minute = 60;
    let small = app::start_with(&config, StoreTest::Skip).await.expect("starts");
    let answers = futures::future::join_all((0..40).map(|_| anonymous(&small.url, Method::GET, "/server", &Value::Null))).await;
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status.as_u16() == 429).collect();
    assert!(refused.len() >= 20, "{} of 40 were refused", refused.len());
    let problem = refused[0].problem(429, ErrorCode::TooManyRequests);
    assert_eq!(refused[0].headers["retry-after"], problem.retry_after_s.expect("a time").to_string());
    small.stop().await;
    server.stop().await;
}

/// What the server says to raw bytes on a connection, until it closes it.
async fn raw(url: &str, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.expect("connected");
    // A server that has said no may close before everything is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn headers_have_limits_and_other_origins_get_nothing() {
    let server = Server::start().await;
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(80 * 1024));
    for headers in [many, long] {
        let answer =
            raw(&server.url, format!("GET /api/v1/server HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{}", answer.lines().next().unwrap_or_default());
    }
    let long = format!("GET /api/v1/server?x={} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(40 * 1024));
    let answer = raw(&server.url, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 414"), "{}", answer.lines().next().unwrap_or_default());
    let preflight = CLIENT
        .request(Method::OPTIONS, format!("{}/api/v1/account", server.url))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = send(preflight).await;
    assert!(!answer.status.is_success());
    let ann = server.person("Ann").await;
    let allowed = send(ann.request(Method::GET, "/account").header("origin", "https://evil.example")).await;
    let page = send(CLIENT.get(format!("{}/join", server.url))).await;
    let refused = send(CLIENT.get(format!("{}/api/v1/account", server.url))).await;
    assert_eq!((allowed.status.as_u16(), page.status.as_u16(), refused.status.as_u16()), (200, 200, 401));
    for answer in [&answer, &allowed, &page, &refused] {
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{:?}", answer.headers);
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-request-id"].len(), 16);
    }
    // Whatever a browser can ask for by itself carries no token.
    for answer in [&answer, &page, &refused] {
        assert_eq!(answer.headers["x-frame-options"], "DENY");
        assert_eq!(answer.headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cross-origin-resource-policy"], "same-origin");
    }
    assert!(allowed.headers.get("strict-transport-security").is_none(), "not over plain HTTP");
    server.stop().await;
}

#[tokio::test]
async fn the_built_in_tls_serves_with_its_certificate_and_refuses_a_key_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let certificate = file("certificate.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let wrong = file("other.pem", other.signing_key.serialize_pem());
    let server = Server::start().await;
    let mut config = server.config.clone();
    config.service.tls = Some(TlsFiles { certificate: certificate.clone(), key: wrong });
    assert!(app::start_with(&config, StoreTest::Skip).await.expect_err("no pair").to_string().contains("do not work together"));
    config.service.tls = Some(TlsFiles { certificate: certificate.clone(), key: folder.path().join("missing.pem") });
    assert!(app::start_with(&config, StoreTest::Skip).await.expect_err("no key").to_string().contains("COLLABTRACK_TLS_KEY_PATH"));
    config.service.tls = Some(TlsFiles { certificate, key });
    let secure = app::start_with(&config, StoreTest::Skip).await.expect("starts");
    let url = secure.url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://"));
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().build().expect("a client");
    let body = json!({"name": "Ann", "email": "ann@example.com", "password": PASSWORD});
    let answer = send(client.post(format!("{url}/api/v1/auth/register")).json(&body)).await;
    assert!(answer.ok::<SignedIn>().token.starts_with("cts_"));
    assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
    assert!(CLIENT.get(format!("{url}/healthz")).send().await.is_err(), "whoever does not trust the certificate gets nothing");
    secure.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn a_bare_account_has_no_rights_on_the_site() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let account: Account = ann.get("/account").await.ok();
    assert!(!account.site_admin && !account.second_factor);
    server.stop().await;
}
