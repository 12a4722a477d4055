//! Proposing, reviewing, deciding.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::row::{Rev, RowId};
use collabtrack_domain::change_set::op::{Op, VersionRef};
use collabtrack_domain::change_set::revision;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, SplitId, TrackId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{
    Approve, Approved, AuditPage, ChangeSetDetail, ChangeSetList, ChangeSetStatus, ChangeSetSummary, DecideWithReason, Propose,
};
use collabtrack_protocol::catalogue::Catalogue;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::versions::Version;
use collabtrack_server::random;
use reqwest::Method;
use serde_json::json;

use crate::support::music::{announcement, bytes, claim};
use crate::support::person::send;
use crate::support::{Answer, Person, Server};

pub(crate) async fn catalogue(person: &Person, project: &ProjectId) -> Catalogue {
    person.get(&format!("/projects/{project}/catalogue")).await.ok()
}

/// A proposal of operations on the catalogue as it is now.
pub(crate) async fn proposal(person: &Person, project: &ProjectId, ops: &[Op]) -> Propose {
    Propose {
        change_set: ChangeSetId::from_random(random::bytes()),
        title: "A better title".to_owned(),
        reason: "It fits the song".to_owned(),
        base_head: catalogue(person, project).await.head,
        ops: ops.iter().map(|op| serde_json::to_value(op).expect("plain data")).collect(),
        submit: true,
        csv: None,
    }
}

pub(crate) async fn propose(person: &Person, project: &ProjectId, ops: &[Op]) -> ChangeSetId {
    let body = proposal(person, project, ops).await;
    let summary: ChangeSetSummary = person.post(&format!("/projects/{project}/change-sets"), &body).await.ok();
    summary.id
}

pub(crate) fn add_track(title: &str) -> Op {
    Op::TrackAdd { row: TrackId::from_random(random::bytes()), cells: [("title", CellValue::text(title))].into_iter().collect() }
}

/// Proposes a new row of the tracks table.
pub(crate) async fn propose_title(person: &Person, project: &ProjectId, title: &str) -> ChangeSetId {
    propose(person, project, &[add_track(title)]).await
}

pub(crate) async fn detail(person: &Person, id: &ChangeSetId) -> ChangeSetDetail {
    person.get(&format!("/change-sets/{id}")).await.ok()
}

/// The approval of exactly what a detail shows.
pub(crate) fn approval(shown: &ChangeSetDetail) -> Approve {
    Approve {
        revision_digest: shown.revision_digest,
        expected_head: shown.head.clone(),
        effect_digest: shown.effect_digest.unwrap_or(ObjectHash::from_bytes([0; 32])),
    }
}

pub(crate) async fn approve(person: &Person, id: &ChangeSetId) -> Answer {
    let shown = detail(person, id).await;
    person.post(&format!("/change-sets/{id}/approve"), &approval(&shown)).await
}

/// Changes one cell of the only row there is.
pub(crate) async fn set_cell(person: &Person, project: &ProjectId, field: &str, to: &str) -> Op {
    let row = catalogue(person, project).await.rows.into_iter().next().expect("a row");
    let from = row.cells.get(field).map(|value| CellValue::text(value.as_str().expect("text")));
    Op::set(&RowId::parse(&row.id).expect("an id"), Rev::parse(&row.rev).expect("a token"), field, from, Some(CellValue::text(to)))
}

pub(crate) struct Studio {
    pub(crate) server: Server,
    pub(crate) owner: Person,
    pub(crate) member: Person,
    pub(crate) project: ProjectId,
}

pub(crate) async fn studio() -> Studio {
    let server = Server::start().await;
    let owner = server.person("Ann").await;
    let project = owner.project("EP").await;
    let member = owner.add_member(&project, "Mel", Role::Member).await;
    Studio { server, owner, member, project }
}

pub(crate) fn approve_version(track: &TrackId, version: &Version, rev: Option<Rev>, from: Option<VersionRef>) -> Op {
    Op::VersionApprove {
        track: track.clone(),
        rev,
        version: version.id.clone(),
        number: version.number,
        sha256: version.content_id,
        duration_ms: Some(180_000),
        from,
    }
}

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
    assert_eq!(again.status, ChangeSetStatus::Open);
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
