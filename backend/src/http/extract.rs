//! Taking requests apart: ids in paths, query parameters, JSON bodies and the session, each with a problem document when it is wrong.

use std::str::FromStr;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use collabtrack_protocol::problem::ErrorCode;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::{Error, not_found, refuse};
use crate::sessions::{self, Session};

/// The id in the path of a route with one parameter. What is not an id names nothing.
pub(super) struct Id<T>(pub(super) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        text.parse().map(Self).map_err(|_| not_found())
    }
}

/// The two ids in the path of a route with two parameters. What is not an id names nothing.
pub(super) struct Ids<A, B>(pub(super) A, pub(super) B);

impl<A: FromStr, B: FromStr, S: Send + Sync> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path((a, b)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        match (a.parse(), b.parse()) {
            (Ok(a), Ok(b)) => Ok(Self(a, b)),
            _ => Err(not_found()),
        }
    }
}

/// The id of a session or device in the path.
pub(super) struct Hex(pub(super) [u8; 16]);

impl<S: Send + Sync> FromRequestParts<S> for Hex {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        sessions::parse_id(&text).map(Self).ok_or_else(not_found)
    }
}

/// Query parameters.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Query(value) = Query::<T>::from_request_parts(parts, state).await.map_err(|error| {
            refuse(ErrorCode::BadRequest, format!("The parameters behind the ? are not as documented: {}.", error.body_text()))
        })?;
        Ok(Self(value))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(refuse(
                ErrorCode::BadRequest,
                "The body is not marked as JSON, so it was not read. Send content-type: application/json.",
            ));
        }
        let bytes = body(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// The raw bytes of a body, within the route's limit.
pub(super) async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            refuse(ErrorCode::TooLarge, "The request is larger than this address takes, so nothing was read. Send less at a time.")
        }
        _ => refuse(ErrorCode::BadRequest, "The body of the request did not arrive whole. Send it again."),
    })
}

/// Reads JSON. The NUL character is refused everywhere: no text of a person holds it, and the database cannot keep it.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let wrong =
        |why: String| refuse(ErrorCode::BadRequest, format!("The body is not of the documented form, so nothing was changed: {why}."));
    if bytes.windows(6).any(|window| window == b"\\u0000") {
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if holds_nul(&value) {
            return Err(wrong("a text holds the character NUL".to_owned()));
        }
    }
    serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(sessions::unauthorized()) };
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).filter(|token| token.starts_with("cts_"));
        sessions::look_up(&app.db, token.ok_or_else(sessions::unauthorized)?).await
    }
}
