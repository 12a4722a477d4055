//! Errors on the wire: problem documents (RFC 9457) with a stable `code`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Stable error codes of the HTTP API and of the desktop's commands; a program branches on these, never on texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request is not of the documented form.
    BadRequest,
    /// No valid session.
    Unauthorized,
    /// Address or password is wrong.
    WrongCredentials,
    /// The password is right; the code of the second factor must come with it.
    SecondFactorNeeded,
    /// The code of the second factor is wrong or was used.
    WrongSecondFactor,
    /// The password must be given again first.
    StepUpRequired,
    /// The server demands a second factor for this, and the account has none.
    SecondFactorRequired,
    /// The account's address must be confirmed first.
    AddressUnconfirmed,
    /// A code for a reset or set-up that is unknown, used or expired.
    CodeInvalid,
    /// The role does not allow this.
    Forbidden,
    /// The last owner of a project, or the last site admin, stays one.
    LastOwner,
    /// Authors do not approve their own proposals while somebody else could.
    SelfApproval,
    /// The role may not write this column.
    FieldForbidden,
    /// Not there, or not yours.
    NotFound,
    /// The same id already stands for something else.
    IdTaken,
    /// An account with this address exists.
    AddressTaken,
    /// This server does not take registrations of this kind.
    RegistrationClosed,
    /// An invitation code that is unknown, used or expired.
    InvitationInvalid,
    /// Already a member of the project.
    AlreadyMember,
    /// Too many tries; wait for `retry_after_s`.
    TooManyRequests,
    /// Over a limit.
    TooLarge,
    /// More operations than a change set may carry.
    TooManyOperations,
    /// A value is not acceptable; `fields` says which.
    Invalid,
    /// The password is too short, too long, common, or holds the address.
    PasswordRefused,
    /// The stored bytes are not those announced.
    ChecksumMismatch,
    /// The upload is no longer open.
    UploadGone,
    /// The parts in the store are not yet all there.
    UploadIncomplete,
    /// A recipe that does not rebuild its files.
    RecipeInvalid,
    /// An extent's object is not verified in this project.
    ExtentGone,
    /// The reader knows a history the server does not.
    FeedDiverged,
    /// The original is not complete on the server yet.
    VersionIncomplete,
    /// The proposal changed since it was shown.
    RevisionChanged,
    /// What approving would do changed since it was shown.
    EffectChanged,
    /// Somebody changed the same cells meanwhile.
    Conflict,
    /// The columns changed meanwhile.
    SchemaMoved,
    /// Somebody decided this already.
    AlreadyDecided,
    /// The result would break a rule of the catalogue.
    InvalidAfterMerge,
    /// A proposal whose "before" is not the state it names.
    BaseMismatch,
    /// Two operations on one cell or row.
    DuplicateOp,
    /// A proposal without operations.
    EmptyChangeSet,
    /// A conflict that nobody settled.
    ResolutionMissing,
    /// A choice where there is no conflict.
    ResolutionUnneeded,
    /// The version named is not one of this track, or not these bytes.
    VersionMismatch,
    /// The column schema is not acceptable.
    SchemaInvalid,
    /// The CSV cannot be read as a catalogue.
    CsvInvalid,
    /// The same idempotency key came with another body.
    IdempotencyMismatch,
    /// The store does not answer or refuses.
    StoreUnavailable,
    /// The server was restored from a backup and takes no changes until it was brought up to date; wait for `retry_after_s`.
    Recovering,
    /// Something is wrong on the server.
    Internal,
    /// The server did not answer (set by clients).
    ServerUnreachable,
    /// An answer that is not CollabTrack's (set by clients).
    NotCollabtrack,
    /// The local library could not do it (set by clients).
    Local,
    /// A file or folder could not be read or written (set by clients).
    File,
    /// Not an audio file this program can read (set by clients).
    NotAudio,
    /// No device to play on (set by clients).
    NoDevice,
    /// The file is not on this computer yet (set by clients).
    NotHere,
    /// The work was cancelled (set by clients).
    Cancelled,
    /// A code of a newer server.
    #[serde(other)]
    Unknown,
}

/// One field of a request that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Where, as a JSON pointer or a column name.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A problem document, sent as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank` or a page about the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short summary of the code.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// What happened, what it means for the music, what to do.
    pub detail: String,
    /// The request's id, also in the server's log.
    pub request_id: String,
    /// Fields that are not acceptable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// How long to wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// More facts that the code documents, such as the new effect after `effect_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub facts: Option<serde_json::Value>,
}
