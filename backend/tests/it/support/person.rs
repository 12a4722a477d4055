//! Somebody who uses the server over HTTP, and the answers they get.

use std::sync::LazyLock;

use collabtrack_domain::id::{AccountId, ProjectId};
use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::SignedIn;
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::projects::{CreateInvitation, CreateProject, Invitation, InvitationCode, Project};
use collabtrack_server::random;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
    // Tests of one process have a runtime each, and a connection does not outlive its own.
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client")
});
pub(crate) const PASSWORD: &str = "correct horse battery";

/// An answer of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem document of a refusal with that status and code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: ErrorCode) -> Problem {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.headers["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_slice(&self.bytes).expect("a problem document");
        assert_eq!((problem.code, problem.status), (code, status), "{}", problem.detail);
        assert_eq!(self.headers["x-request-id"], problem.request_id.as_str());
        problem
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, bytes: response.bytes().await.expect("a whole answer").to_vec() }
}

/// Somebody with a session.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) server: String,
    pub(crate) id: AccountId,
    pub(crate) email: String,
    pub(crate) token: String,
}

impl Person {
    pub(crate) async fn register(server: &str, name: &str) -> Self {
        let email = format!("{}@example.com", random::hex128());
        let body = json!({"name": name, "email": email, "password": PASSWORD, "device_name": "studio"});
        let answer = send(CLIENT.post(format!("{server}/api/v1/auth/register")).json(&body)).await;
        let signed_in: SignedIn = answer.ok();
        Self { server: server.to_owned(), id: signed_in.account.id, email, token: signed_in.token }
    }

    /// The same person in another session, on a device that is not known yet.
    pub(crate) async fn sign_in_again(&self) -> Self {
        let body = json!({"email": self.email, "password": PASSWORD, "device_name": "on the road"});
        let signed_in: SignedIn = send(CLIENT.post(format!("{}/api/v1/auth/sign-in", self.server)).json(&body)).await.ok();
        Self { token: signed_in.token, ..self.clone() }
    }

    /// As [`Person::sign_in_again`], whatever was tried before.
    pub(crate) async fn sign_in_again_freely(&self, server: &super::Server) -> Self {
        sqlx::query("delete from throttle").execute(server.database()).await.expect("forgiven");
        self.sign_in_again().await
    }

    /// The same session after the password was given again.
    pub(crate) async fn step_up(&self) -> Self {
        let renewed: collabtrack_protocol::accounts::Renewed = self.post("/auth/step-up", &json!({"password": PASSWORD})).await.ok();
        Self { token: renewed.token, ..self.clone() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        CLIENT.request(method, format!("{}/api/v1{path}", self.server)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &(impl Serialize + Sync)) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &(impl Serialize + Sync)) -> Answer {
        send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    /// A POST without body.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        send(self.request(Method::POST, path)).await
    }

    pub(crate) async fn project(&self, name: &str) -> ProjectId {
        let body = CreateProject { id: ProjectId::from_random(random::bytes()), name: name.to_owned() };
        self.post("/projects", &body).await.ok::<Project>().id
    }

    pub(crate) async fn invite(&self, project: &ProjectId, role: Role) -> Invitation {
        self.post(&format!("/projects/{project}/invitations"), &CreateInvitation { role, email: None, days: None, mail: false }).await.ok()
    }

    pub(crate) async fn accept(&self, code: &str) -> Answer {
        self.post("/invitations/accept", &InvitationCode { code: code.to_owned() }).await
    }

    /// Somebody new with that role in the project.
    pub(crate) async fn add_member(&self, project: &ProjectId, name: &str, role: Role) -> Self {
        let invitation = self.invite(project, role).await;
        let new = Self::register(&self.server, name).await;
        new.accept(&invitation.code).await.ok::<Project>();
        new
    }

    pub(crate) async fn view(&self, project: &ProjectId) -> Project {
        self.get(&format!("/projects/{project}")).await.ok()
    }
}

/// Nobody: a request without session.
pub(crate) async fn anonymous(server: &str, method: Method, path: &str, body: &Value) -> Answer {
    send(CLIENT.request(method, format!("{server}/api/v1{path}")).json(body)).await
}
