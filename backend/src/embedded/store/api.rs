//! The S3 operations the embedded store answers: requests in, [`DiskStore`] calls, S3 answers out. Signatures are checked before.

use std::time::{Duration, UNIX_EPOCH};

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumMode, ChecksumType, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, Object, Part,
    PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

use super::BUCKET;
use super::disk::{DiskStore, ObjectRecord};
use super::multipart::{Completed, NamedPart, PartRecord};
use super::objects::{Created, Existing};
use super::receive::{Announced, failed};

const MAX_LISTED: usize = 1_000;

fn check_bucket(bucket: &str) -> S3Result<()> {
    if bucket == BUCKET { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
}

/// The only condition writes may carry is "create only if absent".
fn existing(condition: Option<&ETagCondition>) -> S3Result<Existing> {
    match condition {
        None => Ok(Existing::Replace),
        Some(ETagCondition::Any) => Ok(Existing::Refuse),
        Some(ETagCondition::ETag(_)) => Err(s3_error!(NotImplemented, "If-None-Match takes only *")),
    }
}

fn modified(record: &ObjectRecord) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(record.modified_ms))
}

fn signed(length: u64) -> Option<i64> {
    i64::try_from(length).ok()
}

fn wants_checksum(mode: Option<&ChecksumMode>) -> bool {
    mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

fn checksum_type(record: &ObjectRecord) -> ChecksumType {
    ChecksumType::from_static(if record.is_composite() { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}

/// A line of a listing.
enum Entry {
    Key(ObjectRecord),
    /// All keys that begin so.
    Group(String),
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::Key(record) => &record.key,
            Self::Group(prefix) => prefix,
        }
    }
}

/// Sorted keys with those as one that are alike up to the first delimiter behind the prefix; groups told on a page before are left out.
fn grouped(records: Vec<ObjectRecord>, prefix: &str, delimiter: Option<&str>, after: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for record in records {
        let rest = record.key.get(prefix.len()..).unwrap_or_default();
        let group = delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| &record.key[..prefix.len() + at + delimiter.len()]));
        match group {
            None => entries.push(Entry::Key(record)),
            Some(group) if group <= after || entries.last().is_some_and(|last| last.name() == group) => {}
            Some(group) => entries.push(Entry::Group(group.to_owned())),
        }
    }
    entries
}

fn exists_already() -> S3Error {
    s3_error!(PreconditionFailed, "there is an object of this key already")
}

#[async_trait::async_trait]
impl S3 for DiskStore {
    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        check_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let existing = existing(input.if_none_match.as_ref())?;
        if existing == Existing::Refuse && self.look_up(&input.key).await.map_err(failed)?.is_some() {
            return Err(exists_already());
        }
        let announced = Announced { length: input.content_length, sha256: input.checksum_sha256, trailers: req.trailing_headers };
        let received = self.receive(input.body, announced).await?;
        let checksum = received.sha256.to_base64();
        match self.create(&input.key, vec![received.piece.clone()], checksum, existing).await.map_err(failed)? {
            Created::Exists => {
                self.discard(&[received.piece]).await.map_err(failed)?;
                Err(exists_already())
            }
            Created::Yes(record) => Ok(S3Response::new(PutObjectOutput {
                e_tag: Some(ETag::Strong(record.etag)),
                checksum_sha256: received.checked.then_some(record.checksum),
                ..PutObjectOutput::default()
            })),
        }
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let record = self.look_up(&input.key).await.map_err(failed)?.ok_or_else(|| s3_error!(NoSuchKey))?;
        let (range, content_range) = match input.range {
            None => (0..record.length, None),
            Some(range) => {
                let range = range.check(record.length)?;
                let text = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), record.length);
                (range, Some(text))
            }
        };
        let whole = content_range.is_none();
        let body = StreamingBlob::wrap(self.read(&record, range.start, range.end));
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            content_length: signed(range.end - range.start),
            content_range,
            last_modified: Some(modified(&record)),
            checksum_type: (whole && wants_checksum(input.checksum_mode.as_ref())).then(|| checksum_type(&record)),
            checksum_sha256: (whole && wants_checksum(input.checksum_mode.as_ref())).then(|| record.checksum.clone()),
            e_tag: Some(ETag::Strong(record.etag)),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let record = self.look_up(&input.key).await.map_err(failed)?.ok_or_else(|| s3_error!(NoSuchKey))?;
        let wanted = wants_checksum(input.checksum_mode.as_ref());
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: signed(record.length),
            last_modified: Some(modified(&record)),
            checksum_type: wanted.then(|| checksum_type(&record)),
            checksum_sha256: wanted.then(|| record.checksum.clone()),
            e_tag: Some(ETag::Strong(record.etag)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        check_bucket(&req.input.bucket)?;
        self.remove(&req.input.key).await.map_err(failed)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        // The token is simply the last key, or the last group of keys, of the page before.
        let after = input.continuation_token.clone().or(input.start_after.clone()).unwrap_or_default();
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let limit = input.max_keys.map_or(MAX_LISTED, |max| usize::try_from(max).unwrap_or(0).min(MAX_LISTED));
        let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
        let mut found = grouped(self.list(prefix, &after).await.map_err(failed)?, prefix, delimiter, &after);
        let truncated = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| truncated).map(|entry| entry.name().to_owned());
        let count = i32::try_from(found.len()).ok();
        let (mut contents, mut groups) = (Vec::new(), Vec::new());
        for entry in found {
            match entry {
                Entry::Key(record) => contents.push(Object {
                    last_modified: Some(modified(&record)),
                    size: signed(record.length),
                    e_tag: Some(ETag::Strong(record.etag)),
                    key: Some(record.key),
                    ..Object::default()
                }),
                Entry::Group(prefix) => groups.push(CommonPrefix { prefix: Some(prefix) }),
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            max_keys: i32::try_from(limit).ok(),
            key_count: count,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            is_truncated: Some(truncated),
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: (!groups.is_empty()).then_some(groups),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        if input.checksum_algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() != ChecksumAlgorithm::SHA256) {
            return Err(s3_error!(NotImplemented, "parts are checked by SHA-256 only"));
        }
        let id = self.begin(&input.key).await.map_err(failed)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: Some(ChecksumAlgorithm::from_static(ChecksumAlgorithm::SHA256)),
            checksum_type: Some(ChecksumType::from_static(ChecksumType::COMPOSITE)),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let number = u32::try_from(input.part_number).ok().filter(|n| (1..=10_000).contains(n));
        let number = number.ok_or_else(|| s3_error!(InvalidArgument, "part numbers go from 1 to 10000"))?;
        self.upload_folder(&input.key, &input.upload_id).await.map_err(failed)?.ok_or_else(|| s3_error!(NoSuchUpload))?;
        let announced = Announced { length: input.content_length, sha256: input.checksum_sha256, trailers: req.trailing_headers };
        let received = self.receive(input.body, announced).await?;
        let part = PartRecord { number, length: received.piece.length, file: received.piece.file.clone(), sha256: received.sha256 };
        if !received.checked {
            self.discard(&[received.piece]).await.map_err(failed)?;
            return Err(s3_error!(InvalidRequest, "the upload names SHA-256, so every part must carry it"));
        }
        if !self.keep_part(&input.key, &input.upload_id, &part).await.map_err(failed)? {
            return Err(s3_error!(NoSuchUpload));
        }
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(part.etag())),
            checksum_sha256: Some(part.sha256.to_base64()),
            ..UploadPartOutput::default()
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let folder = self.upload_folder(&input.key, &input.upload_id).await.map_err(failed)?.ok_or_else(|| s3_error!(NoSuchUpload))?;
        let after = input.part_number_marker.unwrap_or(0);
        let limit = input.max_parts.map_or(MAX_LISTED, |max| usize::try_from(max).unwrap_or(0).min(MAX_LISTED));
        let mut parts = self.parts(&folder).await.map_err(failed)?;
        parts.retain(|part| i64::from(part.number) > i64::from(after));
        let truncated = parts.len() > limit;
        parts.truncate(limit);
        let next = parts.last().filter(|_| truncated).and_then(|part| i32::try_from(part.number).ok());
        let parts = parts
            .into_iter()
            .map(|part| Part {
                part_number: i32::try_from(part.number).ok(),
                size: signed(part.length),
                e_tag: Some(ETag::Strong(part.etag())),
                checksum_sha256: Some(part.sha256.to_base64()),
                ..Part::default()
            })
            .collect();
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            checksum_algorithm: Some(ChecksumAlgorithm::from_static(ChecksumAlgorithm::SHA256)),
            is_truncated: Some(truncated),
            next_part_number_marker: next,
            parts: Some(parts),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        let existing = existing(input.if_none_match.as_ref())?;
        let named: Vec<NamedPart> = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default()
            .into_iter()
            .map(|part| NamedPart {
                number: part.part_number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                etag: part.e_tag.map(ETag::into_value),
                sha256: part.checksum_sha256,
            })
            .collect();
        match self.complete(&input.key, &input.upload_id, &named, existing).await.map_err(failed)? {
            Completed::NoSuchUpload => Err(s3_error!(NoSuchUpload)),
            Completed::OutOfOrder => Err(s3_error!(InvalidPartOrder)),
            Completed::WrongPart(number) => Err(s3_error!(InvalidPart, "part {number} is not there, or not as named")),
            Completed::TooSmall(number) => Err(s3_error!(EntityTooSmall, "part {number} is too small for one that is not the last")),
            Completed::Created(Created::Exists) => Err(exists_already()),
            Completed::Created(Created::Yes(record)) => Ok(S3Response::new(CompleteMultipartUploadOutput {
                bucket: Some(input.bucket),
                key: Some(input.key),
                checksum_type: Some(checksum_type(&record)),
                checksum_sha256: Some(record.checksum),
                e_tag: Some(ETag::Strong(record.etag)),
                ..CompleteMultipartUploadOutput::default()
            })),
        }
    }

    async fn abort_multipart_upload(&self, req: S3Request<AbortMultipartUploadInput>) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = req.input;
        check_bucket(&input.bucket)?;
        if !self.abort(&input.key, &input.upload_id).await.map_err(failed)? {
            return Err(s3_error!(NoSuchUpload));
        }
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
