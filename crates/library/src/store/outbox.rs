//! What still has to go to the server: per version the step that is already done, durably.

use collabtrack_domain::id::{ProjectId, TrackId, VersionId};
use collabtrack_domain::kind::Kind;
use collabtrack_protocol::versions::TrackClaim;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, SqliteConnection};

use super::{StoreResult, parsed};

/// The last thing done for a version on its way to the server; the confirmed ones are no longer here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Recorded; its preview is not made yet.
    Captured,
    /// The preview is made, or there is none and it is known why.
    PreviewReady,
    /// The store has the preview.
    PreviewSent,
    /// The server has given its number.
    Announced,
    /// An upload session for the original is open.
    OriginalSending,
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::PreviewReady => "preview_ready",
            Self::PreviewSent => "preview_sent",
            Self::Announced => "announced",
            Self::OriginalSending => "original_sending",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "preview_ready" => Self::PreviewReady,
            "preview_sent" => Self::PreviewSent,
            "announced" => Self::Announced,
            "original_sending" => Self::OriginalSending,
            _ => Self::Captured,
        }
    }
}

/// A version on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Version.
    pub version: VersionId,
    /// Project.
    pub project: ProjectId,
    /// Track, as text: only compared.
    pub track: String,
    /// Order of capture.
    pub order: i64,
    /// What is done.
    pub step: Step,
    /// Failures of the next step so far.
    pub attempts: u32,
    /// What only the user can mend.
    pub held: Option<String>,
    /// Whether the project belongs to a server.
    pub has_server: bool,
    /// Whether its tables were sent, or need not be.
    pub tables_done: bool,
    /// Whether it is in the trash, or on its way from there: nothing more of it is sent than its number needs.
    pub trashed: bool,
}

#[derive(FromRow)]
struct Row {
    version: String,
    project: String,
    track: String,
    capture_order: Option<i64>,
    step: String,
    attempts: i64,
    held: Option<String>,
    has_server: i64,
    tables_done: i64,
    trashed: i64,
}

/// Every version on its way, in order of capture.
pub async fn all(connection: &mut SqliteConnection) -> StoreResult<Vec<Entry>> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT o.version, v.project, v.track, v.capture_order, o.step, o.attempts, o.held, p.server IS NOT NULL AS has_server, \
         o.tables_done = 1 OR v.tables_sha256 IS NOT NULL AS tables_done, \
         v.state = 'trashed' OR EXISTS (SELECT 1 FROM edit e WHERE e.subject = v.id AND json_extract(e.body, '$.what') = 'trash') AS trashed \
         FROM outbox o JOIN version v ON v.id = o.version JOIN project p ON p.id = v.project ORDER BY v.capture_order, v.id",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Entry {
                version: parsed("a version id", &row.version)?,
                project: parsed("a project id", &row.project)?,
                track: row.track,
                order: row.capture_order.unwrap_or(0),
                step: Step::from_word(&row.step),
                attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
                held: row.held,
                has_server: row.has_server == 1,
                tables_done: row.tables_done == 1,
                trashed: row.trashed == 1,
            })
        })
        .collect()
}

/// Puts a version on its way, or back to an earlier step.
pub async fn put(connection: &mut SqliteConnection, version: &VersionId, step: Step) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO outbox (version, step) VALUES (?, ?) \
         ON CONFLICT (version) DO UPDATE SET step = excluded.step, attempts = 0, because = NULL, held = NULL",
    )
    .bind(version.as_str())
    .bind(step.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that a step is done; the next one starts without failures.
pub async fn advance(connection: &mut SqliteConnection, version: &VersionId, step: Step) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET step = ?, attempts = 0, because = NULL WHERE version = ?")
        .bind(step.as_str())
        .bind(version.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// What an announcement says that people may edit while nobody knows whether it arrived. It is told in the same words until it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Note.
    pub note: String,
    /// Kind.
    pub kind: Kind,
    /// Track, with its name.
    pub claim: TrackClaim,
}

/// Records what a version is announced with, before it is.
pub async fn set_announced(connection: &mut SqliteConnection, version: &VersionId, with: &Announced) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET announced = ? WHERE version = ?")
        .bind(serde_json::to_string(with).unwrap_or_default())
        .bind(version.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// What a version on its way was last announced with.
pub async fn announced(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<Option<Announced>> {
    let with: Option<Option<String>> =
        sqlx::query_scalar("SELECT announced FROM outbox WHERE version = ?").bind(version.as_str()).fetch_optional(connection).await?;
    Ok(with.flatten().and_then(|with| serde_json::from_str(&with).ok()))
}

/// The server refused an announcement: the next one says what is so then.
pub async fn forget_announced(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET announced = NULL WHERE version = ?").bind(version.as_str()).execute(connection).await?;
    Ok(())
}

/// The name under which a track was announced by a version that the server may know of.
pub async fn announced_name(connection: &mut SqliteConnection, track: &TrackId) -> StoreResult<Option<String>> {
    let all: Vec<String> = sqlx::query_scalar("SELECT announced FROM outbox WHERE announced IS NOT NULL").fetch_all(connection).await?;
    let claims = all.iter().filter_map(|with| serde_json::from_str::<Announced>(with).ok()).map(|with| with.claim);
    Ok(claims.filter(|claim| claim.id == *track).map(|claim| claim.name).next())
}

/// The step a version on its way is at; none when it is not on its way.
pub async fn step_of(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<Option<Step>> {
    let word: Option<String> =
        sqlx::query_scalar("SELECT step FROM outbox WHERE version = ?").bind(version.as_str()).fetch_optional(connection).await?;
    Ok(word.as_deref().map(Step::from_word))
}

/// Records that the tables of a version were sent, or need not or cannot be.
pub async fn set_tables_done(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET tables_done = 1 WHERE version = ?").bind(version.as_str()).execute(connection).await?;
    Ok(())
}

/// Records that the server confirmed everything.
pub async fn confirm(connection: &mut SqliteConnection, version: &VersionId) -> StoreResult<()> {
    sqlx::query("DELETE FROM outbox WHERE version = ?").bind(version.as_str()).execute(connection).await?;
    Ok(())
}

/// Counts a failure; the reason is shown after several.
pub async fn fail(connection: &mut SqliteConnection, version: &VersionId, because: &str) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET attempts = attempts + 1, because = ? WHERE version = ?")
        .bind(because)
        .bind(version.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Holds a version until the user mends something.
pub async fn hold(connection: &mut SqliteConnection, version: &VersionId, held: &str) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET held = ? WHERE version = ?").bind(held).bind(version.as_str()).execute(connection).await?;
    Ok(())
}

/// Tries held versions again, such as after signing in or by the user's wish.
pub async fn release(connection: &mut SqliteConnection) -> StoreResult<()> {
    sqlx::query("UPDATE outbox SET held = NULL, attempts = 0, because = NULL").execute(connection).await?;
    Ok(())
}
