//! Receiving a body: to a scratch file, hashed and counted on the way, durable before it gets a name under `data/`.

use std::io;
use std::path::PathBuf;

use collabtrack_domain::hash::ObjectHash;
use data_encoding::BASE64;
use futures::StreamExt;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::disk::{DiskStore, Piece, blocking, random_name, sync_folder_of};

/// What the sender said about the body.
pub(super) struct Announced {
    pub(super) length: Option<i64>,
    /// SHA-256 in base64.
    pub(super) sha256: Option<String>,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// A body on disk that was as announced.
pub(super) struct Received {
    pub(super) piece: Piece,
    pub(super) sha256: ObjectHash,
    /// SHA-256 was announced, so it was also checked.
    pub(super) checked: bool,
}

/// Removes a scratch file when the request ends without it having become data: a refused body, a lost connection.
struct Scratch(Option<PathBuf>);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl DiskStore {
    /// Receives a body.
    /// # Errors
    /// `IncompleteBody` for another length, `BadDigest` for another SHA-256; nothing is kept then.
    pub(super) async fn receive(&self, body: Option<StreamingBlob>, announced: Announced) -> S3Result<Received> {
        let name = random_name();
        let path = self.incoming(&name);
        let mut file = tokio::fs::File::create_new(&path).await.map_err(failed)?;
        let mut scratch = Scratch(Some(path.clone()));
        let (length, digest) = write_body(&mut file, body).await?;

        if announced.length.is_some_and(|expected| u64::try_from(expected) != Ok(length)) {
            return Err(s3_error!(IncompleteBody, "the body has {length} bytes, not as many as announced"));
        }
        let trailer = announced
            .trailers
            .and_then(|trailers| trailers.take())
            .and_then(|headers| headers.get("x-amz-checksum-sha256").and_then(|value| value.to_str().ok()).map(str::to_owned));
        let expected = announced.sha256.or(trailer);
        if expected.as_ref().is_some_and(|expected| *expected != BASE64.encode(digest.as_bytes())) {
            return Err(s3_error!(BadDigest, "the body does not have the SHA-256 announced"));
        }

        file.sync_all().await.map_err(failed)?;
        drop(file);
        let target = self.data(&name);
        blocking(move || {
            std::fs::rename(&path, &target)?;
            sync_folder_of(&target)
        })
        .await
        .map_err(failed)?;
        scratch.0 = None;
        Ok(Received { piece: Piece { file: name, length }, sha256: digest, checked: expected.is_some() })
    }
}

async fn write_body(file: &mut tokio::fs::File, body: Option<StreamingBlob>) -> S3Result<(u64, ObjectHash)> {
    let mut hasher = Sha256::new();
    let mut length = 0u64;
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| s3_error!(IncompleteBody, "the connection ended inside the body"))?;
            hasher.update(&chunk);
            length += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(failed)?;
        }
    }
    file.flush().await.map_err(failed)?;
    Ok((length, ObjectHash::from_bytes(hasher.finalize().into())))
}

/// A failure of the disk as an S3 answer; the cause goes to the log, not to the client.
pub(super) fn failed(error: io::Error) -> S3Error {
    tracing::error!(error = &error as &dyn std::error::Error, "the embedded store could not use its disk");
    s3_error!(InternalError, "the store could not use its disk")
}
