//! CSV files that are being looked at, with what was answered about them: one for each table of a project, until it is proposed or
//! thrown away.

use collabtrack_domain::catalogue::csv::report::Answers;
use collabtrack_domain::catalogue::schema::Table;
use collabtrack_domain::id::ProjectId;
use sqlx::SqliteConnection;

use super::{StoreError, StoreResult, parsed};

/// A file that is being looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its handle.
    pub import: String,
    /// Project.
    pub project: ProjectId,
    /// The table it is of.
    pub table: Table,
    /// Its name.
    pub file_name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// What was answered about it.
    pub answers: Answers,
}

/// Keeps a file in place of the one before of the same table.
pub async fn put(connection: &mut SqliteConnection, draft: &Draft) -> StoreResult<()> {
    sqlx::query(
        "INSERT INTO csv_draft (import, project, table_name, file_name, bytes, answers) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (project, table_name) DO UPDATE SET \
         import = excluded.import, file_name = excluded.file_name, bytes = excluded.bytes, answers = excluded.answers",
    )
    .bind(&draft.import)
    .bind(draft.project.as_str())
    .bind(draft.table.as_str())
    .bind(&draft.file_name)
    .bind(&draft.bytes)
    .bind(serde_json::to_string(&draft.answers).unwrap_or_default())
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what was answered about a file, if it is kept itself.
pub async fn answer(connection: &mut SqliteConnection, import: &str, answers: &Answers) -> StoreResult<()> {
    sqlx::query("UPDATE csv_draft SET answers = ? WHERE import = ?")
        .bind(serde_json::to_string(answers).unwrap_or_default())
        .bind(import)
        .execute(connection)
        .await?;
    Ok(())
}

type Stored = (String, String, String, String, Vec<u8>, String);

fn draft((import, project, table, file_name, bytes, answers): Stored) -> StoreResult<Draft> {
    let corrupt = |what: &'static str, text: &str| StoreError::Corrupt { what, text: text.chars().take(100).collect() };
    Ok(Draft {
        import,
        project: parsed("a project id", &project)?,
        table: Table::from_word(&table).ok_or_else(|| corrupt("a table", &table))?,
        file_name,
        bytes,
        answers: serde_json::from_str(&answers).map_err(|_| corrupt("answers", &answers))?,
    })
}

/// The file with that handle.
pub async fn get(connection: &mut SqliteConnection, import: &str) -> StoreResult<Option<Draft>> {
    let row: Option<Stored> =
        sqlx::query_as("SELECT import, project, table_name, file_name, bytes, answers FROM csv_draft WHERE import = ?")
            .bind(import)
            .fetch_optional(connection)
            .await?;
    row.map(draft).transpose()
}

/// The file that is being looked at for a table.
pub async fn of_table(connection: &mut SqliteConnection, project: &ProjectId, table: Table) -> StoreResult<Option<Draft>> {
    let row: Option<Stored> =
        sqlx::query_as("SELECT import, project, table_name, file_name, bytes, answers FROM csv_draft WHERE project = ? AND table_name = ?")
            .bind(project.as_str())
            .bind(table.as_str())
            .fetch_optional(connection)
            .await?;
    row.map(draft).transpose()
}

/// It was proposed or thrown away.
pub async fn done(connection: &mut SqliteConnection, import: &str) -> StoreResult<()> {
    sqlx::query("DELETE FROM csv_draft WHERE import = ?").bind(import).execute(connection).await?;
    Ok(())
}
