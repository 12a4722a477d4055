//! A whole project in the trash: out of everybody's reach, back as it was within 35 days, purged after that.

use collabtrack_domain::role::Role;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{Project, TrashedProject};
use collabtrack_protocol::versions::VersionState;
use collabtrack_server::blobs::Blobs;
use collabtrack_server::collect;
use sqlx::PgPool;

use crate::support::Server;
use crate::support::music::{announcement, bytes, claim};
use crate::sync_computers::{Computer, wav};

async fn days_pass(db: &PgPool, days: i32) {
    for statement in [
        "update project set trashed_at = trashed_at - make_interval(days => $1)",
        "update version set trashed_at = trashed_at - make_interval(days => $1)",
        "update object set created_at = created_at - make_interval(days => $1), condemned_at = condemned_at - make_interval(days => $1)",
    ] {
        sqlx::query(statement).bind(days).execute(db).await.expect("moved");
    }
}

#[tokio::test]
async fn a_project_in_the_trash_is_nobodys_and_its_owner_brings_it_back_as_it_was() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let ada = ann.add_member(&project, "Ada", Role::Admin).await;
    let version = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 3_000)).await;
    let invitation = ann.invite(&project, Role::Member).await;
    ada.act(&format!("/projects/{project}/trash")).await.problem(403, ErrorCode::Forbidden);
    let trashed: TrashedProject = ann.act(&format!("/projects/{project}/trash")).await.ok();
    assert_eq!((trashed.id.clone(), trashed.name.as_str(), trashed.trashed_by.id.clone()), (project.clone(), "EP", ann.id.clone()));
    for person in [&ann, &ada] {
        person.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
        person.get(&format!("/projects/{project}/changes?since=0")).await.problem(404, ErrorCode::NotFound);
        person.act(&format!("/versions/{}/trash", version.id)).await.problem(404, ErrorCode::NotFound);
    }
    let listed: Vec<Project> = ann.get("/projects").await.ok();
    assert_eq!(listed.iter().map(|project| &project.id).collect::<Vec<_>>(), [&other]);
    let newcomer = server.person("New").await;
    newcomer.post("/invitations/accept", &serde_json::json!({"code": invitation.code})).await.problem(422, ErrorCode::InvitationInvalid);
    assert_eq!(ann.get("/trash").await.ok::<Vec<TrashedProject>>().len(), 1);
    assert!(ada.get("/trash").await.ok::<Vec<TrashedProject>>().is_empty(), "owners alone see it");
    ada.act(&format!("/projects/{project}/restore")).await.problem(403, ErrorCode::Forbidden);
    newcomer.act(&format!("/projects/{project}/restore")).await.problem(404, ErrorCode::NotFound);
    ann.get(&format!("/projects/{project}")).await.problem(404, ErrorCode::NotFound);
    let back: Project = ann.act(&format!("/projects/{project}/restore")).await.ok();
    assert_eq!(back.members.len(), 2);
    assert_eq!(ann.act(&format!("/projects/{project}/restore")).await.ok::<Project>().id, project, "again is no error");
    assert_eq!(ann.original(&version.id).await, bytes(1, 3_000));
    assert!(ann.get("/trash").await.ok::<Vec<TrashedProject>>().is_empty());
    let next = ada.announce(&project, &announcement(&claim("Night Drive"), &bytes(2, 100))).await;
    assert_eq!((next.number, next.state), (2, VersionState::Announced), "work goes on where it was");
    server.stop().await;
}

#[tokio::test]
async fn after_35_days_the_versions_of_a_trashed_project_are_purged_and_it_stays_gone() {
    let server = Server::start().await;
    let (db, blobs) = (server.database(), Blobs::new(&server.config.store));
    let ann = server.person("Ann").await;
    let (project, other) = (ann.project("EP").await, ann.project("Other").await);
    let gone = ann.bounce(&project, &claim("Night Drive"), &bytes(1, 3_000)).await;
    let kept = ann.bounce(&other, &claim("Rain"), &bytes(2, 3_000)).await;
    ann.act(&format!("/projects/{project}/trash")).await.ok::<TrashedProject>();
    days_pass(db, 34).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").purged, 0);
    days_pass(db, 2).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").purged, 1);
    days_pass(db, 2).await;
    assert_eq!(collect::round(db, &blobs).await.expect("a round").deleted, 1, "its bytes go");
    ann.act(&format!("/projects/{project}/restore")).await.problem(404, ErrorCode::NotFound);
    assert!(ann.get("/trash").await.ok::<Vec<TrashedProject>>().is_empty());
    let record: (String, i64) =
        sqlx::query_as("select state, number from version where id = $1").bind(gone.id.as_str()).fetch_one(db).await.expect("it stays");
    assert_eq!(record, ("purged".to_owned(), 1));
    assert_eq!(ann.original(&kept.id).await, bytes(2, 3_000), "no other project lost anything");
    server.stop().await;
}

#[tokio::test]
async fn the_desktop_of_a_member_keeps_everything_of_a_trashed_project_and_goes_on_when_it_is_back() {
    let server = Server::start().await;
    let first = Computer::of(&server.url, "Jon").await;
    let project = first.watch(None).await;
    first.library.put_on_server(&project).await.expect("on the server");
    first.bounce("Night Drive.wav", &wav(1, 1)).await;
    first.sync().await;
    let code = first.library.invite(&project, "member", None, None).await.expect("a code").code;
    let second = Computer::of(&server.url, "Ada").await;
    second.library.join(&code).await.expect("joined");
    second.sync().await;
    first.library.trash_project(&project).await.expect("trashed");
    first.bounce("Night Drive.wav", &wav(2, 1)).await;
    for computer in [&first, &second] {
        // Nothing is asked of what the server does not name, and nothing is lost.
        computer.sync().await;
        assert!(computer.library.project(&project).await.expect("known").away);
        assert!(computer.original(&computer.version("Night Drive", 1).await).await == wav(1, 1));
    }
    assert_eq!(first.library.trashed_projects().await.expect("listed").len(), 1);
    first.library.put_back_project(&project).await.expect("back");
    first.sync().await;
    second.sync().await;
    assert!(!second.library.project(&project).await.expect("known").away);
    assert!(second.original(&second.version("Night Drive", 2).await).await == wav(2, 1), "what waited arrived");
    server.stop().await;
}
