//! New versions of members put themselves up for review.

use collabtrack_domain::kind::Kind;
use collabtrack_protocol::approval::{Approved, ChangeSetList, ChangeSetStatus, ChangeSetSummary, DecideWithReason};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::Policies;
use collabtrack_protocol::versions::{Announce, Version};

use crate::support::Person;
use crate::support::music::{announcement, bytes, claim};
use crate::support::proposals::{Studio, approval, approve, catalogue, detail, studio};

async fn sets(person: &Person, project: &collabtrack_domain::id::ProjectId) -> Vec<ChangeSetSummary> {
    person.get(&format!("/projects/{project}/change-sets")).await.ok::<ChangeSetList>().items
}

#[tokio::test]
async fn a_members_version_waits_for_review_and_the_next_one_is_a_revision_of_the_same_proposal() {
    let Studio { server, owner, member, project } = studio().await;
    let track = claim("Night Drive");
    let first = member.bounce(&project, &track, &bytes(1, 5_000)).await;
    let waiting = sets(&owner, &project).await;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!((waiting[0].title.as_str(), waiting[0].status), ("Approve version 1 of Night Drive", ChangeSetStatus::Open));
    assert_eq!((&waiting[0].author.id, waiting[0].op_count), (&member.id, 2), "the track comes into the catalogue with it");
    let shown = detail(&owner, &waiting[0].id).await;
    assert_eq!((shown.mergeability.as_str(), shown.may_decide), ("clean", true), "{:?}", shown.problems);

    // A newer version while it waits: what was shown can no longer be approved.
    let second = member.bounce(&project, &track, &bytes(2, 5_000)).await;
    let again = sets(&owner, &project).await;
    assert_eq!((again.len(), &again[0].id, again[0].revision), (1, &waiting[0].id, 2));
    owner.post(&format!("/change-sets/{}/approve", waiting[0].id), &approval(&shown)).await.problem(409, ErrorCode::RevisionChanged);
    approve(&owner, &again[0].id).await.ok::<Approved>();
    let row = catalogue(&owner, &project).await.rows.remove(0);
    let approved = row.approved.expect("an approved version");
    assert_eq!((&approved.version, approved.sha256), (&second.id, second.content_id));
    assert_ne!(approved.version, first.id);

    // After the decision a proposal of its own; sent back, it is revised by the next version.
    member.bounce(&project, &track, &bytes(3, 5_000)).await;
    let next = sets(&owner, &project).await;
    assert_eq!((next.len(), next[0].op_count, next[0].revision), (2, 1, 1));
    let shown = detail(&owner, &next[0].id).await;
    let body = DecideWithReason { revision_digest: shown.revision_digest, reason: "the voice is too loud".into() };
    owner.post(&format!("/change-sets/{}/ask", next[0].id), &body).await.ok::<ChangeSetSummary>();
    member.bounce(&project, &track, &bytes(4, 5_000)).await;
    let revised = sets(&owner, &project).await;
    assert_eq!((revised.len(), revised[0].revision, revised[0].status), (2, 2, ChangeSetStatus::Open));
    assert!(revised[0].title.contains("version 4"));
    server.stop().await;
}

#[tokio::test]
async fn what_nobody_needs_to_review_is_not_put_up() {
    let Studio { server, owner, member, project } = studio().await;
    owner.bounce(&project, &claim("By the owner"), &bytes(1, 2_000)).await;
    for (seed, kind) in [(2, Kind::Stem), (3, Kind::Multitrack), (4, Kind::Take)] {
        let body = Announce { kind, ..announcement(&claim(&format!("Material {seed}")), &bytes(seed, 2_000)) };
        member.announce(&project, &body).await;
    }
    assert_eq!(sets(&owner, &project).await, []);
    let off = Policies {
        listeners_fetch_originals: false,
        listeners_comment: false,
        members_share: false,
        review_new_versions: false,
        self_approval: true,
    };
    owner.put(&format!("/projects/{project}/policies"), &off).await.ok::<Policies>();
    let version: Version = member.bounce(&project, &claim("Unasked"), &bytes(5, 2_000)).await;
    assert_eq!(sets(&owner, &project).await, []);
    let on = Policies { review_new_versions: true, ..off };
    owner.put(&format!("/projects/{project}/policies"), &on).await.ok::<Policies>();
    member.bounce(&project, &claim("Asked"), &bytes(6, 2_000)).await;
    assert_eq!(sets(&owner, &project).await.len(), 1, "version {} stays as it was", version.number);
    server.stop().await;
}
