//! The few objects the server writes and reads itself: sidecars. Bytes of files never pass here.

use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use collabtrack_domain::hash::ObjectHash;

use super::{BlobError, Blobs, failed};

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

    /// Writes a file of this machine as an object, with its SHA-256 for the store to check.
    /// # Errors
    /// When the file or the store fails.
    pub async fn put_file(&self, key: &str, file: &Path, sha256: &ObjectHash) -> Result<(), BlobError> {
        let attempted = "write a file";
        let body = ByteStream::from_path(file).await.map_err(|_| BlobError::Call { attempted, code: "it cannot be read".to_owned() })?;
        let request = self.client.put_object().bucket(&self.bucket).key(key).checksum_sha256(sha256.to_base64());
        request.body(body).send().await.map(drop).map_err(|error| failed(attempted, &error))
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
