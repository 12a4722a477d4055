//! The server over HTTP as a [`Remote`]: which call goes to which address.

use std::path::Path;

use collabtrack_domain::id::{ChangeSetId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_protocol::accounts::{DeviceGeneration, GenerationKnown};
use collabtrack_protocol::approval::ChangeSetDetail;
use collabtrack_protocol::changes::{ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::projects::{CreateProject, Project};
use collabtrack_protocol::uploads::{CreateUpload, SignedRequest, UploadState, WantUrls};
use collabtrack_protocol::versions::{
    Announce, Announced, Commit, EditTrack, EditVersion, Reads, Rendition, SetTables, Version, WantReads,
};
use futures::future::BoxFuture;

use super::Api;
use crate::store::projects::FeedPlace;
use crate::sync::remote::{Fetching, FileRange, Progress, Remote, RemoteResult, Run};

/// The server over HTTP.
#[derive(Clone)]
pub struct HttpRemote(pub Api);

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

    fn changes<'a>(&'a self, project: &'a ProjectId, after: &'a FeedPlace, have: &'a [i64]) -> BoxFuture<'a, RemoteResult<ChangePage>> {
        Box::pin(async move {
            let since = after.cursor.to_string();
            let mut query = vec![("since", since.as_str())];
            let have = have.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
            if !have.is_empty() {
                query.push(("have", &have));
            }
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
        Box::pin(self.0.put_range(request, body, progress))
    }

    fn fetch_range<'a>(&'a self, request: &'a SignedRequest, run: Run, target: &'a Path, progress: Progress<'a>) -> Fetching<'a> {
        Box::pin(self.0.fetch_range(request, run, target, progress))
    }

    fn fetch<'a>(&'a self, request: &'a SignedRequest, target: &'a Path, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>> {
        Box::pin(self.0.fetch_object(request, target, progress))
    }
}
