//! Problem documents: how an [`Error`] reaches the client, with status, title and the request's id, and what goes to the log instead.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collabtrack_protocol::problem::{ErrorCode, Problem};

use crate::error::{Denied, Error, Refusal, refuse};

/// A refusal on its way to the outermost layer, which knows the request's id and writes the document.
#[derive(Debug, Clone)]
struct Pending(Refusal);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::Refused(refusal) => *refusal,
            failure => {
                tracing::error!(error = %chain(&failure), "a request failed");
                of_failure(&failure)
            }
        };
        let mut response = status(refusal.code).into_response();
        response.extensions_mut().insert(Pending(refusal));
        response
    }
}

/// A 5xx carries no internals: the log has them, under the same request id.
fn of_failure(failure: &Error) -> Refusal {
    let error = match failure {
        Error::Store(_) => refuse(
            ErrorCode::StoreUnavailable,
            "The store that keeps the audio files does not answer as it should. Nothing is lost; your desktop keeps its copy and tries again.",
        ),
        _ => refuse(
            ErrorCode::Internal,
            "Something went wrong on the server. Nothing was half-done; your desktop keeps its copy. Try again, and tell the operator the request id if it stays so.",
        ),
    };
    match error {
        Error::Refused(refusal) => *refusal,
        _ => unreachable!("refuse makes refusals"),
    }
}

/// The error and everything that caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

/// The denied access that an answer tells of, if it does.
pub(crate) fn denied(response: &Response) -> Option<Denied> {
    response.extensions().get::<Pending>().and_then(|pending| pending.0.denied.as_deref().cloned())
}

/// Turns any unsuccessful answer into a problem document: refusals of handlers, and what the framework says by itself.
pub(crate) fn document(response: Response, request_id: &str) -> Response {
    let code = response.status();
    if !(code.is_client_error() || code.is_server_error()) {
        return response;
    }
    let (mut parts, _body) = response.into_parts();
    let refusal = match parts.extensions.remove::<Pending>() {
        Some(Pending(refusal)) => refusal,
        None => of_framework(code),
    };
    let problem = Problem {
        kind: "about:blank".to_owned(),
        title: title(refusal.code).to_owned(),
        status: code.as_u16(),
        code: refusal.code,
        detail: refusal.detail.into_owned(),
        request_id: request_id.to_owned(),
        fields: refusal.fields,
        retry_after_s: refusal.retry_after_s,
        facts: refusal.facts,
    };
    let body = serde_json::to_vec(&problem).expect("a problem document holds only what JSON can write");
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(seconds) = refusal.retry_after_s {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if code == StatusCode::UNAUTHORIZED {
        parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    Response::from_parts(parts, Body::from(body))
}

fn of_framework(status: StatusCode) -> Refusal {
    let error = match status {
        StatusCode::NOT_FOUND => refuse(ErrorCode::NotFound, "The server has no such address. Check it against /api/v1/openapi.json."),
        StatusCode::METHOD_NOT_ALLOWED => {
            refuse(ErrorCode::BadRequest, "This address does not take this method. Check it against /api/v1/openapi.json.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            refuse(ErrorCode::TooLarge, "The request is larger than this address takes, so nothing was read. Send less at a time.")
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => {
            refuse(ErrorCode::Internal, "The server took too long and gave up; nothing was half-done. Try again in a moment.")
        }
        status if status.is_client_error() => refuse(ErrorCode::BadRequest, "The request is not of the documented form."),
        _ => return of_failure(&Error::Damaged { what: "answer" }),
    };
    match error {
        Error::Refused(refusal) => *refusal,
        _ => unreachable!("refuse makes refusals"),
    }
}

/// HTTP status of a code.
fn status(code: ErrorCode) -> StatusCode {
    use ErrorCode as C;
    match code {
        C::BadRequest => StatusCode::BAD_REQUEST,
        C::Unauthorized | C::WrongCredentials | C::SecondFactorNeeded | C::WrongSecondFactor => StatusCode::UNAUTHORIZED,
        C::Forbidden
        | C::SelfApproval
        | C::FieldForbidden
        | C::RegistrationClosed
        | C::StepUpRequired
        | C::SecondFactorRequired
        | C::AddressUnconfirmed => StatusCode::FORBIDDEN,
        C::NotFound => StatusCode::NOT_FOUND,
        C::IdTaken
        | C::LastOwner
        | C::AddressTaken
        | C::AlreadyMember
        | C::UploadGone
        | C::UploadIncomplete
        | C::ChecksumMismatch
        | C::ExtentGone
        | C::FeedDiverged
        | C::VersionIncomplete
        | C::RevisionChanged
        | C::EffectChanged
        | C::Conflict
        | C::SchemaMoved
        | C::AlreadyDecided => StatusCode::CONFLICT,
        C::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        C::TooLarge | C::TooManyOperations => StatusCode::PAYLOAD_TOO_LARGE,
        C::InvitationInvalid
        | C::CodeInvalid
        | C::Invalid
        | C::PasswordRefused
        | C::RecipeInvalid
        | C::InvalidAfterMerge
        | C::BaseMismatch
        | C::DuplicateOp
        | C::EmptyChangeSet
        | C::ResolutionMissing
        | C::ResolutionUnneeded
        | C::VersionMismatch
        | C::SchemaInvalid
        | C::CsvInvalid
        | C::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        C::StoreUnavailable | C::Recovering => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Short summary of a code.
fn title(code: ErrorCode) -> &'static str {
    use ErrorCode as C;
    match code {
        C::BadRequest => "Not of the documented form",
        C::Unauthorized => "Not signed in",
        C::WrongCredentials => "Address or password is wrong",
        C::SecondFactorNeeded => "Second factor missing",
        C::WrongSecondFactor => "Second factor is wrong",
        C::StepUpRequired => "Password needed again",
        C::SecondFactorRequired => "Second factor must be set up",
        C::AddressUnconfirmed => "Address not confirmed",
        C::CodeInvalid => "Code not valid",
        C::Forbidden => "Not allowed for your role",
        C::LastOwner => "Last owner",
        C::SelfApproval => "Somebody else approves your proposals",
        C::FieldForbidden => "Column not open to your role",
        C::NotFound => "Not there",
        C::IdTaken => "Id in use",
        C::AddressTaken => "Address in use",
        C::RegistrationClosed => "No registration",
        C::InvitationInvalid => "Invitation not valid",
        C::AlreadyMember => "Already a member",
        C::TooManyRequests => "Too many tries",
        C::TooLarge => "Too large",
        C::TooManyOperations => "Too many operations",
        C::Invalid => "A value is not acceptable",
        C::PasswordRefused => "Password not acceptable",
        C::ChecksumMismatch => "Stored bytes are not those announced",
        C::UploadGone => "Upload over",
        C::UploadIncomplete => "Parts missing",
        C::RecipeInvalid => "Recipe does not rebuild its files",
        C::ExtentGone => "Bytes not in the store",
        C::FeedDiverged => "Histories differ",
        C::VersionIncomplete => "Original not complete yet",
        C::RevisionChanged => "Proposal changed",
        C::EffectChanged => "Effect changed",
        C::Conflict => "Conflict",
        C::SchemaMoved => "Columns changed",
        C::AlreadyDecided => "Decided already",
        C::InvalidAfterMerge => "Result breaks a rule",
        C::BaseMismatch => "Other state than named",
        C::DuplicateOp => "Two operations on one cell",
        C::EmptyChangeSet => "Empty proposal",
        C::ResolutionMissing => "A conflict is not settled",
        C::ResolutionUnneeded => "No conflict to settle",
        C::VersionMismatch => "Not this version",
        C::SchemaInvalid => "Columns not acceptable",
        C::CsvInvalid => "CSV not readable",
        C::IdempotencyMismatch => "Key used for another request",
        C::StoreUnavailable => "Store unavailable",
        C::Recovering => "Server being restored",
        _ => "Server error",
    }
}
