//! Every operation of the API × every role × one's own and a foreign project × signed out.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ChangeSetId, CommentId};
use collabtrack_domain::role::{Action, Role, may};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::uploads::ObjectFormat;
use reqwest::Method;
use serde_json::{Value, json};

use crate::approval::{add_track, detail, proposal, propose_title};
use crate::support::music::{announcement, bytes, claim, plan};
use crate::support::person::{CLIENT, send};
use crate::support::{Person, Server};

/// What an operation takes.
enum Needs {
    Nothing,
    Session,
    In(Action),
    /// Only whoever opened the upload, as long as they may add versions.
    OwnUpload,
    /// Only the author of the proposal, as long as they may propose.
    OwnProposal,
}

struct Case {
    operation: (&'static str, &'static str),
    path: String,
    body: Value,
    needs: Needs,
}

struct Scene {
    project: String,
    upload: String,
    version: String,
    change_set: ChangeSetId,
    comment: CommentId,
    digest: Value,
    announce: Value,
    proposal: Value,
    create_upload: Value,
}

async fn scene(owner: &Person) -> Scene {
    let project = owner.project("EP").await;
    let opened = plan(ObjectFormat::Plain, &bytes(1, 100));
    owner.open_upload(&project, &opened).await;
    let version = owner.announce(&project, &announcement(&claim("Night Drive"), b"one")).await;
    let comment = CommentId::from_random([8; 17]);
    let said = json!({"comment": comment, "from_ms": 0, "text": "Louder", "made_at": "2026-05-03T12:00:00.000Z"});
    owner.post(&format!("/versions/{}/comments", version.id), &said).await.ok::<Value>();
    let change_set = propose_title(owner, &project, "Night Drive").await;
    Scene {
        upload: opened.upload.to_string(),
        version: version.id.to_string(),
        digest: json!(detail(owner, &change_set).await.revision_digest),
        change_set,
        comment,
        announce: serde_json::to_value(announcement(&claim("Rain"), b"two")).expect("plain"),
        proposal: serde_json::to_value(proposal(owner, &project, &[add_track("Rain")]).await).expect("plain"),
        create_upload: serde_json::to_value(plan(ObjectFormat::Plain, &bytes(2, 100))).expect("plain"),
        project: project.to_string(),
    }
}

/// One request per operation. Bodies are valid, but those that would change the scene name something that is not so: a refusal for its
/// content comes after the refusal for the role.
fn cases(scene: &Scene) -> Vec<Case> {
    use Needs as N;
    let Scene { project, upload, version, change_set, digest, comment, .. } = scene;
    let case = |method, pattern, path: String, body, needs| Case { operation: (method, pattern), path, body, needs };
    let other = json!({"revision_digest": "0".repeat(64), "expected_head": "0".repeat(64), "effect_digest": "0".repeat(64), "reason": "not like this",
        "keep": [0], "resolutions": []});
    let revise = json!({"change_set": change_set, "title": "", "reason": "", "base_head": "", "ops": [], "submit": false});
    assert_ne!(digest, &other["revision_digest"]);
    vec![
        case("get", "/server", "/server".into(), Value::Null, N::Nothing),
        case("post", "/auth/register", "/auth/register".into(), json!({}), N::Nothing),
        case("post", "/auth/sign-in", "/auth/sign-in".into(), json!({}), N::Nothing),
        case("get", "/account", "/account".into(), Value::Null, N::Session),
        case("get", "/projects", "/projects".into(), Value::Null, N::Session),
        case("post", "/projects", "/projects".into(), json!({"id": "prj_x", "name": ""}), N::Session),
        case("post", "/invitations/look", "/invitations/look".into(), json!({"code": "x"}), N::Session),
        case("post", "/invitations/accept", "/invitations/accept".into(), json!({"code": "x"}), N::Session),
        case("get", "/events", "/events".into(), Value::Null, N::Session),
        case("get", "/projects/{project}", format!("/projects/{project}"), Value::Null, N::In(Action::SeeProject)),
        case(
            "post",
            "/projects/{project}/invitations",
            format!("/projects/{project}/invitations"),
            json!({"role": "listener"}),
            N::In(Action::Invite),
        ),
        case(
            "post",
            "/projects/{project}/uploads",
            format!("/projects/{project}/uploads"),
            scene.create_upload.clone(),
            N::In(Action::AddVersions),
        ),
        case("get", "/uploads/{upload}", format!("/uploads/{upload}"), Value::Null, N::OwnUpload),
        case("post", "/uploads/{upload}/urls", format!("/uploads/{upload}/urls"), json!({"parts": [1]}), N::OwnUpload),
        case("post", "/uploads/{upload}/complete", format!("/uploads/{upload}/complete"), Value::Null, N::OwnUpload),
        case(
            "post",
            "/projects/{project}/versions",
            format!("/projects/{project}/versions"),
            scene.announce.clone(),
            N::In(Action::AddVersions),
        ),
        case("post", "/versions/{version}/commit", format!("/versions/{version}/commit"), commit(), N::In(Action::AddVersions)),
        case(
            "post",
            "/versions/{version}/tables",
            format!("/versions/{version}/tables"),
            json!({"upload": upload}),
            N::In(Action::AddVersions),
        ),
        case(
            "post",
            "/versions/{version}/reads",
            format!("/versions/{version}/reads"),
            json!({"rendition": "original"}),
            N::In(Action::FetchOriginals),
        ),
        case("patch", "/versions/{version}", format!("/versions/{version}"), json!({"note": "first"}), N::In(Action::AddVersions)),
        case(
            "patch",
            "/projects/{project}/tracks/{track}",
            format!("/projects/{project}/tracks/trk_{}", "a".repeat(26)),
            json!({"name": ""}),
            N::In(Action::AddVersions),
        ),
        case("get", "/projects/{project}/changes", format!("/projects/{project}/changes?since=0"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/projects/{project}/catalogue", format!("/projects/{project}/catalogue"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/projects/{project}/schema", format!("/projects/{project}/schema"), Value::Null, N::In(Action::SeeProject)),
        case(
            "get",
            "/projects/{project}/catalogue.csv",
            format!("/projects/{project}/catalogue.csv"),
            Value::Null,
            N::In(Action::SeeProject),
        ),
        case("get", "/projects/{project}/export.zip", format!("/projects/{project}/export.zip"), Value::Null, N::In(Action::SeeProject)),
        case("get", "/export.zip", "/export.zip".into(), Value::Null, N::Session),
        case("post", "/projects/{project}/imports", format!("/projects/{project}/imports"), json!({}), N::In(Action::Propose)),
        case(
            "get",
            "/projects/{project}/change-sets",
            format!("/projects/{project}/change-sets"),
            Value::Null,
            N::In(Action::ReadChangeSets),
        ),
        case(
            "post",
            "/projects/{project}/change-sets",
            format!("/projects/{project}/change-sets"),
            scene.proposal.clone(),
            N::In(Action::Propose),
        ),
        case("get", "/change-sets/{change_set}", format!("/change-sets/{change_set}"), Value::Null, N::In(Action::ReadChangeSets)),
        case(
            "get",
            "/change-sets/{change_set}/revisions/{revision}",
            format!("/change-sets/{change_set}/revisions/1"),
            Value::Null,
            N::In(Action::ReadChangeSets),
        ),
        case("post", "/change-sets/{change_set}/revisions", format!("/change-sets/{change_set}/revisions"), revise, N::OwnProposal),
        case("post", "/change-sets/{change_set}/submit", format!("/change-sets/{change_set}/submit"), Value::Null, N::OwnProposal),
        case(
            "post",
            "/change-sets/{change_set}/approve",
            format!("/change-sets/{change_set}/approve"),
            other.clone(),
            N::In(Action::Decide),
        ),
        case("post", "/change-sets/{change_set}/reject", format!("/change-sets/{change_set}/reject"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/ask", format!("/change-sets/{change_set}/ask"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/split", format!("/change-sets/{change_set}/split"), other.clone(), N::In(Action::Decide)),
        case("post", "/change-sets/{change_set}/resolve", format!("/change-sets/{change_set}/resolve"), other, N::In(Action::Decide)),
        // Nothing is approved here, so there is nothing to take back.
        case(
            "post",
            "/change-sets/{change_set}/revert",
            format!("/change-sets/{change_set}/revert"),
            json!({"change_set": ChangeSetId::from_random([7; 17])}),
            N::In(Action::Propose),
        ),
        case(
            "post",
            "/versions/{version}/comments",
            format!("/versions/{version}/comments"),
            json!({"comment": CommentId::from_random([7; 17]), "from_ms": 0, "text": "", "made_at": ""}),
            N::In(Action::Comment),
        ),
        case(
            "post",
            "/comments/{comment}/settle",
            format!("/comments/{comment}/settle"),
            json!({"resolved": true}),
            N::In(Action::Comment),
        ),
        case("get", "/projects/{project}/audit", format!("/projects/{project}/audit"), Value::Null, N::In(Action::ReadAuditLog)),
        case("post", "/versions/{version}/damage", format!("/versions/{version}/damage"), Value::Null, N::In(Action::FetchOriginals)),
        // The owner made the version.
        case("post", "/versions/{version}/restore", format!("/versions/{version}/restore"), Value::Null, N::In(Action::TrashVersions)),
        case("post", "/versions/{version}/trash", format!("/versions/{version}/trash"), Value::Null, N::In(Action::TrashVersions)),
        // The two that end something come last.
        case("post", "/change-sets/{change_set}/withdraw", format!("/change-sets/{change_set}/withdraw"), Value::Null, N::OwnProposal),
        case("post", "/auth/sign-out", "/auth/sign-out".into(), Value::Null, N::Session),
    ]
}

fn commit() -> Value {
    let hash = "0".repeat(64);
    json!({"recipe": {"files": [{"path": "x", "length": 0, "sha256": hash, "spans": []}], "extents": []}})
}

async fn ask(person: Option<&Person>, server: &Server, case: &Case) -> (u16, Option<ErrorCode>) {
    let method = Method::from_bytes(case.operation.0.to_uppercase().as_bytes()).expect("a method");
    let mut request = CLIENT.request(method, format!("{}/api/v1{}", server.url, case.path));
    if let Some(person) = person {
        request = request.bearer_auth(&person.token);
    }
    if !case.body.is_null() {
        request = request.json(&case.body);
    }
    if case.operation.1 == "/events" {
        // A stream has no end: its head is answer enough.
        let response = request.send().await.expect("an answer");
        return (response.status().as_u16(), (!response.status().is_success()).then_some(ErrorCode::Unauthorized));
    }
    let answer = send(request).await;
    let code = serde_json::from_slice::<Problem>(&answer.bytes).ok().map(|problem| problem.code);
    (answer.status.as_u16(), if answer.status.is_success() { None } else { code })
}

fn is_refusal_of_role(code: Option<ErrorCode>) -> bool {
    matches!(
        code,
        Some(ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::SelfApproval | ErrorCode::FieldForbidden)
    )
}

#[tokio::test]
async fn every_operation_lets_exactly_the_right_people_in() {
    let server = Server::start().await;
    let owner = server.person("Ann").await;
    let scene = scene(&owner).await;
    let stranger = server.person("Stranger").await;
    stranger.project("Elsewhere").await;
    let project = scene.project.parse().expect("an id");
    let mut people = Vec::new();
    for role in [Role::Listener, Role::Member, Role::Admin] {
        people.push((role, owner.add_member(&project, role.as_str(), role).await));
    }
    people.push((Role::Owner, owner));
    for case in cases(&scene) {
        let name = format!("{} {}", case.operation.0, case.operation.1);
        let signed_out = ask(None, &server, &case).await;
        let foreign = ask(Some(&stranger), &server, &case).await;
        match case.needs {
            Needs::Nothing => assert!(!is_refusal_of_role(signed_out.1), "{name} signed out: {signed_out:?}"),
            _ => assert_eq!(signed_out, (401, Some(ErrorCode::Unauthorized)), "{name} signed out"),
        }
        match case.needs {
            Needs::Nothing | Needs::Session => assert!(!is_refusal_of_role(foreign.1), "{name} as a stranger: {foreign:?}"),
            _ => assert_eq!(foreign, (404, Some(ErrorCode::NotFound)), "{name} as a stranger"),
        }
        for (role, person) in &people {
            let answer = ask(Some(person), &server, &case).await;
            let expected = match case.needs {
                Needs::Nothing | Needs::Session => None,
                Needs::In(action) => (!may(*role, action)).then_some(ErrorCode::Forbidden),
                Needs::OwnUpload => (*role != Role::Owner).then_some(ErrorCode::NotFound),
                Needs::OwnProposal => (*role != Role::Owner).then_some(ErrorCode::Forbidden),
            };
            match expected {
                Some(code) => assert_eq!(answer.1, Some(code), "{name} as {}", role.as_str()),
                // The owner wrote the proposal and is one of two approvers.
                None if answer.1 == Some(ErrorCode::SelfApproval) => {
                    assert_eq!((case.operation.1, *role), ("/change-sets/{change_set}/approve", Role::Owner))
                }
                None => assert!(!is_refusal_of_role(answer.1), "{name} as {}: {answer:?}", role.as_str()),
            }
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn the_matrix_knows_every_operation_of_the_api() {
    let document = serde_json::to_value(collabtrack_server::http::document()).expect("JSON");
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| item.as_object().expect("operations").keys().map(move |method| (method.clone(), path.clone())))
        .collect();
    let server = Server::start().await;
    let scene = scene(&server.person("Ann").await).await;
    let covered: BTreeSet<(String, String)> =
        cases(&scene).iter().map(|case| (case.operation.0.to_owned(), case.operation.1.to_owned())).collect();
    assert_eq!(covered, described);
    server.stop().await;
}
