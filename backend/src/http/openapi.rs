//! The description of the API, OpenAPI 3.1, generated from the handlers. Every operation gets the statuses it may refuse with, each with a
//! problem document.

use axum::Json;
use axum::response::IntoResponse;
use collabtrack_protocol::problem::Problem;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response, ServerBuilder};
use utoipa::{PartialSchema, ToSchema};

/// Title, version and address; the operations come from the routes.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("CollabTrack")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Version control, listening and approval for music. Errors are problem documents (RFC 9457) with a stable `code`.",
        ))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    OpenApiBuilder::new().info(info).servers(Some([ServerBuilder::new().url("/api/v1").build()])).build()
}

/// Adds what all operations share.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), Problem::schema());
    let mut shared = Vec::new();
    Problem::schemas(&mut shared);
    components.schemas.extend(shared);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A session token, `cts_…`.")).build();
    components.add_security_scheme("session", SecurityScheme::Http(bearer));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            for (status, when) in refusals(operation) {
                let mut problem = Response::new(when);
                let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
                problem.content.insert("application/problem+json".to_owned(), RefOr::T(content));
                operation.responses.responses.insert(status.to_owned(), RefOr::T(problem));
            }
        }
    }
    document
}

/// The statuses an operation may refuse with, and when.
fn refusals(operation: &Operation) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("400", "The request is not of the documented form."),
        ("429", "Too many tries or requests; `retry_after_s` says how long to wait."),
        ("503", "The store does not answer, the server took too long, or it was restored from a backup and takes no changes yet."),
    ];
    if operation.security.is_some() {
        all.push(("404", "Not there, or not yours."));
    }
    if operation.security.is_some() || operation.request_body.is_some() {
        all.extend([
            ("401", "Not signed in, or what was given proves nothing."),
            ("403", "Not allowed, not yet, or not without the password again."),
            ("409", "Another state than the request supposes."),
            ("422", "A value is not acceptable."),
        ]);
    }
    if operation.request_body.is_some() {
        all.push(("413", "The body is larger than this address takes."));
    }
    all
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Method and path as one word: stable, and its own for every operation.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// `GET /api/v1/openapi.json`.
pub(super) async fn answer(document: OpenApi) -> impl IntoResponse {
    Json(document)
}
