//! Upload sessions: the client names the bytes by hash, the server signs one request per part, the store checks them.

use std::collections::BTreeMap;

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::UploadId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObjectFormat {
    /// Exactly one whole file.
    Plain,
    /// Extents, with a footer that lists them.
    Packed,
    /// A preview: Ogg Vorbis.
    Preview,
    /// Peaks and loudness of an original.
    Tables,
    /// One whole file for somebody without the app; it lives for a day.
    Temp,
    /// A format of a newer program.
    #[serde(other)]
    Unknown,
}

/// `POST /projects/{p}/uploads`. The same id with the same body gives the same answer, with another body 409 `id_taken`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateUpload {
    /// Id, chosen by the client.
    #[schema(value_type = String)]
    pub upload: UploadId,
    /// What the object is.
    pub format: ObjectFormat,
    /// Length in bytes; at least 1.
    pub length: u64,
    /// Length of every part but the last, in bytes; the whole length when there is one part.
    pub part_size: u64,
    /// SHA-256 of each part, in order. One part means one plain PUT.
    #[schema(value_type = Vec<String>)]
    pub parts: Vec<ObjectHash>,
    /// SHA-256 of the whole object, left out where there is one part, by which its readers check what they fetched. The store vouches only for the parts, so of an object in
    /// several parts this is the sender's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sha256: Option<ObjectHash>,
}

/// State of an upload session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// Takes parts.
    Open,
    /// All parts sent, the store's confirmation not yet seen.
    Completing,
    /// The store confirmed length and checksum.
    Verified,
    /// Ended without an object; open a new session.
    Gone,
}

/// A presigned request.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedRequest {
    /// HTTP method.
    pub method: String,
    /// URL; holds a signature, so it is kept out of every log.
    pub url: String,
    /// Headers that are signed and must be sent exactly so, names in lower case, `host` left out.
    pub headers: BTreeMap<String, String>,
    /// Seconds it lives, counted from receipt.
    pub expires_in_s: u64,
}

/// A presigned request for one part.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PartUrl {
    /// Part number, from 1.
    pub part: u32,
    /// The request.
    pub request: SignedRequest,
}

/// Answer about an upload session.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct UploadState {
    /// Id.
    #[schema(value_type = String)]
    pub upload: UploadId,
    /// Key of the object it makes.
    pub object: String,
    /// State.
    pub status: UploadStatus,
    /// Part numbers the store holds; filled while open.
    pub stored_parts: Vec<u32>,
    /// Requests for the next parts; filled by creating and by `urls`.
    pub urls: Vec<PartUrl>,
}

/// `POST /uploads/{u}/urls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WantUrls {
    /// Part numbers, at most 8.
    pub parts: Vec<u32>,
}
