//! The server and its store as the sync engine sees them, and what can go wrong with them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use collabtrack_domain::id::{ChangeSetId, CommentId, ProjectId, TrackId, UploadId, VersionId};
use collabtrack_protocol::accounts::{DeviceGeneration, GenerationKnown};
use collabtrack_protocol::approval::ChangeSetDetail;
use collabtrack_protocol::changes::{ChangePage, TrackInfo};
use collabtrack_protocol::comments::{AddComment, Comment, SettleComment};
use collabtrack_protocol::problem::{ErrorCode, Problem};
use collabtrack_protocol::projects::{CreateProject, Project};
use collabtrack_protocol::uploads::{CreateUpload, SignedRequest, UploadState, WantUrls};
use collabtrack_protocol::versions::{Announce, Announced, Commit, EditTrack, EditVersion, Reads, Rendition, SetTables, Version};
use futures::future::BoxFuture;

use crate::error::{chain, sentence};
use crate::store::projects::FeedPlace;

/// What can go wrong with the server or its store.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No connection, or nothing came for too long.
    #[error("the server did not answer: {reason}")]
    Unreachable {
        /// Why, as far as known.
        reason: String,
    },
    /// Something answered that is not CollabTrack, such as the sign-in page of a network.
    #[error("the answer did not come from CollabTrack: {reason}")]
    NotCollabtrack {
        /// What came instead.
        reason: String,
    },
    /// The server or its store cannot work now.
    #[error("the server cannot work at the moment (status {status})")]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// How long to wait at least.
        retry_after: Option<Duration>,
    },
    /// The server understood and refused.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The store refused a signed request, such as one that ran out.
    #[error("the store refused the request (status {status})")]
    StoreRefused {
        /// HTTP status.
        status: u16,
    },
    /// The store found that the bytes are not the announced ones.
    #[error("the store refused the bytes: they are not the announced ones")]
    ChecksumRefused,
    /// A body was ended because a preview needed the way up for long; it is sent again later.
    #[error("the preview of a newer version goes first")]
    GaveWay,
    /// A file of this computer could not be read or written while it was sent or fetched.
    #[error("cannot use {}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl RemoteError {
    /// A [`RemoteError::Local`] about `path`.
    pub fn local(path: &Path, source: io::Error) -> Self {
        Self::Local { path: path.to_path_buf(), source }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unreachable { .. } => ErrorCode::ServerUnreachable,
            Self::NotCollabtrack { .. } => ErrorCode::NotCollabtrack,
            Self::Unavailable { status: 429, .. } => ErrorCode::TooManyRequests,
            Self::Unavailable { .. } | Self::StoreRefused { .. } | Self::GaveWay => ErrorCode::StoreUnavailable,
            Self::Refused(problem) => problem.code,
            Self::ChecksumRefused => ErrorCode::ChecksumMismatch,
            Self::Local { .. } => ErrorCode::File,
        }
    }

    /// Message and hint.
    pub(crate) fn texts(&self) -> (String, String) {
        let said = sentence(&chain(self));
        let safe = "Nothing is lost: everything made here stays on this computer and goes out later.";
        match self {
            Self::Unreachable { .. } => (format!("{said} {safe}"), "Check your network and the server's address, then try again.".into()),
            Self::NotCollabtrack { .. } => (
                format!("{said} {safe}"),
                "If this network asks you to sign in, open a web page first. Otherwise check the server's address.".into(),
            ),
            Self::Unavailable { retry_after, .. } => {
                let when = retry_after.map_or_else(|| "in a minute".to_owned(), |wait| format!("in {} s", wait.as_secs().max(1)));
                (format!("{said} {safe}"), format!("Try again {when}; if it goes on, tell whoever runs the server."))
            }
            Self::Refused(problem) => {
                let fields: String = problem.fields.iter().map(|field| format!(" {}: {}", field.field, sentence(&field.message))).collect();
                (format!("{}{fields}", sentence(&problem.detail)), hint_of(problem.code).into())
            }
            Self::StoreRefused { .. } | Self::GaveWay => {
                (format!("{said} {safe}"), "It is tried again by itself; if it goes on, tell whoever runs the server.".into())
            }
            Self::ChecksumRefused => (format!("{said} {safe}"), "The copy on this computer is checked and sent again by itself.".into()),
            Self::Local { .. } => (said, "Check that the disk of the library is there and not full.".into()),
        }
    }
}

fn hint_of(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized => "Sign in again.",
        ErrorCode::WrongCredentials => "Check the e-mail address and the password, including capital letters.",
        ErrorCode::SecondFactorNeeded => "Type the code of your authenticator app, or a recovery code.",
        ErrorCode::WrongSecondFactor => "Wait for the next code, or use a recovery code.",
        ErrorCode::StepUpRequired => "Confirm your password, then repeat.",
        ErrorCode::SecondFactorRequired => "Set up a second factor under Account, then repeat.",
        ErrorCode::CodeInvalid => "Check the code, or ask for a new one.",
        ErrorCode::LastOwner => "Make somebody else an owner first.",
        ErrorCode::Forbidden => "Ask an admin of the project.",
        ErrorCode::SelfApproval => "Ask another admin to decide.",
        ErrorCode::AddressTaken => "Sign in instead, or use another address.",
        ErrorCode::RegistrationClosed => "Ask whoever runs the server for an invitation.",
        ErrorCode::InvitationInvalid => "Check the code, or ask for a new one.",
        ErrorCode::PasswordRefused => "Choose a longer password that is not in common use.",
        ErrorCode::TooManyRequests => "Wait a moment, then try again.",
        ErrorCode::RevisionChanged
        | ErrorCode::EffectChanged
        | ErrorCode::Conflict
        | ErrorCode::SchemaMoved
        | ErrorCode::AlreadyDecided => "Open the proposal again: it shows what is true now.",
        ErrorCode::VersionIncomplete => "Wait until the original has arrived on the server.",
        ErrorCode::Recovering => "It goes on by itself when the server is open again; whoever runs it knows what to do.",
        ErrorCode::StoreUnavailable | ErrorCode::Internal => "Try again later; if it goes on, tell whoever runs the server.",
        _ => "Change what it names and try again.",
    }
}

/// Result of a call to the server or its store.
pub type RemoteResult<T> = Result<T, RemoteError>;

/// A run of bytes of a file, sent as one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRange {
    /// The file.
    pub path: PathBuf,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// Whether it stands still while a preview goes out, and is ended when that takes too long.
    pub gives_way: bool,
}

/// Told the bytes that arrived since the last call.
pub type Progress<'p> = &'p (dyn Fn(u64) + Send + Sync);

/// A body on its way here.
pub type Fetching<'f> = BoxFuture<'f, RemoteResult<()>>;

/// First byte and number of bytes of a run in an object.
pub type Run = (u64, u64);

/// The server and its store. Every implementation passes one conformance suite.
pub trait Remote: Send + Sync {
    /// The projects of the account.
    fn projects(&self) -> BoxFuture<'_, RemoteResult<Vec<Project>>>;
    /// Tells how often this library was started; whether it goes on from what the server last heard of it, and the projects of the account.
    fn generation<'a>(&'a self, body: &'a DeviceGeneration) -> BoxFuture<'a, RemoteResult<GenerationKnown>>;
    /// One project with its members.
    fn project<'a>(&'a self, id: &'a ProjectId) -> BoxFuture<'a, RemoteResult<Project>>;
    /// Makes a project; the same again gives the same answer.
    fn create_project<'a>(&'a self, body: &'a CreateProject) -> BoxFuture<'a, RemoteResult<Project>>;
    /// Opens an upload session; the same again gives the same answer.
    fn create_upload<'a>(&'a self, project: &'a ProjectId, body: &'a CreateUpload) -> BoxFuture<'a, RemoteResult<UploadState>>;
    /// Signs more parts.
    fn upload_urls<'a>(&'a self, upload: &'a UploadId, body: &'a WantUrls) -> BoxFuture<'a, RemoteResult<UploadState>>;
    /// What the store holds of a session.
    fn upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>>;
    /// Completes a session; the store checks every byte.
    fn complete_upload<'a>(&'a self, upload: &'a UploadId) -> BoxFuture<'a, RemoteResult<UploadState>>;
    /// Announces a version: it gets its number.
    fn announce<'a>(&'a self, project: &'a ProjectId, body: &'a Announce) -> BoxFuture<'a, RemoteResult<Announced>>;
    /// Commits the recipe of a version: it becomes complete.
    fn commit<'a>(&'a self, version: &'a VersionId, body: &'a Commit) -> BoxFuture<'a, RemoteResult<Version>>;
    /// Names the tables of a version; the first ones stay.
    fn set_tables<'a>(&'a self, version: &'a VersionId, body: &'a SetTables) -> BoxFuture<'a, RemoteResult<Version>>;
    /// Changes the note, kind or track of a version.
    fn edit_version<'a>(&'a self, version: &'a VersionId, body: &'a EditVersion) -> BoxFuture<'a, RemoteResult<Version>>;
    /// Puts a version into the trash, or brings it back; one that is there already is the answer.
    fn trash<'a>(&'a self, version: &'a VersionId, trashed: bool) -> BoxFuture<'a, RemoteResult<Version>>;
    /// Names a track.
    fn edit_track<'a>(&'a self, project: &'a ProjectId, track: &'a TrackId, body: &'a EditTrack) -> BoxFuture<'a, RemoteResult<TrackInfo>>;
    /// Says that a complete version did not rebuild here.
    fn report_damage<'a>(&'a self, version: &'a VersionId) -> BoxFuture<'a, RemoteResult<Version>>;
    /// Signed reads of a version.
    fn reads<'a>(&'a self, version: &'a VersionId, rendition: Rendition) -> BoxFuture<'a, RemoteResult<Reads>>;
    /// The page of the change feed after a place; changes at the places `have` come without their documents.
    fn changes<'a>(&'a self, project: &'a ProjectId, after: &'a FeedPlace, have: &'a [i64]) -> BoxFuture<'a, RemoteResult<ChangePage>>;
    /// A change set as reviewed.
    fn change_set<'a>(&'a self, id: &'a ChangeSetId) -> BoxFuture<'a, RemoteResult<ChangeSetDetail>>;
    /// Adds a comment; the same again gives the same answer.
    fn add_comment<'a>(&'a self, version: &'a VersionId, body: &'a AddComment) -> BoxFuture<'a, RemoteResult<Comment>>;
    /// Settles a comment, or opens it again.
    fn settle_comment<'a>(&'a self, comment: &'a CommentId, body: &'a SettleComment) -> BoxFuture<'a, RemoteResult<Comment>>;
    /// Sends a run of bytes to the store, with exactly the signed headers.
    fn put<'a>(&'a self, request: &'a SignedRequest, body: FileRange, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>>;
    /// Fetches a run of an object into `target`, going on after the bytes that are there already.
    fn fetch_range<'a>(&'a self, request: &'a SignedRequest, run: Run, target: &'a Path, progress: Progress<'a>) -> Fetching<'a>;
    /// Fetches an object from the store into `target`, going on after the bytes that are there already.
    fn fetch<'a>(&'a self, request: &'a SignedRequest, target: &'a Path, progress: Progress<'a>) -> BoxFuture<'a, RemoteResult<()>>;
}
