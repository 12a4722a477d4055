//! A server and store in memory: the rules of numbers, feed and uploads, without accounts. It checks every hash it is given.

mod faults;
mod seam;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{AccountId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_domain::recipe::Recipe;
use collabtrack_domain::role::Role;
use collabtrack_protocol::accounts::Person;
use collabtrack_protocol::changes::{Change, ChangeKind, ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::projects::Project;
use collabtrack_protocol::recipes::Place;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, PartUrl, SignedRequest, UploadState, UploadStatus};
use collabtrack_protocol::versions::{
    Announce, Commit, EditTrack, EditVersion, ObjectRead, Reads, Rendition, SetTables, TrackClaim, Version, VersionState,
};
use serde::Serialize;

use super::super::remote::{RemoteError, RemoteResult};
use crate::store::projects::FeedPlace;

const SIGNED_AT_ONCE: usize = 8;

struct Upload {
    body: CreateUpload,
    object: String,
    stored: BTreeMap<u32, Vec<u8>>,
    verified: bool,
}

struct Feed {
    name: String,
    epoch: String,
    changes: Vec<Change>,
}

#[derive(Default)]
struct Inner {
    feeds: BTreeMap<ProjectId, Feed>,
    uploads: BTreeMap<UploadId, Upload>,
    objects: BTreeMap<String, Vec<u8>>,
    versions: BTreeMap<VersionId, (Version, Option<String>, Option<Recipe>)>,
    /// Tracks, by the project and their id.
    tracks: BTreeMap<TrackId, (ProjectId, TrackInfo)>,
    /// What ids of tracks became.
    track_aliases: BTreeMap<TrackId, TrackId>,
    /// Keys of the tables of versions.
    tables: BTreeMap<VersionId, String>,
    aliases: BTreeMap<VersionId, VersionId>,
    comments: BTreeMap<CommentId, Comment>,
    /// Generation and run of each device, as last told.
    generations: BTreeMap<String, (i64, String)>,
    /// Numbers of versions that were moved away.
    moved: Vec<(TrackId, i64)>,
    /// Bytes that arrived in the store.
    received: u64,
    /// Keys given out so far.
    keys: u64,
}

/// A server in memory; clones share it.
#[derive(Clone, Default)]
pub struct MemoryRemote(Arc<Mutex<Inner>>);

/// A problem document as the server sends it.
#[must_use]
pub fn problem(code: ErrorCode, status: u16, detail: &str) -> RemoteError {
    RemoteError::Refused(Box::new(Problem {
        kind: "about:blank".into(),
        title: String::new(),
        status,
        code,
        detail: detail.into(),
        request_id: String::new(),
        fields: Vec::new(),
        retry_after_s: None,
        facts: None,
    }))
}

fn not_found() -> RemoteError {
    problem(ErrorCode::NotFound, 404, "There is no such thing.")
}

fn author() -> Person {
    Person { id: AccountId::from_random([7; 17]), name: "Mira".into() }
}

fn signed(method: &str, url: String) -> SignedRequest {
    SignedRequest { method: method.into(), url, headers: BTreeMap::new(), expires_in_s: 900 }
}

impl Inner {
    fn state(&self, id: &UploadId, wanted: &[u32]) -> RemoteResult<UploadState> {
        let upload = self.uploads.get(id).ok_or_else(not_found)?;
        let numbers: Vec<u32> = (1_u32..).take(upload.body.parts.len()).collect();
        let missing = numbers.iter().filter(|number| !upload.stored.contains_key(number)).take(SIGNED_AT_ONCE);
        let sign: Vec<u32> = if wanted.is_empty() { missing.copied().collect() } else { wanted.to_vec() };
        Ok(UploadState {
            upload: id.clone(),
            object: upload.object.clone(),
            status: if upload.verified { UploadStatus::Verified } else { UploadStatus::Open },
            stored_parts: upload.stored.keys().copied().collect(),
            urls: sign.into_iter().map(|part| PartUrl { part, request: signed("PUT", format!("memory:{id}/{part}")) }).collect(),
        })
    }

    fn verify(&mut self, id: &UploadId) -> RemoteResult<String> {
        let upload = self.uploads.get_mut(id).ok_or_else(|| problem(ErrorCode::UploadGone, 409, "This upload is over."))?;
        if upload.stored.len() < upload.body.parts.len() {
            return Err(problem(ErrorCode::UploadIncomplete, 409, "Parts are missing."));
        }
        upload.verified = true;
        let bytes: Vec<u8> = upload.stored.values().flatten().copied().collect();
        self.objects.insert(upload.object.clone(), bytes);
        Ok(upload.object.clone())
    }

    fn append(&mut self, project: &ProjectId, kind: ChangeKind, body: &impl Serialize) -> RemoteResult<i64> {
        let feed = self.feeds.get_mut(project).ok_or_else(not_found)?;
        let seq = i64::try_from(feed.changes.len()).unwrap_or(i64::MAX) + 1;
        let body = serde_json::to_value(body).unwrap_or_default();
        feed.changes.push(Change { seq, id: format!("{}-{seq}", feed.epoch), kind, body });
        Ok(seq)
    }

    /// Keeps a version that changed, tells it in the feed, and is the answer.
    fn tell(&mut self, mut version: Version) -> RemoteResult<Version> {
        version.seq = self.project(&version.project)?.head_seq + 1;
        self.append(&version.project, ChangeKind::Version, &version)?;
        if let Some(entry) = self.versions.get_mut(&version.id) {
            entry.0 = version.clone();
        }
        Ok(version)
    }

    fn add_comment(&mut self, version: &VersionId, body: &AddComment) -> RemoteResult<Comment> {
        if let Some(known) = self.comments.get(&body.comment) {
            let same = known.text == body.text && known.from_ms == body.from_ms && known.to_ms == body.to_ms;
            return if same { Ok(known.clone()) } else { Err(problem(ErrorCode::IdTaken, 409, "This id stands for something else.")) };
        }
        if body.text.trim().is_empty() {
            return Err(problem(ErrorCode::Invalid, 422, "A comment says something."));
        }
        let version = self.aliases.get(version).unwrap_or(version).clone();
        let project = self.versions.get(&version).map(|(version, ..)| version.project.clone()).ok_or_else(not_found)?;
        let comment = Comment {
            id: body.comment.clone(),
            version,
            from_ms: body.from_ms,
            to_ms: body.to_ms,
            text: body.text.clone(),
            reply_to: body.reply_to.clone(),
            author: author(),
            made_at: body.made_at.clone(),
            created_at: "2026-05-03T12:00:00.000Z".into(),
            resolved_by: None,
            resolved_at: None,
        };
        self.comments.insert(comment.id.clone(), comment.clone());
        self.append(&project, ChangeKind::Comment, &comment)?;
        Ok(comment)
    }

    fn settle_comment(&mut self, id: &CommentId, resolved: bool) -> RemoteResult<Comment> {
        let comment = self.comments.get_mut(id).ok_or_else(not_found)?;
        comment.resolved_by = resolved.then(author);
        comment.resolved_at = resolved.then(|| "2026-05-03T12:00:01.000Z".into());
        let comment = comment.clone();
        let project = self.versions.get(&comment.version).map(|(version, ..)| version.project.clone()).ok_or_else(not_found)?;
        self.append(&project, ChangeKind::Comment, &comment)?;
        Ok(comment)
    }

    fn project(&self, id: &ProjectId) -> RemoteResult<Project> {
        let feed = self.feeds.get(id).ok_or_else(not_found)?;
        Ok(Project {
            id: id.clone(),
            name: feed.name.clone(),
            role: Role::Owner,
            epoch: feed.epoch.clone(),
            head_seq: i64::try_from(feed.changes.len()).unwrap_or(i64::MAX),
            catalogue_head: "0".repeat(64),
            catalogue_number: 0,
            waiting: 0,
            plain: false,
            created_at: "2026-05-03T12:00:00.000Z".into(),
            members: Vec::new(),
        })
    }

    fn announce(&mut self, project: &ProjectId, body: &Announce) -> RemoteResult<Version> {
        let id = self.aliases.get(&body.version).unwrap_or(&body.version);
        if let Some((known, ..)) = self.versions.get(id) {
            return Ok(known.clone());
        }
        let sound = match &body.sound_as {
            Some(named) => Some(self.sound_of(named)?),
            None => None,
        };
        if body.preview.is_none() && body.same_as.is_none() && sound.is_none() && body.no_preview_reason.is_none() {
            return Err(problem(ErrorCode::Invalid, 422, "A version comes with a preview, or with the reason why it has none."));
        }
        let preview = body.preview.as_ref().map(|upload| self.verify(upload)).transpose()?;
        let track = self.track_of(project, &body.track)?;
        let in_track: Vec<&Version> = self.versions.values().map(|entry| &entry.0).filter(|version| version.track == track).collect();
        let newest = in_track.iter().max_by_key(|version| version.number);
        if let Some(newest) = newest.filter(|newest| newest.content_id == body.content_id) {
            let newest = (*newest).clone();
            self.aliases.insert(body.version.clone(), newest.id.clone());
            return Ok(newest);
        }
        let number = self.next_number(&track);
        let twin =
            self.versions.values().find(|(version, ..)| version.content_id == body.content_id && version.state == VersionState::Complete);
        let recipe = twin.and_then(|(.., recipe)| recipe.clone());
        let preview = preview.or_else(|| twin.and_then(|(_, preview, _)| preview.clone()));
        let preview = preview.or_else(|| sound.as_ref().map(|(_, key)| key.clone()));
        let tables = twin.map(|(twin, ..)| twin).or(sound.as_ref().map(|(version, _)| version));
        let bytes = preview.as_ref().and_then(|key| self.objects.get(key));
        let version = Version {
            id: body.version.clone(),
            project: project.clone(),
            track_name: self.name_of(&track),
            track,
            number,
            kind: body.kind,
            note: body.note.clone(),
            content_id: body.content_id,
            parent: body.parent.clone(),
            same_as: body.same_as.clone(),
            state: if recipe.is_some() { VersionState::Complete } else { VersionState::Announced },
            files: body.files.clone(),
            preview_length: bytes.map(|bytes| bytes.len() as u64),
            preview_sha256: bytes.map(|bytes| ObjectHash::of(bytes)),
            tables_length: tables.and_then(|twin| twin.tables_length),
            tables_sha256: tables.and_then(|twin| twin.tables_sha256),
            summary: body.summary.clone(),
            overview: match &sound {
                Some((version, _)) if body.overview.is_empty() => version.overview.clone(),
                _ => body.overview.clone(),
            },
            author: author(),
            created_at: "2026-05-03T12:00:00.000Z".into(),
            captured_at: body.captured_at.clone(),
            seq: 0,
            trashed_at: None,
        };
        let version = self.tell(version)?;
        self.versions.insert(version.id.clone(), (version.clone(), preview, recipe));
        Ok(version)
    }

    /// A version and the key of its preview, for one that sounds the same.
    fn sound_of(&self, id: &VersionId) -> RemoteResult<(Version, String)> {
        let known = self.versions.get(self.aliases.get(id).unwrap_or(id));
        let sound = known.and_then(|(version, preview, _)| Some((version.clone(), preview.clone()?)));
        sound.ok_or_else(|| problem(ErrorCode::UploadIncomplete, 409, "There is no preview to share."))
    }

    /// The track of a claim: the one named, the one it became, the automatic one of the same key, or a new one.
    fn track_of(&mut self, project: &ProjectId, claim: &TrackClaim) -> RemoteResult<TrackId> {
        let id = self.track_aliases.get(&claim.id).unwrap_or(&claim.id).clone();
        if self.tracks.contains_key(&id) {
            return Ok(id);
        }
        let is_auto = claim.auto && !claim.key.is_empty();
        let twin = self.tracks.values().find(|(of, info)| is_auto && of == project && info.auto && info.key == claim.key);
        let info = match twin.cloned() {
            Some((_, twin)) => {
                self.track_aliases.insert(claim.id.clone(), twin.id.clone());
                TrackInfo { absorbed: Some(claim.id.clone()), ..twin }
            }
            None => {
                let info =
                    TrackInfo { id: claim.id.clone(), name: claim.name.clone(), key: claim.key.clone(), auto: is_auto, absorbed: None };
                self.tracks.insert(info.id.clone(), (project.clone(), info.clone()));
                info
            }
        };
        self.append(project, ChangeKind::Track, &info)?;
        Ok(info.id)
    }

    fn name_of(&self, track: &TrackId) -> String {
        self.tracks.get(track).map(|(_, info)| info.name.clone()).unwrap_or_default()
    }

    fn trash(&mut self, id: &VersionId, trashed: bool) -> RemoteResult<Version> {
        let id = self.aliases.get(id).unwrap_or(id).clone();
        let entry = self.versions.get_mut(&id).ok_or_else(not_found)?;
        let is_there = entry.0.state == VersionState::Trashed;
        if is_there == trashed {
            return Ok(entry.0.clone());
        }
        let back = if entry.2.is_some() { VersionState::Complete } else { VersionState::Announced };
        entry.0.state = if trashed { VersionState::Trashed } else { back };
        entry.0.trashed_at = trashed.then(|| "2026-05-03T12:00:00.000Z".into());
        let version = entry.0.clone();
        self.tell(version)
    }

    fn edit_version(&mut self, id: &VersionId, body: &EditVersion) -> RemoteResult<Version> {
        let id = self.aliases.get(id).unwrap_or(id).clone();
        let before = self.versions.get(&id).map(|entry| entry.0.clone()).ok_or_else(not_found)?;
        let mut after = before.clone();
        if let Some(note) = &body.note {
            after.note.clone_from(note);
        }
        if let Some(kind) = body.kind {
            after.kind = kind;
        }
        let target = body.track.as_ref().map(|claim| self.track_of(&before.project, claim)).transpose()?;
        if let Some(target) = target.filter(|target| *target != before.track) {
            self.moved.push((before.track.clone(), before.number));
            after.number = self.next_number(&target);
            after.track_name = self.name_of(&target);
            after.track = target;
        }
        if after == before {
            return Ok(before);
        }
        self.tell(after)
    }

    fn edit_track(&mut self, project: &ProjectId, track: &TrackId, body: &EditTrack) -> RemoteResult<TrackInfo> {
        let id = self.track_aliases.get(track).unwrap_or(track).clone();
        let (_, before) = self.tracks.get(&id).cloned().ok_or_else(not_found)?;
        let is_so = before.name == body.name && !before.auto;
        if is_so || body.was.as_ref().is_some_and(|was| *was != before.name) {
            return Ok(before);
        }
        let after = TrackInfo { name: body.name.clone(), auto: false, ..before };
        self.tracks.insert(id.clone(), (project.clone(), after.clone()));
        for (version, ..) in self.versions.values_mut().filter(|entry| entry.0.track == id) {
            version.track_name.clone_from(&body.name);
        }
        self.append(project, ChangeKind::Track, &after)?;
        Ok(after)
    }

    /// Numbers are never used again, also not those of versions that were moved away.
    fn next_number(&self, track: &TrackId) -> i64 {
        let here = self.versions.values().filter(|entry| entry.0.track == *track).map(|entry| entry.0.number);
        let moved = self.moved.iter().filter(|(other, _)| other == track).map(|(_, number)| *number);
        here.chain(moved).max().unwrap_or(0) + 1
    }

    fn commit(&mut self, id: &VersionId, body: &Commit) -> RemoteResult<Version> {
        let told = self.versions.values().filter_map(|entry| entry.2.as_ref()).flat_map(|recipe| &recipe.extents);
        let known = told.map(|extent| (Place { object: extent.object.clone(), offset: extent.offset }, extent.clone())).collect();
        let recipe = body.recipe.clone().filled(&known).map_err(|objects| {
            let mut refused = problem(ErrorCode::ExtentGone, 409, "Nothing is known at a named place.");
            if let RemoteError::Refused(problem) = &mut refused {
                problem.facts = Some(serde_json::json!({"objects": objects}));
            }
            refused
        })?;
        recipe.check().map_err(|error| problem(ErrorCode::RecipeInvalid, 422, &error.to_string()))?;
        // A packed object of one part is verified by the recipe that names it.
        let named = |upload: &Upload| recipe.extents.iter().any(|extent| extent.object == upload.object);
        let small = |upload: &Upload| upload.body.format == ObjectFormat::Packed && upload.body.parts.len() == 1 && !upload.verified;
        let arrived: Vec<UploadId> =
            self.uploads.iter().filter(|(_, upload)| small(upload) && named(upload)).map(|(id, _)| id.clone()).collect();
        for upload in arrived {
            // One that is not there is found missing below.
            let _ = self.verify(&upload);
        }
        let there = recipe
            .extents
            .iter()
            .all(|extent| self.objects.get(&extent.object).is_some_and(|bytes| extent.offset + extent.stored_len <= bytes.len() as u64));
        if !there {
            return Err(problem(ErrorCode::ExtentGone, 409, "An object is not there."));
        }
        let entry = self.versions.get_mut(id).ok_or_else(not_found)?;
        match entry.0.state {
            VersionState::Complete => return Ok(entry.0.clone()),
            VersionState::Trashed | VersionState::Purged => return Err(not_found()),
            _ => entry.0.state = VersionState::Complete,
        }
        entry.2 = Some(recipe);
        let version = entry.0.clone();
        self.tell(version)
    }

    fn set_tables(&mut self, id: &VersionId, body: &SetTables) -> RemoteResult<Version> {
        let key = self.verify(&body.upload)?;
        let bytes = self.objects.get(&key).cloned().unwrap_or_default();
        let entry = self.versions.get_mut(id).ok_or_else(not_found)?;
        if entry.0.tables_sha256.is_some() {
            return Ok(entry.0.clone());
        }
        (entry.0.tables_length, entry.0.tables_sha256) = (Some(bytes.len() as u64), Some(ObjectHash::of(&bytes)));
        let version = entry.0.clone();
        self.tables.insert(id.clone(), key);
        self.tell(version)
    }

    fn changes(&self, project: &ProjectId, after: &FeedPlace, have: &[i64]) -> RemoteResult<ChangePage> {
        const PAGE: usize = 3;
        let feed = self.feeds.get(project).ok_or_else(not_found)?;
        let head = i64::try_from(feed.changes.len()).unwrap_or(i64::MAX);
        let start = usize::try_from(after.cursor).unwrap_or(0);
        let known = start.checked_sub(1).and_then(|index| feed.changes.get(index));
        let other_last = start > 0 && after.last_change.is_some() && known.map(|change| &change.id) != after.last_change.as_ref();
        if after.cursor > head || other_last || after.epoch.as_ref().is_some_and(|epoch| *epoch != feed.epoch) {
            return Err(problem(ErrorCode::FeedDiverged, 409, "Another history."));
        }
        let mut changes: Vec<Change> = feed.changes.iter().skip(start).take(PAGE).cloned().collect();
        for change in changes.iter_mut().filter(|change| have.contains(&change.seq)) {
            change.body = serde_json::Value::Null;
        }
        let more = start + changes.len() < feed.changes.len();
        Ok(ChangePage { project: project.clone(), epoch: feed.epoch.clone(), head, changes, more })
    }

    fn reads(&self, id: &VersionId, rendition: Rendition) -> RemoteResult<Reads> {
        let (version, preview, recipe) = self.versions.get(id).ok_or_else(not_found)?;
        let keys: Vec<String> = match rendition {
            Rendition::Preview => preview.iter().cloned().collect(),
            Rendition::Tables => {
                let of_same_sound =
                    |other: &VersionId| self.versions.get(other).is_some_and(|(other, ..)| other.tables_sha256 == version.tables_sha256);
                self.tables.iter().find(|(other, _)| of_same_sound(other)).map(|(_, key)| key.clone()).into_iter().collect()
            }
            Rendition::Original => {
                let recipe = recipe.as_ref().ok_or_else(|| problem(ErrorCode::VersionIncomplete, 409, "Not complete yet."))?;
                let keys: std::collections::BTreeSet<String> = recipe.extents.iter().map(|extent| extent.object.clone()).collect();
                keys.into_iter().collect()
            }
        };
        if keys.is_empty() {
            return Err(not_found());
        }
        let object = |key: String| ObjectRead {
            length: self.objects.get(&key).map_or(0, |bytes| bytes.len() as u64),
            request: signed("GET", format!("memory:{key}")),
            object: key,
        };
        let recipe = if rendition == Rendition::Original { recipe.clone() } else { None };
        Ok(Reads { objects: keys.into_iter().map(object).collect(), recipe })
    }

    fn put(&mut self, request: &SignedRequest, bytes: Vec<u8>) -> RemoteResult<()> {
        let (upload, part) = request.url.strip_prefix("memory:").and_then(|rest| rest.split_once('/')).ok_or_else(not_found)?;
        let id = UploadId::parse(upload).map_err(|_| not_found())?;
        let number: u32 = part.parse().map_err(|_| not_found())?;
        let upload = self.uploads.get_mut(&id).ok_or(RemoteError::StoreRefused { status: 404 })?;
        self.received += bytes.len() as u64;
        let wanted = upload.body.parts.get(number as usize - 1).ok_or(RemoteError::StoreRefused { status: 400 })?;
        if ObjectHash::of(&bytes) != *wanted {
            return Err(RemoteError::ChecksumRefused);
        }
        upload.stored.insert(number, bytes);
        Ok(())
    }
}

impl MemoryRemote {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nobody panics while holding the server")
    }

    /// Bytes that arrived in the store so far, also those refused.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.inner().received
    }

    /// Every version, by track and number.
    #[must_use]
    pub fn versions(&self) -> Vec<Version> {
        let mut all: Vec<Version> = self.inner().versions.values().map(|entry| entry.0.clone()).collect();
        all.sort_by(|a, b| (&a.track, a.number).cmp(&(&b.track, b.number)));
        all
    }
}
