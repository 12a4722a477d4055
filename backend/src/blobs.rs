//! The client of the S3 store: signing requests for clients, and asking the store what it really holds. File bytes never pass here; the
//! only bodies this server sends itself are those of the self-test.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart};
use collabtrack_domain::hash::ObjectHash;
use collabtrack_protocol::limits::URL_LIFE_S;
use collabtrack_protocol::uploads::SignedRequest;
use secrecy::ExposeSecret;

use crate::config::StoreConfig;

mod own;
pub mod self_test;

pub use own::{Listed, checksum_of};

/// The store failed in a way the caller cannot mend.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// A call did not succeed.
    #[error("the store did not {attempted}: {code}")]
    Call {
        /// What was attempted.
        attempted: &'static str,
        /// The store's code, or that it did not answer.
        code: String,
    },
    /// A request could not be signed.
    #[error("a request to {attempted} could not be signed")]
    Sign {
        /// What the request would do.
        attempted: &'static str,
    },
}

/// An object as the store describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 as S3 writes it; none where the store does not say.
    pub checksum: Option<String>,
}

/// A part as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Part number, from 1.
    pub number: u32,
    /// Length in bytes.
    pub length: u64,
    /// The store's tag, needed to complete.
    pub etag: String,
    /// SHA-256 in base64; none where the store does not say.
    pub checksum: Option<String>,
}

/// The bucket, and the right to use it.
#[derive(Debug, Clone)]
pub struct Blobs {
    client: Client,
    bucket: String,
    /// Length of the parts in which files of this machine are written.
    part_bytes: u64,
    /// How long signed requests of clients live, in seconds.
    url_life_s: u64,
}

/// Checksum a multipart object has: SHA-256 of the joined part hashes, and their count.
#[must_use]
pub fn composite(parts: &[ObjectHash]) -> String {
    let joined: Vec<u8> = parts.iter().flat_map(|part| *part.as_bytes()).collect();
    format!("{}-{}", ObjectHash::of(&joined).to_base64(), parts.len())
}

impl Blobs {
    /// A client for the configured store; nothing is asked of it yet.
    #[must_use]
    pub fn new(config: &StoreConfig) -> Self {
        let credentials =
            Credentials::new(config.access_key_id.clone(), config.secret_access_key.expose_secret(), None, None, "collabtrack");
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(20))
            .operation_timeout(Duration::from_secs(60))
            .build();
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(true)
            .timeout_config(timeouts)
            // Checksums of other kinds beside the signed SHA-256 break presigned requests on several stores.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.endpoint_url(endpoint.as_str().trim_end_matches('/'));
        }
        Self {
            client: Client::from_conf(builder.build()),
            bucket: config.bucket.clone(),
            part_bytes: own::PART_BYTES,
            url_life_s: URL_LIFE_S,
        }
    }

    /// The same store, with requests signed for that many seconds.
    #[must_use]
    pub fn with_url_life(self, url_life_s: u64) -> Self {
        Self { url_life_s: url_life_s.max(1), ..self }
    }

    /// How long signed requests of clients live, in seconds.
    #[must_use]
    pub fn url_life_s(&self) -> u64 {
        self.url_life_s
    }

    /// Signs the PUT of a whole object; length and SHA-256 are part of the signature.
    /// # Errors
    /// When signing fails.
    pub async fn sign_put(&self, key: &str, length: u64, sha256: &ObjectHash, life_s: u64) -> Result<SignedRequest, BlobError> {
        let attempted = "put an object";
        let length = signed_length(length, attempted)?;
        let request = self.client.put_object().bucket(&self.bucket).key(key).content_length(length).checksum_sha256(sha256.to_base64());
        let signed = request.presigned(presigning(life_s, attempted)?).await.map_err(|_| BlobError::Sign { attempted })?;
        Ok(of_presigned(&signed, life_s))
    }

    /// Signs the PUT of one part; length and SHA-256 are part of the signature.
    /// # Errors
    /// When signing fails.
    pub async fn sign_part(
        &self,
        key: &str,
        multipart_id: &str,
        part: u32,
        length: u64,
        sha256: &ObjectHash,
    ) -> Result<SignedRequest, BlobError> {
        let attempted = "put a part";
        let number = i32::try_from(part).map_err(|_| BlobError::Sign { attempted })?;
        let request = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(multipart_id)
            .part_number(number)
            .content_length(signed_length(length, attempted)?)
            .checksum_sha256(sha256.to_base64());
        let signed = request.presigned(presigning(self.url_life_s, attempted)?).await.map_err(|_| BlobError::Sign { attempted })?;
        Ok(of_presigned(&signed, self.url_life_s))
    }

    /// Signs the GET of an object; a `range` header may be added to it.
    /// # Errors
    /// When signing fails.
    pub async fn sign_get(&self, key: &str, life_s: u64) -> Result<SignedRequest, BlobError> {
        let attempted = "get an object";
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(presigning(life_s, attempted)?).await.map_err(|_| BlobError::Sign { attempted })?;
        Ok(of_presigned(&signed, life_s))
    }

    /// Begins a multipart upload whose parts carry SHA-256, and returns its id.
    /// # Errors
    /// When the store fails.
    pub async fn begin_multipart(&self, key: &str) -> Result<String, BlobError> {
        let attempted = "begin an upload";
        let request = self.client.create_multipart_upload().bucket(&self.bucket).key(key).checksum_algorithm(ChecksumAlgorithm::Sha256);
        let answer = request.send().await.map_err(|error| failed(attempted, &error))?;
        answer.upload_id.ok_or_else(|| BlobError::Call { attempted, code: "no upload id".to_owned() })
    }

    /// The parts the store holds, by number; `None` when it does not know the upload.
    /// # Errors
    /// When the store fails.
    pub async fn list_parts(&self, key: &str, multipart_id: &str) -> Result<Option<Vec<StoredPart>>, BlobError> {
        let attempted = "list parts";
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let request =
                self.client.list_parts().bucket(&self.bucket).key(key).upload_id(multipart_id).set_part_number_marker(marker.clone());
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) if code_of(&error) == "NoSuchUpload" => return Ok(None),
                Err(error) => return Err(failed(attempted, &error)),
            };
            parts.extend(answer.parts().iter().filter_map(|part| {
                Some(StoredPart {
                    number: u32::try_from(part.part_number()?).ok()?,
                    length: u64::try_from(part.size()?).ok()?,
                    etag: part.e_tag()?.to_owned(),
                    checksum: part.checksum_sha256().map(str::to_owned),
                })
            }));
            match answer.next_part_number_marker() {
                Some(next) if answer.is_truncated() == Some(true) && marker.as_deref() != Some(next) => marker = Some(next.to_owned()),
                _ => return Ok(Some(parts)),
            }
        }
    }

    /// Asks the store to join the parts. What came of it, only [`Blobs::head`] tells: answers get lost, and some stores report errors
    /// inside a success.
    /// # Errors
    /// When the store says it failed.
    pub async fn complete_multipart(&self, key: &str, multipart_id: &str, parts: &[(StoredPart, ObjectHash)]) -> Result<(), BlobError> {
        let named = parts.iter().map(|(part, sha256)| {
            CompletedPart::builder()
                .set_part_number(i32::try_from(part.number).ok())
                .e_tag(&part.etag)
                .checksum_sha256(sha256.to_base64())
                .build()
        });
        let upload = CompletedMultipartUpload::builder().set_parts(Some(named.collect())).build();
        let request =
            self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(multipart_id).multipart_upload(upload);
        request.send().await.map(drop).map_err(|error| failed("complete an upload", &error))
    }

    /// Ends a multipart upload and lets the store drop its parts; one that is gone is no error.
    /// # Errors
    /// When the store fails.
    pub async fn abort_multipart(&self, key: &str, multipart_id: &str) -> Result<(), BlobError> {
        match self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(multipart_id).send().await {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == "NoSuchUpload" => Ok(()),
            Err(error) => Err(failed("abort an upload", &error)),
        }
    }

    /// What the store holds under `key`; `None` when nothing.
    /// # Errors
    /// When the store fails.
    pub async fn head(&self, key: &str) -> Result<Option<Head>, BlobError> {
        let attempted = "describe an object";
        match self.client.head_object().bucket(&self.bucket).key(key).checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(answer) => {
                let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
                let length = length.ok_or_else(|| BlobError::Call { attempted, code: "no length".to_owned() })?;
                Ok(Some(Head { length, checksum: answer.checksum_sha256().map(str::to_owned) }))
            }
            Err(error) if error.as_service_error().is_some_and(aws_sdk_s3::operation::head_object::HeadObjectError::is_not_found) => {
                Ok(None)
            }
            Err(error) => Err(failed(attempted, &error)),
        }
    }

    /// Removes an object; one that is not there is no error.
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key);
        request.send().await.map(drop).map_err(|error| failed("delete an object", &error))
    }
}

fn signed_length(length: u64, attempted: &'static str) -> Result<i64, BlobError> {
    i64::try_from(length).map_err(|_| BlobError::Sign { attempted })
}

fn presigning(life_s: u64, attempted: &'static str) -> Result<PresigningConfig, BlobError> {
    PresigningConfig::expires_in(Duration::from_secs(life_s)).map_err(|_| BlobError::Sign { attempted })
}

fn of_presigned(signed: &PresignedRequest, life_s: u64) -> SignedRequest {
    let headers = signed
        .headers()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    SignedRequest { method: signed.method().to_owned(), url: signed.uri().to_owned(), headers, expires_in_s: life_s }
}

fn code_of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.code().unwrap_or_default()
}

/// Only the kind of the failure and the store's code: the SDK's own words may hold a signed address.
fn failed<E: ProvideErrorMetadata, R>(attempted: &'static str, error: &SdkError<E, R>) -> BlobError {
    let code = match error {
        SdkError::TimeoutError(_) => "it did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "it could not be reached".to_owned(),
        SdkError::ResponseError(_) => "its answer was not one of S3".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be made".to_owned(),
        other => other.code().unwrap_or("no code").to_owned(),
    };
    BlobError::Call { attempted, code }
}
