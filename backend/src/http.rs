//! The HTTP API: every route, and what lies around all of them. Handlers extract, authorise through the nouns, and answer.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Extensions, HeaderMap, StatusCode, Version, header};
use axum::middleware;
use collabtrack_protocol::limits::{MAX_AUTH_BODY_BYTES, MAX_IMPORT_BODY_BYTES, MAX_JSON_BODY_BYTES, MAX_REVISION_BYTES};
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

mod accounts;
mod around;
mod audit;
mod catalogue;
mod change_sets;
mod changes;
mod comments;
mod events;
mod export;
mod extract;
mod health;
mod invitations;
mod links;
mod members;
pub mod openapi;
mod projects;
mod sessions;
mod site;
mod uploads;
mod versions;

/// Recipes and announcements of versions with many files are larger than other bodies.
const MAX_VERSION_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Answers below this many bytes go out as they are.
const WORTH_PACKING_BYTES: u64 = 400;
/// How hard the packing tries, of 9: a large catalogue must not wait for it.
const PACKING_LEVEL: i32 = 5;
const TIMEOUT: Duration = Duration::from_secs(60);

/// Every route below `/api/v1`, with its description.
fn api() -> OpenApiRouter<App> {
    let small = OpenApiRouter::new()
        .routes(routes!(accounts::register))
        .routes(routes!(accounts::sign_in))
        .routes(routes!(accounts::sign_out))
        .routes(routes!(accounts::step_up))
        .routes(routes!(accounts::rotate))
        .routes(routes!(accounts::password))
        .routes(routes!(accounts::reset))
        .routes(routes!(accounts::request_reset))
        .routes(routes!(accounts::confirm_registration))
        .routes(routes!(accounts::change_address))
        .routes(routes!(accounts::confirm_address))
        .routes(routes!(accounts::setup))
        .routes(routes!(accounts::totp_begin, accounts::totp_off))
        .routes(routes!(accounts::totp_confirm))
        .routes(routes!(accounts::recovery_codes))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::devices))
        .routes(routes!(sessions::forget))
        .routes(routes!(sessions::generation))
        .routes(routes!(sessions::keys, sessions::add_key))
        .routes(routes!(sessions::revoke_key))
        .routes(routes!(members::change_role, members::remove))
        .routes(routes!(members::transfer))
        .routes(routes!(members::policies, members::set_policies))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::reissue))
        .routes(routes!(invitations::revoke))
        .routes(routes!(site::accounts))
        .routes(routes!(site::disable))
        .routes(routes!(site::enable))
        .routes(routes!(site::reset_code))
        .routes(routes!(site::appoint, site::demote))
        .routes(routes!(site::projects))
        .routes(routes!(site::log))
        .routes(routes!(accounts::log))
        .routes(routes!(invitations::look))
        .routes(routes!(invitations::accept))
        .layer(DefaultBodyLimit::max(MAX_AUTH_BODY_BYTES));
    let large = OpenApiRouter::new()
        .routes(routes!(versions::announce))
        .routes(routes!(versions::commit))
        .layer(DefaultBodyLimit::max(MAX_VERSION_BODY_BYTES));
    let revisions = OpenApiRouter::new()
        .routes(routes!(change_sets::list, change_sets::propose))
        .routes(routes!(change_sets::revise))
        .layer(DefaultBodyLimit::max(MAX_REVISION_BYTES));
    let csv = OpenApiRouter::new().routes(routes!(catalogue::import)).layer(DefaultBodyLimit::max(MAX_IMPORT_BODY_BYTES));
    let rest = OpenApiRouter::new()
        .routes(routes!(accounts::server))
        .routes(routes!(accounts::account, accounts::delete_account))
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::view))
        .routes(routes!(projects::trash))
        .routes(routes!(projects::restore))
        .routes(routes!(projects::trashed))
        .routes(routes!(uploads::create))
        .routes(routes!(uploads::view))
        .routes(routes!(uploads::urls))
        .routes(routes!(uploads::complete))
        .routes(routes!(versions::reads))
        .routes(routes!(versions::tables))
        .routes(routes!(versions::files))
        .routes(routes!(versions::trash))
        .routes(routes!(versions::restore))
        .routes(routes!(versions::damage))
        .routes(routes!(versions::edit))
        .routes(routes!(versions::edit_track))
        .routes(routes!(changes::page))
        .routes(routes!(events::events))
        .routes(routes!(catalogue::view))
        .routes(routes!(catalogue::schema))
        .routes(routes!(catalogue::export))
        .routes(routes!(export::project))
        .routes(routes!(export::everything))
        .routes(routes!(change_sets::detail))
        .routes(routes!(change_sets::revision))
        .routes(routes!(change_sets::submit))
        .routes(routes!(change_sets::withdraw))
        .routes(routes!(change_sets::approve))
        .routes(routes!(change_sets::reject))
        .routes(routes!(change_sets::ask))
        .routes(routes!(change_sets::split))
        .routes(routes!(change_sets::resolve))
        .routes(routes!(change_sets::revert))
        .routes(routes!(comments::add))
        .routes(routes!(comments::settle))
        .routes(routes!(audit::page))
        .layer(DefaultBodyLimit::max(MAX_JSON_BODY_BYTES));
    // What travels often or is large is packed. Answers about accounts are not: they hold secrets, and the length of what is packed would
    // tell of them.
    let worth = SizeAbove::new(WORTH_PACKING_BYTES).and(is_packed);
    let packing = CompressionLayer::new().quality(CompressionLevel::Precise(PACKING_LEVEL)).compress_when(worth);
    let packed = OpenApiRouter::new().merge(large).merge(revisions).merge(csv).merge(rest).layer(packing);
    // Bodies of requests are unpacked before the limits of their routes look at them.
    OpenApiRouter::with_openapi(openapi::head()).merge(small).merge(packed).layer(RequestDecompressionLayer::new())
}

/// Whether an answer is packed for whoever takes it so: files and streams go out as they are.
fn is_packed(status: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    status.is_success() && kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// The service as one router.
pub fn router(app: App) -> Router {
    let (api, document) = api().split_for_parts();
    let document = openapi::finish(document);
    let around = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(app.clone(), around::request))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT));
    Router::new()
        .nest("/api/v1", api.route("/openapi.json", axum::routing::get(move || openapi::answer(document.clone()))))
        .route("/join", axum::routing::get(links::page))
        .route("/reset", axum::routing::get(links::page))
        .route("/confirm", axum::routing::get(links::page))
        .route("/healthz", axum::routing::get(health::alive))
        .route("/readyz", axum::routing::get(health::ready))
        .layer(around)
        .with_state(app)
}

/// The API's description.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    openapi::finish(api().split_for_parts().1)
}
