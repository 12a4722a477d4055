//! Accounts and sessions.

use collabtrack_protocol::accounts::{Account, SignedIn};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::CreateProject;
use collabtrack_server::config::Registration;
use reqwest::Method;
use serde_json::json;

use crate::support::person::{CLIENT, PASSWORD, anonymous, send};
use crate::support::{Answer, Person, Server};

async fn sign_in(server: &Server, email: &str, password: &str) -> Answer {
    anonymous(&server.url, Method::POST, "/auth/sign-in", &json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn a_registered_person_signs_in_and_sees_their_account_and_sign_out_ends_the_session_at_once() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let again: SignedIn = sign_in(&server, &ann.email.to_uppercase(), PASSWORD).await.ok();
    assert_eq!(again.account.id, ann.id);
    assert_ne!(again.token, ann.token);
    let account: Account = ann.get("/account").await.ok();
    assert_eq!((account.name.as_str(), account.email.as_str()), ("Ann", ann.email.as_str()));

    assert_eq!(ann.act("/auth/sign-out").await.status.as_u16(), 204);
    ann.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let other = Person { token: again.token, ..ann };
    assert_eq!(other.get("/account").await.ok::<Account>().id, other.id);
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let mut wrong = sign_in(&server, &ann.email, "wrong horse battery").await.problem(401, ErrorCode::WrongCredentials);
    let mut unknown = sign_in(&server, "nobody@example.com", PASSWORD).await.problem(401, ErrorCode::WrongCredentials);
    let mut no_address = sign_in(&server, "no address at all", PASSWORD).await.problem(401, ErrorCode::WrongCredentials);
    for problem in [&mut wrong, &mut unknown, &mut no_address] {
        problem.request_id.clear();
    }
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, no_address);
    server.stop().await;
}

#[tokio::test]
async fn after_five_failures_tries_are_delayed_for_known_and_unknown_addresses_and_never_locked() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    for email in [ann.email.as_str(), "nobody@example.com"] {
        for _ in 0..5 {
            sign_in(&server, email, "wrong horse battery").await.problem(401, ErrorCode::WrongCredentials);
        }
        let answer = sign_in(&server, email, PASSWORD).await;
        let problem = answer.problem(429, ErrorCode::TooManyRequests);
        assert_eq!(answer.headers["retry-after"], problem.retry_after_s.expect("a time to wait").to_string());
        assert!((1..=2).contains(&problem.retry_after_s.expect("a time to wait")));
    }
    // The delay passes by itself: moved into the past instead of waited for.
    sqlx::query("update throttle set blocked_until = now()").execute(server.database()).await.expect("updated");
    assert_eq!(sign_in(&server, &ann.email, PASSWORD).await.ok::<SignedIn>().account.id, ann.id);
    let left: i64 = sqlx::query_scalar("select count(*) from throttle").fetch_one(server.database()).await.expect("counted");
    assert_eq!(left, 2, "a success forgives its own address only: the other one and the block stay");
    server.stop().await;
}

#[tokio::test]
async fn parallel_guesses_count_one_by_one() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let began = std::time::Instant::now();
    let answers = futures::future::join_all((0..20).map(|_| sign_in(&server, &ann.email, "wrong horse battery"))).await;
    let looked_at = answers.iter().filter(|answer| answer.status.as_u16() == 401).count();
    // On a busy machine a delay of one second may pass while they are asked; each lets one more through.
    let passed = usize::try_from(began.elapsed().as_secs()).expect("small");
    assert!(looked_at <= 5 + passed, "{looked_at} of 20 guesses within {passed} s were looked at");
    server.stop().await;
}

#[tokio::test]
async fn neither_token_nor_password_is_in_the_database() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let hash: Vec<u8> = sqlx::query_scalar("select token_hash from session").fetch_one(server.database()).await.expect("one session");
    assert_eq!(hash, collabtrack_domain::hash::ObjectHash::of(ann.token.as_bytes()).as_bytes());
    let stored: String = sqlx::query_scalar("select password_hash from account").fetch_one(server.database()).await.expect("one account");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    for table in ["account", "session", "audit_entry", "audit_detail", "throttle"] {
        let text: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select string_agg(t::text, ' ') from {table} t")))
            .fetch_one(server.database())
            .await
            .expect("readable");
        let text = text.unwrap_or_default();
        assert!(!text.contains(&ann.token) && !text.contains(PASSWORD), "{table}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_session_ends_after_14_idle_days_and_after_90_days_in_any_case() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    for (statement, alive) in [
        ("update session set last_used_at = now() - interval '13 days'", true),
        ("update session set last_used_at = now() - interval '15 days'", false),
        ("update session set last_used_at = now(), expires_at = now() - interval '1 second'", false),
    ] {
        sqlx::query(statement).execute(server.database()).await.expect("updated");
        assert_eq!(ann.get("/account").await.status.is_success(), alive, "{statement}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_address_has_one_account_whatever_its_letter_case() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let body = json!({"name": "Other", "email": ann.email.to_uppercase(), "password": PASSWORD});
    anonymous(&server.url, Method::POST, "/auth/register", &body).await.problem(409, ErrorCode::AddressTaken);
    server.stop().await;
}

#[tokio::test]
async fn bad_names_addresses_and_passwords_are_refused_and_nothing_is_made() {
    let server = Server::start().await;
    let good = json!({"name": "Ann", "email": "ann@example.com", "password": PASSWORD});
    for (field, value, status, code) in [
        ("name", json!(""), 422, ErrorCode::Invalid),
        ("name", json!("a\nb"), 422, ErrorCode::Invalid),
        ("name", json!("x".repeat(401)), 422, ErrorCode::Invalid),
        ("email", json!("ann"), 422, ErrorCode::Invalid),
        ("password", json!(""), 422, ErrorCode::PasswordRefused),
        ("password", json!("x"), 422, ErrorCode::PasswordRefused),
        ("password", json!("seven77"), 422, ErrorCode::PasswordRefused),
        ("password", json!("password123"), 422, ErrorCode::PasswordRefused),
        ("password", json!("x".repeat(257)), 422, ErrorCode::PasswordRefused),
        ("name", json!("a\u{0}b"), 400, ErrorCode::BadRequest),
        ("name", json!(7), 400, ErrorCode::BadRequest),
        ("name", json!("x".repeat(17_000)), 413, ErrorCode::TooLarge),
    ] {
        let mut body = good.clone();
        body[field] = value;
        anonymous(&server.url, Method::POST, "/auth/register", &body).await.problem(status, code);
    }
    let raw = CLIENT.post(format!("{}/api/v1/auth/register", server.url));
    send(raw.header("content-type", "text/plain").body(good.to_string())).await.problem(400, ErrorCode::BadRequest);
    let accounts: i64 = sqlx::query_scalar("select count(*) from account").fetch_one(server.database()).await.expect("counted");
    assert_eq!(accounts, 0);
    server.stop().await;
}

#[tokio::test]
async fn a_closed_server_registers_nobody_and_one_by_invitation_only_holders_of_a_living_code() {
    let server = Server::start_with(Registration::Closed).await;
    let body = |code: Option<&str>| json!({"name": "Ben", "email": "ben@example.com", "password": PASSWORD, "invitation": code});
    anonymous(&server.url, Method::POST, "/auth/register", &body(None)).await.problem(403, ErrorCode::RegistrationClosed);
    server.stop().await;

    let open = Server::start().await;
    let ann = open.person("Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, collabtrack_domain::role::Role::Member).await;
    let mut config = open.config.clone();
    config.service.registration = Registration::Invite;
    let by_invitation = collabtrack_server::app::start_with(&config, collabtrack_server::app::StoreTest::Skip).await.expect("starts");
    let register = |code| {
        let body = body(code);
        let url = by_invitation.url.clone();
        async move { anonymous(&url, Method::POST, "/auth/register", &body).await }
    };
    register(None).await.problem(403, ErrorCode::RegistrationClosed);
    register(Some("cti_aaaaaaaaaaaaaaaaaaaaaaaaaa")).await.problem(422, ErrorCode::InvitationInvalid);
    let signed_in: SignedIn = register(Some(&invitation.code)).await.ok();
    let ben = Person { server: by_invitation.url.clone(), id: signed_in.account.id, email: String::new(), token: signed_in.token };
    assert_eq!(ben.accept(&invitation.code).await.status.as_u16(), 200, "registering does not spend the code");
    by_invitation.stop().await;
    open.stop().await;
}

#[tokio::test]
async fn requests_without_exactly_one_bearer_token_are_signed_out() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let url = format!("{}/api/v1/account", server.url);
    for request in [
        CLIENT.get(&url),
        CLIENT.get(&url).header("authorization", ann.token.as_str()),
        CLIENT.get(&url).header("authorization", format!("Basic {}", ann.token)),
        CLIENT.get(&url).bearer_auth("cts_nonsense"),
        CLIENT.get(&url).bearer_auth(&ann.token).header("authorization", format!("Bearer {}", ann.token)),
        CLIENT.get(format!("{url}?token={}", ann.token)),
    ] {
        let answer = send(request).await;
        answer.problem(401, ErrorCode::Unauthorized);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_answer_carries_an_id_and_security_headers_and_no_cors_headers() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let body = CreateProject { id: collabtrack_domain::id::ProjectId::from_random([9; 17]), name: "EP".to_owned() };
    let good = ann.post("/projects", &body).await;
    let missing = anonymous(&server.url, Method::GET, "/nowhere", &json!(null)).await;
    missing.problem(404, ErrorCode::NotFound);
    let method = ann.post("/account", &json!(null)).await;
    method.problem(405, ErrorCode::BadRequest);
    let origin = send(ann.request(Method::GET, "/account").header("origin", "https://evil.example")).await;
    for answer in &[&good, &missing, &method, &origin] {
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["x-request-id"].len(), 16);
        // Only what a browser can ask for by itself, without a token, could ever be a page.
        let is_kept_from_pages =
            answer.headers.get("content-security-policy").is_some_and(|policy| policy == "default-src 'none'; frame-ancestors 'none'");
        assert_eq!(is_kept_from_pages, std::ptr::eq(*answer, &missing), "{:?}", answer.headers);
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    }
    server.stop().await;
}
