//! Members: new roles, removing, leaving, handing over; a project always keeps an owner; rights lost bite at once.

use collabtrack_domain::role::Role;
use collabtrack_protocol::approval::AuditPage;
use collabtrack_protocol::changes::{ChangeKind, ChangePage};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{InvitationCode, OpenInvitation, Policies, Project};
use collabtrack_protocol::versions::Rendition;
use serde_json::json;

use crate::support::music::{announcement, claim};
use crate::support::{Person, Server};

fn role_of(project: &Project, person: &Person) -> Option<Role> {
    project.members.iter().find(|member| member.person.id == person.id).map(|member| member.role)
}

#[tokio::test]
async fn a_new_role_counts_with_the_next_request_and_stands_in_feed_and_log() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Member).await;
    let path = format!("/projects/{project}/members/{}", ben.id);
    ben.get(&format!("/projects/{project}/invitations")).await.problem(403, ErrorCode::Forbidden);
    let changed: Project = ann.put(&path, &json!({"role": "admin"})).await.ok();
    assert_eq!(role_of(&changed, &ben), Some(Role::Admin));
    ben.get(&format!("/projects/{project}/invitations")).await.ok::<Vec<OpenInvitation>>();
    ann.put(&path, &json!({"role": "listener"})).await.ok::<Project>();
    ben.get(&format!("/projects/{project}/audit")).await.problem(403, ErrorCode::Forbidden);

    let log: AuditPage = ann.get(&format!("/projects/{project}/audit")).await.ok();
    let details: Vec<_> = log
        .entries
        .iter()
        .filter(|entry| entry.entry.contains(r#""action":"member.role""#))
        .map(|entry| entry.detail.clone().expect("a detail"))
        .collect();
    assert_eq!(details, [json!({"before": "member", "role": "admin"}), json!({"before": "admin", "role": "listener"})]);
    let feed: ChangePage = ann.get(&format!("/projects/{project}/changes?since=0")).await.ok();
    let told: Vec<_> =
        feed.changes.iter().filter(|change| change.kind == ChangeKind::Member).map(|change| change.body["role"].clone()).collect();
    assert_eq!(told, ["owner", "member", "admin", "listener"]);
    server.stop().await;
}

#[tokio::test]
async fn somebody_removed_finds_nothing_any_more_and_their_versions_stay() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Member).await;
    let version = ben.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    assert_eq!(ann.delete(&format!("/projects/{project}/members/{}", ben.id)).await.status.as_u16(), 204);
    ben.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
    ben.reads(&version.id, Rendition::Original).await.problem(404, ErrorCode::NotFound);
    ann.delete(&format!("/projects/{project}/members/{}", ben.id)).await.problem(404, ErrorCode::NotFound);
    let feed: ChangePage = ann.get(&format!("/projects/{project}/changes?since=0")).await.ok();
    let last = feed.changes.last().expect("changes");
    assert_eq!((last.kind, last.body["account"].as_str()), (ChangeKind::MemberLeft, Some(ben.id.as_str())));
    assert!(feed.changes.iter().any(|change| change.kind == ChangeKind::Version), "the version stays");
    server.stop().await;
}

#[tokio::test]
async fn the_last_owner_stays_until_there_is_another_one() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Admin).await;
    let (own, other) = (format!("/projects/{project}/members/{}", ann.id), format!("/projects/{project}/members/{}", ben.id));
    ann.delete(&own).await.problem(409, ErrorCode::LastOwner);
    ann.put(&own, &json!({"role": "admin"})).await.problem(409, ErrorCode::LastOwner);
    ben.delete(&own).await.problem(403, ErrorCode::Forbidden);
    ben.put(&other, &json!({"role": "owner"})).await.problem(403, ErrorCode::Forbidden);

    let handed: Project = ann.post(&format!("/projects/{project}/transfer"), &json!({"to": ben.id})).await.ok();
    assert_eq!((role_of(&handed, &ann), role_of(&handed, &ben)), (Some(Role::Admin), Some(Role::Owner)));
    ann.post(&format!("/projects/{project}/transfer"), &json!({"to": ann.id})).await.problem(403, ErrorCode::Forbidden);
    ben.delete(&other).await.problem(409, ErrorCode::LastOwner);
    assert_eq!(ann.delete(&own).await.status.as_u16(), 204, "whoever is no owner any more may leave");
    ann.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
    server.stop().await;
}

#[tokio::test]
async fn two_owners_who_leave_at_once_leave_one_behind() {
    let server = Server::start().await;
    for _ in 0..5 {
        let ann = server.person("Ann").await;
        let project = ann.project("EP").await;
        let ben = ann.add_member(&project, "Ben", Role::Owner).await;
        let leave = |who: Person| {
            let path = format!("/projects/{project}/members/{}", who.id);
            async move { who.delete(&path).await.status.as_u16() }
        };
        let (first, second) = tokio::join!(leave(ann), leave(ben));
        let mut answers = [first, second];
        answers.sort_unstable();
        assert_eq!(answers, [204, 409]);
        let owners: i64 = sqlx::query_scalar("select count(*) from member where project = $1 and role = 'owner'")
            .bind(project.as_str())
            .fetch_one(server.database())
            .await
            .expect("counted");
        assert_eq!(owners, 1);
    }
    server.stop().await;
}

#[tokio::test]
async fn roles_need_a_recent_password_and_a_stolen_old_session_changes_none() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Member).await;
    sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'").execute(server.database()).await.expect("aged");
    let path = format!("/projects/{project}/members/{}", ben.id);
    ann.put(&path, &json!({"role": "admin"})).await.problem(403, ErrorCode::StepUpRequired);
    ann.post(&format!("/projects/{project}/transfer"), &json!({"to": ben.id})).await.problem(403, ErrorCode::StepUpRequired);
    let again = ann.step_up().await;
    again.put(&path, &json!({"role": "admin"})).await.ok::<Project>();
    // The old token lives on for a minute, but proves no recent password.
    ann.put(&path, &json!({"role": "member"})).await.problem(403, ErrorCode::StepUpRequired);
    server.stop().await;
}

#[tokio::test]
async fn invitations_are_listed_taken_back_made_anew_and_bound_to_an_address() {
    let server = Server::start().await;
    let (ann, ben, cleo) = (server.person("Ann").await, server.person("Ben").await, server.person("Cleo").await);
    let project = ann.project("EP").await;
    let path = format!("/projects/{project}/invitations");
    let first = ann.invite(&project, Role::Member).await;
    assert!(first.link.ends_with(&format!("/join#{}", first.code)), "{}", first.link);
    let bound: collabtrack_protocol::projects::Invitation =
        ann.post(&path, &json!({"role": "listener", "email": ben.email.to_uppercase(), "days": 2})).await.ok();
    let listed: Vec<OpenInvitation> = ann.get(&path).await.ok();
    let emails: Vec<_> = listed.iter().map(|open| open.email.as_deref()).collect();
    assert_eq!(emails, [Some(ben.email.as_str()), None]);
    for (field, value) in [("days", json!(0)), ("days", json!(31)), ("email", json!("nobody"))] {
        let mut body = json!({"role": "member"});
        body[field] = value;
        ann.post(&path, &body).await.problem(422, ErrorCode::Invalid);
    }

    cleo.accept(&bound.code).await.problem(422, ErrorCode::InvitationInvalid);
    cleo.post("/invitations/look", &InvitationCode { code: bound.code.clone() }).await.problem(422, ErrorCode::InvitationInvalid);
    // The role stands in the database: what else a body says counts for nothing.
    let joined = ben.post("/invitations/accept", &json!({"code": bound.code, "role": "owner"})).await;
    assert_eq!(joined.ok::<Project>().role, Role::Listener);

    let again: collabtrack_protocol::projects::Invitation = ann.act(&format!("{path}/{}/code", first.id)).await.ok();
    cleo.accept(&first.code).await.problem(422, ErrorCode::InvitationInvalid);
    assert_eq!(ann.delete(&format!("{path}/{}", first.id)).await.status.as_u16(), 204);
    cleo.accept(&again.code).await.problem(422, ErrorCode::InvitationInvalid);
    ann.delete(&format!("{path}/{}", first.id)).await.problem(404, ErrorCode::NotFound);
    assert!(ann.get(&path).await.ok::<Vec<OpenInvitation>>().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_code_accepted_twenty_times_at_once_makes_one_member() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Member).await;
    let people = futures::future::join_all((0..20).map(|n| server.person(if n == 0 { "Ben" } else { "Somebody" }))).await;
    let answers = futures::future::join_all(people.iter().map(|person| person.accept(&invitation.code))).await;
    let joined = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert_eq!(joined, 1);
    assert_eq!(ann.view(&project).await.members.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn an_invitation_dies_with_the_rights_of_its_inviter_and_with_its_time() {
    let server = Server::start().await;
    let (ann, cleo) = (server.person("Ann").await, server.person("Cleo").await);
    let project = ann.project("EP").await;
    let ben = ann.add_member(&project, "Ben", Role::Admin).await;
    let of_ben = ben.invite(&project, Role::Member).await;
    let of_ann = ann.invite(&project, Role::Member).await;
    ann.put(&format!("/projects/{project}/members/{}", ben.id), &json!({"role": "member"})).await.ok::<Project>();
    cleo.accept(&of_ben.code).await.problem(422, ErrorCode::InvitationInvalid);
    sqlx::query("update invitation set expires_at = now() - interval '1 second'").execute(server.database()).await.expect("aged");
    cleo.accept(&of_ann.code).await.problem(422, ErrorCode::InvitationInvalid);
    server.stop().await;
}

#[tokio::test]
async fn owners_open_originals_to_listeners_with_a_switch_and_nobody_else_does() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let listener = ann.add_member(&project, "Lis", Role::Listener).await;
    let admin = ann.add_member(&project, "Ada", Role::Admin).await;
    let version = ann.bounce(&project, &claim("Night Drive"), b"bytes of a bounce").await;
    listener.reads(&version.id, Rendition::Original).await.problem(403, ErrorCode::Forbidden);
    let path = format!("/projects/{project}/policies");
    let on = Policies {
        listeners_fetch_originals: true,
        listeners_comment: false,
        members_share: false,
        review_new_versions: false,
        self_approval: false,
    };
    admin.put(&path, &on).await.problem(403, ErrorCode::Forbidden);
    assert_eq!(ann.put(&path, &on).await.ok::<Policies>(), on);
    assert_eq!(listener.get(&path).await.ok::<Policies>(), on);
    assert_eq!(listener.original(&version.id).await, b"bytes of a bounce");
    server.stop().await;
}
