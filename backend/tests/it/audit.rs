//! The audit log: complete, verifiable from its bytes alone, and closed to changes.

use collabtrack_domain::audit::chain::Verifier;
use collabtrack_domain::audit::entry::{detail_commitment, hash};
use collabtrack_domain::catalogue::row::Salt;
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{Approved, AuditPage};

use crate::support::Server;
use crate::support::music::{bytes, claim};
use crate::support::proposals::{approve, catalogue, propose_title};

#[tokio::test]
async fn the_log_of_a_projects_life_verifies_offline_and_leads_to_the_catalogue_of_now() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mel = ann.add_member(&project, "Mel", Role::Member).await;
    mel.bounce(&project, &claim("Night Drive"), &bytes(1, 100)).await;
    for title in ["Night Drive", "Rain"] {
        approve(&ann, &propose_title(&mel, &project, title).await).await.ok::<Approved>();
    }
    let page: AuditPage = mel.get(&format!("/projects/{project}/audit?since=0")).await.ok();
    assert!(!page.more);
    let mut verifier = Verifier::new(project.as_str());
    let mut actions = Vec::new();
    let mut head = String::new();
    for record in &page.entries {
        let entry = verifier.next(record.entry.as_bytes()).unwrap_or_else(|finding| panic!("{finding:?}"));
        assert_eq!(hash(record.entry.as_bytes()), record.hash);
        if let (Some(detail), Some(salt)) = (&record.detail, &record.salt) {
            let commitment = detail_commitment(Salt::parse(salt).expect("a salt"), detail).expect("canonical");
            assert_eq!(commitment.to_string(), entry.details);
        } else {
            assert_eq!(entry.details, "");
        }
        if !entry.head_after.is_empty() {
            head = entry.head_after.clone();
        }
        actions.push(entry.action);
    }
    assert_eq!(
        actions,
        [
            "project.create",
            "member.invite",
            "member.join",
            "version.add",
            // The member's version puts itself up for review.
            "change_set.propose",
            "version.complete",
            "change_set.propose",
            "change_set.approve",
            "change_set.propose",
            "change_set.approve"
        ]
    );
    assert_eq!(head, catalogue(&ann, &project).await.head);
    let tail: AuditPage = ann.get(&format!("/projects/{project}/audit?since=7")).await.ok();
    assert_eq!(tail.entries, page.entries[7..]);
    server.stop().await;
}

#[tokio::test]
async fn the_database_refuses_to_change_empty_or_forge_the_log() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    ann.project("EP").await;
    for statement in [
        "update audit_entry set actor = 'acc_x'",
        "delete from audit_entry",
        "truncate audit_entry cascade",
        "update audit_detail set detail = '{}'",
        "delete from audit_detail",
        "truncate audit_detail",
        "update row_state set rev = 'x'",
        "update catalogue_head set number = 7",
    ] {
        let result = sqlx::query(statement).execute(server.database()).await;
        match statement {
            // Nothing was approved yet, so there is no row state to touch.
            "update row_state set rev = 'x'" => assert_eq!(result.expect("no rows").rows_affected(), 0),
            _ => assert!(result.expect_err(statement).to_string().contains("written once"), "{statement}"),
        }
    }
    let forged = sqlx::query(
        "insert into audit_entry (chain, seq, entry, hash, actor) select chain, 99, entry || ' ', hash, actor from audit_entry limit 1",
    )
    .execute(server.database())
    .await;
    assert!(forged.expect_err("refused").to_string().contains("audit_entry_hash"));
    server.stop().await;
}

#[tokio::test]
async fn entries_written_at_one_moment_have_neither_gap_nor_fork() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    futures::future::join_all((0..20).map(|_| ann.invite(&project, Role::Member))).await;
    let page: AuditPage = ann.get(&format!("/projects/{project}/audit")).await.ok();
    let mut verifier = Verifier::new(project.as_str());
    for record in &page.entries {
        verifier.next(record.entry.as_bytes()).expect("it follows from the one before");
    }
    assert_eq!(page.entries.len(), 21);
    server.stop().await;
}
