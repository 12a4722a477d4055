//! Limits that both sides of the API keep.

/// Largest JSON body in bytes, unless a route says otherwise.
pub const MAX_JSON_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Largest body of the accounts routes in bytes.
pub const MAX_AUTH_BODY_BYTES: usize = 16 * 1024;
/// Largest CSV body in bytes.
pub const MAX_CSV_BYTES: usize = 64 * 1024 * 1024;
/// Largest body of an import in bytes: the largest CSV in base64, and its answers.
pub const MAX_IMPORT_BODY_BYTES: usize = MAX_CSV_BYTES.div_ceil(3) * 4 + MAX_JSON_BODY_BYTES;
/// Largest revision of a change set in bytes.
pub const MAX_REVISION_BYTES: usize = 32 * 1024 * 1024;
/// Largest object sent as one PUT, and the part size of larger ones, in bytes.
pub const PART_SIZE_BYTES: u64 = 8 * 1024 * 1024;
/// Smallest part size an S3 store accepts for all parts but the last.
pub const MIN_PART_SIZE_BYTES: u64 = 5 * 1024 * 1024;
/// Most parts of one upload.
pub const MAX_PARTS: usize = 10_000;
/// Largest object in bytes.
pub const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024 * 1024;
/// Days something stays in the trash before it is purged.
pub const TRASH_DAYS: i64 = 35;
/// Most parts signed in one call.
pub const MAX_URLS_PER_CALL: usize = 8;
/// How long a presigned URL lives, in seconds.
pub const URL_LIFE_S: u64 = 15 * 60;
/// Most changes in one page of the feed.
pub const MAX_CHANGES_PER_PAGE: u32 = 500;
/// Most changes a reader of the feed names as those it has the documents of.
pub const MAX_CHANGES_HAD: usize = 200;
/// Longest name of a project, track or person, in UTF-8 bytes.
pub const MAX_NAME_BYTES: usize = 400;
/// Longest note or reason, in UTF-8 bytes.
pub const MAX_NOTE_BYTES: usize = 16_000;
/// Longest comment, in characters.
pub const MAX_COMMENT_CHARS: usize = 5_000;
/// Latest place a comment may be about, in ms: a day.
pub const MAX_POSITION_MS: i64 = 24 * 60 * 60 * 1_000;
/// Largest overview of a version (waveform for list rows) in bytes before base64.
pub const MAX_OVERVIEW_BYTES: usize = 64 * 1024;
