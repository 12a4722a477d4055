//! Comments on versions.

use collabtrack_domain::id::{CommentId, VersionId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::changes::{ChangeKind, ChangePage};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_server::random;
use serde_json::json;

use crate::support::music::{announcement, bytes, claim};
use crate::support::proposals::{Studio, studio};

fn said(text: &str) -> AddComment {
    AddComment {
        comment: CommentId::from_random(random::bytes()),
        from_ms: 64_000,
        to_ms: Some(70_000),
        text: text.to_owned(),
        reply_to: None,
        made_at: "2026-05-03T12:00:00.000Z".to_owned(),
    }
}

#[tokio::test]
async fn a_comment_is_written_once_answered_settled_and_told_to_everybody() {
    let Studio { server, owner, member, project } = studio().await;
    let listener = owner.add_member(&project, "Lis", Role::Listener).await;
    let version = member.announce(&project, &announcement(&claim("Night Drive"), &bytes(1, 100))).await;
    let path = format!("/versions/{}/comments", version.id);
    let body = said("  The vocal is too loud  ");
    let comment: Comment = owner.post(&path, &body).await.ok();
    assert_eq!((comment.text.as_str(), &comment.author.id, comment.to_ms), ("The vocal is too loud", &owner.id, Some(70_000)));
    assert_eq!(owner.post(&path, &body).await.ok::<Comment>(), comment, "the same again");
    owner.post(&path, &AddComment { text: "other".into(), ..body.clone() }).await.problem(409, ErrorCode::IdTaken);
    member.post(&path, &body).await.ok::<Comment>();

    let answer = AddComment { reply_to: Some(comment.id.clone()), ..said("Two dB less?") };
    let answered: Comment = member.post(&path, &answer).await.ok();
    let settle = |resolved| SettleComment { resolved };
    member.post(&format!("/comments/{}/settle", answered.id), &settle(true)).await.problem(422, ErrorCode::Invalid);
    let settled: Comment = member.post(&format!("/comments/{}/settle", comment.id), &settle(true)).await.ok();
    assert_eq!(settled.resolved_by.as_ref().map(|person| &person.id), Some(&member.id));
    assert_eq!(member.post(&format!("/comments/{}/settle", comment.id), &settle(true)).await.ok::<Comment>(), settled);
    let open: Comment = owner.post(&format!("/comments/{}/settle", comment.id), &settle(false)).await.ok();
    assert_eq!(open.resolved_by, None);

    let page: ChangePage = listener.get(&format!("/projects/{project}/changes?since=0")).await.ok();
    let told: Vec<Comment> = page
        .changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Comment)
        .map(|change| serde_json::from_value(change.body.clone()).expect("a comment"))
        .collect();
    assert_eq!(told, [comment.clone(), answered, settled, open]);
    listener.post(&path, &said("I may not")).await.problem(403, ErrorCode::Forbidden);
    server.stop().await;
}

#[tokio::test]
async fn comments_that_cannot_be_are_refused() {
    let Studio { server, owner, member, project } = studio().await;
    let version = member.announce(&project, &announcement(&claim("Night Drive"), &bytes(1, 100))).await;
    let other = member.announce(&project, &announcement(&claim("Rain"), &bytes(2, 100))).await;
    let path = format!("/versions/{}/comments", version.id);
    for (field, value) in [
        ("text", json!("")),
        ("text", json!("   ")),
        ("text", json!("a\u{7}b")),
        ("text", json!("x".repeat(5_001))),
        ("from_ms", json!(-1)),
        ("from_ms", json!(90_000_000)),
        ("to_ms", json!(64_000)),
        ("to_ms", json!(i64::MAX)),
        ("made_at", json!("yesterday")),
    ] {
        let mut body = serde_json::to_value(said("fine")).expect("plain");
        body[field] = value.clone();
        owner.post(&path, &body).await.problem(422, ErrorCode::Invalid);
    }
    let long: Comment = owner.post(&path, &said(&"é".repeat(5_000))).await.ok();
    let elsewhere = AddComment { reply_to: Some(long.id.clone()), ..said("on another song") };
    owner.post(&format!("/versions/{}/comments", other.id), &elsewhere).await.problem(422, ErrorCode::Invalid);
    let answer: Comment = owner.post(&path, &AddComment { reply_to: Some(long.id), ..said("answer") }).await.ok();
    owner.post(&path, &AddComment { reply_to: Some(answer.id), ..said("deeper") }).await.problem(422, ErrorCode::Invalid);
    let unknown = VersionId::from_random(random::bytes());
    owner.post(&format!("/versions/{unknown}/comments"), &said("nowhere")).await.problem(404, ErrorCode::NotFound);
    let stranger = server.person("Stranger").await;
    stranger.post(&path, &said("not mine")).await.problem(404, ErrorCode::NotFound);
    server.stop().await;
}
