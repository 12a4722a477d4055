//! The catalogue: reading it, CSV out, CSV in.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::catalogue::csv::report::Answers;
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::catalogue::{Catalogue, ImportAnswer};
use collabtrack_protocol::problem::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Id, Params, body};
use crate::app::App;
use crate::catalogue::{self, ImportMode};
use crate::error::{Error, invalid, refuse};
use crate::sessions::Session;

/// Which state to read.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// Id of an earlier state; without it the current one.
    head: Option<String>,
}

/// The catalogue, with the columns this role may read.
#[utoipa::path(get, path = "/projects/{project}/catalogue", tag = "catalogue", security(("session" = [])), params(("project" = String, Path), At), responses((status = 200, body = Catalogue)))]
pub(super) async fn view(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(at): Params<At>,
) -> Result<Json<Catalogue>, Error> {
    catalogue::view(&app.db, &session, &project, at.head.as_deref().filter(|head| !head.is_empty())).await.map(Json)
}

/// The column schema document.
#[utoipa::path(get, path = "/projects/{project}/schema", tag = "catalogue", security(("session" = [])), params(("project" = String, Path)), responses((status = 200, body = Object)))]
pub(super) async fn schema(State(app): State<App>, session: Session, Id(project): Id<ProjectId>) -> Result<Json<serde_json::Value>, Error> {
    catalogue::schema(&app.db, &session, &project).await.map(Json)
}

/// What to export.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Export {
    /// `tracks` or `splits`.
    table: Option<String>,
    /// `comma` or `semicolon`.
    delimiter: Option<String>,
}

/// One table as CSV for any spreadsheet.
#[utoipa::path(get, path = "/projects/{project}/catalogue.csv", tag = "catalogue", security(("session" = [])), params(("project" = String, Path), Export), responses((status = 200, body = String, content_type = "text/csv")))]
pub(super) async fn export(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(wanted): Params<Export>,
) -> Result<Response, Error> {
    let table = table(wanted.table.as_deref())?;
    let delimiter = match wanted.delimiter.as_deref() {
        None | Some("" | "comma" | ",") => Delimiter::Comma,
        Some("semicolon" | ";") => Delimiter::Semicolon,
        Some(_) => return Err(invalid("delimiter", "The delimiter is comma or semicolon.")),
    };
    let bytes = catalogue::export(&app.db, &session, &project, table, delimiter).await?;
    let name = format!("attachment; filename=\"{}.csv\"", table.as_str());
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// How to import.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Import {
    /// `tracks` or `splits`.
    table: Option<String>,
    /// `preview` writes nothing; `draft` also makes a draft change set if nothing blocks.
    mode: Option<String>,
    /// Answers to the questions of an earlier report, as JSON.
    answers: Option<String>,
}

/// What a CSV file would change; with `mode=draft` also a draft that proposes it.
#[utoipa::path(post, path = "/projects/{project}/imports", tag = "catalogue", security(("session" = [])), params(("project" = String, Path), Import), request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportAnswer)))]
pub(super) async fn import(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(wanted): Params<Import>,
    request: Request,
) -> Result<Json<ImportAnswer>, Error> {
    let table = table(wanted.table.as_deref())?;
    let mode = match wanted.mode.as_deref() {
        None | Some("" | "preview") => ImportMode::Preview,
        Some("draft") => ImportMode::Draft,
        Some(_) => return Err(invalid("mode", "The mode is preview or draft.")),
    };
    let answers: Answers = match wanted.answers.as_deref() {
        None | Some("") => Answers::default(),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| refuse(ErrorCode::BadRequest, format!("The answers are not of the documented form: {error}.")))?,
    };
    let bytes = body(request, &app).await?.to_vec();
    catalogue::import(&app.db, &session, &project, table, mode, bytes, answers).await.map(Json)
}

fn table(word: Option<&str>) -> Result<Table, Error> {
    Table::from_word(word.filter(|word| !word.is_empty()).unwrap_or("tracks"))
        .ok_or_else(|| invalid("table", "The table is tracks or splits."))
}
