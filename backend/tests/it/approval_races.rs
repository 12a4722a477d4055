//! Approvals while something else happens: roles taken away, columns changed, the database giving up, the same request again and again.

use std::time::Duration;

use collabtrack_domain::change_set::op::{MAX_OPS, Op};
use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{Approved, AuditPage, ChangeSetSummary, DecideWithReason, Propose};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_server::random;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::support::person::send;
use crate::support::proposals::{
    Studio, add_track, approval, approve, catalogue, detail, proposal, propose, propose_title, set_cell, studio,
};
use crate::support::{Answer, Person, Server};

async fn decisions(person: &Person, project: &ProjectId) -> usize {
    let log: AuditPage = person.get(&format!("/projects/{project}/audit")).await.ok();
    log.entries.iter().filter(|entry| entry.entry.contains("change_set.approve")).count()
}

/// Waits until a statement of this database waits for a lock; answers its process.
async fn blocked(server: &Server) -> i32 {
    loop {
        let waiting: Option<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1")
                .fetch_optional(server.database())
                .await
                .expect("asked");
        match waiting {
            Some(pid) => return pid,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Approves while the project's lock is held; `meanwhile` happens before it is let go.
async fn approve_meanwhile(server: &Server, person: &Person, id: &ChangeSetId, meanwhile: &str) -> Answer {
    let shown = detail(person, id).await;
    let mut holder = server.database().begin().await.expect("begun");
    sqlx::query("select id from project for update").execute(&mut *holder).await.expect("locked");
    let (person, path, body) = (person.clone(), format!("/change-sets/{id}/approve"), approval(&shown));
    let answer = tokio::spawn(async move { person.post(&path, &body).await });
    blocked(server).await;
    sqlx::query(AssertSqlSafe(meanwhile.to_owned())).execute(&mut *holder).await.expect("done meanwhile");
    holder.commit().await.expect("let go");
    answer.await.expect("answered")
}

#[tokio::test]
async fn a_role_taken_away_while_the_approval_waits_for_its_turn_counts() {
    let Studio { server, owner, member, project } = studio().await;
    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let demoted = format!("update member set role = 'member' where account = '{}'", ada.id);
    approve_meanwhile(&server, &ada, &id, &demoted).await.problem(403, ErrorCode::Forbidden);
    sqlx::query("update member set role = 'admin' where account = $1")
        .bind(ada.id.as_str())
        .execute(server.database())
        .await
        .expect("back");
    let removed = format!("delete from member where account = '{}'", ada.id);
    approve_meanwhile(&server, &ada, &id, &removed).await.problem(404, ErrorCode::NotFound);
    assert_eq!((catalogue(&owner, &project).await.number, decisions(&owner, &project).await), (0, 0));
    server.stop().await;
}

#[tokio::test]
async fn columns_that_changed_since_the_proposal_are_told_and_nothing_is_applied() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&member, &project, "Night Drive").await).await.ok::<Approved>();
    let late = propose(&member, &project, &[set_cell(&member, &project, "label", "Moon Records").await]).await;
    let mut document: Value = owner.get(&format!("/projects/{project}/schema")).await.ok();
    let from = collabtrack_domain::catalogue::schema::Schema::from_value(&document).expect("a schema").hash();
    document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").retain(|field| field["name"] != "label");
    approve(&owner, &propose(&owner, &project, &[Op::SchemaChange { from, to: document }]).await).await.ok::<Approved>();
    let shown = detail(&owner, &late).await;
    assert_eq!((shown.mergeability.as_str(), shown.effect_digest), ("schema_moved", None));
    approve(&owner, &late).await.problem(409, ErrorCode::SchemaMoved);
    assert_eq!(catalogue(&owner, &project).await.number, 2);
    server.stop().await;
}

#[tokio::test]
async fn what_was_rejected_is_not_approved_any_more() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&owner, &id).await;
    let body = DecideWithReason { revision_digest: shown.revision_digest, reason: "no such song".into() };
    owner.post(&format!("/change-sets/{id}/reject"), &body).await.ok::<ChangeSetSummary>();
    owner.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(409, ErrorCode::AlreadyDecided);
    assert_eq!(catalogue(&owner, &project).await.number, 0);
    server.stop().await;
}

#[tokio::test]
async fn the_same_key_three_times_and_once_more_after_a_lost_connection_decides_once() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&owner, &id).await;
    let path = format!("/change-sets/{id}/approve");
    let keyed = || owner.request(Method::POST, &path).header("idempotency-key", "once").json(&approval(&shown));
    // The connection to the database dies under the first try.
    let mut holder = server.database().begin().await.expect("begun");
    sqlx::query("select id from project for update").execute(&mut *holder).await.expect("locked");
    let first = tokio::spawn(send(keyed()));
    let pid = blocked(&server).await;
    sqlx::query("select pg_terminate_backend($1)").bind(pid).execute(server.database()).await.expect("ended");
    let lost = first.await.expect("answered");
    assert!(lost.status.is_server_error(), "{}", lost.text());
    drop(holder);
    assert_eq!((catalogue(&owner, &project).await.number, decisions(&owner, &project).await), (0, 0));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(send(keyed()).await.ok::<Approved>());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((catalogue(&owner, &project).await.number, decisions(&owner, &project).await), (1, 1));
    server.stop().await;
}

#[tokio::test]
async fn a_deadlock_that_the_database_broke_is_tried_again() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    // What a sequence counted stays counted when its transaction does not: the first two tries end as a deadlock's victim does.
    for statement in [
        "create sequence tries",
        "create function give_up() returns trigger language plpgsql security definer as $$ begin
             if nextval('tries') <= 2 then raise exception 'deadlock detected' using errcode = '40P01'; end if; return new; end $$",
        "create trigger give_up after insert on catalogue_head for each row execute function give_up()",
    ] {
        sqlx::query(statement).execute(server.database()).await.expect("made");
    }
    assert_eq!(approve(&owner, &id).await.ok::<Approved>().catalogue_number, 1);
    assert_eq!(decisions(&owner, &project).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn one_operation_too_many_is_refused_with_the_count() {
    let Studio { server, member, project, .. } = studio().await;
    let op = serde_json::to_value(add_track("x")).expect("plain data");
    let ops: Vec<Value> = (0..=MAX_OPS)
        .map(|number| {
            let mut op = op.clone();
            let mut bytes: [u8; 17] = random::bytes();
            bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
            op["row"] = json!(collabtrack_domain::id::TrackId::from_random(bytes));
            op
        })
        .collect();
    let body = Propose { ops, ..proposal(&member, &project, &[]).await };
    let refused = member.post(&format!("/projects/{project}/change-sets"), &body).await.problem(413, ErrorCode::TooManyOperations);
    assert!(refused.detail.contains("100001") || refused.detail.contains("100,001"), "{}", refused.detail);
    server.stop().await;
}
