//! Whether the process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::error::Error;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

/// `GET /readyz`: the database answers and is up to date.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<serde_json::Value>, Error> {
    sqlx::query("select 1 from project limit 1").execute(&app.db).await?;
    Ok(Json(serde_json::json!({"status": "ok"})))
}
