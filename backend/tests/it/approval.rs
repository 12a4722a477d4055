//! Approving: who may, what is applied, and that nothing else is.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::SplitId;
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{Approve, Approved, AuditPage, ChangeSetStatus, DecideWithReason};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::Version;
use collabtrack_server::random;
use reqwest::Method;
use serde_json::json;

use crate::support::Answer;
use crate::support::music::{announcement, bytes, claim};
use crate::support::person::send;
use crate::support::proposals::{
    Studio, add_track, approval, approve, approve_version, catalogue, detail, proposal, propose, propose_title, set_cell, studio,
};

#[tokio::test]
async fn a_proposal_changes_nothing_until_it_is_approved_and_then_exactly_what_was_shown() {
    let Studio { server, owner, member, project } = studio().await;
    let before = catalogue(&owner, &project).await;
    let id = propose_title(&member, &project, "Night Drive").await;
    assert_eq!(catalogue(&owner, &project).await, before);
    let shown = detail(&owner, &id).await;
    assert_eq!((shown.mergeability.as_str(), shown.may_decide, shown.effect.len()), ("clean", true, 1));
    assert_eq!(shown.effect[0]["to"]["title"], "Night Drive");
    let approved: Approved = owner.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.ok();
    assert_eq!((approved.catalogue_number, approved.summary.status), (1, ChangeSetStatus::Approved));
    assert_eq!(approved.summary.decided_by.as_ref().map(|person| &person.id), Some(&owner.id));
    let after = catalogue(&member, &project).await;
    assert_eq!((after.number, after.head.as_str()), (1, approved.head.as_str()));
    assert_eq!(after.rows[0].cells["title"], "Night Drive");
    let later = detail(&member, &id).await;
    assert_eq!(later.effect, shown.effect, "the record keeps what was done");
    assert!(!later.may_decide);
    server.stop().await;
}

#[tokio::test]
async fn of_fifty_decisions_at_one_moment_exactly_one_wins_and_one_entry_is_written() {
    let Studio { server, owner, member, project } = studio().await;
    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&owner, &id).await;
    let tries = (0..50).map(|n| {
        let person = if n % 2 == 0 { &owner } else { &ada };
        let (id, shown) = (&id, &shown);
        async move {
            if n % 3 == 0 {
                let body = DecideWithReason { revision_digest: shown.revision_digest, reason: "not like this".to_owned() };
                person.post(&format!("/change-sets/{id}/reject"), &body).await
            } else {
                person.post(&format!("/change-sets/{id}/approve"), &approval(shown)).await
            }
        }
    });
    let answers = futures::future::join_all(tries).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status.is_success()).collect();
    assert_eq!(won.len(), 1);
    for lost in answers.iter().filter(|answer| !answer.status.is_success()) {
        lost.problem(409, ErrorCode::AlreadyDecided);
    }
    let log: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    let decisions =
        log.entries.iter().filter(|entry| entry.entry.contains("change_set.approve") || entry.entry.contains("change_set.reject"));
    assert_eq!(decisions.count(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_author_does_not_approve_their_own_proposal_while_somebody_else_could() {
    let Studio { server, owner, project, .. } = studio().await;
    let sole = propose_title(&owner, &project, "By the only approver").await;
    assert_eq!(approve(&owner, &sole).await.ok::<Approved>().catalogue_number, 1);
    let log: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    let entry = log.entries.iter().find(|entry| entry.entry.contains("change_set.approve")).expect("an entry");
    assert_eq!(entry.detail.as_ref().expect("a detail")["self_approved"], true);

    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let own = propose_title(&owner, &project, "Two could decide").await;
    assert!(!detail(&owner, &own).await.may_decide);
    approve(&owner, &own).await.problem(403, ErrorCode::SelfApproval);
    assert_eq!(approve(&ada, &own).await.ok::<Approved>().catalogue_number, 2);
    server.stop().await;
}

#[tokio::test]
async fn whoever_lost_the_role_meanwhile_decides_nothing() {
    let Studio { server, owner, member, project } = studio().await;
    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&ada, &id).await;
    let demote = sqlx::query("update member set role = 'member' where account = $1").bind(ada.id.as_str());
    demote.execute(server.database()).await.expect("demoted");
    ada.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(403, ErrorCode::Forbidden);
    member.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(403, ErrorCode::Forbidden);
    sqlx::query("delete from member where account = $1").bind(ada.id.as_str()).execute(server.database()).await.expect("removed");
    ada.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(404, ErrorCode::NotFound);
    assert_eq!(catalogue(&owner, &project).await.number, 0);
    server.stop().await;
}

#[tokio::test]
async fn somebody_elses_edit_of_the_same_cell_is_a_conflict_and_of_another_cell_is_not() {
    let Studio { server, owner, member, project } = studio().await;
    let first = propose_title(&member, &project, "Night Drive").await;
    approve(&owner, &first).await.ok::<Approved>();
    let same = propose(&member, &project, &[set_cell(&member, &project, "title", "Night Ride").await]).await;
    let other = propose(&member, &project, &[set_cell(&member, &project, "label", "Moon Records").await]).await;
    let winner = propose(&member, &project, &[set_cell(&member, &project, "title", "Nightdrive").await]).await;
    approve(&owner, &winner).await.ok::<Approved>();

    let shown = detail(&owner, &same).await;
    assert_eq!((shown.mergeability.as_str(), shown.effect_digest), ("conflict", None));
    assert_eq!(shown.conflicts[0]["current"], "Nightdrive");
    approve(&owner, &same).await.problem(409, ErrorCode::Conflict);
    let stale = detail(&owner, &other).await;
    assert_eq!(stale.mergeability, "stale_clean");
    assert_eq!(approve(&owner, &other).await.ok::<Approved>().catalogue_number, 3);
    let row = &catalogue(&owner, &project).await.rows[0];
    assert_eq!((&row.cells["title"], &row.cells["label"]), (&json!("Nightdrive"), &json!("Moon Records")));
    server.stop().await;
}

#[tokio::test]
async fn an_approval_whose_effect_changed_since_it_was_shown_applies_nothing_and_tells_the_new_effect() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&member, &project, "Night Drive").await).await.ok::<Approved>();
    let both = [set_cell(&member, &project, "label", "Moon Records").await, set_cell(&member, &project, "p_line", "2026 Moon").await];
    let id = propose(&member, &project, &both).await;
    let shown = detail(&owner, &id).await;
    assert_eq!(shown.effect.len(), 2);
    // One of the two is made by another proposal: the rest still merges, but is not what was shown.
    approve(&owner, &propose(&member, &project, &both[..1]).await).await.ok::<Approved>();
    let problem = owner.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(409, ErrorCode::EffectChanged);
    assert_eq!(problem.facts.expect("facts")["effect"].as_array().map(Vec::len), Some(1));
    assert_eq!(catalogue(&owner, &project).await.number, 2);
    assert_eq!(approve(&owner, &id).await.ok::<Approved>().catalogue_number, 3);
    server.stop().await;
}

#[tokio::test]
async fn a_result_that_breaks_a_rule_is_not_applied() {
    let Studio { server, owner, member, project } = studio().await;
    let track = add_track("Night Drive");
    let Op::TrackAdd { row, .. } = &track else { panic!("an addition") };
    let half = Op::SplitAdd {
        row: SplitId::from_random(random::bytes()),
        cells: [
            ("track", CellValue::text(row.as_str())),
            ("right", CellValue::text("composition")),
            ("party", CellValue::text("Ann")),
            ("share", CellValue::text("50.00")),
        ]
        .into_iter()
        .collect(),
    };
    let id = propose(&member, &project, &[track, half]).await;
    let shown = detail(&owner, &id).await;
    assert_eq!(shown.mergeability, "invalid_after_merge");
    assert!(!shown.problems.is_empty());
    approve(&owner, &id).await.problem(422, ErrorCode::InvalidAfterMerge);
    assert!(catalogue(&owner, &project).await.rows.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_version_is_approved_with_its_exact_bytes_once_the_store_has_them() {
    let Studio { server, owner, member, project } = studio().await;
    let track = claim("Night Drive");
    let data = bytes(1, 10_000);
    let announced = member.announce(&project, &announcement(&track, &data)).await;
    assert_eq!(catalogue(&owner, &project).await.outside[0].id, track.id.to_string());

    let alone = proposal(&member, &project, &[approve_version(&track.id, &announced, None, None)]).await;
    let path = format!("/projects/{project}/change-sets");
    member.post(&path, &alone).await.problem(422, ErrorCode::Invalid);
    let add = Op::TrackAdd { row: track.id.clone(), cells: [("title", CellValue::text("Night Drive"))].into_iter().collect() };
    let mut wrong = announced.clone();
    wrong.content_id = ObjectHash::of(b"other");
    let body = proposal(&member, &project, &[add.clone(), approve_version(&track.id, &wrong, None, None)]).await;
    member.post(&path, &body).await.problem(422, ErrorCode::VersionMismatch);

    let id = propose(&member, &project, &[add, approve_version(&track.id, &announced, None, None)]).await;
    approve(&owner, &id).await.problem(409, ErrorCode::VersionIncomplete);
    assert_eq!(catalogue(&owner, &project).await.number, 0);
    let (_, object) = member.upload(&project, collabtrack_protocol::uploads::ObjectFormat::Plain, &data).await;
    member.commit(&announced, &object).await.ok::<Version>();
    approve(&owner, &id).await.ok::<Approved>();
    let after = catalogue(&member, &project).await;
    let approved = after.rows[0].approved.as_ref().expect("an approved version");
    assert_eq!((&approved.version, approved.number, approved.sha256), (&announced.id, 1, announced.content_id));
    assert!(after.outside.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_approval_with_its_key_gets_the_same_answer_and_with_another_body_is_refused() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&owner, &id).await;
    let path = format!("/change-sets/{id}/approve");
    let keyed = |body: &Approve| owner.request(Method::POST, &path).header("idempotency-key", "k1").json(body);
    let first: Approved = send(keyed(&approval(&shown))).await.ok();
    let second: Approved = send(keyed(&approval(&shown))).await.ok();
    assert_eq!(first, second);
    let other = Approve { effect_digest: ObjectHash::of(b"other"), ..approval(&shown) };
    send(keyed(&other)).await.problem(422, ErrorCode::IdempotencyMismatch);
    owner.post(&path, &approval(&shown)).await.problem(409, ErrorCode::AlreadyDecided);
    assert_eq!(catalogue(&owner, &project).await.number, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_approval_cut_off_at_any_write_leaves_no_trace() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let shown = detail(&owner, &id).await;
    let before = (catalogue(&owner, &project).await, owner.view(&project).await.head_seq);
    // Every table an approval writes refuses once: whatever was written before it must be gone again.
    for (table, event) in [
        ("row_state", "insert"),
        ("catalogue_row", "insert"),
        ("catalogue_head", "insert"),
        ("change_set", "update"),
        ("change", "insert"),
        ("audit_entry", "insert"),
        ("audit_detail", "insert"),
        ("audit_chain", "update"),
    ] {
        let name = format!("cut_{table}");
        for statement in [
            format!("create function {name}() returns trigger language plpgsql as $$ begin raise exception 'cut off'; end $$"),
            format!("create trigger {name} after {event} on {table} for each row execute function {name}()"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(server.database()).await.expect("made");
        }
        owner.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await.problem(500, ErrorCode::Internal);
        sqlx::query(sqlx::AssertSqlSafe(format!("drop function {name}() cascade"))).execute(server.database()).await.expect("dropped");
        assert_eq!((catalogue(&owner, &project).await, owner.view(&project).await.head_seq), before, "cut off at {table}");
        assert_eq!(detail(&owner, &id).await, shown, "cut off at {table}");
    }
    assert_eq!(approve(&owner, &id).await.ok::<Approved>().catalogue_number, 1);
    server.stop().await;
}
