//! Versions: announcing, committing, reading.

use collabtrack_domain::hash::ObjectHash;
use collabtrack_domain::id::{ProjectId, TrackId, UploadId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_domain::recipe::Recipe;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Person;
use crate::recipes::SentRecipe;
use crate::uploads::SignedRequest;

/// The track a version belongs to, as its device sees it. The server makes the track if it does not know the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrackClaim {
    /// Id, chosen by the device that made the track.
    #[schema(value_type = String)]
    pub id: TrackId,
    /// Name.
    pub name: String,
    /// Grouping key.
    pub key: String,
    /// Whether grouping made the track; two such tracks with one key become one, named by the answer.
    pub auto: bool,
}

/// One file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionFile {
    /// Relative path; for a single file its name.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the file.
    #[schema(value_type = String)]
    pub sha256: ObjectHash,
}

/// `POST /projects/{p}/versions`. The same version id again gives the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announce {
    /// Id, chosen by the device.
    #[schema(value_type = String)]
    pub version: VersionId,
    /// The track.
    pub track: TrackClaim,
    /// Kind.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Note of the author.
    #[serde(default)]
    pub note: String,
    /// Content id: for one file its SHA-256.
    #[schema(value_type = String)]
    pub content_id: ObjectHash,
    /// Newest version of the track the device knew when it captured this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parent: Option<VersionId>,
    /// An older version with the same bytes; then nothing needs sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub same_as: Option<VersionId>,
    /// A version of the project with the same sound, whose bytes may differ (other tags, another track): its preview, tables and coarse
    /// waveform serve for this one too, so none of them is sent. `upload_incomplete` when they are not there: they are sent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sound_as: Option<VersionId>,
    /// The files.
    pub files: Vec<VersionFile>,
    /// Upload of the preview: a single part already in the store, verified by this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub preview: Option<UploadId>,
    /// Why there is no preview, in words; required without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_preview_reason: Option<String>,
    /// Measured facts of the original (format, rate, length, loudness …).
    #[schema(value_type = Object)]
    pub summary: serde_json::Value,
    /// Coarse waveform, base64: in the view format, or packed (it then begins with `1:`). Empty with `sound_as`.
    #[serde(default)]
    pub overview: String,
    /// When the device captured it, by its own clock: shown, never used for order.
    pub captured_at: String,
}

/// State of a version on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Number and preview known, the original not yet confirmed.
    Announced,
    /// Every byte of the original confirmed by the store.
    Complete,
    /// Stored bytes were lost or changed; wanted again.
    Damaged,
    /// In the trash.
    Trashed,
    /// Gone but for its number, name, author and hash.
    Purged,
    /// A state of a newer server.
    #[serde(other)]
    Unknown,
}

/// A version as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Id.
    #[schema(value_type = String)]
    pub id: VersionId,
    /// Project.
    #[schema(value_type = String)]
    pub project: ProjectId,
    /// Track.
    #[schema(value_type = String)]
    pub track: TrackId,
    /// Name of the track.
    pub track_name: String,
    /// Final number within the track, from 1.
    pub number: i64,
    /// Kind.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Note of the author.
    pub note: String,
    /// Content id.
    #[schema(value_type = String)]
    pub content_id: ObjectHash,
    /// Newest version known at capture.
    #[schema(value_type = Option<String>)]
    pub parent: Option<VersionId>,
    /// An older version with the same bytes.
    #[schema(value_type = Option<String>)]
    pub same_as: Option<VersionId>,
    /// State.
    pub state: VersionState,
    /// Files.
    pub files: Vec<VersionFile>,
    /// Length of the preview in bytes; absent without one.
    pub preview_length: Option<u64>,
    /// SHA-256 of the preview.
    #[schema(value_type = Option<String>)]
    pub preview_sha256: Option<ObjectHash>,
    /// Length of the measured tables (waveform, loudness) of the original in bytes; absent while nobody sent them.
    #[serde(default)]
    pub tables_length: Option<u64>,
    /// SHA-256 of the tables.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub tables_sha256: Option<ObjectHash>,
    /// Measured facts of the original; `null` in the answer to whoever sent the version or something of it.
    #[schema(value_type = Option<Object>)]
    pub summary: serde_json::Value,
    /// Coarse waveform, as it was announced. It never changes: the feed carries it once, with the announcement; whoever announced the
    /// version has it, and later changes leave it empty.
    pub overview: String,
    /// Who made it.
    pub author: Person,
    /// When the server recorded it.
    pub created_at: String,
    /// When its device captured it.
    pub captured_at: String,
    /// Its place in the change feed.
    pub seq: i64,
    /// Since when it is in the trash; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed_at: Option<String>,
}

/// Answer to an announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Announced {
    /// The version; its id differs from the one sent when the track's newest version has the same bytes, and its track when two
    /// automatic tracks became one.
    pub version: Version,
}

/// `POST /versions/{v}/commit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// How the original is rebuilt; every extent lies in a verified object of the project, or in a packed one of a single part, which is
    /// verified by this call. An extent that a complete version of the project has is told by its object and offset alone.
    #[schema(value_type = Object)]
    pub recipe: SentRecipe,
}

/// `POST /versions/{v}/tables`: the measured tables of an original, drawn and level-matched before the original is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetTables {
    /// Upload of the tables; one of a single part is verified by this call.
    #[schema(value_type = String)]
    pub upload: UploadId,
}

/// `POST /versions/{v}/files`: the files of a version for somebody without the app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct WantFiles {
    /// Whole files just uploaded in the format `temp`, for those that the last answer had no request for.
    #[serde(default)]
    pub copies: Vec<FileCopy>,
}

/// A whole file put into the store for a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileCopy {
    /// Its path in the version.
    pub path: String,
    /// The upload, of format `temp`.
    #[schema(value_type = String)]
    pub upload: UploadId,
}

/// Answer to `POST /versions/{v}/files`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Files {
    /// The files, in order.
    pub files: Vec<FileRead>,
}

/// A file for somebody without the app.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct FileRead {
    /// Its path in the version.
    pub path: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of exactly these bytes, to be checked by whoever fetches them.
    #[schema(value_type = String)]
    pub sha256: ObjectHash,
    /// The request that fetches it, for at most a day; none while the store holds it only as pieces, until somebody uploads a copy.
    pub request: Option<SignedRequest>,
}

/// `PATCH /versions/{v}`: what is absent stays as it is. The same again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct EditVersion {
    /// Another note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Another kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub kind: Option<Kind>,
    /// Another track: the version gets the next number there, and its old number is never used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<TrackClaim>,
}

/// `PATCH /projects/{p}/tracks/{t}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EditTrack {
    /// Its new name; a person chose it, so the track is no longer automatic.
    pub name: String,
    /// The name it had for that person; where another name came first, that one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rendition {
    /// The preview, for listening.
    Preview,
    /// Waveform and loudness of the original.
    Tables,
    /// The exact bytes.
    Original,
}

/// `POST /versions/{v}/reads`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WantReads {
    /// What to read.
    pub rendition: Rendition,
}

/// An object to read.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectRead {
    /// Key, as recipes name it.
    pub object: String,
    /// Length in bytes.
    pub length: u64,
    /// The request; a `range` header may be added.
    pub request: SignedRequest,
}

/// Answer to `WantReads`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Reads {
    /// Signed requests, one per object.
    pub objects: Vec<ObjectRead>,
    /// For originals: how the files are rebuilt from those objects.
    #[schema(value_type = Option<Object>)]
    pub recipe: Option<Recipe>,
}
