//! A store that refuses, lies or is not there: a clear problem, nothing half-done.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::ObjectFormat;
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::blobs::self_test::{self, SelfTestError};
use collabtrack_server::config::StoreConfig;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use url::Url;

use crate::support::music::{bytes, plan};
use crate::support::{Person, Server};

/// A store that keeps whatever it is sent and checks nothing, as some real ones do.
async fn careless_store() -> StoreConfig {
    type Objects = Arc<Mutex<HashMap<String, Bytes>>>;
    async fn answer(State(objects): State<Objects>, method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let mut objects = objects.lock().expect("not poisoned");
        let key = uri.path().to_owned();
        match method {
            HttpMethod::PUT => {
                objects.insert(key, body);
                StatusCode::OK.into_response()
            }
            HttpMethod::HEAD | HttpMethod::GET => match objects.get(&key) {
                None => StatusCode::NOT_FOUND.into_response(),
                Some(_) if uri.query().is_none() && method == HttpMethod::GET => StatusCode::FORBIDDEN.into_response(),
                Some(body) if headers.contains_key("range") => (StatusCode::PARTIAL_CONTENT, body.slice(2..7)).into_response(),
                Some(body) => body.clone().into_response(),
            },
            _ => {
                objects.remove(&key);
                StatusCode::NO_CONTENT.into_response()
            }
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("an address");
    let router = Router::new().fallback(answer).with_state(Objects::default());
    tokio::spawn(async move { axum::serve(listener, router).await });
    StoreConfig {
        endpoint: Some(endpoint),
        region: "x".into(),
        bucket: "b".into(),
        access_key_id: "k".into(),
        secret_access_key: "s".to_owned().into(),
    }
}

#[tokio::test]
async fn a_store_that_keeps_other_bytes_than_those_signed_is_refused_at_the_start() {
    let store = careless_store().await;
    let error = self_test::run(&Blobs::new(&store)).await.expect_err("refused");
    assert!(matches!(&error, SelfTestError::Wrong { step: "refuse a body whose SHA-256 differs from the signed one", .. }), "{error}");
    let server = Server::start().await;
    let mut config = server.config.clone();
    config.store = store;
    let refused = app::start_with(&config, StoreTest::Run).await.expect_err("the server does not start on it");
    assert!(refused.to_string().contains("cannot vouch for the bytes"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn while_the_store_is_away_uploads_are_refused_with_a_clear_problem_and_everything_else_works() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let mut config = server.config.clone();
    // A port that was free a moment ago and is closed again.
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    config.store.endpoint = Some(Url::parse(&format!("http://{gone}")).expect("an address"));
    let lame = app::start_with(&config, StoreTest::Skip).await.expect("it starts without the test");
    let ann = Person { server: lame.url.clone(), ..ann };
    let small = plan(ObjectFormat::Plain, &bytes(1, 100));
    ann.post(&format!("/projects/{project}/uploads"), &small).await.ok::<serde_json::Value>();
    let answer = ann.act(&format!("/uploads/{}/complete", small.upload)).await;
    let problem = answer.problem(503, ErrorCode::StoreUnavailable);
    assert!(problem.detail.contains("your desktop keeps its copy"), "{}", problem.detail);
    assert!(!answer.text().contains(&gone.to_string()), "internals stay in the log");
    assert_eq!(ann.view(&project).await.name, "EP");
    assert!(app::start_with(&config, StoreTest::Run).await.is_err(), "and a start with it is refused");
    lame.stop().await;
    server.stop().await;
}
