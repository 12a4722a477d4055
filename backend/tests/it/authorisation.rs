//! Every operation of the API × every role, strangers, somebody who was removed, and a site admin × signed out. The same table is printed
//! into `docs/security.md`.

use std::collections::BTreeSet;

use collabtrack_domain::id::{ChangeSetId, CommentId};
use collabtrack_domain::role::matrix::Grant;
use collabtrack_domain::role::site::SiteAction;
use collabtrack_domain::role::{Action, Role};
use collabtrack_protocol::accounts::{DeviceInfo, SessionInfo};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::uploads::ObjectFormat;
use reqwest::Method;
use serde_json::{Value, json};

use crate::approval::{add_track, detail, proposal, propose_title};
use crate::support::music::{announcement, bytes, claim, plan};
use crate::support::person::{CLIENT, send};
use crate::support::{Person, Server};

/// What an operation takes.
#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    Session,
    In(Action),
    /// Only whoever opened the upload, as long as they may add versions.
    OwnUpload,
    /// Only the author of the proposal, as long as they may propose.
    OwnProposal,
    /// Only whose it is; here the owner.
    Own,
    /// Only site admins.
    Site(SiteAction),
}

impl Needs {
    fn in_words(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Session => "a session".to_owned(),
            Self::In(action) => format!("`{}`", action.as_str()),
            Self::OwnUpload => format!("own, `{}`", Action::AddVersions.as_str()),
            Self::OwnProposal => format!("own, `{}`", Action::Propose.as_str()),
            Self::Own => "own".to_owned(),
            Self::Site(action) => format!("site admin: {}", action.in_words()),
        }
    }
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
    /// Somebody in no project, for site admins to deal with.
    bystander: String,
    owner: String,
    session: String,
    device: String,
    /// Members and invitations that an asker may remove, one for each.
    spare_members: Vec<String>,
    spare_invitations: Vec<String>,
}

/// Askers that may each use up something.
const ASKERS: usize = 7;

async fn scene(owner: &Person) -> Scene {
    let project = owner.project("EP").await;
    let (mut spare_members, mut spare_invitations) = (Vec::new(), Vec::new());
    for _ in 0..ASKERS {
        spare_members.push(owner.add_member(&project, "Spare", Role::Listener).await.id.to_string());
        spare_invitations.push(owner.invite(&project, Role::Listener).await.id.to_string());
    }
    // A second session and device, which its owner may end.
    let elsewhere = owner.sign_in_again().await;
    let sessions: Vec<SessionInfo> = elsewhere.get("/sessions").await.ok();
    let devices: Vec<DeviceInfo> = elsewhere.get("/devices").await.ok();
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
        bystander: Person::register(&owner.server, "Bystander").await.id.to_string(),
        owner: owner.id.to_string(),
        session: sessions.into_iter().find(|session| session.current).expect("its own").id,
        device: devices.first().expect("a device").id.clone(),
        spare_members,
        spare_invitations,
        project: project.to_string(),
    }
}

/// One request per operation. Bodies are valid, but those that would change the scene name something that is not so: a refusal for its
/// content comes after the refusal for the role.
fn cases(scene: &Scene) -> Vec<Case> {
    use Needs as N;
    let Scene { project, upload, version, change_set, digest, comment, bystander, .. } = scene;
    let policies = json!({"listeners_fetch_originals": false, "listeners_comment": false, "members_share": false});
    let wrong = json!({"password": "not the password", "current": "not the password", "new": "something long enough", "code": "x"});
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
        case("post", "/auth/confirm", "/auth/confirm".into(), wrong.clone(), N::Nothing),
        case("post", "/auth/reset/request", "/auth/reset/request".into(), json!({"email": "nobody"}), N::Nothing),
        case("post", "/account/address", "/account/address".into(), json!({"email": "nobody"}), N::Session),
        case("post", "/account/address/confirm", "/account/address/confirm".into(), wrong.clone(), N::Session),
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
        case("post", "/versions/{version}/files", format!("/versions/{version}/files"), json!({}), N::In(Action::FetchOriginals)),
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
        case("post", "/projects/{project}/imports", format!("/projects/{project}/imports"), json!({"csv": ""}), N::In(Action::Propose)),
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
        case("post", "/auth/reset", "/auth/reset".into(), wrong.clone(), N::Nothing),
        case("post", "/auth/step-up", "/auth/step-up".into(), wrong.clone(), N::Session),
        case("post", "/auth/rotate", "/auth/rotate".into(), Value::Null, N::Session),
        case("post", "/auth/password", "/auth/password".into(), wrong.clone(), N::Session),
        case("post", "/auth/setup", "/auth/setup".into(), wrong.clone(), N::Session),
        case("post", "/auth/totp", "/auth/totp".into(), Value::Null, N::Session),
        case("post", "/auth/totp/confirm", "/auth/totp/confirm".into(), wrong, N::Session),
        case("post", "/auth/totp/recovery-codes", "/auth/totp/recovery-codes".into(), Value::Null, N::Session),
        case("delete", "/auth/totp", "/auth/totp".into(), Value::Null, N::Session),
        case("get", "/account/audit", "/account/audit".into(), Value::Null, N::Session),
        case("get", "/sessions", "/sessions".into(), Value::Null, N::Session),
        case("delete", "/sessions/{session}", format!("/sessions/{}", scene.session), Value::Null, N::Own),
        case("delete", "/sessions", "/sessions".into(), Value::Null, N::Session),
        case("get", "/devices", "/devices".into(), Value::Null, N::Session),
        case("post", "/devices/generation", "/devices/generation".into(), json!({"device": "d", "generation": 0, "run": "r"}), N::Session),
        case("delete", "/devices/{device}", format!("/devices/{}", scene.device), Value::Null, N::Own),
        case(
            "put",
            "/projects/{project}/members/{account}",
            format!("/projects/{project}/members/{{member}}"),
            json!({"role": "listener"}),
            N::In(Action::ChangeRole),
        ),
        case(
            "delete",
            "/projects/{project}/members/{account}",
            format!("/projects/{project}/members/{{member}}"),
            Value::Null,
            N::In(Action::RemoveMember),
        ),
        case(
            "post",
            "/projects/{project}/transfer",
            format!("/projects/{project}/transfer"),
            json!({"to": scene.owner}),
            N::In(Action::TransferOwnership),
        ),
        case("get", "/projects/{project}/policies", format!("/projects/{project}/policies"), Value::Null, N::In(Action::SeeProject)),
        case("put", "/projects/{project}/policies", format!("/projects/{project}/policies"), policies, N::In(Action::SetPolicies)),
        case("get", "/projects/{project}/invitations", format!("/projects/{project}/invitations"), Value::Null, N::In(Action::Invite)),
        case(
            "post",
            "/projects/{project}/invitations/{invitation}/code",
            format!("/projects/{project}/invitations/{{invitation}}/code"),
            Value::Null,
            N::In(Action::Invite),
        ),
        case(
            "delete",
            "/projects/{project}/invitations/{invitation}",
            format!("/projects/{project}/invitations/{{invitation}}"),
            Value::Null,
            N::In(Action::Invite),
        ),
        case("get", "/site/accounts", "/site/accounts?query=spare".into(), Value::Null, N::Site(SiteAction::ListAccounts)),
        case("get", "/site/projects", "/site/projects".into(), Value::Null, N::Site(SiteAction::ListProjects)),
        case("get", "/site/audit", "/site/audit".into(), Value::Null, N::Site(SiteAction::ReadSiteLog)),
        case(
            "post",
            "/site/accounts/{account}/reset-code",
            format!("/site/accounts/{bystander}/reset-code"),
            Value::Null,
            N::Site(SiteAction::IssueResetCodes),
        ),
        case("put", "/site/admins/{account}", format!("/site/admins/{bystander}"), Value::Null, N::Site(SiteAction::AppointAdmins)),
        case("delete", "/site/admins/{account}", format!("/site/admins/{bystander}"), Value::Null, N::Site(SiteAction::AppointAdmins)),
        case(
            "post",
            "/site/accounts/{account}/disable",
            format!("/site/accounts/{bystander}/disable"),
            Value::Null,
            N::Site(SiteAction::DisableAccounts),
        ),
        case(
            "post",
            "/site/accounts/{account}/enable",
            format!("/site/accounts/{bystander}/enable"),
            Value::Null,
            N::Site(SiteAction::DisableAccounts),
        ),
        // What ends something comes last; this one where the password is too old for it.
        case("delete", "/account", "/account".into(), Value::Null, N::Session),
        case("post", "/change-sets/{change_set}/withdraw", format!("/change-sets/{change_set}/withdraw"), Value::Null, N::OwnProposal),
        // Not in the trash, so that bringing it back changes nothing.
        case("get", "/trash", "/trash".into(), Value::Null, N::Session),
        case("post", "/projects/{project}/restore", format!("/projects/{project}/restore"), Value::Null, N::In(Action::DeleteProject)),
        case("post", "/projects/{project}/trash", format!("/projects/{project}/trash"), Value::Null, N::In(Action::DeleteProject)),
        case("post", "/auth/sign-out", "/auth/sign-out".into(), Value::Null, N::Session),
    ]
}

fn commit() -> Value {
    let hash = "0".repeat(64);
    json!({"recipe": {"files": [{"path": "x", "length": 0, "sha256": hash, "spans": []}], "extents": []}})
}

/// One request of an asker; `turn` picks what it may use up.
async fn ask(person: Option<&Person>, server: &Server, scene: &Scene, case: &Case, turn: usize) -> (u16, Option<ErrorCode>) {
    let method = Method::from_bytes(case.operation.0.to_uppercase().as_bytes()).expect("a method");
    let path = case.path.replace("{member}", &scene.spare_members[turn]).replace("{invitation}", &scene.spare_invitations[turn]);
    let mut request = CLIENT.request(method, format!("{}/api/v1{path}", server.url));
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

/// What somebody in the project gets who may not; nothing for whoever may.
fn refusal_of(needs: Needs, role: Role) -> Option<ErrorCode> {
    match needs {
        Needs::Nothing | Needs::Session => None,
        // Everything in the scene is the owner's.
        Needs::In(action) if action.grant(role) == Grant::Own && role != Role::Owner => Some(ErrorCode::Forbidden),
        Needs::In(action) => (!role.allows(action)).then_some(ErrorCode::Forbidden),
        Needs::OwnUpload | Needs::Own => (role != Role::Owner).then_some(ErrorCode::NotFound),
        Needs::OwnProposal => (role != Role::Owner).then_some(ErrorCode::Forbidden),
        Needs::Site(_) => Some(ErrorCode::NotFound),
    }
}

#[tokio::test]
async fn every_operation_lets_exactly_the_right_people_in() {
    let server = Server::start().await;
    let owner = server.person("Ann").await;
    let scene = scene(&owner).await;
    let stranger = server.person("Stranger").await;
    stranger.project("Elsewhere").await;
    let project = scene.project.parse().expect("an id");
    let removed = owner.add_member(&project, "Removed", Role::Admin).await;
    let gone = send(owner.request(Method::DELETE, &format!("/projects/{project}/members/{}", removed.id))).await;
    assert_eq!(gone.status.as_u16(), 204, "{}", gone.text());
    let site = server.site_admin("Sid").await;
    let mut people = Vec::new();
    for role in [Role::Listener, Role::Member, Role::Admin] {
        people.push((role, owner.add_member(&project, role.as_str(), role).await));
    }
    people.push((Role::Owner, owner));
    assert_eq!(people.len() + 3, ASKERS);
    for case in cases(&scene) {
        let name = format!("{} {}", case.operation.0, case.operation.1);
        if [("delete", "/projects/{project}"), ("delete", "/account")].contains(&case.operation) {
            let aged = sqlx::query("update session set stepped_up_at = now() - interval '11 minutes'");
            aged.execute(server.database()).await.expect("aged");
        }
        let signed_out = ask(None, &server, &scene, &case, 0).await;
        match case.needs {
            Needs::Nothing => assert!(!is_refusal_of_role(signed_out.1), "{name} signed out: {signed_out:?}"),
            _ => assert_eq!(signed_out, (401, Some(ErrorCode::Unauthorized)), "{name} signed out"),
        }
        for (turn, (who, outsider)) in
            [("a stranger", &stranger), ("somebody removed", &removed), ("a site admin", &site)].into_iter().enumerate()
        {
            let answer = ask(Some(outsider), &server, &scene, &case, 4 + turn).await;
            match case.needs {
                Needs::Nothing | Needs::Session => assert!(!is_refusal_of_role(answer.1), "{name} as {who}: {answer:?}"),
                Needs::Site(_) if who == "a site admin" => assert!(answer.0 < 300, "{name} as {who}: {answer:?}"),
                _ => assert_eq!(answer, (404, Some(ErrorCode::NotFound)), "{name} as {who}"),
            }
        }
        for (turn, (role, person)) in people.iter().enumerate() {
            let answer = ask(Some(person), &server, &scene, &case, turn).await;
            match refusal_of(case.needs, *role) {
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
    assert_eq!(covered, described, "every operation has a row in `cases`");
    let rows: Vec<String> = cases(&scene)
        .iter()
        .map(|case| format!("| `{} {}` | {} |", case.operation.0.to_uppercase(), case.operation.1, case.needs.in_words()))
        .collect();
    server.stop().await;
    let mut rows = rows;
    rows.sort();
    let operations = format!("| operation | takes |\n|---|---|\n{}\n", rows.join("\n"));
    for (part, text) in [
        ("roles", collabtrack_domain::role::printed::project_table()),
        ("site", collabtrack_domain::role::printed::site_table()),
        ("operations", operations),
    ] {
        document_part(part, &text);
    }
}

/// A part of `docs/security.md` that is printed from code is current; `COLLABTRACK_WRITE_DOCS=1` rewrites it.
fn document_part(part: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security.md");
    let whole = std::fs::read_to_string(&path).expect("docs/security.md is there");
    let (begin, end) = (format!("<!-- {part}: printed from code -->\n\n"), format!("\n<!-- {part}: end -->"));
    let (head, rest) = whole.split_once(&begin).unwrap_or_else(|| panic!("docs/security.md has a part {part}"));
    let (printed, tail) = rest.split_once(&end).unwrap_or_else(|| panic!("the part {part} ends"));
    if std::env::var_os("COLLABTRACK_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{text}{end}{tail}")).expect("written");
    } else {
        assert_eq!(printed, text, "run this test with COLLABTRACK_WRITE_DOCS=1");
    }
}
