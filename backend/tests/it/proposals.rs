//! Proposals until they are decided: edited, withdrawn, sent back, refused, and what they show to whom.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::change_set::revision;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::approval::{Approved, AuditPage, ChangeSetList, ChangeSetStatus, ChangeSetSummary, DecideWithReason, Propose};
use collabtrack_protocol::problem::ErrorCode;
use serde_json::json;

use crate::support::proposals::{
    Studio, add_track, approval, approve, catalogue, detail, proposal, propose, propose_title, set_cell, studio,
};

#[tokio::test]
async fn a_proposal_edited_after_it_was_shown_is_not_approved() {
    let Studio { server, owner, member, project } = studio().await;
    let first = proposal(&member, &project, &[add_track("Night Drive")]).await;
    let id = first.change_set.clone();
    member.post(&format!("/projects/{project}/change-sets"), &first).await.ok::<ChangeSetSummary>();
    let shown = detail(&owner, &id).await;
    let second = Propose { change_set: id.clone(), ..proposal(&member, &project, &[add_track("Something Else")]).await };
    let revised: ChangeSetSummary = member.post(&format!("/change-sets/{id}/revisions"), &second).await.ok();
    assert_eq!((revised.revision, revised.status), (2, ChangeSetStatus::Open));
    for verb in ["approve", "reject", "ask"] {
        let body = if verb == "approve" {
            serde_json::to_value(approval(&shown)).expect("plain")
        } else {
            json!({"revision_digest": shown.revision_digest, "reason": "not like this"})
        };
        let problem = owner.post(&format!("/change-sets/{id}/{verb}"), &body).await.problem(409, ErrorCode::RevisionChanged);
        assert_eq!(problem.facts.expect("facts")["revision"], 2);
    }
    assert_eq!(catalogue(&owner, &project).await.number, 0);
    let log: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    assert!(!log.entries.iter().any(|entry| entry.entry.contains("change_set.approve")));
    assert_eq!(approve(&owner, &id).await.ok::<Approved>().catalogue_number, 1);
    server.stop().await;
}

#[tokio::test]
async fn what_waits_is_listed_however_much_was_decided_since() {
    let Studio { server, owner, member, project } = studio().await;
    let waiting = propose_title(&member, &project, "Night Drive").await;
    let decided = propose_title(&member, &project, "Rain").await;
    member.act(&format!("/change-sets/{decided}/withdraw")).await.ok::<ChangeSetSummary>();
    for (table, key) in [("change_set", "id"), ("change_set_revision", "change_set")] {
        let copies = format!(
            "insert into {table} select (jsonb_populate_record(null::{table}, to_jsonb(c) || jsonb_build_object('{key}',
                 'chg_' || lpad(translate(n::text, '0123456789', 'abcdefghij'), 26, 'k')))).* from {table} c, generate_series(1, 600) n
             where c.{key} = $1"
        );
        sqlx::query(sqlx::AssertSqlSafe(copies)).bind(decided.as_str()).execute(server.database()).await.expect("copied");
    }
    sqlx::query("update change_set set created_at = now() - interval '1 year' where id = $1")
        .bind(waiting.as_str())
        .execute(server.database())
        .await
        .expect("aged");
    let list: ChangeSetList = owner.get(&format!("/projects/{project}/change-sets")).await.ok();
    assert_eq!((&list.items[0].id, list.open, list.closed), (&waiting, 1, 601));
    assert!(list.items.len() < 600, "decided ones are listed up to a limit: {}", list.items.len());
    server.stop().await;
}

#[tokio::test]
async fn rejecting_and_asking_need_a_reason_and_withdrawing_needs_its_author() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let revision_digest = detail(&owner, &id).await.revision_digest;
    let with = |reason: &str| DecideWithReason { revision_digest, reason: reason.to_owned() };
    owner.post(&format!("/change-sets/{id}/reject"), &with(" a ")).await.problem(422, ErrorCode::Invalid);
    member.post(&format!("/change-sets/{id}/reject"), &with("not mine")).await.problem(403, ErrorCode::Forbidden);
    owner.act(&format!("/change-sets/{id}/withdraw")).await.problem(403, ErrorCode::Forbidden);
    let asked: ChangeSetSummary = owner.post(&format!("/change-sets/{id}/ask"), &with("Please spell it right")).await.ok();
    assert_eq!((asked.status, asked.decision_reason.as_deref()), (ChangeSetStatus::ChangesRequested, Some("Please spell it right")));
    approve(&owner, &id).await.problem(409, ErrorCode::AlreadyDecided);
    let again: ChangeSetSummary = member.act(&format!("/change-sets/{id}/submit")).await.ok();
    assert_eq!((again.status, again.revision), (ChangeSetStatus::Open, 2), "what waits again is another revision");
    let withdrawn: ChangeSetSummary = member.act(&format!("/change-sets/{id}/withdraw")).await.ok();
    assert_eq!(withdrawn.status, ChangeSetStatus::Withdrawn);
    approve(&owner, &id).await.problem(409, ErrorCode::AlreadyDecided);
    let rejected = propose_title(&member, &project, "Other").await;
    let body = DecideWithReason { revision_digest: detail(&owner, &rejected).await.revision_digest, reason: "No such song".to_owned() };
    assert_eq!(
        owner.post(&format!("/change-sets/{rejected}/reject"), &body).await.ok::<ChangeSetSummary>().status,
        ChangeSetStatus::Rejected
    );
    assert!(catalogue(&owner, &project).await.rows.is_empty());
    let list: ChangeSetList = owner.get(&format!("/projects/{project}/change-sets")).await.ok();
    assert_eq!((list.open, list.mine, list.closed, list.items.len()), (0, 0, 2, 2));
    server.stop().await;
}

#[tokio::test]
async fn a_draft_is_its_authors_alone_until_it_is_submitted() {
    let Studio { server, owner, member, project } = studio().await;
    let body = Propose { submit: false, ..proposal(&member, &project, &[add_track("Night Drive")]).await };
    let path = format!("/projects/{project}/change-sets");
    let draft: ChangeSetSummary = member.post(&path, &body).await.ok();
    assert_eq!(draft.status, ChangeSetStatus::Draft);
    assert_eq!(member.post(&path, &body).await.ok::<ChangeSetSummary>(), draft);
    member.post(&path, &Propose { title: "Other".to_owned(), ..body }).await.problem(409, ErrorCode::IdTaken);
    owner.get(&format!("/change-sets/{}", draft.id)).await.problem(404, ErrorCode::NotFound);
    assert!(owner.get(&path).await.ok::<ChangeSetList>().items.is_empty());
    assert_eq!(member.get(&path).await.ok::<ChangeSetList>().mine, 1);
    member.act(&format!("/change-sets/{}/submit", draft.id)).await.ok::<ChangeSetSummary>();
    assert_eq!(owner.get(&path).await.ok::<ChangeSetList>().open, 1);
    assert!(detail(&owner, &draft.id).await.may_decide);
    server.stop().await;
}

#[tokio::test]
async fn the_stored_bytes_of_a_revision_have_the_digest_that_is_approved() {
    let Studio { server, owner, member, project } = studio().await;
    let id = propose_title(&member, &project, "Night Drive").await;
    let answer = owner.get(&format!("/change-sets/{id}/revisions/1")).await;
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(revision::digest(&answer.bytes), detail(&owner, &id).await.revision_digest);
    let sealed = revision::SealedRevision::parse(answer.bytes).expect("canonical bytes");
    assert_eq!((&sealed.revision().author, &sealed.revision().project), (&member.id, &project));
    owner.get(&format!("/change-sets/{id}/revisions/2")).await.problem(404, ErrorCode::NotFound);
    owner.get(&format!("/change-sets/{id}/revisions/x")).await.problem(404, ErrorCode::NotFound);
    let tamper = sqlx::query("update change_set_revision set bytes = 'x'").execute(server.database()).await;
    assert!(tamper.expect_err("refused").to_string().contains("written once"));
    server.stop().await;
}

#[tokio::test]
async fn proposals_that_do_not_fit_are_refused_with_their_own_code() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&member, &project, "Night Drive").await).await.ok::<Approved>();
    let path = format!("/projects/{project}/change-sets");
    let good = set_cell(&member, &project, "title", "Night Ride").await;
    let Op::CellSet { row, rev, .. } = good.clone() else { panic!("a cell") };
    let lie = Op::CellSet { row: row.clone(), rev, field: "title".into(), from: Some(CellValue::text("Lie")), to: None };
    let hidden = Op::CellSet { row, rev, field: "writer_notes".into(), from: None, to: Some(CellValue::text("secret")) };
    let schema = catalogue(&owner, &project).await.schema;
    let change = Op::SchemaChange { from: ObjectHash::of(b"x"), to: schema };
    for (ops, status, code) in [
        (vec![], 422, ErrorCode::EmptyChangeSet),
        (vec![good.clone(), good.clone()], 422, ErrorCode::DuplicateOp),
        (vec![lie], 422, ErrorCode::BaseMismatch),
        (vec![hidden], 403, ErrorCode::FieldForbidden),
        (vec![change], 403, ErrorCode::FieldForbidden),
    ] {
        let body = proposal(&member, &project, &ops).await;
        member.post(&path, &body).await.problem(status, code);
    }
    let unknown = Propose { base_head: "0".repeat(64), ..proposal(&member, &project, &[good]).await };
    member.post(&path, &unknown).await.problem(422, ErrorCode::BaseMismatch);
    let malformed = Propose { ops: vec![json!({"op": "track.explode"})], ..unknown };
    member.post(&path, &malformed).await.problem(400, ErrorCode::BadRequest);
    assert_eq!(member.get(&path).await.ok::<ChangeSetList>().items.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn columns_a_role_may_not_read_do_not_reach_it_through_a_proposal() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&owner, &project, "Night Drive").await).await.ok::<Approved>();
    let ops = [set_cell(&owner, &project, "writer_notes", "top secret").await, set_cell(&owner, &project, "label", "Moon Records").await];
    let id = propose(&owner, &project, &ops).await;
    let shown = member.get(&format!("/change-sets/{id}")).await;
    assert!(!shown.text().contains("top secret") && shown.text().contains("Moon Records"), "{}", shown.text());
    assert!(owner.get(&format!("/change-sets/{id}")).await.text().contains("top secret"));
    member.get(&format!("/change-sets/{id}/revisions/1")).await.problem(403, ErrorCode::FieldForbidden);
    approve(&owner, &id).await.ok::<Approved>();
    for answer in [member.get(&format!("/change-sets/{id}")).await, member.get(&format!("/projects/{project}/catalogue")).await] {
        assert!(!answer.text().contains("top secret"), "{}", answer.text());
    }
    server.stop().await;
}
