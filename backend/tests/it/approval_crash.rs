//! Approvals under which the whole database goes down and comes back.

use std::time::{Duration, Instant};

use collabtrack_domain::id::{ChangeSetId, ProjectId};
use collabtrack_protocol::approval::{Approved, AuditPage};
use collabtrack_server::config::{Environment, Registration, ServiceConfig};
use collabtrack_server::{db, embedded};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::support::person::send;
use crate::support::proposals::{approval, catalogue, detail, propose_title};
use crate::support::{Answer, Person};

const WITHIN: Duration = Duration::from_secs(120);

/// The process of the statement that waits for a lock.
async fn waiting(database: &PgPool) -> i32 {
    let began = Instant::now();
    loop {
        let pid: Option<i32> =
            sqlx::query_scalar("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' limit 1")
                .fetch_optional(database)
                .await
                .expect("asked");
        match pid {
            Some(pid) => return pid,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        assert!(began.elapsed() < WITHIN, "the approval reaches the place where it is held up");
    }
}

/// Approves with the same key until the server has its database again; answers every answer.
async fn repeated(owner: &Person, id: &ChangeSetId, body: &impl serde::Serialize, key: &str) -> Answer {
    let began = Instant::now();
    loop {
        let request = owner.request(Method::POST, &format!("/change-sets/{id}/approve")).header("idempotency-key", key).json(body);
        let answer = send(request).await;
        if !answer.status.is_server_error() {
            return answer;
        }
        assert!(began.elapsed() < WITHIN, "the server finds its database again: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Number of the catalogue, entries about approvals, and answers kept.
async fn standing(database: &PgPool, owner: &Person, project: &ProjectId) -> (i64, usize, i64) {
    let log: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    let entries = log.entries.iter().filter(|entry| entry.entry.contains("change_set.approve")).count();
    let answers = sqlx::query_scalar("select count(*) from idempotent_answer").fetch_one(database).await.expect("asked");
    (catalogue(owner, project).await.number, entries, answers)
}

#[tokio::test]
async fn a_database_that_crashes_under_an_approval_comes_back_without_a_trace_of_it_and_the_repetition_decides_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Environment::new(std::collections::BTreeMap::new()).and_then(|settings| settings.service(Registration::Open));
    let service = ServiceConfig { listen: ([127, 0, 0, 1], 0).into(), database_connections: 8, ..settings.expect("the defaults") };
    let studio = embedded::start(&folder.path().join("studio"), service).await.expect("it starts");
    let url = studio.config().database_url.clone();
    let owner = Person::register(&studio.url, "Ann").await;
    let project = owner.project("EP").await;
    // In the order in which an approval writes; the last one stands right before its end.
    let moments = ["row_state", "catalogue_head", "change", "audit_entry", "idempotent_answer"];
    let database = db::connect(&url, 2).await.expect("it answers");
    sqlx::query(
        "create function hold_up() returns trigger language plpgsql security definer as $$ begin
             perform pg_advisory_xact_lock_shared(7); return new; end $$",
    )
    .execute(&database)
    .await
    .expect("made");
    database.close().await;
    for (round, table) in (0_i64..).zip(moments) {
        let database = db::connect(&url, 2).await.expect("it answers");
        let id = propose_title(&owner, &project, &format!("Song {round}")).await;
        let shown = approval(&detail(&owner, &id).await);
        let before = standing(&database, &owner, &project).await;
        let trigger = format!("create trigger hold_up after insert on {table} for each row execute function hold_up()");
        sqlx::query(AssertSqlSafe(trigger)).execute(&database).await.unwrap_or_else(|error| panic!("{table}: {error}"));
        let mut holder = PgConnection::connect(url.expose_secret()).await.expect("it answers");
        sqlx::query("select pg_advisory_lock(7)").execute(&mut holder).await.expect("held");
        let request = owner.request(Method::POST, &format!("/change-sets/{id}/approve")).header("idempotency-key", table).json(&shown);
        let cut_off = tokio::spawn(send(request));
        let backend = waiting(&database).await;
        // Postgres takes one killed process for a broken memory: it ends every connection, starts anew and replays its log.
        kill_process(Pid::from_raw(backend).expect("not 0"), Signal::KILL).expect("it runs");
        let lost = cut_off.await.expect("answered");
        assert!(lost.status.is_server_error(), "{table}: {}", lost.text());
        drop((holder, database));

        let first: Approved = repeated(&owner, &id, &shown, table).await.ok();
        assert_eq!(first.catalogue_number, before.0 + 1, "{table}: what was cut off left nothing");
        let again: Approved = repeated(&owner, &id, &shown, table).await.ok();
        assert_eq!(again, first, "{table}: the same key gets the same answer");
        let database = db::connect(&url, 2).await.expect("it answers");
        assert_eq!(standing(&database, &owner, &project).await, (before.0 + 1, before.1 + 1, before.2 + 1), "{table}");
        let trigger = format!("drop trigger hold_up on {table}");
        sqlx::query(AssertSqlSafe(trigger)).execute(&database).await.expect("dropped");
        database.close().await;
    }
    assert_eq!(catalogue(&owner, &project).await.rows.len(), moments.len());
    studio.stop().await;
}
