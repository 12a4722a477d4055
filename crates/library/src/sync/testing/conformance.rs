//! What every `Remote` does the same way: the suite runs against the server in memory and over HTTP.

use std::path::Path;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, TrackId, UploadId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::accounts::DeviceGeneration;
use collabtrack_protocol::problem::ErrorCode;
use collabtrack_protocol::projects::CreateProject;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, UploadStatus, WantUrls};
use collabtrack_protocol::versions::{Announce, Commit, Rendition, SetTables, TrackClaim, Version, VersionFile, VersionState};

use super::super::remote::{FileRange, Remote, RemoteError};
use crate::record::random_bits;
use crate::store::projects::FeedPlace;

const MIB: usize = 1 << 20;

fn code<T>(result: Result<T, RemoteError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}

fn upload_of(bytes: &[u8], format: ObjectFormat, part_size: usize) -> CreateUpload {
    CreateUpload {
        upload: UploadId::from_random(random_bits()),
        format,
        length: bytes.len() as u64,
        part_size: part_size as u64,
        parts: bytes.chunks(part_size).map(ObjectHash::of).collect(),
        sha256: Some(ObjectHash::of(bytes)),
    }
}

async fn send_part(remote: &dyn Remote, body: &CreateUpload, file: &Path, number: u32) -> Result<(), RemoteError> {
    let state = remote.upload_urls(&body.upload, &WantUrls { parts: vec![number] }).await?;
    let request = &state.urls.iter().find(|url| url.part == number).expect("the part is signed").request;
    let offset = u64::from(number - 1) * body.part_size;
    let range = FileRange { path: file.to_path_buf(), offset, length: (body.length - offset).min(body.part_size), gives_way: false };
    remote.put(request, range, &|_| {}).await
}

fn announcement(track: &TrackId, bytes: &[u8], preview: Option<UploadId>) -> Announce {
    let sha256 = ObjectHash::of(bytes);
    Announce {
        version: VersionId::from_random(random_bits()),
        track: TrackClaim { id: track.clone(), name: "Night Drive".into(), key: "nightdrive".into(), auto: true },
        kind: Kind::Mix,
        note: String::new(),
        content_id: sha256,
        parent: None,
        same_as: None,
        sound_as: None,
        files: vec![VersionFile { path: "Night Drive.wav".into(), length: bytes.len() as u64, sha256 }],
        no_preview_reason: preview.is_none().then(|| "too short".into()),
        preview,
        summary: serde_json::json!({"frames": 48_000, "sample_rate": 48_000}),
        overview: String::new(),
        captured_at: "2026-05-03T12:00:00.000Z".into(),
    }
}

async fn feed(remote: &dyn Remote, project: &ProjectId) -> Vec<collabtrack_protocol::changes::Change> {
    let mut place = FeedPlace::default();
    let mut all = Vec::new();
    loop {
        let page = remote.changes(project, &place, &[]).await.expect("the feed answers");
        crate::sync::feed::check_page(&page, &place).expect("the feed is in order");
        let last = page.changes.last().cloned();
        all.extend(page.changes);
        if let Some(last) = last {
            place = FeedPlace { epoch: Some(page.epoch.clone()), cursor: last.seq, last_change: Some(last.id) };
        }
        if !page.more {
            return all;
        }
    }
}

/// Runs the whole suite; `folder` is empty and for scratch files. Panics where the remote does otherwise.
pub async fn check(remote: &dyn Remote, folder: &Path) {
    let project = ProjectId::from_random(random_bits());
    let create = CreateProject { id: project.clone(), name: "Night Drive EP".into() };
    remote.create_project(&create).await.expect("a project is made");
    assert_eq!(remote.create_project(&create).await.expect("the same again").id, project, "the same request gives the same project");
    assert!(remote.projects().await.expect("projects").iter().any(|known| known.id == project));
    let random_word = || format!("{:032x}", rand::random::<u128>());
    let start = DeviceGeneration { device: random_word(), generation: 2, run: random_word() };
    for (run, current) in [(start.run.clone(), true), (start.run.clone(), true), (random_word(), false)] {
        let known = remote.generation(&DeviceGeneration { run, ..start.clone() }).await.expect("told");
        assert_eq!(known.current, current, "one start is told as often as one likes, another one counts on");
        assert_eq!(known.projects, remote.projects().await.expect("projects"), "the projects come with it");
    }

    let first = original_comes_back(remote, folder, &project).await;
    equal_bytes_are_one_version(remote, &project, &first).await;
    wrong_bytes_are_refused(remote, folder, &project).await;
    the_same_sound_shares_what_is_about_it(remote, &project, &first).await;
    a_packed_object_of_one_part_is_verified_by_its_recipe(remote, folder, &project, &first).await;
    an_upload_that_was_cleared_away_is_over(remote, &project, &first).await;
    feed_is_in_order(remote, &project).await;
    assert_eq!(code(remote.reads(&VersionId::from_random(random_bits()), Rendition::Preview).await), Some(ErrorCode::NotFound));
}

/// Preview, announcement, original in parts with a repeat in the middle, commit, fetch.
async fn original_comes_back(remote: &dyn Remote, folder: &Path, project: &ProjectId) -> Version {
    let bytes: Vec<u8> = (0..12 * MIB as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let preview = b"a small rendition".to_vec();
    let (original_file, preview_file) = (folder.join("original"), folder.join("preview"));
    std::fs::write(&original_file, &bytes).expect("written");
    std::fs::write(&preview_file, &preview).expect("written");

    let preview_upload = upload_of(&preview, ObjectFormat::Preview, preview.len());
    remote.create_upload(project, &preview_upload).await.expect("a session");
    send_part(remote, &preview_upload, &preview_file, 1).await.expect("the preview arrives");
    let body = announcement(&TrackId::from_random(random_bits()), &bytes, Some(preview_upload.upload.clone()));
    let announced = remote.announce(project, &body).await.expect("announced").version;
    assert_eq!((announced.number, announced.state), (1, VersionState::Announced));
    assert_eq!(announced.preview_sha256, Some(ObjectHash::of(&preview)));
    assert_eq!(remote.announce(project, &body).await.expect("the same again").version.number, 1, "repeating does not number twice");
    assert_eq!(code(remote.reads(&announced.id, Rendition::Original).await), Some(ErrorCode::VersionIncomplete));

    let upload = upload_of(&bytes, ObjectFormat::Plain, 8 * MIB);
    let state = remote.create_upload(project, &upload).await.expect("a session");
    assert_eq!((state.status, state.urls.len()), (UploadStatus::Open, 2));
    send_part(remote, &upload, &original_file, 2).await.expect("part 2 arrives");
    assert_eq!(code(remote.complete_upload(&upload.upload).await), Some(ErrorCode::UploadIncomplete));
    let again = remote.create_upload(project, &upload).await.expect("the same session");
    assert_eq!(again.stored_parts, [2], "the session knows what arrived");
    send_part(remote, &upload, &original_file, 1).await.expect("part 1 arrives");
    let done = remote.complete_upload(&upload.upload).await.expect("completed");
    assert_eq!(done.status, UploadStatus::Verified);
    assert_eq!(remote.complete_upload(&upload.upload).await.expect("again").status, UploadStatus::Verified);

    let recipe = Recipe::plain("Night Drive.wav".into(), bytes.len() as u64, ObjectHash::of(&bytes), done.object);
    let complete = remote.commit(&announced.id, &Commit { recipe: recipe.clone().into() }).await.expect("committed");
    assert_eq!(complete.state, VersionState::Complete);
    assert_eq!(remote.commit(&announced.id, &Commit { recipe: recipe.into() }).await.expect("again").state, VersionState::Complete);
    let reads = remote.reads(&announced.id, Rendition::Original).await.expect("signed reads");
    let target = folder.join("fetched");
    remote.fetch(&reads.objects[0].request, &target, &|_| {}).await.expect("fetched");
    assert!(std::fs::read(&target).expect("readable") == bytes, "the same bytes come back");
    complete
}

async fn equal_bytes_are_one_version(remote: &dyn Remote, project: &ProjectId, first: &Version) {
    let mut twin = announcement(&first.track, b"", None);
    (twin.content_id, twin.files) = (first.content_id, first.files.clone());
    let answer = remote.announce(project, &twin).await.expect("answered").version;
    assert_eq!(answer.id, first.id, "bytes of the newest version are that version");
    let other = announcement(&first.track, b"another mix", None);
    assert_eq!(remote.announce(project, &other).await.expect("announced").version.number, 2);
    let mut back = twin.clone();
    back.version = VersionId::from_random(random_bits());
    back.same_as = Some(first.id.clone());
    let back = remote.announce(project, &back).await.expect("announced").version;
    assert_eq!((back.number, back.state), (3, VersionState::Complete), "going back needs no upload");
    assert_eq!(back.preview_sha256, first.preview_sha256, "and has the preview of the older version");
}

async fn the_same_sound_shares_what_is_about_it(remote: &dyn Remote, project: &ProjectId, first: &Version) {
    let mut tagged = announcement(&first.track, b"the same sound with another tag", None);
    tagged.no_preview_reason = None;
    tagged.sound_as = Some(first.id.clone());
    let answer = remote.announce(project, &tagged).await.expect("announced").version;
    assert_eq!((answer.state, answer.preview_sha256), (VersionState::Announced, first.preview_sha256), "the preview is the other one's");
    let reads = remote.reads(&answer.id, Rendition::Preview).await.expect("signed reads");
    assert_eq!(Some(reads.objects[0].length), first.preview_length);
    let mut nobody = announcement(&first.track, b"like something unknown", None);
    nobody.sound_as = Some(VersionId::from_random(random_bits()));
    assert_eq!(code(remote.announce(project, &nobody).await), Some(ErrorCode::UploadIncomplete), "then a preview is to be sent");
}

async fn an_upload_that_was_cleared_away_is_over(remote: &dyn Remote, project: &ProjectId, first: &Version) {
    let unknown = UploadId::from_random(random_bits());
    let with_preview = announcement(&first.track, b"one whose preview was cleared away", Some(unknown.clone()));
    assert_eq!(code(remote.announce(project, &with_preview).await), Some(ErrorCode::UploadGone));
    assert_eq!(code(remote.set_tables(&first.id, &SetTables { upload: unknown }).await), Some(ErrorCode::UploadGone));
}

async fn a_packed_object_of_one_part_is_verified_by_its_recipe(remote: &dyn Remote, folder: &Path, project: &ProjectId, first: &Version) {
    let bytes = b"a mix of a few bytes".to_vec();
    let file = folder.join("small");
    std::fs::write(&file, &bytes).expect("written");
    let body = announcement(&first.track, &bytes, None);
    let announced = remote.announce(project, &body).await.expect("announced").version;
    let upload = upload_of(&bytes, ObjectFormat::Packed, bytes.len());
    let object = remote.create_upload(project, &upload).await.expect("a session").object;
    let mut recipe = Recipe::plain("Night Drive.wav".into(), bytes.len() as u64, ObjectHash::of(&bytes), object);
    recipe.files[0].plain_object = None;
    let missing = remote.commit(&announced.id, &Commit { recipe: recipe.clone().into() }).await;
    assert_eq!(code(missing), Some(ErrorCode::ExtentGone), "what the store does not have completes nothing");
    send_part(remote, &upload, &file, 1).await.expect("it arrives");
    let complete = remote.commit(&announced.id, &Commit { recipe: recipe.into() }).await.expect("committed");
    assert_eq!(complete.state, VersionState::Complete);
}

async fn wrong_bytes_are_refused(remote: &dyn Remote, folder: &Path, project: &ProjectId) {
    let (right, wrong) = (b"the right bytes".to_vec(), b"the wrong bytes".to_vec());
    let file = folder.join("wrong");
    std::fs::write(&file, &wrong).expect("written");
    let upload = upload_of(&right, ObjectFormat::Plain, right.len());
    remote.create_upload(project, &upload).await.expect("a session");
    let refused = send_part(remote, &upload, &file, 1).await;
    assert!(matches!(refused, Err(RemoteError::ChecksumRefused)), "the store refuses other bytes: {refused:?}");
    assert_eq!(code(remote.complete_upload(&upload.upload).await), Some(ErrorCode::UploadIncomplete));
    let mut other = upload.clone();
    other.length += 1;
    other.part_size += 1;
    assert_eq!(code(remote.create_upload(project, &other).await), Some(ErrorCode::IdTaken));
}

async fn feed_is_in_order(remote: &dyn Remote, project: &ProjectId) {
    let all = feed(remote, project).await;
    assert!(all.len() >= 4, "every announcement and commit stands in the feed");
    let last = all.last().expect("a change");
    let beyond = FeedPlace { epoch: None, cursor: last.seq + 1, last_change: None };
    assert_eq!(code(remote.changes(project, &beyond, &[]).await), Some(ErrorCode::FeedDiverged));
    let (before, has) = (FeedPlace { epoch: None, cursor: last.seq - 1, last_change: None }, [last.seq]);
    let page = remote.changes(project, &before, &has).await.expect("the feed answers");
    assert_eq!((page.changes[0].seq, &page.changes[0].body), (last.seq, &serde_json::Value::Null), "what the reader has is not told again");
    let other = FeedPlace { epoch: None, cursor: last.seq, last_change: Some("another history".into()) };
    assert_eq!(code(remote.changes(project, &other, &[]).await), Some(ErrorCode::FeedDiverged));
}
