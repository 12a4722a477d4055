//! Bytes that stand for bounces, and their way to the server: upload, announce, commit, read.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, TrackId, UploadId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::limits::PART_SIZE_BYTES;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, SignedRequest, UploadState, UploadStatus};
use collabtrack_protocol::versions::{Announce, Announced, Commit, Reads, Rendition, TrackClaim, Version, VersionFile, WantReads};
use collabtrack_server::random;
use serde_json::json;

use super::person::{Answer, CLIENT, Person, send};

/// `length` bytes that depend on `seed` alone.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The upload a client plans for these bytes.
pub(crate) fn plan(format: ObjectFormat, bytes: &[u8]) -> CreateUpload {
    let length = bytes.len() as u64;
    let part_size = if length <= PART_SIZE_BYTES { length } else { PART_SIZE_BYTES };
    let chunk = usize::try_from(part_size).expect("fits");
    let parts = bytes.chunks(chunk).map(ObjectHash::of).collect();
    CreateUpload { upload: UploadId::from_random(random::bytes()), format, length, part_size, parts, sha256: Some(ObjectHash::of(bytes)) }
}

/// Sends a signed request with a body, exactly as signed.
pub(crate) async fn put(request: &SignedRequest, body: Vec<u8>) -> Answer {
    let mut builder = CLIENT.request(request.method.parse().expect("a method"), &request.url).body(body);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    send(builder).await
}

/// Gets what a signed request reads, or a range of it.
pub(crate) async fn fetch(request: &SignedRequest, range: Option<&str>) -> Answer {
    let mut builder = CLIENT.get(&request.url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    send(if let Some(range) = range { builder.header("range", range) } else { builder }).await
}

pub(crate) fn claim(name: &str) -> TrackClaim {
    TrackClaim { id: TrackId::from_random(random::bytes()), name: name.to_owned(), key: name.to_lowercase().replace(' ', ""), auto: true }
}

/// An announcement of a single file without preview.
pub(crate) fn announcement(track: &TrackClaim, bytes: &[u8]) -> Announce {
    let sha256 = ObjectHash::of(bytes);
    Announce {
        version: VersionId::from_random(random::bytes()),
        track: track.clone(),
        kind: Kind::Mix,
        note: "louder".to_owned(),
        content_id: sha256,
        parent: None,
        same_as: None,
        sound_as: None,
        files: vec![VersionFile { path: format!("{}.wav", track.name), length: bytes.len() as u64, sha256 }],
        preview: None,
        no_preview_reason: Some("not audio".to_owned()),
        summary: json!({"format": "wav", "sample_rate": 48_000, "loudness": -14.3}),
        overview: String::new(),
        captured_at: "2026-05-03T12:00:00Z".to_owned(),
    }
}

impl Person {
    pub(crate) async fn open_upload(&self, project: &ProjectId, plan: &CreateUpload) -> UploadState {
        self.post(&format!("/projects/{project}/uploads"), plan).await.ok()
    }

    /// Sends bytes the whole way: session, parts, completion.
    pub(crate) async fn upload(&self, project: &ProjectId, format: ObjectFormat, bytes: &[u8]) -> (UploadId, String) {
        let plan = plan(format, bytes);
        let state = self.open_upload(project, &plan).await;
        for part in &state.urls {
            let start = usize::try_from(u64::from(part.part - 1) * plan.part_size).expect("fits");
            let end = bytes.len().min(start + usize::try_from(plan.part_size).expect("fits"));
            let answer = put(&part.request, bytes[start..end].to_vec()).await;
            assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
        }
        let done: UploadState = self.act(&format!("/uploads/{}/complete", plan.upload)).await.ok();
        assert_eq!(done.status, UploadStatus::Verified);
        (plan.upload, done.object)
    }

    pub(crate) async fn announce(&self, project: &ProjectId, body: &Announce) -> Version {
        self.post(&format!("/projects/{project}/versions"), body).await.ok::<Announced>().version
    }

    pub(crate) async fn commit(&self, version: &Version, object: &str) -> Answer {
        let file = &version.files[0];
        let recipe = Recipe::plain(file.path.clone(), file.length, file.sha256, object.to_owned());
        self.post(&format!("/versions/{}/commit", version.id), &Commit { recipe: recipe.into() }).await
    }

    /// A complete version of a track.
    pub(crate) async fn bounce(&self, project: &ProjectId, track: &TrackClaim, bytes: &[u8]) -> Version {
        let announced = self.announce(project, &announcement(track, bytes)).await;
        let (_, object) = self.upload(project, ObjectFormat::Plain, bytes).await;
        self.commit(&announced, &object).await.ok()
    }

    pub(crate) async fn reads(&self, version: &VersionId, rendition: Rendition) -> Answer {
        self.post(&format!("/versions/{version}/reads"), &WantReads { rendition }).await
    }

    /// The bytes of a version's original, rebuilt.
    pub(crate) async fn original(&self, version: &VersionId) -> Vec<u8> {
        let reads: Reads = self.reads(version, Rendition::Original).await.ok();
        let recipe = reads.recipe.expect("originals come with a recipe");
        assert_eq!(recipe.check(), Ok(()));
        assert_eq!(reads.objects.len(), 1);
        assert_eq!(Some(&reads.objects[0].object), recipe.files[0].plain_object.as_ref());
        fetch(&reads.objects[0].request, None).await.bytes
    }
}
