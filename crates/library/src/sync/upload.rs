//! Sending files: upload session and part hashes are in the database before the first byte goes out, so that a crash re-sends at most the
//! parts that were in flight. Only the store's word makes a file sent.

use std::collections::BTreeMap;
use std::fs::File;

use collabtrack_content::hashing::{self, FileHashes};
use collabtrack_content::plain::{self, PlainFile};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{UploadId, VersionId};
use collabtrack_domain::recipe::Recipe;
use collabtrack_protocol::limits::{MAX_PARTS, MAX_URLS_PER_CALL, MIN_PART_SIZE_BYTES, PART_SIZE_BYTES};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::recipes::SentRecipe;
use collabtrack_protocol::uploads::{CreateUpload, ObjectFormat, SignedRequest, UploadState, UploadStatus, WantUrls};
use collabtrack_protocol::versions::{Commit, SetTables};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::feed;
use super::remote::{FileRange, Remote, RemoteError};
use crate::clock;
use crate::content_store::discard;
use crate::error::{LibraryError, Result};
use crate::library::Library;
use crate::record::{blocking, random_bits};
use crate::store::outbox::{self, Step};
use crate::store::packed::Kept;
use crate::store::uploads::{self, Upload};
use crate::store::versions::{self, State, Version, VersionFile};
use crate::store::{blobs, commit, projects, recipes};

/// Parts on their way at once.
const IN_FLIGHT: usize = 3;
/// New sessions opened for one file before it counts as failed.
const SESSIONS: usize = 3;

/// What is sent.
pub(super) struct Outgoing<'v> {
    pub(super) version: &'v Version,
    pub(super) format: ObjectFormat,
    pub(super) file: u32,
    pub(super) blob: ObjectHash,
    pub(super) length: u64,
}

/// How sending a file ended.
enum Sent {
    /// The store confirmed every byte (of what goes out in one part: took it); the object's key.
    Object(String),
    /// The session is over; another one is needed.
    Over,
    /// A preview wants the up link; what was sent stays sent.
    Interrupted,
}

/// The part size for a file: 8 MiB, 5 on a network that crawls, or more where that would be too many parts.
fn part_size(length: u64, is_crawling: bool) -> u64 {
    if length <= PART_SIZE_BYTES {
        return length.max(1);
    }
    let usual = if is_crawling { MIN_PART_SIZE_BYTES } else { PART_SIZE_BYTES };
    let least = length.div_ceil(MAX_PARTS as u64);
    usual.max(least.div_ceil(1 << 20) << 20)
}

impl Library {
    /// Sends the preview of a version, unless it needs none.
    pub(crate) async fn send_preview(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let version = self.known_version(id).await?;
        let twin = {
            let mut connection = self.store().read().await?;
            let twin = self.announced_twin(&mut connection, &version).await?;
            if twin.is_some() { twin } else { self.sound_twin(&mut connection, &version).await? }
        };
        if let (Some((blob, length)), None, false) = (version.preview, twin, version.state == State::Trashed) {
            let outgoing = Outgoing { version: &version, format: ObjectFormat::Preview, file: 0, blob, length };
            self.send(remote, &outgoing, None).await?;
        }
        // Previews are never interrupted.
        let mut transaction = self.store().write().await?;
        outbox::advance(&mut transaction, &version.id, Step::PreviewSent).await?;
        Ok(commit(transaction).await?)
    }

    /// Gives up on the preview of a version: it is announced without one, so that it blocks nothing.
    pub(crate) async fn skip_preview(&self, id: &VersionId, why: &str) -> Result<()> {
        let mut transaction = self.store().write().await?;
        if let Some(upload) = uploads::get(&mut transaction, id, ObjectFormat::Preview, 0).await? {
            uploads::forget(&mut transaction, &upload.id).await?;
        }
        versions::set_preview(&mut transaction, id, Err(why)).await?;
        outbox::advance(&mut transaction, id, Step::PreviewSent).await?;
        Ok(commit(transaction).await?)
    }

    /// Sends the original of an announced version and commits it; stops early, to go on later, when a preview wants the up link.
    pub(crate) async fn send_original(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let version = self.known_version(id).await?;
        let files = versions::files(&mut *self.store().read().await?, &version.id).await?;
        let mut transaction = self.store().write().await?;
        outbox::advance(&mut transaction, &version.id, Step::OriginalSending).await?;
        commit(transaction).await?;
        let is_plain = projects::is_plain(&mut *self.store().read().await?, &version.project).await?;
        let recipe = match if is_plain { None } else { self.packed(&version, &files).await? } {
            Some(kept) => self.send_packed(remote, &version, kept).await?,
            None => self.send_plain(remote, &version, files).await?,
        };
        let Some(recipe) = recipe else { return Ok(()) };
        let known = recipes::objects_there(&mut *self.store().read().await?, &version.project, &recipe).await?;
        let body = Commit { recipe: SentRecipe::naming(recipe.clone(), &known) };
        let told = match self.heard(remote.commit(&version.id, &body).await) {
            Err(RemoteError::Refused(problem)) if problem.code == ErrorCode::ExtentGone => {
                self.forget_lost_objects(&version.id, &problem).await?;
                return Err(RemoteError::Refused(problem).into());
            }
            answer => answer?,
        };
        crate::faults::step("commit.told");
        let mut transaction = self.store().write().await?;
        recipes::put(&mut transaction, &version.project, &version.id, &recipe).await?;
        feed::apply_answer(&mut transaction, &version.project, &told, &clock::text(self.clock().now())).await?;
        versions::set_complete(&mut transaction, &version.id).await?;
        outbox::confirm(&mut transaction, &version.id).await?;
        uploads::forget_all(&mut transaction, &version.id).await?;
        commit(transaction).await?;
        self.sync_state().answered().version(&told);
        crate::faults::step("commit.recorded");
        self.forget_packed(&version.id).await?;
        self.sync_state().done_sending(&version.id);
        self.changed();
        Ok(())
    }

    /// Sends the new bytes of a packed version; its recipe, or none when it was interrupted.
    async fn send_packed(&self, remote: &dyn Remote, version: &Version, kept: Kept) -> Result<Option<Recipe>> {
        let Some(blob) = kept.blob else { return Ok(Some(kept.packed.recipe)) };
        let length = kept.packed.length;
        let outgoing = Outgoing { version, format: ObjectFormat::Packed, file: 0, blob, length };
        let object = self.send(remote, &outgoing, Some((0, length))).await?;
        Ok(object.map(|object| kept.packed.with_object(&object)))
    }

    /// Sends every file whole; their recipe, or none when it was interrupted.
    async fn send_plain(&self, remote: &dyn Remote, version: &Version, files: Vec<VersionFile>) -> Result<Option<Recipe>> {
        let total: u64 = files.iter().map(|file| file.length).sum();
        let mut plain_files = Vec::with_capacity(files.len());
        let mut before = 0;
        for (index, file) in (0_u32..).zip(files) {
            let Some(object) = self.send_file(remote, version, index, &file, (before, total)).await? else { return Ok(None) };
            before += file.length;
            plain_files.push(PlainFile { path: file.path, length: file.length, sha256: file.sha256, object });
        }
        let recipe = plain::recipe(plain_files)
            .map_err(|error| LibraryError::Invalid { what: format!("The version cannot be described: {error}.") })?;
        Ok(Some(recipe))
    }

    /// Sends waveform and loudness of an announced version's original.
    pub(crate) async fn send_tables(&self, remote: &dyn Remote, id: &VersionId) -> Result<()> {
        let version = self.known_version(id).await?;
        let Some((blob, length)) = self.pack_tables(&version).await? else { return self.skip_tables(id).await };
        let outgoing = Outgoing { version: &version, format: ObjectFormat::Tables, file: 0, blob, length };
        self.send(remote, &outgoing, None).await?;
        let upload = uploads::get(&mut *self.store().read().await?, &version.id, ObjectFormat::Tables, 0).await?;
        let upload = upload.ok_or(RemoteError::StoreRefused { status: 410 })?.id;
        let told = match self.heard(remote.set_tables(&version.id, &SetTables { upload: upload.clone() }).await) {
            Err(RemoteError::Refused(problem)) if not_with_the_store(&problem) => {
                let mut transaction = self.store().write().await?;
                uploads::forget(&mut transaction, &upload).await?;
                commit(transaction).await?;
                return Err(RemoteError::Refused(problem).into());
            }
            answer => answer?,
        };
        let mut transaction = self.store().write().await?;
        feed::apply_answer(&mut transaction, &version.project, &told, &clock::text(self.clock().now())).await?;
        commit(transaction).await?;
        self.sync_state().answered().version(&told);
        self.skip_tables(id).await
    }

    /// No tables are sent of this version any more.
    pub(crate) async fn skip_tables(&self, id: &VersionId) -> Result<()> {
        let mut transaction = self.store().write().await?;
        if let Some(upload) = uploads::get(&mut transaction, id, ObjectFormat::Tables, 0).await? {
            uploads::forget(&mut transaction, &upload.id).await?;
            discard(&self.content().path(&upload.blob));
        }
        outbox::set_tables_done(&mut transaction, id).await?;
        Ok(commit(transaction).await?)
    }

    async fn send_file(
        &self,
        remote: &dyn Remote,
        version: &Version,
        index: u32,
        file: &VersionFile,
        at: (u64, u64),
    ) -> Result<Option<String>> {
        // A file of no bytes is no object; its recipe has no extent.
        if file.length == 0 {
            return Ok(Some(String::new()));
        }
        let outgoing = Outgoing { version, format: ObjectFormat::Plain, file: index, blob: file.sha256, length: file.length };
        self.send(remote, &outgoing, Some(at)).await
    }

    async fn known_version(&self, id: &VersionId) -> Result<Version> {
        let version = versions::get(&mut *self.store().read().await?, id).await?;
        version.ok_or_else(|| LibraryError::Unknown { what: "version", id: id.to_string() })
    }

    /// Sends a stored file; the key of its object, or none when it was interrupted.
    pub(super) async fn send(&self, remote: &dyn Remote, what: &Outgoing<'_>, progress: Option<(u64, u64)>) -> Result<Option<String>> {
        for _ in 0..SESSIONS {
            let upload = self.session_of(what).await?;
            if upload.verified
                && let Some(object) = upload.object
            {
                return Ok(Some(object));
            }
            match self.send_session(remote, what, upload, progress).await? {
                Sent::Object(object) => return Ok(Some(object)),
                Sent::Interrupted => return Ok(None),
                Sent::Over => {}
            }
        }
        Err(RemoteError::StoreRefused { status: 410 }.into())
    }

    /// The open session of a file, or a new one, recorded before anything goes out.
    async fn session_of(&self, what: &Outgoing<'_>) -> Result<Upload> {
        let known = uploads::get(&mut *self.store().read().await?, &what.version.id, what.format, what.file).await?;
        if let Some(upload) = known {
            if upload.blob == what.blob {
                return Ok(upload);
            }
            let mut transaction = self.store().write().await?;
            uploads::forget(&mut transaction, &upload.id).await?;
            commit(transaction).await?;
        }
        let part_size = part_size(what.length, self.sync_state().limits.pace.is_crawling());
        let parts = self.parts_of(what, part_size).await?;
        let upload = Upload {
            id: UploadId::from_random(random_bits()),
            project: what.version.project.clone(),
            version: what.version.id.clone(),
            format: what.format,
            file: what.file,
            blob: what.blob,
            length: what.length,
            part_size,
            parts: parts.into_iter().map(|hash| (hash, false)).collect(),
            object: None,
            verified: false,
        };
        let mut transaction = self.store().write().await?;
        uploads::insert(&mut transaction, &upload).await?;
        commit(transaction).await?;
        Ok(upload)
    }

    async fn parts_of(&self, what: &Outgoing<'_>, part_size: u64) -> Result<Vec<ObjectHash>> {
        if part_size == what.length {
            return Ok(vec![what.blob]);
        }
        let known = blobs::parts(&mut *self.store().read().await?, &what.blob, part_size).await?;
        if known.len() as u64 == what.length.div_ceil(part_size) {
            return Ok(known);
        }
        let hashes = self.rehash(what.blob, part_size).await?;
        let mut transaction = self.store().write().await?;
        blobs::insert(&mut transaction, &hashes, &clock::text(self.clock().now())).await?;
        commit(transaction).await?;
        Ok(hashes.parts)
    }

    /// Reads a stored file again; a copy that no longer has its bytes is marked and never sent or played.
    pub(crate) async fn rehash(&self, blob: ObjectHash, part_size: u64) -> Result<FileHashes> {
        let path = self.content().path(&blob);
        let hashes = blocking(move || {
            let mut file = File::open(&path).map_err(|error| LibraryError::file("read", &path, error))?;
            hashing::hash_reader(&mut file, part_size, &mut |_| true).map_err(|error| LibraryError::file("read", &path, error))
        })
        .await?;
        if hashes.sha256 == blob {
            return Ok(hashes);
        }
        let mut transaction = self.store().write().await?;
        blobs::set_damaged(&mut transaction, &blob).await?;
        commit(transaction).await?;
        Err(LibraryError::DamagedCopy { hash: blob.to_string() })
    }

    /// One session to its end.
    async fn send_session(&self, remote: &dyn Remote, what: &Outgoing<'_>, upload: Upload, progress: Option<(u64, u64)>) -> Result<Sent> {
        let body = CreateUpload {
            upload: upload.id.clone(),
            format: upload.format,
            length: upload.length,
            part_size: upload.part_size,
            parts: upload.parts.iter().map(|(hash, _)| *hash).collect(),
            sha256: (upload.parts.len() > 1).then_some(upload.blob),
        };
        crate::faults::step("upload.recorded");
        let state = self.heard(remote.create_upload(&upload.project, &body).await)?;
        crate::faults::step("upload.opened");
        let mut transaction = self.store().write().await?;
        uploads::set_stored(&mut transaction, &upload.id, &state.object, &state.stored_parts).await?;
        commit(transaction).await?;
        match state.status {
            UploadStatus::Verified => return self.session_done(&upload.id, state.object).await,
            UploadStatus::Gone => return self.session_over(&upload.id).await,
            UploadStatus::Completing => {}
            UploadStatus::Open => match self.send_parts(remote, what, &upload, &state, progress).await {
                Ok(true) => {}
                Ok(false) => return Ok(Sent::Interrupted),
                Err(LibraryError::Remote(RemoteError::Refused(problem))) if is_over(&problem) => {
                    return self.session_over(&upload.id).await;
                }
                Err(error) => return Err(error),
            },
        }
        // One part of these is verified by the call that names it.
        if matches!(upload.format, ObjectFormat::Preview | ObjectFormat::Tables | ObjectFormat::Packed) && upload.parts.len() == 1 {
            return Ok(Sent::Object(state.object));
        }
        crate::faults::step("upload.before_complete");
        match self.heard(remote.complete_upload(&upload.id).await) {
            Ok(done) if done.status == UploadStatus::Verified => self.session_done(&upload.id, done.object).await,
            Ok(done) if done.status == UploadStatus::Gone => self.session_over(&upload.id).await,
            Ok(_) => Err(RemoteError::Unavailable { status: 503, retry_after: None }.into()),
            Err(RemoteError::Refused(problem)) if is_over(&problem) => self.session_over(&upload.id).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn session_done(&self, upload: &UploadId, object: String) -> Result<Sent> {
        let mut transaction = self.store().write().await?;
        crate::faults::step("upload.completed");
        uploads::set_verified(&mut transaction, upload).await?;
        commit(transaction).await?;
        Ok(Sent::Object(object))
    }

    async fn session_over(&self, upload: &UploadId) -> Result<Sent> {
        let mut transaction = self.store().write().await?;
        uploads::forget(&mut transaction, upload).await?;
        commit(transaction).await?;
        Ok(Sent::Over)
    }

    /// Sends the parts the store does not have, a few at a time; every part the store took is recorded at once. False when interrupted.
    async fn send_parts(
        &self,
        remote: &dyn Remote,
        what: &Outgoing<'_>,
        upload: &Upload,
        state: &UploadState,
        progress: Option<(u64, u64)>,
    ) -> Result<bool> {
        let mut urls: BTreeMap<u32, SignedRequest> = state.urls.iter().map(|url| (url.part, url.request.clone())).collect();
        let mut missing: Vec<u32> = (1_u32..).take(upload.parts.len()).filter(|number| !state.stored_parts.contains(number)).collect();
        missing.reverse();
        let confirmed: u64 = state.stored_parts.iter().map(|number| upload.part_length(u64::from(*number) - 1)).sum();
        if let Some((before, total)) = progress {
            self.sync_state().start_sending(&what.version.id, before + confirmed, total);
            self.sync_changed();
        }
        let is_over = |number: u32, confirmed: u64| {
            self.sync_state().part_over(&what.version.id, number, confirmed);
            self.sync_changed();
        };
        let mut flying = FuturesUnordered::new();
        while !missing.is_empty() || !flying.is_empty() {
            let interrupted = progress.is_some() && !missing.is_empty() && self.preview_waits().await?;
            if interrupted && flying.is_empty() {
                return Ok(false);
            }
            while !interrupted
                && flying.len() < self.sync_state().limits.pace.at_once(IN_FLIGHT)
                && let Some(number) = missing.last().copied()
            {
                let request = match urls.remove(&number) {
                    Some(request) => request,
                    None => {
                        let wanted: Vec<u32> = missing.iter().rev().take(MAX_URLS_PER_CALL).copied().collect();
                        let more = self.heard(remote.upload_urls(&upload.id, &WantUrls { parts: wanted }).await)?;
                        urls.extend(more.urls.into_iter().map(|url| (url.part, url.request)));
                        urls.remove(&number).ok_or(RemoteError::StoreRefused { status: 404 })?
                    }
                };
                missing.pop();
                flying.push(self.send_part(remote, what, upload, number, request));
            }
            if let Some(sent) = flying.next().await {
                let (number, arrived) = sent?;
                if !arrived {
                    missing.push(number);
                    // What went out of it is not with the store.
                    is_over(number, 0);
                    continue;
                }
                // Recorded here and not with the sending: a part that waits for its turn must not hold the database.
                crate::faults::step("upload.part_sent");
                let mut transaction = self.store().write().await?;
                uploads::set_part_stored(&mut transaction, &upload.id, number).await?;
                commit(transaction).await?;
                crate::faults::step("upload.part_recorded");
                is_over(number, upload.part_length(u64::from(number) - 1));
            }
        }
        Ok(true)
    }

    /// Sends one part; a signature that ran out is renewed once. Whether it arrived: it may have given way to a preview.
    async fn send_part(
        &self,
        remote: &dyn Remote,
        what: &Outgoing<'_>,
        upload: &Upload,
        number: u32,
        request: SignedRequest,
    ) -> Result<(u32, bool)> {
        let index = u64::from(number) - 1;
        let body = FileRange {
            path: self.content().path(&upload.blob),
            offset: index * upload.part_size,
            length: upload.part_length(index),
            gives_way: !matches!(upload.format, ObjectFormat::Preview | ObjectFormat::Tables),
        };
        let version = what.version.id.clone();
        let progress = |bytes: u64| self.sync_state().add_in_flight(&version, number, bytes);
        let mut result = remote.put(&request, body.clone(), &progress).await;
        if matches!(result, Err(RemoteError::StoreRefused { status: 403 })) {
            let fresh = self.heard(remote.upload_urls(&upload.id, &WantUrls { parts: vec![number] }).await)?;
            if let Some(url) = fresh.urls.iter().find(|url| url.part == number) {
                self.sync_state().part_over(&version, number, 0);
                result = remote.put(&url.request, body, &progress).await;
            }
        }
        match result {
            Err(RemoteError::GaveWay) => Ok((number, false)),
            result => Ok(self.heard(result).map(|()| (number, true))?),
        }
    }
}

/// Whether what a call named as sent has to be sent again: its session was cleared away, or its bytes did not arrive.
pub(super) fn not_with_the_store(problem: &Problem) -> bool {
    matches!(problem.code, ErrorCode::UploadGone | ErrorCode::UploadIncomplete)
}

fn is_over(problem: &Problem) -> bool {
    matches!(problem.code, ErrorCode::UploadGone | ErrorCode::IdTaken) || (problem.code == ErrorCode::NotFound && problem.status == 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_eight_mebibytes_unless_that_would_be_too_many_or_the_network_crawls() {
        assert_eq!(part_size(5, false), 5);
        assert_eq!(part_size(PART_SIZE_BYTES, true), PART_SIZE_BYTES, "one part is the whole object");
        assert_eq!(part_size(PART_SIZE_BYTES + 1, false), PART_SIZE_BYTES);
        assert_eq!(part_size(PART_SIZE_BYTES + 1, true), MIN_PART_SIZE_BYTES);
        let huge = 500 << 30;
        for is_crawling in [false, true] {
            assert!(huge / part_size(huge, is_crawling) < MAX_PARTS as u64);
            assert_eq!(part_size(huge, is_crawling) % (1 << 20), 0);
        }
    }
}
