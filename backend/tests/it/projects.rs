//! Projects, members and invitations.

use collabtrack_domain::id::ProjectId;
use collabtrack_domain::role::Role;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{CreateProject, InvitationCode, InvitationInfo, Project};

use crate::support::Server;

#[tokio::test]
async fn the_same_id_and_name_again_give_the_same_project_and_another_name_is_refused() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let body = CreateProject { id: ProjectId::from_random([1; 17]), name: "First EP".to_owned() };
    let first: Project = ann.post("/projects", &body).await.ok();
    assert_eq!((first.role, first.catalogue_number, first.members.len()), (Role::Owner, 0, 1));
    let second: Project = ann.post("/projects", &body).await.ok();
    assert_eq!(first, second);
    ann.post("/projects", &CreateProject { name: "Other".to_owned(), ..body.clone() }).await.problem(409, ErrorCode::IdTaken);
    ben.post("/projects", &body).await.problem(409, ErrorCode::IdTaken);
    let list: Vec<Project> = ann.get("/projects").await.ok();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].members, [], "members only stand in answers about one project");
    assert!(ben.get("/projects").await.ok::<Vec<Project>>().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_foreign_and_a_missing_project_give_the_same_answer() {
    let server = Server::start().await;
    let (ann, ben) = (server.person("Ann").await, server.person("Ben").await);
    let project = ann.project("EP").await;
    let mut foreign = ben.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
    let mut missing = ben.get(&format!("/projects/{}", ProjectId::from_random([7; 17]))).await.problem(404, ErrorCode::NotFound);
    let mut malformed = ben.get("/projects/not-an-id").await.problem(404, ErrorCode::NotFound);
    for problem in [&mut foreign, &mut missing, &mut malformed] {
        problem.request_id.clear();
    }
    assert_eq!(foreign, missing);
    assert_eq!(foreign, malformed);
    server.stop().await;
}

#[tokio::test]
async fn an_invitation_works_once_and_shows_its_holder_what_it_is_for() {
    let server = Server::start().await;
    let (ann, ben, cleo) = (server.person("Ann").await, server.person("Ben").await, server.person("Cleo").await);
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Member).await;
    let spoken = invitation.code.to_uppercase().replace("CTI_", "cti_ ");
    let info: InvitationInfo = ben.post("/invitations/look", &InvitationCode { code: spoken.clone() }).await.ok();
    assert_eq!((&info.project, info.role, info.inviter.name.as_str()), (&project, Role::Member, "Ann"));
    let joined: Project = ben.accept(&spoken).await.ok();
    assert_eq!((joined.role, joined.members.len()), (Role::Member, 2));
    cleo.accept(&invitation.code).await.problem(422, ErrorCode::InvitationInvalid);
    cleo.post("/invitations/look", &InvitationCode { code: invitation.code }).await.problem(422, ErrorCode::InvitationInvalid);
    server.stop().await;
}

#[tokio::test]
async fn two_people_accepting_one_code_at_the_same_moment_do_not_both_join() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Member).await;
    let mut people = Vec::new();
    for n in 0..8 {
        people.push(server.person(&format!("Person {n}")).await);
    }
    let answers = futures::future::join_all(people.iter().map(|person| person.accept(&invitation.code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    assert_eq!(ann.view(&project).await.members.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_member_who_accepts_keeps_role_and_leaves_the_code_unspent() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Listener).await;
    ann.accept(&invitation.code).await.problem(409, ErrorCode::AlreadyMember);
    assert_eq!(ann.view(&project).await.role, Role::Owner);
    assert!(server.person("Ben").await.accept(&invitation.code).await.status.is_success());
    server.stop().await;
}

#[tokio::test]
async fn nobody_hands_out_more_than_their_role_allows_and_an_inviter_who_lost_the_right_invites_nobody() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let admin = ann.add_member(&project, "Ada", Role::Admin).await;
    let member = ann.add_member(&project, "Mel", Role::Member).await;
    let path = format!("/projects/{project}/invitations");
    for role in [Role::Admin, Role::Owner] {
        admin.post(&path, &serde_json::json!({"role": role})).await.problem(403, ErrorCode::Forbidden);
    }
    member.post(&path, &serde_json::json!({"role": "listener"})).await.problem(403, ErrorCode::Forbidden);
    let invitation = admin.invite(&project, Role::Member).await;
    sqlx::query("update member set role = 'member' where account = $1")
        .bind(admin.id.as_str())
        .execute(server.database())
        .await
        .expect("demoted");
    server.person("Late").await.accept(&invitation.code).await.problem(422, ErrorCode::InvitationInvalid);
    server.stop().await;
}

#[tokio::test]
async fn an_expired_invitation_lets_nobody_in() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let invitation = ann.invite(&project, Role::Member).await;
    sqlx::query("update invitation set expires_at = now() - interval '1 second'").execute(server.database()).await.expect("aged");
    server.person("Ben").await.accept(&invitation.code).await.problem(422, ErrorCode::InvitationInvalid);
    server.stop().await;
}
