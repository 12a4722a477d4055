//! Comments on versions, and which parts of one were heard.

use collabtrack_domain::id::{CommentId, TrackId, VersionId};
use collabtrack_library::view::{CommentView, HeardView};
use tauri::State;

use crate::app::App;
use crate::error::CommandResult;

/// The comments on every version of a track.
#[tauri::command]
pub(crate) async fn comments(app: State<'_, App>, track: String) -> CommandResult<Vec<CommentView>> {
    Ok(app.library.comments(&TrackId::parse(&track)?).await?)
}

/// Writes a comment at a point or over a range of a version.
#[tauri::command]
pub(crate) async fn add_comment(
    app: State<'_, App>,
    version: String,
    from_ms: i64,
    to_ms: Option<i64>,
    text: String,
    reply_to: Option<String>,
) -> CommandResult<CommentView> {
    let reply_to = reply_to.as_deref().map(CommentId::parse).transpose()?;
    Ok(app.library.add_comment(&VersionId::parse(&version)?, from_ms, to_ms, &text, reply_to.as_ref()).await?)
}

/// Settles a comment, or opens it again.
#[tauri::command]
pub(crate) async fn settle_comment(app: State<'_, App>, comment: String, resolved: bool) -> CommandResult<CommentView> {
    Ok(app.library.settle_comment(&CommentId::parse(&comment)?, resolved).await?)
}

/// Which parts of a version were heard on this computer.
#[tauri::command]
pub(crate) async fn heard(app: State<'_, App>, version: String) -> CommandResult<HeardView> {
    Ok(app.library.heard_parts(&VersionId::parse(&version)?).await?)
}
