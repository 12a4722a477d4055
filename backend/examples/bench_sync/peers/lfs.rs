//! git-lfs: a server that does nothing but sign addresses of an S3 store, and git itself to a remote on this computer (pointers of 130 bytes).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use collabtrack_domain::hash::ObjectHash;
use collabtrack_server::blobs::Blobs;
use collabtrack_server::config::StoreConfig;
use collabtrack_server::embedded::store::{BUCKET, REGION};
use serde::{Deserialize, Serialize};

use super::s3::Store;
use super::{Peer, inbox, run, timed};
use crate::network::Network;
use crate::relay::Link;
use crate::used::Used;

const KIND: &str = "application/vnd.git-lfs+json";
const LIFE_S: u64 = 3_600;

/// A clone that pushes.
pub(super) struct Lfs {
    folder: PathBuf,
    store: Store,
    api: Link,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Lfs {
    pub(super) async fn new(network: &Network, folder: &Path) -> anyhow::Result<Self> {
        let store = Store::start(network, folder).await?;
        let blobs = |endpoint: String| {
            anyhow::Ok(Blobs::new(&StoreConfig {
                endpoint: Some(endpoint.parse()?),
                region: REGION.to_owned(),
                bucket: BUCKET.to_owned(),
                access_key_id: store.keys.access_key_id.clone(),
                secret_access_key: store.keys.secret_access_key.clone(),
            }))
        };
        let server = Arc::new(Server { signing: blobs(store.endpoint())?, looking: blobs(store.beside())? });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let api = Link::to(network, listener.local_addr()?)?;
        let app = axum::Router::new().route("/objects/batch", axum::routing::post(batch)).with_state(server);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::debug!(?error, "the server of git-lfs ended");
            }
        });
        let url = format!("http://{}", api.address);
        let own = Self { folder: folder.to_path_buf(), store, api, url, task };
        std::fs::create_dir(folder.join("there"))?;
        own.git("there", &["init", "--quiet", "--bare", "."]).await?;
        own.git(".", &["lfs", "install"]).await?;
        own.git(".", &["config", "--global", "lfs.url", &own.url]).await?;
        own.git(".", &["config", "--global", "lfs.locksverify", "false"]).await?;
        own.git("in", &["init", "--quiet", "."]).await?;
        own.git("in", &["lfs", "track", "*.wav"]).await?;
        own.git("in", &["remote", "add", "origin", &format!("file://{}", folder.join("there").display())]).await?;
        Ok(own)
    }

    async fn git(&self, inside: &str, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let home = self.folder.display().to_string();
        run("git", arguments, &self.folder.join(inside), &environment(&home)).await
    }
}

impl Drop for Lfs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn environment(home: &str) -> [(&str, &str); 6] {
    [
        ("HOME", home),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "bench"),
        ("GIT_AUTHOR_EMAIL", "bench@example.com"),
        ("GIT_COMMITTER_NAME", "bench"),
        ("GIT_COMMITTER_EMAIL", "bench@example.com"),
    ]
}

#[async_trait]
impl Peer for Lfs {
    /// The time is that of adding, committing and pushing.
    async fn put(&mut self) -> anyhow::Result<Used> {
        let home = self.folder.display().to_string();
        let all = "git add --all . && git commit --quiet --allow-empty -m mix && git push --quiet origin HEAD:main";
        timed("sh", &["-c", all], &inbox(&self.folder), &environment(&home)).await
    }

    fn passed(&self) -> u64 {
        self.store.link.both() + self.api.both()
    }

    async fn back(&mut self, name: &str) -> anyhow::Result<Vec<u8>> {
        let remote = format!("file://{}", self.folder.join("there").display());
        self.git(".", &["clone", "--quiet", "--branch", "main", &remote, "back"]).await?;
        Ok(std::fs::read(self.folder.join("back").join(name))?)
    }
}

/// It signs for those at home and looks into the store itself.
struct Server {
    signing: Blobs,
    looking: Blobs,
}

#[derive(Deserialize)]
struct Wanted {
    operation: String,
    objects: Vec<Pointer>,
}

#[derive(Deserialize, Serialize)]
struct Pointer {
    oid: String,
    size: u64,
}

#[derive(Serialize)]
struct Action {
    href: String,
    header: BTreeMap<String, String>,
    expires_in: u64,
}

#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    pointer: Pointer,
    authenticated: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    actions: BTreeMap<String, Action>,
}

#[derive(Serialize)]
struct Answer {
    transfer: &'static str,
    objects: Vec<Answered>,
}

async fn batch(State(server): State<Arc<Server>>, body: String) -> Result<impl IntoResponse, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let wanted: Wanted = serde_json::from_str(&body).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
    let mut objects = Vec::new();
    for pointer in wanted.objects {
        let key = format!("lfs/{}", pointer.oid);
        let hash = ObjectHash::parse(&pointer.oid).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY)?;
        let there = server.looking.head(&key).await.map_err(failed)?.is_some();
        let signed = match wanted.operation.as_str() {
            "upload" if there => None,
            "upload" => Some(server.signing.sign_put(&key, pointer.size, &hash, LIFE_S).await.map_err(failed)?),
            _ => Some(server.signing.sign_get(&key, LIFE_S).await.map_err(failed)?),
        };
        // The length is set by the one who sends.
        let actions = signed.map(|signed| {
            let header = signed.headers.into_iter().filter(|(name, _)| name != "content-length").collect();
            (wanted.operation.clone(), Action { href: signed.url, header, expires_in: LIFE_S })
        });
        objects.push(Answered { pointer, authenticated: true, actions: actions.into_iter().collect() });
    }
    let body = serde_json::to_string(&Answer { transfer: "basic", objects }).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, KIND)], body))
}
