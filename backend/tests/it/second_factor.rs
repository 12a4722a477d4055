//! Second factors: set up, asked for at sign-in and step-up, each code once, recovery codes, and demanded of whoever acts as an admin.

use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::{Account, RecoveryCodes, Renewed, SignedIn, TotpSecret};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{Invitation, Project};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::config::SecondFactor;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::json;

use crate::support::person::{PASSWORD, anonymous};
use crate::support::{Answer, Person, Server};

/// An authenticator app.
struct App(Vec<u8>);

impl App {
    fn new(made: &TotpSecret) -> Self {
        assert!(made.uri.starts_with("otpauth://totp/") && made.uri.contains(&made.secret), "{}", made.uri);
        Self(BASE32_NOPAD.decode(made.secret.as_bytes()).expect("base32"))
    }

    /// The code `steps` half minutes from now, by the server's clock.
    fn code(&self, steps: i64) -> String {
        let now = jiff::Timestamp::now().as_second() + steps * 30;
        let totp = totp_rs::Builder::new().with_secret(self.0.clone()).build().expect("a secret");
        totp.generate(now.unsigned_abs()).to_string()
    }
}

async fn set_up(person: &Person) -> (App, RecoveryCodes) {
    let app = App::new(&person.act("/auth/totp").await.ok());
    let codes = person.post("/auth/totp/confirm", &json!({"code": app.code(0)})).await.ok();
    (app, codes)
}

async fn sign_in(server: &Server, person: &Person, code: Option<&str>) -> Answer {
    let body = json!({"email": person.email, "password": PASSWORD, "code": code});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await
}

#[tokio::test]
async fn a_second_factor_is_asked_for_at_sign_in_and_each_code_works_once() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let other = ann.sign_in_again().await;
    let begun: TotpSecret = ann.act("/auth/totp").await.ok();
    sign_in(&server, &ann, None).await.ok::<SignedIn>();
    ann.post("/auth/totp/confirm", &json!({"code": "000000"})).await.problem(401, ErrorCode::WrongSecondFactor);
    let app = App::new(&begun);
    let first = app.code(0);
    let codes: RecoveryCodes = ann.post("/auth/totp/confirm", &json!({"code": first})).await.ok();
    assert_eq!(codes.codes.len(), 10);
    other.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let account: Account = ann.get("/account").await.ok();
    assert!(account.second_factor);
    assert_eq!(account.recovery_codes_left, 10);
    ann.act("/auth/totp").await.problem(409, ErrorCode::AlreadyDecided);

    sign_in(&server, &ann, None).await.problem(401, ErrorCode::SecondFactorNeeded);
    sign_in(&server, &ann, Some(&first)).await.problem(401, ErrorCode::WrongSecondFactor);
    // Codes are accepted one step either way, so this one is good however long the requests take.
    let code = app.code(1);
    sign_in(&server, &ann, Some(&code)).await.ok::<SignedIn>();
    sign_in(&server, &ann, Some(&code)).await.problem(401, ErrorCode::WrongSecondFactor);
    let wrong = json!({"email": ann.email, "password": "not the password", "code": code});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &wrong).await.problem(401, ErrorCode::WrongCredentials);
    server.stop().await;
}

#[tokio::test]
async fn recovery_codes_work_once_each_and_new_ones_replace_them() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (_, codes) = set_up(&ann).await;
    let spoken = codes.codes[0].to_uppercase().replace('-', " ");
    sign_in(&server, &ann, Some(&spoken)).await.ok::<SignedIn>();
    sign_in(&server, &ann, Some(&codes.codes[0])).await.problem(401, ErrorCode::WrongSecondFactor);
    assert_eq!(ann.get("/account").await.ok::<Account>().recovery_codes_left, 9);
    let fresh: RecoveryCodes = ann.act("/auth/totp/recovery-codes").await.ok();
    sign_in(&server, &ann, Some(&codes.codes[1])).await.problem(401, ErrorCode::WrongSecondFactor);
    sign_in(&server, &ann, Some(&fresh.codes[1])).await.ok::<SignedIn>();
    let stored: String =
        sqlx::query_scalar("select string_agg(a::text, ' ') || (select string_agg(r::text, ' ') from recovery_code r) from account a")
            .fetch_one(server.database())
            .await
            .expect("readable");
    for code in fresh.codes.iter().chain(&codes.codes) {
        assert!(!stored.contains(&code.replace('-', "")) && !stored.contains(code.as_str()));
    }
    server.stop().await;
}

#[tokio::test]
async fn stepping_up_and_switching_off_take_the_second_factor_too() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (app, _) = set_up(&ann).await;
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    for request in [ann.delete("/auth/totp").await, ann.act("/auth/totp/recovery-codes").await] {
        request.problem(403, ErrorCode::StepUpRequired);
    }
    ann.post("/auth/step-up", &json!({"password": PASSWORD})).await.problem(401, ErrorCode::SecondFactorNeeded);
    ann.post("/auth/step-up", &json!({"password": PASSWORD, "code": "000000"})).await.problem(401, ErrorCode::WrongSecondFactor);
    let renewed: Renewed = ann.post("/auth/step-up", &json!({"password": PASSWORD, "code": app.code(1)})).await.ok();
    let ann = Person { token: renewed.token, ..ann };
    assert_eq!(ann.delete("/auth/totp").await.status.as_u16(), 204);
    sign_in(&server, &ann, None).await.ok::<SignedIn>();
    server.stop().await;
}

#[tokio::test]
async fn guessing_codes_is_slowed_down_like_guessing_passwords_and_a_reset_leaves_the_factor_on() {
    let server = Server::start().await;
    let (ann, sid) = (server.person("Ann").await, server.site_admin("Sid").await);
    set_up(&ann).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(sign_in(&server, &ann, Some("000000")).await.status.as_u16());
    }
    assert!(answers.contains(&429), "{answers:?}");
    // Asking without a code in between forgives nothing.
    sqlx::query("update throttle set blocked_until = now()").execute(server.database()).await.expect("waited");
    sign_in(&server, &ann, None).await.problem(401, ErrorCode::SecondFactorNeeded);
    sign_in(&server, &ann, Some("000000")).await.problem(401, ErrorCode::WrongSecondFactor);
    sign_in(&server, &ann, Some("000000")).await.problem(429, ErrorCode::TooManyRequests);

    let code: collabtrack_protocol::site::ResetCode = sid.act(&format!("/site/accounts/{}/reset-code", ann.id)).await.ok();
    let body = json!({"code": code.code, "new": "a brand new secret"});
    assert_eq!(anonymous(&server.url, Method::POST, "/auth/reset", &body).await.status.as_u16(), 204);
    let body = json!({"email": ann.email, "password": "a brand new secret"});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.problem(401, ErrorCode::SecondFactorNeeded);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_demands_second_factors_lets_nobody_act_as_an_admin_without_one() {
    let server = Server::start().await;
    let mut config = server.config.clone();
    config.service.second_factor = SecondFactor::Required;
    let strict = app::start_with(&config, StoreTest::Skip).await.expect("starts");
    let owner = Person::register(&strict.url, "Ann").await;
    let project = owner.project("EP").await;
    let path = format!("/projects/{project}/invitations");
    owner.post(&path, &json!({"role": "member"})).await.problem(403, ErrorCode::SecondFactorRequired);
    owner.get(&format!("/projects/{project}")).await.ok::<Project>();
    let sid = server.site_admin("Sid").await;
    let strict_sid = Person { server: strict.url.clone(), ..sid };
    strict_sid.get("/site/accounts").await.problem(403, ErrorCode::SecondFactorRequired);
    set_up(&owner).await;
    owner.post(&path, &json!({"role": "member"})).await.ok::<Invitation>();
    // Listeners and members are asked for nothing.
    let member = Person::register(&strict.url, "Ben").await;
    let code = owner.invite(&project, Role::Member).await.code;
    member.accept(&code).await.ok::<Project>();
    member.get(&format!("/projects/{project}/audit")).await.ok::<serde_json::Value>();
    strict.stop().await;
    server.stop().await;
}
