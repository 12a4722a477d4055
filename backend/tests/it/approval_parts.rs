//! Partial approval, conflicts, taking back, and reading earlier states.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::row::{Rev, RowId};
use collabtrack_domain::change_set::op::Op;
use collabtrack_domain::id::{ChangeSetId, ProjectId, SplitId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{
    Approved, AuditPage, ChangeSetDetail, ChangeSetList, ChangeSetStatus, ChangeSetSummary, Reverted, SplitUp,
};
use collabtrack_protocol::catalogue::{Catalogue, CatalogueRow};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_server::random;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Person;
use crate::support::person::send;
use crate::support::proposals::{Studio, add_track, approve, catalogue, detail, propose, propose_title, set_cell, studio};

async fn actions(person: &Person, project: &ProjectId) -> Vec<String> {
    let log: AuditPage = person.get(&format!("/projects/{project}/audit")).await.ok();
    let action = |text: &str| serde_json::from_str::<Value>(text).expect("an entry")["action"].as_str().expect("an action").to_owned();
    log.entries.iter().map(|entry| action(&entry.entry)).collect()
}

fn edit(row: &CatalogueRow, field: &str, to: Option<&str>) -> Op {
    let from = row.cells.get(field).map(|value| CellValue::text(value.as_str().expect("text")));
    Op::set(&RowId::parse(&row.id).expect("an id"), Rev::parse(&row.rev).expect("a token"), field, from, to.map(CellValue::text))
}

#[tokio::test]
async fn a_split_closes_the_set_and_opens_two_that_are_decided_by_themselves() {
    let Studio { server, owner, member, project } = studio().await;
    let track = add_track("Night Drive");
    let row = track.row().expect("a row");
    let split = Op::SplitAdd {
        row: SplitId::from_random(random::bytes()),
        cells: [
            ("track", CellValue::text(row.as_str())),
            ("right", CellValue::text("composition")),
            ("party", CellValue::text("Ann")),
            ("share", CellValue::text("100.00")),
        ]
        .into_iter()
        .collect(),
    };
    let id = propose(&member, &project, &[track, add_track("Rain"), split]).await;
    let shown = detail(&owner, &id).await;
    assert_eq!(shown.groups, [0, 1, 0], "a track and its share stay together");
    let path = format!("/change-sets/{id}/split");
    let with = |keep: &[u32]| json!({"revision_digest": shown.revision_digest, "keep": keep});
    for torn in [&[0][..], &[], &[0, 1, 2], &[7]] {
        owner.post(&path, &with(torn)).await.problem(422, ErrorCode::Invalid);
    }
    member.post(&path, &with(&[0, 2])).await.problem(403, ErrorCode::Forbidden);
    owner.post(&path, &json!({"revision_digest": "0".repeat(64), "keep": [0, 2]})).await.problem(409, ErrorCode::RevisionChanged);

    let keyed = || owner.request(Method::POST, &path).header("idempotency-key", "once").json(&with(&[0, 2]));
    let split: SplitUp = send(keyed()).await.ok();
    assert_eq!(send(keyed()).await.ok::<SplitUp>(), split, "a lost answer is given again");
    owner.post(&path, &with(&[1])).await.problem(409, ErrorCode::AlreadyDecided);
    approve(&owner, &id).await.problem(409, ErrorCode::AlreadyDecided);
    assert_eq!(split.summary.status, ChangeSetStatus::Split);
    assert_eq!((split.kept.op_count, split.rest.op_count), (2, 1));
    for part in [&split.kept, &split.rest] {
        assert_eq!((part.status, &part.author.id, part.revision), (ChangeSetStatus::Open, &member.id, 1));
        let shown = detail(&owner, &part.id).await;
        assert_eq!((shown.split_from.as_ref(), shown.may_decide), (Some(&id), true));
    }
    let whole = detail(&owner, &id).await;
    assert_eq!(whole.split_into.len(), 2);
    assert_ne!(detail(&owner, &split.kept.id).await.revision_digest, whole.revision_digest);

    approve(&owner, &split.kept.id).await.ok::<Approved>();
    let rows = catalogue(&owner, &project).await.rows;
    assert_eq!(rows.len(), 2, "the track and its share, not the other track");
    assert_eq!(
        member.act(&format!("/change-sets/{}/withdraw", split.rest.id)).await.ok::<ChangeSetSummary>().status,
        ChangeSetStatus::Withdrawn
    );
    assert!(actions(&owner, &project).await.contains(&"change_set.split".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn splitting_gives_an_author_no_way_to_approve_their_own_part() {
    let Studio { server, owner, project, .. } = studio().await;
    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let id = propose(&owner, &project, &[add_track("Night Drive"), add_track("Rain")]).await;
    let shown = detail(&owner, &id).await;
    let body = json!({"revision_digest": shown.revision_digest, "keep": [0]});
    let split: SplitUp = owner.post(&format!("/change-sets/{id}/split"), &body).await.ok();
    approve(&owner, &split.kept.id).await.problem(403, ErrorCode::SelfApproval);
    approve(&ada, &split.kept.id).await.ok::<Approved>();
    server.stop().await;
}

/// A catalogue with one track, and a proposal whose title and label somebody else's approved change stands in the way of.
async fn in_conflict(owner: &Person, member: &Person, project: &ProjectId) -> ChangeSetId {
    approve(owner, &propose_title(member, project, "Night Drive").await).await.ok::<Approved>();
    let row = catalogue(owner, project).await.rows.remove(0);
    let late = propose(
        member,
        project,
        &[edit(&row, "title", Some("Night Ride")), edit(&row, "label", Some("Moon")), edit(&row, "p_line", Some("2026 Moon"))],
    )
    .await;
    let winner = propose(member, project, &[edit(&row, "title", Some("Nightdrive")), edit(&row, "label", Some("Sun"))]).await;
    approve(owner, &winner).await.ok::<Approved>();
    late
}

#[tokio::test]
async fn conflicts_are_settled_one_by_one_into_a_revision_on_the_catalogue_of_now() {
    let Studio { server, owner, member, project } = studio().await;
    let id = in_conflict(&owner, &member, &project).await;
    let list: ChangeSetList = owner.get(&format!("/projects/{project}/change-sets")).await.ok();
    assert_eq!(list.in_conflict, std::slice::from_ref(&id));
    let shown = detail(&owner, &id).await;
    assert_eq!((shown.mergeability.as_str(), shown.conflicts.len(), shown.origins.len()), ("conflict", 2, 2));
    assert_eq!((&shown.origins[0].author.id, shown.origins[0].title.as_str()), (&member.id, "A better title"));
    let row = shown.conflicts[0]["row"].as_str().expect("a row").to_owned();
    let choice = |field: &str, choice: &str| json!({"row": row, "field": field, "choice": choice});
    let path = format!("/change-sets/{id}/resolve");
    let with = |resolutions: Vec<Value>| json!({"revision_digest": shown.revision_digest, "expected_head": shown.head, "resolutions": resolutions});

    owner.post(&path, &with(vec![choice("title", "proposed")])).await.problem(422, ErrorCode::ResolutionMissing);
    let stray = with(vec![choice("title", "proposed"), choice("label", "current"), choice("p_line", "current")]);
    owner.post(&path, &stray).await.problem(422, ErrorCode::ResolutionUnneeded);
    let twice = with(vec![choice("title", "proposed"), choice("title", "current"), choice("label", "current")]);
    owner.post(&path, &twice).await.problem(422, ErrorCode::ResolutionUnneeded);
    owner.post(&path, &with(vec![choice("title", "perhaps")])).await.problem(400, ErrorCode::BadRequest);
    member.post(&path, &with(vec![choice("title", "proposed"), choice("label", "current")])).await.problem(403, ErrorCode::Forbidden);
    let mut elsewhere = with(vec![choice("title", "proposed"), choice("label", "current")]);
    elsewhere["expected_head"] = json!("0".repeat(64));
    owner.post(&path, &elsewhere).await.problem(409, ErrorCode::EffectChanged);

    let settled: ChangeSetSummary = owner.post(&path, &with(vec![choice("title", "proposed"), choice("label", "current")])).await.ok();
    assert_eq!((settled.revision, settled.status, &settled.author.id), (2, ChangeSetStatus::Open, &member.id));
    owner.post(&path, &with(vec![])).await.problem(409, ErrorCode::RevisionChanged);
    let shown = detail(&owner, &id).await;
    assert_eq!((shown.mergeability.as_str(), shown.effect.len(), shown.may_decide), ("clean", 2, true));
    approve(&owner, &id).await.ok::<Approved>();
    let row = &catalogue(&owner, &project).await.rows[0];
    assert_eq!(
        (&row.cells["title"], &row.cells["label"], &row.cells["p_line"]),
        (&json!("Night Ride"), &json!("Sun"), &json!("2026 Moon"))
    );
    let log: AuditPage = owner.get(&format!("/projects/{project}/audit")).await.ok();
    let entry = log.entries.iter().find(|entry| entry.entry.contains("change_set.resolve")).expect("an entry");
    assert!(entry.entry.contains(owner.id.as_str()), "it names who settled");
    server.stop().await;
}

#[tokio::test]
async fn whoever_types_a_value_to_settle_a_conflict_is_an_author_and_does_not_approve_it() {
    let Studio { server, owner, member, project } = studio().await;
    let ada = owner.add_member(&project, "Ada", Role::Admin).await;
    let id = in_conflict(&owner, &member, &project).await;
    let shown = detail(&ada, &id).await;
    let row = shown.conflicts[0]["row"].as_str().expect("a row");
    let body = json!({"revision_digest": shown.revision_digest, "expected_head": shown.head, "resolutions": [
        {"row": row, "field": "title", "choice": "typed", "value": "Third Way"}, {"row": row, "field": "label", "choice": "current"}]});
    let settled: ChangeSetSummary = ada.post(&format!("/change-sets/{id}/resolve"), &body).await.ok();
    assert_eq!(settled.author.id, ada.id);
    approve(&ada, &id).await.problem(403, ErrorCode::SelfApproval);
    approve(&owner, &id).await.ok::<Approved>();
    assert_eq!(catalogue(&owner, &project).await.rows[0].cells["title"], "Third Way");
    server.stop().await;
}

#[tokio::test]
async fn choosing_the_catalogue_of_now_everywhere_leaves_nothing_to_propose() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&member, &project, "Night Drive").await).await.ok::<Approved>();
    let late = propose(&member, &project, &[set_cell(&member, &project, "title", "A").await]).await;
    approve(&owner, &propose(&member, &project, &[set_cell(&member, &project, "title", "B").await]).await).await.ok::<Approved>();
    let shown = detail(&owner, &late).await;
    let row = shown.conflicts[0]["row"].clone();
    let body = json!({"revision_digest": shown.revision_digest, "expected_head": shown.head,
        "resolutions": [{"row": row, "field": "title", "choice": "current"}]});
    owner.post(&format!("/change-sets/{late}/resolve"), &body).await.problem(422, ErrorCode::EmptyChangeSet);
    assert_eq!(detail(&owner, &late).await, shown);
    server.stop().await;
}

async fn revert(person: &Person, id: &ChangeSetId) -> Reverted {
    let body = json!({"change_set": ChangeSetId::from_random(random::bytes()), "reason": "not after all", "submit": true});
    person.post(&format!("/change-sets/{id}/revert"), &body).await.ok()
}

#[tokio::test]
async fn what_was_approved_is_taken_back_by_a_proposal_that_is_itself_reviewed() {
    let Studio { server, owner, member, project } = studio().await;
    let added = propose(&member, &project, &[add_track("Night Drive"), add_track("Rain")]).await;
    approve(&owner, &added).await.ok::<Approved>();
    let before = catalogue(&owner, &project).await;
    let row = before.rows[0].clone();
    let edits = propose(&member, &project, &[edit(&row, "title", Some("Day Drive")), edit(&row, "label", Some("Moon"))]).await;
    member
        .post(&format!("/change-sets/{edits}/revert"), &json!({"change_set": ChangeSetId::from_random(random::bytes())}))
        .await
        .problem(422, ErrorCode::Invalid);
    approve(&owner, &edits).await.ok::<Approved>();

    let back = revert(&member, &edits).await;
    assert_eq!((back.summary.status, back.left.len()), (ChangeSetStatus::Open, 0));
    assert_eq!(catalogue(&owner, &project).await.number, 2, "nothing is taken back before it is approved");
    let shown = detail(&owner, &back.summary.id).await;
    assert_eq!((shown.reverts.as_ref(), shown.mergeability.as_str()), (Some(&edits), "clean"));
    approve(&owner, &back.summary.id).await.ok::<Approved>();
    let cells = |catalogue: &Catalogue| catalogue.rows.iter().map(|row| (row.id.clone(), row.cells.clone())).collect::<Vec<_>>();
    assert_eq!(cells(&catalogue(&owner, &project).await), cells(&before));

    // A whole row goes, and comes back with its id.
    let gone = revert(&member, &added).await;
    let shown = detail(&owner, &gone.summary.id).await;
    assert_eq!(shown.mergeability, "stale_clean", "the row is what it was right after it was added: {:?}", shown.conflicts);
    approve(&owner, &gone.summary.id).await.ok::<Approved>();
    assert!(catalogue(&owner, &project).await.rows.is_empty());
    approve(&owner, &revert(&member, &gone.summary.id).await.summary.id).await.ok::<Approved>();
    let mut returned = cells(&catalogue(&owner, &project).await);
    returned.sort_by(|a, b| a.0.cmp(&b.0));
    let mut first = cells(&before);
    first.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(returned, first);
    server.stop().await;
}

#[tokio::test]
async fn taking_back_something_edited_since_shows_the_conflict() {
    let Studio { server, owner, member, project } = studio().await;
    approve(&owner, &propose_title(&member, &project, "Night Drive").await).await.ok::<Approved>();
    let first = propose(&member, &project, &[set_cell(&member, &project, "title", "Day Drive").await]).await;
    approve(&owner, &first).await.ok::<Approved>();
    approve(&owner, &propose(&member, &project, &[set_cell(&member, &project, "title", "Noon Drive").await]).await).await.ok::<Approved>();
    let back = revert(&member, &first).await;
    let shown = detail(&owner, &back.summary.id).await;
    assert_eq!(shown.mergeability, "conflict");
    assert_eq!((&shown.conflicts[0]["proposed"], &shown.conflicts[0]["current"]), (&json!("Night Drive"), &json!("Noon Drive")));
    server.stop().await;
}

#[tokio::test]
async fn columns_are_taken_back_too() {
    let Studio { server, owner, member, project } = studio().await;
    let mut document: Value = owner.get(&format!("/projects/{project}/schema")).await.ok();
    let before = document.clone();
    let from = collabtrack_domain::catalogue::schema::Schema::from_value(&document).expect("a schema").hash();
    document["tables"]["tracks"]["fields"].as_array_mut().expect("fields").push(json!({"name": "mastered_by", "type": "text"}));
    let change = propose(&owner, &project, &[Op::SchemaChange { from, to: document }]).await;
    approve(&owner, &change).await.ok::<Approved>();
    member
        .post(&format!("/change-sets/{change}/revert"), &json!({"change_set": ChangeSetId::from_random(random::bytes())}))
        .await
        .problem(403, ErrorCode::FieldForbidden);
    approve(&owner, &revert(&owner, &change).await.summary.id).await.ok::<Approved>();
    assert_eq!(owner.get(&format!("/projects/{project}/schema")).await.ok::<Value>(), before);
    server.stop().await;
}

#[tokio::test]
async fn every_earlier_state_can_be_read_again_as_it_was() {
    let Studio { server, owner, member, project } = studio().await;
    let mut states = vec![catalogue(&owner, &project).await];
    let added = propose(&member, &project, &[add_track("Night Drive"), add_track("Rain"), add_track("Sun")]).await;
    approve(&owner, &added).await.ok::<Approved>();
    states.push(catalogue(&owner, &project).await);
    let rows = states[1].rows.clone();
    let (row, rev) = (RowId::parse(&rows[1].id).expect("an id"), Rev::parse(&rows[1].rev).expect("a token"));
    let from = collabtrack_domain::change_set::op::DeletedRow {
        approved: None,
        cells: serde_json::from_value(json!(rows[1].cells)).expect("cells"),
    };
    let ops = [edit(&rows[0], "title", Some("Day Drive")), Op::delete(&row, rev, from)];
    let deleted = propose(&member, &project, &ops).await;
    approve(&owner, &deleted).await.ok::<Approved>();
    states.push(catalogue(&owner, &project).await);
    approve(&owner, &revert(&member, &deleted).await.summary.id).await.ok::<Approved>();
    states.push(catalogue(&owner, &project).await);
    for state in &states {
        let read: Catalogue = member.get(&format!("/projects/{project}/catalogue?head={}", state.head)).await.ok();
        let want = Catalogue { schema: read.schema.clone(), ..state.clone() };
        assert_eq!(read, want, "state {}", state.number);
    }
    for unknown in ["0".repeat(64), "x".into()] {
        member.get(&format!("/projects/{project}/catalogue?head={unknown}")).await.problem(404, ErrorCode::NotFound);
    }
    server.stop().await;
}

#[tokio::test]
async fn the_only_approver_is_told_that_it_may_approve_its_own() {
    let Studio { server, owner, member, project } = studio().await;
    let path = format!("/projects/{project}/change-sets");
    assert!(owner.get(&path).await.ok::<ChangeSetList>().may_approve_own);
    assert!(!member.get(&path).await.ok::<ChangeSetList>().may_approve_own);
    let own = propose_title(&owner, &project, "Mine").await;
    let shown: ChangeSetDetail = detail(&owner, &own).await;
    assert!(shown.self_approval && shown.may_decide);
    sqlx::query("update project set self_approval = 'never' where id = $1")
        .bind(project.as_str())
        .execute(server.database())
        .await
        .expect("set");
    assert!(!owner.get(&path).await.ok::<ChangeSetList>().may_approve_own);
    approve(&owner, &own).await.problem(403, ErrorCode::SelfApproval);
    server.stop().await;
}
