//! Proposals and decisions, as tests make them.

use collabtrack_domain::catalogue::cells::CellValue;
use collabtrack_domain::catalogue::row::{Rev, RowId};
use collabtrack_domain::change_set::op::{Op, VersionRef};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, ProjectId, TrackId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::{Approve, ChangeSetDetail, ChangeSetSummary, Propose};
use collabtrack_protocol::catalogue::Catalogue;
use collabtrack_protocol::versions::Version;
use collabtrack_server::random;

use super::{Answer, Person, Server};

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
