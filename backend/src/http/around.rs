//! What lies around every request: an id, a line in the log, problem documents, security headers, and a panic that stays one request's.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use crate::app::App;
use crate::audit::pending;
use crate::client::Client;
use crate::{problem, random, recovery};

/// Header that carries the request's id back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Headers that keep a browser from doing anything with an answer; the only pages here are bare text.
const NO_PAGE: [(HeaderName, &str); 4] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
/// The longest address a request may have, in bytes.
const MAX_URI_BYTES: usize = 32 * 1024;

/// The refusal of a request from a block of addresses that sends too many.
fn flooded(app: &App, request: &Request) -> Option<Response> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let client = Client::behind(peer.ip(), request.headers(), &app.service.trusted_proxies);
    app.limits.check(&client).err().map(IntoResponse::into_response)
}

/// Wraps one request. The log gets the route's pattern, never the address itself, which may hold what must not be logged.
pub(super) async fn request(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = random::hex64();
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(no route)", MatchedPath::as_str).to_owned();
    let by_token = request.headers().contains_key(header::AUTHORIZATION);
    let span = tracing::info_span!("request", request.id = %id, http.method = %method, http.route = %route);
    let too_long = request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > MAX_URI_BYTES);
    let answered = async {
        if too_long {
            return StatusCode::URI_TOO_LONG.into_response();
        }
        if let Some(refused) = flooded(&app, &request) {
            return refused;
        }
        if let Err(refused) = recovery::check(&app.db, &method, &route).await {
            return refused.into_response();
        }
        match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                tracing::error!("a request ended in a panic");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
    .instrument(span.clone())
    .await;
    if let Some(denied) = problem::denied(&answered)
        && let Err(error) = pending::note_denied(&app.db, &denied).await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "a denied access could not be counted");
    }
    let mut response = problem::document(answered, &id);
    span.in_scope(|| {
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(http.status = status, duration_ms, "{method} {route} answered {status}");
    });
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What a token was sent for is never a page: no link, frame, image or form of a browser carries one, and a script of another origin
    // may not, as there are no CORS headers. It travels often; everything else says that a browser may do nothing with it.
    if !by_token {
        for (name, value) in NO_PAGE {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let is_https = app.service.tls.is_some() || app.service.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
