//! The server over HTTP, and its store by signed requests. Tokens and signed addresses never reach a log or an error text.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ChangeSetId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_protocol::accounts::{DeviceGeneration, GenerationKnown};
use collabtrack_protocol::approval::ChangeSetDetail;
use collabtrack_protocol::changes::{ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::limits::MAX_CHANGES_PER_PAGE;
use collabtrack_protocol::problem::Problem;
use collabtrack_protocol::projects::{CreateProject, Project};
use collabtrack_protocol::uploads::{CreateUpload, SignedRequest, UploadState, WantUrls};
use collabtrack_protocol::versions::{
    Announce, Announced, Commit, EditTrack, EditVersion, Reads, Rendition, SetTables, Version, WantReads,
};
use futures::StreamExt;
use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, RANGE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::time::Instant;
use url::{Host, Url};

use super::limit::Limits;
use super::remote::{FileRange, Progress, Remote, RemoteError, RemoteResult};
use crate::store::projects::FeedPlace;

const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// Most bytes of an error answer that are read.
const MOST_ERROR_BYTES: usize = 64 * 1024;
/// Bytes of a file sent at a time: small enough that even 1 kB per second is no silence.
const PIECE_BYTES: usize = 32 * 1024;
/// How fast what waits inside the system goes out at least, in bytes per second.
const BUFFERED_RATE: u64 = 16 * 1024;
/// The slowest network that counts as one, in bytes per second, for bodies that are sent whole.
const SLOWEST: u64 = 4 * 1024;

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
        if status.is_success() {
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

    /// `POST` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(self.request(Method::POST, self.url(path, &[])).json(body)).await?).await
    }

    /// `POST` of something that happens once: the same path and body again, such as after a lost answer, get the same answer.
    /// # Errors
    /// What the server or the network said.
    pub async fn post_once<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        let body = serde_json::to_vec(body).map_err(|error| RemoteError::NotCollabtrack { reason: error.to_string() })?;
        let key = ObjectHash::of(&[path.as_bytes(), b"\0", &body].concat()).to_string();
        let request = self.request(Method::POST, self.url(path, &[])).header("idempotency-key", key);
        self.json(self.send(request.header(CONTENT_TYPE, "application/json").body(body)).await?).await
    }

    /// `PATCH` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(self.request(Method::PATCH, self.url(path, &[])).json(body)).await?).await
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
        self.send(self.request(Method::POST, self.url(path, &[])).json(body)).await.map(drop)
    }

    /// `PUT` with a JSON body.
    /// # Errors
    /// What the server or the network said.
    pub async fn put_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> RemoteResult<T> {
        self.json(self.send(self.request(Method::PUT, self.url(path, &[])).json(body)).await?).await
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
        self.json(self.send(self.request(Method::POST, self.url(path, query)).json(body)).await?).await
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

/// What the store's refusal means.
async fn refusal(response: Response) -> RemoteError {
    let (status, kind, wait) = (response.status(), content_type(&response), retry_after(&response));
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return RemoteError::Unavailable { status: status.as_u16(), retry_after: wait };
    }
    if status.is_redirection() || kind.starts_with("text/html") {
        return RemoteError::NotCollabtrack { reason: "a web page came from where the store should be".into() };
    }
    let text = String::from_utf8_lossy(&start_of(response).await).into_owned();
    let about_bytes = ["BadDigest", "XAmzContentChecksumMismatch", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"];
    if about_bytes.iter().any(|code| text.contains(code)) {
        RemoteError::ChecksumRefused
    } else {
        RemoteError::StoreRefused { status: status.as_u16() }
    }
}

/// The pieces of a run of bytes, read as they are sent.
async fn pieces(
    body: &FileRange,
    limits: Arc<Limits>,
) -> RemoteResult<impl futures::Stream<Item = std::io::Result<Vec<u8>>> + Send + use<>> {
    let mut file = tokio::fs::File::open(&body.path).await.map_err(|error| RemoteError::local(&body.path, error))?;
    file.seek(SeekFrom::Start(body.offset)).await.map_err(|error| RemoteError::local(&body.path, error))?;
    Ok(futures::stream::try_unfold((file, body.length, limits), |(mut file, left, limits)| async move {
        if left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0_u8; want];
        file.read_exact(&mut piece).await?;
        limits.before_sending(want as u64).await;
        Ok(Some((piece, (file, left - want as u64, limits))))
    }))
}

/// The server over HTTP.
#[derive(Clone)]
pub struct HttpRemote(pub Api);

impl HttpRemote {
    async fn put_range(&self, request: &SignedRequest, body: FileRange, progress: Progress<'_>) -> RemoteResult<()> {
        // Counted here and told outside the stream: what the body captures outlives this call.
        let (counter, mut counted) = tokio::sync::mpsc::unbounded_channel::<u64>();
        let stream = pieces(&body, self.0.limits.clone()).await?.inspect(move |piece| {
            if let Ok(piece) = piece
                && counter.send(piece.len() as u64).is_err()
            {
                tracing::trace!("nobody counts these bytes any more");
            }
        });
        let send = self.0.signed(request)?.body(reqwest::Body::wrap_stream(stream)).send();
        tokio::pin!(send);
        let began = Instant::now();
        let (mut sent, mut silent_at) = (0, began + self.0.silence);
        let response = loop {
            tokio::select! {
                response = &mut send => break response.map_err(|error| unreachable(&error))?,
                Some(bytes) = counted.recv() => {
                    progress(bytes);
                    sent += bytes;
                    // The last bytes wait inside the system for as long as a slow network needs for them.
                    let buffered = Duration::from_secs(body.length.min(1 << 20) / BUFFERED_RATE);
                    let still_inside = if sent >= body.length { began.elapsed().max(buffered) } else { Duration::ZERO };
                    silent_at = Instant::now() + self.0.silence + still_inside;
                }
                () = tokio::time::sleep_until(silent_at) => {
                    return Err(RemoteError::Unreachable { reason: format!("not a byte went through for {} s", self.0.silence.as_secs()) });
                }
            }
        };
        while let Ok(bytes) = counted.try_recv() {
            progress(bytes);
        }
        if !response.status().is_success() {
            return Err(refusal(response).await);
        }
        // A network that answers in the store's place does not know the object's tag.
        if response.headers().get(ETAG).is_none() || content_type(&response).starts_with("text/html") {
            return Err(RemoteError::NotCollabtrack { reason: "the answer lacks what a store says".into() });
        }
        Ok(())
    }

    async fn fetch_bytes(&self, request: &SignedRequest, range: (u64, u64), target: &Path, progress: Progress<'_>) -> RemoteResult<()> {
        let local = |error| RemoteError::local(target, error);
        let mut file = tokio::fs::OpenOptions::new().create(true).truncate(false).write(true).open(target).await.map_err(local)?;
        let have = file.metadata().await.map_err(local)?.len();
        let (from, length) = range;
        if have >= length {
            return if have == length { Ok(()) } else { file.set_len(0).await.map_err(local) };
        }
        let last = from.saturating_add(length).saturating_sub(1);
        let builder = self.0.signed(request)?.header(RANGE, format!("bytes={}-{last}", from.saturating_add(have)));
        let response = builder.send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                file.seek(SeekFrom::End(0)).await.map_err(local)?;
            }
            status if status.is_success() => {
                return Err(RemoteError::NotCollabtrack { reason: "the answer is not the range that was asked for".into() });
            }
            _ => return Err(refusal(response).await),
        }
        let mut left = length - have;
        let mut stream = response.bytes_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| unreachable(&error))?;
            left = left
                .checked_sub(piece.len() as u64)
                .ok_or_else(|| RemoteError::NotCollabtrack { reason: "more came than was asked for".into() })?;
            file.write_all(&piece).await.map_err(local)?;
            progress(piece.len() as u64);
            self.0.limits.after_fetching(piece.len() as u64).await;
        }
        file.flush().await.map_err(local)
    }

    async fn fetch_object(&self, request: &SignedRequest, target: &Path, progress: Progress<'_>) -> RemoteResult<()> {
        let local = |error| RemoteError::local(target, error);
        let mut file = tokio::fs::OpenOptions::new().create(true).truncate(false).write(true).open(target).await.map_err(local)?;
        let have = file.metadata().await.map_err(local)?.len();
        let mut builder = self.0.signed(request)?;
        if have > 0 {
            builder = builder.header(RANGE, format!("bytes={have}-"));
        }
        let response = heard_within(self.0.silence, builder.send()).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                file.seek(SeekFrom::End(0)).await.map_err(local)?;
            }
            StatusCode::OK if !content_type(&response).starts_with("text/html") => file.set_len(0).await.map_err(local)?,
            StatusCode::OK => return Err(RemoteError::NotCollabtrack { reason: "a web page came from where the store should be".into() }),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).await.map_err(local)?;
                return Err(refusal(response).await);
            }
            _ => return Err(refusal(response).await),
        }
        let mut stream = response.bytes_stream();
        while let Some(piece) = heard_within(self.0.silence, async { stream.next().await.transpose() }).await? {
            file.write_all(&piece).await.map_err(local)?;
            progress(piece.len() as u64);
            self.0.limits.after_fetching(piece.len() as u64).await;
        }
        file.flush().await.map_err(local)
    }
}

impl Remote for HttpRemote {
    fn projects(&self) -> BoxFuture<'_, RemoteResult<Vec<Project>>> {
        Box::pin(self.0.get("/projects", &[]))
    }

    fn generation<'a>(&'a self, body: &'a DeviceGeneration) -> BoxFuture<'a, RemoteResult<GenerationKnown>> {
        Box::pin(async move { self.0.post("/devices/generation", body).await })
    }

    fn project<'a>(&'a self, id: &'a ProjectId) -> BoxFuture<'a, RemoteResult<Project>> {
        Box::pin(async move { self.0.get(&format!("/projects/{id}"), &[]).await })
    }

    fn create_project<'a>(&'a self, body: &'a CreateProject) -> BoxFuture<'a, RemoteResult<Project>> {
        Box::pin(async move { self.0.post("/projects", body).await })
    }

    fn create_upload<'a>(&'a self, project: &'a ProjectId, body: &'a CreateUpload) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.0.post(&format!("/projects/{project}/uploads"), body).await })
    }

    fn upload_urls<'a>(&'a self, upload: &'a UploadId, body: &'a WantUrls) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.0.post(&format!("/uploads/{upload}/urls"), body).await })
    }

    fn upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.0.get(&format!("/uploads/{upload}"), &[]).await })
    }

    fn complete_upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.0.post(&format!("/uploads/{upload}/complete"), &serde_json::json!({})).await })
    }

    fn announce<'a>(&'a self, project: &'a ProjectId, body: &'a Announce) -> BoxFuture<'a, RemoteResult<Announced>> {
        Box::pin(async move { self.0.post(&format!("/projects/{project}/versions"), body).await })
    }

    fn commit<'a>(&'a self, version: &'a VersionId, body: &'a Commit) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.0.post(&format!("/versions/{version}/commit"), body).await })
    }

    fn set_tables<'a>(&'a self, version: &'a VersionId, body: &'a SetTables) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.0.post(&format!("/versions/{version}/tables"), body).await })
    }

    fn edit_version<'a>(&'a self, version: &'a VersionId, body: &'a EditVersion) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.0.patch(&format!("/versions/{version}"), body).await })
    }

    fn trash<'a>(&'a self, version: &'a VersionId, trashed: bool) -> BoxFuture<'a, RemoteResult<Version>> {
        let act = if trashed { "trash" } else { "restore" };
        Box::pin(async move { self.0.post_empty(&format!("/versions/{version}/{act}")).await })
    }

    fn edit_track<'a>(&'a self, project: &'a ProjectId, track: &'a TrackId, body: &'a EditTrack) -> BoxFuture<'a, RemoteResult<TrackInfo>> {
        Box::pin(async move { self.0.patch(&format!("/projects/{project}/tracks/{track}"), body).await })
    }

    fn report_damage<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.0.post(&format!("/versions/{version}/damage"), &serde_json::json!({})).await })
    }

    fn reads<'a>(&'a self, version: &'a VersionId, rendition: Rendition) -> BoxFuture<'a, RemoteResult<Reads>> {
        Box::pin(async move { self.0.post(&format!("/versions/{version}/reads"), &WantReads { rendition }).await })
    }

    fn changes<'a>(&'a self, project: &'a ProjectId, after: &'a FeedPlace) -> BoxFuture<'a, RemoteResult<ChangePage>> {
        Box::pin(async move {
            let (since, limit) = (after.cursor.to_string(), MAX_CHANGES_PER_PAGE.to_string());
            let mut query = vec![("since", since.as_str()), ("limit", limit.as_str())];
            if let Some(last) = &after.last_change {
                query.push(("last", last));
            }
            if let Some(epoch) = &after.epoch {
                query.push(("epoch", epoch));
            }
            self.0.get(&format!("/projects/{project}/changes"), &query).await
        })
    }

    fn change_set<'a>(&'a self, id: &'a ChangeSetId) -> BoxFuture<'a, RemoteResult<ChangeSetDetail>> {
        Box::pin(async move { self.0.get(&format!("/change-sets/{id}"), &[]).await })
    }

    fn add_comment<'a>(&'a self, version: &'a VersionId, body: &'a AddComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        Box::pin(async move { self.0.post(&format!("/versions/{version}/comments"), body).await })
    }

    fn settle_comment<'a>(&'a self, comment: &'a CommentId, body: &'a SettleComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        Box::pin(async move { self.0.post(&format!("/comments/{comment}/settle"), body).await })
    }

    fn put<'a>(&'a self, request: &'a SignedRequest, body: FileRange, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(self.put_range(request, body, progress))
    }

    fn fetch_range<'a>(
        &'a self,
        request: &'a SignedRequest,
        range: (u64, u64),
        target: &'a Path,
        progress: Progress<'a>,
    ) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(self.fetch_bytes(request, range, target, progress))
    }

    fn fetch<'a>(&'a self, request: &'a SignedRequest, target: &'a Path, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(self.fetch_object(request, target, progress))
    }
}
