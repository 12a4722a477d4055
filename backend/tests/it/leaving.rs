//! Deleting one's account and one's project: what goes, what stays, and who may not yet.

use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{Invitation, Project};
use collabtrack_protocol::site::{SiteAccounts, SiteProject};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;
use crate::support::music::claim;
use crate::support::person::{PASSWORD, anonymous};

#[tokio::test]
async fn a_deleted_account_is_gone_with_its_details_and_its_versions_stay_by_a_former_member() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben Belongs").await);
    let project = ann.project("EP").await;
    let bound: Invitation =
        ann.post(&format!("/projects/{project}/invitations"), &json!({"role": "member", "email": ben.email})).await.ok();
    ben.accept(&bound.code).await.ok::<Project>();
    let version = ben.bounce(&project, &claim("Night Drive"), b"bytes of a bounce").await;
    let own = ben.project("Mine alone").await;
    let open = ben.invite(&own, Role::Member).await;

    ben.delete("/account").await.problem(409, ErrorCode::LastOwner);
    ben.get("/account").await.ok::<Value>();
    ben.post(&format!("/projects/{own}/trash"), &json!({})).await.ok::<Value>();
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    ben.delete("/account").await.problem(403, ErrorCode::StepUpRequired);
    let ben = ben.step_up().await;
    assert_eq!(ben.delete("/account").await.status.as_u16(), 204);

    ben.get("/account").await.problem(401, ErrorCode::Unauthorized);
    let body = json!({"email": ben.email, "password": PASSWORD});
    anonymous(&server.url, Method::POST, "/auth/sign-in", &body).await.problem(401, ErrorCode::WrongCredentials);
    ann.accept(&open.code).await.problem(422, ErrorCode::InvitationInvalid);
    assert_eq!(ann.view(&project).await.members.len(), 1);
    assert_eq!(ann.original(&version.id).await, b"bytes of a bounce");
    let log: AuditPage = ann.get(&format!("/projects/{project}/audit")).await.ok();
    let told = serde_json::to_string(&log).expect("JSON");
    assert!(told.contains("former member") && !told.contains("Ben Belongs"), "{told}");
    assert!(told.contains("audit.erase"), "{told}");
    // Nothing of the person is left anywhere in the database.
    for table in
        ["account", "session", "known_device", "invitation", "audit_entry", "audit_detail", "one_time_code", "pending_address", "change"]
    {
        let text: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select string_agg(t::text, ' ') from {table} t")))
            .fetch_one(server.database())
            .await
            .expect("readable");
        let text = text.unwrap_or_default();
        assert!(!text.contains("Ben Belongs") && !text.contains(&ben.email), "{table}");
    }
    // The address is free again.
    let body = json!({"name": "Another", "email": ben.email, "password": PASSWORD});
    anonymous(&server.url, Method::POST, "/auth/register", &body).await.ok::<Value>();

    let sid = server.site_admin("Sid").await;
    let listed: SiteAccounts = sid.get("/site/accounts").await.ok();
    assert!(listed.accounts.iter().all(|account| account.id != ben.id), "{listed:?}");
    sid.act(&format!("/site/accounts/{}/enable", ben.id)).await.problem(404, ErrorCode::NotFound);
    sid.delete("/account").await.problem(409, ErrorCode::LastOwner);
    server.stop().await;
}

#[tokio::test]
async fn a_project_in_the_trash_takes_nobody_in_and_keeps_nobody_from_leaving() {
    let server = Server::start().await;
    let (ann, cleo) = (server.person("Ann").await, server.person("Cleo").await);
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Admin).await;
    let open = ann.invite(&project, Role::Member).await;
    let trash = format!("/projects/{project}/trash");
    ben.post(&trash, &json!({})).await.problem(403, ErrorCode::Forbidden);
    ann.post(&trash, &json!({})).await.ok::<serde_json::Value>();

    cleo.accept(&open.code).await.problem(422, ErrorCode::InvitationInvalid);
    cleo.post("/invitations/look", &json!({"code": open.code})).await.problem(422, ErrorCode::InvitationInvalid);
    ann.post(&trash, &json!({})).await.problem(404, ErrorCode::NotFound);
    let sid = server.site_admin("Sid").await;
    assert!(sid.get("/site/projects").await.ok::<Vec<SiteProject>>().is_empty());
    assert_eq!(ann.delete("/account").await.status.as_u16(), 204, "its last owner may go");
    server.stop().await;
}

#[tokio::test]
async fn denied_accesses_are_counted_in_the_log_of_what_they_were_about() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let listener = ann.add_member(&project, "Lis", Role::Listener).await;
    let stranger = server.person("Stranger").await;
    for _ in 0..3 {
        listener.get(&format!("/projects/{project}/audit")).await.problem(403, ErrorCode::Forbidden);
    }
    stranger.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
    stranger.get("/projects/prj_aaaaaaaaaaaaaaaaaaaaaaaaaa").await.problem(404, ErrorCode::NotFound);
    stranger.get("/site/accounts").await.problem(404, ErrorCode::NotFound);
    // What only needs another step is nobody's trespass.
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    ann.post(&format!("/projects/{project}/trash"), &json!({})).await.problem(403, ErrorCode::StepUpRequired);

    sqlx::query("update audit_pending set since = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    collabtrack_server::tidy::once(server.database()).await.expect("tidied");
    let log: AuditPage = ann.get(&format!("/projects/{project}/audit")).await.ok();
    let denied: Vec<(bool, i64)> = log
        .entries
        .iter()
        .filter(|entry| entry.entry.contains(r#""action":"access.denied""#))
        .map(|entry| {
            (entry.entry.contains(listener.id.as_str()), entry.detail.as_ref().expect("a detail")["count"].as_i64().expect("a count"))
        })
        .collect();
    assert_eq!(denied.len(), 2, "one entry for each of them: {denied:?}");
    assert!(denied.contains(&(true, 3)) && denied.contains(&(false, 1)), "{denied:?}");
    let site: i64 =
        sqlx::query_scalar("select count(*) from audit_entry where chain = 'site'").fetch_one(server.database()).await.expect("counted");
    assert_eq!(site, 1);
    server.stop().await;
}
