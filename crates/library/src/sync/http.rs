//! The server over HTTP, and its store by signed requests. Tokens and signed addresses never reach a log or an error text.

mod remote;
mod store;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::problem::Problem;
use collabtrack_protocol::uploads::SignedRequest;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::limit::Limits;
use super::remote::{RemoteError, RemoteResult};

pub use remote::HttpRemote;

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// Most bytes of an error answer that are read.
const MOST_ERROR_BYTES: usize = 64 * 1024;
/// Bytes of a file sent at a time: small enough that even 1 kB per second is no silence.
const PIECE_BYTES: usize = 32 * 1024;
/// The slowest network that counts as one, in bytes per second, for bodies that are sent whole.
const SLOWEST: u64 = 4 * 1024;

/// Bodies of requests below this many bytes go out as they are.
const WORTH_PACKING_BYTES: usize = 300;

/// The server's API with or without a session.
#[derive(Clone)]
pub struct Api {
    client: Client,
    direct: Client,
    base: Url,
    token: Option<SecretString>,
    limits: Arc<Limits>,
    /// How long not a byte may come before a connection counts as dead.
    silence: Duration,
}

fn client(direct: bool) -> RemoteResult<Client> {
    let builder = Client::builder()
        .connect_timeout(CONNECT)
        // Nothing of CollabTrack redirects; networks with a sign-in page do.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("CollabTrack/", env!("CARGO_PKG_VERSION")));
    let builder = if direct { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| RemoteError::Unreachable { reason: plain(&error) })
}

fn is_this_computer(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// What a network error says, without the address it was about.
fn plain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    let mut source = std::error::Error::source(error);
    let mut last = None;
    while let Some(cause) = source {
        last = Some(cause.to_string());
        source = cause.source();
    }
    match last {
        Some(cause) if !cause.contains("://") => format!("{kind} ({cause})"),
        _ => kind.to_owned(),
    }
}

fn unreachable(error: &reqwest::Error) -> RemoteError {
    RemoteError::Unreachable { reason: plain(error) }
}

fn content_type(response: &Response) -> String {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What comes before the network has been silent for too long. The client's own read timeout does not do: it also counts while a body is
/// being sent, and so ends every part that a slow network needs longer for.
async fn heard_within<T>(silence: Duration, work: impl Future<Output = Result<T, reqwest::Error>>) -> RemoteResult<T> {
    match tokio::time::timeout(silence, work).await {
        Ok(result) => result.map_err(|error| unreachable(&error)),
        Err(_) => Err(RemoteError::Unreachable { reason: format!("not a byte came for {} s", silence.as_secs()) }),
    }
}

fn json_of(body: &impl Serialize) -> RemoteResult<Vec<u8>> {
    serde_json::to_vec(body).map_err(|error| RemoteError::NotCollabtrack { reason: error.to_string() })
}

/// A request with that JSON, packed where it is not tiny.
fn with_json(request: RequestBuilder, body: &[u8]) -> RequestBuilder {
    let request = request.header(CONTENT_TYPE, "application/json");
    if body.len() < WORTH_PACKING_BYTES {
        return request.body(body.to_vec());
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    match packed.write_all(body).and_then(|()| packed.finish()) {
        Ok(packed) => request.header(CONTENT_ENCODING, "gzip").body(packed),
        // Memory does not refuse a byte; if it ever did, the request goes as it is.
        Err(_) => request.body(body.to_vec()),
    }
}

/// All bytes of an answer.
async fn whole(response: Response, silence: Duration) -> RemoteResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(piece) = heard_within(silence, async { stream.next().await.transpose() }).await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// At most the first bytes of an answer.
async fn start_of(response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, stream.next()).await {
        bytes.extend_from_slice(&piece);
        if bytes.len() >= MOST_ERROR_BYTES {
            bytes.truncate(MOST_ERROR_BYTES);
            break;
        }
    }
    bytes
}

/// An answer to somebody who may have it already.
#[derive(Debug)]
pub(crate) enum Fresh<T> {
    /// It is the one that was named.
    Same,
    /// Another one, with the tag to name it by.
    New {
        /// The document.
        body: T,
        /// `ETag`, if the server gave one.
        tag: Option<String>,
    },
}

impl Api {
    /// An API at `base`, the address in the form it is kept.
    /// # Errors
    /// When the network cannot be used at all.
    pub fn new(base: Url, token: Option<SecretString>) -> RemoteResult<Self> {
        Ok(Self { client: client(false)?, direct: client(true)?, base, token, limits: Arc::default(), silence: SILENCE })
    }

    /// Takes a connection for dead after another time without a byte.
    #[must_use]
    pub fn silent_for(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Moves bytes within these limits.
    #[must_use]
    pub fn within(self, limits: Arc<Limits>) -> Self {
        Self { limits, ..self }
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/api/v1{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn client_for(&self, url: &Url) -> &Client {
        if is_this_computer(url) { &self.direct } else { &self.client }
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.client_for(&url).request(method, url);
        match &self.token {
            Some(token) => match HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    request.header(AUTHORIZATION, value)
                }
                Err(_) => request,
            },
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> RemoteResult<Response> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| unreachable(&error))?;
        let length = request.body().and_then(reqwest::Body::as_bytes).map_or(0, |bytes| bytes.len() as u64);
        let response = heard_within(self.silence + Duration::from_secs(length / SLOWEST), client.execute(request)).await?;
        let status = response.status();
        // Nothing new is an answer, to whoever asked for what is new.
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let (kind, wait) = (content_type(&response), retry_after(&response));
        if kind.starts_with("application/problem+json") {
            let bytes = start_of(response).await;
            if let Ok(problem) = serde_json::from_slice::<Problem>(&bytes) {
                return Err(RemoteError::Refused(Box::new(problem)));
            }
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(RemoteError::Unavailable { status: status.as_u16(), retry_after: wait });
        }
        Err(RemoteError::NotCollabtrack { reason: format!("status {} without a word of CollabTrack", status.as_u16()) })
    }

    async fn json<T: DeserializeOwned>(&self, response: Response) -> RemoteResult<T> {
        let kind = content_type(&response);
        if !kind.starts_with("application/json") {
            let shown = if kind.is_empty() { "something without a type".to_owned() } else { kind };
            return Err(RemoteError::NotCollabtrack { reason: format!("it is {shown}") });
        }
        let bytes = whole(response, self.silence).await?;
        serde_json::from_slice(&bytes).map_err(|error| RemoteError::NotCollabtrack { reason: format!("it has another form: {error}") })
    }

    /// `GET`.
    /// # Errors
    /// What the server or the network said.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> RemoteResult<T> {
        self.json(self.send(self.request(Method::GET, self.url(path, query))).await?).await
    }

    /// `GET` of what may be here already: `known` is the tag (`ETag`, RFC 9110, 8.8.3) the answer here came with.
    /// # Errors
    /// What the server or the network said.
    pub(crate) async fn get_unless<T: DeserializeOwned>(&self, path: &str, known: Option<&str>) -> RemoteResult<Fresh<T>> {
        let mut request = self.request(Method::GET, self.url(path, &[]));
        if let Some(tag) = known.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let response = self.send(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fresh::Same);
        }
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Fresh::New { body: self.json(response).await?, tag })
    }

    /// `POST` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(with_json(self.request(Method::POST, self.url(path, &[])), &json_of(body)?)).await?).await
    }

    /// `POST` of something that happens once: the same path and body again, such as after a lost answer, get the same answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn post_once<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        let body = json_of(body)?;
        let key = ObjectHash::of(&[path.as_bytes(), b"\0", &body].concat()).to_string();
        let request = self.request(Method::POST, self.url(path, &[])).header("idempotency-key", key);
        self.json(self.send(with_json(request, &body)).await?).await
    }

    /// `PATCH` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(with_json(self.request(Method::PATCH, self.url(path, &[])), &json_of(body)?)).await?).await
    }

    /// `POST` without body and without answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn tell(&self, path: &str) -> RemoteResult<()> {
        self.send(self.request(Method::POST, self.url(path, &[]))).await.map(drop)
    }

    /// `POST` without body, with an answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn post_empty<T: DeserializeOwned>(&self, path: &str) -> RemoteResult<T> {
        self.json(self.send(self.request(Method::POST, self.url(path, &[]))).await?).await
    }

    /// `POST` with a JSON body, without answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn send_json(&self, path: &str, body: &impl Serialize) -> RemoteResult<()> {
        self.send(with_json(self.request(Method::POST, self.url(path, &[])), &json_of(body)?)).await.map(drop)
    }

    /// `PUT` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn put_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(with_json(self.request(Method::PUT, self.url(path, &[])), &json_of(body)?)).await?).await
    }

    /// `PUT` without body and without answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn put_empty(&self, path: &str) -> RemoteResult<()> {
        self.send(self.request(Method::PUT, self.url(path, &[]))).await.map(drop)
    }

    /// `DELETE`.
    /// # Errors
    /// What the server or the network said.
    pub async fn delete(&self, path: &str) -> RemoteResult<()> {
        self.send(self.request(Method::DELETE, self.url(path, &[]))).await.map(drop)
    }

    /// `POST` with a JSON body and parameters.
    /// # Errors
    /// What the server or the network said.
    pub async fn post_with<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)], body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(with_json(self.request(Method::POST, self.url(path, query)), &json_of(body)?)).await?).await
    }

    /// `GET` of raw bytes of the wanted type.
    /// # Errors
    /// What the server or the network said, `NotCollabtrack` for another type.
    pub async fn bytes(&self, path: &str, query: &[(&str, &str)], wanted: &str) -> RemoteResult<Vec<u8>> {
        let response = self.send(self.request(Method::GET, self.url(path, query))).await?;
        let kind = content_type(&response);
        if !kind.starts_with(wanted) {
            return Err(RemoteError::NotCollabtrack { reason: format!("it is {kind}") });
        }
        whole(response, self.silence).await
    }

    /// The stream of hints.
    /// # Errors
    /// What the server or the network said.
    pub(crate) async fn events(&self) -> RemoteResult<Response> {
        let response = self.send(self.request(Method::GET, self.url("/events", &[]))).await?;
        if content_type(&response).starts_with("text/event-stream") {
            Ok(response)
        } else {
            Err(RemoteError::NotCollabtrack { reason: "it is no stream of hints".into() })
        }
    }

    /// A request as the server signed it: method, address and headers exactly as given.
    fn signed(&self, request: &SignedRequest) -> RemoteResult<RequestBuilder> {
        let broken = |what: &str| RemoteError::NotCollabtrack { reason: format!("a signed request has no {what}") };
        let url = Url::parse(&request.url).map_err(|_| broken("address"))?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| broken("method"))?;
        let mut builder = self.client_for(&url).request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        Ok(builder)
    }
}
