//! The catalogue: reading it, CSV out, CSV in.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collabtrack_domain::catalogue::csv::Delimiter;
use collabtrack_domain::catalogue::csv::report::Answers;
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::id::ProjectId;
use collabtrack_protocol::catalogue::{Catalogue, ImportAnswer, ImportRequest};
use collabtrack_protocol::problem::ErrorCode;
use data_encoding::BASE64;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Id, Params, body, parse};
use crate::app::App;
use crate::catalogue::{self, CsvFile, ImportMode, Seen};
use crate::error::{Error, invalid, refuse};
use crate::sessions::Session;

/// Longest file name that the audit log keeps.
const MAX_FILE_NAME_CHARS: usize = 200;

/// Which state to read.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct At {
    /// Id of an earlier state; without it the current one.
    head: Option<String>,
}

/// The catalogue, with the columns this role may read.
#[utoipa::path(get, path = "/projects/{project}/catalogue", tag = "catalogue", security(("session" = [])), params(("project" = String, Path), At, ("If-None-Match" = Option<String>, Header, description = "`ETag` of an earlier answer: the same one is not sent again.")), responses((status = 200, body = Catalogue, headers(("ETag" = String, description = "Names this answer."))), (status = 304, description = "It is the one that was named.")))]
pub(super) async fn view(
    State(app): State<App>,
    session: Session,
    Id(project): Id<ProjectId>,
    Params(at): Params<At>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let head = at.head.as_deref().filter(|head| !head.is_empty());
    Ok(match catalogue::view(&app.db, &app.recent, &session, &project, head, known).await? {
        Seen::Same => StatusCode::NOT_MODIFIED.into_response(),
        Seen::Other(catalogue, None) => Json(catalogue).into_response(),
        Seen::Other(catalogue, Some(tag)) => ([(header::ETAG, tag)], Json(catalogue)).into_response(),
    })
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
}

/// What a CSV file would change; with `mode=draft` also a draft that proposes it. The body is the file, or JSON with the file and answers.
#[utoipa::path(post, path = "/projects/{project}/imports", tag = "catalogue", security(("session" = [])), params(("project" = String, Path), Import), request_body(content((String = "text/csv"), (ImportRequest = "application/json"))), responses((status = 200, body = ImportAnswer)))]
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
    // Who may not propose learns nothing from what a body is answered with.
    catalogue::check_import(&app.db, &session, &project).await?;
    let file = csv_file(request, &app).await?;
    catalogue::import(&app.db, &session, &project, table, mode, file).await.map(Json)
}

/// The file of an import, with its answers where it comes as JSON.
async fn csv_file(request: Request, app: &App) -> Result<CsvFile, Error> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let bytes = body(request, app).await?;
    if !is_json {
        return Ok(CsvFile { name: String::new(), bytes: bytes.to_vec(), answers: Answers::default() });
    }
    let asked: ImportRequest = parse(&bytes)?;
    drop(bytes);
    let answers = match asked.answers {
        serde_json::Value::Null => Answers::default(),
        given => serde_json::from_value(given)
            .map_err(|error| refuse(ErrorCode::BadRequest, format!("The answers are not of the documented form: {error}.")))?,
    };
    let bytes = BASE64.decode(asked.csv.as_bytes()).map_err(|_| invalid("/csv", "The file is not in base64, so it was not read."))?;
    Ok(CsvFile { name: asked.file_name.chars().take(MAX_FILE_NAME_CHARS).collect(), bytes, answers })
}

fn table(word: Option<&str>) -> Result<Table, Error> {
    Table::from_word(word.filter(|word| !word.is_empty()).unwrap_or("tracks"))
        .ok_or_else(|| invalid("table", "The table is tracks or splits."))
}
