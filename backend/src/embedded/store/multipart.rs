//! Multipart uploads of the embedded store: parts are checked when they arrive and joined by reference when the upload completes.

use std::io;
use std::path::PathBuf;

use collabtrack_domain::hash::ObjectHash;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::disk::{DiskStore, Piece, random_name, read_record, remove_if_there, write_record};
use super::objects::{Created, Existing};

/// Smallest part but the last, as on any S3 store.
const MIN_PART_BYTES: u64 = collabtrack_protocol::limits::MIN_PART_SIZE_BYTES;

/// An upload as begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct UploadRecord {
    pub(super) key: String,
}

/// A part as received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub(super) number: u32,
    pub(super) file: String,
    pub(super) length: u64,
    pub(super) sha256: ObjectHash,
}

impl PartRecord {
    pub(super) fn etag(&self) -> String {
        self.sha256.to_string().chars().take(32).collect()
    }
}

/// A part as the completing request names it.
pub(super) struct NamedPart {
    pub(super) number: u32,
    pub(super) etag: Option<String>,
    /// SHA-256 in base64.
    pub(super) sha256: Option<String>,
}

/// How an attempt to complete an upload ended.
pub(super) enum Completed {
    Created(Created),
    NoSuchUpload,
    OutOfOrder,
    /// This part is not there, or not as named.
    WrongPart(u32),
    /// This part is too small for one that is not the last.
    TooSmall(u32),
}

impl DiskStore {
    /// Begins an upload and returns its id.
    pub(super) async fn begin(&self, key: &str) -> io::Result<String> {
        let id = random_name();
        let folder = self.uploads().join(&id);
        tokio::fs::create_dir(&folder).await?;
        write_record(&folder.join("upload.json"), &UploadRecord { key: key.to_owned() }).await?;
        Ok(id)
    }

    /// Folder of the upload `id` for `key`; `None` when there is no such upload.
    pub(super) async fn upload_folder(&self, key: &str, id: &str) -> io::Result<Option<PathBuf>> {
        // Ids are our own random names; anything else must not reach the file system.
        if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let folder = self.uploads().join(id);
        let upload: Option<UploadRecord> = read_record(&folder.join("upload.json")).await?;
        Ok(upload.filter(|upload| upload.key == key).map(|_| folder))
    }

    /// Records a received part; a part of that number sent before is replaced. `false` when the upload ended meanwhile.
    pub(super) async fn keep_part(&self, key: &str, id: &str, part: &PartRecord) -> io::Result<bool> {
        let _guard = self.uploading.lock().await;
        let Some(folder) = self.upload_folder(key, id).await? else {
            remove_if_there(&self.data(&part.file)).await?;
            return Ok(false);
        };
        let path = part_path(&folder, part.number);
        let old: Option<PartRecord> = read_record(&path).await?;
        write_record(&path, part).await?;
        if let Some(old) = old {
            remove_if_there(&self.data(&old.file)).await?;
        }
        Ok(true)
    }

    /// The parts received, by number.
    pub(super) async fn parts(&self, folder: &std::path::Path) -> io::Result<Vec<PartRecord>> {
        let mut parts = Vec::new();
        let mut entries = tokio::fs::read_dir(folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            if path.extension().is_some_and(|e| e == "part")
                && let Some(part) = read_record(&path).await?
            {
                parts.push(part);
            }
        }
        parts.sort_by_key(|part: &PartRecord| part.number);
        Ok(parts)
    }

    /// Makes an object of the named parts.
    pub(super) async fn complete(&self, key: &str, id: &str, named: &[NamedPart], existing: Existing) -> io::Result<Completed> {
        let _guard = self.uploading.lock().await;
        let Some(folder) = self.upload_folder(key, id).await? else { return Ok(Completed::NoSuchUpload) };
        if named.is_empty() || !named.is_sorted_by(|a, b| a.number < b.number) {
            return Ok(Completed::OutOfOrder);
        }
        let stored = self.parts(&folder).await?;
        let mut joined = Vec::with_capacity(named.len() * 32);
        let mut pieces = Vec::with_capacity(named.len());
        for (place, name) in named.iter().enumerate() {
            let Some(part) = stored.iter().find(|part| part.number == name.number) else { return Ok(Completed::WrongPart(name.number)) };
            let same_etag = name.etag.as_ref().is_none_or(|etag| *etag == part.etag());
            let same_sha256 = name.sha256.as_ref().is_none_or(|sha256| *sha256 == part.sha256.to_base64());
            if !same_etag || !same_sha256 {
                return Ok(Completed::WrongPart(name.number));
            }
            if part.length < MIN_PART_BYTES && place + 1 < named.len() {
                return Ok(Completed::TooSmall(name.number));
            }
            joined.extend_from_slice(part.sha256.as_bytes());
            pieces.push(Piece { file: part.file.clone(), length: part.length });
        }
        let checksum = format!("{}-{}", BASE64.encode(ObjectHash::of(&joined).as_bytes()), named.len());
        let created = self.create(key, pieces.clone(), checksum, existing).await?;
        if matches!(created, Created::Yes(_)) {
            self.forget(&folder, &stored, &pieces).await?;
        }
        Ok(Completed::Created(created))
    }

    /// Ends an upload and removes its parts; `false` when there is no such upload.
    pub(super) async fn abort(&self, key: &str, id: &str) -> io::Result<bool> {
        let _guard = self.uploading.lock().await;
        let Some(folder) = self.upload_folder(key, id).await? else { return Ok(false) };
        let parts = self.parts(&folder).await?;
        self.forget(&folder, &parts, &[]).await?;
        Ok(true)
    }

    /// Removes the upload's folder, and the parts that did not become pieces of an object.
    async fn forget(&self, folder: &std::path::Path, parts: &[PartRecord], kept: &[Piece]) -> io::Result<()> {
        tokio::fs::remove_dir_all(folder).await?;
        for part in parts.iter().filter(|part| kept.iter().all(|piece| piece.file != part.file)) {
            remove_if_there(&self.data(&part.file)).await?;
        }
        Ok(())
    }
}

fn part_path(folder: &std::path::Path, number: u32) -> PathBuf {
    folder.join(format!("{number:05}.part"))
}
