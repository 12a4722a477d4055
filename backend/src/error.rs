//! What can go wrong in a request: a refusal with a stable code, or a failure of a part the server depends on. Turning it into an HTTP
//! answer is the business of [`crate::problem`].

use std::borrow::Cow;

use collabtrack_domain::id::AccountId;
use collabtrack_protocol::problem::{ErrorCode, FieldProblem};

use crate::blobs::BlobError;

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is refused; the caller can do something about it.
    #[error("{}", .0.detail)]
    Refused(Box<Refusal>),
    /// The database did not do what it was asked.
    #[error("the database did not answer as it should")]
    Database(#[source] sqlx::Error),
    /// The object store did not do what it was asked.
    #[error("the object store did not answer as it should")]
    Store(#[from] BlobError),
    /// Something this server wrote cannot be read back.
    #[error("stored {what} cannot be read back")]
    Damaged {
        /// What it is.
        what: &'static str,
    },
}

/// A refusal: a stable code, and words that say what happened, what it means for the music, and what to do.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Code a program branches on.
    pub code: ErrorCode,
    /// Words for the person.
    pub detail: Cow<'static, str>,
    /// Fields that are not acceptable.
    pub fields: Vec<FieldProblem>,
    /// Seconds to wait before trying again.
    pub retry_after_s: Option<u64>,
    /// Facts that the code documents.
    pub facts: Option<serde_json::Value>,
    /// Whose log counts it as a denied access.
    pub denied: Option<Box<Denied>>,
}

/// A denied access: who asked for what is not theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The chain that counts it: a project that may not even exist, or the site.
    pub chain: String,
    /// Who asked.
    pub actor: AccountId,
}

/// A refusal with a code and words.
pub fn refuse(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Error {
    Error::Refused(Box::new(Refusal { code, detail: detail.into(), fields: Vec::new(), retry_after_s: None, facts: None, denied: None }))
}

/// A value that is not acceptable, with the field it stands in.
pub fn invalid(field: &str, message: impl Into<String>) -> Error {
    let message = message.into();
    let detail = format!("Nothing was changed: {message}");
    let fields = vec![FieldProblem { field: field.to_owned(), message }];
    Error::Refused(Box::new(Refusal {
        code: ErrorCode::Invalid,
        detail: detail.into(),
        fields,
        retry_after_s: None,
        facts: None,
        denied: None,
    }))
}

/// The one answer for what is not there and for what belongs to others.
pub fn not_found() -> Error {
    refuse(
        ErrorCode::NotFound,
        "There is nothing here that you may see: it does not exist, or it belongs to a project you are not in. Check the address, or ask for an invitation.",
    )
}

impl Error {
    /// Adds facts to a refusal.
    #[must_use]
    pub fn with_facts(mut self, facts: serde_json::Value) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.facts = Some(facts);
        }
        self
    }

    /// Adds the seconds to wait to a refusal.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.retry_after_s = Some(seconds);
        }
        self
    }

    /// Has a refusal counted as a denied access in the log of `chain`.
    #[must_use]
    pub fn denied(mut self, chain: &str, actor: &AccountId) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.denied = Some(Box::new(Denied { chain: chain.to_owned(), actor: actor.clone() }));
        }
        self
    }

    /// Whether it is a refusal with that code.
    #[must_use]
    pub fn is(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }

    /// Whether the whole transaction may simply be tried again: a deadlock or a serialisation failure.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => matches!(error.code().as_deref(), Some("40001" | "40P01")),
            _ => false,
        }
    }
}

/// No connection became free in time, or a row stayed locked by others: a matter of waiting, not of a fault.
fn is_overload(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => error.code().as_deref() == Some("55P03"),
        _ => false,
    }
}

/// The one place where names of constraints become codes.
impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_overload(&error) {
            return refuse(
                ErrorCode::TooManyRequests,
                "The server has more to do at this moment than it can; nothing was changed. Your desktop keeps everything and tries again by itself.",
            )
            .retry_after_s(2);
        }
        let constraint = match &error {
            sqlx::Error::Database(database) => database.constraint().map(str::to_owned),
            _ => None,
        };
        match constraint.as_deref() {
            Some("account_email_key") => refuse(
                ErrorCode::AddressTaken,
                "An account with this e-mail address exists already, so no second one was made. Sign in with it instead.",
            ),
            Some("member_account_fkey") => not_found(),
            Some("member_pkey") => refuse(ErrorCode::AlreadyMember, "You are a member of this project already, so nothing was changed."),
            Some(
                "project_pkey" | "track_pkey" | "version_pkey" | "upload_pkey" | "change_set_pkey" | "comment_pkey" | "track_alias_pkey"
                | "version_alias_pkey",
            ) => id_taken(),
            Some("idempotent_answer_pkey") => refuse(
                ErrorCode::IdempotencyMismatch,
                "This idempotency key was used for another request at the same moment, so this one was not carried out. Use a new key.",
            ),
            Some("version_is_covered") => refuse(
                ErrorCode::RecipeInvalid,
                "The recipe does not rebuild every byte of the version's files, so the version stays announced. Send the recipe again.",
            ),
            _ => Self::Database(error),
        }
    }
}

/// An id that already stands for something else.
pub fn id_taken() -> Error {
    refuse(ErrorCode::IdTaken, "This id already stands for something else, so nothing was changed. Try again with a new id.")
}
