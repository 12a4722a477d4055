//! The few objects the server writes and reads itself: sidecars and markers; and the files that work beside it (`materialise`, `repack`)
//! brings. Bytes of files never pass through the API.

use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::{ByteStream, Length};
use collabtrack_content::hashing::FileHashes;
use collabtrack_domain::hash::ObjectHash;

use super::{BlobError, Blobs, StoredPart, composite, failed};

/// Length of the parts in which files of this machine are written: 10,000 of them are more than any object holds.
pub(super) const PART_BYTES: u64 = 64 * 1024 * 1024;
/// How long one part may take, at 1 Mbit/s and some more; one that stands still is given up long before.
const PART_WITHIN: Duration = Duration::from_secs(600);

/// What the store reports as SHA-256 of a file written with [`Blobs::put_file`].
#[must_use]
pub fn checksum_of(hashes: &FileHashes) -> String {
    match hashes.parts.as_slice() {
        [whole] => whole.to_base64(),
        parts => composite(parts),
    }
}

/// Settings for requests with a long body: the usual ones end them after seconds.
fn patient() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(PART_WITHIN)
        .operation_timeout(PART_WITHIN * 3)
        .build();
    aws_sdk_s3::Config::builder().timeout_config(timeouts)
}

/// Bytes of a file, read as they are sent.
async fn part_of(file: &Path, offset: u64, length: u64) -> Result<ByteStream, BlobError> {
    let body = ByteStream::read_from().path(file).offset(offset).length(Length::Exact(length)).build();
    body.await.map_err(|_| BlobError::Call { attempted: "write a file", code: "it cannot be read".to_owned() })
}

/// A key as the store lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// Length in bytes.
    pub length: u64,
    /// When it was written, in seconds since 1970 by the store's clock; none where the store does not say.
    pub modified_s: Option<i64>,
}

impl Blobs {
    /// Writes a small object of the server's own, with its SHA-256 for the store to check.
    /// # Errors
    /// When the store fails.
    pub async fn put_own(&self, key: &str, bytes: Vec<u8>) -> Result<(), BlobError> {
        let sha256 = ObjectHash::of(&bytes).to_base64();
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/json").checksum_sha256(sha256);
        request.body(ByteStream::from(bytes)).send().await.map(drop).map_err(|error| failed("write a sidecar", &error))
    }

    /// Reads a small object of the server's own; `None` when it is not there.
    /// # Errors
    /// When the store fails, or the object has more than `limit` bytes.
    pub async fn get_own(&self, key: &str, limit: usize) -> Result<Option<Vec<u8>>, BlobError> {
        let attempted = "read a sidecar";
        let mut answer = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(failed(attempted, &error)),
        };
        let broken = |code: &str| BlobError::Call { attempted, code: code.to_owned() };
        let mut bytes = Vec::new();
        while let Some(piece) = answer.body.next().await {
            bytes.extend_from_slice(&piece.map_err(|_| broken("its answer broke off"))?);
            if bytes.len() > limit {
                return Err(broken("it is larger than any sidecar"));
            }
        }
        Ok(Some(bytes))
    }

    /// The same store, with files of this machine written in parts of that length; a store takes none below 5 MiB but the last.
    #[must_use]
    pub fn with_parts_of(self, part_bytes: u64) -> Self {
        Self { part_bytes: part_bytes.max(1), ..self }
    }

    /// Length of the parts in which [`Blobs::put_file`] writes, in bytes: what its hashes are taken of.
    #[must_use]
    pub fn part_bytes(&self) -> u64 {
        self.part_bytes
    }

    /// Writes a file of this machine as an object, in one piece or in parts, each with its SHA-256 for the store to check. `hashes` are
    /// those of the file and of its parts of [`Blobs::part_bytes`]. Where it fails the store keeps nothing of it.
    /// # Errors
    /// When the file or the store fails, or the bytes are not those of the hashes.
    pub async fn put_file(&self, key: &str, file: &Path, hashes: &FileHashes) -> Result<(), BlobError> {
        let attempted = "write a file";
        if hashes.part_size != self.part_bytes && hashes.length > self.part_bytes.min(hashes.part_size) {
            return Err(BlobError::Call { attempted, code: "its hashes are of other parts".to_owned() });
        }
        if let [whole] = hashes.parts.as_slice() {
            let request = self.client.put_object().bucket(&self.bucket).key(key).checksum_sha256(whole.to_base64());
            let request = request.body(part_of(file, 0, hashes.length).await?).customize().config_override(patient());
            return request.send().await.map(drop).map_err(|error| failed(attempted, &error));
        }
        let upload = self.begin_multipart(key).await?;
        let written = self.put_parts(key, &upload, file, hashes).await;
        if written.is_err() {
            // What is left behind when this fails too the store drops by itself, as it does with uploads of clients.
            if let Err(error) = self.abort_multipart(key, &upload).await {
                tracing::warn!(error = &error as &dyn std::error::Error, key, "an upload that failed could not be ended");
            }
        }
        written
    }

    async fn put_parts(&self, key: &str, upload: &str, file: &Path, hashes: &FileHashes) -> Result<(), BlobError> {
        let attempted = "write a part of a file";
        let mut parts = Vec::with_capacity(hashes.parts.len());
        let mut offset = 0;
        for (number, sha256) in (1_u32..).zip(&hashes.parts) {
            let length = hashes.part_size.min(hashes.length - offset);
            let request = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(key)
                .upload_id(upload)
                .part_number(i32::try_from(number).map_err(|_| BlobError::Sign { attempted })?)
                .checksum_sha256(sha256.to_base64())
                .body(part_of(file, offset, length).await?)
                .customize()
                .config_override(patient());
            let answer = request.send().await.map_err(|error| failed(attempted, &error))?;
            let etag = answer.e_tag.ok_or_else(|| BlobError::Call { attempted, code: "no tag".to_owned() })?;
            parts.push((StoredPart { number, length, etag, checksum: None }, *sha256));
            offset += length;
        }
        let joined = self.complete_multipart(key, upload, &parts).await;
        // Answers get lost, and some stores report errors inside a success: what the store has counts.
        let there = self.head(key).await?;
        let composite = composite(&hashes.parts);
        if there.is_some_and(|head| head.length == hashes.length && head.checksum.is_none_or(|sum| sum == composite)) {
            return Ok(());
        }
        joined.and(Err(BlobError::Call { attempted, code: "it has other bytes than were sent".to_owned() }))
    }

    /// Reads an object into a file of this machine.
    /// # Errors
    /// When the file or the store fails.
    pub async fn fetch_to(&self, key: &str, file: &Path) -> Result<(), BlobError> {
        let attempted = "read an object";
        let broken = |code: &str| BlobError::Call { attempted, code: code.to_owned() };
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let answer = request.send().await.map_err(|error| failed(attempted, &error))?;
        let mut target = tokio::fs::File::create_new(file).await.map_err(|_| broken("the disk does not take it"))?;
        let mut body = answer.body.into_async_read();
        tokio::io::copy(&mut body, &mut target).await.map_err(|_| broken("its answer broke off"))?;
        tokio::io::AsyncWriteExt::flush(&mut target).await.map_err(|_| broken("the disk does not take it"))
    }

    /// Every key that begins with `prefix`, in the store's order.
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let attempted = "list keys";
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).set_continuation_token(token.clone());
            let page = request.send().await.map_err(|error| failed(attempted, &error))?;
            found.extend(page.contents().iter().filter_map(|object| {
                Some(Listed {
                    key: object.key()?.to_owned(),
                    length: u64::try_from(object.size()?).ok()?,
                    modified_s: object.last_modified().map(aws_sdk_s3::primitives::DateTime::secs),
                })
            }));
            match page.next_continuation_token() {
                Some(next) if page.is_truncated() == Some(true) && token.as_deref() != Some(next) => token = Some(next.to_owned()),
                _ => return Ok(found),
            }
        }
    }
}
