//! Every operation of the API × every role, strangers, somebody who was removed, and a site admin × signed out. The same table is printed
//! into `docs/security.md`.

mod cases;

use std::collections::BTreeSet;

use collabtrack_domain::role::Role;
use collabtrack_domain::role::matrix::Grant;
use collabtrack_protocol::problem::{ErrorCode, Problem};
use reqwest::Method;

use crate::support::person::{CLIENT, send};
use crate::support::{Person, Server};
use cases::{ASKERS, Case, Needs, Scene, cases, scene};

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
