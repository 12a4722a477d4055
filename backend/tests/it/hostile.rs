//! Hostile use of the whole program: floods of sign-ins, requests of every malformed kind, and what of it all ends up in the log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::{RecoveryCodes, Renewed, SignedIn, TotpSecret};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::site::ResetCode;
use proptest::prelude::{Strategy, any, prop};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::music::claim;
use crate::support::person::{CLIENT, PASSWORD, anonymous, send};
use crate::support::program::Program;
use crate::support::{Person, Server};

/// What the unoptimised program may take beyond what it took before while 500 sign-ins come at once: 19 MiB for each of at most 4 hashing
/// threads, and some 100 KiB for each connection.
const MEMORY_CEILING_BYTES: u64 = (4 * 19 + 52) * 1024 * 1024;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn five_hundred_sign_ins_at_once_keep_memory_bounded_and_others_served() {
    let server = Server::start().await;
    let program = Program::start(&server, &[("COLLABTRACK_TRUSTED_PROXIES", "127.0.0.1")]).await;
    let ann = Person::register(&program.url, "Ann").await;
    let before = program.peak_memory();
    let flood = (0..500).map(|n: u32| {
        let body = json!({"email": format!("nobody{n}@example.com"), "password": PASSWORD});
        // From everywhere, so that the blocks' own counters do not answer first.
        let from = format!("203.0.{}.{}", n / 200, n % 200);
        send(CLIENT.post(format!("{}/api/v1/auth/sign-in", program.url)).header("x-forwarded-for", from).json(&body))
    });
    let (mut slowest, mut served, over) = (Duration::ZERO, 0, std::cell::Cell::new(false));
    // As long as the flood lasts.
    let others = async {
        while !over.get() {
            let began = Instant::now();
            ann.get("/projects").await.ok::<Vec<Value>>();
            slowest = slowest.max(began.elapsed());
            served += 1;
        }
    };
    let flood = async {
        let answers = futures::future::join_all(flood).await;
        over.set(true);
        answers
    };
    let (answers, ()) = tokio::join!(flood, others);
    let statuses: BTreeSet<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, BTreeSet::from([401, 429]), "some are looked at, the rest is turned away");
    for refused in answers.iter().filter(|answer| answer.status.as_u16() == 429) {
        refused.problem(429, ErrorCode::TooManyRequests);
        assert!(refused.headers.contains_key("retry-after"));
    }
    let peak = program.peak_memory();
    assert!(peak - before < MEMORY_CEILING_BYTES, "{} MiB, {} MiB before", peak >> 20, before >> 20);
    assert!(served >= 5, "only {served} requests of others were served meanwhile");
    assert!(slowest < Duration::from_secs(10), "others waited {slowest:?}");
    ann.get("/account").await.ok::<Value>();
    program.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn the_log_holds_none_of_the_secrets_that_were_used() {
    let server = Server::start().await;
    let key = "9f2c8e51b7d04a36c1e8f7a2b5d9034e6172a8c4";
    let settings = [("COLLABTRACK_LOG", "trace"), ("COLLABTRACK_SECRET_KEY", key), ("COLLABTRACK_LOG_FORMAT", "json")];
    let program = Program::start(&server, &settings).await;
    let mut secrets: Vec<String> = vec![PASSWORD.to_owned(), key.to_owned()];
    {
        use secrecy::ExposeSecret;
        secrets.push(server.config.database_url.expose_secret().to_owned());
        secrets.push(server.config.store.secret_access_key.expose_secret().to_owned());
    }
    let ann = Person::register(&program.url, "Ann").await;
    secrets.extend([ann.token.clone(), ann.email.clone()]);
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Member).await;
    secrets.push(invitation.code.clone());
    let ben = Person::register(&program.url, "Ben").await;
    secrets.extend([ben.token.clone(), ben.email.clone()]);
    ben.accept(&invitation.code).await.ok::<Value>();
    ben.accept(&invitation.code).await.problem(422, ErrorCode::InvitationInvalid);

    let body = json!({"email": ann.email, "password": "a wrong password 8ZqX"});
    secrets.push("a wrong password 8ZqX".to_owned());
    anonymous(&program.url, Method::POST, "/auth/sign-in", &body).await.problem(401, ErrorCode::WrongCredentials);
    let body = json!({"email": ann.email, "password": PASSWORD});
    let again: SignedIn = anonymous(&program.url, Method::POST, "/auth/sign-in", &body).await.ok();
    secrets.extend([again.token.clone(), again.device_token.expect("a new device")]);
    let renewed: Renewed = ann.act("/auth/rotate").await.ok();
    secrets.push(renewed.token.clone());
    let ann = Person { token: renewed.token, ..ann };
    let changed: Renewed = ann.post("/auth/password", &json!({"current": PASSWORD, "new": "brand new secret 7Kpw"})).await.ok();
    secrets.extend(["brand new secret 7Kpw".to_owned(), changed.token.clone()]);
    let ann = Person { token: changed.token, ..ann };
    let factor: TotpSecret = ann.act("/auth/totp").await.ok();
    secrets.extend([factor.secret.clone(), factor.uri]);
    ann.post("/auth/totp/confirm", &json!({"code": "123456"})).await.problem(401, ErrorCode::WrongSecondFactor);
    let bytes = data_encoding::BASE32_NOPAD.decode(factor.secret.as_bytes()).expect("base32");
    let code =
        totp_rs::Builder::new().with_secret(bytes).build().expect("a secret").generate(jiff::Timestamp::now().as_second().unsigned_abs());
    let codes: RecoveryCodes = ann.post("/auth/totp/confirm", &json!({"code": code.to_string()})).await.ok();
    secrets.extend(codes.codes);
    let sid = server.site_admin("Sid").await;
    let reset: ResetCode =
        Person { server: program.url.clone(), ..sid.clone() }.act(&format!("/site/accounts/{}/reset-code", ben.id)).await.ok();
    secrets.extend([reset.code.clone(), sid.token]);
    anonymous(&program.url, Method::POST, "/auth/reset", &json!({"code": reset.code, "new": PASSWORD})).await;
    let version = ann.bounce(&project, &claim("Night Drive"), b"the bytes of a bounce").await;
    let reads = ann.reads(&version.id, collabtrack_protocol::versions::Rendition::Original).await;
    let url = reads.ok::<Value>()["objects"][0]["request"]["url"].as_str().expect("a signed address").to_owned();
    secrets.push(url.split_once("X-Amz-Signature=").expect("signed").1.chars().take(64).collect());

    // Secrets where they do not belong.
    let base = format!("{}/api/v1", program.url);
    for request in [
        CLIENT.get(format!("{base}/account?token={}", ann.token)),
        CLIENT.get(format!("{base}/sessions/{}", ann.token)),
        CLIENT.get(format!("{base}/nowhere/{}/{PASSWORD}", invitation.code)),
        CLIENT.get(format!("{base}/account")).header("user-agent", &ann.token).header("referer", &ann.token),
        CLIENT.get(format!("{base}/account")).header("x-request-id", &ann.token),
        CLIENT
            .post(format!("{base}/auth/sign-in"))
            .header("content-type", "application/json")
            .body(format!("{{\"password\": \"{PASSWORD}")),
        CLIENT.post(format!("{base}/projects")).bearer_auth(&ann.token).json(&json!({"id": ann.token, "name": PASSWORD})),
    ] {
        let answer = send(request).await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
    }
    let log = program.stop().await;
    assert!(log.lines().count() > 20, "there is a log: {log}");
    assert!(log.contains("/api/v1/auth/sign-in"), "requests stand in it");
    for secret in &secrets {
        // Codes with hyphens also without them.
        for form in [secret.clone(), secret.replace('-', ""), secret.replace('@', "%40")] {
            assert!(!log.contains(&form), "a secret stands in the log: {}…", &form[..6]);
        }
    }
    for prefix in ["cts_", "ctd_", "cti_", "ctr_", "ctu_", "ctv_", "X-Amz-Signature"] {
        assert!(!log.contains(prefix), "{prefix} stands in the log");
    }
    server.stop().await;
}

/// A JSON value of any kind and of moderate size.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = proptest::prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec!["", "\u{202e}", "prj_aaaaaaaaaaaaaaaaaaaaaaaaaa", "0000", "=1+1", "../..", "' or 1=1 --"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        proptest::prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A value for a schema of the document that is sometimes right and sometimes not.
fn like(schema: &Value, document: &Value, runner: &mut TestRunner, depth: usize) -> Value {
    let mut roll = |sides: u32| any::<u32>().new_tree(runner).expect("a number").current() % sides;
    if depth > 6 || roll(12) == 0 {
        return any_json().new_tree(runner).expect("a value").current();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return like(document.pointer(&reference[1..]).expect("described"), document, runner, depth + 1);
    }
    if let Some(options) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()).or(schema["allOf"].as_array()) {
        let n = roll(u32::try_from(options.len()).expect("few")) as usize;
        return like(&options[n], document, runner, depth + 1);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[roll(u32::try_from(words.len()).expect("few")) as usize].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")).unwrap_or("string").to_owned(),
        kind => kind.as_str().unwrap_or("object").to_owned(),
    };
    match kind.as_str() {
        "object" => {
            let mut fields = serde_json::Map::new();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if !any::<u32>().new_tree(runner).expect("a number").current().is_multiple_of(10) {
                    fields.insert(name.clone(), like(field, document, runner, depth + 1));
                }
            }
            Value::Object(fields)
        }
        "array" => (0..roll(3)).map(|_| like(&schema["items"], document, runner, depth + 1)).collect(),
        "integer" | "number" => [json!(0), json!(1), json!(-1), json!(i64::MAX), json!(1.5)][roll(5) as usize].clone(),
        "boolean" => Value::from(roll(2) == 0),
        _ => {
            let texts = [
                "",
                "Night Drive",
                "listener",
                "owner",
                "x",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "prj_aaaaaaaaaaaaaaaaaaaaaaaaaa",
                "ver_aaaaaaaaaaaaaaaaaaaaaaaaaa",
                "2026-05-03T12:00:00Z",
                "ann@example.com",
                "\u{202e}\u{200b}",
                "null",
            ];
            Value::from(texts[roll(12) as usize])
        }
    }
}

/// Requests of every operation, half right and half wrong, by somebody who owns a project: the server never fails, every refusal is a
/// problem document, and every answer has a status that the document names.
#[tokio::test]
async fn no_operation_fails_on_any_input_and_every_answer_is_described() {
    const ROUNDS: usize = 24;
    let server = Server::start().await;
    let mut ann = server.site_admin("Ann").await;
    let project = ann.project("EP").await;
    let version = ann.bounce(&project, &claim("Night Drive"), b"bytes").await;
    let document = serde_json::to_value(collabtrack_server::http::document()).expect("JSON");
    let mut runner = TestRunner::deterministic();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            // A stream has no end; without a session or the project nothing is asked any more.
            if ["/events", "/auth/sign-out"].contains(&path.as_str()) || path == "/projects/{project}/trash" {
                continue;
            }
            for round in 0..ROUNDS {
                let mut odd = || any::<String>().new_tree(&mut runner).expect("a text").current().chars().take(40).collect::<String>();
                let mut filled = path.replace("{project}", project.as_str()).replace("{version}", version.id.as_str());
                if round % 4 == 3 {
                    filled = path.clone();
                }
                while let (Some(from), Some(to)) = (filled.find('{'), filled.find('}')) {
                    filled.replace_range(from..=to, &percent(&odd()));
                }
                let mut query = String::new();
                for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
                    let value = if round % 2 == 0 { ["0", "1", "-1", "tracks"][round % 4].to_owned() } else { odd() };
                    query.push_str(&format!("&{}={}", parameter["name"].as_str().expect("a name"), percent(&value)));
                }
                let url = format!("{}/api/v1{filled}?{}", server.url, query.trim_start_matches('&'));
                let verb = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                let mut request = CLIENT.request(verb, url).bearer_auth(&ann.token);
                let content = operation["requestBody"]["content"].as_object();
                if let Some((kind, media)) = content.and_then(|content| content.iter().next()) {
                    let body = like(&media["schema"], &document, &mut runner, 0);
                    request = request.header("content-type", kind.as_str()).body(body.to_string());
                }
                let answer = send(request).await;
                asked += 1;
                let (status, name) = (answer.status.as_u16(), format!("{method} {path}"));
                if path == "/account/address" && answer.status.is_success() {
                    ann.email = answer.ok::<Value>()["email"].as_str().expect("an address").to_owned();
                }
                assert!(
                    operation["responses"][status.to_string()].is_object(),
                    "{name} answers {status}, which is not described: {}",
                    answer.text()
                );
                if !answer.status.is_success() {
                    assert!(answer.status.is_client_error(), "{name}: {}", answer.text());
                    assert_eq!(answer.headers["content-type"], "application/problem+json", "{name} answers {status}");
                    serde_json::from_slice::<Problem>(&answer.bytes).unwrap_or_else(|error| panic!("{name}: {error}: {}", answer.text()));
                }
                if status == 401 {
                    ann = ann.sign_in_again_freely(&server).await;
                }
            }
        }
    }
    assert!(asked > 40 * ROUNDS, "{asked} requests");
    server.stop().await;
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
