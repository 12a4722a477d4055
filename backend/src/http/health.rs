//! Whether the process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::error::Error;
use crate::recovery;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<serde_json::Value> {
    Json(serde_json::json!({"status": "ok"}))
}

/// `GET /readyz`: the database answers and is up to date. A server that waits to be rebuilt says so; it can be read from and signed in to,
/// so it is not to be taken out of reach.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<serde_json::Value>, Error> {
    sqlx::query("select 1 from project limit 1").execute(&app.db).await?;
    if recovery::is_recovering(&app.db).await? {
        let detail = format!("The bucket knows more than the database, so no changes are taken. Run `{}`.", recovery::COMMAND);
        return Ok(Json(serde_json::json!({"status": "recovering", "detail": detail})));
    }
    Ok(Json(serde_json::json!({"status": "ok"})))
}
