//! Sessions: new tokens in time, stolen ones found out, sessions and devices listed and ended, passwords changed and reset.

use collabtrack_protocol::accounts::{Account, DeviceInfo, Renewed, SessionInfo, SignedIn};
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::site::{ResetCode, SiteAccounts};
use reqwest::Method;
use serde_json::json;

use crate::support::person::{CLIENT, PASSWORD, anonymous, send};
use crate::support::{Person, Server};

/// The actions in the log of a person's own account.
async fn logged(person: &Person) -> Vec<String> {
    let page: AuditPage = person.get("/account/audit").await.ok();
    let action = |entry: &str| serde_json::from_str::<serde_json::Value>(entry).expect("JSON")["action"].as_str().expect("text").to_owned();
    page.entries.iter().map(|record| action(&record.entry)).collect()
}

async fn sql(server: &Server, statement: &'static str) {
    sqlx::query(statement).execute(server.database()).await.expect("done");
}

#[tokio::test]
async fn a_successor_counts_from_its_first_use_and_a_lost_answer_signs_nobody_out() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    // The answer with this token is lost; the old one goes on and asks again.
    let lost: Renewed = ann.act("/auth/rotate").await.ok();
    ann.get("/account").await.ok::<Account>();
    let renewed: Renewed = ann.act("/auth/rotate").await.ok();
    let never_used = Person { token: lost.token, ..ann.clone() };
    never_used.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let next = Person { token: renewed.token, ..ann.clone() };
    next.get("/account").await.ok::<Account>();
    ann.get("/account").await.ok::<Account>();
    ann.act("/auth/rotate").await.problem(401, ErrorCode::Unauthorized);
    next.get("/account").await.ok::<Account>();
    server.stop().await;
}

#[tokio::test]
async fn a_token_used_after_its_grace_ends_the_session_for_both_and_is_logged() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let renewed: Renewed = ann.act("/auth/rotate").await.ok();
    let next = Person { token: renewed.token, ..ann.clone() };
    next.get("/account").await.ok::<Account>();
    sql(&server, "update retired_token set grace_until = now() - interval '1 second'").await;
    ann.get("/account").await.problem(401, ErrorCode::Unauthorized);
    next.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let again = ann.sign_in_again().await;
    assert_eq!(logged(&again).await, ["account.register", "session.token_reused", "session.start"]);
    server.stop().await;
}

#[tokio::test]
async fn one_successor_used_by_many_requests_at_once_counts_for_all_of_them() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    for _ in 0..3 {
        let mut now = ann.sign_in_again().await;
        for _ in 0..3 {
            let renewed: Renewed = now.act("/auth/rotate").await.ok();
            now = Person { token: renewed.token, ..now };
            let answers = futures::future::join_all((0..16).map(|_| now.get("/account"))).await;
            assert!(answers.iter().all(|answer| answer.status.is_success()));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn sessions_and_devices_are_listed_and_ended_one_by_one_and_all_at_once() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let road = ann.sign_in_again().await;
    let third = ann.sign_in_again().await;
    let listed: Vec<SessionInfo> = ann.get("/sessions").await.ok();
    let mut names: Vec<_> = listed.iter().map(|session| session.device_name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["on the road", "on the road", "studio"]);
    let own: Vec<_> = listed.iter().filter(|session| session.current).map(|session| session.device_name.as_str()).collect();
    assert_eq!(own, ["studio"]);

    let of_road = road.get("/sessions").await.ok::<Vec<SessionInfo>>().into_iter().find(|session| session.current).expect("its own").id;
    ben.delete(&format!("/sessions/{of_road}")).await.problem(404, ErrorCode::NotFound);
    assert_eq!(ann.delete(&format!("/sessions/{of_road}")).await.status.as_u16(), 204);
    road.get("/account").await.problem(401, ErrorCode::Unauthorized);
    assert_eq!(ann.delete("/sessions").await.status.as_u16(), 204);
    third.get("/account").await.problem(401, ErrorCode::Unauthorized);
    ben.get("/account").await.ok::<Account>();
    assert_eq!(ann.get("/sessions").await.ok::<Vec<SessionInfo>>().len(), 1);

    let devices: Vec<DeviceInfo> = ann.get("/devices").await.ok();
    assert_eq!(devices.len(), 3, "devices survive their sessions");
    ben.delete(&format!("/devices/{}", devices[0].id)).await.problem(404, ErrorCode::NotFound);
    assert_eq!(ann.delete(&format!("/devices/{}", devices[0].id)).await.status.as_u16(), 204);
    assert_eq!(ann.get("/devices").await.ok::<Vec<DeviceInfo>>().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_the_old_one_no_longer_works() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let other = ann.sign_in_again().await;
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    ann.post("/auth/password", &change("not the password", "a brand new secret")).await.problem(401, ErrorCode::WrongCredentials);
    for refused in ["short", "password123", &ann.email, "collabtrack forever", &"x".repeat(257)] {
        ann.post("/auth/password", &change(PASSWORD, refused)).await.problem(422, ErrorCode::PasswordRefused);
    }
    let renewed: Renewed = ann.post("/auth/password", &change(PASSWORD, "a brand new secret")).await.ok();
    other.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let ann = Person { token: renewed.token, ..ann };
    ann.get("/account").await.ok::<Account>();
    let sign_in = |password: &str| json!({"email": ann.email, "password": password});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &sign_in(PASSWORD)).await.problem(401, ErrorCode::WrongCredentials);
    anonymous(&server.url, Method::POST, "/auth/sign-in", &sign_in("a brand new secret")).await.ok::<SignedIn>();
    server.stop().await;
}

#[tokio::test]
async fn a_site_admin_resets_a_password_with_a_code_that_works_once_for_half_an_hour() {
    let server = Server::start().await;
    let (ann, sid) = (server.person("Ann").await, server.site_admin("Sid").await);
    let path = format!("/site/accounts/{}/reset-code", ann.id);
    ann.act(&path).await.problem(404, ErrorCode::NotFound);
    let dead: ResetCode = sid.act(&path).await.ok();
    let made: ResetCode = sid.act(&path).await.ok();
    assert!(made.code.starts_with("ctr_"));
    let reset = |code: &str, new: &str| {
        let (body, url) = (json!({"code": code, "new": new}), server.url.clone());
        async move { anonymous(&url, Method::POST, "/auth/reset", &body).await }
    };
    for wrong in [dead.code.as_str(), "ctr_aaaaaaaaaaaaaaaaaaaaaaaaaa", "", "cti_aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        reset(wrong, "a brand new secret").await.problem(422, ErrorCode::CodeInvalid);
    }
    reset(&made.code, "short").await.problem(422, ErrorCode::PasswordRefused);
    ann.get("/account").await.ok::<Account>();
    // Read out loud: case, spaces and hyphens do not matter.
    let spoken = made.code.to_uppercase().replacen('_', "_ ", 1);
    assert_eq!(reset(&spoken, "a brand new secret").await.status.as_u16(), 204);
    ann.get("/account").await.problem(401, ErrorCode::Unauthorized);
    reset(&made.code, "another new secret").await.problem(422, ErrorCode::CodeInvalid);
    let body = json!({"email": ann.email, "password": "a brand new secret"});
    let signed_in: SignedIn = anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.ok();
    let ann = Person { token: signed_in.token, ..ann };
    assert!(logged(&ann).await.contains(&"account.password_reset".to_owned()));

    let late: ResetCode = sid.act(&path).await.ok();
    sql(&server, "update one_time_code set expires_at = now() - interval '1 second'").await;
    reset(&late.code, "a brand new secret").await.problem(422, ErrorCode::CodeInvalid);
    server.stop().await;
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_and_back_when_enabled() {
    let server = Server::start().await;
    let (ann, sid) = (server.person("Ann").await, server.site_admin("Sid").await);
    let found: SiteAccounts = sid.get(&format!("/site/accounts?query={}", &ann.email[..20])).await.ok();
    assert_eq!(found.accounts.iter().map(|account| account.id.clone()).collect::<Vec<_>>(), std::slice::from_ref(&ann.id));
    assert_eq!(sid.act(&format!("/site/accounts/{}/disable", ann.id)).await.status.as_u16(), 204);
    ann.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let body = json!({"email": ann.email, "password": PASSWORD});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.problem(401, ErrorCode::WrongCredentials);
    assert_eq!(sid.act(&format!("/site/accounts/{}/enable", ann.id)).await.status.as_u16(), 204);
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.ok::<SignedIn>();
    // The last site admin can neither disable nor demote themselves.
    sid.act(&format!("/site/accounts/{}/disable", sid.id)).await.problem(409, ErrorCode::LastOwner);
    sid.delete(&format!("/site/admins/{}", sid.id)).await.problem(409, ErrorCode::LastOwner);
    assert_eq!(sid.put(&format!("/site/admins/{}", ann.id), &json!(null)).await.status.as_u16(), 204);
    assert_eq!(sid.delete(&format!("/site/admins/{}", sid.id)).await.status.as_u16(), 204);
    sid.get("/site/accounts").await.problem(404, ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn a_token_counts_only_whole_in_its_header_and_with_its_own_prefix() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let url = format!("{}/api/v1/account", server.url);
    let body = json!({"email": ann.email, "password": PASSWORD});
    let device = anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.ok::<SignedIn>().device_token.expect("a new device");
    let truncated = &ann.token[..ann.token.len() - 1];
    let extended = format!("{}A", ann.token);
    let other_prefix = ann.token.replacen("cts_", "ctl_", 1);
    for token in ["", truncated, &extended, &other_prefix, &device, &ann.token[4..]] {
        send(CLIENT.get(&url).bearer_auth(token)).await.problem(401, ErrorCode::Unauthorized);
    }
    send(CLIENT.get(format!("{url}?access_token={}", ann.token))).await.problem(401, ErrorCode::Unauthorized);
    send(CLIENT.get(&url).header("cookie", format!("session={}", ann.token))).await.problem(401, ErrorCode::Unauthorized);
    // Another project named in a header opens nothing.
    let project = ann.project("EP").await;
    let ben = server.person("Ben").await;
    let request = ben.request(Method::GET, &format!("/projects/{project}")).header("x-project", project.as_str());
    send(request).await.problem(404, ErrorCode::NotFound);
    server.stop().await;
}
