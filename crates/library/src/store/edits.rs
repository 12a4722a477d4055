//! Edits of things that the server knows already, in the order they were made: durable before anything is sent.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_protocol::versions::EditVersion;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::{StoreError, StoreResult, parsed};

/// What was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Edit {
    /// A track got a name.
    Track {
        /// Track.
        track: TrackId,
        /// Its name.
        name: String,
        /// The name it had before.
        #[serde(default)]
        was: Option<String>,
    },
    /// A version got another note, kind or track.
    Version {
        /// Version.
        version: VersionId,
        /// What changes.
        edit: EditVersion,
    },
    /// A version went into the trash, or came back.
    Trash {
        /// Version.
        version: VersionId,
        /// Whether it went there.
        trashed: bool,
    },
}

impl Edit {
    fn subject(&self) -> String {
        match self {
            Self::Track { track, .. } => track.to_string(),
            Self::Version { version, .. } | Self::Trash { version, .. } => version.to_string(),
        }
    }
}

/// An edit on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: edits go out in this order.
    pub id: i64,
    /// Project.
    pub project: ProjectId,
    /// What was edited.
    pub edit: Edit,
    /// What only the user can mend.
    pub held: Option<String>,
}

/// Queues an edit.
pub async fn put(connection: &mut SqliteConnection, project: &ProjectId, edit: &Edit) -> StoreResult<()> {
    let body = serde_json::to_string(edit).unwrap_or_default();
    sqlx::query("INSERT INTO edit (project, subject, body) VALUES (?, ?, ?)")
        .bind(project.as_str())
        .bind(edit.subject())
        .bind(body)
        .execute(connection)
        .await?;
    Ok(())
}

/// Every edit on its way, in order.
pub async fn all(connection: &mut SqliteConnection) -> StoreResult<Vec<Entry>> {
    let rows: Vec<(i64, String, String, Option<String>)> =
        sqlx::query_as("SELECT id, project, body, held FROM edit ORDER BY id").fetch_all(connection).await?;
    rows.into_iter()
        .map(|(id, project, body, held)| {
            let edit =
                serde_json::from_str(&body).map_err(|_| StoreError::Corrupt { what: "an edit", text: body.chars().take(100).collect() })?;
            Ok(Entry { id, project: parsed("a project id", &project)?, edit, held })
        })
        .collect()
}

/// The edits of one thing that the server does not know yet, oldest first.
pub async fn of_subject(connection: &mut SqliteConnection, subject: &str) -> StoreResult<Vec<Edit>> {
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT body FROM edit WHERE subject = ? ORDER BY id").bind(subject).fetch_all(connection).await?;
    rows.iter()
        .map(|body| serde_json::from_str(body).map_err(|_| StoreError::Corrupt { what: "an edit", text: body.chars().take(100).collect() }))
        .collect()
}

/// The server has taken over an edit, or never will.
pub async fn done(connection: &mut SqliteConnection, id: i64) -> StoreResult<()> {
    sqlx::query("DELETE FROM edit WHERE id = ?").bind(id).execute(connection).await?;
    Ok(())
}

/// Holds an edit until the user mends something.
pub async fn hold(connection: &mut SqliteConnection, id: i64, held: &str) -> StoreResult<()> {
    sqlx::query("UPDATE edit SET held = ? WHERE id = ?").bind(held).bind(id).execute(connection).await?;
    Ok(())
}

/// Tries held edits again.
pub async fn release(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("UPDATE edit SET held = NULL, attempts = 0").execute(connection).await?;
    Ok(())
}
