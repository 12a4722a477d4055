//! A store that refuses, lies or is not there: a clear problem, nothing half-done.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use collabtrack_library::view::VersionSync;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::uploads::{ObjectFormat, UploadState, UploadStatus};
use collabtrack_server::app::{self, StoreTest};
use collabtrack_server::blobs::Blobs;
use collabtrack_server::blobs::self_test::{self, SelfTestError};
use collabtrack_server::config::StoreConfig;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use url::Url;

use crate::support::music::{bytes, plan, put};
use crate::support::person::CLIENT;
use crate::support::{Person, Server};
use crate::sync_computers::{Computer, wav};

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

/// What a store does when it is asked to join parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joining {
    /// It joins them, and reports an error inside a success.
    DoneButDenied,
    /// It does not, and reports an error inside a success.
    Denied,
    /// It does not, and reports success.
    Claimed,
}

const ERROR_IN_A_SUCCESS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>"#;
const SUCCESS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag>"e"</ETag></CompleteMultipartUploadResult>"#;

/// The real store, but joining parts as told; every other request reaches it as it was signed.
async fn store_that_joins(real: &StoreConfig, joining: Joining) -> StoreConfig {
    let target = real.endpoint.clone().expect("an address");
    let pass = async move |method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes| {
        let url = target.join(uri.path_and_query().map_or("/", |path| path.as_str())).expect("an address");
        let sent = CLIENT.request(method, url).headers(headers).body(body).send().await.expect("the real store answers");
        (sent.status(), sent.headers().clone(), sent.bytes().await.expect("its whole answer"))
    };
    let pass = Arc::new(pass);
    let answer = move |method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes| {
        let pass = pass.clone();
        async move {
            let joins = method == HttpMethod::POST && uri.query().is_some_and(|query| query.contains("uploadId="));
            if joins && joining == Joining::DoneButDenied {
                pass(method, uri, headers, body).await;
                return (StatusCode::OK, ERROR_IN_A_SUCCESS).into_response();
            }
            match joining {
                Joining::Denied if joins => (StatusCode::OK, ERROR_IN_A_SUCCESS).into_response(),
                Joining::Claimed if joins => (StatusCode::OK, SUCCESS).into_response(),
                _ => pass(method, uri, headers, body).await.into_response(),
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    StoreConfig { endpoint: Some(endpoint), ..real.clone() }
}

#[tokio::test]
async fn f5_an_error_inside_a_success_of_joining_is_settled_by_looking_at_the_object() {
    let server = Server::start().await;
    let ann = server.person("Ann").await;
    let project = ann.project("EP").await;
    let part_size = usize::try_from(PART_SIZE_BYTES).expect("fits");
    for (n, joining) in [Joining::DoneButDenied, Joining::Denied, Joining::Claimed].into_iter().enumerate() {
        let data = bytes(20 + n as u64, part_size + 1);
        let plan = plan(ObjectFormat::Plain, &data);
        let opened = ann.open_upload(&project, &plan).await;
        for (part, body) in opened.urls.iter().zip([&data[..part_size], &data[part_size..]]) {
            assert_eq!(put(&part.request, body.to_vec()).await.status.as_u16(), 200);
        }
        let mut config = server.config.clone();
        config.store = store_that_joins(&server.config.store, joining).await;
        let misled = app::start_with(&config, StoreTest::Skip).await.expect("it starts without the test");
        let there = Person { server: misled.url.clone(), ..ann.clone() };
        let complete = format!("/uploads/{}/complete", plan.upload);
        // What is there counts, not what was said: joined is verified, not joined stays open.
        let expected = if joining == Joining::DoneButDenied { UploadStatus::Verified } else { UploadStatus::Open };
        assert_eq!(there.act(&complete).await.ok::<UploadState>().status, expected, "{joining:?}");
        misled.stop().await;
        // Over a store that does as it says the same upload ends well, whatever happened before.
        assert_eq!(ann.act(&complete).await.ok::<UploadState>().status, UploadStatus::Verified, "{joining:?}");
    }
    let objects: i64 = sqlx::query_scalar("select count(*) from object").fetch_one(server.database()).await.expect("counted");
    assert_eq!(objects, 3, "no object was made twice");
    server.stop().await;
}

/// The real store over a way on which the first body sent to it takes longer than its address lives; counts the bodies the store refused.
async fn store_behind_a_slow_first_body(real: &StoreConfig, longer: Duration, refused: Arc<AtomicUsize>) -> StoreConfig {
    let target = real.endpoint.clone().expect("an address");
    let first = Arc::new(AtomicBool::new(true));
    let answer = move |method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes| {
        let (target, first, refused) = (target.clone(), first.clone(), refused.clone());
        async move {
            let puts = method == HttpMethod::PUT && uri.query().is_some_and(|query| query.contains("X-Amz-Signature"));
            if puts && first.swap(false, Ordering::SeqCst) {
                tokio::time::sleep(longer).await;
            }
            let url = target.join(uri.path_and_query().map_or("/", |path| path.as_str())).expect("an address");
            let sent = CLIENT.request(method, url).headers(headers).body(body).send().await.expect("the real store answers");
            if puts && sent.status() == StatusCode::FORBIDDEN {
                refused.fetch_add(1, Ordering::SeqCst);
            }
            (sent.status(), sent.headers().clone(), sent.bytes().await.expect("its whole answer")).into_response()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Url::parse(&format!("http://{}", listener.local_addr().expect("an address"))).expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    StoreConfig { endpoint: Some(endpoint), ..real.clone() }
}

#[tokio::test]
async fn f10_an_address_that_ran_out_before_its_body_was_there_is_signed_anew_by_the_real_server() {
    let server = Server::start().await;
    let refused = Arc::new(AtomicUsize::new(0));
    let mut config = server.config.clone();
    config.service.url_life_s = 5;
    config.store = store_behind_a_slow_first_body(&server.config.store, Duration::from_secs(7), refused.clone()).await;
    let instance = app::start_with(&config, StoreTest::Skip).await.expect("it starts");
    let author = Computer::of(&instance.url, "Jon").await;
    let project = author.watch(None).await;
    author.library.put_on_server(&project).await.expect("on the server");
    let song = wav(1, 2);
    author.bounce("Night Drive.wav", &song).await;
    author.sync().await;
    assert!(refused.load(Ordering::SeqCst) >= 1, "the store refused the address that had run out");
    let version = author.version("Night Drive", 1).await;
    assert_eq!(version.sync, VersionSync::Synced);
    author.library.shutdown().await;
    instance.stop().await;
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
