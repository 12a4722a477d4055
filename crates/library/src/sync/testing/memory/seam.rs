//! The server in memory as the sync engine sees it: every call takes the server for a moment.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use collabtrack_domain::id::{ChangeSetId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_protocol::accounts::{DeviceGeneration, GenerationKnown};
use collabtrack_protocol::approval::ChangeSetDetail;
use collabtrack_protocol::changes::{ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::{CreateProject, Project};
use collabtrack_protocol::uploads::{CreateUpload, SignedRequest, UploadState, WantUrls};
use collabtrack_protocol::versions::{Announce, Announced, Commit, EditTrack, EditVersion, Reads, Rendition, SetTables, Version};
use futures::future::BoxFuture;

use super::super::super::remote::{Fetching, FileRange, Progress, Remote, RemoteError, RemoteResult, Run};
use super::{Feed, MemoryRemote, Upload, not_found, problem};
use crate::store::projects::FeedPlace;

fn ready<'a, T: Send + 'a>(result: RemoteResult<T>) -> BoxFuture<'a, RemoteResult<T>> {
    Box::pin(std::future::ready(result))
}

fn read_range(body: &FileRange) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(&body.path)?;
    file.seek(SeekFrom::Start(body.offset))?;
    let mut bytes = Vec::new();
    file.take(body.length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Remote for MemoryRemote {
    fn projects(&self) -> BoxFuture<'_, RemoteResult<Vec<Project>>> {
        let inner = self.inner();
        ready(inner.feeds.keys().map(|id| inner.project(id)).collect())
    }

    fn generation<'a>(&'a self, body: &'a DeviceGeneration) -> BoxFuture<'a, RemoteResult<GenerationKnown>> {
        let mut inner = self.inner();
        let known = inner.generations.entry(body.device.clone()).or_insert_with(|| (body.generation, body.run.clone()));
        let current = known.0 < body.generation || *known == (body.generation, body.run.clone());
        if current {
            *known = (body.generation, body.run.clone());
        }
        let projects: RemoteResult<Vec<Project>> = inner.feeds.keys().map(|id| inner.project(id)).collect();
        ready(projects.map(|projects| GenerationKnown { current, projects }))
    }

    fn project<'a>(&'a self, id: &'a ProjectId) -> BoxFuture<'a, RemoteResult<Project>> {
        ready(self.inner().project(id))
    }

    fn create_project<'a>(&'a self, body: &'a CreateProject) -> BoxFuture<'a, RemoteResult<Project>> {
        let mut inner = self.inner();
        inner.feeds.entry(body.id.clone()).or_insert_with(|| Feed { name: body.name.clone(), epoch: "first".into(), changes: Vec::new() });
        ready(inner.project(&body.id))
    }

    fn create_upload<'a>(&'a self, project: &'a ProjectId, body: &'a CreateUpload) -> BoxFuture<'a, RemoteResult<UploadState>> {
        let mut inner = self.inner();
        // A key is never used again, also when sessions are forgotten.
        inner.keys += 1;
        let object = format!("p/{project}/o/{}", inner.keys);
        let known = inner.uploads.entry(body.upload.clone()).or_insert_with(|| Upload {
            body: body.clone(),
            object,
            stored: BTreeMap::new(),
            verified: false,
        });
        if known.body != *body {
            return ready(Err(problem(ErrorCode::IdTaken, 409, "Another upload.")));
        }
        ready(inner.state(&body.upload, &[]))
    }

    fn upload_urls<'a>(&'a self, upload: &'a UploadId, body: &'a WantUrls) -> BoxFuture<'a, RemoteResult<UploadState>> {
        ready(self.inner().state(upload, &body.parts))
    }

    fn upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        ready(self.inner().state(upload, &[]))
    }

    fn complete_upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>> {
        let mut inner = self.inner();
        ready(inner.verify(upload).and_then(|_| inner.state(upload, &[])))
    }

    fn announce<'a>(&'a self, project: &'a ProjectId, body: &'a Announce) -> BoxFuture<'a, RemoteResult<Announced>> {
        ready(self.inner().announce(project, body).map(|version| Announced { version }))
    }

    fn commit<'a>(&'a self, version: &'a VersionId, body: &'a Commit) -> BoxFuture<'a, RemoteResult<Version>> {
        ready(self.inner().commit(version, body))
    }

    fn set_tables<'a>(&'a self, version: &'a VersionId, body: &'a SetTables) -> BoxFuture<'a, RemoteResult<Version>> {
        ready(self.inner().set_tables(version, body))
    }

    fn edit_version<'a>(&'a self, version: &'a VersionId, body: &'a EditVersion) -> BoxFuture<'a, RemoteResult<Version>> {
        ready(self.inner().edit_version(version, body))
    }

    fn trash<'a>(&'a self, version: &'a VersionId, trashed: bool) -> BoxFuture<'a, RemoteResult<Version>> {
        ready(self.inner().trash(version, trashed))
    }

    fn edit_track<'a>(&'a self, project: &'a ProjectId, track: &'a TrackId, body: &'a EditTrack) -> BoxFuture<'a, RemoteResult<TrackInfo>> {
        ready(self.inner().edit_track(project, track, body))
    }

    fn report_damage<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, RemoteResult<Version>> {
        ready(self.inner().versions.get(version).map(|entry| entry.0.clone()).ok_or_else(not_found))
    }

    fn reads<'a>(&'a self, version: &'a VersionId, rendition: Rendition) -> BoxFuture<'a, RemoteResult<Reads>> {
        ready(self.inner().reads(version, rendition))
    }

    fn changes<'a>(&'a self, project: &'a ProjectId, after: &'a FeedPlace, have: &'a [i64]) -> BoxFuture<'a, RemoteResult<ChangePage>> {
        ready(self.inner().changes(project, after, have))
    }

    fn change_set<'a>(&'a self, _id: &'a ChangeSetId) -> BoxFuture<'a, RemoteResult<ChangeSetDetail>> {
        ready(Err(not_found()))
    }

    fn add_comment<'a>(&'a self, version: &'a VersionId, body: &'a AddComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        ready(self.inner().add_comment(version, body))
    }

    fn settle_comment<'a>(&'a self, comment: &'a CommentId, body: &'a SettleComment) -> BoxFuture<'a, RemoteResult<Comment>> {
        ready(self.inner().settle_comment(comment, body.resolved))
    }

    fn put<'a>(&'a self, request: &'a SignedRequest, body: FileRange, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        let result = read_range(&body).map_err(|error| RemoteError::local(&body.path, error)).and_then(|bytes| {
            progress(bytes.len() as u64);
            self.inner().put(request, bytes)
        });
        ready(result)
    }

    fn fetch_range<'a>(&'a self, request: &'a SignedRequest, run: Run, target: &'a Path, progress: Progress<'a>) -> Fetching<'a> {
        let bytes = request.url.strip_prefix("memory:").and_then(|key| self.inner().objects.get(key).cloned());
        let end = run.0.saturating_add(run.1);
        let asked = usize::try_from(run.0).ok().zip(usize::try_from(end).ok());
        let bytes = bytes.zip(asked).and_then(|(bytes, (from, end))| bytes.get(from..end).map(<[u8]>::to_vec));
        let result = bytes.ok_or(RemoteError::StoreRefused { status: 404 }).and_then(|bytes| {
            progress(bytes.len() as u64);
            std::fs::write(target, bytes).map_err(|error| RemoteError::local(target, error))
        });
        ready(result)
    }

    fn fetch<'a>(&'a self, request: &'a SignedRequest, target: &'a Path, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        let bytes = request.url.strip_prefix("memory:").and_then(|key| self.inner().objects.get(key).cloned());
        let result = bytes.ok_or(RemoteError::StoreRefused { status: 404 }).and_then(|bytes| {
            progress(bytes.len() as u64);
            std::fs::write(target, bytes).map_err(|error| RemoteError::local(target, error))
        });
        ready(result)
    }
}
