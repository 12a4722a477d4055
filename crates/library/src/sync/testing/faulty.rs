//! A `Remote` that fails when told to, and passes everything else on.

use std::path::Path;
use std::sync::{Arc, Mutex};

use collabtrack_domain::id::{ChangeSetId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_protocol::accounts::{DeviceGeneration, GenerationKnown};
use collabtrack_protocol::approval::ChangeSetDetail;
use collabtrack_protocol::changes::{ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::projects::{CreateProject, Project};
use collabtrack_protocol::uploads::{CreateUpload, SignedRequest, UploadState, WantUrls};
use collabtrack_protocol::versions::{Announce, Announced, Commit, EditTrack, EditVersion, Reads, Rendition, SetTables, Version};
use futures::future::BoxFuture;

use super::super::remote::{Fetching, FileRange, Progress, Remote, RemoteError, RemoteResult, Run};
use crate::store::projects::FeedPlace;

/// A call of a `Remote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `projects`, `project`, `generation`.
    Projects,
    /// `create_project`.
    CreateProject,
    /// `create_upload`.
    CreateUpload,
    /// `upload_urls`, `upload`.
    Upload,
    /// `complete_upload`.
    Complete,
    /// `announce`.
    Announce,
    /// `commit`.
    Commit,
    /// `set_tables`.
    Tables,
    /// `report_damage`.
    Damage,
    /// `edit_version`, `edit_track`, `trash`.
    Edit,
    /// `reads`.
    Reads,
    /// `changes`.
    Changes,
    /// `change_set`.
    ChangeSet,
    /// `add_comment`, `settle_comment`.
    Comment,
    /// `put`.
    Put,
    /// `fetch`.
    Fetch,
}

/// What happens to a call.
pub enum Fault {
    /// It fails and the server never heard of it.
    Before(RemoteError),
    /// The server does it, and the answer is lost.
    AnswerLost,
    /// Nobody ever answers: for stopping a client in the middle.
    Hangs,
}

type Script = dyn FnMut(Call) -> Option<Fault> + Send;

/// A `Remote` with faults.
#[derive(Clone)]
pub struct Faulty<R> {
    inner: R,
    script: Arc<Mutex<Box<Script>>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// An answer that never came.
#[must_use]
pub fn silence() -> RemoteError {
    RemoteError::Unreachable { reason: "the connection broke".into() }
}

impl<R: Remote> Faulty<R> {
    /// Asks `script` before every call.
    pub fn new(inner: R, script: impl FnMut(Call) -> Option<Fault> + Send + 'static) -> Self {
        Self { inner, script: Arc::new(Mutex::new(Box::new(script))), calls: Arc::default() }
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panics while holding the calls").clone()
    }

    async fn pass<T>(&self, call: Call, answer: BoxFuture<'_, RemoteResult<T>>) -> RemoteResult<T> {
        self.calls.lock().expect("nobody panics while holding the calls").push(call);
        let fault = (self.script.lock().expect("nobody panics while holding the script"))(call);
        // A place where a test may stop the engine between two calls.
        tokio::task::yield_now().await;
        match fault {
            None => answer.await,
            Some(Fault::Before(error)) => Err(error),
            Some(Fault::AnswerLost) => answer.await.and(Err(silence())),
            Some(Fault::Hangs) => std::future::pending().await,
        }
    }
}

impl<R: Remote> Remote for Faulty<R> {
    fn projects(&self) -> BoxFuture<'_, RemoteResult<Vec<Project>>> {
        Box::pin(async move { self.pass(Call::Projects, Box::pin(async { self.inner.projects().await })).await })
    }

    fn generation<'a>(&'a self, body: &'a DeviceGeneration) -> BoxFuture<'a, RemoteResult<GenerationKnown>> {
        Box::pin(async move { self.pass(Call::Projects, Box::pin(async { self.inner.generation(body).await })).await })
    }

    fn project<'a>(&'a self, id: &'a ProjectId) -> BoxFuture<'a, RemoteResult<Project>> {
        Box::pin(async move { self.pass(Call::Projects, Box::pin(async { self.inner.project(id).await })).await })
    }

    fn create_project<'a>(&'a self, body: &'a CreateProject) -> BoxFuture<'a, RemoteResult<Project>> {
        Box::pin(async move { self.pass(Call::CreateProject, Box::pin(async { self.inner.create_project(body).await })).await })
    }

    fn create_upload<'a>(&'a self, project: &'a ProjectId, body: &'a CreateUpload) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.pass(Call::CreateUpload, Box::pin(async { self.inner.create_upload(project, body).await })).await })
    }

    fn upload_urls<'a>(&'a self, upload: &'a UploadId, body: &'a WantUrls) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.pass(Call::Upload, Box::pin(async { self.inner.upload_urls(upload, body).await })).await })
    }

    fn upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.pass(Call::Upload, Box::pin(async { self.inner.upload(upload).await })).await })
    }

    fn complete_upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        Box::pin(async move { self.pass(Call::Complete, Box::pin(async { self.inner.complete_upload(upload).await })).await })
    }

    fn announce<'a>(&'a self, project: &'a ProjectId, body: &'a Announce) -> BoxFuture<'a, RemoteResult<Announced>> {
        Box::pin(async move { self.pass(Call::Announce, Box::pin(async { self.inner.announce(project, body).await })).await })
    }

    fn commit<'a>(&'a self, version: &'a VersionId, body: &'a Commit) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.pass(Call::Commit, Box::pin(async { self.inner.commit(version, body).await })).await })
    }

    fn set_tables<'a>(&'a self, version: &'a VersionId, body: &'a SetTables) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.pass(Call::Tables, Box::pin(async { self.inner.set_tables(version, body).await })).await })
    }

    fn edit_version<'a>(&'a self, version: &'a VersionId, body: &'a EditVersion) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.pass(Call::Edit, Box::pin(async { self.inner.edit_version(version, body).await })).await })
    }

    fn trash<'a>(&'a self, version: &'a VersionId, trashed: bool) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.pass(Call::Edit, Box::pin(async { self.inner.trash(version, trashed).await })).await })
    }

    fn edit_track<'a>(&'a self, project: &'a ProjectId, track: &'a TrackId, body: &'a EditTrack) -> BoxFuture<'a, RemoteResult<TrackInfo>> {
        Box::pin(async move { self.pass(Call::Edit, Box::pin(async { self.inner.edit_track(project, track, body).await })).await })
    }

    fn report_damage<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, RemoteResult<Version>> {
        Box::pin(async move { self.pass(Call::Damage, Box::pin(async { self.inner.report_damage(version).await })).await })
    }

    fn reads<'a>(&'a self, version: &'a VersionId, rendition: Rendition) -> BoxFuture<'a, RemoteResult<Reads>> {
        Box::pin(async move { self.pass(Call::Reads, Box::pin(async { self.inner.reads(version, rendition).await })).await })
    }

    fn changes<'a>(&'a self, project: &'a ProjectId, after: &'a FeedPlace, have: &'a [i64]) -> BoxFuture<'a, RemoteResult<ChangePage>> {
        Box::pin(async move { self.pass(Call::Changes, Box::pin(async { self.inner.changes(project, after, have).await })).await })
    }

    fn change_set<'a>(&'a self, id: &'a ChangeSetId) -> BoxFuture<'a, RemoteResult<ChangeSetDetail>> {
        Box::pin(async move { self.pass(Call::ChangeSet, Box::pin(async { self.inner.change_set(id).await })).await })
    }

    fn add_comment<'a>(&'a self, version: &'a VersionId, body: &'a AddComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        Box::pin(async move { self.pass(Call::Comment, Box::pin(async { self.inner.add_comment(version, body).await })).await })
    }

    fn settle_comment<'a>(&'a self, comment: &'a CommentId, body: &'a SettleComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        Box::pin(async move { self.pass(Call::Comment, Box::pin(async { self.inner.settle_comment(comment, body).await })).await })
    }

    fn put<'a>(&'a self, request: &'a SignedRequest, body: FileRange, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(async move { self.pass(Call::Put, Box::pin(async { self.inner.put(request, body, progress).await })).await })
    }

    fn fetch_range<'a>(&'a self, request: &'a SignedRequest, run: Run, target: &'a Path, progress: Progress<'a>) -> Fetching<'a> {
        Box::pin(
            async move { self.pass(Call::Fetch, Box::pin(async { self.inner.fetch_range(request, run, target, progress).await })).await },
        )
    }

    fn fetch<'a>(&'a self, request: &'a SignedRequest, target: &'a Path, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(async move { self.pass(Call::Fetch, Box::pin(async { self.inner.fetch(request, target, progress).await })).await })
    }
}
